"""What an account does in one market costs it as much when its money is in another one.

A reduction is judged at its own market's price alone; what is open or lost elsewhere may be no way
around its fees, nor out of the account.
"""

from dataclasses import replace

import pytest

from clearway.spec.state import account_of, owner_of
from clearway.spec.wad import WAD
from tests.spec.test_round_trips import STEADY
from tests.spec.world import POOL, SCHEDULE, Wish, World, closing

TRADER, OTHER, FRIEND = (account_of(owner) for owner in (7, 8, 9))
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


def test_an_owner_who_is_his_own_keeper_draws_nothing_out_of_what_keeps_him_healthy(world):
    """Reductions of what stands still must not pay out what is lost elsewhere already."""
    assert world.fill(Wish(TRADER, 80 * WAD)) == [""]
    assert world.fill(Wish(TRADER, 150 * WAD), market=1) == [""]
    world.wait(2, 3000 * WAD, 2852 * WAD)
    before = spare(world)
    assert 0 < before < 600 * WAD
    for _ in range(6):
        for slot in range(16):
            part = 7 * WAD // 10
            world.place(Wish(TRADER, -part, None, True, 100 * WAD, slot))
        world.wait(2)
        for slot in range(16):
            world.market.execute(world.now, owner_of(FRIEND), 0, [(TRADER, slot)])
    assert world.size(TRADER) == (800 - 6 * 16 * 7) * WAD // 10
    assert spare(world) >= before
    assert world.money(FRIEND) > 2_000 * WAD  # a keeper is still paid


def spare(world: World) -> int:
    """Return the equity above maintenance; quote wad."""
    return world.market.appraise(world.now, TRADER, world.price).spare
