import pytest

from tests.market.world import deploy


@pytest.fixture(scope="module")
def contracts():
    return deploy()
