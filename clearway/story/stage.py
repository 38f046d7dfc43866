"""Where a story is played: a local network, everything deployed on it, and keepers at work."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from clearway.deploying import settings as deploying
from clearway.deploying.deployer import Deployer
from clearway.deployments import Deployment, System
from clearway.devnet.accounts import people
from clearway.devnet.devnet import Devnet
from clearway.devnet.folder import Settings
from clearway.devnet.processes import free_port
from clearway.networks import Network, find_network
from clearway.opstack import Journal, Rollup, Sender
from clearway.opstack.chain import Chain
from clearway.opstack.effects import Progress

DEPLOYER = 0  # of the local network's people
PUBLISHERS = (5, 6, 7)
EXECUTOR, LIQUIDATOR = 8, 9
CARRIER = 9  # it sends on L1 alone, and the liquidator on L2
LAST_WORDS = 15  # seconds that a keeper has to end


class Stage:
    """A network in a folder of its own, and the processes that keep its market."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.devnet = Devnet(folder)
        self._keepers: dict[str, subprocess.Popen[bytes]] = {}

    def raise_network(self) -> Network:
        """Start both chains; return how they are reached."""
        self.devnet.start(Settings(l1_port=free_port(), l2_port=free_port()))
        self.network = find_network(folder=self.folder)
        self.rollup: Rollup = self.network.connect()
        self.journal = Journal.for_rollup(self.rollup, self.folder / "journal")
        return self.network

    def deploy(self, tell: Progress) -> System:
        """Deploy everything; boards get ports that nobody else uses."""
        deployer = people()[DEPLOYER]
        l1, l2 = (Sender(chain, deployer, self.journal) for chain in self.chains)
        boards = [f"http://127.0.0.1:{free_port()}" for _ in PUBLISHERS]
        wanted = deploying.Settings.of(self.network).with_boards(boards)
        Deployer(self.network, self.rollup, l1, l2, tell).deploy(settings=wanted)
        self.system = System(Deployment.of(self.network), self.rollup)
        return self.system

    @property
    def chains(self) -> tuple[Chain, Chain]:
        return self.rollup.l1, self.rollup.l2

    @contextmanager
    def keepers(self, prices: Path, start: int) -> Iterator[None]:
        """Run publishers who play a table of prices from a second on, and all keepers."""
        with ExitStack() as stack:
            for number in PUBLISHERS:
                played = ("--prices", str(prices), "--start", str(start))
                stack.enter_context(self._keeper("publisher", number, played))
            for name, number in (
                ("executor", EXECUTOR),
                ("liquidator", LIQUIDATOR),
                ("withdrawals", CARRIER),
            ):
                stack.enter_context(self._keeper(name, number))
            yield

    @contextmanager
    def _keeper(self, name: str, number: int, words: Sequence[str] = ()) -> Iterator[None]:
        """Run one keeper as anybody would; what it says goes into a file."""
        command = [sys.executable, "-m", f"bots.{name}", "--account", str(number), *words]
        command += ["--dir", str(self.folder), "--journal", str(self.folder / "keepers")]
        log = self.folder / f"{name}-{number}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_quiet()
            )
        self._keepers[log.name] = process
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(LAST_WORDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def require_keepers(self) -> None:
        """Raise if a keeper has ended on its own."""
        for name, process in self._keepers.items():
            if process.poll() is not None:
                words = (self.folder / name).read_text().strip().splitlines()
                raise RuntimeError(f"{name} ended: {words[-1] if words else 'without a word'}")

    def stop(self) -> None:
        self.devnet.stop()


def _quiet() -> Mapping[str, str]:
    """Return an environment in which keepers write plain lines."""
    return {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
