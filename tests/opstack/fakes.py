"""Stand-ins for nodes: a provider and an HTTP server that answer as they are told."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3.providers.base import JSONBaseProvider

from clearway.opstack.chain import Chain

Answer = dict[str, Any]


def refusal(message: str, data: Any = None, code: Any = -32000) -> Answer:
    """Return a JSON-RPC error."""
    return {"error": {"code": code, "message": message, "data": data}}


def result(value: Any) -> Answer:
    return {"result": value}


class FakeProvider(JSONBaseProvider):
    """Answers each request by a function of its method and parameters."""

    def __init__(self, answer: Callable[..., Answer]) -> None:
        super().__init__()
        self.answer = answer
        self.seen: list[tuple[str, list[Any]]] = []

    def make_request(self, method: str, params: Any) -> Answer:
        self.seen.append((method, list(params)))
        return {"jsonrpc": "2.0", "id": 0, **self.answer(method, *params)}

    def make_batch_request(self, requests: list[tuple[str, Any]]) -> list[Answer]:
        answers = [self.make_request(method, params) for method, params in requests]
        return [{**answer, "id": position} for position, answer in enumerate(answers)]


def chain_with(answer: Callable[..., Answer], name: str = "L1") -> Chain:
    return Chain(FakeProvider(answer), name)


def chain_saying(value: Any) -> Chain:
    """Return a chain whose every answer is `value`."""
    return chain_with(lambda *_: result(value))


class Server:
    """An HTTP server whose every answer is made by a function of the request's JSON.

    The function returns the body (any JSON, or bytes as they are), or (HTTP status, body). None
    hangs up without a word.
    """

    def __init__(self, respond: Callable[[Any], Any]) -> None:
        self.respond = respond
        self.requests: list[Any] = []
        self.release = threading.Event()  # for a function that keeps its client waiting
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                request = json.loads(self.rfile.read(length))
                outer.requests.append(request)
                answer = outer.respond(request)
                if answer is None:
                    self.close_connection = True
                    return
                status, body = answer if isinstance(answer, tuple) else (200, answer)
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self) -> "Server":
        # It looks often whether it is to end.
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def chain(self, timeout: float = 20) -> Chain:
        return Chain.connect(self.url, "L1", timeout)


def answering(answer: Callable[..., Answer]) -> Callable[[Any], Any]:
    """Make a server's function from one that answers (method, params...)."""

    def respond(request: Any) -> Any:
        if isinstance(request, list):
            return [respond(one) for one in request]
        body = answer(request["method"], *request["params"])
        return {"jsonrpc": "2.0", "id": request["id"], **body}

    return respond


class FakeNode:
    """A chain of one mempool, which keeps the rules about nonces and balances.

    `mines` tells whether it mines what arrives; `effects` are the calls that were included, as
    (sender, data). Call it as the `answer` of a provider or a server.
    """

    def __init__(self, chain_id: int = 900, mines: bool = True) -> None:
        self.chain_id = chain_id
        self.mines = mines
        self.base_fee = 10**9
        self.balance = 10**20
        self.reverts = False  # whether what is mined from now on reverts
        self.blocks: list[list[Answer]] = [[]]  # the transactions of each
        self.pool: dict[tuple[str, int], Answer] = {}  # by sender and nonce
        self.seen_raw: list[str] = []

    @property
    def effects(self) -> list[tuple[str, str]]:
        mined = [one for block in self.blocks for one in block]
        return [(one["from"], one["input"]) for one in mined if one["status"] == "0x1"]

    def __call__(self, method: str, *params: Any) -> Answer:
        return getattr(self, method)(*params)

    def mine(self) -> None:
        """Include what can be included, in one block."""
        block = []
        for (sender, nonce), one in sorted(self.pool.items()):
            if nonce == self._used(sender) + sum(other["from"] == sender for other in block):
                block.append({**one, "status": "0x0" if self.reverts else "0x1"})
        self.pool = {key: one for key, one in self.pool.items() if one["hash"] not in hashes(block)}
        self.blocks.append(block)

    def reorganize(self, depth: int = 1, into: list[Answer] | None = None) -> None:
        """Drop the last blocks with all that was in them; `into` is mined instead."""
        del self.blocks[-depth:]
        self.blocks += [into or []] * (depth + 1)

    def _used(self, sender: str) -> int:
        return sum(one["from"] == sender for block in self.blocks for one in block)

    def _find(self, hash_: str) -> tuple[int, Answer] | None:
        for number, block in enumerate(self.blocks):
            for one in block:
                if one["hash"] == hash_:
                    return number, one
        return None

    def eth_chainId(self) -> Answer:
        return result(hex(self.chain_id))

    def eth_getTransactionCount(self, sender: str, block: str) -> Answer:
        nonce = self._used(sender)
        while block == "pending" and (sender, nonce) in self.pool:
            nonce += 1
        return result(hex(nonce))

    def eth_sendRawTransaction(self, raw: str) -> Answer:
        self.seen_raw.append(raw)
        data = bytes.fromhex(raw[2:])
        fields = TypedTransaction.from_bytes(HexBytes(data)).as_dict()
        sender, nonce = Account.recover_transaction(raw), fields["nonce"]
        hash_ = "0x" + keccak(data).hex()
        before = self.pool.get((sender, nonce))
        if before and before["hash"] == hash_:
            return refusal("already known")
        if nonce < self._used(sender):
            return refusal(f"nonce too low: next nonce {self._used(sender)}, tx nonce {nonce}")
        if before and fields["maxFeePerGas"] * 10 < int(before["maxFeePerGas"], 16) * 11:
            return refusal("replacement transaction underpriced")
        if fields["maxFeePerGas"] < self.base_fee:
            return refusal("max fee per gas less than block base fee")
        if fields["value"] + fields["gas"] * fields["maxFeePerGas"] > self.balance:
            return refusal("insufficient funds for gas * price + value")
        self.pool[sender, nonce] = {
            "hash": hash_,
            "from": sender,
            "nonce": hex(nonce),
            "to": "0x" + fields["to"].hex(),
            "input": "0x" + fields["data"].hex(),
            "value": hex(fields["value"]),
            "gas": hex(fields["gas"]),
            "maxFeePerGas": hex(fields["maxFeePerGas"]),
            "maxPriorityFeePerGas": hex(fields["maxPriorityFeePerGas"]),
        }
        if self.mines:
            self.mine()
        return result(hash_)

    def eth_getTransactionByHash(self, hash_: str) -> Answer:
        found = self._find(hash_)
        pooled = [one for one in self.pool.values() if one["hash"] == hash_]
        return result(found[1] if found else (pooled or [None])[0])

    def eth_getTransactionReceipt(self, hash_: str) -> Answer:
        if (found := self._find(hash_)) is None:
            return result(None)
        number, one = found
        return result(
            {
                "transactionHash": hash_,
                "status": one["status"],
                "blockNumber": hex(number),
                "logs": [],
                "logsBloom": "0x" + "00" * 256,
            }
        )

    def eth_getBlockByNumber(self, block: str, _: bool) -> Answer:
        number = len(self.blocks) - 1 if block == "latest" else int(block, 16)
        if number >= len(self.blocks):
            return result(None)
        names = [self.chain_id, number, *sorted(hashes(self.blocks[number]))]
        return result(
            {
                "number": hex(number),
                "hash": "0x" + keccak(text=str(names)).hex(),
                "timestamp": hex(12 * number),
                "stateRoot": "0x" + "00" * 32,
                "baseFeePerGas": hex(self.base_fee),
            }
        )

    def eth_maxPriorityFeePerGas(self) -> Answer:
        return result("0x1")

    def eth_estimateGas(self, *_: Any) -> Answer:
        return result("0x5208")

    def eth_call(self, *_: Any) -> Answer:
        return refusal("execution reverted: too early") if self.reverts else result("0x")


def hashes(block: list[Answer]) -> set[str]:
    return {one["hash"] for one in block}
