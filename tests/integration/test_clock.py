"""One clock for both chains."""

from tests.integration.world import World


def test_time_advances_while_l2_is_ahead_between_two_blocks_of_l1(world: World) -> None:
    ahead = world.l1.block().timestamp + 11
    l2 = world.private("l2")
    l2("evm_setNextBlockTimestamp", hex(ahead))  # as its own beat does while L1 waits for its next
    l2("evm_mine")
    world.advance("1s")
    assert world.l1.block().timestamp >= ahead
    assert world.l2.block().timestamp > world.l1.block().timestamp


def test_a_week_passes_on_both_chains_at_once(world: World) -> None:
    before = world.l1.block().timestamp
    now = world.advance("7d")
    assert now >= before + 604_800
    assert world.l1.block().timestamp >= now
    assert world.l2.block().timestamp >= now
