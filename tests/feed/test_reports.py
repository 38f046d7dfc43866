"""Giving a report to the feed: what is refused, what is stored, where and for how long."""

import boa
import pytest
from eth_keys import keys

from clearway.reports import Domain, Report
from clearway.spec import price_words
from clearway.spec.quotes import Quote
from tests.feed.world import (
    DAY,
    KEYS,
    MAX_AGE,
    NOW,
    ORDER_WINDOW,
    STRANGER,
    TILE,
    WAD,
    World,
    by_address,
    prices,
)

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # secp256k1's order
REFUSED = "not signed by the publishers"
RUBBISH = (b"\1" * 32, b"\2" * 32)


def words(report: Report) -> list[int]:
    """Return what the feed stores of it."""
    return [price_words.with_time(word, report.observed_at) for word in report.boards]


class TestAReportIsRefused:
    def test_that_does_not_end_a_tile(self, world):
        for seconds in range(1, TILE):
            with world.refused("not the end of a tile"):
                world.submit(prices(NOW - seconds, {0: 100}))

    def test_of_ten_minutes_and_a_second_ago(self, world):
        report = prices(NOW, {0: 100})
        boa.env.timestamp = NOW + ORDER_WINDOW + 1
        with world.refused("report too old"):
            world.submit(report)

    def test_of_more_than_a_day_ahead(self, world):
        with world.refused("report too far ahead"):
            world.submit(prices(NOW + DAY + TILE, {0: 100}))

    def test_without_boards(self, world):
        with world.refused("empty report"):
            world.submit(Report(NOW, ()))

    @pytest.mark.parametrize("numbers", [(1, 0), (0, 0), (0, 2, 1), (2**32 - 1, 0)])
    def test_whose_boards_are_not_in_ascending_order(self, world, numbers):
        with world.refused("boards not sorted"):
            world.submit(Report(NOW, tuple(number | 1 << 255 for number in numbers)))

    def test_with_too_many_boards(self, world):
        """More than eight don't decode: such calldata has no reason of its own."""
        before = world.state()
        nine = Report(NOW, tuple(range(9)))
        arguments = world.signed(nine).as_arguments()
        selector = world.feed.submit.prepare_calldata(NOW, [1], [], [])[:4]
        types = "(uint256,uint256[],address[],(bytes32,bytes32)[])"
        data = selector + boa.util.abi.abi_encode(types, arguments)
        assert boa.env.execute_code(world.feed.address, data=data).is_error
        assert world.state() == before

    def test_that_prices_the_newest_tile_a_second_time(self, world):
        world.submit(prices(NOW, {0: 100}))
        with world.refused("second priced already"):
            world.submit(prices(NOW, {0: 101}))

    def test_that_prices_the_recalled_tile_a_second_time(self, world):
        world.submit(prices(NOW, {0: 100}))
        world.submit(prices(NOW - TILE, {0: 99}))
        with world.refused("second priced already"):
            world.submit(prices(NOW - TILE, {0: 98}))

    def test_whole_when_one_of_its_boards_is(self, world):
        world.submit(prices(NOW, {4: 100}))
        with world.refused("second priced already"):
            world.submit(prices(NOW, {0: 7, 4: 101, 8: 9}))
        assert world.newest(0) == world.newest(2) == 0


class TestSignatures:
    @pytest.fixture
    def report(self):
        return prices(NOW, {0: 100, 5: 200})

    def given(self, world, report, signatures, absent=None):
        """Give a report with these signatures, else as if the first three had signed."""
        if absent is None:
            absent = world.signed(report, world.keys[:3]).absent
        world.feed.submit(report.observed_at, list(report.boards), absent, signatures)

    def test_one_less_than_the_quorum_is_too_few(self, world, report):
        with world.refused("too few signatures"):
            world.submit(report, world.keys[:2])

    def test_none_is_too_few(self, world, report):
        with world.refused("too few signatures"):
            world.submit(report, [])

    def test_a_signer_counts_once(self, world, report):
        first, second = world.keys[:2]
        with world.refused(REFUSED):
            world.submit(report, [first, first, second])
        with world.refused(REFUSED):
            world.submit(report, [first, second, second])

    @pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0)])
    def test_they_come_in_the_publishers_order(self, world, report, order):
        signatures = world.signed(report).signatures
        with world.refused(REFUSED):
            self.given(world, report, [signatures[place] for place in order])

    def test_a_strangers_does_not_count(self, world, report):
        with world.refused(REFUSED):
            world.submit(report, [*world.keys[:2], STRANGER])

    def test_one_strangers_among_all_publishers_spoils_them(self, world, report):
        with world.refused(REFUSED):
            world.submit(report, [*world.keys, STRANGER])

    @pytest.mark.parametrize("off", [{"chain_id": 10}, {"feed": "0x" + "11" * 20}])
    def test_for_another_chain_or_feed_they_do_not_count(self, world, report, off):
        domain = Domain(**{**vars(world.domain), **off})
        with world.refused(REFUSED):
            world.submit(report, domain=domain)

    def test_of_another_report_they_do_not_count(self, world, report):
        signatures = world.signed(report).signatures
        for other in (
            prices(NOW, {0: 101, 5: 200}),
            prices(NOW, {0: 100}),
            prices(NOW - TILE, {0: 100, 5: 200}),
        ):
            with world.refused(REFUSED):
                self.given(world, other, signatures)

    def test_every_bit_of_a_board_is_signed(self, world, report):
        signatures = world.signed(report).signatures
        for bit in range(0, 256, 17):
            altered = Report(NOW, (report.boards[0] ^ 1 << bit, report.boards[1]))
            with boa.reverts():
                self.given(world, altered, signatures)

    @pytest.mark.parametrize("place", range(3))
    @pytest.mark.parametrize("r", [0, 1, N, 2**256 - 1])
    def test_what_recovers_nobody_does_not_count(self, world, report, place, r):
        signatures = list(world.signed(report).signatures)
        signatures[place] = (r.to_bytes(32, "big"), signatures[place][1])
        with world.refused(REFUSED):
            self.given(world, report, signatures)

    @pytest.mark.parametrize("vs", [0, 1 << 255, N & 2**255 - 1])
    def test_an_s_of_nobody_does_not_count(self, world, report, vs):
        signatures = list(world.signed(report).signatures)
        signatures[0] = (signatures[0][0], vs.to_bytes(32, "big"))
        with world.refused(REFUSED):
            self.given(world, report, signatures)

    def test_another_parity_tells_another_signer(self, world, report):
        signatures = list(world.signed(report).signatures)
        r, vs = signatures[0]
        signatures[0] = (r, (int.from_bytes(vs, "big") ^ 1 << 255).to_bytes(32, "big"))
        with world.refused(REFUSED):
            self.given(world, report, signatures)

    def test_a_second_form_of_one_is_the_same_signer_and_counts_once(self, world, report):
        """Both s and n - s fit into 255 bits only if s is next to n / 2: so the key is made to
        measure, d = (s * k - digest) / r, for s = 2^255 - 1."""
        digest = int.from_bytes(world.feed.digest((report.observed_at, report.boards)), "big")
        k, s = 12_345, 2**255 - 1
        point = keys.PrivateKey(k.to_bytes(32, "big")).public_key.to_bytes()
        r, parity = int.from_bytes(point[:32], "big"), point[-1] & 1
        secret = (s * k - digest) * pow(r, -1, N) % N
        forms = [
            (r.to_bytes(32, "big"), (s | parity << 255).to_bytes(32, "big")),
            (r.to_bytes(32, "big"), (N - s | (1 - parity) << 255).to_bytes(32, "big")),
        ]
        made = keys.PrivateKey(secret.to_bytes(32, "big")).public_key.to_checksum_address()
        other = world.keys[0].address
        publishers = sorted([made, other], key=lambda address: int(address, 16))
        world.feed.set_publishers(publishers, 2, sender=world.owner)
        with world.refused(REFUSED):
            self.given(world, report, forms, [])
        for form in forms:
            with boa.env.anchor():
                both = {made: form, other: report.sign(world.domain, world.keys[0])}
                self.given(world, report, [both[address] for address in publishers], [])
                assert world.newest(0) == words(report)[0]

    @pytest.mark.parametrize("nobodys", [RUBBISH, (b"\0" * 32, b"\0" * 32)])
    @pytest.mark.parametrize("signer", range(4))
    def test_nobodys_are_not_taken_for_the_places_after_the_last_publisher(self, signer, nobodys):
        """Each is zero, as those places are; else one publisher of four made a quorum of three."""
        world = World(publishers=4, quorum=3)
        report = prices(NOW, {0: 100})
        own = report.sign(world.domain, world.keys[signer])
        absent = world.signed(report, [world.keys[signer]]).absent
        for place in range(3):
            forged = [nobodys, nobodys]
            forged.insert(place, own)
            for some in ([], absent[:1], absent[:2], absent):
                with world.refused(REFUSED):
                    self.given(world, report, forged, some)

    @pytest.mark.parametrize("choice", [[], [3], [4], [4, 3], [3, 4, 4], [2, 3, 4], [0, 3, 4]])
    def test_the_absent_are_all_others_once_in_order(self, world, report, choice):
        absent = [world.keys[place].address for place in choice]
        with world.refused(REFUSED):
            self.given(world, report, world.signed(report).signatures, absent)

    @pytest.mark.parametrize("place", range(3))
    @pytest.mark.parametrize("other", [STRANGER.address, "0x" + "00" * 20, "0x" + "ff" * 20])
    def test_a_stranger_among_the_absent_is_refused(self, world, report, place, other):
        absent = [key.address for key in world.keys[3:]]
        for forged in ([*absent[:place], other, *absent[place:]], [other, absent[1]]):
            with world.refused(REFUSED):
                self.given(world, report, world.signed(report).signatures, forged)

    def test_more_than_seven_signers_and_absent_are_refused(self, world, report):
        for count in (3, 7):
            absent = [key.address for key in KEYS[7 - count :]]
            with world.refused(REFUSED):
                self.given(world, report, world.signed(report, world.keys).signatures, absent)

    def test_a_retired_publishers_does_not_count(self, world, report):
        old = world.signed(report)
        world.feed.set_publishers([k.address for k in world.keys[1:]], 3, sender=world.owner)
        for absent in (old.absent, [key.address for key in world.keys[3:]]):
            with world.refused(REFUSED):
                self.given(world, report, old.signatures, absent)

    def test_a_list_that_is_no_longer_the_publishers_is_refused(self, world, report):
        stale = world.signed(report)
        world.feed.drop_publisher(world.keys[4].address, sender=world.guardian)
        with world.refused(REFUSED):
            world.feed.submit(*stale.as_arguments())

    def test_a_list_of_ones_own_is_refused(self, world, report):
        own = by_address([STRANGER, *world.keys[:2]])
        with world.refused(REFUSED):
            world.submit(report, own, [key.address for key in own])

    @pytest.mark.parametrize("count", [3, 4, 5])
    def test_a_quorum_or_more_stores_it(self, world, report, count):
        world.submit(report, world.keys[-count:])
        assert [world.newest(0), world.newest(1)] == words(report)

    def test_seven_sign_eight_full_boards(self):
        world = World(publishers=7, quorum=7)
        quote = Quote(67_123 * WAD + 1, WAD // 1_000)
        full = Report.of(NOW, dict.fromkeys(range(32), quote))
        world.submit(full)
        assert [world.newest(number) for number in range(8)] == words(full)


class TestAReportThatIsStoredAlready:
    """It isn't verified, for its only effect would be what is so already: each of its words was
    verified when it was stored. So a batch may bring a report that another batch just brought."""

    @pytest.fixture
    def stored(self, world):
        report = prices(NOW, {0: 100, 4: 200})
        world.submit(report)
        return report

    @pytest.mark.parametrize(
        ("absent", "signatures"), [([], []), ([], [RUBBISH]), ([STRANGER.address], [RUBBISH])]
    )
    def test_is_taken_with_rubbish_for_signatures_and_changes_nothing(
        self, world, stored, absent, signatures
    ):
        before = world.state()
        world.feed.submit(NOW, list(stored.boards), absent, signatures)
        assert world.feed.get_logs() == []
        assert world.state() == before

    def test_is_so_in_part_too(self, world, stored):
        before = world.state()
        world.feed.submit(NOW, list(stored.boards[1:]), [], [])
        assert world.state() == before

    def test_is_so_of_recalled_and_newest_words_alike(self, world, stored):
        world.submit(prices(NOW + TILE, {0: 101}))
        world.submit(stored)
        before = world.state()
        world.feed.submit(NOW, list(stored.boards), [], [])
        assert world.recalled(0)
        assert not world.recalled(1)
        assert world.state() == before

    def test_is_verified_as_soon_as_one_board_is_new(self, world, stored):
        more = prices(NOW, {0: 100, 4: 200, 8: 300})
        with world.refused("too few signatures"):
            world.feed.submit(NOW, list(more.boards), [], [])
        world.submit(more)
        assert world.newest(2) == words(more)[2]

    def test_is_verified_again_once_it_was_forgotten(self, world, stored):
        world.submit(prices(NOW + TILE, {0: 101, 4: 201}))
        with world.refused("too few signatures"):
            world.feed.submit(NOW, list(stored.boards), [], [])

    def test_is_refused_all_the_same_when_it_is_too_old(self, world, stored):
        boa.env.timestamp = NOW + ORDER_WINDOW + 1
        with world.refused("report too old"):
            world.submit(stored)


class TestWhereAReportGoes:
    def test_a_newer_one_is_the_newest_and_drives_the_last_one_out(self, world):
        first, second = prices(NOW - TILE, {0: 100}), prices(NOW, {0: 101})
        for report in (first, second):
            world.submit(report)
        assert (world.newest(), world.recalled()) == (words(second)[0], 0)

    def test_an_older_one_is_recalled_and_the_newest_stays(self, world):
        newest, older = prices(NOW, {0: 100}), prices(NOW - 60, {0: 90})
        for report in (newest, older):
            world.submit(report)
        assert (world.newest(), world.recalled()) == (words(newest)[0], words(older)[0])
        assert world.feed.price_at(0, NOW - 60).price == 90 * WAD
        assert world.feed.price(0).price == 100 * WAD

    @pytest.mark.parametrize("other", [NOW - 60 - TILE, NOW - 60 + TILE])
    def test_the_recalled_word_is_whichever_was_asked_for_last(self, world, other):
        world.submit(prices(NOW, {0: 100}))
        world.submit(prices(NOW - 60, {0: 90}))
        world.submit(prices(other, {0: 80}))
        assert world.feed.price_at(0, other).price == 80 * WAD
        with world.refused("no report of that second"):
            world.feed.price_at(0, NOW - 60)

    def test_a_report_may_be_newest_on_one_board_and_recalled_on_another(self, world):
        world.submit(prices(NOW, {0: 100}))
        both = prices(NOW - TILE, {0: 99, 4: 199})
        world.submit(both)
        assert [world.recalled(0), world.newest(1)] == words(both)

    def test_boards_may_have_gaps_and_great_numbers(self, world):
        far = 4 * (2**32 - 1) + 3
        world.submit(prices(NOW, {1: 10, 4 * 77: 20, far: 30}))
        assert world.feed.price(far).price == 30 * WAD
        assert world.feed.price(4 * 77).price == 20 * WAD
        assert world.newest(76) == world.newest(78) == 0

    def test_it_is_told(self, world):
        report = prices(NOW, {0: 100, 4: 200})
        world.submit(report)
        (event,) = world.feed.get_logs()
        assert (event.observed_at, tuple(event.boards)) == (NOW, report.boards)

    def test_of_ten_minutes_ago_it_is_stored(self, world):
        boa.env.timestamp = NOW + ORDER_WINDOW
        world.submit(prices(NOW, {0: 100}))
        assert world.feed.price_at(0, NOW).price == 100 * WAD

    def test_of_a_day_ahead_it_is_stored(self, world):
        world.submit(prices(NOW + DAY, {0: 100}))
        assert world.feed.price_at(0, NOW + DAY).price == 100 * WAD

    def test_anyone_may_bring_it(self, world):
        report = prices(NOW, {0: 100})
        with boa.env.prank(boa.env.generate_address("passer-by")):
            world.submit(report)
        assert world.newest() == words(report)[0]

    @pytest.mark.parametrize("tile", range(1, MAX_AGE + 1))
    def test_tiles_of_any_length_begin_where_the_last_one_ended(self, tile):
        world = World(tile=tile)
        end = NOW // tile * tile
        world.submit(prices(end, {0: 100}))
        for second in range(end - tile + 1, end + 1):
            assert world.feed.price_at(0, second).observed_at == end
        for second in (end - tile, end + 1):
            with world.refused("no report of that second"):
                world.feed.price_at(0, second)


def test_all_publishers_of_the_tests_are_in_ascending_order():
    assert by_address(KEYS) == KEYS
