"""Whoever of the bridge's operators stands still, a user can do their part."""

import pytest

from clearway.opstack import Status, abi
from clearway.opstack.errors import TooEarly
from tests.integration.world import ETHER, World


def test_where_nobody_resolves_the_client_does_and_waits_out_the_air_gap(new_world) -> None:
    world: World = new_world(without=("resolver",))
    alice = world.alice
    withdrawal = world.start_eth(alice, ETHER)
    world.settle()
    world.prove(alice)
    world.advance("20d")
    (game,) = world.all_games()
    assert world.verdict(game) == "in progress"
    assert "has not been validated" in world.refusal_at(
        withdrawal, alice.address, world.l1.block().timestamp
    )

    report = world.drive(alice)
    assert report.status is Status.WAITING_TO_FINALIZE
    assert report.waits_for == "the game's finality delay"
    (proof,) = report.view.proofs
    first = proof.standing.resolved_at + 302_400 + 1
    assert report.ready_at == first
    assert world.refusal_at(withdrawal, alice.address, first - 1) == "output proposal in air-gap"
    assert world.status_at(report.view, first - 1) is Status.WAITING_TO_FINALIZE
    assert world.refusal_at(withdrawal, alice.address, first) == ""
    assert world.status_at(report.view, first) is Status.READY_TO_FINALIZE

    world.advance_to(first)
    assert world.drive(alice).status is Status.FINALIZED
    assert world.finalizations(withdrawal) == [True]


def test_a_game_cannot_be_resolved_a_second_before_its_clock_runs_out(new_world) -> None:
    world: World = new_world(without=("resolver",))
    world.start_eth(world.alice, ETHER)
    world.settle()
    world.prove(world.alice)
    (game,) = world.all_games()
    clock_runs_out_at = game.created_at + 302_400
    assert world.games.resolvable_at(game) == clock_runs_out_at
    resolve = abi.Game.RESOLVE_CLAIM.encode(0, 0)
    refusal = world.refusal_of(game.address, resolve, clock_runs_out_at - 1)
    assert refusal == "ClockNotExpired"
    assert world.refusal_of(game.address, resolve, clock_runs_out_at) == ""

    world.advance_to(clock_runs_out_at)
    report = world.drive(world.alice)
    assert report.view.proofs[0].is_won


def test_where_nobody_proposes_a_stranger_can(new_world) -> None:
    world: World = new_world(without=("proposer",))
    alice, stranger = world.alice, world.carol
    withdrawal = world.start_eth(alice, ETHER)
    world.advance("30d")
    report = world.drive(alice)
    assert report.status is Status.WAITING_TO_PROVE
    block = report.view.l2_block
    assert report.waits_for == f"a proposal of L2 block {block} or later"
    with pytest.raises(TooEarly, match="can't be proven yet: it waits for a proposal"):
        world.driver(alice).prove(world.tracked(alice))

    before = world.l1.balance(stranger.address)
    head = world.l2.block().number
    game = world.propose_as(stranger, world.rollup.output_at(head).root, head)
    world.settle()
    (proof,) = world.prove(alice).view.proofs
    assert proof.game.address == game.address
    world.advance("15d")
    assert world.drive(alice).status is Status.FINALIZED
    assert world.finalizations(withdrawal) == [True]

    world.send(world.l1, stranger, game.address, abi.Game.CLAIM_CREDIT, stranger.address)
    assert world.l1.balance(stranger.address) == before - world.fees_of(world.l1, stranger)


def test_where_nobody_challenges_the_client_alone_still_passes_a_lie_over(new_world) -> None:
    world: World = new_world(without=("challenger",))
    world.command("lie")
    withdrawal = world.start_eth(world.alice, ETHER)
    world.settle()
    world.command("lie")
    (proof,) = world.prove(world.alice).view.proofs
    lie, truth, later_lie = world.all_games()
    assert proof.game.address == truth.address
    world.advance("15d")
    assert world.verdict(lie) == world.verdict(later_lie) == "won"  # nobody said a word
    assert world.drive(world.alice).status is Status.FINALIZED
    assert world.finalizations(withdrawal) == [True]


def test_a_game_that_appears_while_the_client_looks_is_left_for_the_next_look(new_world) -> None:
    world: World = new_world(without=("proposer",))
    world.start_eth(world.alice, ETHER)
    before = world.l1.block()
    world.command("propose")
    tracked, reader = world.tracked(world.alice), world.tracker(world.alice).reader
    assert reader.view(tracked.withdrawal, tracked.l2_transaction, before).candidate is None
    world.advance("1s")
    assert reader.view(tracked.withdrawal, tracked.l2_transaction).candidate is not None
