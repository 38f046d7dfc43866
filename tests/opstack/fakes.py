"""Stand-ins for nodes: a provider and an HTTP server that answer as they are told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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

    def chain(self, timeout: float = 20) -> Chain:
        return Chain.connect(self.url, "L1", timeout)


@contextmanager
def serving(respond: Callable[[Any], Any]) -> Iterator[Server]:
    server = Server(respond)
    # A short interval lets it end soon.
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.http.shutdown()
        server.http.server_close()
        thread.join()


def answering(answer: Callable[..., Answer]) -> Callable[[Any], Any]:
    """Make a server's function from one that answers (method, params...)."""

    def respond(request: Any) -> Any:
        if isinstance(request, list):
            return [respond(one) for one in request]
        body = answer(request["method"], *request["params"])
        return {"jsonrpc": "2.0", "id": request["id"], **body}

    return respond
