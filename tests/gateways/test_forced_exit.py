"""P3: whom the sequencer refuses closes and takes the margin to L1 through the portal alone."""

import runpy
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from clearway.contracts import Contract
from clearway.devnet.accounts import people
from clearway.devnet.rpc import RpcFailure
from clearway.opstack.chain import waiting
from clearway.spec.state import account_of
from tests.gateways.stage import ETH_MARKET, ETH_PRICE, UNIT, WAD, Deployed

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
KEEPER = people()[8]
FOUNDER = people()[4]


@cache
def load(script: str) -> click.Group:
    group: click.Group = runpy.run_path(str(SCRIPTS / f"{script}.py"))["cli"]
    return group


class Refused:
    """A trader without ETH on L2, whom the sequencer refuses once he has a position."""

    def __init__(self, deployed: Deployed, number: int) -> None:
        self.deployed = deployed
        self.world = deployed.world
        self.number = number
        self.keys = people()[number]
        self.address = self.keys.address
        self.account = account_of(int(self.address, 16), 0)

    def type(self, *words: str) -> Any:
        script, *rest = words
        where = ["--dir", str(self.world.devnet.folder.path), "--account", str(self.number)]
        where += ["--journal", str(self.world.home / f"refused {self.number}")]
        return CliRunner(mix_stderr=False).invoke(load(script), [*rest, *where])

    def run(self, *words: str) -> str:
        result = self.type(*words)
        assert result.exit_code == 0, result.stderr or result.exception
        return str(result.stdout)

    def comes_in(self, dollars: int, size: int) -> None:
        """Bring margin and an order from L1, and have it filled; then nothing more is served."""
        self.deployed.fund(self.address, dollars)
        self.world.private("l2")("anvil_setBalance", self.address, "0x0")
        order = {
            "slot": 0,
            "market": ETH_MARKET,
            "size_delta": size,
            "limit_price": 4_000 * WAD if size > 0 else WAD,
            "is_reduce_only": False,
            "keeper_fee": 0,
            "deadline": 2**32,
        }
        entry = self.deployed.entry(self.keys)
        self.deployed.arrive(entry.margin(dollars * UNIT, order=order))
        self.fills(0)
        self.world.command("censor", self.address)
        with pytest.raises(RpcFailure, match="sequencer: sender refused"):
            self.deployed.on_l2(self.keys, self.deployed.system.orders, "clear", self.account, 0)

    def fills(self, slot: int) -> None:
        """Have a keeper execute an order by the report of its second."""
        orders = self.deployed.system.orders
        self.brings_report(slot)
        self.deployed.on_l2(KEEPER, orders, "execute_one", self.account + slot)

    def brings_report(self, slot: int) -> None:
        order = self.deployed.system.orders.call("order_in", self.account, slot)
        self.passes(order.fills_at)
        self.deployed.report(order.fills_at)

    def passes(self, second: int) -> None:
        """Let L2's time come to a second."""
        for _ in waiting(30):
            if self.world.l2.block().timestamp >= second:
                return
        raise AssertionError("time stands still")

    def size(self) -> int:
        return int(self.deployed.system.lens.call("position_of", self.account, ETH_MARKET).size)

    def goes_home(self, dollars_at_least: int) -> None:
        """Send all to L1, have it proven and finalized, and claim it."""
        assert "to L1" in self.run("force", "withdraw", "all")
        margin = self.deployed.margin(self.address)
        assert margin < self.deployed.system.scale
        assert "prove" in self.run("gateway", "exits")
        self.world.settle()
        for time in ("1s", "15d"):
            self.world.advance(time)
            self.run("withdraw", "drive")
        assert "landed" in self.run("gateway", "exits")
        before = self.deployed.balance(self.address)
        assert "paid" in self.run("gateway", "claim")
        assert self.deployed.balance(self.address) - before >= dollars_at_least * UNIT
        assert "paid" in self.run("gateway", "exits")
        assert self.world.l2.balance(self.address) == 0


@pytest.fixture(scope="module")
def founded(deployed: Deployed) -> Deployed:
    """A vault of a million."""
    deployed.fund(FOUNDER.address, 1_000_000)
    l1_transaction = deployed.entry(FOUNDER).vault(1_000_000 * UNIT)
    deployed.arrive(l1_transaction)
    id = deployed.system.l1_gateway.call("deposit_count") - 1
    deployed.on_l2(KEEPER, deployed.system.l2_gateway, "enter", id)
    return deployed


def test_with_keepers_that_execute(founded: Deployed) -> None:
    trader = Refused(founded, 1)
    trader.comes_in(5_000, 2 * WAD)
    assert trader.size() == 2 * WAD
    refused = trader.type("force", "withdraw", "all")
    assert refused.exit_code == 1
    assert "the account has a position in ETH: `ape run force close ETH --dir" in refused.stderr
    said = trader.run("force", "close", "ETH", "--limit", "2500", "--no-wait")
    assert "committed" in said
    trader.fills(0)
    assert trader.size() == 0
    trader.goes_home(4_900)


def test_with_no_keeper_at_all_and_no_report_that_counts(founded: Deployed) -> None:
    """By the aggregator's first round after the commit, forced as well, half a day later."""
    trader = Refused(founded, 3)
    trader.comes_in(5_000, -2 * WAD)
    trader.run("force", "close", "ETH", "--limit", "3500", "--no-wait")
    founded.world.advance("11h")
    set_round(founded)
    assert "filled" in trader.run("force", "execute", "--slot", "0")
    assert trader.size() == 0
    trader.goes_home(4_800)


def set_round(deployed: Deployed) -> None:
    """Have the world's aggregator say its price once more."""
    feed = deployed.system.feed
    aggregator = feed.call("listing", ETH_MARKET).aggregator
    mock = Contract(feed.chain, aggregator, "MockAggregator")
    now = deployed.world.l2.block().timestamp
    answer = ETH_PRICE // 10**10
    deployed.on_l2(KEEPER, mock, "set_round", mock.call("latest") + 1, answer, now)
