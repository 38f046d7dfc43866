"""The signatures that we call are the contracts': compiled ones, or the sources of newer ones."""

import json
import re
from collections.abc import Iterator
from functools import cache

import pytest
from eth_abi import encode as abi_encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from clearway.devnet.artifacts import NODE_MODULES, PACKAGE
from clearway.opstack import abi
from clearway.opstack.abi import Event, Function, revert_reason, split_types

# The compiled contracts, of the 3.10 generation, that a class of `abi` speaks to.
ARTIFACTS = {
    abi.Portal: ["OptimismPortal2"],
    abi.Registry: ["AnchorStateRegistry"],
    abi.Factory: ["DisputeGameFactory"],
    abi.Game: ["FaultDisputeGame", "PermissionedDisputeGame"],
    abi.SystemConfig: ["SystemConfig"],
    abi.Messenger: ["L1CrossDomainMessenger", "L2CrossDomainMessenger"],
    abi.Bridge: ["L1StandardBridge", "L2StandardBridge"],
    abi.Token: ["OptimismMintableERC20"],
    abi.TokenFactory: ["OptimismMintableERC20Factory"],
    abi.MessagePasser: ["L2ToL1MessagePasser"],
    abi.L1Block: ["L1Block"],
}

ON_ONE_SIDE_ALONE = {(abi.Messenger, "PORTAL"): "L1CrossDomainMessenger"}

# What only newer generations have: the declarations, without modifiers, from these sources.
DECLARED = {
    # base/contracts, src/L1/OptimismPortal2.sol (5.2.0)
    (abi.Portal, "REGISTRY"): "anchorStateRegistry() returns (IAnchorStateRegistry)",
    (abi.Portal, "LOCKBOX"): "ethLockbox() returns (IETHLockbox)",
    # ethereum-optimism/optimism, packages/contracts-bedrock/interfaces/L1/
    # IOptimismPortalInterop.sol
    (abi.Portal, "SUPER_ROOTS_ACTIVE"): "superRootsActive() returns (bool)",
    # base/contracts, src/L1/proofs/AnchorStateRegistry.sol (3.7.0)
    (abi.Registry, "ANCHOR_ROOT"): "getAnchorRoot() returns (Hash, uint256)",
    (abi.Registry, "GAME_FINALITY"): "disputeGameFinalityDelaySeconds() returns (uint256)",
    (abi.Registry, "PROPER"): "isGameProper(IDisputeGame _game) returns (bool)",
    (abi.Registry, "RESPECTED"): "isGameRespected(IDisputeGame _game) returns (bool)",
    (abi.Registry, "BLACKLISTED"): "isGameBlacklisted(IDisputeGame _game) returns (bool)",
    (abi.Registry, "RETIRED"): "isGameRetired(IDisputeGame _game) returns (bool)",
    # base/contracts, src/L1/proofs/AggregateVerifier.sol
    (abi.Game, "SEQUENCE_NUMBER"): "l2SequenceNumber() returns (uint256)",
    (abi.Game, "EXPECTED_RESOLUTION"): "expectedResolution() returns (Timestamp)",
    (abi.Game, "GAME_OVER"): "gameOver() returns (bool)",
    # ethereum-optimism/optimism, packages/contracts-bedrock/src/dispute/SuperFaultDisputeGame.sol
    (
        abi.Game,
        "ROOT_CLAIM_OF_CHAIN",
    ): "rootClaimByChainId(uint256 _chainId) returns (Claim)",
    # ethereum-optimism/optimism, packages/contracts-bedrock/src/L1/SystemConfig.sol (3.x)
    (abi.SystemConfig, "L2_CHAIN_ID"): "l2ChainId() returns (uint256)",
}

# What Solidity's own types are on the wire.
WIRE_TYPES = {
    "IAnchorStateRegistry": "address",
    "IDisputeGame": "address",
    "IETHLockbox": "address",
    "Timestamp": "uint64",
    "Hash": "bytes32",
    "Claim": "bytes32",
}

# Published selectors of the portal's errors: op-contracts v4 and later, and 3.10's own.
ERROR_SELECTORS = {
    "OptimismPortal_Unproven": "cca6afda",
    "OptimismPortal_ProofNotOldEnough": "d9bc01be",
    "OptimismPortal_InvalidRootClaim": "332a57f8",
    "OptimismPortal_InvalidProofTimestamp": "b4caa4e5",
    "OptimismPortal_ImproperDisputeGame": "f395240e",
    "OptimismPortal_InvalidDisputeGame": "e29927ed",
    "OptimismPortal_AlreadyFinalized": "730a1074",
    "OptimismPortal_CallPaused": "b9c3c2ef",
    "OptimismPortal_InvalidOutputRootProof": "426149af",
    "OptimismPortal_InvalidMerkleProof": "2e57ef3a",
    "OptimismPortal_GasLimitTooLow": "70c8bdbd",
    "OptimismPortal_GasEstimation": "ab581036",
    "OptimismPortal_BadTarget": "c5defbad",
    "ClockNotExpired": "f2440b53",
    "OutOfOrderResolution": "9a076646",
    "CannotDefendRootClaim": "a42637bc",
    "ClaimAlreadyResolved": "f1a94581",
    "GameNotInProgress": "67fe1950",
    "CallPaused": "f480973e",
    "GasEstimation": "eeae4ed3",
    "Unauthorized": "82b42900",
    "NoCreditToClaim": "17bfe5f7",
}


@cache
def artifact(name: str) -> list[dict]:
    path = NODE_MODULES / PACKAGE / "forge-artifacts" / f"{name}.sol" / f"{name}.json"
    return json.loads(path.read_bytes())["abi"]


def wire_type(parameter: dict) -> str:
    """Return a parameter's type with its tuples written out."""
    if not parameter["type"].startswith("tuple"):
        return parameter["type"]
    inner = ",".join(map(wire_type, parameter["components"]))
    return f"({inner}){parameter['type'].removeprefix('tuple')}"


def wire_types(parameters: list[dict]) -> list[str]:
    return [wire_type(parameter) for parameter in parameters]


def find(contract: str, kind: str, signature: str) -> dict | None:
    for entry in artifact(contract):
        inputs = ",".join(wire_types(entry.get("inputs", [])))
        if entry["type"] == kind and f"{entry['name']}({inputs})" == signature:
            return entry
    return None


def members(kind: type) -> Iterator[tuple[str, str, Function | Event]]:
    """Yield (contract, name, member) of all that `abi` says of the compiled contracts."""
    for owner, contracts in ARTIFACTS.items():
        for name, member in vars(owner).items():
            if isinstance(member, kind) and (owner, name) not in DECLARED:
                alone = ON_ONE_SIDE_ALONE.get((owner, name))
                for contract in [alone] if alone else contracts:
                    yield contract, name, member


def names(case: object) -> str | None:
    return case if isinstance(case, str) else None


@pytest.mark.parametrize(("contract", "name", "function"), members(Function), ids=names)
def test_a_function_is_the_compiled_contracts(contract, name, function):
    found = find(contract, "function", function.signature)
    assert found is not None
    if function.outputs:  # what we don't read needs no types
        assert wire_types(found["outputs"]) == function.outputs


@pytest.mark.parametrize(("contract", "name", "event"), members(Event), ids=names)
def test_an_event_is_the_compiled_contracts(contract, name, event):
    found = find(contract, "event", event.signature)
    assert found is not None
    assert wire_types([i for i in found["inputs"] if i["indexed"]]) == list(event.indexed)
    assert wire_types([i for i in found["inputs"] if not i["indexed"]]) == list(event.data)


def declared() -> list:
    return [
        pytest.param(owner, vars(owner)[name], declaration, id=declaration)
        for (owner, name), declaration in DECLARED.items()
    ]


@pytest.mark.parametrize(("owner", "function", "declaration"), declared())
def test_a_newer_function_is_as_declared(owner, function, declaration):
    name, inputs, outputs = re.fullmatch(r"(\w+)\((.*)\) returns \((.*)\)", declaration).groups()

    def types(parameters: str) -> list[str]:
        words = [parameter.split()[0] for parameter in parameters.split(",") if parameter]
        return [WIRE_TYPES.get(word, word) for word in words]

    assert function.signature == f"{name}({','.join(types(inputs))})"
    assert function.outputs == types(outputs)


@pytest.mark.parametrize(("owner", "function", "declaration"), declared())
def test_a_newer_function_is_really_missing_in_the_old_contracts(owner, function, declaration):
    """Else it is to be compared with them."""
    found = [find(contract, "function", function.signature) for contract in ARTIFACTS[owner]]
    assert not any(found), declaration


@pytest.mark.parametrize("contract", ["OptimismPortal2", "DisputeGameFactory", "SystemConfig"])
def test_contracts_tell_their_version(contract):
    assert wire_types(find(contract, "function", "version()")["outputs"]) == abi.VERSION.outputs


@pytest.mark.parametrize(("name", "selector"), ERROR_SELECTORS.items())
def test_a_published_error_is_told_by_its_name(name, selector):
    assert revert_reason(bytes.fromhex(selector), "execution reverted") == name


class TestRevertReason:
    def test_a_string_is_told_as_it_is(self):
        data = keccak(text="Error(string)")[:4] + abi_encode(["string"], ["no more ETH"])
        assert revert_reason(data, "execution reverted") == "no more ETH"

    def test_a_panic_is_told_by_its_code(self):
        data = keccak(text="Panic(uint256)")[:4] + abi_encode(["uint256"], [0x11])
        assert revert_reason(data, "execution reverted") == "panic 0x11"

    def test_no_data_leaves_the_nodes_word(self):
        assert revert_reason(b"", "execution reverted: nope") == "execution reverted: nope"

    def test_an_unknown_error_is_shown_whole(self):
        assert revert_reason(b"\x01\x02\x03\x04", "execution reverted") == "0x01020304"

    @given(
        data=st.binary(max_size=200), prefix=st.sampled_from(["Error(string)", "Panic(uint256)"])
    )
    def test_a_contract_may_return_anything(self, data, prefix):
        assert revert_reason(keccak(text=prefix)[:4] + data, "execution reverted")
        assert revert_reason(data, "execution reverted")


class TestFunction:
    TRANSFER = Function("transfer(address,uint256)", "bool")

    def test_selector_and_types_follow_from_the_signature(self):
        assert self.TRANSFER.selector.hex() == "a9059cbb"  # EIP-20
        assert self.TRANSFER.name == "transfer"
        assert self.TRANSFER.inputs == ["address", "uint256"]

    def test_a_call_is_read_back(self):
        calldata = self.TRANSFER.encode("0x" + "ab" * 20, 7)
        receiver, amount = self.TRANSFER.arguments_of(calldata)
        assert (receiver.lower(), amount) == ("0x" + "ab" * 20, 7)
        assert receiver != receiver.lower()  # it has its checksum

    def test_another_call_is_not_read(self):
        with pytest.raises(ValueError, match="transfer"):
            self.TRANSFER.arguments_of(b"\0" * 68)

    def test_one_output_comes_alone_and_several_as_a_tuple(self):
        two = Function("getAnchorRoot()", "bytes32,uint256")
        assert self.TRANSFER.decode((1).to_bytes(32, "big")) is True
        assert two.decode(bytes(31) + b"\1" + bytes(31) + b"\2") == (bytes(31) + b"\1", 2)

    @pytest.mark.parametrize(
        ("types", "parts"),
        [
            ("", []),
            ("address", ["address"]),
            ("address,uint256", ["address", "uint256"]),
            ("(uint256,bytes)[],bool", ["(uint256,bytes)[]", "bool"]),
            ("uint8,((bool,bool),int8),bytes", ["uint8", "((bool,bool),int8)", "bytes"]),
        ],
    )
    def test_types_are_split_at_the_outer_commas(self, types, parts):
        assert split_types(types) == parts


class TestEvent:
    def test_indexed_and_other_values_are_told_apart(self):
        event = Event("Moved(address,uint256)", ("address",), ("uint256",))
        word = (7).to_bytes(32, "big")
        assert event.decode([event.topic, bytes(12) + b"\xab" * 20], word)[1] == (7,)

    @pytest.mark.parametrize("topics", [1, 3])
    def test_a_wrong_number_of_topics_is_refused(self, topics):
        event = Event("Moved(address,uint256)", ("address",), ("uint256",))
        with pytest.raises(ValueError, match="zip"):
            event.decode([bytes(32)] * topics, bytes(32))
