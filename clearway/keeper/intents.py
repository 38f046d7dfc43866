"""A keeper's transactions: many at once from one account, each wish one effect.

What was wished is written down, signed, before it is sent (`clearway.opstack.sender`). A keeper
that was killed finds it again and brings it to its end before it decides anything anew.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearway.opstack.errors import BridgeError, TransactionFailed
from clearway.opstack.journal import SignedTransaction
from clearway.opstack.sender import BUMP_AFTER, LOOK_AFTER, Sender, Transaction

PURPOSE = "keep:"  # how the purposes of keepers begin


@dataclass(frozen=True)
class Ended:
    """What became of one wish."""

    purpose: str
    receipt: Mapping[str, Any] | None
    error: BridgeError | None


@dataclass
class _UnderWay:
    signed: SignedTransaction
    look_at: float
    bump_at: float


class Intents:
    """One account's wishes on one chain. Only one thread at a time may use it."""

    def __init__(self, sender: Sender, clock: Callable[[], float] = time.monotonic) -> None:
        self.sender = sender
        self._clock = clock
        self._under_way: dict[str, _UnderWay] = {}
        self._is_unsure = True  # whether the journal has transactions that aren't followed

    def begin(self, wish: Transaction) -> None:
        """Send what fulfils a wish, unless it is under way; raises where it would fail."""
        if wish.purpose in self._under_way:
            return
        self._is_unsure = True  # until this is over, however it ends
        with self.sender.journal.acting():
            self.sender.recover()
            signed = self.sender.journal.interrupted(wish.purpose) or self.sender.submit(wish)
        self._follow(signed)
        self._is_unsure = False

    def _resume(self) -> None:
        """Take up what an earlier process, or a call that broke off, left under way."""
        journal, address = self.sender.journal, self.sender.address
        with journal.acting():
            self.sender.recover()
            for signed in journal.open_transactions(self.sender.chain.name, address):
                if signed.purpose not in self._under_way:
                    self._follow(signed)
        self._is_unsure = False

    def _follow(self, signed: SignedTransaction) -> None:
        now = self._clock()
        self._under_way[signed.purpose] = _UnderWay(signed, now + LOOK_AFTER, now + BUMP_AFTER)

    def under_way(self) -> Sequence[str]:
        """Return the purposes that have a transaction on its way."""
        return list(self._under_way)

    def look(self) -> list[Ended]:
        """Return what has ended since the last look; send again or hurry what lingers."""
        if self._is_unsure:
            self._resume()
        found = []
        for purpose, one in list(self._under_way.items()):
            try:
                receipt = self._end(one)
            except TransactionFailed as error:
                found.append(Ended(purpose, None, error))
                continue
            if receipt is not None:
                found.append(Ended(purpose, receipt, None))
        for ended in found:
            del self._under_way[ended.purpose]
            self.sender.journal.report(ended.purpose)
        if found:
            self.sender.journal.forget_done(PURPOSE)
        return found

    def _end(self, one: _UnderWay) -> Mapping[str, Any] | None:
        if receipt := self.sender.ended(one.signed):
            return receipt
        now = self._clock()
        if now > one.look_at:
            one.look_at = now + LOOK_AFTER
            self.sender.look_after(one.signed)
        if now > one.bump_at:
            one.bump_at = now + BUMP_AFTER
            self.sender.hurry(one.signed)
        return None
