"""The public RPC in front of a private anvil: HTTP and WebSocket.

A request is judged by a policy. What passes is sent on exactly as it was judged, and the node's
answer returned untouched. `devnet_…` methods go to the node process's control.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp import web

from clearway.devnet.anvil import HOST
from clearway.devnet.errors import DevnetError
from clearway.devnet.policies import INVALID_PARAMS, REFUSED, Handler, Params, Policy, Refusal

Control = Callable[[str, Params], Awaitable[Any]]

PARSE_ERROR, INVALID_REQUEST, INTERNAL_ERROR = -32700, -32600, -32603
CONTROL_PREFIX = "devnet_"
SUBSCRIPTIONS = ("eth_subscribe", "eth_unsubscribe")
LARGEST_BODY = 64 * 2**20  # bytes
SLOWEST_ANSWER = 600  # seconds; a forked node asks its upstream
CONNECT_TIMEOUT = 5  # seconds
RESTART_PATIENCE = 5  # seconds for a node to come back
RESTART_POLL = 0.05  # seconds
SHUTDOWN_TIMEOUT = 1  # seconds that open requests are given
SERVICE_RESTART = 1012  # WebSocket close code
JSON = "application/json"
# As anvil's own: pages of any origin may talk to a local node.
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}


# Browsers name the page behind a request. Any page may use the RPC; none may command the network.
_is_from_a_page: ContextVar[bool] = ContextVar("is_from_a_page", default=False)


class RpcFilter:
    """One chain's public RPC."""

    def __init__(self, name: str, upstream: str, policy: Policy, control: Control) -> None:
        """`name` is for people ("L1"); `upstream` is the node's URL."""
        self.name = name
        self._upstream = upstream
        self._policy = policy
        self._control = control
        self._node: aiohttp.ClientSession

    @contextlib.asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        """Listen while the context is open; raises OSError if the port is taken."""
        timeout = aiohttp.ClientTimeout(total=SLOWEST_ANSWER, sock_connect=CONNECT_TIMEOUT)
        connector = aiohttp.TCPConnector(limit=0)
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self._node:
            await runner.setup()
            try:
                await web.TCPSite(runner, HOST, port).start()
                yield
            finally:
                await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_post("/", self._serve_http)
        app.router.add_get("/", self._serve_websocket)
        app.router.add_get("/eth/{path:.*}", self._serve_beacon)
        app.router.add_route("OPTIONS", "/", _serve_preflight)
        return app

    # HTTP

    async def _serve_http(self, request: web.Request) -> web.Response:
        _is_from_a_page.set("Origin" in request.headers)
        answer = await self._answer(await request.read())
        return web.Response(body=answer, content_type=JSON, headers=CORS)

    async def _serve_beacon(self, request: web.Request) -> web.Response:
        """Pass on the few beacon paths by which anvil tells of blobs."""
        try:
            async with self._node.get(self._upstream + request.path_qs) as answer:
                body = await answer.read()
                return web.Response(
                    body=body, status=answer.status, content_type=JSON, headers=CORS
                )
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=503, text=self._is_restarting.error["message"])

    # WebSocket

    async def _serve_websocket(self, request: web.Request) -> web.StreamResponse:
        client = web.WebSocketResponse(max_msg_size=LARGEST_BODY)
        if not client.can_prepare(request).ok:
            text = f"{self.name} of the Clearway devnet: JSON-RPC by POST or WebSocket.\n"
            return web.Response(text=text)
        await client.prepare(request)
        _is_from_a_page.set("Origin" in request.headers)
        try:
            async with self._node.ws_connect(self._upstream, max_msg_size=LARGEST_BODY) as node:
                pump = asyncio.create_task(_pump(node, client))
                try:
                    await self._serve_messages(client, node)
                finally:
                    pump.cancel()
        except (aiohttp.ClientError, TimeoutError):
            await client.close(code=SERVICE_RESTART, message=b"the node is restarting")
        return client

    async def _serve_messages(
        self, client: web.WebSocketResponse, node: aiohttp.ClientWebSocketResponse
    ) -> None:
        """Only subscriptions need the node's WebSocket; all else is answered as over HTTP."""
        async for message in client:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return
            body = message.data.encode() if isinstance(message.data, str) else message.data
            if _is_subscription(body):
                await node.send_str(body.decode())
            else:
                await client.send_str((await self._answer(body)).decode())

    # JSON-RPC

    async def _answer(self, body: bytes) -> bytes:
        """Return the answer to a request or a batch."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return _encode(_failure(None, Refusal(PARSE_ERROR, "the request is not JSON")))
        if isinstance(content, list) and content:
            return await self._answer_batch(content)
        return await self._answer_one(content)

    async def _answer_one(self, request: Any) -> bytes:
        try:
            handler = self._handler(request)
            if handler is None:
                return await self._forward(request)
            return _encode(await self._handle(request, handler))
        except Refusal as refusal:
            return _encode(_failure(request, refusal))

    async def _answer_batch(self, requests: list[Any]) -> bytes:
        """Answer in order; what passes goes to the node as one batch."""
        answers: list[Any] = [None] * len(requests)
        passing = []
        for position, request in enumerate(requests):
            try:
                handler = self._handler(request)
                if handler is None:
                    passing.append(position)
                else:
                    answers[position] = await self._handle(request, handler)
            except Refusal as refusal:
                answers[position] = _failure(request, refusal)
        if passing:
            await self._forward_batch(requests, passing, answers)
        return _encode(answers)

    async def _forward_batch(
        self, requests: list[Any], passing: list[int], answers: list[Any]
    ) -> None:
        """Fill in the node's answers, which may come in any order, and to ids of our own."""
        batch = [{**requests[position], "id": position} for position in passing]
        try:
            found = json.loads(await self._forward(batch))
            if not isinstance(found, list):
                raise Refusal(INTERNAL_ERROR, f"{self.name}'s node refused a batch")
        except Refusal as refusal:
            found = [_failure({"id": position}, refusal) for position in passing]
        for answer in found:
            position = answer["id"]
            answers[position] = {**answer, "id": requests[position].get("id")}

    def _handler(self, request: Any) -> Handler | None:
        """Return who answers a request; None if the node does. Raises Refusal if it is none."""
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            raise Refusal(INVALID_REQUEST, "a request is an object with a method")
        if not isinstance(request.get("params", []), list):
            raise Refusal(INVALID_PARAMS, "params must be a list")
        method: str = request["method"]
        if method.startswith(CONTROL_PREFIX):
            if _is_from_a_page.get():
                raise Refusal(REFUSED, "the network takes no commands from web pages")
            return lambda params, _: self._control(method, params)
        return self._policy.handler(method)

    async def _handle(self, request: dict[str, Any], handler: Handler) -> dict[str, Any]:
        try:
            result = await handler(request.get("params", []), self._ask)
        except DevnetError as error:
            return _failure(request, Refusal(REFUSED, str(error)))
        except Refusal as refusal:
            return _failure(request, refusal)
        except Exception as error:  # a fault of ours must not end the connection
            return _failure(request, Refusal(INTERNAL_ERROR, f"{type(error).__name__}: {error}"))
        return {"jsonrpc": "2.0", "id": request.get("id"), "result": result}

    async def _ask(self, method: str, *params: Any) -> Any:
        """Ask the node; raise its refusal."""
        request = {"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)}
        answer = json.loads(await self._forward(request))
        if "error" in answer:
            error = answer["error"]
            raise Refusal(error["code"], error["message"], error.get("data"))
        return answer["result"]

    async def _forward(self, content: Any) -> bytes:
        """Send the node what was judged, not the client's bytes: it might read those otherwise.

        A node that died is back in a moment, so its silence is waited out.
        """
        body, headers = _encode(content), {"Content-Type": JSON}
        deadline = asyncio.get_running_loop().time() + RESTART_PATIENCE
        while True:
            try:
                async with self._node.post(self._upstream, data=body, headers=headers) as answer:
                    return await answer.read()
            except TimeoutError:
                raise self._is_restarting from None
            except aiohttp.ClientError:
                if asyncio.get_running_loop().time() > deadline:
                    raise self._is_restarting from None
                await asyncio.sleep(RESTART_POLL)

    @property
    def _is_restarting(self) -> Refusal:
        return Refusal(REFUSED, f"{self.name} node is restarting, try again")


async def _serve_preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204, headers=CORS)


async def _pump(node: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse) -> None:
    """Pass on what subscriptions bring, until the node goes."""
    async for message in node:
        await client.send_str(message.data)
    await client.close(code=SERVICE_RESTART, message=b"the node is restarting")


def _is_subscription(body: bytes) -> bool:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(request, dict) and request.get("method") in SUBSCRIPTIONS


def _failure(request: Any, refusal: Refusal) -> dict[str, Any]:
    request_id = request.get("id") if isinstance(request, dict) else None
    return {"jsonrpc": "2.0", "id": request_id, "error": refusal.error}


def _encode(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
