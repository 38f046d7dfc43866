"""Where a publisher's observations come from: a price history, a random walk, or aggregators.

A source gives quotes by market for a second of the chain's time.
"""

import csv
import math
import random
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from clearway.keeper.tiles import FRESH
from clearway.opstack.abi import Function
from clearway.opstack.addresses import Address
from clearway.opstack.chain import Call, Chain
from clearway.opstack.errors import BadInput
from clearway.spec import price_words, wad
from clearway.spec.quotes import Quote
from clearway.units import parse_amount

CONFIDENCE = 5 * price_words.BASIS_POINT  # of a played price; wad ratio
SECONDS_COLUMN = "seconds"
DAY = 86_400  # seconds
MOST_DECIMALS = 18
DECIMALS = Function("decimals()", "uint8")
LATEST = Function("latestRoundData()", "uint80,int256,uint256,uint256,uint80")
LEVELS = 34  # of a walk: its whole length is 2^34 seconds, 544 years


class Source(Protocol):
    """Who knows prices."""

    @property
    def knows_the_past(self) -> bool:
        """Whether it says of a second long gone what it said then."""

    def refresh(self) -> None:
        """Read anew what is read elsewhere. It may take its time, on another thread."""

    def observe(self, second: int) -> dict[int, Quote]:
        """Return the quotes of a second, of those markets whose price is known."""


class Known:
    """A source that needs to read nothing elsewhere."""

    knows_the_past = True

    def refresh(self) -> None:
        return None


@dataclass(frozen=True)
class History(Known):
    """A path of prices that is played from a second on, straight from row to row."""

    start: int  # of the chain's time
    seconds: Sequence[int]  # of each row, from the start, rising
    prices: Mapping[int, Sequence[int]]  # by market, a price for each row; wad

    @classmethod
    def from_csv(cls, path: Path, names: Mapping[str, int], start: int) -> "History":
        """Read a table whose columns are `seconds` and the names of markets."""
        try:
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise BadInput(f"{path} can't be read ({why})", "give a table of prices") from error
        columns = [name for name in (rows[0] if rows else {}) if name != SECONDS_COLUMN]
        unknown = [name for name in columns if str(name).upper() not in names]
        if not columns or unknown or SECONDS_COLUMN not in rows[0]:
            raise BadInput(
                f"{path} has no columns {SECONDS_COLUMN},{','.join(names)}",
                "give seconds and prices of markets that are deployed",
            )
        seconds = [_whole(path, number, row[SECONDS_COLUMN]) for number, row in enumerate(rows, 2)]
        if any(later <= earlier for earlier, later in pairwise(seconds)):
            raise BadInput(f"the seconds in {path} don't rise", "sort its rows")
        prices = {
            names[name.upper()]: [
                _price(path, number, row[name]) for number, row in enumerate(rows, 2)
            ]
            for name in columns
        }
        return cls(start, seconds, prices)

    def observe(self, second: int) -> dict[int, Quote]:
        """Return the prices on the path; before its first row and after its last they stand."""
        at = second - self.start
        after = bisect_right(self.seconds, at)
        first, last = max(after - 1, 0), min(after, len(self.seconds) - 1)
        length = max(self.seconds[last] - self.seconds[first], 1)
        gone = min(max(at - self.seconds[first], 0), length)
        return {
            market: Quote(
                prices[first] + (prices[last] - prices[first]) * gone // length, CONFIDENCE
            )
            for market, prices in self.prices.items()
        }


def _whole(path: Path, row: int, text: str | None) -> int:
    if text is None or not text.strip().isdecimal():
        raise BadInput(f"row {row} of {path} has no whole seconds", "count them from the start")
    return int(text)


def _price(path: Path, row: int, text: str | None) -> int:
    return parse_amount(text or "", what=f"a price in row {row} of {path}")


@dataclass(frozen=True)
class Walk(Known):
    """A random walk that every publisher with the same seed sees alike, at any second.

    It is a Brownian motion by midpoint displacement: each level halves the time between two known
    points and draws where the middle lies, from the seed and its place alone.
    """

    seed: str
    start: int  # of the chain's time, where the prices are the first ones
    firsts: Mapping[int, int]  # by market; wad
    daily: float = 0.04  # standard deviation of a day's change

    def observe(self, second: int) -> dict[int, Quote]:
        at = max(second - self.start, 0)
        return {
            market: Quote(int(first * math.exp(self._moved(market, at))), CONFIDENCE)
            for market, first in self.firsts.items()
        }

    def _moved(self, market: int, at: int) -> float:
        """Return the change of a price's logarithm."""
        length = 1 << LEVELS
        left, begin = 0.0, 0
        right = self._draw(market, 0, 0) * math.sqrt(length)
        for level in range(1, LEVELS + 1):
            if at == begin:
                break
            length //= 2
            place = begin + length
            middle = (left + right) / 2 + self._draw(market, level, place) * math.sqrt(length / 2)
            if at >= place:
                left, begin = middle, place
            else:
                right = middle
        return left * self.daily / math.sqrt(DAY)

    def _draw(self, market: int, level: int, place: int) -> float:
        return random.Random(f"{self.seed} {market} {level} {place}").gauss(0, 1)


@dataclass(frozen=True)
class Noisy:
    """A source seen by one publisher's own eyes: each price off by up to a share of itself."""

    source: Source
    seed: str
    share: float

    @property
    def knows_the_past(self) -> bool:
        return self.source.knows_the_past

    def refresh(self) -> None:
        self.source.refresh()

    def observe(self, second: int) -> dict[int, Quote]:
        draw = random.Random(f"{self.seed} {second}")
        return {
            market: Quote(
                max(int(quote.price * (1 + draw.uniform(-self.share, self.share))), 1),
                quote.confidence,
            )
            for market, quote in self.source.observe(second).items()
        }


class Aggregators:
    """Aggregators of another chain, as they were last read, whatever second is asked for."""

    knows_the_past = False

    def __init__(self, chain: Chain, feeds: Mapping[int, Address], most_age: int) -> None:
        """Read `feeds`, by market; a round older than `most_age` seconds of that chain is none."""
        self._chain = chain
        self._feeds = feeds
        self._most_age = most_age
        self._read: dict[int, Quote] = {}
        self._read_at = -math.inf

    def refresh(self) -> None:
        asked = [Call(feed, one) for feed in self._feeds.values() for one in (DECIMALS, LATEST)]
        answers = self._chain.calls(asked)
        now = self._chain.block().timestamp
        self._read = {
            market: quote
            for place, market in enumerate(self._feeds)
            if (quote := self._judge(now, *answers[2 * place : 2 * place + 2]))
        }
        self._read_at = time.monotonic()

    def _judge(
        self, now: int, decimals: int | None, round_: tuple[int, ...] | None
    ) -> Quote | None:
        if decimals is None or round_ is None or decimals > MOST_DECIMALS:
            return None
        _, answer, _, updated_at, _ = round_
        if answer <= 0 or now - updated_at > self._most_age:
            return None
        return Quote(answer * wad.WAD // 10**decimals, CONFIDENCE)

    def observe(self, second: int) -> dict[int, Quote]:
        is_fresh = time.monotonic() - self._read_at <= FRESH
        return dict(self._read) if is_fresh else {}
