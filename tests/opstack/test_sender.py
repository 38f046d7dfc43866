"""One purpose is one effect, whatever dies, breaks, disappears or runs twice."""

import multiprocessing

import pytest
import requests
from eth_account import Account

from clearway.opstack import chain as chain_module
from clearway.opstack import sender as sender_module
from clearway.opstack.chain import Chain
from clearway.opstack.errors import (
    InsufficientBalance,
    RpcError,
    RpcNonsense,
    RpcUnavailable,
    TransactionFailed,
    UnknownTransaction,
)
from clearway.opstack.journal import Journal
from clearway.opstack.sender import Creation, Sender, Transaction, recover
from tests.opstack.fakes import FakeNode, FakeProvider, Server, answering, refusal

ACCOUNT = Account.from_key(b"\x01" * 32)
OTHER = Account.from_key(b"\x02" * 32)
TARGET = "0x1a1E021A302C237453D3D45c7B82B19cEEB7E2e6"
DO_IT = Transaction("do it", TARGET, b"\x01")
DO_MORE = Transaction("do more", TARGET, b"\x02")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(chain_module, "RETRY_PAUSES", (0, 0, 0))
    monkeypatch.setattr(chain_module, "FIRST_POLL", 0)
    monkeypatch.setattr(sender_module, "NONCE_PAUSE", 0)


@pytest.fixture
def hurried(monkeypatch):
    """Let each look for a receipt be followed by a bump of the fees."""
    monkeypatch.setattr(sender_module, "BUMP_AFTER", 0)


@pytest.fixture
def node():
    return FakeNode()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "journal.sqlite"


def sender_of(node, file, account=ACCOUNT) -> Sender:
    return Sender(Chain(FakeProvider(node), "L1"), account, Journal(file))


def do(sender: Sender, transaction: Transaction = DO_IT) -> str:
    """Do as the library's callers do: run, and report."""
    receipt = sender.run(transaction, timeout=1)
    sender.journal.report(transaction.purpose)
    return receipt["transactionHash"]


def effects(node: FakeNode) -> list[str]:
    return [data for _, data in node.effects]


class Killed(BaseException):
    """Ends the process that is played."""


class Mortal:
    """Counts the places at which a process may die, and dies at one of them."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.places = 0
        self.dies_at = dies_at

    def here(self) -> None:
        self.places += 1
        if self.places == self.dies_at:
            raise Killed

    def around(self, function):
        """Return `function` with a place before it and a place after it."""

        def mortal(*arguments):
            self.here()
            outcome = function(*arguments)
            self.here()
            return outcome

        return mortal

    def do(self, node, file, transaction: Transaction = DO_IT) -> None:
        """Do it, while every request and every word to the journal may be the last."""
        sender = sender_of(node, file)
        sender.chain.provider.answer = self.around(node)
        sender.journal._run = self.around(sender.journal._run)
        do(sender, transaction)


@pytest.fixture
def places(tmp_path) -> int:
    """The number of places at which a process may die."""
    mortal = Mortal()
    mortal.do(FakeNode(), tmp_path / "count.sqlite")
    return mortal.places


def test_killed_anywhere_and_run_again_there_is_one_effect(tmp_path, places):
    """The last place is behind the last word, when all is told: from there it is done anew."""
    assert places > 20
    for place in range(1, places):
        node, file = FakeNode(), tmp_path / f"{place}.sqlite"
        with pytest.raises(Killed):
            Mortal(dies_at=place).do(node, file)
        do(sender_of(node, file))
        assert effects(node) == ["0x01"], place


def test_killed_twice_and_run_again_there_is_one_effect(tmp_path, places):
    for first in range(1, places):
        for second in (3, 10):
            node, file = FakeNode(), tmp_path / f"{first}-{second}.sqlite"
            for place in (first, second):
                with pytest.raises(Killed):
                    Mortal(dies_at=place).do(node, file)
            do(sender_of(node, file))
            assert effects(node) == ["0x01"], (first, second)


def test_killed_while_it_waits_in_the_mempool_it_is_found_again(file):
    node = FakeNode(mines=False)
    with pytest.raises(UnknownTransaction) as caught:
        sender_of(node, file).run(DO_IT, timeout=0)
    assert "run the same command again" in caught.value.advice
    node.mine()
    do(sender_of(node, file))
    assert effects(node) == ["0x01"]


def test_what_was_reported_can_be_done_again(node, file):
    assert do(sender_of(node, file)) != do(sender_of(node, file))
    assert effects(node) == ["0x01", "0x01"]


def test_other_purposes_do_not_wait_for_one(file):
    node = FakeNode(mines=False)
    sender = sender_of(node, file)
    with sender.journal.acting():
        one, two = sender.submit(DO_IT), sender.submit(DO_MORE)
        assert sender.submit(DO_IT) == one
    assert (one.nonce, two.nonce) == (0, 1)
    node.mine()
    assert effects(node) == ["0x01", "0x02"]


def test_two_processes_do_one_thing_once(tmp_path):
    """Neither reports, so whoever comes later finds what the other did."""
    node = FakeNode()
    context = multiprocessing.get_context("fork")
    barrier, outcomes = context.Barrier(3), context.Queue()
    server = Server(answering(node))

    def act() -> None:
        chain, journal = Chain.connect(server.url, "L1"), Journal(tmp_path / "journal.sqlite")
        barrier.wait()
        outcomes.put(Sender(chain, ACCOUNT, journal).run(DO_IT)["transactionHash"])

    processes = [context.Process(target=act) for _ in range(2)]
    for process in processes:
        process.start()
    with server:  # after the fork, which must not copy a running thread
        barrier.wait()
        hashes = {outcomes.get(timeout=60) for _ in processes}
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(hashes) == 1
    assert effects(node) == ["0x01"]


class Broken:
    """A node whose line breaks at each sending, before or after it took the transaction."""

    def __init__(self, node: FakeNode, takes: bool, error: Exception) -> None:
        self.node, self.takes, self.error = node, takes, error
        self.breaks = 10**6

    def __call__(self, method, *params):
        if method != "eth_sendRawTransaction" or self.breaks == 0:
            return self.node(method, *params)
        self.breaks -= 1
        if self.takes:
            self.node(method, *params)
        raise self.error


BREAKS = {
    "no connection": (requests.ConnectionError(), RpcUnavailable),
    "no answer in time": (requests.Timeout(), RpcUnavailable),
    "no JSON": (ValueError("no JSON"), RpcNonsense),
}


@pytest.mark.parametrize("takes", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("error", "kind"), BREAKS.values(), ids=BREAKS)
def test_a_line_that_breaks_at_sending_leaves_it_written_for_the_next_run(
    node, file, error, kind, takes
):
    with pytest.raises(kind):
        do(sender_of(Broken(node, takes, error), file))
    (written,) = Journal(file).open_transactions("L1", ACCOUNT.address)
    assert do(sender_of(node, file)) == "0x" + written.hash.hex()
    assert effects(node) == ["0x01"]
    assert set(node.seen_raw) == {"0x" + written.raw.hex()}


@pytest.mark.parametrize("mines", [True, False], ids=["mined at once", "in the mempool"])
def test_a_line_that_breaks_once_after_the_node_took_it_is_no_second_sending(file, mines):
    """The second try is refused for the first one's sake: "nonce too low", or "already known"."""
    node = FakeNode(mines=mines)
    broken = Broken(node, takes=True, error=requests.ConnectionError())
    broken.breaks = 1
    sender = sender_of(broken, file)
    with sender.journal.acting():
        sender.submit(DO_IT)
    node.mine()
    assert effects(node) == ["0x01"]
    assert do(sender_of(node, file))
    assert effects(node) == ["0x01"]


def test_a_refusal_that_is_none_is_noticed(node, file):
    """A gateway may give up on a node that took the transaction."""

    def gateway(method, *params):
        answer = node(method, *params)
        return refusal("gateway timed out") if method == "eth_sendRawTransaction" else answer

    do(sender_of(gateway, file))
    do(sender_of(node, file), DO_MORE)
    assert effects(node) == ["0x01", "0x02"]


def test_a_poor_account_is_told_and_free_again(node, file):
    node.balance = 0
    with pytest.raises(InsufficientBalance):
        do(sender_of(node, file))
    assert Journal(file).open_transactions("L1", ACCOUNT.address) == []
    node.balance = 10**20
    do(sender_of(node, file), DO_MORE)
    assert effects(node) == ["0x02"]  # what was refused isn't sent behind one's back


def test_a_refusal_settles_it(node, file):
    def strict(method, *params):
        if method == "eth_sendRawTransaction":
            return refusal("exceeds block gas limit")
        return node(method, *params)

    with pytest.raises(RpcError, match="block gas limit"):
        do(sender_of(strict, file))
    do(sender_of(node, file))
    assert effects(node) == ["0x01"]


def test_a_call_that_would_revert_is_not_even_signed(node, file):
    def strict(method, *params):
        if method == "eth_estimateGas":
            return refusal("execution reverted: nope")
        return node(method, *params)

    with pytest.raises(RpcError, match="nope"):
        do(sender_of(strict, file))
    assert Journal(file).senders("L1") == []


class TestReverted:
    def test_it_is_told_with_its_reason(self, node, file):
        node.reverts = True
        with pytest.raises(TransactionFailed, match="reverted: execution reverted: too early"):
            do(sender_of(node, file))

    def test_it_is_not_taken_up_for_ever(self, node, file):
        node.reverts = True
        with pytest.raises(TransactionFailed):
            do(sender_of(node, file))
        node.reverts = False
        do(sender_of(node, file))
        assert effects(node) == ["0x01"]

    def test_killed_before_it_was_told_it_is_told_once_and_then_done_anew(self, node, file):
        node.mines = False
        with pytest.raises(UnknownTransaction):
            sender_of(node, file).run(DO_IT, timeout=0)
        node.reverts = True
        node.mine()
        with pytest.raises(TransactionFailed):
            do(sender_of(node, file))
        node.mines, node.reverts = True, False
        do(sender_of(node, file))
        assert effects(node) == ["0x01"]


class TestNonces:
    def test_one_taken_meanwhile_is_passed_over(self, node, file):
        """Another program of the same account sends between our look and our sending."""
        foreign = iter([DO_MORE])

        def busy(method, *params):
            answer = node(method, *params)
            if method == "eth_getTransactionCount" and params[1] == "pending":
                for transaction in foreign:
                    do(sender_of(node, file.with_name("foreign.sqlite")), transaction)
            return answer

        do(sender_of(busy, file))
        assert effects(node) == ["0x02", "0x01"]

    def test_one_that_is_always_taken_is_told(self, node, file):
        def mad(method, *params):
            if method == "eth_sendRawTransaction":
                return refusal("nonce too low")
            return node(method, *params)

        with pytest.raises(RpcError, match="nonce too low"):
            do(sender_of(mad, file))
        assert Journal(file).open_transactions("L1", ACCOUNT.address) == []

    def test_two_accounts_count_each_their_own(self, node, file):
        do(sender_of(node, file))
        do(sender_of(node, file, OTHER), DO_MORE)
        assert [sender for sender, _ in node.effects] == [ACCOUNT.address, OTHER.address]

    def test_a_transaction_that_lost_its_nonce_is_done_anew(self, file):
        node = FakeNode(mines=False)
        with pytest.raises(UnknownTransaction):
            sender_of(node, file).run(DO_IT, timeout=0)
        node.pool.clear()  # the node forgot it
        node.mines = True
        do(sender_of(node, file.with_name("wallet.sqlite")), DO_MORE)
        do(sender_of(node, file))
        assert effects(node) == ["0x02", "0x01"]

    def test_one_waited_for_that_loses_its_nonce_is_told(self, file, hurried):
        node = FakeNode(mines=False)
        sender = sender_of(node, file)
        with sender.journal.acting():
            signed = sender.submit(DO_IT)
        node.pool.clear()
        node.mines = True
        do(sender_of(node, file.with_name("wallet.sqlite")), DO_MORE)
        with pytest.raises(TransactionFailed, match="replaced by another") as caught:
            sender.wait(signed, timeout=60)
        assert caught.value.advice
        do(sender_of(node, file))
        assert effects(node) == ["0x02", "0x01"]


class TestLingering:
    def node_that_wants(self, fee: int) -> FakeNode:
        """Return a node that mines nothing below a fee."""
        node = FakeNode(mines=False)
        take = node.eth_sendRawTransaction

        def send(raw):
            answer = take(raw)
            if any(int(one["maxFeePerGas"], 16) >= fee for one in node.pool.values()):
                node.mine()
            return answer

        node.eth_sendRawTransaction = send
        return node

    def test_fees_rise_until_it_is_mined_and_it_is_one_effect(self, file, hurried):
        start = 2 * 10**9 + 1
        node = self.node_that_wants(3 * start)
        sender = sender_of(node, file)
        receipt = sender.run(DO_IT, timeout=60)
        assert effects(node) == ["0x01"]
        fees = [one.raw for one in sender.journal.transactions_for(DO_IT.purpose)]
        assert len(fees) == 9  # 1.15 ** 8 > 3
        assert receipt["transactionHash"] == "0x" + sender.journal.interrupted("do it").hash.hex()
        sender.recover()
        assert sender.journal.open_transactions("L1", ACCOUNT.address) == []

    def test_fees_of_a_creation_rise_too(self, file, hurried):
        node = self.node_that_wants(3 * 10**9)
        do(sender_of(node, file), Creation("make", b"\x60\x00"))
        assert effects(node) == ["0x6000"]

    def test_one_that_the_node_forgot_is_sent_again(self, file, hurried):
        node = FakeNode(mines=False)
        sender = sender_of(node, file)
        with sender.journal.acting():
            signed = sender.submit(DO_IT)
        node.pool.clear()
        node.mines = True
        sender.wait(signed, timeout=60)
        assert effects(node) == ["0x01"]

    def test_one_written_before_fees_rose_is_signed_again_with_the_same_nonce(self, file, hurried):
        node = FakeNode()
        with pytest.raises(RpcUnavailable):
            do(sender_of(Broken(node, takes=False, error=requests.ConnectionError()), file))
        node.base_fee *= 20
        do(sender_of(node, file))
        assert effects(node) == ["0x01"]
        nonces = {one.nonce for one in Journal(file).transactions_for("do it")}
        assert nonces == {0}

    @pytest.mark.parametrize("rise", [1, 20], ids=["same fees", "higher fees"])
    def test_what_the_chain_lost_before_it_is_sent_again_first(self, file, hurried, rise):
        """A later nonce waits for the earlier one, which nobody else may be waiting for."""
        node = FakeNode()
        sender = sender_of(node, file)
        do(sender)
        node.mines = False
        with sender.journal.acting():
            signed = sender.submit(DO_MORE)
        node.reorganize()
        node.base_fee *= rise
        node.mines = True
        sender.wait(signed, timeout=60)
        assert effects(node) == ["0x01", "0x02"]

    def test_one_that_another_process_settled_meanwhile_is_told(self, file, hurried):
        sender = sender_of(FakeNode(mines=False), file)
        with sender.journal.acting():
            signed = sender.submit(DO_IT)
        Journal(file).settle(signed.id, "replaced")
        with pytest.raises(TransactionFailed, match="replaced by another"):
            sender.wait(signed, timeout=60)

    def test_a_bump_that_comes_too_late_is_no_error(self, file, hurried):
        node = FakeNode(mines=False)
        sender = sender_of(node, file)

        def late(method, *params):
            if method == "eth_sendRawTransaction":
                node.mine()
            return node(method, *params)

        with sender.journal.acting():
            signed = sender.submit(DO_IT)
        sender.chain.provider.answer = late
        sender.wait(signed, timeout=60)
        assert effects(node) == ["0x01"]


class TestReorganisation:
    def test_what_it_drops_is_sent_again(self, node, file):
        do(sender_of(node, file))
        node.reorganize()
        assert effects(node) == []
        sender = sender_of(node, file)
        sender.recover()
        assert effects(node) == ["0x01"]
        assert len(set(node.seen_raw)) == 1  # the very same

    def test_one_that_comes_while_it_is_read_settles_nothing(self, node, file):
        """The nonce was used, and then nobody knows the transaction: it is lost, not replaced."""

        def unsteady(method, *params):
            answer = node(method, *params)
            if method == "eth_getTransactionCount":
                node.reorganize()
            return answer

        sender = sender_of(node, file)
        with sender.journal.acting():
            sender.submit(DO_IT)
        sender_of(unsteady, file).recover()
        assert effects(node) == []
        assert len(Journal(file).open_transactions("L1", ACCOUNT.address)) == 1
        assert do(sender_of(node, file))
        assert effects(node) == ["0x01"]
        assert len(set(node.seen_raw)) == 1

    def test_it_needs_no_key(self, node, file):
        do(sender_of(node, file))
        node.reorganize()
        journal = Journal(file)
        with journal.acting():
            recover(Chain(FakeProvider(node), "L1"), journal, ACCOUNT.address)
        assert effects(node) == ["0x01"]

    def test_a_dropped_one_whose_nonce_went_to_another_is_settled(self, node, file):
        do(sender_of(node, file))
        node.reorganize()
        do(sender_of(node, file.with_name("wallet.sqlite")), DO_MORE)
        sender = sender_of(node, file)
        sender.recover()
        assert effects(node) == ["0x02"]
        assert sender.journal.open_transactions("L1", ACCOUNT.address) == []

    def test_recovering_again_and_again_changes_nothing(self, node, file):
        do(sender_of(node, file))
        sender = sender_of(node, file)
        before = node.seen_raw.copy()
        for _ in range(3):
            sender.recover()
        assert node.seen_raw == before


def test_the_transaction_says_what_was_asked(node, file):
    do(sender_of(node, file), Transaction("pay", TARGET, b"\x05", value=7, gas=90_000))
    (sent,) = node.blocks[-1]
    assert (sent["to"], sent["value"], sent["gas"]) == (TARGET.lower(), "0x7", hex(90_000))


def test_a_creation_goes_to_nobody(node, file):
    do(sender_of(node, file), Creation("make", b"\x60\x00"))
    (sent,) = node.blocks[-1]
    assert (sent["to"], sent["input"]) == ("0x", "0x6000")


def test_gas_is_estimated_with_a_margin(node, file):
    do(sender_of(node, file))
    (sent,) = node.blocks[-1]
    assert int(sent["gas"], 16) == 21_000 * 5 // 4
