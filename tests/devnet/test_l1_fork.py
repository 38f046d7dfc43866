from dataclasses import asdict

import pytest

from clearway.devnet.accounts import Role, role
from clearway.devnet.errors import DevnetError
from clearway.devnet.l1 import INITIAL_BOND, Addresses, fund_accounts
from clearway.devnet.l1_fork import GAME_ARGS, l1_from_portal
from clearway.devnet.outbox import Outbox
from clearway.devnet.profiles import REAL
from clearway.opstack import abi
from clearway.opstack.chain import Chain
from clearway.opstack.messages import tohex


@pytest.fixture
def live(fork):
    return Chain.connect(fork.spec.url, "L1")


def test_a_portal_of_version_3_tells_its_bridge(live, pair):
    bridge = l1_from_portal(live, pair.addresses.portal)
    assert bridge.addresses == pair.addresses
    assert bridge.version == "3.10.0"
    assert bridge.guardian == role(Role.GUARDIAN).address
    assert bridge.game_type == 0
    assert bridge.initial_bond == INITIAL_BOND
    assert bridge.l2_chain_id == 901
    assert bridge.anchor_block == 1
    assert asdict(bridge.profile) == {**asdict(REAL), "name": "fork"}


@pytest.mark.parametrize(
    ("contract", "what"),
    [("l1_bridge", "a contract of version"), ("l1_messenger", "a contract of version")],
)
def test_another_contract_is_refused(live, pair, contract, what):
    address = getattr(pair.addresses, contract)
    with pytest.raises(DevnetError, match=f"{address} on chain 900 is {what}.*OptimismPortalProxy"):
        l1_from_portal(live, address)


def test_an_account_without_code_is_refused(live):
    with pytest.raises(DevnetError, match="is not even a contract"):
        l1_from_portal(live, role(Role.FAUCET).address)


@pytest.mark.parametrize(
    ("game_type", "why"),
    [
        (1, r"permissioned.*only the chain's own proposer"),
        (5, r"super-permissioned.*several chains at once"),
        (9, r"super-cannon-kona.*several chains at once"),
        (621, r"aggregate-verifier.*the chain's own provers"),
        (77, r"unknown.*rules are unknown"),
    ],
)
def test_games_that_a_fork_cannot_play_are_refused(fork, live, pair, game_type, why):
    fund_accounts(fork.rpc)
    guardian = Outbox(fork.rpc, role(Role.GUARDIAN))
    guardian.call(pair.addresses.portal, abi.Portal.SET_RESPECTED_GAME_TYPE, game_type)
    guardian.send()
    with pytest.raises(DevnetError, match=rf"games of type {game_type} \({why}"):
        l1_from_portal(live, pair.addresses.portal)


def test_a_respected_type_without_games_is_refused(fork, live, pair):
    fund_accounts(fork.rpc)
    guardian = Outbox(fork.rpc, role(Role.GUARDIAN))
    guardian.call(pair.addresses.portal, abi.Portal.SET_RESPECTED_GAME_TYPE, 8)
    guardian.send()
    with pytest.raises(DevnetError, match="no games of the respected type 8"):
        l1_from_portal(live, pair.addresses.portal)


# No package carries the contracts from 4.0 on, so their answers are written down here.


def address(number: int) -> str:
    return f"0x{number:040x}"


PORTAL, FACTORY, CONFIG, REGISTRY, GAME, WETH, SUPERCHAIN, GUARDIAN, ADMIN, *_ = map(
    address, range(0x10, 0x20)
)
MESSENGER, BRIDGE, ERC721_BRIDGE = map(address, range(0x20, 0x23))

CLONE_ARGS = (
    b"\3" * 32  # absolute prestate
    + bytes(20)  # virtual machine
    + bytes.fromhex(REGISTRY[2:])
    + bytes.fromhex(WETH[2:])
    + (10).to_bytes(32, "big")  # L2 chain id
)

VERSION_5 = {
    (PORTAL, "version()"): "5.2.0",
    (PORTAL, "disputeGameFactory()"): FACTORY,
    (PORTAL, "systemConfig()"): CONFIG,
    (PORTAL, "anchorStateRegistry()"): REGISTRY,
    (PORTAL, "respectedGameType()"): 8,
    (PORTAL, "proofMaturityDelaySeconds()"): 604_800,
    (CONFIG, "superchainConfig()"): SUPERCHAIN,
    (CONFIG, "l1CrossDomainMessenger()"): MESSENGER,
    (CONFIG, "l1StandardBridge()"): BRIDGE,
    (CONFIG, "l1ERC721Bridge()"): ERC721_BRIDGE,
    (SUPERCHAIN, "guardian()"): GUARDIAN,
    (FACTORY, "gameImpls(uint32)", 8): GAME,
    (FACTORY, "initBonds(uint32)", 8): 8 * 10**16,
    (FACTORY, GAME_ARGS.signature, 8): CLONE_ARGS,
    (REGISTRY, "getAnchorRoot()"): (b"\1" * 32, 150_000_000),
    (REGISTRY, "disputeGameFinalityDelaySeconds()"): 302_400,
    (GAME, "maxClockDuration()"): 302_400,
    (GAME, "clockExtension()"): 10_800,
    (WETH, "delay()"): 302_401,
}


class Recorded:
    """A chain that answers what was written down, and has nothing else."""

    chain_id = 1

    def __init__(self, answers):
        self.answers = answers

    def try_call(self, to, function, *arguments):
        return self.answers.get((to, function.signature, *arguments))

    def call(self, to, function, *arguments):
        return self.answers[(to, function.signature, *arguments)]

    def calls(self, calls):
        return [self.try_call(call.to, call.function, *call.arguments) for call in calls]

    def request(self, method, *params):
        assert (method, params[0]) == ("eth_getStorageAt", PORTAL)
        return tohex(bytes.fromhex(ADMIN[2:]).rjust(32, b"\0"))


def test_a_portal_of_version_5_is_asked_in_its_own_way():
    bridge = l1_from_portal(Recorded(VERSION_5), PORTAL)
    assert bridge.addresses == Addresses(
        PORTAL,
        CONFIG,
        SUPERCHAIN,
        FACTORY,
        REGISTRY,
        MESSENGER,
        BRIDGE,
        ERC721_BRIDGE,
        ADMIN,
    )
    assert (bridge.version, bridge.guardian) == ("5.2.0", GUARDIAN)
    assert (bridge.game_type, bridge.game_implementation) == (8, GAME)
    assert (bridge.l2_chain_id, bridge.anchor_block) == (10, 150_000_000)
    assert bridge.profile.game_finality == 302_400
    assert bridge.profile.weth_delay == 302_401


def test_the_system_config_knows_the_l2_better_than_the_clones_arguments():
    answers = VERSION_5 | {(CONFIG, "l2ChainId()"): 11155420}
    assert l1_from_portal(Recorded(answers), PORTAL).l2_chain_id == 11155420


def test_an_interop_portal_is_refused_whatever_type_it_respects():
    answers = VERSION_5 | {(PORTAL, "superRootsActive()"): True}
    with pytest.raises(DevnetError, match="several chains at once"):
        l1_from_portal(Recorded(answers), PORTAL)


def test_a_version_that_hides_its_anchor_is_refused():
    answers = {key: value for key, value in VERSION_5.items() if key[1] != "getAnchorRoot()"}
    with pytest.raises(DevnetError, match=f"{REGISTRY} tells no anchor"):
        l1_from_portal(Recorded(answers), PORTAL)
