"""One anvil process: starting, finding again, saving and stopping it."""

import contextlib
import gzip
import json
import os
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import rlp
from eth_utils.crypto import keccak

from clearway.devnet.artifacts import NODE_MODULES
from clearway.devnet.errors import DevnetError
from clearway.devnet.processes import command_line, is_running, require_free_port
from clearway.devnet.rpc import Rpc, RpcFailure
from clearway.opstack.messages import rlp_integer, tohex, unhex

HOST = "127.0.0.1"
START_TIMEOUT = 30  # seconds; a fork asks its upstream before it listens
STOP_TIMEOUT = 5  # seconds
POLL_INTERVAL = 0.01  # seconds
PERSISTED_STATES = 100
"""Old blocks that can be asked for proofs: anvil keeps so many on disk, 0.6 MB each, and in memory
500 at first, but soon only ten. What is needed for longer is in the proof archive."""

# The finalized block is two blocks behind the head, and not 64: users of the tags need not wait.
L1_OPTIONS = ("--slots-in-an-epoch", "1")
# A deposit may move more than its sender has: it must fail in a block, as on a real L2.
L2_OPTIONS = ("--slots-in-an-epoch", "1", "--network", "optimism", "--disable-pool-balance-checks")


def fork_options(url: str, block: int) -> tuple[str, ...]:
    """Return the options by which L1 continues a live chain after one of its blocks.

    The block is not optional: a node that is loaded again must stand on the same one.
    """
    return ("--fork-url", url, "--fork-block-number", str(block))


def binary() -> Path:
    """Return anvil's own executable: npm's, else that on PATH; DevnetError if there is neither.

    npm's usual `anvil` is a script around it: slow to start, and killed it leaves the node behind.
    """
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"@foundry-rs/anvil-{platform.system().lower()}-{machine}"
    path = NODE_MODULES / package / "bin" / "anvil"
    if path.exists():
        return path
    if found := shutil.which("anvil"):
        return Path(found)
    raise DevnetError(
        f"The npm package {package} is missing: run `npm ci` in the project's folder, or put an "
        "anvil 1.7.x on PATH."
    )


def _without_strays(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a dumped chain's blocks without the first blocks that aren't its own.

    Each start of anvil makes one, even when it loads a chain, and dumps it with the chain's
    blocks in any order. Loaded again, the last one read would be the chain's first block.
    """
    parents = {block["header"]["parentHash"] for block in blocks}
    lowest = min(_number_of(block) for block in blocks)
    chain = [
        block
        for block in blocks
        if _number_of(block) > lowest or _hash_of(block["header"]) in parents
    ]
    return chain or blocks


def _number_of(block: dict[str, Any]) -> int:
    return int(block["header"]["number"], 16)


def _hash_of(header: dict[str, str]) -> str:
    """Return the hash of a block's header, whose fields anvil dumps in the order of their RLP."""
    numbers = {
        *("difficulty", "number", "gasLimit", "gasUsed", "timestamp"),
        *("baseFeePerGas", "blobGasUsed", "excessBlobGas"),
    }
    fields = [
        rlp_integer(int(value, 16)) if name in numbers else unhex(value)
        for name, value in header.items()
    ]
    return tohex(keccak(rlp.encode(fields)))


@dataclass(frozen=True)
class AnvilSpec:
    """What it takes to start, and later to recognise, one node."""

    name: str
    """ "l1" or "l2": names its files in the run folder."""
    run: Path
    port: int
    port_option: str
    """The option by which people choose another port."""
    chain_id: int
    options: Sequence[str] = ()
    """For every start of the node; what is for a new chain only is given to `start`."""

    @property
    def cache(self) -> Path:
        return self.run / f"cache-{self.name}"

    @property
    def log(self) -> Path:
        return self.run / f"anvil-{self.name}.log"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        return [
            str(binary()),
            "--quiet",  # panics are still logged; requests would fill the disk
            *("--host", HOST),
            *("--port", str(self.port)),
            *("--chain-id", str(self.chain_id)),
            *("--cache-path", str(self.cache)),
            *("--max-persisted-states", str(PERSISTED_STATES)),
            "--no-request-size-limit",
            *self.options,
        ]


class Anvil:
    """A running node. Make it with `start`, `load` or `adopt`."""

    def __init__(
        self, spec: AnvilSpec, pid: int, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        """`process` is the child, if this process started it."""
        self.spec = spec
        self.pid = pid
        self._process = process
        self.rpc = Rpc(spec.url)

    @classmethod
    def start(cls, spec: AnvilSpec, *extra: str) -> "Anvil":
        """Start a node and wait until it answers; `extra` are options for this start alone.

        Raises DevnetError if its port is taken, if it dies (with the end of its log), or if it
        stays silent.
        """
        require_free_port(spec.port, spec.port_option)
        spec.run.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(spec.cache, ignore_errors=True)  # no node reads what an earlier one left
        with spec.log.open("ab") as log:
            process = subprocess.Popen(
                [*spec.command(), *extra],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        node = cls(spec, process.pid, process)
        try:
            node._wait_until_ready()
        except BaseException:  # whoever starts it may be stopped meanwhile
            node.stop()
            raise
        return node

    @classmethod
    def load(cls, spec: AnvilSpec, dump: Path) -> "Anvil":
        """Start a node from what `dump` wrote.

        Blocks, receipts, logs and the head's proofs are as before. Older blocks' proofs and the
        shift between the chain's clock and the computer's are lost.
        """
        state = spec.run / f"state-{spec.name}.json"
        spec.run.mkdir(parents=True, exist_ok=True)
        chain = json.loads(gzip.decompress(dump.read_bytes()))
        chain["blocks"] = _without_strays(chain["blocks"])
        state.write_text(json.dumps(chain))
        is_fork = "--fork-url" in spec.options
        first = 0 if is_fork else min(_number_of(block) for block in chain["blocks"])
        begin = ("--number", str(first)) if first else ()
        try:
            return cls.start(spec, "--load-state", str(state), *begin)
        finally:
            state.unlink()

    @classmethod
    def adopt(cls, spec: AnvilSpec, pid: int) -> "Anvil | None":
        """Return the node that an earlier process started, None if it no longer runs.

        A process counts as that node if its command line has the spec's port, and its RPC the
        spec's chain.
        """
        words = command_line(pid)
        if "anvil" not in Path(words[0] if words else "").name or str(spec.port) not in words:
            return None
        node = cls(spec, pid)
        return node if node._answers() else None

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None if self._process else is_running(self.pid)

    def stop(self) -> None:
        """End the process: ask first, then insist. Nothing if it is gone already."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, how)
            deadline = time.monotonic() + STOP_TIMEOUT
            while self.is_alive() and time.monotonic() < deadline:
                time.sleep(POLL_INTERVAL)

    def dump(self, path: Path) -> None:
        """Save the chain to a file, gzipped; whenever power fails, the file is a whole one."""
        state = unhex(self.rpc("anvil_dumpState"))
        unfinished = path.with_name(path.name + ".part")
        with unfinished.open("wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if not self.is_alive():
                raise DevnetError(f"anvil ended at its start: {self._log_end()}")
            if time.monotonic() > deadline:
                raise DevnetError(
                    f"anvil did not answer within {START_TIMEOUT} s: {self._log_end()}"
                )
            time.sleep(POLL_INTERVAL)

    def _answers(self) -> bool:
        try:
            return self.rpc.number("eth_chainId") == self.spec.chain_id
        except (requests.RequestException, RpcFailure):
            return False

    def _log_end(self) -> str:
        lines = self.spec.log.read_text(errors="replace").strip().splitlines()
        return " ".join(lines[-5:]) or f"its log {self.spec.log} is empty"
