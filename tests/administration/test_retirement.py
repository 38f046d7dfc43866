"""A market ends after a notice, at a price that nobody names."""

import boa
import pytest

from clearway.reports import Report
from clearway.spec.administration import (
    ATTEMPT,
    DAY,
    LEAST_NOTICE,
    LEAST_RECALL,
    MOST_NOTICE,
    NO_CAPS,
    SIGNED_WINDOW,
)
from clearway.spec.quotes import Quote
from tests.administration.test_ramps import TIGHTER
from tests.administration.world import PARAMETERS, WAD, caps_of
from tests.feed.world import DEVIATION, TILE, aggregator, listing

WEEK = 7 * DAY
LAST = 2_500 * WAD  # the price of the last second


def tile_of(second):
    """Return the end of the tile that holds a second."""
    return -(-second // TILE) * TILE


def report_of(second, price=LAST, market=0, confidence=0):
    return Report.of(tile_of(second), {market: Quote(price, confidence)})


def rounds(world, market=0):
    """List an aggregator for a market; return it."""
    found = aggregator()
    world.feed.list_market(market, listing(found.address), sender=world.owner)
    return found


def events(world):
    return [type(event).__name__ for event in world.configuration.get_logs()]


@pytest.fixture
def at(world):
    """Announce that market 0 ends; return when."""
    world.open()
    return world.announce()


class TestAnnouncing:
    @pytest.mark.parametrize("notice", [LEAST_NOTICE, MOST_NOTICE])
    def test_takes_seven_to_ninety_days(self, world, notice):
        world.open()
        second = world.announce(notice=notice)
        assert events(world) == ["RetirementAnnounced", "ParametersSet"]
        assert world.configuration.retirement_of(0) == (second, 0)

    def test_at_shorter_notice_is_refused(self, world):
        world.open()
        for notice in (LEAST_NOTICE - 1, 0, -1, -world.now):
            with world.refused("notice too short"):
                world.announce(notice=notice)

    def test_at_longer_notice_is_refused(self, world):
        world.open()
        for notice in (MOST_NOTICE + 1, 2**256 - 1 - world.now):
            with world.refused("notice too long"):
                world.announce(notice=notice)

    def test_of_a_market_that_is_none_is_refused(self, world):
        with world.refused("unknown market"):
            world.announce(3)

    def test_twice_is_refused(self, world, at):
        with world.refused("retirement announced already"):
            world.announce()

    def test_stops_increases_at_once_and_nothing_else(self, world, at):
        assert world.had() == PARAMETERS | {"max_open_interest": 0, "max_skew": 0}

    def test_lets_no_cap_be_raised_again(self, world, at):
        for caps in [(SIZE, 0), (SIZE, SIZE), (0, SIZE)]:
            with world.refused("market retires"):
                world.set(max_open_interest=caps[0], max_skew=caps[1])
        world.wait(2 * WEEK)
        with world.refused("market retires"):
            world.set(max_open_interest=SIZE, max_skew=0)

    def test_lets_all_else_be_set(self, world, at):
        world.set(max_open_interest=0, max_skew=0, taker_fee=10**15, initial_ratio=6 * 10**16)
        assert world.had()["taker_fee"] == 10**15
        world.wait(3 * DAY)
        world.configuration.advance_ramp(0)
        assert world.had()["initial_ratio"] == 6 * 10**16

    def test_leaves_a_ramp_on_its_way(self, world):
        world.open()
        world.set(**TIGHTER)
        world.announce()
        world.wait(3 * DAY)
        world.configuration.advance_ramp(0)
        assert world.had() == PARAMETERS | TIGHTER | vars(NO_CAPS)

    def test_touches_no_other_market(self, world, at):
        world.open(1)
        assert world.configuration.retirement_of(1) == (0, 0)
        assert world.had(1) == PARAMETERS


SIZE = 10**12


class TestTakingBack:
    def take_back(self, world):
        world.configuration.take_back_retirement(0, sender=world.owner)

    def test_leaves_caps_at_zero_until_they_are_set(self, world, at):
        world.wait(DAY)
        self.take_back(world)
        assert events(world) == ["RetirementTakenBack"]
        assert caps_of(world.had()) == NO_CAPS
        world.set()
        assert world.had() == PARAMETERS
        world.announce()

    def test_is_possible_to_a_second_more_than_a_day_before_the_end(self, world, at):
        world.wait(WEEK - LEAST_RECALL - 1)
        self.take_back(world)
        world.wait(WEEK)
        with world.refused("no retirement announced"):
            world.configuration.finish_retirement(0)

    def test_is_refused_while_a_report_of_the_end_could_be_known(self, world, at):
        """The feed takes a report from a day ahead: whoever sees its price can't take it back."""
        assert tile_of(at) == at
        world.wait(WEEK - LEAST_RECALL - 1)
        with world.feeds.refused("report too far ahead"):
            world.feeds.submit(report_of(at))
        world.wait(1)
        world.feeds.submit(report_of(at))
        with world.refused("too late to take back"):
            self.take_back(world)

    @pytest.mark.parametrize("later", [0, 1, WEEK, 100 * WEEK])
    def test_is_refused_after_the_end(self, world, at, later):
        world.wait(WEEK + later)
        with world.refused("too late to take back"):
            self.take_back(world)

    def test_of_what_was_not_announced_is_refused(self, world):
        world.open()
        with world.refused("no retirement announced"):
            self.take_back(world)


class TestAReport:
    def finish(self, world):
        with boa.env.prank(world.stranger):
            world.configuration.finish_retirement(0)

    def test_of_the_last_second_ends_it_for_anyone(self, world, at):
        world.wait(WEEK)
        world.feeds.submit(report_of(at))
        self.finish(world)
        (event,) = world.configuration.get_logs()
        assert (event.market, event.second, event.price) == (0, at, LAST)
        assert world.market.price_of(0) == LAST
        assert world.configuration.retirement_of(0) == (at, LAST)

    def test_ends_it_for_who_brings_it(self, world, at):
        world.wait(WEEK + SIGNED_WINDOW)
        signed = world.feeds.signed(report_of(at))
        with boa.env.prank(world.stranger):
            world.configuration.submit_and_finish_retirement(*signed.as_arguments(), 0)
        assert world.market.price_of(0) == LAST

    def test_of_another_second_does_not(self, world, at):
        world.wait(WEEK)
        for second in (at - TILE, at + TILE):
            signed = world.feeds.signed(report_of(second))
            with world.refused("no report of that second"):
                world.configuration.submit_and_finish_retirement(*signed.as_arguments(), 0)

    def test_brought_from_ahead_waits_for_the_second(self, world, at):
        world.wait(WEEK - 1)
        world.feeds.submit(report_of(at))
        with world.refused("market not at its end"):
            self.finish(world)
        world.wait(1)
        self.finish(world)
        assert world.market.price_of(0) == LAST

    def test_counts_for_ten_minutes_and_not_longer(self, world, at):
        world.wait(WEEK + SIGNED_WINDOW)
        world.feeds.submit(report_of(at))
        world.wait(1)
        with world.refused("too old for a report"):
            self.finish(world)
        world.wait(-1)
        self.finish(world)

    def test_without_this_markets_price_does_not(self, world, at):
        world.wait(WEEK)
        world.feeds.submit(report_of(at, market=1))
        with world.refused("no price"):
            self.finish(world)

    def test_that_its_publishers_do_not_trust_does_not(self, world, at):
        world.wait(WEEK)
        world.feeds.submit(report_of(at, confidence=WAD // 10))
        with world.refused("price too wide"):
            self.finish(world)

    def test_ends_nothing_that_was_not_announced(self, world):
        world.open()
        world.feeds.submit(report_of(world.now))
        with world.refused("no retirement announced"):
            self.finish(world)

    def test_may_be_older_than_another_that_is_stored(self, world, at):
        world.wait(WEEK + 60)
        world.feeds.submit(report_of(world.now, 9 * LAST))
        signed = world.feeds.signed(report_of(at))
        world.configuration.submit_and_finish_retirement(*signed.as_arguments(), 0)
        assert world.market.price_of(0) == LAST


class TestARound:
    def finish(self, world, number=2):
        with boa.env.prank(world.stranger):
            world.configuration.finish_retirement_by_round(0, number, number - 1)

    def refusal(self, world, number=2):
        return world.refusal("finish_retirement_by_round", 0, number, number - 1)

    def test_ends_it_for_anyone_as_it_is_after_ten_minutes(self, world, at):
        """No deviation is put on it: it would favour one side."""
        assert DEVIATION > 0
        stand_in = rounds(world)
        stand_in.set_round(1, 2_400 * 10**8, at)
        stand_in.set_round(2, 2_450 * 10**8, at + 1)
        world.wait(WEEK + SIGNED_WINDOW)
        assert self.refusal(world) == "report still counts"
        world.wait(1)
        self.finish(world)
        (event,) = world.configuration.get_logs()
        assert (event.market, event.second, event.price) == (0, at, 2_450 * WAD)
        assert world.market.price_of(0) == 2_450 * WAD

    def test_is_the_first_after_the_last_second(self, world, at):
        stand_in = rounds(world)
        for number, updated_at in enumerate([at - 60, at, at + 1, at + 2], start=1):
            stand_in.set_round(number, (2_400 + number) * 10**8, updated_at)
        world.wait(WEEK + DAY)
        assert self.refusal(world, 2) == "round not later"
        assert self.refusal(world, 4) == "an earlier round is later"
        self.finish(world, 3)
        assert world.market.price_of(0) == 2_403 * WAD

    def test_that_is_not_believed_ends_nothing(self, world, at):
        stand_in = rounds(world)
        stand_in.set_round(1, 2_400 * 10**8, at)
        stand_in.set_round(2, 10**14, at + 1)
        world.wait(WEEK + DAY)
        assert self.refusal(world) == "aggregator out of bounds"

    def test_of_no_aggregator_ends_nothing(self, world, at):
        world.wait(WEEK + DAY)
        assert self.refusal(world) == "no aggregator"

    def test_ends_nothing_that_was_not_announced(self, world):
        world.open()
        rounds(world)
        assert self.refusal(world) == "no retirement announced"

    def test_ends_nothing_before_its_time(self, world, at):
        assert self.refusal(world) == "market not at its end"


class TestAWeekLater:
    """What nothing ended in a week tries again with the second a week later."""

    @pytest.mark.parametrize("weeks", [1, 2, 50])
    def test_the_report_of_that_second_counts(self, world, at, weeks):
        world.wait(WEEK + weeks * ATTEMPT)
        second = at + weeks * ATTEMPT
        assert world.configuration.last_second_of(0) == second
        signed = world.feeds.signed(report_of(second))
        world.configuration.submit_and_finish_retirement(*signed.as_arguments(), 0)
        (event,) = [e for e in world.configuration.get_logs() if hasattr(e, "second")]
        assert event.second == second
        assert world.configuration.retirement_of(0) == (at, LAST)

    def test_the_first_round_after_that_second_counts_and_no_other(self, world, at):
        stand_in = rounds(world)
        stand_in.set_round(1, 2_400 * 10**8, at)
        stand_in.set_round(2, 2_450 * 10**8, at + 1)
        stand_in.set_round(3, 2_500 * 10**8, at + ATTEMPT + 1)
        world.wait(WEEK + ATTEMPT + SIGNED_WINDOW + 1)
        assert world.refusal("finish_retirement_by_round", 0, 2, 1) == "round not later"
        world.configuration.finish_retirement_by_round(0, 3, 2)
        assert world.market.price_of(0) == 2_500 * WAD

    def test_to_its_last_second_the_week_before_counts(self, world, at):
        stand_in = rounds(world)
        stand_in.set_round(1, 2_400 * 10**8, at)
        stand_in.set_round(2, 2_450 * 10**8, at + 1)
        world.wait(WEEK + ATTEMPT - 1)
        assert world.configuration.last_second_of(0) == at
        world.configuration.finish_retirement_by_round(0, 2, 1)


class TestAnEndedMarket:
    @pytest.fixture
    def ended(self, world):
        """End market 0 in the middle of a ramp."""
        world.open()
        second = world.announce()
        world.wait(WEEK - DAY)
        world.set(max_open_interest=0, max_skew=0, **TIGHTER)
        world.wait(DAY)
        rounds(world)
        world.feeds.submit(report_of(second))
        world.configuration.finish_retirement(0)
        assert "RampEnded" in events(world)
        return world

    def test_is_set_no_more(self, ended):
        with ended.refused("market retired"):
            ended.set(max_open_interest=0, max_skew=0)

    def test_takes_nothing_from_the_guardian(self, ended):
        with ended.refused("cap not lowered"):
            ended.configuration.lower_caps(0, 0, 0, sender=ended.guardian)
        told = ended.market.told()
        ended.configuration.pause_increases([0], sender=ended.guardian)
        assert ended.market.told() == told

    def test_ramps_no_further(self, ended):
        ended.wait(DAY)
        with ended.refused("no ramp"):
            ended.configuration.advance_ramp(0)
        assert ended.due() == ended.had()

    def test_ends_no_second_time(self, ended):
        for _ in range(2):
            with ended.refused("market retired"):
                ended.configuration.finish_retirement(0)
            assert ended.refusal("finish_retirement_by_round", 0, 2, 1) == "market retired"
            ended.wait(ATTEMPT)

    def test_is_not_announced_again_nor_taken_back(self, ended):
        with ended.refused("retirement announced already"):
            ended.announce()
        with ended.refused("too late to take back"):
            ended.configuration.take_back_retirement(0, sender=ended.owner)

    def test_leaves_others_as_they_are(self, ended):
        ended.open(1)
        ended.set(1, taker_fee=10**15)
        assert ended.had(1)["taker_fee"] == 10**15
