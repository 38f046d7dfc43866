"""Whether the sequencer is up, as far as its uptime feed can tell."""

import boa
import pytest
from eth_abi import encode

from tests.feed.world import (
    ANSWERS_MEGABYTE,
    BURNS_GAS,
    DAY,
    GRACE,
    KEYS,
    MAX_AGE,
    NOW,
    REVERTS,
    World,
    aggregator,
    prices,
)

SICK, DOWN, IN_GRACE = "uptime feed is sick", "sequencer down", "in grace after an outage"
UP = ""


def outage(world) -> str:
    """Return what both questions answer, for nothing is off here."""
    told = world.feed.outage(0)
    assert world.feed.halted(0) == told
    return told


@pytest.fixture
def uptime():
    feed = aggregator(0)
    feed.set_round(1, 0, NOW - DAY)
    return feed


@pytest.fixture
def world(uptime) -> World:
    return World(uptime_feed=uptime)


class TestTheSequencer:
    def test_counts_as_up_where_nobody_tells(self):
        assert outage(World()) == UP

    def test_is_up(self, world):
        assert outage(world) == UP

    @pytest.mark.parametrize("since", [0, 1, GRACE, DAY])
    def test_is_down_however_long(self, world, uptime, since):
        uptime.set_round(2, 1, NOW - since)
        assert outage(world) == DOWN

    def test_that_came_back_is_in_grace_and_then_up(self, world, uptime):
        uptime.set_round(2, 1, NOW - 60)
        uptime.set_round(3, 0, NOW)
        for passed, expected in ((0, IN_GRACE), (GRACE - 1, IN_GRACE), (GRACE, UP)):
            boa.env.timestamp = NOW + passed
            assert outage(world) == expected

    def test_needs_no_grace_where_none_is_set(self, uptime):
        uptime.set_round(2, 0, NOW)
        assert outage(World(uptime_feed=uptime, grace=0)) == UP

    def test_is_in_grace_from_its_start_and_not_from_the_feeds_last_word(self, world, uptime):
        uptime.set_strange_round(2, (2, 0, NOW - GRACE, NOW))
        assert outage(world) == UP

    def test_that_is_up_does_not_hide_that_the_clock_lags(self, world):
        world.submit(prices(NOW + 600, {0: 100}))
        assert outage(world) == "chain's clock lags"
        boa.env.timestamp = NOW + 600 - MAX_AGE
        assert outage(world) == IN_GRACE


class TestAFeed:
    @pytest.mark.parametrize("status", [2, 2**255 - 1, -1, -(2**255)])
    def test_of_another_status_is_sick(self, world, uptime, status):
        uptime.set_round(2, status, NOW - DAY)
        assert outage(world) == SICK

    @pytest.mark.parametrize("status", [0, 1])
    @pytest.mark.parametrize("started_at", [0, NOW + 1, 2**256 - 1])
    def test_that_began_never_or_in_the_future_is_sick(self, world, uptime, status, started_at):
        uptime.set_strange_round(2, (2, status, started_at, NOW))
        assert outage(world) == SICK

    @pytest.mark.parametrize("health", [REVERTS, BURNS_GAS, ANSWERS_MEGABYTE])
    def test_that_fails_is_sick(self, world, uptime, health):
        uptime.set_health(health)
        assert outage(world) == SICK

    @pytest.mark.parametrize("length", [0, 31, 159])
    def test_that_answers_too_little_is_sick(self, world, uptime, length):
        types = ["uint80", "int256", "uint256", "uint256", "uint80"]
        uptime.answer_raw(encode(types, (1, 0, NOW - DAY, NOW, 1))[:length])
        assert outage(world) == SICK

    def test_without_code_is_sick(self):
        nothing = boa.env.generate_address("without code")
        assert outage(World(uptime_feed=nothing)) == SICK

    @pytest.mark.parametrize("question", ["outage", "halted"])
    def test_is_not_made_to_look_sick_by_too_little_gas(self, world, question):
        data = getattr(world.feed, question).prepare_calldata(0)
        well = boa.env.execute_code(world.feed.address, data=data, gas=10**6).output
        for gas in range(30_000, 400_001, 5_000):
            answer = boa.env.execute_code(world.feed.address, data=data, gas=gas)
            assert answer.output == well or b"too little gas" in answer.output


class TestConstruction:
    @pytest.mark.parametrize("tile", [0, 11, 2**256 - 1])
    def test_with_a_tile_of_another_length_is_refused(self, tile):
        with boa.reverts("tile length out of range"):
            World(tile=tile)

    @pytest.mark.parametrize("grace", [DAY + 1, 2**256 - 1])
    def test_with_a_grace_period_of_more_than_a_day_is_refused(self, grace):
        with boa.reverts("grace period too long"):
            World(grace=grace)

    def test_is_what_it_was_given(self, uptime):
        world = World(tile=10, grace=DAY, uptime_feed=uptime, publishers=7, quorum=4)
        feed = world.feed
        assert (feed.TILE_LENGTH(), feed.GRACE_PERIOD()) == (10, DAY)
        assert feed.UPTIME_FEED() == uptime.address
        assert feed.publishers() == [key.address for key in KEYS]
        assert (feed.quorum(), feed.owner(), feed.guardian()) == (4, world.owner, world.guardian)
