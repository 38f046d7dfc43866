"""The docket: the dispute games of this network, for the roles that play in them."""

from clearway.devnet.local import Local
from clearway.opstack import abi
from clearway.opstack.chain import Call
from clearway.opstack.games import Game, GameStatus


class Docket:
    """Which games are open, and which were decided lately."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._seen = 0
        self.games: list[Game] = []  # all since the network began, oldest first
        self.open: list[Game] = []

    def run(self) -> list[Game]:
        """Take in new games; return those that have been decided since the last look."""
        games = self._local.rollup.games
        count = games.count()
        if count < self._seen:
            self._seen, self.games, self.open = 0, [], []  # L1 was reorganised
        for index in range(self._seen, count):
            game = games.at(index)
            if game.position >= self._local.first_l2_block:
                self.games.append(game)
                self.open.append(game)
        self._seen = count
        statuses = self._local.rollup.l1.calls(
            [Call(game.address, abi.Game.STATUS) for game in self.open]
        )
        decided = [
            game
            for game, status in zip(self.open, statuses, strict=True)
            if status != GameStatus.IN_PROGRESS
        ]
        self.open = [game for game in self.open if game not in decided]
        return decided
