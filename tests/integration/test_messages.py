"""Messages whose target fails: nothing is lost, and each takes effect once."""

import pytest

from clearway.opstack import Arrivals, Status, abi, replay
from clearway.opstack.addresses import L2_MESSENGER, MESSAGE_PASSER
from clearway.opstack.errors import AlreadyDone, NotReplayable, TransactionFailed, WouldFail
from clearway.opstack.messages import unhex
from tests.integration.mocks import Callee, Recorder
from tests.integration.world import ETHER, World

PING = Recorder.PING.encode(7)


def test_a_message_that_failed_on_l2_is_replayed_once(world: World) -> None:
    alice = world.alice
    recorder = world.deploy_recorder(world.l2)
    world.break_recorder(world.l2, recorder)
    sent = world.deposits(alice).message(recorder, PING, ETHER)
    (outcome,) = Arrivals(world.rollup).wait(sent)
    assert outcome.failed_message is not None
    assert world.l2.call(L2_MESSENGER, abi.Messenger.FAILED, outcome.failed_message)
    assert world.l2.balance(L2_MESSENGER) == ETHER  # kept for the replay

    with pytest.raises(TransactionFailed, match="failed again on L2"):
        replay(world.rollup, sent, world.senders(alice))
    world.break_recorder(world.l2, recorder, broken=False)
    replay(world.rollup, sent, world.senders(world.bob))  # anybody may
    assert world.l2.call(recorder, Recorder.PINGS, 0) == (L2_MESSENGER, alice.address, ETHER, 7)
    assert world.l2.balance(recorder) == ETHER

    for user in (alice, world.bob):
        with pytest.raises(AlreadyDone, match="was relayed on L2"):
            replay(world.rollup, sent, world.senders(user))
    assert world.l2.call(recorder, Recorder.PING_COUNT) == 1


def test_a_message_that_failed_on_l1_is_replayed_once(world: World) -> None:
    alice = world.alice
    recorder = world.deploy_recorder(world.l1)
    world.break_recorder(world.l1, recorder)
    withdrawal = world.starter(alice).message(recorder, PING, 5)
    l2_transaction = world.tracked(alice).l2_transaction
    with pytest.raises(NotReplayable, match="hasn't failed on L1"):
        replay(world.rollup, l2_transaction, world.senders(alice))

    report = world.carry_out(alice)
    assert isinstance(report.problem, WouldFail)  # our client waits for better times
    assert f"see why {recorder} refuses it" in report.problem.advice
    # Others need not, and anybody may finalize.
    finalize, bob = abi.Portal.FINALIZE, world.bob
    arguments = (withdrawal.as_tuple(), alice.address)
    world.send(world.l1, bob, world.portal, finalize, *arguments)
    assert world.finalizations(withdrawal) == [True]  # as the portal sees it
    report = world.drive(alice)
    assert report.status is Status.FINALIZED
    assert report.waits_for == "its message failed on L1: replay it"
    assert world.l1.balance(world.rollup.messenger) == 5

    world.break_recorder(world.l1, recorder, broken=False)
    replay(world.rollup, l2_transaction, world.senders(alice))
    messenger = world.rollup.messenger
    assert world.l1.call(recorder, Recorder.PINGS, 0) == (messenger, alice.address, 5, 7)
    assert world.l1.balance(recorder) == 5
    assert world.report(alice).waits_for == "done"
    with pytest.raises(AlreadyDone, match="was relayed on L1"):
        replay(world.rollup, l2_transaction, world.senders(alice))
    assert world.l1.call(recorder, Recorder.PING_COUNT) == 1


def test_a_finalization_that_would_lose_the_withdrawal_is_not_sent(world: World) -> None:
    alice = world.alice
    callee = world.deploy(world.l1, "HostileCallee")
    world.send(world.l1, world.bob, callee, Callee.BEHAVE, Callee.REVERT)
    receipt = world.send(
        world.l2,
        alice,
        MESSAGE_PASSER,
        abi.MessagePasser.INITIATE,
        callee,
        100_000,
        b"",
        value=ETHER,
    )
    (tracked,) = world.tracker(alice).track(unhex(receipt["transactionHash"]))
    report = world.carry_out(alice)
    assert report.status is Status.READY_TO_FINALIZE
    assert isinstance(report.problem, WouldFail)
    assert f"see why {callee} refuses it" in report.problem.advice
    with pytest.raises(WouldFail, match="would fail on L1 now and might be lost"):
        world.driver(alice).finalize(tracked)
    assert world.finalizations(tracked.withdrawal) == []

    world.send(world.l1, world.bob, callee, Callee.BEHAVE, Callee.ACCEPT)
    assert world.drive(alice).status is Status.FINALIZED
    assert world.finalizations(tracked.withdrawal) == [True]
    assert world.l1.balance(callee) == ETHER


def test_one_withdrawal_that_would_fail_does_not_hold_up_the_others(world: World) -> None:
    alice = world.alice
    callee = world.deploy(world.l1, "HostileCallee")
    world.send(world.l1, world.bob, callee, Callee.BEHAVE, Callee.REVERT)
    receipt = world.send(
        world.l2, alice, MESSAGE_PASSER, abi.MessagePasser.INITIATE, callee, 100_000, b"", value=1
    )
    world.tracker(alice).track(unhex(receipt["transactionHash"]))
    good = world.start_eth(alice, ETHER)
    world.settle()
    world.advance("1s")
    world.driver(alice).drive()
    world.advance("15d")
    stuck, done = world.driver(alice).drive()
    assert isinstance(stuck.problem, WouldFail)
    assert (done.status, done.problem) == (Status.FINALIZED, None)
    assert world.finalizations(good) == [True]
