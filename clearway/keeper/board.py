"""A publisher's board: where the other publishers meet it, and where anybody reads reports."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
from aiohttp import web

from clearway.keeper import wire
from clearway.keeper.asking import LOST, ask, parsed
from clearway.keeper.errors import CannotStart
from clearway.keeper.publisher import Observation, Publisher, Refusal
from clearway.keeper.signing import Signature, signer_of
from clearway.opstack.addresses import Address, parse_address
from clearway.opstack.errors import BadInput
from clearway.reports import Report, SignedReport

PEER_TIMEOUT = 1.0  # wall seconds
MOST_REPORTS = 100  # of one answer
NO_ANSWER = (AttributeError, BadInput, KeyError, TypeError, ValueError)  # of a sick or false peer


class Board:
    """The HTTP side of a publisher.

    Nobody is asked who he is. What may be signed is judged by itself, and who proposes it has
    signed it first.
    """

    def __init__(self, publisher: Publisher, look: Callable[[], Awaitable[None]]) -> None:
        self.publisher = publisher
        self._look = look  # brings the publisher's time up to date
        self.app = web.Application(client_max_size=wire.MOST_BYTES)
        self.app.add_routes(
            [
                web.get("/observation", self.observation),
                web.post("/sign", self.sign),
                web.get("/report", self.report),
                web.get("/reports", self.reports),
                web.post("/reports", self.keep),
                web.get("/health", self.health),
            ]
        )

    async def start(self, host: str, port: int) -> web.AppRunner:
        """Listen; raise `CannotStart` if the port is taken."""
        runner = web.AppRunner(self.app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise CannotStart(
                f"the board can't listen on {host}:{port} ({error.strerror})",
                "stop who does, or give another port by --port",
            ) from error
        return runner

    async def observation(self, request: web.Request) -> web.Response:
        tile = _second(request, "second")
        await self._be_up_to(tile)
        seen = self.publisher.observation(tile)
        if seen is None:
            raise web.HTTPNotFound(text="that second isn't over, or wasn't observed")
        return web.json_response(observation_to_json(seen))

    async def sign(self, request: web.Request) -> web.Response:
        told = await _body(request)
        report = _read(wire.report_from_json, told.get("report"))
        proof = _read(wire.signature_from_json, told.get("signature"))
        await self._be_up_to(report.observed_at)
        try:
            signature = self.publisher.sign_for(report, proof)
        except Refusal as refusal:
            raise web.HTTPConflict(text=str(refusal)) from refusal
        return web.json_response({"signature": wire.signature_to_json(signature)})

    async def _be_up_to(self, tile: int) -> None:
        """Look at the chain if somebody knows of a later time than this publisher."""
        if tile > self.publisher.now:
            await self._look()

    async def report(self, request: web.Request) -> web.Response:
        signed = self.publisher.memory.complete(_second(request, "observed_at"))
        if signed is None:
            raise web.HTTPNotFound(text="no report of that second")
        return web.json_response(wire.signed_to_json(signed))

    async def reports(self, request: web.Request) -> web.Response:
        after = _second(request, "after")
        found = self.publisher.memory.complete_after(after, MOST_REPORTS)
        return web.json_response([wire.signed_to_json(one) for one in found])

    async def keep(self, request: web.Request) -> web.Response:
        signed = _read(wire.signed_from_json, await _body(request))
        try:
            self.publisher.keep(signed)
        except ValueError as error:
            raise web.HTTPConflict(text=str(error)) from error
        return web.json_response({})

    async def health(self, _: web.Request) -> web.Response:
        newest = self.publisher.memory.complete_after(0, 1)
        return web.json_response(
            {
                "publisher": self.publisher.address,
                "now": self.publisher.now,
                "newest": newest[0].report.observed_at if newest else None,
            }
        )


def observation_to_json(seen: Observation) -> dict[str, Any]:
    return {
        "publisher": seen.publisher,
        "quotes": wire.quotes_to_json(seen.quotes),
        "signed": wire.report_to_json(seen.signed) if seen.signed else None,
    }


def observation_from_json(told: Any) -> Observation:
    """Read an observation; raise ValueError if it is none."""
    signed = told.get("signed")
    return Observation(
        parse_address(str(told.get("publisher")), "a publisher"),
        wire.quotes_from_json(told.get("quotes")),
        wire.report_from_json(signed) if signed else None,
    )


def _second(request: web.Request, name: str) -> int:
    text = request.query.get(name, "")
    if not text.isdecimal() or len(text) > 12:
        raise web.HTTPBadRequest(text=f"{name} must be a number of seconds")
    return int(text)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        told = await request.json(loads=parsed)
    except ValueError as error:
        raise web.HTTPBadRequest(text="no JSON") from error
    if not isinstance(told, dict):
        raise web.HTTPBadRequest(text="no JSON object")
    return told


def _read(reader: Callable[[Any], Any], told: Any) -> Any:
    try:
        return reader(told)
    except NO_ANSWER as error:
        raise web.HTTPBadRequest(text=str(error)) from error


class Peers:
    """The boards of the other publishers."""

    def __init__(self, urls: Sequence[str], session: aiohttp.ClientSession) -> None:
        self.urls = [url.rstrip("/") for url in urls]
        self.silent: dict[str, str] = {}  # by URL, why it didn't answer last
        self.refused = ""  # what the last refusal said
        self._session = session

    async def observations(self, tile: int) -> list[Observation]:
        """Ask all others what they saw; each board counts once, whatever it calls itself."""
        found: list[Observation] = []
        for answer in await self._ask_all("GET", f"/observation?second={tile}"):
            try:
                found.append(observation_from_json(answer))
            except NO_ANSWER:
                continue
        return found

    async def signatures(
        self, publisher: Publisher, report: Report, own: Signature
    ) -> dict[Address, Signature]:
        """Ask all others for their signatures; return the good ones, by signer."""
        asked = {
            "report": wire.report_to_json(report),
            "signature": wire.signature_to_json(own),
        }
        found = {publisher.address: own}
        for answer in await self._ask_all("POST", "/sign", asked):
            try:
                signature = wire.signature_from_json(answer.get("signature"))
                found[signer_of(report, publisher.committee.domain, signature)] = signature
            except NO_ANSWER:
                continue
        return found

    async def spread(self, signed: SignedReport) -> None:
        """Give all others a report that a quorum signed."""
        await self._ask_all("POST", "/reports", wire.signed_to_json(signed))

    async def _ask_all(self, method: str, path: str, body: Any = None) -> list[Any]:
        asked = (self._ask(method, url, path, body) for url in self.urls)
        return [answer for answer in await asyncio.gather(*asked) if answer is not None]

    async def _ask(self, method: str, url: str, path: str, body: Any) -> Any:
        try:
            status, raw = await ask(
                self._session, method, url + path, PEER_TIMEOUT, wire.MOST_BYTES, body
            )
            self.silent.pop(url, None)
            if status == 200:
                return parsed(raw)
            self.refused = raw[:100].decode(errors="replace")
        except LOST as error:
            self.silent[url] = str(error) or type(error).__name__
        return None
