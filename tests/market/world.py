"""The contracts and their model, side by side: each action is done to both, and both must agree."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import boa
from eth_account import Account as Keys

from clearway.reports import Domain, Report, SignedReport
from clearway.spec import price_feed
from clearway.spec.market import PerpetualMarket, whole
from clearway.spec.quotes import Quote
from clearway.spec.refused import Refused
from clearway.spec.state import Parameters, account_of
from tests.spec.world import PARAMETERS, SCHEDULE
from tests.spec.world import POOL as MODELS_POOL

WAD = 10**18
START = 1_800_000_000
NOBODY = "0x" + "00" * 20
QUORUM = 3
Actor = str | tuple[str, int]

PRICES = {0: 3_000 * WAD, 1: 600 * WAD, 4: 60 * WAD}
ETH = replace(
    PARAMETERS,
    schedule=replace(SCHEDULE, premium_cap=4_000 * WAD),
    max_open_interest=5_000 * WAD,
    max_skew=1_000 * WAD,
)
POOL = replace(MODELS_POOL, rate_at_full=2 * 10**15)  # the most that the contract takes


# What a liquidation costs its keeper, in quote wad, as a test sets it.
COSTS = """
_cost: uint256

@external
def set_cost(cost: uint256):
    self._cost = cost

@external
@view
def cost(markets: uint256) -> uint256:
    return self._cost
"""


def as_struct(parameters: Parameters) -> tuple[int, ...]:
    """Return a market's parameters in the order of `IPerpetualMarket.Parameters`."""
    schedule = parameters.schedule
    return (
        schedule.skew_scale,
        schedule.premium_cap,
        schedule.maker_fee,
        schedule.taker_fee,
        parameters.max_velocity,
        parameters.funding_cap,
        parameters.initial_ratio,
        parameters.initial_slope,
        parameters.maintenance_ratio,
        parameters.maintenance_slope,
        parameters.profit_ratio,
        parameters.max_open_interest,
        parameters.max_skew,
        parameters.min_notional,
        parameters.risk_weight,
        parameters.penalty_ratio,
        parameters.insurance_limit,
    )


@dataclass
class Contracts:
    """What is deployed."""

    token: Any
    feed: Any
    market: Any
    orders: Any
    configuration: Any
    costs: Any
    lens: Any


def deploy(
    decimals: int = 6, uptime_feed: str = NOBODY, costs: str = COSTS, token: Any = None
) -> Contracts:
    """Deploy everything, with ten-second patience for nothing; `costs` is the source of a twin."""
    boa.env.timestamp = START
    token = token or boa.load("contracts/mocks/TestToken.vy", decimals)
    addresses = [keys.address for keys in PUBLISHERS]
    feed = boa.load(
        "contracts/l2/PriceFeed.vy", 2, addresses, QUORUM, boa.env.eoa, uptime_feed, 3_600
    )
    costs_twin = boa.loads(costs)
    above = [boa.env.generate_address() for _ in range(2)]
    market = boa.load(
        "contracts/l2/PerpetualMarket.vy",
        token.address,
        feed.address,
        costs_twin.address,
        *above,
        boa.env.eoa,
        boa.env.generate_address("gateway"),
    )
    orders = boa.load(
        "contracts/l2/OrderBook.vy", market.address, feed.address, override_address=above[0]
    )
    configuration = boa.load(
        "contracts/l2/Configuration.vy", market.address, boa.env.eoa, override_address=above[1]
    )
    lens = boa.load("contracts/l2/Lens.vy", market.address)
    return Contracts(token, feed, market, orders, configuration, costs_twin, lens)


PUBLISHERS = sorted(
    (Keys.from_key(bytes([0] * 31 + [number])) for number in range(1, 6)),
    key=lambda keys: int(keys.address, 16),
)


class World:
    """Both markets at the same second."""

    def __init__(self, contracts: Contracts, markets: Mapping[int, Parameters]) -> None:
        self.contracts = contracts
        self.domain = Domain(boa.env.evm.patch.chain_id, contracts.feed.address)
        scale = contracts.market.SCALE()
        feed = price_feed.PriceFeed(2, [1, 2, 3, 4, 5], QUORUM, 3_600)
        self.model = PerpetualMarket(feed, POOL, scale=scale)
        self.donated = 0
        contracts.configuration.set_pool(tuple(vars(POOL).values()))
        for number, parameters in markets.items():
            contracts.configuration.set_market(number, as_struct(parameters))
            self.model.list_market(self.now, number, parameters)

    @property
    def now(self) -> int:
        return int(boa.env.timestamp)

    def wait(self, seconds: int) -> None:
        boa.env.timestamp += seconds

    def whole(self) -> AbstractContextManager[None]:
        """Return what takes back all that a refused transition did to the model."""
        return whole(self.model)

    def both(
        self, on_chain: Callable[[], Any], in_model: Callable[[], Any]
    ) -> tuple[Any, str | None]:
        """Do one thing to both; return the model's answer, and the reason if both refused."""
        refusal = answer = None
        try:
            with self.whole():
                answer = in_model()
        except Refused as refused:
            refusal = refused.reason
        if refusal is None:
            on_chain()
        else:
            with boa.reverts(refusal):
                on_chain()
        return answer, refusal

    def change(self, market: int, **values: int) -> None:
        """Change a market's parameters."""
        changed = replace(self.model.markets[market].parameters, **values)
        self.contracts.configuration.set_market(market, as_struct(changed))
        self.model.change(self.now, market, changed)

    # An actor is an address, with its account number 0, or an address and a number.

    def account(self, actor: Actor) -> int:
        owner, number = (actor, 0) if isinstance(actor, str) else actor
        return account_of(int(owner, 16), number)

    def owner(self, actor: Actor) -> str:
        return actor if isinstance(actor, str) else actor[0]

    def signed_report(self, prices: dict[int, int], second: int | None = None) -> SignedReport:
        """Sign prices (wad, by market) for the tile that holds a second."""
        second = self.now if second is None else second
        quotes = {market: Quote(price, 0) for market, price in prices.items()}
        return self.signed(Report.of(second + second % 2, quotes))

    def signed(self, report: Report) -> SignedReport:
        addresses = [keys.address for keys in PUBLISHERS]
        return SignedReport.by(report, self.domain, addresses, PUBLISHERS[:QUORUM])

    def report(self, prices: dict[int, int], second: int | None = None) -> None:
        """Sign and submit prices (wad, by market) for the tile that holds a second."""
        self.submit(self.signed_report(prices, second))

    def submit(self, signed: SignedReport) -> None:
        report = signed.report
        twin = price_feed.Report(report.observed_at, report.boards)
        signatures = [price_feed.Signature(signer, twin) for signer in (1, 2, 3)]
        self.both(
            lambda: self.contracts.feed.submit(*signed.as_arguments()),
            lambda: self.model.feed.submit(self.now, twin, signatures),
        )

    def fund(self, owner: str, amount: int) -> None:
        self.contracts.token.mint(owner, amount)
        self.contracts.token.approve(self.contracts.market.address, amount, sender=owner)

    def provide(self, amount: int) -> None:
        """Bring cash as the vault does: the tokens first."""
        self.contracts.token.mint(self.contracts.market.address, amount)
        self.both(lambda: self.contracts.market.provide(amount), lambda: self.model.provide(amount))

    def put_aside(self, amount: int) -> str | None:
        return self.both(
            lambda: self.contracts.market.put_aside(amount), lambda: self.model.put_aside(amount)
        )[1]

    def pay_out(self, amount: int) -> None:
        """Let go what was set aside, as the vault does."""
        self.both(
            lambda: self.contracts.market.pay_out(amount, boa.env.eoa),
            lambda: self.model.pay_out(amount),
        )

    def deposit(self, actor: Actor, amount: int) -> str | None:
        owner, account = self.owner(actor), self.account(actor)
        self.fund(owner, amount)
        return self.both(
            lambda: self.contracts.market.deposit(account, amount, sender=owner),
            lambda: self.model.deposit(account, amount),
        )[1]

    def withdraw(self, actor: Actor, amount: int) -> str | None:
        owner, account = self.owner(actor), self.account(actor)
        return self.both(
            lambda: self.contracts.market.withdraw(account, amount, owner, sender=owner),
            lambda: self.model.withdraw(self.now, int(owner, 16), account, amount),
        )[1]

    def place(
        self,
        actor: Actor,
        slot: int,
        market: int,
        size_delta: int,
        limit_price: int,
        is_reduce_only: bool = False,
        keeper_fee: int = 10**17,
    ) -> str | None:
        owner, account = self.owner(actor), self.account(actor)
        words = (account, slot, market, size_delta, limit_price, is_reduce_only, keeper_fee)
        return self.both(
            lambda: self.contracts.orders.place(*words, sender=owner),
            lambda: self.model.place(self.now, int(owner, 16), *words),
        )[1]

    def clear(self, actor: Actor, slot: int) -> str | None:
        account = self.account(actor)
        return self.both(
            lambda: self.contracts.orders.clear(account, slot),
            lambda: self.model.clear(self.now, account, slot),
        )[1]

    def execute(
        self, keeper: str, market: int, batch: Sequence[tuple[Actor, int]]
    ) -> tuple[list[str] | None, str | None]:
        """Execute; return what became of each order, in the order of accounts."""
        entries = sorted((self.account(actor), slot) for actor, slot in batch)
        ids = [account + slot for account, slot in entries]
        # One order can be executed in two ways, which are the same.
        order = self.model.accounts[entries[0][0]].orders.get(entries[0][1]) if entries else None
        alone = len(ids) == 1 and self.now % 2 == 0 and order and order.market == market
        answer, refusal = self.both(
            (lambda: self.contracts.orders.execute_one(ids[0], sender=keeper))
            if alone
            else (lambda: self.contracts.orders.execute(market, ids, sender=keeper)),
            lambda: self.model.execute(self.now, int(keeper, 16), market, entries),
        )
        if refusal is None:
            told = {
                (log.account, log.slot): log.reason if type(log).__name__ == "OrderFailed" else ""
                for log in self.contracts.orders.get_logs()
                if type(log).__name__ in ("OrderFilled", "OrderFailed")
            }
            ended = {
                entry: outcome
                for entry, outcome in zip(entries, answer, strict=True)
                if outcome != "stays"
            }
            assert told == ended
        return answer, refusal

    def execute_by_round(
        self, keeper: str, market: int, owner: str, slot: int, price: int, deviation: int
    ) -> tuple[str | None, str | None]:
        """Execute by round 2 of the market's aggregator, which `price` (wad) is that of."""
        account = self.account(owner)
        return self.both(
            lambda: self.contracts.orders.execute_by_round(account + slot, 2, 1, sender=keeper),
            lambda: self.model.execute_by_round(
                self.now, int(keeper, 16), market, account, slot, price, deviation
            ),
        )

    def mark(self, actor: Actor) -> str | None:
        account = self.account(actor)
        return self.both(
            lambda: self.contracts.market.mark(account), lambda: self.model.mark(self.now, account)
        )[1]

    def liquidate(self, keeper: str, actor: Actor, cost: int = 0) -> str | None:
        account = self.account(actor)
        self.contracts.costs.set_cost(cost)
        return self.both(
            lambda: self.contracts.market.liquidate(account, keeper),
            lambda: self.model.liquidate(self.now, int(keeper, 16), account, cost),
        )[1]

    def retire(self, market: int, price: int) -> str | None:
        """End a market, as `Configuration` does."""
        sender = self.contracts.configuration.address
        return self.both(
            lambda: self.contracts.market.retire(market, price, sender=sender),
            lambda: self.model.retire(self.now, market, price),
        )[1]

    def settle(self, owner: str, market: int) -> str | None:
        account = self.account(owner)
        return self.both(
            lambda: self.contracts.market.settle(account, market),
            lambda: self.model.settle(self.now, account, market),
        )[1]

    def margin(self, owner: str) -> int:
        return self.model.accounts[self.account(owner)].margin

    def pay_claims(self, most: int) -> None:
        self.both(
            lambda: self.contracts.market.pay_claims(most), lambda: self.model.pay_claims(most)
        )

    def assert_equal(self) -> None:
        """Compare everything that both hold, to the last unit; and what must be true of it."""
        market, lens, model = self.contracts.market, self.contracts.lens, self.model
        for number, state in model.markets.items():
            names = list(lens.market_state(number)._fields)
            expected = tuple(getattr(state, name) for name in names)
            assert dict(zip(names, lens.market_state(number), strict=True)) == dict(
                zip(names, expected, strict=True)
            )
        for account, holder in model.accounts.items():
            bits = sum(1 << number for number in holder.positions)
            assert tuple(lens.balance_of(account)) == (
                holder.margin,
                holder.escrow,
                bits,
                holder.flagged_at,
            )
            for number in model.markets:
                position = holder.positions.get(number)
                words = tuple(vars(position).values()) if position else (0, 0, 0)
                assert tuple(lens.position_of(account, number)) == words
        buckets = model.buckets()
        margins = buckets["margins"] + buckets["escrows"]
        claims = sum(claim for _, claim in model.claims)
        assert tuple(lens.pool()) == (margins, model.cash, model.at_risk, claims, model.debts)
        assert market.set_aside() == model.set_aside
        assert market.held() == model.held
        assert sum(buckets.values()) == model.held * model.scale
        assert self.contracts.token.balanceOf(market.address) == model.held + self.donated


def somebody(world: World, name: str, dollars: int = 100_000) -> str:
    """Return a new address that has so much margin."""
    address = boa.env.generate_address(name)
    world.deposit(address, dollars * 10**6)
    return address
