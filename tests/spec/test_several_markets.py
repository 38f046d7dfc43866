"""What an account does in one market costs it as much when its money is in another one.

A reduction is judged at its own market's price alone; what is open elsewhere may be no way around.
"""

from dataclasses import replace

import pytest

from clearway.spec.state import account_of
from clearway.spec.wad import WAD
from tests.spec.test_round_trips import STEADY
from tests.spec.world import POOL, SCHEDULE, Wish, World, closing

TRADER, OTHER = account_of(7), account_of(8)
BOUNDED = replace(STEADY, schedule=replace(SCHEDULE, premium_cap=4_200 * WAD), max_skew=4_200 * WAD)


@pytest.fixture
def world() -> World:
    """Return three markets in which time costs nothing, with a trader of 40,000 dollars."""
    world = World(boards=(0, 1, 2), parameters=BOUNDED)
    world.market.pool = replace(POOL, rate_at_kink=0, rate_at_full=0)
    world.deposit(TRADER, 40_000)
    world.deposit(OTHER, 10**6)
    return world


def equity(world: World) -> int:
    return world.market.equity(world.now, TRADER, world.price)


def test_a_close_pays_its_fees_out_of_what_is_won_in_another_market(world):
    """Else the opposite account would be paid its premium out of what others had paid."""
    for market in (0, 1, 2):
        assert world.fill(Wish(TRADER, 80 * WAD), market=market) == [""]
    world.wait(2, 3000 * WAD, 4000 * WAD, 2400 * WAD)
    assert world.fill(closing(TRADER, -80 * WAD), market=2) == [""]
    assert world.holder(TRADER).margin < 0 < equity(world) - 30_000 * WAD
    world.fill(Wish(OTHER, -500 * WAD))  # so that the close makes skew
    before, skew = equity(world), world.market.markets[0].skew
    assert world.fill(closing(TRADER, -80 * WAD)) == [""]
    premium = 3000 * ((skew - 80 * WAD) ** 2 - skew**2) // (2 * 300_000 * WAD)
    fee = 80 * 3000 * WAD * 6 // 10**4
    assert premium > 100 * WAD
    assert abs(before - equity(world) - fee - premium) < 10**10  # roundings and the money's grid
