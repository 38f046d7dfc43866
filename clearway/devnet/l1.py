"""The bridge's contracts on a local L1, deployed as a real chain's were."""

from dataclasses import dataclass
from functools import partial

from eth_abi import encode as abi_encode

from clearway.devnet.accounts import PEOPLE_BALANCE, PEOPLE_COUNT, ROLE_BALANCE, Role, people, role
from clearway.devnet.artifacts import init_code
from clearway.devnet.outbox import Outbox
from clearway.devnet.profiles import Profile
from clearway.devnet.rpc import Rpc
from clearway.opstack.abi import Function
from clearway.opstack.addresses import Address
from clearway.opstack.messages import L1Attributes, unhex

CANNON = 0
PERMISSIONED_CANNON = 1
GAME_TYPES = (CANNON, PERMISSIONED_CANNON)

INITIAL_BOND = 8 * 10**16  # wei, as live
L2_GAS_LIMIT = 30_000_000

# What no local game reaches: below the split depth, games are about steps of a MIPS machine.
MAX_GAME_DEPTH = 73
SPLIT_DEPTH = 30
ABSOLUTE_PRESTATE = b"\x03" + b"\xab" * 31  # a real one begins with 3, the status "unfinished"
MIN_PREIMAGE_SIZE = 126_000
PREIMAGE_CHALLENGE_PERIOD = 86_400

# The price of a deposit's L2 gas on L1: limit, elasticity, denominator, least fee, system gas,
# highest fee.
RESOURCE_CONFIG = (20_000_000, 10, 8, 10**9, 1_000_000, 2**128 - 1)
GAS_PAID_IN_ETHER = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"

# Proxies of the first generation, which real chains have kept for these two contracts.
CHUGSPLASH, RESOLVED = 1, 2
MESSENGER_NAME = "OVM_L1CrossDomainMessenger"

UPGRADE = Function("upgrade(address,address)")
UPGRADE_AND_CALL = Function("upgradeAndCall(address,address,bytes)")
INITIALIZE_ANCHOR = Function("initialize((uint32,(bytes32,uint256))[])")


@dataclass(frozen=True)
class Addresses:
    """The bridge's contracts on L1: the proxies, which stay when contracts are upgraded."""

    portal: Address
    system_config: Address
    superchain_config: Address
    dispute_game_factory: Address
    anchor_state_registry: Address
    l1_messenger: Address
    l1_bridge: Address
    l1_erc721_bridge: Address
    proxy_admin: Address


def fund_accounts(rpc: Rpc) -> None:
    """Give roles and people their ETH, and make people plain accounts with nonce 0.

    On a fork the well-known accounts have a past: strangers have sent from them and delegated them
    to contracts, and the bridge refuses ETH from accounts with code.
    """
    calls = [("anvil_setBalance", [role(which).address, hex(ROLE_BALANCE)]) for which in Role]
    for person in people():
        calls += [
            ("anvil_setBalance", [person.address, hex(PEOPLE_BALANCE)]),
            ("anvil_setNonce", [person.address, "0x0"]),
            ("anvil_setCode", [person.address, "0x"]),
        ]
    rpc.many(calls)


def deploy_l1(rpc: Rpc, profile: Profile, l2_chain_id: int) -> Addresses:
    """Deploy the bridge of a new L2 and return its addresses.

    Raises DevnetError that names the first transaction that fails. The anchor is still unset: see
    `initialize_anchor`.
    """
    outbox = Outbox(rpc, role(Role.DEPLOYER))
    addresses = _create_proxies(outbox)
    _initialize(outbox, addresses, profile, l2_chain_id)
    _add_games(outbox, addresses, profile, l2_chain_id)
    outbox.send()
    return addresses


def initialize_anchor(rpc: Rpc, addresses: Addresses, output_root: bytes, l2_block: int) -> None:
    """Set the output root from which all games start.

    `l2_block` must be above 0: anvil misstates the state root of its first block.
    """
    outbox = Outbox(rpc, role(Role.DEPLOYER))
    anchors = [(game_type, (output_root, l2_block)) for game_type in GAME_TYPES]
    outbox.call(addresses.anchor_state_registry, INITIALIZE_ANCHOR, anchors)
    outbox.send()


def donate(rpc: Rpc, portal: Address, amount: int) -> None:
    """Put `amount` wei into the portal, so that it can pay out what L2 has from its genesis."""
    outbox = Outbox(rpc, role(Role.FAUCET))
    outbox.call(portal, Function("donateETH()"), value=amount)
    outbox.send()


def backing() -> int:
    """Return the wei that people have on L2 from its genesis."""
    return PEOPLE_COUNT * PEOPLE_BALANCE


def _create(outbox: Outbox, name: str, types: str = "", *arguments: object) -> Address:
    constructor = abi_encode(types.split(",") if types else [], arguments)
    return outbox.create(name, init_code(name) + constructor)


def _create_proxies(outbox: Outbox) -> Addresses:
    admin = _create(outbox, "ProxyAdmin", "address", outbox.sender)
    manager = _create(outbox, "AddressManager")
    outbox.call(admin, Function("setAddressManager(address)"), manager)
    outbox.call(manager, Function("transferOwnership(address)"), admin)
    bridge = _create(outbox, "L1ChugSplashProxy", "address", admin)
    outbox.call(admin, Function("setProxyType(address,uint8)"), bridge, CHUGSPLASH)
    messenger = _create(outbox, "ResolvedDelegateProxy", "address,string", manager, MESSENGER_NAME)
    outbox.call(admin, Function("setProxyType(address,uint8)"), messenger, RESOLVED)
    outbox.call(admin, Function("setImplementationName(address,string)"), messenger, MESSENGER_NAME)
    proxy = partial(_create, outbox, "Proxy", "address", admin)
    return Addresses(
        portal=proxy(),
        system_config=proxy(),
        superchain_config=proxy(),
        dispute_game_factory=proxy(),
        anchor_state_registry=proxy(),
        l1_messenger=messenger,
        l1_bridge=bridge,
        l1_erc721_bridge=proxy(),
        proxy_admin=admin,
    )


def _initialize(outbox: Outbox, to: Addresses, profile: Profile, l2_chain_id: int) -> None:
    """Put each contract behind its proxy, set up for this chain."""

    def install(proxy: Address, implementation: Address, types: str, *arguments: object) -> None:
        data = Function(f"initialize({types})").encode(*arguments)
        outbox.call(to.proxy_admin, UPGRADE_AND_CALL, proxy, implementation, data)

    token_factory = _create(outbox, "Proxy", "address", to.proxy_admin)
    deployer = outbox.sender
    superchain, system = to.superchain_config, to.system_config
    make = partial(_create, outbox)

    guardian = role(Role.GUARDIAN).address
    install(superchain, make("SuperchainConfig"), "address,bool", guardian, False)
    _install_system_config(outbox, to, token_factory, l2_chain_id)
    factory = to.dispute_game_factory
    install(factory, make("DisputeGameFactory"), "address", deployer)
    portal = make(
        "OptimismPortal2", "uint256,uint256", profile.proof_maturity, profile.game_finality
    )
    install(
        to.portal, portal, "address,address,address,uint32", factory, system, superchain, CANNON
    )
    messenger = make("L1CrossDomainMessenger")
    install(to.l1_messenger, messenger, "address,address,address", superchain, to.portal, system)
    bridge = make("L1StandardBridge")
    install(to.l1_bridge, bridge, "address,address,address", to.l1_messenger, superchain, system)
    erc721_bridge = make("L1ERC721Bridge")
    install(to.l1_erc721_bridge, erc721_bridge, "address,address", to.l1_messenger, superchain)
    install(token_factory, make("OptimismMintableERC20Factory"), "address", to.l1_bridge)
    registry = make("AnchorStateRegistry", "address", factory)
    outbox.call(to.proxy_admin, UPGRADE, to.anchor_state_registry, registry)


def _install_system_config(
    outbox: Outbox, to: Addresses, token_factory: Address, l2_chain_id: int
) -> None:
    batcher = role(Role.BATCHER).address
    contracts = (
        to.l1_messenger,
        to.l1_erc721_bridge,
        to.l1_bridge,
        to.dispute_game_factory,
        to.portal,
        token_factory,
        GAS_PAID_IN_ETHER,
    )
    initialize = Function(
        "initialize(address,uint32,uint32,bytes32,uint64,address,"
        "(uint32,uint8,uint8,uint32,uint32,uint128),address,"
        "(address,address,address,address,address,address,address))"
    )
    data = initialize.encode(
        outbox.sender,
        L1Attributes.base_fee_scalar,
        L1Attributes.blob_base_fee_scalar,
        unhex(batcher).rjust(32, b"\0"),
        L2_GAS_LIMIT,
        batcher,
        RESOURCE_CONFIG,
        batch_inbox(l2_chain_id),
        contracts,
    )
    implementation = _create(outbox, "SystemConfig")
    outbox.call(to.proxy_admin, UPGRADE_AND_CALL, to.system_config, implementation, data)


def _add_games(outbox: Outbox, to: Addresses, profile: Profile, l2_chain_id: int) -> None:
    """Add the two kinds of games: anyone's, and the proposer's and challenger's alone."""
    weth = _create(outbox, "Proxy", "address", to.proxy_admin)
    weth_code = _create(outbox, "DelayedWETH", "uint256", profile.weth_delay)
    initialize = Function("initialize(address,address)").encode(outbox.sender, to.superchain_config)
    outbox.call(to.proxy_admin, UPGRADE_AND_CALL, weth, weth_code, initialize)
    sizes = (MIN_PREIMAGE_SIZE, PREIMAGE_CHALLENGE_PERIOD)
    machine = _create(
        outbox, "MIPS", "address", _create(outbox, "PreimageOracle", "uint256,uint256", *sizes)
    )

    types = "uint32,bytes32,uint256,uint256,uint64,uint64,address,address,address,uint256"
    clocks = (profile.clock_extension, profile.max_clock)
    chain = (machine, weth, to.anchor_state_registry, l2_chain_id)
    common = (ABSOLUTE_PRESTATE, MAX_GAME_DEPTH, SPLIT_DEPTH, *clocks, *chain)
    players = (role(Role.PROPOSER).address, role(Role.CHALLENGER).address)
    games = {
        CANNON: _create(outbox, "FaultDisputeGame", types, CANNON, *common),
        PERMISSIONED_CANNON: _create(
            outbox,
            "PermissionedDisputeGame",
            f"{types},address,address",
            PERMISSIONED_CANNON,
            *common,
            *players,
        ),
    }
    factory = to.dispute_game_factory
    for game_type, game in games.items():
        outbox.call(factory, Function("setImplementation(uint32,address)"), game_type, game)
        outbox.call(factory, Function("setInitBond(uint32,uint256)"), game_type, INITIAL_BOND)


def batch_inbox(l2_chain_id: int) -> str:
    """Return where batches of an L2 are sent: 0xff and the chain id in decimal digits."""
    return f"0xff{l2_chain_id:038d}"
