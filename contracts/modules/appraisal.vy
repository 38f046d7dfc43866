# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title appraisal
@license AGPL-3.0-only
@notice What an account has and needs: its equity against its margins, position by position.
"""

from interfaces import IPerpetualMarket
from contracts.math import margin_math
from contracts.math import positions
from contracts.math import wad
from contracts.modules import book
from contracts.modules import custody
from contracts.modules import order_words

struct Appraisal:
    equity: int256  # margin, escrow and open results less what is owed
    backing: int256  # the same, with each open profit cut to its market's ratio
    free: int256  # margin less open losses, what is owed and initial margin
    initial: uint256
    linear: uint256  # the parts of the maintenance margin
    quadratic: uint256
    penalty: uint256  # of closing all


@internal
@pure
def _of_nothing(holder: custody.Account) -> Appraisal:
    """
    @notice The appraisal of an account before its positions.
    """
    equity: int256 = holder.margin + convert(holder.escrow, int256)
    return Appraisal(
        equity=equity,
        backing=equity,
        free=holder.margin,
        initial=0,
        linear=0,
        quadratic=0,
        penalty=0,
    )


@internal
@pure
def _with_position(
    found: Appraisal,
    position: positions.Position,
    price: uint256,
    p: IPerpetualMarket.Parameters,
    index: int256,
) -> Appraisal:
    """
    @notice An appraisal and one position more.
    @param index That of the position's side; wad.
    """
    after: Appraisal = found
    result: int256 = positions._result(position, price)
    counted: int256 = result
    if result > 0:
        counted = wad._signed_mul_floor(result, convert(p.profit_ratio, int256))
    owed: int256 = positions._owed(position, index, price)
    worth: uint256 = positions._notional(position.size, price)
    initial: uint256 = margin_math._requirement(worth, p.initial_ratio, p.initial_slope)
    after.equity += result - owed
    after.backing += counted - owed
    after.free += min(result, 0) - max(owed, 0) - convert(initial, int256)
    after.initial += initial
    after.linear += margin_math._linear_requirement(worth, p.maintenance_ratio)
    after.quadratic += margin_math._quadratic_requirement(worth, p.maintenance_slope)
    after.penalty += wad._mul_up(worth, p.penalty_ratio)
    return after


@internal
@pure
def _escrow(
    p: IPerpetualMarket.Parameters,
    size_delta: int256,
    price: uint256,
    is_reduce_only: bool,
    keeper_fee: uint256,
) -> uint256:
    """
    @notice What an order will need: its fees, and initial margin if it may increase; quote wad, on
            the grid of escrows.
    """
    worth: uint256 = positions._notional(size_delta, price)
    needed: uint256 = keeper_fee + wad._mul_up(worth, p.taker_fee)
    if not is_reduce_only:
        needed += margin_math._requirement(worth, p.initial_ratio, p.initial_slope)
    return wad._mul_div_up(needed, 1, order_words.ESCROW_UNIT) * order_words.ESCROW_UNIT


@internal
@pure
def _locked(margin: int256, needed: uint256, is_reduce_only: bool) -> uint256:
    """
    @notice What an order locks of what it needs. One that reduces locks what it can: a lack of
            margin doesn't stop it.
    """
    if not is_reduce_only:
        return needed
    return min(needed, custody._above_zero(margin) // order_words.ESCROW_UNIT * order_words.ESCROW_UNIT)


@internal
@pure
def _maintenance(found: Appraisal) -> int256:
    """
    @notice The equity that an account needs to stay as it is; quote wad.
    """
    return convert(found.linear + found.quadratic, int256)


@internal
@pure
def _is_below_maintenance(found: Appraisal) -> bool:
    return found.equity < self._maintenance(found)
