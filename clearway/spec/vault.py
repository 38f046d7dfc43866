"""The vault's shares over the market's ledger; the model of contracts/l2/Vault.vy.

Shares have 18 decimals. Assets are token units at the door and quote wads inside. Each transition
is refused with the contract's reason or happens whole (`whole`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace

from clearway.spec import borrowing_math, nav_math, price_words, wad
from clearway.spec.market import PerpetualMarket
from clearway.spec.price_words import LANES
from clearway.spec.refused import Refused, require
from clearway.spec.state import DAY, Market

VIRTUAL_SHARES = 10**12
VIRTUAL_ASSETS = 10**12  # quote wad
LEAST_PRICE = 10**6  # shares to a wad: below a millionth a share has no price
LEAST_COOLDOWN = 900  # seconds
MOST_COOLDOWN = 7 * DAY
LEAST_OUTFLOW = 10**16
MOST_CAP = 10**29  # quote wad
CAP_HOLD = 2 * DAY
MOST_SHARES = 2**96  # of one request
FRESH = 10  # seconds that a report may be off the chain's clock
NOBODY = 0


@dataclass(frozen=True)
class Reference:
    """What a market's aggregator says now, if it can be used."""

    price: int  # wad
    deviation: int  # wad ratio


@dataclass
class Request:
    """Shares of one who leaves."""

    controller: int
    shares: int  # those that wait for their price
    ready_at: int
    priced: int = 0  # shares


@dataclass
class Claim:
    """What is priced and not yet claimed."""

    shares: int = 0
    amount: int = 0  # token units


@dataclass
class Vault:
    """Who holds shares, who waits, who may claim. Holders are numbers, the vault itself is one."""

    market: PerpetualMarket
    cooldown: int  # seconds
    daily_outflow: int  # wad ratio
    deposit_cap: int  # quote wad
    cap_held_until: int = 0
    address: int = 1
    ledger: int = 2  # the market's own address
    references: dict[int, Reference] = field(default_factory=dict)  # by market
    balances: dict[int, int] = field(default_factory=dict)
    operators: set[tuple[int, int]] = field(default_factory=set)  # controller, operator
    requests: list[Request] = field(default_factory=list)  # all that ever were, number 1 first
    first: int = 0  # how many of them are priced whole
    claims: dict[int, Claim] = field(default_factory=dict)
    paid_on: tuple[int, int] = (0, 0)  # a day, and what was set aside on it; quote wad

    # Entering

    def deposit(self, now: int, assets: int, receiver: int) -> int:
        """Bring token units; return the shares."""
        shares = self.shares_for(assets, self._high(now))
        self._enter(now, assets, shares, receiver)
        return shares

    def mint(self, now: int, shares: int, receiver: int) -> int:
        """Take shares; return the token units that they cost."""
        assets = self.assets_for(shares, self._high(now))
        self._enter(now, assets, shares, receiver)
        return assets

    def _enter(self, now: int, assets: int, shares: int, receiver: int) -> None:
        require(assets > 0, "zero amount")
        require(shares > 0, "zero shares")
        worth_after = self._high(now) + assets * self.market.scale
        require(worth_after <= self.deposit_cap, "deposit cap reached")
        require(receiver != self.address, "shares sent to the vault")
        self.market.provide(assets)
        self.balances[receiver] = self.balances.get(receiver, 0) + shares

    def max_deposit(self, now: int, receiver: int) -> tuple[int, int]:
        """Return the most token units that may enter, and the shares that they buy."""
        if receiver in (NOBODY, self.address):
            return 0, 0
        try:
            high = self._high(now)
        except Refused:
            return 0, 0
        assets = max(self.deposit_cap - high, 0) // self.market.scale
        shares = self.shares_for(assets, high)
        return (assets if shares else 0), shares

    def shares_for(self, assets: int, nav: int) -> int:
        """Return the shares that token units buy, rounded down."""
        money = assets * self.market.scale
        return nav_math.shares_down(money, self.supply, nav, VIRTUAL_SHARES, VIRTUAL_ASSETS)

    def assets_for(self, shares: int, nav: int) -> int:
        """Return the token units that shares cost, rounded up."""
        cost = nav_math.assets_up(shares, self.supply, nav, VIRTUAL_SHARES, VIRTUAL_ASSETS)
        return -(-cost // self.market.scale)

    def worth(self, shares: int, nav: int) -> int:
        """Return the token units that shares are worth, rounded down."""
        money = nav_math.assets_down(shares, self.supply, nav, VIRTUAL_SHARES, VIRTUAL_ASSETS)
        return money // self.market.scale

    # Leaving

    def request(self, now: int, sender: int, shares: int, controller: int, owner: int) -> int:
        """Put shares into the queue; return the request's number."""
        require(shares > 0, "zero shares")
        require(controller != NOBODY, "no controller")
        allowed = sender == owner or (owner, sender) in self.operators
        require(allowed, "erc20: insufficient allowance")  # allowances aren't modelled
        self.transfer(owner, self.address, shares)
        require(shares < MOST_SHARES, "too many shares at once")
        self.requests.append(Request(controller, shares, now + self.cooldown))
        return len(self.requests)

    def process(self, now: int, most: int) -> int:
        """Price requests whose cooldown is over; return how many shares were priced."""
        require(self._is_due(now), "nothing to process")
        nav = self.nav(now, is_entering=False)
        require(self._has_price(nav), "shares have no price")
        room, burned = self._room(now, nav), 0
        day, paid = self.paid_on
        self.paid_on = (now // DAY, paid if day == now // DAY else 0)
        for _ in range(most):
            if not self._is_due(now):
                break
            head = self.requests[self.first]
            amount = min(self.worth(head.shares, nav), min(room, nav) // self.market.scale)
            money = amount * self.market.scale
            shares = head.shares
            if amount < self.worth(head.shares, nav):
                if amount == 0:
                    break
                shares = nav_math.shares_up(money, self.supply, nav, VIRTUAL_SHARES, VIRTUAL_ASSETS)
            self.balances[self.address] -= shares
            head.shares -= shares
            head.priced += shares
            claim = self.claims.setdefault(head.controller, Claim())
            claim.shares += shares
            claim.amount += amount
            self.market.put_aside(amount)
            self.paid_on = (now // DAY, self.paid_on[1] + money)
            nav, room, burned = nav - money, room - money, burned + shares
            if head.shares:
                break
            self.first += 1
        require(burned > 0, "nothing can leave now")
        return burned

    def _is_due(self, now: int) -> bool:
        return self.first < len(self.requests) and self.requests[self.first].ready_at <= now

    def _room(self, now: int, nav: int) -> int:
        """Return what may leave now: cash that backs nothing, within today's limit; quote wad."""
        if self.market.owed:
            return 0
        least = borrowing_math.least_capital(self.market.at_risk, self.market.pool.max_utilisation)
        day, paid = self.paid_on
        paid = paid if day == now // DAY else 0
        today = wad.mul_down(nav + paid, self.daily_outflow)
        return min(max(self.market.cash - least, 0), max(today - paid, 0))

    def redeem(self, sender: int, shares: int, receiver: int, controller: int) -> int:
        """Claim for shares; return the token units."""
        claim = self.claims.get(controller, Claim())
        require(shares > 0, "zero amount")
        require(shares <= claim.shares, "more than is claimable")
        assets = claim.amount * shares // claim.shares
        self._pay(sender, shares, assets, receiver, controller)
        return assets

    def withdraw(self, sender: int, assets: int, receiver: int, controller: int) -> int:
        """Claim token units; return the shares that they take."""
        claim = self.claims.get(controller, Claim())
        require(assets > 0, "zero amount")
        require(assets <= claim.amount, "more than is claimable")
        shares = -(-claim.shares * assets // claim.amount)
        self._pay(sender, shares, assets, receiver, controller)
        return shares

    def _pay(self, sender: int, shares: int, assets: int, receiver: int, controller: int) -> None:
        allowed = sender == controller or (controller, sender) in self.operators
        require(allowed, "not the controller")
        require(receiver not in (NOBODY, self.address, self.ledger), "no such receiver")
        self.claims[controller].shares -= shares
        self.claims[controller].amount -= assets
        self.market.pay_out(assets)

    # Shares

    @property
    def supply(self) -> int:
        """Return all shares, those included that wait in the queue."""
        return sum(self.balances.values())

    def move(self, owner: int, to: int, shares: int) -> None:
        """Send shares to another, as their owner."""
        require(to != self.address, "shares sent to the vault")
        self.transfer(owner, to, shares)

    def transfer(self, owner: int, to: int, shares: int) -> None:
        """Move shares, also to the vault."""
        require(to != NOBODY, "erc20: transfer to the zero address")
        require(self.balances.get(owner, 0) >= shares, "erc20: transfer amount exceeds balance")
        self.balances[owner] = self.balances.get(owner, 0) - shares
        self.balances[to] = self.balances.get(to, 0) + shares

    # What the vault is worth

    def _high(self, now: int) -> int:
        """Return the most that the vault may be worth; refuse where shares have no price."""
        nav = self.nav(now, is_entering=True)
        require(self._has_price(nav), "shares have no price")
        return nav

    def _has_price(self, nav: int) -> bool:
        has_price = (nav + VIRTUAL_ASSETS) * LEAST_PRICE >= self.supply + VIRTUAL_SHARES
        return nav >= 0 and has_price

    def nav(self, now: int, is_entering: bool) -> int:
        """Return cash less claims and traders' results, worst for who enters or leaves."""
        nav = self.market.cash - self.market.owed
        if is_entering:
            nav += self.market.debts
        second: int | None = None
        boards: dict[int, int | None] = {}
        for number, state in sorted(self._open(now).items()):
            board = number // LANES
            if state.final_price:
                span = (state.final_price, state.final_price)
            else:
                if is_entering:
                    self._require_open(now, number)
                if board not in boards:
                    boards[board] = self._board(now, board, second, is_entering)
                    second = price_words.time_of(boards[board] or 0) or second
                span = self._span(number, boards[board])
            if is_entering:
                nav += max(worth_high(state, price) for price in span)
            else:
                nav += min(worth_low(state, price) for price in span)
        if is_entering and not boards:
            self._require_open(now, 0)
        return nav

    def _require_open(self, now: int, number: int) -> None:
        """Refuse that anyone enters while a market is as it is."""
        halted = self.market.feed.halted(now, number)
        require(halted == "", halted)

    def _open(self, now: int) -> dict[int, Market]:
        """Return the markets where anything is open, brought up to now."""
        return {
            number: self.market.accrued(number, now)
            for number, state in self.market.markets.items()
            if state.long or state.short
        }

    def _board(self, now: int, board: int, second: int | None, is_entering: bool) -> int | None:
        """Return a board's word of a second, or the newest; none where the aggregator serves."""
        newest = self.market.feed.newest.get(board, 0)
        observed_at = price_words.time_of(newest)
        if newest and observed_at == second:
            return newest
        if not is_entering and observed_at + DAY < now:
            return None
        if second is not None:
            return self.market.feed.board_at(board, second)
        require(newest != 0, "no price")
        require(observed_at + FRESH >= now, "price stale")
        require(observed_at <= now + FRESH, "chain's clock lags")
        return newest

    def _span(self, number: int, board: int | None) -> tuple[int, int]:
        """Return the least and the greatest price that a market may be valued at."""
        reference = self.references.get(number)
        if board is None:
            require(reference is not None, "no aggregator")
            assert reference is not None
            low = wad.mul_down(reference.price, wad.WAD - reference.deviation)
            return low, wad.mul_up(reference.price, wad.WAD + reference.deviation)
        lane = number % LANES
        price = price_words.sound_price(board, lane)
        confidence = price_words.confidence_of(price_words.lane_of(board, lane))
        prices = [
            wad.mul_down(price, wad.WAD - confidence),
            wad.mul_up(price, wad.WAD + confidence),
        ]
        if reference is not None:
            prices.append(reference.price)
        return min(prices), max(prices)

    def middle(self, now: int) -> int:
        """Return the worth at the newest stored prices, whatever their age; at least zero."""
        nav = self.market.cash - self.market.owed
        for number, state in self._open(now).items():
            board = self.market.feed.newest.get(number // LANES, 0)
            if state.final_price:
                nav += worth_low(state, state.final_price)
            elif price_words.is_sound(board, number % LANES):
                nav += worth_low(state, price_words.sound_price(board, number % LANES))
            elif number in self.references:
                nav += worth_low(state, self.references[number].price)
        return max(nav, 0)

    # Administration

    def set_limits(self, now: int, cooldown: int, daily_outflow: int, deposit_cap: int) -> None:
        """Set how fast one may leave and how much may enter; the owner's act."""
        is_held = now < self.cap_held_until
        require(not is_held or deposit_cap <= self.deposit_cap, "cap held by guardian")
        require(LEAST_COOLDOWN <= cooldown <= MOST_COOLDOWN, "limit out of range")
        require(LEAST_OUTFLOW <= daily_outflow <= wad.WAD, "limit out of range")
        require(deposit_cap <= MOST_CAP, "limit out of range")
        self.cooldown, self.daily_outflow, self.deposit_cap = cooldown, daily_outflow, deposit_cap

    def lower_deposit_cap(self, now: int, deposit_cap: int, is_owner: bool) -> None:
        """Lower how much may enter, at once; what the guardian lowered is held down."""
        require(deposit_cap < self.deposit_cap, "cap not lowered")
        if not is_owner:
            self.cap_held_until = now + CAP_HOLD
        self.deposit_cap = deposit_cap


def worth_high(state: Market, price: int) -> int:
    """Return what a market's positions are worth to the vault, rounded up; quote wad."""
    return nav_math.worth_ceil(_slope_of(state), state.cost_sum, price)


def worth_low(state: Market, price: int) -> int:
    """Return the same, rounded down."""
    return nav_math.worth_floor(_slope_of(state), state.cost_sum, price)


def _slope_of(state: Market) -> int:
    return nav_math.slope(
        state.long, state.short, state.index_long, state.index_short, state.entry_sum
    )


@contextmanager
def whole(vault: Vault) -> Iterator[None]:
    """Take back everything that a refused transition did, in the market too."""
    ledger, ledger_before, before = vault.market, vault.market.copy(), _copy(vault)
    try:
        yield
    except Refused:
        for part in fields(ledger):
            setattr(ledger, part.name, getattr(ledger_before, part.name))
        for part in fields(vault):
            setattr(vault, part.name, getattr(before, part.name))
        raise


def _copy(vault: Vault) -> Vault:
    return replace(
        vault,
        balances=dict(vault.balances),
        operators=set(vault.operators),
        requests=[replace(request) for request in vault.requests],
        claims={name: replace(claim) for name, claim in vault.claims.items()},
    )
