"""What a liquidation does to an account, to the last unit and against fractions."""

from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clearway.spec import batches, positions
from clearway.spec.positions import ENTRY_UNIT, MONEY_UNIT
from clearway.spec.refused import Refused
from clearway.spec.state import Appraisal, account_of, owner_of
from clearway.spec.wad import WAD
from tests.spec.world import (
    KEEPER,
    PARAMETERS,
    POOL,
    SCHEDULE,
    Wish,
    World,
    closing,
    exactly,
)

A, OTHER, WHALE = account_of(7), account_of(8), account_of(9)
BOARDS = (0, 1, 4)
CALM = replace(  # within the bounds of the contract: what closing costs is below maintenance
    PARAMETERS,
    schedule=replace(SCHEDULE, premium_cap=4_000 * WAD),
    max_skew=4_000 * WAD,
)
G = 1 + Fraction(POOL.buffer, WAD)


@dataclass
class Case(World):
    """A market in which somebody will be liquidated."""

    boards: tuple[int, ...] = BOARDS
    parameters: object = CALM

    def open(self, *coins: int, dollars: int = 1_000_000, skew: int = 0) -> "Case":
        """Let an account hold sizes in the first markets, behind a stranger's skew in each."""
        self.deposit(WHALE, 100_000_000)
        self.deposit(A, dollars)
        for market, size in zip(self.boards, coins, strict=False):
            if skew:
                assert self.fill(Wish(WHALE, skew * WAD), market=market) == [""]
            if size:
                assert self.fill(Wish(A, size * WAD), market=market) == [""]
        self.wait(2)
        return self

    def found(self, account: int = A) -> Appraisal:
        return self.market.appraise(self.now, account, self.price)

    def leave(self, spare: int, account: int = A) -> None:
        """Give an account this much above maintenance; the vault has the rest."""
        change = spare - self.found(account).spare
        self.market.accounts[account].margin += change
        self.market.cash -= change

    def liquidate(self, account: int = A, keeper: int = KEEPER, cost: int = 0) -> None:
        self.market.liquidate(self.now, owner_of(keeper), account, cost)

    @property
    def total(self) -> int:
        return sum(self.market.buckets().values())


def fraction_kept(found: Appraisal) -> Fraction:
    """Return the part to keep, between 0 and 1, to some 10^-30: by bisection of its equation."""

    def surplus(kept: Fraction) -> Fraction:
        needed = G * (found.linear * kept + found.quadratic * kept**2)
        return found.equity - found.penalty * (1 - kept) - needed

    low, high = Fraction(0), Fraction(1)
    if surplus(low) < 0:
        return low
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if surplus(middle) >= 0 else (low, middle)
    return low


def dust(world: Case) -> int:
    """Return by how much roundings may lower an account's spare in a liquidation.

    A market's entry goes down to its grid, cost and premium to theirs, and each of result, owed,
    worth, and the two parts of maintenance is rounded once more than before; what one unit of worth
    adds to the quadratic part is the slope's.
    """
    total = 1
    for market, position in world.holder(A).positions.items():
        worth = positions.notional(position.size, world.price[market])
        total += worth * ENTRY_UNIT // WAD + 3 * worth * CALM.maintenance_slope // WAD**2
        total += 2 * MONEY_UNIT + 10
    return total


SIZES = st.integers(-900, 900)
SPARES = st.integers(1, 10**6).map(lambda millionths: -millionths)


@st.composite
def falling(draw, skews=(0, 3_000, -3_000)):
    """Return a world whose account A is below maintenance, by up to all of it and a half more."""
    coins = [draw(SIZES) for _ in range(draw(st.integers(1, 3)))]
    assume(any(coins))
    world = Case(vault=100_000_000).open(*coins, skew=draw(st.sampled_from(skews)))
    part = draw(st.integers(1, 1000) | st.integers(1, 10**6) | st.integers(1, 1_500_000))
    world.leave(-max(world.found().maintenance * part // 10**6, 1))
    return world


# When


@pytest.mark.parametrize("coins", [(3,), (-700,), (100, -200, 40)])
def test_it_is_refused_at_maintenance_and_a_unit_above_and_done_a_unit_below(coins):
    world = Case().open(*coins)
    for spare in (1, 0):
        world.leave(spare)
        with pytest.raises(Refused, match="account healthy"):
            world.liquidate()
    world.leave(-1)
    world.liquidate()


def test_without_positions_there_is_nothing_to_liquidate_or_mark():
    world = Case()
    for act in (world.liquidate, lambda: world.market.mark(world.now, A)):
        with pytest.raises(Refused, match="no positions"):
            act()


def test_an_old_price_an_outage_and_the_grace_after_it_refuse():
    world = Case().open(100)
    world.leave(-WAD)
    world.now += 12
    with pytest.raises(Refused, match="price stale"):
        world.liquidate()
    world.report(ahead=60)
    with pytest.raises(Refused, match="chain's clock lags"):
        world.liquidate()
    world.now += 60
    with pytest.raises(Refused, match="in grace after an outage"):
        world.liquidate()
    world.wait(3_600)
    world.liquidate()


def test_all_markets_are_judged_at_one_second():
    world = Case().open(100, 0, 100)
    world.leave(-WAD)
    world.now += 2
    del world.price[4]
    world.report()
    with pytest.raises(Refused, match="no report of that second"):
        world.liquidate()


@given(falling(), st.integers(0, 10**21) | st.just(0), st.lists(st.integers(0, 6), max_size=8))
def test_nothing_that_is_done_in_one_block_makes_a_healthy_account_liquidatable(
    world, spare, deeds
):
    """Others' and its own trades, parked orders, marks, withdrawals, tries to liquidate it."""
    market = next(iter(world.holder(A).positions))
    half = -world.size(A, market) // 2 // 10**9 * 10**9
    with suppress(Refused):
        world.place(Wish(WHALE, 900 * WAD, slot=1), market)
        world.place(closing(A, half, slot=2), market)
        world.place(Wish(A, WAD, 1, slot=3), market)  # fails
    world.wait(2)
    world.leave(spare)
    acts = (
        lambda: world.execute((WHALE, 1), market=market),
        lambda: world.execute((A, 2), market=market),
        lambda: world.execute((A, 3), market=market),
        lambda: world.place(Wish(A, WAD // 1000, 10**6 * WAD, slot=4)),
        lambda: world.market.mark(world.now, A),
        lambda: world.withdraw_all(A),
        lambda: world.market.put_aside(1),
    )
    roundings = dust(world)  # of the own reduction
    for deed in deeds:
        with suppress(Refused):
            acts[deed]()
        if world.holder(A).positions:
            assert world.found().spare >= (-roundings if 1 in deeds else 0)


# How much


@given(falling(skews=(0,)))
def test_a_part_leaves_the_buffer_before_fees_and_premium_and_is_no_more_than_the_formula(world):
    """Each size goes up to its grid: so at most a lot more is closed than the exact fraction.

    The result's fraction is less than two units above the exact one (`test_liquidation_math`).
    """
    kept = fraction_kept(world.found())
    held = {market: one.size for market, one in world.holder(A).positions.items()}
    world.liquidate()
    for market, size in held.items():
        left = abs(world.size(A, market))
        if 2 * kept < 1 - Fraction(2, WAD):
            assert left == 0
        elif left:
            exact = kept * abs(size)
            assert exact - abs(size) * Fraction(2, WAD) - positions.SIZE_UNIT <= left <= exact
        else:
            assert kept * abs(size) * world.price[market] < CALM.min_notional * WAD + WAD * WAD
    if world.holder(A).positions and 2 * kept >= 1:
        paid = sum(exactly(abs(size) * world.price[m], WAD) for m, size in held.items())
        after = world.found()
        # What fees and premiums took is what the funds got; with none it is the buffer exactly.
        assert after.spare <= after.maintenance * (G - 1) + paid


@given(falling())
def test_what_stays_is_never_below_maintenance_after_all_payments(world):
    """So it can't be repeated at once: no keeper grinds an account down in one block."""
    world.liquidate()
    if world.holder(A).positions:
        assert world.found().spare >= 0
        with pytest.raises(Refused, match="account healthy"):
            world.liquidate()


@given(falling(), st.integers(0, 60))
def test_money_is_moved_and_never_made_and_others_are_not_touched(world, cost):
    before, was = world.total, world.market.copy()
    world.liquidate(cost=cost * WAD)
    assert world.total == before
    assert min(world.market.buckets().values()) >= 0
    for account in (WHALE,):
        assert world.market.accounts[account] == was.accounts[account]
    state = world.market.markets
    assert all(state[m].impact_reserve >= was.markets[m].impact_reserve for m in state)


@given(falling(skews=(0,)))
def test_the_penalty_never_exceeds_equity_and_no_payment_makes_a_shortfall(world):
    equity = world.found().equity
    world.liquidate()
    left = world.found().equity if world.holder(A).positions else world.holder(A).margin
    if equity >= 0:
        assert world.drawn() == 0
        assert 0 <= left <= equity
    else:
        assert world.holder(A).positions == {}
        assert left == 0


@pytest.mark.parametrize(("hundredths", "is_whole"), [(4, True), (5, False)])
def test_all_is_closed_where_dust_would_stay(hundredths, is_whole):
    """A quarter of 120 or 150 is closed; what stays must be worth 100."""
    world = Case()
    world.deposit(A, 20)
    assert world.fill(Wish(A, hundredths * WAD // 100)) == [""]
    world.wait(2)
    world.leave(-1)
    world.liquidate()
    assert (world.holder(A).positions == {}) == is_whole


# Once, and for all markets together


@pytest.mark.parametrize("coins", [(900,), (877, 333), (500, 300, 200)])
def test_after_a_gap_with_dear_premiums_it_still_cant_be_repeated_at_once(coins):
    """Fee and premium take all that they may; settling takes entries to their grid besides."""
    parts = 0
    for gap in range(10_000, 250_000, 2_919):
        world = Case(vault=100_000_000).open(*coins, skew=-3_900)
        world.leave(-world.found().maintenance * gap // 10**6)
        world.liquidate()
        if world.holder(A).positions:
            parts += 1
            after = world.found()
            # What was left for roundings is nearly untouched by them.
            assert after.spare * 2 * 10**5 > after.maintenance
            with pytest.raises(Refused, match="account healthy"):
                world.liquidate()
    assert parts > 50


def parked(world: Case) -> None:
    """Put all margin into the escrow of tiny orders."""
    slot, limit = 5, 19 * 10**8 * WAD
    while slot < 16 and limit > WAD:
        try:
            world.place(Wish(A, WAD // 1000, limit, slot=slot))
            slot += 1
        except Refused:
            limit //= 2


@pytest.mark.parametrize("coins", [(500, 300, 200), (877, 333)])
@pytest.mark.parametrize("is_parked", [False, True])
def test_what_all_markets_take_together_is_no_more_than_there_is(coins, is_parked):
    """Also when the margin is in escrow, so that every market's part is owed (L17)."""
    for gap in range(5_000, 250_000, 24_500):
        world = Case(vault=100_000_000).open(*coins, skew=-3_900)
        if is_parked:
            parked(world)
            assert world.holder(A).margin < 2_000 * WAD
        world.leave(-world.found().maintenance * gap // 10**6)
        orders = dict(world.holder(A).orders)
        world.liquidate()
        assert world.holder(A).orders == orders
        if world.holder(A).positions:
            assert world.found().spare >= 0
        assert world.drawn() == 0


@pytest.mark.parametrize("loser", [0, 1])
def test_no_market_hides_its_fee_and_premium_behind_anothers_profit(loser):
    """Its loss is more than all margin; yet the account has what it takes, in the other market."""
    winner = 1 - loser
    world = Case(vault=100_000_000)
    world.deposit(WHALE, 100_000_000)
    world.deposit(A, 1_000_000)
    for market in (0, 1):
        size = -3_900 if market == loser else 100
        assert world.fill(Wish(WHALE, size * WAD), market=market) == [""]
        assert world.fill(Wish(A, 900 * WAD), market=market) == [""]
    world.price |= {winner: 4_500 * WAD, loser: 1_500 * WAD}
    world.wait(2)
    world.leave(-WAD)
    before, states = world.found(), dict(world.market.markets)
    world.liquidate()
    after = world.found()
    due = 0
    for market in (0, 1):
        size_delta = world.size(A, market) - 900 * WAD
        assert size_delta < 0
        terms = batches.side_terms(
            size_delta, states[market].skew, world.price[market], CALM.schedule
        )
        due += terms.fee + max(terms.premium, 0)
    closed = 1 - Fraction(world.size(A, 0), 900 * WAD)  # a lot's rounding more than the fraction
    penalty = before.penalty * closed
    lost = before.equity - after.equity
    assert abs(lost - penalty - due) <= dust(world) + Fraction(before.penalty, 900 * 10**9)
