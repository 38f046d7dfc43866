"""Storage proofs, as nodes give them, are completed to what the contracts accept."""

import boa
import pytest
import rlp
import solcx
from boa.contracts.abi.abi_contract import ABIContract, ABIContractFactory
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from clearway.devnet.artifacts import NODE_MODULES, PACKAGE
from clearway.opstack.messages import complete_storage_proof

LIBRARY = (
    "libraries/trie/SecureMerkleTrie.sol",
    "libraries/trie/MerkleTrie.sol",
    "libraries/rlp/RLPReader.sol",
    "libraries/rlp/RLPErrors.sol",
    "libraries/Bytes.sol",
)
SOLC = NODE_MODULES.parent / "tools" / "solc" / "solc-v0.8.37"
HARNESS = """
pragma solidity 0.8.37;
import { SecureMerkleTrie } from "libraries/trie/SecureMerkleTrie.sol";
contract Harness {
    function verify(bytes memory key, bytes memory value, bytes[] memory proof, bytes32 root)
        external pure returns (bool)
    {
        return SecureMerkleTrie.verifyInclusionProof(key, value, proof, root);
    }
}
"""
TRUE = b"\x01"  # what `sentMessages` stores, in RLP

# Numbers whose hashes share their first 8, 9 and 10 hex digits. So far down the leaves are shorter
# than 32 bytes, and are stored inside their branch.
TWINS = [(40_364, 105_566), (50_541, 125_299), (268_005, 645_179), (247_476, 515_151)]


@pytest.fixture(scope="module")
def portal_library() -> ABIContract:
    """Return the library with which the portal verifies withdrawals, under our compiler."""
    sources = {"Harness.sol": {"content": HARNESS}}
    for name in LIBRARY:
        text = (NODE_MODULES / PACKAGE / "src" / name).read_text()
        sources[name] = {"content": text.replace("pragma solidity 0.8.15;", "")}
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": sources,
            "settings": {"outputSelection": {"*": {"Harness": ["abi", "evm.bytecode.object"]}}},
        },
        solc_binary=SOLC,
    )
    compiled = output["contracts"]["Harness.sol"]["Harness"]
    address, _ = boa.env.deploy_code(bytecode=bytes.fromhex(compiled["evm"]["bytecode"]["object"]))
    return ABIContractFactory("Harness", compiled["abi"]).at(address)


def key_of(number: int) -> bytes:
    return number.to_bytes(32, "big")


def trie_of(numbers: list[int]) -> HexaryTrie:
    trie = HexaryTrie({})
    for number in numbers:
        trie[keccak(key_of(number))] = TRUE
    return trie


def path_nodes(trie: HexaryTrie, number: int) -> list[bytes]:
    """Return all nodes on the way to a key, those stored inside others too."""
    return [rlp.encode(node) for node in trie.get_proof(keccak(key_of(number)))]


def as_nodes_answer(trie: HexaryTrie, number: int) -> list[bytes]:
    """Return what `eth_getProof` gives: the nodes that have a hash."""
    root, *rest = path_nodes(trie, number)
    return [root, *(node for node in rest if len(node) >= 32)]


@pytest.mark.parametrize(("number", "twin"), TWINS + [pair[::-1] for pair in TWINS])
def test_a_leaf_inside_its_branch_is_added(number, twin, portal_library):
    trie = trie_of([number, twin, *range(20)])
    given_ = as_nodes_answer(trie, number)
    assert len(given_) == len(path_nodes(trie, number)) - 1  # this is the case that is meant
    completed = complete_storage_proof(key_of(number), given_)
    assert completed == path_nodes(trie, number)
    with boa.reverts():
        portal_library.verify(key_of(number), TRUE, given_, trie.root_hash)
    assert portal_library.verify(key_of(number), TRUE, completed, trie.root_hash)


@given(numbers=st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=60, unique=True))
@settings(max_examples=50)
def test_a_proof_that_is_whole_is_left_alone(numbers):
    trie = trie_of(numbers)
    for number in numbers[:5]:
        whole = path_nodes(trie, number)
        assert complete_storage_proof(key_of(number), whole) == whole


@given(
    numbers=st.lists(
        st.integers(0, 2**20) | st.sampled_from([n for pair in TWINS for n in pair]),
        min_size=1,
        max_size=40,
        unique=True,
    ),
    data=st.data(),
)
@settings(max_examples=60)
def test_the_contract_accepts_every_completed_proof(portal_library, numbers, data):
    number = data.draw(st.sampled_from(numbers))
    trie = trie_of(numbers)
    completed = complete_storage_proof(key_of(number), as_nodes_answer(trie, number))
    assert portal_library.verify(key_of(number), TRUE, completed, trie.root_hash)


def test_twins_alone_in_a_trie_are_proven(portal_library):
    """The root is an extension then, and the branch is its child."""
    for number, twin in TWINS:
        trie = trie_of([number, twin])
        completed = complete_storage_proof(key_of(number), as_nodes_answer(trie, number))
        assert len(completed) == 3
        assert portal_library.verify(key_of(number), TRUE, completed, trie.root_hash)


def test_an_absent_key_gains_no_leaf(portal_library):
    trie = trie_of(list(range(100)))
    absent = 10**6
    given_ = as_nodes_answer(trie, absent)
    assert complete_storage_proof(key_of(absent), given_) == given_


def test_a_twins_leaf_is_not_taken_for_ones_own():
    number, twin = TWINS[0]
    trie = trie_of([number, twin])
    ours, theirs = (
        complete_storage_proof(key_of(n), as_nodes_answer(trie, n))[-1] for n in (number, twin)
    )
    assert ours != theirs


def test_no_nodes_stay_no_nodes():
    assert complete_storage_proof(key_of(1), []) == []
