"""Comparing a market's price with its aggregator's, of which the feed keeps what was last seen.

A market whose prices have parted takes no more risk, and one whose prices have met does again; but
only once somebody has compared them (`interfaces/IPriceFeed.vyi`).
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from clearway.deployments import System
from clearway.keeper.tiles import STALE
from clearway.keeper.upkeep import comparison_is_due
from clearway.reports import SignedReport
from clearway.spec import price_words
from clearway.spec.price_feed import (
    MARKETS,
    OFF_PAR,
    OFF_REFERENCE,
    Price,
    Reference,
    is_off,
    is_off_par,
    price_in,
)

LOOK_EVERY = 10  # seconds of the chain between looks, while nothing is due


class Comparison(NamedTuple):
    """A market to compare, and whether the price that tells so is on the chain yet."""

    market: int
    is_stored: bool


class Comparer:
    """Finds the markets of which the feed keeps what is no longer so."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._look_at = 0  # the chain's time
        self._halted_since: dict[int, int] = {}  # by market, as seen from here

    def due(self, now: int, latest: Callable[[], SignedReport | None]) -> list[Comparison]:
        """Return what to compare; `latest` is asked where the chain has no fresh price."""
        if now < self._look_at:
            return []
        found = list(self._find(now, functools.cache(latest)))
        self._look_at = now if found else now + LOOK_EVERY
        return found

    def _find(self, now: int, latest: Callable[[], SignedReport | None]) -> Iterable[Comparison]:
        feed = self._system.feed
        collateral = feed.call("par_market")
        markets = {listed.number for listed in self._system.deployment.markets}
        if collateral < MARKETS:
            markets.add(collateral)
        asked = sorted(markets)
        answers = feed.calls(
            *(("halted", one) for one in asked),
            *(("reference", one) for one in asked),
            *(("newest_board", one // price_words.LANES) for one in asked),
        )
        told = [answers[part * len(asked) : (part + 1) * len(asked)] for part in range(3)]
        for market, halted, reference, stored in zip(asked, *told, strict=True):
            if reference.reason and market != collateral:
                continue  # it has no aggregator, or one that can't be compared with
            is_stored = abs(now - price_words.time_of(stored)) <= STALE
            word = stored if is_stored else _word_of(latest(), market)
            noted = OFF_PAR if market == collateral else OFF_REFERENCE
            is_sound = price_words.is_sound(word, market % price_words.LANES)
            price = price_in(word, market) if is_sound else None
            off = _is_off(market == collateral, price, reference)
            if halted == noted:
                since = self._halted_since.setdefault(market, now)
            else:
                since = self._halted_since.pop(market, now)
            if off is not None and comparison_is_due(halted, noted, off, now - since):
                yield Comparison(market, is_stored)


def _word_of(latest: SignedReport | None, market: int) -> int:
    """Return a report's word for a market's board; zero if it has none."""
    boards = latest.report.boards if latest else ()
    number = market // price_words.LANES
    return next((word for word in boards if price_words.time_of(word) == number), 0)


def _is_off(is_collateral: bool, price: Price | None, reference: Any) -> bool | None:
    """Return what comparing would find; None where it would be refused."""
    known = None if reference.reason else Reference("", reference.price, reference.deviation)
    if is_collateral:
        judged = price or known  # as the feed does, so that nobody hides a fall by leaving it out
        return is_off_par(judged.price) if judged else None
    return is_off(price, known) if price and known else None
