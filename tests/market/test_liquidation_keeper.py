"""Many liquidations in one transaction: each is that of the market, or its reason is told."""

from collections import Counter

import boa

from clearway.spec.market import whole
from clearway.spec.refused import Refused
from tests.market.test_walk import ACTORS, KEEPER, Walk, take, three_markets
from tests.market.world import PRICES, WAD, World, somebody

FALLEN = {**PRICES, 0: 2_860 * WAD}
"""Prices at which whoever is long of the first market with a thin margin is due."""

OUTAGES = ("chain's clock lags", "in grace after an outage")
KNOWN = ("", "account healthy", "in grace after an outage")  # a clock that lags has no price
"""What becomes of accounts whose health is known."""


def thin(world: World, number: int, market: int = 0) -> list[str]:
    """Return owners with a long position each, of a 15th of whose worth they have as margin."""
    owners = [somebody(world, f"thin {market} {index}", 1_000) for index in range(number)]
    size = 15_000 * WAD * WAD // PRICES[market]
    keeper = boa.env.generate_address("executor")
    for owner in owners:
        limit = PRICES[market] * 101 // 100
        assert world.place(owner, 0, market, size, limit) is None
    world.wait(2)
    world.report(PRICES)
    assert world.execute(keeper, market, [(owner, 0) for owner in owners])[0] == [""] * number
    world.wait(2)
    return owners


def liquidate(world: World, keepers, caller: str, owners, cost: int = 0) -> list[str]:
    """Liquidate by the contract and one by one in the model; return what became of each."""
    world.contracts.costs.set_cost(cost)
    expected = []
    for owner in owners:
        reason = ""
        try:
            with whole(world.model):
                world.model.liquidate(world.now, int(caller, 16), world.account(owner), cost)
        except Refused as refused:
            reason = refused.reason
        expected.append(reason)
    accounts = [world.account(owner) for owner in owners]
    judged = {account: keepers.healths([account])[0].reason for account in accounts}
    answer = keepers.liquidate(accounts, sender=caller)
    for account, reason in zip(accounts, answer, strict=True):
        assert judged[account] == (reason if reason not in KNOWN else "")
    told = [
        (log.account, log.keeper, log.reason)
        for log in keepers.get_logs()
        if type(log).__name__ == "LiquidationFailed"
    ]
    assert answer == expected
    assert told == [
        (world.account(owner), caller, reason)
        for owner, reason in zip(owners, expected, strict=True)
        if reason
    ]
    world.assert_equal()
    return answer


class TestABatch:
    def test_of_ten_liquidates_nine_and_tells_why_not_the_tenth(self, world, keepers, keeper):
        owners = thin(world, 9)
        healthy = somebody(world, "healthy")
        world.report(FALLEN)
        listed = [*owners[:4], healthy, *owners[4:]]
        assert liquidate(world, keepers, keeper, listed) == [""] * 4 + ["no positions"] + [""] * 5

    def test_tells_a_missing_price_a_retired_market_and_a_healthy_account(
        self, world, keepers, keeper
    ):
        (due,), (healthy,), (ended,) = (thin(world, 1, market) for market in (0, 4, 1))
        first, both = thin(world, 2)
        assert world.place(both, 1, 4, 5 * WAD, 61 * WAD) is None
        world.wait(2)
        world.report(PRICES)
        assert world.execute(keeper, 4, [(both, 1)]) == ([""], None)
        world.retire(1, 600 * WAD)
        world.wait(2)
        world.report({4: PRICES[4]})
        world.report({0: FALLEN[0]}, world.now + 2)
        told = liquidate(world, keepers, keeper, [due, healthy, ended, both, first])
        assert told == [
            "",
            "account healthy",
            "retired market not settled",
            "no report of that second",
            "",
        ]
        world.wait(13)
        assert liquidate(world, keepers, keeper, [due, ended, both]) == [
            "price stale",
            "retired market not settled",
            "price stale",
        ]

    def test_tells_an_outage(self, world, keepers, keeper):
        owners = thin(world, 2)
        world.report(FALLEN, world.now + 60)
        assert liquidate(world, keepers, keeper, owners) == ["chain's clock lags"] * 2
        world.wait(62)
        world.report(FALLEN)
        assert liquidate(world, keepers, keeper, owners) == ["in grace after an outage"] * 2

    def test_with_one_account_twice_liquidates_it_once(self, world, keepers, keeper):
        first, second = thin(world, 2)
        world.report(FALLEN)
        listed = [first, first, second, first]
        answer = liquidate(world, keepers, keeper, listed)
        assert answer == ["", "account healthy", "", "account healthy"]

    def test_of_nobody_does_nothing(self, world, keepers, keeper):
        assert liquidate(world, keepers, keeper, []) == []

    def test_pays_its_caller_into_his_first_account_and_nobody_else(self, world, keepers):
        owners = thin(world, 4)
        world.report(FALLEN)
        callers = [boa.env.generate_address(name) for name in ("one", "other")]
        for caller, some in zip(callers, (owners[:3], owners[3:]), strict=True):
            liquidate(world, keepers, caller, some, cost=2 * WAD)
            rewards = [
                log.reward
                for log in keepers.get_logs(include_child_logs=True)
                if type(log).__name__ == "AccountLiquidated"
            ]
            assert len(rewards) == len(some)
            assert world.contracts.lens.balance_of(world.account(caller)).margin == sum(rewards)
            assert sum(rewards) > len(some) * 2 * WAD
        contract = world.account(keepers.address)
        assert world.contracts.market.account_word(contract) == 0

    def test_needs_no_token(self, world, keepers, keeper):
        """Nobody who a token refuses is kept from it, and no token can stop it."""
        owners = thin(world, 2)
        world.report(FALLEN)
        boa.env.set_code(world.contracts.token.address, b"\xfe")
        accounts = [world.account(owner) for owner in owners]
        assert keepers.liquidate(accounts, sender=keeper) == ["", ""]


class TestAReport:
    def test_is_brought_and_liquidated_at(self, world, keepers, keeper):
        (owner,) = thin(world, 1)
        arguments = world.signed_report(FALLEN).as_arguments()
        accounts = [world.account(owner)]
        assert keepers.liquidate(accounts, sender=keeper) == ["account healthy"]
        assert keepers.submit_and_liquidate(*arguments, accounts, sender=keeper) == [""]

    def test_that_is_stored_already_is_no_hindrance(self, world, keepers, keeper):
        (owner,) = thin(world, 1)
        world.report(FALLEN)
        observed_at, boards, _, _ = world.signed_report(FALLEN).as_arguments()
        rubbish = [(b"\x11" * 32, b"\x22" * 32)] * 3
        told = keepers.submit_and_liquidate(
            observed_at, boards, [], rubbish, [world.account(owner)], sender=keeper
        )
        assert told == [""]

    def test_that_nobody_signed_refuses_all(self, world, keepers, keeper):
        (owner,) = thin(world, 1)
        world.report(FALLEN)
        world.wait(2)
        observed_at, boards, absent, signatures = world.signed_report(PRICES).as_arguments()
        boards[0] ^= 1 << 100
        with boa.reverts():
            keepers.submit_and_liquidate(
                observed_at, boards, absent, signatures, [world.account(owner)], sender=keeper
            )
        assert keepers.liquidate([world.account(owner)], sender=keeper) == [""]


class HealthWalk(Walk):
    """A walk with a rich vault that compares what each account's health is with what the market
    does, after each step and whenever somebody is about to be liquidated."""

    keepers = None

    def __init__(self, world: World, seed: int, seen: Counter[str]) -> None:
        super().__init__(world, seed, seen)
        world.provide(10**8 * self.unit)

    def step(self) -> None:
        super().step()
        self.compare()

    def liquidate_one(self, actor) -> None:
        self.compare()
        super().liquidate_one(actor)

    def compare(self) -> None:
        accounts = [self.world.account(actor) for actor in ACTORS]
        with boa.env.anchor():
            found = self.keepers.healths(accounts)
            for account, health in zip(accounts, found, strict=True):
                with boa.env.anchor():
                    (refusal,) = self.keepers.liquidate([account], sender=KEEPER)
                self.seen[f"health: {health.reason or refusal or 'due'}"] += 1
                if health.reason:
                    assert refusal == health.reason
                elif health.equity < health.maintenance:
                    assert refusal in ("", *OUTAGES)
                else:
                    assert refusal in ("account healthy", *OUTAGES)


def test_a_health_is_what_the_market_judges(contracts, keepers):
    HealthWalk.keepers = keepers
    seen = take(HealthWalk, lambda: three_markets(contracts), range(200, 203), 15)
    reasons = ("due", "no positions", "account healthy")
    assert {f"health: {reason}" for reason in reasons} <= set(+seen), seen
