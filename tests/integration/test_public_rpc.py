"""What the public RPCs of a running network let through."""

import asyncio
import json

import aiohttp
import pytest

from clearway.devnet.rpc import Rpc, RpcFailure
from clearway.opstack.messages import Deposit, tohex
from tests.integration.world import ETHER, World

MINT = Deposit(b"\x01" * 32, "0x" + "aa" * 20, "0x" + "aa" * 20, ETHER, 0, 100_000, b"")


@pytest.mark.parametrize("send", ["eth_sendRawTransaction", "eth_sendRawTransactionSync"])
def test_nobody_mints_by_a_deposit_of_his_own(shared_world: World, send: str) -> None:
    world = shared_world
    with pytest.raises(RpcFailure, match="deposits come from L1's portal alone"):
        Rpc(world.l2.url)(send, tohex(MINT.encode()))
    assert world.l2.balance(MINT.sender) == 0


@pytest.mark.parametrize("layer", ["l1", "l2"])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("evm_increaseTime", ["0x100"]),
        ("evm_setNextBlockTimestamp", ["0x7fffffff"]),
        ("evm_mine", []),
        ("evm_revert", ["0x0"]),
        ("anvil_mine", ["0x5"]),
        ("anvil_reorg", [1, []]),
        ("anvil_setIntervalMining", [1]),
    ],
)
def test_nobody_moves_one_chains_time_or_history(
    shared_world: World, layer: str, method: str, params: list[object]
) -> None:
    chain = getattr(shared_world, layer)
    before = chain.block()
    with pytest.raises(RpcFailure) as refused:
        Rpc(chain.url)(method, *params)
    assert refused.value.code == -32601
    after = chain.block(before.number)
    assert after == before
    assert chain.block().timestamp - before.timestamp < 0x100  # of the host's clock, at most


@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_new_heads_come_by_websocket(shared_world: World, layer: str) -> None:
    world = shared_world
    chain = getattr(world, layer)

    async def next_head() -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(chain.url.replace("http", "ws")) as socket,
        ):
            request = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
            await socket.send_str(json.dumps(request))
            subscription = (await socket.receive_json())["result"]
            await asyncio.to_thread(world.advance, "1h")
            head = await socket.receive_json()
            assert head["params"]["subscription"] == subscription
            return int(head["params"]["result"]["number"], 16)

    before = chain.block().number
    number = asyncio.run(next_head())
    assert before < number <= chain.block().number
    assert chain.block(number).number == number


def test_both_rpcs_serve_the_networks_own_commands(shared_world: World) -> None:
    world = shared_world
    answers = [Rpc(chain.url)("devnet_status")["profile"] for chain in (world.l1, world.l2)]
    assert answers == ["real", "real"]
    with pytest.raises(RpcFailure, match="There is no method devnet_mint"):
        Rpc(world.l2.url)("devnet_mint")
