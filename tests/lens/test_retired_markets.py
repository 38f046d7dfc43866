"""What is open in a retired market is worth what its end made of it."""

import boa

from tests.lens.comparing import assert_vault_shown
from tests.market.world import ETH, WAD, World, somebody

OPENED, FINAL, LATER = 3_000 * WAD, 3_600 * WAD, 1_000 * WAD


def test_the_vaults_view_counts_it_at_its_final_price(contracts):
    world = World(contracts, {0: ETH})
    world.provide(10_000_000 * 10**6)
    owner = somebody(world, "owner")
    world.report({0: OPENED})
    assert world.place(owner, 0, 0, 10 * WAD, OPENED * 101 // 100) is None
    world.wait(2)
    world.report({0: OPENED})
    told = world.execute(boa.env.generate_address("keeper"), 0, [(owner, 0)])
    assert told == ([""], None)
    world.retire(0, FINAL)
    for price in (None, LATER):
        if price:
            world.wait(2)
            world.report({0: price})
        shown = contracts.sums.vault()
        assert shown.open_result == 10 * (FINAL - OPENED)
        assert (shown.priced_at, shown.unpriced) == (0, 0)
        assert_vault_shown(world)
