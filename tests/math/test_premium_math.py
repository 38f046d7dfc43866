from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import premium_math
from tests.math.ranges import MAX_SIZE, PRICES, SIZES, WAD, up_to


@st.composite
def curves(draw):
    """Return a scale, and a cap that is no larger."""
    scale = draw(up_to(MAX_SIZE, smallest=1))
    return {"scale": scale, "cap": draw(up_to(scale))}


def area(skew, scale, cap):
    """Return the area under min(k, cap) / scale, k from 0 to |skew|: a triangle and a rectangle."""
    sloped = min(abs(skew), cap)
    return (Fraction(sloped**2, 2) + cap * (abs(skew) - sloped)) / scale


@given(skew=SIZES, curve=curves())
def test_potential_equals_the_spec(contract, skew, curve):
    assert contract._potential(skew, *curve.values()) == premium_math.potential(skew, **curve)


@given(skew=SIZES, size_delta=SIZES, price=PRICES, curve=curves())
def test_premium_equals_the_spec(contract, skew, size_delta, price, curve):
    trade = [skew, size_delta, price]
    expected = premium_math.premium(*trade, **curve)
    assert contract._premium(*trade, *curve.values()) == expected


@given(skew=SIZES, curve=curves())
def test_potential_is_the_area_rounded_down(skew, curve):
    assert 0 <= area(skew, **curve) - premium_math.potential(skew, **curve) < 1


@given(skew=SIZES, size_delta=SIZES, price=PRICES, curve=curves())
def test_premium_is_near_the_exact_one(skew, size_delta, price, curve):
    """Each potential is less than 1 below its area, so their difference is less than 1 off, which
    the price carries into the premium; the ceiling adds less than 1 more."""
    change = area(skew + size_delta, **curve) - area(skew, **curve)
    exact = change * price / WAD
    error = premium_math.premium(skew, size_delta, price, **curve) - exact
    assert Fraction(-price, WAD) <= error < Fraction(price, WAD) + 1


@given(skew=SIZES, first=SIZES, second=SIZES, price=PRICES, curve=curves())
def test_splitting_an_order_never_pays(skew, first, second, price, curve):
    """Potentials telescope, so only the ceilings differ: two instead of one."""
    whole = premium_math.premium(skew, first + second, price, **curve)
    split = premium_math.premium(skew, first, price, **curve) + premium_math.premium(
        skew + first, second, price, **curve
    )
    assert whole <= split <= whole + 1


@given(skew=SIZES, size_delta=SIZES, price=PRICES, curve=curves())
def test_there_and_back_never_pays(skew, size_delta, price, curve):
    there = premium_math.premium(skew, size_delta, price, **curve)
    back = premium_math.premium(skew + size_delta, -size_delta, price, **curve)
    assert 0 <= there + back <= 1


@given(skew=SIZES, size_delta=SIZES, price=PRICES, curve=curves())
def test_a_mirrored_trade_costs_the_same(skew, size_delta, price, curve):
    trade = premium_math.premium(skew, size_delta, price, **curve)
    assert trade == premium_math.premium(-skew, -size_delta, price, **curve)


@given(skew=SIZES, price=PRICES, curve=curves())
def test_skew_is_unwound_for_its_potential(skew, price, curve):
    """What the reserve must hold for everybody to leave: never more than who made the skew paid."""
    potential = premium_math.potential(skew, **curve)
    assert premium_math.premium(skew, -skew, price, **curve) == -(potential * price // WAD)
    assert premium_math.premium(0, skew, price, **curve) == ceil(Fraction(potential * price, WAD))


def test_a_worked_example(contract):
    """Scale 1000 coins, cap 100: the first 100 coins pay 5 % on average, further ones 10 %."""
    curve = [1000 * WAD, 100 * WAD]
    assert contract._premium(0, 100 * WAD, 2000 * WAD, *curve) == 10_000 * WAD
    assert contract._premium(100 * WAD, 10 * WAD, 2000 * WAD, *curve) == 2_000 * WAD
    assert contract._premium(-100 * WAD, 100 * WAD, 2000 * WAD, *curve) == -10_000 * WAD
