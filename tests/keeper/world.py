"""A market on a local network, with its keepers as processes."""

import importlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rlp
from click.testing import CliRunner
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from benchmarks.trading_gas import MARKET, POOL, SET_MARKET, SET_POOL
from clearway.contracts import Contract
from clearway.deploying.compiled import Codes
from clearway.deployments import Deployment, System, genesis_of
from clearway.devnet.accounts import people
from clearway.devnet.outbox import Outbox
from clearway.devnet.rpc import Rpc
from clearway.keeper.publishing import committee_of
from clearway.keeper.reports_client import Board
from clearway.networks import Network, find_network
from clearway.opstack.abi import Function
from clearway.opstack.addresses import Address
from clearway.opstack.messages import unhex
from clearway.shell.commands import BridgeGroup
from tests.integration.world import World
from tests.ports import find_free_port

ROOT = Path(__file__).resolve().parents[2]
WAD = 10**18
UNIT = 10**6  # of the token
NOBODY = to_checksum_address("0x" + "00" * 20)
PUBLISHERS, EXECUTOR, LIQUIDATOR, OWNER = (5, 6, 7), 8, 9, 0
QUORUM = 2
COOLDOWN = 900  # seconds
CASH, MARGIN = 10_000_000 * UNIT, 10_000 * UNIT
PATIENCE = 300.0  # wall seconds for what takes a few
MARKETS = {0: "ETH", 1: "BTC", 2: "SOL"}
CONTRACTS = (
    *("TestToken", "PriceFeed", "KeeperCosts", "PerpetualMarket", "OrderBook", "Configuration"),
    *("Vault", "Lens", "LiquidationKeeper", "MockAggregator"),
)

MINT = Function("mint(address,uint256)")
APPROVE = Function("approve(address,uint256)")
ENTER = Function("deposit(uint256,address)")
DEPOSIT = Function("deposit(uint256,uint256)")
PLACE = Function("place(uint256,uint256,uint256,int256,uint256,bool,uint256)")
REQUEST = Function("requestRedeem(uint256,address,address)")
LIST = Function("list_market(uint256,(address,uint256,uint256,uint256,uint256))")
SET_ROUND = Function("set_round(uint256,int256,uint256)")


class Deployer:
    """Deploys from account 0; an address may be asked for before its contract is there."""

    def __init__(self, rpc: Rpc) -> None:
        self.outbox = Outbox(rpc, people()[OWNER])
        self.addresses: dict[str, Address] = {}
        self._codes = Codes.of(CONTRACTS, print)
        self._nonce = int(rpc("eth_getTransactionCount", people()[OWNER].address, "pending"), 16)

    def create(self, name: str, *arguments: Any) -> Address:
        self._nonce += 1
        self.addresses[name] = self.outbox.create(name, self._codes(name, *arguments))
        return self.addresses[name]

    def later(self, number: int) -> Address:
        """Return where the contract will lie that is the `number`th from now."""
        sender = unhex(people()[OWNER].address)
        return to_checksum_address(keccak(rlp.encode([sender, self._nonce + number - 1]))[12:])


class Market:
    """The contracts on a network, and whoever acts on them."""

    def __init__(self, world: World, home: Path) -> None:
        self.world = world
        self.home = home
        self.rpc = Rpc(world.network.l2_rpc)
        self.owner = people()[OWNER]
        self.ports = [find_free_port() for _ in PUBLISHERS]
        self._deploy()
        self.network: Network = find_network(folder=world.devnet.folder.path)
        self.deployment = Deployment.of(self.network)
        self.system = System(self.deployment, world.connect())
        self.board = Board.of(self.deployment.boards, committee_of(self.system.feed))

    # Deploying

    def _deploy(self) -> None:
        deployer = Deployer(self.rpc)
        owner = self.owner.address
        token = deployer.create("TestToken", 6)
        signers = sorted(
            (people()[one].address for one in PUBLISHERS), key=lambda one: int(one, 16)
        )
        feed = deployer.create("PriceFeed", 1, signers, QUORUM, owner, NOBODY, 300)
        costs = deployer.create("KeeperCosts", feed, 0, NOBODY)
        others = [deployer.later(number) for number in (2, 3, 4)]
        market = deployer.create("PerpetualMarket", token, feed, costs, *others, NOBODY)
        deployer.create("OrderBook", market, feed)
        configuration = deployer.create("Configuration", market, owner)
        vault = deployer.create("Vault", market, feed, owner, COOLDOWN, WAD, 10**10 * WAD)
        deployer.create("Lens", market)
        deployer.create("LiquidationKeeper", market)
        self.aggregator = deployer.create("MockAggregator", 8)
        outbox = deployer.outbox
        outbox.call(configuration, SET_POOL, POOL)
        for number in MARKETS:
            outbox.call(configuration, SET_MARKET, number, MARKET)
        outbox.call(feed, LIST, 0, (self.aggregator, 3_600, 5 * 10**15, 200 * WAD, 19_000 * WAD))
        outbox.call(token, MINT, owner, CASH)
        outbox.call(token, APPROVE, vault, CASH)
        outbox.call(vault, ENTER, CASH, owner)
        outbox.send()
        self._write(deployer.addresses, token, signers)

    def _write(self, addresses: dict[str, Address], token: Address, signers: list[str]) -> None:
        network = self.world.network
        facts = {
            "network": "local",
            "l1_chain_id": network.l1_chain_id,
            "l2_chain_id": network.l2_chain_id,
            "l1_block": 0,
            "l2_block": 0,
            "l2_genesis": genesis_of(self.world.l2),
            "contracts": {name: {"address": address} for name, address in addresses.items()},
            "token": {"l1_token": NOBODY, "l2_token": token, "symbol": "TEST", "decimals": 6},
            "markets": [{"number": number, "name": name} for number, name in MARKETS.items()],
            "publishers": signers,
            "quorum": QUORUM,
            "tile_length": 1,
            "boards": [f"http://127.0.0.1:{port}" for port in self.ports],
        }
        path = self.world.devnet.folder.path / "deployment.json"
        path.write_text(json.dumps(facts))

    # Acting

    def send(self, sender: LocalAccount, to: Contract, function: Function, *arguments: Any) -> None:
        outbox = Outbox(self.rpc, sender)
        outbox.call(to.address, function, *arguments)
        outbox.send()

    def trader(self, margin: int = MARGIN, who: LocalAccount | None = None) -> LocalAccount:
        """Return somebody, new if not given, with ETH for gas and with margin."""
        trader = who or Account.create()
        self.world.private("l2")("anvil_setBalance", trader.address, hex(WAD))
        account = int(trader.address, 16) << 96
        outbox = Outbox(self.rpc, trader)
        outbox.call(self.system.token.address, MINT, trader.address, margin)
        outbox.call(self.system.token.address, APPROVE, self.system.market.address, margin)
        outbox.call(self.system.market.address, DEPOSIT, account, margin)
        outbox.send()
        return trader

    def place(
        self, trader: LocalAccount, size: int, slot: int = 0, market: int = 0, **more: Any
    ) -> int:
        """Place an order at any price; return its id."""
        account = int(trader.address, 16) << 96
        limit = more.get("limit", 2_200 * WAD if size > 0 else 10**8)
        is_reduce_only, fee = more.get("is_reduce_only", False), more.get("keeper_fee", WAD // 10)
        self.send(
            trader,
            self.system.orders,
            PLACE,
            *(account, slot, market, size, limit, is_reduce_only, fee),
        )
        return account + slot

    # Asking

    def now(self) -> int:
        return self.world.l2.block().timestamp

    def keep(self) -> None:
        """Have what is on the chains now outlive the death of a node."""
        current = self.world.devnet.folder.path / "checkpoints" / "current"
        begun = int(current.read_text())  # one may be under way that lacks the newest block
        until(lambda: int(current.read_text()) >= begun + 2)

    def size_of(self, trader: LocalAccount, market: int = 0) -> int:
        account = int(trader.address, 16) << 96
        return int(self.system.lens.call("position_of", account, market).size)

    # Keepers

    def keeper(self, name: str, *words: str, account: int) -> "Keeper":
        """Run a keeper as a process of its own."""
        return Keeper(self.world, self.home, name, [*words, "--account", str(account)])

    def refusal(self, name: str, *words: str) -> tuple[int, str]:
        """Type a keeper's command that must not start; return its status and what it says."""
        module = importlib.import_module(f"bots.{name}")
        where = [
            *("--dir", str(self.world.devnet.folder.path)),
            *("--journal", str(self.home / "journal")),
        ]
        group = BridgeGroup(commands={name: module.cli})
        result = CliRunner(mix_stderr=False).invoke(group, [name, *words, *where])
        return result.exit_code, result.stderr

    @contextmanager
    def publishers(
        self, *words: str, which: Sequence[int] = PUBLISHERS
    ) -> Iterator[list["Keeper"]]:
        keepers = [self.keeper("publisher", *words, account=one) for one in which]
        try:
            yield keepers
        finally:
            for keeper in keepers:
                keeper.kill()


class Keeper:
    """One keeper's process; its output is in a file."""

    def __init__(self, world: World, home: Path, name: str, words: Sequence[str]) -> None:
        self.output = home / f"{name}-{time.monotonic_ns()}.log"
        self.command = [
            *(sys.executable, "-m", f"bots.{name}", *words),
            *("--dir", str(world.devnet.folder.path)),
            *("--journal", str(home / "journal")),
        ]
        self.start()

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(self.command, cwd=ROOT, stdout=output, stderr=output)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; return its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return self.output.read_text()

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def until(what: Callable[[], Any], *keepers: Keeper) -> Any:
    """Wait for something to come to pass; return what it gave."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    said = "\n".join(keeper.said() for keeper in keepers)
    raise AssertionError(f"it never came to pass; the keepers said:\n{said}")
