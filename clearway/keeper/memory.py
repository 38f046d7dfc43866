"""What a publisher signed, on disk before anybody sees it: never two reports of one tile.

One SQLite file for each feed and publisher. Its owner holds a lock on it for as long as it runs, so
that two processes with one key can't forget what the other signed.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearway.keeper import wire
from clearway.keeper.errors import CannotStart, MemoryLost
from clearway.reports import Report, SignedReport

SCHEMA_VERSION = 1
KEPT = 86_400  # tiles, of which nobody may sign one that is older than ten minutes
SCHEMA = """
CREATE TABLE signed (tile INTEGER PRIMARY KEY, report TEXT NOT NULL);
CREATE TABLE complete (tile INTEGER PRIMARY KEY, report TEXT NOT NULL);
"""


class Memory:
    """The memory of one publisher."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._open()
        except BlockingIOError:
            raise CannotStart(
                "another publisher with this account is running here", "stop that one first"
            ) from None
        except (OSError, sqlite3.Error) as error:
            raise self._lost(error) from error

    def _open(self) -> None:
        self._db = sqlite3.connect(self.path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise MemoryLost(
                f"{self.path} was written by another version (schema {version})",
                "use that version, or another publisher's account",
            )

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)

    def may_sign(self, report: Report) -> bool:
        """Write a report down as the one of its tile; False if another one is.

        Only what is on disk when this returns may be signed.
        """
        text = json.dumps(wire.report_to_json(report))
        self._run("INSERT OR IGNORE INTO signed VALUES (?, ?)", (report.observed_at, text))
        return self.signed(report.observed_at) == report

    def signed(self, tile: int) -> Report | None:
        """Return the report of a tile that was signed, or was about to be."""
        rows = self._run("SELECT report FROM signed WHERE tile = ?", (tile,))
        return wire.report_from_json(json.loads(rows[0][0])) if rows else None

    def keep(self, signed: SignedReport) -> None:
        """Keep a report that a quorum has signed, to serve it."""
        text = json.dumps(wire.signed_to_json(signed))
        self._run("INSERT OR IGNORE INTO complete VALUES (?, ?)", (signed.report.observed_at, text))

    def complete(self, tile: int) -> SignedReport | None:
        """Return a tile's report with its quorum of signatures."""
        rows = self._run("SELECT report FROM complete WHERE tile = ?", (tile,))
        return wire.signed_from_json(json.loads(rows[0][0])) if rows else None

    def complete_after(self, tile: int, most: int) -> list[SignedReport]:
        """Return the newest `most` reports of later tiles, oldest first."""
        rows = self._run(
            "SELECT report FROM complete WHERE tile > ? ORDER BY tile DESC LIMIT ?", (tile, most)
        )
        return [wire.signed_from_json(json.loads(text)) for (text,) in reversed(rows)]

    def newest(self) -> int | None:
        """Return the newest tile that was signed."""
        ((tile,),) = self._run("SELECT max(tile) FROM signed")
        return tile if tile is None else int(tile)

    def forget_oldest(self) -> None:
        """Forget all but the newest tiles: counted, for a node may be wrong about the time."""
        for table in ("signed", "complete"):
            oldest = f"SELECT tile FROM {table} ORDER BY tile DESC LIMIT 1 OFFSET ?"
            self._run(f"DELETE FROM {table} WHERE tile <= ({oldest})", (KEPT,))

    def _run(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> MemoryLost:
        return MemoryLost(
            f"{self.path}, the memory of what was signed, can't be used ({error})",
            "nothing is signed without it: free space on the disk, or restore the file",
        )
