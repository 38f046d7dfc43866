"""A market with keepers on a local network, shared by the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import starting
from tests.keeper.world import Market


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    home = tmp_path_factory.mktemp("keepers")
    with starting(home, profile="short") as world:
        yield Market(world, home)
