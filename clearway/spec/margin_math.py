"""How much equity a position must have behind it; twin of contracts/math/margin_math.vy."""

from clearway.spec import wad

UNBOUNDED = 2**256 - 1  # the leverage of a position without equity


def linear_requirement(notional: int, ratio: int) -> int:
    return wad.mul_up(notional, ratio)


def quadratic_requirement(notional: int, slope: int) -> int:
    return wad.mul_div_up(notional**2, slope, wad.WAD**2)


def requirement(notional: int, ratio: int, slope: int) -> int:
    """Return the equity that one position needs, in quote wad: its ratio grows with its size."""
    return linear_requirement(notional, ratio) + quadratic_requirement(notional, slope)


def leverage(notional: int, equity: int) -> int:
    """Return notional / equity, rounded up."""
    if notional == 0:
        return 0
    return wad.mul_div_up(notional, wad.WAD, equity) if equity > 0 else UNBOUNDED


def ramped(before: int, after: int, started_at: int, ends_at: int, now: int) -> int:
    """Return a parameter on its straight way from `before` to `after`, rounded towards `before`."""
    if now >= ends_at:
        return after
    if now <= started_at:
        return before
    gone = wad.signed_mul_div_truncated(after - before, now - started_at, ends_at - started_at)
    return before + gone
