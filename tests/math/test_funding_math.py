from fractions import Fraction
from math import ceil, floor

from hypothesis import example, given
from hypothesis import strategies as st

from clearway.spec import funding_math
from tests.math.ranges import (
    MAX_SIZE,
    SECONDS,
    SIZES,
    WAD,
    signed,
    up_to,
)

DAY = 86_400
TEN_YEARS = 10 * 366 * DAY
MAX_CAP = 15 * WAD  # per day
MAX_VELOCITY = 100 * WAD  # per day^2
PERCENTS = st.sampled_from([10, 50, 75, 99, 100, 101, 150, 300])  # of the way to the cap


@st.composite
def lines(draw):
    """Return a rate within its cap, and how fast it moves; some meet the cap at a whole second."""
    cap = draw(up_to(MAX_CAP))
    rate = draw(signed(cap))
    velocity = draw(signed(MAX_VELOCITY) | st.sampled_from([(cap - rate) * n for n in (1, 2, 5)]))
    return {"rate": rate, "velocity": velocity, "cap": cap}


@st.composite
def spans(draw):
    """Return a line and a time in seconds; every other time is like that of the way to the cap."""
    line, elapsed = draw(lines()), draw(SECONDS)
    if elapsed > 0 and draw(st.booleans()):
        sign, percent = draw(st.sampled_from([1, -1])), draw(PERCENTS)
        way = line["cap"] - sign * line["rate"]
        speed = way * DAY * percent // (100 * elapsed)
        line["velocity"] = sign * min(speed, MAX_VELOCITY)
    return line, elapsed


def rate_on(line, elapsed):
    """Return the exact rate after `elapsed` seconds."""
    on_the_line = line["rate"] + line["velocity"] * Fraction(elapsed, DAY)
    return max(Fraction(-line["cap"]), min(on_the_line, Fraction(line["cap"])))


def integral(line, elapsed):
    """Return the exact integral of the rate clamped to its cap, by the clamp's antiderivative:

    with H' = clamp, H(r + v t) has the derivative v * clamp(r + v t). Nothing here asks when the
    cap is met, as the contract and the model do.
    """
    rate, velocity, cap = (Fraction(line[name]) for name in ("rate", "velocity", "cap"))
    days = Fraction(elapsed, DAY)

    def antiderivative(z):
        return z**2 / 2 if abs(z) <= cap else cap * abs(z) - cap**2 / 2

    if velocity == 0:
        return rate * days
    return (antiderivative(rate + velocity * days) - antiderivative(rate)) / velocity


def growth(line, elapsed):
    return funding_math.index_growth(line["rate"], line["velocity"], elapsed, line["cap"])


def rate_after(line, elapsed):
    return funding_math.rate_after(line["rate"], line["velocity"], elapsed, line["cap"])


@given(skew=SIZES, scale=up_to(MAX_SIZE, smallest=1), max_velocity=up_to(MAX_VELOCITY))
def test_velocity_equals_the_spec(contract, skew, scale, max_velocity):
    expected = funding_math.velocity(skew, scale, max_velocity)
    assert contract._velocity(skew, scale, max_velocity) == expected


@given(span=spans())
def test_rate_after_equals_the_spec(contract, span):
    line, elapsed = span
    found = contract._rate_after(line["rate"], line["velocity"], elapsed, line["cap"])
    assert found == rate_after(line, elapsed)


@given(span=spans())
@example(span=({"rate": MAX_CAP, "velocity": MAX_VELOCITY, "cap": MAX_CAP}, TEN_YEARS))
@example(span=({"rate": -MAX_CAP, "velocity": MAX_VELOCITY, "cap": MAX_CAP}, TEN_YEARS))
@example(span=({"rate": MAX_CAP, "velocity": -MAX_VELOCITY, "cap": MAX_CAP}, TEN_YEARS))
@example(span=({"rate": MAX_CAP, "velocity": -1, "cap": MAX_CAP}, TEN_YEARS))
def test_index_growth_equals_the_spec(contract, span):
    line, elapsed = span
    found = contract._index_growth(line["rate"], line["velocity"], elapsed, line["cap"])
    assert found == growth(line, elapsed)


@given(skew=SIZES, scale=up_to(MAX_SIZE, smallest=1), max_velocity=up_to(MAX_VELOCITY))
def test_velocity_is_in_proportion_to_the_skew_up_to_its_scale(skew, scale, max_velocity):
    velocity = funding_math.velocity(skew, scale, max_velocity)
    exact = max_velocity * max(Fraction(-1), min(Fraction(skew, scale), Fraction(1)))
    assert 0 <= abs(exact) - abs(velocity) < 1
    assert velocity == -funding_math.velocity(-skew, scale, max_velocity)
    assert velocity * skew >= 0


@given(span=spans())
def test_rate_is_less_than_one_unit_short_of_its_way(span):
    """The change is truncated by less than 1, and clamping brings no two rates further apart."""
    line, elapsed = span
    short_of = rate_on(line, elapsed) - rate_after(line, elapsed)
    assert abs(short_of) < 1
    assert short_of * line["velocity"] >= 0


@given(span=spans())
def test_index_growth_is_the_exact_integral_floored(span):
    line, elapsed = span
    assert growth(line, elapsed) == floor(integral(line, elapsed))


@given(line=lines())
def test_no_time_no_growth(contract, line):
    assert contract._index_growth(line["rate"], line["velocity"], 0, line["cap"]) == 0
    assert contract._rate_after(line["rate"], line["velocity"], 0, line["cap"]) == line["rate"]


@given(span=spans())
def test_index_grows_no_faster_than_the_cap(span):
    """Exactly so before the floor; the floor of a negative number is at most the cap's, ceiled."""
    line, elapsed = span
    largest = Fraction(line["cap"] * elapsed, DAY)
    assert -ceil(largest) <= growth(line, elapsed) <= largest


@given(span=spans(), data=st.data())
def test_touching_in_between_changes_no_more_than_roundings(span, data):
    """Split at a touch, the exact integrals add up. What differs:

    - two floors instead of one: by more than -2 and less than 1 around the sum of the two
      integrals, and so, with the floor of the whole, around that;
    - the rate stored at the touch, short of the exact one by less than 1 per day. Rates that
      start less than 1 apart stay so under one clamp, so the second integral is off by less
      than 1 for each day after the touch, and against the velocity.
    """
    line, elapsed = span
    touched = data.draw(st.integers(0, elapsed))
    after = line | {"rate": rate_after(line, touched)}
    rest = elapsed - touched
    drift = integral(after, rest) - (integral(line, elapsed) - integral(line, touched))
    assert abs(drift) <= Fraction(rest, DAY)
    assert drift * line["velocity"] <= 0

    difference = growth(line, touched) + growth(after, rest) - growth(line, elapsed)
    assert drift - 2 < difference < drift + 1


@given(line=lines(), elapsed=up_to(DAY))
def test_mirrored_rates_grow_the_index_the_other_way(line, elapsed):
    mirrored = line | {"rate": -line["rate"], "velocity": -line["velocity"]}
    assert integral(mirrored, elapsed) == -integral(line, elapsed)
    assert growth(line, elapsed) + growth(mirrored, elapsed) in {0, -1}  # two floors


def test_a_worked_example(contract):
    """From -1 % a day, 2 % a day faster each day, capped at 1 %: one day to the cap, whose two
    halves cancel out; then 1 % a day."""
    percent = WAD // 100
    line = [-percent, 2 * percent]
    assert contract._index_growth(*line, DAY, percent) == 0
    assert contract._index_growth(*line, DAY // 2, percent) == -percent // 4
    assert contract._index_growth(*line, 3 * DAY // 4, percent) == -percent * 3 // 16
    assert contract._index_growth(*line, 4 * DAY, percent) == 3 * percent
    assert contract._rate_after(*line, 4 * DAY, percent) == percent
