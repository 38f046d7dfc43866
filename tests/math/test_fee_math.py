from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import fee_math
from tests.math.ranges import RATIOS, SIZES, WAD, sizes_and_prices


@st.composite
def trades(draw):
    size_delta, price = draw(sizes_and_prices())
    return {
        "skew": draw(SIZES | st.sampled_from([0, -size_delta, -size_delta // 2])),
        "size_delta": size_delta,
        "price": price,
        "maker_fee": draw(RATIOS),
        "taker_fee": draw(RATIOS),
    }


@given(trade=trades())
def test_maker_size_equals_the_spec(contract, trade):
    skew, size_delta = trade["skew"], trade["size_delta"]
    assert contract._maker_size(skew, size_delta) == fee_math.maker_size(skew, size_delta)


@given(trade=trades())
def test_trade_fee_equals_the_spec(contract, trade):
    assert contract._trade_fee(*trade.values()) == fee_math.trade_fee(**trade)


@given(skew=SIZES, size_delta=SIZES)
def test_what_is_made_lowers_the_skew_and_what_is_taken_raises_it(skew, size_delta):
    making = fee_math.maker_size(skew, size_delta)
    taking = abs(size_delta) - making
    assert making >= 0
    assert taking >= 0
    assert abs(skew + size_delta) == abs(skew) - making + taking


@given(trade=trades())
def test_trade_fee_is_the_exact_one_rounded_up(trade):
    making = fee_math.maker_size(trade["skew"], trade["size_delta"])
    taking = abs(trade["size_delta"]) - making
    ratio = making * trade["maker_fee"] + taking * trade["taker_fee"]
    exact = Fraction(ratio * trade["price"], WAD**2)
    assert 0 <= fee_math.trade_fee(**trade) - exact < 1


@given(trade=trades(), data=st.data())
def test_splitting_a_trade_never_pays(trade, data):
    """The parts add up exactly; only their roundings differ: two instead of one."""
    whole = trade["size_delta"]
    first = data.draw(st.integers(min(0, whole), max(0, whole)))
    split = fee_math.trade_fee(**trade | {"size_delta": first}) + fee_math.trade_fee(
        **trade | {"skew": trade["skew"] + first, "size_delta": whole - first}
    )
    assert fee_math.trade_fee(**trade) <= split <= fee_math.trade_fee(**trade) + 1


def test_a_trade_through_zero_makes_and_takes(contract):
    """Skew 3 long; 10 sold at 2000: 3 make for 0.02 %, 7 take for 0.06 %."""
    fee = contract._trade_fee(3 * WAD, -10 * WAD, 2000 * WAD, 2 * WAD // 10_000, 6 * WAD // 10_000)
    assert fee == 12 * WAD // 10 + 84 * WAD // 10
