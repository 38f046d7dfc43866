"""Dispute games: finding the one to prove against, judging it, and resolving what nobody resolved.

Contract generations differ in who judges a game (the portal in 3.x, the AnchorStateRegistry from
4.0) and in what a game commits to (an L2 block, or for super roots an L2 timestamp). What a chain
has is found by asking it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from clearway.opstack import abi
from clearway.opstack.addresses import Address, address_from_word
from clearway.opstack.chain import BlockId, Call, Chain, first_present
from clearway.opstack.errors import Reverted, RpcNonsense

SUPER_ROOT_TYPES = frozenset({4, 5, 7, 9})
AGGREGATE_VERIFIER_TYPE = 621  # Base's proof system
TYPE_NAMES = {
    0: "cannon",
    1: "permissioned",
    2: "asterisc",
    3: "asterisc-kona",
    4: "super-cannon",
    5: "super-permissioned",
    6: "op-succinct",
    7: "super-asterisc-kona",
    8: "cannon-kona",
    9: "super-cannon-kona",
    255: "alphabet",
    621: "aggregate-verifier",
}
PAGE = 20  # games asked for at once
NEVER = 2**64 - 1  # when a game without valid proofs expects to be resolved
MOST_CLAIMS = 64  # a longer game is an open fight, which its fighters resolve


class GameStatus(IntEnum):
    """As the contracts number it."""

    IN_PROGRESS = 0
    CHALLENGER_WINS = 1
    DEFENDER_WINS = 2


@dataclass(frozen=True)
class Game:
    """What is forever true of a dispute game."""

    address: Address
    index: int  # in the factory
    game_type: int
    created_at: int
    claim: bytes  # output root
    position: int  # L2 block, or L2 timestamp of a super root

    @property
    def is_super(self) -> bool:
        return self.game_type in SUPER_ROOT_TYPES


@dataclass(frozen=True)
class Standing:
    """How a game stands at one L1 block."""

    status: GameStatus
    resolved_at: int  # 0 while in progress
    resolvable_at: int  # the earliest time of resolution if nobody moves; 0 if unknown
    rejection: str = ""  # why the portal won't accept it; empty if it may

    @property
    def is_hopeless(self) -> bool:
        """A withdrawal proven against this game can never be finalized with it."""
        return bool(self.rejection) or self.status is GameStatus.CHALLENGER_WINS

    @property
    def verdict(self) -> str:
        """The state in words."""
        if self.rejection:
            return self.rejection
        return {
            GameStatus.IN_PROGRESS: "in progress",
            GameStatus.CHALLENGER_WINS: "lost to a challenger",
            GameStatus.DEFENDER_WINS: "won",
        }[self.status]


class Games:
    """The games of one portal."""

    def __init__(
        self,
        l1: Chain,
        portal: Address,
        factory: Address,
        registry: Address | None,
        l2_chain_id: int,
    ) -> None:
        self.l1 = l1
        self.portal = portal
        self.factory = factory
        self.registry = registry
        self.l2_chain_id = l2_chain_id
        # By address and age: a reorganisation may put another game at the same address.
        self._known: dict[tuple[Address, int], Game] = {}
        self._clocks: dict[int, int] = {}

    def respected_type(self, block: BlockId = "latest") -> int:
        return int(self.l1.call(self.portal, abi.Portal.RESPECTED_GAME_TYPE, block=block))

    def count(self, block: BlockId = "latest") -> int:
        return int(self.l1.call(self.factory, abi.Factory.GAME_COUNT, block=block))

    def newest_first(self, game_type: int, block: BlockId = "latest") -> Iterator[Game]:
        """Yield all games of a type as of an L1 block, newest first, a page at a time."""
        start = self.count(block) - 1
        while start >= 0:
            page = self.l1.call(
                self.factory, abi.Factory.LATEST, game_type, start, PAGE, block=block
            )
            yield from self._known_or_read(
                [(index, address_from_word(metadata), made) for index, metadata, made, *_ in page]
            )
            if len(page) < PAGE:
                return
            start = min(index for index, *_ in page) - 1

    def at(self, index: int) -> Game:
        """Return the game at a factory index."""
        _, made, address = self.l1.call(self.factory, abi.Factory.GAME_AT, index)
        return self._known_or_read([(index, address, made)])[0]

    def at_address(self, address: Address) -> Game:
        """Return the game of a proof; its index isn't known and is -1."""
        return self._read([(-1, address)])[0]

    def _known_or_read(self, found: list[tuple[int, Address, int]]) -> list[Game]:
        new = [
            (index, address) for index, address, made in found if (address, made) not in self._known
        ]
        self._known.update({(game.address, game.created_at): game for game in self._read(new)})
        return [replace(self._known[address, made], index=index) for index, address, made in found]

    def _read(self, new: list[tuple[int, Address]]) -> list[Game]:
        views = [
            abi.Game.GAME_TYPE,
            abi.Game.CREATED_AT,
            abi.Game.ROOT_CLAIM,
            abi.Game.SEQUENCE_NUMBER,
            abi.Game.BLOCK_NUMBER,
        ]
        answers = iter(self.l1.calls([Call(address, view) for _, address in new for view in views]))
        games = []
        for index, address in new:
            game_type, created_at, claim, *positions = (next(answers) for _ in views)
            position = first_present(positions)
            if game_type is None or created_at is None or claim is None or position is None:
                raise RpcNonsense(f"the L1 RPC has no dispute game at {address}", "use another RPC")
            if game_type in SUPER_ROOT_TYPES:
                claim = self._claim_in_super_root(address)
            games.append(Game(address, index, game_type, created_at, claim, position))
        return games

    def _claim_in_super_root(self, address: Address) -> bytes:
        """Return what a game claims of our L2; nothing if it forgot us, which equals no root."""
        try:
            claim = self.l1.call(address, abi.Game.ROOT_CLAIM_OF_CHAIN, self.l2_chain_id)
        except Reverted:
            return b""
        return bytes(claim)

    def standing(self, game: Game, block: BlockId = "latest") -> Standing:
        """Return how `game` stands at an L1 block, with all the portal would hold against it."""
        calls = [Call(game.address, abi.Game.STATUS), Call(game.address, abi.Game.RESOLVED_AT)]
        status, resolved_at, *judgement = self.l1.calls(
            [*calls, *self._judging_calls(game)], block=block
        )
        if status not in set(GameStatus) or resolved_at is None:
            raise RpcNonsense(f"the L1 RPC has no dispute game at {game.address}", "try again")
        return Standing(
            status=GameStatus(status),
            resolved_at=resolved_at,
            resolvable_at=self.resolvable_at(game),
            rejection=self._rejection(game, judgement),
        )

    def _judging_calls(self, game: Game) -> list[Call]:
        if self.registry is None:
            return [
                Call(self.portal, abi.Portal.BLACKLISTED, (game.address,)),
                Call(self.portal, abi.Portal.RESPECTED_GAME_TYPE),
                Call(self.portal, abi.Portal.RESPECTED_SINCE),
            ]
        return [
            Call(self.registry, view, (game.address,))
            for view in (
                abi.Registry.BLACKLISTED,
                abi.Registry.RETIRED,
                abi.Registry.RESPECTED,
                abi.Registry.PROPER,
            )
        ]

    def _rejection(self, game: Game, judgement: list[int | bool | None]) -> str:
        if self.registry is None:
            blacklisted, respected_type, respected_since = judgement
            if blacklisted:
                return "blacklisted"
            if game.game_type != respected_type:
                return "of a type no longer respected"
            # Older than the last change of the respected type: retired with its type.
            return "retired" if game.created_at < int(respected_since or 0) else ""
        blacklisted, retired, respected, proper = judgement
        if blacklisted:
            return "blacklisted"
        if retired:
            return "retired"
        if respected is False:
            return "of a type not respected at its creation"
        # A paused portal makes every game improper for the while; that is no fault of the game.
        is_paused = self.l1.try_call(self.portal, abi.Portal.PAUSED)
        return "improper" if proper is False and not is_paused else ""

    def resolvable_at(self, game: Game) -> int:
        """Return the L1 time from which a game can be resolved if nobody moves; 0 if unknown."""
        if game.game_type == AGGREGATE_VERIFIER_TYPE:
            at = int(self.l1.try_call(game.address, abi.Game.EXPECTED_RESOLUTION) or 0)
            return at if at != NEVER else 0
        if game.game_type not in self._clocks:
            self._clocks[game.game_type] = int(
                self.l1.try_call(game.address, abi.Game.MAX_CLOCK) or 0
            )
        clock = self._clocks[game.game_type]
        return game.created_at + clock if clock else 0

    def next_resolution(self, game: Game) -> bytes | None:
        """Return the calldata of the next step of resolution that anyone may take now, if any.

        Claims are resolved children first, that is from the last to the first; then the game.
        """
        count = self.l1.try_call(game.address, abi.Game.CLAIM_COUNT)
        if count is not None:
            if count > MOST_CLAIMS:
                return None
            resolved = self.l1.calls(
                [Call(game.address, abi.Game.CLAIM_RESOLVED, (claim,)) for claim in range(count)]
            )
            for claim in reversed(range(count)):
                if not resolved[claim]:
                    step = abi.Game.RESOLVE_CLAIM.encode(claim, 0)
                    return step if self._would_pass(game, step) else None
        step = abi.Game.RESOLVE.encode()
        return step if self._would_pass(game, step) else None

    def _would_pass(self, game: Game, calldata: bytes) -> bool:
        try:
            self.l1.request(
                "eth_call", {"to": game.address, "data": "0x" + calldata.hex()}, "latest"
            )
        except Reverted:
            return False
        return True
