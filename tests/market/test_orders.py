"""Ends of orders that random walks seldom reach, and what one order does to others."""

from copy import deepcopy
from dataclasses import replace

import boa
import pytest

from clearway.spec.batches import Schedule
from tests.market.world import ETH, NOBODY, PRICES, WAD, World, somebody

DEAR, CHEAP = 10**6 * WAD, 10**8  # limits that no price of these tests reaches


@pytest.fixture
def other(world):
    return somebody(world, "other")


def limit_for(size: int, prices: dict[int, int], market: int) -> int:
    return prices[market] * (102 if size > 0 else 98) // 100


def fill(world: World, keeper: str, orders, prices=PRICES, market: int = 0) -> list[str]:
    """Place orders (owner, slot, size), wait, report, execute; return their ends."""
    for owner, slot, size in orders:
        assert world.place(owner, slot, market, size, limit_for(size, PRICES, market)) is None
    world.wait(2)
    world.report(prices)
    ends, refusal = world.execute(keeper, market, [(owner, slot) for owner, slot, _ in orders])
    assert refusal is None
    world.assert_equal()
    return ends


def close(world: World, keeper: str, owner: str, size: int, prices, market: int = 0) -> None:
    """Sell what somebody holds, at whatever prices there will be."""
    assert world.place(owner, 0, market, -size, CHEAP, is_reduce_only=True) is None
    world.wait(2)
    world.report(prices)
    assert world.execute(keeper, market, [(owner, 0)]) == ([""], None)
    world.assert_equal()


def test_an_increase_that_its_margin_no_longer_covers_fails_and_pays(world, trader, keeper):
    assert fill(world, keeper, [(trader, 0, 400 * WAD)]) == [""]
    fallen = {**PRICES, 0: 2_840 * WAD}
    assert fill(world, keeper, [(trader, 1, 100 * WAD)], fallen) == ["insufficient margin"]
    assert world.contracts.lens.position_of(world.account(trader), 0).size == 400 * WAD


def test_a_keepers_fee_is_no_margin_of_the_order_that_pays_it(world, keeper):
    """At each of prices a small step apart, from where margin is plenty to where it isn't."""
    trader = somebody(world, "thin", 1_200)
    assert fill(world, keeper, [(trader, 0, 4 * WAD)]) == [""]
    assert world.place(trader, 1, 0, WAD, limit_for(1, PRICES, 0), keeper_fee=100 * WAD) is None
    world.wait(2)
    seen = []
    for price in range(3_000, 2_800, -4):
        kept = deepcopy(world.model)
        with boa.env.anchor():
            world.report({**PRICES, 0: price * WAD})
            ends, _ = world.execute(keeper, 0, [(trader, 1)])
            world.assert_equal()
            seen += ends
        world.model = kept
    assert seen == sorted(seen)
    assert set(seen) == {"", "insufficient margin"}


def test_one_that_fails_only_for_its_company_stays_and_is_filled_later(
    world, trader, other, keeper
):
    world.change(0, max_skew=150 * WAD)
    orders = [(trader, 0, 100 * WAD), (other, 0, 100 * WAD)]
    assert fill(world, keeper, orders) == ["stays", "stays"]
    assert world.execute(keeper, 0, [(trader, 0)]) == ([""], None)
    assert world.execute(keeper, 0, [(other, 0)]) == (["skew at its cap"], None)


@pytest.mark.parametrize("side", [1, -1])
def test_whoever_fills_pays_nothing_for_those_of_his_side_that_stay(
    world, trader, other, keeper, side
):
    """Who reduces stands in any company, and pays what he would alone."""
    world.change(0, max_skew=150 * WAD)
    assert fill(world, keeper, [(trader, 0, -side * 10 * WAD)]) == [""]
    third = somebody(world, "third")
    orders = [(trader, 10), (other, 100), (third, 100)]
    for owner, size in orders:
        size *= side * WAD
        assert world.place(owner, 0, 0, size, limit_for(size, PRICES, 0)) is None
    world.wait(2)
    world.report(PRICES)
    kept = deepcopy(world.model)
    told = []
    for batch in ([trader], [trader, other, third]):
        with boa.env.anchor():
            ends, refusal = world.execute(keeper, 0, [(owner, 0) for owner in batch])
            assert refusal is None
            assert sorted(ends) == ["", "stays", "stays"][: len(batch)]
            (log,) = world.contracts.orders.get_logs()[:1]
            told.append((log.size_delta, log.fee, log.premium, log.result))
            world.assert_equal()
        world.model = deepcopy(kept)
    assert told[0] == told[1]


def test_one_that_would_fail_alone_keeps_nobody_from_filling(world, trader, other, keeper):
    world.change(0, max_skew=150 * WAD)
    dreamer = somebody(world, "dreamer", 1_000_000)
    orders = [(trader, 0, 100 * WAD), (dreamer, 0, 160 * WAD)]
    ends = fill(world, keeper, orders)
    assert sorted(ends) == ["", "skew at its cap"]


def test_opposite_orders_meet_at_the_index_price(world, trader, other, keeper):
    assert fill(world, keeper, [(trader, 0, 100 * WAD), (other, 0, -100 * WAD)]) == ["", ""]
    assert world.contracts.lens.market_state(0).impact_reserve == 0


def test_an_account_whose_other_market_the_report_lacks_waits_and_loses_nothing(
    world, trader, keeper
):
    assert fill(world, keeper, [(trader, 0, 10 * WAD)], market=1) == [""]
    only_one = {0: PRICES[0], 4: PRICES[4]}
    assert fill(world, keeper, [(trader, 1, 10 * WAD)], only_one) == ["stays"]


def test_a_reduction_is_judged_by_its_own_markets_price_alone(world, trader, keeper):
    assert fill(world, keeper, [(trader, 0, 10 * WAD)]) == [""]
    assert fill(world, keeper, [(trader, 0, 10 * WAD)], market=1) == [""]
    assert fill(world, keeper, [(trader, 0, -10 * WAD)], {0: PRICES[0]}) == [""]


def test_a_winner_whom_the_vault_cannot_pay_gets_a_claim_and_is_paid_later(contracts, keeper):
    with boa.env.anchor():
        world = World(contracts, {0: ETH})
        world.provide(70_000 * 10**6)
        world.report(PRICES)
        winner, bystander = somebody(world, "winner"), somebody(world, "bystander")
        assert fill(world, keeper, [(winner, 0, 100 * WAD)]) == [""]
        close(world, keeper, winner, 100 * WAD, {**PRICES, 0: 4_000 * WAD})
        assert world.model.claims
        assert world.contracts.lens.balance_of(world.account(bystander)).margin == 10**23
        world.provide(100_000 * 10**6)
        world.pay_claims(5)
        world.assert_equal()
        assert not world.model.claims


@pytest.mark.parametrize(("lost", "left"), [(104_000, True), (119_000, True), (135_000, False)])
def test_what_the_vault_owes_a_loser_is_set_off_against_his_debt(contracts, keeper, lost, left):
    """He won 100,000, of which the vault had 70,000, and has 30,000 of margin."""
    with boa.env.anchor():
        world = World(contracts, {0: ETH, 1: ETH})
        world.provide(70_000 * 10**6)
        world.report(PRICES)
        hedger, other = somebody(world, "hedger", 30_000), somebody(world, "other")
        assert fill(world, keeper, [(hedger, 0, 50 * WAD), (other, 0, 5 * WAD)]) == ["", ""]
        assert fill(world, keeper, [(hedger, 0, 230 * WAD)], market=1) == [""]
        moved = {**PRICES, 0: 5_000 * WAD, 1: 600 * WAD - lost * WAD // 230}
        close(world, keeper, hedger, 50 * WAD, moved)
        claim = world.model.owed
        close(world, keeper, hedger, 230 * WAD, moved, market=1)
        assert world.model.owed < claim
        assert (world.model.owed > 0) == left
        assert world.contracts.lens.balance_of(world.account(hedger)).margin == 0
        close(world, keeper, other, 5 * WAD, moved)
        for _ in range(3):
            world.pay_claims(1)
            world.assert_equal()
        world.provide(100_000 * 10**6)
        for _ in range(3):
            world.pay_claims(1)
            world.assert_equal()
        assert world.model.claims == []


def test_a_loss_beyond_the_margin_is_paid_by_insurance_and_then_by_the_vault(
    world, trader, other, keeper
):
    assert fill(world, keeper, [(trader, 0, 500 * WAD), (other, 0, -300 * WAD)]) == ["", ""]
    insured = world.contracts.lens.market_state(0).insurance
    assert 0 < insured < ETH.insurance_limit
    close(world, keeper, trader, 500 * WAD, {**PRICES, 0: 2_700 * WAD})
    state = world.contracts.lens.market_state(0)
    # What the close itself paid out of its rebate is insured too, and drawn as well.
    assert state.insurance == 0
    assert world.contracts.market.insurance_left(0) <= ETH.insurance_limit - insured
    assert world.contracts.lens.balance_of(world.account(trader)).margin == 0


@pytest.mark.parametrize("price", [2_600, 2_757, 2_758, 2_759, 2_760])
def test_what_a_close_cannot_pay_for_what_other_orders_hold_is_owed(world, keeper, price):
    """Until their escrow comes back, and pays it first."""
    trader = somebody(world, "thin trader", 20_000)
    assert fill(world, keeper, [(trader, 0, 50 * WAD)]) == [""]
    assert world.place(trader, 1, 0, 50 * WAD, limit_for(1, PRICES, 0)) is None
    escrow = world.contracts.lens.balance_of(world.account(trader)).escrow
    close(world, keeper, trader, 50 * WAD, {**PRICES, 0: price * WAD})
    held = world.contracts.lens.balance_of(world.account(trader))
    assert held.escrow == escrow
    assert (held.margin < 0) == (price < 2_760)
    world.wait(3_600)
    assert world.clear(trader, 1) is None
    world.assert_equal()
    assert world.contracts.lens.balance_of(world.account(trader)).margin >= 0


def test_what_a_close_cannot_pay_for_what_is_won_in_another_market_is_owed(world, keeper):
    """Else the premium of a way there would come back without that of the way back."""
    winner, other = somebody(world, "winner", 41_000), somebody(world, "opposite", 300_000)
    for market, coins in ((0, 80), (1, 400), (4, 900)):
        assert fill(world, keeper, [(winner, 0, coins * WAD)], market=market) == [""]
    moved = {**PRICES, 1: 480 * WAD, 4: 160 * WAD}
    close(world, keeper, winner, 400 * WAD, moved, market=1)
    assert fill(world, keeper, [(other, 0, -500 * WAD)], moved) == [""]
    before = world.margin(winner)
    assert before < 0
    assert world.place(winner, 0, 0, -80 * WAD, CHEAP, is_reduce_only=True, keeper_fee=0) is None
    world.wait(2)
    world.report(moved)
    assert world.execute(keeper, 0, [(winner, 0)]) == ([""], None)
    logs = world.contracts.orders.get_logs()
    told = next(log for log in logs if type(log).__name__ == "OrderFilled")
    world.assert_equal()
    assert (told.fee, told.premium) == (0, 0)
    # The taker's fee, and the premium of a skew from -420 to -500 of a scale of 300,000.
    due = 144 * WAD + 3_000 * (500**2 - 420**2) * WAD // 600_000
    assert abs(before - world.margin(winner) + told.result - due) < 2 * 10**9  # the money's grid


def test_the_market_obeys_its_order_book_configuration_and_vault_only(world, trader):
    market = world.contracts.market
    with boa.env.prank(trader):
        for call in (
            lambda: market.lock(world.account(trader), 0, WAD, WAD, False, 0),
            lambda: market.unlock(world.account(trader), 0, 1),
            lambda: market.fill(0, WAD, [(world.account(trader), 0, 0, 0, 0, 1)], trader),
        ):
            with boa.reverts("not the order book"):
                call()
        for call in (
            lambda: market.set_parameters(0, 1, 1),
            lambda: market.set_pool_parameters(1),
            lambda: market.retire(0, WAD),
        ):
            with boa.reverts("not the configuration"):
                call()
        for call in (
            lambda: market.provide(1),
            lambda: market.put_aside(1),
            lambda: market.pay_out(1, trader),
        ):
            with boa.reverts("not the vault"):
                call()


@pytest.mark.parametrize("name", ["OrderBook", "Configuration"])
def test_a_contract_above_is_refused_where_the_market_does_not_await_it(world, name):
    arguments = [world.contracts.market.address, boa.env.eoa]
    with boa.reverts("another contract's place"):
        boa.load(f"contracts/l2/{name}.vy", *arguments)


def test_the_market_is_refused_where_one_that_may_call_it_is_missing(world):
    contracts = world.contracts
    given = [contracts.feed, contracts.costs, contracts.orders, contracts.configuration]
    addresses = [*(contract.address for contract in given), boa.env.eoa]
    for place in range(len(addresses)):
        missing = [*addresses[:place], NOBODY, *addresses[place + 1 :]]
        with boa.reverts("zero address"):
            boa.load("contracts/l2/PerpetualMarket.vy", contracts.token.address, *missing, NOBODY)


def test_the_gateways_word_is_taken_for_an_owner_and_nobody_elses(world, trader):
    market, orders = world.contracts.market, world.contracts.orders
    world.deposit(trader, 10_000 * 10**6)
    account = world.account(trader)
    order = (account, 0, 0, WAD, 4_000 * WAD, False, 0)
    for stranger in (boa.env.eoa, boa.env.generate_address(), orders.address, market.address):
        with boa.reverts("not the owner"):
            market.withdraw(account, 1, stranger, sender=stranger)
        with boa.reverts("not the owner"):
            orders.place(*order, sender=stranger)
    orders.place(*order, sender=market.GATEWAY())
    assert orders.order_in(account, 0).size_delta == WAD
    receiver = boa.env.generate_address()
    market.withdraw(account, 7, receiver, sender=market.GATEWAY())
    assert world.contracts.token.balanceOf(receiver) == 7


def test_only_the_owner_opens_markets_and_only_the_guardian_lowers_caps(world, trader):
    configuration = world.contracts.configuration
    p = configuration.parameters_of(0)
    with boa.env.prank(trader):
        with boa.reverts("not the owner"):
            configuration.set_market(0, p)
        with boa.reverts("not the guardian"):
            configuration.lower_caps(0, 0, 0)
    with boa.reverts("cap not lowered"):
        configuration.lower_caps(0, p.max_open_interest + 10**12, 0)
    configuration.lower_caps(0, 0, 0)
    assert world.contracts.lens.parameters_of(0).max_open_interest == 0
    configuration.set_market(0, p)
    assert world.contracts.lens.parameters_of(0) == p


def test_what_time_cost_before_a_change_it_cost_by_what_held_then(world, trader, keeper):
    """Else who picks the second in which a change is executed picks what it costs others."""
    assert fill(world, keeper, [(trader, 0, 400 * WAD)]) == [""]
    world.wait(86_400)
    world.report(PRICES)
    before = world.contracts.lens.account(world.account(trader)).equity
    schedule = replace(ETH.schedule, skew_scale=30_000 * WAD, premium_cap=400 * WAD)
    changes = {"max_velocity": 100 * WAD, "funding_cap": 3 * WAD // 10, "max_skew": 400 * WAD}
    world.change(0, schedule=schedule, **changes)
    assert world.contracts.lens.account(world.account(trader)).equity == before
    world.assert_equal()
    world.wait(86_400)
    world.report(PRICES)
    close(world, keeper, trader, 400 * WAD, PRICES)


def test_a_premium_that_margin_may_not_cover_is_refused(world):
    """1.44 % and 0.06 % and a penalty of 1 % are the 2.5 % that an account keeps."""
    schedule = Schedule(300_000 * WAD, 4_320 * WAD, 2 * 10**14, 6 * 10**14)
    world.change(0, schedule=schedule)
    with boa.reverts("premium over maintenance"):
        world.change(0, schedule=replace(schedule, premium_cap=4_321 * WAD))
    world.change(0, schedule=ETH.schedule)


def test_a_market_whose_accounts_nobody_could_liquidate_is_refused(world):
    """A penalty is shared out in proportion to what each market would take: never by zero."""
    with boa.reverts("penalty ratio is zero"):
        world.change(0, penalty_ratio=0)
    world.change(0, penalty_ratio=10**14)


@pytest.fixture
def aggregator(world):
    """The first market's, with a round before now; its deviation is 0.5 %."""
    aggregator = boa.load("contracts/mocks/MockAggregator.vy", 8)
    aggregator.set_round(1, 3_000 * 10**8, world.now - 60)
    listing = (aggregator.address, 3_600, 5 * 10**15, 1_000 * WAD, 9_000 * WAD)
    world.contracts.feed.list_market(0, listing)
    return aggregator


@pytest.mark.parametrize("side", [1, -1])
def test_a_reduction_without_a_report_fills_by_the_first_round_after_it(
    world, trader, keeper, aggregator, side
):
    assert fill(world, keeper, [(trader, 0, side * 10 * WAD)]) == [""]
    limit = CHEAP if side > 0 else DEAR
    assert world.place(trader, 0, 0, -side * 10 * WAD, limit, is_reduce_only=True) is None
    world.wait(300)
    aggregator.set_round(2, 3_100 * 10**8, world.now)
    by_round = (keeper, 0, trader, 0, 3_100 * WAD, 5 * 10**15)
    assert world.execute_by_round(*by_round)[1] == "report still counts"
    world.wait(301)
    assert world.execute_by_round(*by_round) == ("", None)
    world.assert_equal()
    assert world.contracts.lens.position_of(world.account(trader), 0).size == 0


def test_a_reduction_that_fails_by_a_round_takes_nothing_from_what_keeps_it_healthy(
    world, keeper, aggregator
):
    """A round may be a day old, so nobody knows what the account could bear now."""
    thin = somebody(world, "thin", 1_600)
    assert fill(world, keeper, [(thin, 0, 10 * WAD)]) == [""]
    assert world.place(thin, 1, 0, -10 * WAD, DEAR, is_reduce_only=True) is None
    world.wait(300)
    aggregator.set_round(2, 3_000 * 10**8, world.now)
    world.wait(301)
    fallen = {**PRICES, 0: 2_916 * WAD}
    world.report(fallen)
    assert world.liquidate(keeper, thin) == "account healthy"
    assert world.execute_by_round(keeper, 0, thin, 1, 3_000 * WAD, 5 * 10**15) == (
        "price beyond limit",
        None,
    )
    assert world.liquidate(keeper, thin) == "account healthy"
    world.assert_equal()


def test_an_increase_never_fills_by_a_round_and_expires_for_nothing(
    world, trader, keeper, aggregator
):
    before = world.contracts.lens.balance_of(world.account(trader))
    assert world.place(trader, 0, 0, 10 * WAD, 3_030 * WAD) is None
    world.wait(601)
    aggregator.set_round(2, 3_100 * 10**8, world.now)
    refused = world.execute_by_round(keeper, 0, trader, 0, 3_100 * WAD, 5 * 10**15)[1]
    assert refused == "order doesn't reduce"
    assert world.clear(trader, 0) is None
    assert world.contracts.lens.balance_of(world.account(trader)) == before


def test_a_reduction_that_nobody_executed_for_a_day_has_expired(world, trader, keeper, aggregator):
    assert fill(world, keeper, [(trader, 0, 10 * WAD)]) == [""]
    assert world.place(trader, 0, 0, -10 * WAD, CHEAP, is_reduce_only=True) is None
    aggregator.set_round(2, 3_100 * 10**8, world.now + 1)
    world.wait(86_400)
    assert world.clear(trader, 0) == "order still open"
    world.wait(1)
    by_round = (keeper, 0, trader, 0, 3_100 * WAD, 5 * 10**15)
    assert world.execute_by_round(*by_round)[1] == "order expired"
    assert world.clear(trader, 0) is None


def test_a_report_may_come_with_the_orders_that_it_prices(world, trader, keeper):
    assert world.place(trader, 0, 0, 10 * WAD, 3_030 * WAD) is None
    world.wait(2)
    report = world.signed_report(PRICES)
    order = world.account(trader)
    world.contracts.orders.submit_and_execute(*report.as_arguments(), 0, [order], sender=keeper)
    assert world.contracts.lens.position_of(order, 0).size == 10 * WAD
