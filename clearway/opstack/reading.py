"""Reading where withdrawals stand: one view of both chains at one L1 block."""

from clearway.opstack import abi
from clearway.opstack.addresses import MESSAGE_PASSER, Address
from clearway.opstack.chain import LOG_RANGE, Block, Call
from clearway.opstack.errors import (
    RpcError,
    StateUnavailable,
    UnknownTransaction,
    UnknownWithdrawal,
)
from clearway.opstack.games import Game, GameStatus
from clearway.opstack.journal import Journal
from clearway.opstack.messages import Message, Withdrawal, tohex, unhex, withdrawals_in
from clearway.opstack.rollup import Rollup
from clearway.opstack.withdrawals import Proof, View

# A game older than the withdrawal can't know it; the two chains' clocks differ a little.
CLOCK_DRIFT = 60  # seconds

SEARCH_DEPTH = 100_000  # L2 blocks searched for a withdrawal known by its hash alone


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
    receipt = rollup.l2.successful_receipt(
        l2_transaction, "give the hash of the L2 transaction that started the withdrawal"
    )
    if found := withdrawals_in(receipt["logs"]):
        return found
    raise UnknownTransaction(
        f"L2 transaction {tohex(l2_transaction)} started no withdrawal",
        "give the hash of the L2 transaction that started it",
    )


def find_by_hash(rollup: Rollup, withdrawal_hash: bytes) -> tuple[Withdrawal, bytes]:
    """Find a withdrawal and its L2 transaction by the withdrawal's hash, from the L2's logs.

    Raises `UnknownWithdrawal` if the L2 knows no such withdrawal, `UnknownTransaction` if its start
    is too long ago to be found.
    """
    l2, event = rollup.l2, abi.MessagePasser.MESSAGE_PASSED
    if not l2.call(MESSAGE_PASSER, abi.MessagePasser.SENT, withdrawal_hash):
        raise UnknownWithdrawal(
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
