"""A market to play with: a clock, reports at any price, and orders that are filled in one step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import strategies as st

from clearway.spec import positions
from clearway.spec.batches import Schedule
from clearway.spec.market import PerpetualMarket, whole
from clearway.spec.price_feed import PriceFeed, Report, Signature
from clearway.spec.quotes import Quote, boards_of
from clearway.spec.state import (
    DELAY,
    LIMIT_UNIT,
    Account,
    Parameters,
    PoolParameters,
    account_of,
    owner_of,
)
from clearway.spec.wad import WAD

UNIT = 10**6  # token units to a dollar
TILE = 2  # seconds
START = 1_800_000_000
SCHEDULE = Schedule(
    skew_scale=300_000 * WAD,
    premium_cap=100_000 * WAD,
    maker_fee=2 * 10**14,
    taker_fee=6 * 10**14,
)
PARAMETERS = Parameters(
    schedule=SCHEDULE,
    max_velocity=9 * WAD,
    funding_cap=WAD // 10,
    initial_ratio=5 * 10**16,
    initial_slope=5 * 10**9,
    maintenance_ratio=25 * 10**15,
    maintenance_slope=25 * 10**8,
    profit_ratio=WAD // 2,
    max_open_interest=50_000 * WAD,
    max_skew=20_000 * WAD,
    min_notional=100 * WAD,
    risk_weight=WAD // 5,
    penalty_ratio=WAD // 100,
    insurance_limit=20_000 * WAD,
)
POOL = PoolParameters(
    kink=8 * 10**17,
    rate_at_kink=10**15,
    rate_at_full=5 * 10**15,
    max_utilisation=9 * 10**17,
    insurance_share=WAD // 5,
    buffer=WAD // 5,
    least_reward=WAD // 10,
    most_reward=WAD // 2,
    reward_ramp=600,
    most_cost=50 * WAD,
)
KEEPER = account_of(99)
DEAREST = 10**6 * WAD  # a limit that no price of these tests reaches

PRICES = st.integers(10**6, 10**30)  # wad: what the feed lets through
SIZES = st.integers(1, 10**18).map(lambda n: n * positions.SIZE_UNIT)  # up to a billion coins
SIGNED_SIZES = st.builds(lambda size, sign: size * sign, SIZES, st.sampled_from([1, -1]))
RATIOS = st.integers(0, 10**17)  # up to 10 %


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Return price schedules within what a market may have."""
    scale = draw(SIZES)
    fees = sorted([draw(RATIOS), draw(RATIOS)])
    return Schedule(scale, draw(st.integers(1, scale)), *fees)


def exactly(numerator: int, *divisors: int) -> Fraction:
    """Return a quotient that nobody rounds."""
    quotient = Fraction(numerator)
    for divisor in divisors:
        quotient /= divisor
    return quotient


@dataclass(frozen=True)
class Wish:
    """An order somebody wants."""

    account: int
    size: int
    limit: int | None = None
    is_reduce_only: bool = False
    keeper_fee: int = 0
    slot: int = 0


def closing(account: int, size: int, slot: int = 0) -> Wish:
    """Return the wish to reduce at any price."""
    return Wish(account, size, is_reduce_only=True, slot=slot)


@dataclass
class World:
    """A market, its feed, and the time."""

    vault: int = 10_000_000  # dollars
    boards: Sequence[int] = (0,)  # the markets
    parameters: Parameters = PARAMETERS
    now: int = START
    price: dict[int, int] = field(default_factory=dict)  # wad, as reported last

    def __post_init__(self) -> None:
        """List the markets and bring in the vault's money."""
        self.feed = PriceFeed(TILE, [1, 2, 3, 4, 5], 3, 3600)
        self.market = PerpetualMarket(self.feed, POOL)
        for number in self.boards:
            self.market.list_market(self.now, number, self.parameters)
            self.price[number] = 3000 * WAD
        if self.vault:
            self.market.provide(self.vault * UNIT)
        self.report()

    def report(self, *prices: int, ahead: int = 0) -> None:
        """Store the report of the tile that ends now, at new prices for the first markets."""
        for number, price in zip(self.boards, prices, strict=False):
            self.price[number] = price
        quotes = {number: Quote(price, 0) for number, price in self.price.items()}
        report = Report(self.now + ahead, tuple(boards_of(quotes)))
        self.feed.submit(self.now, report, [Signature(who, report) for who in (1, 2, 3)])

    def wait(self, seconds: int, *prices: int) -> None:
        """Let time pass, and report at its end."""
        self.now += seconds
        self.report(*prices)

    def deposit(self, account: int, dollars: int) -> int:
        """Bring money in; return the account."""
        self.market.deposit(account, dollars * UNIT)
        return account

    def withdraw_all(self, account: int) -> int:
        """Take out whatever may leave; return it in quote wad."""
        amount = self.market.free_margin(self.now, account) // self.market.scale
        if amount:
            self.market.withdraw(self.now, owner_of(account), account, amount)
        return amount * self.market.scale

    def place(self, wish: Wish, market: int = 0) -> None:
        """Commit an order."""
        dearest = DEAREST if wish.is_reduce_only else self.price[market] * 11 // 10
        limit = wish.limit or (dearest if wish.size > 0 else 1)
        limit = -(-limit // LIMIT_UNIT) * LIMIT_UNIT
        with whole(self.market):
            self.market.place(
                self.now,
                owner_of(wish.account),
                wish.account,
                wish.slot,
                market,
                wish.size,
                limit,
                wish.is_reduce_only,
                wish.keeper_fee,
            )

    def execute(self, *entries: tuple[int, int], market: int = 0) -> list[str]:
        """Execute a batch, as the keeper of these tests."""
        with whole(self.market):
            return self.market.execute(self.now, owner_of(KEEPER), market, sorted(entries))

    def fill(self, *wishes: Wish, price: int | None = None, market: int = 0) -> list[str]:
        """Place orders, report two seconds later, execute them as one batch in their order."""
        for wish in wishes:
            self.place(wish, market)
        self.now += DELAY
        self.price[market] = price or self.price[market]
        self.report()
        sorted_wishes = sorted(wishes, key=lambda wish: wish.account)
        reasons = self.execute(*((wish.account, wish.slot) for wish in wishes), market=market)
        found = {w.account: reason for w, reason in zip(sorted_wishes, reasons, strict=True)}
        return [found[wish.account] for wish in wishes]

    def holder(self, account: int) -> Account:
        """Return an account as it stands."""
        return self.market.accounts.get(account, Account())

    def size(self, account: int, market: int = 0) -> int:
        """Return an account's size; base wad."""
        return self.holder(account).positions.get(market, positions.Position()).size

    def insure(self, money: int, market: int = 0) -> None:
        """Let a market's insurance hold this much, out of the vault's cash or into it."""
        state = self.market.markets[market]
        self.market.cash += state.insurance - money
        state.insurance = money

    def drawn(self) -> int:
        """Return what the markets' insurances have paid on their last day; quote wad."""
        return sum(state.paid_on[1] for state in self.market.markets.values())

    def money(self, *accounts: int) -> int:
        """Return what accounts have, orders' escrow and unpaid claims included; quote wad."""
        claims = sum(claim for account, claim in self.market.claims if account in accounts)
        return claims + sum(
            self.holder(account).margin + self.holder(account).escrow for account in accounts
        )
