from fractions import Fraction

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import wad
from tests.math.ranges import (
    MAX_GROWTH,
    MAX_INT,
    MAX_NOTIONAL,
    MAX_PRICE,
    MAX_SIZE,
    MAX_UINT,
    WAD,
    signed,
    up_to,
)

UNSIGNED = up_to(MAX_UINT)
SIGNED = signed(MAX_INT)
DIVISORS = up_to(MAX_INT, smallest=1)  # a signed quotient has no larger one


def assert_twins(contract, name, *numbers):
    """Expect what the twin says; and a revert where a product doesn't fit."""
    expected = getattr(wad, name)(*numbers)
    product = numbers[0] * numbers[1]
    fits = -MAX_INT - 1 <= product <= MAX_INT if "signed" in name else product <= MAX_UINT
    function = getattr(contract, f"_{name}")
    if fits:
        assert function(*numbers) == expected
    else:
        with boa.reverts():
            function(*numbers)


@given(x=SIGNED)
def test_magnitude_equals_the_spec(contract, x):
    assert contract._magnitude(x) == wad.magnitude(x)


def test_the_lowest_integer_has_a_magnitude_too(contract):
    assert contract._magnitude(-MAX_INT) == MAX_INT
    assert contract._magnitude(-MAX_INT - 1) == MAX_INT + 1


@given(x=UNSIGNED, divisor=up_to(MAX_UINT, smallest=1))
def test_unsigned_division_equals_the_spec(contract, x, divisor):
    assert contract._div_up(x, divisor) == wad.div_up(x, divisor)


@given(x=SIGNED, divisor=DIVISORS)
def test_signed_division_equals_the_spec(contract, x, divisor):
    assert contract._signed_div_floor(x, divisor) == wad.signed_div_floor(x, divisor)
    assert contract._signed_div_ceil(x, divisor) == wad.signed_div_ceil(x, divisor)


@pytest.mark.parametrize("name", ["mul_div_down", "mul_div_up"])
@given(x=UNSIGNED, y=UNSIGNED, divisor=up_to(MAX_UINT, smallest=1))
def test_unsigned_quotients_equal_the_spec(contract, name, x, y, divisor):
    assert_twins(contract, name, x, y, divisor)


@pytest.mark.parametrize("name", ["mul_down", "mul_up"])
@given(x=UNSIGNED, y=UNSIGNED)
def test_unsigned_products_equal_the_spec(contract, name, x, y):
    assert_twins(contract, name, x, y)


@pytest.mark.parametrize(
    "name", ["signed_mul_div_floor", "signed_mul_div_ceil", "signed_mul_div_truncated"]
)
@given(x=SIGNED, y=SIGNED, divisor=DIVISORS)
def test_signed_quotients_equal_the_spec(contract, name, x, y, divisor):
    assert_twins(contract, name, x, y, divisor)


@pytest.mark.parametrize("name", ["signed_mul_floor", "signed_mul_ceil"])
@given(x=SIGNED, y=SIGNED)
def test_signed_products_equal_the_spec(contract, name, x, y):
    assert_twins(contract, name, x, y)


@pytest.mark.parametrize("name", ["mul_div_down", "mul_div_up"])
def test_unsigned_products_use_all_256_bits(contract, name):
    assert_twins(contract, name, MAX_UINT, 1, 1)
    assert_twins(contract, name, MAX_UINT, 1, MAX_UINT)
    assert_twins(contract, name, 2**128, 2**128, WAD)


@pytest.mark.parametrize(
    "name", ["signed_mul_div_floor", "signed_mul_div_ceil", "signed_mul_div_truncated"]
)
def test_signed_products_use_all_255_bits(contract, name):
    lowest = -MAX_INT - 1
    for x, y in [(MAX_INT, 1), (MAX_INT, -1), (lowest, 1), (lowest, -1), (2**127, 2**128)]:
        assert_twins(contract, name, x, y, 1)
        assert_twins(contract, name, x, y, WAD)


def test_the_market_fits(contract):
    """The bounds stated in the contract leave no product of the market without room."""
    assert MAX_SIZE * MAX_PRICE < MAX_INT
    assert MAX_NOTIONAL * WAD * MAX_GROWTH < MAX_INT


@pytest.mark.parametrize("name", ["_mul_div_down", "_mul_div_up", "_signed_mul_div_floor"])
def test_nothing_is_divided_by_zero(contract, name):
    with boa.reverts():
        getattr(contract, name)(1, 1, 0)


@given(x=signed(10**40), y=signed(10**40), divisor=DIVISORS)
def test_signed_rounding_goes_where_its_name_says(x, y, divisor):
    exact = Fraction(x * y, divisor)
    assert 0 <= exact - wad.signed_mul_div_floor(x, y, divisor) < 1
    assert 0 <= wad.signed_mul_div_ceil(x, y, divisor) - exact < 1
    truncated = wad.signed_mul_div_truncated(x, y, divisor)
    assert 0 <= abs(exact) - abs(truncated) < 1
    assert truncated * exact >= 0


@given(x=up_to(10**40), y=up_to(10**40), divisor=DIVISORS)
def test_unsigned_rounding_goes_where_its_name_says(x, y, divisor):
    exact = Fraction(x * y, divisor)
    assert 0 <= exact - wad.mul_div_down(x, y, divisor) < 1
    assert 0 <= wad.mul_div_up(x, y, divisor) - exact < 1


@given(x=st.integers(-(10**36), 10**36), y=st.integers(-(10**36), 10**36))
def test_products_of_wads_are_quotients_by_one_wad(x, y):
    assert wad.signed_mul_floor(x, y) == wad.signed_mul_div_floor(x, y, WAD)
    assert wad.signed_mul_ceil(x, y) == wad.signed_mul_div_ceil(x, y, WAD)
    assert wad.mul_down(abs(x), abs(y)) == wad.mul_div_down(abs(x), abs(y), WAD)
    assert wad.mul_up(abs(x), abs(y)) == wad.mul_div_up(abs(x), abs(y), WAD)
