"""What liquidations cost, and that none fails for another's fault, or for want of gas."""

from collections import Counter
from dataclasses import replace

import boa
import pytest

from tests.market.metering import own_transaction
from tests.market.test_liquidation_keeper import FALLEN, thin
from tests.market.world import ETH, WAD, World, deploy, somebody

pytestmark = pytest.mark.usefixtures("py_evm")  # for the gas of a transaction of its own

QUARTER_OF_A_BLOCK = 30_000_000 // 4
SHOWN = 20_000_000  # gas, for a call that nobody pays for: below what nodes allow
MOST_MARKETS = 32

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


def words(world: World, owners) -> list[int]:
    return [world.contracts.market.account_word(world.account(owner)) for owner in owners]


def spoil(contract, word: int, bad: int, manner: int) -> None:
    """Put the sick one's code in place of a contract's."""
    sick = boa.loads(SICK, word, bad, manner)
    boa.env.set_code(contract.address, boa.env.get_code(sick.address))


def test_an_account_in_all_markets_is_shown_and_liquidated_for_a_bounded_price(contracts, keeper):
    """In eight boards, all of it."""
    markets = range(MOST_MARKETS)
    with boa.env.anchor():
        world = World(contracts, dict.fromkeys(markets, replace(ETH, risk_weight=WAD // 50)))
        world.provide(10_000_000 * 10**6)
        prices = dict.fromkeys(markets, 3_000 * WAD)
        trader = somebody(world, "trader", 60_000)
        world.report(prices)
        for market in markets:
            assert world.place(trader, 0, market, 10 * WAD, 3_030 * WAD) is None
            world.wait(2)
            world.report(prices)
            assert world.execute(keeper, market, [(trader, 0)]) == ([""], None)
        with own_transaction():
            assert len(contracts.lens.account(world.account(trader)).positions) == MOST_MARKETS
        assert contracts.lens._computation.get_gas_used() < SHOWN
        world.wait(2)
        world.report(dict.fromkeys(markets, 2_700 * WAD))
        with own_transaction():
            assert world.liquidate(keeper, trader, 50 * WAD) is None
        gas = contracts.market._computation.get_gas_used()
        world.assert_equal()
        assert contracts.lens.balance_of(world.account(trader)).markets == 0
        assert gas < QUARTER_OF_A_BLOCK


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
            assert told["ClaimSetOff"] == told["ShortfallBooked"] == 1
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
