"""Reading: a price is fresh, or of a second, or there is none and a reason."""

import boa
import pytest

from clearway.reports import Report
from clearway.spec.quotes import Quote
from tests.feed.world import DAY, GRACE, MAX_AGE, NOW, TILE, WAD, World, prices

LAGS = "chain's clock lags"
IN_GRACE = "in grace after an outage"


class TestAFreshPrice:
    def test_is_none_where_nothing_was_reported(self, world):
        for read in (lambda: world.feed.price(0), lambda: world.feed.board(0)):
            with world.refused("no price"):
                read()

    def test_is_none_for_a_market_that_the_board_leaves_out(self, world):
        world.submit(prices(NOW, {1: 100}))
        for market in (0, 2, 3):
            with world.refused("no price"):
                world.feed.price(market)

    def test_is_what_was_signed(self, world):
        world.submit(prices(NOW, {2: 100}))
        assert world.feed.price(2) == (100 * WAD, WAD // 1_000, NOW)
        assert world.feed.board(0) == world.newest(0)

    def test_is_as_old_as_ten_seconds_and_not_older(self, world):
        world.submit(prices(NOW, {0: 100}))
        boa.env.timestamp = NOW + MAX_AGE
        assert world.feed.price(0).price == 100 * WAD
        assert world.feed.board(0) == world.newest()
        boa.env.timestamp += 1
        for read in (lambda: world.feed.price(0), lambda: world.feed.board(0)):
            with world.refused("price stale"):
                read()
        assert world.newest() != 0

    def test_is_as_far_ahead_as_ten_seconds_and_not_further(self, world):
        world.submit(prices(NOW + MAX_AGE, {0: 100}))
        assert world.feed.price(0).observed_at == NOW + MAX_AGE
        boa.env.timestamp -= 1
        for read in (lambda: world.feed.price(0), lambda: world.feed.board(0)):
            with world.refused(LAGS):
                read()

    def test_is_none_where_publishers_do_not_trust_it(self, world):
        quotes = {0: Quote(WAD, 255 * 10**14), 1: Quote(WAD, 254 * 10**14)}
        world.submit(Report.of(NOW, quotes))
        for read in (lambda: world.feed.price(0), lambda: world.feed.price_at(0, NOW)):
            with world.refused("price too wide"):
                read()
        assert world.feed.price(1).confidence == 254 * 10**14

    @pytest.mark.parametrize(("mantissa", "exponent"), [(1, 25), (10**6 + 1, 24), (999_999, 0)])
    def test_is_none_where_a_quorum_signed_an_impossible_one(self, world, mantissa, exponent):
        lane = mantissa << 16 | exponent << 8
        world.submit(Report(NOW, (lane << 32 + 3 * 56,)))
        for read in (lambda: world.feed.price(0), lambda: world.feed.price_at(0, NOW)):
            with world.refused("price out of bounds"):
                read()


class TestThePriceOfASecond:
    @pytest.fixture
    def world(self, world):
        world.submit(prices(NOW, {0: 100, 4: 200}))
        world.submit(prices(NOW - 60, {0: 90}))
        return world

    def test_is_that_of_the_report_whose_tile_holds_it(self, world):
        for second in range(NOW - TILE + 1, NOW + 1):
            assert world.feed.price_at(0, second).price == 100 * WAD
            assert world.feed.board_at(0, second) == world.newest()
        for second in range(NOW - 60 - TILE + 1, NOW - 60 + 1):
            assert world.feed.price_at(0, second).price == 90 * WAD
            assert world.feed.board_at(0, second) == world.recalled()

    @pytest.mark.parametrize(
        "second", [NOW - TILE, NOW + 1, NOW - 60 - TILE, NOW - 59, 1, NOW + 2**32, 2**255]
    )
    def test_is_none_where_no_report_is_stored(self, world, second):
        for read in (world.feed.price_at, world.feed.board_at):
            with world.refused("no report of that second"):
                read(0, second)

    def test_is_none_where_only_another_board_has_a_report(self, world):
        with world.refused("no report of that second"):
            world.feed.price_at(4, NOW - 60)

    def test_is_none_for_a_market_that_the_report_leaves_out(self, world):
        with world.refused("no price"):
            world.feed.price_at(1, NOW)

    def test_is_served_however_old_while_it_is_stored(self, world):
        boa.env.timestamp = NOW + DAY
        assert world.feed.price_at(0, NOW).price == 100 * WAD
        assert world.feed.price_at(0, NOW - 60).price == 90 * WAD


class TestAChainWhoseClockLags:
    """Shown by a report from ahead of it."""

    def test_is_told_by_a_report_more_than_ten_seconds_ahead(self, world):
        assert world.feed.outage(0) == ""
        ahead = NOW + MAX_AGE + TILE
        world.submit(prices(ahead, {0: 100}))
        assert [event.observed_at for event in world.feed.get_logs()] == [ahead, ahead]
        assert world.feed.outage(0) == LAGS

    def test_is_not_told_by_one_just_ten_seconds_ahead(self, world):
        world.submit(prices(NOW + MAX_AGE, {0: 100}))
        assert len(world.feed.get_logs()) == 1
        for now in (NOW, NOW + MAX_AGE, NOW + GRACE):
            boa.env.timestamp = now
            assert world.feed.outage(0) == ""

    def test_is_followed_by_a_grace_period(self, world):
        ahead = NOW + 600
        world.submit(prices(ahead, {0: 100}))
        for now, expected in (
            (ahead - MAX_AGE - 1, LAGS),
            (ahead - MAX_AGE, IN_GRACE),
            (ahead, IN_GRACE),
            (ahead + GRACE - 1, IN_GRACE),
            (ahead + GRACE, ""),
        ):
            boa.env.timestamp = now
            assert world.feed.outage(0) == expected

    def test_concerns_boards_that_the_report_leaves_out(self, world):
        world.submit(prices(NOW + 600, {0: 100}))
        assert world.feed.outage(1) == IN_GRACE

    def test_is_remembered_by_the_latest_such_report(self, world):
        world.submit(prices(NOW + 600, {0: 100}))
        world.submit(prices(NOW + 300, {4: 100}))
        boa.env.timestamp = NOW + 600 + GRACE - 1
        assert world.feed.outage(1) == IN_GRACE

    def test_does_not_end_by_an_older_report(self, world):
        world.submit(prices(NOW + 600, {0: 100}))
        world.submit(prices(NOW, {0: 90}))
        assert world.feed.outage(0) == LAGS
        with world.refused(LAGS):
            world.feed.price(0)
        assert world.feed.price_at(0, NOW).price == 90 * WAD

    def test_needs_no_grace_where_none_is_set(self):
        world = World(grace=0)
        world.submit(prices(NOW + 600, {0: 100}))
        for now, expected in ((NOW + 599, IN_GRACE), (NOW + 600, "")):
            boa.env.timestamp = now
            assert world.feed.outage(1) == expected
