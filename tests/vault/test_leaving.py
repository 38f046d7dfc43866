"""Who leaves: the queue, its price, what may go, and claims that last."""

import boa
import pytest

from clearway.spec.vault import worth_low
from tests.market.world import WAD
from tests.storage import slot_of
from tests.vault.test_entering import open_long
from tests.vault.world import COOLDOWN, FOUNDER, LISTED, PRICES, UNIT

YEAR = 365 * 86_400


@pytest.fixture
def provider():
    return boa.env.generate_address("provider")


@pytest.fixture
def other():
    return boa.env.generate_address("other")


@pytest.fixture
def provided(world, provider, other):
    """Two providers of a thousand dollars each, and a founder of a million."""
    world.provide(1_000_000 * UNIT)
    for who in (provider, other):
        assert world.enter(who, 1_000 * UNIT) is None
    return world


@pytest.fixture
def trader(provided):
    trader = boa.env.generate_address("trader")
    provided.deposit(trader, 100_000 * UNIT)
    return trader


def report_moved(world, percent):
    """Move the first market's price, in reports and aggregators."""
    moved = {**PRICES, 0: PRICES[0] * (100 + percent) // 100}
    for number, price in moved.items():
        world.set_round(number, price)
    world.report(moved)


def test_a_request_is_not_priced_before_its_cooldown(provided, provider):
    assert provided.request(provider, 1_000 * WAD) is None
    provided.wait(COOLDOWN - 1)
    assert provided.process() == "nothing to process"
    provided.wait(1)
    assert provided.process() is None
    assert provided.claimable(provider) == 1_000 * WAD
    provided.assert_equal()


def test_who_waits_keeps_the_cooldown_that_was_when_he_asked(provided, provider):
    assert provided.request(provider, WAD) is None
    assert provided.limit(cooldown=7 * 86_400) is None
    provided.wait(COOLDOWN)
    assert provided.process() is None


def test_until_it_is_priced_a_request_shares_gains_and_losses(provided, provider, trader):
    open_long(provided, trader)
    assert provided.request(provider, 1_000 * WAD) is None
    provided.wait(COOLDOWN)
    report_moved(provided, 10)  # the long gains 30,000 of a million
    assert provided.process() is None
    nav = provided.vault.nav(provided.now, is_entering=False)
    assert provided.contracts.vault.maxWithdraw(provider) == provided.vault.worth(1_000 * WAD, nav)
    assert provided.contracts.vault.maxWithdraw(provider) < 975 * UNIT


def test_v7_and_then_it_neither_gains_nor_loses(provided, provider, trader):
    open_long(provided, trader)
    assert provided.request(provider, 1_000 * WAD) is None
    provided.wait(COOLDOWN)
    provided.report(PRICES)
    assert provided.process() is None
    before = provided.contracts.vault.maxWithdraw(provider)
    provided.wait(5 * YEAR)
    report_moved(provided, 10)
    assert provided.contracts.vault.maxWithdraw(provider) == before
    assert provided.withdraw_assets(provider, before) is None
    assert provided.contracts.token.balanceOf(provider) == before


def test_leaves_at_the_lowest_price_of_all(provided, provider, trader):
    open_long(provided, trader)
    assert provided.request(provider, 1_000 * WAD) is None
    provided.wait(COOLDOWN)
    provided.set_round(0, 3_100 * WAD)
    provided.report_with({0: (PRICES[0], 2 * 10**16), 1: (PRICES[1], 0)})
    provided.judge_rounds()
    state = provided.model.accrued(0, provided.now)
    lowest = provided.model.cash + worth_low(state, 3_100 * WAD)
    assert provided.vault.nav(provided.now, is_entering=False) == lowest
    expected = provided.vault.worth(1_000 * WAD, lowest)
    assert provided.process() is None
    assert provided.contracts.vault.maxWithdraw(provider) == expected


def test_without_a_fresh_price_nobody_is_priced(provided, provider, trader):
    open_long(provided, trader)
    assert provided.request(provider, WAD) is None
    provided.wait(COOLDOWN - 2)
    provided.report(PRICES)
    provided.wait(12 + 1)
    assert provided.process() == "price stale"


def test_after_a_day_without_a_report_the_aggregator_serves_at_its_worse_side(
    provided, provider, trader
):
    open_long(provided, trader)
    last = provided.now + provided.now % 2
    assert provided.request(provider, WAD) is None
    provided.wait(last + 86_400 - provided.now)
    assert provided.process() == "price stale"
    provided.wait(1)
    state = provided.model.accrued(0, provided.now)
    provided.judge_rounds()
    lowest = provided.model.cash + worth_low(state, PRICES[0] * 101 // 100)
    assert provided.vault.nav(provided.now, is_entering=False) == lowest
    assert provided.process() is None
    assert provided.enter(provider, UNIT) == "price stale"  # only for who leaves
    provided.assert_equal()


def test_and_where_that_is_of_no_use_nobody_is_priced(provided, provider, trader):
    open_long(provided, trader)
    assert provided.request(provider, WAD) is None
    provided.wait(5 * 86_400)
    with boa.reverts("aggregator stale"):
        provided.contracts.vault.process(1)


def test_v15_a_large_head_is_met_in_part_and_blocks_nobody_for_ever(provided, provider):
    assert provided.limit(outflow=10**17) is None
    assert provided.request(FOUNDER, provided.shares(FOUNDER)) is None
    assert provided.request(provider, 1_000 * WAD) is None
    days = 0
    while provided.claimable(provider) < 1_000 * WAD:
        provided.wait(86_400)
        assert provided.process() is None
        provided.assert_equal()
        days += 1
    # A tenth of what is left leaves each day: 0.9^n * 1,002,000 < 1,000 from n = 66 on.
    assert 60 <= days <= 67
    assert provided.redeem(FOUNDER, provided.claimable(FOUNDER)) is None


def test_in_how_many_parts_the_daily_limit_is_used_changes_nothing(provided, provider, other):
    assert provided.limit(outflow=10**16) is None
    worth = provided.contracts.vault.totalAssets()
    for who, shares in ((FOUNDER, 5_000 * WAD), (provider, 500 * WAD), (FOUNDER, 9 * 10**22)):
        assert provided.request(who, shares) is None
    provided.wait(COOLDOWN)
    assert provided.process(1) is None
    assert provided.process(1) is None
    assert provided.process(1) is None
    assert provided.process() == "nothing can leave now"
    left = provided.contracts.market.set_aside() // 10**12
    assert worth // 100 - 1 <= left <= worth // 100
    provided.wait(86_400)
    assert provided.process() is None


def test_v11_money_that_backs_positions_stays(provided, trader):
    """The vault's capital at risk is 60,000, and 90 % of its cash at most may be."""
    open_long(provided, trader)
    assert provided.request(FOUNDER, provided.shares(FOUNDER)) is None
    assert provided.limit(outflow=WAD) is None
    provided.wait(COOLDOWN)
    provided.report(PRICES)
    assert provided.process() is None
    at_risk, cash = provided.model.at_risk, provided.model.cash
    assert at_risk * WAD <= provided.model.pool.max_utilisation * cash
    unit = provided.model.scale
    assert at_risk * WAD > provided.model.pool.max_utilisation * (cash - unit)
    assert provided.process() == "nothing can leave now"
    provided.assert_equal()


def test_v13_while_winners_wait_nobody_leaves(provided, provider):
    assert provided.request(provider, WAD) is None
    provided.wait(COOLDOWN)
    market = provided.contracts.market
    provided.model.claims.append((7 << 96, 5))
    owed, pool = (slot_of(market, "custody", name) for name in ("_owed", "_pool"))
    boa.env.set_storage(market.address, owed, 5)
    word = boa.env.get_storage(market.address, pool)
    boa.env.set_storage(market.address, pool, word | 1 << 255)
    assert provided.process() == "nothing can leave now"
    provided.model.claims.clear()
    boa.env.set_storage(market.address, owed, 0)
    assert provided.process() is None


def test_v15_each_request_pays_once_and_to_its_controller(provided, provider, other):
    vault = provided.contracts.vault
    assert provided.request(provider, 400 * WAD, controller=other) is None
    assert provided.request(provider, 600 * WAD) is None
    assert provided.request(provider, 1) == "erc20: transfer amount exceeds balance"
    assert vault.pendingRedeemRequest(1, other) == 400 * WAD
    assert vault.pendingRedeemRequest(1, provider) == vault.pendingRedeemRequest(3, other) == 0
    provided.wait(COOLDOWN)
    assert provided.process() is None
    assert vault.claimableRedeemRequest(1, other) == 400 * WAD
    assert vault.pendingRedeemRequest(1, other) == 0
    assert provided.redeem(provider, 600 * WAD + 1) == "more than is claimable"
    assert provided.redeem(other, 400 * WAD, receiver=provider) is None
    assert provided.redeem(other, 1) == "more than is claimable"
    assert provided.withdraw_assets(provider, 600 * UNIT + 1) == "more than is claimable"
    assert provided.withdraw_assets(provider, 600 * UNIT) is None
    assert provided.contracts.token.balanceOf(provider) == 1_000 * UNIT
    assert provided.contracts.market.set_aside() == 0
    provided.assert_equal()


def test_a_claim_is_the_controllers_and_his_operators(provided, provider, other):
    vault = provided.contracts.vault
    assert provided.request(provider, 100 * WAD, owner=FOUNDER) == "erc20: insufficient allowance"
    provided.wait(1)
    assert provided.request(provider, 100 * WAD) is None
    provided.wait(COOLDOWN)
    assert provided.process() is None
    assert provided.redeem(other, WAD, controller=provider) == "not the controller"
    assert vault.setOperator(other, True, sender=provider)
    provided.vault.operators.add((int(provider, 16), int(other, 16)))
    assert vault.isOperator(provider, other)
    assert provided.redeem(other, WAD, controller=provider) is None
    assert provided.request(other, WAD, owner=provider) is None
    vault.setOperator(other, False, sender=provider)
    provided.vault.operators.clear()
    assert provided.redeem(other, WAD, controller=provider) == "not the controller"
    assert provided.withdraw_assets(other, 1, controller=provider) == "not the controller"


def test_the_gateway_claims_for_whom_it_speaks_and_asks_for_nobody(provided, provider, other):
    vault = provided.contracts.vault
    gateway = provided.contracts.market.GATEWAY()
    with boa.reverts("erc20: insufficient allowance"):
        vault.requestRedeem(100 * WAD, provider, provider, sender=gateway)
    provided.wait(1)
    assert provided.request(provider, 100 * WAD) is None
    provided.wait(COOLDOWN)
    assert provided.process() is None
    priced = vault.maxRedeem(provider)
    with boa.reverts("not the controller"):
        vault.redeem(WAD, other, provider, sender=other)
    vault.redeem(WAD, other, provider, sender=gateway)
    assert vault.maxRedeem(provider) == priced - WAD


def test_an_allowance_lets_another_ask_and_is_spent(provided, provider, other):
    vault = provided.contracts.vault
    vault.approve(other, 10 * WAD, sender=provider)
    assert vault.requestRedeem(10 * WAD, other, provider, sender=other) == 1
    assert vault.allowance(provider, other) == 0
    with boa.reverts("erc20: insufficient allowance"):
        vault.requestRedeem(1, other, provider, sender=other)


@pytest.mark.parametrize("name", ["vault", "market", "nobody"])
def test_a_claim_is_not_sent_where_it_would_be_lost(provided, provider, name):
    contracts = provided.contracts
    addresses = {"vault": contracts.vault.address, "market": contracts.market.address}
    assert provided.request(provider, WAD) is None
    provided.wait(COOLDOWN)
    assert provided.process() is None
    receiver = addresses.get(name, "0x" + "00" * 20)
    assert provided.redeem(provider, WAD, receiver=receiver) == "no such receiver"


def test_nobody_can_stop_a_claim(provided, provider, trader):
    """Neither limits, nor an outage, nor the want of any price."""
    open_long(provided, trader)
    assert provided.request(provider, 1_000 * WAD) is None
    provided.wait(COOLDOWN)
    provided.report(PRICES)
    assert provided.process() is None
    assert provided.limit(7 * 86_400, 10**16, 0) is None
    provided.report(PRICES, provided.now + 600)
    for number in LISTED:
        provided.contracts.aggregators[number].set_health(2)
    provided.rounds.clear()
    assert provided.redeem(provider, provided.claimable(provider)) is None
    provided.assert_equal()


def test_v8_v20_in_and_out_at_one_price_gains_nothing(provided, other):
    passer = boa.env.generate_address("passer")
    for amount in (1, 999_999, 10**9 + 1):
        assert provided.enter(passer, amount) is None
        assert provided.leave(passer, provided.shares(passer)) <= amount


def test_v16_the_last_who_leaves_leaves_nothing_to_anybody(provided, provider, other):
    assert provided.limit(outflow=WAD) is None
    for who in (FOUNDER, provider, other):
        assert provided.request(who, provided.shares(who)) is None
    provided.wait(COOLDOWN)
    assert provided.process() is None
    assert provided.vault.supply == 0
    assert provided.model.cash == 0
    newcomer = boa.env.generate_address("newcomer")
    assert provided.enter(newcomer, 10 * UNIT) is None
    assert provided.leave(newcomer, provided.shares(newcomer)) == 10 * UNIT
    provided.assert_equal()


def test_v21_shares_go_neither_to_the_vault_nor_to_nobody(provided, provider):
    vault = provided.contracts.vault
    assert provided.move(provider, vault.address, WAD) == "shares sent to the vault"
    zero = "0x" + "00" * 20
    assert provided.move(provider, zero, WAD) == "erc20: transfer to the zero address"
    assert provided.enter(provider, UNIT, receiver=vault.address) == "shares sent to the vault"
    vault.approve(FOUNDER, WAD, sender=provider)
    with boa.reverts("shares sent to the vault"):
        vault.transferFrom(provider, vault, WAD, sender=FOUNDER)
    vault.transferFrom(provider, FOUNDER, WAD, sender=FOUNDER)
    provided.vault.transfer(int(provider, 16), int(FOUNDER, 16), WAD)
    provided.assert_equal()


def test_a_request_of_more_than_fits_is_refused(world, provider):
    world.vault.balances[int(provider, 16)] = 2**96
    vault = world.contracts.vault
    held = slot_of(vault, "shares", "erc20", "balanceOf", key=int(provider, 16))
    boa.env.set_storage(vault.address, held, 2**96)
    with boa.reverts("too many shares at once"):
        vault.requestRedeem(2**96, provider, provider, sender=provider)
    vault.requestRedeem(2**96 - 1, provider, provider, sender=provider)
