"""The market's state, rebuilt from its events alone.

Events say what happened; what follows from that by the rules is worked out by `clearway.spec` and
not told again. Where an event tells what also follows, the two are compared: a `Contradiction`
means that events are missing, out of order, or not of this market.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clearway.spec import batches, liquidation_math, positions, wad
from clearway.spec.batches import Schedule, Terms
from clearway.spec.market import PerpetualMarket, set_off
from clearway.spec.positions import Position
from clearway.spec.price_feed import Price, PriceFeed
from clearway.spec.state import (
    FLAG_LIFE,
    SLOT_ROOM,
    Account,
    Order,
    Parameters,
    PoolParameters,
    account_of,
)


class Contradiction(Exception):
    """An event tells something else than what follows from those before it."""


@dataclass(frozen=True)
class Event:
    """One log of the market, its order book or its configuration, in the chain's order."""

    name: str
    at: int  # its block's time
    values: Mapping[str, Any]  # by the event's fields; a struct is a mapping, too


class Told(PriceFeed):
    """A feed that knows no prices but those that the events of one liquidation tell."""

    prices: Mapping[int, int]

    def __init__(self) -> None:
        """Begin without prices."""
        super().__init__(tile_length=1, publishers=[], quorum=0, grace_period=0)
        self.prices = {}

    def price(self, now: int, market: int) -> Price:
        """Return a told price."""
        return self.price_at(market, now)

    def price_at(self, market: int, second: int) -> Price:
        """Return a told price."""
        return Price(self.prices[market], 0, second)

    def outage(self, now: int, board: int) -> str:
        """Return nothing: what happened was allowed."""
        return ""


class Ledger:
    """Accounts, orders, positions, markets and the pool, as far as events have been told."""

    def __init__(self, scale: int) -> None:
        """Begin with nothing; `scale` is wads to a token unit."""
        self._told = Told()
        no_pool = PoolParameters(*[0] * len(PoolParameters.__dataclass_fields__))
        self.state = PerpetualMarket(self._told, no_pool, scale)
        self._ended: list[Event] = []  # what became of the orders of a batch that isn't over
        self._closed: list[Event] = []  # positions of a liquidation that isn't over
        self._claimed: list[tuple[int, int]] = []
        self._set_off: list[tuple[int, int]] = []

    @classmethod
    def from_events(cls, events: Iterable[Event], scale: int) -> "Ledger":
        """Return the state after events, told in the chain's order."""
        ledger = cls(scale)
        for event in events:
            ledger.tell(event)
        return ledger

    def tell(self, event: Event) -> None:
        """Go on by one event; those of other contracts change nothing."""
        if event.name in ("OrderFilled", "OrderFailed"):
            self._ended.append(event)
        elif event.name == "PositionLiquidated":
            self._closed.append(event)
        elif event.name == "ProfitClaimed":
            self._claimed.append((event.values["account"], event.values["amount"]))
        elif event.name == "ClaimSetOff":
            self._set_off.append((event.values["account"], event.values["amount"]))
        elif event.name in HANDLERS:
            before = list(self.state.claims)
            HANDLERS[event.name](self, event.at, **event.values)
            if event.name != "ClaimPaid":
                _agree(event, self.state.claims, self._told_claims(before))

    def _told_claims(self, before: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the claims there must be after what was told of them."""
        claims = before + self._claimed
        for account, amount in self._set_off:
            claims, _ = set_off(claims, account, amount)
        self._claimed, self._set_off = [], []
        return claims

    def equity(self, now: int, account: int, prices: Mapping[int, int]) -> int:
        """Return what an account is worth at prices (wad, by market) of this second; quote wad."""
        return self.state.appraise(now, account, dict(prices)).equity

    # The door

    def deposited(self, at: int, account: int, by: str, amount: int) -> None:
        """Add to an account's margin."""
        self.state.deposit(account, amount)

    def withdrawn(self, at: int, account: int, to: str, amount: int) -> None:
        """Take from an account's margin."""
        self.state.accounts[account].margin -= amount * self.state.scale
        self.state.held -= amount

    def vault_moved(self, at: int, cash: int, set_aside: int) -> None:
        """Move the vault's cash and what is set aside of it."""
        self.state.held += cash + set_aside
        self.state.cash += cash * self.state.scale
        self.state.set_aside += set_aside * self.state.scale

    # Orders

    def order_placed(
        self, at: int, account: int, market: int, slot: int, order: Mapping[str, Any]
    ) -> None:
        """Lock a committed order's escrow."""
        fields = {name: value for name, value in order.items() if name != "id"}
        placed = Order(**fields)
        holder = self.state.accounts[account]
        holder.margin -= placed.escrow
        holder.orders[slot] = placed

    def order_cleared(self, at: int, account: int, slot: int) -> None:
        """Give an order's escrow back."""
        order = self.state.accounts[account].orders.pop(slot)
        self.state._credit(account, order.escrow)
        self.state._write_off(at, account, order.market)

    def batch_executed(self, at: int, market: int, keeper: str, price: int) -> None:
        """Fill and fail the orders told since the last batch."""
        state = self.state.markets[market] = self.state.accrued(market, at)
        filled = [
            event.values["size_delta"] for event in self._ended if event.name == "OrderFilled"
        ]
        meeting = batches.meeting(
            sum(max(size, 0) for size in filled),
            sum(max(-size, 0) for size in filled),
            state.skew,
            price,
            state.parameters.schedule,
            state.impact_reserve,
        )
        ended, self._ended = self._ended, []
        reward = sum(
            self._end(event, meeting)
            for event in sorted(ended, key=lambda event: int(event.values["account"]))
        )
        if reward:
            self.state._credit(account_of(int(keeper, 16)), reward)
        self.state._reprice(market, price)

    def _end(self, event: Event, meeting: batches.Meeting) -> int:
        """End one order; return what its keeper earned."""
        told, state = event.values, self.state
        account, market = told["account"], told["market"]
        order = state._release(account, told["slot"])
        holder = state.accounts[account]
        if event.name == "OrderFailed":
            holder.margin -= told["fee"]
            state.cash += told["fee"]
            earned: int = told["earned"]
        else:
            size, price = told["size_delta"], told["price"]
            before = holder.positions.get(market, Position())
            gain = state._gain(state.markets[market], before, size, price)[1]
            terms = batches.terms(meeting, size)
            paid = state._trade(account, market, size, price, terms)
            _agree(event, (paid, gain), (Terms(told["fee"], told["premium"]), told["result"]))
            if positions.increases(before.size, size):
                holder.flagged_at = 0
            earned = state._due_for_fill(account, order, before.size, size, price, terms)
        state._credit(account, order.keeper_fee - earned)
        state._write_off(event.at, account, market)
        return earned

    # Liquidation

    def account_marked(self, at: int, account: int, flagged_at: int) -> None:
        """Note an account's flag."""
        self.state.accounts[account].flagged_at = flagged_at

    def account_liquidated(
        self, at: int, account: int, keeper: str, fraction: int, penalty: int, reward: int
    ) -> None:
        """Close the parts of positions told since the last liquidation."""
        closed, self._closed = self._closed, []
        holder = self.state.accounts[account]
        before = {number: position.size for number, position in holder.positions.items()}
        self._told.prices = {event.values["market"]: event.values["price"] for event in closed}
        cost = self._cost(at, holder, penalty, reward)
        self.state.liquidate(at, int(keeper, 16), account, cost)
        for event in closed:
            number = event.values["market"]
            left = holder.positions.get(number, Position()).size
            _agree(event, left - before[number], event.values["size_delta"])

    def _cost(self, at: int, holder: Account, penalty: int, reward: int) -> int:
        """Return a keeper's cost that gives the reward told.

        The reward is the cost and a share of the penalty, as far as the penalty was taken. What is
        paid beyond that is the insurance's part, and then the reward is as good as the cost.
        """
        pool = self.state.pool
        taken = min(penalty, max(holder.margin, 0))
        if reward > taken:
            return reward
        elapsed = at - holder.flagged_at
        share = liquidation_math.reward_share(
            elapsed if elapsed <= FLAG_LIFE else 0,
            pool.reward_ramp,
            pool.least_reward,
            pool.most_reward,
        )
        return reward - wad.mul_down(taken, share)

    # A market's end

    def market_retired(self, at: int, market: int, price: int) -> None:
        """End a market at its final price."""
        self.state.retire(at, market, price)

    def position_settled(
        self, at: int, account: int, market: int, size_delta: int, price: int, result: int
    ) -> None:
        """Close a position in a retired market."""
        size = self.state.accounts[account].positions[market].size
        if (-size, self.state.markets[market].final_price) != (size_delta, price):
            raise Contradiction(f"account {account:#x} was settled otherwise than it must be")
        self.state.settle(at, account, market)

    # The vault's debts, and parameters

    def claim_paid(self, at: int, account: int, amount: int) -> None:
        """Pay the oldest claim, or a part of it."""
        claimant, claim = self.state.claims.pop(0)
        if claimant != account or amount > claim:
            raise Contradiction(f"the oldest claim is another's than {account}'s")
        if amount < claim:
            self.state.claims.insert(0, (account, claim - amount))
        self.state.cash -= amount
        self.state._credit(account, amount)

    def parameters_set(self, at: int, market: int, parameters: Mapping[str, int]) -> None:
        """Change a market's parameters, or open it."""
        fields = dict(parameters)
        schedule = Schedule(**{name: fields.pop(name) for name in Schedule.__dataclass_fields__})
        new = Parameters(schedule, **fields)
        if market in self.state.markets:
            self.state.change(at, market, new)
        else:
            self.state.list_market(at, market, new)

    def pool_parameters_set(self, at: int, parameters: Mapping[str, int]) -> None:
        """Change what holds for all markets together."""
        self.state.pool = PoolParameters(**parameters)


HANDLERS: dict[str, Callable[..., None]] = {
    "Deposited": Ledger.deposited,
    "Withdrawn": Ledger.withdrawn,
    "VaultMoved": Ledger.vault_moved,
    "OrderPlaced": Ledger.order_placed,
    "OrderCleared": Ledger.order_cleared,
    "BatchExecuted": Ledger.batch_executed,
    "AccountMarked": Ledger.account_marked,
    "AccountLiquidated": Ledger.account_liquidated,
    "MarketRetired": Ledger.market_retired,
    "PositionSettled": Ledger.position_settled,
    "ClaimPaid": Ledger.claim_paid,
    "ParametersSet": Ledger.parameters_set,
    "PoolParametersSet": Ledger.pool_parameters_set,
}


def _agree(event: Event, worked_out: object, told: object) -> None:
    if worked_out != told:
        account = event.values.get("account", 0)
        where = f"{event.name} at {event.at}, account {account // SLOT_ROOM * SLOT_ROOM:#x}"
        raise Contradiction(f"{where}: {worked_out} follows, {told} is told")
