"""How long to leave alone what failed: twice as long each time, so that others aren't held up."""

from collections.abc import Hashable
from dataclasses import dataclass

FIRST, LONGEST = 2.0, 600.0  # seconds


@dataclass(frozen=True)
class _Failure:
    until: float
    pause: float
    reason: str


class Patience:
    """What failed, and until when it is left alone. Times are the caller's, in seconds."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._failures: dict[Hashable, _Failure] = {}

    def fail(self, what: Hashable, now: float, reason: str = "") -> None:
        """Note a failure."""
        before = self._failures.get(what)
        pause = min(2 * before.pause, self._longest) if before else self._first
        self._failures[what] = _Failure(now + pause, pause, reason)

    def may(self, what: Hashable, now: float) -> bool:
        """Tell whether something may be tried (again)."""
        failure = self._failures.get(what)
        return failure is None or now >= failure.until

    def has_failed(self, what: Hashable) -> bool:
        return what in self._failures

    def forget(self, what: Hashable) -> None:
        """Note a success, or that nobody wants it any more."""
        self._failures.pop(what, None)

    def waiting(self, now: float) -> dict[Hashable, str]:
        """Return what is left alone now, and why."""
        return {what: one.reason for what, one in self._failures.items() if now < one.until}
