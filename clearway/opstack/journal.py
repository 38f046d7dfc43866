"""The journal: withdrawals on their way, transactions signed, proofs made.

One SQLite file per pair of chains. A transaction is written here, signed, before it is sent, so a
process killed at any instruction finds it again and sends the very same one. What state a
withdrawal is in is never stored: the chains tell.
"""

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from clearway.opstack.addresses import Address
from clearway.opstack.errors import JournalError
from clearway.opstack.messages import OutputProof, Withdrawal
from clearway.opstack.rollup import Rollup, WithdrawalProof

SCHEMA_VERSION = 1
MOVE_AWAY = "move it away; `withdraw show` finds withdrawals again by their L2 transaction"
SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, fact TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS withdrawals (
    hash BLOB PRIMARY KEY,
    nonce BLOB NOT NULL, sender TEXT NOT NULL, target TEXT NOT NULL, value BLOB NOT NULL,
    gas_limit BLOB NOT NULL, data BLOB NOT NULL,
    l2_transaction BLOB NOT NULL,
    closed TEXT                      -- why there is nothing left to do; NULL while there is
);
CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY,
    chain TEXT NOT NULL,             -- L1 or L2
    purpose TEXT NOT NULL,           -- one effect, one purpose
    sender TEXT NOT NULL, nonce INTEGER NOT NULL,
    hash BLOB NOT NULL, raw BLOB NOT NULL,
    sent_at REAL NOT NULL,           -- host clock, for fee bumps alone
    outcome TEXT,                    -- NULL while open; mined or replaced
    reported INTEGER NOT NULL        -- 1 when whoever asked for it was told how it ended
);
CREATE INDEX IF NOT EXISTS open_transactions ON transactions (outcome, chain, sender, nonce);
CREATE TABLE IF NOT EXISTS proofs (
    withdrawal BLOB NOT NULL, game TEXT NOT NULL, game_index INTEGER NOT NULL,
    state_root BLOB NOT NULL, storage_root BLOB NOT NULL, block_hash BLOB NOT NULL,
    nodes TEXT NOT NULL,
    PRIMARY KEY (withdrawal, game)
);
"""

BY_PURPOSE = "CREATE INDEX IF NOT EXISTS by_purpose ON transactions (purpose)"
KEPT = 10_000  # transactions, of which no reorganisation reaches the oldest


@dataclass(frozen=True)
class Tracked:
    """A withdrawal in the journal."""

    withdrawal: Withdrawal
    l2_transaction: bytes
    closed: str | None


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction in the journal, signed and perhaps sent."""

    id: int
    chain: str
    purpose: str
    sender: Address
    nonce: int
    hash: bytes
    raw: bytes
    sent_at: float
    outcome: str | None
    reported: bool


@dataclass(frozen=True)
class StoredProof:
    """A proof of a withdrawal under one game, kept lest the L2 node forget that state."""

    game: Address
    game_index: int
    proof: WithdrawalProof


class Journal:
    """The journal in one file; safe for several processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"{path} can't be used ({error})", MOVE_AWAY) from error

    def _open(self) -> None:
        self._db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        self._db.execute("PRAGMA synchronous=FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            with self.acting():  # processes that make it at once would lock each other out
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.executescript(SCHEMA)
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            raise JournalError(
                f"{self.path} was written by another version (schema {version})", MOVE_AWAY
            )
        self._db.execute(BY_PURPOSE)  # older files of this version lack it

    def _run(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Run one statement and return its rows."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(
                f"{self.path} can't be used ({error})",
                "free space on the disk, or restore the file",
            ) from error

    @classmethod
    def for_rollup(cls, rollup: Rollup, folder: Path) -> "Journal":
        """Open the journal of a pair of chains in `folder`.

        A file left by an earlier local network with the same ids is set aside: its withdrawals
        don't exist on this one.
        """
        portal = rollup.portal[2:10].lower()
        path = folder / f"{rollup.l1.chain_id}-{rollup.l2.chain_id}-{portal}.sqlite"
        journal = cls(path)
        if journal._is_of(rollup):
            return journal
        journal.close()
        aside = path.with_name(f"{path.stem}.{int(path.stat().st_mtime)}.old")
        for suffix in ("", "-wal", "-shm"):  # the last two exist if another process has it open
            if (part := path.with_name(path.name + suffix)).exists():
                part.replace(aside.with_name(aside.name + suffix))
        fresh = cls(path)
        fresh._is_of(rollup)
        return fresh

    def _is_of(self, rollup: Rollup) -> bool:
        """Tell whether this journal is of these very chains, not of others with the same ids."""
        for chain in (rollup.l1, rollup.l2):
            known = self._fact(f"{chain.name} block")
            if known is None:
                first = chain.find_block(0) or chain.block("finalized")
                self._remember(f"{chain.name} block", f"{first.number} {first.hash.hex()}")
                continue
            number, block_hash = known.split()
            block = chain.find_block(int(number))
            if block is None or block.hash.hex() != block_hash:
                return False
        return True

    def close(self) -> None:
        self._db.close()

    def _fact(self, name: str) -> str | None:
        rows = self._run("SELECT fact FROM facts WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def _remember(self, name: str, fact: str) -> None:
        self._run("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, fact))

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Hold the right to decide and send. Freed by the system if the process dies."""
        try:
            lock = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise JournalError(f"{self.path} can't be locked ({error})", MOVE_AWAY) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    # Withdrawals

    def add(self, withdrawal: Withdrawal, l2_transaction: bytes) -> None:
        """Note a withdrawal, or the L2 transaction that it has after a reorganisation."""
        self._run(
            "INSERT INTO withdrawals VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL) "
            "ON CONFLICT (hash) DO UPDATE SET l2_transaction = excluded.l2_transaction",
            (
                withdrawal.hash,
                _word(withdrawal.nonce),
                withdrawal.sender,
                withdrawal.target,
                _word(withdrawal.value),
                _word(withdrawal.gas_limit),
                withdrawal.data,
                l2_transaction,
            ),
        )

    def tracked(self, *, only_open: bool = False) -> list[Tracked]:
        where = "WHERE closed IS NULL" if only_open else ""
        rows = self._run(f"SELECT * FROM withdrawals {where} ORDER BY rowid")
        return [_tracked(row) for row in rows]

    def find(self, withdrawal_hash: bytes) -> Tracked | None:
        rows = self._run("SELECT * FROM withdrawals WHERE hash = ?", (withdrawal_hash,))
        return _tracked(rows[0]) if rows else None

    def close_withdrawal(self, withdrawal_hash: bytes, why: str | None) -> None:
        """Note that nothing is left to do, and why; None opens it again."""
        self._run("UPDATE withdrawals SET closed = ? WHERE hash = ?", (why, withdrawal_hash))

    # Transactions

    def record(
        self, chain: str, purpose: str, sender: Address, nonce: int, tx_hash: bytes, raw: bytes
    ) -> SignedTransaction:
        """Write down a signed transaction; call it before sending."""
        now = time.time()
        ((row_id,),) = self._run(
            "INSERT INTO transactions VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL, 0) RETURNING id",
            (chain, purpose, sender, nonce, tx_hash, raw, now),
        )
        return SignedTransaction(
            row_id, chain, purpose, sender, nonce, tx_hash, raw, now, None, False
        )

    def senders(self, chain: str) -> list[Address]:
        """Return the accounts that ever signed for a chain."""
        rows = self._run("SELECT DISTINCT sender FROM transactions WHERE chain = ?", (chain,))
        return [to_checksum_address(sender) for (sender,) in rows]

    def open_transactions(self, chain: str, sender: Address) -> list[SignedTransaction]:
        """Return the transactions whose outcome isn't known, by nonce."""
        rows = self._run(
            "SELECT * FROM transactions WHERE outcome IS NULL AND chain = ? AND sender = ? "
            "ORDER BY nonce, id",
            (chain, sender),
        )
        return [_signed(row) for row in rows]

    def transactions_for(self, purpose: str) -> list[SignedTransaction]:
        """Return all transactions signed for one purpose, newest first."""
        rows = self._run(
            "SELECT * FROM transactions WHERE purpose = ? ORDER BY id DESC", (purpose,)
        )
        return [_signed(row) for row in rows]

    def interrupted(self, purpose: str) -> SignedTransaction | None:
        """Return the transaction of a command that never told its user how it ended."""
        return next(
            (
                signed
                for signed in self.transactions_for(purpose)
                if not signed.reported and signed.outcome != "replaced"
            ),
            None,
        )

    def mined_for(self, purpose_prefix: str) -> list[SignedTransaction]:
        """Return the mined transactions whose purpose starts so, oldest first."""
        rows = self._run(
            "SELECT * FROM transactions WHERE outcome = 'mined' AND substr(purpose, 1, ?) = ? "
            "ORDER BY id",
            (len(purpose_prefix), purpose_prefix),
        )
        return [_signed(row) for row in rows]

    def settle(self, transaction_id: int, outcome: str) -> None:
        self._run("UPDATE transactions SET outcome = ? WHERE id = ?", (outcome, transaction_id))

    def report(self, purpose: str) -> None:
        """Note that whoever asked for this was told how it ended."""
        self._run("UPDATE transactions SET reported = 1 WHERE purpose = ?", (purpose,))

    def forget_done(self, purpose_prefix: str) -> None:
        """Forget what ended, and was told, long ago, of those whose purpose starts so."""
        self._run(
            "DELETE FROM transactions WHERE id <= (SELECT max(id) FROM transactions) - ? "
            "AND (outcome = 'replaced' OR outcome = 'mined' AND reported = 1) "
            "AND substr(purpose, 1, ?) = ?",
            (KEPT, len(purpose_prefix), purpose_prefix),
        )

    def reopen(self, chain: str, sender: Address, nonces_used: int) -> None:
        """Open again what was mined in blocks that the chain has since dropped."""
        self._run(
            "UPDATE transactions SET outcome = NULL "
            "WHERE outcome = 'mined' AND chain = ? AND sender = ? AND nonce >= ?",
            (chain, sender, nonces_used),
        )

    # Proofs

    def keep_proof(
        self, withdrawal_hash: bytes, game: Address, index: int, proof: WithdrawalProof
    ) -> None:
        output = proof.output
        nodes = json.dumps([node.hex() for node in proof.nodes])
        self._run(
            "INSERT OR REPLACE INTO proofs VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                withdrawal_hash,
                game,
                index,
                output.state_root,
                output.storage_root,
                output.block_hash,
                nodes,
            ),
        )

    def roots_of(self, game: Address) -> set[bytes]:
        """Return the output roots that were recomputed to prove against a game."""
        parts = "SELECT state_root, storage_root, block_hash FROM proofs WHERE game = ?"
        return {OutputProof(*row).root for row in self._run(parts, (game,))}

    def proofs_of(self, withdrawal_hash: bytes) -> list[StoredProof]:
        rows = self._run("SELECT * FROM proofs WHERE withdrawal = ?", (withdrawal_hash,))
        return [
            StoredProof(
                game=to_checksum_address(game),
                game_index=index,
                proof=WithdrawalProof(
                    OutputProof(state_root, storage_root, block_hash),
                    [bytes.fromhex(node) for node in json.loads(nodes)],
                ),
            )
            for _, game, index, state_root, storage_root, block_hash, nodes in rows
        ]


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _tracked(row: Sequence[bytes]) -> Tracked:
    _, nonce, sender, target, value, gas_limit, data, l2_transaction, closed = row
    withdrawal = Withdrawal(
        nonce=int.from_bytes(nonce, "big"),
        sender=to_checksum_address(sender),
        target=to_checksum_address(target),
        value=int.from_bytes(value, "big"),
        gas_limit=int.from_bytes(gas_limit, "big"),
        data=data,
    )
    return Tracked(withdrawal, l2_transaction, None if closed is None else str(closed))


def _signed(row: Sequence[Any]) -> SignedTransaction:
    row_id, chain, purpose, sender, nonce, tx_hash, raw, sent_at, outcome, reported = row
    return SignedTransaction(
        row_id,
        chain,
        purpose,
        to_checksum_address(sender),
        nonce,
        tx_hash,
        raw,
        sent_at,
        outcome,
        bool(reported),
    )
