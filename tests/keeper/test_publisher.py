"""One report a tile, gathered by whose turn it is, signed by who saw the same."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.devnet.accounts import people
from clearway.keeper import memory as memory_module
from clearway.keeper import wire
from clearway.keeper.errors import CannotStart, MemoryLost
from clearway.keeper.memory import Memory
from clearway.keeper.publisher import PATIENCE, SILENCE, Publisher, Refusal
from clearway.keeper.signing import signer_of
from clearway.keeper.tiles import SHORT_GAP
from clearway.reports import Report, SignedReport
from clearway.spec.quotes import Quote
from tests.keeper.committee import COMMITTEE, KEYS, NOW, WAD, Clock, Seen, publisher

Three = list[Publisher]


@pytest.fixture
def three(tmp_path: Path) -> Three:
    return [publisher(place, tmp_path, Seen((2_000 + place) * WAD)) for place in range(3)]


def gathered(leader: Publisher, others: Three, tile: int = NOW) -> SignedReport | None:
    """Gather a report as boards do."""
    observations = [seen for other in others if (seen := other.observation(tile))]
    report = leader.propose(tile, observations)
    own = leader.sign_own(report) if report else None
    if report is None or own is None:
        return None
    signatures = {leader.address: own}
    for other in others:
        try:
            signatures[other.address] = other.sign_for(report, own)
        except Refusal:
            continue
    return leader.complete(report, signatures)


def test_a_report_has_the_median_and_a_quorums_signatures(three: Three) -> None:
    signed = gathered(three[0], three[1:])
    assert signed is not None
    assert signed.report == Report.of(NOW, {0: Quote(2_001 * WAD, WAD // 2_001 + 1)})
    assert len(signed.signatures) == COMMITTEE.quorum
    assert {signer_of(signed.report, COMMITTEE.domain, one) for one in signed.signatures} | set(
        signed.absent
    ) == set(COMMITTEE.publishers)
    COMMITTEE.verify(signed)
    assert three[0].memory.complete(NOW) == signed


def test_who_is_far_off_is_outvoted(tmp_path: Path) -> None:
    liar = publisher(0, tmp_path, Seen(3_000 * WAD))
    honest = [publisher(place, tmp_path, Seen(2_000 * WAD)) for place in (1, 2)]
    assert gathered(liar, honest) is None
    signed = gathered(honest[0], [liar, honest[1]])
    assert signed is not None
    assert signed.absent == (liar.address,)


def test_a_market_that_one_alone_saw_is_left_out_by_that_one_alone(tmp_path: Path) -> None:
    source = Seen()
    three = [publisher(place, tmp_path, source if place == 0 else Seen()) for place in range(3)]
    source.quotes = {**source.quotes, 1: Quote(60_000 * WAD, 0)}
    for one in three:
        one.see(NOW + 1)
    plain = Report.of(NOW + 1, {0: Quote(2_000 * WAD, 0)})
    with pytest.raises(Refusal, match="market 1 is left out"):
        three[0].sign_for(plain, plain.sign(COMMITTEE.domain, KEYS[1]))
    signed = gathered(three[0], three[1:], NOW + 1)
    assert signed is not None
    assert signed.report == plain


@pytest.mark.parametrize("restarts", [False, True])
def test_no_second_report_of_a_tile_is_signed(three: Three, tmp_path: Path, restarts: bool) -> None:
    first, second = (Report.of(NOW, {0: Quote(price * WAD, 0)}) for price in (2_001, 2_002))
    one, proofs = three[1], [report.sign(COMMITTEE.domain, KEYS[0]) for report in (first, second)]
    signature = one.sign_for(first, proofs[0])
    if restarts:
        one.memory.close()
        one = publisher(1, tmp_path, Seen(2_002 * WAD))
    with pytest.raises(Refusal, match="another report of the tile was signed"):
        one.sign_for(second, proofs[1])
    assert one.sign_own(second) is None
    assert one.sign_for(first, proofs[0]) == signature, "the same may be asked for again"


def test_what_one_signed_is_what_the_next_one_gathers(three: Three) -> None:
    """The first one dies after it has another's signature, and the report isn't lost."""
    report = Report.of(NOW, {0: Quote(2_000 * WAD, 0)})
    three[1].sign_for(report, report.sign(COMMITTEE.domain, KEYS[0]))
    signed = gathered(three[2], [three[1]])
    assert signed is not None
    assert signed.report == report


def test_nobody_but_a_publisher_may_propose(three: Three) -> None:
    report = Report.of(NOW, {0: Quote(2_001 * WAD, 0)})
    stranger = report.sign(COMMITTEE.domain, people()[1])
    with pytest.raises(Refusal, match="no publisher asks"):
        three[0].sign_for(report, stranger)
    with pytest.raises(Refusal, match="no signature"):
        three[0].sign_for(report, (b"\xff" * 32, b"\xff" * 32))
    assert three[0].memory.signed(NOW) is None


def test_whose_turn_it_is_moves_on_with_silence(tmp_path: Path) -> None:
    clock = Clock()
    three = [publisher(place, tmp_path, Seen(), clock) for place in range(3)]
    leading = [[one.place for one in three if NOW in one.turns()]]
    for _ in range(2):
        clock.time += SILENCE
        leading.append([one.place for one in three if NOW in one.turns()])
    assert [len(places) for places in leading] == [1, 2, 3]
    signed = gathered(three[0], three[1:])
    assert signed is not None
    for one in three:
        one.keep(signed)
        assert NOW not in one.turns()


def test_a_tile_that_nobody_agrees_on_is_given_up(tmp_path: Path) -> None:
    clock = Clock()
    one = publisher(NOW % 3, tmp_path, Seen(), clock)
    assert NOW in one.turns()
    clock.time += PATIENCE + 1
    one.see(NOW)
    assert one.turns() == []


def test_after_a_restart_a_publisher_makes_up_for_what_it_missed(tmp_path: Path) -> None:
    one = publisher(0, tmp_path, Seen())
    one.sign_own(Report.of(NOW, {0: Quote(2_000 * WAD, 0)}))
    one.memory.close()
    memory = Memory(tmp_path / "0.sqlite")
    clock = Clock()
    again = Publisher(COMMITTEE, KEYS[0], Seen(), memory, clock=clock)
    again.see(NOW + 5)
    clock.time += 3 * SILENCE
    assert again.turns()[:6] == [NOW + 5, NOW + 4, NOW + 3, NOW + 2, NOW + 1, NOW]


def test_a_new_publisher_makes_up_for_what_was_committed_just_before(tmp_path: Path) -> None:
    clock = Clock()
    one = publisher(0, tmp_path, Seen(), clock)
    clock.time += 3 * SILENCE
    assert one.turns() == [NOW - ago for ago in range(SHORT_GAP)]


def test_after_a_long_pause_it_makes_up_for_both_ends_of_it(tmp_path: Path) -> None:
    one = publisher(0, tmp_path, Seen())
    one.sign_own(Report.of(NOW, {0: Quote(2_000 * WAD, 0)}))
    one.memory.close()
    clock = Clock()
    again = Publisher(COMMITTEE, KEYS[0], Seen(), Memory(tmp_path / "0.sqlite"), clock=clock)
    again.see(NOW + 10_000)
    clock.time += 3 * SILENCE
    ago = [NOW + 10_000 - tile for tile in again.turns()]
    assert ago[:SHORT_GAP] == list(range(SHORT_GAP))
    assert {NOW + 1, NOW + 2, NOW + 3, NOW + 4} <= set(again.turns())


def test_a_chain_that_went_back_is_no_reason_to_sign_anew(three: Three) -> None:
    report = Report.of(NOW, {0: Quote(2_001 * WAD, 0)})
    assert three[0].sign_own(report)
    three[0].see(NOW - 3)
    three[0].see(NOW)
    assert three[0].sign_own(Report.of(NOW, {0: Quote(2_000 * WAD, 0)})) is None


def test_its_memory_holds_the_newest_tiles_whatever_a_node_says_the_time_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_module, "KEPT", 50)
    one = publisher(0, tmp_path, Seen())
    first, last = Report.of(NOW, {0: Quote(2_001 * WAD, 0)}), NOW + 200
    for tile in range(NOW, last + 1):
        one.memory.may_sign(Report(tile, first.boards))
    one.see(last + 10 * 365 * 86_400)
    one.see(last)
    is_known = [one.memory.signed(tile) is not None for tile in (NOW, last - 50, last - 49)]
    assert is_known == [False, False, True]
    assert not one.memory.may_sign(Report.of(last, {0: Quote(2_002 * WAD, 0)}))


def test_a_false_report_isnt_kept(three: Three) -> None:
    signed = gathered(three[0], three[1:])
    assert signed is not None
    other = Report.of(NOW, {0: Quote(1_000 * WAD, 0)})
    for false in (
        SignedReport(other, signed.absent, signed.signatures),
        SignedReport(signed.report, (), signed.signatures),
        SignedReport(signed.report, signed.absent, signed.signatures[:1]),
        SignedReport(signed.report, signed.absent, tuple(reversed(signed.signatures))),
    ):
        with pytest.raises(ValueError, match=r"quorum|signature"):
            three[2].keep(false)
    assert three[2].memory.complete(NOW) is None


def test_two_processes_with_one_key_cannot_run(tmp_path: Path) -> None:
    publisher(0, tmp_path, Seen())
    with pytest.raises(CannotStart, match="another publisher with this account"):
        Memory(tmp_path / "0.sqlite")


def test_without_its_memory_a_publisher_signs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "0.sqlite"
    path.write_bytes(b"no database " * 100)
    with pytest.raises(MemoryLost, match="nothing is signed without it"):
        Memory(path)


def test_a_stranger_cannot_start(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.sqlite")
    with pytest.raises(CannotStart, match="is no publisher of feed"):
        Publisher(COMMITTEE, people()[1], Seen(), memory)


WORDS = st.integers(0, 2**256 - 1)
HALVES = st.binary(min_size=32, max_size=32)
REPORTS = st.builds(
    Report, st.integers(0, 2**32), st.lists(WORDS, min_size=1, max_size=8).map(tuple)
)
SIGNED = st.builds(
    SignedReport,
    REPORTS,
    st.lists(st.sampled_from(COMMITTEE.publishers), max_size=7).map(tuple),
    st.lists(st.tuples(HALVES, HALVES), max_size=7).map(tuple),
)


@given(SIGNED)
def test_a_report_arrives_as_it_was_sent(signed: SignedReport) -> None:
    assert wire.signed_from_json(json.loads(json.dumps(wire.signed_to_json(signed)))) == signed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["0x1", "0xzz"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["observed_at", "boards", "absent", "signatures", "0"]), inner
        )
    ),
)


@given(JSON)
def test_anything_else_is_nothing(told: object) -> None:
    for read in (wire.signed_from_json, wire.quotes_from_json, wire.signature_from_json):
        try:
            read(told)
        except (ValueError, TypeError, AttributeError):
            continue
