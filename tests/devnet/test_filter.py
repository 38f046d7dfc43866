import asyncio
import itertools
import json
import sys

import aiohttp
import pytest
import requests

from clearway.devnet.accounts import Role, role
from clearway.devnet.anvil import Anvil
from clearway.devnet.errors import DevnetError
from clearway.devnet.filter import RpcFilter
from clearway.devnet.local import Sequencer
from clearway.devnet.policies import L1Policy, L2Policy, Refusal
from clearway.devnet.rpc import Rpc, RpcFailure
from clearway.opstack.addresses import L1_BLOCK
from clearway.opstack.messages import Deposit, tohex

RECEIVER = "0x" + "88" * 20


async def control(method, params):
    if method == "devnet_fail":
        raise DevnetError("The devnet can't do that now.")
    if method == "devnet_break":
        raise ZeroDivisionError("one by zero")
    return [method, params]


@pytest.fixture
def sequencer():
    return Sequencer()


@pytest.fixture
def l2_url(pair, serving, sequencer):
    policy = L2Policy(sequencer, lambda *_: None)
    return serving(RpcFilter("L2", pair.l2.spec.url, policy, control))


@pytest.fixture
def l2(l2_url):
    return Rpc(l2_url)


@pytest.fixture
def l1_url(new_l1, serving):
    return serving(RpcFilter("L1", new_l1.spec.url, L1Policy(), control))


@pytest.fixture
def l1(l1_url):
    return Rpc(l1_url)


def post(url, body) -> requests.Response:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return requests.post(url, data=data, headers={"Content-Type": "application/json"})


def request(method, *params, id=1):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}


def test_what_passes_is_answered_as_by_the_node(pair, l2_url):
    for call in (
        request("eth_getBlockByNumber", "latest", True),
        request("eth_call", {"to": L1_BLOCK, "data": "0x54fd4d50"}, "latest", id="seven"),
        request("eth_call", {"to": L1_BLOCK, "data": "0xdeadbeef"}, "latest"),
        request("eth_noSuchMethod"),
    ):
        assert post(l2_url, call).json() == post(pair.l2.spec.url, call).json()


def test_a_batch_is_answered_in_order_whoever_answers(pair, l2_url):
    calls = [
        request("eth_chainId", id="a"),
        request("evm_mine", id="b"),
        request("devnet_status", 5, id="c"),
        17,
        request("eth_getBlockByNumber", "0x0", False, id="a"),  # ids need not differ
    ]
    first, refused, controlled, invalid, last = post(l2_url, calls).json()
    assert first == {"jsonrpc": "2.0", "id": "a", "result": "0x385"}
    assert (refused["id"], refused["error"]["code"]) == ("b", -32601)
    assert controlled == {"jsonrpc": "2.0", "id": "c", "result": ["devnet_status", [5]]}
    assert (invalid["id"], invalid["error"]["code"]) == (None, -32600)
    assert last["id"] == "a"
    assert last["result"]["hash"] == pair.l2.rpc.block(0)["hash"]


def test_a_batch_of_reads_keeps_its_order(l2):
    blocks = l2.many([("eth_getBlockByNumber", [hex(n % 2), False]) for n in range(60)])
    assert [int(block["number"], 16) for block in blocks] == [n % 2 for n in range(60)]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut off"),
        pytest.param(b"\xff\xfe", id="not text"),
    ],
)
def test_what_is_not_json_is_told_so(l2_url, body):
    answer = post(l2_url, body).json()
    assert answer["error"]["code"] == -32700
    assert answer["id"] is None


def test_nesting_beyond_reason_is_told_so(l2_url):
    # Vyper, which tests import and the devnet doesn't, raises the limit beyond what a stack holds.
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    try:
        answer = post(l2_url, "[" * 100_000).json()
    finally:
        sys.setrecursionlimit(before)
    assert answer["error"]["code"] == -32700


@pytest.mark.parametrize("body", [[], 5, "null", {"id": 1}, {"method": 7, "id": 1}])
def test_what_is_no_request_is_told_so(l2_url, body):
    assert post(l2_url, body).json()["error"]["code"] == -32600


def test_named_params_are_refused(l2_url):
    call = {"jsonrpc": "2.0", "id": 4, "method": "eth_chainId", "params": {"raw": "0x7e"}}
    answer = post(l2_url, call).json()
    assert (answer["id"], answer["error"]["code"]) == (4, -32602)


def test_a_method_given_twice_is_sent_as_it_was_judged(pair, l2_url):
    # Were the bytes passed on, the node might read the other one.
    head = pair.l2.rpc.block()["hash"]
    body = '{"jsonrpc":"2.0","id":1,"params":[],"method":"evm_mine","method":"eth_chainId"}'
    assert post(l2_url, body).json()["result"] == "0x385"
    assert pair.l2.rpc.block()["hash"] == head


def test_bodies_beyond_two_megabytes_pass(l2):
    code = "0x" + "00" * (3 * 2**20)
    override = {RECEIVER: {"code": code}}
    with pytest.raises(RpcFailure) as refused:
        l2("eth_call", {"to": RECEIVER, "data": code}, "latest", override)
    assert "gas" in refused.value.message  # the node has read and judged it


def test_a_forged_deposit_mints_nothing(pair, l2, sequencer):
    forged = Deposit(b"\1" * 32, RECEIVER, RECEIVER, 10**18, 0, 100_000, b"")
    for send in ("eth_sendRawTransaction", "eth_sendRawTransactionSync"):
        with pytest.raises(RpcFailure, match="deposits come from L1"):
            l2(send, tohex(forged.encode()))
    assert pair.l2.rpc.number("eth_getBalance", RECEIVER, "latest") == 0


def test_a_censored_user_is_refused_until_uncensored(pair, l2, sequencer):
    sender = role(Role.FAUCET)
    pair.l2.rpc("anvil_setBalance", sender.address, hex(10**18))
    transaction = {
        "type": 2,
        "chainId": 901,
        "nonce": pair.l2.rpc.number("eth_getTransactionCount", sender.address, "latest"),
        "to": "0x" + "99" * 20,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 0,
    }
    raw = tohex(sender.sign_transaction(transaction).raw_transaction)
    sequencer.censored.add(sender.address.lower())
    with pytest.raises(RpcFailure, match="sequencer: sender refused") as refused:
        l2("eth_sendRawTransaction", raw)
    assert refused.value.code == -32000
    sequencer.censored.clear()
    sequencer.down = True
    with pytest.raises(RpcFailure, match="sequencer: down"):
        l2("eth_sendRawTransaction", raw)
    assert l2.number("eth_chainId") == 901
    sequencer.down = False
    assert l2("eth_sendRawTransactionSync", raw)["status"] == "0x1"


def test_raw_deposits_are_told_and_the_node_lives_on(pair, l2):
    block = pair.l2.rpc.block(1)
    (transaction,) = block["transactions"]
    raw = l2("eth_getRawTransactionByHash", transaction)
    assert raw.startswith("0x7e")
    assert l2("debug_getRawTransaction", transaction) == raw
    assert l2("eth_getRawTransactionByBlockNumberAndIndex", "0x1", "0x0") == raw
    assert l2("eth_getRawTransactionByBlockHashAndIndex", block["hash"], "0x0") == raw
    assert l2("eth_getRawTransactionByHash", "0x" + "00" * 32) is None
    assert pair.l2.is_alive()


def test_l1_keeps_its_head_when_asked_to_mine(new_l1, l1):
    head = new_l1.rpc.block()["hash"]
    with pytest.raises(RpcFailure, match="ape run devnet advance"):
        l1("evm_mine")
    assert new_l1.rpc.block()["hash"] == head
    l1("anvil_setBalance", RECEIVER, "0x5")
    assert l1.number("eth_getBalance", RECEIVER, "latest") == 5


def test_control_answers_and_its_errors_are_sentences(l1):
    assert l1("devnet_status", 1, "two") == ["devnet_status", [1, "two"]]
    with pytest.raises(RpcFailure, match=r"The devnet can't do that now\.$") as refused:
        l1("devnet_fail")
    assert refused.value.code == -32000
    with pytest.raises(RpcFailure, match="ZeroDivisionError: one by zero") as broken:
        l1("devnet_break")
    assert broken.value.code == -32603


def test_a_node_that_is_gone_is_an_error_and_not_a_broken_connection(new_l1, l1, l1_url):
    l1("eth_chainId")
    new_l1.stop()
    for _ in range(2):
        with pytest.raises(RpcFailure, match="L1 node is restarting, try again") as refused:
            l1("eth_chainId")
        assert refused.value.code == -32000
    answers = post(l1_url, [request("eth_chainId"), request("devnet_status", id=2)]).json()
    assert "restarting" in answers[0]["error"]["message"]
    assert answers[1]["result"] == ["devnet_status", []]
    again = Anvil.start(new_l1.spec)
    try:
        assert l1.number("eth_chainId") == 900
    finally:
        again.stop()


def test_pages_of_any_origin_may_ask(l1_url):
    preflight = requests.options(l1_url, headers={"Access-Control-Request-Method": "POST"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    answer = post(l1_url, request("eth_chainId"))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_no_page_commands_the_network(l1_url):
    asked = json.dumps([request("eth_chainId"), request("devnet_stop", id=2)])
    answers = requests.post(l1_url, data=asked, headers={"Origin": "https://page.example"}).json()
    assert answers[0]["result"] == "0x384"
    assert "no commands from web pages" in answers[1]["error"]["message"]


def test_a_browser_is_told_what_this_is(l1_url):
    assert "L1 of the Clearway devnet" in requests.get(l1_url).text


def test_the_beacon_paths_of_blobs_pass(l1_url):
    assert "genesis_time" in requests.get(f"{l1_url}/eth/v1/beacon/genesis").json()["data"]


async def talk(url, *requests_):
    """Send requests over a WebSocket and return the answers."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        answers = []
        for one in requests_:
            await socket.send_str(one if isinstance(one, str) else json.dumps(one))
            answers.append(await socket.receive_json())
        return answers


def test_a_websocket_answers_as_http_does(l2_url):
    chain, refused, invalid, batch = asyncio.run(
        talk(l2_url, request("eth_chainId"), request("evm_mine"), "{", [request("eth_chainId")])
    )
    assert chain["result"] == "0x385"
    assert refused["error"]["code"] == -32601
    assert invalid["error"]["code"] == -32700
    assert batch[0]["result"] == "0x385"


def test_subscriptions_bring_new_blocks(new_l1, l1_url):
    async def watch():
        async with aiohttp.ClientSession() as session, session.ws_connect(l1_url) as socket:
            await socket.send_json(request("eth_subscribe", "newHeads"))
            subscription = (await socket.receive_json())["result"]
            new_l1.rpc("evm_mine")
            notice = await socket.receive_json()
            assert notice["params"]["subscription"] == subscription
            await socket.send_json(request("eth_unsubscribe", subscription, id=2))
            assert (await socket.receive_json())["result"] is True
            return notice["params"]["result"]["hash"]

    assert asyncio.run(watch()) == new_l1.rpc.block()["hash"]


def test_a_websocket_is_closed_when_its_node_goes(new_l1, l1_url):
    async def watch():
        async with aiohttp.ClientSession() as session, session.ws_connect(l1_url) as socket:
            await socket.send_json(request("eth_chainId"))
            await socket.receive_json()
            new_l1.stop()
            return (await socket.receive()).type, socket.close_code

    closed, code = asyncio.run(watch())
    assert closed is aiohttp.WSMsgType.CLOSE
    assert code == 1012


def test_a_websocket_to_a_node_that_is_gone_is_closed_at_once(new_l1, l1_url):
    new_l1.stop()

    async def watch():
        async with aiohttp.ClientSession() as session, session.ws_connect(l1_url) as socket:
            await socket.receive()
            return socket.close_code

    assert asyncio.run(watch()) == 1012


def test_many_clients_at_once_get_their_own_answers(l2_url):
    async def ask(session, number):
        call = request("devnet_echo", number, id=number)
        async with session.post(l2_url, json=call) as answer:
            return await answer.json()

    async def ask_all():
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(ask(session, number) for number in range(200)))

    answers = asyncio.run(ask_all())
    assert [(a["id"], a["result"][1]) for a in answers] == [(n, [n]) for n in range(200)]


def test_an_archived_proof_is_served_when_the_node_refuses(pair, serving, sequencer):
    found = {"storageHash": "0x00"}
    asked = itertools.count()

    def archived(address, slots, block):
        next(asked)
        return found if block == 1 else None

    url = serving(RpcFilter("L2", pair.l2.spec.url, L2Policy(sequencer, archived), control))
    head = Rpc(url)("eth_getProof", L1_BLOCK, [], "latest")
    assert head["storageHash"] != found["storageHash"]
    assert next(asked) == 0  # the node knew
    bad_slot = "0x" + "1" * 65  # what a node refuses
    assert Rpc(url)("eth_getProof", L1_BLOCK, [bad_slot], "0x1") == found
    with pytest.raises(RpcFailure):
        Rpc(url)("eth_getProof", L1_BLOCK, [bad_slot], "0x0")


def test_a_refusal_carries_the_nodes_data():
    assert Refusal(3, "reverted", "0x08").error == {
        "code": 3,
        "message": "reverted",
        "data": "0x08",
    }
