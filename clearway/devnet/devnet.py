"""Starting, finding and speaking to a local network: what shells and tests use."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from clearway.devnet.anvil import HOST
from clearway.devnet.errors import DevnetError
from clearway.devnet.folder import Folder, Network, Settings
from clearway.devnet.processes import command_line, is_running, require_free_port
from clearway.devnet.rpc import Rpc, RpcFailure

START_TIMEOUT = 120  # wall seconds; longer than both of its nodes may take
STOP_TIMEOUT = 30
COMMAND_TIMEOUT = 600  # a long advance settles many games
POLL = 0.01

PACKAGE_ROOT = Path(__file__).resolve().parents[2]


class Devnet:
    """The local network of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder)

    def is_running(self) -> bool:
        return self.folder.is_owned()

    @property
    def network(self) -> Network:
        """What the network is; raises DevnetError if none was built here."""
        network = self.folder.read_network()
        if network is None:
            raise DevnetError(
                f"There is no local network in {self.folder.path}; start one with "
                "`ape run devnet up`."
            )
        return network

    def start(self, settings: Settings, fresh: bool = False) -> Network:
        """Start the network and wait until it serves; one that was stopped or killed goes on.

        `fresh` begins anew. Raises DevnetError if it runs already, if a port is taken, if the
        folder holds a network of other settings, or if the start fails.
        """
        if self.is_running():
            raise DevnetError(
                f"A local network is running in {self.folder.path}; stop it with "
                "`ape run devnet down`, or give another folder with --dir."
            )
        if settings.l1_port == settings.l2_port:
            raise DevnetError(
                f"Port {settings.l1_port} can't serve both chains; choose another with --l2-port."
            )
        require_free_port(settings.l1_port, "--l1-port")
        require_free_port(settings.l2_port, "--l2-port")
        if fresh:
            self.discard()
        self._require_same(settings)
        self.folder.write_settings(settings)
        self._launch()
        return self.network

    def resume(self) -> None:
        """Start a network whose node process died, as it was."""
        self._launch()

    def _require_same(self, settings: Settings) -> None:
        """Refuse to go on with a network under settings that it wasn't built with."""
        if self.folder.read_network() is None:
            return
        built = self.folder.read_settings()
        for name in ("profile", "l1_chain_id", "l2_chain_id", "fork_url", "portal"):
            had, wanted = getattr(built, name), getattr(settings, name)
            if had != wanted:
                raise DevnetError(
                    f"{self.folder.path} holds a network with {name.replace('_', ' ')} "
                    f"{had or 'none'}, not {wanted or 'none'}; begin anew with --fresh, or give "
                    "another folder with --dir."
                )

    def _launch(self) -> None:
        self.folder.logs.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(filter(None, [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
        with (self.folder.logs / "node.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "clearway.devnet.node", str(self.folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": path},
            )
        try:
            self._wait_until_ready(process)
        except BaseException:  # an impatient person's Ctrl-C too
            if process.poll() is None:
                _end(process.pid)
            if self.folder.read_network() is None:
                self.stop()  # nobody could go on with half a network's nodes
            raise

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._is_ready(process.pid):
            if process.poll() is not None:
                raise DevnetError(self._why_it_ended(process.pid))
            if time.monotonic() > deadline:
                raise DevnetError(
                    f"The network didn't start within {START_TIMEOUT} s ({self._last_words()}); "
                    f"see {self.folder.logs / 'node.log'}."
                )
            time.sleep(POLL)

    def _is_ready(self, pid: int) -> bool:
        processes = self.folder.read_processes()
        return processes.get("node") == pid and bool(processes.get("ready"))

    def _why_it_ended(self, pid: int) -> str:
        processes = self.folder.read_processes()
        if processes.get("node") == pid and "fault" in processes:
            return str(processes["fault"])
        return (
            f"The network's node process ended at its start ({self._last_words()}); see "
            f"{self.folder.logs / 'node.log'}."
        )

    def _last_words(self) -> str:
        lines = (self.folder.logs / "node.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a word"

    def command(self, method: str, *params: Any) -> Any:
        """Ask something of the running network; raises DevnetError if it refuses or isn't there."""
        if not self.is_running():
            raise DevnetError(
                f"No local network is running in {self.folder.path}; start one with "
                "`ape run devnet up`."
            )
        port = self.folder.read_settings().l1_port
        try:
            return Rpc(f"http://{HOST}:{port}", timeout=COMMAND_TIMEOUT)(method, *params)
        except RpcFailure as refusal:
            raise DevnetError(refusal.message) from refusal
        except OSError as fault:  # requests' errors are of this kind
            raise DevnetError(
                f"The network's node process in {self.folder.path} doesn't answer; stop it with "
                "`ape run devnet down` and start it again."
            ) from fault

    def stop(self) -> None:
        """End the network and keep its state. Nothing if it doesn't run, leftovers apart."""
        processes = self.folder.read_processes()
        node = processes.get("node")
        if self.is_running() and node:
            _end(node)
        for layer in ("l1", "l2"):
            self._end_leftover(processes.get(layer, {}))

    def _end_leftover(self, process: dict[str, Any]) -> None:
        """End a chain's node that outlived its node process."""
        pid, port = process.get("pid"), process.get("port")
        if pid and str(port) in command_line(pid):
            _end(pid)

    def discard(self) -> None:
        """End the network and remove its state."""
        self.stop()
        self.folder.wipe()


def _end(pid: int) -> None:
    """End a process: ask first, then insist."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + STOP_TIMEOUT
        while time.monotonic() < deadline:
            if not is_running(pid):
                return
            time.sleep(POLL)
