"""Which orders are due, and which of them go together.

Decided from the chain's time alone. The rules are the order book's: a report prices an order from
its second on, for ten minutes; after that a reduction fills by an aggregator's round, for a day;
then nothing is left but to clear it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from clearway.keeper.tiles import tile_of
from clearway.spec.state import DELAY, REDUCE_WINDOW, SIGNED_WINDOW, SLOT_ROOM

MOST = 50  # orders of a batch


@dataclass(frozen=True)
class Committed:
    """A committed order, as far as a keeper needs it."""

    id: int  # its account plus its slot
    market: int
    fills_at: int  # the second whose report prices it
    is_reduce_only: bool

    @property
    def account(self) -> int:
        return self.id // SLOT_ROOM * SLOT_ROOM

    @property
    def slot(self) -> int:
        return self.id % SLOT_ROOM

    @property
    def committed_at(self) -> int:
        return self.fills_at - DELAY


class Stage(Enum):
    """What can be done with an order."""

    YOUNG = "too young"
    BY_REPORT = "by report"
    BY_ROUND = "by round"
    OVER = "over"


@dataclass(frozen=True)
class Batch:
    """Orders of one market that one report prices: ascending, one of an account."""

    market: int
    tile: int
    ids: tuple[int, ...]


def stage(order: Committed, now: int) -> Stage:
    """Return what can be done with an order at the chain's time `now`."""
    if now < order.fills_at:
        return Stage.YOUNG
    if now <= order.committed_at + SIGNED_WINDOW:
        return Stage.BY_REPORT
    window = REDUCE_WINDOW if order.is_reduce_only else SIGNED_WINDOW
    return Stage.BY_ROUND if now <= order.committed_at + window else Stage.OVER


def batches(
    orders: Iterable[Committed], now: int, tile_length: int, alone: Iterable[int] = ()
) -> list[Batch]:
    """Return the orders that a report can price now, oldest first.

    Those in `alone`, which failed in company, get a batch each, after the others of their second.
    """
    apart = set(alone)
    groups: dict[tuple[int, int], list[Committed]] = defaultdict(list)
    for order in orders:
        if stage(order, now) is Stage.BY_REPORT:
            groups[tile_of(order.fills_at, tile_length), order.market].append(order)
    found = []
    for (tile, market), group in sorted(groups.items()):
        together = [order for order in group if order.id not in apart]
        found += [Batch(market, tile, ids) for ids in _parts(together)]
        found += [Batch(market, tile, (order.id,)) for order in group if order.id in apart]
    return found


def _parts(orders: Sequence[Committed]) -> list[tuple[int, ...]]:
    """Part orders so that each part has one of an account, and no more than fit."""
    by_account: dict[int, list[Committed]] = defaultdict(list)
    for order in sorted(orders, key=lambda order: (order.fills_at, order.id)):
        by_account[order.account].append(order)
    rounds: list[list[int]] = []
    for account in sorted(by_account):
        for number, order in enumerate(by_account[account]):
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(order.id)
    return [
        tuple(ids[start : start + MOST]) for ids in rounds for start in range(0, len(ids), MOST)
    ]


def in_stage(orders: Iterable[Committed], wanted: Stage, now: int) -> list[Committed]:
    """Return the orders of one stage, oldest first."""
    found = [order for order in orders if stage(order, now) is wanted]
    return sorted(found, key=lambda order: (order.fills_at, order.id))
