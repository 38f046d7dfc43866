"""Within its bounds no account needs liquidation: told by the model, for any prices and times."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.keeper import bounds as bounds_module
from clearway.keeper.bounds import Bounds, bounds
from clearway.keeper.endangered import Index
from clearway.spec import positions, wad
from clearway.spec.market import PerpetualMarket
from clearway.spec.positions import Position
from clearway.spec.price_feed import PriceFeed
from clearway.spec.state import DAY, Account, Market
from tests.market.world import ETH, POOL

NOW = 1_900_000_000
WAD = wad.WAD
ACCOUNT = 1 << 96

UNIT_SHARES = st.fractions(0, 1)
SIZES = st.integers(-(10**12), 10**12).filter(bool).map(lambda lots: lots * 10**9)
PRICES = st.integers(10**15, 10**23)
ENTRIES = st.integers(-WAD // 10, WAD // 10)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[PerpetualMarket, dict[int, int]]:
    """A model with one account that has some positions, and prices at which it is healthy."""
    feed = PriceFeed(tile_length=1, publishers=[], quorum=0, grace_period=0)
    model = PerpetualMarket(feed, POOL)
    prices, holder = {}, Account()
    for number in range(draw(st.integers(1, 3))):
        parameters = replace(ETH, maintenance_slope=draw(st.integers(0, 10**12)))
        state = Market(parameters, NOW)
        state.long, state.short = draw(st.integers(0, 10**22)), draw(st.integers(0, 10**22))
        state.rate = draw(st.integers(-ETH.funding_cap, ETH.funding_cap))
        state.borrowing_rate = draw(st.integers(0, POOL.rate_at_full))
        model.markets[number] = state
        size, prices[number] = draw(SIZES), draw(PRICES)
        cost = abs(size) * draw(PRICES) // WAD // 10**9 * 10**9
        holder.positions[number] = Position(size, cost, draw(ENTRIES) // 10**8 * 10**8)
    model.accounts[ACCOUNT] = holder
    holder.margin = draw(st.integers(0, 10**24)) - model.appraise(NOW, ACCOUNT, prices).spare
    return model, prices


def bounds_of(model: PerpetualMarket, prices: dict[int, int]) -> Bounds:
    found = model.appraise(NOW, ACCOUNT, prices)
    return bounds(model.accounts[ACCOUNT], found, prices, model.markets, model.pool, NOW)


@given(worlds(), st.data())
def test_within_its_bounds_an_account_is_healthy(
    world: tuple[PerpetualMarket, dict[int, int]], data: st.DataObject
) -> None:
    model, prices = world
    found = bounds_of(model, prices)
    corners = st.sampled_from([0, 1]) | UNIT_SHARES
    moved = {
        number: found.low[number]
        + int(data.draw(corners) * (found.high[number] - found.low[number]))
        for number in prices
    }
    later = NOW + int(data.draw(corners) * (found.until - NOW))
    if model.appraise(NOW, ACCOUNT, prices).spare == 0:
        assert found.until == NOW
        return
    assert model.appraise(later, ACCOUNT, moved).spare >= 0


SHARES = st.integers(0, 1_000)  # of what an account's positions are worth; thousandths


@given(worlds(), SHARES)
def test_what_a_price_may_take_is_counted_in_full(
    world: tuple[PerpetualMarket, dict[int, int]], share: int
) -> None:
    """At the worst prices within its bounds, with nothing kept for time."""
    model, prices = world
    holder = model.accounts[ACCOUNT]
    worth = sum(positions.notional(one.size, prices[n]) for n, one in holder.positions.items())
    holder.margin += worth * share // 1_000 - model.appraise(NOW, ACCOUNT, prices).spare
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds_module, "FOR_TIME", 10**30)
        found = bounds_of(model, prices)
    if all(found.low[number] == price for number, price in prices.items()):
        return
    worst = {
        number: found.low[number] if holder.positions[number].size > 0 else found.high[number]
        for number in prices
    }
    assert model.appraise(NOW, ACCOUNT, worst).spare >= 0
    higher = {number: found.high[number] for number in prices}
    assert model.appraise(NOW, ACCOUNT, higher).spare >= 0


@given(worlds())
def test_bounds_leave_room_where_there_is_something_to_spare(
    world: tuple[PerpetualMarket, dict[int, int]],
) -> None:
    """Else every account would be looked at all the time, and nothing be wrong."""
    model, prices = world
    found = bounds_of(model, prices)
    appraised = model.appraise(NOW, ACCOUNT, prices)
    worth = sum(
        abs(position.size) * prices[number] // WAD
        for number, position in model.accounts[ACCOUNT].positions.items()
    )
    needed = appraised.maintenance
    if appraised.spare * 10 < worth:
        return
    for number in prices:
        radius = (found.high[number] - prices[number]) * WAD // prices[number]
        # Nine tenths of a tenth, over all that may move with a price: once its worth, a tenth of
        # that by its index, and three times its maintenance.
        least = WAD * 9 // 100 * worth // (2 * worth + 4 * needed)
        assert radius >= min(least, WAD) - 10**6
    assert found.until >= NOW


PATHS = st.lists(st.tuples(st.integers(0, 1), st.integers(500, 2_000)), max_size=30)
PLACED = st.dictionaries(
    st.integers(1, 50),
    st.tuples(st.sets(st.integers(0, 1), min_size=1), st.integers(1, 300), st.integers(0, 100)),
    max_size=40,
)


@given(PLACED, PATHS)
def test_the_index_finds_just_those_whose_bounds_are_crossed(
    placed: dict[int, tuple[set[int], int, int]], path: list[tuple[int, int]]
) -> None:
    index, living = Index(), {}
    for account, (markets, width, lasts) in placed.items():
        for _ in range(2):  # the second time anew
            living[account] = Bounds(
                dict.fromkeys(markets, 1_000 - width), dict.fromkeys(markets, 1_000 + width), lasts
            )
            index.place(account, living[account])
    prices = {0: 1_000, 1: 1_000}
    for now, (market, price) in enumerate(path):
        prices[market] = price
        crossed = {
            account
            for account, one in living.items()
            if one.until < now
            or any(not one.low[number] <= prices[number] <= one.high[number] for number in one.low)
        }
        assert index.find(prices, now) == crossed
        for account in crossed:
            del living[account]
        assert len(index) == len(living)


def test_what_is_taken_out_isnt_found_and_the_dead_are_cleared_out() -> None:
    index = Index()
    for turn in range(2_000):
        index.place(turn % 10, Bounds({0: 900}, {0: 1_100}, DAY))
    assert len(index._times) < 200
    index.remove(3)
    assert index.find({0: 800}, 0) == {0, 1, 2, 4, 5, 6, 7, 8, 9}
