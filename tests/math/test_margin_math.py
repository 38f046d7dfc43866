from fractions import Fraction
from math import ceil, floor

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import margin_math
from tests.math.ranges import MAX_NOTIONAL, MAX_UINT, RATIOS, WAD, signed, up_to

NOTIONALS = up_to(MAX_NOTIONAL)
SLOPES = up_to(10**5)  # with MAX_NOTIONAL, as the contract says
TIMES = up_to(2**40)
PARAMETERS = up_to(10**36)


@st.composite
def ramps(draw):
    started_at, ends_at = sorted([draw(TIMES), draw(TIMES)])
    return {
        "before": draw(PARAMETERS),
        "after": draw(PARAMETERS),
        "started_at": started_at,
        "ends_at": ends_at,
        "now": draw(TIMES | st.integers(started_at, ends_at)),
    }


@given(notional=NOTIONALS, ratio=RATIOS)
def test_linear_requirement_equals_the_spec(contract, notional, ratio):
    expected = margin_math.linear_requirement(notional, ratio)
    assert contract._linear_requirement(notional, ratio) == expected


@given(notional=NOTIONALS, slope=SLOPES)
def test_quadratic_requirement_equals_the_spec(contract, notional, slope):
    expected = margin_math.quadratic_requirement(notional, slope)
    assert contract._quadratic_requirement(notional, slope) == expected


@given(notional=NOTIONALS, ratio=RATIOS, slope=SLOPES)
def test_requirement_equals_the_spec(contract, notional, ratio, slope):
    expected = margin_math.requirement(notional, ratio, slope)
    assert contract._requirement(notional, ratio, slope) == expected


@given(notional=up_to(10**30), ratio=RATIOS, slope=up_to(10**17))
def test_steep_requirements_fit_for_a_million_million_quote(contract, notional, ratio, slope):
    expected = margin_math.requirement(notional, ratio, slope)
    assert contract._requirement(notional, ratio, slope) == expected


@given(notional=NOTIONALS, equity=signed(MAX_NOTIONAL))
def test_leverage_equals_the_spec(contract, notional, equity):
    assert contract._leverage(notional, equity) == margin_math.leverage(notional, equity)


@given(ramp=ramps())
def test_ramped_equals_the_spec(contract, ramp):
    assert contract._ramped(*ramp.values()) == margin_math.ramped(**ramp)


@given(notional=NOTIONALS, ratio=RATIOS, slope=SLOPES)
def test_requirement_is_less_than_two_units_above_the_exact_one(notional, ratio, slope):
    """Two parts, each less than one unit above its own."""
    quote = Fraction(notional, WAD)
    exact = ratio * quote + slope * quote**2
    assert 0 <= margin_math.requirement(notional, ratio, slope) - exact < 2


@given(first=NOTIONALS, second=NOTIONALS, ratio=RATIOS, slope=SLOPES)
def test_requirement_grows_with_size_and_faster_than_size(first, second, ratio, slope):
    """The exact one of a sum is no less than the sum; two parts of either have two roundings."""
    whole = margin_math.requirement(first + second, ratio, slope)
    parts = [margin_math.requirement(notional, ratio, slope) for notional in (first, second)]
    assert whole >= max(parts)
    assert whole > sum(parts) - 4


def test_a_worked_example(contract):
    """2 % and 1 % more for each million quote: a million needs 3 %, two million 4 %."""
    million = 10**6 * WAD
    ratio, slope = 2 * WAD // 100, WAD // 100 // 10**6
    assert contract._requirement(million, ratio, slope) == 3 * million // 100
    assert contract._requirement(2 * million, ratio, slope) == 2 * million * 4 // 100


@given(notional=NOTIONALS, equity=up_to(MAX_NOTIONAL, smallest=1))
def test_leverage_is_the_exact_one_rounded_up(notional, equity):
    assert margin_math.leverage(notional, equity) == ceil(Fraction(notional, equity) * WAD)


def test_leverage_without_equity_or_notional(contract):
    assert contract._leverage(1, 0) == MAX_UINT
    assert contract._leverage(1, -1) == MAX_UINT
    assert contract._leverage(0, -1) == 0
    assert contract._leverage(0, 0) == 0


@given(ramp=ramps())
def test_ramped_is_on_its_line_and_rounded_towards_its_start(ramp):
    before, after, started_at, ends_at, now = ramp.values()
    if now >= ends_at:
        exact = Fraction(after)
    elif now <= started_at:
        exact = Fraction(before)
    else:
        exact = before + Fraction(after - before, ends_at - started_at) * (now - started_at)
    rounded = floor(exact) if after > before else ceil(exact)
    assert margin_math.ramped(**ramp) == rounded


@given(ramp=ramps(), later=TIMES)
def test_ramped_never_turns_back(ramp, later):
    now, then = sorted([ramp["now"], later])
    on_the_way = [
        ramp["before"],
        margin_math.ramped(**ramp | {"now": now}),
        margin_math.ramped(**ramp | {"now": then}),
        ramp["after"],
    ]
    assert on_the_way == sorted(on_the_way, reverse=ramp["after"] < ramp["before"])


def test_a_ramp_that_ends_as_it_starts_is_over(contract):
    assert contract._ramped(1, 2, 100, 100, 100) == 2
    assert contract._ramped(1, 2, 100, 100, 99) == 1


def test_a_ramp_of_one_unit_is_at_its_start_to_the_last_second(contract):
    assert contract._ramped(1, 2, 100, 200, 199) == 1
    assert contract._ramped(2, 1, 100, 200, 199) == 2
