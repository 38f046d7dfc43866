"""Encodings and hashes, against numbers that others published and against the compiled contracts.

Each vector names its source: a repository and a path, or a transaction of a live chain.
"""

import boa
import pytest
from eth_bloom import BloomFilter
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from clearway.devnet.artifacts import runtime
from clearway.opstack.abi import MessagePasser, Portal
from clearway.opstack.addresses import (
    DEPOSITOR,
    L1_BLOCK,
    L2_MESSENGER,
    MESSAGE_PASSER,
    ZERO_ADDRESS,
    address_from_word,
    alias,
    parse_address,
    unalias,
)
from clearway.opstack.errors import BadInput, BridgeError, RpcNonsense
from clearway.opstack.messages import (
    L1_ATTRIBUTES_DOMAIN,
    USER_DEPOSIT_DOMAIN,
    Deposit,
    L1Attributes,
    Message,
    OutputProof,
    Withdrawal,
    deposits_in,
    is_event,
    logs_bloom,
    rlp_integer,
    source_hash,
    tohex,
    unhex,
    withdrawals_in,
    word_to_address,
)

PORTAL = "0xbEb5Fc579115071764c7423A4f12eDde41f106Ed"
ALICE = "0x1a1E021A302C237453D3D45c7B82B19cEEB7E2e6"
BOB = "0x976EA74026E726554dB657fA54763abd0C3a0aa9"

WORDS = st.binary(min_size=32, max_size=32)
ADDRESSES = st.binary(min_size=20, max_size=20).map(tohex)
AMOUNTS = st.integers(0, 2**256 - 1)
CALLDATA = st.binary(max_size=100)


def word(value: int | str) -> str:
    return f"0x{(int(value, 16) if isinstance(value, str) else value):064x}"


def dynamic(*words: int | bytes, tail: bytes) -> str:
    """Spell out ABI data: static words, an offset to the tail, then (with bytes last) the rest."""
    head = b"".join(w if isinstance(w, bytes) else w.to_bytes(32, "big") for w in words)
    padded = tail + bytes(-len(tail) % 32)
    return tohex(head + len(tail).to_bytes(32, "big") + padded)


def deposit_log(
    opaque: bytes,
    sender: str = ALICE,
    to: str = ALICE,
    version: int = 0,
    block_hash: str = "0x" + "11" * 32,
    index: int = 0,
) -> dict:
    return {
        "address": PORTAL,
        "topics": [
            tohex(Portal.TRANSACTION_DEPOSITED.topic),
            word(sender),
            word(to),
            word(version),
        ],
        "data": dynamic(32, tail=opaque),
        "blockHash": block_hash,
        "logIndex": hex(index),
    }


def opaque_data(mint: int, value: int, gas: int, is_creation: bool, data: bytes) -> bytes:
    return (
        mint.to_bytes(32, "big")
        + value.to_bytes(32, "big")
        + gas.to_bytes(8, "big")
        + bytes([is_creation])
        + data
    )


class TestSourceHash:
    # wevm/viem, src/op-stack/utils/getSourceHash.test.ts
    BLOCK = unhex("0x9ba3933dc6ce43c145349770a39c30f9b647f17668f004bd2e05c80a2e7262f7")

    @pytest.mark.parametrize(
        ("domain", "position", "published"),
        [
            (
                USER_DEPOSIT_DOMAIN,
                196,
                "0xd0868c8764d81f1749edb7dec4a550966963540d9fe50aefce8cdb38ea7b2213",
            ),
            (
                L1_ATTRIBUTES_DOMAIN,
                1,
                "0x722c43232e2f9dc07ebc07a02a3056993a2ed1328a1c81377ea99d135af39536",
            ),
        ],
    )
    def test_is_as_published(self, domain, position, published):
        assert tohex(source_hash(domain, self.BLOCK, position)) == published

    @given(block=WORDS, position=st.integers(0, 2**64))
    def test_the_domains_never_meet(self, block, position):
        assert source_hash(0, block, position) != source_hash(1, block, position)


class TestDeposit:
    def test_a_hash_is_as_published(self):
        # bobanetwork/op-erigon, core/types/deposit_tx_test.go
        deposit = Deposit(
            source_hash=unhex("0xc9fa17cc88928d8303f4efcc0053ddbd8c5baea5ed4c1da2efd019833070c182"),
            sender=BOB,
            to=BOB,
            mint=10**12,
            value=0,
            gas=1_000_000,
            data=b"",
        )
        published = "0x5c7753e59abb0904e0e70a28f4d24458cf20c2b5b491365411ce54a662874197"
        assert tohex(deposit.hash) == published

    def test_a_log_gives_the_published_l2_hash(self):
        # wevm/viem, src/op-stack/utils/getL2TransactionHash.test.ts
        log = deposit_log(
            opaque_data(0, 69, 21_000, False, b""),
            block_hash="0x634c52556471c589f42db9131467e0c9484f5c73049e32d1a74e2a4ce0f91d57",
            index=109,
        )
        (deposit,) = deposits_in([log], PORTAL)
        published = "0x0a60b983815ed475c5919609025204a479654d93afc610feca7d99ae0befc329"
        assert tohex(deposit.hash) == published

    @pytest.mark.parametrize(
        ("mint", "value", "gas", "is_creation", "data"),
        [
            # wevm/viem, src/op-stack/utils/opaqueDataToDepositData.test.ts
            (420, 69, 21_100, True, b"\xde\xad\xbe\xef"),
            (0, 69, 21_100, True, b"\xde\xad\xbe\xef"),
            (0, 0, 21_100, True, b"\xde\xad\xbe\xef"),
            (0, 0, 0, True, b"\xde\xad\xbe\xef"),
            (0, 0, 0, False, b"\xde\xad\xbe\xef"),
            (0, 0, 0, False, b""),
            # the widest of each
            (2**256 - 1, 2**256 - 1, 2**64 - 1, True, bytes(1000)),
        ],
    )
    def test_opaque_data_is_read_as_it_was_packed(self, mint, value, gas, is_creation, data):
        deposit = Deposit.from_log(deposit_log(opaque_data(mint, value, gas, is_creation, data)))
        assert (deposit.mint, deposit.value, deposit.gas, deposit.data) == (mint, value, gas, data)
        assert deposit.to == (None if is_creation else ALICE)

    def test_two_deposits_in_one_block_differ_by_their_place(self):
        opaque = opaque_data(1, 1, 21_000, False, b"")
        first, second = deposits_in([deposit_log(opaque, index=i) for i in (3, 4)], PORTAL)
        assert first.hash != second.hash

    def test_the_same_deposit_in_another_block_has_another_hash(self):
        opaque = opaque_data(1, 1, 21_000, False, b"")
        hashes = {
            Deposit.from_log(deposit_log(opaque, block_hash="0x" + digit * 64)).hash
            for digit in "12"
        }
        assert len(hashes) == 2

    def test_a_creation_to_zero_is_no_call_of_zero(self):
        opaque = [opaque_data(0, 0, 21_000, creates, b"") for creates in (True, False)]
        creation, call = (Deposit.from_log(deposit_log(o, to=ZERO_ADDRESS)) for o in opaque)
        assert creation.hash != call.hash

    def test_logs_of_other_contracts_and_events_are_passed_over(self):
        mine = deposit_log(opaque_data(1, 1, 21_000, False, b""))
        strangers = {**mine, "address": ALICE}
        other = {**mine, "topics": [word(1), *mine["topics"][1:]]}
        anonymous = {**mine, "topics": []}
        assert deposits_in([strangers, other, anonymous], PORTAL) == []
        assert len(deposits_in([strangers, mine], PORTAL.lower())) == 1

    @pytest.mark.parametrize(
        "log",
        [
            deposit_log(opaque_data(1, 1, 21_000, False, b""), version=1),
            deposit_log(opaque_data(1, 1, 21_000, False, b"")[:72]),
            {**deposit_log(b"\0" * 73), "data": "0x"},
            {**deposit_log(b"\0" * 73), "topics": deposit_log(b"")["topics"][:2]},
        ],
        ids=["another version", "opaque data cut off", "no data", "too few topics"],
    )
    def test_a_log_that_cannot_be_read_is_the_rpcs_fault(self, log):
        with pytest.raises(RpcNonsense) as caught:
            deposits_in([log], PORTAL)
        assert caught.value.advice


class TestL1Attributes:
    # Base mainnet, the first transaction of block 26284813:
    # 0x096c03d72acb06339c9c7860d1c36b6451932ec0ff16fd34aa9e30a73a245e13
    ATTRIBUTES = L1Attributes(
        number=0x14D1F2D,
        timestamp=0x67ACC63F,
        base_fee=0x5BA4C0EB,
        blob_base_fee=0x1CE2291BD,
        block_hash=unhex("0xcbb8f62c15343b39cfacdbf81c4747822ebb16c2518126e47d984422a82defc1"),
        sequence_number=3,
        batcher="0x5050F69a9786F081509234F1a7F4684b5E5b76C9",
        base_fee_scalar=0x8DD,
        blob_base_fee_scalar=0x101C12,
    )

    def test_the_transaction_is_as_on_the_live_chain(self):
        deposit = self.ATTRIBUTES.as_deposit()
        source = "0x990d7122a1f121f3a6bc45723e28f4921c269037a77e77ffee3c8585136d1a92"
        hash_ = "0x096c03d72acb06339c9c7860d1c36b6451932ec0ff16fd34aa9e30a73a245e13"
        assert tohex(deposit.source_hash) == source
        assert tohex(deposit.hash) == hash_

    def test_it_goes_from_the_depositor_to_the_l1_block(self):
        deposit = self.ATTRIBUTES.as_deposit()
        assert (deposit.sender, deposit.to) == (DEPOSITOR, L1_BLOCK)
        assert not deposit.is_system


class TestAlias:
    @pytest.mark.parametrize(
        ("on_l1", "on_l2"),
        [
            # ethereum-optimism/optimism, packages/core-utils/test/optimism/alias.spec.ts
            (ZERO_ADDRESS, "0x1111000000000000000000000000000000001111"),
            ("0x" + "F" * 40, "0x1111000000000000000000000000000000001110"),
            # OP mainnet: who calls the L2 messenger for the L1 messenger
            (
                "0x25ace71c97B33Cc4729CF772ae268934F7ab5fA1",
                "0x36BDE71C97B33Cc4729cf772aE268934f7AB70B2",
            ),
        ],
    )
    def test_is_as_published(self, on_l1, on_l2):
        assert alias(on_l1).lower() == on_l2.lower()
        assert unalias(on_l2).lower() == on_l1.lower()

    @given(address=ADDRESSES)
    def test_can_be_undone(self, address):
        assert unalias(alias(address)).lower() == address
        assert alias(unalias(address)).lower() == address


class TestAddresses:
    @given(address=st.binary(min_size=20, max_size=20), dirt=st.binary(min_size=12, max_size=12))
    def test_an_address_is_the_end_of_a_word(self, address, dirt):
        assert unhex(address_from_word(dirt + address)) == address
        assert word_to_address(tohex(dirt + address)) == address_from_word(dirt + address)

    @pytest.mark.parametrize("text", ["", "0x", "alice.eth", "0x" + "1" * 39, ALICE + "0"])
    def test_what_is_no_address_is_refused_with_its_name(self, text):
        with pytest.raises(BadInput, match="the receiver") as caught:
            parse_address(text, "the receiver")
        assert caught.value.advice

    def test_a_wrong_checksum_is_refused(self):
        with pytest.raises(BadInput):
            parse_address(ALICE.swapcase().replace("X", "x"), "the receiver")

    def test_lower_case_gains_its_checksum(self):
        assert parse_address(ALICE.lower(), "the receiver") == ALICE


class TestWithdrawal:
    # OP mainnet, 0x7b5cedccfaf9abe6ce3d07982f57bcb9176313b019ff0fc602a0b70342fe3147, as in
    # wevm/viem, src/op-stack/utils/getWithdrawals.test.ts
    BRIDGED = Withdrawal(
        nonce=1766847064778384329583297500742918515827483896875618958121606201292631369,
        sender=L2_MESSENGER,
        target="0x25ace71c97B33Cc4729CF772ae268934F7ab5fA1",
        value=13_000_000_000_000_000,
        gas_limit=287_624,
        data=unhex(
            "0xd764ad0b"
            "0001000000000000000000000000000000000000000000000000000000002d49"
            "0000000000000000000000004200000000000000000000000000000000000010"
            "00000000000000000000000099c9fc46f92e8a1c0dec1b1747d010903e884be1"
            "000000000000000000000000000000000000000000000000002e2f6e5e148000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "00000000000000000000000000000000000000000000000000000000000000c0"
            "00000000000000000000000000000000000000000000000000000000000000a4"
            "1635f5fd"
            "000000000000000000000000bcce5f55dfda11600e48e91598ad0f8645466142"
            "000000000000000000000000bcce5f55dfda11600e48e91598ad0f8645466142"
            "000000000000000000000000000000000000000000000000002e2f6e5e148000"
            "0000000000000000000000000000000000000000000000000000000000000080"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "00000000000000000000000000000000000000000000000000000000"
        ),
    )
    # OP mainnet, 0x3107023b21569799804933e8fbf564d9b89d547b06ab64ffb8b3b671dfc76a85, as in
    # wevm/viem, src/op-stack/actions/buildProveWithdrawal.test.ts
    APPROVAL = Withdrawal(
        nonce=1766847064778384329583297500742918515827483896875618958121606201292636411,
        sender="0x00B700B9da0053009cb84400Ed1e8Fe251002aF3",
        target="0x9175746E1fb611843CEC72ae4d6fa13c6184C9d0",
        value=0,
        gas_limit=200_000,
        data=unhex(
            "0x095ea7b3"
            "00000000000000000000000000b700b9da0053009cb84400ed1e8fe251002af3"
            "0000000000ffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        ),
    )
    # OP Sepolia, the log of 0x078be3962b143952b4fd8567640b14c3682b8a941000c7d92394faf0e40cb1e8, as
    # in wevm/viem, src/op-stack/utils/extractWithdrawalMessageLogs.test.ts
    LOG = {  # noqa: RUF012
        "address": MESSAGE_PASSER,
        "topics": [
            "0x02a52367d10742d8032712c1bb8e0144ff1ec5ffda1ed7d70bb05a2744955054",
            "0x00010000000000000000000000000000000000000000000000000000000000b5",
            "0x0000000000000000000000001a1e021a302c237453d3d45c7b82b19ceeb7e2e6",
            "0x0000000000000000000000001a1e021a302c237453d3d45c7b82b19ceeb7e2e6",
        ],
        "data": (
            "0x0000000000000000000000000000000000000000000000000000000000000045"
            "0000000000000000000000000000000000000000000000000000000000005208"
            "0000000000000000000000000000000000000000000000000000000000000080"
            "319fb0748049a3cffd0d3dc9ab6eff9d9fe06b38157a7183180e3d190dd2825b"
            "0000000000000000000000000000000000000000000000000000000000000000"
        ),
    }

    @pytest.mark.parametrize(
        ("withdrawal", "published"),
        [
            (BRIDGED, "0x178f1e0216fb50bef160eb8af7d1d98000026a84371cef4a13d8d79996cc8589"),
            (APPROVAL, "0xabb9f726072587989b9083f58e3dee0c825ba85c63d347f8f5a317e9b15f1044"),
        ],
    )
    def test_hash_is_as_on_the_live_chain(self, withdrawal, published):
        assert tohex(withdrawal.hash) == published

    def test_a_live_log_is_read_whole(self):
        (withdrawal,) = withdrawals_in([self.LOG])
        nonce = 2**240 + 0xB5  # message version 1
        assert withdrawal.as_tuple() == (nonce, ALICE, ALICE, 69, 21_000, b"")

    def test_slot_is_as_published(self):
        # wevm/viem, src/op-stack/utils/getWithdrawalHashStorageSlot.test.ts
        withdrawal = Withdrawal(0, ALICE, ALICE, 0, 0, b"")
        withdrawal.__dict__["hash"] = unhex(
            "0xB1C3824DEF40047847145E069BF467AA67E906611B9F5EF31515338DB0AABFA2"
        )
        published = "0x4a932049252365b3eedbc5190e18949f2ec11f39d3bef2d259764799a1b27d99"
        assert tohex(withdrawal.slot) == published

    def test_slot_is_where_the_live_trie_has_it(self):
        # The leaf that closes the storage proof of APPROVAL (same source), below four branches:
        # [path with its length marked, value 1].
        leaf = "e19f20afdae14e46b2f97d4b65e0b65afa0759de4ce31ddd28a065a6ca9e5360e001"
        path = leaf[len("e19f20") : -len("01")]
        assert keccak(self.APPROVAL.slot).hex()[4:] == path

    @pytest.mark.parametrize("place", ["topics", "data"])
    def test_a_log_that_contradicts_its_hash_is_the_rpcs_fault(self, place):
        log = dict(self.LOG)
        if place == "topics":
            log["topics"] = [*log["topics"][:3], word(BOB)]
        else:
            log["data"] = log["data"].replace("45", "46", 1)
        with pytest.raises(RpcNonsense) as caught:
            withdrawals_in([log])
        assert caught.value.advice

    def test_a_log_cut_off_is_the_rpcs_fault(self):
        with pytest.raises(RpcNonsense):
            withdrawals_in([{**self.LOG, "data": self.LOG["data"][:66]}])

    def test_only_the_message_passer_is_believed(self):
        assert withdrawals_in([{**self.LOG, "address": ALICE}]) == []

    @given(fields=st.tuples(AMOUNTS, ADDRESSES, ADDRESSES, AMOUNTS, AMOUNTS, CALLDATA))
    def test_hash_is_of_every_field(self, fields):
        withdrawal = Withdrawal(*fields)
        for place, other in enumerate((0, ZERO_ADDRESS, ZERO_ADDRESS, 0, 0, b"")):
            changed = Withdrawal(*fields[:place], other, *fields[place + 1 :])
            assert (changed.hash == withdrawal.hash) == (other == fields[place])

    @given(
        amounts=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS),
        parties=st.tuples(ADDRESSES, ADDRESSES),
        data=CALLDATA,
    )
    def test_hash_is_the_contracts_own(self, amounts, parties, data):
        """Spelled out word by word: `abi.encode` of `Hashing.hashWithdrawal`."""
        (nonce, value, gas_limit), (sender, target) = amounts, parties
        withdrawal = Withdrawal(nonce, sender, target, value, gas_limit, data)
        words = [nonce, int(sender, 16), int(target, 16), value, gas_limit, 6 * 32]
        assert withdrawal.hash == keccak(unhex(dynamic(*words, tail=data)))


class TestMessage:
    MESSAGE = Message.from_calldata(TestWithdrawal.BRIDGED.data)

    def test_is_what_the_bridge_said(self):
        message = self.MESSAGE
        assert message.nonce == 2**240 + 0x2D49
        assert message.sender == "0x4200000000000000000000000000000000000010"
        assert message.target == "0x99C9fc46f92E8a1c0deC1b1747d010903E884bE1"
        assert (message.value, message.min_gas) == (13_000_000_000_000_000, 0)
        assert message.data[:4].hex() == "1635f5fd"

    def test_travels_there_and_back(self):
        assert self.MESSAGE.relay_calldata() == TestWithdrawal.BRIDGED.data

    def test_hash_is_the_messengers_own(self):
        """No number was found published: the compiled messenger computes it here."""
        messenger = boa.env.generate_address()
        boa.env.set_code(messenger, runtime("L2CrossDomainMessenger"))
        # Not initialized, it takes the alias of zero for its peer, and fails every message.
        peer = alias(ZERO_ADDRESS)
        boa.env.set_balance(peer, self.MESSAGE.value)
        computation = boa.env.execute_code(
            messenger,
            sender=peer,
            data=self.MESSAGE.relay_calldata(),
            value=self.MESSAGE.value,
        )
        ((_, _, topics, _),) = computation.get_raw_log_entries()
        assert topics[0] == int.from_bytes(keccak(text="FailedRelayedMessage(bytes32)"), "big")
        assert topics[1] == int.from_bytes(self.MESSAGE.hash, "big")

    @pytest.mark.parametrize("calldata", [b"", b"\xd7\x64", b"\0" * 200])
    def test_another_call_carries_none(self, calldata):
        assert Message.from_calldata(calldata) is None

    @given(garbage=st.binary(max_size=300))
    def test_garbage_behind_the_right_selector_carries_none_or_a_message(self, garbage):
        """Anyone may send a withdrawal with any data."""
        message = Message.from_calldata(TestWithdrawal.BRIDGED.data[:4] + garbage)
        assert message is None or isinstance(message, Message)

    @given(place=st.integers(0, 5), lie=AMOUNTS)
    def test_a_lie_in_one_word_carries_none_or_a_message(self, place, lie):
        calldata = bytearray(TestWithdrawal.BRIDGED.data)
        calldata[4 + 32 * place : 36 + 32 * place] = lie.to_bytes(32, "big")
        message = Message.from_calldata(bytes(calldata))
        assert message is None or isinstance(message, Message)


class TestOutputProof:
    # op-rs/kona, crates/protocol/protocol/src/output_root.rs
    def test_root_is_as_published(self):
        parts = [number.to_bytes(32, "big") for number in (0xBEEF, 0xBABE, 0xC0DE)]
        published = "0x0c39fb6b07cf6694b13e63e59f7b15255be1c93a4d6d3e0da6c99729647c0d11"
        assert tohex(OutputProof(*parts).root) == published

    @given(parts=st.tuples(WORDS, WORDS, WORDS))
    def test_tuple_is_the_preimage(self, parts):
        assert OutputProof(*parts).as_tuple() == (bytes(32), *parts)
        assert OutputProof(*parts).root == keccak(bytes(32) + b"".join(parts))


class TestBloom:
    def test_is_as_published(self):
        # ethereum/go-ethereum, core/types/bloom9_test.go, TestBloomExtensively
        items = [tohex(f"xxxxxxxxxx data {i} yyyyyyyyyyyyyy".encode()) for i in range(100)]
        bloom = logs_bloom([{"address": items[0], "topics": items[1:]}])
        published = "0xc8d3ca65cdb4874300a9e39475508f23ed6da09fdbc487f89a2dcf50b09eb263"
        assert tohex(keccak(bloom)) == published

    def test_of_no_logs_is_empty(self):
        assert logs_bloom([]) == bytes(256)

    @given(logs=st.lists(st.tuples(ADDRESSES, st.lists(WORDS.map(tohex), max_size=4)), max_size=5))
    def test_equals_another_implementation(self, logs):
        other = BloomFilter()
        for address, topics in logs:
            other.extend([unhex(address), *map(unhex, topics)])
        ours = logs_bloom([{"address": address, "topics": topics} for address, topics in logs])
        assert int.from_bytes(ours, "big") == int(other)


class TestHex:
    @given(data=st.binary(max_size=64))
    def test_hex_travels_there_and_back(self, data):
        assert unhex(tohex(data)) == data
        assert unhex(data.hex()) == data

    @pytest.mark.parametrize(
        ("number", "shortest"),
        [(0, ""), (1, "01"), (0x7F, "7f"), (0x100, "0100"), (2**64, "01" + "00" * 8)],
    )
    def test_integers_have_no_leading_zeros(self, number, shortest):
        assert rlp_integer(number).hex() == shortest

    def test_an_event_is_known_by_contract_and_topic(self):
        log = {"address": MESSAGE_PASSER, "topics": [tohex(MessagePasser.MESSAGE_PASSED.topic)]}
        assert is_event(log, MESSAGE_PASSER, MessagePasser.MESSAGE_PASSED)
        assert not is_event(log, ALICE, MessagePasser.MESSAGE_PASSED)
        assert not is_event(log, MESSAGE_PASSER, Portal.TRANSACTION_DEPOSITED)


def test_an_error_is_its_fact_and_its_advice():
    assert str(BridgeError("the RPC is silent", "use another")) == "the RPC is silent: use another"
    assert str(BridgeError("the RPC is silent")) == "the RPC is silent"
