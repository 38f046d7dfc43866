"""What each action of the bridge costs, in gas, from the receipts on L1 and L2.

Amounts, accounts, addresses and the order of all actions are fixed, and proposals and resolutions
come when this says so: only what depends on the time of day differs between two runs.

A deposit pays for its L2 gas by burning L1 gas: l2 gas x 1 gwei / max(L1's base fee, 1 gwei), less
what it used anyway. So deposits are measured at two base fees: 1 gwei or less, where the most is
burned, and 20 gwei, where nothing is.

Tokens are the project's TestToken, messages make one call that writes four words of storage, and
accounts and contracts have had dealings before, so no figure holds the cost of a first time.
A proof's gas grows with its nodes: here the trie holds a handful of withdrawals, and how many nodes
lead to each follows from the contracts' addresses. A live chain's trie is several nodes deeper.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.network import Client, Running, running
from clearway.devnet.outbox import Outbox
from clearway.devnet.rpc import Rpc
from clearway.opstack import (
    Arrivals,
    Chain,
    ForcedStarter,
    Starter,
    Tokens,
    Withdrawal,
    abi,
    replay,
)
from clearway.opstack.abi import Function
from clearway.opstack.addresses import L2_MESSENGER, Address
from clearway.opstack.journal import Tracked
from clearway.opstack.messages import unhex
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.tokens import TokenPair
from clearway.opstack.tracking import FORCED
from clearway.shell.commands import tell

MOCKS = Path(__file__).resolve().parents[1] / "contracts" / "mocks"
GWEI, ETHER = 10**9, 10**18
BASE_FEES = (1, 20)  # gwei
ATTEMPTS = 5  # until a block has the base fee that was asked for

AMOUNT = ETHER  # of wei, and of token units
SUPPLY = 1_000 * AMOUNT
DECIMALS = 18
FINALIZATION_GAS = 1_000_000
L1_BLOCK_TIME = 12  # seconds
HALF_WAIT = 302_400 + 60
"""Seconds after which a game can be resolved; twice as many are enough for a finalization."""

PING = Function("ping(uint256)")
SET_BROKEN = Function("set_broken(bool)")
MINT = Function("mint(address,uint256)")

Receipt = Mapping[str, Any]


def measure() -> dict[str, int]:
    """Return the gas of each action by its name."""
    tell("measuring the gas of every action of the bridge")
    with running(without=("proposer", "resolver")) as network:
        bench = Bench(network)
        bench.deposit_all()
        bench.withdraw_all()
        bench.force_all()
        bench.replay_on_l2()
        return bench.gas


class Bench:
    """The contracts and the account that the actions are made with, and their gas so far."""

    def __init__(self, network: Running) -> None:
        self.gas: dict[str, int] = {}
        self._network = network
        self._client = Client(network)
        self._l1, self._l2 = self._client.rollup.l1, self._client.rollup.l2
        self._arrivals = Arrivals(self._client.rollup)
        self._l1_node = network.private("l1")
        self._pair = self._prepare()

    def _prepare(self) -> TokenPair:
        """Deploy, and do everything once that is dearer the first time."""
        facts, client = self._network.network, self._client
        token_code, recorder_code = _compile("TestToken.vy", "MessageRecorder.vy")
        outbox = Outbox(Rpc(facts.l1_rpc), client.signer)
        token = outbox.create("TestToken", token_code + DECIMALS.to_bytes(32, "big"))
        outbox.call(token, MINT, client.on_l1.address, 2 * SUPPLY)
        self._recorder_on_l1 = _create_recorder(outbox, recorder_code, client.rollup.messenger)
        outbox.send()
        outbox = Outbox(Rpc(facts.l2_rpc), client.signer)
        self._recorder_on_l2 = _create_recorder(outbox, recorder_code, L2_MESSENGER)
        outbox.send()
        pair = Tokens(client.rollup).create(client.on_l2, token)
        (creation,) = client.journal.mined_for("create token:")
        self._count("L2 create token", self._receipt(self._l2, creation.hash))
        self._arrivals.wait(client.deposits.token(pair, SUPPLY))
        client.starter.eth(AMOUNT)
        return pair

    def _count(self, name: str, receipt: Receipt) -> None:
        self.gas[name] = int(receipt["gasUsed"], 16)

    @staticmethod
    def _receipt(chain: Chain, transaction: bytes) -> Receipt:
        receipt = chain.receipt(transaction)
        if receipt is None:
            raise RuntimeError(f"{chain.name} lost transaction 0x{transaction.hex()}")
        return receipt

    # From L1 to L2

    def deposit_all(self) -> None:
        deposits, call = self._client.deposits, PING.encode(1)
        self._at_base_fees("deposit ETH", lambda: deposits.eth(AMOUNT))
        self._at_base_fees("deposit message", lambda: deposits.message(self._recorder_on_l2, call))
        self._at_base_fees(
            "deposit ERC-20", lambda: deposits.token(self._pair, AMOUNT), self._approve
        )

    def _approve(self) -> None:
        """Allow the bridge what the next deposit takes, in a block of its own."""
        call = abi.Token.APPROVE.encode(self._client.rollup.bridge, AMOUNT)
        transaction = Transaction("approve the bridge", self._pair.l1_token, call)
        self._count("L1 approve ERC-20", self._client.on_l1.run(transaction))
        self._client.journal.report(transaction.purpose)

    def force_all(self) -> None:
        starter = ForcedStarter(self._client.rollup, self._client.on_l1)
        for kind, start in self._starts(starter).items():
            self._force(kind, start)

    def _force(self, kind: str, start: Callable[[], Withdrawal]) -> None:
        def force() -> bytes:
            start()
            return self._client.journal.mined_for(FORCED)[-1].hash

        self._at_base_fees(f"forced start {kind}", force)

    def _at_base_fees(
        self, name: str, send: Callable[[], bytes], prepare: Callable[[], None] = lambda: None
    ) -> None:
        """Send a deposit at each base fee; its gas on L2 is the same at each."""
        for base_fee in BASE_FEES:
            receipt = self._at_base_fee(base_fee * GWEI, send, prepare)
            self._count(f"L1 {name} at {base_fee} gwei", receipt)
            (outcome,) = self._arrivals.wait(unhex(receipt["transactionHash"]))
            self._count(f"L2 {name}", self._receipt(self._l2, outcome.l2_transaction))

    def _at_base_fee(
        self, base_fee: int, send: Callable[[], bytes], prepare: Callable[[], None]
    ) -> Receipt:
        """Send in an L1 block with this base fee; return the receipt.

        The block before has it too, for the client sets its highest fee by that.
        """
        for _ in range(ATTEMPTS):
            prepare()
            self._l1_node("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
            self._l1_node("evm_mine")
            self._l1_node("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
            receipt = self._receipt(self._l1, send())
            if self._l1.block(int(receipt["blockNumber"], 16)).base_fee == base_fee:
                return receipt
            self._arrivals.wait(unhex(receipt["transactionHash"]))
        raise RuntimeError(f"no block had a base fee of {base_fee} wei in {ATTEMPTS} attempts")

    def replay_on_l2(self) -> None:
        self._break(self._client.on_l2, self._recorder_on_l2, True)
        call = PING.encode(1)
        transaction = self._client.deposits.message(self._recorder_on_l2, call)
        self._arrivals.wait(transaction)
        self._break(self._client.on_l2, self._recorder_on_l2, False)
        self._replay(self._l2, transaction)

    # From L2 to L1

    def _starts(self, starter: Starter) -> dict[str, Callable[[], Withdrawal]]:
        return {
            "ETH": lambda: starter.eth(AMOUNT),
            "ERC-20": lambda: starter.token(self._pair, AMOUNT),
            "message": lambda: starter.message(self._recorder_on_l1, PING.encode(1)),
        }

    def withdraw_all(self) -> None:
        """Take one withdrawal of each kind to its end, and one whose message fails there."""
        starts = self._starts(self._client.starter)
        started = {kind: self._start(kind, start) for kind, start in starts.items()}
        failing = self._start("message", starts["message"])
        self._network.devnet.command("devnet_propose")
        self._network.advance(L1_BLOCK_TIME)  # a proof must be younger than its game
        self._client.driver.prove(failing)
        for kind, tracked in started.items():
            self._client.driver.prove(tracked)
            nodes = self._client.journal.proofs_of(tracked.withdrawal.hash)[0].proof.nodes
            self._count_step("prove", f"{kind}, {len(nodes)} nodes", tracked)
        self._network.advance(HALF_WAIT)
        self._resolve()
        self._network.advance(HALF_WAIT)
        for kind, tracked in started.items():
            self._client.driver.finalize(tracked)
            self._count_step("finalize", kind, tracked)
        self._replay_on_l1(failing)

    def _start(self, kind: str, start: Callable[[], Withdrawal]) -> Tracked:
        tracked = self._client.journal.find(start().hash)
        if tracked is None:
            raise RuntimeError("a withdrawal wasn't written down")
        self._count(f"L2 start {kind}", self._receipt(self._l2, tracked.l2_transaction))
        return tracked

    def _count_step(self, step: str, what: str, tracked: Tracked) -> None:
        (sent,) = self._client.journal.mined_for(f"{step}:{tracked.withdrawal.hash.hex()}")
        self._count(f"L1 {step} {what}", self._receipt(self._l1, sent.hash))

    def _resolve(self) -> None:
        self._client.driver.drive()
        names = {abi.Game.RESOLVE_CLAIM.selector: "claim", abi.Game.RESOLVE.selector: "game"}
        for sent in self._client.journal.mined_for("resolve:"):
            selector = unhex(sent.purpose.rpartition(":")[2])[:4]
            self._count(f"L1 resolve {names[selector]}", self._receipt(self._l1, sent.hash))

    def _replay_on_l1(self, failing: Tracked) -> None:
        """Finalize it while its receiver is broken, which the driver would rather not."""
        sender = self._client.on_l1
        self._break(sender, self._recorder_on_l1, True)
        call = abi.Portal.FINALIZE.encode(failing.withdrawal.as_tuple(), sender.address)
        portal = self._client.rollup.portal
        sender.run(Transaction("finalize in vain", portal, call, gas=FINALIZATION_GAS))
        self._break(sender, self._recorder_on_l1, False)
        self._replay(self._l1, failing.l2_transaction)

    def _replay(self, chain: Chain, transaction: bytes) -> None:
        senders = {"L1": self._client.on_l1, "L2": self._client.on_l2}
        (replayed,) = replay(self._client.rollup, transaction, senders)
        self._count(f"{chain.name} replay message", self._receipt(chain, replayed))

    @staticmethod
    def _break(sender: Sender, recorder: Address, broken: bool) -> None:
        purpose = f"{sender.chain.name} recorder broken: {broken}"
        sender.run(Transaction(purpose, recorder, SET_BROKEN.encode(broken)))


def _create_recorder(outbox: Outbox, code: bytes, messenger: Address) -> Address:
    recorder = outbox.create("MessageRecorder", code + unhex(messenger).rjust(32, b"\0"))
    outbox.call(recorder, PING, 0)
    return recorder


def _compile(*names: str) -> list[bytes]:
    """Return the creation codes of mocks."""
    paths = [str(MOCKS / name) for name in names]
    command = [sys.executable, "-m", "vyper", "-f", "bytecode", *paths]
    output = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=MOCKS.parents[1]
    )
    return [unhex(line) for line in output.stdout.split()]
