"""What the public RPCs answer themselves instead of passing it on.

L1's lets everybody do what anvil can do, save moving its time and its history: those belong to the
two chains together. L2's is strict as a sequencer is: what anvil can do beyond that, nobody may.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from eth_account import Account
from eth_utils.address import to_checksum_address

from clearway.devnet.local import Sequencer
from clearway.opstack.messages import DEPOSIT_TYPE, Deposit, tohex, unhex

INVALID_PARAMS = -32602
NOT_SERVED = -32601
REFUSED = -32000

Params = list[Any]
Ask = Callable[..., Awaitable[Any]]
"""Ask the node: `await ask(method, *params)`; raises Refusal if the node refuses."""
Handler = Callable[[Params, Ask], Awaitable[Any]]
"""Answers a request in the node's place; raises Refusal."""
ArchivedProof = Callable[[str, list[str], int], dict[str, Any] | None]
"""Finds an old answer of eth_getProof, by address, slots and block number."""

# What moves or freezes time or history, in whichever of anvil's namespaces.
CONTROL_NAMESPACES = ("anvil", "evm", "hardhat")
TIME_AND_HISTORY = (
    "increaseTime",
    "setTime",
    "setNextBlockTimestamp",
    "setBlockTimestampInterval",
    "removeBlockTimestampInterval",
    "mine",
    "mine_detailed",
    "setAutomine",
    "setIntervalMining",
    "revert",
    "reset",
    "reorg",
    "rollback",
    "loadState",
    "setRpcUrl",
)

SENDS = (
    "eth_sendRawTransaction",
    "eth_sendRawTransactionSync",
    "eth_sendRawTransactionConditional",
)
RAW_TRANSACTIONS = {
    "eth_getRawTransactionByHash": "eth_getTransactionByHash",
    "debug_getRawTransaction": "eth_getTransactionByHash",
    "eth_getRawTransactionByBlockHashAndIndex": "eth_getTransactionByBlockHashAndIndex",
    "eth_getRawTransactionByBlockNumberAndIndex": "eth_getTransactionByBlockNumberAndIndex",
}
"""Methods that end anvil when they are asked for a deposit, and what to ask instead."""
SERVED = ("eth_", "net_", "web3_", "debug_trace", "trace_", "txpool_", "ots_", "erigon_")
SERVED_TOO = ("anvil_nodeInfo",)
WITH_THE_NODES_KEYS = ("eth_send", "eth_sign", "eth_submit")
ACCOUNT_LISTS = ("eth_accounts", "eth_requestAccounts")


class Refusal(Exception):
    """A JSON-RPC error, as the client gets it."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error: dict[str, Any] = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


class Policy(Protocol):
    """Decides what becomes of each method."""

    def handler(self, method: str) -> Handler | None:
        """Return who answers in the node's place; None passes the request on."""


class L1Policy:
    """Everything passes, save what moves time or history."""

    def handler(self, method: str) -> Handler | None:
        namespace, _, name = method.partition("_")
        if namespace in CONTROL_NAMESPACES and name in TIME_AND_HISTORY:
            return partial(
                _refuse,
                NOT_SERVED,
                f"{method} would part L1 from L2 in time: use `ape run devnet advance`, which "
                "moves both",
            )
        return None


class L2Policy:
    """What a sequencer's RPC serves, as long as it does; the deposits it knows come from L1."""

    def __init__(self, sequencer: Sequencer, archived_proof: ArchivedProof) -> None:
        self._sequencer = sequencer
        self._archived_proof = archived_proof
        self._handlers: dict[str, Handler] = {
            "eth_getProof": self._proof,
            **{send: partial(self._send, send) for send in SENDS},
            **{raw: partial(_raw_transaction, raw) for raw in RAW_TRANSACTIONS},
            **dict.fromkeys(ACCOUNT_LISTS, _no_accounts),
        }

    def handler(self, method: str) -> Handler | None:
        if method in self._handlers:
            return self._handlers[method]
        is_served = method.startswith(SERVED) or method in SERVED_TOO
        if is_served and not method.startswith(WITH_THE_NODES_KEYS):
            return None
        return partial(_refuse, NOT_SERVED, f"the sequencer does not serve {method}")

    async def _send(self, method: str, params: Params, ask: Ask) -> Any:
        raw = _raw_bytes(params)
        if raw.startswith(DEPOSIT_TYPE):
            raise Refusal(REFUSED, "sequencer: deposits come from L1's portal alone")
        if self._sequencer.down:
            raise Refusal(REFUSED, "sequencer: down")
        if self._sequencer.censored and _sender(raw) in self._sequencer.censored:
            raise Refusal(REFUSED, "sequencer: sender refused")
        return await ask(method, tohex(raw), *params[1:])

    async def _proof(self, params: Params, ask: Ask) -> Any:
        """Ask the node, and the archive for what the node has forgotten."""
        try:
            return await ask("eth_getProof", *params)
        except Refusal:
            found = await self._find_archived(params, ask)
            if found is None:
                raise
            return found

    async def _find_archived(self, params: Params, ask: Ask) -> dict[str, Any] | None:
        match params:
            case [str(address), list(slots), str() | dict() as block]:
                number = await _block_number(block, ask)
                return None if number is None else self._archived_proof(address, slots, number)
        return None


async def _refuse(code: int, message: str, params: Params, ask: Ask) -> Any:
    raise Refusal(code, message)


async def _no_accounts(params: Params, ask: Ask) -> list[str]:
    return []


async def _raw_transaction(method: str, params: Params, ask: Ask) -> Any:
    """Encode a deposit here; leave all else to the node."""
    transaction = await ask(RAW_TRANSACTIONS[method], *params)
    if transaction is None:
        return None
    if int(transaction["type"], 16) != DEPOSIT_TYPE[0]:
        return await ask(method, *params)
    deposit = Deposit(
        source_hash=unhex(transaction["sourceHash"]),
        sender=to_checksum_address(transaction["from"]),
        to=to_checksum_address(transaction["to"]) if transaction["to"] else None,
        mint=int(transaction.get("mint") or "0x0", 16),
        value=int(transaction["value"], 16),
        gas=int(transaction["gas"], 16),
        data=unhex(transaction["input"]),
        is_system=bool(transaction.get("isSystemTx")),
    )
    return tohex(deposit.encode())


async def _block_number(block: str | dict[str, Any], ask: Ask) -> int | None:
    """Return the number of the block that a request means; None if there is none."""
    if isinstance(block, dict):
        block = str(block.get("blockHash") or block.get("blockNumber"))
    by_hash = block.startswith("0x") and len(block) == 66
    method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
    header = await ask(method, block, False)
    return int(header["number"], 16) if header else None


def _raw_bytes(params: Params) -> bytes:
    """Return the transaction to be sent, in whichever spelling the node would take it."""
    try:
        raw = unhex(params[0])
    except (IndexError, AttributeError, TypeError, ValueError):
        raise Refusal(INVALID_PARAMS, "the first parameter must be a raw transaction") from None
    return raw


def _sender(raw: bytes) -> str:
    """Return a transaction's sender in lower case; who can't be known is refused."""
    try:
        return str(Account.recover_transaction(raw)).lower()
    except Exception:  # the decoders below raise whatever they like
        raise Refusal(REFUSED, "sequencer: the transaction has no valid signature") from None
