import pytest

from tests.feed.world import World


@pytest.fixture
def world() -> World:
    return World()
