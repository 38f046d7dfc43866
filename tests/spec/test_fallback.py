"""When no report comes: what reduces has a second way, and what increases simply ends."""

from dataclasses import replace

import pytest

from clearway.spec.batches import Schedule
from clearway.spec.refused import Refused
from clearway.spec.state import DELAY, REDUCE_WINDOW, SIGNED_WINDOW, Parameters, account_of
from clearway.spec.wad import WAD
from tests.spec.world import PARAMETERS, START, Wish, World, closing

A = account_of(7)
ROUND, DEVIATION = 2900 * WAD, 5 * 10**15


FREE = replace(PARAMETERS, schedule=Schedule(10**40, 1, 0, 0), max_velocity=0)


def held(coins: int, parameters: Parameters = PARAMETERS) -> World:
    """Return a market in which somebody holds a position and has ordered to close it."""
    world = World(parameters=parameters)
    world.deposit(A, 10_000)
    assert world.fill(Wish(A, coins * WAD)) == [""]
    world.place(closing(A, -coins * WAD))
    return world


def by_round(world: World, deviation: int = DEVIATION, slot: int = 0) -> str:
    return world.market.execute_by_round(world.now, 99, 0, A, slot, ROUND, deviation)


@pytest.mark.parametrize(("coins", "worse"), [(2, 2885.5), (-2, 2914.5)])
def test_a_round_fills_what_reduces_at_a_price_made_worse_for_it(coins, worse):
    exact, harmed = held(coins, FREE), held(coins, FREE)
    for world, deviation in ((exact, 0), (harmed, DEVIATION)):
        world.market.markets[0].borrowing_rate = 0
        world.now += SIGNED_WINDOW + 1
        assert by_round(world, deviation) == ""
        assert world.holder(A).positions == {}
    assert exact.money(A) - harmed.money(A) == 2 * abs(worse - 2900) * WAD


def test_a_round_counts_only_after_the_signed_window_and_before_the_last():
    world = held(2)
    start = world.now
    world.now = start + SIGNED_WINDOW
    with pytest.raises(Refused, match="report still counts"):
        by_round(world)
    world.now = start + REDUCE_WINDOW + 1
    with pytest.raises(Refused, match="order expired"):
        by_round(world)
    world.now = start + REDUCE_WINDOW
    assert by_round(world) == ""


def test_no_moment_is_without_a_way_until_the_order_can_be_cleared():
    world = held(2)
    start = world.now
    world.wait(DELAY)
    for second in (SIGNED_WINDOW, SIGNED_WINDOW + 1, REDUCE_WINDOW):
        world.now = start + second
        with pytest.raises(Refused, match="order still open"):
            world.market.clear(world.now, A, 0)
    world.now += 1
    world.market.clear(world.now, A, 0)


def test_a_round_never_fills_what_increases():
    world = World()
    world.deposit(A, 10_000)
    world.place(Wish(A, WAD))
    world.now += SIGNED_WINDOW + 1
    with pytest.raises(Refused, match="order doesn't reduce"):
        by_round(world)
    world.market.clear(world.now, A, 0)
    assert world.money(A) == 10_000 * WAD


def test_a_round_respects_the_limit_and_what_is_left_to_reduce():
    world = held(2)
    world.place(Wish(A, -2 * WAD, 2890 * WAD, True, slot=1))
    world.now += SIGNED_WINDOW + 1
    assert by_round(world, slot=1) == "price beyond limit"
    assert by_round(world) == ""
    world.place(closing(A, -2 * WAD))
    world.now += SIGNED_WINDOW + 1
    assert by_round(world) == "nothing to reduce"


def test_in_an_outage_nothing_that_increases_is_placed_and_what_reduces_is():
    world = World()
    world.deposit(A, 10_000)
    world.fill(Wish(A, WAD))
    world.report(ahead=60)
    with pytest.raises(Refused, match="chain's clock lags"):
        world.place(Wish(A, WAD))
    world.place(closing(A, -WAD))
    assert world.holder(A).orders[0].fills_at == world.now + 60 + DELAY
    world.now += 62
    world.report()
    with pytest.raises(Refused, match="in grace after an outage"):
        world.place(Wish(A, WAD, slot=1))
    assert world.execute((A, 0)) == [""]


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (Wish(A, 1), "size off its grid"),
        (Wish(A, WAD, keeper_fee=101 * WAD), "keeper's fee too high"),
        (Wish(A, WAD, keeper_fee=1), "keeper's fee off its grid"),
        (Wish(A, 100 * WAD), "insufficient margin"),
    ],
)
def test_what_can_not_be_ordered_is_refused_and_nothing_changes(wish, reason):
    world = World()
    world.deposit(A, 10_000)
    before = world.market.copy()
    with pytest.raises(Refused, match=reason):
        world.place(wish)
    assert world.market == before


def test_a_slot_holds_one_order():
    world = World()
    world.deposit(A, 10_000)
    world.place(Wish(A, WAD))
    with pytest.raises(Refused, match="slot in use"):
        world.place(Wish(A, WAD))


def test_a_batch_names_each_account_once_and_orders_of_one_report():
    world = World()
    world.deposit(A, 10_000)
    world.place(Wish(A, WAD))
    world.place(Wish(A, WAD, slot=1))
    world.now = START + 4
    world.report()
    world.place(Wish(account_of(8), WAD, is_reduce_only=True))
    world.now += 2
    world.report()
    with pytest.raises(Refused, match="accounts not sorted"):
        world.execute((A, 0), (A, 1))
    world.report(ahead=-4)
    with pytest.raises(Refused, match="order of another report"):
        world.execute((A, 0), (account_of(8), 0))
    with pytest.raises(Refused, match="empty batch"):
        world.execute()


def test_the_caps_hold_for_a_side_as_a_whole():
    world = World(100_000_000)
    accounts = [account_of(owner) for owner in (11, 12, 13, 14, 15, 16)]
    for account in accounts:
        world.deposit(account, 5 * 10**7)
    pairs = zip(accounts[::2], accounts[1::2], strict=True)
    for long, short in pairs:
        assert world.fill(Wish(long, 16_000 * WAD), Wish(short, -16_000 * WAD)) == ["", ""]
    assert world.fill(Wish(A := accounts[0], 2_001 * WAD, slot=1)) == ["open interest at its cap"]
    assert world.fill(Wish(A, 1_001 * WAD), Wish(accounts[2], 1_000 * WAD)) == ["stays", "stays"]
    assert world.fill(Wish(accounts[4], 2_000 * WAD, slot=2)) == [""]
