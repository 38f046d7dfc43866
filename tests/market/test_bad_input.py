"""What nobody may ask of the market is refused for its own reason, and changes nothing."""

import boa
import pytest

from clearway.reports import Report
from clearway.spec.quotes import Quote, boards_of
from tests.market.world import PRICES, WAD, World, deploy, somebody

MOST_MARGIN = 2**95 // 10**12  # token units: an account's field ends there
DEAR = 10**6 * WAD


@pytest.fixture
def funded(world, trader):
    world.contracts.token.mint(trader, MOST_MARGIN)
    world.contracts.token.approve(world.contracts.market.address, MOST_MARGIN, sender=trader)
    return world.account(trader)


def refused(world: World, trader: str, reason: str, function, *arguments) -> None:
    before = world.contracts.market.pool_words(), world.contracts.market.held()
    with boa.reverts(reason):
        function(*arguments, sender=trader)
    assert (world.contracts.market.pool_words(), world.contracts.market.held()) == before
    world.assert_equal()


@pytest.mark.parametrize("bits", [1, 15, 16, 255])
def test_what_has_a_slots_bits_is_no_account(world, trader, funded, bits):
    market, orders = world.contracts.market, world.contracts.orders
    name = funded | bits
    order = (0, 0, WAD, 3_030 * WAD, False, 0)
    refused(world, trader, "no such account", market.deposit, name, 10**6)
    refused(world, trader, "no such account", market.withdraw, name, 10**6, trader)
    refused(world, trader, "no such account", orders.place, name, *order)


def test_nobody_clears_anothers_order_into_an_account_of_his(world, trader):
    """An order's place is its account plus its slot; other sums lead there, too."""
    orders, limit = world.contracts.orders, PRICES[0] * 101 // 100
    thief, victim = sorted([trader, somebody(world, "other")], key=world.account)
    for owner in (thief, victim):
        assert world.place(owner, 0, 0, WAD, limit) is None
    world.wait(601)
    far = world.account(victim) - world.account(thief)
    refused(world, thief, "no such slot", orders.clear, world.account(thief), far)
    refused(world, thief, "no such account", orders.clear, world.account(victim) - 1, 1)
    assert world.clear(victim, 0) is None
    assert world.clear(thief, 0) is None
    world.assert_equal()


def test_nobody_settles_a_position_as_another_markets(world, trader, keeper):
    """A position's place is its account and its market; other pairs lead there, too."""
    other = somebody(world, "other")
    for market, owner in ((1, trader), (0, other)):
        assert world.place(owner, 0, market, WAD, PRICES[market] * 101 // 100) is None
    world.wait(2)
    world.report(PRICES)
    for market, owner in ((1, trader), (0, other)):
        assert world.execute(keeper, market, [(owner, 0)]) == ([""], None)
    assert world.retire(0, PRICES[0]) is None
    settle = world.contracts.market.settle
    refused(world, trader, "no such account", settle, world.account(trader) | 1, 0)


@pytest.mark.parametrize("lane", [1 << 16, (2**40 - 1) << 16 | 255 << 8])
def test_a_report_with_a_price_out_of_bounds_keeps_nobody_from_selling(world, keeper, lane):
    """It is signed by who may sign it; the price that a sale's escrow is counted at is no price."""
    owner = somebody(world, "who sells")
    assert world.place(owner, 0, 0, WAD, PRICES[0] * 101 // 100) is None
    world.wait(2)
    world.report(PRICES)
    assert world.execute(keeper, 0, [(owner, 0)]) == ([""], None)
    world.wait(2)
    (word,) = boards_of({1: Quote(PRICES[1], 0)})
    world.submit(world.signed(Report(world.now + world.now % 2, (word | lane << 200,))))
    assert world.place(owner, 0, 0, -WAD, PRICES[0] * 99 // 100, True) is None
    world.wait(2)
    world.report(PRICES)
    assert world.execute(keeper, 0, [(owner, 0)]) == ([""], None)
    world.assert_equal()


def test_nobodys_account_takes_no_money(world, trader, funded):
    refused(world, trader, "no such account", world.contracts.market.deposit, 1 << 8, 10**6)


def test_an_account_has_a_number_below_two_to_the_88(world, trader):
    market = world.contracts.market
    last = market.account_of(trader, 2**88 - 1)
    assert last == int(trader, 16) << 96 | (2**88 - 1) << 8
    with boa.reverts("no such account"):
        market.account_of(trader, 2**88)


def test_more_than_an_account_holds_is_refused(world, trader, funded):
    deposit = world.contracts.market.deposit
    refused(world, trader, "field overflows", deposit, funded, MOST_MARGIN - 100_000 * 10**6 + 1)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ((16, 0, WAD, DEAR, False, 0), "no such slot"),
        ((0, 32, WAD, DEAR, False, 0), "unknown market"),
        ((0, 2, WAD, DEAR, False, 0), "unknown market"),
        ((0, 0, 0, DEAR, False, 0), "zero size"),
        ((0, 0, WAD, 0, False, 0), "zero limit price"),
        ((0, 0, WAD + 1, DEAR, False, 0), "size off its grid"),
        ((0, 0, WAD, DEAR + 1, False, 0), "limit price off its grid"),
        ((0, 0, WAD, DEAR, False, 1), "keeper's fee off its grid"),
        ((0, 0, WAD, DEAR, False, 100 * WAD + 10**12), "keeper's fee too high"),
        ((0, 0, 2**71 * 10**9, DEAR, True, 0), "size too large"),
        ((0, 0, -(2**71 + 1) * 10**9, DEAR, True, 0), "size too large"),
        ((0, 0, WAD, 2**75 * 10**8, True, 0), "limit price too high"),
        ((0, 0, 10**6 * WAD, DEAR, False, 0), "insufficient margin"),
    ],
)
def test_an_order_that_could_not_be_kept_is_not_placed(world, trader, order, reason):
    refused(world, trader, reason, world.contracts.orders.place, world.account(trader), *order)


def test_an_order_whose_escrow_passes_its_field_is_too_large(world, trader, funded):
    world.deposit(trader, 2 * 10**10 * 10**6)
    order = (0, 0, 1_000 * WAD, DEAR, False, 0)
    refused(world, trader, "order too large", world.contracts.orders.place, funded, *order)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "empty batch"),
        ([(1, 0), (0, 0)], "accounts not sorted"),
        ([(0, 0), (0, 1)], "accounts not sorted"),
        ([(0, 0), (1, 3)], "no such order"),
        ([(0, 2)], "order of another market"),
    ],
)
def test_a_batch_that_is_none_fills_nothing(world, trader, keeper, entries, reason):
    first, second = sorted([trader, somebody(world, "other")], key=lambda one: int(one, 16))
    for owner, slot, market in ((first, 0, 0), (first, 1, 0), (first, 2, 1), (second, 0, 0)):
        limit = PRICES[market] * 101 // 100
        assert world.place(owner, slot, market, WAD, limit) is None
    world.wait(2)
    world.report(PRICES)
    accounts = [world.account(first), world.account(second)]
    ids = [accounts[number] + slot for number, slot in entries]
    refused(world, keeper, reason, world.contracts.orders.execute, 0, ids)


def test_a_token_of_more_than_18_decimals_is_refused():
    source = "decimals: public(constant(uint8)) = 19"
    with boa.reverts("token has too many decimals"):
        deploy(token=boa.loads(source))


def test_there_is_no_market_beyond_the_last(world):
    market = world.contracts.market
    with boa.reverts("too many markets"):
        market.set_parameters(32, 1, 1, sender=market.CONFIGURATION())
    assert market.market_words(32)[3] == 0
