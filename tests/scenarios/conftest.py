"""One local network and one deployment for all scenarios, each with people of its own."""

from collections.abc import Iterator

import pytest

from clearway.opstack import Deposits
from tests.integration.conftest import starting
from tests.integration.world import World
from tests.scenarios.adapter import FIRST_PRICES, Adapter
from tests.scenarios.cast import Actor
from tests.scenarios.play import UNIT, WAD, Books

VAULT = 1_000_000 * UNIT


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with starting(tmp_path_factory.mktemp("scenarios"), profile="short") as world:
        yield world


@pytest.fixture(scope="session")
def market(world: World) -> Adapter:
    """Everything deployed, and a provider's million in the vault."""
    adapter = Adapter.fresh(world, world.devnet.folder.path)
    founder = adapter.actor("founder")
    adapter.fund(founder, VAULT)
    adapter.lp_in(founder, VAULT)
    return adapter


@pytest.fixture
def scene(market: Adapter) -> Iterator[Adapter]:
    """The market as a scenario finds it: prices where they began, nobody of the last one left."""
    market.cast.actors.clear()
    for listed in market.system.deployment.markets:
        if market.price(listed.name) != FIRST_PRICES[listed.number]:
            market.set_price(listed.name, FIRST_PRICES[listed.number])
    yield market
    market.sequencer("up")


@pytest.fixture
def books(scene: Adapter) -> Books:
    return Books(scene)


@pytest.fixture
def anyone(scene: Adapter, books: Books) -> Actor:
    """Somebody without a role, who has gas on L2 and lets others' affairs go on."""
    actor = scene.actor("anyone")
    scene.arrive(Deposits(scene.world.rollup, actor.on_l1).eth(WAD))
    return actor
