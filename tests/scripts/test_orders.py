"""What margin an order needs: planned from what the lenses say, tried on the model."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.deployments import Listed
from clearway.opstack.errors import BadInput, InsufficientBalance
from clearway.spec import margin_math, positions, views
from clearway.spec.refused import Refused
from clearway.spec.state import account_of
from clearway.spec.wad import WAD
from clearway.trading.orders import (
    CENT,
    DEFAULT_KEEPER_FEE,
    Capital,
    Intent,
    Plan,
    plan,
    plan_reduction,
    require_margin,
)
from tests.spec.world import PARAMETERS, POOL, TILE, Wish, World

ETH = Listed(0, "ETH")
ACCOUNT = account_of(7)
# PoolLens gives a market's parameters in one struct.
FLAT = SimpleNamespace(**{**vars(PARAMETERS), **vars(PARAMETERS.schedule)})

SIZES = st.builds(
    lambda size, sign: size * sign * positions.SIZE_UNIT,
    st.integers(10**8, 10**12),  # 0.1 to 1000 of the market's units
    st.sampled_from([1, -1]),
)


def planned(world: World, intent: Intent) -> Plan:
    market, now = world.market, world.now
    quote = views.quote(market, now, ACCOUNT, 0, intent.size_delta, keeper_fee=intent.keeper_fee)
    view = views.account_view(market, now, ACCOUNT)
    return plan(intent, quote, view, market_of(world), capital_of(world))


def market_of(world: World) -> Any:
    shown = views.market_view(world.market, world.now, 0)
    return SimpleNamespace(**vars(shown), parameters=FLAT)


def capital_of(world: World) -> Capital:
    shown = views.vault_view(world.market, world.now)
    return Capital(shown.cash, shown.at_risk, POOL.max_utilisation)


def deposited(world: World, money: int) -> World:
    """Bring quote wad in, to a token unit."""
    if money:
        world.market.deposit(ACCOUNT, money // world.market.scale)
    return world


def filled(world: World, order: Plan) -> str:
    """Place the planned order and fill it at the same price; return why it failed, if so."""
    wish = Wish(ACCOUNT, order.size_delta, order.limit_price, keeper_fee=order.keeper_fee)
    return world.fill(wish)[0]


def leverage_of(world: World) -> int:
    view = views.account_view(world.market, world.now, ACCOUNT)
    notional = sum(one.notional for one in view.positions)
    return margin_math.leverage(notional, view.equity)


@given(SIZES, st.integers(1, 500), st.integers(10, 150).map(lambda tenths: tenths * WAD // 10))
def test_what_is_missing_gives_the_leverage_and_two_cents_less_do_not(size, dollars, leverage):
    intent = Intent(ETH, size, leverage=leverage)
    worlds = [World(), World()]
    for world in worlds:
        world.deposit(ACCOUNT, dollars)
    exact, short = worlds
    order = planned(exact, intent)
    assert order.missing % CENT == 0
    deposited(exact, order.missing)
    assert filled(exact, order) == ""
    assert leverage_of(exact) <= leverage
    if order.missing > 2 * CENT:
        # One cent it may be above by rounding up, and a few wads of another by roundings of fees.
        deposited(short, order.missing - 2 * CENT)
        try:
            reason = filled(short, order)
        except Refused:
            return  # it can't be placed at all
        assert reason or leverage_of(short) > leverage


@given(SIZES)
def test_without_a_leverage_what_is_missing_lets_the_order_stand(size):
    world = World()
    order = planned(world, Intent(ETH, size))
    with pytest.raises(InsufficientBalance, match="the account lacks"):
        require_margin(order)
    deposited(world, order.missing)
    require_margin(planned(world, Intent(ETH, size)))
    assert filled(world, order) == ""


@given(st.integers(10**8, 10**12).map(lambda n: n * positions.SIZE_UNIT))
def test_the_most_leverage_that_is_named_is_allowed(size):
    world = World()
    with pytest.raises(BadInput, match=r"give ([0-9.]+) or less") as refusal:
        planned(world, Intent(ETH, size, leverage=100 * WAD))
    named = refusal.value.advice.split()[1]
    allowed = int(float(named) * 10) * WAD // 10
    order = planned(world, Intent(ETH, size, leverage=allowed))
    deposited(world, order.missing)
    assert filled(world, order) == ""


def test_caps_are_told_before_anything_is_deposited():
    world = World()
    for size, reason in (
        (WAD // 100, "position too small"),
        (60_000 * WAD, "open interest at its cap"),
        (30_000 * WAD, "skew at its cap"),
    ):
        with pytest.raises(BadInput, match=reason):
            planned(world, Intent(ETH, size, leverage=5 * WAD))


@given(st.integers(10**8, 10**11).map(lambda n: n * positions.SIZE_UNIT), st.booleans())
def test_what_the_vault_can_bear_is_told_as_the_market_judges_it(size, is_short):
    """Of the whole vault 90 % may be used, of a position's worth a fifth is at risk."""
    world = World(vault=20_000)
    world.deposit(ACCOUNT, 10_000_000)
    intent = Intent(ETH, -size if is_short else size)
    trial = World(vault=20_000)
    trial.deposit(ACCOUNT, 10_000_000)
    if trial.fill(Wish(ACCOUNT, intent.size_delta)) == [""]:
        assert filled(world, planned(world, intent)) == ""
    else:
        with pytest.raises(BadInput, match="vault fully used"):
            planned(world, intent)


def test_a_reduction_offers_its_keeper_what_margin_there_is():
    world = World()
    world.deposit(ACCOUNT, 1_000)
    assert filled(world, planned(world, Intent(ETH, WAD))) == ""
    view = SimpleNamespace(margin=DEFAULT_KEEPER_FEE // 3)
    intent = Intent(ETH, -WAD, is_reduce_only=True, limit_price=WAD)
    order = plan_reduction(intent, None, view)
    assert 0 < order.keeper_fee <= view.margin
    with pytest.raises(BadInput, match="nobody has a price of ETH"):
        plan_reduction(Intent(ETH, -WAD, is_reduce_only=True), None, view)


def test_an_order_is_the_same_whatever_the_price_is():
    intent = Intent(ETH, WAD)
    world = World()
    world.deposit(ACCOUNT, 10_000)
    before = planned(world, intent)
    world.wait(TILE, 3_010 * WAD)
    after = planned(world, intent)
    assert before.limit_price != after.limit_price
    assert before.identity == after.identity
