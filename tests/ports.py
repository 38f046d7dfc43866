"""Ports for tests: each of the processes that tests run in draws from a thousand of its own."""

import os

from clearway.devnet import processes

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_OWN = range(10_000 + 1_000 * (_WORKER % 10), 11_000 + 1_000 * (_WORKER % 10))
_given: set[int] = set()


def find_free_port() -> int:
    """Return a port that nobody listens on; never the same twice."""
    port = processes.free_port(_OWN, apart_from=_given)
    _given.add(port)
    return port
