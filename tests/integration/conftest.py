"""Local networks for tests: on free ports, in folders of their own, stopped whatever happens."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clearway.devnet.devnet import Devnet
from clearway.devnet.folder import Settings
from tests.integration.world import World
from tests.ports import find_free_port

NewWorld = Callable[..., World]


@contextlib.contextmanager
def starting(folder: Path, **settings: Any) -> Iterator[World]:
    """Have a network in `folder` while the context is open."""
    devnet = Devnet(folder / "net")
    chosen = Settings(l1_port=find_free_port(), l2_port=find_free_port(), **settings)
    try:
        devnet.start(chosen)
        yield World(devnet, chosen, folder / "home")
    finally:
        devnet.discard()


@pytest.fixture
def free_port() -> int:
    return find_free_port()


@pytest.fixture
def new_world(tmp_path: Path) -> Iterator[NewWorld]:
    """Start networks with settings of one's own."""
    with contextlib.ExitStack() as open_ones:

        def start(name: str = "world", **settings: Any) -> World:
            return open_ones.enter_context(starting(tmp_path / name, **settings))

        yield start


@pytest.fixture
def world(new_world: NewWorld) -> World:
    """A network with the live chains' delays, for one test."""
    return new_world()


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A network for the tests of a module that leave it as it was."""
    with starting(tmp_path_factory.mktemp("shared")) as world:
        yield world
