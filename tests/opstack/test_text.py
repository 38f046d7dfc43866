"""What people read is exact, short, and never breaks over strange numbers."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.opstack import abi
from clearway.opstack.addresses import L2_BRIDGE, L2_MESSENGER
from clearway.opstack.messages import Message, Withdrawal
from clearway.opstack.text import (
    amount,
    description,
    duration,
    l1_token_of,
    moment,
    parties,
    short,
)

ALICE = "0x1a1E021A302C237453D3D45c7B82B19cEEB7E2e6"
BOB = "0x00B700B9da0053009cb84400Ed1e8Fe251002aF3"
TOKEN = "0x976EA74026E726554dB657fA54763abd0C3a0aa9"
TOKENS = {TOKEN: ("USDX", 6)}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_661, "1 h 1 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d"),
        (604_801, "7 d 1 s"),
        (604_799, "6 d 23 h"),
    ],
)
def test_a_duration_is_told_by_its_two_largest_parts(seconds, shown):
    assert duration(seconds) == shown


def test_a_moment_is_told_in_utc():
    assert moment(0) == "1970-01-01 00:00:00 UTC"
    assert moment(1_700_000_000) == "2023-11-14 22:13:20 UTC"


@given(timestamp=st.integers(0, 2**64 - 1))
def test_any_timestamp_can_be_told(timestamp):
    """A contract may say any; AggregateVerifier says the greatest for "never"."""
    assert moment(timestamp)


@pytest.mark.parametrize(
    ("units", "decimals", "shown"),
    [
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (10**18, 18, "1"),
        (15 * 10**17, 18, "1.5"),
        (1_000_000, 6, "1"),
        (100, 0, "100"),
        (5, 0, "5"),
        (10**33 + 1, 18, "1000000000000000.000000000000000001"),
    ],
)
def test_an_amount_is_told_exactly(units, decimals, shown):
    assert amount(units, decimals) == shown


@given(units=st.integers(0, 2**256 - 1), decimals=st.integers(0, 77))
def test_an_amount_can_be_read_back(units, decimals):
    with localcontext(prec=200):
        assert Decimal(amount(units, decimals)) * 10**decimals == units


def test_a_hash_is_shortened_to_its_ends():
    assert short("0x" + "ab" * 32) == "0xababab…abab"


def carrying(
    inner: bytes, value: int = 0, by: str = L2_BRIDGE, through: str = L2_MESSENGER
) -> Withdrawal:
    """Return a withdrawal as the messenger makes it of a message of `by`."""
    message = Message(2**240, by, ALICE, value, 0, inner)
    return Withdrawal(2**240, through, ALICE, value, 0, message.relay_calldata())


class TestDescription:
    def test_of_ether_sent_plainly(self):
        withdrawal = Withdrawal(0, ALICE, ALICE, 25 * 10**17, 0, b"")
        assert description(withdrawal, TOKENS) == "2.5 ETH"

    def test_of_a_call(self):
        assert description(Withdrawal(0, ALICE, ALICE, 0, 0, b"\x01"), TOKENS) == "a call"

    def test_of_bridged_ether(self):
        inner = abi.Bridge.FINALIZE_ETH.encode(ALICE, ALICE, 10**18, b"")
        assert description(carrying(inner, 10**18), TOKENS) == "1 ETH"

    def test_of_bridged_tokens(self):
        inner = abi.Bridge.FINALIZE_TOKEN.encode(TOKEN, ALICE, ALICE, ALICE, 1_500_000, b"")
        assert description(carrying(inner), TOKENS) == "1.5 USDX"
        assert description(carrying(inner), {}) == "1500000 units of 0x976EA7…0aa9"

    def test_of_a_message(self):
        said = b"\x01\x02\x03\x04"
        assert description(carrying(said, by=ALICE), {}) == "message to 0x1a1E02…E2e6"
        assert "with 2 ETH" in description(carrying(b"", 2 * 10**18, by=ALICE), {})

    @pytest.mark.parametrize(
        "forged",
        [
            {"by": ALICE},  # through the messenger, in the bridge's words
            {"through": ALICE},  # in the messenger's words
        ],
    )
    def test_of_words_that_are_not_the_bridges(self, forged):
        inner = abi.Bridge.FINALIZE_TOKEN.encode(TOKEN, ALICE, ALICE, ALICE, 10**12, b"")
        withdrawal = carrying(inner, **forged)
        assert description(withdrawal, TOKENS) in ("message to 0x1a1E02…E2e6", "a call")
        assert l1_token_of(withdrawal) is None

    @given(data=st.binary(max_size=300), function=st.sampled_from(["ETH", "TOKEN"]))
    def test_of_anything_in_the_bridges_name(self, data, function):
        selector = getattr(abi.Bridge, f"FINALIZE_{function}").selector
        for withdrawal in (
            carrying(selector + data),
            Withdrawal(0, L2_MESSENGER, ALICE, 0, 0, abi.Messenger.RELAY.selector + data),
        ):
            assert description(withdrawal, TOKENS)
            assert len(parties(withdrawal)) == 2
            l1_token_of(withdrawal)


class TestParties:
    def test_of_what_is_bridged_are_those_the_bridge_names(self):
        ether = abi.Bridge.FINALIZE_ETH.encode(BOB, TOKEN, 1, b"")
        tokens = abi.Bridge.FINALIZE_TOKEN.encode(TOKEN, ALICE, BOB, TOKEN, 1, b"")
        assert parties(carrying(ether)) == (BOB, TOKEN)
        assert parties(carrying(tokens)) == (BOB, TOKEN)
        assert l1_token_of(carrying(tokens)) == TOKEN
        assert l1_token_of(carrying(ether)) is None

    def test_of_a_message_are_its_ends(self):
        assert parties(carrying(b"", by=BOB)) == (BOB, ALICE)

    def test_of_a_plain_withdrawal_are_its_own(self):
        assert parties(Withdrawal(0, BOB, ALICE, 1, 0, b"")) == (BOB, ALICE)
