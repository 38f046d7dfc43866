"""How much of an account is closed; derived in its twin, contracts/math/liquidation_math.vy."""

from math import isqrt

from clearway.spec import wad

LARGEST = 2**126


def square_root_up(x: int) -> int:
    return 1 + isqrt(x - 1) if x > 0 else 0


def liquidation_fraction(
    equity: int, linear: int, quadratic: int, penalty: int, buffer: int
) -> int:
    """Return the fraction of every position to close, in wad, rounded up.

    The part that is kept, y, solves curve * y^2 + slope * y = rest.
    """
    assert penalty < linear, "penalty above maintenance"
    buffered = wad.WAD + buffer
    needed = buffered * (linear + quadratic)
    rest = (equity - penalty) * wad.WAD
    if rest <= 0:
        return wad.WAD
    if equity * wad.WAD >= needed:
        return 0

    unit = needed // LARGEST + 1
    rest = rest // unit
    slope = wad.mul_div_up(buffered * linear - penalty * wad.WAD, 1, unit)
    curve = wad.mul_div_up(buffered * quadratic, 1, unit)
    root = square_root_up(slope**2 + 4 * curve * rest)
    return wad.WAD - wad.mul_div_down(2 * rest, wad.WAD, slope + root)


def reward_share(elapsed: int, ramp: int, least: int, most: int) -> int:
    """Return the keeper's share of the penalty, in wad, rounded down."""
    if elapsed >= ramp:
        return most
    return least + wad.mul_div_down(most - least, elapsed, ramp)
