"""The executor as it runs: a process that may be killed, in front of nodes that restart."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from clearway.devnet.accounts import people
from tests.keeper.world import COOLDOWN, EXECUTOR, REQUEST, WAD, Keeper, Market, until
from tests.opstack.fakes import Server

FLAT = "seconds,ETH,BTC,SOL\n0,2000,60000,150\n"


@pytest.fixture(scope="module")
def published(market: Market) -> Iterator[Market]:
    """A market whose publishers see flat prices, whatever the time."""
    path = market.home / "flat.csv"
    path.write_text(FLAT)
    with market.publishers("--prices", str(path)):
        yield market


class Proxy(Server):
    """Stands before L2's node, and kills a keeper when it sends its first transaction."""

    def __init__(self, market: Market, forwards: bool) -> None:
        super().__init__(self._pass_on)
        self._upstream = market.world.network.l2_rpc
        self._forwards = forwards
        self.victim: Keeper | None = None

    def _pass_on(self, request: Any) -> Any:
        is_sending = "eth_sendRawTransaction" in json.dumps(request)
        is_fatal = is_sending and self.victim is not None
        if is_fatal and not self._forwards:
            return self._kill()
        answer = requests.post(self._upstream, json=request, timeout=20).json()
        return self._kill() if is_fatal else answer

    def _kill(self) -> None:
        if self.victim is not None:
            os.kill(self.victim.process.pid, signal.SIGKILL)
            self.victim.process.wait()
            self.victim = None


@pytest.mark.parametrize("forwards", [True, False], ids=["after it was sent", "before it was sent"])
def test_killed_between_signing_and_receipt_an_executor_fills_an_order_once(
    published: Market, forwards: bool
) -> None:
    market, trader = published, published.trader()
    sent_before = market.world.l2.next_nonce(people()[EXECUTOR].address)
    with Proxy(market, forwards) as proxy:
        words = ("--l2-rpc", proxy.url)
        with market.keeper("executor", *words, account=EXECUTOR) as executor:
            proxy.victim = executor
            market.place(trader, WAD)
            until(lambda: executor.process.poll() is not None, executor)
            executor.start()
            until(lambda: market.size_of(trader) == WAD, executor)
            market.place(trader, WAD, slot=1)  # and the next one, once
            until(lambda: market.size_of(trader) == 2 * WAD, executor)
            assert executor.stop() == 0
    assert market.world.l2.next_nonce(people()[EXECUTOR].address) == sent_before + 2


def test_a_node_that_dies_and_comes_back_loses_nothing(published: Market) -> None:
    """A local node that is killed goes back some blocks: what was executed there is done again."""
    market, trader = published, published.trader()
    before = market.world.l2.next_nonce(people()[EXECUTOR].address)
    market.place(trader, WAD)
    market.keep()
    with market.keeper("executor", account=EXECUTOR) as executor:
        until(lambda: market.size_of(trader) == WAD, executor)
        os.kill(market.world.devnet.folder.read_processes()["l2"]["pid"], signal.SIGKILL)
        until(_answers(market), executor)
        until(lambda: market.size_of(trader) == WAD, executor)
        # Until the clock has caught up with the reports, nobody may add to a position.
        market.place(trader, -WAD, slot=1, is_reduce_only=True)
        until(lambda: market.size_of(trader) == 0, executor)
        assert executor.stop() == 0
    assert market.world.l2.next_nonce(people()[EXECUTOR].address) == before + 2


def _answers(market: Market) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            return market.now() > 0
        except Exception:  # whatever a node says that is on its way up
            return False

    return answers


def test_many_orders_of_a_second_are_filled_together(published: Market) -> None:
    market = published
    traders = [market.trader() for _ in range(4)]
    size, limit = WAD // 100, 61_000 * WAD
    with market.keeper("executor", account=EXECUTOR) as executor:
        for trader in traders:
            market.place(trader, size, market=1, limit=limit)
        until(lambda: all(market.size_of(one, 1) == size for one in traders), executor)


def test_a_due_redemption_is_priced(published: Market) -> None:
    market = published
    owner = market.owner
    market.send(owner, market.system.vault, REQUEST, 100 * WAD, owner.address, owner.address)
    with market.keeper("executor", account=EXECUTOR) as executor:
        market.world.advance(f"{COOLDOWN}s")
        claimable = ("maxRedeem", owner.address)
        until(lambda: market.system.vault.call(*claimable) == 100 * WAD, executor)


REFUSALS = {
    "no network is named 'lokal': did you mean local?": ("--network", "lokal"),
    "the local network has no account 77": ("--account", "77"),
    "doesn't answer (no connection)": ("--l2-rpc", "http://127.0.0.1:9"),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_why_an_executor_refuses_to_start(market: Market, sentence: str) -> None:
    status, said = market.refusal("executor", *REFUSALS[sentence])
    assert (status, said.count("\n")) == (1, 1)
    assert sentence in said


def test_another_chain_behind_the_rpc_is_named(market: Market) -> None:
    status, said = market.refusal("executor", "--l2-rpc", market.world.network.l1_rpc)
    assert (status, said.count("\n")) == (1, 1)
    assert "serves chain 900, not 901" in said


def test_an_account_without_ether_is_refused(market: Market) -> None:
    poor = people()[EXECUTOR]
    before = market.world.l2.balance(poor.address)
    market.world.private("l2")("anvil_setBalance", poor.address, hex(10**9))
    status, said = market.refusal("executor", "--account", str(EXECUTOR))
    market.world.private("l2")("anvil_setBalance", poor.address, hex(before))
    assert status == 1
    assert "less than the" in said
    assert "bridge deposit eth" in said
