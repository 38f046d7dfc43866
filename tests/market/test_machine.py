"""Random histories: whatever people do, contract and model agree to the last unit."""

import boa
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.market.world import ETH, WAD, World, deploy

ACTORS = [boa.env.generate_address(f"actor {number}") for number in range(4)]
SIZES = st.integers(-200 * 10**9, 200 * 10**9).filter(bool).map(lambda lots: lots * 10**9)
SMALL_SIZES = st.integers(-(10**9), 10**9).filter(bool).map(lambda lots: lots * 10**9)
FEES = st.integers(0, 10**6).map(lambda units: units * 10**12)
SLACK = st.sampled_from([-1, 0, 1, 20, 300])  # tenths of a percent that a limit leaves
LEAST_PRICE, MOST_PRICE = 10**20, 10**23  # wad


class History(RuleBasedStateMachine):
    """Four traders, two markets."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World(CONTRACTS[0])
        self.prices = {0: 3_000 * WAD, 1: 600 * WAD}

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    @initialize(cash=st.integers(10**9, 10**13))
    def begin(self, cash: int) -> None:
        self.world.provide(cash)
        for actor in ACTORS:
            self.world.deposit(actor, 50_000 * 10**6)
        self.world.report(self.prices)

    def done(self) -> None:
        self.world.assert_equal()

    @rule(actor=st.sampled_from(ACTORS), amount=st.integers(0, 10**11))
    def deposit(self, actor: str, amount: int) -> None:
        self.world.deposit(actor, amount)
        self.done()

    @rule(actor=st.sampled_from(ACTORS), amount=st.integers(0, 2 * 10**11))
    def withdraw(self, actor: str, amount: int) -> None:
        self.world.withdraw(actor, amount)
        self.done()

    @rule(actor=st.sampled_from(ACTORS))
    def withdraw_all_that_is_free(self, actor: str) -> None:
        account = self.world.account(actor)
        try:
            free = self.world.contracts.market.free_margin(account)
        except boa.BoaError:
            return
        self.world.withdraw(actor, free // self.world.model.scale)
        self.done()

    def place_one(self, actor, slot, market, size, slack, is_reduce_only, fee) -> None:
        price = self.prices[market]
        limit = price * (1_000 + slack if size > 0 else 1_000 - slack) // 1_000
        self.world.place(actor, slot, market, size, limit // 10**8 * 10**8, is_reduce_only, fee)
        self.done()

    @rule(
        actor=st.sampled_from(ACTORS),
        slot=st.integers(0, 2),
        market=st.integers(0, 2),
        size=SIZES | SMALL_SIZES,
        slack=SLACK,
        is_reduce_only=st.booleans(),
        fee=FEES,
    )
    def place(self, actor, slot, market, size, slack, is_reduce_only, fee) -> None:
        self.place_one(actor, slot, market % 2, size, slack, is_reduce_only, fee)

    @rule(
        actor=st.sampled_from(ACTORS),
        slot=st.integers(0, 2),
        market=st.integers(0, 1),
        part=st.sampled_from([1, 2, 3, 4, 8]),  # quarters of the position
        is_reduce_only=st.booleans(),
        fee=FEES,
    )
    def place_against_a_position(self, actor, slot, market, part, is_reduce_only, fee) -> None:
        holder = self.world.model.accounts[self.world.account(actor)]
        if market in holder.positions:
            size = -holder.positions[market].size * part // 4 // 10**9 * 10**9
            if size:
                self.place_one(actor, slot, market, size, 300, is_reduce_only, fee)

    def pending(self, market: int, second: int | None = None) -> list[tuple[str, int, int]]:
        return [
            (actor, slot, order.fills_at)
            for actor in ACTORS
            for slot, order in self.world.model.accounts[self.world.account(actor)].orders.items()
            if order.market == market
        ]

    @rule(market=st.integers(0, 1), data=st.data(), keeper=st.sampled_from(ACTORS))
    def execute(self, market: int, data: st.DataObject, keeper: str) -> None:
        found = self.pending(market)
        if not found:
            return
        tile = data.draw(st.sampled_from(sorted({-(-at // 2) for _, _, at in found})))
        batch: dict[str, int] = {actor: slot for actor, slot, at in found if -(-at // 2) == tile}
        chosen = data.draw(st.lists(st.sampled_from(sorted(batch)), min_size=1, unique=True))
        if self.world.now < 2 * tile:
            self.world.wait(2 * tile - self.world.now)
        if data.draw(st.integers(0, 9)):
            self.world.report(self.prices, 2 * tile)
        answer, _ = self.world.execute(keeper, market, [(actor, batch[actor]) for actor in chosen])
        for outcome in answer or []:
            SEEN.add(outcome)
        self.done()

    @rule(market=st.integers(0, 1), keeper=st.sampled_from(ACTORS))
    def execute_anything(self, market: int, keeper: str) -> None:
        found = self.pending(market) + self.pending(1 - market)
        batch = {actor: slot for actor, slot, _ in found}
        if batch:
            self.world.execute(keeper, market, list(batch.items()))
            self.done()

    @rule(actor=st.sampled_from(ACTORS), slot=st.integers(0, 2))
    def clear(self, actor: str, slot: int) -> None:
        self.world.clear(actor, slot)
        self.done()

    @rule(seconds=st.sampled_from([1, 2, 9, 11, 601, 3_600, 86_401, 30 * 86_400]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule(market=st.integers(0, 1), percent=st.sampled_from([-60, -10, -2, -1, 1, 2, 10, 90]))
    def move_price(self, market: int, percent: int) -> None:
        price = self.prices[market] * (100 + percent) // 100
        self.prices[market] = max(LEAST_PRICE, min(price, MOST_PRICE))

    @rule()
    def report(self) -> None:
        self.world.report(self.prices)
        self.done()

    @rule()
    def report_one_market_only(self) -> None:
        self.world.report({0: self.prices[0]})
        self.done()

    @rule(ahead=st.sampled_from([2, 10, 12, 60]))
    def report_from_ahead(self, ahead: int) -> None:
        self.world.report(self.prices, self.world.now + ahead)
        self.done()

    @rule(market=st.integers(0, 1))
    def sweep(self, market: int) -> None:
        self.world.sweep(market)
        self.done()

    @rule(most=st.integers(0, 3))
    def pay_claims(self, most: int) -> None:
        self.world.pay_claims(most)
        self.done()

    @rule(amount=st.integers(1, 10**10))
    def provide(self, amount: int) -> None:
        self.world.provide(amount)
        self.done()

    @rule(amount=st.integers(1, 10**9))
    def donate(self, amount: int) -> None:
        before = self.world.contracts.market.pool()
        self.world.contracts.token.mint(self.world.contracts.market.address, amount)
        self.world.donated += amount
        assert self.world.contracts.market.pool() == before
        self.done()

    @rule(cap=st.sampled_from([0, 1, 10]), market=st.integers(0, 1))
    def lower_caps(self, cap: int, market: int) -> None:
        self.world.change(market, max_open_interest=cap * 100 * WAD, max_skew=cap * 50 * WAD)
        self.done()

    @rule(market=st.integers(0, 1))
    def raise_caps(self, market: int) -> None:
        self.world.change(market, max_open_interest=ETH.max_open_interest, max_skew=ETH.max_skew)
        self.done()


CONTRACTS: list = []
SEEN: set[str] = set()


@pytest.fixture(scope="module", autouse=True)
def contracts():
    CONTRACTS.append(deploy())


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
