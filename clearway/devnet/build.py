"""Building a network: a fresh or forked L1, the genesis of its L2, and L2's first blocks."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from clearway.devnet.errors import DevnetError
from clearway.devnet.folder import Network, Settings, write_whole
from clearway.devnet.l1 import (
    Addresses,
    backing,
    deploy_l1,
    donate,
    fund_accounts,
    initialize_anchor,
)
from clearway.devnet.l1_fork import l1_from_portal
from clearway.devnet.l2 import genesis
from clearway.devnet.profiles import Profile, profile_named
from clearway.devnet.relayer import attributes_of
from clearway.devnet.rpc import Rpc
from clearway.opstack.addresses import MESSAGE_PASSER, Address, parse_address
from clearway.opstack.chain import Chain
from clearway.opstack.messages import OutputProof, tohex, unhex

# A fork's L2 begins this far above the live chain's anchor, for games must be above it.
ANCHOR_MARGIN = 1_000_000


@dataclass(frozen=True)
class Bridge:
    """The bridge on L1 that the L2 is built for."""

    addresses: Addresses
    profile: Profile
    l2_chain_id: int
    first_number: int  # of L2's genesis block


@dataclass(frozen=True)
class Genesis:
    """How anvil is started on L2's genesis."""

    path: Path
    number: int

    @property
    def start_options(self) -> tuple[str, ...]:
        number = ("--number", str(self.number)) if self.number else ()
        return ("--init", str(self.path), *number)

    @classmethod
    def read(cls, path: Path) -> "Genesis":
        return cls(path, int(json.loads(path.read_text())["number"], 16))


def prepare_l1(l1: Rpc, settings: Settings) -> Bridge:
    """Deploy the bridge on a fresh L1, or read it from a forked one; give everyone their ETH."""
    fund_accounts(l1)
    if settings.fork_url:
        bridge = _forked_bridge(l1, settings)
    else:
        profile = profile_named(settings.profile)
        addresses = deploy_l1(l1, profile, settings.l2_chain_id)
        bridge = Bridge(addresses, profile, settings.l2_chain_id, 0)
    donate(l1, bridge.addresses.portal, backing())
    return bridge


def _forked_bridge(l1: Rpc, settings: Settings) -> Bridge:
    if not settings.portal:
        raise DevnetError("A fork needs the portal of its L2's bridge: give it with --portal.")
    portal = parse_address(settings.portal, "--portal")
    live = l1_from_portal(Chain.connect(l1.url, "L1"), portal)
    first = live.anchor_block + ANCHOR_MARGIN
    return Bridge(live.addresses, live.profile, live.l2_chain_id, first)


def write_genesis(l1: Rpc, bridge: Bridge, path: Path) -> Genesis:
    """Write L2's genesis; its time is that of L1's head."""
    chain_id = l1.number("eth_chainId")
    now = int(l1.block()["timestamp"], 16)
    content = genesis(bridge.addresses, chain_id, bridge.l2_chain_id, now, bridge.first_number)
    write_whole(path, json.dumps(content))
    return Genesis(path, bridge.first_number)


def first_blocks(l1: Rpc, l2: Rpc, bridge: Bridge, settings: Settings) -> tuple[int, int]:
    """Make L2's first block and, on a fresh L1, anchor the games there; return L1's and L2's.

    Anvil misstates the state root of a genesis block, so no root may speak of it.
    """
    first_l1_block = l1.number("eth_blockNumber")
    begin_l2(l1, l2, first_l1_block)
    head = l2.block()
    number = int(head["number"], 16)
    if not settings.fork_url:
        storage_root = unhex(l2("eth_getProof", MESSAGE_PASSER, [], hex(number))["storageHash"])
        output = OutputProof(unhex(head["stateRoot"]), storage_root, unhex(head["hash"]))
        initialize_anchor(l1, bridge.addresses, output.root, number)
    return first_l1_block, number


def begin_l2(l1: Rpc, l2: Rpc, first_l1_block: int) -> None:
    """Give L2 its first L1 origin; what L1 said before is none of its business."""
    attributes = attributes_of(l1.block(first_l1_block))
    l2("eth_sendRawTransactionSync", tohex(attributes.encode()))


def head_of(url: str) -> int:
    """Return the number of the newest block of a chain that is to be forked."""
    return Chain.connect(url, "forked L1").block().number


def network_of(
    bridge: Bridge,
    settings: Settings,
    fork_block: int,
    l1_chain_id: int,
    first: tuple[int, int],
) -> Network:
    """Return what is to be known of a built network."""
    return Network(
        profile=asdict(bridge.profile),
        l1_rpc=f"http://127.0.0.1:{settings.l1_port}",
        l2_rpc=f"http://127.0.0.1:{settings.l2_port}",
        l1_chain_id=l1_chain_id,
        l2_chain_id=bridge.l2_chain_id,
        portal=Address(bridge.addresses.portal),
        first_l1_block=first[0],
        first_l2_block=first[1],
        fork_url=settings.fork_url,
        fork_block=fork_block,
        addresses={name: str(value) for name, value in asdict(bridge.addresses).items()},
    )
