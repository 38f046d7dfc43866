"""What L2's node has forgotten is still proven."""

import pytest

from clearway.devnet.rpc import RpcFailure
from clearway.opstack import Status
from clearway.opstack.addresses import MESSAGE_PASSER
from clearway.opstack.errors import StateUnavailable
from clearway.opstack.messages import tohex
from tests.integration.world import ETHER, World

FORGOTTEN = 1_500  # blocks; the node remembers some 600


def test_a_withdrawal_is_proven_long_after_the_node_forgot_its_block(world: World) -> None:
    alice = world.alice
    withdrawal = world.start_eth(alice, ETHER)
    world.settle()
    (game,) = world.all_games()
    private = world.private("l2")
    asked = (MESSAGE_PASSER, [tohex(withdrawal.slot)], hex(game.position))
    remembered = world.l2.request("eth_getProof", *asked)
    private("anvil_mine", hex(FORGOTTEN), "0x0")  # all at one time

    with pytest.raises(RpcFailure):
        private("eth_getProof", *asked)
    assert world.l2.request("eth_getProof", *asked) == remembered
    with pytest.raises(StateUnavailable):
        world.rollup.prove_slot(game.position + 1, withdrawal.slot)  # no game speaks of it

    (proof,) = world.prove(alice).view.proofs  # the real contract verified it
    assert proof.game.address == game.address
    world.advance("8d")
    assert world.drive(alice).status is Status.FINALIZED
    assert world.finalizations(withdrawal) == [True]
