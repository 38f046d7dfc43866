"""The proof archive: what withdrawals need of L2's past, kept beyond the node's memory.

Anvil forgets the state of old blocks. For each L2 block that a game speaks of, this keeps the
message passer's account proof and the storage proof of every withdrawal not yet finalized; the
RPC filter answers `eth_getProof` from here when the node can't.
"""

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

from clearway.devnet.local import Local
from clearway.devnet.rpc import RpcFailure
from clearway.opstack import abi
from clearway.opstack.addresses import MESSAGE_PASSER
from clearway.opstack.chain import Call
from clearway.opstack.messages import Withdrawal, tohex

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (block INTEGER PRIMARY KEY, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS slots (
    block INTEGER NOT NULL, slot TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (block, slot)
);
"""


class Archive:
    """The store; `find` may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(SCHEMA)
        self._lock = threading.Lock()

    def find(self, address: str, slots: list[str], block: int) -> dict[str, Any] | None:
        """Return the answer of `eth_getProof`, or None if not all of it is here."""
        if address.lower() != MESSAGE_PASSER.lower():
            return None
        with self._lock:
            row = self._db.execute(
                "SELECT answer FROM accounts WHERE block = ?", (block,)
            ).fetchone()
            found = [self._slot(block, slot) for slot in slots]
        if row is None or None in found:
            return None
        return {**json.loads(row[0]), "storageProof": found}

    def _slot(self, block: int, slot: str) -> Any:
        row = self._db.execute(
            "SELECT answer FROM slots WHERE block = ? AND slot = ?", (block, _word(slot))
        ).fetchone()
        return json.loads(row[0]) if row else None

    def keep(self, block: int, answer: dict[str, Any]) -> None:
        """Store an answer of `eth_getProof`."""
        account = {name: part for name, part in answer.items() if name != "storageProof"}
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO accounts VALUES (?, ?)", (block, json.dumps(account))
            )
            for entry in answer["storageProof"]:
                self._db.execute(
                    "INSERT OR REPLACE INTO slots VALUES (?, ?, ?)",
                    (block, _word(entry["key"]), json.dumps(entry)),
                )

    def drop_above(self, block: int) -> None:
        """Forget blocks that L2 has dropped."""
        with self._lock:
            self._db.execute("DELETE FROM accounts WHERE block > ?", (block,))
            self._db.execute("DELETE FROM slots WHERE block > ?", (block,))


class Archivist:
    """Fills the archive: sees withdrawals and games as they appear."""

    def __init__(self, local: Local, archive: Archive) -> None:
        self._local = local
        self._archive = archive
        self._seen_block = local.first_l2_block
        self._open: dict[str, tuple[int, Withdrawal]] = {}  # by slot: L2 block, withdrawal
        self._games_seen = 0
        self._wanted: set[int] = set()  # blocks that games speak of and L2 hasn't reached
        self.newest_withdrawal = 0  # L2 block; 0 if there is none

    def run(self) -> None:
        """Take in what is new on both chains."""
        head = self._local.l2.number("eth_blockNumber")
        if head < self._seen_block:
            self.forget_above(head)
        self._read_withdrawals(head)
        self._read_games()
        for block in sorted(self._wanted):
            if block <= head:
                self.archive(block)
                self._wanted.discard(block)

    def forget_above(self, block: int) -> None:
        """L2 was rolled back to `block`: read its withdrawals anew."""
        self._archive.drop_above(block)
        self._seen_block = self._local.first_l2_block
        self._open.clear()
        self.newest_withdrawal = 0

    def _read_withdrawals(self, head: int) -> None:
        if head == self._seen_block:
            return
        for log in self._local.l2(
            "eth_getLogs",
            {
                "address": MESSAGE_PASSER,
                "topics": [tohex(abi.MessagePasser.MESSAGE_PASSED.topic)],
                "fromBlock": hex(self._seen_block + 1),
                "toBlock": hex(head),
            },
        ):
            withdrawal, block = Withdrawal.from_log(log), int(log["blockNumber"], 16)
            self._open[tohex(withdrawal.slot)] = (block, withdrawal)
            self.newest_withdrawal = max(self.newest_withdrawal, block)
        self._seen_block = head

    def _read_games(self) -> None:
        games = self._local.rollup.games
        count = games.count()
        if count < self._games_seen:
            self._games_seen = 0  # L1 was reorganised
        for index in range(self._games_seen, count):
            game = games.at(index)
            if game.position >= self._local.first_l2_block:
                self._wanted.add(game.position)
        self._games_seen = count

    def archive(self, block: int) -> None:
        """Keep the proofs of one block, if the node still has its state."""
        self._drop_finalized()
        slots = [slot for slot, (start, _) in self._open.items() if start <= block]
        try:
            self._archive.keep(
                block, self._local.l2("eth_getProof", MESSAGE_PASSER, slots, hex(block))
            )
        except RpcFailure:
            return  # a game about a block long gone: archived in its time, if it mattered

    def _drop_finalized(self) -> None:
        slots = list(self._open)
        finalized = self._local.rollup.l1.calls(
            [
                Call(self._local.portal, abi.Portal.FINALIZED, (self._open[slot][1].hash,))
                for slot in slots
            ]
        )
        for slot, is_finalized in zip(slots, finalized, strict=True):
            if is_finalized:
                del self._open[slot]


def _word(slot: str) -> str:
    return f"0x{int(slot, 16):064x}"
