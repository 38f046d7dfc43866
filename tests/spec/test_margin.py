"""What margin lets in and what it lets out."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import margin_math, positions
from clearway.spec.positions import MONEY_UNIT
from clearway.spec.refused import Refused
from clearway.spec.state import account_of
from clearway.spec.wad import WAD
from tests.spec.world import PARAMETERS, UNIT, Wish, World, closing

A, B = account_of(7), account_of(8)
RATIOS = st.integers(1, 2 * 10**17)
SLOPES = st.integers(0, 10**11)
# What the check allows for a meeting's roundings: 2 for the fee, and for the premium some thousand
# units, which pass one step of the grid at most.
ALLOWED = MONEY_UNIT + 2


def needed(world: World, account: int, ratio: int, slope: int, price: int) -> int:
    """Return a requirement of an account's position, each part rounded up from its fraction."""
    notional = positions.notional(world.size(account), price)
    linear = -(-notional * ratio // WAD)
    return linear + -(-(notional**2) * slope // WAD**2)


def initial(world: World, account: int) -> int:
    ratio, slope = PARAMETERS.initial_ratio, PARAMETERS.initial_slope
    return needed(world, account, ratio, slope, world.price[0])


def maintenance(world: World, account: int) -> int:
    ratio, slope = PARAMETERS.maintenance_ratio, PARAMETERS.maintenance_slope
    return needed(world, account, ratio, slope, world.price[0])


@given(st.integers(0, 10**36), st.integers(0, 10**36), RATIOS, SLOPES)
def test_a_requirement_grows_with_size_and_faster_than_size(one, other, ratio, slope):
    both = margin_math.requirement(one + other, ratio, slope)
    parts = [margin_math.requirement(notional, ratio, slope) for notional in (one, other)]
    assert both >= max(parts)
    # The parts are rounded up four times, the whole is at least exact.
    assert both > sum(parts) - 4


@given(
    size=st.integers(100, 60_000).map(lambda hundredths: hundredths * WAD // 100),
    sign=st.sampled_from([1, -1]),
    dollars=st.integers(100, 200_000),
    drift=st.integers(-30, 30),
)
def test_whoever_opens_is_not_below_maintenance_at_that_price_in_that_second(
    size, sign, dollars, drift
):
    world = World()
    world.deposit(A, dollars)
    price = (3000 + drift) * WAD
    limit = price + sign * 20 * WAD
    try:
        world.place(Wish(A, sign * size, limit))
    except Refused:
        return
    world.wait(2, price)
    if world.execute((A, 0)) == [""]:
        equity = world.market.equity(world.now, A, world.price)
        assert equity >= initial(world, A) > maintenance(world, A)


def test_the_most_that_can_be_opened_leaves_exactly_the_initial_margin_and_a_unit_more_fails():
    world = World()
    world.deposit(A, 1000)
    world.place(Wish(A, 6 * WAD, 3001 * WAD))
    world.wait(2)
    trial = world.market.copy()
    assert world.execute((A, 0)) == [""]
    spare = world.holder(A).margin - initial(world, A)
    world.market = trial
    world.market.accounts[A].margin -= spare - ALLOWED
    assert world.market.copy().execute(world.now, 9, 0, [(A, 0)]) == [""]
    world.market.accounts[A].margin -= ALLOWED + 1
    assert world.market.execute(world.now, 9, 0, [(A, 0)]) == ["insufficient margin"]


@given(
    sizes=st.tuples(st.integers(-20, 20), st.integers(-20, 20)),
    dollars=st.integers(5_000, 20_000),
    moves=st.tuples(st.integers(-300, 300), st.integers(-300, 300)),
    seconds=st.sampled_from([2, 3600, 86_400 * 3]),
)
def test_a_withdrawal_takes_all_that_is_free_and_leaves_the_initial_margin_without_profits(
    sizes, dollars, moves, seconds
):
    world = World(boards=(0, 1))
    world.deposit(A, dollars)
    for market, coins in enumerate(sizes):
        if coins:
            world.fill(Wish(A, coins * WAD), market=market)
    world.wait(seconds, *((3000 + move) * WAD for move in moves))
    taken = world.withdraw_all(A)
    backing, required = world.holder(A).margin, 0
    for market, position in world.holder(A).positions.items():
        state, price = world.market.accrued(market, world.now), world.price[market]
        due = positions.owed(position, state.index(position.size), price)
        backing += min(positions.result(position, price), 0) - max(due, 0)
        required += margin_math.requirement(
            positions.notional(position.size, price),
            PARAMETERS.initial_ratio,
            PARAMETERS.initial_slope,
        )
    assert backing >= required or taken == 0
    assert backing - required < world.market.scale  # nothing that a token unit could carry
    with pytest.raises(Refused, match="margin in use"):
        world.market.withdraw(world.now, 7, A, 1)


@given(rise=st.integers(0, 3000), seconds=st.sampled_from([2, 86_400]))
def test_an_open_profit_never_leaves(rise, seconds):
    world = World()
    world.deposit(A, 20_000)
    world.deposit(B, 20_000)
    assert world.fill(Wish(A, 20 * WAD)) == [""]
    before = world.market.free_margin(world.now, A)
    world.wait(seconds, (3000 + rise) * WAD)
    assert world.market.free_margin(world.now, A) <= before


def test_an_open_profit_backs_positions_at_its_ratio_and_no_more():
    world = World()
    world.deposit(A, 1000)
    assert world.fill(Wish(A, 5 * WAD)) == [""]
    world.now += 2
    world.report(3400 * WAD)
    world.place(Wish(A, WAD, 3401 * WAD))
    world.wait(2)
    trial = world.market.copy()
    assert world.execute((A, 0)) == [""]
    profit = positions.result(world.holder(A).positions[0], 3400 * WAD)
    assert profit > 1999 * WAD
    # Settling took the entry to its grid, against the trader.
    due = positions.owed(
        world.holder(A).positions[0], world.market.markets[0].index_long, 3400 * WAD
    )
    spare = world.holder(A).margin + profit // 2 - due - initial(world, A)
    world.market = trial
    world.market.accounts[A].margin -= spare - ALLOWED
    assert world.market.copy().execute(world.now, 9, 0, [(A, 0)]) == [""]
    world.market.accounts[A].margin -= ALLOWED + 1
    assert world.market.execute(world.now, 9, 0, [(A, 0)]) == ["insufficient margin"]


def test_an_account_without_positions_withdraws_everything_with_no_price_at_all():
    world = World()
    world.deposit(A, 1000)
    world.fill(Wish(A, 2 * WAD))
    world.fill(closing(A, -2 * WAD))
    left = world.holder(A).margin
    world.now += 10 * 365 * 86_400
    world.feed.newest.clear()
    taken = world.withdraw_all(A)
    assert left - taken < world.market.scale
    assert world.holder(A).margin == left - taken


def test_with_a_position_a_withdrawal_needs_a_price_of_the_last_seconds():
    world = World()
    world.deposit(A, 1000)
    world.fill(Wish(A, WAD))
    world.now += 12
    with pytest.raises(Refused, match="price stale"):
        world.withdraw_all(A)


def test_the_prices_of_a_withdrawal_are_of_one_second():
    world = World(boards=(0, 4))
    world.deposit(A, 10_000)
    for market in (0, 4):
        assert world.fill(Wish(A, WAD), market=market) == [""]
    world.now += 2
    del world.price[4]
    world.report()
    with pytest.raises(Refused, match="no report of that second"):
        world.withdraw_all(A)


@pytest.mark.parametrize("sender", [8, 0])
def test_nobody_else_withdraws_or_orders(sender):
    world = World()
    world.deposit(A, 1000)
    with pytest.raises(Refused, match="not the owner"):
        world.market.withdraw(world.now, sender, A, UNIT)
    with pytest.raises(Refused, match="not the owner"):
        world.market.place(world.now, sender, A, 0, 0, WAD, WAD, False, 0)


def test_two_accounts_of_one_owner_share_nothing():
    one, other = account_of(7, 0), account_of(7, 1)
    world = World()
    for account in (one, other):
        world.deposit(account, 1000)
    assert world.fill(Wish(one, 5 * WAD)) == [""]
    assert world.fill(closing(one, -5 * WAD), price=2000 * WAD) == [""]
    assert world.money(one) == 0
    assert world.money(other) == 1000 * WAD


def test_a_flip_needs_margin_and_pays_fees_for_both_its_parts():
    flipped, apart = World(), World()
    for world in (flipped, apart):
        world.deposit(A, 1000)
        assert world.fill(Wish(A, 2 * WAD)) == [""]
    for world in (flipped, apart):
        world.market.pool = replace(world.market.pool, rate_at_kink=0, rate_at_full=0)
        world.market.markets[0].borrowing_rate = 0
        world.market.markets[0].parameters = replace(PARAMETERS, max_velocity=0)
    assert flipped.fill(Wish(A, -4 * WAD)) == [""]
    assert apart.fill(closing(A, -2 * WAD)) == [""]
    assert apart.fill(Wish(A, -2 * WAD)) == [""]
    assert flipped.holder(A).positions == apart.holder(A).positions
    # Closing pays and opening pays. Done apart, fee and premium each are rounded up once more: a
    # unit, and less than two steps of the grid that both ways end on.
    assert 0 <= flipped.money(A) - apart.money(A) <= MONEY_UNIT + 1
    with pytest.raises(Refused, match="insufficient margin"):
        flipped.place(Wish(A, 10 * WAD, 3001 * WAD))
