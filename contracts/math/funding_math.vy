# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title funding_math
@license AGPL-3.0-only
@notice What the lighter side and the vault are paid for carrying the skew.
@dev The rate is what longs pay, per day and per notional. It moves in a straight line, as steep
     as the skew is large, until it meets its cap. The index is its integral: a number, free of
     the price, which enters once, when a position is settled.

     Not checked, where it says so: scales are below 2^103, rates and caps below 2^68, velocities
     below 2^72 and times below 2^33, which is 270 years.
"""

from contracts.math import wad

DAY: constant(uint256) = 86_400  # seconds
SIGNED_DAY: constant(int256) = 86_400


@internal
@pure
def _velocity(skew: int256, scale: uint256, max_velocity: uint256) -> int256:
    """
    @notice max_velocity * skew / scale, within +-max_velocity; wad per day^2, truncated, so that
            a long and a short skew move the rate alike.
    @dev Not checked: a scale times a velocity.
    @param skew Base wad.
    @param scale Base wad above zero: the skew from which the rate moves fastest.
    @param max_velocity Wad per day^2.
    """
    signed_scale: int256 = convert(convert(scale, bytes32), int256)
    clamped: int256 = max(unsafe_sub(0, signed_scale), min(skew, signed_scale))
    return unsafe_mul(clamped, convert(convert(max_velocity, bytes32), int256)) // signed_scale


@internal
@pure
def _rate_after(rate: int256, velocity: int256, elapsed: uint256, cap: uint256) -> int256:
    """
    @notice The rate `elapsed` seconds later, within +-cap; wad per day. The change is truncated:
            it is less than one unit short of the exact one.
    @dev Not checked: a velocity times a time.
    @param rate Wad per day, within +-cap.
    @param velocity Wad per day^2.
    @param elapsed Seconds.
    @param cap Wad per day.
    """
    moved: int256 = unsafe_mul(velocity, convert(convert(elapsed, bytes32), int256))
    change: int256 = unsafe_div(moved, SIGNED_DAY)
    signed_cap: int256 = convert(convert(cap, bytes32), int256)
    return max(unsafe_sub(0, signed_cap), min(unsafe_add(rate, change), signed_cap))


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
         For rates within 1e20 a day, velocities within 1e21 and 100 years all stays below 1e51,
         and is not checked.
    @param rate Wad per day, within +-cap; where a cap is lowered, _rate_after with no time
           elapsed brings the rate within it.
    """
    signed_elapsed: int256 = convert(convert(elapsed, bytes32), int256)
    sign: int256 = (velocity >> 255) | 1
    speed: uint256 = wad._magnitude(velocity)
    # To c, per day
    directed: int256 = unsafe_mul(sign, rate)
    distance: uint256 = unsafe_sub(cap, convert(convert(directed, bytes32), uint256))
    change: uint256 = unsafe_mul(speed, elapsed)

    if change <= unsafe_mul(distance, DAY):
        doubled: int256 = unsafe_add(
            unsafe_mul(rate, 2 * SIGNED_DAY), unsafe_mul(velocity, signed_elapsed)
        )
        return wad._signed_div_floor(
            unsafe_mul(doubled, signed_elapsed), 2 * SIGNED_DAY * SIGNED_DAY
        )

    rectangle: uint256 = unsafe_mul(unsafe_mul(2, cap), change)
    triangle: uint256 = unsafe_mul(unsafe_mul(distance, distance), DAY)
    area: int256 = convert(convert(unsafe_sub(rectangle, triangle), bytes32), int256)
    doubled_speed: uint256 = unsafe_mul(unsafe_mul(2, speed), DAY)
    return wad._signed_div_floor(
        unsafe_mul(sign, area), convert(convert(doubled_speed, bytes32), int256)
    )
