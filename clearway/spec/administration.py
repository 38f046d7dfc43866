"""How margin ramps in and how a market ends; the model of contracts/l2/Configuration.vy.

Whether parameters are within their hard bounds is the contract's to judge, and not modelled.
"""

from dataclasses import astuple, dataclass, replace

from clearway.spec import margin_math
from clearway.spec.refused import require

DAY = 86_400
RATIO_GRID = 10**14
RAMP_PERIOD = 3 * DAY
CAPS_HOLD = 2 * DAY
LEAST_NOTICE = 7 * DAY
MOST_NOTICE = 90 * DAY
LEAST_RECALL = DAY
ATTEMPT = 7 * DAY
SIGNED_WINDOW = 600  # seconds


@dataclass(frozen=True)
class Margins:
    """What ramps. Ratios are wads on `RATIO_GRID`, slopes wad ratio per quote."""

    initial_ratio: int
    initial_slope: int
    maintenance_ratio: int
    maintenance_slope: int
    profit_ratio: int
    penalty_ratio: int


@dataclass(frozen=True)
class Ramp:
    """The way between two sets of margins, of which the first is nowhere stricter."""

    before: Margins
    after: Margins
    ends_at: int

    def at(self, now: int) -> Margins:
        """Return where margins are, on their grids, never stricter than the straight line."""
        started_at = self.ends_at - RAMP_PERIOD
        line = Margins(
            *(
                margin_math.ramped(first, last, started_at, self.ends_at, now)
                for first, last in zip(astuple(self.before), astuple(self.after), strict=True)
            )
        )
        initial = down(line.initial_ratio)
        maintenance = min(down(line.maintenance_ratio), down(3 * initial // 4))
        # What both ends leave of maintenance after the penalty, for premium and fee.
        left = min(end.maintenance_ratio - end.penalty_ratio for end in (self.before, self.after))
        return replace(
            line,
            initial_ratio=initial,
            maintenance_ratio=maintenance,
            profit_ratio=-down(-line.profit_ratio),
            penalty_ratio=min(down(line.penalty_ratio), down(maintenance // 2), maintenance - left),
        )


def down(ratio: int) -> int:
    """Return a ratio on its grid, rounded towards minus infinity."""
    return ratio // RATIO_GRID * RATIO_GRID


def laxer(present: Margins, wished: Margins) -> Margins:
    """Return of each margin the laxer of two: the smaller, but of what profits back the greater."""
    pairs = zip(astuple(present), astuple(wished), strict=True)
    smaller = Margins(*(min(pair) for pair in pairs))
    return replace(smaller, profit_ratio=max(present.profit_ratio, wished.profit_ratio))


@dataclass(frozen=True)
class Caps:
    """How much a market may hold; base wad."""

    max_open_interest: int
    max_skew: int

    def exceeds(self, other: "Caps") -> bool:
        """Return whether either cap is above the other's."""
        return self.max_open_interest > other.max_open_interest or self.max_skew > other.max_skew


NO_CAPS = Caps(0, 0)


@dataclass
class Market:
    """What administration knows of one market. Whoever calls is known to be allowed to."""

    margins: Margins  # what the market has
    caps: Caps
    ramp: Ramp | None = None
    caps_held_until: int = 0
    retires_at: int = 0  # zero if that was not announced
    price: int = 0  # wad, the last; zero until it is known

    def due(self, now: int) -> Margins:
        """Return what margins should be at this second."""
        return self.ramp.at(now) if self.ramp else self.margins

    def set(self, now: int, margins: Margins, caps: Caps, open_interest: int) -> None:
        """Take what the owner wishes; what tightens positions' margins begins a ramp."""
        require(not self.price, "market retired")
        require(not self.retires_at or caps == NO_CAPS, "market retires")
        held = now < self.caps_held_until
        require(not held or not caps.exceeds(self.caps), "caps held by guardian")
        before = laxer(self.due(now), margins) if open_interest else margins
        self.ramp = Ramp(before, margins, now + RAMP_PERIOD) if before != margins else None
        self.margins, self.caps = before, caps

    def lower_caps(self, now: int, caps: Caps, by_guardian: bool) -> None:
        """Lower caps at once; those that the guardian lowered are held down."""
        require(self.caps != caps and not caps.exceeds(self.caps), "cap not lowered")
        if by_guardian:
            self.caps_held_until = now + CAPS_HOLD
        self.caps = caps

    def pause_increases(self, now: int, by_guardian: bool) -> None:
        """Lower caps to zero, unless they are there."""
        if self.caps != NO_CAPS:
            self.lower_caps(now, NO_CAPS, by_guardian)

    def advance_ramp(self, now: int) -> None:
        """Bring the market's margins to where they are at this second."""
        require(self.ramp is not None, "no ramp")
        due = self.due(now)
        require(due != self.margins, "ramp not moved")
        self.margins = due
        if self.ramp and now >= self.ramp.ends_at:
            self.ramp = None

    def announce_retirement(self, now: int, at: int) -> None:
        """Let the market end at the price of a second to come."""
        require(not self.retires_at, "retirement announced already")
        require(at >= now + LEAST_NOTICE, "notice too short")
        require(at <= now + MOST_NOTICE, "notice too long")
        self.retires_at = at
        self.caps = NO_CAPS

    def take_back_retirement(self, now: int) -> None:
        """Let the market go on."""
        require(bool(self.retires_at), "no retirement announced")
        require(now + LEAST_RECALL < self.retires_at, "too late to take back")
        self.retires_at = 0

    def last_second(self, now: int) -> int:
        """Return the second whose price ends the market: as announced, or whole weeks later."""
        require(bool(self.retires_at), "no retirement announced")
        require(not self.price, "market retired")
        require(now >= self.retires_at, "market not at its end")
        return self.retires_at + (now - self.retires_at) // ATTEMPT * ATTEMPT

    def is_priced_by_report(self, now: int) -> bool:
        """Return whether the report of the last second counts, or the first round after it."""
        return now <= self.last_second(now) + SIGNED_WINDOW

    def finish_retirement(self, now: int, price: int) -> None:
        """End the market at the price that counts now."""
        self.last_second(now)
        self.price = price
        self.ramp = None
