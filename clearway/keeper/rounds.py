"""Finding an aggregator's first round after a second, with the round that proves it the first.

A round's number has its phase in the bits from 64 up; within a phase rounds are counted from 1. A
new phase is a new aggregator behind the same proxy.
"""

from collections.abc import Callable

from clearway.contracts import Contract
from clearway.opstack.abi import Function
from clearway.opstack.addresses import ZERO_ADDRESS
from clearway.opstack.chain import Call

ROUND = Function("getRoundData(uint80)", "uint80,int256,uint256,uint256,uint80")
LATEST = Function("latestRoundData()", "uint80,int256,uint256,uint256,uint80")
PHASE_BITS = 64

UpdatedAt = Callable[[int], int | None]  # a round's time; None if there is no such round


def find_round(feed: Contract, market: int, second: int) -> tuple[int, int] | None:
    """Return a market's first round later than `second` and its predecessor; None if none is."""
    aggregator, chain = feed.call("listing", market).aggregator, feed.chain
    if aggregator == ZERO_ADDRESS:
        return None
    latest = chain.try_call(aggregator, LATEST)

    def updated_at(number: int) -> int | None:
        (found,) = chain.calls([Call(aggregator, ROUND, (number,))])
        return int(found[3]) if found else None

    return first_after(second, latest[0], updated_at) if latest else None


def first_after(second: int, latest: int, updated_at: UpdatedAt) -> tuple[int, int] | None:
    """Return the first round later than `second` and its predecessor; None if there is none yet.

    Of two phases that hold such a pair the later one counts, as the feed has it.
    """
    if not _is_later(latest, second, updated_at):
        return None
    last = latest
    while True:
        first = (last >> PHASE_BITS << PHASE_BITS) + 1
        if not _is_later(first, second, updated_at):
            return _between(first, last, second, updated_at)
        before = _last_of(first - (1 << PHASE_BITS), updated_at) if first >> PHASE_BITS else None
        if before is None:
            return None
        if not _is_later(before, second, updated_at):
            return first, before
        last = before


def _is_later(number: int, second: int, updated_at: UpdatedAt) -> bool:
    at = updated_at(number)
    return at is not None and at > second


def _between(low: int, high: int, second: int, updated_at: UpdatedAt) -> tuple[int, int]:
    """Halve between a round that isn't later and one that is."""
    while high - low > 1:
        middle = (low + high) // 2
        if _is_later(middle, second, updated_at):
            high = middle
        else:
            low = middle
    return high, low


def _last_of(first: int, updated_at: UpdatedAt) -> int | None:
    """Return the last round of the phase that begins with `first`; None if it has none."""
    if updated_at(first) is None:
        return None
    step = 1
    while updated_at(first + step) is not None:
        step *= 2
    low, high = first + step // 2, first + step
    while high - low > 1:
        middle = (low + high) // 2
        if updated_at(middle) is None:
            high = middle
        else:
            low = middle
    return low
