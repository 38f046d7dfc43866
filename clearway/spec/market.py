"""The perpetual market as a state with transitions: what the contract means.

Each transition is refused with the contract's reason or happens whole. Tokens move only at
`deposit` and `withdraw`; everything else moves numbers between the buckets of `buckets`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace

from clearway.spec import (
    batches,
    borrowing_math,
    funding_math,
    margin_math,
    positions,
    price_words,
    wad,
)
from clearway.spec.batches import Schedule, Terms
from clearway.spec.positions import Owed, Position
from clearway.spec.price_feed import PriceFeed
from clearway.spec.price_words import LANES
from clearway.spec.refused import Refused, require

DELAY = 2  # seconds between an order's commit and the second that prices it
SIGNED_WINDOW = 600  # seconds in which only the signed report counts
REDUCE_WINDOW = 86_400  # seconds in which an order that reduces may still be executed
MOST_KEEPER_FEE = 100 * wad.WAD  # quote wad
KEEPER_FEE_UNIT = 10**12  # quote wad
STAYS = "stays"
SLOTS = 16  # orders of an account at one time
LIMIT_UNIT = 10**8  # wad
ESCROW_UNIT = 10**14  # quote wad
AT_RISK_UNIT = 10**12  # quote wad
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

    @property
    def escrow(self) -> int:
        """Return what the committed orders hold; quote wad."""
        return sum(order.escrow for order in self.orders.values())


@dataclass
class Market:
    """One market's state at its last touch, and the running sums over its positions."""

    parameters: Parameters
    updated_at: int
    long: int = 0  # base wad
    short: int = 0  # base wad, unsigned
    rate: int = 0  # wad per day
    funding_index: int = 0  # wad
    borrowing_long: int = 0  # wad
    borrowing_short: int = 0  # wad
    borrowing_rate: int = 0  # wad per day
    cost_sum: int = 0  # quote wad, signed
    entry_funding_sum: int = 0  # sum of size * entry; wad * wad
    entry_borrowing_sum: int = 0  # sum of |size| * entry; wad * wad
    at_risk: int = 0  # quote wad
    impact_reserve: int = 0  # quote wad
    fees: int = 0  # quote wad, not yet shared out

    @property
    def skew(self) -> int:
        """Return long minus short; base wad."""
        return self.long - self.short

    def borrowing_index(self, size: int) -> int:
        """Return the index of the side that a size is on."""
        return self.borrowing_long if size > 0 else self.borrowing_short


@dataclass(frozen=True)
class Appraisal:
    """What an account has and needs; quote wad."""

    equity: int  # margin, escrow and open results less what is owed
    backing: int  # the same, with each open profit cut to its market's ratio
    free: int  # margin less open losses, what is owed and initial margin; below zero if missing
    initial: int
    maintenance: int

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


@dataclass
class PerpetualMarket:
    """Everything that the contract holds."""

    feed: PriceFeed
    pool: PoolParameters
    scale: int = 10**12  # wads to a token unit
    markets: dict[int, Market] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    held: int = 0  # token units that came in and did not leave
    cash: int = 0  # quote wad, the vault's
    insurance: int = 0  # quote wad
    at_risk: int = 0  # quote wad, over all markets
    claims: list[tuple[int, int]] = field(default_factory=list)
    """Profits that the vault could not pay, oldest first: account, quote wad."""

    def copy(self) -> "PerpetualMarket":
        """Return a twin that shares nothing that a transition changes; the feed is only read."""
        return replace(
            self,
            markets={number: replace(state) for number, state in self.markets.items()},
            accounts={
                name: Account(holder.margin, dict(holder.positions), dict(holder.orders))
                for name, holder in self.accounts.items()
            },
            claims=list(self.claims),
        )

    # The way in and out

    def list_market(self, now: int, market: int, parameters: Parameters) -> None:
        """Open a market."""
        self.markets[market] = Market(parameters, now)

    def provide(self, amount: int) -> None:
        """Add to the vault's cash; token units."""
        self.held += amount
        self.cash += amount * self.scale

    def deposit(self, account: int, amount: int) -> None:
        """Add to an account's margin; token units. Anyone may, for any account."""
        require(amount > 0, "zero amount")
        self.held += amount
        self._credit(account, amount * self.scale)

    def withdraw(self, now: int, sender: int, account: int, amount: int) -> None:
        """Take from the margin what backs nothing; token units."""
        require(owner_of(account) == sender, "not the owner")
        require(amount > 0, "zero amount")
        require(amount * self.scale <= self.free_margin(now, account), "margin in use")
        self._account(account).margin -= amount * self.scale
        self.held -= amount

    def free_margin(self, now: int, account: int) -> int:
        """Return what may leave: the margin less open losses, what is owed and initial margin.

        An account with positions is judged at the newest price of its first market, and at the
        others' of the same second.
        """
        holder = self.accounts.get(account, Account())
        prices: dict[int, int] = {}
        if holder.positions:
            first = min(holder.positions)
            newest = self.feed.price(now, first)
            for market in holder.positions:
                prices[market] = self.feed.price_at(market, newest.observed_at).price
        return max(self.appraise(now, account, prices).free, 0)

    # Orders

    def place(
        self,
        now: int,
        sender: int,
        account: int,
        slot: int,
        market: int,
        size_delta: int,
        limit_price: int,
        is_reduce_only: bool,
        keeper_fee: int,
    ) -> None:
        """Commit an order. Its fees, and the initial margin of an increase, go into escrow."""
        require(owner_of(account) == sender, "not the owner")
        require(size_delta != 0, "zero size")
        require(limit_price > 0, "zero limit price")
        require(keeper_fee <= MOST_KEEPER_FEE, "keeper's fee too high")
        require(size_delta % positions.SIZE_UNIT == 0, "size off its grid")
        require(limit_price % LIMIT_UNIT == 0, "limit price off its grid")
        require(keeper_fee % KEEPER_FEE_UNIT == 0, "keeper's fee off its grid")
        require(slot < SLOTS, "no such slot")
        holder = self._account(account)
        require(slot not in holder.orders, "slot in use")
        board = self.feed.newest.get(market // LANES, 0)
        newest = price_words.time_of(board)
        if not is_reduce_only:
            outage = self.feed.outage(now, market // LANES)
            require(outage == "", outage)
        require(market in self.markets, "unknown market")
        begins = max(now, newest)  # no order fills at a report that was known at its commit
        dearest = limit_price
        if size_delta < 0:  # a sale's limit is the least that it may fill at
            lane = price_words.lane_of(board, market % LANES)
            dearest = max(limit_price, price_words.price_of(lane) if lane >> 16 else 0)
        escrow = self._escrow(market, size_delta, dearest, is_reduce_only, keeper_fee)
        if is_reduce_only:
            escrow = min(escrow, max(holder.margin, 0) // ESCROW_UNIT * ESCROW_UNIT)
            require(escrow >= keeper_fee, "insufficient margin")
        require(escrow <= max(holder.margin, 0), "insufficient margin")
        holder.margin -= escrow
        holder.orders[slot] = Order(
            market, size_delta, limit_price, is_reduce_only, begins + DELAY, keeper_fee, escrow
        )

    def _escrow(
        self, market: int, size_delta: int, price: int, is_reduce_only: bool, keeper_fee: int
    ) -> int:
        parameters = self.markets[market].parameters
        worth = positions.notional(size_delta, price)
        needed = keeper_fee + wad.mul_up(worth, parameters.schedule.taker_fee)
        if not is_reduce_only:
            needed += margin_math.requirement(
                worth, parameters.initial_ratio, parameters.initial_slope
            )
        return positions.to_grid_up(needed, ESCROW_UNIT)

    def clear(self, now: int, account: int, slot: int) -> None:
        """Return the escrow of an order whose window has ended. Anyone may."""
        order = self._order(account, slot)
        window = REDUCE_WINDOW if order.is_reduce_only else SIGNED_WINDOW
        require(now > order.committed_at + window, "order still open")
        del self._account(account).orders[slot]
        self._credit(account, order.escrow)
        self._write_off(account)

    def execute(
        self, now: int, keeper: int, market: int, batch: Sequence[tuple[int, int]]
    ) -> list[str]:
        """Execute orders of one market that one report prices; return what became of each.

        "" is filled, "stays" waits for better company, or can't be judged because the report lacks
        a price of another of its account's markets; anything else is why it failed for good.
        A batch names accounts in ascending order, each once.
        """
        require(bool(batch), "empty batch")
        accounts = [account for account, _ in batch]
        require(accounts == sorted(set(accounts)), "accounts not sorted")
        orders = [self._order(account, slot) for account, slot in batch]
        second = orders[0].fills_at
        for order in orders:
            require(order.market == market, "order of another market")
            require(self._tile(order.fills_at) == self._tile(second), "order of another report")
            require(now >= order.fills_at, "order too young")
            require(now <= order.committed_at + SIGNED_WINDOW, "too old for a report")
        price = self.feed.price_at(market, second).price
        return self._fill_all(now, keeper, market, batch, price, second)

    def execute_by_round(
        self,
        now: int,
        keeper: int,
        market: int,
        account: int,
        slot: int,
        price: int,
        deviation: int,
    ) -> str:
        """Execute an order that reduces, by the aggregator's first round after its commit.

        The feed shows the round; its price is made worse for the order by its deviation.
        """
        order = self._order(account, slot)
        require(order.market == market, "order of another market")
        require(now > order.committed_at + SIGNED_WINDOW, "report still counts")
        require(now <= order.committed_at + REDUCE_WINDOW, "order expired")
        require(order.is_reduce_only, "order doesn't reduce")
        if order.size_delta > 0:
            worse = wad.mul_up(price, wad.WAD + deviation)
        else:
            worse = wad.mul_down(price, wad.WAD - deviation)
        return self._fill_all(now, keeper, market, [(account, slot)], worse, None)[0]

    def _fill_all(
        self,
        now: int,
        keeper: int,
        market: int,
        batch: Sequence[tuple[int, int]],
        price: int,
        second: int | None,
    ) -> list[str]:
        self.markets[market] = self.accrued(market, now)
        sizes = {entry: self._effective_size(*entry) for entry in batch}
        reasons = {
            entry: self._why_not(now, entry, size, _side(size, sizes.values()), price, second)
            for entry, size in sizes.items()
        }
        # Whoever stands in the company of all of its side stands in less company, and alone.
        doubtful = [entry for entry, reason in reasons.items() if reason]
        for entry in doubtful:
            reasons[entry] = self._why_not(now, entry, sizes[entry], sizes[entry], price, second)
        standing = [size for entry, size in sizes.items() if not reasons[entry]]
        for entry in doubtful:
            side = _side(sizes[entry], standing)
            if not reasons[entry] and self._why_not(now, entry, sizes[entry], side, price, second):
                reasons[entry] = STAYS
        admitted = [entry for entry, reason in reasons.items() if not reason]
        state = self.markets[market]
        meeting = batches.meeting(
            sum(max(sizes[entry], 0) for entry in admitted),
            sum(max(-sizes[entry], 0) for entry in admitted),
            state.skew,
            price,
            state.parameters.schedule,
            state.impact_reserve,
        )
        reward = 0
        for entry, reason in reasons.items():
            account, slot = entry
            if reason == STAYS:
                continue
            before = self._account(account).positions.get(market, Position()).size
            order = self._release(account, slot)
            if reason:
                self._charge_failure(now, account, order, price, second)
            else:
                self._fill(
                    account, market, sizes[entry], price, batches.terms(meeting, sizes[entry])
                )
            size = 0 if reason else sizes[entry]
            earned = self._keepers_due(now, account, order, before, size, price, second)
            reward += earned
            self._credit(account, order.keeper_fee - earned)
            self._write_off(account)
        self._credit(account_of(keeper), reward)
        self._reprice_risk(market, price)
        return list(reasons.values())

    def _effective_size(self, account: int, slot: int) -> int:
        """Return an order's size; one that only reduces is cut to what there is to reduce."""
        order = self._order(account, slot)
        if not order.is_reduce_only:
            return order.size_delta
        position = self._account(account).positions.get(order.market, Position())
        closing = positions.closing_size(position.size, order.size_delta)
        return closing if order.size_delta > 0 else -closing

    def _why_not(
        self,
        now: int,
        entry: tuple[int, int],
        size: int,
        side: int,
        price: int,
        second: int | None,
    ) -> str:
        """Return why an order wouldn't stand if its side filled `side` in all; empty if it does."""
        trial = self.copy()
        try:
            trial._try_fill(now, entry, size, side, price, second)
        except Refused as refusal:
            return refusal.reason
        return ""

    def _try_fill(
        self,
        now: int,
        entry: tuple[int, int],
        size: int,
        side: int,
        price: int,
        second: int | None,
    ) -> None:
        account, slot = entry
        require(size != 0, "nothing to reduce")
        order = self._release(account, slot)
        holder, state = self._account(account), self.markets[order.market]
        parameters = state.parameters
        terms = batches.own_side_terms(size, side, state.skew, price, parameters.schedule)
        require(
            batches.is_within_limit(size, price, terms.premium, order.limit_price),
            "price beyond limit",
        )
        before = holder.positions.get(order.market, Position()).size
        after = before + size
        worth = positions.notional(after, price)
        require(after == 0 or worth >= parameters.min_notional, "position too small")
        if not positions.increases(before, size):
            return
        self._require_room(order.market, side, price)
        require(
            self._fill(account, order.market, size, price, terms) == terms, "insufficient margin"
        )
        assert second is not None  # only an order that reduces is filled by a round
        prices = self._prices_at(account, second, order.market, price)
        require(prices is not None, STAYS)
        found = self.appraise(now, account, prices or {})
        require(found.backing >= found.initial, "insufficient margin")

    def _require_room(self, market: int, side: int, price: int) -> None:
        """Refuse what a whole side of increases would take beyond a cap."""
        state = self.markets[market]
        parameters = state.parameters
        long = state.long + max(side, 0)
        short = state.short + max(-side, 0)
        require(max(long, short) <= parameters.max_open_interest, "open interest at its cap")
        require(abs(state.skew + side) <= parameters.max_skew, "skew at its cap")
        at_risk = self.at_risk - state.at_risk + _at_risk(parameters, long, short, price)
        used = borrowing_math.utilisation(at_risk, self.cash)
        require(used <= self.pool.max_utilisation, "vault fully used")

    # A fill

    def _fill(self, account: int, market: int, size_delta: int, price: int, terms: Terms) -> Terms:
        """Settle, realise, pay and replace; return what was paid.

        That is limited to what is left: no fee makes a shortfall. An increase that can't pay all
        isn't admitted. What a reduction can't pay because its money is in escrow for other orders
        is owed to the vault.
        """
        holder, state = self._account(account), self.markets[market]
        before = holder.positions.get(market, Position())
        due = self._owed(state, before, price)
        size = before.size + size_delta
        after, realised = positions.filled(
            before, size_delta, price, state.funding_index, state.borrowing_index(size)
        )
        self._settle(account, realised - due.total)
        room, rebate = holder.margin, max(-terms.premium, 0)
        if not positions.increases(before.size, size_delta):
            room += min(positions.result(after, price), 0)
        fee = min(terms.fee, max(room + rebate, 0))
        premium = min(terms.premium, max(room, 0) - fee)
        state.fees += fee
        state.impact_reserve += premium
        if fee + premium > 0:
            holder.margin -= fee + premium
        else:
            self._credit(account, -fee - premium)
        if not positions.increases(before.size, size_delta):
            unpaid = terms.fee + terms.premium - fee - premium
            backed = max(room - fee - premium + holder.escrow, 0)
            self._settle(account, -min(unpaid, backed))
        self._replace(account, market, before, after)
        return Terms(fee, premium)

    def _replace(self, account: int, market: int, before: Position, after: Position) -> None:
        holder, state = self._account(account), self.markets[market]
        state.long += max(after.size, 0) - max(before.size, 0)
        state.short += max(-after.size, 0) - max(-before.size, 0)
        for position, sign in ((before, -1), (after, 1)):
            state.cost_sum += sign * positions.signed_cost(position)
            state.entry_funding_sum += sign * position.size * position.entry_funding
            state.entry_borrowing_sum += sign * abs(position.size) * position.entry_borrowing
        holder.positions.pop(market, None)
        if after.size:
            holder.positions[market] = after

    def _settle(self, account: int, gain: int) -> None:
        """Move a result between an account and the vault.

        The vault takes no more than the margin has; the rest is the account's debt, a margin below
        zero. A gain pays the debt first; what the vault has no free cash for becomes a claim.
        """
        holder = self._account(account)
        before = max(holder.margin, 0)
        holder.margin += gain
        paid = max(holder.margin, 0) - before
        if paid > 0 and (self.claims or paid > self.cash):
            payable = 0 if self.claims else self.cash
            self.claims.append((account, paid - payable))
            holder.margin -= paid - payable
            paid = payable
        self.cash -= paid

    def _write_off(self, account: int) -> None:
        """Book a debt that nothing is left to pay: insurance pays the vault what it can.

        While orders hold escrow something is left: it pays the debt when it returns.
        """
        holder = self._account(account)
        if holder.positions or holder.escrow > 0 or holder.margin >= 0:
            return
        covered = min(-holder.margin, self.insurance)
        self.insurance -= covered
        self.cash += covered
        holder.margin = 0

    def _charge_failure(
        self, now: int, account: int, order: Order, price: int, second: int | None
    ) -> None:
        """Take the taker fee of an order that failed, as far as the account stays healthy."""
        holder, state = self._account(account), self.markets[order.market]
        worth = positions.notional(order.size_delta, price)
        fee = wad.mul_up(worth, state.parameters.schedule.taker_fee)
        fee = min(fee, order.escrow - order.keeper_fee, max(holder.margin, 0))
        if holder.positions and second is not None:
            prices = self._prices_at(account, second, order.market, price)
            spare = self.appraise(now, account, prices).spare if prices else 0
            fee = min(fee, max(spare, 0))
        holder.margin -= fee
        self.cash += fee

    def _keepers_due(
        self,
        now: int,
        account: int,
        order: Order,
        before: int,
        size: int,
        price: int,
        second: int | None,
    ) -> int:
        """Return how much of its keeper's fee an order pays that changed `before` by `size`.

        A keeper may be the owner himself, so no more leaves an account than it could withdraw: an
        increase was judged without the fee; a reduction pays out of the initial margin that it
        frees, and a failure out of what is free.
        """
        holder, parameters = self._account(account), self.markets[order.market].parameters
        most = order.keeper_fee
        if holder.positions and size == 0:
            free = 0
            if second is not None:
                prices = self._prices_at(account, second, order.market, price)
                if prices:
                    free = self.appraise(now, account, prices).free + order.keeper_fee
            most = min(most, free)
        elif holder.positions and not positions.increases(before, size):
            after = holder.positions.get(order.market, Position())
            freed = _initial(parameters, before, price) - _initial(parameters, after.size, price)
            left = holder.margin + order.keeper_fee + min(positions.result(after, price), 0)
            most = min(most, freed, left)
        return max(min(most, holder.margin + order.keeper_fee), 0)

    def _reprice_risk(self, market: int, price: int) -> None:
        """Note the vault's capital at risk after a trade, and the borrowing rate it gives."""
        state = self.markets[market]
        at_risk = _at_risk(state.parameters, state.long, state.short, price)
        self.at_risk += at_risk - state.at_risk
        state.at_risk = at_risk
        used = borrowing_math.utilisation(self.at_risk, self.cash)
        rate = borrowing_math.borrowing_rate(
            used, self.pool.kink, self.pool.rate_at_kink, self.pool.rate_at_full
        )
        state.borrowing_rate = positions.to_grid_up(rate, RATE_UNIT)

    # Time

    def accrued(self, market: int, now: int) -> Market:
        """Return a market brought up to date; the stored one stays as it is."""
        state = replace(self.markets[market])
        parameters, elapsed = state.parameters, now - state.updated_at
        velocity = funding_math.velocity(
            state.skew, parameters.schedule.skew_scale, parameters.max_velocity
        )
        rate = max(-parameters.funding_cap, min(state.rate, parameters.funding_cap))
        state.funding_index += funding_math.index_growth(
            rate, velocity, elapsed, parameters.funding_cap
        )
        rate = funding_math.rate_after(rate, velocity, elapsed, parameters.funding_cap)
        state.rate = wad.signed_mul_div_truncated(rate, 1, RATE_UNIT) * RATE_UNIT
        growth = borrowing_math.borrow_growth(state.borrowing_rate, elapsed)
        if state.long >= state.short:
            state.borrowing_long += growth
        if state.short >= state.long:
            state.borrowing_short += growth
        state.updated_at = now
        return state

    # What an account has and needs

    def appraise(self, now: int, account: int, prices: dict[int, int]) -> Appraisal:
        """Return what an account has and needs, at a price per market."""
        holder = self.accounts.get(account, Account())
        equity = backing = holder.margin + holder.escrow
        free, initial, maintenance = holder.margin, 0, 0
        for market, position in holder.positions.items():
            price, state = prices[market], self.accrued(market, now)
            parameters, due = state.parameters, self._owed(state, position, price)
            result = positions.result(position, price)
            worth = positions.notional(position.size, price)
            equity += result - due.total
            counted = wad.mul_down(result, parameters.profit_ratio) if result > 0 else result
            backing += counted - due.total
            needed = margin_math.requirement(
                worth, parameters.initial_ratio, parameters.initial_slope
            )
            free += min(result, 0) - max(due.funding, 0) - due.borrowing - needed
            initial += needed
            maintenance += margin_math.requirement(
                worth, parameters.maintenance_ratio, parameters.maintenance_slope
            )
        return Appraisal(equity, backing, free, initial, maintenance)

    def equity(self, now: int, account: int, prices: dict[int, int]) -> int:
        """Return margin, escrow and open results less what is owed, at a price per market."""
        return self.appraise(now, account, prices).equity

    def _prices_at(
        self, account: int, second: int, market: int, price: int
    ) -> dict[int, int] | None:
        """Return a price for each of an account's markets; None if the report lacks one."""
        found = {market: price}
        for other in self._account(account).positions:
            if other != market:
                board = self.feed.board_at(other // LANES, second)
                if not price_words.is_sound(board, other % LANES):
                    return None
                found[other] = price_words.sound_price(board, other % LANES)
        return found

    @staticmethod
    def _owed(state: Market, position: Position, price: int) -> Owed:
        return positions.owed(
            position, state.funding_index, state.borrowing_index(position.size), price
        )

    def _tile(self, second: int) -> int:
        return -(-second // self.feed.tile_length)

    # Buckets

    def sweep(self, market: int) -> None:
        """Share a market's fees out to insurance and vault. Anyone may."""
        state = self.markets[market]
        insured = wad.mul_down(state.fees, self.pool.insurance_share)
        self.insurance += insured
        self.cash += state.fees - insured
        state.fees = 0

    def pay_claims(self, most: int) -> None:
        """Pay claims from the vault's cash, oldest first, `most` of them. Anyone may."""
        for _ in range(min(most, len(self.claims))):
            account, claim = self.claims[0]
            paid = min(claim, self.cash)
            self.cash -= paid
            self._credit(account, paid)
            if paid < claim:
                self.claims[0] = (account, claim - paid)
                return
            self.claims.pop(0)

    def buckets(self) -> dict[str, int]:
        """Return every bucket that tokens stand behind; quote wad. Their sum is what is held."""
        holders = self.accounts.values()
        states = self.markets.values()
        return {
            "margins": sum(max(holder.margin, 0) for holder in holders),
            "escrows": sum(holder.escrow for holder in holders),
            "vault cash": self.cash,
            "insurance": self.insurance,
            "impact reserves": sum(state.impact_reserve for state in states),
            "fees": sum(state.fees for state in states),
        }

    def _credit(self, account: int, money: int) -> None:
        """Add margin. What a debt swallows is the vault's, which had gone without it."""
        holder = self._account(account)
        repaid = min(max(-holder.margin, 0), money)
        holder.margin += money
        self.cash += repaid

    def _account(self, account: int) -> Account:
        return self.accounts.setdefault(account, Account())

    def _order(self, account: int, slot: int) -> Order:
        order = self.accounts.get(account, Account()).orders.get(slot)
        if order is None:
            raise Refused("no such order")
        return order

    def _release(self, account: int, slot: int) -> Order:
        """Take an order off its slot; its escrow, less the keeper's fee, is margin again."""
        order = self._account(account).orders.pop(slot)
        self._credit(account, order.escrow - order.keeper_fee)
        return order


def _side(size: int, sizes: Iterable[int]) -> int:
    """Return the sum of those that have the sign of one."""
    return sum(other for other in sizes if (other > 0) == (size > 0))


def _initial(parameters: Parameters, size: int, price: int) -> int:
    return margin_math.requirement(
        positions.notional(size, price), parameters.initial_ratio, parameters.initial_slope
    )


def _at_risk(parameters: Parameters, long: int, short: int, price: int) -> int:
    worth = wad.mul_up(max(long, short), price)
    return positions.to_grid_up(wad.mul_up(worth, parameters.risk_weight), AT_RISK_UNIT)


@contextmanager
def whole(market: PerpetualMarket) -> Iterator[None]:
    """Take back everything that a refused transition did."""
    before = market.copy()
    try:
        yield
    except Refused:
        for part in fields(market):
            setattr(market, part.name, getattr(before, part.name))
        raise
