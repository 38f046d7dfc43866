import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from clearway.devnet import anvil
from clearway.devnet.anvil import L1_OPTIONS, Anvil
from clearway.devnet.errors import DevnetError
from clearway.opstack.addresses import L2_MESSENGER

SOMEONE = "0x" + "11" * 20


def kill(node: Anvil) -> None:
    """End a node as a power failure would."""
    os.kill(node.pid, signal.SIGKILL)
    node.stop()
    assert not node.is_alive()


def test_a_started_node_answers_and_a_stopped_one_is_gone(new_l1):
    assert new_l1.is_alive()
    assert new_l1.rpc.number("eth_chainId") == 900
    new_l1.stop()
    assert not new_l1.is_alive()
    new_l1.stop()  # once more does no harm


def test_finality_follows_the_head_closely(new_l1):
    for _ in range(5):
        new_l1.rpc("evm_mine")
    tags = ("latest", "safe", "finalized")
    assert [int(new_l1.rpc.block(tag)["number"], 16) for tag in tags] == [5, 4, 3]


def test_what_was_dumped_survives_a_kill(new_l1, tmp_path):
    rpc = new_l1.rpc
    rpc("anvil_setBalance", SOMEONE, "0x7")
    for _ in range(3):
        rpc("evm_mine")
    head, proof = rpc.block(), rpc("eth_getProof", SOMEONE, [], "latest")
    dump = tmp_path / "l1.gz"
    new_l1.dump(dump)
    kill(new_l1)
    again = Anvil.load(new_l1.spec, dump)
    try:
        assert again.rpc.block() == head
        assert again.rpc.block(2)["hash"] == head["parentHash"]
        assert again.rpc("eth_getProof", SOMEONE, [], "latest") == proof
        assert sorted(tmp_path.glob("*.json")) == []  # nothing unpacked stays behind
    finally:
        again.stop()


def test_however_often_it_is_loaded_its_first_block_is_the_same(new_l1, tmp_path):
    """Anvil begins each start with a first block of its own, and dumps it with all others."""
    dump, node = tmp_path / "l1.gz", new_l1
    node.rpc("evm_mine")
    first = node.rpc.block(0)
    for time in range(1, 7):
        node.rpc("evm_mine")
        node.dump(dump)
        node.stop()
        spec = replace(new_l1.spec, options=(*L1_OPTIONS, "--timestamp", str(time)))
        node = Anvil.load(spec, dump)
        try:
            assert node.rpc.block(0) == first
        except BaseException:
            node.stop()
            raise
    node.stop()


def test_a_chain_that_begins_late_is_loaded_without_earlier_blocks(pair, begin_l2, tmp_path):
    node = begin_l2(pair.l1.rpc, pair.addresses, 1_000)
    first = node.rpc.block(1_000)
    node.rpc("evm_mine")
    dump = tmp_path / "l2.gz"
    for _ in range(4):
        node.dump(dump)
        node.stop()
        node = Anvil.load(node.spec, dump)
        try:
            assert node.rpc.block(1_000) == first
            with pytest.raises(LookupError):
                node.rpc.block(0)
        except BaseException:
            node.stop()
            raise
    node.stop()


def test_a_dump_keeps_receipts_and_code(pair, tmp_path, free_port):
    # The pair's nodes stay as they are: the copy runs beside them.
    dump = tmp_path / "l2.gz"
    pair.l2.dump(dump)
    receipt = pair.l2.rpc("eth_getTransactionReceipt", pair.l2.rpc.block(1)["transactions"][0])
    spec = replace(pair.l2.spec, run=tmp_path, port=free_port)
    copy = Anvil.load(spec, dump)
    try:
        assert copy.rpc("eth_getTransactionReceipt", receipt["transactionHash"]) == receipt
        code = ["eth_getCode", L2_MESSENGER, "latest"]
        assert copy.rpc(*code) == pair.l2.rpc(*code) != "0x"
    finally:
        copy.stop()


def test_a_failing_dump_leaves_the_last_one_whole(new_l1, tmp_path, monkeypatch):
    dump = tmp_path / "l1.gz"
    new_l1.dump(dump)
    before = dump.read_bytes()
    new_l1.rpc("evm_mine")

    def fail(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        new_l1.dump(dump)
    assert dump.read_bytes() == before


def test_a_node_is_found_again_by_its_process(new_l1):
    found = Anvil.adopt(new_l1.spec, new_l1.pid)
    assert found is not None
    assert found.is_alive()
    found.stop()
    assert not new_l1.is_alive()
    assert Anvil.adopt(new_l1.spec, new_l1.pid) is None


def test_other_processes_are_not_taken_for_it(new_l1, free_port):
    spec = new_l1.spec
    assert Anvil.adopt(spec, os.getpid()) is None
    assert Anvil.adopt(replace(spec, port=free_port), new_l1.pid) is None
    assert Anvil.adopt(replace(spec, chain_id=901), new_l1.pid) is None


def test_a_taken_port_is_reported_with_its_owner_and_the_way_out(new_l1):
    with pytest.raises(DevnetError) as refused:
        Anvil.start(new_l1.spec)
    sentence = str(refused.value)
    assert f"Port {new_l1.spec.port} is taken" in sentence
    assert f"process {new_l1.pid} (anvil)" in sentence
    assert "--l1-port" in sentence


def test_a_node_that_dies_at_its_start_says_why(new_l1, free_port):
    spec = replace(new_l1.spec, port=free_port, options=("--hardfork", "nonsense"))
    with pytest.raises(DevnetError, match=r"anvil ended at its start: .*nonsense"):
        Anvil.start(spec)


def test_a_missing_binary_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(anvil, "NODE_MODULES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DevnetError, match=r"@foundry-rs/anvil-\w+-\w+ is missing: run `npm ci`"):
        anvil.binary()


def test_where_npm_has_no_binary_the_one_on_the_path_serves(monkeypatch, tmp_path):
    monkeypatch.setattr(anvil, "NODE_MODULES", tmp_path)
    (tmp_path / "anvil").write_text("#!/bin/sh\n")
    (tmp_path / "anvil").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert anvil.binary() == tmp_path / "anvil"


def test_a_restart_clears_what_the_node_kept_on_disk(new_l1):
    leftover = new_l1.spec.cache / "old"
    new_l1.stop()
    leftover.mkdir(parents=True)
    again = Anvil.start(new_l1.spec)
    again.stop()
    assert not leftover.exists()


def test_requests_leave_no_log(new_l1):
    for _ in range(50):
        new_l1.rpc("evm_mine")
    assert Path(new_l1.spec.log).read_text() == ""


def test_a_fork_goes_on_from_its_dump(fork, pair, tmp_path):
    portal = pair.addresses.portal
    fork.rpc("anvil_setBalance", SOMEONE, "0x9")
    fork.rpc("evm_mine")
    head = fork.rpc.block()
    dump = tmp_path / "fork.gz"
    fork.dump(dump)
    kill(fork)
    again = Anvil.load(fork.spec, dump)
    try:
        assert again.rpc.block()["hash"] == head["hash"]
        assert again.rpc.number("eth_getBalance", SOMEONE, "latest") == 9
        # Never touched here, so it comes from upstream.
        assert again.rpc("eth_getCode", portal, "latest") != "0x"
    finally:
        again.stop()
