"""Serving the public RPCs of both chains beside the working thread."""

import asyncio
import contextlib
import signal
import threading
from typing import Any

from clearway.devnet.filter import RpcFilter
from clearway.devnet.node import Command, Node
from clearway.devnet.policies import L1Policy, L2Policy

ALIVE_PERIOD = 0.05  # wall seconds between looks at the working thread


def serve(node: Node) -> None:
    """Serve until the network is stopped; returns after its state is on disk."""
    asyncio.run(_serve(node))


async def _serve(node: Node) -> None:
    loop = asyncio.get_running_loop()
    for how in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(how, node.stopping.set)

    async def control(method: str, params: list[Any]) -> Any:
        command = Command(method, params)
        node.commands.put(command)
        return await asyncio.wrap_future(command.answer)

    l2_policy = L2Policy(node.sequencer, node.archive.find)
    l1 = RpcFilter("L1", node.l1.spec.url, L1Policy(), control)
    l2 = RpcFilter("L2", node.l2.spec.url, l2_policy, control)
    async with contextlib.AsyncExitStack() as open_ones:
        await open_ones.enter_async_context(l1.serving(node.settings.l1_port))
        await open_ones.enter_async_context(l2.serving(node.settings.l2_port))
        worker = threading.Thread(target=node.work, name="work")
        worker.start()
        node.folder.write_processes({**node.folder.read_processes(), "ready": True})
        while worker.is_alive():
            await asyncio.sleep(ALIVE_PERIOD)
