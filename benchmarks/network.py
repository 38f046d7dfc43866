"""Networks for measuring: each in a temporary folder and on free ports, gone when it was used."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clearway.devnet.accounts import people
from clearway.devnet.anvil import HOST
from clearway.devnet.devnet import Devnet
from clearway.devnet.folder import Network, Settings
from clearway.devnet.processes import free_port
from clearway.devnet.rpc import Rpc
from clearway.opstack import Chain, Deposits, Driver, Journal, Rollup, Sender, Starter

LONGEST_CALL = 600  # wall seconds; a thousand blocks are mined in one
KIB, MB = 1024, 10**6
DISK_BLOCK = 512  # bytes; what stat counts in, whatever the disk's own


@dataclass(frozen=True)
class Running:
    """A running network."""

    devnet: Devnet
    start_seconds: float
    """Wall seconds from the call to the network's being ready."""

    @property
    def network(self) -> Network:
        return self.devnet.network

    def advance(self, seconds: int) -> None:
        self.devnet.command("devnet_advance", seconds)

    def private(self, layer: str) -> Rpc:
        """Return a chain's own node, behind the filter."""
        return Rpc(self.private_url(layer), LONGEST_CALL)

    def private_url(self, layer: str) -> str:
        return f"http://{HOST}:{self.devnet.folder.read_processes()[layer]['port']}"

    def resident_memory(self) -> float:
        """Return the resident set sizes of the three processes together, in MB.

        Pages that both nodes share, their program among them, count twice.
        """
        processes = self.devnet.folder.read_processes()
        pids = [processes["node"], processes["l1"]["pid"], processes["l2"]["pid"]]
        listing = ["ps", "-o", "rss=", "-p", ",".join(map(str, pids))]
        shown = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
        if len(shown) != len(pids):
            raise RuntimeError("a process of the network has died")
        return sum(map(int, shown)) * KIB / MB

    def disk(self) -> float:
        """Return what the network's folder takes, in MB."""
        return sum(map(_allocated, self.devnet.folder.path.rglob("*"))) / MB


def _allocated(path: Path) -> int:
    try:
        return path.lstat().st_blocks * DISK_BLOCK
    except FileNotFoundError:  # the network works on
        return 0


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="clearway-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def running(**settings: Any) -> Iterator[Running]:
    """Run a fresh network with the live chains' delays; `settings` are those of `Settings`."""
    with temporary_folder() as folder:
        devnet = Devnet(folder / "network")
        try:
            begun = time.perf_counter()
            devnet.start(Settings(l1_port=free_port(), l2_port=free_port(), **settings))
            yield Running(devnet, time.perf_counter() - begun)
        finally:
            devnet.stop()


class Client:
    """The bridge client of one person, with a new journal."""

    def __init__(self, network: Running, person: int = 0) -> None:
        facts = network.network
        self.signer = people()[person]
        l1, l2 = Chain.connect(facts.l1_rpc, "L1"), Chain.connect(facts.l2_rpc, "L2")
        self.rollup = Rollup.connect(l1, l2, facts.portal)
        folder = network.devnet.folder.path.parent / f"journal-{person}"
        self.journal = Journal.for_rollup(self.rollup, folder)
        self.on_l1 = Sender(l1, self.signer, self.journal)
        self.on_l2 = Sender(l2, self.signer, self.journal)
        self.deposits = Deposits(self.rollup, self.on_l1)
        self.starter = Starter(self.rollup, self.on_l2)
        self.driver = Driver(self.rollup, self.on_l1, self.journal)
