"""The commands as `ape run` loads them, and a node that answers what a test tells it to."""

import json
import runpy
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

ROOT = Path(__file__).resolve().parents[2]

Answer = Callable[[str], Any]


def load(script: str) -> click.Group:
    group: click.Group = runpy.run_path(str(ROOT / "scripts" / f"{script}.py"))["cli"]
    return group


@pytest.fixture
def run(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Run a command in an empty project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLEARWAY_L1_RPC", raising=False)
    monkeypatch.delenv("CLEARWAY_L2_RPC", raising=False)

    def invoke(script: str, *words: str, **environment: str) -> Result:
        runner = CliRunner(mix_stderr=False, env=environment)
        return runner.invoke(load(script), words)

    return invoke


@pytest.fixture
def node() -> Iterator[Callable[[Answer], str]]:
    """Start a node whose answers a function gives: a result, or bytes instead of any JSON."""
    servers = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                result = answer(asked["method"])
                reply = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
                body = result if isinstance(result, bytes) else json.dumps(reply).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Keep the test's output clean."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
