"""A pair of chains made of the devnet's lower pieces, without the roles above them."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clearway.devnet import l1 as on_l1
from clearway.devnet.accounts import Role, role
from clearway.devnet.anvil import L1_OPTIONS, L2_OPTIONS, Anvil, AnvilSpec, fork_options
from clearway.devnet.filter import RpcFilter
from clearway.devnet.l2 import genesis
from clearway.devnet.profiles import REAL
from clearway.devnet.rpc import Rpc
from clearway.opstack.addresses import MESSAGE_PASSER
from clearway.opstack.messages import L1Attributes, OutputProof, tohex, unhex
from tests.ports import find_free_port

L1_CHAIN_ID, L2_CHAIN_ID = 900, 901


@dataclass(frozen=True)
class Pair:
    l1: Anvil
    l2: Anvil
    addresses: on_l1.Addresses
    first_output: OutputProof


@pytest.fixture
def free_port() -> int:
    return find_free_port()


def start_l1(run: Path, *options: str) -> Anvil:
    port = find_free_port()
    return Anvil.start(
        AnvilSpec("l1", run, port, "--l1-port", L1_CHAIN_ID, (*L1_OPTIONS, *options))
    )


def start_l2(run: Path, l1: Rpc, addresses: on_l1.Addresses, number: int = 0) -> Anvil:
    path = run / "genesis.json"
    now = int(l1.block()["timestamp"], 16)
    path.write_text(json.dumps(genesis(addresses, L1_CHAIN_ID, L2_CHAIN_ID, now, number)))
    spec = AnvilSpec("l2", run, find_free_port(), "--l2-port", L2_CHAIN_ID, L2_OPTIONS)
    return Anvil.start(spec, "--init", str(path), "--number", str(number))


def tell_l2_of_l1(l1: Rpc, l2: Rpc) -> None:
    block = l1.block()
    attributes = L1Attributes(
        number=int(block["number"], 16),
        timestamp=int(block["timestamp"], 16),
        base_fee=int(block["baseFeePerGas"], 16),
        blob_base_fee=1,
        block_hash=unhex(block["hash"]),
        sequence_number=0,
        batcher=role(Role.BATCHER).address,
    )
    receipt = l2("eth_sendRawTransactionSync", tohex(attributes.as_deposit().encode()))
    assert receipt["status"] == "0x1"


def output_of_head(l2: Rpc) -> OutputProof:
    head = l2.block()
    proof = l2("eth_getProof", MESSAGE_PASSER, [], head["number"])
    return OutputProof(unhex(head["stateRoot"]), unhex(proof["storageHash"]), unhex(head["hash"]))


@pytest.fixture
def new_l1(tmp_path: Path) -> Iterator[Anvil]:
    """An empty L1 for one test."""
    node = start_l1(tmp_path)
    yield node
    node.stop()


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both chains with their bridge; a test may add to them, but must leave what is there."""
    run = tmp_path_factory.mktemp("pair")
    with contextlib.ExitStack() as open_ones:
        l1 = start_l1(run)
        open_ones.callback(l1.stop)
        on_l1.fund_accounts(l1.rpc)
        addresses = on_l1.deploy_l1(l1.rpc, REAL, L2_CHAIN_ID)
        l2 = start_l2(run, l1.rpc, addresses)
        open_ones.callback(l2.stop)
        tell_l2_of_l1(l1.rpc, l2.rpc)
        output = output_of_head(l2.rpc)
        on_l1.initialize_anchor(l1.rpc, addresses, output.root, 1)
        on_l1.donate(l1.rpc, addresses.portal, on_l1.backing())
        yield Pair(l1, l2, addresses, output)


@pytest.fixture
def fork(pair: Pair, tmp_path: Path) -> Iterator[Anvil]:
    """A fork of the pair's L1, which stands for a live one."""
    head = pair.l1.rpc.number("eth_blockNumber")
    node = start_l1(tmp_path, *fork_options(pair.l1.spec.url, head))
    yield node
    node.stop()


@pytest.fixture
def begin_l2(tmp_path: Path) -> Iterator[Callable[[Rpc, on_l1.Addresses, int], Anvil]]:
    """Start an L2 whose first block has some number."""
    with contextlib.ExitStack() as open_ones:

        def begin(l1: Rpc, addresses: on_l1.Addresses, number: int) -> Anvil:
            node = start_l2(tmp_path, l1, addresses, number)
            open_ones.callback(node.stop)
            return node

        yield begin


@pytest.fixture
def serving() -> Iterator[Callable[[RpcFilter], str]]:
    """Serve a filter in a thread, as the node process does, and return its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    open_ones = contextlib.AsyncExitStack()

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    def serve(one: RpcFilter) -> str:
        port = find_free_port()
        run(open_ones.enter_async_context(one.serving(port)))
        return f"http://127.0.0.1:{port}"

    yield serve
    run(open_ones.aclose())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
