"""Driving withdrawals: start them, and take each as far as it can go now.

One round reads every open withdrawal, decides, writes down and sends what is due, and waits for
it. Rounds follow until nothing is due. Reading tells all: a round may be killed anywhere and the
next goes on from what the chains say.
"""

from clearway.opstack import abi
from clearway.opstack.addresses import (
    ESTIMATION_ADDRESS,
    Address,
)
from clearway.opstack.effects import Progress, silent
from clearway.opstack.errors import (
    AlreadyDone,
    BridgeError,
    GameRejected,
    Paused,
    Reverted,
    RpcNonsense,
    RpcUnavailable,
    TooEarly,
    TransactionFailed,
    UnknownTransaction,
    WouldFail,
)
from clearway.opstack.games import Game
from clearway.opstack.journal import Journal, SignedTransaction, Tracked
from clearway.opstack.messages import Message, Withdrawal, tohex
from clearway.opstack.rollup import Rollup, WithdrawalProof
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.text import amount as amount_text
from clearway.opstack.text import duration, moment
from clearway.opstack.tracking import Report, Tracker
from clearway.opstack.withdrawals import (
    Action,
    Status,
    View,
    next_action,
    ready_at,
    status,
    waits_for,
)

FINALIZE_MARGIN = 50_000  # gas
Failures = dict[tuple[bytes, Action], BridgeError]


class Driver(Tracker):
    """Takes the withdrawals of one journal through proof and finalization, from one L1 account."""

    def __init__(
        self, rollup: Rollup, sender: Sender, journal: Journal, progress: Progress = silent
    ) -> None:
        super().__init__(rollup, journal)
        self.sender = sender
        self.progress = progress

    def drive(self) -> list[Report]:
        """Take every open withdrawal as far as it can go now; return where each stands."""
        failed: Failures = {}
        reports = self._round(failed)
        while reports is None:
            reports = self._round(failed)
        return reports

    def _round(self, failed: Failures) -> list[Report] | None:
        """Do one round; None if something was sent and another round may do more."""
        with self.journal.acting():
            self._catch_up()
            reports, sent = self._decide_and_send(failed)
        for withdrawal_hash, action, signed in sent:
            try:
                self.sender.wait(signed)
                self.progress(f"{action.value}: included on L1 in {tohex(signed.hash)}")
            except TransactionFailed as error:
                # Another process may have done it first; the next round tells.
                failed[withdrawal_hash, action] = error
        return None if sent else reports

    def _decide_and_send(
        self, failed: Failures
    ) -> tuple[list[Report], list[tuple[bytes, Action, SignedTransaction]]]:
        head = self.rollup.l1.block()
        reports: list[Report] = []
        sent: list[tuple[bytes, Action, SignedTransaction]] = []
        for tracked in self.journal.tracked(only_open=True):
            key = tracked.withdrawal.hash
            view = self.reader.view(tracked.withdrawal, tracked.l2_transaction, head)
            action = next_action(view, self.rollup.delays)
            problem = failed.get((key, action)) if action else None
            if action and problem is None:
                try:
                    sent += [(key, action, signed) for signed in self._act(tracked, view, action)]
                except (RpcUnavailable, RpcNonsense):
                    raise
                except BridgeError as error:
                    problem = error
            report = self._report(tracked, view, problem)
            self._close_if_done(report)
            reports.append(report)
        return reports, sent

    def _close_if_done(self, report: Report) -> None:
        if report.view.is_finalized:
            key = report.tracked.withdrawal.hash
            self.journal.close_withdrawal(key, report.waits_for)

    def _act(self, tracked: Tracked, view: View, action: Action | None) -> list[SignedTransaction]:
        """Send what is due for one withdrawal; call it inside `journal.acting()`."""
        if action is Action.PROVE and view.candidate:
            return [self.sender.submit(self._proving(tracked, view, view.candidate))]
        proof = view.best_proof(self.rollup.delays)
        if action is Action.FINALIZE and proof:
            return [self.sender.submit(self._finalizing(tracked, proof.submitter))]
        if action is Action.RESOLVE and proof:
            step = self._resolving(proof.game)
            return [self.sender.submit(step)] if step else []
        return []

    def _proving(self, tracked: Tracked, view: View, game: Game) -> Transaction:
        withdrawal = tracked.withdrawal
        proof = self.proof_for(withdrawal, game)
        if proof.output.root != game.claim:
            raise GameRejected(
                f"game {game.address} claims another output root than our L2 node has",
                "wait for an honest proposal",
            )
        call = abi.Portal.PROVE.encode(
            withdrawal.as_tuple(), game.index, proof.output.as_tuple(), proof.nodes
        )
        return Transaction(
            f"prove:{withdrawal.hash.hex()}:{game.address}", self.rollup.portal, call
        )

    def proof_for(self, withdrawal: Withdrawal, game: Game) -> WithdrawalProof:
        """Return the proof under a game, from the journal if it was made before."""
        for stored in self.journal.proofs_of(withdrawal.hash):
            if stored.game == game.address and stored.proof.output.root == game.claim:
                return stored.proof
        block = self.rollup.block_of(game)
        if block is None:
            raise TooEarly(f"the L2 RPC hasn't block {game.position} yet", "try again soon")
        proof = self.rollup.prove_slot(block, withdrawal.slot)
        self.journal.keep_proof(withdrawal.hash, game.address, game.index, proof)
        return proof

    def _finalizing(self, tracked: Tracked, submitter: Address) -> Transaction:
        """Make the preflight, for a call that fails at the portal is lost for ever."""
        withdrawal, l1, portal = tracked.withdrawal, self.rollup.l1, self.rollup.portal
        call = abi.Portal.FINALIZE.encode(withdrawal.as_tuple(), submitter)
        try:
            gas = l1.estimate_gas(ESTIMATION_ADDRESS, portal, call)
        except Reverted as refusal:
            raise _refused_preflight(withdrawal, refusal) from refusal
        return Transaction(
            f"finalize:{withdrawal.hash.hex()}", portal, call, gas=gas * 5 // 4 + FINALIZE_MARGIN
        )

    def _resolving(self, game: Game) -> Transaction | None:
        step = self.rollup.games.next_resolution(game)
        purpose = f"resolve:{game.address}:{(step or b'').hex()}"
        return Transaction(purpose, game.address, step) if step else None

    # One step of one withdrawal, at a person's word

    def prove(self, tracked: Tracked) -> Report:
        """Prove now, or raise why it can't be."""
        view = self._now(tracked)
        state = status(view, self.rollup.delays)
        if proof := view.best_proof(self.rollup.delays):
            raise AlreadyDone(
                f"the withdrawal was proven at {moment(proof.proven_at)}",
                "proving again would only start its clock anew",
            )
        if state is Status.WAITING_TO_PROVE:
            raise TooEarly("the withdrawal can't be proven yet", f"it waits for {self._why(view)}")
        return self._perform(tracked, Action.PROVE)

    def finalize(self, tracked: Tracked) -> Report:
        """Finalize now (resolving its game if nobody did), or raise why it can't be."""
        view = self._now(tracked)
        delays = self.rollup.delays
        state = status(view, delays)
        if state in (Status.WAITING_TO_PROVE, Status.READY_TO_PROVE):
            for proof in view.proofs:
                raise GameRejected(
                    f"the game that it was proven against is {proof.standing.verdict}",
                    f"prove it again; it waits for {self._why(view)}",
                )
            raise TooEarly("the withdrawal isn't proven yet", "prove it first")
        if state is Status.WAITING_TO_FINALIZE and next_action(view, delays) is None:
            end = ready_at(view, delays)
            when = f"at {moment(end)}, in {duration(end - view.now)} of chain time" if end else ""
            raise TooEarly(
                "the withdrawal can't be finalized yet",
                f"it waits for {self._why(view)}; ready {when or 'after that'}",
            )
        return self._perform(tracked, Action.FINALIZE)

    def _now(self, tracked: Tracked) -> View:
        """Read a view for a step; raise what forbids every step."""
        view = self.reader.view(tracked.withdrawal, tracked.l2_transaction)
        if view.is_finalized:
            raise AlreadyDone("the withdrawal is finalized", self._why(view))
        if view.is_paused:
            raise Paused(
                "the portal is paused by its guardian",
                "nothing is lost; its clocks go on; try again later",
            )
        if status(view, self.rollup.delays) is Status.FAILED:
            raise UnknownTransaction(
                f"L2 doesn't know withdrawal {tohex(tracked.withdrawal.hash)} any more",
                "the L2 was reorganised, or is another network; start it again",
            )
        return view

    def _why(self, view: View) -> str:
        return waits_for(view, self.rollup.delays)

    def _perform(self, tracked: Tracked, wanted: Action) -> Report:
        """Act until `wanted` was done once."""
        while True:
            with self.journal.acting():
                self._catch_up()
                view = self._now(tracked)
                action = next_action(view, self.rollup.delays)
                sent = self._act(tracked, view, action)
            for signed in sent:
                self.sender.wait(signed)
            if action is wanted or not sent:
                report = self.report(tracked)
                self._close_if_done(report)
                return report


def _refused_preflight(withdrawal: Withdrawal, refusal: Reverted) -> BridgeError:
    if "GasEstimation" in refusal.reason:
        message = Message.from_calldata(withdrawal.data)
        return WouldFail(
            f"withdrawal {tohex(withdrawal.hash)} would fail on L1 now and might be lost",
            f"see why {message.target if message else withdrawal.target} refuses it (for ETH: that "
            f"the portal holds {amount_text(withdrawal.value)}), then try again",
        )
    return WouldFail(f"the portal refuses to finalize: {refusal.reason}", "look at it again later")
