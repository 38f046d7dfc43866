"""Accounts ordered so that a change of prices finds those in danger without a look at the rest."""

import heapq
from collections import defaultdict
from collections.abc import Mapping

from clearway.keeper.bounds import Bounds

Entry = tuple[
    int, int, int
]  # a bound or a time (negated where the greatest comes first), a version, an account
SLACK = 4  # entries for each living one, beyond which the dead ones are cleared out


class Index:
    """For each market two heaps, of what prices lie below or above whose bounds; one of times.

    An account that is placed anew leaves its old entries where they are; they are passed over when
    they come up.
    """

    def __init__(self) -> None:
        self._versions: dict[int, int] = {}
        self._bounds: dict[int, Bounds] = {}
        self._low: dict[int, list[Entry]] = defaultdict(list)
        self._high: dict[int, list[Entry]] = defaultdict(list)
        self._times: list[Entry] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._bounds)

    def place(self, account: int, bounds: Bounds) -> None:
        """Put an account, or put it anew."""
        self._count += 1
        self._versions[account] = self._count
        self._bounds[account] = bounds
        self._push(account, self._count, bounds)
        if len(self._times) > SLACK * len(self._bounds) + 100:
            self._clear_out()

    def _push(self, account: int, version: int, bounds: Bounds) -> None:
        for market, price in bounds.low.items():
            heapq.heappush(self._low[market], (-price, version, account))
        for market, price in bounds.high.items():
            heapq.heappush(self._high[market], (price, version, account))
        heapq.heappush(self._times, (bounds.until, version, account))

    def remove(self, account: int) -> None:
        """Take an account out."""
        self._versions.pop(account, None)
        self._bounds.pop(account, None)

    def find(self, prices: Mapping[int, int], now: int) -> set[int]:
        """Take out and return the accounts that may be in danger at these prices and this time."""
        found: set[int] = set()
        for market, price in prices.items():
            found |= self._beyond(self._low[market], -price)
            found |= self._beyond(self._high[market], price)
        found |= self._beyond(self._times, now)
        for account in found:
            self.remove(account)
        return found

    def _beyond(self, heap: list[Entry], key: int) -> set[int]:
        """Take out the entries below `key`, and return the accounts of those that are alive."""
        found = set()
        while heap and heap[0][0] < key:
            _, version, account = heapq.heappop(heap)
            if self._versions.get(account) == version:
                found.add(account)
        return found

    def _clear_out(self) -> None:
        """Build the heaps of living entries alone."""
        self._low.clear()
        self._high.clear()
        self._times.clear()
        for account, bounds in self._bounds.items():
            self._push(account, self._versions[account], bounds)
