"""A node may do anything; people get the right error, its facts and an advice."""

import socket

import pytest
from eth_abi import encode as abi_encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from clearway.opstack import chain as chain_module
from clearway.opstack.abi import MessagePasser, Portal, Token
from clearway.opstack.addresses import MESSAGE_PASSER, ZERO_ADDRESS
from clearway.opstack.chain import BATCH_SIZE, LOG_RANGE, Call, Chain, first_present, waiting
from clearway.opstack.errors import (
    BridgeError,
    InsufficientBalance,
    Reverted,
    RpcError,
    RpcNonsense,
    RpcUnavailable,
    TransactionFailed,
    UnknownTransaction,
    WrongChain,
)
from clearway.opstack.messages import logs_bloom, tohex
from tests.opstack.fakes import (
    Server,
    chain_saying,
    chain_with,
    refusal,
    result,
)

ALICE = "0x1a1E021A302C237453D3D45c7B82B19cEEB7E2e6"
HASH = b"\xaa" * 32
TRUE = "0x" + f"{1:064x}"

HEADER = {
    "number": "0x10",
    "hash": "0x" + "11" * 32,
    "timestamp": "0x20",
    "stateRoot": "0x" + "22" * 32,
    "baseFeePerGas": "0x7",
}
LOG = {"address": ALICE, "topics": ["0x" + "33" * 32], "data": "0x"}
RECEIPT = {
    "transactionHash": tohex(HASH),
    "status": "0x1",
    "blockNumber": "0x10",
    "logs": [LOG, {**LOG, "topics": []}],
    "logsBloom": tohex(logs_bloom([LOG])),
}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(chain_module, "RETRY_PAUSES", (0, 0, 0))


def own_id(request: dict) -> dict:
    return {"jsonrpc": "2.0", "id": request["id"]}


# What a server does with a request; the error; how often it is asked.
FAULTS = {
    "HTTP 429": (lambda _: (429, b"slow down"), RpcUnavailable, 4),
    "HTTP 502": (lambda _: (502, b"<html>bad gateway</html>"), RpcUnavailable, 4),
    "HTTP 502 with JSON in it": (lambda r: (502, own_id(r) | result("0x1")), RpcUnavailable, 4),
    "hangs up": (lambda _: None, RpcUnavailable, 4),
    "empty body": (lambda _: b"", RpcNonsense, 1),
    "truncated JSON": (lambda _: b'{"jsonrpc": "2.0", "id": 0, "resul', RpcNonsense, 1),
    "no text": (lambda _: b"\xff\xfe\x00", RpcNonsense, 1),
    "HTML with 200": (lambda _: b"<html>maintenance</html>", RpcNonsense, 1),
    "a number": (lambda _: 7, RpcNonsense, 1),
    "a string": (lambda _: "0x1", RpcNonsense, 1),
    "null": (lambda _: b"null", RpcNonsense, 1),
    "a list": (lambda _: [], RpcNonsense, 1),
    "a list of lists": (lambda _: [[[]]], RpcNonsense, 1),
    "an object without result": (own_id, RpcNonsense, 1),
    "another id": (lambda r: {"id": r["id"] + 1, "result": "0x1"}, RpcNonsense, 1),
    "no id": (lambda _: {"result": "0x1"}, RpcNonsense, 1),
    "an error with 200": (lambda r: own_id(r) | refusal("rate limited"), RpcError, 1),
    "an error without id": (lambda _: {"id": None} | refusal("parse error"), RpcError, 1),
    "an error that is a string": (lambda r: own_id(r) | {"error": "nope"}, RpcError, 1),
    "an error of nothing": (lambda r: own_id(r) | {"error": {}}, RpcError, 1),
    "an error with a strange code": (
        lambda r: own_id(r) | refusal("nope", code="E_FAIL"),
        RpcError,
        1,
    ),
    "an error with broken data": (lambda r: own_id(r) | refusal("nope", "0xzz"), RpcError, 1),
}


@pytest.mark.parametrize(("respond", "kind", "times"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_error_and_an_advice(respond, kind, times):
    with Server(respond) as server:
        with pytest.raises(BridgeError) as caught:
            server.chain().request("eth_blockNumber")
        assert type(caught.value) is kind
        assert caught.value.fact
        assert caught.value.advice
        assert "L1" in caught.value.fact
        assert len(server.requests) == times


@pytest.mark.parametrize(("respond", "kind", "_times"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_answer_to_a_batch_too(respond, kind, _times):
    def respond_to_any(request):
        return respond(request[0] if isinstance(request, list) else request)

    with Server(respond_to_any) as server, pytest.raises(kind):
        server.chain().calls([Call(ALICE, Token.DECIMALS), Call(ALICE, Token.SYMBOL)])


def test_a_node_that_is_down_is_told_by_its_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RpcUnavailable, match=url) as caught:
            _ = Chain.connect(url, "L2").chain_id
    assert "check the address" in caught.value.advice


def test_a_node_that_keeps_silent_is_asked_once():
    """Each try would cost the whole patience again."""
    with Server(lambda _: server.release.wait() and None) as server:
        with pytest.raises(RpcUnavailable, match="within its time"):
            server.chain(timeout=0.05).request("eth_blockNumber")
        assert len(server.requests) == 1


def test_a_node_that_comes_back_is_not_noticed_to_have_gone():
    answers = iter([(502, b""), None, (503, b"")])

    def respond(request):
        return next(answers, own_id(request) | result("0x10"))

    with Server(respond) as server:
        assert server.chain().request("eth_blockNumber") == "0x10"


@pytest.mark.parametrize("url", ["", "localhost:8545", "ws://127.0.0.1:8546", "file:///etc/hosts"])
def test_only_http_is_spoken(url):
    with pytest.raises(RpcUnavailable) as caught:
        Chain.connect(url, "L1")
    assert caught.value.advice


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://a b", "https://127.0.0.1:99999"])
def test_an_impossible_address_is_told_so(url):
    with pytest.raises(BridgeError) as caught:
        _ = Chain.connect(url, "L1").chain_id
    assert caught.value.advice


class TestBatches:
    CALLS = [Call(ALICE, Token.DECIMALS)] * 3

    def respond(self, request):
        """Answer the n-th request by n."""
        if isinstance(request, list):
            return [self.respond(one) for one in request]
        self.count += 1
        return own_id(request) | result("0x" + f"{self.count:064x}")

    @pytest.fixture(autouse=True)
    def start(self):
        self.count = 0

    def test_answers_come_back_in_order(self):
        with Server(lambda r: self.respond(r)[::-1]) as server:
            assert server.chain().calls(self.CALLS) == [1, 2, 3]

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda answers: answers[0],
            lambda answers: refusal("batches are not supported") | {"id": None},
            lambda answers: answers[:2],
            lambda answers: [*answers[:2], answers[0]],
            lambda answers: [{**answer, "id": answer["id"] + 7} for answer in answers[:-1]] + [{}],
            lambda answers: [{"result": answer["result"]} for answer in answers],
            lambda answers: [],
        ],
        ids=["one object", "an error", "one missing", "one twice", "strange", "no ids", "empty"],
    )
    @pytest.mark.filterwarnings("ignore:Received batch response")
    def test_a_node_without_batches_is_asked_one_by_one(self, spoil):
        def respond(request):
            if isinstance(request, list):
                return spoil([own_id(one) | result(TRUE) for one in request])
            return self.respond(request)

        with Server(respond) as server:
            assert server.chain().calls(self.CALLS) == [1, 2, 3]

    def test_large_ones_are_sent_in_parts(self):
        with Server(self.respond) as server:
            count = 2 * BATCH_SIZE + 1
            assert server.chain().calls(self.CALLS[:1] * count) == list(range(1, count + 1))
            assert [len(request) for request in server.requests] == [BATCH_SIZE, BATCH_SIZE, 1]

    def test_none_are_asked_for_none(self):
        chain = chain_saying("0x")
        assert chain.calls([]) == []
        assert chain.provider.seen == []

    def test_each_request_has_its_own_error(self):
        answers = iter([result(TRUE), refusal("nope"), refusal("execution reverted")])
        chain = chain_with(lambda *_: next(answers))
        one, two, three = chain.batch([("eth_call", ())] * 3)
        assert one == TRUE
        assert (type(two), type(three)) == (RpcError, Reverted)


class TestCalls:
    @pytest.mark.parametrize(
        "answer",
        [
            result("0x"),
            result("0x12"),
            refusal("execution reverted"),
            refusal("execution reverted", "0x"),
            refusal("EVM error InvalidFEOpcode"),
            refusal("invalid opcode: INVALID"),
        ],
    )
    def test_what_a_contract_does_not_have_is_none(self, answer):
        assert chain_with(lambda *_: answer).try_call(ALICE, Token.DECIMALS) is None

    @pytest.mark.parametrize("message", ["rate limited", "header not found", "internal error"])
    def test_a_refusal_of_the_node_is_not_taken_for_an_absence(self, message):
        with pytest.raises(RpcError, match=message):
            chain_with(lambda *_: refusal(message)).try_call(ALICE, Token.DECIMALS)

    def test_a_call_of_nothing_is_nonsense(self):
        with pytest.raises(RpcNonsense, match="decimals"):
            chain_saying("0x").call(ALICE, Token.DECIMALS)

    def test_value_sender_and_block_are_handed_over(self):
        chain = chain_saying(TRUE)
        chain.call(ALICE, Token.DECIMALS, sender=ZERO_ADDRESS, value=5, block=16)
        assert chain.provider.seen == [
            (
                "eth_call",
                [{"to": ALICE, "data": "0x313ce567", "from": ZERO_ADDRESS, "value": "0x5"}, "0x10"],
            )
        ]

    @pytest.mark.parametrize(
        "data",
        [
            "0xab581036",
            {"data": "0xab581036"},
            {"message": "reverted", "data": "0xab581036"},
            "Reverted 0xab581036",
        ],
        ids=["plain", "nested", "nested with words", "after a word"],
    )
    def test_a_custom_error_is_told_by_name_wherever_it_stands(self, data):
        with pytest.raises(Reverted) as caught:
            chain_with(lambda *_: refusal("VM execution error", data)).request("eth_call")
        assert caught.value.reason == "OptimismPortal_GasEstimation"
        assert caught.value.data.hex() == "ab581036"
        assert str(caught.value) == "L1 contract refused: OptimismPortal_GasEstimation"

    def test_a_reason_is_told_in_its_words(self):
        data = keccak(text="Error(string)")[:4] + abi_encode(["string"], ["air-gap"])
        with pytest.raises(Reverted, match="L1 contract refused: air-gap"):
            chain_with(lambda *_: refusal("reverted", tohex(data))).request("eth_call")

    def test_a_reason_without_data_is_the_nodes_word(self):
        with pytest.raises(Reverted, match="execution reverted: too early"):
            chain_with(lambda *_: refusal("execution reverted: too early")).request("eth_call")


class TestChainId:
    def test_is_asked_once(self):
        chain = chain_saying("0x384")
        assert [chain.chain_id, chain.chain_id] == [900, 900]
        assert len(chain.provider.seen) == 1

    def test_a_wrong_chain_is_told_by_both_numbers(self):
        with pytest.raises(WrongChain, match="serves chain 900, not 901") as caught:
            chain_saying("0x384").require_chain_id(901)
        assert caught.value.advice
        chain_saying("0x384").require_chain_id(900)


class TestBlocks:
    def test_a_header_is_read(self):
        block = chain_saying(HEADER).block()
        assert (block.number, block.timestamp, block.base_fee) == (16, 32, 7)
        assert (block.hash, block.state_root) == (b"\x11" * 32, b"\x22" * 32)

    def test_a_chain_without_base_fee_has_none(self):
        without = {name: value for name, value in HEADER.items() if name != "baseFeePerGas"}
        assert chain_saying(without).block().base_fee == 0

    def test_no_block_is_told_by_its_number(self):
        assert chain_saying(None).find_block(99) is None
        with pytest.raises(UnknownTransaction, match="no block 99"):
            chain_saying(None).block(99)

    @given(steps=st.lists(st.integers(0, 3), min_size=1, max_size=30), sought=st.integers(-2, 100))
    def test_the_first_block_since_a_time_is_found(self, steps, sought):
        """Blocks may share a timestamp."""
        times = [sum(steps[: i + 1]) for i in range(len(steps))]
        chain = chain_with(
            lambda _, block, __: result(HEADER | {"timestamp": hex(times[int(block, 16)])})
        )
        last = len(times) - 1
        expected = next((i for i, time in enumerate(times) if time >= sought), last)
        assert chain.first_block_since(sought, 0, last) == expected


class TestReceipts:
    def test_a_whole_one_is_returned(self):
        assert chain_saying(RECEIPT).receipt(HASH) == RECEIPT

    def test_none_yet_is_none(self):
        assert chain_saying(None).receipt(HASH) is None

    def test_half_the_logs_are_noticed(self):
        halved = RECEIPT | {"logs": RECEIPT["logs"][1:]}
        with pytest.raises(RpcNonsense, match="left out logs") as caught:
            chain_saying(halved).receipt(HASH)
        assert caught.value.advice

    def test_logs_too_many_are_noticed(self):
        padded = RECEIPT | {"logs": [*RECEIPT["logs"], {**LOG, "address": ZERO_ADDRESS}]}
        with pytest.raises(RpcNonsense):
            chain_saying(padded).receipt(HASH)

    def test_another_transactions_is_noticed(self):
        other = RECEIPT | {"transactionHash": tohex(b"\xbb" * 32)}
        with pytest.raises(RpcNonsense, match="another receipt"):
            chain_saying(other).receipt(HASH)

    def test_one_that_must_have_succeeded(self):
        assert chain_saying(RECEIPT).successful_receipt(HASH, "look again") == RECEIPT
        with pytest.raises(UnknownTransaction, match="no transaction") as caught:
            chain_saying(None).successful_receipt(HASH, "look again")
        assert caught.value.advice == "look again"
        with pytest.raises(TransactionFailed, match="reverted"):
            chain_saying(RECEIPT | {"status": "0x0"}).successful_receipt(HASH, "look again")

    def test_waiting_ends_with_what_was_waited_for(self, monkeypatch):
        monkeypatch.setattr(chain_module, "FIRST_POLL", 0)
        answers = iter([None, None, RECEIPT])
        chain = chain_with(lambda *_: result(next(answers)))
        assert chain.wait_for_receipt(HASH, timeout=60) == RECEIPT

    def test_waiting_in_vain_is_told(self):
        with pytest.raises(UnknownTransaction, match=tohex(HASH)) as caught:
            chain_saying(None).wait_for_receipt(HASH, timeout=0)
        assert caught.value.advice


class TestLogs:
    HEAD = 5_000

    def node(self, widest: int):
        """Return a node with a log in each block, which refuses ranges wider than `widest`."""

        def answer(method, wanted):
            first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
            if last > self.HEAD:
                return refusal("block range extends beyond current head block", code=-32602)
            if last - first + 1 > widest:
                return refusal(f"query exceeds max block range {widest}")
            return result([{"blockNumber": hex(block)} for block in range(first, last + 1)])

        return chain_with(answer)

    def blocks(self, chain, first, last) -> list[int]:
        logs = chain.logs(MESSAGE_PASSER, MessagePasser.MESSAGE_PASSED, first, last)
        return [int(log["blockNumber"], 16) for log in logs]

    @pytest.mark.parametrize("widest", [1, 7, 500, LOG_RANGE, 10**6])
    def test_none_is_missed_and_none_comes_twice_whatever_the_node_refuses(self, widest):
        first, last = 17, min(self.HEAD, 17 + 3 * widest + 1)
        assert self.blocks(self.node(widest), first, last) == list(range(first, last + 1))

    def test_an_empty_range_asks_nothing(self):
        chain = self.node(1)
        assert self.blocks(chain, 5, 4) == []
        assert chain.provider.seen == []

    def test_a_range_beyond_the_head_is_told(self):
        with pytest.raises(RpcError, match="beyond current head") as caught:
            self.blocks(self.node(LOG_RANGE), self.HEAD - 2, self.HEAD + 2)
        assert caught.value.advice


class TestFees:
    def test_leave_room_for_the_base_fee_to_double(self):
        chain = chain_with(
            lambda method, *_: result("0x3" if method == "eth_maxPriorityFeePerGas" else HEADER)
        )
        assert chain.fees() == {"maxPriorityFeePerGas": 3, "maxFeePerGas": 2 * 7 + 3}

    def test_a_node_without_suggestions_gets_a_small_tip(self):
        def answer(method, *_):
            if method == "eth_maxPriorityFeePerGas":
                return refusal("the method does not exist")
            return result(HEADER)

        tip = chain_with(answer).fees()["maxPriorityFeePerGas"]
        assert 0 < tip < 10**9


class TestSending:
    @pytest.mark.parametrize(
        "message",
        ["already known", "ALREADY_EXISTS: already known", "transaction already imported"],
    )
    def test_what_the_node_has_already_is_no_error(self, message):
        chain_with(lambda *_: refusal(message)).broadcast(b"raw")

    def test_an_empty_account_is_told(self):
        poor = "insufficient funds for gas * price + value"
        with pytest.raises(InsufficientBalance) as caught:
            chain_with(lambda *_: refusal(poor)).broadcast(b"raw")
        assert caught.value.advice

    def test_another_refusal_stays_one(self):
        with pytest.raises(RpcError, match="nonce too low"):
            chain_with(lambda *_: refusal("nonce too low")).broadcast(b"raw")

    def test_an_estimate_for_an_empty_account_tells_what_it_has(self):
        def answer(method, *_):
            if method == "eth_getBalance":
                return result(hex(5 * 10**17))
            return refusal("insufficient funds for gas * price + value")

        with pytest.raises(InsufficientBalance, match=r"has 0\.5 ETH on L1 and needs 2 ETH"):
            chain_with(answer).estimate_gas(ALICE, ALICE, b"", 2 * 10**18)

    def test_overrides_go_along_only_when_given(self):
        chain = chain_saying("0x5208")
        chain.estimate_gas(ALICE, ALICE, b"")
        chain.estimate_gas(ALICE, ALICE, b"", overrides={ALICE: {"balance": "0x1"}})
        assert [len(params) for _, params in chain.provider.seen] == [1, 3]


@pytest.mark.parametrize(
    ("code", "is_contract"),
    [("0x", False), ("0x60", True), ("0xef0100" + "11" * 20, False), ("0xef0001", True)],
    ids=["nothing", "code", "a delegated account", "code of another format"],
)
def test_a_delegated_account_is_no_contract(code, is_contract):
    assert chain_saying(code).is_contract(ALICE) is is_contract


def test_waiting_looks_at_least_once():
    assert len(list(waiting(0))) == 1


def test_the_first_answer_that_is_there_counts():
    assert first_present([None, 0, 1]) == 0
    assert first_present([None, None]) is None


READINGS = {
    "chain_id": lambda chain: chain.chain_id,
    "block": lambda chain: chain.block(),
    "find_block": lambda chain: chain.find_block(5),
    "first_block_since": lambda chain: chain.first_block_since(5, 0, 9),
    "call": lambda chain: chain.call(ALICE, Portal.PROVEN, HASH, ALICE),
    "try_call": lambda chain: chain.try_call(ALICE, Token.SYMBOL),
    "code": lambda chain: chain.code(ALICE),
    "is_contract": lambda chain: chain.is_contract(ALICE),
    "balance": lambda chain: chain.balance(ALICE),
    "receipt": lambda chain: chain.receipt(HASH),
    "wait_for_receipt": lambda chain: chain.wait_for_receipt(HASH, 0),
    "logs": lambda chain: chain.logs(ALICE, MessagePasser.MESSAGE_PASSED, 0, 1),
    "next_nonce": lambda chain: chain.next_nonce(ALICE),
    "estimate_gas": lambda chain: chain.estimate_gas(ALICE, ALICE, b""),
    "fees": lambda chain: chain.fees(),
    "broadcast": lambda chain: chain.broadcast(b"raw"),
}
SHAPES = [
    None, True, 0, 7, -1, 1.5, "", "0x", "0x1g", "0xzz", "-0x1", "latest", [], [None], ["0x"], [{}],
    {}, {"number": None}, HEADER | {"hash": None}, HEADER | {"timestamp": "soon"},
    HEADER | {"stateRoot": "0xabc"}, RECEIPT | {"logs": None}, RECEIPT | {"logs": [None]},
    RECEIPT | {"logs": [{"address": None, "topics": None}]}, RECEIPT | {"logsBloom": "0x1"},
    RECEIPT | {"status": None}, RECEIPT | {"transactionHash": 5},
]  # fmt: skip


def failure_of(read) -> BridgeError | None:
    try:
        read()
    except BridgeError as error:
        return error
    return None


@pytest.mark.parametrize("read", READINGS.values(), ids=READINGS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_result_of_any_shape_is_read_or_called_nonsense(read, shape):
    error = failure_of(lambda: read(chain_saying(shape)))
    assert error is None or (error.fact and error.advice)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=70).map(tohex),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*HEADER, *RECEIPT, *LOG]), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(shape=JSON, read=st.sampled_from(list(READINGS.values())))
def test_whatever_the_result_only_our_errors_come_out(shape, read):
    failure_of(lambda: read(chain_saying(shape)))


@given(error=JSON.filter(lambda error: error is not None))
def test_whatever_the_error_only_ours_come_out(error):
    with pytest.raises(RpcError):
        chain_with(lambda *_: {"error": error}).request("eth_call")
