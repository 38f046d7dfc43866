# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title funding_math
@license AGPL-3.0-only
@notice What the lighter side and the vault are paid for carrying the skew.
@dev The rate is what longs pay, per day and per notional. It moves in a straight line, as steep
     as the skew is large, until it meets its cap. The index is its integral: a number, free of
     the price, which enters once, when a position is settled.
"""

from contracts.math import wad

DAY: constant(uint256) = 86_400  # seconds


@internal
@pure
def _velocity(skew: int256, scale: uint256, max_velocity: uint256) -> int256:
    """
    @notice max_velocity * skew / scale, within +-max_velocity; wad per day^2, truncated, so that
            a long and a short skew move the rate alike.
    @param skew Base wad.
    @param scale Base wad above zero: the skew from which the rate moves fastest.
    @param max_velocity Wad per day^2.
    """
    signed_scale: int256 = convert(scale, int256)
    clamped: int256 = max(-signed_scale, min(skew, signed_scale))
    return wad._signed_mul_div_truncated(clamped, convert(max_velocity, int256), scale)


@internal
@pure
def _rate_after(rate: int256, velocity: int256, elapsed: uint256, cap: uint256) -> int256:
    """
    @notice The rate `elapsed` seconds later, within +-cap; wad per day. The change is truncated:
            it is less than one unit short of the exact one.
    @param rate Wad per day, within +-cap.
    @param velocity Wad per day^2.
    @param elapsed Seconds.
    @param cap Wad per day.
    """
    change: int256 = wad._signed_mul_div_truncated(velocity, convert(elapsed, int256), DAY)
    signed_cap: int256 = convert(cap, int256)
    return max(-signed_cap, min(rate + change, signed_cap))


@internal
@pure
def _index_growth(rate: int256, velocity: int256, elapsed: uint256, cap: uint256) -> int256:
    """
    @notice The integral over `elapsed` seconds of the rate on its line and at its cap; wad,
            exact but for one floor. The index is nobody's: what the floor takes from one side
            it gives to the other, a unit per touch.
    @dev In days, with r the rate, v the velocity and T the time: r T + v T^2 / 2 while the cap
         isn't met. Else let c be the cap with the sign of v. The line would reach it after
         t = (c - r) / v; up to there it encloses with c the triangle (c - r) t / 2, and so the
         integral is c T - (c - r)^2 / (2 v). A change of sign of the rate is part of the line.
         For rates within 1e20 a day, velocities within 1e21 and 100 years all stays below 1e51.
    @param rate Wad per day, within +-cap; where a cap is lowered, _rate_after with no time
           elapsed brings the rate within it.
    """
    signed_elapsed: int256 = convert(elapsed, int256)
    sign: int256 = -1 if velocity < 0 else 1
    speed: uint256 = wad._magnitude(velocity)
    distance: uint256 = convert(convert(cap, int256) - sign * rate, uint256)  # to c, per day

    if speed * elapsed <= distance * DAY:
        doubled: int256 = 2 * rate * convert(DAY, int256) + velocity * signed_elapsed
        return wad._signed_mul_div_floor(doubled, signed_elapsed, 2 * DAY * DAY)

    rectangle: int256 = convert(2 * cap * speed * elapsed, int256)
    triangle: int256 = convert(distance * distance * DAY, int256)
    return wad._signed_mul_div_floor(sign, rectangle - triangle, 2 * speed * DAY)
