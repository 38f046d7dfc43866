"""What a keeper has in hand: each thing once at a time; what failed is left alone for a while."""

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from clearway.keeper.intents import Intents
from clearway.keeper.patience import Patience
from clearway.opstack.addresses import Address
from clearway.opstack.errors import BridgeError, Reverted, TransactionFailed
from clearway.opstack.sender import Transaction

Key = tuple[str, int]  # a kind of thing, and its number


@dataclass(frozen=True)
class Duty:
    """One transaction, and the things that it is about."""

    transaction: Transaction
    keys: tuple[Key, ...]
    what: str  # for people


@dataclass(frozen=True)
class Done:
    """A duty that was included in a block, and did what it was sent for."""

    duty: Duty
    block: int
    logs: Sequence[object]


class Hands:
    """Begins duties and learns how they ended."""

    def __init__(
        self,
        intents: Intents,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience: Patience[Key] = Patience()
        self.alone: set[Key] = set()  # what failed in company
        self.done = 0
        self.failed = 0
        self._intents = intents
        self._say = say
        self._clock = clock
        self._duties: dict[str, Duty] = {}  # by purpose
        self._busy: set[Key] = set()

    @property
    def address(self) -> Address:
        return self._intents.sender.address

    @property
    def under_way(self) -> int:
        """Return how many transactions aren't included yet."""
        return len(self._intents.under_way())

    def has_strangers(self) -> bool:
        """Tell whether something is under way of which it isn't known what it is about.

        It was begun before this process was, or before a call broke off: nothing new is decided
        until it has ended, lest it be done twice.
        """
        return any(purpose not in self._duties for purpose in self._intents.under_way())

    def may(self, key: Key) -> bool:
        """Tell whether a thing is free to be taken up."""
        return key not in self._busy and self.patience.may(key, self._clock())

    def begin(self, duty: Duty) -> bool:
        """Take a duty up; False if it would fail now."""
        try:
            self._intents.begin(duty.transaction)
        except Reverted as refusal:
            self._fail(duty, refusal.reason)
            return False
        self._duties[duty.transaction.purpose] = duty
        self._busy.update(duty.keys)
        return True

    def look(self) -> list[Done]:
        """Return what was done since the last look."""
        found = []
        for ended in self._intents.look():
            duty = self._duties.pop(ended.purpose, None)
            if duty is None:
                self._say("an earlier transaction has come to its end")
                continue
            self._busy.difference_update(duty.keys)
            if ended.receipt is None:
                self._fail(duty, _reason(ended.error))
                continue
            self.done += 1
            for key in duty.keys:
                self.patience.forget(key)
                self.alone.discard(key)
            block, logs = int(ended.receipt["blockNumber"], 16), ended.receipt["logs"]
            found.append(Done(duty, block, logs))
        return found

    def put_off(self, key: Key, reason: str) -> None:
        """Leave a thing alone for a while, longer each time."""
        self.patience.fail(key, self._clock(), reason)

    def keep_only(self, kind: str, numbers: Container[int]) -> None:
        """Forget what failed of a kind and is no more, however that came to its end."""
        self.alone = {key for key in self.alone if key[0] != kind or key[1] in numbers}
        for key in self.patience.failed():
            if key[0] == kind and key[1] not in numbers:
                self.patience.forget(key)

    def _fail(self, duty: Duty, reason: str) -> None:
        """Leave alone what failed by itself; try the rest apart."""
        self.failed += 1
        if len(duty.keys) > 1:
            self.alone.update(duty.keys)
            self._say(f"{duty.what}: refused together ({reason}); trying each alone")
            return
        for key in duty.keys:
            if not self.patience.has_failed(key):
                self._say(f"{duty.what}: refused ({reason}); trying again later")
            self.put_off(key, reason)


def _reason(error: BridgeError | None) -> str:
    if isinstance(error, TransactionFailed):
        return error.fact.rpartition("reverted: ")[2]
    return str(error)
