"""Keepers that die in the middle of their work."""

import json
from collections.abc import Callable, Iterator

import pytest

from clearway.devnet.accounts import people
from clearway.opstack.chain import waiting
from tests.scenarios.adapter import Adapter
from tests.scenarios.cast import Bot
from tests.scenarios.play import WAD, carry_home, trader
from tests.scripts.exchange import Board

ETH = WAD  # base wad
PATIENCE = 300.0  # wall seconds for what takes one or two
EXECUTOR, LIQUIDATOR = 8, 9  # of the local network's people


@pytest.fixture
def bots(scene: Adapter) -> Iterator[dict[str, Bot]]:
    """An executor and a liquidator at work, and the board that they read."""
    board = Board(scene.publishers)
    path = scene.world.devnet.folder.path / "deployment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "boards": [board.url]}))
    bots = {"executor": scene.bot("executor", EXECUTOR)}
    bots["liquidator"] = scene.bot("liquidator", LIQUIDATOR)
    for bot in bots.values():
        bot.start()
    yield bots
    for bot in bots.values():
        bot.kill()
    board.close()


def test_b11_killed_keepers_come_back_and_do_each_thing_once(scene, books, anyone, bots):
    """B11, K10: the executor dies with an order committed, the liquidator with an account due."""
    for kind, number in (("executor", EXECUTOR), ("liquidator", LIQUIDATOR)):
        scene.actor(kind, people()[number])
    person, first = trader(scene, "person", 3_000), scene.world.l2.block().number

    def told(name: str) -> int:
        last, about = scene.world.l2.block().number, person.account
        return len(scene.system.market.events(first, last, name, about=about))

    scene.order(person, "ETH", 15 * ETH)
    eventually(lambda: told("OrderFilled") == 1, bots)

    bots["executor"].kill()
    scene.order(person, "ETH", -ETH // 10, reduce_only=True)
    bots["executor"].start()
    eventually(lambda: told("OrderFilled") == 2, bots)

    bots["liquidator"].kill()
    scene.set_price("ETH", 2_865 * WAD)
    bots["liquidator"].start()
    eventually(lambda: told("AccountLiquidated") == 1, bots)

    scene.close(person, "ETH")
    eventually(lambda: told("OrderFilled") == 3, bots)
    carry_home(scene, anyone, scene.withdraw_start(person))
    assert (told("OrderFilled"), told("AccountLiquidated")) == (3, 1)
    books.close()


def eventually(holds: Callable[[], bool], bots: dict[str, Bot]) -> None:
    """Wait until something holds; fail with what the keepers said if it doesn't come to that."""
    assert any(holds() for _ in waiting(PATIENCE)), [bot.status() for bot in bots.values()]
