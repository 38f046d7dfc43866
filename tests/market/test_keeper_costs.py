"""What a liquidation's keeper is paid for his gas."""

import boa
import pytest

from tests.market.world import ETH, NOBODY, WAD, World

PRICE = 3_000 * WAD
BASE_FEE = 10**9  # wei; that of the first block

pytestmark = pytest.mark.usefixtures("py_evm")  # it has a base fee

ORACLE = """
_fee: uint256

@external
def set_fee(fee: uint256):
    self._fee = fee

@external
@view
def getL1FeeUpperBound(size: uint256) -> uint256:
    assert self._fee != 7, "sick"
    return self._fee
"""


@pytest.fixture
def world(contracts):
    return World(contracts, {0: ETH})


def costs(world, oracle=NOBODY):
    return boa.load("contracts/l2/KeeperCosts.vy", world.contracts.feed.address, 0, oracle)


@pytest.mark.parametrize(
    ("markets", "gas"), [(0b1, 110_000), (0b101, 158_000), (2**32 - 1, 1_598_000)]
)
def test_is_the_gas_of_each_market_at_the_base_fee_and_the_newest_price(world, markets, gas):
    world.report({0: PRICE})
    assert costs(world).cost(markets) == gas * BASE_FEE * PRICE // WAD


def test_without_a_price_it_is_nothing(world):
    assert costs(world).cost(1) == 0


def test_holds_what_l1_asks_for_and_nothing_that_a_sick_oracle_says(world):
    world.report({0: PRICE})
    oracle = boa.loads(ORACLE)
    found = costs(world, oracle.address)
    alone = found.cost(1)
    oracle.set_fee(10**12)
    assert found.cost(1) == (110_000 * BASE_FEE + 10**12) * PRICE // WAD
    for sick in (7, 2**100, 2**256 - 1):
        oracle.set_fee(sick)
        assert found.cost(1) == alone


def test_a_market_that_the_feed_cannot_have_is_refused(world):
    with boa.reverts("unknown market"):
        boa.load("contracts/l2/KeeperCosts.vy", world.contracts.feed.address, 32, NOBODY)
