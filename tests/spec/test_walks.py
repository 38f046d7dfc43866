"""Long random walks through everything that the market can do, checked after every step.

The walks are fixed by their seeds. Every kind of step must succeed somewhere on the way, else the
walk proves nothing about it.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest

from clearway.spec import positions
from clearway.spec.market import PerpetualMarket, whole
from clearway.spec.positions import MONEY_UNIT
from clearway.spec.refused import Refused
from clearway.spec.state import MOST_KEEPER_FEE, Account, Market, account_of, owner_of
from clearway.spec.wad import WAD
from tests.spec.world import DEAREST, KEEPER, PARAMETERS, SCHEDULE, TILE, UNIT, Wish, World, closing

ACCOUNTS = [account_of(owner, number) for owner in (1, 2, 3) for number in (0, 1)]
BOARDS = (0, 1, 4)  # two markets of one board, one of another
SHALLOW = replace(  # so that small orders move the price by as much as reports do
    PARAMETERS, schedule=replace(SCHEDULE, skew_scale=3000 * WAD, premium_cap=1000 * WAD)
)
SEEDS = range(12)
STEPS = 1200


def summed(market: PerpetualMarket, number: int) -> tuple[int, ...]:
    """Return what a market's running sums should be."""
    held = [h.positions[number] for h in market.accounts.values() if number in h.positions]
    return (
        sum(max(one.size, 0) for one in held),
        sum(max(-one.size, 0) for one in held),
        sum(positions.signed_cost(one) for one in held),
        sum(abs(one.size) * one.entry for one in held),
    )


def sums(state: Market) -> tuple[int, ...]:
    return (
        state.long,
        state.short,
        state.cost_sum,
        state.entry_sum,
    )


def check(world: World, came_in: int) -> None:
    """Hold the state to what must be true after every step."""
    market = world.market
    buckets = market.buckets()
    assert market.held == came_in
    assert sum(buckets.values()) == came_in * market.scale
    assert min(buckets.values()) >= 0
    for number, state in market.markets.items():
        assert sums(state) == summed(market, number)
        assert min(state.impact_reserve, state.insurance) >= 0
        assert state.impact_reserve % MONEY_UNIT == state.insurance % MONEY_UNIT == 0
        assert abs(state.rate) <= state.parameters.funding_cap
        assert 0 <= state.paid_on[1] <= state.parameters.insurance_limit
    assert market.at_risk == sum(state.at_risk for state in market.markets.values())
    assert all(claim >= 0 for _, claim in market.claims)
    for holder in market.accounts.values():
        assert all(0 <= o.keeper_fee <= o.escrow for o in holder.orders.values())
        assert all(position.size for position in holder.positions.values())
        assert holder.margin >= 0 or holder.positions or holder.escrow


class Walk:
    """One walk: a world, dice, and how often each kind of step was taken."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        # Half of the vaults are so poor that winners have to wait.
        poor = World(20_000, BOARDS, replace(SHALLOW, risk_weight=WAD // 50))
        self.world = poor if seed % 2 else World(3_000_000, BOARDS, SHALLOW)
        self.market = self.world.market
        self.came_in = self.market.held
        self.done: Counter[str] = Counter()

    # Dice

    def account(self) -> int:
        return self.dice.choice(ACCOUNTS)

    def board(self) -> int:
        return self.dice.choice(BOARDS)

    def some_size(self) -> int:
        return self.dice.choice([1, -1]) * self.dice.randint(1, 1000) * WAD // 100

    def new_price(self, number: int, most: int) -> int:
        """Return a price up to `most` percent away, on a grid that a deviation keeps."""
        step = self.dice.randint(-most * 100, most * 100)
        moved = self.world.price[number] * (10_000 + step) // 10_000
        return max(100 * WAD, min(moved, 20_000 * WAD)) // 10**12 * 10**12

    def move(self, seconds: int, most: int) -> None:
        self.world.wait(seconds, *(self.new_price(number, most) for number in BOARDS))

    def holding(self) -> tuple[int, int, int]:
        """Return an account that has a position, its market, and the size."""
        found = [
            (account, number, position.size)
            for account, holder in sorted(self.market.accounts.items())
            for number, position in sorted(holder.positions.items())
        ]
        return self.dice.choice(found) if found else (self.account(), self.board(), WAD)

    def pending(self, number: int) -> list[tuple[int, int]]:
        """Return the committed orders of a market."""
        return [
            (account, slot)
            for account, holder in sorted(self.market.accounts.items())
            for slot, order in sorted(holder.orders.items())
            if order.market == number
        ]

    def due(self, number: int) -> list[tuple[int, int]]:
        """Return the committed orders of a market that the newest report prices."""
        return [
            (account, slot)
            for account, slot in self.pending(number)
            if 0 <= self.world.now - self.market.accounts[account].orders[slot].fills_at < TILE
        ]

    # Steps: each is refused or happens

    def deposit(self) -> None:
        dollars = self.dice.randint(1, 10_000)
        self.world.deposit(self.account(), dollars)
        self.came_in += dollars * UNIT

    def provide(self) -> None:
        dollars = self.dice.randint(1, 2000)
        self.market.provide(dollars * UNIT)
        self.came_in += dollars * UNIT

    def withdraw_a_little(self) -> None:
        account, dollars = self.account(), self.dice.randint(1, 100)
        self.market.withdraw(self.world.now, owner_of(account), account, dollars * UNIT)
        self.came_in -= dollars * UNIT

    def withdraw_all(self) -> None:
        account = self.account()
        taken = self.world.withdraw_all(account) // self.market.scale
        if taken == 0:
            raise Refused("nothing is free")
        self.came_in -= taken

    def withdraw_more_than_is_free(self) -> None:
        account = self.account()
        free = self.market.free_margin(self.world.now, account) // self.market.scale
        with pytest.raises(Refused, match="margin in use"):
            self.market.withdraw(self.world.now, owner_of(account), account, free + 1)

    def let_seconds_pass(self) -> None:
        self.move(2 * self.dice.choice([1, 1, 1, 5]), 1)

    def let_hours_pass(self) -> None:
        self.move(3600 * self.dice.choice([1, 8, 20, 40]), 8)

    def let_the_price_jump(self) -> None:
        self.move(2, 40)

    def miss_a_report(self) -> None:
        self.world.now += 2

    def place_an_increase(self) -> None:
        wish = Wish(self.account(), self.some_size(), slot=self.dice.randint(0, 2))
        self.world.place(wish, self.board())

    def place_for_a_keeper(self) -> None:
        fee = self.dice.randint(0, 100) * MOST_KEEPER_FEE // 100
        wish = Wish(self.account(), self.some_size(), keeper_fee=fee, slot=3)
        self.world.place(wish, self.board())

    def place_with_a_tight_limit(self) -> None:
        number = self.board()
        wish = Wish(self.account(), self.some_size(), self.world.price[number], slot=4)
        self.world.place(wish, number)

    def place_with_a_far_limit(self) -> None:
        """The escrow is large and the order small."""
        wish = Wish(self.account(), WAD // 1000, self.dice.randint(1, 10) * DEAREST, slot=5)
        self.world.place(wish, self.board())

    def place_a_reduction(self) -> None:
        account, number, size = self.holding()
        part = -size * self.dice.randint(1, 12) // 10 // 10**9 * 10**9
        fee = self.dice.randint(0, 3) * WAD
        wish = Wish(account, part, None, True, fee, slot=self.dice.randint(6, 7))
        self.world.place(wish, number)

    def place_a_flip(self) -> None:
        account, number, size = self.holding()
        self.world.place(Wish(account, -2 * size, slot=8), number)

    def execute_one(self) -> None:
        number = self.board()
        self.move(2, 1)
        entries = self.due(number) or self.pending(number)
        if not entries:
            raise Refused("nothing to execute")
        self.execute(number, [self.dice.choice(entries)])

    def execute_many(self, number: int | None = None) -> None:
        if number is None:
            number = self.board()
            self.move(2, 1)
        due = self.due(number)
        entries = dict(self.dice.sample(due, len(due)))
        if len(entries) < 2:  # one account, maybe with several orders
            raise Refused("nobody to meet")
        self.execute(number, sorted(entries.items()))

    def fill_a_crowd(self) -> None:
        number = self.board()
        crowd = self.dice.sample(ACCOUNTS, self.dice.randint(2, 6))
        for account in crowd:
            limit = self.dice.choice([None, self.new_price(number, 1)])
            with suppress(Refused):
                self.world.place(Wish(account, self.some_size(), limit, slot=9), number)
        self.move(2, 1)
        self.execute_many(number)

    def fill_one(self) -> None:
        number, account = self.board(), self.account()
        self.world.place(Wish(account, self.some_size(), slot=10), number)
        self.move(2, 1)
        self.execute(number, [(account, 10)])

    def close_a_position(self) -> None:
        account, number, size = self.holding()
        self.world.place(closing(account, -size, slot=11), number)
        self.move(2, 2)
        self.execute(number, [(account, 11)])

    def add_in_the_middle_of_a_close(self) -> None:
        account, number, size = self.holding()
        self.world.place(Wish(account, size // 4 // 10**9 * 10**9, slot=12), number)
        self.world.place(closing(account, -size, slot=11), number)
        self.move(2, 2)
        self.execute(number, [(account, 12)])
        self.execute(number, [(account, 11)])

    def reduce_by_a_round(self) -> None:
        number = self.board()
        entries = self.pending(number)
        if not entries:
            raise Refused("nothing to execute")
        account, slot = self.dice.choice(entries)
        price, deviation = self.new_price(number, 3), self.dice.choice([0, 5 * 10**15])
        by = (self.world.now, owner_of(KEEPER), number, account, slot, price, deviation)
        is_buy = self.market.accounts[account].orders[slot].size_delta > 0
        worse = price * (WAD + (deviation if is_buy else -deviation)) // WAD
        self.watch(number, [account], worse, lambda: [self.market.execute_by_round(*by)])

    def clear(self) -> None:
        number = self.board()
        if not (entries := self.pending(number)):
            raise Refused("nothing to clear")
        self.market.clear(self.world.now, *self.dice.choice(entries))

    def put_aside(self) -> None:
        self.market.put_aside(self.dice.randint(1, 500) * UNIT)

    def pay_out(self) -> None:
        if not (waiting := self.market.set_aside // self.market.scale):
            raise Refused("nothing set aside")
        amount = self.dice.randint(1, waiting)
        self.market.pay_out(amount)
        self.came_in -= amount

    def mark(self) -> None:
        account = self.account()
        self.market.mark(self.world.now, account)
        self.done["flagged"] += self.market.accounts[account].flagged_at > 0

    def push_somebody_below_maintenance(self) -> None:
        """Move the price of one position to where its account is just below maintenance."""
        account, number, size = self.holding()
        if not size or not self.market.accounts.get(account, Account()).positions:
            raise Refused("nobody holds anything")
        spare = self.market.appraise(self.world.now, account, self.world.price).spare
        price = self.world.price[number]
        by = (spare * WAD // abs(size)) * self.dice.randint(100, 130) // 100
        price += -by if size > 0 else by
        self.world.now += 2
        self.world.price[number] = max(100 * WAD, min(price, 20_000 * WAD)) // 10**12 * 10**12
        self.world.report()
        self.liquidate(account)

    def liquidate_somebody(self) -> None:
        self.move(2, 3)
        for account in self.dice.sample(ACCOUNTS, len(ACCOUNTS)):
            with suppress(Refused):
                return self.liquidate(account)
        raise Refused("all are healthy")

    def liquidate(self, account: int) -> None:
        """Liquidate, and require that nobody else is touched and nothing is made."""
        keeper = self.dice.choice([KEEPER, *ACCOUNTS])
        keeper = account_of(owner_of(keeper))
        cost = self.dice.choice([0, WAD, 20 * WAD, 100 * WAD])
        before, prices = self.market.copy(), self.world.price
        self.market.liquidate(self.world.now, owner_of(keeper), account, cost)
        holder, was = self.market.accounts[account], before.accounts[account]
        self.done["liquidated in whole"] += not holder.positions
        self.done["liquidated in part"] += bool(holder.positions)
        drawn = sum(
            state.insurance < before.markets[number].insurance
            for number, state in self.market.markets.items()
        )
        self.done["insurance drawn"] += drawn > 0
        if before.equity(self.world.now, account, prices) < 0 == holder.margin:
            self.done["shortfall"] += not holder.positions
        for other, old in before.accounts.items():
            assert other in (account, keeper) or self.market.accounts[other] == old
        for number, state in self.market.markets.items():
            assert state.impact_reserve >= before.markets[number].impact_reserve
        if keeper != account:
            gained = (
                self.market.accounts[keeper].margin - before.accounts.get(keeper, Account()).margin
            )
            assert gained >= 0
            equity = self.market.equity(self.world.now, account, prices)
            assert equity <= max(before.equity(self.world.now, account, prices), 0)
        assert holder.orders == was.orders
        assert holder.flagged_at == 0

    def pay_claims(self) -> None:
        if not self.market.claims:
            raise Refused("no claims")
        self.market.pay_claims(self.dice.randint(1, 3))

    # What each execution is held to

    def execute(self, number: int, batch: list[tuple[int, int]]) -> None:
        second = self.market.accounts[batch[0][0]].orders[batch[0][1]].fills_at
        price = self.market.feed.price_at(number, second).price
        accounts = [account for account, _ in batch]
        held = [abs(self.world.size(account, number)) for account in accounts]
        reasons = self.watch(
            number,
            accounts,
            price,
            lambda: self.market.execute(self.world.now, owner_of(KEEPER), number, batch),
        )
        for account, before, reason in zip(accounts, held, reasons, strict=True):
            if not reason and abs(self.world.size(account, number)) > before:
                held_markets = self.market.accounts[account].positions
                prices = {
                    other: self.market.feed.price_at(other, second).price for other in held_markets
                }
                found = self.market.appraise(self.world.now, account, {**prices, number: price})
                assert found.backing >= found.initial

    def worth(self, account: int, number: int, price: int) -> int:
        """Return equity and claims, with one market at the price of a trade."""
        prices = {**self.world.price, number: price}
        claims = sum(claim for owner, claim in self.market.claims if owner == account)
        return self.market.equity(self.world.now, account, prices) + claims

    def watch(
        self, number: int, accounts: list[int], price: int, act: Callable[[], list[str]]
    ) -> list[str]:
        """Execute, and require that nobody else is touched and only a reserve gives money."""
        involved = {*accounts, KEEPER}
        before = self.market.copy()
        worth = {account: self.worth(account, number, price) for account in involved}
        reasons = act()
        self.done.update(reason or "filled" for reason in reasons)
        for account, holder in before.accounts.items():
            assert account in involved or self.market.accounts[account] == holder
        rebates = before.markets[number].impact_reserve - self.market.markets[number].impact_reserve
        gains = 0
        for account in involved:
            holder = self.market.accounts.get(account, Account())
            if worth[account] < 0 and not holder.positions and holder.margin == 0:
                self.done["shortfall"] += 1
            else:
                gains += self.worth(account, number, price) - worth[account]
        assert gains <= max(rebates, 0)
        return reasons

    # The walk

    KINDS = (
        deposit,
        deposit,
        deposit,
        provide,
        withdraw_a_little,
        withdraw_all,
        withdraw_more_than_is_free,
        let_seconds_pass,
        let_seconds_pass,
        let_hours_pass,
        let_the_price_jump,
        miss_a_report,
        place_an_increase,
        place_for_a_keeper,
        place_with_a_tight_limit,
        place_with_a_far_limit,
        place_a_reduction,
        place_a_flip,
        execute_one,
        execute_many,
        execute_many,
        fill_a_crowd,
        fill_a_crowd,
        fill_one,
        close_a_position,
        add_in_the_middle_of_a_close,
        reduce_by_a_round,
        clear,
        put_aside,
        pay_out,
        mark,
        push_somebody_below_maintenance,
        liquidate_somebody,
        pay_claims,
    )

    def step(self) -> None:
        kind = self.dice.choice(self.KINDS)
        before, came_in, is_whole = self.market.copy(), self.came_in, True
        try:
            with whole(self.market):
                kind(self)
        except Refused:
            self.came_in, is_whole = came_in, False
        assert is_whole or self.market == before
        self.done[kind.__name__] += is_whole
        check(self.world, self.came_in)


@pytest.fixture(scope="module")
def walked() -> Counter[str]:
    """Take every walk; return what succeeded on the way."""
    done: Counter[str] = Counter()
    for seed in SEEDS:
        walk = Walk(seed)
        for account in ACCOUNTS:
            walk.world.deposit(account, 2000)
            walk.came_in += 2000 * UNIT
        for _ in range(STEPS):
            walk.step()
        done.update(walk.done)
    return done


@pytest.mark.parametrize("kind", sorted({kind.__name__ for kind in Walk.KINDS}))
def test_money_and_sums_hold_after_every_step_of_this_kind(walked, kind):
    assert walked[kind] > 0


@pytest.mark.parametrize(
    "outcome",
    [
        "filled",
        "stays",
        "shortfall",
        "flagged",
        "liquidated in part",
        "liquidated in whole",
        "insurance drawn",
        "nothing to reduce",
        "price beyond limit",
        "position too small",
        "insufficient margin",
        "vault fully used",
    ],
)
def test_this_happened_on_the_way(walked, outcome):
    assert walked[outcome] > 0
