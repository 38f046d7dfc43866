"""What an account's view promises is what its owner, and a liquidator, can do."""

from dataclasses import replace

import boa
import pytest

from clearway.spec import views
from clearway.spec.batches import Schedule
from tests.lens.comparing import assert_all_shown, assert_boundary
from tests.market.world import ETH, WAD, World

# A market so cheap that a report can hold each unit of its price.
TINY = replace(
    ETH,
    schedule=Schedule(10**27, 2 * 10**25, 2 * 10**14, 6 * 10**14),
    max_open_interest=10**27,
    max_skew=2 * 10**25,
    min_notional=10 * WAD,
    penalty_ratio=4 * 10**15,
)
PRICES = {0: 10**12, 1: 3_000 * WAD, 4: 60 * WAD}
SIZES = {0: 2 * 10**25, 1: WAD // 100, 4: WAD}  # of about 20 to 60 quote


@pytest.fixture
def world(contracts):
    with boa.env.anchor():
        world = World(contracts, {0: TINY, 1: ETH, 4: ETH})
        for number in (1, 4):
            world.change(number, min_notional=10 * WAD)
        world.provide(10**13)
        world.report(PRICES)
        yield world


@pytest.fixture
def trader():
    return boa.env.generate_address("trader")


@pytest.fixture
def keeper():
    return boa.env.generate_address("keeper")


def fill(world: World, owner: str, keeper: str, sizes: dict[int, int]) -> None:
    """Bring an account into positions, one after the other."""
    for market, size in sizes.items():
        limit = PRICES[market] * (103 if size > 0 else 97) // 100
        assert world.place(owner, 0, market, size, limit // 10**8 * 10**8) is None
        world.wait(2)
        world.report(PRICES)
        assert world.execute(keeper, market, [(owner, 0)]) == ([""], None)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("others", [{}, {1: -1}, {1: 1, 4: -1}])
def test_at_the_liquidation_price_it_is_healthy_and_one_unit_beyond_it_is_liquidated(
    world, trader, keeper, side, others
):
    world.deposit(trader, 10 * 10**6 if others else 2 * 10**6)
    fill(world, trader, keeper, {0: side * SIZES[0]})
    fill(world, trader, keeper, {market: sign * SIZES[market] for market, sign in others.items()})
    if others:  # too much margin for a price that a report could still hold to each unit
        free = world.contracts.lens.account(world.account(trader)).free
        world.withdraw(trader, free // world.model.scale)
    world.wait(86_400)
    world.report(PRICES)
    for beyond in (0, side):
        world.wait(2)
        price = world.contracts.lens.liquidation_price(world.account(trader), 0)
        assert 0 < price < 2**40
        world.report({**PRICES, 0: price - beyond})
        assert world.contracts.lens.liquidation_price(world.account(trader), 0) == price
        refusal = world.liquidate(keeper, trader)
        assert refusal == (None if beyond else "account healthy")


def test_what_is_free_can_be_withdrawn_and_one_unit_more_is_refused(world, trader, keeper):
    world.deposit(trader, 50 * 10**6)
    fill(world, trader, keeper, {0: SIZES[0], 1: -SIZES[1]})
    amount = world.contracts.lens.account(world.account(trader)).free // world.model.scale
    assert amount > 0
    assert world.withdraw(trader, amount + 1) == "margin in use"
    assert world.withdraw(trader, amount) is None
    assert world.withdraw(trader, 1) == "margin in use"


def test_an_account_is_shown_where_prices_are_missing_stale_or_ahead(world, trader, keeper):
    world.deposit(trader, 50 * 10**6)
    fill(world, trader, keeper, {0: SIZES[0], 4: SIZES[4]})
    account, lens = world.account(trader), world.contracts.lens
    assert lens.account(account).reason == ""
    world.wait(2)
    world.report({0: PRICES[0]})
    assert lens.account(account).reason == "no report of that second"
    world.wait(11)
    assert lens.account(account).reason == "price stale"
    assert_all_shown(world)
    world.report(PRICES, world.now + 60)
    assert lens.account(account).reason == "chain's clock lags"
    assert_all_shown(world)
    shown = lens.account(account)
    assert [position.size for position in shown.positions] == [SIZES[0], SIZES[4]]
    assert (shown.equity, shown.free, shown.positions[0].liquidation_price) == (0, 0, 0)


def test_a_lone_positions_liquidation_price_needs_no_price(world, trader, keeper):
    world.deposit(trader, 2 * 10**6)
    fill(world, trader, keeper, {0: SIZES[0]})
    world.wait(86_400)
    expected = views.liquidation_price(world.model, world.now, world.account(trader), 0)
    assert world.contracts.lens.liquidation_price(world.account(trader), 0) == expected > 0
    with boa.reverts("no position"):
        world.contracts.lens.liquidation_price(world.account(trader), 1)


def test_a_long_that_its_margin_covers_whole_has_no_liquidation_price(world, trader, keeper):
    world.deposit(trader, 100 * 10**6)
    fill(world, trader, keeper, {0: SIZES[0], 1: -SIZES[1]})
    account = world.account(trader)
    assert world.contracts.lens.liquidation_price(account, 0) == 0
    prices = {1: PRICES[1]}
    assert_boundary(world, account, 0, prices, 0, 0)


@pytest.mark.parametrize("stage", ["too young", "no price", "fills", "fails", "by round"])
def test_an_orders_stage_and_reason(world, trader, keeper, stage):
    world.deposit(trader, 50 * 10**6)
    fill(world, trader, keeper, {0: SIZES[0]})
    limit = 2 * 10**12 if stage == "fails" else 10**11
    assert world.place(trader, 5, 0, -SIZES[0], limit, is_reduce_only=True) is None
    world.wait({"too young": 0, "by round": 601}.get(stage, 2))
    if stage in ("fills", "fails"):
        world.report(PRICES)
    (shown,) = world.contracts.lens.account(world.account(trader)).orders
    reasons = {
        "too young": "order too young",
        "no price": "no report of that second",
        "fills": "",
        "fails": "price beyond limit",
        "by round": "too old for a report",
    }
    assert (shown.slot, shown.stage, shown.reason) == (5, stage, reasons[stage])
    world.wait(86_401)
    (shown,) = world.contracts.lens.account(world.account(trader)).orders
    assert shown.stage == "expired"
    assert world.clear(trader, 5) is None


def test_an_order_expires_after_the_last_second_of_its_window(world, trader, keeper):
    world.deposit(trader, 50 * 10**6)
    fill(world, trader, keeper, {0: SIZES[0]})
    assert world.place(trader, 1, 0, SIZES[0], 10**12) is None
    assert world.place(trader, 2, 0, -SIZES[0], 10**12, is_reduce_only=True) is None

    def stages() -> list[str]:
        orders = world.contracts.lens.account(world.account(trader)).orders
        return [order.stage for order in orders]

    world.wait(600)
    assert stages() == ["no price", "no price"]
    world.wait(1)
    assert stages() == ["expired", "by round"]
    world.wait(86_400 - 601)
    assert stages() == ["expired", "by round"]
    assert world.clear(trader, 2) == "order still open"
    world.wait(1)
    assert stages() == ["expired", "expired"]
    assert world.clear(trader, 2) is None


def test_one_whose_other_markets_price_is_missing_stays(world, trader, keeper):
    world.deposit(trader, 50 * 10**6)
    fill(world, trader, keeper, {1: SIZES[1]})
    assert world.place(trader, 5, 0, SIZES[0], 11 * 10**11) is None
    world.wait(2)
    world.report({0: PRICES[0]})
    (shown,) = world.contracts.lens.account(world.account(trader)).orders
    assert (shown.stage, shown.reason) == ("stays", "stays")
