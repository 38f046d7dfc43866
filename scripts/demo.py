"""ape run demo: ETH, a token and a message go from L1 to L2, and come back past a liar."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ape
import click
from ape.logging import LogLevel, logger
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from clearway.ape_networks import connected
from clearway.devnet.accounts import people
from clearway.devnet.devnet import Devnet
from clearway.devnet.folder import Settings
from clearway.devnet.node import free_port
from clearway.opstack import (
    Arrivals,
    Deposits,
    Driver,
    Journal,
    Report,
    Rollup,
    Sender,
    Starter,
    Status,
    Tokens,
)
from clearway.opstack.abi import Function
from clearway.opstack.addresses import L2_MESSENGER
from clearway.opstack.chain import Chain, waiting
from clearway.opstack.messages import Withdrawal, tohex
from clearway.opstack.text import amount, duration, moment, short
from clearway.opstack.tokens import TokenPair
from clearway.shell.commands import BridgeGroup, debug_option

ETHER = 10**18
TOKEN = 10**6  # units of a token with 6 decimals
PING = Function("ping(uint256)")
STRIDE = 12 * 3_600  # seconds of chain time that the wait takes at a time
SETTLE = 30.0  # wall seconds that the network is given for what takes it well under one


@click.group(cls=BridgeGroup, invoke_without_command=True, subcommand_metavar="")
@debug_option
@click.option("--keep", is_flag=True, help="Leave the network running, to look at it.")
def cli(keep: bool) -> None:
    """Cross a bridge both ways, on the real OP Stack contracts and under their real delays.

    Alice brings ETH, a token and a message to L2 and takes them back; meanwhile a dishonest
    proposer claims a false state of L2. Everything shown is read from the chains.
    """
    Demo(keep).run()


@dataclass
class Holdings:
    """What Alice holds: wei and token units on either side."""

    l1_eth: int
    l2_eth: int
    l1_token: int
    l2_token: int


class Demo:
    """The story, one chapter a method."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.screen = Console(highlight=False)
        self.alice = people()[1]
        self.history: list[tuple[str, Holdings]] = []
        self.started = time.monotonic()

    def run(self) -> None:
        with self._network() as self.devnet:
            self._connect()
            self._deploy()
            self._note("at the start")
            self._deposit()
            self._note("after the deposits")
            withdrawals = self._start_withdrawals()
            self._note("withdrawals started")
            self._prove()
            self._wait()
            self._finalize(withdrawals)
            self._note("withdrawals finalized")
            self._conclude()

    # Chapters

    @contextmanager
    def _network(self) -> Iterator[Devnet]:
        folder = Path(tempfile.mkdtemp(prefix="clearway-demo-"))
        devnet = Devnet(folder)
        self._chapter("A local L1 and L2")
        try:
            begun = time.monotonic()
            network = devnet.start(Settings(l1_port=free_port(), l2_port=free_port()))
            self._say(f"up in {time.monotonic() - begun:.1f} s, with the real OP Stack contracts:")
            self._facts(
                ("L1", f"{network.l1_rpc}, chain {network.l1_chain_id}"),
                ("L2", f"{network.l2_rpc}, chain {network.l2_chain_id}"),
                ("portal", str(network.portal)),
            )
            yield devnet
        finally:
            if self.keep and devnet.is_running():
                self._say(f"the network runs on: ape run devnet status --dir {folder}")
            else:
                devnet.stop()
                shutil.rmtree(folder, ignore_errors=True)

    def _connect(self) -> None:
        network = self.devnet.network
        self.l1, self.l2 = Chain.connect(network.l1_rpc, "L1"), Chain.connect(network.l2_rpc, "L2")
        self.rollup = Rollup.connect(self.l1, self.l2, network.portal)
        self.journal = Journal.for_rollup(self.rollup, self.devnet.folder.path / "journal")
        self.on_l1 = Sender(self.l1, self.alice, self.journal)
        self.on_l2 = Sender(self.l2, self.alice, self.journal)
        delays = self.rollup.delays
        self._facts(
            ("delays", "those of OP Mainnet, as the contracts tell them:"),
            (
                "",
                f"a proof matures in {duration(delays.proof_maturity)}, a game that was won rests "
                f"{duration(delays.game_finality)}",
            ),
        )

    def _deploy(self) -> None:
        self._chapter("A token on L1, its pair on L2, and a contract on each side, by Ape")
        network, me = self.devnet.network, ape.accounts.test_accounts[1]
        with logger.at_level(LogLevel.ERROR):
            with connected(network, "l1"):
                token = me.deploy(ape.project.TestToken, 6)
                token.mint(me, 1_000 * TOKEN, sender=me)
                self.l1_recorder = me.deploy(
                    ape.project.MessageRecorder, self.rollup.messenger
                ).address
            with connected(network, "l2"):
                self.l2_recorder = me.deploy(ape.project.MessageRecorder, L2_MESSENGER).address
        self.pair: TokenPair = Tokens(self.rollup).create(self.on_l2, token.address)
        self._facts(
            ("token", f"{self.pair.l1_token} on L1, {self.pair.l2_token} on L2"),
            ("recorder", f"{self.l1_recorder} on L1, {self.l2_recorder} on L2"),
        )

    def _deposit(self) -> None:
        self._chapter("From L1 to L2")
        deposits, pair = Deposits(self.rollup, self.on_l1), self.pair
        self._arrive("2 ETH", lambda: deposits.eth(2 * ETHER))
        self._arrive(f"250 {pair.symbol}", lambda: deposits.token(pair, 250 * TOKEN))
        self._arrive(
            "the message ping(42)",
            lambda: deposits.message(self.l2_recorder, PING.encode(42)),
        )

    def _arrive(self, what: str, send: Callable[[], bytes]) -> None:
        l1_transaction = send()
        included = time.monotonic()
        (outcome,) = Arrivals(self.rollup).wait(l1_transaction)
        took = time.monotonic() - included
        self._say(
            f"{what}: L1 {short(tohex(l1_transaction))} → L2 "
            f"{short(tohex(outcome.l2_transaction))} in block {outcome.l2_block}, "
            f"{1_000 * took:.0f} ms later"
        )

    def _start_withdrawals(self) -> list[Withdrawal]:
        self._chapter("From L2 back to L1: three withdrawals, and a liar")
        starter = Starter(self.rollup, self.on_l2)
        lie = self.devnet.command("devnet_lie")
        self._say(f"the proposer claims a false root of L2 in game {short(lie['address'])}")
        started = {
            "1 ETH": starter.eth(ETHER),
            f"100 {self.pair.symbol}": starter.token(self.pair, 100 * TOKEN),
            "the message ping(43)": starter.message(self.l1_recorder, PING.encode(43)),
        }
        for what, withdrawal in started.items():
            self._say(f"{what}: withdrawal {short(tohex(withdrawal.hash))}")
        return list(started.values())

    def _prove(self) -> None:
        self._chapter("Proof")
        self.driver = Driver(self.rollup, self.on_l1, self.journal)
        for _ in waiting(SETTLE):
            reports = self.driver.drive()
            if all(report.status is Status.WAITING_TO_FINALIZE for report in reports):
                break
        proof = reports[0].view.best_proof(self.rollup.delays)
        if proof is None:
            raise RuntimeError("the withdrawals weren't proven in time")
        self._say(
            f"all three proven against game {short(proof.game.address)}, whose root of L2 block "
            f"{proof.game.position} equals the one that our own L2 node gives"
        )

    def _wait(self) -> None:
        self._chapter("The challenge period, in chain time")
        end = max(report.ready_at for report in self.driver.drive())
        begin = now = self.l1.block().timestamp
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            console=self.screen,
        ) as progress:
            task = progress.add_task(moment(now), total=end - begin)
            while now < end:
                self.devnet.command("devnet_advance", min(STRIDE, end - now))
                now = self.l1.block().timestamp
                progress.update(task, completed=now - begin, description=moment(now))
                self.driver.drive()
        for event in self.devnet.command("devnet_status")["events"]:
            if event.startswith(("attacked", "resolved")):
                self._say(event)

    def _finalize(self, withdrawals: list[Withdrawal]) -> None:
        self._chapter("Finalization")
        self.driver.drive()
        for withdrawal in withdrawals:
            tracked = self.journal.find(withdrawal.hash)
            if tracked is None:
                raise RuntimeError(f"withdrawal {tohex(withdrawal.hash)} isn't in the journal")
            report: Report = self.driver.report(tracked)
            self._say(f"withdrawal {short(tohex(withdrawal.hash))}: {report.status.value}")
            if report.status is not Status.FINALIZED:
                raise RuntimeError(f"it isn't finalized: it waits for {report.waits_for}")

    def _conclude(self) -> None:
        self._chapter("What Alice holds")
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        table.add_column("")
        for column in ("ETH on L1", "ETH on L2", "TEST on L1", "TEST on L2"):
            table.add_column(column, justify="right")
        for when, held in self.history:
            table.add_row(
                when,
                amount(held.l1_eth // 10**12, 6),
                amount(held.l2_eth // 10**12, 6),
                amount(held.l1_token, 6),
                amount(held.l2_token, 6),
            )
        self.screen.print(table)
        self._pings()
        self._say(
            f"everything read from the chains; done in {time.monotonic() - self.started:.0f} s"
        )

    def _pings(self) -> None:
        network = self.devnet.network
        with logger.at_level(LogLevel.ERROR):
            for layer, recorder in (("l1", self.l1_recorder), ("l2", self.l2_recorder)):
                with connected(network, layer):
                    ping = ape.project.MessageRecorder.at(recorder).pings(0)
                    self._say(
                        f"the recorder on {layer.upper()} got ping({ping.number}) from "
                        f"{ping.origin} through the messenger"
                    )

    # Telling

    def _note(self, when: str) -> None:
        me, balance = self.alice.address, Function("balanceOf(address)", "uint256")
        held = Holdings(
            self.l1.balance(me),
            self.l2.balance(me),
            self.l1.call(self.pair.l1_token, balance, me),
            self.l2.call(self.pair.l2_token, balance, me),
        )
        self.history.append((when, held))

    def _chapter(self, title: str) -> None:
        self.screen.print()
        self.screen.rule(title, align="left", style="dim")

    def _say(self, sentence: str) -> None:
        self.screen.print(f"  {sentence}", soft_wrap=True)

    def _facts(self, *facts: tuple[str, Any]) -> None:
        for name, fact in facts:
            self._say(f"{name:<9} {fact}")
