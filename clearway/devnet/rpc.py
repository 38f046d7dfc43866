"""Plain JSON-RPC over HTTP, one request at a time or many in one."""

from collections.abc import Sequence
from typing import Any

import requests

from clearway.opstack.messages import tohex, unhex

Request = tuple[str, Sequence[Any]]


class RpcFailure(Exception):
    """The node refused a request.

    `code` and `message` are JSON-RPC's; `data` is what a contract reverted with, empty if none did.
    """

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        self.code = int(error.get("code", 0))
        self.message = str(error.get("message", ""))
        data = error.get("data")
        self.data = unhex(data) if isinstance(data, str) and data.startswith("0x") else b""
        super().__init__(f"{method}: {self.message}")


class Rpc:
    """A node's JSON-RPC endpoint. Each thread must have its own."""

    def __init__(self, url: str, timeout: float = 60) -> None:
        """`timeout` is in seconds, for each request."""
        self.url = url
        self._timeout = timeout
        self._session = requests.Session()
        # Nodes here are local: a proxy from the environment must not come between.
        self._session.trust_env = False

    def __call__(self, method: str, *params: Any) -> Any:
        """Return the result.

        Raises RpcFailure if the node refuses, requests.RequestException if it is silent.
        """
        return self.many([(method, params)])[0]

    def many(self, calls: Sequence[Request]) -> list[Any]:
        """Return the results of several calls, sent as one request.

        Raises RpcFailure for the first that fails.
        """
        answers = self.attempts(calls)
        for answer in answers:
            if isinstance(answer, RpcFailure):
                raise answer
        return answers

    def attempts(self, calls: Sequence[Request]) -> list[Any]:
        """Return for each call its result, or its RpcFailure."""
        return [
            RpcFailure(method, answer["error"]) if "error" in answer else answer["result"]
            for (method, _), answer in zip(calls, self._post(calls), strict=True)
        ]

    def number(self, method: str, *params: Any) -> int:
        """Return the result of a method that answers with a hex number."""
        return int(self(method, *params), 16)

    def call(self, to: str, data: bytes, block: str = "latest") -> bytes:
        """Return what a read of a contract returns; raise RpcFailure if it reverts."""
        return unhex(self("eth_call", {"to": to, "data": tohex(data)}, block))

    def block(self, block: str | int = "latest") -> dict[str, Any]:
        """Return a block by number or tag, with its transactions' hashes.

        Raises LookupError if there is none.
        """
        tag = hex(block) if isinstance(block, int) else block
        found: dict[str, Any] | None = self("eth_getBlockByNumber", tag, False)
        if found is None:
            raise LookupError(f"{self.url} has no block {tag}")
        return found

    def _post(self, calls: Sequence[Request]) -> list[dict[str, Any]]:
        if not calls:
            return []
        body = [
            {"jsonrpc": "2.0", "id": position, "method": method, "params": list(params)}
            for position, (method, params) in enumerate(calls)
        ]
        response = self._session.post(self.url, json=body, timeout=self._timeout)
        response.raise_for_status()
        # A batch may be answered in any order.
        answers: list[dict[str, Any]] = response.json()
        return sorted(answers, key=lambda answer: int(answer["id"]))
