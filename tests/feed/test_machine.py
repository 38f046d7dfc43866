"""The feed does what its model says, in whatever order things are done to it.

F1 a tile's stored prices never change; F2 a board's newest time never goes back; F3 nothing is
stored that a quorum of publishers didn't sign; F15 nothing is halted but by two prices that can be
used. Publishers are numbered from 1 in ascending order; 0 is a stranger.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clearway.reports import Domain, Report
from clearway.spec import price_feed, price_words
from clearway.spec.quotes import Quote
from clearway.spec.refused import Refused
from tests.feed.world import (
    GRACE,
    KEYS,
    NO_LISTING,
    NOW,
    STRANGER,
    TILE,
    WAD,
    World,
    aggregator,
    listing,
)
from tests.storage import slot_of

BOARDS = (0, 1, 3)
MARKETS = (0, 1, 4, 13)  # that are compared
IMPOSSIBLE = 1 << 16 | 25 << 8  # a lane that no honest publisher writes
FORGERIES = ("too few", "unsorted", "twice", "stranger among them", "of another report")


@cache
def report_of(tile: int, boards: tuple[int, ...], variant: int) -> Report:
    """Return a report; of one tile each variant says something else."""
    quotes = {}
    for board in boards:
        dollars = 100 + tile % 7 + 50 * variant
        quotes[4 * board] = Quote(dollars * WAD, WAD // 1_000)
        quotes[4 * board + 1] = Quote(dollars * WAD // 3, (tile % 4) * WAD // 100)
    report = Report.of(tile * TILE, quotes)
    spoilt = tuple(word | IMPOSSIBLE << 32 for word in report.boards)
    return Report(report.observed_at, spoilt)


def key_of(number: int):
    return KEYS[number - 1] if number else STRANGER


@cache
def signature(report: Report, domain: Domain, number: int) -> tuple[bytes, bytes]:
    return report.sign(domain, key_of(number))


def outcome(act: Callable[[], Any]) -> Any:
    """Return what was done, or why it was refused."""
    try:
        return "done", act()
    except Refused as refusal:
        return "refused", refusal.reason
    except boa.BoaError as error:
        return "refused", error.stack_trace.last_frame.pretty_vm_reason


NUMBERS = st.integers(0, len(KEYS))
VARIANTS = st.sampled_from([0, 0, 0, 1])
SOME_BOARDS = st.sets(st.sampled_from(BOARDS), min_size=1).map(sorted).map(tuple)
# In cents: those that are reported, and what is near par or somewhat off the rest.
CENTS = st.sampled_from([98, 99, 100, 101, 102, 10_000, 10_100, 10_250, 10_600, 3_500])
# Of tiles: mostly the present and the near past, and all the edges of what is taken.
STEPS = st.integers(-4, 3) | st.sampled_from([-121, -120, -119, -60, -1, 0, 2, 3, 100, 17_280])


class Feeds(RuleBasedStateMachine):
    @initialize(quorum=st.integers(3, 5))
    def deploy(self, quorum):
        self.world = World(publishers=5, quorum=quorum)
        self.feed, self.domain = self.world.feed, self.world.domain
        self.model = price_feed.PriceFeed(TILE, [1, 2, 3, 4, 5], quorum, GRACE)
        self.now = NOW
        self.signed = defaultdict(set)  # words that a quorum signed, by board and time
        self.served: dict[tuple[int, int], int] = {}  # words once served, by board and time
        self.before = self.words()
        self.references: dict[int, Any] = {}  # aggregators, by market

    def words(self) -> dict[int, tuple[int, int]]:
        """Return the contract's two words of each board."""
        return {board: (self.world.newest(board), self.world.recalled(board)) for board in BOARDS}

    def both(self, by_model: Callable[[], Any], by_contract: Callable[[], Any]) -> bool:
        """Require the same outcome of both; tell whether it was done."""
        expected, actual = outcome(by_model), outcome(by_contract)
        assert actual == expected
        return expected[0] == "done"

    # Reports

    def submit(self, report: Report, signers: list[int], signed: Report | None = None) -> None:
        signed = signed or report
        model_report = price_feed.Report(report.observed_at, report.boards)
        claims = [
            price_feed.Signature(number, price_feed.Report(signed.observed_at, signed.boards))
            for number in signers
        ]
        signatures = [signature(signed, self.domain, number) for number in signers]
        absent = [
            key_of(number).address for number in self.model.publishers if number not in signers
        ]
        known = set(signers) & set(self.model.publishers)
        if signed == report and len(known) >= self.model.quorum:
            for word in report.boards:
                at = price_words.time_of(word), report.observed_at
                self.signed[at].add(price_words.with_time(word, report.observed_at))
        self.both(
            lambda: self.model.submit(self.now, model_report, claims),
            lambda: self.feed.submit(report.observed_at, list(report.boards), absent, signatures),
        )

    def tile(self, step: int) -> int:
        return self.now // TILE + step

    @rule(step=STEPS, boards=SOME_BOARDS, variant=VARIANTS, data=st.data())
    def a_quorum_signs(self, step, boards, variant, data):
        count = data.draw(st.integers(self.model.quorum, 7))
        signers = data.draw(st.permutations(self.model.publishers))[:count]
        self.submit(report_of(self.tile(step), boards, variant), sorted(signers))

    @rule(step=st.integers(-2, 2), boards=SOME_BOARDS)
    def it_signs_twice(self, step, boards):
        """A quorum that lies: the contract must hold, whatever it is told of one tile."""
        for variant in (0, 1):
            report = report_of(self.tile(step), boards, variant)
            self.submit(report, self.model.publishers[: self.model.quorum])

    @rule(step=STEPS, boards=SOME_BOARDS, variant=VARIANTS, how=st.sampled_from(FORGERIES))
    def somebody_forges(self, step, boards, variant, how):
        report = report_of(self.tile(step), boards, variant)
        signers = self.model.publishers[: self.model.quorum]
        forged = {
            "too few": (signers[:-1], None),
            "unsorted": (signers[::-1], None),
            "twice": ([*signers[:1], *signers][:7], None),  # more fit no call
            "stranger among them": ([0, *signers[1:]], None),
            "of another report": (signers, report_of(self.tile(step), boards, 1 - variant)),
        }[how]
        self.submit(report, *forged)

    @rule(step=st.integers(-2, 2), off=st.integers(1, TILE - 1), boards=SOME_BOARDS)
    def it_ends_within_a_tile(self, step, off, boards):
        whole = report_of(self.tile(step), boards, 0)
        self.submit(Report(whole.observed_at + off, whole.boards), self.model.publishers)

    @rule(step=st.integers(-2, 2), boards=st.sampled_from([(), (1, 0), (0, 0), (0, 3, 1)]))
    def its_boards_are_out_of_order_or_none(self, step, boards):
        words = [report_of(self.tile(step), (board,), 0).boards[0] for board in boards]
        self.submit(Report(self.tile(step) * TILE, tuple(words)), self.model.publishers)

    # Publishers

    @rule(number=NUMBERS)
    def drop(self, number):
        address = key_of(number).address
        self.both(
            lambda: self.model.drop(number),
            lambda: self.feed.drop_publisher(address, sender=self.world.guardian),
        )

    @rule(numbers=st.lists(st.integers(1, 7), max_size=7), quorum=st.integers(0, 8))
    def set_publishers(self, numbers, quorum):
        self.name(numbers, quorum)

    @precondition(lambda self: len(self.model.publishers) < 3)
    @rule(quorum=st.integers(4, 7))
    def name_all(self, quorum):
        self.name(list(range(1, 8)), quorum)

    def name(self, numbers, quorum):
        addresses = [key_of(number).address for number in numbers]
        self.both(
            lambda: self.model.set_publishers(numbers, quorum),
            lambda: self.feed.set_publishers(addresses, quorum, sender=self.world.owner),
        )

    @rule(
        step=st.integers(-10, 10),
        later=st.sampled_from([0, 0, 0, 1]),
        variants=st.tuples(VARIANTS, VARIANTS),
        one=NUMBERS,
        other=st.none() | NUMBERS,
    )
    def convict(self, step, later, variants, one, other):
        accused = one if other is None else other
        reports = [
            report_of(self.tile(step), (0,), variants[0]),
            report_of(self.tile(step) + later, (0,), variants[1]),
        ]
        signers = [one, accused]
        claims = [
            price_feed.Signature(number, price_feed.Report(report.observed_at, report.boards))
            for number, report in zip(signers, reports, strict=True)
        ]
        proof: list[Any] = []
        for number, report in zip(signers, reports, strict=True):
            proof += [(report.observed_at, list(report.boards))]
            proof += [signature(report, self.domain, number)]
        self.both(lambda: self.model.convict(*claims), lambda: self.feed.convict(*proof))

    # Comparing

    @rule(market=st.sampled_from(MARKETS), cents=CENTS)
    def an_aggregator_says(self, market, cents):
        if market not in self.references:
            self.list_market(market)
        self.references[market].set_round(1, cents * 10**6, boa.env.timestamp)

    @rule(market=st.sampled_from(MARKETS))
    def list_market(self, market):
        self.references[market] = aggregator(8)
        self.feed.list_market(market, listing(self.references[market]), sender=self.world.owner)
        self.model.list_market(market)

    @rule(market=st.sampled_from(MARKETS))
    def delist(self, market):
        self.references.pop(market, None)
        self.feed.list_market(market, NO_LISTING, sender=self.world.owner)
        self.model.list_market(market)

    @rule(market=st.sampled_from([*MARKETS, 32, 33]))
    def set_par_market(self, market):
        self.both(
            lambda: self.model.set_par_market(market),
            lambda: self.feed.set_par_market(market, sender=self.world.owner),
        )

    @rule(market=st.sampled_from([*MARKETS, 32]))
    def compare(self, market):
        reason, price, _, deviation = self.feed.reference(market)
        reference = price_feed.Reference(reason, price, deviation)
        before = self.word_of_halts()
        self.both(
            lambda: self.model.compare(self.now, market, reference),
            lambda: self.feed.compare(market),
        )
        self.f15_two_prices_that_can_be_used_were_compared(market, reference, before)

    def f15_two_prices_that_can_be_used_were_compared(self, market, reference, before):
        if self.word_of_halts() != before:
            is_par = market == self.model.par_market
            fresh = outcome(lambda: self.feed.price(market))[0] == "done"
            assert (fresh or reference.reason == "") if is_par else (fresh and not reference.reason)

    def word_of_halts(self) -> int:
        return boa.env.get_storage(self.feed.address, slot_of(self.feed, "halts", "_halts"))

    # Time

    @rule(seconds=st.integers(0, 12) | st.sampled_from([GRACE, 600, 601]))
    def time_passes(self, seconds):
        self.now += seconds
        boa.env.timestamp = self.now

    # Reading

    @rule(market=st.integers(0, 15))
    def read_newest(self, market):
        self.both(
            lambda: self.model.price(self.now, market),
            lambda: price_feed.Price(*self.feed.price(market)),
        )

    @rule(market=st.integers(0, 15), back=st.integers(-20, 40) | st.integers(590, 610))
    def read_at(self, market, back):
        self.read_second(market, self.now - back)

    @rule(market=st.integers(0, 15), data=st.data())
    def read_where_something_is(self, market, data):
        words = [w for pair in self.before.values() for w in pair]
        time = price_words.time_of(data.draw(st.sampled_from(words)))
        self.read_second(market, max(0, time - data.draw(st.integers(0, TILE))))

    def read_second(self, market, second):
        self.both(
            lambda: self.model.price_at(market, second),
            lambda: price_feed.Price(*self.feed.price_at(market, second)),
        )

    # What must be so

    @invariant()
    def state_and_outages_are_the_models(self):
        if not hasattr(self, "model"):
            return
        words = self.words()
        assert words == {board: self.model.stored(board) for board in BOARDS}
        addresses = [key_of(number).address for number in self.model.publishers]
        assert (self.feed.publishers(), self.feed.quorum()) == (addresses, self.model.quorum)
        for board in (*BOARDS, 2):
            assert self.feed.outage(board) == self.model.outage(self.now, board)
        for market in (*MARKETS, 31, 32):
            assert self.feed.halted(market) == self.model.halted(self.now, market)
        assert self.word_of_halts() == (
            self.model.lead_until
            | sum(1 << 32 + market for market in self.model.off_reference)
            | self.model.is_off_par << 64
        )
        self.f1_a_tiles_stored_prices_never_change(words)
        self.f2_newest_never_goes_back(words)
        self.f3_a_quorum_signed_all_of_it(words)
        self.before = words

    def f1_a_tiles_stored_prices_never_change(self, words):
        for board, pair in words.items():
            stored = {price_words.time_of(word): word for word in self.before[board] if word}
            for word in filter(None, pair):
                at = price_words.time_of(word)
                assert stored.get(at, word) == word
                # and, stored again, it is the same, unless a quorum signed two reports of it
                if self.served.setdefault((board, at), word) != word:
                    assert len(self.signed[board, at]) > 1

    def f2_newest_never_goes_back(self, words):
        for board, (newest, recalled) in words.items():
            assert price_words.time_of(newest) >= price_words.time_of(self.before[board][0])
            assert recalled == 0 or price_words.time_of(recalled) < price_words.time_of(newest)

    def f3_a_quorum_signed_all_of_it(self, words):
        for board, pair in words.items():
            for word in filter(None, pair):
                assert word in self.signed[board, price_words.time_of(word)]


def test_contract_and_model_agree_and_the_invariants_hold():
    run_state_machine_as_test(
        Feeds, settings=settings(max_examples=30, stateful_step_count=40, deadline=None)
    )
