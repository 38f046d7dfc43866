"""What is paid for carrying the skew; twin of contracts/math/funding_math.vy.

Rates are wad per day, velocities wad per day^2, `elapsed` is in seconds; a rate handed in lies
within its cap. The area is taken in fractions: a trapezium on the line, a rectangle at the cap.
"""

from fractions import Fraction
from math import floor

from clearway.spec import wad

DAY = 86_400


def velocity(skew: int, scale: int, max_velocity: int) -> int:
    """Return how fast the rate moves: in proportion to the skew, up to `scale`; truncated."""
    clamped = max(-scale, min(skew, scale))
    return wad.signed_mul_div_truncated(clamped, max_velocity, scale)


def rate_after(rate: int, velocity: int, elapsed: int, cap: int) -> int:
    """Return the rate `elapsed` seconds later; its change is truncated."""
    change = wad.signed_mul_div_truncated(velocity, elapsed, DAY)
    return max(-cap, min(rate + change, cap))


def index_growth(rate: int, velocity: int, elapsed: int, cap: int) -> int:
    """Return the area under the rate, in wad, floored."""
    days = Fraction(elapsed, DAY)
    days_on_the_line = days
    if velocity != 0:
        goal = cap if velocity > 0 else -cap
        days_on_the_line = min(days, Fraction(goal - rate, velocity))
    last_rate = rate + velocity * days_on_the_line
    on_the_line = (rate + last_rate) / 2 * days_on_the_line
    at_the_cap = last_rate * (days - days_on_the_line)
    return floor(on_the_line + at_the_cap)
