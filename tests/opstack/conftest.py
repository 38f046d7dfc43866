"""An L1 with the real bridge, an L2, and portals of newer generations between them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import solcx
from eth_abi import encode as abi_encode
from eth_utils.crypto import keccak

from clearway.devnet.accounts import ETHER, Role, people, role
from clearway.devnet.anvil import L1_OPTIONS, L2_OPTIONS, Anvil, AnvilSpec
from clearway.devnet.artifacts import storage_places
from clearway.devnet.l1 import Addresses, deploy_l1, fund_accounts
from clearway.devnet.l2 import genesis
from clearway.devnet.outbox import Outbox
from clearway.devnet.profiles import REAL
from clearway.opstack.abi import Factory, Function, Game, Portal
from clearway.opstack.addresses import Address
from clearway.opstack.chain import Chain
from clearway.opstack.driver import Driver
from clearway.opstack.journal import Journal
from clearway.opstack.messages import Withdrawal
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender
from clearway.opstack.starting import Starter
from clearway.opstack.tracking import Report
from tests.ports import find_free_port

ROOT = Path(__file__).resolve().parents[2]
SOLC = ROOT / "tools" / "solc" / "solc-v0.8.37"
L1_CHAIN_ID, L2_CHAIN_ID = 900, 901
OTHER_CHAIN_ID = 999  # another L2 in the same super roots

ALICE, BOB = people()[:2]
AMOUNT = 3 * ETHER

# Anyone may call these at the mocks.
SET_PAUSED = Function("setPaused(bool)")
SET_RESPECTED_GAME_TYPE = Function("setRespectedGameType(uint32)")
RETIRE = Function("updateRetirementTimestamp()")
BLACKLIST = Function("blacklistDisputeGame(address)")
COUNTER = Function("counter()")
NULLIFY = Function("nullify()")
VERIFY = Function("verifyProposalProof()")


def compile_mocks(name: str) -> dict[str, bytes]:
    """Return the creation code of each contract in a file of contracts/mocks."""
    source = (ROOT / "contracts" / "mocks" / f"{name}.sol").read_text()
    settings = {
        "evmVersion": "cancun",
        "optimizer": {"enabled": True},
        "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
    }
    request = {
        "language": "Solidity",
        "sources": {name: {"content": source}},
        "settings": settings,
    }
    contracts = solcx.compile_standard(request, solc_binary=SOLC)["contracts"][name]
    return {
        contract: bytes.fromhex(output["evm"]["bytecode"]["object"])
        for contract, output in contracts.items()
    }


@dataclass(frozen=True)
class Chains:
    l1: Anvil
    l2: Anvil
    addresses: Addresses
    codes: dict[str, bytes]


@pytest.fixture(scope="module")
def chains(tmp_path_factory) -> Iterator[Chains]:
    run = tmp_path_factory.mktemp("chains")
    nodes = []
    try:
        spec = AnvilSpec("l1", run, find_free_port(), "--l1-port", L1_CHAIN_ID, L1_OPTIONS)
        nodes.append(l1 := Anvil.start(spec))
        fund_accounts(l1.rpc)
        addresses = deploy_l1(l1.rpc, REAL, L2_CHAIN_ID)
        file = run / "genesis.json"
        now = int(l1.rpc.block()["timestamp"], 16)
        file.write_text(json.dumps(genesis(addresses, L1_CHAIN_ID, L2_CHAIN_ID, now)))
        spec = AnvilSpec("l2", run, find_free_port(), "--l2-port", L2_CHAIN_ID, L2_OPTIONS)
        nodes.append(l2 := Anvil.start(spec, "--init", str(file)))
        l2.rpc("evm_mine")  # anvil misstates the state root of block 0
        yield Chains(l1, l2, addresses, compile_mocks("FaultProofs5"))
    finally:
        for node in nodes:
            node.stop()


class World:
    """One portal of a newer generation on these chains, and Alice who withdraws through it."""

    def __init__(
        self, chains: Chains, folder: Path, game_type: int, maturity: int, finality: int
    ) -> None:
        self.chains = chains
        self.game_type = game_type
        self.outbox = Outbox(chains.l1.rpc, role(Role.GUARDIAN))
        self.registry = self.deploy("Registry3", "uint256,uint32", finality, game_type)
        self.portal = self.deploy(
            "Portal5",
            "string,address,address,uint256,uint256",
            "5.6.1",
            chains.addresses.system_config,
            self.registry,
            maturity,
            L2_CHAIN_ID,
        )
        self.outbox.call(self.portal, Portal.DONATE, value=1_000 * ETHER)
        self.outbox.send()
        self.give_messenger_to(self.portal)
        self.l1, self.l2 = Chain.connect(chains.l1.spec.url, "L1"), self.l2_chain()
        self.factory = self.l1.call(self.portal, Portal.FACTORY)
        self.rollup = Rollup.connect(self.l1, self.l2, self.portal)
        self.journal = Journal.for_rollup(self.rollup, folder)
        self.pass_time(1)

    def l2_chain(self) -> Chain:
        return Chain.connect(self.chains.l2.spec.url, "L2")

    def deploy(self, name: str, types: str, *arguments: object) -> Address:
        code = self.chains.codes[name] + abi_encode(types.split(","), arguments)
        address = self.outbox.create(name, code)
        self.outbox.send()
        return address

    def give_messenger_to(self, portal: Address) -> None:
        """Let the real L1 messenger take the portal for its own."""
        slot, offset = storage_places("L1CrossDomainMessenger")["portal"]
        assert offset == 0
        messenger = self.chains.addresses.l1_messenger
        word = f"0x{int(portal, 16):064x}"
        self.chains.l1.rpc("anvil_setStorageAt", messenger, hex(slot), word)

    def pass_time(self, seconds: int) -> None:
        """Let time pass on both chains: L1's next block is later by so many seconds, no more.

        L2 is given the same time, or a second more than its head's if that is ahead.
        """
        then = self.now + seconds
        for node in (self.chains.l1, self.chains.l2):
            head = int(node.rpc.block()["timestamp"], 16)
            node.rpc("evm_setNextBlockTimestamp", hex(max(then, head + 1)))
            node.rpc("evm_mine")

    @property
    def now(self) -> int:
        return self.l1.block().timestamp

    # What others do

    def tell(
        self, contract: Address, function: Function, *arguments: object, passing: int = 1
    ) -> None:
        """Call a function as whoever may; then time goes on."""
        self.outbox.call(contract, function, *arguments)
        self.outbox.send()
        if passing:
            self.pass_time(passing)

    def propose(
        self,
        block: int | None = None,
        root: bytes | None = None,
        passing: int = 1,
        **details: object,
    ) -> Address:
        """Create a game about an L2 block (default: the head); `root` is the truth unless given."""
        block = self.l2.block().number if block is None else block
        root = self.rollup.output_at(block).root if root is None else root
        claim, extra_data = root, self.extra_data(block, root, **details)
        if self.game_type == 9:
            claim = keccak(extra_data)
        index = self.l1.call(self.factory, Factory.GAME_COUNT)
        call = (Factory.CREATE, self.game_type, claim, extra_data)
        self.tell(self.factory, *call, passing=passing)
        return self.l1.call(self.factory, Factory.GAME_AT, index)[2]

    def extra_data(
        self,
        block: int,
        root: bytes,
        chain_id: int = L2_CHAIN_ID,
        timestamp: int | None = None,
        parent: Address | None = None,
    ) -> bytes:
        if self.game_type == 9:
            timestamp = timestamp or self.l2.block(block).timestamp
            outputs = ((OTHER_CHAIN_ID, b"\x99" * 32), (chain_id, root))
            encoded = b"".join(one.to_bytes(32, "big") + output for one, output in outputs)
            return b"\x01" + timestamp.to_bytes(8, "big") + encoded
        if self.game_type == 621:
            return block.to_bytes(32, "big") + bytes.fromhex((parent or self.registry)[2:])
        return block.to_bytes(32, "big")

    def resolve(self, game: Address) -> None:
        if self.game_type != 621:
            self.tell(game, Game.RESOLVE_CLAIM, 0, 0)
        self.tell(game, Game.RESOLVE)

    # What Alice does

    def start(self, amount: int = AMOUNT) -> Withdrawal:
        """Withdraw ETH to Bob, who has nothing to do with it otherwise."""
        starter = Starter(self.rollup, Sender(self.l2, ALICE, self.journal))
        withdrawal = starter.eth(amount, BOB.address)
        self.pass_time(2)
        return withdrawal

    def driver(self, account=ALICE) -> Driver:
        return Driver(self.rollup, Sender(self.l1, account, self.journal), self.journal)

    def drive(self) -> Report:
        """Drive the one withdrawal that there is, as a fresh process would."""
        (report,) = self.driver().drive()
        self.pass_time(1)
        return report

    def drive_or_none(self) -> Report | None:
        """Drive; None if no withdrawal is open."""
        reports = self.driver().drive()
        return reports[0] if reports else None

    def received(self) -> int:
        """Return what Bob has on L1 beyond what he began with."""
        return self.l1.balance(BOB.address) - 10_000 * ETHER


@pytest.fixture
def world(chains, tmp_path) -> Iterator[Callable[..., World]]:
    """Make a world; what happens in it is undone on both chains."""
    nodes = (chains.l1, chains.l2)
    snapshots = [node.rpc("evm_snapshot") for node in nodes]
    yield lambda game_type, maturity=REAL.proof_maturity, finality=REAL.game_finality: World(
        chains, tmp_path, game_type, maturity, finality
    )
    for node, snapshot in zip(nodes, snapshots, strict=True):
        node.rpc("evm_revert", snapshot)
