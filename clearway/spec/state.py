"""What the market holds: parameters, orders, accounts, markets; sizes base wad, money quote wad."""

from dataclasses import dataclass, field

from clearway.spec import wad
from clearway.spec.batches import Schedule
from clearway.spec.positions import Position

DELAY = 2  # seconds between an order's commit and the second that prices it
SIGNED_WINDOW = 600  # seconds in which only the signed report counts
REDUCE_WINDOW = 86_400  # seconds in which an order that reduces may still be executed
FLAG_LIFE = 3_600  # seconds that a flag counts
DAY = 86_400  # seconds
MOST_KEEPER_FEE = 100 * wad.WAD  # quote wad
KEEPER_FEE_UNIT = 10**12  # quote wad
SLOTS = 16  # orders of an account at one time
LIMIT_UNIT = 10**8  # wad
ESCROW_UNIT = 10**14  # quote wad
AT_RISK_UNIT = 10**14  # quote wad
RATE_UNIT = 10**6  # wad per day
SLOT_ROOM = 1 << 8  # an order's name is its account's plus its slot
ACCOUNT_ROOM = 1 << 96


@dataclass(frozen=True)
class Parameters:
    """One market's parameters, all within the hard bounds of the contract."""

    schedule: Schedule
    max_velocity: int  # wad per day^2
    funding_cap: int  # wad per day
    initial_ratio: int  # wad
    initial_slope: int  # wad ratio per quote
    maintenance_ratio: int  # wad, below the initial one
    maintenance_slope: int  # wad ratio per quote
    profit_ratio: int  # wad: how much of an open profit backs open positions
    max_open_interest: int  # base wad, of each side
    max_skew: int  # base wad
    min_notional: int  # quote wad
    risk_weight: int  # wad: the vault's capital at risk per notional of the heavier side
    penalty_ratio: int  # wad: what a liquidation takes, per notional closed
    insurance_limit: int  # quote wad: what the market's insurance pays within a day


@dataclass(frozen=True)
class PoolParameters:
    """What holds for all markets together."""

    kink: int  # wad
    rate_at_kink: int  # wad per day
    rate_at_full: int  # wad per day
    max_utilisation: int  # wad
    insurance_share: int  # wad: of fees; the rest is the vault's
    buffer: int  # wad: how far above maintenance a partial liquidation leaves an account
    least_reward: int  # wad: the keeper's share of a penalty at once
    most_reward: int  # wad: and after the ramp
    reward_ramp: int  # seconds
    most_cost: int  # quote wad: what a keeper is paid for his gas at most


@dataclass(frozen=True)
class Order:
    """A committed order."""

    market: int
    size_delta: int  # base wad
    limit_price: int  # wad
    is_reduce_only: bool
    fills_at: int  # the second whose report prices it
    keeper_fee: int  # quote wad
    escrow: int  # quote wad, the keeper's fee included

    @property
    def committed_at(self) -> int:
        """Return when its windows began: the chain's time, unless the clock lagged."""
        return self.fills_at - DELAY


@dataclass
class Account:
    """An owner's money and positions. A margin below zero is owed while positions are open."""

    margin: int = 0  # quote wad
    positions: dict[int, Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    flagged_at: int = 0  # when it was first seen below maintenance; zero if it wasn't

    @property
    def escrow(self) -> int:
        """Return what the committed orders hold; quote wad."""
        return sum(order.escrow for order in self.orders.values())

    @property
    def is_broke(self) -> bool:
        """Tell whether it owes and nothing is left to pay with.

        While orders hold escrow something is left: it pays the debt when it returns.
        """
        return self.margin < 0 and not self.positions and self.escrow == 0


@dataclass
class Market:
    """One market's state at its last touch, and the running sums over its positions."""

    parameters: Parameters
    updated_at: int
    long: int = 0  # base wad
    short: int = 0  # base wad, unsigned
    rate: int = 0  # wad per day
    borrowing_rate: int = 0  # wad per day
    index_long: int = 0  # wad
    index_short: int = 0  # wad
    at_risk: int = 0  # quote wad
    impact_reserve: int = 0  # quote wad
    insurance: int = 0  # quote wad
    cost_sum: int = 0  # quote wad, signed
    entry_sum: int = 0  # sum of |size| * entry; wad * wad
    paid_on: tuple[int, int] = (0, 0)  # a day, and what its insurance paid on it; quote wad

    @property
    def skew(self) -> int:
        """Return long minus short; base wad."""
        return self.long - self.short

    def index(self, size: int) -> int:
        """Return the index of the side that a size is on."""
        return self.index_long if size > 0 else self.index_short


@dataclass(frozen=True)
class Appraisal:
    """What an account has and needs; quote wad."""

    equity: int  # margin, escrow and open results less what is owed
    backing: int  # the same, with each open profit cut to its market's ratio
    free: int  # margin less open losses, what is owed and initial margin; below zero if missing
    initial: int
    linear: int  # the parts of the maintenance margin
    quadratic: int
    penalty: int  # of closing all

    @property
    def maintenance(self) -> int:
        """Return the equity that the account needs to stay as it is."""
        return self.linear + self.quadratic

    @property
    def spare(self) -> int:
        """Return the equity above maintenance."""
        return self.equity - self.maintenance


def account_of(owner: int, number: int = 0) -> int:
    """Return an account's name: its owner's address, and a number of the owner's choice."""
    return owner * ACCOUNT_ROOM + number * SLOT_ROOM


def owner_of(account: int) -> int:
    """Return whose an account is."""
    return account // ACCOUNT_ROOM
