import boa
import pytest

from tests.vault.world import deploy, world_of


@pytest.fixture(scope="module")
def contracts():
    return deploy()


@pytest.fixture
def world(contracts):
    """A vault over two markets of one board and one of another, each with an aggregator."""
    with boa.env.anchor():
        yield world_of(contracts)
