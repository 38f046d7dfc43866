"""One story, told to contracts and model."""

import boa
import pytest

from tests.market.world import ETH, WAD, World


@pytest.fixture
def world(contracts):
    with boa.env.anchor():
        yield World(contracts, {0: ETH, 1: ETH})


def test_two_traders_meet_and_part(world: World):
    long, short, keeper = (boa.env.generate_address(name) for name in ("long", "short", "keeper"))
    world.provide(10_000_000 * 10**6)
    for trader in (long, short):
        world.deposit(trader, 100_000 * 10**6)
    world.report({0: 3_000 * WAD, 1: 60_000 * WAD})
    assert world.place(long, 0, 0, 100 * WAD, 3_100 * WAD) is None
    assert world.place(short, 0, 0, -40 * WAD, 2_900 * WAD) is None
    world.assert_equal()
    world.wait(2)
    world.report({0: 3_000 * WAD, 1: 60_000 * WAD})
    assert world.execute(keeper, 0, [(long, 0), (short, 0)]) == (["", ""], None)
    world.assert_equal()
    world.wait(86_400)
    world.report({0: 3_100 * WAD, 1: 60_000 * WAD})
    assert world.place(long, 1, 0, -100 * WAD, 2_900 * WAD, is_reduce_only=True) is None
    assert world.place(short, 0, 0, 140 * WAD, 3_200 * WAD) is None
    world.wait(2)
    world.report({0: 3_100 * WAD, 1: 60_000 * WAD})
    world.execute(keeper, 0, [(long, 1), (short, 0)])
    world.assert_equal()
    assert world.withdraw(long, 90_000 * 10**6) is None
    world.assert_equal()
