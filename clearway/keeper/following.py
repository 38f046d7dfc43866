"""Reading the contracts' events up to the head, through restarts and reorganisations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clearway.contracts import Contract, Told
from clearway.keeper.archive import Archive, Mark, Seen
from clearway.opstack.chain import Block, Chain
from clearway.opstack.errors import RpcNonsense
from clearway.opstack.messages import Log, tohex

LOOK_BACK = 10  # blocks that are read again each time: a node may have left out logs
SPAN = 20_000  # blocks read before they are written down
MARKS_KEPT = 1_000  # blocks behind the head whose marks all stay


@dataclass(frozen=True)
class News:
    """What is new since the last look."""

    head: Block
    events: Sequence[Seen]
    has_changed: bool  # what was told before has changed: begin anew from the archive


class Follower:
    """Follows some contracts of one chain."""

    def __init__(self, contracts: Sequence[Contract], archive: Archive, first_block: int) -> None:
        self.chain: Chain = contracts[0].chain
        self.archive = archive
        self._first_block = first_block
        self._contracts = {contract.address.lower(): contract for contract in contracts}
        topics = (topic for one in contracts for topic in one.interface.topics(()))
        self._topics = sorted(set(topics))

    def catch_up(self) -> News:
        """Read up to the head; raise `RpcNonsense` if the chain changed meanwhile."""
        head = self.chain.block()
        mark = self._last_common(head)
        reached = mark.number if mark else self._first_block - 1
        if mark and (mark.number, mark.hash) == (head.number, head.hash):
            return News(head, (), False)
        if head.number < reached:
            raise RpcNonsense(
                f"the {self.chain.name} RPC at {self.chain.url} is behind what it told before",
                "use another RPC, or wait",
            )
        events: list[Seen] = []
        has_changed = False
        while reached < head.number:
            last = min(reached + SPAN, head.number)
            found, changed = self._read(reached, last, head)
            events += found
            has_changed |= changed
            reached = last
        return News(head, events, has_changed)

    def _last_common(self, head: Block) -> Mark | None:
        """Return the newest block that was read and that the chain still has.

        A node that doesn't know the newest one at all is taken to be behind.
        """
        for mark in self.archive.marks():
            if mark.number > head.number:
                return mark
            block = head if mark.number == head.number else self.chain.find_block(mark.number)
            if block is not None and block.hash == mark.hash:
                return mark
        return None

    def _read(self, reached: int, last: int, head: Block) -> tuple[list[Seen], bool]:
        """Read on to block `last`, and the last few again; return what is new, and whether what was
        known is no more.
        """
        first = max(reached + 1 - LOOK_BACK, self._first_block)
        found = self._events(first, last)
        block = head if last == head.number else self.chain.block(last)
        again = self.chain.block(last)
        if again.hash != block.hash:
            raise RpcNonsense(f"{self.chain.name} was reorganised while it was read", "read again")
        known = self.archive.events_since(first)
        fresh = [one for one in found if one.block > reached]
        has_changed = known != [one for one in found if one.block <= reached]
        mark = Mark(block.number, block.hash)
        marks = [one for one in self.archive.marks(first) if one.number <= reached]
        self.archive.replace_from(first, found, [*marks, mark], head.number - MARKS_KEPT)
        return fresh, has_changed

    def _events(self, first: int, last: int) -> list[Seen]:
        logs = self.chain.logs_of([*self._contracts], self._topics, first, last)  # type: ignore[list-item]
        found, times = self._understood(logs)
        times |= self.chain.timestamps({told.block for told in found} - times.keys())
        places = {(told.block, told.log_index) for told in found}
        if len(places) < len(found) or any(not first <= block <= last for block, _ in places):
            raise self._unreadable("twice, or of other blocks")
        events = [_seen(told, times[told.block]) for told in found]
        return sorted(events, key=lambda one: (one.block, one.log_index))

    def _understood(self, logs: Sequence[Log]) -> tuple[list[Told], dict[int, int]]:
        """Return what logs tell, and the times of their blocks, where newer nodes tell them too."""
        found, times = [], {}
        try:
            for log in logs:
                contract = self._contracts.get(log["address"].lower())
                if contract and (told := contract.event_of(log)):
                    found.append(told)
                    if time := log.get("blockTimestamp"):
                        times[told.block] = int(time, 16)
        except Exception as error:  # eth_abi has many kinds
            raise self._unreadable(repr(error)) from error
        return found, times

    def _unreadable(self, why: str) -> RpcNonsense:
        return RpcNonsense(
            f"the {self.chain.name} RPC at {self.chain.url} gave logs that can't be ({why})",
            "use another RPC",
        )


def _seen(told: Told, at: int) -> Seen:
    """Return an event as it comes back from the archive."""
    transaction = tohex(told.transaction)
    return Seen(told.block, told.log_index, at, told.name, _plain(told.values), transaction)


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    """Return an event's values as they come back from the archive: a tuple is a list there."""
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, tuple | list):
        return [_plain_value(one) for one in value]
    return f"0x{value.hex()}" if isinstance(value, bytes) else value
