"""Money in escrow is still the account's: it hides from no loss and no fee, and doesn't leak."""

import pytest

from clearway.spec.refused import Refused
from clearway.spec.state import account_of
from clearway.spec.wad import WAD
from tests.spec.world import DEAREST, PARAMETERS, START, Wish, World, closing

TRADER = account_of(7)
TINY = WAD // 1000  # the size of an order that has a large escrow for its limit alone


def parked(world: World, account: int, slot: int = 1) -> int:
    """Put nearly all margin into the escrow of a tiny order; return what is left."""
    limit = 19 * 10**6 * WAD
    while True:
        try:
            world.place(Wish(account, TINY, limit, slot=slot))
        except Refused:
            return world.holder(account).margin
        slot += 1
        limit = limit * world.holder(account).margin // world.holder(account).escrow


@pytest.fixture
def world() -> World:
    """Return a market in which a trader with 1,000 dollars is long four coins."""
    world = World()
    world.deposit(TRADER, 1000)
    assert world.fill(Wish(TRADER, 4 * WAD)) == [""]
    return world


def test_a_loss_is_paid_out_of_what_other_orders_have_in_escrow(world):
    before = world.money(TRADER)
    assert parked(world, TRADER) < 30 * WAD
    assert world.fill(closing(TRADER, -4 * WAD), price=2850 * WAD) == [""]
    assert before - world.money(TRADER) >= 600 * WAD
    assert world.drawn() == 0


def test_the_debt_is_settled_when_the_escrow_returns(world):
    parked(world, TRADER)
    world.fill(closing(TRADER, -4 * WAD), price=2850 * WAD)
    cash, owed = world.market.cash, -world.holder(TRADER).margin
    assert owed > 0
    world.now += 601
    for slot in list(world.holder(TRADER).orders):
        world.market.clear(world.now, TRADER, slot)
    assert world.market.cash == cash + owed
    assert 300 * WAD < world.money(TRADER) < 400 * WAD


def test_a_debt_beyond_the_escrow_is_written_off_when_the_last_escrow_has_returned(world):
    parked(world, TRADER)
    world.fill(closing(TRADER, -4 * WAD), price=2700 * WAD)
    world.insure(50 * WAD)
    cash, escrow = world.market.cash, world.holder(TRADER).escrow
    world.now += 601
    for slot in list(world.holder(TRADER).orders):
        world.market.clear(world.now, TRADER, slot)
    assert (world.money(TRADER), world.market.markets[0].insurance) == (0, 0)
    assert world.market.cash == cash + escrow + 50 * WAD


def test_the_fees_of_a_close_are_paid_out_of_what_other_orders_have_in_escrow(world):
    honest = World()
    honest.deposit(TRADER, 1000)
    honest.fill(Wish(TRADER, 4 * WAD))
    honest.fill(closing(TRADER, -4 * WAD))
    assert parked(world, TRADER) < 2 * WAD
    assert world.fill(closing(TRADER, -4 * WAD)) == [""]
    assert world.money(TRADER) == honest.money(TRADER)


def execute_all(world: World, keeper: int) -> None:
    world.now += 2
    world.report()
    for slot in list(world.holder(TRADER).orders):
        world.market.execute(world.now, keeper, 0, [(TRADER, slot)])


@pytest.mark.parametrize(
    "wish",
    [
        Wish(TRADER, -TINY, DEAREST, True, 100 * WAD),  # fails
        Wish(TRADER, -(10**9), None, True, 100 * WAD),  # reduces next to nothing
        Wish(TRADER, WAD, 1, False, 100 * WAD),  # fails, an increase
    ],
    ids=["failed reductions", "dust reductions", "failed increases"],
)
def test_an_owner_draws_no_more_than_free_margin_as_his_own_keeper(world, wish):
    friend = account_of(8)
    free = world.market.free_margin(world.now, TRADER)
    for slot in range(9):
        world.place(
            Wish(wish.account, wish.size, wish.limit, *(wish.is_reduce_only, 100 * WAD), slot)
        )
    execute_all(world, 8)
    # Reductions free the initial margin of what they closed, and rounding up at most a unit each.
    freed = 9 * (10**9 * 3000 * 6 // 100 + 2)
    assert world.money(friend) <= free + freed
    backing = world.holder(TRADER).margin
    notional = world.size(TRADER) * 3000
    assert backing * WAD >= notional * PARAMETERS.maintenance_ratio


def test_a_keeper_gets_the_whole_fee_of_a_close_that_leaves_nothing_open(world):
    world.place(Wish(TRADER, -4 * WAD, None, True, 100 * WAD))
    execute_all(world, 8)
    assert world.money(account_of(8)) == 100 * WAD


def test_a_keeper_gets_the_whole_fee_of_an_increase(world):
    world.deposit(TRADER, 1000)
    world.place(Wish(TRADER, WAD, None, False, 100 * WAD))
    execute_all(world, 8)
    assert world.size(TRADER) == 5 * WAD
    assert world.money(account_of(8)) == 100 * WAD


def test_parts_of_a_losing_position_pay_keepers_only_from_what_the_rest_leaves(world):
    """A position that is under water must not be emptied into its owner's keeper account."""
    world.now += 2
    world.report(2700 * WAD)
    for slot in range(4):
        world.place(Wish(TRADER, -WAD // 2, None, True, 100 * WAD, slot))
    execute_all(world, 8)
    assert world.money(account_of(8)) == 0


@pytest.mark.parametrize("ahead", [2, 4, 8, 10])
def test_no_order_fills_at_a_report_that_was_known_at_its_commit(ahead):
    """A chain's clock may lag by some seconds without counting as an outage."""
    world = World()
    world.deposit(TRADER, 1000)
    world.report(3100 * WAD, ahead=ahead)
    world.place(Wish(TRADER, WAD))
    assert world.holder(TRADER).orders[0].fills_at > START + ahead


def test_a_fee_is_paid_out_of_a_rebate_where_nothing_else_is_left():
    world = World()
    other = world.deposit(account_of(8), 10**7)
    world.deposit(TRADER, 260_000)
    assert world.fill(Wish(TRADER, 1000 * WAD)) == [""]
    assert world.fill(Wish(other, 5000 * WAD)) == [""]
    state = world.market.markets[0]
    insurance, reserve, cash = state.insurance, state.impact_reserve, world.market.cash
    lost = world.money(TRADER)
    assert world.fill(closing(TRADER, -1000 * WAD), price=2700 * WAD) == [""]
    assert world.drawn() == 0
    state = world.market.markets[0]
    fee = 1000 * 2700 * WAD * 2 // 10**4
    assert state.insurance - insurance == fee // 5
    rebate = reserve - state.impact_reserve
    assert rebate > fee
    # What is left of the rebate stays the trader's; all else that was lost is the vault's.
    left = world.money(TRADER)
    assert world.market.cash - cash == lost - left + rebate - fee // 5
    assert 0 < left < rebate - fee


@pytest.mark.parametrize(("size", "limit"), [(WAD, 3000), (-WAD, 1), (-WAD, 3000)])
def test_an_increase_locks_its_initial_margin_and_the_takers_fee_at_its_dearest_price(size, limit):
    """A sale's is the newest price known, for its limit is the least that it may fill at."""
    world = World()
    world.deposit(TRADER, 1000)
    world.place(Wish(TRADER, size, limit * WAD, keeper_fee=WAD))
    # 5 % and 0.06 % of 3,000, and the slope's part of its square; the keeper's fee.
    assert world.holder(TRADER).escrow == (150 + 1) * WAD + 18 * WAD // 10 + 45 * WAD // 1000
    world.withdraw_all(TRADER)
    world.wait(2)
    assert world.holder(TRADER).margin == 0
