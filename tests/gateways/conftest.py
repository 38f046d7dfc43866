from collections.abc import Iterator

import boa
import pytest

from tests.gateways.stage import Deployed
from tests.gateways.world import World, deploy
from tests.integration.conftest import starting
from tests.vault.world import FOUNDER, UNIT


@pytest.fixture(scope="session")
def gateways():
    return deploy()


@pytest.fixture
def world(gateways):
    """A market with a vault of ten million, and a gateway on either side."""
    with boa.env.anchor():
        world = World(gateways)
        world.enter(FOUNDER, 10_000_000 * UNIT)
        yield world


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Both chains of a local network with everything on them; for tests that share it."""
    with starting(tmp_path_factory.mktemp("gateways")) as world:
        yield Deployed(world)
