"""What the journal was told it tells again, after any death and to any number of processes."""

import multiprocessing
import os
import sqlite3
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.opstack.chain import Chain
from clearway.opstack.errors import JournalError
from clearway.opstack.journal import SCHEMA_VERSION, Journal
from clearway.opstack.messages import OutputProof, Withdrawal
from clearway.opstack.rollup import WithdrawalProof
from tests.opstack.fakes import FakeNode, FakeProvider, result

ALICE = "0x1a1E021A302C237453D3D45c7B82B19cEEB7E2e6"
BOB = "0x976EA74026E726554dB657fA54763abd0C3a0aa9"
GAME = "0x" + "11" * 20
L2_TX = b"\x22" * 32
WITHDRAWAL = Withdrawal(2**240 + 5, ALICE, BOB, 2**255, 2**64, b"\x01\x02")
PROOF = WithdrawalProof(OutputProof(b"\1" * 32, b"\2" * 32, b"\3" * 32), [b"\x04", b"", b"\x05"])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a folder" / "journal.sqlite"


@pytest.fixture
def journal(file):
    return Journal(file)


def record(journal: Journal, purpose: str = "do it", nonce: int = 0, sender: str = ALICE):
    name = f"{purpose} {nonce} {sender}".encode().ljust(32)[:32]
    return journal.record("L1", purpose, sender, nonce, name, b"raw " + name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return Journal(tmp_path_factory.mktemp("shared") / "journal.sqlite")


class TestWithdrawals:
    def test_one_comes_back_as_it_was(self, journal, file):
        journal.add(WITHDRAWAL, L2_TX)
        journal.close()
        (tracked,) = Journal(file).tracked()
        assert tracked.withdrawal == WITHDRAWAL
        assert tracked.l2_transaction == L2_TX
        assert tracked.closed is None

    @given(
        numbers=st.tuples(*[st.integers(0, 2**256 - 1)] * 3),
        data=st.binary(max_size=200),
    )
    def test_any_comes_back_as_it_was(self, shared, numbers, data):
        nonce, value, gas_limit = numbers
        withdrawal = Withdrawal(nonce, ALICE, BOB, value, gas_limit, data)
        shared.add(withdrawal, L2_TX)
        assert shared.find(withdrawal.hash).withdrawal == withdrawal

    def test_twice_is_once(self, journal):
        for _ in range(2):
            journal.add(WITHDRAWAL, L2_TX)
        assert len(journal.tracked()) == 1

    def test_one_that_landed_anew_has_its_new_transaction(self, journal):
        journal.add(WITHDRAWAL, L2_TX)
        journal.add(WITHDRAWAL, b"\x33" * 32)
        (tracked,) = journal.tracked()
        assert tracked.l2_transaction == b"\x33" * 32

    def test_a_closed_one_stays_closed_until_it_is_opened(self, journal):
        journal.add(WITHDRAWAL, L2_TX)
        journal.close_withdrawal(WITHDRAWAL.hash, "done")
        journal.add(WITHDRAWAL, L2_TX)
        assert journal.tracked(only_open=True) == []
        assert journal.find(WITHDRAWAL.hash).closed == "done"
        journal.close_withdrawal(WITHDRAWAL.hash, None)
        assert len(journal.tracked(only_open=True)) == 1

    def test_an_unknown_one_is_none(self, journal):
        assert journal.find(b"\0" * 32) is None

    def test_they_come_in_the_order_they_were_added(self, journal):
        others = [Withdrawal(n, ALICE, BOB, 0, 0, b"") for n in (3, 1, 2)]
        for one in others:
            journal.add(one, L2_TX)
        assert [tracked.withdrawal for tracked in journal.tracked()] == others


class TestTransactions:
    def test_one_comes_back_as_it_was(self, journal, file):
        signed = record(journal)
        journal.close()
        assert Journal(file).open_transactions("L1", ALICE) == [signed]

    def test_open_ones_are_of_one_account_and_chain_in_the_order_of_nonces(self, journal):
        late, early, _ = (record(journal, f"{n}", n) for n in (7, 5, 6))
        record(journal, "bob's", 1, BOB)
        journal.settle(3, "mined")
        assert journal.open_transactions("L1", ALICE) == [early, late]
        assert journal.open_transactions("L2", ALICE) == []
        assert journal.senders("L1") == [ALICE, BOB]

    def test_an_interrupted_one_is_the_newest_that_nobody_was_told_of(self, journal):
        assert journal.interrupted("do it") is None
        first = record(journal)
        second = record(journal, nonce=1)
        assert journal.interrupted("do it") == second
        journal.settle(second.id, "replaced")
        assert journal.interrupted("do it") == first
        journal.settle(first.id, "mined")
        assert journal.interrupted("do it").id == first.id
        journal.report("do it")
        assert journal.interrupted("do it") is None

    def test_a_report_is_of_one_purpose(self, journal):
        record(journal, "this")
        other = record(journal, "that", 1)
        journal.report("this")
        assert journal.interrupted("that") == other

    def test_mined_ones_are_found_by_how_their_purpose_begins(self, journal):
        start, prove, odd = (record(journal, p, n) for n, p in enumerate(("s%:a", "p:b", "s_:c")))
        for one in (start, prove, odd):
            journal.settle(one.id, "mined")
        assert [one.id for one in journal.mined_for("s%:")] == [start.id]
        assert [one.id for one in journal.mined_for("")] == [start.id, prove.id, odd.id]

    def test_only_what_the_chain_lost_is_opened_again(self, journal):
        mined = [record(journal, f"{n}", n) for n in range(4)]
        for one in mined[:3]:
            journal.settle(one.id, "mined")
        journal.settle(mined[3].id, "replaced")
        journal.reopen("L1", BOB, 0)
        journal.reopen("L2", ALICE, 0)
        assert journal.open_transactions("L1", ALICE) == []
        journal.reopen("L1", ALICE, nonces_used=1)
        assert [one.nonce for one in journal.open_transactions("L1", ALICE)] == [1, 2]


class TestProofs:
    def test_one_comes_back_as_it_was(self, journal):
        journal.keep_proof(WITHDRAWAL.hash, GAME, 7, PROOF)
        (stored,) = journal.proofs_of(WITHDRAWAL.hash)
        assert (stored.game, stored.game_index, stored.proof) == (GAME, 7, PROOF)
        assert journal.proofs_of(b"\0" * 32) == []

    def test_there_is_one_for_each_game(self, journal):
        other = WithdrawalProof(PROOF.output, [b"\x06"])
        journal.keep_proof(WITHDRAWAL.hash, GAME, 7, PROOF)
        journal.keep_proof(WITHDRAWAL.hash, GAME, 8, other)
        journal.keep_proof(WITHDRAWAL.hash, BOB, 9, PROOF)
        kept = {stored.game: stored for stored in journal.proofs_of(WITHDRAWAL.hash)}
        assert kept[GAME].game_index == 8
        assert kept[GAME].proof == other
        assert set(kept) == {GAME, BOB}


def garbage(path) -> None:
    path.write_bytes(b"this was never a database, and it is longer than a header " * 40)


def newer(path) -> None:
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")


def truncated(path) -> None:
    journal = Journal(path)
    journal.add(WITHDRAWAL, L2_TX)
    journal.close()
    path.write_bytes(path.read_bytes()[:3_000])


def another_programs(path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE transactions (amount REAL)")


def folder(path) -> None:
    path.mkdir()


def under_a_file(path) -> None:
    path.parent.rmdir()
    path.parent.write_text("no folder")


@pytest.mark.parametrize(
    "spoil", [garbage, newer, truncated, another_programs, folder, under_a_file]
)
def test_a_file_that_cannot_be_used_is_told_with_an_advice(file, spoil):
    file.parent.mkdir()
    spoil(file)
    with pytest.raises(JournalError) as caught:
        Journal(file).tracked()
    assert str(file) in caught.value.fact
    assert caught.value.advice


def test_a_file_that_breaks_while_in_use_is_told(journal):
    journal._db.execute("DROP TABLE transactions")
    with pytest.raises(JournalError) as caught:
        record(journal)
    assert caught.value.advice


def test_a_full_disk_is_told_and_nothing_is_half_written(journal):
    journal._db.execute("PRAGMA max_page_count=1")  # no page more than there are

    def fill() -> None:
        for nonce in range(1_000):
            journal.record("L1", "do it", ALICE, nonce, b"h" * 32, b"raw" * 1_000)

    with pytest.raises(JournalError, match="full"):
        fill()
    journal._db.execute("PRAGMA max_page_count=1000000")
    nonces = [one.nonce for one in journal.open_transactions("L1", ALICE)]
    assert nonces == list(range(len(nonces)))
    assert journal._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_many_processes_make_one_file_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    count, files = 4, [tmp_path / f"{n}" / "journal.sqlite" for n in range(40)]
    barrier = context.Barrier(count)

    def open_and_write(number: int) -> None:
        for file in files:
            barrier.wait(60)
            record(Journal(file), f"purpose {number}", number)

    processes = [context.Process(target=open_and_write, args=(n,)) for n in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count
    for file in files:
        written = Journal(file).open_transactions("L1", ALICE)
        assert [one.nonce for one in written] == list(range(count))


def test_the_right_to_act_is_freed_by_death(journal, file):
    context = multiprocessing.get_context("fork")
    holds = context.Event()

    def die_acting() -> None:
        with Journal(file).acting():
            holds.set()
            os._exit(9)

    process = context.Process(target=die_acting)
    process.start()
    assert holds.wait(60)
    with journal.acting():
        process.join()
        assert process.exitcode == 9


def test_only_one_acts(journal, file):
    """Eight processes each read a number and write the next: none is lost."""
    context = multiprocessing.get_context("fork")

    def act() -> None:
        own = Journal(file)
        for _ in range(10):
            with own.acting():
                nonce = len(own.open_transactions("L1", ALICE))
                record(own, f"{nonce}", nonce)

    processes = [context.Process(target=act) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [one.nonce for one in journal.open_transactions("L1", ALICE)] == list(range(80))


class LateNode(FakeNode):
    """A chain that begins after block 0, as an L2 on a fork of its L1 does."""

    def eth_getBlockByNumber(self, block, full):
        if block == "0x0":
            return result(None)
        return super().eth_getBlockByNumber("0x3" if block == "finalized" else block, full)


class TestForRollup:
    """One file for each pair of chains, and none for chains that are gone."""

    def rollup(self, l1: FakeNode, l2: FakeNode, portal: str = BOB) -> SimpleNamespace:
        return SimpleNamespace(
            portal=portal,
            l1=Chain(FakeProvider(l1), "L1"),
            l2=Chain(FakeProvider(l2), "L2"),
        )

    def test_the_same_chains_have_the_same_journal(self, tmp_path):
        l1, l2 = FakeNode(900), FakeNode(901)
        Journal.for_rollup(self.rollup(l1, l2), tmp_path).add(WITHDRAWAL, L2_TX)
        l1.mine()
        assert len(Journal.for_rollup(self.rollup(l1, l2), tmp_path).tracked()) == 1

    def test_a_chain_without_block_0_is_known_by_a_final_one(self, tmp_path):
        """Its head may be lost; were the chain known by that, its journal would be lost with it."""
        l1, l2 = FakeNode(900), LateNode(901)
        for _ in range(5):
            l2.mine()
        Journal.for_rollup(self.rollup(l1, l2), tmp_path).add(WITHDRAWAL, L2_TX)
        l2.reorganize(2, into=[{"hash": "another", "from": "", "status": "0x1"}])
        assert len(Journal.for_rollup(self.rollup(l1, l2), tmp_path).tracked()) == 1

    @pytest.mark.parametrize("other", ["l1", "l2", "portal"])
    def test_other_chains_have_another(self, tmp_path, other):
        one = {"l1": FakeNode(900), "l2": FakeNode(901), "portal": BOB}
        two = {**one, other: {"l1": FakeNode(1), "l2": FakeNode(10), "portal": ALICE}[other]}
        Journal.for_rollup(self.rollup(**one), tmp_path).add(WITHDRAWAL, L2_TX)
        assert Journal.for_rollup(self.rollup(**two), tmp_path).tracked() == []
        assert len(Journal.for_rollup(self.rollup(**one), tmp_path).tracked()) == 1

    @pytest.mark.parametrize("layer", ["l1", "l2"])
    def test_the_journal_of_chains_made_anew_is_set_aside_not_lost(self, tmp_path, layer):
        chains = {"l1": FakeNode(900), "l2": FakeNode(901)}
        Journal.for_rollup(self.rollup(**chains), tmp_path).add(WITHDRAWAL, L2_TX)
        chains[layer].blocks[0] = [{"hash": "another beginning", "from": "", "status": "0x1"}]
        fresh = Journal.for_rollup(self.rollup(**chains), tmp_path)
        assert fresh.tracked() == []
        (aside,) = tmp_path.glob("*.old")
        assert [t.withdrawal for t in Journal(aside).tracked()] == [WITHDRAWAL]
        again = Journal.for_rollup(self.rollup(**chains), tmp_path)
        assert again.path == fresh.path
        assert len(list(tmp_path.glob("*.old"))) == 1
