"""What is due of the markets themselves: margins on a ramp, ends, and halts out of date."""

from clearway.spec.administration import ATTEMPT, RAMP_PERIOD

RAMP_STEPS = 12  # in which a keeper lets margins come in; anyone may do it in more
CALM = 60  # seconds that a halt lasts, lest prices at the edge of the band cost gas all the time


def ramp_step(ends_at: int, now: int) -> int:
    """Return how many steps of a ramp are due at `now`."""
    elapsed = min(now, ends_at) - (ends_at - RAMP_PERIOD)
    return elapsed * RAMP_STEPS // RAMP_PERIOD


def last_second(announced: int, now: int) -> int | None:
    """Return the second whose price ends a market if it is ended at `now`; None before its end.

    As the configuration counts: a week later the second a week later takes its place.
    """
    return None if now < announced else now - (now - announced) % ATTEMPT


def comparison_is_due(halted: str, noted: str, is_off: bool, halted_for: int) -> bool:
    """Tell whether comparing two prices would change what the feed keeps of them, and should.

    `halted` is why the feed says that the market may not take risk on, and `noted` what it says
    while these two are apart. Where it says something else it isn't known what it keeps, and
    nothing depends on it. `is_off` tells whether the two are apart, and `halted_for` for how many
    seconds the market has been halted.
    """
    if is_off:
        return halted == ""
    return halted == noted and halted_for >= CALM
