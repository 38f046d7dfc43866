"""The life of a withdrawal: what state it is in, what it waits for, what is to be done next.

`View` is all that was read of the chains at one L1 block; the functions over it are pure. The
states are named as the field names them.
"""

from dataclasses import dataclass
from enum import Enum

from clearway.opstack.addresses import Address
from clearway.opstack.games import Game, GameStatus, Standing
from clearway.opstack.messages import Withdrawal
from clearway.opstack.rollup import Delays


class Status(Enum):
    WAITING_TO_PROVE = "waiting to prove"
    READY_TO_PROVE = "ready to prove"
    WAITING_TO_FINALIZE = "waiting to finalize"
    READY_TO_FINALIZE = "ready to finalize"
    FINALIZED = "finalized"
    FAILED = "failed"


class Action(Enum):
    """What is to be done next; nothing for a state that only waits."""

    PROVE = "prove"
    RESOLVE = "resolve"
    FINALIZE = "finalize"


@dataclass(frozen=True)
class Proof:
    """A proof that the portal holds for a withdrawal."""

    submitter: Address
    proven_at: int
    game: Game
    standing: Standing
    is_ours: bool  # we checked the game's claim before proving, or the claim is checked now

    @property
    def is_usable(self) -> bool:
        """It may lead to finalization: the game isn't lost, and is older than the proof."""
        return (
            self.is_ours and not self.standing.is_hopeless and self.proven_at > self.game.created_at
        )

    @property
    def is_won(self) -> bool:
        return self.standing.status is GameStatus.DEFENDER_WINS

    def ready_at(self, delays: Delays, now: int) -> int:
        """Return the L1 timestamp from which it can be finalized; 0 if it can't be told.

        Both delays must be exceeded, not reached (`checkWithdrawal`). While the game is open this
        assumes that nobody moves in it, and that it is resolved as soon as it can be.
        """
        resolved_at = self.standing.resolved_at
        if not resolved_at and self.standing.resolvable_at:
            resolved_at = max(self.standing.resolvable_at, now)
        if not resolved_at:
            return 0
        return max(self.proven_at + delays.proof_maturity, resolved_at + delays.game_finality) + 1


@dataclass(frozen=True)
class View:
    """Everything the decisions need, read at one L1 block."""

    now: int  # timestamp of that block
    withdrawal: Withdrawal
    l2_block: int | None  # None: the L2 doesn't know the withdrawal
    l2_timestamp: int
    is_finalized: bool
    succeeded: bool | None  # of a finalized one; None if unknown
    message_failed: bool  # finalized, and its message waits to be replayed
    is_paused: bool
    proofs: tuple[Proof, ...]
    candidate: Game | None  # the game to prove against, its claim checked
    false_games: int  # games passed over because they lie

    def best_proof(self, delays: Delays) -> Proof | None:
        """Return the usable proof that is ready first; one of a won game goes before others."""
        never = 2**64

        def order(proof: Proof) -> tuple[bool, int, int]:
            return (not proof.is_won, proof.ready_at(delays, self.now) or never, proof.proven_at)

        return min((proof for proof in self.proofs if proof.is_usable), key=order, default=None)


def status(view: View, delays: Delays) -> Status:
    """Return the state."""
    if view.is_finalized:
        return Status.FAILED if view.succeeded is False else Status.FINALIZED
    if proof := view.best_proof(delays):
        is_ready = proof.is_won and view.now >= proof.ready_at(delays, view.now)
        return Status.READY_TO_FINALIZE if is_ready else Status.WAITING_TO_FINALIZE
    if view.l2_block is None:
        return Status.FAILED
    # The proof's block must be later than the game's.
    if view.candidate and view.now > view.candidate.created_at:
        return Status.READY_TO_PROVE
    return Status.WAITING_TO_PROVE


def next_action(view: View, delays: Delays) -> Action | None:
    """Return what can be done now to bring the withdrawal further."""
    if view.is_paused:
        return None
    state = status(view, delays)
    if state is Status.READY_TO_PROVE:
        return Action.PROVE
    if state is Status.READY_TO_FINALIZE:
        return Action.FINALIZE
    if state is Status.WAITING_TO_FINALIZE and (proof := view.best_proof(delays)):
        standing = proof.standing
        is_open = standing.status is GameStatus.IN_PROGRESS
        if is_open and 0 < standing.resolvable_at <= view.now:
            return Action.RESOLVE
    return None


def waits_for(view: View, delays: Delays) -> str:
    """Say in a few words what the withdrawal waits for, or how it ended."""
    state = status(view, delays)
    if state is Status.FINALIZED:
        return "its message failed on L1: replay it" if view.message_failed else "done"
    if state is Status.FAILED:
        return "its call on L1 failed" if view.is_finalized else "L2 doesn't know it any more"
    if view.is_paused:
        return "the portal is paused by its guardian"
    if state is Status.READY_TO_PROVE:
        return f"you, to prove against game {view.candidate.address}" if view.candidate else ""
    if state is Status.READY_TO_FINALIZE:
        return "you, to finalize"
    if state is Status.WAITING_TO_PROVE:
        return _waits_for_a_game(view)
    return _waits_for_the_clocks(view, delays)


def _waits_for_a_game(view: View) -> str:
    if view.candidate:
        return "the next L1 block"
    lost = next((p for p in view.proofs if p.standing.is_hopeless), None)
    what = f"a proposal of L2 block {view.l2_block} or later"
    if lost:
        what = f"{what} (the game proven against is {lost.standing.verdict})"
    if view.false_games:
        what = f"{what} ({view.false_games} false passed over)"
    return what


def _waits_for_the_clocks(view: View, delays: Delays) -> str:
    proof = view.best_proof(delays)
    if proof is None:
        return ""
    if proof.standing.status is GameStatus.IN_PROGRESS:
        return "the game's challenge clock"
    if view.now <= proof.standing.resolved_at + delays.game_finality:
        return "the game's finality delay"
    return "the proof's maturity"


def ready_at(view: View, delays: Delays) -> int:
    """Return the L1 timestamp from which it can be finalized if nobody interferes; 0 if unknown."""
    proof = view.best_proof(delays)
    return proof.ready_at(delays, view.now) if proof else 0


def progress(view: View, delays: Delays) -> float:
    """Return how much of the wait between proof and finalization has passed, 0 to 1."""
    proof = view.best_proof(delays)
    if proof is None or not (end := proof.ready_at(delays, view.now)):
        return 0.0
    start = proof.proven_at
    return min(1.0, max(0.0, (view.now - start) / max(1, end - start)))
