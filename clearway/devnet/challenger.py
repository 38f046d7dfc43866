"""The challenger: defends L2's true history in every dispute game, down to single blocks.

A claim at position p of a game speaks of the output root of one L2 block. Where an opponent's
claim is false it is attacked, where it is true it is defended (the fault lies later). Below the
split depth the claims are states of a MIPS machine that runs the L2's rules; nothing local can
compute those, so a liar who goes that far is not answered (no scripted one does).
"""

from dataclasses import dataclass

from clearway.devnet.accounts import Role, role
from clearway.devnet.local import Local
from clearway.opstack import abi
from clearway.opstack.addresses import Address
from clearway.opstack.errors import StateUnavailable
from clearway.opstack.games import Game

PLAYABLE_TYPES = frozenset({0, 1, 8})


@dataclass(frozen=True)
class Claim:
    """A claim in a game; `position` is a node of the bisection tree, 1 at the root."""

    index: int
    parent: int
    claimant: Address
    root: bytes
    position: int

    @property
    def depth(self) -> int:
        return self.position.bit_length() - 1


@dataclass(frozen=True)
class Board:
    """A game's constants."""

    starting_block: int
    block: int  # the L2 block of the root claim
    split_depth: int

    def block_at(self, position: int) -> int:
        """Return the L2 block whose output root belongs at a position (at or above the split)."""
        depth = position.bit_length() - 1
        rightmost = ((position + 1) << (self.split_depth - depth)) - 1
        trace_index = rightmost - (1 << self.split_depth)
        return min(self.starting_block + trace_index + 1, self.block)


@dataclass(frozen=True)
class Move:
    """An answer to a claim."""

    claim: Claim
    is_attack: bool
    root: bytes

    @property
    def position(self) -> int:
        return move_position(self.claim.position, self.is_attack)


def move_position(position: int, is_attack: bool) -> int:
    """Return where an attack or a defense of a claim stands (`LibPosition.move`)."""
    return 2 * (position if is_attack else position | 1)


class Challenger:
    """Plays the true side of all open games."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._judged: dict[Address, int] = {}  # claims seen in each open game
        self._address = role(Role.CHALLENGER).address

    def run(self, open_games: list[Game]) -> list[str]:
        """Answer what is new in the open games."""
        events = []
        self._judged = {g.address: n for g in open_games if (n := self._judged.get(g.address))}
        for game in open_games:
            if game.game_type not in PLAYABLE_TYPES:
                continue
            claims = self._count(game)
            if claims == self._judged.get(game.address):
                continue
            try:
                moves = self._moves(game, claims)
            except StateUnavailable:
                continue  # of a block that L2 hasn't reached or has long forgotten
            for move in moves:
                self._play(game, move)
                word = "attacked" if move.is_attack else "defended against"
                events.append(f"{word} claim {move.claim.index} of game {game.address}")
            self._judged[game.address] = claims + len(moves)
        return events

    def _count(self, game: Game) -> int:
        return int(self._local.rollup.l1.call(game.address, abi.Game.CLAIM_COUNT))

    def _moves(self, game: Game, count: int) -> list[Move]:
        claims = [self._claim(game, index) for index in range(count)]
        board = self._board(game)
        root_is_true = self._true_root(board, claims[0].position) == claims[0].root
        answered = {claim.parent for claim in claims if claim.claimant == self._address}
        return [
            self._answer(board, claim)
            for claim in claims
            # The root's side owns even depths; ours is the true one.
            if (claim.depth % 2 == 1) == root_is_true
            and claim.index not in answered
            and claim.depth < board.split_depth
        ]

    def _answer(self, board: Board, claim: Claim) -> Move:
        is_attack = claim.root != self._true_root(board, claim.position)
        target = move_position(claim.position, is_attack)
        return Move(claim, is_attack, self._true_root(board, target))

    def _true_root(self, board: Board, position: int) -> bytes:
        """Return the true output root at a position; the head's for a block of the future."""
        head = self._local.l2.number("eth_blockNumber")
        return self._local.rollup.output_at(min(board.block_at(position), head)).root

    def _board(self, game: Game) -> Board:
        l1 = self._local.rollup.l1
        return Board(
            starting_block=l1.call(game.address, abi.Game.STARTING_BLOCK),
            block=game.position,
            split_depth=l1.call(game.address, abi.Game.SPLIT_DEPTH),
        )

    def _claim(self, game: Game, index: int) -> Claim:
        parent, _, claimant, _, root, position, _ = self._local.rollup.l1.call(
            game.address, abi.Game.CLAIM, index
        )
        return Claim(index, parent, claimant, root, position)

    def _play(self, game: Game, move: Move) -> None:
        bond = self._local.rollup.l1.call(game.address, abi.Game.REQUIRED_BOND, move.position)
        function = abi.Game.ATTACK if move.is_attack else abi.Game.DEFEND
        claim = move.claim
        self._local.send(
            Role.CHALLENGER,
            game.address,
            function,
            claim.root,
            claim.index,
            move.root,
            value=bond,
        )
