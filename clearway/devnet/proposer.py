"""The proposer: claims output roots of L2 on L1, by opening dispute games."""

from collections.abc import Callable

from eth_utils.crypto import keccak

from clearway.devnet.accounts import Role
from clearway.devnet.archive import Archivist
from clearway.devnet.errors import DevnetError
from clearway.devnet.local import Local
from clearway.opstack import abi
from clearway.opstack.errors import StateUnavailable
from clearway.opstack.games import SUPER_ROOT_TYPES, Game
from clearway.opstack.reading import Reader


class Proposer:
    """Proposes when a withdrawal waits for a root: nobody else on a local network needs one."""

    def __init__(self, local: Local, archivist: Archivist, checkpoint: Callable[[], None]) -> None:
        self._local = local
        self._archivist = archivist
        self._checkpoint = checkpoint
        self._covering: Game | None = None
        self._reader = Reader(local.rollup)

    def run(self) -> list[str]:
        """Propose if the newest withdrawal isn't covered by a true game that may be finalized."""
        needed = self._archivist.newest_withdrawal
        if not needed or self._is_covered(needed):
            return []
        game = self.propose()
        return [f"proposed L2 block {game.position} in game {game.address}"]

    def _is_covered(self, block: int) -> bool:
        games = self._local.rollup.games
        if self._covering and self._covering.position >= block:
            is_known = games.count() > self._covering.index  # a reorganisation may drop it
            if is_known and not games.standing(self._covering).is_hopeless:
                return True
        self._covering = self._find_covering(block)
        return self._covering is not None

    def _find_covering(self, block: int) -> Game | None:
        games = self._local.rollup.games
        for game in games.newest_first(games.respected_type()):
            if game.position < self._local.first_l2_block:
                return None  # from before the fork
            if (
                game.position >= block
                and not games.standing(game).is_hopeless
                and self._is_true(game)
            ):
                return game
        return None

    def _is_true(self, game: Game) -> bool:
        try:
            return bool(self._reader.is_true(game))
        except StateUnavailable:
            return False  # lost in a restart of the node: rather one game too many

    def propose(self) -> Game:
        """Claim the root of L2's head.

        Only of a block that was written to disk: a root on L1 must not outlive its block.
        """
        self._local.l2("evm_mine")  # a new block, so that no game exists of it
        head = self._local.l2.number("eth_blockNumber")
        self._checkpoint()
        self._archivist.archive(head)
        self._covering = self._create(self._local.rollup.output_at(head).root, head)
        return self._covering

    def lie(self) -> Game:
        """Claim a false root of L2's head: a drill."""
        self._local.l2("evm_mine")
        head = self._local.l2.number("eth_blockNumber")
        return self._create(keccak(text=f"a false root of block {head}"), head)

    def _create(self, root: bytes, block: int) -> Game:
        rollup = self._local.rollup
        game_type = rollup.games.respected_type()
        if game_type in SUPER_ROOT_TYPES:
            raise DevnetError("This bridge respects super roots, which the devnet can't propose.")
        factory = rollup.games.factory
        bond = rollup.l1.call(factory, abi.Factory.INITIAL_BOND, game_type)
        self._local.send(
            Role.PROPOSER,
            factory,
            abi.Factory.CREATE,
            game_type,
            root,
            block.to_bytes(32, "big"),
            value=bond,
        )
        return next(
            game
            for game in rollup.games.newest_first(game_type)
            if game.claim == root and game.position == block
        )
