"""Who signs: naming publishers, dropping one, convicting one who signed two reports of a tile."""

from itertools import combinations

import boa
import pytest

from clearway.reports import Domain, Report
from tests.feed.world import KEYS, NOW, STRANGER, TILE, World, key, prices

ADDRESSES = [one.address for one in KEYS]
MAJORITIES = [(n, k) for n in range(1, 8) for k in range(n // 2 + 1, n + 1)]
MINORITIES = [(n, k) for n in range(8) for k in range(n // 2 + 1)]


class TestNaming:
    @pytest.mark.parametrize(("count", "quorum"), MINORITIES)
    def test_a_quorum_that_is_no_majority_is_refused(self, world, count, quorum):
        with world.refused("quorum is no majority"):
            world.feed.set_publishers(ADDRESSES[:count], quorum, sender=world.owner)

    @pytest.mark.parametrize(("count", "quorum"), [(0, 1), (1, 2), (7, 8), (7, 2**256 - 1)])
    def test_a_quorum_over_their_number_is_refused(self, world, count, quorum):
        with world.refused("quorum over publishers"):
            world.feed.set_publishers(ADDRESSES[:count], quorum, sender=world.owner)

    @pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 1), (0, 1, 1), (2, 1, 0)])
    def test_a_list_out_of_order_or_with_one_twice_is_refused(self, world, order):
        with world.refused("publishers not sorted"):
            world.feed.set_publishers([ADDRESSES[i] for i in order], 2, sender=world.owner)

    def test_nobody_is_no_publisher(self, world):
        with world.refused("publishers not sorted"):
            nobody = ["0x" + "00" * 20, *ADDRESSES[:2]]
            world.feed.set_publishers(nobody, 2, sender=world.owner)

    def test_eight_are_too_many(self, world):
        with pytest.raises(Exception):  # noqa: B017, PT011 - boa itself refuses to encode them
            world.feed.set_publishers([*ADDRESSES, STRANGER.address], 5, sender=world.owner)
        assert len(world.feed.publishers()) == 5

    @pytest.mark.parametrize(("count", "quorum"), MAJORITIES)
    def test_any_majority_is_taken_and_told(self, world, count, quorum):
        world.feed.set_publishers(ADDRESSES[:count], quorum, sender=world.owner)
        (event,) = world.feed.get_logs()
        assert (event.publishers, event.quorum) == (ADDRESSES[:count], quorum)
        assert world.feed.publishers() == ADDRESSES[:count]
        assert world.feed.quorum() == quorum

    @pytest.mark.parametrize(("count", "quorum"), MAJORITIES)
    def test_any_two_majorities_have_one_in_common(self, count, quorum):
        """Why a quorum is one: two reports of a tile prove that somebody signed both."""
        quorums = [set(q) for q in combinations(range(count), quorum)]
        assert all(first & second for first in quorums for second in quorums)

    def test_reports_are_signed_by_the_new_ones_from_then_on(self, world):
        new = sorted([key("a"), key("b"), key("c")], key=lambda one: int(one.address, 16))
        world.feed.set_publishers([one.address for one in new], 2, sender=world.owner)
        world.submit(prices(NOW, {0: 100}), new[1:])
        assert world.newest()


class TestDropping:
    def test_one_who_is_no_publisher_is_refused(self, world):
        for address in (STRANGER.address, KEYS[5].address, "0x" + "00" * 20):
            with world.refused("not a publisher"):
                world.feed.drop_publisher(address, sender=world.guardian)

    def test_below_the_quorum_is_refused(self, world):
        for one in world.keys[:2]:
            world.feed.drop_publisher(one.address, sender=world.guardian)
        for one in world.keys[2:]:
            with world.refused("fewer than the quorum"):
                world.feed.drop_publisher(one.address, sender=world.guardian)

    @pytest.mark.parametrize("place", range(5))
    def test_takes_one_off_the_list_and_keeps_the_order(self, world, place):
        dropped = ADDRESSES[place]
        world.feed.drop_publisher(dropped, sender=world.guardian)
        (event,) = world.feed.get_logs()
        assert (event.publisher, event.by) == (dropped, world.guardian)
        assert world.feed.publishers() == [a for a in ADDRESSES[:5] if a != dropped]
        assert world.feed.quorum() == 3

    def test_a_dropped_one_no_longer_counts_and_the_rest_do(self, world):
        world.feed.drop_publisher(ADDRESSES[0], sender=world.guardian)
        report = prices(NOW, {0: 100})
        with world.refused("not signed by the publishers"):
            world.submit(report, world.keys[:3])
        world.submit(report, world.keys[1:4])

    @pytest.mark.parametrize(("count", "quorum"), MAJORITIES)
    def test_keeps_the_quorum_a_majority(self, count, quorum):
        world = World(publishers=count, quorum=quorum)
        for one in world.keys[: count - quorum]:
            world.feed.drop_publisher(one.address, sender=world.guardian)
        left = len(world.feed.publishers())
        assert left == quorum == world.feed.quorum()
        assert 2 * quorum > left

    def test_the_owner_may_too(self, world):
        world.feed.drop_publisher(ADDRESSES[0], sender=world.owner)
        assert len(world.feed.publishers()) == 4


class TestConviction:
    FIRST, SECOND = prices(NOW, {0: 100}), prices(NOW, {0: 101})

    def convict(self, world, first, second, signers=None, domain=None):
        one, other = signers or (world.keys[1], world.keys[1])
        domain = domain or world.domain
        world.feed.convict(
            (first.observed_at, list(first.boards)),
            first.sign(domain, one),
            (second.observed_at, list(second.boards)),
            second.sign(domain, other),
        )

    def test_for_reports_of_two_tiles_is_refused(self, world):
        with world.refused("not of the same seconds"):
            self.convict(world, self.FIRST, prices(NOW - TILE, {0: 101}))

    def test_for_one_report_twice_is_refused(self, world):
        with world.refused("the same report"):
            self.convict(world, self.FIRST, self.FIRST)

    def test_of_two_who_signed_one_each_is_refused(self, world):
        with world.refused("not of the same signer"):
            self.convict(world, self.FIRST, self.SECOND, world.keys[1:3])

    def test_for_a_report_not_signed_is_refused(self, world):
        signature = self.FIRST.sign(world.domain, world.keys[1])
        for forged in (signature, (b"\0" * 32, b"\0" * 32)):
            with world.refused("not of the same signer"):
                world.feed.convict(
                    (NOW, list(self.FIRST.boards)), signature,
                    (NOW, list(self.SECOND.boards)), forged,
                )  # fmt: skip

    def test_of_nobody_is_refused(self, world):
        """Two signatures that recover no one are of the same nobody."""
        zero = (b"\0" * 32, b"\0" * 32)
        with world.refused("not a publisher"):
            world.feed.convict(
                (NOW, list(self.FIRST.boards)), zero, (NOW, list(self.SECOND.boards)), zero
            )

    def test_of_a_stranger_is_refused(self, world):
        with world.refused("not a publisher"):
            self.convict(world, self.FIRST, self.SECOND, (STRANGER, STRANGER))

    @pytest.mark.parametrize("off", [{"chain_id": 10}, {"feed": "0x" + "11" * 20}])
    def test_for_reports_to_another_feed_is_refused(self, world, off):
        """Signatures for another domain recover strangers here, and each another one."""
        domain = Domain(**{**vars(world.domain), **off})
        with world.refused("not of the same signer"):
            self.convict(world, self.FIRST, self.SECOND, domain=domain)

    def test_twice_for_one_lie_is_refused(self, world):
        self.convict(world, self.FIRST, self.SECOND)
        with world.refused("not a publisher"):
            self.convict(world, self.SECOND, self.FIRST)

    @pytest.mark.parametrize(
        "other",
        [
            prices(NOW, {0: 101}),
            prices(NOW, {0: 100, 4: 1}),
            prices(NOW, {4: 100}),
            Report(NOW, ()),
        ],
    )
    def test_by_anyone_for_any_other_report_of_the_tile(self, world, other):
        accuser = boa.env.generate_address("accuser")
        with boa.env.prank(accuser):
            self.convict(world, self.FIRST, other)
        (event,) = world.feed.get_logs()
        assert (event.publisher, event.by) == (ADDRESSES[1], accuser)
        assert event.observed_at == NOW
        assert world.feed.publishers() == [ADDRESSES[i] for i in (0, 2, 3, 4)]
        assert world.feed.quorum() == 3

    def test_however_long_ago_and_whether_or_not_it_was_stored(self, world):
        boa.env.timestamp = NOW + 10**8
        self.convict(world, self.FIRST, self.SECOND)
        assert ADDRESSES[1] not in world.feed.publishers()

    def test_ends_the_weight_of_his_signature(self, world):
        self.convict(world, self.FIRST, self.SECOND)
        with world.refused("not signed by the publishers"):
            world.submit(self.FIRST, world.keys[:3])
        world.submit(self.FIRST, [world.keys[i] for i in (0, 2, 3)])

    def test_of_one_who_is_named_again_takes_the_same_proof(self, world):
        """What was scheduled before may name him without meaning to."""
        for _ in range(2):
            self.convict(world, self.FIRST, self.SECOND)
            assert ADDRESSES[1] not in world.feed.publishers()
            world.feed.set_publishers(ADDRESSES[:5], 3, sender=world.owner)

    def test_below_the_quorum_stops_reports_until_the_owner_names_publishers(self, world):
        for liar in world.keys[:3]:
            self.convict(world, self.FIRST, self.SECOND, (liar, liar))
        honest = world.keys[3:]
        assert world.feed.publishers() == [one.address for one in honest]
        with world.refused("too few signatures"):
            world.submit(self.FIRST, honest)
        with world.refused("not signed by the publishers"):
            world.submit(self.FIRST, world.keys[2:])
        for one in honest:
            with world.refused("fewer than the quorum"):
                world.feed.drop_publisher(one.address, sender=world.guardian)
        world.feed.set_publishers([one.address for one in honest], 2, sender=world.owner)
        world.submit(self.FIRST, honest)
        assert world.newest()

    def test_of_all_leaves_none(self, world):
        for liar in world.keys:
            self.convict(world, self.FIRST, self.SECOND, (liar, liar))
        assert world.feed.publishers() == []
        with world.refused("too few signatures"):
            world.submit(self.FIRST, [])
