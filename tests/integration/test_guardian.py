"""What the bridge's guardian can do to withdrawals on their way, and how they survive it."""

import pytest

from clearway.devnet.accounts import Role, role
from clearway.opstack import Status, abi
from clearway.opstack.abi import Function
from clearway.opstack.errors import GameRejected, Paused
from tests.integration.world import ETHER, World

PAUSE = Function("pause(string)")
UNPAUSE = Function("unpause()")
CANNON, PERMISSIONED = 0, 1


def set_game_type(world: World, game_type: int) -> None:
    world.advance("1s")  # the portal tells old games from new ones by the second
    world.send(
        world.l1, world.guardian, world.portal, abi.Portal.SET_RESPECTED_GAME_TYPE, game_type
    )
    world.advance("1s")


def pause(world: World, function: Function, *arguments: object) -> None:
    superchain = world.network.addresses["superchain_config"]
    world.send(world.l1, world.guardian, superchain, function, *arguments)


def expect_a_new_proof_and_payment(world: World, verdict: str) -> None:
    """Alice's first proof was thrown away: she proves again, waits anew and is paid."""
    tracked = world.tracked(world.alice)
    with pytest.raises(GameRejected, match=rf"proven against is {verdict}.*prove it again"):
        world.driver(world.alice).finalize(tracked)
    (old,) = world.report(world.alice).view.proofs
    before = world.l1.balance(world.alice.address) + world.fees_of(world.l1, world.alice)

    world.settle()  # the proposer sees that its game is of no use
    (new,) = world.prove(world.alice).view.proofs
    assert new.game.address != old.game.address
    assert new.proven_at > old.proven_at

    world.advance("8d")
    report = world.drive(world.alice)
    assert report.status is Status.FINALIZED
    assert world.finalizations(tracked.withdrawal) == [True]
    after = world.l1.balance(world.alice.address) + world.fees_of(world.l1, world.alice)
    assert after == before + ETHER


@pytest.mark.parametrize("when", ["while it is open", "after it was won"])
def test_after_the_game_is_blacklisted_the_user_proves_again_and_is_paid(
    world: World, when: str
) -> None:
    world.start_eth(world.alice, ETHER)
    world.settle()
    (proof,) = world.prove(world.alice).view.proofs
    if when == "after it was won":
        world.advance("6d")
    blacklist = abi.Portal.BLACKLIST
    world.send(world.l1, world.guardian, world.portal, blacklist, proof.game.address)
    expect_a_new_proof_and_payment(world, "blacklisted")


def test_after_the_game_type_changed_the_user_proves_again_and_is_paid(world: World) -> None:
    world.start_eth(world.alice, ETHER)
    world.settle()
    world.prove(world.alice)
    set_game_type(world, PERMISSIONED)
    expect_a_new_proof_and_payment(world, "of a type no longer respected")
    old, new = world.all_games()
    assert (old.game_type, new.game_type) == (CANNON, PERMISSIONED)
    creator = Function("gameCreator()", "address")
    assert world.l1.call(new.address, creator) == role(Role.PROPOSER).address


def test_after_all_games_are_retired_the_user_proves_again_and_is_paid(world: World) -> None:
    world.start_eth(world.alice, ETHER)
    world.settle()
    world.prove(world.alice)
    set_game_type(world, CANNON)
    expect_a_new_proof_and_payment(world, "retired")


def test_a_pause_forbids_every_step_and_costs_nothing_but_time(world: World) -> None:
    alice = world.alice
    world.start_eth(alice, ETHER)
    world.settle()
    world.advance("1s")
    pause(world, PAUSE, "a drill")
    nonce = world.l1.next_nonce(alice.address)
    report = world.drive(alice)
    assert (report.status, report.problem) == (Status.READY_TO_PROVE, None)
    assert report.waits_for == "the portal is paused by its guardian"
    with pytest.raises(Paused, match=r"paused by its guardian: nothing is lost"):
        world.driver(alice).prove(world.tracked(alice))
    assert world.l1.next_nonce(alice.address) == nonce

    pause(world, UNPAUSE)
    world.drive(alice)
    (proof,) = world.report(alice).view.proofs
    pause(world, PAUSE, "another drill")
    before_deposit = world.l2.balance(world.bob.address)
    world.deposit_eth(world.bob, ETHER)  # the way in stays open
    assert world.l2.balance(world.bob.address) == before_deposit + ETHER
    world.advance("30d")
    with pytest.raises(Paused, match="its clocks go on"):
        world.driver(alice).finalize(world.tracked(alice))
    assert world.drive(alice).status is Status.READY_TO_FINALIZE

    pause(world, UNPAUSE)
    assert world.drive(alice).status is Status.FINALIZED  # at once: both clocks went on
    assert world.report(alice).view.is_finalized
    assert world.finalizations(world.tracked(alice).withdrawal) == [True]
    assert proof.game.address == world.all_games()[0].address
    assert len(world.all_games()) == 1
