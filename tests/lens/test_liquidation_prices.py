"""The closed form and its correction, against a search, for any position in any account."""

from dataclasses import replace

import boa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clearway.spec import margin_math, positions, views
from clearway.spec.positions import Position
from clearway.spec.state import Parameters
from clearway.spec.wad import WAD
from tests.lens.comparing import ROUNDINGS
from tests.market.world import ETH

PRICES = st.integers(10**9, 10**26)


@pytest.fixture(scope="module")
def module():
    return boa.load("contracts/modules/liquidation_prices.vy")


@st.composite
def cases(draw: st.DrawFn) -> tuple[Position, Parameters, int, int, int]:
    """Return a position, its market, its side's index, and the rest's equity and maintenance."""
    price = draw(PRICES)
    most = min(10**27, 10**28 * WAD // price) // positions.SIZE_UNIT
    size = draw(st.integers(1, max(most, 1))) * positions.SIZE_UNIT
    cost = size * price // WAD // positions.MONEY_UNIT * positions.MONEY_UNIT
    entry = draw(st.integers(-(10**19), 10**19)) // positions.ENTRY_UNIT * positions.ENTRY_UNIT
    growth = draw(st.one_of(st.integers(-(10**16), 10**16), st.integers(-3 * 10**18, 3 * 10**18)))
    slope = draw(st.sampled_from([0, 1, 25 * 10**8, 10**12 - 1]))
    parameters = replace(
        ETH,
        maintenance_ratio=draw(st.integers(1, 7_500)) * 10**14,
        maintenance_slope=slope,
        initial_slope=slope,
    )
    margin = draw(st.one_of(st.just(0), st.integers(-cost, 2 * cost)))
    needed = draw(st.one_of(st.just(0), st.integers(0, cost)))
    position = Position(size * draw(st.sampled_from([1, -1])), cost, entry)
    return position, parameters, entry + growth, margin, needed


@given(cases())
@settings(max_examples=40)
@example((Position(10**9, 10**12, 0), replace(ETH, maintenance_slope=0), 10**15, 10**11, 0))
@example((Position(-(10**9), 10**12, 0), replace(ETH, maintenance_slope=0), 10**15, 10**11, 0))
@example((Position(10**22, 10**25, 0), ETH, 2 * 10**18, -1, 0))
@example((Position(-(10**22), 10**25, 0), ETH, -2 * 10**18, -(2 * 10**25), 0))
def test_is_the_boundary_that_a_search_finds(module, case):
    position, parameters, index, margin, needed = case
    rest = (margin, margin, margin, 0, needed, 0, 0)
    # Of the market's second word, what maintenance is made of (`parameter_words`)
    word = parameters.maintenance_ratio // 10**14 << 16 | parameters.maintenance_slope << 88
    price = module.internal._liquidation_price(rest, tuple(vars(position).values()), word, index)

    def spare(at: int) -> int:
        worth = positions.notional(position.size, at)
        result = positions.result(position, at) - positions.owed(position, index, at)
        linear = margin_math.linear_requirement(worth, parameters.maintenance_ratio)
        quadratic = margin_math.quadratic_requirement(worth, parameters.maintenance_slope)
        return margin + result - needed - linear - quadratic

    searched = views.boundary(position.size, spare)
    if price == searched and price in (0, views.GREATEST):
        return
    # Where nothing but roundings is spare at the peak, one may find none and the other some.
    if price in (0, views.GREATEST) or searched in (0, views.GREATEST):
        found = searched if price in (0, views.GREATEST) else price
        assert abs(spare(found)) <= ROUNDINGS + abs(position.size) // WAD + 1, (price, searched)
        return
    step = -1 if position.size > 0 else 1
    assert spare(price) >= 0 > spare(price + step), (price, searched)
    if price != searched:
        least = ROUNDINGS + abs(position.size) // WAD + 1
        assert spare(price) <= least >= spare(searched), (price, searched)
