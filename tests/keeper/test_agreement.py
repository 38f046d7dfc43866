"""What publishers agree on, and what one may sign."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.keeper.agreement import TOLERANCE, agree, quotes_in, why_not_sign
from clearway.reports import Report
from clearway.spec import price_words
from clearway.spec.quotes import Quote

WAD = 10**18
NOW = 1_900_000_000
LENGTH = 1
PRICES = st.integers(10**12, 10**24)
CONFIDENCES = st.integers(0, 2 * WAD // 100)
QUOTES = st.builds(Quote, PRICES, CONFIDENCES)
MARKETS = st.integers(0, 31)
OBSERVATIONS = st.dictionaries(MARKETS, QUOTES, min_size=1, max_size=6)


def quorum_of(publishers: int) -> int:
    return publishers // 2 + 1


@given(st.lists(QUOTES, min_size=1, max_size=7), PRICES)
def test_liars_move_a_price_no_further_than_honest_ones_are_apart(
    honest: list[Quote], lie: int
) -> None:
    liars = [{0: Quote(lie, 0)}] * (len(honest) - 1)
    seen = [{0: quote} for quote in honest] + liars
    price = agree(seen, quorum_of(len(seen)))[0].price
    assert min(one.price for one in honest) <= price <= max(one.price for one in honest)


@given(st.lists(QUOTES, min_size=1, max_size=7))
def test_a_quorum_saw_the_price_within_its_confidence(quotes: list[Quote]) -> None:
    quorum = quorum_of(len(quotes))
    agreed = agree([{0: quote} for quote in quotes], quorum)[0]
    band = agreed.price * agreed.confidence
    near = [one for one in quotes if abs(one.price - agreed.price) * WAD <= band]
    assert len(near) >= quorum


@given(st.permutations([Quote(100 * WAD, 0), Quote(103 * WAD, 0), Quote(101 * WAD, 0)]))
def test_three_agree_on_the_middle_one(quotes: list[Quote]) -> None:
    assert agree([{0: quote} for quote in quotes], 2)[0].price == 101 * WAD


def test_a_market_that_too_few_saw_is_left_out() -> None:
    one = {0: Quote(100 * WAD, 0), 1: Quote(5 * WAD, 0)}
    assert agree([one, {0: Quote(100 * WAD, 0)}, {}], 2).keys() == {0}


@given(OBSERVATIONS)
def test_a_report_gives_back_the_quotes_that_it_was_made_of(quotes: dict[int, Quote]) -> None:
    report = Report.of(NOW, quotes)
    found = quotes_in(report)
    assert found.keys() == quotes.keys()
    assert Report.of(NOW, found) == report


@given(st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=3))
def test_words_that_no_quotes_have_are_none(boards: list[int]) -> None:
    report = Report(NOW, tuple(boards))
    try:
        quotes = quotes_in(report)
    except ValueError:
        return
    assert Report.of(NOW, quotes) == report


@given(OBSERVATIONS)
def test_what_one_observed_oneself_may_be_signed(quotes: dict[int, Quote]) -> None:
    assert why_not_sign(Report.of(NOW, quotes), quotes, NOW, LENGTH) == ""


@given(QUOTES, st.integers(0, 10**6), st.sampled_from([1, -1]))
def test_how_far_a_price_may_be(own: Quote, permille: int, sign: int) -> None:
    price = own.price + sign * own.price * permille // 10**6
    if price <= price_words.LOWEST_PRICE:
        return
    refused = why_not_sign(Report.of(NOW, {0: Quote(price, 0)}), {0: own}, NOW, LENGTH)
    allowed = TOLERANCE + own.confidence
    rounding = WAD // 10**9
    distance = permille * WAD // 10**6
    if distance <= allowed - rounding:
        assert refused == ""
    if distance > allowed + rounding:
        assert refused == "market 0 is far from what was observed"


def _without_a_market(quotes: dict[int, Quote]) -> Report:
    return Report.of(NOW, {0: quotes[0]})


def _with_one_more(quotes: dict[int, Quote]) -> Report:
    return Report.of(NOW, {**quotes, 9: Quote(WAD, 0)})


REFUSALS: dict[str, Callable[[Any], Report]] = {
    "market 1 is left out": _without_a_market,
    "market 9 wasn't observed": _with_one_more,
    "the tile isn't over": lambda quotes: Report.of(NOW + LENGTH, quotes),
    "no tile that an order could need": lambda quotes: Report.of(NOW - 600, quotes),
    "not the words of its quotes": lambda quotes: Report(
        NOW,
        (Report.of(NOW, quotes).boards[0] | 1 << 96,),  # an exponent without a mantissa
    ),
    "price out of bounds": lambda quotes: Report(NOW, (1 << 32 + 3 * 56 + 16,)),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_is_not_signed(reason: str) -> None:
    quotes = {0: Quote(2_000 * WAD, 0), 1: Quote(60_000 * WAD, 0)}
    assert why_not_sign(Report.of(NOW, quotes), quotes, NOW, LENGTH) == ""
    assert why_not_sign(REFUSALS[reason](quotes), quotes, NOW, LENGTH) == reason


def test_the_middle_of_a_long_tile_is_no_tile() -> None:
    quotes = {0: Quote(2_000 * WAD, 0)}
    assert NOW % 5 == 0
    assert why_not_sign(Report.of(NOW, quotes), quotes, NOW, 5) == ""
    refused = why_not_sign(Report.of(NOW - 1, quotes), quotes, NOW, 5)
    assert refused == "no tile that an order could need"
