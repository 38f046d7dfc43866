"""The perpetual market as a state with transitions: what the contracts mean.

Each transition is refused with the contract's reason or happens whole. Tokens move only at
`deposit`, `withdraw`, `provide` and `pay_out`; everything else moves numbers between the buckets of
`buckets`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace

from clearway.spec import (
    batches,
    borrowing_math,
    funding_math,
    liquidation_math,
    margin_math,
    positions,
    price_words,
    wad,
)
from clearway.spec.batches import Terms
from clearway.spec.positions import MONEY_UNIT, Position
from clearway.spec.price_feed import PriceFeed
from clearway.spec.price_words import LANES
from clearway.spec.refused import Refused, require
from clearway.spec.state import (
    AT_RISK_UNIT,
    DAY,
    DELAY,
    ESCROW_UNIT,
    FLAG_LIFE,
    KEEPER_FEE_UNIT,
    LIMIT_UNIT,
    MOST_KEEPER_FEE,
    RATE_UNIT,
    REDUCE_WINDOW,
    SIGNED_WINDOW,
    SLOTS,
    Account,
    Appraisal,
    Market,
    Order,
    Parameters,
    PoolParameters,
    account_of,
    owner_of,
)

STAYS = "stays"
ROUNDINGS = 10**5  # a share of maintenance: an entry's grid is a hundredth of it or less


@dataclass
class PerpetualMarket:
    """Everything that the contracts hold."""

    feed: PriceFeed
    pool: PoolParameters
    scale: int = 10**12  # wads to a token unit
    markets: dict[int, Market] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    held: int = 0  # token units that came in and did not leave
    cash: int = 0  # quote wad, the vault's
    at_risk: int = 0  # quote wad, over all markets
    set_aside: int = 0  # quote wad: redemptions that wait for their owners
    claims: list[tuple[int, int]] = field(default_factory=list)
    """Profits that the vault could not pay, oldest first: account, quote wad. One that a debt took
    back keeps its place with what is left of it, be it nothing.
    """

    def copy(self) -> "PerpetualMarket":
        """Return a twin that shares nothing that a transition changes; the feed is only read."""
        return replace(
            self,
            markets={number: replace(state) for number, state in self.markets.items()},
            accounts={
                name: replace(holder, positions=dict(holder.positions), orders=dict(holder.orders))
                for name, holder in self.accounts.items()
            },
            claims=list(self.claims),
        )

    # The way in and out

    def list_market(self, now: int, market: int, parameters: Parameters) -> None:
        """Open a market."""
        self.markets[market] = Market(parameters, now)

    def change(self, now: int, market: int, parameters: Parameters) -> None:
        """Change a market's parameters; what time cost until now, it cost by those until now."""
        self.markets[market] = replace(self.accrued(market, now), parameters=parameters)

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
        """Return what may leave: the margin less open losses, what is owed and initial margin."""
        holder = self.accounts.get(account, Account())
        if not holder.positions:
            return max(holder.margin, 0)
        return max(self.appraise(now, account, self._newest_prices(now, account)).free, 0)

    def provide(self, amount: int) -> None:
        """Add to the vault's cash; token units."""
        self.held += amount
        self.cash += amount * self.scale

    def put_aside(self, amount: int) -> None:
        """Take from the cash for who leaves, if it doesn't back positions; token units."""
        money = amount * self.scale
        require(self.owed == 0 and money <= self.cash, "vault fully used")
        used = borrowing_math.utilisation(self.at_risk, self.cash - money)
        require(used <= self.pool.max_utilisation, "vault fully used")
        self.cash -= money
        self.set_aside += money

    def pay_out(self, amount: int) -> None:
        """Let go what was set aside; token units."""
        self.set_aside -= amount * self.scale
        self.held -= amount

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
            halted = self.feed.halted(now, market)
            require(halted == "", halted)
        self._require_open(market)
        begins = max(now, newest)  # no order fills at a report that was known at its commit
        dearest = limit_price
        if size_delta < 0:  # a sale's limit is the least that it may fill at
            lane = price_words.lane_of(board, market % LANES)
            dearest = max(
                limit_price, price_words.price_of(lane) if price_words.is_in_bounds(lane) else 0
            )
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
        self._write_off(now, account, order.market)

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
        self._require_open(market)
        untouched = self.markets[market]
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
        if all(reason == STAYS for reason in reasons.values()):
            self.markets[market] = untouched
            return list(reasons.values())
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
        # What an order that failed pays follows from the state that it was judged by.
        fees = {
            entry: self._failure(now, entry, price, second)
            for entry, reason in reasons.items()
            if reason not in ("", STAYS)
        }
        for entry, reason in reasons.items():
            account, slot = entry
            if reason == STAYS:
                continue
            before = self._account(account).positions.get(market, Position()).size
            order = self._release(account, slot)
            if reason:
                fee, earned = fees[entry]
                self._account(account).margin -= fee
                self.cash += fee
            else:
                terms = batches.terms(meeting, sizes[entry])
                self._trade(account, market, sizes[entry], price, terms)
                earned = self._due_for_fill(account, order, before, sizes[entry], price, terms)
                if positions.increases(before, sizes[entry]):
                    self._account(account).flagged_at = 0
            reward += earned
            self._credit(account, order.keeper_fee - earned)
            self._write_off(now, account, market)
        if reward:
            self._credit(account_of(keeper), reward)
        self._reprice(market, price)
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
        order = self._order(account, slot)
        holder, state = self._account(account), self.markets[order.market]
        parameters = state.parameters
        whole_side = batches.side_terms(side, state.skew, price, parameters.schedule)
        terms = batches.dearest_share(whole_side, size, side, price)
        require(
            batches.is_within_limit(size, price, terms.premium, order.limit_price),
            "price beyond limit",
        )
        before = holder.positions.get(order.market, Position())
        after = before.size + size
        worth = positions.notional(after, price)
        require(after == 0 or worth >= parameters.min_notional, "position too small")
        if not positions.increases(before.size, size):
            return
        self._require_room(order.market, side, price)
        gain = self._gain(state, before, size, price)[1]
        del holder.orders[slot]
        holder.margin += order.escrow - order.keeper_fee
        # What the vault couldn't pay a winner now is a claim, and no margin.
        paid = max(holder.margin + gain, 0) - max(holder.margin, 0)
        holder.margin += gain - max(paid - self.free_cash, 0)
        require(terms.fee + terms.premium <= max(holder.margin, 0), "insufficient margin")
        holder.margin -= terms.fee + terms.premium
        holder.positions[order.market] = self._gain(state, before, size, price)[0]
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

    # A trade

    def _gain(
        self, state: Market, before: Position, size_delta: int, price: int
    ) -> tuple[Position, int]:
        """Return a position after a trade, and the realised result less what was owed."""
        index = state.index(before.size + size_delta)
        after, realised = positions.filled(before, size_delta, price, index)
        return after, realised - positions.owed(before, state.index(before.size), price)

    def _trade(
        self,
        account: int,
        market: int,
        size_delta: int,
        price: int,
        terms: Terms,
        most: int | None = None,
    ) -> Terms:
        """Settle, realise, pay and replace; return what was paid.

        That is limited to what is left, and to `most` in all: no fee makes a shortfall. What a
        reduction can't pay because its money is in escrow for other orders is owed to the vault;
        so is what it can't pay because its money is in other markets' open profits, for closing
        frees more maintenance than it costs; of a liquidation up to `most`, which is what the whole
        account has. (But a profit may have to wait as a claim.)
        """
        holder, state = self._account(account), self.markets[market]
        before = holder.positions.get(market, Position())
        after, gain = self._gain(state, before, size_delta, price)
        self._settle(account, gain)
        reduces = not positions.increases(before.size, size_delta)
        room, rebate = holder.margin, max(-terms.premium, 0)
        if reduces:
            room += min(positions.result(after, price), 0)
        left = max(room, 0) if most is None else min(max(room, 0), most)
        fee = min(terms.fee, max(min(room, left) + rebate, 0))
        premium = min(terms.premium, positions.to_grid_down(left - fee, MONEY_UNIT))
        insured = wad.mul_down(fee, self.pool.insurance_share) // MONEY_UNIT * MONEY_UNIT
        state.insurance += insured
        self.cash += fee - insured
        state.impact_reserve += premium
        if fee + premium >= 0:
            holder.margin -= fee + premium
        else:
            self._credit(account, -fee - premium)
        if reduces:
            unpaid = terms.fee + terms.premium - fee - premium
            backed = max(room - fee - premium + holder.escrow, 0)
            if most is not None:
                rest = max(most - fee - premium, 0)
                backed = min(backed, rest) if self.owed else rest
            elif holder.positions.keys() - {market} and not self.owed:
                backed = unpaid
            self._settle(account, -min(unpaid, backed))
        self._replace(account, market, before, after)
        return Terms(fee, premium)

    def _replace(self, account: int, market: int, before: Position, after: Position) -> None:
        holder, state = self._account(account), self.markets[market]
        state.long += max(after.size, 0) - max(before.size, 0)
        state.short += max(-after.size, 0) - max(-before.size, 0)
        for position, sign in ((before, -1), (after, 1)):
            state.cost_sum += sign * positions.signed_cost(position)
            state.entry_sum += sign * abs(position.size) * position.entry
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
        if paid > self.free_cash:
            unpaid = paid - self.free_cash
            holder.margin -= unpaid
            paid -= unpaid
            self.claims.append((account, unpaid))
        self.cash -= paid

    @property
    def owed(self) -> int:
        """Return what the vault owes winners; quote wad."""
        return sum(claim for _, claim in self.claims)

    @property
    def free_cash(self) -> int:
        """Return what the vault can pay a winner now: nothing while others wait; quote wad."""
        return 0 if self.owed else self.cash

    def _failure(
        self, now: int, entry: tuple[int, int], price: int, second: int | None
    ) -> tuple[int, int]:
        """Return the fee that a failed order pays, and what of its keeper's fee it pays.

        The fee is the taker's, as far as the account stays healthy; the keeper gets what the
        account could withdraw.
        """
        trial = self.copy()
        account, slot = entry
        order = trial._order(account, slot)
        holder, parameters = trial._account(account), trial.markets[order.market].parameters
        del holder.orders[slot]
        holder.margin += order.escrow - order.keeper_fee
        worth = positions.notional(order.size_delta, price)
        fee = wad.mul_up(worth, parameters.schedule.taker_fee)
        fee = min(fee, order.escrow - order.keeper_fee, max(holder.margin, 0))
        most = order.keeper_fee
        if holder.positions:
            prices = None
            if second is not None:
                prices = trial._prices_at(account, second, order.market, price)
            if prices is not None:
                found = trial.appraise(now, account, prices)
                fee = min(fee, max(found.spare, 0))
                most = min(most, found.free - fee + order.keeper_fee)
            else:
                # A round's price may be a day old: what the account can bear now isn't known.
                most = fee = 0
        return fee, max(min(most, holder.margin - fee + order.keeper_fee), 0)

    def _due_for_fill(
        self, account: int, order: Order, before: int, size_delta: int, price: int, terms: Terms
    ) -> int:
        """Return how much of its keeper's fee an order pays that changed `before`.

        A keeper may be the owner himself, so what keeps an account healthy stays in it: an
        increase was judged without the fee; a reduction pays out of the maintenance margin that it
        frees and doesn't cost.
        """
        holder, parameters = self._account(account), self.markets[order.market].parameters
        most = min(order.keeper_fee, holder.margin + order.keeper_fee)
        if holder.positions and not positions.increases(before, size_delta):
            after = holder.positions.get(order.market, Position())
            freed = _maintenance(parameters, before, price)
            freed -= _maintenance(parameters, after.size, price) + terms.fee + terms.premium
            left = holder.margin + order.keeper_fee + min(positions.result(after, price), 0)
            most = min(most, freed, left)
        return max(most, 0)

    def _reprice(self, market: int, price: int) -> None:
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

    # Liquidation

    def mark(self, now: int, account: int) -> None:
        """Flag an account that is below maintenance, or take its flag off. Anyone may."""
        holder = self.accounts.get(account, Account())
        require(bool(holder.positions), "no positions")
        if self.appraise(now, account, self._newest_prices(now, account)).spare >= 0:
            holder.flagged_at = 0
        elif now > holder.flagged_at + FLAG_LIFE:
            holder.flagged_at = now

    def liquidate(self, now: int, keeper: int, account: int, cost: int) -> None:
        """Close as much of an account as brings it back above maintenance. Anyone may.

        `cost` is what it costs the keeper, in quote wad.
        """
        holder = self.accounts.get(account, Account())
        require(bool(holder.positions), "no positions")
        prices = self._newest_prices(now, account)
        for market in holder.positions:
            outage = self.feed.outage(now, market // LANES)
            require(outage == "", outage)
        found = self.appraise(now, account, prices)
        require(found.spare < 0, "account healthy")
        fraction = liquidation_math.liquidation_fraction(
            found.equity, found.linear, found.quadratic, found.penalty, self.pool.buffer
        )
        if 2 * (wad.WAD - fraction) < wad.WAD:
            fraction = wad.WAD
        kept = wad.WAD - fraction

        # What all payments together may take: the equity above the maintenance of what stays, and
        # a little more for roundings, so that nobody can liquidate again at once.
        stays = wad.mul_up(found.linear, kept)
        stays += wad.mul_div_up(found.quadratic, kept * kept, wad.WAD**2)
        stays += stays // ROUNDINGS
        room = max(found.equity - stays, 0)
        penalty = min(wad.mul_up(found.penalty, fraction), room)
        room -= penalty
        taken = min(penalty, max(holder.margin, 0))
        holder.margin -= penalty

        elapsed = now - holder.flagged_at
        share = liquidation_math.reward_share(
            elapsed if elapsed <= FLAG_LIFE else 0,
            self.pool.reward_ramp,
            self.pool.least_reward,
            self.pool.most_reward,
        )
        cost = min(cost, self.pool.most_cost)
        reward = min(cost + wad.mul_down(taken, share), taken)
        missing = cost - min(cost, reward)
        insured = left = taken - reward  # no profit is paid out of it
        holder.flagged_at = 0
        for market in sorted(holder.positions):
            self.markets[market] = state = self.accrued(market, now)
            parameters, price = state.parameters, prices[market]
            position = holder.positions[market]
            closing = _closing(position.size, fraction, price, parameters.min_notional)
            size_delta = -closing if position.size > 0 else closing
            terms = batches.side_terms(size_delta, state.skew, price, parameters.schedule)
            premium = positions.to_grid_up(max(terms.premium, 0), MONEY_UNIT)
            # Its part of the penalty: that of its notional, at its ratio.
            part = wad.mul_up(positions.notional(position.size, price), parameters.penalty_ratio)
            part = insured * part // found.penalty // MONEY_UNIT * MONEY_UNIT
            left -= part
            state.insurance += part
            self._trade(account, market, size_delta, price, Terms(terms.fee, premium), room)
            room -= min(room, terms.fee + premium)
            drawn = self._draw(now, market, missing)
            missing -= drawn
            reward += drawn
            self._write_off(now, account, market)
            self._reprice(market, price)
        self.cash += left
        self._credit(account_of(keeper), reward)

    # A market's end

    def retire(self, now: int, market: int, price: int) -> None:
        """End a market at a final price. From then on time costs nothing in it."""
        self._require_open(market)
        require(
            price_words.LOWEST_PRICE <= price <= price_words.HIGHEST_PRICE, "price out of bounds"
        )
        self.markets[market] = replace(self.accrued(market, now), final_price=price)

    def settle(self, now: int, account: int, market: int) -> None:
        """Close a position in a retired market at its final price, without a fee. Anyone may."""
        price = self.markets[market].final_price if market in self.markets else 0
        require(price != 0, "market not retired")
        size = self.accounts.get(account, Account()).positions.get(market, Position()).size
        require(size != 0, "no position")
        self.markets[market] = self.accrued(market, now)
        self._trade(account, market, -size, price, Terms(0, 0), 0)
        self._write_off(now, account, market)
        self._reprice(market, price)

    def _require_open(self, market: int) -> None:
        require(market in self.markets, "unknown market")
        require(self.markets[market].final_price == 0, "market retired")

    def _draw(self, now: int, market: int, wanted: int) -> int:
        """Take from a market's insurance what it may pay today, on the grid of money."""
        state = self.markets[market]
        day, used = state.paid_on
        left = state.parameters.insurance_limit
        if day == now // DAY:
            left = max(left - used, 0)
        paid = min(wanted, state.insurance, left) // MONEY_UNIT * MONEY_UNIT
        if paid:
            state.insurance -= paid
            state.paid_on = (now // DAY, state.parameters.insurance_limit - left + paid)
        return paid

    def _write_off(self, now: int, account: int, market: int) -> None:
        """Book the debt of who is broke: what the vault owes him is set off against it, and of the
        rest the market's insurance pays the vault what it may.
        """
        holder = self._account(account)
        if holder.is_broke:
            self.claims, debt = set_off(self.claims, account, -holder.margin)
            self.cash += self._draw(now, market, debt)
            holder.margin = 0

    # Time

    def accrued(self, market: int, now: int) -> Market:
        """Return a market brought up to date; the stored one stays as it is."""
        state = replace(self.markets[market])
        parameters, elapsed = state.parameters, now - state.updated_at
        if elapsed == 0 or state.final_price:
            return state
        velocity = funding_math.velocity(
            state.skew, parameters.schedule.skew_scale, parameters.max_velocity
        )
        rate = max(-parameters.funding_cap, min(state.rate, parameters.funding_cap))
        growth = funding_math.index_growth(rate, velocity, elapsed, parameters.funding_cap)
        rate = funding_math.rate_after(rate, velocity, elapsed, parameters.funding_cap)
        state.rate = wad.signed_mul_div_truncated(rate, 1, RATE_UNIT) * RATE_UNIT
        borrowed = borrowing_math.borrow_growth(state.borrowing_rate, elapsed)
        state.index_long += growth + (borrowed if state.long >= state.short else 0)
        state.index_short += -growth + (borrowed if state.short >= state.long else 0)
        state.updated_at = now
        return state

    # What an account has and needs

    def appraise(self, now: int, account: int, prices: dict[int, int]) -> Appraisal:
        """Return what an account has and needs, at a price per market."""
        holder = self.accounts.get(account, Account())
        equity = backing = holder.margin + holder.escrow
        free = holder.margin
        initial = linear = quadratic = penalty = 0
        for market, position in holder.positions.items():
            price, state = prices[market], self.accrued(market, now)
            parameters = state.parameters
            owed = positions.owed(position, state.index(position.size), price)
            result = positions.result(position, price)
            worth = positions.notional(position.size, price)
            equity += result - owed
            counted = wad.mul_down(result, parameters.profit_ratio) if result > 0 else result
            backing += counted - owed
            needed = _initial(parameters, position.size, price)
            free += min(result, 0) - max(owed, 0) - needed
            initial += needed
            linear += margin_math.linear_requirement(worth, parameters.maintenance_ratio)
            quadratic += margin_math.quadratic_requirement(worth, parameters.maintenance_slope)
            penalty += wad.mul_up(worth, parameters.penalty_ratio)
        return Appraisal(equity, backing, free, initial, linear, quadratic, penalty)

    def equity(self, now: int, account: int, prices: dict[int, int]) -> int:
        """Return margin, escrow and open results less what is owed, at a price per market."""
        return self.appraise(now, account, prices).equity

    def _newest_prices(self, now: int, account: int) -> dict[int, int]:
        """Return the newest price of an account's first market, and the others' of that second."""
        found: dict[int, int] = {}
        second = 0
        for market in sorted(self._account(account).positions):
            retired = self.markets[market].final_price != 0
            require(not retired, "retired market not settled")
            if not found:
                second = self.feed.price(now, market).observed_at
            found[market] = self.feed.price_at(market, second).price
        return found

    def _prices_at(
        self, account: int, second: int, market: int, price: int
    ) -> dict[int, int] | None:
        """Return a price for each of an account's markets; None if the report lacks one.

        A retired market has none: what it gains or loses there is final, and counts once settled.
        """
        found = {market: price}
        for other in self._account(account).positions:
            if other != market:
                board = self.feed.found_board(other // LANES, second)
                if not price_words.is_sound(board, other % LANES):
                    return None
                if self.markets[other].final_price != 0:
                    return None
                found[other] = price_words.sound_price(board, other % LANES)
        return found

    def _tile(self, second: int) -> int:
        return -(-second // self.feed.tile_length)

    # Buckets

    def pay_claims(self, most: int) -> None:
        """Pay claims from the vault's cash, oldest first, `most` of them. Anyone may."""
        for _ in range(min(most, len(self.claims))):
            account, claim = self.claims[0]
            if self.cash == 0:
                return
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
            "set aside": self.set_aside,
            "insurance": sum(state.insurance for state in states),
            "impact reserves": sum(state.impact_reserve for state in states),
        }

    @property
    def debts(self) -> int:
        """Return what accounts owe the vault; quote wad."""
        return sum(max(-holder.margin, 0) for holder in self.accounts.values())

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


def _closing(size: int, fraction: int, price: int, min_notional: int) -> int:
    """Return how much of a position a liquidation closes: all, where dust would stay."""
    lots = wad.mul_div_up(abs(size) // positions.SIZE_UNIT, fraction, wad.WAD)
    closing = lots * positions.SIZE_UNIT
    rest = wad.mul_up(abs(size) - closing, price)
    return abs(size) if rest < min_notional else closing


def _initial(parameters: Parameters, size: int, price: int) -> int:
    return margin_math.requirement(
        positions.notional(size, price), parameters.initial_ratio, parameters.initial_slope
    )


def _maintenance(parameters: Parameters, size: int, price: int) -> int:
    return margin_math.requirement(
        positions.notional(size, price), parameters.maintenance_ratio, parameters.maintenance_slope
    )


def _at_risk(parameters: Parameters, long: int, short: int, price: int) -> int:
    worth = wad.mul_up(max(long, short), price)
    return positions.to_grid_up(wad.mul_up(worth, parameters.risk_weight), AT_RISK_UNIT)


def set_off(
    claims: list[tuple[int, int]], account: int, debt: int
) -> tuple[list[tuple[int, int]], int]:
    """Return claims less what an account's own, the oldest first, cover of its debt; and the rest
    of the debt.
    """
    left = []
    for owner, claim in claims:
        part = min(claim, debt) if owner == account else 0
        left.append((owner, claim - part))
        debt -= part
    return left, debt


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
