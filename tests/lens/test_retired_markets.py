"""What is open in a retired market is worth what its end made of it."""

import boa
import pytest

from clearway.spec import views
from clearway.spec.refused import Refused
from tests.lens.comparing import assert_quoted, assert_vault_shown
from tests.market.world import ETH, WAD, World, somebody

OPENED, FINAL, LATER = 3_000 * WAD, 3_600 * WAD, 1_000 * WAD


@pytest.fixture
def world(contracts):
    with boa.env.anchor():
        world = World(contracts, {0: ETH, 1: ETH})
        world.provide(10_000_000 * 10**6)
        yield world


@pytest.fixture
def owner(world):
    """Somebody with a long position in a market that will end."""
    owner = somebody(world, "owner")
    world.report({0: OPENED})
    assert world.place(owner, 0, 0, 10 * WAD, OPENED * 101 // 100) is None
    world.wait(2)
    world.report({0: OPENED})
    told = world.execute(boa.env.generate_address("keeper"), 0, [(owner, 0)])
    assert told == ([""], None)
    return owner


def test_the_vaults_view_counts_it_at_its_final_price(world, owner):
    world.retire(0, FINAL)
    for price in (None, LATER):
        if price:
            world.wait(2)
            world.report({0: price})
        shown = world.contracts.sums.vault()
        assert shown.open_result == 10 * (FINAL - OPENED)
        assert (shown.priced_at, shown.unpriced) == (0, 0)
        assert_vault_shown(world)


def test_a_lone_position_has_no_price_at_which_it_is_liquidated(world, owner):
    account = world.account(owner)
    world.retire(0, FINAL)
    world.report({0: FINAL})
    assert world.liquidate(owner, owner) == "retired market not settled"
    with boa.reverts("retired market not settled"):
        world.contracts.lens.liquidation_price(account, 0)
    with pytest.raises(Refused, match="retired market not settled"):
        views.liquidation_price(world.model, world.now, account, 0)


def test_beside_it_what_an_account_has_is_not_told_by_a_later_price(world, owner):
    world.report({0: OPENED, 1: OPENED})
    assert world.place(owner, 0, 1, 10 * WAD, OPENED * 101 // 100) is None
    world.wait(2)
    world.report({0: OPENED, 1: OPENED})
    told = world.execute(boa.env.generate_address("keeper"), 1, [(owner, 0)])
    assert told == ([""], None)
    world.retire(0, FINAL)
    world.wait(2)
    world.report({0: LATER, 1: OPENED})
    quoted = assert_quoted(world, world.account(owner), 1, -10 * WAD, is_reduce_only=True)
    assert (quoted.reason, quoted.size) == ("", 0)
    assert (quoted.unpriced, quoted.equity) == ("retired market not settled", 0)
