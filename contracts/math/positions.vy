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

     Not checked, where it says so: sizes are below 2^108, with all of a batch on one side; costs
     and prices below 2^102; indices and entries below 2^82.
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
    @dev Not checked, for the sign has one bit.
    """
    sign: int256 = (position.size >> 255) | 1
    return unsafe_mul(convert(convert(position.cost, bytes32), int256), sign)


@internal
@pure
def _to_grid_down(x: int256, unit: uint256) -> int256:
    """
    @notice The nearest point of the grid at or below x.
    @dev Not checked: x is within 2^254, and a unit far below that.
    """
    step: int256 = convert(convert(unit, bytes32), int256)
    return unsafe_mul(wad._signed_div_floor(x, step), step)


@internal
@pure
def _to_grid_up(x: int256, unit: uint256) -> int256:
    """
    @notice The nearest point of the grid at or above x.
    @dev Not checked, as in `_to_grid_down`.
    """
    step: int256 = convert(convert(unit, bytes32), int256)
    return unsafe_mul(wad._signed_div_ceil(x, step), step)


@internal
@pure
def _notional(size: int256, price: uint256) -> uint256:
    """
    @notice The absolute size at a price; quote wad, rounded up.
    @dev Not checked: a size times a price.
    """
    return wad._div_up(unsafe_mul(wad._magnitude(size), price), wad.WAD)


@internal
@pure
def _result(position: Position, price: uint256) -> int256:
    """
    @notice The open result at a price; quote wad, rounded down; owed amounts apart.
    @dev Not checked: a size times a price.
    """
    worth: int256 = unsafe_mul(position.size, convert(convert(price, bytes32), int256))
    return unsafe_sub(wad._signed_div_floor(worth, wad.SIGNED_WAD), self._signed_cost(position))


@internal
@pure
def _owed(position: Position, index: int256, price: uint256) -> int256:
    """
    @notice What the position owes for the time since its last settlement; quote wad, rounded up;
            below zero it is owed to it.
    @dev |size| * (index - entry) * price. Fits while the notional stays within 1e36 and the growth
         within 5.7e22, which is five hundred years at the highest rates. Not checked: a size times
         a price, and the growth itself.
    @param index Wad, of the position's side.
    """
    worth: uint256 = unsafe_mul(wad._magnitude(position.size), price)
    due: int256 = convert(convert(worth, bytes32), int256) * unsafe_sub(index, position.entry)
    return wad._signed_div_ceil(due, wad.SIGNED_WAD * wad.SIGNED_WAD)


@internal
@pure
def _closing_size(size: int256, size_delta: int256) -> uint256:
    """
    @notice How much of a position a trade closes; base wad.
    """
    if (size ^ size_delta) >= 0:
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
         Not checked: a cost in its units times a size; a part is no more than the whole, and so
         is its cost.
    """
    if closing == 0:
        return 0, position.cost
    size: uint256 = wad._magnitude(position.size)
    gone: uint256 = position.cost
    if closing < size:
        product: uint256 = unsafe_mul(unsafe_div(position.cost, MONEY_UNIT), closing)
        if position.size > 0:
            gone = unsafe_mul(wad._div_up(product, size), MONEY_UNIT)
        else:
            gone = unsafe_mul(unsafe_div(product, size), MONEY_UNIT)
    part: int256 = convert(convert(closing, bytes32), int256)
    if position.size < 0:
        part = unsafe_sub(0, part)
    realised: int256 = self._result(Position(size=part, cost=gone, entry=0), price)
    return realised, unsafe_sub(position.cost, gone)


@internal
@pure
def _filled(
    position: Position, size_delta: int256, price: uint256, index_after: int256
) -> (Position, int256):
    """
    @notice A settled position after a fill, and the result that the fill realises; quote wad.
    @dev Not checked: a size times a price; what is closed is no more than the trade.
    @param index_after Of the side on which the position is afterwards.
    """
    closing: uint256 = self._closing_size(position.size, size_delta)
    realised: int256 = 0
    cost: uint256 = 0
    realised, cost = self._closed(position, closing, price)
    opening: uint256 = unsafe_sub(wad._magnitude(size_delta), closing)
    worth: uint256 = unsafe_mul(opening, price)
    if size_delta > 0:
        worth = wad._div_up(worth, wad.WAD * MONEY_UNIT)
    else:
        worth = unsafe_div(worth, wad.WAD * MONEY_UNIT)
    cost = unsafe_add(cost, unsafe_mul(worth, MONEY_UNIT))
    size: int256 = unsafe_add(position.size, size_delta)
    if size == 0:
        return empty(Position), realised
    return (
        Position(size=size, cost=cost, entry=self._to_grid_down(index_after, ENTRY_UNIT)),
        realised,
    )
