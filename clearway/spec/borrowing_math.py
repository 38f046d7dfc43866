"""What is paid for the vault's capital at risk; twin of contracts/math/borrowing_math.vy."""

from clearway.spec import wad

DAY = 86_400


def utilisation(at_risk: int, capital: int) -> int:
    """Return the share of the capital that is at risk, at most WAD, rounded up."""
    if at_risk == 0:
        return 0
    if capital == 0:
        return wad.WAD
    return min(wad.mul_div_up(at_risk, wad.WAD, capital), wad.WAD)


def least_capital(at_risk: int, most: int) -> int:
    """Return the least capital at which no more than a share `most` of it is at risk."""
    if at_risk == 0:
        return 0
    if most == 0:
        return 2**256 - 1  # no capital is enough
    return wad.mul_div_up(at_risk, wad.WAD, most)


def borrowing_rate(utilisation: int, kink: int, rate_at_kink: int, rate_at_full: int) -> int:
    """Return the rate in wad per day, rounded up: one line below the kink, a steeper one above."""
    used = min(utilisation, wad.WAD)
    if used <= kink:
        return wad.mul_div_up(rate_at_kink, used, kink)
    rise = rate_at_full - rate_at_kink
    return rate_at_kink + wad.mul_div_up(rise, used - kink, wad.WAD - kink)


def borrow_growth(rate: int, elapsed: int) -> int:
    return wad.mul_div_up(rate, elapsed, DAY)
