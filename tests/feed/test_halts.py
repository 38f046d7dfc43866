"""What halts the taking of risk, beside outages: a price off its reference, collateral off par."""

import boa
import pytest

from clearway.reports import Report
from clearway.spec.quotes import Quote
from tests.feed.world import (
    ANSWERS_MEGABYTE,
    BURNS_GAS,
    DAY,
    GRACE,
    HEARTBEAT,
    MAX_AGE,
    NO_LISTING,
    NOW,
    REVERTS,
    TILE,
    WAD,
    WELL,
    World,
    aggregator,
    listing,
    prices,
)

UNIT = 10**8  # a dollar in an aggregator's own scale
LOW, HIGH = WAD // 100, 100 * WAD  # bounds of a token worth a dollar
BASIS_POINT = 10**14
HALTED, OFF_PAR, GOES_ON = "price off its reference", "collateral off par", ""
NONE = 32  # in the place of a market that stands for the collateral
STALE, MISSING, WIDE = "price stale", "no price", "price too wide"


@pytest.fixture
def chainlink():
    """Return an aggregator that says 100 dollars."""
    made = aggregator(8)
    made.set_round(9, 100 * UNIT, NOW)
    return made


@pytest.fixture
def world(world, chainlink) -> World:
    """Market 0 beside that aggregator, with a fresh price that agrees."""
    world.feed.list_market(0, listing(chainlink), sender=world.owner)
    world.submit(prices(NOW, {0: 100, 1: 100}))
    return world


def say(world, dollars, confidence=0, market=0) -> None:
    """Report a price for the next tile, and let that come."""
    boa.env.timestamp += TILE
    quote = Quote(int(dollars * WAD), confidence)
    world.submit(Report.of(boa.env.timestamp, {market: quote}))


def told(world) -> list[tuple]:
    """Return the comparisons told by the last call."""
    return [
        (event.market, event.is_off, event.price, event.reference)
        for event in world.feed.get_logs()
        if type(event).__name__ == "MarketCompared"
    ]


class TestAMarket:
    def test_is_not_halted_before_anything_was_compared(self, world):
        say(world, 50)
        assert world.feed.halted(0) == GOES_ON

    def test_is_halted_and_goes_on_as_its_prices_part_and_meet(self, world):
        for dollars, expected in ((100, GOES_ON), (102, HALTED), (100, GOES_ON), (97, HALTED)):
            say(world, dollars)
            world.feed.compare(0)
            assert world.feed.halted(0) == expected

    def test_is_halted_by_anyone(self, world):
        say(world, 200)
        world.feed.compare(0, sender=boa.env.generate_address("passer-by"))
        assert world.feed.halted(0) == HALTED

    def test_stays_halted_until_it_is_compared_again(self, world):
        say(world, 200)
        world.feed.compare(0)
        say(world, 100)
        boa.env.timestamp += DAY
        assert world.feed.halted(0) == HALTED

    def test_alone_is_halted(self, world):
        say(world, 200)
        world.feed.compare(0)
        assert world.feed.halted(0) == HALTED
        assert {world.feed.halted(market) for market in (1, 2, 3, 31, 32, 33)} == {GOES_ON}

    @pytest.mark.parametrize("market", [1, 5, 30, 31])
    def test_has_a_place_of_its_own(self, world, chainlink, market):
        world.feed.list_market(market, listing(chainlink), sender=world.owner)
        for one in (0, market):
            say(world, 200, market=one)
            world.feed.compare(one)
        halted = {one for one in range(40) if world.feed.halted(one) == HALTED}
        assert halted == {0, market}
        say(world, 100)
        world.feed.compare(0)
        assert {one for one in range(40) if world.feed.halted(one) == HALTED} == {market}

    def test_from_32_up_has_no_place_and_is_not_compared(self, world, chainlink):
        world.feed.list_market(32, listing(chainlink), sender=world.owner)
        say(world, 200, market=32)
        for market in (32, 33, 2**256 - 1):
            with world.refused("unknown market"):
                world.feed.compare(market)

    def test_is_told_when_that_is_news(self, world, chainlink):
        world.feed.compare(0)
        assert told(world) == []
        say(world, 102)
        world.feed.compare(0)
        assert told(world) == [(0, True, 102 * WAD, 100 * WAD)]
        world.feed.compare(0)
        assert told(world) == []
        chainlink.set_round(10, 103 * UNIT, boa.env.timestamp)
        world.feed.compare(0)
        assert told(world) == [(0, False, 102 * WAD, 103 * WAD)]

    @pytest.mark.parametrize("is_listed", [True, False])
    def test_goes_on_when_it_is_listed_anew_or_no_more(self, world, chainlink, is_listed):
        """Else none could end it, were the aggregator that told it gone for good."""
        say(world, 200)
        world.feed.compare(0)
        chainlink.set_health(REVERTS)
        new = listing(aggregator(8)) if is_listed else NO_LISTING
        world.feed.list_market(0, new, sender=world.owner)
        assert world.feed.halted(0) == GOES_ON

    def test_stays_halted_when_another_is_listed(self, world, chainlink):
        say(world, 200)
        world.feed.compare(0)
        for market in (1, 31, 32, 2**256 - 1):
            world.feed.list_market(market, listing(chainlink), sender=world.owner)
        assert world.feed.halted(0) == HALTED

    def test_in_an_outage_tells_that_first(self, world):
        say(world, 200)
        world.feed.compare(0)
        ahead = NOW + TILE + MAX_AGE + TILE
        world.submit(prices(ahead, {0: 200}))
        assert world.feed.halted(0) == world.feed.outage(0) == "chain's clock lags"
        boa.env.timestamp = ahead
        assert world.feed.halted(0) == world.feed.outage(0) == "in grace after an outage"
        assert world.feed.halted(5) == "in grace after an outage"
        boa.env.timestamp = ahead + GRACE
        assert (world.feed.halted(0), world.feed.outage(0)) == (HALTED, "")

    def test_is_served_as_before_while_it_is_halted(self, world):
        """Whatever needs a price and adds no risk goes on: nothing but `halted` has changed."""
        say(world, 200)
        before = [
            world.feed.price(0),
            world.feed.price_at(0, NOW + TILE),
            world.feed.board(0),
            world.feed.board_at(0, NOW + TILE),
            world.feed.newest_board(0),
            world.feed.reference(0),
            world.feed.outage(0),
        ]
        world.feed.compare(0)
        assert world.feed.halted(0) == HALTED
        assert before == [
            world.feed.price(0),
            world.feed.price_at(0, NOW + TILE),
            world.feed.board(0),
            world.feed.board_at(0, NOW + TILE),
            world.feed.newest_board(0),
            world.feed.reference(0),
            world.feed.outage(0),
        ]
        say(world, 201)
        assert world.feed.price(0).price == 201 * WAD


class TestTheBand:
    @pytest.mark.parametrize(
        ("deviation", "confidence", "band"),
        [  # in basis points
            (1, 0, 100),
            (50, 0, 100),
            (51, 0, 102),
            (500, 0, 1_000),
            (50, 30, 130),
            (100, 254, 454),
            (1, 254, 354),
        ],
    )
    @pytest.mark.parametrize("side", [-1, 1])
    def test_is_twice_the_deviation_or_one_percent_and_the_confidence(
        self, world, chainlink, deviation, confidence, band, side
    ):
        lag = listing(chainlink, deviation=deviation * BASIS_POINT)
        world.feed.list_market(0, lag, sender=world.owner)
        edge = 100 + side * band / 100
        for beyond, expected in ((0, GOES_ON), (side * 10**-6, HALTED)):
            say(world, round(edge + beyond, 6), confidence * BASIS_POINT)
            world.feed.compare(0)
            assert world.feed.halted(0) == expected

    def test_is_not_left_by_a_world_one_deviation_ahead_of_a_round_on_its_way(self, world):
        """Nobody can halt a market by choosing a moment of an aggregator's ordinary lag."""
        for dollars in (100.5, 101, 99, 99.5):
            say(world, dollars)
            world.feed.compare(0)
            assert world.feed.halted(0) == GOES_ON

    @pytest.mark.parametrize(
        ("reference", "price", "expected"),
        [
            (10**30 - 1, 10**30, GOES_ON),
            (10**30 - 1, 10**6, HALTED),
            (10**6, 10**6, GOES_ON),
            (2, 10**30, HALTED),
        ],
    )
    def test_holds_for_the_greatest_and_least_of_prices(self, world, reference, price, expected):
        extreme = aggregator(18)
        extreme.set_round(1, reference, NOW)
        bounds = listing(extreme, lowest=reference - 1, highest=reference + 1)
        world.feed.list_market(0, bounds, sender=world.owner)
        boa.env.timestamp += TILE
        world.submit(Report.of(boa.env.timestamp, {0: Quote(price, 254 * BASIS_POINT)}))
        world.feed.compare(0)
        assert world.feed.halted(0) == expected


class TestWhatCannotBeCompared:
    """It is refused, and changes nothing: neither halts a market nor lets one go on."""

    @pytest.fixture(params=[False, True])
    def world(self, request, world) -> World:
        """A market, halted or not, whose prices now say the contrary."""
        if request.param:
            say(world, 200)
            world.feed.compare(0)
            say(world, 100)
        else:
            say(world, 200)
        return world

    def refused(self, world, reason):
        with world.refused(reason):
            world.feed.compare(0)

    @pytest.mark.parametrize("health", [REVERTS, BURNS_GAS, ANSWERS_MEGABYTE])
    def test_is_what_a_sick_aggregator_says(self, world, chainlink, health):
        chainlink.set_health(health)
        self.refused(world, "aggregator reverts")

    def test_is_what_an_aggregator_says_that_is_not_believed(self, world, chainlink):
        now = boa.env.timestamp
        for answer, updated_at, reason in (
            (0, now, "aggregator not positive"),
            (-1, now, "aggregator not positive"),
            (1, now, "aggregator out of bounds"),
            (2**255 - 1, now, "aggregator out of bounds"),
            (150 * UNIT, 0, "aggregator round incomplete"),
            (150 * UNIT, now + 1, "aggregator from the future"),
            (150 * UNIT, now - HEARTBEAT - 1, "aggregator stale"),
        ):
            chainlink.set_round(10, answer, updated_at)
            self.refused(world, reason)
        chainlink.answer_raw(b"\1" * 31)
        self.refused(world, "aggregator answers rubbish")

    def test_is_a_market_without_aggregator(self, world):
        say(world, 100, market=4)
        with world.refused("no aggregator"):
            world.feed.compare(4)

    def test_is_a_price_that_is_not_fresh(self, world):
        boa.env.timestamp += MAX_AGE + 1
        self.refused(world, STALE)
        boa.env.timestamp -= 2 * (MAX_AGE + 1)
        self.refused(world, "chain's clock lags")

    def test_is_a_price_that_is_missing_or_wide_or_impossible(self, world):
        now = boa.env.timestamp + TILE
        for seconds, lane, reason in (
            (0, 0, MISSING),
            (TILE, 10**10 << 16 | 10 << 8 | 255, WIDE),
            (2 * TILE, 1 << 16 | 25 << 8, "price out of bounds"),
        ):
            boa.env.timestamp = now + seconds
            world.submit(Report(now + seconds, (lane << 32 + 3 * 56,)))
            self.refused(world, reason)

    def test_too_little_gas_is_told_as_such(self, world):
        data = world.feed.compare.prepare_calldata(0)
        outcomes = set()
        for gas in range(30_000, 300_001, 2_000):
            with boa.env.anchor():
                answer = boa.env.execute_code(world.feed.address, data=data, gas=gas)
                if not answer.is_success and gas > 60_000:
                    assert b"too little gas" in answer.output
                outcomes.add(answer.is_success)
        assert outcomes == {False, True}


class TestTheCollateral:
    @pytest.fixture
    def usdc(self):
        made = aggregator(8)
        made.set_round(9, UNIT, NOW)
        return made

    @pytest.fixture
    def world(self, world, usdc) -> World:
        """Market 7 stands for the collateral."""
        dollar = listing(usdc, heartbeat=DAY, lowest=LOW, highest=HIGH)
        world.feed.list_market(7, dollar, sender=world.owner)
        world.feed.set_par_market(7, sender=world.owner)
        return world

    def off_par(self, world) -> None:
        say(world, 0.9, market=7)
        world.feed.compare(7)
        assert world.feed.halted(0) == OFF_PAR

    def test_is_nobodys_to_name_but_the_owners(self, world):
        for caller in (world.guardian, boa.env.generate_address("stranger")):
            with world.refused("not the owner"):
                world.feed.set_par_market(0, sender=caller)

    def test_is_no_markets_in_the_beginning(self):
        world = World()
        assert world.feed.par_market() == NONE
        say(world, 0.9, market=7)
        with world.refused("no aggregator"):
            world.feed.compare(7)

    def test_is_named_and_told(self, world):
        for market in (3, 31, NONE):
            world.feed.set_par_market(market, sender=world.owner)
            assert [event.market for event in world.feed.get_logs()] == [market]
            assert world.feed.par_market() == market
        for market in (33, 2**256 - 1):
            with world.refused("unknown market"):
                world.feed.set_par_market(market, sender=world.owner)

    def test_halts_all_markets_while_it_is_off_par(self, world):
        for dollars, expected in ((1, GOES_ON), (0.9, OFF_PAR), (1, GOES_ON), (1.1, OFF_PAR)):
            say(world, dollars, market=7)
            world.feed.compare(7)
            assert {world.feed.halted(market) for market in (0, 7, 9, 31, 32, 999)} == {expected}
            assert world.feed.outage(0) == ""

    @pytest.mark.parametrize("side", [-1, 1])
    def test_is_off_par_by_more_than_one_percent_however_unsure(self, world, side):
        for dollars, expected in (
            (1 + side * 0.01, GOES_ON),
            (1 + side * (0.01 + 1e-9), OFF_PAR),
        ):
            say(world, dollars, confidence=254 * BASIS_POINT, market=7)
            world.feed.compare(7)
            assert world.feed.halted(0) == expected

    def test_is_told_beside_par(self, world):
        say(world, 0.9, market=7)
        world.feed.compare(7)
        assert told(world) == [(7, True, 9 * WAD // 10, WAD)]

    def test_is_judged_by_the_report_whatever_the_aggregator_says(self, world, usdc):
        for answer in (UNIT // 2, 2 * UNIT):
            usdc.set_round(10, answer, NOW)
            say(world, 1, market=7)
            world.feed.compare(7)
            assert world.feed.halted(0) == GOES_ON
        usdc.set_health(REVERTS)
        self.off_par(world)

    def test_is_judged_by_the_aggregator_where_no_report_is_fresh(self, world, usdc):
        say(world, 1, market=7)
        usdc.set_round(10, UNIT * 98 // 100, NOW)
        for passed, expected in ((MAX_AGE, GOES_ON), (MAX_AGE + 1, OFF_PAR)):
            boa.env.timestamp = NOW + TILE + passed
            world.feed.compare(7)
            assert world.feed.halted(0) == expected

    def test_is_judged_by_the_aggregator_while_the_clock_lags(self, world, usdc):
        usdc.set_round(10, UNIT * 98 // 100, NOW)
        world.submit(prices(NOW + MAX_AGE + TILE, {7: 1}))
        world.feed.compare(7)
        assert told(world) == [(7, True, 98 * WAD // 100, WAD)]

    def test_is_judged_by_the_aggregator_where_the_report_leaves_it_out(self, world, usdc):
        """Or has only a price that its publishers don't trust."""
        usdc.set_round(10, UNIT * 98 // 100, NOW)
        say(world, 5, market=6)
        world.feed.compare(7)
        assert world.feed.halted(0) == OFF_PAR
        usdc.set_round(11, UNIT, NOW)
        say(world, 5, confidence=255 * BASIS_POINT, market=7)
        world.feed.compare(7)
        assert world.feed.halted(0) == GOES_ON

    def test_is_not_judged_where_neither_can_be_used(self, world, usdc):
        self.off_par(world)
        boa.env.timestamp += MAX_AGE + 1
        usdc.set_health(BURNS_GAS)
        with world.refused("aggregator reverts"):
            world.feed.compare(7)
        usdc.set_health(WELL)
        world.feed.compare(7)
        assert world.feed.halted(0) == GOES_ON

    def test_counts_before_what_a_market_is_halted_for(self, world):
        say(world, 200)
        world.feed.compare(0)
        self.off_par(world)
        say(world, 1, market=7)
        world.feed.compare(7)
        assert (world.feed.halted(0), world.feed.halted(1)) == (HALTED, GOES_ON)

    def test_named_anew_is_at_par_until_compared(self, world):
        for market in (7, 8, NONE):
            with boa.env.anchor():
                self.off_par(world)
                world.feed.set_par_market(market, sender=world.owner)
                assert world.feed.halted(0) == GOES_ON

    def test_of_a_market_that_was_off_its_reference_no_longer_is(self, world):
        """From then on it is not compared with that, so nothing else would end it."""
        say(world, 200)
        world.feed.compare(0)
        world.feed.set_par_market(0, sender=world.owner)
        assert world.feed.halted(0) == GOES_ON

    def test_listed_anew_is_as_far_off_par_as_before(self, world):
        self.off_par(world)
        world.feed.list_market(7, NO_LISTING, sender=world.owner)
        world.feed.list_market(32, NO_LISTING, sender=world.owner)
        assert world.feed.halted(0) == OFF_PAR


class TestTheWordOfHalts:
    """A lead and what is off share a word."""

    def test_keeps_what_is_off_when_a_lead_is_seen(self, world):
        say(world, 200)
        world.feed.compare(0)
        ahead = NOW + 600
        world.submit(prices(ahead, {4: 1}))
        boa.env.timestamp = ahead + GRACE
        assert (world.feed.halted(0), world.feed.halted(4)) == (HALTED, GOES_ON)

    def test_keeps_the_lead_when_something_is_compared(self, world, chainlink):
        ahead = NOW + 600
        world.submit(prices(ahead, {4: 1}))
        for dollars in (200, 100):
            say(world, dollars)
            world.feed.compare(0)
            assert world.feed.outage(0) == "in grace after an outage"
        boa.env.timestamp = ahead + GRACE - 1
        assert world.feed.outage(0) == "in grace after an outage"
        boa.env.timestamp += 1
        assert world.feed.outage(0) == ""
