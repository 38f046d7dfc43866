"""Which withdrawals the withdrawals' keeper takes on, whatever else their transactions started."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi import encode

from clearway.keeper.archive import Seen
from clearway.keeper.exits import Exits
from clearway.keeper.withdrawer import Withdrawer
from clearway.opstack import Journal, Tracker
from clearway.opstack.abi import Bridge, MessagePasser
from clearway.opstack.addresses import L2_BRIDGE, L2_MESSENGER, MESSAGE_PASSER, Address
from clearway.opstack.messages import Message, Withdrawal, logs_bloom, tohex
from tests.opstack.fakes import Answer, chain_with, result

GATEWAY, TOKEN, L1_BRIDGE, L1_MESSENGER, STRANGER, CLAIMANT = (
    Address(f"0x{digit * 40}") for digit in "123456"
)
GAS, MUCH_GAS = 200_000, 20_000_000


def box_of(number: int) -> Address:
    return Address(f"0x{number + 0x700:040}")


def bridged(sender: Address, to: Address, nonce: int, gas: int = GAS) -> Withdrawal:
    """Return what the bridge on L2 starts for `sender`."""
    call = Bridge.FINALIZE_TOKEN.encode(TOKEN, TOKEN, sender, to, 5, b"")
    message = Message(nonce, L2_BRIDGE, L1_BRIDGE, 0, gas, call)
    return Withdrawal(nonce, L2_MESSENGER, L1_MESSENGER, 0, gas, message.relay_calldata())


def log_of(one: Withdrawal) -> Answer:
    words = [encode([kind], [value]) for kind, value in _indexed(one)]
    kinds = ["uint256", "uint256", "bytes", "bytes32"]
    return {
        "address": MESSAGE_PASSER,
        "topics": [tohex(word) for word in (MessagePasser.MESSAGE_PASSED.topic, *words)],
        "data": tohex(encode(kinds, [one.value, one.gas_limit, one.data, one.hash])),
    }


def _indexed(one: Withdrawal) -> list[tuple[str, Any]]:
    return [("uint256", one.nonce), ("address", one.sender), ("address", one.target)]


class L2:
    """An L2 that knows transactions by what they started, until it goes back."""

    def __init__(self) -> None:
        self.started: dict[bytes, list[Withdrawal]] = {}
        self.events: list[Seen] = []
        self.read, self.has_gone_back = 0, False
        self.chain = chain_with(self.answer, "L2")
        self.archive = SimpleNamespace(events=lambda: [*self.events])

    def answer(self, method: str, *params: Any) -> Answer:
        if method == "eth_call":
            return result("0x" + "00" * 32)  # no withdrawal has a transaction's hash
        assert method == "eth_getTransactionReceipt"
        found = self.started.get(bytes.fromhex(params[0][2:]))
        if found is None:
            return result(None)
        logs = [log_of(one) for one in found]
        whole = {"logs": logs, "logsBloom": tohex(logs_bloom(logs))}
        return result(
            {"transactionHash": params[0], "status": "0x1", "blockNumber": "0x1", **whole}
        )

    def exit(self, number: int, *others: Withdrawal) -> bytes:
        """Start an exit, along with other withdrawals; return its transaction."""
        transaction = number.to_bytes(32, "big")
        self.started[transaction] = [*others, bridged(GATEWAY, box_of(number), number)]
        values = {"owner": CLAIMANT, "claimant": CLAIMANT, "number": number, "amount": 5}
        self.events.append(Seen(1, 0, 10, "ExitStarted", values, tohex(transaction)))
        return transaction

    def go_back(self, transaction: bytes) -> None:
        del self.started[transaction]
        self.events = [one for one in self.events if one.transaction != tohex(transaction)]
        self.has_gone_back = True

    # As a follower

    def catch_up(self) -> SimpleNamespace:
        news = SimpleNamespace(events=self.events[self.read :], has_changed=self.has_gone_back)
        self.read, self.has_gone_back = len(self.events), False
        return news


class Gateway:
    address = Address("0x" + "9" * 40)

    def calls(self, *calls: Sequence[Any]) -> list[Address]:
        return [box_of(number) for _, _, number in calls]


class Hands:
    def look(self) -> list[Any]:
        return []

    def has_strangers(self) -> bool:
        return False

    def may(self, _: Any) -> bool:
        return True


class Driver(Tracker):
    """One that knows withdrawals and takes them nowhere."""

    def drive(self) -> list[Any]:
        return []


class Kept:
    """A keeper of exits, and what it takes on."""

    def __init__(self, l2: L2, folder: Path) -> None:
        self.journal = Journal(folder / "journal.sqlite")
        rollup: Any = SimpleNamespace(l2=l2.chain, l1=self)
        l1 = SimpleNamespace(required_calls=lambda calls: [0 for _ in calls])
        system: Any = SimpleNamespace(
            rollup=rollup,
            l1_gateway=Gateway(),
            l2_gateway=SimpleNamespace(address=GATEWAY),
            l1_token=SimpleNamespace(address=TOKEN, chain=l1),
        )
        driver: Any = Driver(rollup, self.journal)
        follower, hands = l2, Hands()
        self.keeper = Withdrawer(system, follower, driver, hands, Exits(), lambda _: None)  # type: ignore[arg-type]

    def block(self) -> SimpleNamespace:
        return SimpleNamespace(timestamp=1)

    def taken_on(self) -> list[Withdrawal]:
        self.keeper.step()
        return [one.withdrawal for one in self.journal.tracked()]


@pytest.fixture
def l2() -> L2:
    return L2()


def test_an_exit_that_a_reorganisation_took_back_holds_up_no_other(l2: L2, tmp_path: Path) -> None:
    kept = Kept(l2, tmp_path)
    lost = l2.exit(1)
    known = l2.started.pop(lost)  # a node that is behind hasn't its receipt yet
    assert kept.taken_on() == []
    l2.started[lost] = known
    l2.go_back(lost)
    l2.exit(2)
    assert kept.taken_on() == [bridged(GATEWAY, box_of(2), 2)]
    assert [number for _, number in kept.keeper.exits.found] == [2]


def test_what_a_node_does_not_know_yet_is_taken_on_later(l2: L2, tmp_path: Path) -> None:
    kept = Kept(l2, tmp_path)
    late = l2.exit(1)
    known = l2.started.pop(late)
    l2.exit(2)
    assert len(kept.taken_on()) == 1
    l2.started[late] = known
    assert len(kept.taken_on()) == 2


def test_what_comes_along_with_an_exit_is_not_taken_on(l2: L2, tmp_path: Path) -> None:
    call = Withdrawal(8, STRANGER, STRANGER, 0, MUCH_GAS, b"")
    false = bridged(GATEWAY, box_of(1), 7, MUCH_GAS)
    l2.exit(
        1,
        call,
        bridged(STRANGER, box_of(1), 9, MUCH_GAS),
        Withdrawal(7, STRANGER, L1_MESSENGER, 0, MUCH_GAS, false.data),
    )
    assert Kept(l2, tmp_path).taken_on() == [bridged(GATEWAY, box_of(1), 1)]
