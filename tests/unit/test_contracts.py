"""Calls and events by the ABI files: structs come back by name, overloads by their arguments."""

import pytest
from eth_abi import encode

from clearway.contracts import Contract, Interface, interface
from clearway.opstack.errors import Reverted
from clearway.opstack.messages import tohex
from tests.opstack.fakes import chain_with, refusal, result

MARKET = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PAIR = {
    "type": "tuple",
    "name": "pair",
    "components": [{"type": "address", "name": "owner"}, {"type": "int256[]", "name": "sizes"}],
}
PAIRS = {**PAIR, "type": "tuple[]"}
ABI = [
    {
        "type": "function",
        "name": "pairs",
        "inputs": [PAIR],
        "outputs": [{**PAIR, "type": "tuple[]"}],
    },
    {"type": "function", "name": "open", "inputs": [], "outputs": [{"type": "bool", "name": ""}]},
    {
        "type": "function",
        "name": "open",
        "inputs": [{"type": "uint256", "name": "market"}],
        "outputs": [{"type": "uint256", "name": ""}, {"type": "address", "name": ""}],
    },
    {
        "type": "event",
        "name": "Moved",
        "anonymous": False,
        "inputs": [
            {"type": "address", "name": "by", "indexed": True},
            {**PAIR, "indexed": False},
            {"type": "uint256", "name": "market", "indexed": True},
        ],
    },
]
PLACE = Interface("Place", ABI)
PAIR_BYTES = ALICE.lower(), [1, -2]


def test_structs_in_lists_come_back_by_name():
    data = encode(["(address,int256[])[]"], [[PAIR_BYTES]])
    (found,) = PLACE.method("pairs", 1).decode(data)
    assert (found.owner, found.sizes) == (ALICE, (1, -2))


def test_a_struct_is_given_by_its_fields_or_as_a_tuple():
    method = PLACE.method("pairs", 1)
    by_name = method.encode({"sizes": [1, -2], "owner": ALICE})
    assert by_name == method.encode((ALICE, [1, -2]))
    assert by_name[4:] == encode(["(address,int256[])"], [PAIR_BYTES])


def test_an_overload_is_found_by_the_number_of_its_arguments():
    assert PLACE.method("open", 0).decode(encode(["bool"], [True])) is True
    assert PLACE.method("open", 1).decode(encode(["uint256", "address"], [7, ALICE])) == (7, ALICE)
    with pytest.raises(LookupError, match="Place has no open of 2 arguments"):
        PLACE.method("open", 2)


def test_an_event_is_told_by_name_with_structs_as_mappings():
    (topic,) = PLACE.topics(["Moved"])
    topics = [topic, bytes(12) + bytes.fromhex(ALICE[2:]), (5).to_bytes(32, "big")]
    name, values = PLACE.told(topics, encode(["(address,int256[])"], [PAIR_BYTES]))
    assert name == "Moved"
    assert values == {"by": ALICE, "market": 5, "pair": {"owner": ALICE, "sizes": (1, -2)}}


def test_a_strangers_event_tells_nothing():
    assert PLACE.told([bytes(32)], b"") is None
    assert PLACE.told([], b"") is None


def test_an_unknown_event_is_a_mistake_in_the_code():
    with pytest.raises(LookupError, match="Place has no event Lost"):
        PLACE.topics(["Moved", "Lost"])


def test_every_abi_file_can_be_read_and_each_function_encoded_by_its_arguments():
    for name in ("PerpetualMarket", "Lens", "PriceFeed", "Vault", "Configuration", "Timelock"):
        face = interface(name)
        assert face.topics([]) == list(face.events)
        for entry in face.abi:
            if entry["type"] == "function":
                assert face.method(entry["name"], len(entry["inputs"])).name == entry["name"]


def test_many_calls_are_one_batch_and_a_refusal_among_them_is_raised():
    number = result(tohex(encode(["uint256"], [3])))
    vault = Contract(chain_with(lambda *_: number), MARKET, "Vault")
    assert vault.calls(("cooldown",), ("balanceOf", ALICE)) == [3, 3]
    answers = iter([number, refusal("execution reverted: shares have no price")])
    vault = Contract(chain_with(lambda *_: next(answers)), MARKET, "Vault")
    with pytest.raises(Reverted, match="shares have no price"):
        vault.calls(("cooldown",), ("totalAssets",))
