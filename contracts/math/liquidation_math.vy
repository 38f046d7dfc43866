# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title liquidation_math
@license AGPL-3.0-only
@notice How much of an account is closed, what that costs it, and what of it the keeper gets.
"""

from contracts.math import wad

LARGEST: constant(uint256) = 2**126  # of what goes into the square root


@internal
@pure
def _square_root_up(x: uint256) -> uint256:
    """
    @notice The square root of a whole number, rounded up.
    """
    root: uint256 = isqrt(x)
    return root if root * root == x else root + 1


@internal
@pure
def _liquidation_fraction(
    equity: int256, linear: uint256, quadratic: uint256, penalty: uint256, buffer: uint256
) -> uint256:
    """
    @notice The fraction of every position to close, so that the rest is margined with a buffer;
            wad, rounded up: WAD closes all, 0 nothing (there was equity enough).
    @dev Let E, A, C, F be equity, the parts of the maintenance and the penalty of closing all,
         and g = 1 + buffer. If y is kept, the equity is E - F (1 - y) and must be
         g (A y + C y^2). With R = E - F and B = g A - F that is g C y^2 + B y = R, and

             y = 2 R / (B + sqrt(B^2 + 4 g C R)),

         a form without cancellation, and right for C = 0. It is rounded down: above the line
         down, below the line up. By F < A, B is above zero, so keeping less than y leaves
         more than is needed. R <= 0: even all of it isn't enough, and all is closed.

         R, B and g C are exact in wad * wad. Each is divided by one `unit` that takes g (A + C)
         below 2^126, so what the root is taken of stays within 5 * 2^252. For g (A + C) below 85
         quote the unit is 1 and nothing is lost; above, each is exact to 2^-125 of g (A + C).
         The result is less than two units above the exact one if B is at least one unit of
         quote, and 2^-63 of g (A + C): by far so with a buffer, or with F well below A.
         (R less one, B and g C more one, and the root one too large lower y by 3.5 / B.)
    @param equity Quote wad.
    @param linear A: quote wad, the sum of all positions' linear maintenance.
    @param quadratic C: quote wad, the sum of their quadratic maintenance.
    @param penalty F: quote wad, of closing all positions; below A.
    @param buffer Wad: by how much more than maintenance the rest shall have.
    """
    assert penalty < linear, "penalty above maintenance"
    lost: uint256 = penalty * wad.WAD
    held: uint256 = convert(max(equity, 0), uint256) * wad.WAD
    if held <= lost:
        return wad.WAD
    buffered: uint256 = wad.WAD + buffer
    needed: uint256 = buffered * (linear + quadratic)
    if held >= needed:
        return 0

    unit: uint256 = needed // LARGEST + 1
    rest: uint256 = (held - lost) // unit
    slope: uint256 = wad._mul_div_up(buffered * linear - lost, 1, unit)
    curve: uint256 = wad._mul_div_up(buffered, quadratic, unit)
    root: uint256 = self._square_root_up(slope * slope + 4 * curve * rest)
    return wad.WAD - wad._mul_div_down(2 * rest, wad.WAD, slope + root)


@internal
@pure
def _reward_share(elapsed: uint256, ramp: uint256, least: uint256, most: uint256) -> uint256:
    """
    @notice The keeper's share of the penalty; wad, rounded down. It rises in a straight line
            from `least` to `most`: whoever waits is outrun by whoever needs less.
    @param elapsed Seconds since the account was first seen below maintenance.
    @param ramp Seconds that the rise takes.
    @param least Wad, at most `most`.
    """
    if elapsed >= ramp:
        return most
    return least + wad._mul_div_down(most - least, elapsed, ramp)
