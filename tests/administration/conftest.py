import pytest

from tests.administration.world import World


@pytest.fixture
def world() -> World:
    return World()
