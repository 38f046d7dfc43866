"""Whatever dies or is taken back, each deposit is credited once and each withdrawal paid once."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_account import Account

from clearway.devnet.errors import DevnetError
from clearway.opstack import Arrivals, Starter
from clearway.opstack.addresses import Address
from clearway.opstack.chain import waiting
from clearway.opstack.errors import BridgeError
from clearway.opstack.messages import tohex
from clearway.opstack.sender import recover
from tests.integration.conftest import NewWorld
from tests.integration.world import ETHER, World

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0  # wall seconds for what takes a second or two


def stranger(number: int) -> Address:
    """Return an address that holds nothing on either chain."""
    return Address(Account.from_key(number.to_bytes(32, "big")).address)


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait until something holds; tell whether it came to that."""
    return any(holds() for _ in waiting(PATIENCE))


# Reorganisations of L1


@pytest.fixture
def still_world(new_world: NewWorld) -> World:
    """A network whose clock makes no blocks, so that depths are what they are said to be."""
    return new_world(without=("clock",))


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_a_deposit_that_l1_takes_back_is_taken_back_on_l2(still_world: World, depth: int):
    world = still_world
    receiver, l1 = stranger(7_000 + depth), world.private("l1")
    world.deposit_eth(world.alice, ETHER, receiver)
    l1("anvil_mine", hex(depth - 1)) if depth > 1 else None
    assert world.l2.balance(receiver) == ETHER
    l1("anvil_reorg", depth, [])
    assert eventually(lambda: world.l2.balance(receiver) == 0)
    assert world.l1.balance(world.portal) == 100_000 * ETHER


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_a_deposit_that_moves_to_another_block_is_credited_once(still_world: World, depth: int):
    world = still_world
    receiver, l1 = stranger(8_000 + depth), world.private("l1")
    first = world.deposit_eth(world.alice, ETHER, receiver)
    raw = l1("eth_getRawTransactionByHash", tohex(first.l1_transaction))
    l1("anvil_mine", hex(depth - 1)) if depth > 1 else None
    l1("anvil_reorg", depth, [[raw, 0]])
    again = eventually(lambda: world.arrival(first.l1_transaction) != first)
    assert again
    assert world.l2.balance(receiver) == ETHER
    assert world.l2.receipt(first.l2_transaction) is None


def test_a_deposit_lost_with_its_block_is_sent_again_by_its_client(still_world: World):
    world, receiver = still_world, stranger(9_001)
    first = world.deposit_eth(world.alice, ETHER, receiver)
    world.private("l1")("anvil_reorg", 1, [])
    assert eventually(lambda: world.l2.balance(receiver) == 0)
    journal = world.journal(world.alice)
    with journal.acting():
        recover(world.l1, journal, world.alice.address)
    Arrivals(world.rollup).wait(first.l1_transaction)
    assert world.l2.balance(receiver) == ETHER


def test_users_transactions_survive_a_reorganisation_under_their_block(still_world: World):
    """L2 drops blocks built on a lost L1 block, yet takes its own users' transactions again."""
    world, receiver = still_world, stranger(9_002)
    l2 = world.private("l2")
    world.deposit_eth(world.alice, ETHER, stranger(9_003))
    transfer = {
        "chainId": 901,
        "nonce": 0,
        "to": receiver,
        "value": 5,
        "gas": 21_000,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 1,
    }
    signed = world.bob.sign_transaction(transfer)
    world.l2.broadcast(signed.raw_transaction)
    before = world.l2.wait_for_receipt(bytes(signed.hash), PATIENCE)
    world.private("l1")("anvil_reorg", 1, [])
    assert eventually(lambda: world.l2.balance(stranger(9_003)) == 0)
    after = world.l2.wait_for_receipt(bytes(signed.hash), PATIENCE)
    assert after["blockHash"] != before["blockHash"]
    assert int(l2("eth_getBalance", receiver, "latest"), 16) == 5


def test_l2_is_derived_anew_when_l1_goes_back_further_than_its_node_remembers(world: World):
    """After a restart an L2 node knows no older states to roll back to."""
    keeper, lost = stranger(9_004), stranger(9_005)
    world.deposit_eth(world.alice, 2 * ETHER, keeper)
    lost_deposit = world.deposit_eth(world.alice, ETHER, lost)
    l1 = world.private("l1")
    first = int(
        l1("eth_getTransactionReceipt", tohex(lost_deposit.l1_transaction))["blockNumber"], 16
    )
    eventually(lambda: checkpoint_of(world) > 2)
    kill(world, "l2")
    assert eventually(lambda: is_served(world) and world.l2.balance(lost) == ETHER)
    l1("anvil_reorg", l1.number("eth_blockNumber") - first + 1, [])
    assert eventually(lambda: is_served(world) and world.l2.balance(lost) == 0)
    assert eventually(lambda: world.l2.balance(keeper) == 2 * ETHER)


def checkpoint_of(world: World) -> int:
    return int((world.devnet.folder.path / "checkpoints" / "current").read_text())


def is_served(world: World) -> bool:
    try:
        world.l2.block()
    except BridgeError:
        return False
    return True


# Death


def kill(world: World, who: str) -> None:
    """SIGKILL a process of the network; whoever minds it starts it again."""
    process = world.devnet.folder.read_processes()[who]
    os.kill(process if who == "node" else process["pid"], signal.SIGKILL)
    if who == "node":
        assert eventually(lambda: not world.devnet.is_running())
        world.devnet.resume()


def test_a_network_whose_node_process_was_killed_goes_on_where_it_was(world: World):
    outcome = world.deposit_eth(world.alice, ETHER, stranger(9_101))
    before = world.l2.block(outcome.l2_block)
    kill(world, "node")
    assert world.l2.block(outcome.l2_block) == before
    world.deposit_eth(world.alice, ETHER, stranger(9_102))
    assert world.l2.balance(stranger(9_101)) == world.l2.balance(stranger(9_102)) == ETHER


@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_a_withdrawal_outlives_a_chains_node(world: World, layer: str):
    receiver = stranger(9_200)
    withdrawal = world.starter(world.alice).eth(ETHER, receiver)
    kill(world, layer)
    assert eventually(lambda: _drives(world))
    for _ in range(3):
        world.advance("7d")
        world.driver(world.alice).drive()
    assert world.l1.balance(receiver) == ETHER
    assert world.finalizations(withdrawal) == [True]


def _drives(world: World) -> bool:
    """Drive once; tell whether the withdrawal has a proof."""
    try:
        world.advance("1s")
        (report,) = world.driver(world.alice).drive()
    except (BridgeError, DevnetError):
        return False
    return report.view.best_proof(world.rollup.delays) is not None


def test_both_chains_nodes_killed_at_once_come_back_together(world: World):
    world.deposit_eth(world.alice, ETHER, stranger(9_301))
    for layer in ("l1", "l2"):
        process = world.devnet.folder.read_processes()[layer]
        os.kill(process["pid"], signal.SIGKILL)
    assert eventually(lambda: is_served(world))
    outcome = world.deposit_eth(world.bob, ETHER, stranger(9_302))
    assert world.l2.balance(stranger(9_302)) == ETHER
    assert world.l2.block().number >= outcome.l2_block


@dataclass
class Ordeal:
    """Withdrawals on their way while a seeded chance kills what carries them."""

    world: World
    chance: random.Random
    log: Path  # what the driver says, and who is killed when: a failure is read from it
    driver: "subprocess.Popen[bytes] | None" = None
    killed: list[str] = field(default_factory=list)

    WHO = ("driver", "node", "l1", "l2")

    def journal_file(self) -> Path:
        (path,) = (self.world.home / self.world.alice.address).glob("*.sqlite")
        return path

    def written(self) -> int:
        """Return how many transactions the journal holds: the measure of progress."""
        with sqlite3.connect(self.journal_file(), timeout=30) as db:
            return int(db.execute("SELECT count(*) FROM transactions").fetchone()[0])

    def mind_the_driver(self) -> None:
        """Start the command that drives withdrawals, if it isn't running."""
        if self.driver is None or self.driver.poll() is not None:
            network = ["--dir", str(self.world.devnet.folder.path), "--account", "0"]
            journal = ["--journal", str(self.journal_file().parent)]
            run = [sys.executable, "-c", "from scripts.withdraw import cli; cli()"]
            with self.log.open("ab") as log:
                self.driver = subprocess.Popen(
                    [*run, "watch", *network, *journal], cwd=ROOT, stdout=log, stderr=log
                )

    def kill_somebody(self) -> None:
        self.kill(self.chance.choice(self.WHO))

    def kill(self, who: str) -> None:
        self.killed.append(who)
        with self.log.open("a") as log:
            log.write(f"-- {who} is killed\n")
        if who != "driver":
            kill(self.world, who)
        elif self.driver is not None:
            self.driver.kill()
            self.driver.wait()

    def let_time_pass(self) -> None:
        """Move the clocks; a network that is being revived refuses, and is asked again later."""
        try:
            self.world.advance("12h")
        except DevnetError:
            return

    def end(self) -> None:
        if self.driver is not None:
            self.driver.kill()
            self.driver.wait()


WITHDRAWALS = 20
PLANNED_KILLS = (3, 6, 9, 12)  # steps of the loop, whether or not anything has happened
L1_DEATHS = 5  # right behind a payment, which may be lost with its block


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_withdrawals_are_each_paid_once_whatever_is_killed(
    new_world: NewWorld, tmp_path: Path, seed: int
):
    world = new_world()
    ordeal = Ordeal(world, random.Random(seed), tmp_path / "driver.log")
    receivers = [stranger(10_000 * seed + number) for number in range(WITHDRAWALS)]
    starter = world.starter(world.alice)
    for number, receiver in enumerate(receivers):
        _start(starter, 10**15 + number, receiver)
    next_kill = ordeal.written()
    paid, l1_deaths = 0, 0
    try:
        for step, _ in enumerate(waiting(2 * PATIENCE)):
            ordeal.mind_the_driver()
            if ordeal.written() >= next_kill or step in PLANNED_KILLS:
                ordeal.kill_somebody()
                next_kill = ordeal.written() + ordeal.chance.randint(1, 8)
            ordeal.let_time_pass()
            before, paid = paid, _paid(world, receivers)
            if paid > before and l1_deaths < L1_DEATHS:
                l1_deaths += 1
                ordeal.kill("l1")
            elif paid == WITHDRAWALS:
                break
    finally:
        ordeal.end()
        shutil.copy(world.devnet.folder.logs / "node.log", tmp_path)
    wanted = [10**15 + number for number in range(WITHDRAWALS)]
    assert [world.l1.balance(receiver) for receiver in receivers] == wanted
    assert list(ordeal.journal_file().parent.glob("*.old")) == []
    assert len(ordeal.killed) >= 2


def _start(starter: Starter, amount: int, receiver: Address) -> None:
    starter.eth(amount, receiver)


def _paid(world: World, receivers: list[Address]) -> int:
    try:
        return sum(world.l1.balance(receiver) > 0 for receiver in receivers)
    except BridgeError:
        return 0
