import boa
import pytest

from tests.gateways.world import World, deploy
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
