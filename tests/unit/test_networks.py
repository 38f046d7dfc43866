import json

import pytest
from eth_utils.address import is_checksum_address

from clearway.networks import LOCAL_FILE, find_network, known_networks
from clearway.opstack.errors import BadInput

PORTAL = "0x16Fc5058F25648194471939df75CF27A2fdC48BC"
LOCAL = {
    "l1_rpc": "http://127.0.0.1:8545",
    "l2_rpc": "http://127.0.0.1:9545",
    "portal": PORTAL,
    "l1_chain_id": 900,
    "l2_chain_id": 901,
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / LOCAL_FILE).write_text(json.dumps({**LOCAL, "more": "is no harm"}))
    return tmp_path


@pytest.mark.parametrize("name", known_networks())
def test_a_known_network_is_whole(name):
    entry = known_networks()[name]
    network = find_network(name, l1_rpc="http://l1")
    assert is_checksum_address(entry["portal"])
    assert network.portal == entry["portal"]
    assert network.l1_chain_id in (1, 11_155_111)
    assert network.l2_rpc.startswith("https://")
    assert not network.is_local


def test_each_known_network_is_another_rollup():
    entries = known_networks().values()
    for key in ("title", "l2_chain_id", "l2_rpc", "portal"):
        assert len({entry[key] for entry in entries}) == len(entries)


def test_a_testnet_stands_on_a_testnet():
    for name, entry in known_networks().items():
        assert (entry["l1_chain_id"] == 11_155_111) == name.endswith("sepolia")


def test_the_local_network_is_the_default(folder):
    network = find_network(folder=folder)
    assert network.is_local
    assert (network.l1_rpc, network.l1_chain_id, network.l2_chain_id) == (
        "http://127.0.0.1:8545",
        900,
        901,
    )


def test_without_a_local_network_the_error_tells_how_to_start_one(tmp_path):
    with pytest.raises(BadInput, match=r"no local network is running.*ape run devnet up"):
        find_network(folder=tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"l1_rpc": 5}', "\x00"])
def test_a_broken_local_file_is_no_bug_of_ours(tmp_path, content):
    (tmp_path / LOCAL_FILE).write_text(content)
    with pytest.raises(BadInput, match="doesn't describe a local network"):
        find_network(folder=tmp_path)


def test_a_misspelt_name_is_put_right():
    with pytest.raises(BadInput, match="did you mean op-sepolia"):
        find_network("op-sepola")


def test_a_live_network_wants_an_l1_node():
    with pytest.raises(BadInput, match="chain 11155111 by --l1-rpc or CLEARWAY_L1_RPC"):
        find_network("base-sepolia")


def test_three_values_are_a_pair_of_their_own(tmp_path):
    network = find_network(l1_rpc="http://a", l2_rpc="http://b", portal=PORTAL, folder=tmp_path)
    assert (network.name, network.l1_chain_id, network.l2_chain_id) == ("custom", None, None)


def test_what_is_given_replaces_what_is_known(folder):
    network = find_network("op-sepolia", l1_rpc="http://a", l2_rpc="http://b", folder=folder)
    assert (network.l1_rpc, network.l2_rpc, network.portal) == ("http://a", "http://b", PORTAL)
    assert network.l2_chain_id == 11_155_420


def test_another_portal_may_be_another_l2():
    other = "0x49f53e41452C74589E85cA1677426Ba426459e85"
    assert find_network("op-sepolia", l1_rpc="http://a", portal=other).l2_chain_id is None


def test_a_portal_is_an_address():
    with pytest.raises(BadInput, match="not an address"):
        find_network("op-sepolia", l1_rpc="http://a", portal="0x12")
