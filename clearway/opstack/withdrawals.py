"""The life of a withdrawal: what state it is in, what it waits for, what is to be done next.

`View` is all that was read of the chains at one L1 block; the functions over it are pure. The
states are named as the field names them.
"""

from dataclasses import dataclass
from enum import Enum

from clearway.opstack import abi
from clearway.opstack.addresses import MESSAGE_PASSER, Address
from clearway.opstack.chain import LOG_RANGE, Block, Call
from clearway.opstack.errors import RpcError, StateUnavailable, UnknownTransaction
from clearway.opstack.games import Game, GameStatus, Standing
from clearway.opstack.journal import Journal
from clearway.opstack.messages import Message, Withdrawal, tohex, unhex, withdrawals_in
from clearway.opstack.rollup import Delays, Rollup

# A game older than the withdrawal can't know it; the two chains' clocks differ a little.
CLOCK_DRIFT = 60  # seconds

SEARCH_DEPTH = 100_000  # L2 blocks searched for a withdrawal known by its hash alone


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


class Reader:
    """Reads views of the chains, and remembers which games told the truth.

    Those that its journal has proofs of were found true when the proofs were made; the L2 node may
    have forgotten their state since.
    """

    def __init__(self, rollup: Rollup, journal: Journal | None = None) -> None:
        self.rollup = rollup
        self.journal = journal
        self._true_games: set[tuple[Address, bytes, int]] = set()

    def view(
        self, withdrawal: Withdrawal, l2_transaction: bytes, head: Block | None = None
    ) -> View:
        """Read everything about one withdrawal, as of the L1 block `head` (default: latest)."""
        head = head or self.rollup.l1.block()
        l1, portal, key = self.rollup.l1, self.rollup.portal, withdrawal.hash
        is_finalized, is_paused, submitters = l1.required_calls(
            [
                Call(portal, abi.Portal.FINALIZED, (key,)),
                Call(portal, abi.Portal.PAUSED),
                Call(portal, abi.Portal.SUBMITTER_COUNT, (key,)),
            ],
            block=head.number,
        )
        if is_finalized:
            return self._finalized_view(withdrawal, head)
        l2_block, l2_timestamp = self._l2_position(withdrawal, l2_transaction)
        proofs = self._proofs(key, submitters, head) if l2_block is not None else ()
        candidate, false_games = None, 0
        if l2_block is not None and not any(proof.is_usable for proof in proofs):
            candidate, false_games = self.find_game(l2_block, l2_timestamp, head)
        return View(
            now=head.timestamp,
            withdrawal=withdrawal,
            l2_block=l2_block,
            l2_timestamp=l2_timestamp,
            is_finalized=False,
            succeeded=None,
            message_failed=False,
            is_paused=is_paused,
            proofs=proofs,
            candidate=candidate,
            false_games=false_games,
        )

    def _finalized_view(self, withdrawal: Withdrawal, head: Block) -> View:
        message = Message.from_calldata(withdrawal.data)
        failed = bool(
            message
            and withdrawal.target == self.rollup.messenger
            and self.rollup.l1.call(
                self.rollup.messenger, abi.Messenger.FAILED, message.hash, block=head.number
            )
            and not self.rollup.l1.call(
                self.rollup.messenger, abi.Messenger.SUCCESSFUL, message.hash, block=head.number
            )
        )
        return View(
            now=head.timestamp,
            withdrawal=withdrawal,
            l2_block=None,
            l2_timestamp=0,
            is_finalized=True,
            succeeded=self._succeeded(withdrawal, head),
            message_failed=failed,
            is_paused=False,
            proofs=(),
            candidate=None,
            false_games=0,
        )

    def _succeeded(self, withdrawal: Withdrawal, head: Block) -> bool | None:
        """Tell how the call on L1 ended; None where the node doesn't search that far back."""
        event = abi.Portal.WITHDRAWAL_FINALIZED
        wanted = {
            "address": self.rollup.portal,
            "topics": [tohex(event.topic), tohex(withdrawal.hash)],
            "fromBlock": "0x0",
            "toBlock": hex(head.number),
        }
        try:
            logs = self.rollup.l1.request("eth_getLogs", wanted)
        except RpcError:
            return None
        return bool(int(logs[-1]["data"], 16)) if logs else None

    def _l2_position(self, withdrawal: Withdrawal, l2_transaction: bytes) -> tuple[int | None, int]:
        receipt = self.rollup.l2.receipt(l2_transaction)
        if receipt is None or withdrawal not in withdrawals_in(receipt["logs"]):
            return None, 0
        block = int(receipt["blockNumber"], 16)
        return block, self.rollup.l2.block(block).timestamp

    def _proofs(self, key: bytes, submitters: int, head: Block) -> tuple[Proof, ...]:
        l1, portal = self.rollup.l1, self.rollup.portal
        who = l1.calls(
            [Call(portal, abi.Portal.SUBMITTER, (key, i)) for i in range(submitters)],
            block=head.number,
        )
        # The portal lists a submitter once for each proof, and keeps the last.
        unique = list(dict.fromkeys(submitter for submitter in who if submitter))
        proven = l1.calls(
            [Call(portal, abi.Portal.PROVEN, (key, submitter)) for submitter in unique],
            block=head.number,
        )
        return tuple(
            self._proof(submitter, address, proven_at, head)
            for submitter, (address, proven_at) in zip(unique, proven, strict=True)
            if proven_at
        )

    def _proof(
        self, submitter: Address, game_address: Address, proven_at: int, head: Block
    ) -> Proof:
        game = self.rollup.games.at_address(game_address)
        standing = self.rollup.games.standing(game, head.number)
        is_true = standing.status is GameStatus.DEFENDER_WINS or self._is_known_true(game)
        return Proof(submitter, proven_at, game, standing, is_true)

    def _is_known_true(self, game: Game) -> bool:
        try:
            return bool(self.is_true(game))
        except StateUnavailable:
            return False  # a stranger's proof, against a game that we can't judge

    def find_game(self, l2_block: int, l2_timestamp: int, head: Block) -> tuple[Game | None, int]:
        """Return the oldest game to prove an L2 block against, and how many false ones there are.

        Its claim equals the output root that our own L2 node gives.
        """
        games = self.rollup.games
        game_type = games.respected_type(head.number)
        needed = self.rollup.position_of(l2_block, game_type)
        covering: list[Game] = []
        for game in games.newest_first(game_type, head.number):
            if game.created_at < l2_timestamp - CLOCK_DRIFT:
                break
            if game.position >= needed:
                covering.append(game)
        return self._first_true(list(reversed(covering)), head)

    def _first_true(self, covering: list[Game], head: Block) -> tuple[Game | None, int]:
        """Return the first true game, and how many false ones came before it."""
        false_games, forgotten = 0, None
        for game in covering:
            if self.rollup.games.standing(game, head.number).is_hopeless:
                continue
            try:
                is_true = self.is_true(game)
            except StateUnavailable as error:
                forgotten = error  # a newer game may speak of a block that the node still has
                continue
            if is_true:
                return game, false_games
            false_games += is_true is False
        if forgotten:
            raise forgotten
        return None, false_games

    def is_true(self, game: Game) -> bool | None:
        """Tell whether a game claims the root that our L2 node has; None if it can't know yet."""
        key = (game.address, game.claim, game.position)
        if key in self._true_games or self._was_true(game):
            return True
        block = self.rollup.block_of(game)
        if block is None:
            return None
        if self.rollup.output_at(block).root != game.claim:
            return False
        self._true_games.add(key)
        return True

    def _was_true(self, game: Game) -> bool:
        return self.journal is not None and game.claim in self.journal.roots_of(game.address)


def find_withdrawals(rollup: Rollup, l2_transaction: bytes) -> list[Withdrawal]:
    """Return the withdrawals that an L2 transaction started."""
    receipt = rollup.l2.receipt(l2_transaction)
    if receipt is None:
        raise UnknownTransaction(
            f"L2 has no transaction {tohex(l2_transaction)}",
            "give the hash of the L2 transaction that started the withdrawal",
        )
    if int(receipt["status"], 16) != 1:
        raise UnknownTransaction(f"L2 transaction {tohex(l2_transaction)} reverted")
    if found := withdrawals_in(receipt["logs"]):
        return found
    raise UnknownTransaction(
        f"L2 transaction {tohex(l2_transaction)} started no withdrawal",
        "give the hash of the L2 transaction that started it",
    )


def find_by_hash(rollup: Rollup, withdrawal_hash: bytes) -> tuple[Withdrawal, bytes]:
    """Find a withdrawal and its L2 transaction by the withdrawal's hash, from the L2's logs.

    Raises `UnknownTransaction` if the L2 knows no such withdrawal.
    """
    l2, event = rollup.l2, abi.MessagePasser.MESSAGE_PASSED
    if not l2.call(MESSAGE_PASSER, abi.MessagePasser.SENT, withdrawal_hash):
        raise UnknownTransaction(
            f"no withdrawal {tohex(withdrawal_hash)} was started on this L2",
            "check the hash and the network",
        )
    head = l2.block().number
    for last in range(head, max(-1, head - SEARCH_DEPTH), -LOG_RANGE):
        for log in l2.logs(MESSAGE_PASSER, event, max(0, last - LOG_RANGE + 1), last):
            found = Withdrawal.from_log(log)
            if found.hash == withdrawal_hash:
                return found, unhex(log["transactionHash"])
    raise UnknownTransaction(
        f"withdrawal {tohex(withdrawal_hash)} is older than {SEARCH_DEPTH} L2 blocks",
        "give the hash of the L2 transaction that started it",
    )
