"""Nothing is shown of what names no account, or no market: it would be another one's."""

import boa
import pytest

from tests.market.world import ETH, WAD, World, somebody

PRICES = {0: 3_000 * WAD, 4: 60 * WAD}


@pytest.fixture
def world(contracts):
    with boa.env.anchor():
        world = World(contracts, dict.fromkeys(PRICES, ETH))
        world.provide(10_000_000 * 10**6)
        world.report(PRICES)
        yield world


@pytest.fixture
def account(world):
    """The account of somebody with a position in market 4 and an order in slot 3."""
    owner = somebody(world, "owner")
    for slot in (0, 3):
        assert world.place(owner, slot, 4, 500 * WAD, 61 * WAD) is None
    world.wait(2)
    world.report(PRICES)
    keeper = boa.env.generate_address("keeper")
    assert world.execute(keeper, 4, [(owner, 0)]) == ([""], None)
    return world.account(owner)


@pytest.mark.parametrize("rest", [1, 3, 4, 255])
def test_an_account_with_a_slot_or_a_market_added_is_none(world, account, rest):
    lens, odd = world.contracts.lens, account + rest
    for ask in (
        lambda: lens.account(odd),
        lambda: lens.orders(odd),
        lambda: lens.position_of(odd, 0),
        lambda: world.contracts.quotes.quote(odd, 0, WAD),
        lambda: world.contracts.sums.solvency([account, odd]),
    ):
        with boa.reverts("no such account"):
            ask()


@pytest.mark.parametrize("number", [32, 256, 256 + 4])
def test_a_position_is_in_a_market_below_32(world, account, number):
    with boa.reverts("unknown market"):
        world.contracts.lens.position_of(account, number)
