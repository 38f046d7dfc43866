# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title appraisal
@license AGPL-3.0-only
@notice What an account has and needs: its equity against its margins, position by position.
"""

from contracts.math import margin_math
from contracts.math import positions
from contracts.math import wad
from contracts.modules import custody
from contracts.modules import order_words
from contracts.modules import parameter_words

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
    @dev Not checked: a margin is within 2^160, an escrow below 2^97.
    """
    equity: int256 = unsafe_add(holder.margin, convert(convert(holder.escrow, bytes32), int256))
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
    second: uint256,
    index: int256,
) -> Appraisal:
    """
    @notice An appraisal and one position more.
    @param second Of the market's words of parameters.
    @dev Not checked: sums over 32 positions at most, of numbers that a division by a wad made
         smaller than 2^200.
    @param index That of the position's side; wad.
    """
    after: Appraisal = found
    result: int256 = positions._result(position, price)
    counted: int256 = self._counted(result, second)
    owed: int256 = positions._owed(position, index, price)
    worth: uint256 = positions._notional(position.size, price)
    initial: uint256 = self._initial(second, worth)
    after.equity = unsafe_add(after.equity, unsafe_sub(result, owed))
    after.backing = unsafe_add(after.backing, unsafe_sub(counted, owed))
    lost: int256 = unsafe_sub(max(owed, 0), min(result, 0))
    held: int256 = convert(convert(initial, bytes32), int256)
    after.free = unsafe_sub(after.free, unsafe_add(lost, held))
    after.initial = unsafe_add(after.initial, initial)
    after.linear = unsafe_add(
        after.linear,
        margin_math._linear_requirement(worth, parameter_words._maintenance_ratio(second)),
    )
    after.quadratic = unsafe_add(
        after.quadratic,
        margin_math._quadratic_requirement(worth, parameter_words._maintenance_slope(second)),
    )
    after.penalty = unsafe_add(
        after.penalty,
        margin_math._linear_requirement(worth, parameter_words._penalty_ratio(second)),
    )
    return after


@internal
@pure
def _counted(result: int256, second: uint256) -> int256:
    """
    @notice An open result, cut to its market's ratio if it is a profit; quote wad, rounded down.
    @param second Of the market's words of parameters.
    @dev Not checked: a result is below 2^160, a ratio below 2^64.
    """
    if result <= 0:
        return result
    share: int256 = convert(convert(parameter_words._profit_ratio(second), bytes32), int256)
    return wad._signed_div_floor(unsafe_mul(result, share), wad.SIGNED_WAD)


@internal
@pure
def _spare(found: Appraisal) -> int256:
    """
    @notice What backs an account above its initial margin; quote wad. An increase may not leave it
            below zero.
    @dev Not checked: either part is below 2^200.
    """
    return unsafe_sub(found.backing, convert(convert(found.initial, bytes32), int256))


@internal
@pure
def _spare_of(
    position: positions.Position, price: uint256, second: uint256, index: int256
) -> int256:
    """
    @notice What one position adds to that; quote wad.
    @param second Of the market's words of parameters.
    @param index That of the position's side; wad.
    @dev Not checked: all of it is below 2^200.
    """
    counted: int256 = self._counted(positions._result(position, price), second)
    initial: uint256 = self._initial(second, positions._notional(position.size, price))
    held: int256 = convert(convert(initial, bytes32), int256)
    return unsafe_sub(unsafe_sub(counted, positions._owed(position, index, price)), held)


@internal
@pure
def _initial(second: uint256, worth: uint256) -> uint256:
    """
    @notice The initial margin of a notional; quote wad.
    @param second Of the market's words of parameters.
    """
    return margin_math._requirement(
        worth, parameter_words._initial_ratio(second), parameter_words._initial_slope(second)
    )


@internal
@pure
def _escrow(
    first: uint256,
    second: uint256,
    size_delta: int256,
    price: uint256,
    is_reduce_only: bool,
    keeper_fee: uint256,
) -> uint256:
    """
    @notice What an order will need: its fees, and initial margin if it may increase; quote wad, on
            the grid of escrows.
    @dev The size and the price are checked, for nobody has judged yet what an order says.
    """
    worth: uint256 = wad._mul_up(wad._magnitude(size_delta), price)
    needed: uint256 = keeper_fee + wad._mul_up(worth, parameter_words._taker_fee(first))
    if not is_reduce_only:
        needed += self._initial(second, worth)
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
    @dev Not checked: either part is below 2^200.
    """
    return convert(convert(unsafe_add(found.linear, found.quadratic), bytes32), int256)


@internal
@pure
def _is_below_maintenance(found: Appraisal) -> bool:
    return found.equity < self._maintenance(found)
