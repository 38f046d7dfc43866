# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title margin_math
@license AGPL-3.0-only
@notice How much equity a position must have behind it: a * N + c * N^2 for a notional N.
@dev The two parts are rounded up apart. So the requirement of an account is, to the unit, the
     sum of its linear and of its quadratic parts, from which liquidation_math solves for what
     to close; and it is less than two units a position above the exact one.
"""

from contracts.math import wad


@internal
@pure
def _linear_requirement(notional: uint256, ratio: uint256) -> uint256:
    """
    @notice a * N; quote wad, rounded up.
    @dev Not checked: a notional is below 2^150, a ratio below 2^64.
    @param notional Quote wad.
    @param ratio Wad: what the smallest position needs, per notional.
    """
    return wad._div_up(unsafe_mul(notional, ratio), wad.WAD)


@internal
@pure
def _quadratic_requirement(notional: uint256, slope: uint256) -> uint256:
    """
    @notice c * N^2; quote wad, rounded up.
    @dev Fits while the slope stays within 1e5 for a notional of 1e36, or within 1e17 for 1e30,
         either of which asks for far more than the notional itself.
    @param slope Wad per one quote: what each further quote of notional adds to the ratio.
    """
    return wad._div_up(notional * notional * slope, wad.WAD * wad.WAD)


@internal
@pure
def _requirement(notional: uint256, ratio: uint256, slope: uint256) -> uint256:
    """
    @notice The equity that one position needs; quote wad, rounded up.
    @dev Not checked: either part was divided by a wad.
    """
    return unsafe_add(
        self._linear_requirement(notional, ratio), self._quadratic_requirement(notional, slope)
    )


@internal
@pure
def _leverage(notional: uint256, equity: int256) -> uint256:
    """
    @notice notional / equity; wad, rounded up. No notional has no leverage, and a notional that
            no equity stands behind has the greatest.
    @param notional Quote wad.
    @param equity Quote wad.
    """
    if notional == 0:
        return 0
    if equity <= 0:
        return max_value(uint256)
    return wad._mul_div_up(notional, wad.WAD, convert(equity, uint256))


@internal
@pure
def _ramped(
    before: uint256, after: uint256, started_at: uint256, ends_at: uint256, now: uint256
) -> uint256:
    """
    @notice A parameter on its straight way from `before` to `after`, in the unit of both.
    @dev Rounded towards `before`. What is tightened ramps in, and is never stricter than its line.
         A ramp that ends as it starts is over at once.
    @param started_at Timestamp, at most `ends_at`.
    @param ends_at Timestamp.
    @param now Timestamp.
    """
    if now >= ends_at:
        return after
    if now <= started_at:
        return before
    elapsed: uint256 = now - started_at
    length: uint256 = ends_at - started_at
    if after > before:
        return before + wad._mul_div_down(after - before, elapsed, length)
    return before - wad._mul_div_down(before - after, elapsed, length)
