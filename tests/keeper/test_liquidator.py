"""How the liquidator goes on where what it sends fails."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clearway.keeper import danger
from clearway.keeper.archive import Seen
from clearway.keeper.danger import Endangered
from clearway.keeper.hands import Hands
from clearway.keeper.intents import Intents
from clearway.keeper.liquidator import MOST_SETTLED, Liquidator
from clearway.opstack.errors import RpcNonsense
from clearway.opstack.sender import Transaction
from clearway.reports import Report, SignedReport
from clearway.spec.state import SLOT_ROOM
from tests.keeper.committee import NOW, WAD
from tests.opstack.fakes import FakeNode, refusal, result
from tests.opstack.test_sender import sender_of

TARGET = "0x1a1E021A302C237453D3D45c7B82B19cEEB7E2e6"


class Contract:
    """One that would take whatever is sent, as far as anybody can ask."""

    address = TARGET

    def call(self, function: str, *arguments: Any, **_: Any) -> Any:
        return 1 if function == "SCALE" else [""] * len(arguments[-1])

    def transaction(self, purpose: str, function: str, *arguments: Any) -> Transaction:
        what = arguments[-1] if isinstance(arguments[-1], list) else [arguments[0]]
        data = b"".join(one.to_bytes(32, "big") for one in what)
        return Transaction(purpose, TARGET, data)  # type: ignore[arg-type]


class Process:
    """A liquidator that knows whom it would liquidate and what it would settle."""

    def __init__(self, node: FakeNode, folder: Path) -> None:
        self.time = 0.0
        sender = sender_of(node, folder / "journal.sqlite")
        self.hands = Hands(Intents(sender, self.clock), lambda _: None, self.clock)
        self.news: list[Seen] = []
        self.forgotten = 0
        follower: Any = SimpleNamespace(
            archive=SimpleNamespace(events=list, replace_from=self._forget),
            catch_up=lambda: SimpleNamespace(
                head=SimpleNamespace(timestamp=NOW), has_changed=False, events=self.news
            ),
        )
        report = SignedReport(Report(NOW, ()), (), ())
        reports: Any = SimpleNamespace(latest=lambda _: report)
        system: Any = SimpleNamespace(market=Contract(), liquidation_keeper=Contract())
        self.keeper = Liquidator(system, follower, reports, self.hands, lambda _: None)
        self.keeper._look = lambda: None  # type: ignore[method-assign]

    def clock(self) -> float:
        return self.time

    def _forget(self, *_: Any) -> None:
        self.forgotten += 1


def sent(node: FakeNode) -> list[list[int]]:
    """Return the accounts of each transaction that was included."""
    included = [bytes.fromhex(one["input"][2:]) for block in node.blocks for one in block]
    return [
        [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]
        for data in included
    ]


def test_what_fails_together_is_tried_apart_and_then_left_alone(tmp_path: Path) -> None:
    node = FakeNode()
    node.reverts = True
    process = Process(node, tmp_path)
    for account in (256, 512, 768):
        process.keeper.endangered[account] = Endangered(account, 0, 0, account * WAD, 1)
    for _ in range(10):
        process.keeper.step()
    assert sent(node) == [[768, 512, 256], [768], [512], [256]]


def test_what_failed_together_is_no_batch_again() -> None:
    some = [Endangered(account, 0, 0, account * WAD, 1) for account in range(4)]
    assert danger.batches(some, {3, 1}) == [[some[3]], [some[2], some[0]], [some[1]]]


def _seen(name: str, **values: Any) -> Seen:
    return Seen(1, 0, NOW, name, values, "0x")


MISSED = {
    "the claim that is paid": _seen("ClaimPaid", account=256, amount=1),
    "the account that is marked": _seen("AccountMarked", account=256, flagged_at=1),
}


@pytest.mark.parametrize("what", MISSED)
def test_events_that_a_node_left_out_are_read_again(what: str, tmp_path: Path) -> None:
    process = Process(FakeNode(), tmp_path)
    process.news = [MISSED[what]]
    with pytest.raises(RpcNonsense, match="contradict each other"):
        process.keeper.step()
    assert process.forgotten == 1


@pytest.mark.parametrize("poisoned", [1, MOST_SETTLED, 3 * MOST_SETTLED])
def test_a_position_that_cannot_be_settled_holds_up_no_other(tmp_path: Path, poisoned: int) -> None:
    node = FakeNode()
    process = Process(node, tmp_path)
    accounts = [number * SLOT_ROOM for number in range(1, poisoned + 2)]

    def estimate(call: dict[str, str], *_: Any) -> Any:
        is_last = int(call["data"], 16) == accounts[-1]
        return result("0x5208") if is_last else refusal("execution reverted: poison", code=3)

    node.eth_estimateGas = estimate  # type: ignore[method-assign]
    process.keeper.unsettled = {account: [0] for account in accounts}
    for _ in range(poisoned // MOST_SETTLED + 1):
        process.keeper.step()
    assert sent(node) == [[accounts[-1]]]
