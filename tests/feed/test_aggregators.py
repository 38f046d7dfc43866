"""What is believed of an aggregator, and why not the rest."""

import boa
import pytest
from eth_abi import encode

from tests.feed.world import (
    ANSWERS_MEGABYTE,
    BURNS_GAS,
    DAY,
    DEVIATION,
    HEARTBEAT,
    HIGHEST,
    LOWEST,
    NO_LISTING,
    NOW,
    REVERTS,
    WAD,
    WELL,
    ZERO,
    World,
    aggregator,
    listing,
    prices,
)

UNIT = 10**8  # a dollar in an aggregator's own scale
WELL_ROUND = (9, 100 * UNIT, NOW, NOW, 9)
CALL_GAS = 150_000  # at most, for each question
QUESTIONS = {"reference": (0,), "round_after": (0, NOW - 1, 9, 8)}
RUBBISH, REVERTED = "aggregator answers rubbish", "aggregator reverts"
INCOMPLETE, FUTURE = "aggregator round incomplete", "aggregator from the future"
NOT_POSITIVE, OUT_OF_BOUNDS = "aggregator not positive", "aggregator out of bounds"


def phased(phase: int, number: int) -> int:
    return phase << 64 | number


@pytest.fixture
def chainlink():
    """Return an aggregator with one good round, just answered."""
    made = aggregator(8)
    made.set_round(9, 100 * UNIT, NOW)
    return made


@pytest.fixture
def world(world, chainlink) -> World:
    world.feed.list_market(0, listing(chainlink), sender=world.owner)
    return world


class TestListing:
    @pytest.mark.parametrize(
        ("choice", "reason"),
        [
            ({"heartbeat": 0}, "heartbeat out of range"),
            ({"heartbeat": DAY + 3_601}, "heartbeat out of range"),
            ({"deviation": 0}, "deviation out of range"),
            ({"deviation": 5 * 10**16 + 1}, "deviation out of range"),
            ({"deviation": 10**14 + 1}, "deviation not in basis points"),
            ({"lowest": 0}, "bounds out of range"),
            ({"highest": 10**30 + 1}, "bounds out of range"),
            ({"lowest": WAD, "highest": WAD}, "bounds out of order"),
            ({"lowest": 2 * WAD, "highest": WAD}, "bounds out of order"),
            ({"lowest": WAD, "highest": 10_000 * WAD + 1}, "bounds too far apart"),
            ({"address": ZERO}, "listing without aggregator"),
        ],
    )
    def test_is_refused(self, world, chainlink, choice, reason):
        with world.refused(reason):
            world.feed.list_market(
                1, listing(**{"address": chainlink, **choice}), sender=world.owner
            )

    @pytest.mark.parametrize("place", range(1, 5))
    def test_without_an_aggregator_has_nothing_else(self, world, place):
        rest = list(NO_LISTING)
        rest[place] = 1
        with world.refused("listing without aggregator"):
            world.feed.list_market(0, tuple(rest), sender=world.owner)

    @pytest.mark.parametrize("decimals", [19, 255])
    def test_of_more_than_eighteen_decimals_is_refused(self, world, decimals):
        with world.refused("too many decimals"):
            world.feed.list_market(1, listing(aggregator(decimals)), sender=world.owner)

    def test_of_what_has_no_decimals_is_refused(self, world):
        nothing = boa.env.generate_address("without code")
        with boa.reverts():
            world.feed.list_market(1, listing(nothing), sender=world.owner)
        assert world.feed.listing(1) == NO_LISTING

    @pytest.mark.parametrize(
        "choice",
        [
            {"heartbeat": 1, "deviation": 10**14, "lowest": 1, "highest": 2},
            {"heartbeat": DAY + 3_600, "deviation": 5 * 10**16},
            {"lowest": 10**26, "highest": 10**30},
        ],
    )
    def test_at_its_bounds_is_kept_as_given(self, world, chainlink, choice):
        given = listing(**{"address": chainlink, **choice})
        world.feed.list_market(7, given, sender=world.owner)
        assert world.feed.listing(7) == (chainlink.address, *given[1:])

    def test_is_told(self, world, chainlink):
        world.feed.list_market(7, listing(chainlink), sender=world.owner)
        (event,) = world.feed.get_logs()
        told = (event.market, event.aggregator, event.heartbeat, event.deviation)
        assert told == (7, chainlink.address, HEARTBEAT, DEVIATION)
        assert (event.lowest, event.highest) == (LOWEST, HIGHEST)

    def test_can_be_taken_away(self, world):
        world.feed.list_market(0, NO_LISTING, sender=world.owner)
        assert world.feed.listing(0) == NO_LISTING
        assert world.feed.reference(0).reason == "no aggregator"
        assert world.round_after(0, NOW, 9, 8) == "no aggregator"


class TestTheReference:
    def reason(self, world) -> str:
        return world.feed.reference(0).reason

    def test_is_none_for_a_market_without_aggregator(self, world):
        assert world.feed.reference(1) == ("no aggregator", 0, 0, 0)

    def test_is_the_newest_round_with_its_time_and_deviation(self, world):
        assert world.feed.reference(0) == ("", 100 * WAD, NOW, DEVIATION)

    def test_ages_by_the_heartbeat_of_its_own(self, world, chainlink):
        world.feed.list_market(1, listing(chainlink, heartbeat=60), sender=world.owner)
        for market, heartbeat in ((0, HEARTBEAT), (1, 60)):
            boa.env.timestamp = NOW + heartbeat
            assert world.feed.reference(market).reason == ""
            boa.env.timestamp += 1
            assert world.feed.reference(market).reason == "aggregator stale"

    @pytest.mark.parametrize("decimals", range(19))
    def test_has_eighteen_decimals_whatever_the_aggregator_has(self, world, decimals):
        odd = aggregator(decimals)
        odd.set_round(1, 123 * 10**decimals, NOW)
        world.feed.list_market(1, listing(odd), sender=world.owner)
        assert world.feed.reference(1) == ("", 123 * WAD, NOW, DEVIATION)

    @pytest.mark.parametrize("decimals", [0, 8, 17, 18])
    def test_lies_between_the_bounds_and_not_on_them(self, world, decimals):
        odd = aggregator(decimals)
        unit = 10 ** (18 - decimals)  # the smallest step of its answers, as a wad
        lowest, highest = 5 * WAD, 7 * WAD
        bounds = listing(odd, lowest=lowest, highest=highest)
        world.feed.list_market(1, bounds, sender=world.owner)
        for price, expected in (
            (lowest - unit, OUT_OF_BOUNDS),
            (lowest, OUT_OF_BOUNDS),
            (lowest + unit, ""),
            (highest - unit, ""),
            (highest, OUT_OF_BOUNDS),
            (highest + unit, OUT_OF_BOUNDS),
        ):
            odd.set_round(1, price // unit, NOW)
            assert world.feed.reference(1).reason == expected

    def test_of_a_price_that_no_word_holds_is_out_of_bounds(self, world, chainlink):
        for answer in (2**255 - 1, 2**255 // 10**10, 2**191, 10**23):
            chainlink.set_round(9, answer, NOW)
            assert self.reason(world) == OUT_OF_BOUNDS

    @pytest.mark.parametrize(("before", "after"), [(8, 18), (18, 8)])
    def test_of_a_proxy_pointed_at_another_scale_is_out_of_bounds(self, world, before, after):
        """Wherever in the bounds the price is: they are four digits apart, the scales ten."""
        for dollars in (2, 9_999):
            proxy = aggregator(before)
            world.feed.list_market(1, listing(proxy), sender=world.owner)
            proxy.set_decimals(after)
            proxy.set_round(1, dollars * 10**after, NOW)
            assert world.feed.reference(1).reason == OUT_OF_BOUNDS

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"number": 0}, INCOMPLETE),
            ({"updated_at": 0}, INCOMPLETE),
            ({"updated_at": NOW + 1}, FUTURE),
            ({"updated_at": 2**256 - 1}, FUTURE),
            ({"answer": 0}, NOT_POSITIVE),
            ({"answer": -1}, NOT_POSITIVE),
            ({"answer": -(2**255)}, NOT_POSITIVE),
            ({"answer": 1}, OUT_OF_BOUNDS),
            ({"updated_at": NOW - HEARTBEAT - 1}, "aggregator stale"),
            ({"started_at": 0}, ""),  # Chainlink itself means nothing by it
            ({"updated_at": NOW - HEARTBEAT}, ""),
            ({"answer": UNIT + 1}, ""),
        ],
    )
    def test_of_a_strange_round_is_refused(self, world, chainlink, changed, reason):
        sane = {"number": 9, "answer": 100 * UNIT, "started_at": NOW, "updated_at": NOW}
        chainlink.set_strange_round(9, tuple({**sane, **changed}.values()))
        assert self.reason(world) == reason

    @pytest.mark.parametrize("health", [REVERTS, BURNS_GAS, ANSWERS_MEGABYTE])
    def test_of_one_that_fails_is_refused(self, world, chainlink, health):
        """A megabyte costs more memory than the gas for one question pays."""
        chainlink.set_health(health)
        assert world.feed.reference(0) == (REVERTED, 0, 0, DEVIATION)
        chainlink.set_health(WELL)
        assert self.reason(world) == ""

    @pytest.mark.parametrize("length", [0, 1, 31, 32, 128, 159])
    def test_of_a_short_answer_is_refused(self, world, chainlink, length):
        types = ["uint80", "int256", "uint256", "uint256", "uint80"]
        chainlink.answer_raw(encode(types, WELL_ROUND)[:length])
        assert self.reason(world) == RUBBISH

    @pytest.mark.parametrize("extra", [1, 32, 160])
    def test_of_a_long_answer_is_its_first_five_words(self, world, chainlink, extra):
        """As every decoder reads it."""
        types = ["uint80", "int256", "uint256", "uint256", "uint80"]
        chainlink.answer_raw(encode(types, WELL_ROUND) + b"\xff" * extra)
        assert world.feed.reference(0) == ("", 100 * WAD, NOW, DEVIATION)

    def test_of_an_address_that_lost_its_code_is_refused(self, world, chainlink):
        boa.env.set_code(chainlink.address, b"")
        assert self.reason(world) == RUBBISH

    @pytest.mark.parametrize("ends_in", ["f3", "fd"])  # return, revert
    def test_is_not_made_dear_by_a_hundred_kilobytes(self, world, chainlink, ends_in):
        """As much as the gas for one question pays for; none of it is copied."""
        boa.env.set_code(chainlink.address, bytes.fromhex("620186a05f" + ends_in))
        data = world.feed.reference.prepare_calldata(0)
        spent = boa.env.execute_code(world.feed.address, data=data, gas=10**6)
        assert spent.is_success
        assert spent.get_gas_used() < CALL_GAS

    def test_of_one_that_writes_is_refused(self, world, chainlink):
        """It is asked by a static call: an aggregator can't re-enter to any effect."""
        boa.env.set_code(chainlink.address, bytes.fromhex("5f5f55"))  # store 0 at 0
        assert self.reason(world) == REVERTED


class TestGas:
    @pytest.fixture
    def world(self, world, chainlink):
        chainlink.set_round(8, 99 * UNIT, NOW - 1)
        chainlink.set_round(9, 100 * UNIT, NOW)
        return world

    def ask(self, world, question, gas):
        data = getattr(world.feed, question).prepare_calldata(*QUESTIONS[question])
        return boa.env.execute_code(world.feed.address, data=data, gas=gas)

    @pytest.mark.parametrize("question", QUESTIONS)
    def test_too_little_never_makes_a_healthy_aggregator_look_sick(self, world, question):
        """Either the whole question has enough, or all of it reverts, and with that reason."""
        well = self.ask(world, question, 10**6).output
        outcomes = set()
        for gas in range(30_000, 400_001, 500):
            answer = self.ask(world, question, gas)
            if answer.is_success:
                assert answer.output == well
            else:
                assert b"too little gas" in answer.output
            outcomes.add(answer.is_success)
        assert outcomes == {False, True}

    def test_the_last_unit_decides_between_whole_and_nothing(self, world):
        """Unit by unit around the least gas with which it answers."""
        enough, too_little = 400_000, 30_000
        while enough - too_little > 1:
            middle = (enough + too_little) // 2
            if self.ask(world, "reference", middle).is_success:
                enough = middle
            else:
                too_little = middle
        well = self.ask(world, "reference", 10**6).output
        for gas in range(enough - 200, enough + 200):
            answer = self.ask(world, "reference", gas)
            assert answer.is_success == (gas >= enough)
            assert (
                answer.output == well if answer.is_success else b"too little gas" in answer.output
            )

    def test_a_burner_takes_its_share_and_no_more(self, world, chainlink):
        chainlink.set_health(BURNS_GAS)
        answer = self.ask(world, "reference", 10**6)
        assert answer.is_success
        assert REVERTED.encode() in answer.output
        # 10,000 are what `_call` keeps for all else
        assert CALL_GAS < answer.get_gas_used() < CALL_GAS + 10_000

    def test_a_burner_is_a_burner_with_whatever_gas(self, world, chainlink):
        """It looks as sick as it is, or all reverts."""
        chainlink.set_health(BURNS_GAS)
        for gas in range(30_000, 400_001, 5_000):
            answer = self.ask(world, "reference", gas)
            sick = answer.is_success and REVERTED.encode() in answer.output
            assert sick or b"too little gas" in answer.output

    def test_one_that_needs_almost_all_of_its_share_is_never_starved(self, world, chainlink):
        """It hashes 215,840 bytes, for 149,600 gas, and answers."""
        code = "62034b205f2050"
        for place, number in zip(range(0, 160, 32), WELL_ROUND, strict=True):
            code += f"67{number:016x}60{place:02x}52"
        boa.env.set_code(chainlink.address, bytes.fromhex(code + "60a05ff3"))
        well = self.ask(world, "reference", 10**6)
        assert well.get_gas_used() > 149_000
        assert b"aggregator" not in well.output
        for gas in range(150_000, 170_001, 200):
            answer = self.ask(world, "reference", gas)
            assert answer.output == well.output or b"too little gas" in answer.output


class TestWhatNeedsNoPriceWorksWhileAggregatorsAreSick:
    @pytest.fixture(params=[REVERTS, BURNS_GAS, ANSWERS_MEGABYTE])
    def sick(self, request, world, chainlink):
        uptime = aggregator(0)
        uptime.set_health(request.param)
        sick = World(uptime_feed=uptime)
        sick.feed.list_market(0, listing(chainlink), sender=sick.owner)
        chainlink.set_health(request.param)
        return sick

    def test_reports_are_taken_and_served(self, sick):
        sick.submit(prices(NOW, {0: 100}))
        sick.submit(prices(NOW - 60, {0: 90}))
        assert sick.feed.price(0).price == 100 * WAD
        assert sick.feed.price_at(0, NOW - 60).price == 90 * WAD

    def test_publishers_are_dropped_convicted_and_named(self, sick):
        sick.feed.drop_publisher(sick.keys[0].address, sender=sick.guardian)
        two = [prices(NOW, {0: 100}), prices(NOW, {0: 101})]
        liar = sick.keys[1]
        proof = [x for r in two for x in ((r.observed_at, r.boards), r.sign(sick.domain, liar))]
        sick.feed.convict(*proof)
        sick.feed.set_publishers([k.address for k in sick.keys], 4, sender=sick.owner)
        assert sick.feed.quorum() == 4

    def test_the_market_gets_another_aggregator(self, sick):
        healthy = aggregator(8)
        healthy.set_round(1, 100 * UNIT, NOW)
        sick.feed.list_market(0, listing(healthy), sender=sick.owner)
        assert sick.feed.reference(0).reason == ""
        sick.feed.list_market(0, NO_LISTING, sender=sick.owner)


class TestTheRoundAfterASecond:
    """Rounds 1 to 5 of phase 1 at NOW - 500 … NOW - 100; their prices are 101 … 105 dollars."""

    @pytest.fixture
    def world(self, world, chainlink):
        for number in range(1, 6):
            self.put(chainlink, 1, number, NOW - 600 + 100 * number)
        return world

    def put(self, chainlink, phase, number, updated_at):
        chainlink.set_round(phased(phase, number), (100 * phase + number) * UNIT, updated_at)

    def after(self, world, second, round, predecessor):
        """Return what the feed answers, or why it refuses."""
        return world.round_after(0, second, phased(*round), phased(*predecessor))

    @pytest.mark.parametrize("second", [NOW - 400, NOW - 399, NOW - 301])
    def test_is_the_first_later_one(self, world, second):
        found = self.after(world, second, (1, 3), (1, 2))
        assert found == ("", 103 * WAD, NOW - 300, DEVIATION)

    @pytest.mark.parametrize("second", [NOW - 300, NOW - 299])
    def test_is_later_and_not_of_the_second_itself(self, world, second):
        assert self.after(world, second, (1, 3), (1, 2)) == "round not later"

    def test_is_not_the_second_later_one(self, world):
        assert self.after(world, NOW - 401, (1, 3), (1, 2)) == "an earlier round is later"

    @pytest.mark.parametrize("round", [(1, 2), (1, 4), (1, 5), (2, 2), (3, 1)])
    def test_is_the_successor_of_its_predecessor(self, world, chainlink, round):
        for phase, number in ((2, 1), (2, 2), (3, 1)):
            self.put(chainlink, phase, number, NOW - 250)
        assert self.after(world, NOW - 350, round, (1, 2)) == "not the predecessor"

    def test_is_not_shown_by_a_predecessor_that_is_missing(self, world):
        assert self.after(world, NOW - 550, (1, 1), (1, 0)) == "no such predecessor"

    @pytest.mark.parametrize("number", [2**80, 2**256 - 1])
    def test_has_a_number_of_eighty_bits(self, world, number):
        assert world.round_after(0, NOW - 350, phased(1, 3), number) == "no such round"
        assert world.round_after(0, NOW - 350, number, phased(1, 2)) == "not the predecessor"

    def test_that_is_missing_is_told(self, world):
        found = self.after(world, NOW - 50, (1, 6), (1, 5))
        assert found == (REVERTED, 0, 0, DEVIATION)

    def test_that_is_out_of_bounds_is_told(self, world, chainlink):
        chainlink.set_round(phased(1, 6), 10_000 * UNIT, NOW)
        assert self.after(world, NOW - 50, (1, 6), (1, 5)).reason == OUT_OF_BOUNDS

    def test_needs_no_heartbeat(self, world):
        """Old as it is, it is the first after that second."""
        boa.env.timestamp = NOW + DAY
        assert self.after(world, NOW - 400, (1, 3), (1, 2)).reason == ""

    def test_may_begin_the_next_phase(self, world, chainlink):
        self.put(chainlink, 2, 1, NOW - 50)
        found = self.after(world, NOW - 60, (2, 1), (1, 5))
        assert found == ("", 201 * WAD, NOW - 50, DEVIATION)

    def test_does_not_begin_the_next_phase_while_this_one_goes_on(self, world, chainlink):
        self.put(chainlink, 2, 1, NOW - 250)
        assert self.after(world, NOW - 350, (2, 1), (1, 2)) == "not the predecessor"

    def test_may_be_within_the_next_phase(self, world, chainlink):
        self.put(chainlink, 2, 1, NOW - 50)
        self.put(chainlink, 2, 2, NOW - 40)
        assert self.after(world, NOW - 45, (2, 2), (2, 1)).price == 202 * WAD

    def test_is_one_where_two_phases_overlap(self, world, chainlink):
        """The new aggregator worked before the proxy was pointed at it, the old one goes on."""
        for number, updated_at in ((1, NOW - 450), (2, NOW - 350), (3, NOW - 250)):
            self.put(chainlink, 2, number, updated_at)
        served = []
        for second in range(NOW - 500, NOW - 250, 25):
            pairs = [((p, n + 1), (p, n)) for p in (1, 2) for n in range(1, 5)]
            pairs += [((2, 1), (1, n)) for n in range(1, 6)]
            found = []
            for round, predecessor in pairs:
                answer = self.after(world, second, round, predecessor)
                if not isinstance(answer, str) and answer.reason == "":
                    found.append(answer.price // WAD)
            assert len(found) == 1
            served += found
        assert served == [102] * 2 + [202] * 4 + [203] * 4

    def test_of_a_phase_is_refused_once_the_next_had_begun(self, world, chainlink):
        self.put(chainlink, 2, 1, NOW - 350)
        assert self.after(world, NOW - 350, (1, 3), (1, 2)) == "a later phase had begun"
        assert self.after(world, NOW - 351, (1, 3), (1, 2)).price == 103 * WAD
