"""A retired market: nothing trades in it, and every position is settled at its final price."""

from copy import deepcopy

import boa
import pytest

from tests.market.world import ETH, WAD, World

LONG, SHORT, KEEPER = (boa.env.generate_address(name) for name in ("long", "short", "keeper"))
PRICE, FINAL = 3_000 * WAD, 3_600 * WAD


@pytest.fixture
def world(contracts):
    """Return a market with a long and a short of 10, at 3,000."""
    world = World(contracts, {0: ETH, 1: ETH})
    world.provide(10_000_000 * 10**6)
    world.report({0: PRICE, 1: PRICE})
    for owner, size in ((LONG, 10 * WAD), (SHORT, -10 * WAD)):
        world.deposit(owner, 20_000 * 10**6)
        assert world.place(owner, 0, 0, size, PRICE * (1_000 + size // WAD) // 1_000) is None
    world.wait(2)
    world.report({0: PRICE, 1: PRICE})
    assert world.execute(KEEPER, 0, [(LONG, 0), (SHORT, 0)]) == (["", ""], None)
    return world


def test_each_position_is_settled_at_the_final_price_and_pays_no_fee(world):
    before = {owner: world.margin(owner) for owner in (LONG, SHORT)}
    world.wait(3_600)
    world.retire(0, FINAL)
    assert world.settle(LONG, 0) is None
    assert world.settle(SHORT, 0) is None
    world.assert_equal()
    state = world.model.markets[0]
    assert (state.long, state.short, state.cost_sum, state.entry_sum) == (0, 0, 0, 0)
    assert world.model.at_risk == 0
    gains = [world.margin(owner) - before[owner] for owner in (LONG, SHORT)]
    owed = 2 * world.model.markets[0].parameters.funding_cap * 36_000 // 24
    assert abs(gains[0] - 6_000 * WAD) < owed  # an hour's funding and borrowing
    assert abs(gains[1] + 6_000 * WAD) < owed


def test_nothing_is_placed_or_filled_in_it(world):
    assert world.place(LONG, 1, 0, -WAD, PRICE * 99 // 100, is_reduce_only=True) is None
    world.retire(0, FINAL)
    world.wait(2)
    world.report({0: PRICE, 1: PRICE})
    assert world.execute(KEEPER, 0, [(LONG, 1)]) == (None, "market retired")
    assert world.place(LONG, 2, 0, WAD, PRICE * 101 // 100) == "market retired"
    world.wait(86_401)
    assert world.clear(LONG, 1) is None
    world.assert_equal()


def test_what_it_owes_can_be_withdrawn_once_it_is_settled(world):
    world.retire(0, FINAL)
    world.wait(30 * 86_400)  # nobody reports any more
    assert world.withdraw(LONG, 1) == "retired market not settled"
    assert world.settle(LONG, 0) is None
    assert world.withdraw(LONG, world.margin(LONG) // world.model.scale) is None


def test_a_market_is_retired_once_and_settled_only_then(world):
    assert world.settle(LONG, 0) == "market not retired"
    assert world.settle(LONG, 9) == "market not retired"
    world.retire(0, FINAL)
    assert world.retire(0, PRICE) == "market retired"
    assert world.settle(KEEPER, 0) == "no position"


@pytest.mark.parametrize("price", [0, 10**6 - 1, 10**30 + 1])
def test_a_final_price_out_of_bounds_is_refused(world, price):
    assert world.retire(0, price) == "price out of bounds"


def test_only_the_configuration_retires(world):
    with boa.reverts("not the configuration"):
        world.contracts.market.retire(0, FINAL)


def test_a_loss_in_it_cannot_be_hidden_behind_a_later_price(world):
    world.deposit(LONG, 5_000 * 10**6)
    world.retire(0, PRICE * 9 // 10)
    world.report({0: 2 * PRICE, 1: PRICE})
    assert world.withdraw(LONG, 1) == "retired market not settled"
    assert world.mark(LONG) == "retired market not settled"
    assert world.liquidate(KEEPER, LONG) == "retired market not settled"
    assert world.place(LONG, 0, 1, WAD, PRICE * 101 // 100) is None
    world.wait(2)
    world.report({0: 2 * PRICE, 1: PRICE})
    assert world.execute(KEEPER, 1, [(LONG, 0)]) == (["stays"], None)
    assert world.settle(LONG, 0) is None
    assert world.execute(KEEPER, 1, [(LONG, 0)]) == ([""], None)
    world.assert_equal()


def test_time_costs_nothing_after_the_end(world):
    """Else funding would pass what margins have, while nobody can be liquidated there."""
    world.deposit(SHORT, 10_000 * 10**6)
    assert world.place(SHORT, 1, 0, -10 * WAD, PRICE * 99 // 100) is None
    world.wait(2)
    world.report({0: PRICE, 1: PRICE})
    assert world.execute(KEEPER, 0, [(SHORT, 1)]) == ([""], None)
    world.wait(86_400)  # so that there is a rate
    world.retire(0, FINAL)
    world.assert_equal()
    at_once = deepcopy(world.model)
    for owner in (LONG, SHORT):
        at_once.settle(world.now, world.account(owner), 0)
    world.wait(365 * 86_400)
    assert world.settle(SHORT, 0) is None  # which alone would leave all skew to the other
    world.wait(365 * 86_400)
    assert world.settle(LONG, 0) is None
    world.assert_equal()
    for owner in (LONG, SHORT):
        assert 0 < world.margin(owner) == at_once.accounts[world.account(owner)].margin
