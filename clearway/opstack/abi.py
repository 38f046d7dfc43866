"""A small ABI layer, and the functions and events of the OP Stack contracts that we use.

A function is written as its signature and its return types. `tests/opstack/test_abi.py` checks
each against the compiled contracts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from eth_abi import encode as abi_encode
from eth_abi.codec import ABICodec
from eth_abi.decoding import UnsignedIntegerDecoder
from eth_abi.encoding import UnsignedIntegerEncoder
from eth_abi.registry import BaseEquals, registry
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak


def _strict_codec() -> ABICodec:
    """Return a codec to which nothing is not zero.

    Ape replaces the decoder of numbers in eth_abi's registry, for the whole process, by one that
    reads missing bytes as zeros. An address without code would then answer every question with 0.
    """
    own = registry.copy()  # type: ignore[no-untyped-call]
    own.unregister("uint")
    is_number = BaseEquals("uint")  # type: ignore[no-untyped-call]
    own.register(is_number, UnsignedIntegerEncoder, UnsignedIntegerDecoder, label="uint")
    return ABICodec(own)


CODEC = _strict_codec()


def split_types(types: str) -> list[str]:
    """Split "a,(b,c)[],d" at its outer commas."""
    parts, depth, start = [], 0, 0
    for position, char in enumerate(types):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(types[start:position])
            start = position + 1
    last = types[start:]
    return [*parts, last] if last else parts


@dataclass(frozen=True)
class Function:
    """A contract's function: `Function("balanceOf(address)", "uint256")`."""

    signature: str
    returns: str = ""

    @cached_property
    def name(self) -> str:
        return self.signature.partition("(")[0]

    @cached_property
    def selector(self) -> bytes:
        return keccak(text=self.signature)[:4]

    @cached_property
    def inputs(self) -> list[str]:
        return split_types(self.signature.partition("(")[2][:-1])

    @cached_property
    def outputs(self) -> list[str]:
        return split_types(self.returns)

    def encode(self, *arguments: Any) -> bytes:
        """Return the calldata."""
        return self.selector + abi_encode(self.inputs, arguments)

    def arguments_of(self, calldata: bytes) -> tuple[Any, ...]:
        """Return the arguments in `calldata`; raise ValueError if it calls another function."""
        if calldata[:4] != self.selector:
            raise ValueError(f"not a call of {self.name}")
        return _decoded(self.inputs, calldata[4:])

    def decode(self, data: bytes) -> Any:
        """Return what a call returned: one value alone, several as a tuple."""
        values = _decoded(self.outputs, data)
        return values[0] if len(values) == 1 else values


@dataclass(frozen=True)
class Event:
    """A contract's event; `indexed` and `data` are its types, in the order of declaration."""

    signature: str
    indexed: Sequence[str] = ()
    data: Sequence[str] = ()
    topic: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "topic", keccak(text=self.signature))

    def decode(self, topics: Sequence[bytes], data: bytes) -> tuple[tuple[Any, ...], ...]:
        """Return (indexed values, other values)."""
        indexed = tuple(
            _decoded([kind], topic)[0] for kind, topic in zip(self.indexed, topics[1:], strict=True)
        )
        return indexed, _decoded(list(self.data), data)


def _decoded(types: list[str], data: bytes) -> tuple[Any, ...]:
    values = CODEC.decode(types, data)
    return tuple(
        to_checksum_address(one) if kind == "address" else one
        for kind, one in zip(types, values, strict=True)
    )


WITHDRAWAL_TUPLE = "(uint256,address,address,uint256,uint256,bytes)"
OUTPUT_PROOF_TUPLE = "(bytes32,bytes32,bytes32,bytes32)"

VERSION = Function("version()", "string")


class Portal:
    """OptimismPortal2, 3.x to 5.x; what only some versions have is asked for and may be absent."""

    PAUSED = Function("paused()", "bool")
    SYSTEM_CONFIG = Function("systemConfig()", "address")
    FACTORY = Function("disputeGameFactory()", "address")
    REGISTRY = Function("anchorStateRegistry()", "address")  # from 4.0
    LOCKBOX = Function("ethLockbox()", "address")  # from 4.0, where the ETH is kept apart
    SUPER_ROOTS_ACTIVE = Function("superRootsActive()", "bool")  # interop portals only
    RESPECTED_GAME_TYPE = Function("respectedGameType()", "uint32")
    RESPECTED_SINCE = Function("respectedGameTypeUpdatedAt()", "uint64")  # 3.x
    BLACKLISTED = Function("disputeGameBlacklist(address)", "bool")
    PROOF_MATURITY = Function("proofMaturityDelaySeconds()", "uint256")
    GAME_FINALITY = Function("disputeGameFinalityDelaySeconds()", "uint256")
    FINALIZED = Function("finalizedWithdrawals(bytes32)", "bool")
    PROVEN = Function("provenWithdrawals(bytes32,address)", "address,uint64")
    SUBMITTER_COUNT = Function("numProofSubmitters(bytes32)", "uint256")
    SUBMITTER = Function("proofSubmitters(bytes32,uint256)", "address")
    MINIMUM_GAS = Function("minimumGasLimit(uint64)", "uint64")
    CHECK = Function("checkWithdrawal(bytes32,address)")
    DEPOSIT = Function("depositTransaction(address,uint256,uint64,bool,bytes)")
    DONATE = Function("donateETH()")
    PROVE = Function(
        f"proveWithdrawalTransaction({WITHDRAWAL_TUPLE},uint256,{OUTPUT_PROOF_TUPLE},bytes[])"
    )
    FINALIZE = Function(f"finalizeWithdrawalTransactionExternalProof({WITHDRAWAL_TUPLE},address)")
    # The guardian's.
    BLACKLIST = Function("blacklistDisputeGame(address)")
    SET_RESPECTED_GAME_TYPE = Function("setRespectedGameType(uint32)")

    TRANSACTION_DEPOSITED = Event(
        "TransactionDeposited(address,address,uint256,bytes)",
        ("address", "address", "uint256"),
        ("bytes",),
    )
    WITHDRAWAL_FINALIZED = Event("WithdrawalFinalized(bytes32,bool)", ("bytes32",), ("bool",))


class Registry:
    """AnchorStateRegistry: 1.x holds anchors alone, 3.x also judges games."""

    ANCHORS = Function("anchors(uint32)", "bytes32,uint256")  # 1.x
    ANCHOR_ROOT = Function("getAnchorRoot()", "bytes32,uint256")  # 3.x
    GAME_FINALITY = Function("disputeGameFinalityDelaySeconds()", "uint256")
    PROPER = Function("isGameProper(address)", "bool")
    RESPECTED = Function("isGameRespected(address)", "bool")
    BLACKLISTED = Function("isGameBlacklisted(address)", "bool")
    RETIRED = Function("isGameRetired(address)", "bool")


class Factory:
    """DisputeGameFactory."""

    GAME_COUNT = Function("gameCount()", "uint256")
    GAME_AT = Function("gameAtIndex(uint256)", "uint32,uint64,address")
    GAME_IMPLEMENTATION = Function("gameImpls(uint32)", "address")
    INITIAL_BOND = Function("initBonds(uint32)", "uint256")
    LATEST = Function(
        "findLatestGames(uint32,uint256,uint256)", "(uint256,bytes32,uint64,bytes32,bytes)[]"
    )
    CREATE = Function("create(uint32,bytes32,bytes)", "address")
    GAME_CREATED = Event(
        "DisputeGameCreated(address,uint32,bytes32)", ("address", "uint32", "bytes32")
    )


class Game:
    """A dispute game: FaultDisputeGame of all versions, and what AggregateVerifier shares."""

    STATUS = Function("status()", "uint8")
    GAME_TYPE = Function("gameType()", "uint32")
    CREATED_AT = Function("createdAt()", "uint64")
    RESOLVED_AT = Function("resolvedAt()", "uint64")
    ROOT_CLAIM = Function("rootClaim()", "bytes32")
    ROOT_CLAIM_OF_CHAIN = Function("rootClaimByChainId(uint256)", "bytes32")  # super roots
    BLOCK_NUMBER = Function("l2BlockNumber()", "uint256")  # 3.x
    SEQUENCE_NUMBER = Function("l2SequenceNumber()", "uint256")  # from 4.0
    MAX_CLOCK = Function("maxClockDuration()", "uint64")
    L2_CHAIN_ID = Function("l2ChainId()", "uint256")
    CLAIM_COUNT = Function("claimDataLen()", "uint256")
    CLAIM = Function("claimData(uint256)", "uint32,address,address,uint128,bytes32,uint128,uint128")
    CLAIM_RESOLVED = Function("resolvedSubgames(uint256)", "bool")
    CHALLENGER_DURATION = Function("getChallengerDuration(uint256)", "uint64")
    REQUIRED_BOND = Function("getRequiredBond(uint128)", "uint256")
    STARTING_BLOCK = Function("startingBlockNumber()", "uint256")
    SPLIT_DEPTH = Function("splitDepth()", "uint256")
    CREDIT = Function("credit(address)", "uint256")
    ATTACK = Function("attack(bytes32,uint256,bytes32)")
    DEFEND = Function("defend(bytes32,uint256,bytes32)")
    RESOLVE_CLAIM = Function("resolveClaim(uint256,uint256)")
    RESOLVE = Function("resolve()", "uint8")
    CLAIM_CREDIT = Function("claimCredit(address)")
    EXPECTED_RESOLUTION = Function("expectedResolution()", "uint64")  # AggregateVerifier
    GAME_OVER = Function("gameOver()", "bool")  # AggregateVerifier


class SystemConfig:
    L1_MESSENGER = Function("l1CrossDomainMessenger()", "address")
    L1_BRIDGE = Function("l1StandardBridge()", "address")
    L2_CHAIN_ID = Function("l2ChainId()", "uint256")  # from 3.x of its own versions


class Messenger:
    """L1CrossDomainMessenger and L2CrossDomainMessenger."""

    SEND = Function("sendMessage(address,bytes,uint32)")
    RELAY = Function("relayMessage(uint256,address,address,uint256,uint256,bytes)")
    OTHER = Function("OTHER_MESSENGER()", "address")
    FAILED = Function("failedMessages(bytes32)", "bool")
    SUCCESSFUL = Function("successfulMessages(bytes32)", "bool")
    PORTAL = Function("PORTAL()", "address")
    SENT_MESSAGE = Event(
        "SentMessage(address,address,bytes,uint256,uint256)",
        ("address",),
        ("address", "bytes", "uint256", "uint256"),
    )
    FAILED_RELAYED = Event("FailedRelayedMessage(bytes32)", ("bytes32",))
    RELAYED = Event("RelayedMessage(bytes32)", ("bytes32",))


class Bridge:
    """L1StandardBridge and L2StandardBridge; the `…To` forms serve contracts as well."""

    BRIDGE_ETH_TO = Function("bridgeETHTo(address,uint32,bytes)")
    BRIDGE_TOKEN_TO = Function("bridgeERC20To(address,address,address,uint256,uint32,bytes)")
    FINALIZE_ETH = Function("finalizeBridgeETH(address,address,uint256,bytes)")
    FINALIZE_TOKEN = Function("finalizeBridgeERC20(address,address,address,address,uint256,bytes)")


class Token:
    BALANCE = Function("balanceOf(address)", "uint256")
    ALLOWANCE = Function("allowance(address,address)", "uint256")
    APPROVE = Function("approve(address,uint256)")
    NAME = Function("name()", "string")
    SYMBOL = Function("symbol()", "string")
    DECIMALS = Function("decimals()", "uint8")
    REMOTE_TOKEN = Function("remoteToken()", "address")  # OptimismMintableERC20
    L1_TOKEN = Function("l1Token()", "address")  # its older name
    BRIDGE = Function("bridge()", "address")


class TokenFactory:
    CREATE = Function(
        "createOptimismMintableERC20WithDecimals(address,string,string,uint8)", "address"
    )
    CREATED = Event(
        "OptimismMintableERC20Created(address,address,address)",
        ("address", "address"),
        ("address",),
    )


class MessagePasser:
    INITIATE = Function("initiateWithdrawal(address,uint256,bytes)")
    SENT = Function("sentMessages(bytes32)", "bool")
    NONCE = Function("messageNonce()", "uint256")
    MESSAGE_PASSED = Event(
        "MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)",
        ("uint256", "address", "address"),
        ("uint256", "uint256", "bytes", "bytes32"),
    )


class L1Block:
    """The L2's knowledge of L1: where derivation stands."""

    NUMBER = Function("number()", "uint64")
    HASH = Function("hash()", "bytes32")
    SEQUENCE_NUMBER = Function("sequenceNumber()", "uint64")


# Custom errors of the portals, games and factories, by what they mean to a reader.
ERRORS = {
    keccak(text=f"{name}()")[:4]: name
    for name in (  # noqa: SIM905
        "CallPaused Unauthorized SmallGasLimit LargeCalldata OutOfGas BadTarget GasEstimation "
        "NonReentrant ClockNotExpired OutOfOrderResolution ClaimAlreadyResolved GameNotInProgress "
        "AnchorRootNotFound IncorrectBondAmount BadAuth NoCreditToClaim BondTransferFailed "
        "CannotDefendRootClaim ClaimAlreadyExists GameDepthExceeded ClockTimeExceeded "
        "OptimismPortal_Unproven OptimismPortal_ProofNotOldEnough OptimismPortal_InvalidRootClaim "
        "OptimismPortal_InvalidProofTimestamp OptimismPortal_ImproperDisputeGame "
        "OptimismPortal_InvalidDisputeGame OptimismPortal_AlreadyFinalized "
        "OptimismPortal_CallPaused OptimismPortal_InvalidOutputRootProof "
        "OptimismPortal_InvalidMerkleProof OptimismPortal_GasLimitTooLow "
        "OptimismPortal_GasEstimation OptimismPortal_BadTarget "
        "OptimismPortal_CalldataTooLarge OptimismPortal_NoReentrancy"
    ).split()
}

REVERT_STRING = Function("Error(string)", "string")
PANIC = Function("Panic(uint256)", "uint256")


def revert_reason(data: bytes, message: str) -> str:
    """Return why a call reverted, from its return data, else from the node's message."""
    try:
        if data[:4] == REVERT_STRING.selector:
            return str(REVERT_STRING.arguments_of(data)[0])
        if data[:4] == PANIC.selector:
            return f"panic {PANIC.arguments_of(data)[0]:#x}"
    except Exception:  # a contract may return anything
        return f"0x{data.hex()}"
    if data[:4] in ERRORS:
        return ERRORS[data[:4]]
    return f"0x{data.hex()}" if data else message
