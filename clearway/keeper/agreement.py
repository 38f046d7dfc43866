"""How publishers agree on a report, and what one of them may sign.

Observations are quotes by market: what one publisher saw the prices to be when a tile ended.
"""

from collections.abc import Mapping, Sequence
from statistics import median_low

from clearway.keeper.tiles import WINDOW
from clearway.reports import Report
from clearway.spec import price_words, wad
from clearway.spec.price_words import LANES
from clearway.spec.quotes import MANTISSA_BITS, Quote
from clearway.spec.refused import Refused

TOLERANCE = 5 * wad.WAD // 1_000  # of one's own price; wad ratio
ROUNDING = wad.WAD >> (MANTISSA_BITS - 4)  # of a price on its way into a lane; wad ratio

Quotes = Mapping[int, Quote]


def agree(observations: Sequence[Quotes], quorum: int) -> dict[int, Quote]:
    """Return one quote for each market that a quorum observed.

    The price is the median, of two the lower. Its confidence is the median of theirs, or how far
    one must go from the price to have a quorum within, if that is more.
    """
    markets = sorted({market for quotes in observations for market in quotes})
    seen = {market: [one[market] for one in observations if market in one] for market in markets}
    return {
        market: _middle(quotes, quorum) for market, quotes in seen.items() if len(quotes) >= quorum
    }


def _middle(quotes: Sequence[Quote], quorum: int) -> Quote:
    price = median_low(quote.price for quote in quotes)
    distances = sorted(abs(quote.price - price) for quote in quotes)
    spread = wad.mul_div_up(distances[quorum - 1], wad.WAD, price)
    return Quote(price, max(median_low(quote.confidence for quote in quotes), spread))


def quotes_in(report: Report) -> dict[int, Quote]:
    """Return a report's quotes; raise ValueError if its words aren't those of quotes."""
    found: dict[int, Quote] = {}
    for word in report.boards:
        number = price_words.time_of(word)
        for place in range(LANES):
            lane = price_words.lane_of(word, place)
            if price_words.has_price(lane):
                try:
                    price = price_words.price_of(lane)
                except Refused as refused:
                    raise ValueError(refused.reason) from refused
                quote = Quote(price, price_words.confidence_of(lane))
                found[LANES * number + place] = quote
    if Report.of(report.observed_at, found) != report:
        raise ValueError("not the words of its quotes")
    return found


def why_not_sign(
    report: Report, own: Quotes, now: int, length: int, tolerance: int = TOLERANCE
) -> str:
    """Return why a publisher that observed `own` may not sign a report; empty if it may.

    `now` is the chain's time as that publisher knows it. Whether another report of the same tile
    was signed is another question, and its memory's to answer.
    """
    if report.observed_at % length or report.observed_at <= now - WINDOW:
        return "no tile that an order could need"
    if report.observed_at > now:
        return "the tile isn't over"
    try:
        quotes = quotes_in(report)
    except ValueError as error:
        return str(error)
    for market in sorted(own.keys() | quotes.keys()):
        if market not in own:
            return f"market {market} wasn't observed"
        if market not in quotes:
            return f"market {market} is left out"
        if not _is_near(quotes[market], own[market], tolerance):
            return f"market {market} is far from what was observed"
    return ""


def _is_near(quote: Quote, own: Quote, tolerance: int) -> bool:
    allowed = wad.mul_up(own.price, tolerance + own.confidence + ROUNDING)
    return abs(quote.price - own.price) <= allowed
