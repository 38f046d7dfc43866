"""Hearing of new blocks: by WebSocket where there is one, and by looking every so often anyway.

Hearing only wakes a keeper up. What there is to know it reads itself, so a block that it didn't
hear of costs it a moment.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

POLL_PAUSE = 0.3  # wall seconds between two looks where nothing is heard
HEARING_PAUSE = 2.0  # and where blocks are heard of
RECONNECT_PAUSE = 3.0  # wall seconds


class Heads:
    """New blocks of one chain."""

    def __init__(self, websocket: str | None) -> None:
        self._websocket = websocket
        self._heard = asyncio.Event()
        self._is_hearing = False

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Listen while the context is open."""
        task = asyncio.create_task(self._listen()) if self._websocket else None
        try:
            yield
        finally:
            if task:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def next(self) -> None:
        """Wait for the next block, or until it is time to look."""
        with contextlib.suppress(TimeoutError):
            pause = HEARING_PAUSE if self._is_hearing else POLL_PAUSE
            await asyncio.wait_for(self._heard.wait(), pause)
        self._heard.clear()

    async def _listen(self) -> None:
        from web3 import AsyncWeb3
        from web3.providers.persistent import WebSocketProvider

        while True:
            try:
                async with AsyncWeb3(WebSocketProvider(self._websocket)) as web3:
                    await web3.eth.subscribe("newHeads")
                    self._is_hearing = True
                    async for _ in web3.socket.process_subscriptions():
                        self._heard.set()
            except asyncio.CancelledError:
                raise
            except Exception:  # it has many kinds; looking goes on without it
                self._is_hearing = False
            await asyncio.sleep(RECONNECT_PAUSE)
