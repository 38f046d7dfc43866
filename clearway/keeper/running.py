"""How a keeper runs: until it is told to stop, through nodes that come and go.

What blocks (chains, journals) happens on one thread of its own, so that boards and screens go on.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from clearway.keeper.screen import Screen
from clearway.opstack.errors import (
    BridgeError,
    InsufficientBalance,
    RpcError,
    RpcNonsense,
    RpcUnavailable,
    StateUnavailable,
    UnknownTransaction,
)

T = TypeVar("T")

# What may be gone at the next try: a node that stumbles, or is behind; a lack of ETH.
PASSING = (
    InsufficientBalance,
    RpcError,
    RpcNonsense,
    RpcUnavailable,
    StateUnavailable,
    UnknownTransaction,
)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # wall seconds between tries in vain


class Worker:
    """One thread, on which everything that blocks happens in order."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def do(self, work: Callable[[], T]) -> T:
        """Do something there and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Let what is under way end, and drop the rest."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Stop:
    """The wish that a keeper stops; SIGTERM and Ctrl-C make it."""

    def __init__(self) -> None:
        self._wished = asyncio.Event()

    @property
    def is_wished(self) -> bool:
        return self._wished.is_set()

    def wish(self) -> None:
        self._wished.set()

    def listen(self) -> None:
        """Hear the signals of this process."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.wish)

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the wish."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wished.wait(), seconds)

    async def rest(self, until: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for something, but no longer than until the wish."""
        waits = [asyncio.create_task(until()), asyncio.create_task(self._wait())]
        _, unfinished = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in unfinished:
            task.cancel()

    async def _wait(self) -> None:
        await self._wished.wait()


class Patient:
    """Says what stands in the way once, and when it is gone; tells how long to wait."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._trouble = ""
        self._pause = FIRST_PAUSE

    def hinder(self, error: BridgeError) -> float:
        """Note what went wrong; return the wall seconds to wait before the next try."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            self._screen.say(f"{error}; trying again")
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause

    def go_on(self) -> None:
        """Note that it works."""
        if self._trouble:
            self._screen.say("it works again")
        self._trouble, self._pause = "", FIRST_PAUSE


async def keep_doing(
    step: Callable[[], Awaitable[None]],
    stop: Stop,
    screen: Screen,
    until: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Do a step whenever `until` has passed, until told to stop; what passes doesn't end it."""
    patient = Patient(screen)
    while not stop.is_wished:
        try:
            await step()
        except PASSING as error:
            await stop.pause(patient.hinder(error))
        else:
            patient.go_on()
            await stop.rest(until)
