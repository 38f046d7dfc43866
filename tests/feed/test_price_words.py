"""Four prices and a time in one word: contract and model read the same."""

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import price_words, quotes
from clearway.spec.price_words import HIGHEST_PRICE, LOWEST_PRICE
from clearway.spec.quotes import Quote
from clearway.spec.refused import Refused
from tests.feed.world import CONTRACTS, WAD

WORDS = st.integers(0, 2**256 - 1)
LANES = st.integers(0, 2**56 - 1)
PRICES = st.integers(LOWEST_PRICE, HIGHEST_PRICE)
QUOTES = st.builds(Quote, PRICES, st.integers(0, WAD))


def lane(mantissa: int, exponent: int, confidence: int = 0) -> int:
    return mantissa << 16 | exponent << 8 | confidence


@pytest.fixture(scope="module")
def contract():
    return boa.load(CONTRACTS / "math" / "price_words.vy").internal


class TestContractAndModelReadTheSame:
    @given(WORDS)
    def test_time(self, contract, word):
        assert contract._time_of(word) == price_words.time_of(word)

    @given(WORDS, st.integers(0, 2**32 - 1))
    def test_time_replaced(self, contract, word, time):
        replaced = contract._with_time(word, time)
        assert replaced == price_words.with_time(word, time)
        assert contract._time_of(replaced) == time

    @given(WORDS, st.integers(0, 3))
    def test_lane(self, contract, word, number):
        assert contract._lane_of(word, number) == price_words.lane_of(word, number)

    @given(LANES)
    def test_whether_there_is_a_price_and_whether_it_is_wide(self, contract, lane):
        assert contract._has_price(lane) == price_words.has_price(lane)
        assert contract._is_wide(lane) == price_words.is_wide(lane)

    @pytest.mark.parametrize("confidence", [0, 253, 254, 255])
    def test_whether_it_is_wide_at_every_edge(self, contract, confidence):
        expected = price_words.is_wide(lane(1, 0, confidence))
        assert contract._is_wide(lane(1, 0, confidence)) == expected == (confidence == 255)

    @given(LANES | st.builds(lane, st.integers(0, 2**40 - 1), st.integers(0, 26)))
    def test_price_or_refusal(self, contract, lane):
        try:
            expected = price_words.price_of(lane)
        except Refused as refusal:
            with boa.reverts(refusal.reason):
                contract._price_of(lane)
        else:
            assert contract._price_of(lane) == expected

    @given(LANES)
    def test_confidence(self, contract, lane):
        assert contract._confidence_of(lane) == price_words.confidence_of(lane)


class TestBounds:
    @pytest.mark.parametrize(
        ("mantissa", "exponent"),
        [(10**6, 0), (1, 6), (10**6, 24), (1, 24), (2**40 - 1, 0), (2**40 - 1, 17)],
    )
    def test_a_price_at_or_inside_them_is_read(self, contract, mantissa, exponent):
        assert contract._price_of(lane(mantissa, exponent)) == mantissa * 10**exponent

    @pytest.mark.parametrize(
        ("mantissa", "exponent"),
        [
            (10**6 - 1, 0),
            (9, 5),
            (10**6 + 1, 24),
            (2**40 - 1, 18),
            (1, 25),
            (2**40 - 1, 255),  # the greatest that a lane can say
        ],
    )
    def test_a_price_outside_them_is_refused(self, contract, mantissa, exponent):
        with boa.reverts("price out of bounds"):
            contract._price_of(lane(mantissa, exponent))

    def test_no_exponent_is_so_great_that_it_overflows_into_a_price(self, contract):
        for exponent in range(25, 256):
            with boa.reverts("price out of bounds"):
                contract._price_of(lane(1, exponent))


class TestTheWayIn:
    @given(PRICES)
    def test_a_price_keeps_eleven_digits(self, price):
        """The relative error is at most 10 / (2^41 - 1), less than 5 * 10^-12.

        With exponent 0 a price is exact. Otherwise exponent e - 1 was too small: the price, rounded
        to a multiple of 10^(e - 1), was 2^40 of them or more, so it is at least
        (2^40 - 1/2) * 10^(e - 1). Rounding it to a multiple of 10^e errs by 10^e / 2 at most.
        The ratio of the two is 5 / (2^40 - 1/2).
        """
        lane = quotes.to_lane(Quote(price, 0))
        error = abs(price_words.price_of(lane) - price)
        assert error * (2**41 - 1) <= 10 * price

    @given(PRICES)
    def test_a_price_is_rounded_to_the_nearest(self, price):
        lane = quotes.to_lane(Quote(price, 0))
        exponent = lane >> 8 & 255
        assert 2 * abs(price_words.price_of(lane) - price) <= 10**exponent
        assert exponent == 0 or (lane >> 16) >= 2**40 // 10

    @given(st.integers(0, WAD))
    def test_a_confidence_is_rounded_up_to_a_basis_point_or_is_wide(self, confidence):
        lane = quotes.to_lane(Quote(WAD, confidence))
        if confidence > 254 * 10**14:
            assert price_words.is_wide(lane)
        else:
            assert 0 <= price_words.confidence_of(lane) - confidence < 10**14

    @given(st.dictionaries(st.integers(0, 4 * 8 - 1), QUOTES))
    def test_boards_hold_each_market_in_its_lane_and_nothing_else(self, prices):
        words = {price_words.time_of(word): word for word in quotes.boards_of(prices)}
        assert list(words) == sorted({market // 4 for market in prices})
        for number, word in words.items():
            for lane in range(4):
                quote = prices.get(4 * number + lane)
                expected = quotes.to_lane(quote) if quote else 0
                assert price_words.lane_of(word, lane) == expected

    @given(PRICES)
    def test_what_was_read_is_written_the_same(self, price):
        read = price_words.price_of(quotes.to_lane(Quote(price, 0)))
        assert price_words.price_of(quotes.to_lane(Quote(read, 0))) == read
