# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title positions
@license AGPL-3.0-only
@notice One position: what it owes and gains, and what a fill makes of it.
@dev Numbers are wads. Stored ones lie on coarser grids, so that a position fits one word: sizes on
     SIZE_UNIT, costs on COST_UNIT, index entries on ENTRY_UNIT. Going to the grid favours the pool.
"""

from contracts.math import borrowing_math
from contracts.math import funding_math
from contracts.math import wad

struct Position:
    size: int256  # base wad, long above zero
    cost: uint256  # quote wad: the size at its average entry price
    entry_funding: int256  # wad
    entry_borrowing: uint256  # wad


SIZE_UNIT: constant(uint256) = 10**9  # base wad
COST_UNIT: constant(uint256) = 10**9  # quote wad
ENTRY_UNIT: constant(uint256) = 10**5  # wad of an index


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
def _owed(
    position: Position, funding_index: int256, borrowing_index: uint256, price: uint256
) -> (int256, uint256):
    """
    @notice Funding (below zero if it is owed) and borrowing since the last settlement; quote wad,
            each rounded up.
    """
    return (
        funding_math._funding_owed(
            position.size, funding_index - position.entry_funding, price
        ),
        borrowing_math._borrowing_owed(
            wad._magnitude(position.size), borrowing_index - position.entry_borrowing, price
        ),
    )


@internal
@pure
def _closing_size(size: int256, size_delta: int256) -> uint256:
    """
    @notice How much of a position a trade closes; base wad.
    """
    if size == 0 or (size > 0) == (size_delta > 0):
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
            gone = wad._mul_div_up(position.cost // COST_UNIT, closing, size) * COST_UNIT
        else:
            gone = wad._mul_div_down(position.cost // COST_UNIT, closing, size) * COST_UNIT
    part: int256 = convert(closing, int256)
    if position.size < 0:
        part = -part
    realised: int256 = self._result(
        Position(size=part, cost=gone, entry_funding=0, entry_borrowing=0), price
    )
    return realised, position.cost - gone


@internal
@pure
def _filled(
    position: Position,
    size_delta: int256,
    price: uint256,
    funding_index: int256,
    borrowing_index_after: uint256,
) -> (Position, int256):
    """
    @notice A settled position after a fill, and the result that the fill realises; quote wad.
    @param borrowing_index_after Of the side on which the position is afterwards.
    """
    closing: uint256 = self._closing_size(position.size, size_delta)
    realised: int256 = 0
    cost: uint256 = 0
    realised, cost = self._closed(position, closing, price)
    size: int256 = position.size + size_delta
    opening: uint256 = wad._magnitude(size_delta) - closing
    if size_delta > 0:
        cost += wad._mul_div_up(opening, price, wad.WAD * COST_UNIT) * COST_UNIT
    else:
        cost += wad._mul_div_down(opening, price, wad.WAD * COST_UNIT) * COST_UNIT
    if size == 0:
        return empty(Position), realised
    entry_funding: int256 = self._to_grid_down(funding_index, ENTRY_UNIT)
    if size < 0:
        entry_funding = self._to_grid_up(funding_index, ENTRY_UNIT)
    return (
        Position(
            size=size,
            cost=cost,
            entry_funding=entry_funding,
            entry_borrowing=borrowing_index_after // ENTRY_UNIT * ENTRY_UNIT,
        ),
        realised,
    )
