"""One chain behind one RPC: calls, receipts, logs and fees, with errors that people understand.

Speaks JSON-RPC through any synchronous web3.py provider, so it serves a public node, a local one
and Ape's own connection alike.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from web3.providers import HTTPProvider
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from clearway.opstack.abi import Event, Function, revert_reason
from clearway.opstack.addresses import Address
from clearway.opstack.errors import (
    InsufficientBalance,
    Reverted,
    RpcError,
    RpcNonsense,
    RpcUnavailable,
    TransactionFailed,
    UnknownTransaction,
    WrongChain,
)
from clearway.opstack.messages import Log, logs_bloom, tohex, unhex
from clearway.opstack.text import amount

T = TypeVar("T")

RPC_TIMEOUT = 20  # seconds
LOG_RANGE = 2_000  # blocks; public nodes refuse more
BATCH_SIZE = 50  # requests
RETRY_PAUSES = (0.1, 0.4, 1.6)  # seconds
FIRST_POLL, SLOWEST_POLL = 0.02, 2.0  # seconds between looks for a receipt

BlockId = int | str

# How nodes say that a transaction takes more gas than they let one have.
TOO_MUCH_GAS = (
    "gas required exceeds",
    "exceeds block gas limit",
    "exceeds the block gas limit",
    "gas limit too high",
    "gas too high",
    "out of gas",
)

# What reading an answer of another shape than expected raises.
MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class HttpProvider(HTTPProvider):
    """web3's provider, which also makes sure that an answer is to the question asked."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        request = self.encode_rpc_request(method, params)
        answer = self.decode_rpc_response(self._make_request(method, request))
        # An error may come without an id, when the request couldn't be read.
        if answer.get("id") != json.loads(request)["id"] and "error" not in answer:
            raise ValueError("the answer is to another request")
        return answer


@dataclass(frozen=True)
class Block:
    """A block's header, as far as we use it."""

    number: int
    hash: bytes
    timestamp: int
    state_root: bytes
    base_fee: int  # wei


@dataclass(frozen=True)
class Call:
    """A view call: `Call(contract, Token.DECIMALS)`."""

    to: Address
    function: Function
    arguments: Sequence[Any] = ()


class Chain:
    """A chain, named ("L1", "L2") for its messages to people."""

    def __init__(self, provider: JSONBaseProvider, name: str) -> None:
        self.provider = provider
        self.name = name
        self._chain_id: int | None = None

    @classmethod
    def connect(cls, url: str, name: str, timeout: float = RPC_TIMEOUT) -> "Chain":
        """Connect by HTTP; raise `RpcUnavailable` for any other kind of address."""
        if not url.startswith(("http://", "https://")):
            raise RpcUnavailable(f"{name} RPC {url!r} is not an HTTP address", "give http(s)://…")
        provider = HttpProvider(
            url, request_kwargs={"timeout": timeout}, exception_retry_configuration=None
        )
        return cls(provider, name)

    @property
    def url(self) -> str:
        return str(getattr(self.provider, "endpoint_uri", "its provider"))

    @property
    def chain_id(self) -> int:
        if self._chain_id is None:
            self._chain_id = self._integer(self.request("eth_chainId"))
        return self._chain_id

    def require_chain_id(self, expected: int) -> None:
        """Raise `WrongChain` unless the RPC serves the chain `expected`."""
        if self.chain_id != expected:
            raise WrongChain(
                f"the {self.name} RPC at {self.url} serves chain {self.chain_id}, not {expected}",
                f"give the RPC of chain {expected}",
            )

    # Requests

    def request(self, method: str, *params: Any) -> Any:
        """Send one request and return its result."""
        answer = self._transport(lambda: self.provider.make_request(method, list(params)))  # type: ignore[arg-type]
        return self._result(method, answer)

    def batch(self, requests_: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Send many requests; each answer is a result or the error that it would have raised."""
        answers: list[Any] = []
        for start in range(0, len(requests_), BATCH_SIZE):
            answers += self._batch(requests_[start : start + BATCH_SIZE])
        return answers

    def _batch(self, part: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        raw = self._transport(lambda: self.provider.make_batch_request(list(part)))  # type: ignore[arg-type]
        if not _is_complete(raw, len(part)):
            return [self._attempt(method, *params) for method, params in part]
        answers: list[Any] = []
        for (method, _), answer in zip(part, raw, strict=True):
            try:
                answers.append(self._result(method, answer))
            except RpcError as error:
                answers.append(error)
        return answers

    def _attempt(self, method: str, *params: Any) -> Any:
        """Serve a node that has no batches."""
        try:
            return self.request(method, *params)
        except RpcError as error:
            return error

    def _transport(self, send: Callable[[], Any]) -> Any:
        """Send; a request is sent again if the connection broke, for each of ours is repeatable."""
        for pause in RETRY_PAUSES:
            try:
                return self._checked(send)
            except RpcUnavailable as error:
                if isinstance(error.__cause__, requests.Timeout):
                    raise
                time.sleep(pause)
        return self._checked(send)

    def _checked(self, send: Callable[[], Any]) -> Any:
        try:
            return send()
        except requests.Timeout as error:
            raise RpcUnavailable(
                f"the {self.name} RPC at {self.url} didn't answer within its time",
                "try again, or use another RPC",
            ) from error
        except requests.JSONDecodeError as error:
            raise self._nonsense("no JSON") from error
        except requests.RequestException as error:
            response = error.response
            why = f"HTTP {response.status_code}" if response is not None else "no connection"
            raise RpcUnavailable(
                f"the {self.name} RPC at {self.url} doesn't answer ({why})",
                "check the address, and that the node runs",
            ) from error
        except MISSHAPEN as error:
            raise self._nonsense("no JSON-RPC") from error

    def _result(self, method: str, answer: Any) -> Any:
        if not isinstance(answer, Mapping):
            raise self._nonsense(f"no answer to {method}")
        error = answer.get("error")
        if error is not None:
            raise self._refusal(method, error)
        if "result" not in answer:
            raise self._nonsense(f"neither a result nor an error for {method}")
        return answer["result"]

    def _refusal(self, method: str, error: Any) -> RpcError:
        if not isinstance(error, Mapping):
            return RpcError(self.name, method, 0, str(error), b"")
        code = error.get("code")
        code = code if isinstance(code, int) else 0
        message = str(error.get("message") or "")
        data = error.get("data")
        if isinstance(data, Mapping):
            data = data.get("data")
        raw = _revert_data(data)
        lower = message.lower()
        is_too_much = method != "eth_call" and any(words in lower for words in TOO_MUCH_GAS)
        if raw or "revert" in lower or is_too_much:
            return Reverted(self.name, method, code, message, raw, revert_reason(raw, message))
        return RpcError(self.name, method, code, message, b"")

    def _nonsense(self, what: str) -> RpcNonsense:
        return RpcNonsense(
            f"the {self.name} RPC at {self.url} answered nonsense ({what})", "use another RPC"
        )

    def _integer(self, text: Any) -> int:
        try:
            return int(text, 16)
        except (TypeError, ValueError) as error:
            raise self._nonsense(f"{text!r} where a number belongs") from error

    # Blocks

    def block(self, block: BlockId = "latest") -> Block:
        """Return a block's header; raise `UnknownTransaction` if there is none."""
        found = self.find_block(block)
        if found is None:
            raise UnknownTransaction(
                f"{self.name} has no block {block}",
                "its RPC may be behind: try again, or use another",
            )
        return found

    def timestamps(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return the timestamps of blocks, by number."""
        wanted = sorted(set(numbers))
        blocks = self.batch([("eth_getBlockByNumber", (hex(one), False)) for one in wanted])
        return {
            number: self._header(block, number).timestamp
            for number, block in zip(wanted, blocks, strict=True)
        }

    def find_block(self, block: BlockId) -> Block | None:
        raw = self.request("eth_getBlockByNumber", _block_id(block), False)
        return None if raw is None else self._header(raw, block)

    def _header(self, raw: Any, block: BlockId) -> Block:
        """Return a block as a node told it; raise what it answered instead."""
        if isinstance(raw, RpcError):
            raise raw
        try:
            return Block(
                number=int(raw["number"], 16),
                hash=unhex(raw["hash"]),
                timestamp=int(raw["timestamp"], 16),
                state_root=unhex(raw["stateRoot"]),
                base_fee=int(raw.get("baseFeePerGas") or "0x0", 16),
            )
        except MISSHAPEN as error:
            raise self._nonsense(f"no header of block {block}") from error

    def first_block_since(self, timestamp: int, low: int, high: int) -> int:
        """Return the first block in [low, high] since `timestamp`; `high` if there is none."""
        while low < high:
            middle = (low + high) // 2
            if self.block(middle).timestamp < timestamp:
                low = middle + 1
            else:
                high = middle
        return low

    # Views

    def call(
        self,
        to: Address,
        function: Function,
        *arguments: Any,
        sender: Address | None = None,
        value: int = 0,
        block: BlockId = "latest",
    ) -> Any:
        """Call a view; raise `Reverted`, or `RpcNonsense` if there is no such contract."""
        request = _call_object(to, function.encode(*arguments), sender, value)
        return self.decoded(to, function, self.request("eth_call", request, _block_id(block)))

    def run(self, code: bytes, block: BlockId = "latest") -> Any:
        """Return the answer of code that runs as a contract's creation would, and creates none."""
        return self.request("eth_call", {"data": tohex(code)}, _block_id(block))

    def try_call(self, to: Address, function: Function, *arguments: Any) -> Any:
        """Call a view that a contract may not have: None if it hasn't."""
        return self.calls([Call(to, function, arguments)])[0]

    def calls(self, calls: Sequence[Call], block: BlockId = "latest") -> list[Any]:
        """Call many views at one block; one that reverts or isn't there gives None."""
        answers = self.batch(
            [
                (
                    "eth_call",
                    (_call_object(c.to, c.function.encode(*c.arguments)), _block_id(block)),
                )
                for c in calls
            ]
        )
        return [self._maybe(call, answer) for call, answer in zip(calls, answers, strict=True)]

    def required_calls(self, calls: Sequence[Call], block: BlockId = "latest") -> list[Any]:
        """Call many views that must be there; raise `RpcNonsense` for one that gives nothing.

        For what a missing answer must not be taken for a "no".
        """
        answers = self.calls(calls, block)
        for call, answer in zip(calls, answers, strict=True):
            if answer is None:
                raise self._nonsense(f"nothing from {call.function.name} of {call.to}")
        return answers

    def _maybe(self, call: Call, answer: Any) -> Any:
        if isinstance(answer, Reverted):
            return None
        if isinstance(answer, RpcError):
            # An EVM halt other than a revert (no such function in old code) has many names.
            if any(word in answer.message.lower() for word in ("invalid opcode", "halt", "evm")):
                return None
            raise answer
        try:
            return self.decoded(call.to, call.function, answer)
        except RpcNonsense:
            return None

    def decoded(self, to: Address, function: Function, answer: Any) -> Any:
        """Return what a call's answer says; raise `RpcNonsense` if it isn't the function's."""
        try:
            return function.decode(unhex(answer))
        except Exception as error:  # eth_abi has many kinds
            raise self._nonsense(f"{answer!r} from {function.name} of {to}") from error

    def code(self, address: Address) -> bytes:
        code = self.request("eth_getCode", address, "latest")
        try:
            return unhex(code)
        except MISSHAPEN as error:
            raise self._nonsense(f"{code!r} where code belongs") from error

    def is_contract(self, address: Address) -> bool:
        """Tell whether code other than an EIP-7702 delegation lives at `address`."""
        code = self.code(address)
        return bool(code) and not code.startswith(b"\xef\x01\x00")

    def balance(self, address: Address) -> int:
        """Return wei."""
        return self._integer(self.request("eth_getBalance", address, "latest"))

    # Logs and receipts

    def receipt(self, transaction_hash: bytes) -> Mapping[str, Any] | None:
        """Return a receipt, None if there is none yet; raise `RpcNonsense` if logs are missing."""
        receipt = self.request("eth_getTransactionReceipt", tohex(transaction_hash))
        if receipt is None:
            return None
        try:
            is_of_it = unhex(receipt["transactionHash"]) == transaction_hash
            is_whole = logs_bloom(receipt["logs"]) == unhex(receipt["logsBloom"])
            int(receipt["status"], 16), int(receipt["blockNumber"], 16)
        except MISSHAPEN as error:
            raise self._nonsense(f"no receipt of {tohex(transaction_hash)}") from error
        if not is_of_it:
            raise self._nonsense(f"another receipt than that of {tohex(transaction_hash)}")
        if not is_whole:
            raise RpcNonsense(
                f"the {self.name} RPC at {self.url} left out logs of transaction "
                f"{tohex(transaction_hash)} (its bloom filter tells)",
                "use another RPC",
            )
        return dict(receipt)

    def successful_receipt(self, transaction_hash: bytes, advice: str) -> Mapping[str, Any]:
        """Return the receipt of a transaction that did what it was sent for.

        Raises `UnknownTransaction`, with an advice, if there is none, `TransactionFailed` if it
        reverted.
        """
        receipt = self.receipt(transaction_hash)
        if receipt is None:
            raise UnknownTransaction(
                f"{self.name} has no transaction {tohex(transaction_hash)}", advice
            )
        if int(receipt["status"], 16) != 1:
            raise TransactionFailed(f"{self.name} transaction {tohex(transaction_hash)} reverted")
        return receipt

    def wait_for_receipt(self, transaction_hash: bytes, timeout: float) -> Mapping[str, Any]:
        """Wait at most `timeout` wall seconds; raise `UnknownTransaction` after that."""
        for _ in waiting(timeout):
            if receipt := self.receipt(transaction_hash):
                return receipt
        raise UnknownTransaction(
            f"{self.name} didn't include transaction {tohex(transaction_hash)} in {timeout:g} s",
            "look again later: it may still come",
        )

    def logs(self, address: Address, event: Event, first: int, last: int) -> list[Log]:
        """Return the event's logs in blocks [first, last], oldest first."""
        return self.logs_of(address, [event.topic], first, last)

    def logs_of(
        self,
        address: Address | Sequence[Address],
        topics: Sequence[bytes],
        first: int,
        last: int,
        about: bytes | None = None,
    ) -> list[Log]:
        """Return the logs of several events in blocks [first, last], oldest first.

        Of several contracts at once where `address` is a list. With `about`, only those whose
        first indexed value is this word.
        """
        found: list[Log] = []
        size = LOG_RANGE
        while first <= last:
            end = min(first + size - 1, last)
            wanted = {
                "address": address,
                "topics": [
                    [tohex(topic) for topic in topics],
                    *([] if about is None else [tohex(about)]),
                ],
                "fromBlock": hex(first),
                "toBlock": hex(end),
            }
            try:
                part = self.request("eth_getLogs", wanted)
            except RpcError:
                if size == 1:
                    raise
                size = max(1, size // 8)
                continue
            if not isinstance(part, list):
                raise self._nonsense(f"{part!r} where logs belong")
            found += part
            first = end + 1
        return found

    # Transactions

    def next_nonce(self, sender: Address, block: BlockId = "latest") -> int:
        return self._integer(self.request("eth_getTransactionCount", sender, _block_id(block)))

    def estimate_gas(
        self,
        sender: Address,
        to: Address | None,
        data: bytes,
        value: int = 0,
        overrides: Mapping[str, Any] | None = None,
    ) -> int:
        """Return the gas that a call, or without `to` a creation, needs now.

        Raises `Reverted` if it would fail.
        """
        request = _call_object(to, data, sender, value)
        params = [request, "latest", overrides] if overrides else [request]
        try:
            return self._integer(self.request("eth_estimateGas", *params))
        except RpcError as error:
            if "insufficient funds" in error.message.lower():
                raise self._too_poor(sender, value) from error
            raise

    def fees(self) -> dict[str, int]:
        """Return EIP-1559 fees (wei per gas): room for the base fee to double."""
        tip = self._suggested_tip()
        return {
            "maxPriorityFeePerGas": tip,
            "maxFeePerGas": 2 * self.block().base_fee + tip,
        }

    def _suggested_tip(self) -> int:
        try:
            return self._integer(self.request("eth_maxPriorityFeePerGas"))
        except RpcError:
            return 10**6

    def broadcast(self, raw: bytes) -> None:
        """Send a signed transaction; one that the node knows already is no error."""
        try:
            self.request("eth_sendRawTransaction", tohex(raw))
        except RpcError as error:
            message = error.message.lower()
            if any(
                word in message for word in ("already known", "already imported", "known trans")
            ):
                return
            if "insufficient funds" in message:
                raise InsufficientBalance(
                    f"the account can't pay for the transaction on {self.name}", "add ETH to it"
                ) from error
            if message.startswith("sequencer"):
                error.advise("L1 can force it: send it through the portal")
            raise

    def _too_poor(self, sender: Address, value: int) -> InsufficientBalance:
        have = self.balance(sender)
        return InsufficientBalance(
            f"{sender} has {amount(have)} ETH on {self.name} and needs {amount(value)} ETH and gas",
            "add ETH, or move less",
        )


def waiting(timeout: float) -> Iterator[None]:
    """Yield at growing intervals until `timeout` wall seconds have passed."""
    deadline = time.monotonic() + timeout
    pause = FIRST_POLL
    while True:
        yield
        left = deadline - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))
        pause = min(1.5 * pause, SLOWEST_POLL)


def _is_complete(answers: Any, count: int) -> bool:
    """Tell whether a batch has exactly the answers to `count` consecutive requests, in order."""
    if not isinstance(answers, list) or len(answers) != count:
        return False
    ids = [answer.get("id") if isinstance(answer, Mapping) else None for answer in answers]
    return isinstance(ids[0], int) and ids == list(range(ids[0], ids[0] + count))


def _revert_data(data: Any) -> bytes:
    """Return the bytes in an error's `data`, which some nodes introduce by a word."""
    if not isinstance(data, str):
        return b""
    try:
        return unhex(data[data.index("0x") :])
    except ValueError:
        return b""


def first_present(answers: Iterable[T | None]) -> T | None:
    """Return the first answer that isn't None."""
    return next((answer for answer in answers if answer is not None), None)


def _block_id(block: BlockId) -> str:
    return hex(block) if isinstance(block, int) else block


def _call_object(
    to: Address | None, data: bytes, sender: Address | None = None, value: int = 0
) -> dict[str, str]:
    call = {"data": tohex(data)}
    if to:
        call["to"] = to
    if sender:
        call["from"] = sender
    if value:
        call["value"] = hex(value)
    return call
