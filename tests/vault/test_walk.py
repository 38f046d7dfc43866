"""Random histories of traders and providers: vault and model agree to the last unit.

The walk of the market with providers in it: they enter, ask, are priced, claim, and move shares,
while prices, reports and aggregators go their ways.
"""

import boa

from tests.market import test_walk as market_walk
from tests.vault.world import LISTED, VaultWorld, world_of

SEEDS = range(12)
STEPS = 80
PROVIDERS = [boa.env.generate_address(f"provider {number}") for number in range(3)]

WEIGHTS = {
    "trade": 14,
    "deposit": 2,
    "withdraw": 2,
    "wait": 8,
    "move_price": 10,
    "report": 4,
    "report_in_part": 2,
    "report_from_ahead": 1,
    "report_unsurely": 3,
    "move_aggregator": 6,
    "liquidate": 4,
    "pay_claims": 3,
    "donate": 1,
    "enter": 10,
    "mint": 4,
    "request": 12,
    "process": 16,
    "process_after_silence": 5,
    "process_in_part": 5,
    "claim": 10,
    "move_shares": 3,
    "move_limits": 2,
    "enter_all_that_may": 2,
}

ENDS = {
    "request: None",
    "process: nothing to process",
    "claim: None",
}


class Walk(market_walk.Walk):
    """One history. A step is one of the market's, or a provider's."""

    world: VaultWorld

    def step(self) -> None:
        name = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        self.seen[name] += 1
        getattr(self, name)()
        self.world.assert_equal()

    def provider(self) -> str:
        return self.chance.choice(PROVIDERS)

    def maybe_report(self) -> None:
        if self.chance.random() < 0.7:
            self.world.report(self.prices)

    def enter(self) -> None:
        self.maybe_report()
        amount = self.chance.choice([0, 1, 10**6, 10**9, 10**11, 10**12])
        self.seen[f"enter: {self.world.enter(self.provider(), amount)}"] += 1

    def mint(self) -> None:
        self.maybe_report()
        shares = self.chance.choice([0, 1, 10**12 + 1, 10**21, 10**23])
        self.seen[f"mint: {self.world.mint(self.provider(), shares)}"] += 1

    def enter_all_that_may(self) -> None:
        """What may enter enters to the last unit, and one more doesn't."""
        who = self.provider()
        if self.world.vault.supply:
            cap = self.world.vault.middle(self.world.now) + 10**22
            assert self.world.limit(cap=cap) is None
        most, _ = self.world.vault.max_deposit(self.world.now, int(who, 16))
        if most:
            assert self.world.enter(who, most + 1) == "deposit cap reached"
            assert self.world.enter(who, most) is None
            self.seen["all entered"] += 1

    def request(self) -> None:
        who = self.provider()
        held = self.world.shares(who)
        part = self.chance.choice([0, 1, held, held // 2, held // 3, held + 1])
        self.seen[f"request: {self.world.request(who, part, self.provider())}"] += 1

    def process(self) -> None:
        vault = self.world.vault
        if self.chance.random() < 0.7 and vault.first < len(vault.requests):
            self.world.wait(max(vault.requests[vault.first].ready_at - self.world.now, 0))
        self.maybe_report()
        refusal = self.world.process(self.chance.choice([0, 1, 2, 50]))
        self.seen[f"process: {refusal}"] += 1

    def process_after_silence(self) -> None:
        """No report for a day; the aggregators go on."""
        self.world.wait(86_402 + self.chance.choice([0, 10**6]))
        for number in LISTED:
            self.world.set_round(number, self.prices[number])
        is_open = any(state.long or state.short for state in self.world.model.markets.values())
        refusal = self.world.process()
        self.seen["by aggregator"] += refusal is None and is_open

    def process_in_part(self) -> None:
        """Little may leave in a day."""
        self.world.report(self.prices)
        self.world.limit(900, 10**16)
        who = self.provider()
        self.world.request(who, self.world.shares(who))
        self.world.wait(86_400)
        self.world.report(self.prices)
        self.world.process()
        queue = self.world.vault.requests[self.world.vault.first :]
        self.seen["met in part"] += any(one.priced for one in queue)

    def claim(self) -> None:
        who = self.provider()
        claim = self.world.vault.claims.get(int(who, 16))
        shares, amount = (claim.shares, claim.amount) if claim else (0, 0)
        if self.chance.random() < 0.5:
            part = self.chance.choice([0, 1, shares // 3, shares, shares, shares + 1])
            refusal = self.world.redeem(who, part)
        else:
            part = self.chance.choice([0, 1, amount // 3, amount, amount, amount + 1])
            refusal = self.world.withdraw_assets(who, part)
        self.seen[f"claim: {refusal}"] += 1

    def move_shares(self) -> None:
        who = self.provider()
        shares = self.chance.choice([0, 1, self.world.shares(who), self.world.shares(who) + 1])
        to = self.chance.choice([*PROVIDERS, self.world.contracts.vault.address])
        self.seen[f"move: {self.world.move(who, to, shares)}"] += 1

    def move_limits(self) -> None:
        self.world.limit(
            self.chance.choice([899, 900, 86_400, 7 * 86_400, 7 * 86_400 + 1]),
            self.chance.choice([10**16 - 1, 10**16, 10**17, 10**18, 10**18 + 1]),
            self.chance.choice([0, 10**24, 10**29, 10**29 + 1]),
        )

    def report_unsurely(self) -> None:
        """A report whose publishers aren't sure: up to 2 % off, or not at all to be believed."""
        self.world.report_with(
            {
                number: (price, self.chance.choice([0, 10**15, 2 * 10**16, 3 * 10**16]))
                for number, price in self.prices.items()
            }
        )

    def move_aggregator(self) -> None:
        market = self.chance.choice(LISTED)
        percent = self.chance.choice([-20, -1, 0, 0, 1, 20])
        self.world.set_round(market, self.prices[market] * (100 + percent) // 100)


def test_vault_and_model_agree_after_every_step_of_every_walk(contracts):
    seen = market_walk.take(Walk, lambda: world_of(contracts), SEEDS, STEPS)
    assert not ENDS - {name for name, count in seen.items() if count}, seen
    assert {name for name, weight in WEIGHTS.items() if weight >= 4} <= set(seen), seen
