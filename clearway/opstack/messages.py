"""Deposits, withdrawals and messages: their encodings and hashes, as the protocol defines them.

Everything here is pure. Sources: the OP Stack specification, pages "deposits" and "withdrawals",
and the contracts `Hashing`, `Encoding` and `CrossDomainMessenger`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import rlp
from eth_abi import encode as abi_encode
from eth_utils.crypto import keccak

from clearway.opstack.abi import MessagePasser, Messenger, Portal
from clearway.opstack.addresses import (
    DEPOSITOR,
    L1_BLOCK,
    MESSAGE_PASSER,
    Address,
    address_from_word,
)
from clearway.opstack.errors import RpcNonsense

T = TypeVar("T")

DEPOSIT_TYPE = b"\x7e"
USER_DEPOSIT_DOMAIN = 0
L1_ATTRIBUTES_DOMAIN = 1
ATTRIBUTES_GAS = 1_000_000
OUTPUT_VERSION = bytes(32)

Log = Mapping[str, Any]  # as JSON-RPC gives it: hex strings


def unhex(text: str) -> bytes:
    """Return the bytes of a 0x string."""
    return bytes.fromhex(text.removeprefix("0x"))


def tohex(data: bytes) -> str:
    """Return `data` as a 0x string."""
    return "0x" + data.hex()


def topics_of(log: Log) -> list[bytes]:
    return [unhex(topic) for topic in log["topics"]]


def rlp_integer(number: int) -> bytes:
    """Return the shortest big-endian bytes; zero is empty."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def source_hash(domain: int, l1_block_hash: bytes, position: int) -> bytes:
    """Return what makes a deposit unique.

    `position` is its log's index in the block, or an attributes transaction's sequence number.
    """
    inner = keccak(l1_block_hash + position.to_bytes(32, "big"))
    return keccak(domain.to_bytes(32, "big") + inner)


@dataclass(frozen=True)
class Deposit:
    """A deposit transaction of type 0x7E: what L1 makes happen on L2. Amounts in wei."""

    source_hash: bytes
    sender: Address
    to: Address | None  # None creates a contract
    mint: int
    value: int
    gas: int
    data: bytes
    is_system: bool = False

    def encode(self) -> bytes:
        """Return the raw transaction."""
        body: bytes = rlp.encode(
            [
                self.source_hash,
                unhex(self.sender),
                unhex(self.to) if self.to else b"",
                rlp_integer(self.mint),
                rlp_integer(self.value),
                rlp_integer(self.gas),
                rlp_integer(int(self.is_system)),
                self.data,
            ]
        )
        return DEPOSIT_TYPE + body

    @cached_property
    def hash(self) -> bytes:
        """The hash of the L2 transaction, known before it lands."""
        return keccak(self.encode())

    @classmethod
    def from_log(cls, log: Log) -> "Deposit":
        """Read a `TransactionDeposited` log; raise ValueError for an unknown version."""
        (sender, to, version), (opaque,) = Portal.TRANSACTION_DEPOSITED.decode(
            topics_of(log), unhex(log["data"])
        )
        if version != 0:
            raise ValueError(f"deposit version {version} is unknown")
        return cls(
            source_hash=source_hash(
                USER_DEPOSIT_DOMAIN, unhex(log["blockHash"]), int(log["logIndex"], 16)
            ),
            sender=sender,
            to=None if opaque[72] else to,
            mint=int.from_bytes(opaque[:32], "big"),
            value=int.from_bytes(opaque[32:64], "big"),
            gas=int.from_bytes(opaque[64:72], "big"),
            data=opaque[73:],
        )


def deposits_in(logs: Sequence[Log], portal: Address) -> list[Deposit]:
    """Return the deposits that `portal` announced in `logs`, in order."""
    return [
        _read(Deposit.from_log, log)
        for log in logs
        if is_event(log, portal, Portal.TRANSACTION_DEPOSITED)
    ]


def _read(reader: Callable[[Log], T], log: Log) -> T:
    """Read a log; raise `RpcNonsense` if it can't be what the contract wrote."""
    try:
        return reader(log)
    except Exception as error:  # eth_abi has many kinds
        raise RpcNonsense(
            f"the RPC gave a log that can't be read ({error})", "use another RPC"
        ) from error


def is_event(log: Log, address: Address, event: Any) -> bool:
    """Tell whether `log` is `event` of the contract at `address`."""
    return bool(
        log["address"].lower() == address.lower()
        and log["topics"]
        and unhex(log["topics"][0]) == event.topic
    )


@dataclass(frozen=True)
class L1Attributes:
    """What the first transaction of an L2 block says of its L1 origin (Ecotone encoding)."""

    number: int
    timestamp: int
    base_fee: int  # wei
    blob_base_fee: int  # wei
    block_hash: bytes
    sequence_number: int
    batcher: Address
    base_fee_scalar: int = 1_368
    blob_base_fee_scalar: int = 810_949

    def as_deposit(self) -> Deposit:
        data = (
            keccak(text="setL1BlockValuesEcotone()")[:4]
            + self.base_fee_scalar.to_bytes(4, "big")
            + self.blob_base_fee_scalar.to_bytes(4, "big")
            + self.sequence_number.to_bytes(8, "big")
            + self.timestamp.to_bytes(8, "big")
            + self.number.to_bytes(8, "big")
            + self.base_fee.to_bytes(32, "big")
            + self.blob_base_fee.to_bytes(32, "big")
            + self.block_hash
            + unhex(self.batcher).rjust(32, b"\0")
        )
        return Deposit(
            source_hash=source_hash(L1_ATTRIBUTES_DOMAIN, self.block_hash, self.sequence_number),
            sender=DEPOSITOR,
            to=L1_BLOCK,
            mint=0,
            value=0,
            gas=ATTRIBUTES_GAS,
            data=data,
        )


@dataclass(frozen=True)
class Withdrawal:
    """A message from L2 to L1, as the message passer recorded it. Value in wei."""

    nonce: int  # version in the upper two bytes
    sender: Address
    target: Address
    value: int
    gas_limit: int
    data: bytes

    def as_tuple(self) -> tuple[int, str, str, int, int, bytes]:
        return (self.nonce, self.sender, self.target, self.value, self.gas_limit, self.data)

    @cached_property
    def hash(self) -> bytes:
        """The withdrawal's identity on both chains."""
        kinds = ["uint256", "address", "address", "uint256", "uint256", "bytes"]
        return keccak(abi_encode(kinds, self.as_tuple()))

    @cached_property
    def slot(self) -> bytes:
        """The storage key of `sentMessages[hash]` in the message passer."""
        return keccak(self.hash + bytes(32))

    @classmethod
    def from_log(cls, log: Log) -> "Withdrawal":
        """Read a `MessagePassed` log; raise ValueError if its hash isn't that of its fields."""
        (nonce, sender, target), (value, gas_limit, data, claimed) = (
            MessagePasser.MESSAGE_PASSED.decode(topics_of(log), unhex(log["data"]))
        )
        withdrawal = cls(nonce, sender, target, value, gas_limit, data)
        if withdrawal.hash != claimed:
            raise ValueError("a MessagePassed log contradicts its own hash")
        return withdrawal


def withdrawals_in(logs: Sequence[Log]) -> list[Withdrawal]:
    """Return the withdrawals that the message passer recorded in `logs`, in order."""
    return [
        _read(Withdrawal.from_log, log)
        for log in logs
        if is_event(log, MESSAGE_PASSER, MessagePasser.MESSAGE_PASSED)
    ]


@dataclass(frozen=True)
class Message:
    """A message between the two messengers, as `relayMessage` takes it. Value in wei."""

    nonce: int
    sender: Address
    target: Address
    value: int
    min_gas: int
    data: bytes

    def relay_calldata(self) -> bytes:
        return Messenger.RELAY.encode(
            self.nonce, self.sender, self.target, self.value, self.min_gas, self.data
        )

    @cached_property
    def hash(self) -> bytes:
        """The key of `failedMessages` and `successfulMessages` (message version 1)."""
        return keccak(self.relay_calldata())

    @classmethod
    def from_calldata(cls, calldata: bytes) -> "Message | None":
        """Return the message that a call of `relayMessage` carries, None for any other call.

        A withdrawal carries whatever its sender likes, so what can't be read is another call too.
        """
        try:
            return cls(*Messenger.RELAY.arguments_of(calldata))
        except Exception:  # eth_abi has many kinds
            return None


@dataclass(frozen=True)
class OutputProof:
    """The preimage of an output root: three commitments to one L2 block."""

    state_root: bytes
    storage_root: bytes  # of the message passer
    block_hash: bytes

    def as_tuple(self) -> tuple[bytes, bytes, bytes, bytes]:
        return (OUTPUT_VERSION, self.state_root, self.storage_root, self.block_hash)

    @cached_property
    def root(self) -> bytes:
        return keccak(b"".join(self.as_tuple()))


def complete_storage_proof(key: bytes, nodes: list[bytes]) -> list[bytes]:
    """Add the leaf that a node's answer leaves out when it is embedded in the last branch.

    A trie node under 32 bytes is stored inside its parent; the contracts want it listed.
    """
    if not nodes:
        return nodes
    last = rlp.decode(nodes[-1])
    if len(last) != 17:
        return nodes
    depth = sum(
        1 if len(n := rlp.decode(node)) == 17 else _path_length(n[0]) for node in nodes[:-1]
    )
    nibble = keccak(key).hex()[depth]
    child = last[int(nibble, 16)]
    return [*nodes, rlp.encode(child)] if isinstance(child, list) else nodes


def _path_length(encoded: bytes) -> int:
    """Return the nibbles of a hex-prefix encoded path."""
    is_odd = encoded[0] >> 4 & 1
    return 2 * (len(encoded) - 1) + is_odd


def logs_bloom(logs: Sequence[Log]) -> bytes:
    """Return the bloom filter of `logs` (yellow paper, 4.3.1)."""
    bloom = 0
    for log in logs:
        for item in (unhex(log["address"]), *topics_of(log)):
            digest = keccak(item)
            for start in (0, 2, 4):
                bloom |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return bloom.to_bytes(256, "big")


def word_to_address(word: str) -> Address:
    return address_from_word(unhex(word))
