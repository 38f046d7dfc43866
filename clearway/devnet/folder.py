"""The folder of a local network: what is in it, and which process owns it."""

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clearway.devnet.errors import DevnetError
from clearway.opstack.addresses import Address


@dataclass(frozen=True)
class Settings:
    """What a person chose; given to the node process."""

    profile: str = "real"
    l1_port: int = 8545
    l2_port: int = 9545
    l1_chain_id: int = 900
    l2_chain_id: int = 901
    fork_url: str = ""  # of the L1 to fork; empty for a fresh one
    portal: str = ""  # of the forked L1
    without: tuple[str, ...] = ()  # roles (or the clock) that stand still, for drills


@dataclass(frozen=True)
class Network:
    """What a built network is; complete when it is written."""

    profile: dict[str, Any]  # of clearway.devnet.profiles.Profile
    l1_rpc: str
    l2_rpc: str
    l1_chain_id: int
    l2_chain_id: int
    portal: Address
    first_l1_block: int  # the L1 origin of L2's first block
    first_l2_block: int
    fork_url: str
    fork_block: int
    addresses: dict[str, str]


class Folder:
    """A network's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def genesis(self) -> Path:
        return self.path / "l2-genesis.json"

    @property
    def archive(self) -> Path:
        return self.path / "archive.sqlite"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def cache(self, layer: str) -> Path:
        return self.path / f"cache-{layer}"

    # The network

    def read_network(self) -> Network | None:
        """Return the network of this folder, None if none was built to its end.

        Raises DevnetError if its file is damaged, or was written by another version.
        """
        path = self.path / "network.json"
        if not path.exists():
            return None
        try:
            return Network(**json.loads(path.read_text()))
        except (ValueError, TypeError):
            raise DevnetError(
                f"{path} is damaged or of another version; begin anew with "
                "`ape run devnet up --fresh`."
            ) from None

    def write_network(self, network: Network) -> None:
        self._write("network.json", asdict(network))

    def read_settings(self) -> Settings:
        facts = self._read("settings.json") or {}
        return Settings(**{**facts, "without": tuple(facts.get("without", ()))})

    def write_settings(self, settings: Settings) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._write("settings.json", asdict(settings))

    def wipe(self) -> None:
        """Remove the network; the settings, the lock and the logs of its processes stay."""
        for entry in self.path.iterdir() if self.path.exists() else ():
            if entry.name in ("settings.json", "processes.json", "lock", "logs"):
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    # Processes

    def read_processes(self) -> dict[str, Any]:
        """Return what the node process last said of itself: pids, readiness, a failure."""
        return self._read("processes.json") or {}

    def write_processes(self, processes: dict[str, Any]) -> None:
        self._write("processes.json", processes)

    def was_stopped(self) -> bool:
        """Tell whether the last node process ended because it was asked to."""
        return bool(self.read_processes().get("stopped"))

    def own(self) -> int:
        """Make this process the folder's owner for as long as it lives.

        Raises DevnetError if another process is.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR, 0o644)
        os.set_inheritable(lock, False)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise DevnetError(
                f"A local network is running in {self.path}; stop it with `ape run devnet down`, "
                "or give another folder with --dir."
            ) from None
        return lock

    def is_owned(self) -> bool:
        """Tell whether a node process is running here."""
        if not (self.path / "lock").exists():
            return False
        lock = os.open(self.path / "lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    # Files

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            facts = json.loads((self.path / name).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return facts if isinstance(facts, dict) else None

    def _write(self, name: str, facts: dict[str, Any]) -> None:
        write_whole(self.path / name, json.dumps(facts, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, whenever the process is killed."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
