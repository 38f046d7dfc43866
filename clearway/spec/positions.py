"""One position: what it owes and gains, and what a fill makes of it.

Numbers are wads. Stored ones lie on coarser grids, so that a position fits one word on chain: sizes
on SIZE_UNIT, costs on MONEY_UNIT, entries on ENTRY_UNIT. Going to the grid favours the pool.

Each side of a market has one index of what it owes for time, per notional: funding (which the
lighter side is paid, so its index may fall) and borrowing together. A position keeps the index of
its side at its last settlement, its entry.
"""

from dataclasses import dataclass

from clearway.spec import wad

SIZE_UNIT = 10**9  # base wad
MONEY_UNIT = 10**9  # quote wad
ENTRY_UNIT = 10**8  # wad of an index


@dataclass(frozen=True)
class Position:
    """A signed size, what it cost, and its side's index at its last settlement."""

    size: int = 0  # base wad, long above zero
    cost: int = 0  # quote wad, never below zero: the size at its average entry price
    entry: int = 0  # wad


def signed_cost(position: Position) -> int:
    """Return the cost with the sign of the size."""
    return position.cost if position.size >= 0 else -position.cost


def to_grid_down(x: int, unit: int) -> int:
    """Return the nearest point of the grid at or below x."""
    return x // unit * unit


def to_grid_up(x: int, unit: int) -> int:
    """Return the nearest point of the grid at or above x."""
    return -(-x // unit) * unit


def notional(size: int, price: int) -> int:
    """Return the absolute size at a price, rounded up."""
    return wad.mul_up(abs(size), price)


def result(position: Position, price: int) -> int:
    """Return the open result at a price, rounded down; owed amounts apart."""
    return wad.signed_mul_floor(position.size, price) - signed_cost(position)


def owed(position: Position, index: int, price: int) -> int:
    """Return what the position owes for the time since its last settlement, rounded up.

    Below zero it is owed to it. `index` is that of its side.
    """
    worth = abs(position.size) * price
    return wad.signed_mul_div_ceil(worth, index - position.entry, wad.WAD**2)


def closing_size(size: int, size_delta: int) -> int:
    """Return how much of a position a trade closes; base wad, unsigned."""
    return min(abs(size), abs(size_delta)) if size * size_delta < 0 else 0


def increases(size: int, size_delta: int) -> bool:
    """Tell whether a fill adds risk: it opens, adds to, or flips a position."""
    return closing_size(size, size_delta) < abs(size_delta)


def closed(position: Position, closing: int, price: int) -> tuple[int, int]:
    """Return the result of closing `closing` of a position, and the cost that stays behind.

    The cost that goes is rounded against the trader: up for a long, down for a short.
    """
    if closing == 0:
        return 0, position.cost
    if closing == abs(position.size):
        gone = position.cost
    elif position.size > 0:
        gone = wad.mul_div_up(position.cost // MONEY_UNIT, closing, position.size) * MONEY_UNIT
    else:
        gone = wad.mul_div_down(position.cost // MONEY_UNIT, closing, -position.size) * MONEY_UNIT
    part = Position(closing if position.size > 0 else -closing, gone)
    return result(part, price), position.cost - gone


def filled(
    position: Position, size_delta: int, price: int, index_after: int
) -> tuple[Position, int]:
    """Return a settled position after a fill, and the result that the fill realises.

    `index_after` is that of the side on which the position is afterwards.
    """
    closing = closing_size(position.size, size_delta)
    realised, cost = closed(position, closing, price)
    worth = (abs(size_delta) - closing) * price
    if size_delta > 0:
        cost += wad.mul_div_up(worth, 1, wad.WAD * MONEY_UNIT) * MONEY_UNIT
    else:
        cost += wad.mul_div_down(worth, 1, wad.WAD * MONEY_UNIT) * MONEY_UNIT
    size = position.size + size_delta
    if size == 0:
        return Position(), realised
    return Position(size, cost, to_grid_down(index_after, ENTRY_UNIT)), realised
