"""Knowing withdrawals: which there are, where they stand, and what became of interrupted starts."""

from collections.abc import Callable
from dataclasses import dataclass

from clearway.opstack import abi
from clearway.opstack.addresses import (
    MESSAGE_PASSER,
)
from clearway.opstack.chain import Call
from clearway.opstack.errors import (
    BridgeError,
    UnknownTransaction,
    UnknownWithdrawal,
)
from clearway.opstack.journal import Journal, Tracked
from clearway.opstack.messages import Withdrawal, deposits_in, tohex, withdrawals_in
from clearway.opstack.reading import Reader, find_by_hash, find_withdrawals
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import recover
from clearway.opstack.withdrawals import Status, View, ready_at, status, waits_for

FORCED = "forced "  # how the purpose begins of what an account does on L2 through the portal


@dataclass(frozen=True)
class Report:
    """Where a withdrawal stands, and what went wrong with its next step, if anything."""

    tracked: Tracked
    view: View
    status: Status
    waits_for: str
    ready_at: int  # L1 timestamp; 0 if it can't be told
    problem: BridgeError | None = None


class Tracker:
    """Knows the withdrawals of one journal and where they stand; needs no account."""

    def __init__(self, rollup: Rollup, journal: Journal) -> None:
        self.rollup = rollup
        self.journal = journal
        self.reader = Reader(rollup, journal)

    def track(
        self, reference: bytes, is_wanted: Callable[[Withdrawal], bool] = lambda _: True
    ) -> list[Tracked]:
        """Find withdrawals by withdrawal hash or L2 transaction hash, and note those wanted."""
        if tracked := self.journal.find(reference):
            return [tracked]
        try:
            found = [(w, reference) for w in find_withdrawals(self.rollup, reference)]
        except UnknownTransaction as no_transaction:
            try:
                found = [find_by_hash(self.rollup, reference)]
            except UnknownWithdrawal:
                raise UnknownTransaction(
                    f"{tohex(reference)} is neither a withdrawal nor an L2 transaction "
                    "that started one",
                    "check the hash and the network",
                ) from no_transaction
        wanted = [one for one in found if is_wanted(one[0])]
        for withdrawal, l2_transaction in wanted:
            self.journal.add(withdrawal, l2_transaction)
        return [t for w, _ in wanted if (t := self.journal.find(w.hash))]

    def report(self, tracked: Tracked, problem: BridgeError | None = None) -> Report:
        """Read where a withdrawal stands."""
        view = self.reader.view(tracked.withdrawal, tracked.l2_transaction)
        return self._report(tracked, view, problem)

    def _report(self, tracked: Tracked, view: View, problem: BridgeError | None) -> Report:
        delays = self.rollup.delays
        return Report(
            tracked,
            view,
            status(view, delays),
            waits_for(view, delays),
            ready_at(view, delays),
            problem,
        )

    def catch_up(self) -> None:
        """Bring the journal in line with the chains after whatever happened."""
        with self.journal.acting():
            self._catch_up()

    def _catch_up(self) -> None:
        """Do so; call it inside `journal.acting()`."""
        for chain in (self.rollup.l1, self.rollup.l2):
            for account in self.journal.senders(chain.name):
                recover(chain, self.journal, account)
        self._add_started()
        self._reopen_undone()

    def _add_started(self) -> None:
        """Note withdrawals whose start was killed before it could, or landed anew after a reorg."""
        known = {(t.l2_transaction, t.withdrawal.hash) for t in self.journal.tracked()}
        for signed in self.journal.mined_for("start:"):
            if any(l2_transaction == signed.hash for l2_transaction, _ in known):
                continue
            self._add_from(signed.hash)
        for signed in self.journal.mined_for(FORCED):
            receipt = self.rollup.l1.receipt(signed.hash)
            for deposit in deposits_in(receipt["logs"], self.rollup.portal) if receipt else []:
                self._add_from(deposit.hash)
        for tracked in self.journal.tracked(only_open=True):
            if not self.rollup.l2.call(
                MESSAGE_PASSER, abi.MessagePasser.SENT, tracked.withdrawal.hash
            ):
                self._add_from(tracked.l2_transaction)

    def _add_from(self, l2_transaction: bytes) -> None:
        receipt = self.rollup.l2.receipt(l2_transaction)
        for withdrawal in withdrawals_in(receipt["logs"]) if receipt else []:
            self.journal.add(withdrawal, l2_transaction)

    def _reopen_undone(self) -> None:
        """Open again what a reorganisation of L1 undid."""
        closed = [tracked for tracked in self.journal.tracked() if tracked.closed]
        finalized = self.rollup.l1.calls(
            [
                Call(self.rollup.portal, abi.Portal.FINALIZED, (tracked.withdrawal.hash,))
                for tracked in closed
            ]
        )
        for tracked, is_finalized in zip(closed, finalized, strict=True):
            if is_finalized is False:
                self.journal.close_withdrawal(tracked.withdrawal.hash, None)
