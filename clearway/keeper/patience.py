"""How long to leave alone what failed: twice as long each time, so that others aren't held up."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST, LONGEST = 2.0, 600.0  # seconds


@dataclass(frozen=True)
class _Failure:
    until: float
    pause: float
    reason: str


class Patience(Generic[K]):
    """What failed, and until when it is left alone. Times are the caller's, in seconds."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._failures: dict[K, _Failure] = {}

    def fail(self, what: K, now: float, reason: str = "") -> None:
        """Note a failure."""
        before = self._failures.get(what)
        pause = min(2 * before.pause, self._longest) if before else self._first
        self._failures[what] = _Failure(now + pause, pause, reason)

    def may(self, what: K, now: float) -> bool:
        """Tell whether something may be tried (again)."""
        failure = self._failures.get(what)
        return failure is None or now >= failure.until

    def has_failed(self, what: K) -> bool:
        return what in self._failures

    def forget(self, what: K) -> None:
        """Note a success, or that nobody wants it any more."""
        self._failures.pop(what, None)

    def failed(self) -> list[K]:
        """Return whatever has failed and wasn't forgotten."""
        return list(self._failures)

    def waiting(self, now: float) -> dict[K, str]:
        """Return what is left alone now, and why."""
        return {what: one.reason for what, one in self._failures.items() if now < one.until}
