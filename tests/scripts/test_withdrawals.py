"""What `withdraw` shows, and how it keeps on: with a driver that plays a script."""

import dataclasses

import pytest

from clearway.opstack import Journal, Report, Status, Withdrawal
from clearway.opstack.errors import (
    BadInput,
    InsufficientBalance,
    RpcUnavailable,
    UnknownTransaction,
    WrongChain,
)
from clearway.opstack.withdrawals import View
from clearway.shell import withdrawals
from clearway.shell.watching import Lines, watch

SENDER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
TARGET = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
GONE = RpcUnavailable("the L1 RPC doesn't answer", "check it")


def withdrawal(nonce: int) -> Withdrawal:
    return Withdrawal(nonce, SENDER, TARGET, 5 * 10**17, 100_000, b"")


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    for nonce in range(300):  # enough for two hashes that begin alike
        journal.add(withdrawal(nonce), nonce.to_bytes(32, "big"))
    yield journal
    journal.close()


class FoundOnChain:
    """A tracker that finds every full hash on the chains."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.asked: list[bytes] = []

    def track(self, reference: bytes):
        self.asked.append(reference)
        return []


@pytest.mark.parametrize("form", ["0x{}", "{}", "0x{}…", "0x{}..."])
def test_the_first_digits_are_enough(journal, form):
    wanted = withdrawal(7)
    digits = form.format(wanted.hash.hex()[:8])
    (found,) = withdrawals.find(FoundOnChain(journal), digits)
    assert found.withdrawal == wanted


def test_what_list_shows_is_a_reference(journal):
    (found,) = withdrawals.find(FoundOnChain(journal), withdrawals.short(withdrawal(9)))
    assert found.withdrawal == withdrawal(9)


def test_digits_that_begin_several_are_too_few(journal):
    with pytest.raises(BadInput, match="begins 300 withdrawals: give more digits"):
        withdrawals.find(FoundOnChain(journal), "0x0000")  # L2 hashes begin so here


def test_digits_of_nothing_are_unknown(journal):
    with pytest.raises(UnknownTransaction, match="no withdrawal that begins with 0xdeadbeef"):
        withdrawals.find(FoundOnChain(journal), "0xdeadbeef")


def test_a_whole_hash_is_looked_for_on_the_chains(journal):
    tracker = FoundOnChain(journal)
    withdrawals.find(tracker, "0x" + "ab" * 32)
    assert tracker.asked == [b"\xab" * 32]


@pytest.mark.parametrize("reference", ["", "0x", "zzz", "0x12", SENDER, "0x" + "ab" * 33])
def test_garbage_is_no_reference(journal, reference):
    with pytest.raises(BadInput) as caught:
        withdrawals.find(FoundOnChain(journal), reference)
    assert caught.value.advice


# Watching


def report(status: Status, waits_for: str, nonce: int = 0, **changed) -> Report:
    view = View(
        now=1_000_000,
        withdrawal=withdrawal(nonce),
        l2_block=5,
        l2_timestamp=999_000,
        is_finalized=status is Status.FINALIZED,
        succeeded=None,
        message_failed=False,
        is_paused=False,
        proofs=(),
        candidate=None,
        false_games=0,
    )
    tracked = withdrawals.Tracked(withdrawal(nonce), b"\1" * 32, None)
    return dataclasses.replace(Report(tracked, view, status, waits_for, 0), **changed)


WAITING = report(Status.WAITING_TO_FINALIZE, "the game's challenge clock", ready_at=1_086_400)
DONE = report(Status.FINALIZED, "done")


class Scripted:
    """A driver whose rounds are given: reports, or an error."""

    def __init__(self, *rounds: list[Report] | Exception) -> None:
        self.rounds = list(rounds)

    def drive(self) -> list[Report]:
        now = self.rounds.pop(0)
        if isinstance(now, Exception):
            raise now
        return now


def watched(capsys, *rounds: list[Report] | Exception) -> tuple[list[Report], list[str]]:
    reports = watch(Scripted(*rounds), Lines(rollup=None), pause=0)
    return reports, capsys.readouterr().out.splitlines()


def test_a_watch_says_each_change_once_and_ends_with_the_last_withdrawal(capsys):
    reports, lines = watched(capsys, [WAITING], [WAITING], [WAITING], [DONE])
    hash_ = withdrawals.short(withdrawal(0))
    assert lines == [
        f"1970-01-12 13:46:40 {hash_} 0.5 ETH: waiting to finalize, the game's challenge clock "
        "(ready 1970-01-13 13:46:40 UTC, in 1 d)",
        f"1970-01-12 13:46:40 {hash_} 0.5 ETH: finalized",
    ]
    assert reports == [DONE]


def test_a_watch_outlives_a_node(capsys):
    reports, lines = watched(capsys, [WAITING], GONE, GONE, [WAITING], [DONE])
    assert lines[1:3] == [f"{GONE}; trying again", "it works again"]
    assert reports == [DONE]


def test_a_watch_ends_at_what_no_waiting_mends(capsys):
    with pytest.raises(WrongChain):
        watched(capsys, [WAITING], WrongChain("another chain"))


def test_a_watch_shows_a_problem_and_keeps_on(capsys):
    poor = dataclasses.replace(WAITING, problem=InsufficientBalance("no ETH", "add some"))
    _, lines = watched(capsys, [poor], [poor], [DONE])
    assert lines[0].endswith("- problem: no ETH: add some")
    assert len(lines) == 2


def test_a_watch_remembers_those_that_ended_before(capsys):
    other = report(Status.FAILED, "its call on L1 failed", nonce=1)
    reports, _ = watched(capsys, [WAITING, other], [DONE])
    assert reports == [DONE, other]


def test_there_may_be_nothing_to_watch(capsys):
    assert watched(capsys, []) == ([], [])
