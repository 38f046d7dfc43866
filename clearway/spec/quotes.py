"""How the prices of a report get into their words."""

from collections.abc import Mapping
from dataclasses import dataclass

from clearway.spec import price_words

MANTISSA_BITS = 40


@dataclass(frozen=True)
class Quote:
    """A market's price with its confidence, as publishers agree on it."""

    price: int  # wad
    confidence: int  # wad ratio


def to_lane(quote: Quote) -> int:
    """Return a quote as a lane.

    The price keeps 40 bits, eleven decimal digits, and is rounded to the nearest; the confidence is
    rounded up to a basis point, and one of 2.55 % or more is wide.
    """
    exponent, mantissa = 0, quote.price
    while mantissa >> MANTISSA_BITS:
        exponent += 1
        mantissa = (quote.price + 10**exponent // 2) // 10**exponent
    confidence = min(-(-quote.confidence // price_words.BASIS_POINT), price_words.WIDE)
    return mantissa << 16 | exponent << 8 | confidence


def boards_of(quotes: Mapping[int, Quote]) -> list[int]:
    """Return the words of a report that carries these quotes, by market."""
    words: dict[int, int] = {}
    for market, quote in sorted(quotes.items()):
        number, lane = divmod(market, price_words.LANES)
        shift = price_words.TIME_BITS + price_words.LANE_BITS * (price_words.LANES - 1 - lane)
        words[number] = words.get(number, number) | to_lane(quote) << shift
    return [words[number] for number in sorted(words)]
