"""Random histories: whatever people do, contracts and model agree to the last unit.

A walk is a seed. After each step everything that both hold is compared, and the solvency identity
is asserted. Over all walks each kind of step, each end of an order and each turn of a liquidation
must have occurred.

`make test-deep` takes many more steps; it reads STEPS (in all) and FIRST_SEED from the environment.
"""

import os
import random
from collections import Counter
from collections.abc import Callable

import boa
import pytest

from clearway.spec.refused import Refused
from clearway.spec.state import Account
from tests.market.world import ETH, WAD, Actor, Contracts, World, deploy

SEEDS = range(24)
STEPS = 100
DEEP_STEPS = int(os.environ.get("STEPS", 100_000))
DEEP_WALKS = 2  # of one test
DEEP_LENGTH = 100  # steps of one walk
FIRST_SEED = int(os.environ.get("FIRST_SEED", 1_000))
OWNERS = [boa.env.generate_address(f"owner {number}") for number in range(2)]
ACTORS: list[Actor] = [(owner, number) for owner in OWNERS for number in (0, 1)]
KEEPER = boa.env.generate_address("keeper")
LEAST_PRICE, MOST_PRICE = 10**20, 10**23  # wad

ENDS = {
    "",
    "price beyond limit",
    "position too small",
    "nothing to reduce",
    "open interest at its cap",
    "skew at its cap",
    "vault fully used",
}

TURNS = {"liquidated in part", "liquidated in whole", "shortfall", "insurance drawn"}

WEIGHTS = {
    "trade": 40,
    "trade_late": 4,
    "deposit": 4,
    "withdraw": 6,
    "withdraw_all_that_is_free": 4,
    "place": 6,
    "execute_anything": 4,
    "clear": 4,
    "wait": 8,
    "move_price": 14,
    "report": 6,
    "report_in_part": 3,
    "report_from_ahead": 1,
    "mark": 4,
    "liquidate": 4,
    "squeeze": 14,
    "come_back": 6,
    "put_aside": 3,
    "pay_out": 2,
    "pay_claims": 4,
    "provide": 3,
    "donate": 1,
    "move_caps": 3,
}


class Walk:
    """One history. Two markets on one board, a third on another."""

    weights = WEIGHTS

    def __init__(self, world: World, seed: int, seen: Counter[str]) -> None:
        self.world, self.seen = world, seen
        self.chance = random.Random(seed)
        self.prices = {0: 3_000 * WAD, 1: 600 * WAD, 4: 60 * WAD}
        self.unit = WAD // world.model.scale
        world.provide(self.chance.choice([10**4, 10**6, 10**7, 10**8]) * self.unit)
        for actor in ACTORS:
            world.deposit(actor, self.chance.choice([50_000, 500_000]) * self.unit)
        world.report(self.prices)

    def step(self) -> None:
        name = self.chance.choices(list(self.weights), list(self.weights.values()))[0]
        self.seen[name] += 1
        getattr(self, name)()
        self.seen["claims"] += bool(self.world.model.claims)
        self.world.assert_equal()

    # What people do

    def trade(self, wait: int = 0) -> None:
        """Some place orders in one market; some of these are executed together."""
        market = self.chance.choice(list(self.prices))
        actors = self.chance.sample(ACTORS, self.chance.choice([1, 2, 4, 4]))
        self.world.report(self.prices)
        placed = []
        for actor in actors:
            slot = self.free_slot(actor)
            if self.place_one(actor, slot, market) is None:
                placed.append((actor, slot))
        self.world.wait(2 + wait)
        if self.chance.random() < 0.3:
            self.move_price()
        if not placed:
            return
        self.world.report(self.prices, self.fills_at(*placed[0]))
        chosen = self.chance.sample(placed, self.chance.randint(1, len(placed)))
        answer, refusal = self.world.execute(self.chance.choice([KEEPER, *OWNERS]), market, chosen)
        self.seen.update(f"ends: {end}" for end in answer or [])
        self.seen[f"execute: {refusal}"] += 1

    def trade_late(self) -> None:
        self.trade(self.chance.choice([1, 30, 597, 599, 700]))

    def place(self) -> None:
        actor = self.chance.choice(ACTORS)
        self.place_one(actor, self.chance.randint(0, 16), self.chance.choice([0, 1, 2, 4]))

    def place_one(self, actor: Actor, slot: int, market: int) -> str | None:
        price = self.prices.get(market, WAD)
        size = self.size(actor, market, price)
        slack = self.chance.choice([-1, 0, 1, 20, 300, 300])  # per mille that the limit leaves
        limit = price * (1_000 + slack if size > 0 else 1_000 - slack) // 1_000 // 10**8 * 10**8
        fee = self.chance.choice([*[0, 10**17, 3 * WAD, 100 * WAD] * 5, 101 * WAD])
        is_reduce_only = self.chance.random() < 0.3
        refusal = self.world.place(actor, slot, market, size, limit, is_reduce_only, fee)
        self.seen[f"place: {refusal}"] += 1
        return refusal

    def size(self, actor: Actor, market: int, price: int) -> int:
        """Return a size: some part of the position against it, or a notional of any magnitude."""
        holder = self.world.model.accounts[self.world.account(actor)]
        position = holder.positions.get(market)
        if position and self.chance.random() < 0.5:
            against = -position.size * self.chance.choice([1, 2, 4, 4, 4, 7, 8]) // 4
            return against // 10**9 * 10**9 or 10**9
        notional = self.chance.choice(
            [1, 99, 101, 50_000, 400_000, 900_000, 900_000, 3_000_000, 10**8]
        )
        if self.chance.random() < 0.5:  # near what the margin carries
            notional = max(holder.margin, 0) // WAD * self.chance.choice([8, 14, 17])
        size = notional * WAD * WAD // price // 10**9 * 10**9
        return max(size, 10**9) * self.chance.choice([1, -1])

    def free_slot(self, actor: Actor) -> int:
        orders = self.world.model.accounts[self.world.account(actor)].orders
        return next(slot for slot in [*range(16), 0] if slot not in orders or len(orders) == 16)

    def fills_at(self, actor: Actor, slot: int) -> int:
        return self.world.model.accounts[self.world.account(actor)].orders[slot].fills_at

    def execute_anything(self) -> None:
        pending = {
            actor: slot
            for actor in ACTORS
            for slot in self.world.model.accounts[self.world.account(actor)].orders
        }
        market = self.chance.choice([0, 1, 4])
        _, refusal = self.world.execute(KEEPER, market, list(pending.items()))
        self.seen[f"execute: {refusal}"] += 1

    def deposit(self) -> None:
        amount = self.chance.choice([0, 1, self.unit, 10**4 * self.unit])
        self.world.deposit(self.chance.choice(ACTORS), amount)

    def come_back(self) -> None:
        """Whoever has lost nearly everything brings money again."""
        poorest = min(ACTORS, key=lambda actor: self.holder(actor).margin)
        if self.holder(poorest).margin < 20_000 * WAD:
            self.world.deposit(poorest, self.chance.choice([20_000, 200_000]) * self.unit)

    def holder(self, actor: Actor) -> Account:
        return self.world.model.accounts.get(self.world.account(actor), Account())

    def withdraw(self) -> None:
        amount = self.chance.choice([0, 1, 10**3 * self.unit, 10**5 * self.unit])
        refusal = self.world.withdraw(self.chance.choice(ACTORS), amount)
        self.seen[f"withdraw: {refusal}"] += 1

    def withdraw_all_that_is_free(self) -> None:
        """Take to the last unit what is free; one more is refused."""
        actor = self.chance.choice(ACTORS)
        try:
            free = self.world.model.free_margin(self.world.now, self.world.account(actor))
        except Refused:
            return
        amount = free // self.world.model.scale
        if amount:
            assert self.world.withdraw(actor, amount) is None
        assert self.world.withdraw(actor, 1) == "margin in use"

    def clear(self) -> None:
        actor = self.chance.choice(ACTORS)
        orders = self.world.model.accounts[self.world.account(actor)].orders
        slot = self.chance.choice(list(orders)) if orders else 0
        self.seen[f"clear: {self.world.clear(actor, slot)}"] += 1

    # What the world does

    def wait(self) -> None:
        self.world.wait(self.chance.choice([1, 9, 11, 601, 3_600, 86_401, 30 * 86_400]))

    def move_price(self) -> None:
        market = self.chance.choice(list(self.prices))
        percent = self.chance.choice([-60, -30, -10, -2, -1, 1, 2, 10, 40, 90])
        self.set_price(market, self.prices[market] * (100 + percent) // 100)

    def set_price(self, market: int, price: int) -> None:
        # Eleven digits, as a report holds them: so a limit can be exactly the price.
        self.prices[market] = max(LEAST_PRICE, min(price, MOST_PRICE)) // 10**12 * 10**12

    def report(self) -> None:
        self.world.report(self.prices)

    def report_in_part(self) -> None:
        present = self.chance.sample(list(self.prices), 2)
        self.world.report({market: self.prices[market] for market in present})

    def report_from_ahead(self) -> None:
        self.world.report(self.prices, self.world.now + self.chance.choice([2, 10, 12, 60]))

    def mark(self) -> None:
        self.seen[f"mark: {self.world.mark(self.chance.choice(ACTORS))}"] += 1

    def liquidate(self) -> None:
        """Someone tries everybody, after a flag of some age."""
        self.world.report(self.prices)
        for actor in ACTORS:
            self.liquidate_one(actor)

    def squeeze(self) -> None:
        """The price turns against whoever has least to spare, by a little or by far too much."""
        held = [actor for actor in ACTORS if self.holder(actor).positions]
        self.world.wait(2)
        found = {
            actor: self.world.model.appraise(self.world.now, self.world.account(actor), self.prices)
            for actor in held
        }
        if not held:
            return
        actor = min(held, key=lambda one: found[one].equity * WAD // found[one].maintenance)
        market, position = max(
            self.holder(actor).positions.items(), key=lambda item: abs(item[1].size)
        )
        beyond = self.chance.choice([-1, 2, 2, 5, 10, 30, 130, 200])  # percent of maintenance
        fall = found[actor].spare + found[actor].maintenance * beyond // 100
        price = self.prices[market] - fall * WAD // position.size
        self.set_price(market, price)
        self.world.report(self.prices)
        if self.chance.random() < 0.4:
            self.seen[f"mark: {self.world.mark(actor)}"] += 1
            self.world.wait(self.chance.choice([1, 300, 700, 3_700]))
            self.world.report(self.prices)
        self.liquidate_one(actor)
        if self.chance.random() < 0.3:
            self.liquidate_one(actor)

    def liquidate_one(self, actor: Actor) -> None:
        cost = self.chance.choice([0, WAD, 20 * WAD, 200 * WAD])
        keeper = self.chance.choice([KEEPER, *OWNERS])
        before = sum(state.insurance for state in self.world.model.markets.values())
        refusal = self.world.liquidate(keeper, actor, cost)
        self.seen[f"liquidate: {refusal}"] += 1
        if refusal:
            return
        logs = [type(log).__name__ for log in self.world.contracts.market.get_logs()]
        self.seen["shortfall"] += "ShortfallBooked" in logs
        is_part = bool(self.holder(actor).positions)
        self.seen["liquidated in part"] += is_part
        self.seen["liquidated in whole"] += not is_part
        after = sum(state.insurance for state in self.world.model.markets.values())
        self.seen["insurance drawn"] += after < before

    def pay_claims(self) -> None:
        self.world.pay_claims(self.chance.randint(0, 3))

    def provide(self) -> None:
        self.world.provide(self.chance.choice([1, 10**3 * self.unit, 10**6 * self.unit]))

    def put_aside(self) -> None:
        cash = self.world.model.cash // self.world.model.scale
        refusal = self.world.put_aside(self.chance.choice([1, cash // 3, cash, cash + 1]))
        self.seen[f"put aside: {refusal}"] += 1

    def pay_out(self) -> None:
        waiting = self.world.model.set_aside // self.world.model.scale
        self.world.pay_out(self.chance.randint(0, waiting))

    def donate(self) -> None:
        """Tokens that nobody asked for change nothing."""
        before = self.world.contracts.lens.pool()
        self.world.contracts.token.mint(self.world.contracts.market.address, 10**9)
        self.world.donated += 10**9
        assert self.world.contracts.lens.pool() == before

    def move_caps(self) -> None:
        market = self.chance.choice([0, 1, 4])
        part = self.chance.choice([0, 1, 100, 100, 100])
        self.world.change(
            market,
            max_open_interest=ETH.max_open_interest * part // 100,
            max_skew=ETH.max_skew * part // 100,
        )


def three_markets(contracts: Contracts) -> World:
    """Return three markets on two boards."""
    return World(contracts, {0: ETH, 1: ETH, 4: ETH})


def take(kind: type[Walk], world: Callable[[], World], seeds: range, steps: int) -> Counter[str]:
    """Take walks of a kind, each in a world of its own; return what was seen on them."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        with boa.env.anchor():
            walk = kind(world(), seed, seen)
            for step in range(steps):
                try:
                    walk.step()
                except Exception as failure:
                    failure.add_note(f"seed {seed}, step {step}")
                    raise
    seen["steps"] += len(seeds) * steps
    return seen


def test_contracts_and_model_agree_after_every_step_of_every_walk(contracts):
    seen = take(Walk, lambda: three_markets(contracts), SEEDS, STEPS)
    missing = {*WEIGHTS, *TURNS, *(f"ends: {end}" for end in ENDS)} - set(+seen)
    assert not missing, seen


@pytest.fixture(scope="module", params=[6, 18])
def deployed(request):
    """Return everything deployed with a token of few decimals or of many."""
    return deploy(request.param)


DEEP_SEEDS = range(FIRST_SEED, FIRST_SEED + DEEP_STEPS // DEEP_LENGTH // 2, DEEP_WALKS)


@pytest.mark.deep
@pytest.mark.parametrize("seed", DEEP_SEEDS)
def test_they_agree_on_long_walks(deployed, seed, record_property):
    """Half of the steps are with each token."""
    seen = take(Walk, lambda: three_markets(deployed), range(seed, seed + DEEP_WALKS), DEEP_LENGTH)
    record_property("seen", dict(seen))
