"""ETH, tokens and messages cross both ways under the live chains' delays, to the last wei."""

import pytest

from clearway.opstack import Status, Withdrawal
from clearway.opstack.addresses import L2_MESSENGER
from clearway.opstack.chain import waiting
from clearway.opstack.errors import TooEarly
from tests.integration.mocks import Recorder
from tests.integration.world import ETHER, World


def finalize_at_the_first_possible_second(world: World, withdrawal: Withdrawal) -> None:
    """Take Alice's withdrawal to its end; a second earlier the portal and the client refuse."""
    world.settle()
    world.advance("2d")  # so that the proof's age is what counts, and not the game's
    world.prove(world.alice)
    world.advance("4d")
    report = world.report(world.alice)
    (proof,) = report.view.proofs
    assert proof.is_won
    first = proof.proven_at + 604_800 + 1
    submitter = world.alice.address

    assert report.ready_at == first
    assert world.refusal_at(withdrawal, submitter, first - 1) == (
        "proven withdrawal has not matured yet"
    )
    assert world.status_at(report.view, first - 1) is Status.WAITING_TO_FINALIZE
    assert world.refusal_at(withdrawal, submitter, first) == ""
    assert world.status_at(report.view, first) is Status.READY_TO_FINALIZE

    nonce = world.l1.next_nonce(submitter)
    driver = world.driver(world.alice)
    with pytest.raises(TooEarly, match="can't be finalized yet"):
        driver.finalize(world.tracked(world.alice))
    assert world.l1.next_nonce(submitter) == nonce

    world.advance_to(first)
    assert world.drive(world.alice).status is Status.FINALIZED
    assert world.finalizations(withdrawal) == [True]


def test_eth_crosses_both_ways_and_each_wei_is_accounted_for(world: World) -> None:
    alice = world.alice
    l1_before, l2_before = world.l1.balance(alice.address), world.l2.balance(alice.address)
    held_before = world.l1.balance(world.portal)

    world.deposit_eth(alice, 3 * ETHER)
    assert world.l2.balance(alice.address) == l2_before + 3 * ETHER
    assert world.l1.balance(world.portal) == held_before + 3 * ETHER

    withdrawal = world.start_eth(alice, 2 * ETHER)
    l2_fees = world.fees_of(world.l2, alice)
    assert world.l2.balance(alice.address) == l2_before + ETHER - l2_fees

    finalize_at_the_first_possible_second(world, withdrawal)
    l1_fees = world.fees_of(world.l1, alice)
    assert world.l1.balance(alice.address) == l1_before - ETHER - l1_fees
    assert world.l1.balance(world.portal) == held_before + ETHER


def test_eth_goes_to_the_receiver_that_was_named(world: World) -> None:
    bob_l1, bob_l2 = world.l1.balance(world.bob.address), world.l2.balance(world.bob.address)
    world.deposit_eth(world.alice, 3 * ETHER, world.bob.address)
    assert world.l2.balance(world.bob.address) == bob_l2 + 3 * ETHER
    world.starter(world.alice).eth(2 * ETHER, world.bob.address)
    assert world.carry_out(world.alice).status is Status.FINALIZED
    assert world.l1.balance(world.bob.address) == bob_l1 + 2 * ETHER


def test_a_token_crosses_both_ways_and_no_unit_is_lost(world: World) -> None:
    alice = world.alice
    pair = world.new_pair(alice, 1_000_000_000)

    def holdings() -> tuple[int, int]:
        return (
            world.token_balance(world.l1, pair.l1_token, alice),
            world.token_balance(world.l2, pair.l2_token, alice),
        )

    world.arrival(world.deposits(alice).token(pair, 700_000_001))
    assert holdings() == (299_999_999, 700_000_001)
    withdrawal = world.starter(alice).token(pair, 500_000_000)
    assert holdings() == (299_999_999, 200_000_001)
    finalize_at_the_first_possible_second(world, withdrawal)
    assert holdings() == (799_999_999, 200_000_001)


def test_a_message_crosses_both_ways_and_its_sender_is_known_there(world: World) -> None:
    alice = world.alice
    on_l1, on_l2 = world.deploy_recorder(world.l1), world.deploy_recorder(world.l2)

    world.arrival(world.deposits(alice).message(on_l2, Recorder.PING.encode(7), ETHER))
    assert world.l2.call(on_l2, Recorder.PINGS, 0) == (L2_MESSENGER, alice.address, ETHER, 7)
    assert world.l2.balance(on_l2) == ETHER

    withdrawal = world.starter(alice).message(on_l1, Recorder.PING.encode(9), 5)
    finalize_at_the_first_possible_second(world, withdrawal)
    messenger = world.rollup.messenger
    assert world.l1.call(on_l1, Recorder.PINGS, 0) == (messenger, alice.address, 5, 9)
    assert world.l1.call(on_l1, Recorder.PING_COUNT) == 1
    assert world.l1.balance(on_l1) == 5


def test_under_short_delays_a_withdrawal_ends_in_real_time(new_world) -> None:
    world = new_world(profile="short")
    withdrawal = world.start_eth(world.alice, ETHER)
    driver = world.driver(world.alice)
    for _ in waiting(120):
        (report,) = driver.drive()
        if report.status is Status.FINALIZED:
            break
    assert world.finalizations(withdrawal) == [True]
