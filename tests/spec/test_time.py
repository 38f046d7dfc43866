"""Time costs the same however often a market is touched, and in whatever parts a size is held."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clearway.spec import nav_math, positions
from clearway.spec.market import PerpetualMarket
from clearway.spec.state import RATE_UNIT, Market, account_of
from clearway.spec.wad import WAD
from tests.spec.world import PARAMETERS, POOL, START, Wish, World, closing, exactly

DAY = 86_400
CAP = PARAMETERS.funding_cap
A, B, PASSER = account_of(7), account_of(8), account_of(9)
RATES = st.integers(-CAP // RATE_UNIT, CAP // RATE_UNIT).map(lambda n: n * RATE_UNIT)
COINS = st.integers(0, 10**6).map(lambda n: n * WAD // 2)
WAITS = st.lists(st.integers(0, 2 * DAY), min_size=1, max_size=30)


def accrued(state: Market, *waits: int) -> Market:
    """Return a market after some time, touched after each wait."""
    market = PerpetualMarket(None, POOL, markets={0: state})  # type: ignore[arg-type]
    for wait in waits:
        market.markets[0] = market.accrued(0, market.markets[0].updated_at + wait)
    return market.markets[0]


@given(RATES, COINS, COINS, st.integers(0, 5 * 10**15), WAITS)
@example(CAP, WAD, 0, 1, [1] * 30)
def test_touching_a_market_often_moves_no_index_by_more_than_the_grid(
    rate, long, short, borrowing, waits
):
    """The rate is the index's slope, clamped, so an error in it never grows.

    Each touch takes the rate to its grid, less than RATE_UNIT, after a truncation of less than 1;
    so after all touches it is off by less than count * (RATE_UNIT + 1), and the index by that over
    the whole time, plus a floor per touch. Funding is as much on one side as it isn't on the other,
    so the sum of the indices is borrowing alone, which rounds each growth up.
    """
    state = Market(PARAMETERS, START, long, short, rate, borrowing_rate=borrowing)
    often, once = accrued(state, *waits), accrued(state, sum(waits))
    count = len(waits)
    drift = count * (RATE_UNIT + 1)
    assert abs(often.rate - once.rate) <= drift
    sides = (long >= short) + (short >= long)
    more = often.index_long + often.index_short - once.index_long - once.index_short
    assert 0 <= more <= (count - 1) * sides
    for side in ("index_long", "index_short"):
        difference = getattr(often, side) - getattr(once, side)
        assert -count <= difference + drift * exactly(sum(waits), DAY)
        assert difference <= drift * exactly(sum(waits), DAY) + count + more


@given(RATES, COINS, COINS, st.integers(0, 5 * 10**15))
def test_no_time_costs_nothing(rate, long, short, borrowing):
    state = Market(PARAMETERS, START, long, short, rate, borrowing_rate=borrowing)
    assert accrued(state, 0, 0, 0) == state


@given(RATES, COINS, COINS, WAITS)
def test_the_rate_keeps_its_cap_and_its_grid_and_borrowing_never_falls(rate, long, short, waits):
    state = Market(PARAMETERS, START, long, short, rate, borrowing_rate=10**15)
    after = accrued(state, *waits)
    assert abs(after.rate) <= CAP
    assert after.rate % RATE_UNIT == 0
    assert after.index_long + after.index_short >= 0


@given(RATES, COINS, COINS, WAITS)
def test_funding_mirrors_when_the_sides_change_places(rate, long, short, waits):
    state = Market(PARAMETERS, START, long, short, rate)
    mirror = Market(PARAMETERS, START, short, long, -rate)
    there, back = accrued(state, *waits), accrued(mirror, *waits)
    assert back.rate == -there.rate
    assert there.index_short == -there.index_long
    assert back.index_short == -back.index_long
    # Both are floored, once a touch.
    assert 0 <= -(there.index_long + back.index_long) <= len(waits)


def test_only_the_heavier_side_borrows_and_both_do_when_they_are_equal():
    for long, short in ((2, 1), (1, 2), (1, 1)):
        state = accrued(Market(PARAMETERS, START, long, short, borrowing_rate=WAD), DAY)
        assert (state.index_long, state.index_short) == (
            WAD * (long >= short),
            WAD * (short >= long),
        )


def skewed(borrows: bool = False) -> World:
    """Return a market with a skew, and somebody who passes by with dust.

    Unless asked for there is no borrowing: its rate follows the vault's cash, from touch to touch.
    """
    world = World()
    if not borrows:
        world.market.pool = replace(POOL, rate_at_kink=0, rate_at_full=0)
    for account in (A, B, PASSER):
        world.deposit(account, 1_000_000)
    assert world.fill(Wish(A, 1000 * WAD)) == [""]
    assert world.fill(Wish(B, -400 * WAD)) == [""]
    return world


def owes(world: World, account: int) -> int:
    position = world.holder(account).positions[0]
    state = world.market.accrued(0, world.now)
    return positions.owed(position, state.index(position.size), world.price[0])


def test_orders_of_others_that_fail_change_no_funding_beyond_the_grid():
    quiet, busy = skewed(), skewed()
    for _ in range(40):
        busy.now += 896
        busy.report()
        assert busy.fill(Wish(PASSER, WAD, 1)) == ["price beyond limit"]
    quiet.wait(busy.now - quiet.now)
    for account in (A, B):
        notional = exactly(abs(quiet.size(account)) * quiet.price[0], WAD)
        # The index: as above, for 40 touches in less than a day. The owed: two ceils.
        grid = 40 * (RATE_UNIT + 1) + 40
        difference = owes(busy, account) - owes(quiet, account)
        assert abs(difference) <= notional * grid / WAD + 1


def test_dust_that_others_open_and_close_changes_funding_by_no_more_than_its_own_skew():
    quiet, busy = skewed(), skewed()
    dust = WAD // 25
    for _ in range(20):
        busy.now += 1796
        assert busy.fill(Wish(PASSER, dust)) == [""]
        busy.now += 1796
        assert busy.fill(closing(PASSER, -dust)) == [""]
    quiet.wait(busy.now - quiet.now)
    days = exactly(busy.now - START, DAY)
    velocity = exactly(dust * PARAMETERS.max_velocity, PARAMETERS.schedule.skew_scale)
    # The dust stands in the skew for at most the whole time; the grid as before, for 40 touches.
    index = velocity * days**2 / 2 + (40 * (RATE_UNIT + 2)) * days + 40
    for account in (A, B):
        notional = exactly(abs(quiet.size(account)) * quiet.price[0], WAD)
        difference = owes(busy, account) - owes(quiet, account)
        assert abs(difference) <= notional * index / WAD + 1


@pytest.mark.parametrize("borrows", [False, True])
def test_what_the_sides_owe_each_other_leaves_the_vault_the_skews_share_and_borrowing(borrows):
    world = skewed(borrows)
    world.wait(10 * DAY)
    long, short = owes(world, A), owes(world, B)
    assert long > 0 > short
    state = world.market.accrued(0, world.now)
    funding, borrowing = -state.index_short, state.index_long + state.index_short
    assert (borrowing > 0) == borrows
    share = exactly(600 * WAD * world.price[0], WAD) * funding / WAD
    share += exactly(1000 * WAD * world.price[0], WAD) * borrowing / WAD
    # Two entries, each less than ENTRY_UNIT off against its trader; two ceils.
    dust = exactly(1400 * WAD * world.price[0], WAD) * positions.ENTRY_UNIT / WAD + 2
    entries = state.entry_sum * world.price[0] / exactly(WAD * WAD)
    assert 0 <= long + short - (share - entries) < 2
    assert abs(entries) <= dust + share
    due = nav_math.time_due(
        *(state.long, state.short, state.index_long, state.index_short),
        *(state.entry_sum, world.price[0]),
    )
    assert 0 <= long + short - due <= 2  # two ceils and a floor


def test_a_position_touched_by_its_own_dust_saves_no_more_than_the_rates_grid():
    """Settling early takes entries to their grid against the trader, every time."""
    paid = []
    for parts in (1, 20):
        world = skewed()
        assert world.fill(Wish(A, 10**9)) == [""]
        before = world.money(A)
        for _ in range(parts):
            world.now += 36_000 // parts - 2
            assert world.fill(Wish(A, -20 * 10**9 // parts)) == [""]
        paid.append(before - world.money(A))
    once, often = paid
    days = exactly(36_000, DAY)
    index = 20 * (RATE_UNIT + 1) * days + 20  # as for any touch
    sold = 20 * 10**9  # earlier than by the other: out of the skew, and out of what owes
    index += exactly(sold * PARAMETERS.max_velocity, PARAMETERS.schedule.skew_scale) * days**2 / 2
    assert often >= once - 1000 * 3000 * index - exactly(sold * 3000 * CAP, WAD) * days


def test_a_market_at_rest_for_ten_years_still_settles():
    world = World(10**8, (0,), replace(PARAMETERS, funding_cap=WAD // 10))
    world.deposit(A, 10**8)
    assert world.fill(Wish(A, 1000 * WAD)) == [""]
    world.wait(3652 * DAY)
    assert world.fill(closing(A, -1000 * WAD)) == [""]
    assert world.holder(A).positions == {}
    assert sum(world.market.buckets().values()) == world.market.held * world.market.scale
