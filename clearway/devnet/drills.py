"""What people and tests may ask of a running network: `devnet_…` methods of its RPCs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eth_utils.address import is_address

from clearway.devnet.errors import DevnetError
from clearway.opstack.games import Game
from clearway.opstack.messages import tohex

if TYPE_CHECKING:
    from clearway.devnet.node import Node

GAMES_SHOWN = 12
EVENTS_SHOWN = 12


def obey(node: "Node", method: str, params: list[Any]) -> Any:
    """Do what was asked and return its answer; raise DevnetError for what can't be done."""
    if method not in METHODS:
        known = ", ".join(sorted(METHODS))
        raise DevnetError(f"There is no method {method}; there are {known}.")
    try:
        return METHODS[method](node, *params)
    except TypeError as error:
        raise DevnetError(f"{method} doesn't take these parameters: {error}.") from error


def status(node: "Node") -> dict[str, Any]:
    """Heads, clocks, deposits, games and the newest events."""
    heads = {layer: getattr(node, layer).rpc.block() for layer in ("l1", "l2")}
    origin, _ = node.roles.relayer.origin()
    return {
        "profile": node.profile.name,
        "pace": node.clock.pace,
        **{
            layer: {
                "block": int(head["number"], 16),
                "hash": head["hash"],
                "timestamp": int(head["timestamp"], 16),
            }
            for layer, head in heads.items()
        },
        "l1_origin": origin,
        "deposits_relayed": node.deposits_relayed,
        "sequencer": {
            "down": node.sequencer.down,
            "censored": sorted(node.sequencer.censored),
        },
        "games": [_shown(node, game) for game in node.roles.docket.games[-GAMES_SHOWN:]],
        "games_total": len(node.roles.docket.games),
        "without": list(node.settings.without),
        "events": list(node.events)[-EVENTS_SHOWN:],
    }


def _shown(node: "Node", game: Game) -> dict[str, Any]:
    standing = node.local.rollup.games.standing(game)
    return {
        "index": game.index,
        "address": game.address,
        "type": game.game_type,
        "l2_block": game.position,
        "claim": tohex(game.claim),
        "created_at": game.created_at,
        "state": standing.verdict,
        "resolvable_at": standing.resolvable_at,
    }


def advance(node: "Node", seconds: int) -> int:
    """Move both chains' time ahead; return L1's new time."""
    if not isinstance(seconds, int):
        raise DevnetError("devnet_advance takes a whole number of seconds.")
    node.clock.advance(seconds, node.settle)
    return node.clock.now_l1()


def pace(node: "Node", pace: float) -> float:
    """Set how many chain seconds pass in each second."""
    if not isinstance(pace, int | float):
        raise DevnetError("devnet_pace takes a number.")
    node.clock.set_pace(float(pace))
    node.pace = node.clock.pace
    return node.pace


def censor(node: "Node", address: str) -> list[str]:
    """Have the sequencer refuse an account; return all it refuses."""
    node.sequencer.censored.add(_address(address))
    return sorted(node.sequencer.censored)


def uncensor(node: "Node", address: str) -> list[str]:
    """Have the sequencer serve an account again."""
    node.sequencer.censored.discard(_address(address))
    return sorted(node.sequencer.censored)


def _address(text: str) -> str:
    if not is_address(text):
        raise DevnetError(f"{text!r} is not an address: give 0x and 40 hex digits.")
    return text.lower()


def pause_sequencer(node: "Node") -> bool:
    """Take the sequencer down: L2 makes no blocks, but for what L1 forces after its window."""
    node.sequencer.down = True
    return True


def resume_sequencer(node: "Node") -> bool:
    """Bring the sequencer back: L2 catches up with L1's time and deposits."""
    node.sequencer.down = False
    node.clock.catch_up()
    node.settle()
    return True


def lie(node: "Node") -> dict[str, Any]:
    """Have the proposer claim a false root; return the game."""
    game = node.roles.proposer.lie()
    node.roles.docket.run()
    return _shown(node, game)


def propose(node: "Node") -> dict[str, Any]:
    """Have the proposer claim the root of L2's head now; return the game."""
    game = node.roles.proposer.propose()
    node.roles.docket.run()
    return _shown(node, game)


def settle(node: "Node") -> bool:
    """Let every role do what there is to do now."""
    node.settle()
    return True


def stop(node: "Node") -> bool:
    """End the network; its state stays on disk."""
    node.stopping.set()
    return True


METHODS: dict[str, Callable[..., Any]] = {
    "devnet_status": status,
    "devnet_advance": advance,
    "devnet_pace": pace,
    "devnet_censor": censor,
    "devnet_uncensor": uncensor,
    "devnet_pauseSequencer": pause_sequencer,
    "devnet_resumeSequencer": resume_sequencer,
    "devnet_lie": lie,
    "devnet_propose": propose,
    "devnet_settle": settle,
    "devnet_stop": stop,
}
