"""A live bridge as a fork of its L1 shows it; all is read from its portal."""

from dataclasses import dataclass, replace
from typing import Any

from eth_utils.address import to_checksum_address

from clearway.devnet.errors import DevnetError
from clearway.devnet.l1 import CANNON, PERMISSIONED_CANNON, Addresses
from clearway.devnet.profiles import REAL, Profile
from clearway.opstack import abi
from clearway.opstack.abi import Function
from clearway.opstack.addresses import ZERO_ADDRESS, Address
from clearway.opstack.chain import Call, Chain, first_present
from clearway.opstack.games import AGGREGATE_VERIFIER_TYPE, SUPER_ROOT_TYPES, TYPE_NAMES
from clearway.opstack.messages import word_to_address

CANNON_KONA = 8
PLAYABLE = (CANNON, CANNON_KONA)

SUPERCHAIN_CONFIG = Function("superchainConfig()", "address")
GUARDIAN = Function("guardian()", "address")
L1_ERC721_BRIDGE = Function("l1ERC721Bridge()", "address")
WETH = Function("weth()", "address")
WETH_DELAY = Function("delay()", "uint256")
# From 2025 a game's clones carry what its implementation used to hold.
GAME_ARGS = Function("gameArgs(uint32)", "bytes")
ARGS_WETH = slice(72, 92)
ARGS_CHAIN_ID = slice(92, 124)

ADMIN_SLOT = "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"  # ERC-1967


@dataclass(frozen=True)
class LiveBridge:
    """What a portal tells of its bridge."""

    addresses: Addresses
    version: str
    guardian: Address
    game_type: int
    """The respected one."""
    game_implementation: Address
    initial_bond: int
    """Wei."""
    l2_chain_id: int
    anchor_block: int
    """L2 block from which games start: a local L2 must begin above it."""
    profile: Profile
    """The delays on chain; the block times are those of Ethereum and the OP Stack."""


def l1_from_portal(l1: Chain, portal: Address) -> LiveBridge:
    """Read the bridge behind a portal of any version from 3.0.

    Raises DevnetError if there is no such portal, or if its games can't be played on a fork.
    """
    version, factory, config, registry = l1.calls(
        [
            Call(portal, abi.VERSION),
            Call(portal, abi.Portal.FACTORY),
            Call(portal, abi.Portal.SYSTEM_CONFIG),
            Call(portal, abi.Portal.REGISTRY),
        ]
    )
    game_type = l1.try_call(portal, abi.Portal.RESPECTED_GAME_TYPE)
    if factory is None or config is None or game_type is None:
        raise DevnetError(_why_no_portal(l1, portal, version))
    _require_playable(l1, portal, game_type)
    game = _game(l1, factory, game_type)
    registry = registry or l1.call(game, Function("anchorStateRegistry()", "address"))
    superchain = _superchain_config(l1, portal, config)
    args = l1.try_call(factory, GAME_ARGS, game_type) or b""
    return LiveBridge(
        addresses=_addresses(l1, portal, config, superchain, factory, registry),
        version=version or "unknown",
        guardian=l1.call(superchain, GUARDIAN),
        game_type=game_type,
        game_implementation=game,
        initial_bond=l1.call(factory, abi.Factory.INITIAL_BOND, game_type),
        l2_chain_id=_l2_chain_id(l1, config, game, args),
        anchor_block=_anchor_block(l1, registry, game_type),
        profile=_profile(l1, portal, registry, game, args),
    )


def _why_no_portal(l1: Chain, portal: Address, version: str | None) -> str:
    what = f"a contract of version {version}" if version else "a contract"
    if not l1.is_contract(portal):
        what = "not even a contract"
    return (
        f"{portal} on chain {l1.chain_id} is {what}, and no portal with fault proofs; give the "
        "address of the L2's OptimismPortalProxy."
    )


def _require_playable(l1: Chain, portal: Address, game_type: int) -> None:
    if game_type in PLAYABLE and not l1.try_call(portal, abi.Portal.SUPER_ROOTS_ACTIVE):
        return
    if game_type == AGGREGATE_VERIFIER_TYPE:
        reason = "they are opened with a proof from the chain's own provers"
    elif game_type == PERMISSIONED_CANNON:
        reason = "only the chain's own proposer may open them"
    elif game_type in SUPER_ROOT_TYPES or game_type in PLAYABLE:
        reason = "they speak of several chains at once, and the fork has one L2"
    else:
        reason = "their rules are unknown to the devnet"
    raise DevnetError(
        f"The portal {portal} respects games of type {game_type} "
        f"({TYPE_NAMES.get(game_type, 'unknown')}), which can't be played on a fork: {reason}. "
        "Fork another chain's L1, or start the devnet without a fork."
    )


def _game(l1: Chain, factory: Address, game_type: int) -> Address:
    game: Address = l1.call(factory, abi.Factory.GAME_IMPLEMENTATION, game_type)
    if game == ZERO_ADDRESS:
        raise DevnetError(
            f"The factory {factory} has no games of the respected type {game_type}; fork L1 at "
            "another block."
        )
    return game


def _superchain_config(l1: Chain, portal: Address, config: Address) -> Address:
    owners = [Call(portal, SUPERCHAIN_CONFIG), Call(config, SUPERCHAIN_CONFIG)]
    found: Address = _present(l1.calls(owners), "SuperchainConfig", portal)
    return found


def _addresses(
    l1: Chain,
    portal: Address,
    config: Address,
    superchain: Address,
    factory: Address,
    registry: Address,
) -> Addresses:
    admin = l1.request("eth_getStorageAt", portal, ADMIN_SLOT, "latest")
    return Addresses(
        portal=to_checksum_address(portal),
        system_config=config,
        superchain_config=superchain,
        dispute_game_factory=factory,
        anchor_state_registry=registry,
        l1_messenger=l1.call(config, abi.SystemConfig.L1_MESSENGER),
        l1_bridge=l1.call(config, abi.SystemConfig.L1_BRIDGE),
        l1_erc721_bridge=l1.call(config, L1_ERC721_BRIDGE),
        proxy_admin=word_to_address(admin),
    )


def _l2_chain_id(l1: Chain, config: Address, game: Address, args: bytes) -> int:
    """Ask the newest place first: an implementation whose clones carry the id answers nonsense."""
    told = l1.try_call(config, abi.SystemConfig.L2_CHAIN_ID)
    if told:
        return int(told)
    if args:
        return int.from_bytes(args[ARGS_CHAIN_ID], "big")
    return int(l1.call(game, abi.Game.L2_CHAIN_ID))


def _anchor_block(l1: Chain, registry: Address, game_type: int) -> int:
    anchors = [
        Call(registry, abi.Registry.ANCHOR_ROOT),
        Call(registry, abi.Registry.ANCHORS, (game_type,)),
    ]
    _, block = _present(l1.calls(anchors), "anchor", registry)
    return int(block)


def _profile(l1: Chain, portal: Address, registry: Address, game: Address, args: bytes) -> Profile:
    weth = to_checksum_address(args[ARGS_WETH]) if args else l1.call(game, WETH)
    finality = [
        Call(registry, abi.Registry.GAME_FINALITY),
        Call(portal, abi.Portal.GAME_FINALITY),
    ]
    return replace(
        REAL,
        name="fork",
        proof_maturity=l1.call(portal, abi.Portal.PROOF_MATURITY),
        game_finality=_present(l1.calls(finality), "game finality delay", portal),
        max_clock=l1.call(game, abi.Game.MAX_CLOCK),
        clock_extension=l1.call(game, Function("clockExtension()", "uint64")),
        weth_delay=l1.call(weth, WETH_DELAY),
    )


def _present(answers: list[Any], what: str, of: Address) -> Any:
    found = first_present(answers)
    if found is None:
        raise DevnetError(f"{of} tells no {what}; the devnet does not know its version.")
    return found
