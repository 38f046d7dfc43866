"""Which seconds a report speaks of, when they are over, and whose turn it is to gather it.

A tile is named by the second that ends it, a multiple of the tile's length.
"""

from clearway.spec.state import DELAY

FRESH = 10  # seconds: a price that is older is called stale
STALE = FRESH - 4  # seconds: a price that old may be stale when a transaction lands
WINDOW = 600  # seconds: no order fills by a report that is older
SHORT_GAP = 60  # seconds without a publisher, or without a block, that are made up for whole


def tile_of(second: int, length: int) -> int:
    """Return the tile that a second belongs to."""
    return -(-second // length) * length


def newest_over(now: int, length: int) -> int:
    """Return the newest tile that is over at the chain's time `now`."""
    return now // length * length


def due(before: int, now: int, length: int) -> list[int]:
    """Return the tiles to report when the chain's time went from `before` to `now`.

    Where it jumps far, most seconds are nobody's: the orders committed before it need the first
    of them, and whoever needs a fresh price the last.
    """
    first, last = newest_over(before, length) + length, newest_over(now, length)
    if last - first <= SHORT_GAP:
        return list(range(first, last + 1, length))
    needed_by_orders = range(first, tile_of(before + 2 * DELAY, length) + 1, length)
    fresh = range(newest_over(now - FRESH, length) + length, last + 1, length)
    return [*needed_by_orders, *fresh]


def rank(tile: int, length: int, place: int, publishers: int) -> int:
    """Return after how many silences the publisher at `place` gathers the report of a tile."""
    return (place - tile // length) % publishers


def may_gather(
    tile: int, length: int, place: int, publishers: int, waited: float, silence: float
) -> bool:
    """Tell whether it is a publisher's turn, `waited` seconds after the tile was first seen over.

    Once it is, it stays so: a report is wanted from whoever can make it.
    """
    return waited >= rank(tile, length, place, publishers) * silence
