"""A market on a local network, shared by all tests of keepers that need one."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import starting
from tests.keeper.world import Market


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    home = tmp_path_factory.mktemp("keepers")
    with starting(home, profile="short") as world:
        yield Market(world, home)
