"""A board that answers nonsense, half of it, or for ever, stops nobody who reads others as well."""

import asyncio
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest

from clearway.keeper import board as board_module
from clearway.keeper import reports_client, wire
from clearway.keeper.board import Peers, observation_to_json
from clearway.keeper.errors import BoardsUnavailable
from clearway.keeper.publisher import Observation
from clearway.keeper.reports_client import Board
from clearway.reports import Report, SignedReport
from clearway.spec.quotes import Quote
from tests.keeper.committee import COMMITTEE, KEYS, NOW, WAD

HEAD = b"HTTP/1.1 200 OK\r\n"
LONG = 60_000  # bytes: of an answer that a reader of boards may take
LIMIT = 1.0  # wall seconds that a board is given here
DEEPEST = 1_000  # calls: Python's own limit, which tools of the tests raise

Talk = Callable[[socket.socket, threading.Event], None]


@pytest.fixture(autouse=True)
def as_deep_as_a_keeper() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(DEEPEST)
    yield
    sys.setrecursionlimit(before)


@contextmanager
def speaking(talk: Talk) -> Iterator[str]:
    """Serve at a URL whatever is said, to each who asks."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve(talking: socket.socket) -> None:
            with talking, suppress(OSError):
                talking.recv(65_536)
                talk(talking, over)

        def listen() -> None:
            with suppress(OSError):
                while True:
                    talking, _ = listening.accept()
                    threading.Thread(target=serve, args=(talking,), daemon=True).start()

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        listening.shutdown(socket.SHUT_RDWR)


def saying(*pieces: bytes) -> Talk:
    """Say these one after the other, and hang up."""

    def talk(talking: socket.socket, _: threading.Event) -> None:
        talking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            talking.sendall(piece)

    return talk


def dripping(talking: socket.socket, over: threading.Event) -> None:
    """Say one byte after the other, never late and never through with it."""
    talking.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % LONG)
    while not over.wait(LIMIT / 10):
        talking.sendall(b" ")


SICK = {
    "half of an answer": saying(HEAD + b"Content-Length: 100\r\n\r\n[1"),
    "no gzip where it says so": saying(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"
    ),
    "chunks without a size": saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc"),
    "JSON nested without end": saying(HEAD + b"Content-Length: %d\r\n\r\n" % LONG + b"[" * LONG),
    "a byte now and then": dripping,
}


def good() -> tuple[SignedReport, bytes]:
    """Return a report, and how a board tells it."""
    report = Report.of(NOW, {0: Quote(2_000 * WAD, 0)})
    signed = SignedReport.by(report, COMMITTEE.domain, COMMITTEE.publishers, KEYS[:2])
    return signed, json.dumps([wire.signed_to_json(signed)]).encode()


def whole(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("how", SICK)
def test_a_sick_board_is_read_past(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports_client, "TIMEOUT", LIMIT)
    signed, body = good()
    with speaking(SICK[how]) as sick, speaking(saying(whole(body))) as sound:
        assert Board.of([sick, sound], COMMITTEE).latest() == signed
        with pytest.raises(BoardsUnavailable):
            Board.of([sick], COMMITTEE).latest()


@pytest.mark.parametrize("how", SICK)
def test_a_sick_board_costs_a_publisher_no_other(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "PEER_TIMEOUT", LIMIT)

    async def asked(*urls: str) -> Peers:
        async with aiohttp.ClientSession() as session:
            peers = Peers(urls, session)
            assert await peers.observations(NOW) == []
            return peers

    with speaking(SICK[how]) as sick, speaking(saying(whole(b"{}"))) as sound:
        assert list(asyncio.run(asked(sick, sound)).silent) == [sick]


def test_the_board_that_has_a_report_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is never reached: a test that waits for the silent one would take a minute."""
    monkeypatch.setattr(reports_client, "TIMEOUT", 60.0)
    signed, body = good()
    with speaking(dripping) as silent, speaking(saying(whole(body[1:-1]))) as sound:
        assert Board.of([silent, sound], COMMITTEE).report(NOW) == signed


class InPieces:
    """A session whose every answer arrives in two pieces, the second after the first was read."""

    def __init__(self, first: bytes, second: bytes) -> None:
        self._first, self._second = first, second

    @asynccontextmanager
    async def request(self, *_: object, **__: object) -> AsyncIterator[SimpleNamespace]:
        loop = asyncio.get_running_loop()
        content = aiohttp.StreamReader(Mock(), LONG, loop=loop)

        def arrive() -> None:
            content.feed_data(self._first)
            loop.call_soon(content.feed_data, self._second)
            loop.call_soon(content.feed_eof)

        loop.call_soon(arrive)
        yield SimpleNamespace(status=200, content=content)


def test_an_answer_in_pieces_is_read_to_its_end() -> None:
    seen = Observation(COMMITTEE.publishers[0], {0: Quote(2_000 * WAD, 0)}, None)
    body = json.dumps(observation_to_json(seen)).encode()
    session: Any = InPieces(body[:20], body[20:])
    assert asyncio.run(Peers(["http://one"], session).observations(NOW)) == [seen]
