"""`clearway.reports` signs what the contract verifies."""

import boa
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from clearway.reports import REPORT_TYPE, Domain, Report, SignedReport
from clearway.spec import price_words
from clearway.spec.quotes import Quote
from tests.feed.world import NOW, STRANGER, WAD, World, prices

REPORTS = st.builds(
    Report,
    st.integers(0, 2**256 - 1),
    st.lists(st.integers(0, 2**256 - 1), max_size=8).map(tuple),
)


@pytest.fixture(scope="module")
def feed_world() -> World:
    return World()


def signed_data(report: Report, domain: Domain):
    message = {"observedAt": report.observed_at, "boards": list(report.boards)}
    return encode_typed_data(domain.as_dict(), REPORT_TYPE, message)


class TestASignature:
    @given(REPORTS)
    def test_is_of_the_digest_that_the_contract_computes(self, feed_world, report):
        data = signed_data(report, feed_world.domain)
        expected = keccak(b"\x19" + data.version + data.header + data.body)
        assert feed_world.feed.digest((report.observed_at, list(report.boards))) == expected

    @given(REPORTS)
    def test_recovers_its_signer(self, feed_world, report):
        r, vs = report.sign(feed_world.domain, STRANGER)
        number = int.from_bytes(vs, "big")
        s, v = number % 2**255, 27 + (number >> 255)
        data = signed_data(report, feed_world.domain)
        whole = r + s.to_bytes(32, "big") + bytes([v])
        assert Account.recover_message(data, signature=whole) == STRANGER.address

    @given(REPORTS)
    def test_fits_in_64_bytes_for_s_is_the_lower_one(self, feed_world, report):
        r, vs = report.sign(feed_world.domain, STRANGER)
        assert len(r) == len(vs) == 32

    def test_is_for_one_feed_on_one_chain(self, feed_world):
        report, domain = prices(NOW, {0: 100}), feed_world.domain
        others = Domain(domain.chain_id + 1, domain.feed), Domain(domain.chain_id, "0x" + "11" * 20)
        signatures = {report.sign(one, STRANGER) for one in (domain, *others)}
        assert len(signatures) == 3

    def test_is_the_same_each_time(self, feed_world):
        """So a publisher who is asked twice doesn't sign twice."""
        report = prices(NOW, {0: 100})
        first, second = (report.sign(feed_world.domain, STRANGER) for _ in range(2))
        assert first == second

    def test_takes_an_address_in_any_letters(self, feed_world):
        report, domain = prices(NOW, {0: 100}), feed_world.domain
        lower = Domain(domain.chain_id, str(domain.feed).lower())
        assert report.sign(lower, STRANGER) == report.sign(domain, STRANGER)


class TestAReport:
    def test_carries_quotes_by_market(self):
        report = Report.of(NOW, {5: Quote(3 * WAD, 0), 0: Quote(2 * WAD, WAD // 100)})
        first, second = report.boards
        assert (price_words.time_of(first), price_words.time_of(second)) == (0, 1)
        assert price_words.price_of(price_words.lane_of(first, 0)) == 2 * WAD
        assert price_words.price_of(price_words.lane_of(second, 1)) == 3 * WAD


class TestASignedReport:
    def test_has_signatures_in_the_publishers_order_whatever_the_signers(self, feed_world):
        report = prices(NOW, {0: 100})
        publishers = feed_world.feed.publishers()
        orders = (feed_world.keys, feed_world.keys[::-1])
        one, other = (
            SignedReport.by(report, feed_world.domain, publishers, order) for order in orders
        )
        assert one == other

    def test_is_what_the_feed_takes(self, feed_world):
        signed = feed_world.signed(prices(NOW, {0: 100}), feed_world.keys[::-1])
        feed_world.feed.submit(*signed.as_arguments())
        assert feed_world.feed.price(0).price == 100 * WAD
        assert boa.env.timestamp == NOW
