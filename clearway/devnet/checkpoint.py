"""Checkpoints: both chains' states on disk, as a pair, from which a killed node goes on.

L1 is written before L2, and no deposit is relayed in between, so the L2 of a pair never stands on
an L1 block that its L1 doesn't have. The proposer writes one before each proposal, so no root on
L1 ever speaks of an L2 block that could be lost.
"""

import shutil
import time
from pathlib import Path

from clearway.devnet.anvil import Anvil
from clearway.devnet.folder import Folder, write_whole

SHARE = 20  # a checkpoint may take one part in so many of the time
LEAST_PERIOD = 1.0  # wall seconds


class Checkpoints:
    """The pairs of states in a network's folder; the newest whole one counts."""

    def __init__(self, folder: Folder) -> None:
        self._root = folder.path / "checkpoints"
        self._due_at = 0.0

    def current(self) -> Path | None:
        """Return the folder of the newest whole pair, None if there is none."""
        try:
            return self._root / (self._root / "current").read_text().strip()
        except FileNotFoundError:
            return None

    def is_due(self) -> bool:
        return time.monotonic() >= self._due_at

    def take(self, l1: Anvil, l2: Anvil) -> None:
        """Write a new pair, then forget the older ones."""
        started = time.monotonic()
        before = self.current()
        number = int(before.name) + 1 if before else 1
        pair = self._root / str(number)
        shutil.rmtree(pair, ignore_errors=True)
        pair.mkdir(parents=True)
        l1.dump(pair / "l1.json")
        l2.dump(pair / "l2.json")
        write_whole(self._root / "current", str(number))
        for old in self._root.iterdir():
            if old.is_dir() and old != pair:
                shutil.rmtree(old, ignore_errors=True)
        now = time.monotonic()
        self._due_at = now + max(LEAST_PERIOD, SHARE * (now - started))
