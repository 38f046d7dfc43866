"""The resolver: closes games whose clock has run out, and fetches the bonds for their owners."""

from eth_utils.address import to_checksum_address

from clearway.devnet.accounts import Role, role
from clearway.devnet.errors import DevnetError
from clearway.devnet.local import Local
from clearway.opstack import abi
from clearway.opstack.addresses import Address
from clearway.opstack.chain import Call
from clearway.opstack.games import Game

BOND_OWNERS = (Role.PROPOSER, Role.CHALLENGER)


class Resolver:
    """Resolves what can be, children first; anyone may."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._unpaid: dict[Game, int] = {}  # decided games, and when their bonds are free

    def run(self, open_games: list[Game], decided: list[Game], now: int) -> list[str]:
        """Resolve what is due at the L1 time `now`, and pay out bonds."""
        events = []
        for game in open_games:
            while self._is_due(game, now) and (step := self._next_step(game)):
                function, arguments = step
                self._local.send(Role.RESOLVER, game.address, function, *arguments)
                if function is abi.Game.RESOLVE:
                    events.append(f"resolved game {game.address}: {self._verdict(game)}")
                    break
        for game in decided:
            self._unpaid[game] = now + self._local.profile.weth_delay
        for game in [game for game, due in self._unpaid.items() if due < now]:
            del self._unpaid[game]
            events += self._pay_bonds(game)
        return events

    def _is_due(self, game: Game, now: int) -> bool:
        return 0 < self._local.rollup.games.resolvable_at(game) <= now

    def _next_step(self, game: Game) -> tuple[abi.Function, tuple[object, ...]] | None:
        calldata = self._local.rollup.games.next_resolution(game)
        if calldata is None:
            return None
        if calldata[:4] == abi.Game.RESOLVE.selector:
            return abi.Game.RESOLVE, ()
        return abi.Game.RESOLVE_CLAIM, abi.Game.RESOLVE_CLAIM.arguments_of(calldata)

    def _verdict(self, game: Game) -> str:
        return self._local.rollup.games.standing(game).verdict

    def _pay_bonds(self, game: Game) -> list[str]:
        owners = [to_checksum_address(role(owner).address) for owner in BOND_OWNERS]
        credits_ = self._local.rollup.l1.calls(
            [Call(game.address, abi.Game.CREDIT, (owner,)) for owner in owners]
        )
        return [
            self._pay(game, owner) for owner, credit in zip(owners, credits_, strict=True) if credit
        ]

    def _pay(self, game: Game, owner: Address) -> str:
        try:
            self._local.send(Role.RESOLVER, game.address, abi.Game.CLAIM_CREDIT, owner)
        except DevnetError:
            return f"the bonds of game {game.address} can't be paid yet"
        return f"paid {owner} the bonds of game {game.address}"
