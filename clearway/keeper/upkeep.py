"""What is due of the markets themselves, by the chain's time alone: margins on a ramp, and ends."""

from clearway.spec.administration import ATTEMPT, RAMP_PERIOD

RAMP_STEPS = 12  # in which a keeper lets margins come in; anyone may do it in more


def ramp_step(ends_at: int, now: int) -> int:
    """Return how many steps of a ramp are due at `now`."""
    elapsed = min(now, ends_at) - (ends_at - RAMP_PERIOD)
    return elapsed * RAMP_STEPS // RAMP_PERIOD


def last_second(announced: int, now: int) -> int | None:
    """Return the second whose price ends a market if it is ended at `now`; None before its end.

    As the configuration counts: a week later the second a week later takes its place.
    """
    return None if now < announced else now - (now - announced) % ATTEMPT
