"""What scenarios do in several verbs, and the books that each of them closes with."""

from clearway.contracts import Told
from clearway.spec.wad import WAD
from clearway.trading.solvency import solvency
from tests.scenarios.adapter import Adapter
from tests.scenarios.cast import Actor, Way

UNIT = 10**6  # of the token
POOL = ("vault cash", "impact reserves", "insurance")  # what is no single account's
DELAY = 2  # seconds from an order's commit to what prices it
DELAYS = (20, 20)  # seconds: the game is resolved after the first, and final after the second


def trader(scene: Adapter, name: str, dollars: int) -> Actor:
    """Return somebody whose margin has just come from L1."""
    actor = scene.actor(name)
    scene.fund(actor, dollars * UNIT)
    scene.margin_in(actor, dollars * UNIT)
    return actor


def trade(scene: Adapter, actor: Actor, size: int, by: Actor, market: str = "ETH") -> Told:
    """Have an order filled at the price of its second."""
    id = scene.order(actor, market, size)
    scene.warp(DELAY)
    return filled(scene.execute(id, by))


def close(scene: Adapter, actor: Actor, by: Actor, market: str = "ETH") -> Told:
    id = scene.close(actor, market)
    scene.warp(DELAY)
    return filled(scene.execute(id, by))


def filled(told: Told | None) -> Told:
    assert told is not None
    assert told.name == "OrderFilled", told.values
    return told


def carry_home(scene: Adapter, by: Actor, *ways: Way) -> None:
    """Take withdrawals through proof, challenge and finalization, and have them paid."""
    carry_proof(scene, by, *ways)
    for delay in DELAYS:
        scene.warp(delay)
    for way in ways:
        scene.finalise(way, by)
        scene.claim(way, by)


def carry_proof(scene: Adapter, by: Actor, *ways: Way) -> None:
    """Have withdrawals proven against the game that the proposer opens for them."""
    scene.world.settle()
    scene.warp(1)  # a proof must be later than its game
    for way in ways:
        scene.prove(way, by)


class Books:
    """What there was at a scenario's beginning; at its end all must add up, to the last unit."""

    def __init__(self, scene: Adapter) -> None:
        self._scene = scene
        self._pool = self._of_pool()
        self._supply = self._minted()

    def _of_pool(self) -> int:
        reserves = self._scene.reserves()
        return sum(reserves[name] for name in POOL)

    def _minted(self) -> int:
        system = self._scene.system
        return int(system.l1_token.call("totalSupply")) * system.scale

    def close(self, given: int = 0) -> None:
        """Assert the solvency identity, and that what came in is somebody's.

        `given` are token units that somebody sent where no account has them.
        """
        scene, system = self._scene, self._scene.system
        found = solvency(system)
        assert found.is_whole
        assert sum(scene.reserves().values()) == found.held
        waiting = system.l2_gateway.call("waiting")
        inside = scene.system_tokens()["L2"]
        assert (inside - waiting) * system.scale >= found.held
        theirs = sum(scene.wealth(actor).ledger for actor in scene.cast.actors)
        came = self._minted() - self._supply - given * system.scale
        assert theirs + self._of_pool() - self._pool == came


def dollars(units: int) -> int:
    """Return the quote wads of token units."""
    return units * WAD // UNIT
