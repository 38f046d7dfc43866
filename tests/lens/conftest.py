import pytest

from tests.market.world import deploy


@pytest.fixture(scope="session")
def contracts():
    return deploy()
