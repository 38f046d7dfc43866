"""People's numbers of the market: on its grids, and shown so that they are understood again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway import numbers
from clearway.opstack.errors import BadInput
from clearway.spec.positions import SIZE_UNIT
from clearway.spec.state import KEEPER_FEE_UNIT, LIMIT_UNIT
from clearway.spec.wad import WAD


@pytest.mark.parametrize(
    ("parse", "text", "wad"),
    [
        (numbers.parse_size, "2", 2 * WAD),
        (numbers.parse_size, "0.000000001", SIZE_UNIT),
        (numbers.parse_price, "1999.5", 19_995 * WAD // 10),
        (numbers.parse_price, "0.0000000001", LIMIT_UNIT),
        (numbers.parse_money, "1.000000000000000001", WAD + 1),
        (numbers.parse_keeper_fee, "0", 0),
        (numbers.parse_keeper_fee, "0.000001", KEEPER_FEE_UNIT),
        (numbers.parse_keeper_fee, "100", 100 * WAD),
        (numbers.parse_leverage, "10", 10 * WAD),
        (numbers.parse_leverage, " 2.5X ", 25 * WAD // 10),
    ],
)
def test_numbers_are_exact(parse, text, wad):
    assert parse(text) == wad


@pytest.mark.parametrize(
    ("parse", "text", "sentence"),
    [
        (numbers.parse_size, "0.0000000001", "give at most 9"),
        (numbers.parse_size, "0", "the size is zero"),
        (numbers.parse_size, "-1", "is negative"),
        (numbers.parse_price, "0.00000000001", "give at most 10"),
        (numbers.parse_keeper_fee, "100.000001", "give at most 100"),
        (numbers.parse_keeper_fee, "0.0000001", "give at most 6"),
        (numbers.parse_leverage, "1001", "absurdly high"),
        (numbers.parse_leverage, "x", "not a plain number"),
    ],
)
def test_what_no_order_may_say_is_refused(parse, text, sentence):
    with pytest.raises(BadInput, match=sentence):
        parse(text)


@pytest.mark.parametrize(
    ("text", "ratio"), [("0", 0), ("0.5", WAD // 200), ("1%", WAD // 100), ("100 %", WAD)]
)
def test_a_percentage_is_understood_with_and_without_its_sign(text, ratio):
    assert numbers.parse_percent(text, "it") == ratio


def test_more_than_all_is_no_slippage():
    with pytest.raises(BadInput, match="is more than all"):
        numbers.parse_percent("100.1", "it")


@pytest.mark.parametrize(
    ("wad", "shown"),
    [
        (0, "0.00"),
        (1_250 * WAD + 4 * WAD // 10, "1250.40"),
        (-WAD // 3, "-0.33"),
        (WAD * 1_005 // 1_000, "1.01"),  # half a cent goes away from zero
        (31 * WAD // 10_000, "0.0031"),
        (-31 * WAD // 10_000, "-0.0031"),
        (WAD // 100_000, "0.00"),
    ],
)
def test_money_is_shown_to_the_cent_and_less_by_four_decimals(wad, shown):
    assert numbers.money(wad) == shown


@pytest.mark.parametrize(
    ("wad", "shown"), [(WAD, "+1.00"), (-WAD, "-1.00"), (0, "0.00"), (1, "0.00")]
)
def test_a_gain_has_its_sign(wad, shown):
    assert numbers.money(wad, signed=True) == shown


@pytest.mark.parametrize(
    ("wad", "shown"),
    [
        (2_000 * WAD, "2000.00"),
        (60_123_456 * WAD // 1_000, "60123.46"),
        (123_456_789 * 10**9, "0.123457"),
        (150 * WAD, "150.000"),
        (0, "0"),
    ],
)
def test_a_price_has_six_digits_and_its_cents(wad, shown):
    assert numbers.price(wad) == shown


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [(6 * 10**14, "0.06%"), (10**12, "0.0001%"), (WAD, "100.00%"), (-(10**12), "-0.0001%")],
)
def test_a_small_percentage_keeps_its_digits(ratio, shown):
    assert numbers.percent(ratio) == shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(312 * 10**12, "0.0312%"), (-2 * 10**11, "0.0000%"), (9 * 10**17, "90.0000%"), (0, "0.0000%")],
)
def test_a_daily_rate_is_as_wide_however_small(rate, shown):
    assert numbers.daily_rate(rate) == shown


@given(st.integers(1, 10**6 * 10**9))
def test_a_size_that_is_shown_is_understood(units):
    assert numbers.parse_size(numbers.size(units * SIZE_UNIT)) == units * SIZE_UNIT


@given(st.integers(1, 10**30), st.booleans())
def test_a_price_made_worse_is_a_limit_and_never_better(price, is_buy):
    worse = numbers.worse_by(price, WAD // 100, is_buy=is_buy)
    assert worse % LIMIT_UNIT == 0
    if is_buy:
        assert worse * 100 >= price * 101 > (worse - LIMIT_UNIT) * 100
    else:
        assert worse == LIMIT_UNIT or worse * 100 <= price * 99 < (worse + LIMIT_UNIT) * 100
