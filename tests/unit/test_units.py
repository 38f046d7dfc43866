import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.opstack.errors import BadInput
from clearway.opstack.text import amount, duration
from clearway.units import LARGEST, LONGEST, parse_amount, parse_count, parse_duration

DECIMALS = st.integers(min_value=0, max_value=24)


@given(units=st.integers(min_value=1, max_value=LARGEST), decimals=DECIMALS)
def test_an_amount_shown_is_the_amount_read(units, decimals):
    assert parse_amount(amount(units, decimals), decimals) == units


@given(text=st.text(alphabet="0123456789.-+eE_, x\u0661\u00bd", max_size=12), decimals=DECIMALS)
def test_an_amount_is_exact_or_refused(text, decimals):
    try:
        units = parse_amount(text, decimals)
    except BadInput:
        return
    assert 0 < units <= LARGEST
    assert parse_amount(amount(units, decimals), decimals) == units


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("1.5", 6, 1_500_000),
        ("0.000001", 6, 1),
        ("1.500000000", 6, 1_500_000),  # zeros at the end are no decimals
        (".5", 18, 5 * 10**17),
        ("007", 0, 7),
        (" 2 ", 18, 2 * 10**18),
    ],
)
def test_amounts(text, decimals, units):
    assert parse_amount(text, decimals) == units


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("-1", "plain number"),
        ("0", "more than nothing"),
        ("0.0", "more than nothing"),
        ("0.0000001", "at most 6"),
        ("1e6", "without an exponent"),
        ("1,000", "without separators"),
        ("1_000", "without separators"),
        ("1.5ETH", "leave its unit out"),
        ("all", "plain number"),
        ("", "plain number"),
        (".", "plain number"),
        ("1.", "plain number"),
        ("nan", "plain number"),
        ("0x10", "plain number"),
        ("\u0661", "plain number"),  # a digit to Python, not to us
        ("9" * 40, "check its digits"),
        ("9" * 10_000, "check its digits"),
    ],
)
def test_a_bad_amount_says_what_is_allowed(text, advice):
    with pytest.raises(BadInput) as caught:
        parse_amount(text, 6)
    assert advice in caught.value.advice
    assert len(str(caught.value)) < 200


def test_zero_is_an_amount_where_it_may_be():
    assert parse_amount("0.0", 6, allow_zero=True) == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12),
        ("90s", 90),
        ("3h30m", 12_600),
        ("3 h 30 min", 12_600),
        ("7d", 604_800),
        ("1w2d", 777_600),
        ("7D", 604_800),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@given(
    days=st.integers(0, 36_000),
    hours=st.integers(0, 23),
    minutes=st.integers(0, 59),
    seconds=st.integers(1, 59),
)
def test_a_duration_is_the_sum_of_its_parts(days, hours, minutes, seconds):
    total = 86_400 * days + 3_600 * hours + 60 * minutes + seconds
    assert parse_duration(f"{days}d{hours}h{minutes}m{seconds}s") == total


@given(seconds=st.integers(min_value=1, max_value=LONGEST))
def test_a_duration_shown_is_understood(seconds):
    shown = parse_duration(duration(seconds))
    # Two parts are shown; what is left out is less than the smaller of them.
    assert shown <= seconds < shown + 86_400


@pytest.mark.parametrize(
    "text",
    ["", "d", "-7d", "7x", "1.5h", "30m3h", "1h1h", "5 5", "3h5", "0", "1e3", "9" * 30 + "d"],
)
def test_a_bad_duration_is_refused(text):
    with pytest.raises(BadInput):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "abc", "", "4294967296", "9" * 100])
def test_a_count_is_whole_and_within_its_bounds(text):
    with pytest.raises(BadInput, match="from 1 to 4294967295"):
        parse_count(text, "--gas", 2**32 - 1)
    assert parse_count("200000", "--gas", 2**32 - 1) == 200_000
