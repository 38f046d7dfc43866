"""The events that a keeper has read, on disk, and up to which block.

A keeper that starts again reads on from there. What a reorganisation took back is taken out; what
follows from the events is worked out anew by whoever needs it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearway.opstack.errors import JournalError

SCHEMA_VERSION = 1
MOST_NUMBER = 2**63 - 1  # of a block, in the file
MARKS_AT_ONCE = 100
ADVICE = "move it away: it is read again from the chain"
SCHEMA = """
CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE events (
    block INTEGER NOT NULL, log_index INTEGER NOT NULL, at INTEGER NOT NULL,
    name TEXT NOT NULL, facts TEXT NOT NULL, tx TEXT NOT NULL,
    PRIMARY KEY (block, log_index)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Seen:
    """One event, with its block's time."""

    block: int
    log_index: int
    at: int
    name: str
    values: Mapping[str, Any]
    transaction: str  # hash


@dataclass(frozen=True)
class Mark:
    """A block that was read to its end."""

    number: int
    hash: bytes


class Archive:
    """The events in one file, for one process. Not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._db.executescript(
                    f"BEGIN; {SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
                )
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error
        if version not in (0, SCHEMA_VERSION):
            raise JournalError(f"{path} was written by another version", ADVICE)

    def close(self) -> None:
        self._db.close()

    def marks(self, first: int = 0) -> Iterator[Mark]:
        """Yield blocks from `first` on that were read, newest first: the last one, and some before.

        Read as far as they are wanted, for there is one for every few minutes that a chain has run.
        """
        statement = "SELECT * FROM blocks WHERE number BETWEEN ? AND ? ORDER BY number DESC LIMIT ?"
        last = MOST_NUMBER
        while rows := self._run(statement, (first, last, MARKS_AT_ONCE)):
            for number, hash_ in rows:
                yield Mark(number, bytes(hash_))
            last = rows[-1][0] - 1

    def events(self) -> Iterator[Seen]:
        """Yield all events in the chain's order."""
        rows = self._run("SELECT * FROM events ORDER BY block, log_index")
        return (_seen(row) for row in rows)

    def events_since(self, block: int) -> list[Seen]:
        """Return the events of a block and those after it."""
        statement = "SELECT * FROM events WHERE block >= ? ORDER BY block, log_index"
        return [_seen(row) for row in self._run(statement, (block,))]

    def replace_from(
        self, first: int, events: Iterable[Seen], marks: Iterable[Mark], keep_after: int
    ) -> None:
        """Put events in the place of all those from block `first` on; all or nothing.

        Of the marks before `keep_after` one in a hundred stays.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM events WHERE block >= ?", (first,))
            self._db.execute("DELETE FROM blocks WHERE number >= ?", (first,))
            self._db.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
                [_row(one) for one in events],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO blocks VALUES (?, ?)",
                [(mark.number, mark.hash) for mark in marks],
            )
            self._db.execute(
                "DELETE FROM blocks WHERE number < ? AND number % 100 != 0", (keep_after,)
            )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._broken(error) from error

    def _run(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> JournalError:
        return JournalError(f"{self.path} can't be used ({error})", ADVICE)


def _row(one: Seen) -> tuple[object, ...]:
    facts = json.dumps(one.values)
    return one.block, one.log_index, one.at, one.name, facts, one.transaction


def _seen(row: Sequence[Any]) -> Seen:
    block, log_index, at, name, facts, transaction = row
    return Seen(block, log_index, at, name, json.loads(facts), transaction)
