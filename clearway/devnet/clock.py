"""The one clock of both chains. Nothing else may move time.

Between its blocks anvil's time runs with the host's, plus an offset that this moves. Blocks made
on a beat keep the heads, and so what contracts read, close to the present.
"""

import math
import time
from collections.abc import Callable

from clearway.devnet.errors import DevnetError
from clearway.devnet.local import Local

STRIDE = 43_200  # seconds of chain time between two acts of the roles: half a day
FASTEST_BEAT = 0.5  # wall seconds: anvil's blocks get dearer as the chain grows
SOON = 1.0  # wall seconds: anvil's clock counts whole ones
FASTEST_PACE = 3_600.0
LONGEST_ADVANCE = 3_650 * 86_400


class Clock:
    """Moves both chains' time together, L2 a second ahead: L2 is never behind its L1 origin."""

    def __init__(self, local: Local, pace: float = 1.0) -> None:
        self._local = local
        self.pace = pace  # chain seconds per wall second
        self._ticked_at = time.monotonic()
        self._owed = 0.0  # chain seconds not yet given, below one
        self._beats = {"l1": self._ticked_at, "l2": self._ticked_at}
        self._hurried_to: float | None = None  # when L1's next block is due before its beat

    def now(self) -> int:
        """Return the time of the later head."""
        heads = (self._local.l1.block(), self._local.l2.block())
        return max(int(head["timestamp"], 16) for head in heads)

    def synchronize(self) -> None:
        """Give both chains the same time, after a start or a restart of a node.

        Not before the host's: anvil takes no block from before its own start.
        """
        self._jump_to(max(self.now(), int(time.time())) + 1)

    def advance(self, seconds: int, act: Callable[[], None]) -> None:
        """Move both chains `seconds` ahead; `act` lets the roles do what the passing time asks for.

        While the sequencer is down only L1 moves: L2 has no blocks until it is back or forced.
        """
        if not 0 < seconds <= LONGEST_ADVANCE:
            raise DevnetError(f"Can't advance by {seconds} s: give 1 s to 3,650 days.")
        end = int(self._local.l1.block()["timestamp"], 16) + seconds
        act()
        while (now := self.now_l1()) < end:
            self._jump_to(min(end, now + STRIDE))
            act()

    def now_l1(self) -> int:
        """Return the time of L1's head."""
        return int(self._local.l1.block()["timestamp"], 16)

    def set_pace(self, pace: float) -> None:
        """Let `pace` chain seconds pass in each second of the host."""
        if not 1 <= pace <= FASTEST_PACE:
            raise DevnetError(f"Can't run at pace {pace:g}: give 1 to {FASTEST_PACE:g}.")
        self.pace = pace

    def catch_up(self) -> None:
        """Bring L2's time to L1's, after blocks were missed."""
        now = self.now_l1()
        if int(self._local.l2.block()["timestamp"], 16) < now:
            self._local.l2("evm_setNextBlockTimestamp", hex(now + 1))
            self._local.l2("evm_mine")

    def tick(self) -> None:
        """Let time pass: call it often."""
        now = time.monotonic()
        self._owed += (self.pace - 1) * (now - self._ticked_at)
        self._ticked_at = now
        extra = int(self._owed)
        if extra:
            self._owed -= extra
            self._local.l1("evm_increaseTime", hex(extra))
            self._local.l2("evm_increaseTime", hex(extra))
        if self._hurried_to is not None and now >= self._hurried_to:
            self._hurried_to = None
            self._beats["l1"] = -math.inf
        self._beat("l1", self._local.profile.l1_block_time, now)
        if not self._local.sequencer.down:
            self._beat("l2", self._local.profile.l2_block_time, now)

    def hurry(self) -> None:
        """Make an L1 block soon, for something has just happened that waits for a later one.

        What waits since an earlier call waits on: a block before that may share its second.
        """
        self._hurried_to = time.monotonic() + SOON

    def _beat(self, layer: str, block_time: int, now: float) -> None:
        period = max(FASTEST_BEAT, block_time / self.pace)
        if now - self._beats[layer] >= period:
            self._beats[layer] = now
            (self._local.l1 if layer == "l1" else self._local.l2)("evm_mine")

    def _jump_to(self, timestamp: int) -> None:
        """Make a block of that time on both chains, or of the later head's time if that is past.

        Between L1's blocks, L2 has several: it may be ahead by all of L1's block time.
        """
        timestamp = max(timestamp, self.now())
        self._local.l1("evm_setNextBlockTimestamp", hex(timestamp))
        self._local.l1("evm_mine")
        if not self._local.sequencer.down:
            self._local.l2("evm_setNextBlockTimestamp", hex(timestamp + 1))
            self._local.l2("evm_mine")
        self._ticked_at = time.monotonic()
