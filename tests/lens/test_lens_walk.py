"""Random histories, seen through the lenses after each step: they show what the model says."""

from tests.lens.comparing import assert_all_shown, assert_market_shown, assert_quoted
from tests.market.test_walk import ACTORS, Walk, take, three_markets
from tests.market.world import ETH, WAD, World

SEEDS = range(100, 106)
STEPS = 50


class LensWalk(Walk):
    """A walk that looks at everything after each step, and asks for a quote."""

    def step(self) -> None:
        super().step()
        assert_all_shown(self.world)
        actor, market = self.chance.choice(ACTORS), self.chance.choice([0, 1, 4])
        quoted = assert_quoted(
            self.world,
            self.world.account(actor),
            market,
            self.size(actor, market, self.prices[market]),
            self.chance.random() < 0.3,
            self.chance.choice([0, 10**17, 3 * WAD, 100 * WAD]),
        )
        self.seen[f"quote: {quoted.reason if quoted else None}"] += 1
        account = self.world.model.accounts[self.world.account(actor)]
        for slot in account.orders:
            order = self.world.contracts.orders.order_in(self.world.account(actor), slot)
            shown = self.world.contracts.lens.orders(self.world.account(actor))
            assert order in shown
            assert len(shown) == len(account.orders)
        for shown in self.world.contracts.lens.account(self.world.account(actor)).orders:
            self.seen[f"stage: {shown.stage}"] += 1


def test_lenses_and_model_agree_after_every_step_of_every_walk(contracts):
    seen = take(LensWalk, lambda: three_markets(contracts), SEEDS, STEPS)
    assert {"quote: ", "quote: insufficient margin"} <= set(seen), seen


def test_a_market_that_never_had_a_price_is_shown_without_an_age(contracts):
    world = World(contracts, {0: ETH})
    shown = contracts.sums.market(0)
    assert (shown.price, shown.priced_at, shown.age) == (0, 0, 0)
    assert_market_shown(world, 0)
