# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title liquidation_prices
@license AGPL-3.0-only
@notice At which price of one of its markets an account becomes liquidatable, all others held.
@dev Pure. `docs/design.md` has the derivation.
"""

from contracts.math import positions
from contracts.math import price_words
from contracts.math import wad
from contracts.modules import appraisal
from contracts.modules import parameter_words

# No price is looked at at which a position is worth more: products would leave their type.
DEAREST: constant(uint256) = 10**32  # quote wad
PRICE_BITS: constant(uint256) = 100  # 2^100 is above the highest price
NONE_BELOW: constant(uint256) = 0
NONE_ABOVE: constant(uint256) = max_value(uint256)
SHIFT: constant(uint256) = 40  # bits that the root is computed beyond its unit


@internal
@pure
def _liquidation_price(
    rest: appraisal.Appraisal,
    position: positions.Position,
    second: uint256,
    index: int256,
) -> uint256:
    """
    @notice A long account is healthy at it and liquidatable one unit below it; a short one is
            healthy at it and liquidatable one unit above it. A long that no price makes
            liquidatable has 0, one that is liquidatable at all prices the greatest number; a short
            the other way round, or 0 where it is healthy at no price but that.
    @dev A gallop from the closed form, which is at most a few units of money off, in doubled
         strides to a price on the other side; then halving. A price has 100 bits, so neither takes
         more than 100 steps, whatever the closed form is worth.
    @param rest The account's appraisal without the position.
    @param second Of the market's words of parameters.
    """
    is_long: bool = position.size > 0
    highest: uint256 = min(
        price_words.HIGHEST_PRICE, DEAREST * wad.WAD // wad._magnitude(position.size)
    )
    estimate: uint256 = self._estimate(rest, position, second, index)
    if estimate == max_value(uint256) and is_long:
        return NONE_ABOVE
    near: uint256 = min(estimate, highest)
    is_healthy: bool = self._is_healthy(rest, position, near, second, index)
    # A healthy price is left towards the loss, another one towards the gain.
    is_down: bool = is_healthy == is_long
    far: uint256 = self._across(rest, position, near, is_healthy, is_down, highest, second, index)
    if far == near:
        return NONE_BELOW if is_down else NONE_ABOVE
    if is_healthy:
        return self._between(rest, position, near, far, second, index)
    return self._between(rest, position, far, near, second, index)


@internal
@pure
def _across(
    rest: appraisal.Appraisal,
    position: positions.Position,
    near: uint256,
    is_healthy: bool,
    is_down: bool,
    highest: uint256,
    second: uint256,
    index: int256,
) -> uint256:
    """
    @notice A price on the other side of the boundary, in doubled strides from one on this side;
            that one itself where there is none.
    """
    for bits: uint256 in range(PRICE_BITS + 1):
        far: uint256 = min(near + (1 << bits), highest)
        if is_down:
            far = near - min(1 << bits, near)
        if self._is_healthy(rest, position, far, second, index) != is_healthy:
            return far
    return near


@internal
@pure
def _between(
    rest: appraisal.Appraisal,
    position: positions.Position,
    healthy: uint256,
    unhealthy: uint256,
    second: uint256,
    index: int256,
) -> uint256:
    """
    @notice The last healthy price on the way to an unhealthy one, by halving.
    """
    good: uint256 = healthy
    bad: uint256 = unhealthy
    for _: uint256 in range(PRICE_BITS):
        middle: uint256 = (good + bad) // 2
        if middle == min(good, bad):
            break
        if self._is_healthy(rest, position, middle, second, index):
            good = middle
        else:
            bad = middle
    return good


@internal
@pure
def _is_healthy(
    rest: appraisal.Appraisal,
    position: positions.Position,
    price: uint256,
    second: uint256,
    index: int256,
) -> bool:
    return not appraisal._is_below_maintenance(
        appraisal._with_position(rest, position, price, second, index)
    )


@internal
@pure
def _estimate(
    rest: appraisal.Appraisal,
    position: positions.Position,
    second: uint256,
    index: int256,
) -> uint256:
    """
    @notice Where equity less maintenance, as real numbers, is zero; wad, rounded down. The
            greatest number where a long is healthy at no price, or a short at all.
    @dev With n the notional, K what is there at price zero, and b = +-1 - ratio - growth, that is
         K + b n - c n^2: healthy between its two zeros. A long's is the lower one, a short's the
         upper one. K = equity and maintenance of the rest less the signed cost. With the root r of
         b^2 + 4 c K they are (b -+ r) / 2 c, or 2 K / (-b +- r), of which that is taken which
         adds numbers of one sign.
    """
    is_long: bool = position.size > 0
    spare: int256 = (
        rest.equity - appraisal._maintenance(rest) - positions._signed_cost(position)
    )
    slope: int256 = convert(wad.WAD, int256) * (1 if is_long else -1)
    slope -= convert(parameter_words._maintenance_ratio(second), int256) + index - position.entry
    curve: int256 = convert(parameter_words._maintenance_slope(second), int256)
    inside: int256 = slope * slope + 4 * curve * spare
    if is_long:
        if spare >= 0:
            return 0
        if slope <= 0 or inside < 0:
            return max_value(uint256)
    elif spare < 0 and (slope <= 0 or inside < 0):
        return 0

    root: uint256 = isqrt(convert(inside, uint256) << (2 * SHIFT))
    steep: uint256 = wad._magnitude(slope) << SHIFT
    worth: uint256 = 0
    if is_long or slope < 0:
        worth = (2 * wad._magnitude(spare) * wad.WAD << SHIFT) // (steep + root)
    elif curve == 0:
        return max_value(uint256)
    else:
        worth = (steep + root) * wad.WAD // convert(2 * curve, uint256) >> SHIFT
    return min(worth, 10**58) * wad.WAD // wad._magnitude(position.size)
