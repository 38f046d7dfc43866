"""Asking a publisher's board: whatever it answers, and however slowly, it costs no more than a time
and a size.
"""

import json
from typing import Any

import aiohttp

# What an answer that can't be had, or read, raises.
LOST = (aiohttp.ClientError, TimeoutError, ValueError)


async def ask(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    seconds: float,
    most_bytes: int,
    body: Any = None,
) -> tuple[int, bytes]:
    """Return the status and the whole of an answer, had within so many wall seconds; raise `LOST`.

    An answer comes in as many pieces as the network makes of it.
    """
    raw = bytearray()
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with session.request(method, url, json=body, timeout=timeout) as response:
        async for piece in response.content.iter_any():
            raw += piece
            if len(raw) > most_bytes:
                raise ValueError("too long an answer")
    return response.status, bytes(raw)


def parsed(raw: bytes | str) -> Any:
    """Return the JSON in an answer; raise ValueError if there is none, or it is nested too deep."""
    try:
        return json.loads(raw)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
