"""What a keeper wishes happens once, whenever it is killed; what fails is left alone a while."""

from pathlib import Path

import pytest

from clearway.keeper import intents as intents_module
from clearway.keeper.danger import MOST, MOST_GAS, Endangered, batches, due
from clearway.keeper.hands import Duty, Hands
from clearway.keeper.intents import Intents
from clearway.keeper.patience import FIRST, LONGEST, Patience
from clearway.opstack import journal as journal_module
from clearway.opstack.errors import RpcUnavailable
from clearway.opstack.sender import Transaction
from tests.opstack.fakes import FakeNode, refusal
from tests.opstack.test_sender import Killed, Mortal, effects, sender_of

TARGET = "0x1a1E021A302C237453D3D45c7B82B19cEEB7E2e6"
KEY = ("order", 1)
WAD = 10**18


def duty(data: bytes = b"\x01", *keys: tuple[str, int]) -> Duty:
    wish = Transaction(f"keep:{data.hex()}", TARGET, data)  # type: ignore[arg-type]
    return Duty(wish, keys or (KEY,), "an order")


class Process:
    """A keeper's process: it looks, and begins what the chain doesn't show as done."""

    def __init__(self, node: FakeNode, file: Path, mortal: Mortal | None = None) -> None:
        self.node = node
        self.said: list[str] = []
        self.sender = sender = sender_of(node, file)
        if mortal:
            sender.chain.provider.answer = mortal.around(node)
            sender.journal._run = mortal.around(sender.journal._run)
        self.time = 0.0
        self.hands = Hands(Intents(sender, lambda: self.time), self.said.append, lambda: self.time)

    def step(self) -> None:
        self.hands.look()
        if self.hands.has_strangers():
            return
        if "0x01" not in effects(self.node) and self.hands.may(KEY):
            self.hands.begin(duty())

    def live(self) -> None:
        for _ in range(4):
            self.step()


def places(tmp_path: Path, mines: bool) -> int:
    mortal = Mortal()
    Process(FakeNode(mines=mines), tmp_path / "count.sqlite", mortal).live()
    return mortal.places


@pytest.mark.parametrize("mines", [True, False])
def test_killed_anywhere_a_keeper_does_a_thing_once(tmp_path: Path, mines: bool) -> None:
    count = places(tmp_path, mines)
    assert count > 20
    for place in range(1, count):
        node, file = FakeNode(mines=mines), tmp_path / f"{place}.sqlite"
        with pytest.raises(Killed):
            Process(node, file, Mortal(dies_at=place)).live()
        again = Process(node, file)
        again.live()
        node.mine()
        again.live()
        assert effects(node) == ["0x01"], place
        assert again.hands.under_way == 0


def test_while_something_unknown_is_under_way_nothing_new_is_decided(tmp_path: Path) -> None:
    node, file = FakeNode(mines=False), tmp_path / "journal.sqlite"
    Process(node, file).step()
    again = Process(node, file)
    again.hands.look()
    assert again.hands.has_strangers()
    node.mine()
    again.hands.look()
    assert not again.hands.has_strangers()
    assert again.said == ["an earlier transaction has come to its end"]


def test_many_are_under_way_at_once_and_each_key_once(tmp_path: Path) -> None:
    node = FakeNode(mines=False)
    hands = Process(node, tmp_path / "journal.sqlite").hands
    first, second = duty(b"\x01", ("order", 1)), duty(b"\x02", ("order", 2), ("order", 3))
    assert hands.begin(first)
    assert hands.begin(second)
    assert [hands.may(("order", one)) for one in (1, 2, 3, 4)] == [False, False, False, True]
    assert hands.look() == []
    node.mine()
    assert [done.duty for done in hands.look()] == [first, second]
    assert hands.may(("order", 2))
    assert effects(node) == ["0x01", "0x02"]


def test_what_lingers_is_hurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intents_module, "BUMP_AFTER", 60.0)
    node = FakeNode(mines=False)
    process = Process(node, tmp_path / "journal.sqlite")
    process.step()
    before = set(node.seen_raw)
    process.time += 61
    process.step()
    assert len(node.pool) == 1, "the same nonce"
    assert set(node.seen_raw) > before
    node.mine()
    process.live()
    assert effects(node) == ["0x01"]


def test_what_a_reorganisation_takes_back_is_done_again_once(tmp_path: Path) -> None:
    node = FakeNode()
    process = Process(node, tmp_path / "journal.sqlite")
    process.live()
    node.reorganize()
    assert effects(node) == []
    process.live()
    assert effects(node) == ["0x01"]


def test_what_would_fail_isnt_sent_and_is_left_alone_longer_each_time(tmp_path: Path) -> None:
    process = Process(FakeNode(), tmp_path / "journal.sqlite")

    def refuses(*_: object) -> dict[str, object]:
        return {"error": {"code": 3, "message": "execution reverted: poison", "data": None}}

    process.node.eth_estimateGas = refuses  # type: ignore[method-assign]
    times = []
    for second in range(40):
        process.time = float(second)
        before = process.hands.failed
        process.step()
        if process.hands.failed > before:
            times.append(second)
    assert times == [0, 2, 6, 14, 30]
    assert process.node.seen_raw == []
    assert len(process.said) == 1
    assert "poison" in process.said[0]


def test_what_fails_together_is_tried_apart(tmp_path: Path) -> None:
    node = FakeNode()
    node.reverts = True
    hands = Process(node, tmp_path / "journal.sqlite").hands
    keys = (("order", 1), ("order", 2))
    hands.begin(duty(b"\x01", *keys))
    hands.look()
    assert hands.alone == set(keys)
    assert all(hands.may(key) for key in keys)


@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_sendRawTransaction"])
@pytest.mark.parametrize(
    "message",
    [
        "gas required exceeds allowance (30000000)",
        "Out of gas: gas required exceeds allowance: 30000000",
        "exceeds block gas limit",
        "intrinsic gas too high -- tx.gas_limit > env.block.gas_limit",
        "transaction gas limit too high (cap: 16777216, tx: 24000000)",
    ],
)
def test_what_takes_more_gas_than_there_is_is_tried_apart(
    tmp_path: Path, method: str, message: str
) -> None:
    """A batch of whoever holds positions in all markets; who is behind it isn't held up."""
    node = FakeNode()
    hands = Process(node, tmp_path / "journal.sqlite").hands
    sound = getattr(node, method)
    setattr(node, method, lambda *_: refusal(message))
    assert not hands.begin(duty(b"\x01", ("order", 1), ("order", 2)))
    assert hands.alone == {("order", 1), ("order", 2)}
    setattr(node, method, sound)
    for number in (1, 2, 3):
        assert hands.begin(duty(bytes([number + 1]), ("order", number)))
    assert effects(node) == ["0x02", "0x03", "0x04"]


def test_what_was_done_long_ago_is_forgotten_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "KEPT", 5)
    node = FakeNode()
    hands = Process(node, tmp_path / "journal.sqlite").hands
    sender = hands._intents.sender
    sender.run(Transaction("start:one", TARGET, b"\xff"))  # type: ignore[arg-type]
    sender.report("start:one")
    for number in range(20):
        hands.begin(duty(bytes([number])))
        hands.look()
    journal = sender.journal
    known = [one for (one,) in journal._run("SELECT purpose FROM transactions ORDER BY id")]
    assert known == ["start:one", *(f"keep:{number:02x}" for number in range(15, 20))]
    (plan,) = journal._run("EXPLAIN QUERY PLAN SELECT * FROM transactions WHERE purpose = 'it'")
    assert "USING INDEX by_purpose" in plan[-1], "what is asked at every look"


def test_of_what_is_no_more_no_failure_is_remembered(tmp_path: Path) -> None:
    node = FakeNode()
    node.reverts = True
    hands = Process(node, tmp_path / "journal.sqlite").hands
    for keys in ((("order", 1), ("order", 2)), (("order", 1),), (("order", 2),), (("other", 1),)):
        hands.begin(duty(str(keys).encode(), *keys))
        hands.look()
    hands.keep_only("order", {2: "an order"})
    assert hands.alone == {("order", 2)}
    assert hands.patience.failed() == [("order", 2), ("other", 1)]


class TestPatience:
    def test_it_doubles_up_to_a_bound_and_is_forgotten(self) -> None:
        patience: Patience[str] = Patience()
        now, pauses = 0.0, []
        for _ in range(12):
            patience.fail("it", now, "why")
            began = now
            while not patience.may("it", now):
                now += 1
            pauses.append(now - began)
        assert pauses[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
        assert pauses[-1] == LONGEST
        patience.forget("it")
        assert not patience.has_failed("it")
        patience.fail("it", now)
        assert patience.waiting(now) == {"it": ""}


class TestDanger:
    def account(self, number: int, equity: int, worth: int, markets: int = 1) -> Endangered:
        return Endangered(number, equity * WAD, 0, worth * WAD, markets)

    def test_who_can_cost_the_vault_most_comes_first(self) -> None:
        small = self.account(1, -10, 100)
        large = self.account(2, 500, 20_000)
        broke = self.account(3, -5_000, 50_000)
        assert batches([small, large, broke]) == [[broke, large, small]]

    def test_a_batch_fits_a_transaction(self) -> None:
        many = [self.account(number, 0, 100, number % 32 + 1) for number in range(200)]
        found = batches(many)
        assert sorted((one for part in found for one in part), key=lambda one: one.account) == many
        for part in found:
            assert len(part) <= MOST
            assert len(part) == 1 or sum(one.gas for one in part) <= MOST_GAS

    def test_only_whom_the_chain_would_liquidate_is(self) -> None:
        some = [self.account(number, 0, 100) for number in range(3)]
        assert due(some, ["", "account healthy", ""]) == [some[0], some[2]]


def test_what_may_have_arrived_when_a_call_broke_off_is_not_sent_again(tmp_path: Path) -> None:
    node = FakeNode(mines=False)
    process = Process(node, tmp_path / "journal.sqlite")
    process.hands.look()
    chain, intact = process.sender.chain, process.sender.chain.broadcast

    def breaks_off(raw: bytes) -> None:
        intact(raw)
        raise RpcUnavailable("the L1 RPC doesn't answer", "try again")

    chain.broadcast = breaks_off  # type: ignore[method-assign]
    with pytest.raises(RpcUnavailable):
        process.hands.begin(duty())
    chain.broadcast = intact  # type: ignore[method-assign]
    process.hands.look()
    assert process.hands.has_strangers(), "so nothing is decided meanwhile"
    node.mine()
    process.live()
    assert effects(node) == ["0x01"]
