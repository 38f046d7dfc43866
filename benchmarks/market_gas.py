"""What each action of the market costs, in gas, from the receipts of an L2 node.

All is fixed: keys, addresses, prices and the chain's time, so two runs of the same code differ in
nothing. Every word that an action writes was written before, so no figure holds the cost of a first
time. Of five publishers the first three sign; if others do, it is some 100 more.

Beside each figure stands its floor: what the chain takes for the things that no program could leave
out, namely the transaction itself, its calldata, one recovery for each signature of a quorum, the
words of storage read and written, and the log. The rest is ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp
from eth_abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from vyper.cli.vyper_compile import compile_files

from benchmarks.network import temporary_folder
from clearway.devnet.accounts import people
from clearway.devnet.anvil import L2_OPTIONS, Anvil, AnvilSpec
from clearway.devnet.outbox import Outbox
from clearway.devnet.processes import free_port
from clearway.opstack.abi import Function
from clearway.opstack.addresses import Address
from clearway.opstack.messages import unhex
from clearway.reports import Domain, Report, SignedReport
from clearway.spec.quotes import Quote

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
CHAIN_ID = 901
GENESIS = 1_900_000_000  # the chain's time, seconds
START = GENESIS + 3_600  # of all but its first blocks, however long the node took for those
WAD = 10**18
NOBODY: Address = to_checksum_address("0x" + "00" * 20)

TILE_LENGTH = 1  # second
PUBLISHERS, QUORUM = 5, 3
GRACE_PERIOD = 300  # seconds

SUBMIT = Function("submit(uint256,uint256[],address[],(bytes32,bytes32)[])")

# What the chain takes
TRANSACTION = 21_000
CALLDATA_BYTE, CALLDATA_ZERO = 16, 4
RECOVERY = 3_000 + 100  # the precompile, and calling it
READ, WRITE = 2_100, 5_000  # a word not touched before in the transaction, and not zero
LOG, LOG_TOPIC, LOG_BYTE = 375, 375, 8
WORD = 32  # bytes


@dataclass(frozen=True)
class Cost:
    """An action's gas, and the least that it could be."""

    gas: int
    floor: int

    @property
    def multiple(self) -> float:
        return self.gas / self.floor


@contextmanager
def bench() -> Iterator["Bench"]:
    """Give a bench on a node of its own."""
    with _node() as node:
        yield Bench(node)


@contextmanager
def _node() -> Iterator[Anvil]:
    """Run an L2 node alone, that mines each transaction when it comes."""
    with temporary_folder() as folder:
        spec = AnvilSpec("l2", folder, free_port(), "a free port", CHAIN_ID, L2_OPTIONS)
        node = Anvil.start(spec, "--timestamp", str(GENESIS))
        try:
            yield node
        finally:
            node.stop()


class Bench:
    """The contracts, whoever acts on them, and the costs so far."""

    def __init__(self, node: Anvil) -> None:
        self.costs: dict[str, Cost] = {}
        self.rpc = node.rpc
        self.now = START
        self.owner = people()[0]
        keys: list[LocalAccount] = [
            Account.from_key(keccak(text=f"publisher {number}")) for number in range(PUBLISHERS)
        ]
        self._publishers = sorted(keys, key=lambda key: int(key.address, 16))
        self.feed = self.create(
            "l2/PriceFeed.vy",
            ("uint256", "address[]", "uint256", "address", "address", "uint256"),
            TILE_LENGTH,
            [key.address for key in self._publishers],
            QUORUM,
            self.owner.address,
            NOBODY,
            GRACE_PERIOD,
        )

    def create(self, path: str, types: tuple[str, ...], *arguments: Any) -> Address:
        """Deploy a contract from its source."""
        outbox = Outbox(self.rpc, self.owner)
        address = outbox.create(path, _creation_code(path) + encode(types, arguments))
        self.now += 3_600  # however long it took to compile
        self.rpc("evm_setNextBlockTimestamp", hex(self.now))
        outbox.send()
        return address

    def next_addresses(self, *later: int) -> list[Address]:
        """Return where contracts will lie that are deployed after some others from now."""
        nonce = int(self.rpc("eth_getTransactionCount", self.owner.address, "latest"), 16)
        sender = unhex(self.owner.address)
        return [
            to_checksum_address(keccak(rlp.encode([sender, nonce + number]))[12:])
            for number in later
        ]

    def run(self, to: Address, function: Function, *arguments: Any) -> int:
        """Send a call in a block of its own, a second after the last; return its gas."""
        self.now += 1
        self.rpc("evm_setNextBlockTimestamp", hex(self.now))
        outbox = Outbox(self.rpc, self.owner)
        outbox.call(to, function, *arguments)
        (receipt,) = outbox.send()
        return int(receipt["gasUsed"], 16)

    # Prices

    def report_all(self) -> None:
        every = list(range(8))
        for _ in range(2):  # the newest words, and then the recalled ones
            self.submit(self.report(every))
        self.submit(self.report(every, age=5))
        for name, markets in (
            ("report, 1 market", every[:1]),
            ("report, 4 markets", every[:4]),
            ("report, 8 markets (2 boards)", every),
        ):
            self._count_report(name, self.report(markets))
        older = self.report(every[:4], age=3)
        self._count_report("report, older, recalled", older, reads=1)
        gas = self.submit(older)
        floor = transaction_cost(self._calldata(older)) + 2 * READ  # newest and recalled
        self.costs["report, stored already"] = Cost(gas, floor)

    def pass_time(self, seconds: int) -> None:
        """Let the next block be later (or, below zero, not later) by some seconds."""
        self.now += seconds

    def report(self, markets: list[int], age: int = 0, price: int | None = None) -> Report:
        """Return the report of the next block's second, or of one some seconds before."""
        second = self.now + 1 - age
        at = price or 67_123 * WAD + second * 10**9
        quotes = {market: Quote(at + market, WAD // 1_000) for market in markets}
        return Report.of(second, quotes)

    def arguments(self, report: Report) -> tuple[Any, ...]:
        addresses = [key.address for key in self._publishers]
        signers = self._publishers[:QUORUM]
        domain = Domain(CHAIN_ID, self.feed)
        return SignedReport.by(report, domain, addresses, signers).as_arguments()

    def _calldata(self, report: Report) -> bytes:
        return SUBMIT.encode(*self.arguments(report))

    def submit(self, report: Report) -> int:
        return self.run(self.feed, SUBMIT, *self.arguments(report))

    def _count_report(self, name: str, report: Report, reads: int = 0) -> None:
        """Count a report that is verified; `reads` are words read in vain for each board."""
        boards = len(report.boards)
        floor = (
            transaction_cost(self._calldata(report))
            + READ  # the quorum
            + QUORUM * RECOVERY
            + boards * (WRITE + reads * READ)
            + log_cost(topics=2, data=(2 + boards) * WORD)
        )
        self.costs[name] = Cost(self.submit(report), floor)


def transaction_cost(calldata: bytes) -> int:
    zeros = calldata.count(0)
    return TRANSACTION + CALLDATA_ZERO * zeros + CALLDATA_BYTE * (len(calldata) - zeros)


def log_cost(topics: int, data: int) -> int:
    return LOG + LOG_TOPIC * topics + LOG_BYTE * data


def _creation_code(path: str) -> bytes:
    source = CONTRACTS / path
    (output,) = compile_files([source], ["bytecode"], paths=[str(CONTRACTS.parent)]).values()
    return unhex(output["bytecode"])
