"""Liquidations on the contracts: what keepers do, and who pays."""

from dataclasses import replace

import boa
import pytest

from clearway.spec.liquidation_math import liquidation_fraction
from tests.market.world import ETH, PRICES, WAD, World, deploy, somebody


def hold(world: World, owner: str, keeper: str, market: int, size: int, slot: int = 0) -> None:
    limit = PRICES[market] * (102 if size > 0 else 98) // 100
    assert world.place(owner, slot, market, size, limit) is None
    world.wait(2)
    world.report(PRICES)
    assert world.execute(keeper, market, [(owner, slot)]) == ([""], None)


def logged(world: World, name: str):
    """Return the events of the last call that have this name."""
    return [log for log in world.contracts.market.get_logs() if type(log).__name__ == name]


def insure(world: World, keeper: str) -> None:
    """Let somebody pay fees until the first market's insurance has more than a day's limit."""
    whale = somebody(world, "whale", 10_000_000)
    for slot, size in enumerate((450, -1_400, 1_400, -1_400, 950)):
        hold(world, whale, keeper, 0, size * WAD, slot)
    assert world.contracts.lens.market_state(0).insurance > 1_000 * WAD


def spare(world: World, owner: str, prices) -> int:
    return world.model.appraise(world.now, world.account(owner), prices).spare


def fall(world: World, owner: str, market: int, below: int) -> dict[int, int]:
    """Report the price at which an account is below maintenance by about this much."""
    world.wait(2)
    size = world.model.accounts[world.account(owner)].positions[market].size
    prices = dict(PRICES)
    for _ in range(5):  # maintenance falls with the price, so this comes nearer and nearer
        excess = spare(world, owner, prices) + below
        prices[market] -= excess * WAD // size
    prices[market] = prices[market] // 10**12 * 10**12
    world.report(prices)
    return prices


def test_nobody_is_liquidated_at_maintenance_and_a_step_below_is(world, trader, keeper):
    hold(world, trader, keeper, 0, 500 * WAD)
    prices = fall(world, trader, 0, -WAD)
    assert spare(world, trader, prices) >= 0
    assert world.liquidate(keeper, trader) == "account healthy"
    fall(world, trader, 0, WAD)
    assert world.liquidate(keeper, trader) is None
    world.assert_equal()
    assert world.contracts.lens.position_of(world.account(trader), 0).size > 250 * WAD
    assert world.liquidate(keeper, trader) == "account healthy"


@pytest.mark.parametrize(("missing", "left"), [(0, 50 * WAD), (1, 0)])
def test_exactly_half_of_a_position_may_stay_and_no_less(keeper, missing, left):
    """The token's unit is the smallest, so that margin can decide it to the last one."""
    with boa.env.anchor():
        world = World(deploy(decimals=18), {0: ETH})
        world.provide(10_000_000 * WAD)
        world.report(PRICES)
        trader = boa.env.generate_address("trader")
        world.deposit(trader, 17_000 * WAD)
        hold(world, trader, keeper, 0, 100 * WAD)
        world.wait(2)
        prices = {0: 2_880 * WAD}
        world.report(prices)
        found = world.model.appraise(world.now, world.account(trader), prices)

        def kept(deposited: int) -> int:
            equity = found.equity + deposited
            parts = (found.linear, found.quadratic, found.penalty)
            return WAD - liquidation_fraction(equity, *parts, world.model.pool.buffer)

        short, needed = 0, 3_000 * WAD
        while needed - short > 1:
            middle = (short + needed) // 2
            short, needed = (middle, needed) if kept(middle) < WAD // 2 else (short, middle)
        assert kept(needed) == WAD // 2 > kept(short) > 0
        world.deposit(trader, needed - missing)
        assert world.liquidate(keeper, trader) is None
        world.assert_equal()
        assert world.contracts.lens.position_of(world.account(trader), 0).size == left


def test_far_below_all_is_closed_and_the_shortfall_is_insured_up_to_the_days_limit(
    world, trader, keeper
):
    bystander = somebody(world, "bystander")
    world.change(0, insurance_limit=1_000 * WAD)
    hold(world, bystander, keeper, 1, 100 * WAD)
    hold(world, trader, keeper, 0, 550 * WAD)
    insure(world, keeper)
    before = world.contracts.lens.balance_of(world.account(bystander))
    fall(world, trader, 0, 250_000 * WAD)
    insurance, cash = world.model.markets[0].insurance, world.model.cash
    margin = world.contracts.lens.balance_of(world.account(trader)).margin
    assert world.liquidate(keeper, trader) is None
    booked = logged(world, "ShortfallBooked")
    world.assert_equal()
    assert len(booked) == 1
    assert booked[0].amount > 100_000 * WAD
    assert booked[0].insured == 1_000 * WAD
    assert world.contracts.market.insurance_left(0) == 0
    assert insurance - world.model.markets[0].insurance == 1_000 * WAD
    assert world.model.cash == cash + margin + 1_000 * WAD
    assert tuple(world.contracts.lens.balance_of(world.account(trader)))[:3] == (0, 0, 0)
    assert world.contracts.lens.balance_of(world.account(bystander)) == before


def test_a_flag_lets_the_reward_grow_and_whatever_increases_takes_it_off(world, trader, keeper):
    hold(world, trader, keeper, 0, 500 * WAD)
    assert world.mark(trader) is None
    assert world.contracts.lens.balance_of(world.account(trader)).flagged_at == 0
    fall(world, trader, 0, WAD)
    assert world.mark(trader) is None
    flagged_at = world.now
    world.wait(8)
    assert world.mark(trader) is None
    assert world.contracts.lens.balance_of(world.account(trader)).flagged_at == flagged_at
    world.assert_equal()
    world.deposit(trader, 50_000 * 10**6)
    hold(world, trader, keeper, 0, 10 * WAD, 1)
    assert world.contracts.lens.balance_of(world.account(trader)).flagged_at == 0


def test_a_mark_takes_the_flag_off_who_is_healthy_again(world, trader, keeper):
    """Else whoever falls again soon would find the keeper's share grown."""
    hold(world, trader, keeper, 0, 500 * WAD)
    fall(world, trader, 0, WAD)
    assert world.mark(trader) is None
    assert world.contracts.lens.balance_of(world.account(trader)).flagged_at == world.now
    world.wait(2)
    world.report(PRICES)
    assert world.mark(trader) is None
    assert world.contracts.lens.balance_of(world.account(trader)).flagged_at == 0
    world.assert_equal()


@pytest.mark.parametrize(
    ("seconds", "share"), [(0, 10), (300, 30), (600, 50), (3_598, 50), (3_602, 10)]
)
def test_the_reward_is_the_cost_and_a_share_that_grows_with_the_flags_age(
    world, trader, keeper, seconds, share
):
    hold(world, trader, keeper, 0, 500 * WAD)
    earned = world.model.accounts[world.account(keeper)].margin
    fall(world, trader, 0, 5_000 * WAD)
    assert world.mark(trader) is None
    world.wait(seconds)
    prices = fall(world, trader, 0, 5_000 * WAD) if seconds else None
    assert prices is None or spare(world, trader, prices) < 0
    flagged = world.model.accounts[world.account(trader)].flagged_at
    elapsed = world.now - flagged
    assert world.liquidate(keeper, trader, 3 * WAD) is None
    (log,) = logged(world, "AccountLiquidated")
    ripe = WAD // 10 + 4 * WAD * min(elapsed if elapsed <= 3_600 else 0, 600) // 600 // 10
    assert share * WAD <= ripe * 100 < (share + 1) * WAD
    assert log.reward == 3 * WAD + log.penalty * ripe // WAD
    assert world.model.accounts[world.account(keeper)].margin - earned == log.reward


def test_a_flag_is_renewed_after_an_hour_and_not_before(world, trader, keeper):
    hold(world, trader, keeper, 0, 500 * WAD)
    prices = fall(world, trader, 0, 5_000 * WAD)
    assert world.mark(trader) is None
    flagged_at = world.now
    for seconds, expected in ((3_600, flagged_at), (1, flagged_at + 3_601)):
        world.wait(seconds)
        world.report(prices)
        assert world.mark(trader) is None
        assert world.contracts.lens.balance_of(world.account(trader)).flagged_at == expected


def test_a_part_that_takes_all_the_room_leaves_the_rest_healthy(world, trader, keeper):
    """With the least buffer and a dear closing, payments want more than there is."""
    pool = replace(world.model.pool, buffer=WAD // 100)
    world.contracts.configuration.set_pool(tuple(vars(pool).values()))
    world.model.pool = pool
    whale = somebody(world, "whale", 10_000_000)
    for owner, size, slot in ((whale, -950, 0), (trader, 500, 0), (whale, -500, 1)):
        hold(world, owner, keeper, 0, size * WAD, slot)
    prices = fall(world, trader, 0, 9_000 * WAD)
    assert world.liquidate(keeper, trader) is None
    world.assert_equal()
    assert 250 * WAD < world.contracts.lens.position_of(world.account(trader), 0).size < 350 * WAD
    found = world.model.appraise(world.now, world.account(trader), prices)
    assert 0 <= found.spare < found.maintenance // 10**4
    assert world.liquidate(keeper, trader) == "account healthy"


def test_a_profit_that_exhausts_the_vault_stops_no_liquidation(contracts, keeper):
    """What of the penalty is the second market's insurance's pays no profit in the first."""
    with boa.env.anchor():
        world = World(contracts, {0: ETH, 1: ETH})
        world.provide(70_000 * 10**6)
        world.report(PRICES)
        hedger = somebody(world, "hedger", 30_000)
        hold(world, hedger, keeper, 0, 50 * WAD)
        hold(world, hedger, keeper, 1, -230 * WAD, 1)
        world.wait(2)
        world.report({0: 5_000 * WAD, 1: 1_140 * WAD})
        assert world.liquidate(keeper, hedger) is None
        world.assert_equal()
        assert world.model.claims
        assert world.model.markets[1].insurance > 0


def test_serial_dust_accounts_take_a_days_insurance_and_no_more(world, keeper):
    """Each pays a penalty of a dollar and costs its keeper fifty."""
    world.change(0, insurance_limit=1_000 * WAD)
    insure(world, keeper)
    owners = [somebody(world, f"dust {number}", 6) for number in range(24)]
    size = 34 * WAD // 1_000
    for owner in owners:
        assert world.place(owner, 0, 0, size, PRICES[0] * 101 // 100, keeper_fee=0) is None
    world.wait(2)
    world.report(PRICES)
    assert world.execute(keeper, 0, [(owner, 0) for owner in owners])[0] == [""] * 24
    prices = fall(world, owners[0], 0, WAD // 2)
    insurance = world.model.markets[0].insurance
    earned = world.model.accounts[world.account(keeper)].margin
    for owner in owners:
        assert spare(world, owner, prices) < 0
        assert world.liquidate(keeper, owner, 500 * WAD) is None
    world.assert_equal()
    assert world.contracts.market.insurance_left(0) == 0
    assert insurance - world.model.markets[0].insurance <= 1_000 * WAD
    gained = world.model.accounts[world.account(keeper)].margin - earned
    assert gained <= 24 * 50 * WAD
    assert gained <= 1_000 * WAD + 24 * 103 * WAD // 100  # what insurance and all penalties gave


@pytest.mark.parametrize("is_own", [False, True])
def test_orders_of_a_liquidated_account_keep_their_escrow(world, trader, keeper, is_own):
    """L17, also where the keeper is the owner himself, by his account number 0."""
    hold(world, trader, keeper, 0, 400 * WAD)
    assert world.place(trader, 5, 1, 2 * WAD, 10_000 * WAD) is None
    fall(world, trader, 0, 3_000 * WAD)
    order = world.contracts.orders.order_in(world.account(trader), 5)
    assert order.escrow > 1_000 * WAD
    assert world.liquidate(trader if is_own else keeper, trader, WAD) is None
    world.assert_equal()
    assert world.contracts.lens.balance_of(world.account(trader)).escrow == order.escrow
    world.wait(601)
    assert world.clear(trader, 5) is None
    world.assert_equal()
    assert world.contracts.lens.balance_of(world.account(trader)).escrow == 0


def test_an_outage_and_the_grace_after_it_refuse(world, trader, keeper):
    hold(world, trader, keeper, 0, 500 * WAD)
    prices = fall(world, trader, 0, WAD)
    world.report(prices, world.now + 60)
    assert world.liquidate(keeper, trader) == "chain's clock lags"
    world.wait(62)
    world.report(prices)
    assert world.liquidate(keeper, trader) == "in grace after an outage"
    world.wait(3_600)
    world.report(prices)
    assert world.liquidate(keeper, trader) is None


def test_a_market_that_the_second_lacks_refuses_and_a_report_with_all_of_them_serves(
    world, trader, keeper
):
    hold(world, trader, keeper, 0, 400 * WAD)
    hold(world, trader, keeper, 4, 100 * WAD, 1)
    prices = fall(world, trader, 0, WAD)
    world.wait(2)
    world.report({0: prices[0]})
    assert world.liquidate(keeper, trader) == "no report of that second"
    world.wait(2)
    world.report(prices)
    assert world.liquidate(keeper, trader) is None
    world.assert_equal()
