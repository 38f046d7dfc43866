"""Hard times: a vault that is drained, jumps, markets that end, and terms that change.

Whatever happens, contracts and model agree, whoever is due can be liquidated, and in the end
everybody leaves.
"""

from collections import Counter
from dataclasses import replace

from clearway.spec.positions import result
from tests.market.test_walk import ACTORS, KEEPER, OWNERS, Walk, take
from tests.market.world import ETH, WAD, Actor, Contracts, World

SEEDS = range(12)
STEPS = 60
DEARLY = 10**6 * WAD  # a limit that any price is within
CHEAPLY = 10**8

WEIGHTS = {
    "crowd": 12,
    "jump": 10,
    "corner": 16,
    "close_some": 16,
    "drain": 5,
    "pay_claims": 5,
    "come_back": 10,
    "clear": 4,
    "wait": 4,
    "change": 4,
    "end_market": 1,
    "settle_some": 4,
}
TURNS = {
    *("claims", "debts", "left", "liquidated in part", "liquidated in whole", "shortfall"),
    *("a profit above the cash", "settled"),
}


class HardTimes(Walk):
    """A history of a vault that is nearly always too small. At most two markets end.

    After its last step everybody leaves.
    """

    weights = WEIGHTS

    def __init__(self, world: World, seed: int, seen: Counter[str]) -> None:
        super().__init__(world, seed, seen)
        self.ended: set[int] = set()
        self.taken = 0  # steps
        self.drain()

    def step(self) -> None:
        super().step()
        self.seen["debts"] += bool(self.world.model.debts)
        self.taken += 1
        if self.taken == STEPS:
            self.leave()

    def crowd(self) -> None:
        """Everybody opens something in each market, up to what the margin carries."""
        for market in set(self.prices) - self.ended:
            placed = []
            for actor in ACTORS:
                slot, margin = self.free_slot(actor), max(self.holder(actor).margin, 0)
                notional = margin * self.chance.choice([0, 1, 2, 4, 5])
                size = notional * WAD // self.prices[market] // 10**9 * 10**9
                size *= self.chance.choice([1, -1])
                limit = self.limit(size, market)
                if size and self.world.place(actor, slot, market, size, limit) is None:
                    placed.append((actor, slot))
            self.world.wait(4)
            if placed:
                self.world.report(self.prices, self.fills_at(*placed[0]))
                self.world.execute(KEEPER, market, placed)

    def limit(self, size: int, market: int) -> int:
        """Return a limit that the price may move by a tenth within."""
        return self.prices[market] * 11 // 10 // 10**8 * 10**8 if size > 0 else CHEAPLY

    def jump(self) -> None:
        """All prices jump, and whoever is due is liquidated."""
        for market in self.prices:
            percent = self.chance.choice([-40, -15, -5, 0, 5, 20, 60, 120])
            self.set_price(market, self.prices[market] * (100 + percent) // 100)
        self.world.wait(self.chance.choice([2, 2, 3_600]))
        self.world.report(self.prices)
        for actor in ACTORS:
            self.liquidate_one(actor)

    def corner(self) -> None:
        """Somebody falls below maintenance by his losses here, whatever he gains elsewhere."""
        held = [one for one in ACTORS if self.holder(one).positions and not self.has_ended(one)]
        if not held:
            return
        self.world.wait(2)
        actor = self.chance.choice(held)
        held_by_him = sorted(self.holder(actor).positions.items())
        market, position = self.chance.choice(held_by_him)
        found = self.world.model.appraise(self.world.now, self.world.account(actor), self.prices)
        target = found.maintenance * self.chance.choice([-30, 5, 30, 60, 90, 99]) // 100
        fall = (found.equity - target) * WAD // position.size
        self.set_price(market, self.prices[market] - fall)
        self.world.report(self.prices)
        cash, before = self.world.model.cash, self.seen["liquidate: None"]
        profits = [result(one, self.prices[number]) for number, one in held_by_him[:-1]]
        self.liquidate_one(actor)
        if self.seen["liquidate: None"] > before:
            self.seen["a profit above the cash"] += any(profit > cash for profit in profits)

    def has_ended(self, actor: Actor) -> bool:
        return bool(self.ended & set(self.holder(actor).positions))

    def close_some(self) -> None:
        """Somebody closes a part, or all, while the price goes on."""
        held = [(a, m, p) for a in ACTORS for m, p in self.holder(a).positions.items()]
        if not held:
            return
        actor, market, position = self.chance.choice(held)
        slot, part = self.free_slot(actor), self.chance.choice([1, 1, 1, 2, 3])
        size = -(position.size // part // 10**9 * 10**9) or -position.size
        limit = DEARLY if size > 0 else CHEAPLY
        fee = self.chance.choice([0, 3 * WAD])
        if self.world.place(actor, slot, market, size, limit, True, fee) is not None:
            return
        self.world.wait(4)
        percent = self.chance.choice([-20, -3, 0, 0, 3, 30])
        self.set_price(market, self.prices[market] * (100 + percent) // 100)
        self.world.report(self.prices, self.fills_at(actor, slot))
        self.world.execute(self.chance.choice([KEEPER, *OWNERS]), market, [(actor, slot)])

    def drain(self) -> None:
        """Most of the vault's cash leaves, as far as it may."""
        cash = self.world.model.cash // self.world.model.scale
        self.world.put_aside(cash * self.chance.choice([50, 90, 99]) // 100)

    def change(self) -> None:
        """The terms of a market change, for those too who hold something."""
        market = self.chance.choice(list(self.prices))
        if market not in self.ended:
            self.world.change(
                market,
                max_velocity=self.chance.choice([0, 9, 100]) * WAD,
                funding_cap=self.chance.choice([1, 10, 30]) * WAD // 100,
                insurance_limit=self.chance.choice([0, 1_000, 50_000]) * WAD,
            )

    def end_market(self) -> None:
        market = self.chance.choice(list(self.prices))
        if market not in self.ended and len(self.ended) < 2:
            assert self.world.retire(market, self.prices[market]) is None
            self.ended.add(market)

    def settle_some(self) -> None:
        for market in self.ended:
            actor = self.chance.choice(ACTORS)
            self.seen["settled"] += self.world.settle(actor, market) is None

    def leave(self) -> None:
        """Everybody closes, is settled or liquidated, clears his orders and takes his margin."""
        world = self.world
        world.wait(90_000)
        for actor in ACTORS:
            for slot in list(self.holder(actor).orders):
                assert world.clear(actor, slot) is None
            for market in self.ended & set(self.holder(actor).positions):
                assert world.settle(actor, market) is None
        world.report(self.prices)
        for actor in ACTORS:
            self.liquidate_one(actor)
            for market, position in list(self.holder(actor).positions.items()):
                limit = DEARLY if position.size < 0 else CHEAPLY
                assert world.place(actor, 0, market, -position.size, limit, True, 0) is None
                world.wait(4)
                world.report(self.prices, self.fills_at(actor, 0))
                assert world.execute(KEEPER, market, [(actor, 0)]) == ([""], None)
        for actor in ACTORS:
            margin = self.holder(actor).margin
            assert margin >= 0
            if amount := margin // world.model.scale:
                assert world.withdraw(actor, amount) is None
        world.assert_equal()
        assert world.model.at_risk == 0
        for state in world.model.markets.values():
            assert (state.long, state.short, state.cost_sum, state.entry_sum) == (0, 0, 0, 0)
        self.seen["left"] += 1


def light(contracts: Contracts) -> World:
    """Return markets that put little of the vault's at risk, so that it may be nearly empty."""
    return World(contracts, dict.fromkeys((0, 1, 4), replace(ETH, risk_weight=WAD // 100)))


def test_whatever_happens_everybody_leaves(contracts):
    seen = take(HardTimes, lambda: light(contracts), SEEDS, STEPS)
    missing = {*WEIGHTS, *TURNS} - set(+seen)
    assert not missing, seen
