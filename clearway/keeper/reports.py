"""The reports that a keeper needs, asked of the boards not too often, and kept."""

import time
from collections import Counter
from collections.abc import Callable

from clearway.keeper.errors import BoardsUnavailable
from clearway.keeper.reports_client import Board
from clearway.opstack import text
from clearway.reports import SignedReport

MISSING_PAUSE = 1.0  # wall seconds until a report that no board had is asked for again
MANY = 5  # times asked in vain, after which people are told


class Reports:
    """Reports by tile. Where no board answers there are none, and `trouble` says so."""

    def __init__(
        self,
        board: Board,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.board = board
        self.trouble = ""
        self._say = say
        self._clock = clock
        self._found: dict[int, SignedReport] = {}
        self._ask_at: dict[int, float] = {}  # by tile, of those that were missing
        self._asked_in_vain: Counter[int] = Counter()
        self._silent_until = 0.0

    def of(self, tile: int) -> SignedReport | None:
        """Return a tile's report; None if there is none yet."""
        if tile in self._found:
            return self._found[tile]
        if self._clock() < self._ask_at.get(tile, 0.0):
            return None
        found = self._asked(lambda: self.board.report(tile))
        if found is None:
            self._ask_at[tile] = self._clock() + MISSING_PAUSE
            self._asked_in_vain[tile] += 1
            if self._asked_in_vain[tile] == MANY:
                self._say(f"no board has the report of {text.moment(tile)}; orders wait for it")
        else:
            self._found[tile] = found
        return found

    def latest(self, after: int = 0) -> SignedReport | None:
        """Return the newest report; None if there is none later than `after`."""
        return self._asked(lambda: self.board.latest(after))

    def _asked(self, ask: Callable[[], SignedReport | None]) -> SignedReport | None:
        if self._clock() < self._silent_until:
            return None
        try:
            found = ask()
        except BoardsUnavailable as error:
            self._silent_until = self._clock() + MISSING_PAUSE
            self._note(str(error))
            return None
        self._note("")
        return found

    def _note(self, trouble: str) -> None:
        if trouble and not self.trouble:
            self._say(f"{trouble}; waiting for them")
        if self.trouble and not trouble:
            self._say("the publishers' boards answer again")
        self.trouble = trouble

    def missing(self) -> int:
        """Return how many reports were asked for in vain."""
        return len(self._ask_at.keys() - self._found.keys())

    def forget_before(self, tile: int) -> None:
        """Forget what no order needs any more."""
        self._found = {one: report for one, report in self._found.items() if one >= tile}
        self._ask_at = {one: at for one, at in self._ask_at.items() if one >= tile}
        self._asked_in_vain = Counter({one: self._asked_in_vain[one] for one in self._ask_at})
