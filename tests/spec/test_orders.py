"""What a committed order is worth to its owner and to a keeper who may both choose what to do next.

An order fills at the report of its own second or not at all; failing costs; and marked at that
report's price, no choice leaves its owner with more than if the order had never been placed.
"""

from contextlib import suppress
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearway.spec import margin_math
from clearway.spec.price_words import time_of
from clearway.spec.refused import Refused
from clearway.spec.state import REDUCE_WINDOW, SIGNED_WINDOW, account_of
from clearway.spec.wad import WAD
from tests.spec.world import (
    DEAREST,
    KEEPER,
    PARAMETERS,
    POOL,
    SCHEDULE,
    START,
    TILE,
    Wish,
    World,
    closing,
    exactly,
)

A, B, C = OWN = [account_of(7, number) for number in range(3)]
STRANGER = account_of(8)
DOLLARS = st.integers(200, 20_000).map(lambda dollars: dollars * WAD)
TICKS = 8


def up(number: object) -> int:
    """Round a fraction up."""
    return -(-number.numerator // number.denominator)  # type: ignore[attr-defined]


# One price


@given(
    prices=st.lists(DOLLARS, min_size=TICKS, max_size=TICKS),
    delivered=st.lists(st.integers(0, TICKS - 1), max_size=TICKS),
    size=st.sampled_from([WAD, -WAD]),
)
def test_an_order_fills_at_the_report_of_its_own_second_or_not_at_all(prices, delivered, size):
    world = World()
    world.deposit(A, 10**6)
    world.place(Wish(A, size, DEAREST if size > 0 else 1))
    world.now += TILE * TICKS
    for tick in delivered:
        with suppress(Refused):
            world.report(prices[tick], ahead=TILE * (tick + 1 - TICKS))
    if any(time_of(word) == START + TILE for word in world.feed.stored(0)):
        assert world.execute((A, 0)) == [""]
        assert world.holder(A).positions[0].cost == prices[0]
    else:
        with pytest.raises(Refused, match="no report of that second"):
            world.execute((A, 0))


def test_the_fill_is_the_same_whenever_and_by_whomever_it_is_executed():
    fills = []
    for wait, later in ((0, 3000), (4, 2000), (SIGNED_WINDOW - 2, 4000)):
        world = World(parameters=replace(PARAMETERS, max_velocity=0, funding_cap=0))
        world.deposit(A, 10**5)
        world.place(Wish(A, WAD))
        world.wait(2, 3100 * WAD)
        if wait:
            world.wait(wait, later * WAD)
            world.report(3100 * WAD, ahead=-wait)  # once more, for the feed keeps only two
        world.market.execute(world.now, owner_number(wait), 0, [(A, 0)])
        fills.append((world.holder(A).positions, world.money(A)))
    assert fills[0] == fills[1] == fills[2]


def owner_number(wait: int) -> int:
    """Return the owner himself at first, and strangers later."""
    return 7 if wait == 0 else 8 + wait


@pytest.mark.parametrize("second", [1, SIGNED_WINDOW + 1])
def test_no_order_is_executed_too_early_or_too_late_by_a_report(second):
    world = World()
    world.deposit(A, 10**5)
    world.place(Wish(A, WAD))
    world.now = START + 2
    world.report()
    world.now = START + second
    with pytest.raises(Refused, match=r"order too young|too old for a report"):
        world.execute((A, 0))


# One outcome


@pytest.mark.parametrize("limit", [None, 1])
def test_an_executed_order_is_gone_whether_filled_or_failed(limit):
    world = World()
    world.deposit(A, 10**5)
    world.fill(Wish(A, WAD, limit))
    for act in (lambda: world.execute((A, 0)), lambda: world.market.clear(world.now, A, 0)):
        with pytest.raises(Refused, match="no such order"):
            act()


@pytest.mark.parametrize("wish", [Wish(A, WAD), closing(A, WAD)])
def test_an_order_is_cleared_once_its_window_has_ended_and_its_escrow_returns_once(wish):
    world = World()
    world.deposit(A, 10**5)
    world.place(wish)
    window = REDUCE_WINDOW if wish.is_reduce_only else SIGNED_WINDOW
    world.now = START + window
    with pytest.raises(Refused, match="order still open"):
        world.market.clear(world.now, A, 0)
    world.now += 1
    world.market.clear(world.now, A, 0)
    assert world.holder(A).margin == 10**5 * WAD
    assert world.holder(A).escrow == 0
    with pytest.raises(Refused, match="no such order"):
        world.market.clear(world.now, A, 0)


def test_a_reduction_never_opens_the_other_way():
    world = World()
    world.deposit(A, 10**5)
    world.fill(Wish(A, WAD))
    world.place(closing(A, -5 * WAD, slot=1))
    world.place(closing(A, -5 * WAD, slot=2))
    world.now += 2
    world.report()
    assert world.execute((A, 1)) == [""]
    assert world.execute((A, 2)) == ["nothing to reduce"]
    assert world.holder(A).positions == {}


# The price of failing


def failure_fee(world: World, account: int, slot: int) -> int:
    """Return what the rule gives, from the account as it is before its order fails."""
    holder = world.holder(account)
    order = holder.orders[slot]
    price = exactly(world.price[0], WAD)
    limits = [
        up(exactly(up(abs(order.size_delta) * price) * SCHEDULE.taker_fee, WAD)),
        order.escrow - order.keeper_fee,
        holder.margin + order.escrow - order.keeper_fee,
    ]
    if holder.positions:
        notional = up(abs(world.size(account)) * price)
        needed = margin_math.requirement(
            notional, PARAMETERS.maintenance_ratio, PARAMETERS.maintenance_slope
        )
        equity = world.market.equity(world.now, account, world.price) - order.keeper_fee
        limits.append(max(equity - needed, 0))
    return min(limits)


@given(
    held=st.sampled_from([0, 1, -1, 4, -4]),
    wanted=st.sampled_from([1, -1, 3, -3]),
    dollars=st.integers(1000, 2000),
    price=st.integers(2600, 3400),
    is_reduce_only=st.booleans(),
    withdraws=st.booleans(),
)
def test_failing_costs_the_takers_fee_as_far_as_the_account_stays_healthy(
    held, wanted, dollars, price, is_reduce_only, withdraws
):
    world = World()
    world.deposit(A, dollars)
    if held:
        assert world.fill(Wish(A, held * WAD)) == [""]
    limit = 1500 * WAD if wanted > 0 else 3500 * WAD
    with suppress(Refused):
        world.place(Wish(A, wanted * WAD, limit, is_reduce_only, slot=1))
    if 1 not in world.holder(A).orders:
        return
    if withdraws:
        world.withdraw_all(A)
    world.wait(2, price * WAD)
    fee, before, cash = failure_fee(world, A, 1), world.money(A), world.market.cash
    (reason,) = world.execute((A, 1))
    assert reason in ("price beyond limit", "nothing to reduce")
    assert before - world.money(A) == world.market.cash - cash == fee


def test_failing_costs_an_account_without_positions_the_whole_takers_fee():
    """Even when all else is withdrawn, and whatever the limit, for a limit is a promise to pay."""
    for size, limit in ((WAD, 2999 * WAD), (WAD, 1500 * WAD), (-WAD, 3001 * WAD), (-WAD, DEAREST)):
        world = World()
        world.deposit(A, 10**6)
        world.place(Wish(A, size, limit))
        world.withdraw_all(A)
        before = world.money(A)
        world.wait(2)
        assert world.execute((A, 0)) == ["price beyond limit"]
        assert before - world.money(A) == 3000 * 6 * WAD // 10**4


def test_an_account_at_its_maintenance_margin_fails_for_nothing():
    """By design no charge takes equity below maintenance: here an order is a free try.

    It can't be filled at its price unless more margin comes, so whoever executes it first ends it.
    """
    world = World()
    world.deposit(A, 1000)
    world.fill(Wish(A, 5 * WAD))
    world.now += 2
    world.report(2870 * WAD)
    world.place(Wish(A, WAD, slot=1))
    world.wait(2)
    before = world.money(A)
    assert world.execute((A, 1)) == ["insufficient margin"]
    assert world.money(A) == before


def test_an_order_that_nobody_executes_costs_nothing():
    """So an order whose keeper's fee is zero is a free choice for as long as nobody takes it up."""
    world = World()
    world.deposit(A, 10**5)
    world.place(Wish(A, WAD))
    world.wait(2, 2900 * WAD)
    world.wait(SIGNED_WINDOW, 2800 * WAD)
    world.market.clear(world.now, A, 0)
    assert world.money(A) == 10**5 * WAD


# Choices


def marked(world: World) -> int:
    """Return what the owner has, positions at the newest price, all fees of his keeper included."""
    equity = sum(world.market.equity(world.now, account, world.price) for account in OWN)
    return equity + world.money(KEEPER)


CHOICES = ("withdraw", "park", "crowd", "meet", "close first", "later report", "clear", "refill")


def choose(world: World, choice: str, taken: list[int]) -> None:
    """Do one of the things that an owner could do before his order is executed."""
    if choice == "withdraw":
        taken.append(sum(world.withdraw_all(account) for account in OWN))
    if choice == "park":
        world.place(Wish(A, WAD // 1000, 19 * 10**5 * WAD, slot=5))
    if choice == "crowd":
        world.execute((A, 0), (B, 0))
    if choice == "meet":
        world.execute((A, 0), (C, 0))
    if choice == "close first":
        world.execute((A, 2))
    if choice == "later report":
        world.wait(2)
    if choice == "clear":
        world.wait(SIGNED_WINDOW + 2)
        world.market.clear(world.now, A, 0)
    if choice == "refill":
        world.market.deposit(A, sum(taken) // world.market.scale)
        taken.clear()


@settings(max_examples=300)
@given(
    held=st.sampled_from([0, 2 * WAD]),
    limit=st.sampled_from([None, 3000, 3005]),
    move=st.sampled_from([-100, -1, 0, 1, 100]),
    fee=st.sampled_from([0, 5]),
    choices=st.lists(st.sampled_from(CHOICES), max_size=6),
)
def test_at_the_price_of_its_second_no_choice_beats_never_having_ordered(
    held, limit, move, fee, choices
):
    steady = replace(PARAMETERS, max_velocity=0, funding_cap=0)
    world = World(parameters=steady)
    world.market.pool = replace(POOL, rate_at_kink=0, rate_at_full=0)
    for account in OWN:
        world.deposit(account, 2000)
    if held:
        assert world.fill(Wish(A, held), Wish(B, -held)) == ["", ""]
    limit = limit and limit * WAD
    never = marked(world)
    world.place(Wish(A, WAD, limit, False, fee * WAD))
    world.place(Wish(B, WAD, limit, False, fee * WAD))
    world.place(Wish(C, -WAD, None, False, fee * WAD))
    world.place(closing(A, -2 * WAD, slot=2))
    world.wait(2, (3000 + move) * WAD)
    taken: list[int] = []
    for choice in choices:
        with suppress(Refused):
            choose(world, choice, taken)
    for account in OWN:
        for slot in list(world.holder(account).orders):
            with suppress(Refused):
                world.execute((account, slot))
    # The held long and short gain and lose the same; a result is floored, less than 1 for each.
    assert marked(world) + sum(taken) <= never + 2


# Company


CROWD = [account_of(owner) for owner in range(11, 15)]


@given(
    sizes=st.lists(st.integers(-3000, 3000).filter(bool), min_size=4, max_size=4),
    slack=st.lists(st.integers(-5, 60), min_size=4, max_size=4),
    skew=st.sampled_from([0, 2000, -2000]),
    order=st.sampled_from(list(permutations(range(4)))),
)
def test_who_stands_first_in_a_batch_makes_no_difference(sizes, slack, skew, order):
    outcomes = []
    for places in (range(4), order):
        world = World(30_000_000)
        world.deposit(STRANGER, 10**7)
        if skew:
            assert world.fill(Wish(STRANGER, skew * WAD)) == [""]
        for account in CROWD:
            world.deposit(account, 10**6 * 3)
        wishes = [
            Wish(CROWD[place], size * WAD, (3000 + more * (1 if size > 0 else -1)) * WAD)
            for place, size, more in zip(places, sizes, slack, strict=True)
        ]
        reasons = world.fill(*wishes)
        outcomes.append(
            [
                (reason, world.holder(wish.account).margin, world.holder(wish.account).positions)
                for reason, wish in zip(reasons, wishes, strict=True)
            ]
        )
    assert outcomes[0] == outcomes[1]


def test_one_that_fails_only_for_its_company_stays_and_pays_nothing():
    world = World(30_000_000)
    for account in CROWD[:2]:
        world.deposit(account, 3 * 10**6)
    wishes = [Wish(account, 3000 * WAD, 3020 * WAD) for account in CROWD[:2]]
    before = world.money(*CROWD)
    assert world.fill(*wishes) == ["stays", "stays"]
    assert world.money(*CROWD) == before
    assert world.execute((CROWD[0], 0)) == [""]
    assert world.execute((CROWD[1], 0)) == ["price beyond limit"]


def test_a_keeper_who_picks_whom_goes_first_moves_only_the_premium_and_within_the_limit():
    """By design: the premium is that of the skew at execution."""
    paid = {}
    for first, second in ((0, 1), (1, 0)):
        world = World(30_000_000)
        for account in CROWD[:2]:
            world.deposit(account, 3 * 10**6)
            world.place(Wish(account, 3000 * WAD, 3100 * WAD))
        world.wait(2)
        assert world.execute((CROWD[first], 0)) == world.execute((CROWD[second], 0)) == [""]
        paid[first] = 3 * 10**6 * WAD - world.money(CROWD[0])
        assert world.holder(CROWD[0]).positions[0].cost == 3000 * 3000 * WAD
    fee = 3000 * 3000 * 6 * WAD // 10**4
    assert paid[0] == 15 * 3000 * WAD + fee  # 3000^2 / 2 S coins
    assert paid[1] == 45 * 3000 * WAD + fee
    assert paid[1] - fee <= 3000 * 100 * WAD


def test_an_order_fails_for_good_when_others_fill_a_cap_before_it():
    world = World(100_000_000)
    for account in CROWD[:2]:
        world.deposit(account, 10**8)
    world.place(Wish(CROWD[0], 15_000 * WAD))
    world.place(Wish(CROWD[1], 6_000 * WAD))
    world.wait(2)
    assert world.execute((CROWD[0], 0)) == [""]
    assert world.execute((CROWD[1], 0)) == ["skew at its cap"]
