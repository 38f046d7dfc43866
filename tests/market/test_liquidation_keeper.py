"""Many liquidations in one transaction: none fails for another's fault, or for want of gas."""

from collections import Counter
from dataclasses import replace

import boa
import pytest

from clearway.spec.market import whole
from clearway.spec.refused import Refused
from tests.market.metering import own_transaction
from tests.market.test_walk import ACTORS, KEEPER, Walk, take, three_markets
from tests.market.world import ETH, PRICES, WAD, World, deploy, somebody

pytestmark = pytest.mark.usefixtures("py_evm")  # for the gas of a transaction of its own

QUARTER_OF_A_BLOCK = 30_000_000 // 4
FALLEN = {**PRICES, 0: 2_860 * WAD}
"""Prices at which whoever is long of the first market with a thin margin is due."""

# Replaces the code of the feed, or of what tells costs. It goes wrong where it is asked for `bad`.
SICK = """
WORD: immutable(uint256)
BAD: immutable(uint256)
MANNER: immutable(uint256)

@deploy
def __init__(word: uint256, bad: uint256, manner: uint256):
    WORD = word
    BAD = bad
    MANNER = manner

@external
@view
def board(number: uint256) -> uint256:
    return self._answer(number)

@external
@view
def outage(number: uint256) -> String[32]:
    return ""

@external
@view
def cost(markets: uint256) -> uint256:
    return self._answer(markets)

@internal
@view
def _answer(question: uint256) -> uint256:
    if question != BAD:
        return WORD
    if MANNER == 0:  # burns all gas
        assert question != BAD, UNREACHABLE
    if MANNER == 1:  # reverts with so many bytes that its caller can just pay for them
        raw_revert(abi_encode(empty(uint256[6000])))
    if MANNER == 2:  # by a failed assertion without a reason
        assert question != BAD
    if MANNER == 3:  # by a reason longer than any of the system's
        assert question != BAD, "a reason that has more than thirty-two characters"
    if MANNER == 4:  # by the same selector and rubbish
        raw_revert(concat(
            method_id("Error(string)"),
            convert(max_value(uint256), bytes32),
            convert(max_value(uint256), bytes32),
            convert("rubbish", Bytes[32]),
            empty(bytes32),
        ))
    if MANNER == 5:  # by an error of another kind, as a division by zero in Solidity is
        raw_revert(abi_encode(
            empty(uint256[3]), method_id=method_id("Panic(uint256)")
        ))
    return WORD
"""
OUTAGES = ("chain's clock lags", "in grace after an outage")
KNOWN = ("", "account healthy", "in grace after an outage")  # a clock that lags has no price
"""What becomes of accounts whose health is known."""
SILENT = "refused without a reason"

# Takes nearly all the gas that the feed gives it, by memory, and says that the sequencer is up.
SLOW_UPTIME = """
@external
@view
def latestRoundData() -> (uint256, int256, uint256, uint256, uint256):
    large: uint256[7000] = empty(uint256[7000])
    return 1, 0, 1, 1, large[6999]
"""
# Takes what `KeeperCosts` does with an oracle that takes all it gets.
SLOW_COSTS = """
_cost: uint256

@external
def set_cost(cost: uint256):
    self._cost = cost

@external
@view
def cost(markets: uint256) -> uint256:
    large: uint256[6700] = empty(uint256[6700])
    return self._cost + large[6699]
"""


@pytest.fixture(scope="module")
def keepers(contracts):
    return boa.load("contracts/l2/LiquidationKeeper.vy", contracts.market.address)


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


def words(world: World, owners) -> list[int]:
    return [world.contracts.market.account_word(world.account(owner)) for owner in owners]


def spoil(contract, word: int, bad: int, manner: int) -> None:
    """Put the sick one's code in place of a contract's."""
    sick = boa.loads(SICK, word, bad, manner)
    boa.env.set_code(contract.address, boa.env.get_code(sick.address))


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


class TestOneThatGoesWrong:
    """The feed of the second board, or what a liquidation in it costs, is sick."""

    @pytest.fixture
    def owners(self, world):
        """Return four who are due, of whom the third holds a market of the second board."""
        first, second, third = thin(world, 3)
        (bad,) = thin(world, 1, 4)
        world.report({**FALLEN, 4: 57 * WAD})
        return [first, second, bad, third]

    @pytest.mark.parametrize("part", ["feed", "costs"])
    @pytest.mark.parametrize(
        ("manner", "reason"),
        [
            (0, SILENT),
            (1, SILENT),
            (2, SILENT),
            (3, "a reason that has more than thir"),
            (4, "rubbish" + "\0" * 25),
            (5, SILENT),
        ],
    )
    def test_stops_nobody_else(self, world, keepers, keeper, owners, part, manner, reason):
        if part == "feed":
            board = world.contracts.feed.newest_board(0)
            spoil(world.contracts.feed, board, 1, manner)
        else:
            spoil(world.contracts.costs, WAD, 1 << 4, manner)
        accounts = [world.account(owner) for owner in owners]
        with own_transaction():
            assert keepers.liquidate(accounts, sender=keeper) == ["", "", reason, ""]
        healths = keepers.healths(accounts)
        expected = reason if part == "feed" else ""
        assert [found.reason for found in healths] == ["", "", expected, ""]

    @pytest.mark.parametrize("part", ["feed", "costs"])
    def test_is_told_with_any_gas_or_nothing_is(self, world, keepers, keeper, owners, part):
        if part == "feed":
            spoil(world.contracts.feed, world.contracts.feed.newest_board(0), 1, 0)
        else:
            spoil(world.contracts.costs, WAD, 1 << 4, 0)
        assert_whole_or_nothing(world, keepers, keeper, owners)


def assert_whole_or_nothing(world: World, keepers, caller: str, owners) -> None:
    """Give too little gas and too much, and closer and closer to what just suffices."""
    accounts = [world.account(owner) for owner in owners]
    before = words(world, owners)
    plenty = None

    def suffices(gas: int) -> bool:
        with boa.env.anchor(), own_transaction():
            try:
                told = keepers.liquidate(accounts, sender=caller, gas=gas)
            except boa.BoaError:
                assert words(world, owners) == before
                return False
            assert plenty in (None, (told, words(world, [*owners, caller])))
            return True

    with boa.env.anchor(), own_transaction():
        plenty = keepers.liquidate(accounts, sender=caller), words(world, [*owners, caller])
    assert plenty[1][:-1] != before
    low, high = 0, 8_000_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    steps = range(high // 10, 2 * high, high // 10)
    assert [suffices(gas) for gas in steps] == [gas >= high for gas in steps]


class TestGas:
    def test_is_enough_for_all_or_nothing_is_done(self, world, keepers, trader, keeper):
        owners = [*thin(world, 3), trader, *thin(world, 1, 4)]
        world.report({**FALLEN, 4: 57 * WAD})
        assert_whole_or_nothing(world, keepers, keeper, owners)

    def test_too_little_is_said(self, world, keepers, keeper):
        (owner,) = thin(world, 1)
        world.report(FALLEN)
        with boa.reverts("too little gas"):
            keepers.liquidate([world.account(owner)], sender=keeper, gas=300_000)
        with boa.reverts("too little gas"):
            keepers.healths([world.account(owner)], gas=300_000)


class TestTheDearestAccount:
    """All storage is cold, each gain becomes a claim, each market's insurance pays and is used for
    the first time, uptime feed and costs take all the gas that they may, and a shortfall is left.
    """

    @pytest.fixture(scope="class")
    def dear(self):
        slow = boa.loads(SLOW_UPTIME)
        return deploy(uptime_feed=slow.address, costs=SLOW_COSTS)

    @pytest.mark.parametrize("number", [2, 8, 32])
    def test_takes_less_than_it_gets_which_is_less_than_a_quarter_of_a_block(self, dear, number):
        markets = range(32) if number == 32 else range(0, 4 * number, 4)
        parameters = replace(ETH, risk_weight=WAD // 50)
        keepers = boa.load("contracts/l2/LiquidationKeeper.vy", dear.market.address)
        with boa.env.anchor():
            world = World(dear, dict.fromkeys(markets, parameters))
            account = self.hold(world, markets)
            with own_transaction():
                assert keepers.liquidate([account], gas=QUARTER_OF_A_BLOCK) == [""]
            (call,) = [
                child
                for child in keepers._computation.children
                if child.msg.to == dear.market.address.canonical_address
                and child.msg.gas > 100_000
                and not child.msg.is_static
            ]
            told = Counter(type(log).__name__ for log in keepers.get_logs())
            assert told["ProfitClaimed"] == number - 1
            assert told["PositionLiquidated"] == number
            assert told["ShortfallBooked"] == 1
            assert all(
                dear.market.insurance_left(market) < parameters.insurance_limit
                for market in markets
            )
            assert call.get_gas_used() < call.msg.gas * 9 // 10

    def hold(self, world: World, markets) -> int:
        """Return an account that gains in all of some markets, and loses more in the last."""
        last = markets[-1]
        world.provide(len(markets) * 320 * 10**6)
        prices = dict.fromkeys(markets, 3_000 * WAD)
        owner = somebody(world, "owner", 800 * len(markets))
        world.report(prices)
        for market in markets:
            size, limit = (4 * WAD, 3_030 * WAD) if market != last else (-4 * WAD, 2_970 * WAD)
            assert world.place(owner, 0, market, size, limit) is None
            world.wait(2)
            world.report(prices)
            told = world.execute(boa.env.generate_address("executor"), market, [(owner, 0)])
            assert told == ([""], None)
        world.wait(2)
        world.report({**dict.fromkeys(markets, 6_000 * WAD), last: 120_000 * WAD})
        world.contracts.costs.set_cost(50 * WAD)
        return world.account(owner)


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
