"""The commands as `ape run` loads them, and a node that answers what a test tells it to."""

import contextlib
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.integration.conftest import starting
from tests.opstack.fakes import Server

if TYPE_CHECKING:
    from tests.scripts.exchange import Exchange

ROOT = Path(__file__).resolve().parents[2]

Answer = Callable[[str], Any]


def load(script: str) -> click.Group:
    group: click.Group = runpy.run_path(str(ROOT / "scripts" / f"{script}.py"))["cli"]
    return group


@pytest.fixture
def run(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Run a command in an empty project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLEARWAY_L1_RPC", raising=False)
    monkeypatch.delenv("CLEARWAY_L2_RPC", raising=False)

    def invoke(script: str, *words: str, **environment: str) -> Result:
        runner = CliRunner(mix_stderr=False, env=environment)
        return runner.invoke(load(script), words)

    return invoke


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Exchange"]:
    """A deployment that tests share: each acts as people, or with accounts, of its own."""
    from tests.scripts.exchange import Exchange

    home = tmp_path_factory.mktemp("exchange")
    with starting(home, profile="short") as world:
        made = Exchange(world, home)
        yield made
        made.close()


@pytest.fixture
def node() -> Iterator[Callable[[Answer], str]]:
    """Start a node whose answers a function gives: a result, or bytes instead of any JSON."""
    with contextlib.ExitStack() as open_ones:

        def start(answer: Answer) -> str:
            def respond(asked: Any) -> Any:
                result = answer(asked["method"])
                reply = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
                return result if isinstance(result, bytes) else reply

            return open_ones.enter_context(Server(respond)).url

        yield start
