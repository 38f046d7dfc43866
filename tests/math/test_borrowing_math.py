from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import borrowing_math
from tests.math.ranges import MAX_NOTIONAL, SECONDS, WAD, up_to

DAY = 86_400
QUOTES = up_to(MAX_NOTIONAL)
UTILISATIONS = up_to(2 * WAD)


@st.composite
def curves(draw):
    rate_at_full = draw(up_to(WAD))
    return {
        "kink": draw(up_to(WAD, smallest=1)),
        "rate_at_kink": draw(up_to(rate_at_full)),
        "rate_at_full": rate_at_full,
    }


@given(at_risk=QUOTES, capital=QUOTES)
def test_utilisation_equals_the_spec(contract, at_risk, capital):
    assert contract._utilisation(at_risk, capital) == borrowing_math.utilisation(at_risk, capital)


@given(utilisation=UTILISATIONS, curve=curves())
def test_borrowing_rate_equals_the_spec(contract, utilisation, curve):
    expected = borrowing_math.borrowing_rate(utilisation, **curve)
    assert contract._borrowing_rate(utilisation, *curve.values()) == expected


@given(rate=up_to(WAD), elapsed=SECONDS)
def test_borrow_growth_equals_the_spec(contract, rate, elapsed):
    assert contract._borrow_growth(rate, elapsed) == borrowing_math.borrow_growth(rate, elapsed)


@given(at_risk=up_to(MAX_NOTIONAL, smallest=1), capital=up_to(MAX_NOTIONAL, smallest=1))
def test_utilisation_is_the_share_at_risk_rounded_up(at_risk, capital):
    share = min(Fraction(at_risk, capital), Fraction(1))
    assert borrowing_math.utilisation(at_risk, capital) == ceil(share * WAD)


def test_utilisation_without_capital_or_risk(contract):
    assert contract._utilisation(0, 0) == 0
    assert contract._utilisation(0, 1) == 0
    assert contract._utilisation(1, 0) == WAD
    assert contract._utilisation(2**256 - 1, 1) == WAD


@given(utilisation=UTILISATIONS, curve=curves())
def test_borrowing_rate_is_the_exact_one_rounded_up(utilisation, curve):
    kink, at_kink, at_full = (Fraction(number) for number in curve.values())
    used = min(utilisation, WAD)
    below = at_kink * min(used, kink) / kink
    above = (at_full - at_kink) * (used - kink) / (WAD - kink) if used > kink else 0
    assert borrowing_math.borrowing_rate(utilisation, **curve) == ceil(below + above)


@given(curve=curves(), beyond=UTILISATIONS)
def test_borrowing_rate_meets_its_parameters(contract, curve, beyond):
    numbers = curve.values()
    assert contract._borrowing_rate(0, *numbers) == 0
    assert contract._borrowing_rate(curve["kink"], *numbers) == curve["rate_at_kink"]
    if curve["kink"] < WAD:
        assert contract._borrowing_rate(WAD + beyond, *numbers) == curve["rate_at_full"]


@given(first=UTILISATIONS, second=UTILISATIONS, curve=curves())
def test_borrowing_rate_never_falls_as_more_is_used(first, second, curve):
    low, high = sorted([first, second])
    rates = [borrowing_math.borrowing_rate(used, **curve) for used in (low, high)]
    assert rates == sorted(rates)


@given(rate=up_to(WAD), first=SECONDS, second=SECONDS)
def test_growth_of_two_intervals_is_that_of_both(rate, first, second):
    """Exactly they are equal; two roundings up instead of one add less than 2, so at most 1."""
    parts = [borrowing_math.borrow_growth(rate, elapsed) for elapsed in (first, second)]
    whole = borrowing_math.borrow_growth(rate, first + second)
    assert whole <= sum(parts) <= whole + 1
    assert 0 <= whole - Fraction(rate * (first + second), DAY) < 1


@given(at_risk=QUOTES, most=up_to(WAD))
def test_least_capital_equals_the_spec(contract, at_risk, most):
    assert contract._least_capital(at_risk, most) == borrowing_math.least_capital(at_risk, most)


@given(at_risk=up_to(MAX_NOTIONAL, smallest=1), most=up_to(WAD - 1, smallest=1))
def test_least_capital_is_the_least_that_is_used_no_more(at_risk, most):
    least = borrowing_math.least_capital(at_risk, most)
    assert borrowing_math.utilisation(at_risk, least) <= most
    assert borrowing_math.utilisation(at_risk, least - 1) > most
