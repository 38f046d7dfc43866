# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title positions
@license AGPL-3.0-only
@notice One position: what it owes and gains, and what a fill makes of it.
@dev Numbers are wads. Stored ones lie on coarser grids, so that a position fits one word: sizes on
     SIZE_UNIT, costs on MONEY_UNIT, entries on ENTRY_UNIT. Going to the grid favours the pool.

     Each side of a market has one index of what it owes for time, per notional: funding (which
     the lighter side is paid, so its index may fall) and borrowing together. A position keeps the
     index of its side at its last settlement, its entry.
"""

from contracts.math import wad

struct Position:
    size: int256  # base wad, long above zero
    cost: uint256  # quote wad: the size at its average entry price
    entry: int256  # wad


SIZE_UNIT: constant(uint256) = 10**9  # base wad
MONEY_UNIT: constant(uint256) = 10**9  # quote wad
ENTRY_UNIT: constant(uint256) = 10**8  # wad of an index


@internal
@pure
def _signed_cost(position: Position) -> int256:
    """
    @notice The cost with the sign of the size.
    """
    cost: int256 = convert(position.cost, int256)
    return cost if position.size >= 0 else -cost


@internal
@pure
def _to_grid_down(x: int256, unit: uint256) -> int256:
    """
    @notice The nearest point of the grid at or below x.
    """
    return wad._signed_mul_div_floor(x, 1, unit) * convert(unit, int256)


@internal
@pure
def _to_grid_up(x: int256, unit: uint256) -> int256:
    """
    @notice The nearest point of the grid at or above x.
    """
    return wad._signed_mul_div_ceil(x, 1, unit) * convert(unit, int256)


@internal
@pure
def _notional(size: int256, price: uint256) -> uint256:
    """
    @notice The absolute size at a price; quote wad, rounded up.
    """
    return wad._mul_up(wad._magnitude(size), price)


@internal
@pure
def _result(position: Position, price: uint256) -> int256:
    """
    @notice The open result at a price; quote wad, rounded down; owed amounts apart.
    """
    return wad._signed_mul_floor(position.size, convert(price, int256)) - self._signed_cost(position)


@internal
@pure
def _owed(position: Position, index: int256, price: uint256) -> int256:
    """
    @notice What the position owes for the time since its last settlement; quote wad, rounded up;
            below zero it is owed to it.
    @dev |size| * (index - entry) * price. Fits while the notional stays within 1e36 and the growth
         within 5.7e22, which is five hundred years at the highest rates.
    @param index Wad, of the position's side.
    """
    worth: int256 = convert(wad._magnitude(position.size) * price, int256)
    return wad._signed_mul_div_ceil(worth, index - position.entry, wad.WAD * wad.WAD)


@internal
@pure
def _closing_size(size: int256, size_delta: int256) -> uint256:
    """
    @notice How much of a position a trade closes; base wad.
    """
    if size == 0 or (size ^ size_delta) >= 0:
        return 0
    return min(wad._magnitude(size), wad._magnitude(size_delta))


@internal
@pure
def _increases(size: int256, size_delta: int256) -> bool:
    """
    @notice Whether a fill adds risk: it opens, adds to, or flips a position.
    """
    return self._closing_size(size, size_delta) < wad._magnitude(size_delta)


@internal
@pure
def _closed(position: Position, closing: uint256, price: uint256) -> (int256, uint256):
    """
    @notice The result of closing `closing` of a position, and the cost that stays behind.
    @dev The cost that goes is rounded against the trader: up for a long, down for a short.
    """
    if closing == 0:
        return 0, position.cost
    size: uint256 = wad._magnitude(position.size)
    gone: uint256 = position.cost
    if closing < size:
        if position.size > 0:
            gone = wad._mul_div_up(position.cost // MONEY_UNIT, closing, size) * MONEY_UNIT
        else:
            gone = wad._mul_div_down(position.cost // MONEY_UNIT, closing, size) * MONEY_UNIT
    part: int256 = convert(closing, int256)
    if position.size < 0:
        part = -part
    realised: int256 = self._result(Position(size=part, cost=gone, entry=0), price)
    return realised, position.cost - gone


@internal
@pure
def _filled(
    position: Position, size_delta: int256, price: uint256, index_after: int256
) -> (Position, int256):
    """
    @notice A settled position after a fill, and the result that the fill realises; quote wad.
    @param index_after Of the side on which the position is afterwards.
    """
    closing: uint256 = self._closing_size(position.size, size_delta)
    realised: int256 = 0
    cost: uint256 = 0
    realised, cost = self._closed(position, closing, price)
    opening: uint256 = wad._magnitude(size_delta) - closing
    if size_delta > 0:
        cost += wad._mul_div_up(opening, price, wad.WAD * MONEY_UNIT) * MONEY_UNIT
    else:
        cost += wad._mul_div_down(opening, price, wad.WAD * MONEY_UNIT) * MONEY_UNIT
    size: int256 = position.size + size_delta
    if size == 0:
        return empty(Position), realised
    return (
        Position(size=size, cost=cost, entry=self._to_grid_down(index_after, ENTRY_UNIT)),
        realised,
    )
