"""What a credit needs, and that each is given once."""

from dataclasses import replace

import boa
import pytest

from clearway.opstack.addresses import L2_MESSENGER, alias
from tests.gateways.world import (
    EVER,
    NO_ORDER,
    WALLET,
    Message,
    World,
)

WAD = 10**18
SLOT, SIZE = 3, 10**17
ORDER = (SLOT, 0, SIZE, 4_000 * WAD, False, 10**17, EVER)
TOO_LITTLE = 100_000  # gas with which the messenger doesn't even try


class TestACreditIsRefusedTo:
    """X1: whoever isn't the gateway on L1, speaking by the messenger."""

    @pytest.fixture
    def forged(self, world):
        """Tokens that came and weren't credited, and a credit that wants them."""
        tokens, _ = world.send(world.person(dollars=100), 100)
        assert world.arrive(tokens)
        return 0, world.person("forger"), 0, 100 * 10**6, NO_ORDER

    def both(self, world, forged, sender):
        yield lambda: world.l2.credit(*forged, sender=sender)
        yield lambda: world.l2.credit_vault(0, forged[1], forged[3], 0, sender=sender)

    def test_anybody_by_himself(self, world, forged):
        l1_gateway = world.l1.address
        callers = [forged[1], l1_gateway, alias(l1_gateway), world.contracts.market.address]
        for caller in callers:
            for act in self.both(world, forged, caller):
                with boa.reverts("not the messenger"):
                    act()

    def test_the_messenger_while_it_carries_no_message(self, world, forged):
        for act in self.both(world, forged, L2_MESSENGER):
            with boa.reverts("CrossDomainMessenger: xDomainMessageSender is not set"):
                act()

    @pytest.mark.parametrize("sender", ["somebody", "the bridge", "the gateway's alias"])
    def test_a_message_of_another(self, world, forged, sender):
        senders = {
            "somebody": boa.env.generate_address(),
            "the bridge": world.gateways.bridge.address,
            "the gateway's alias": alias(world.l1.address),
        }
        call = world.l2.credit.prepare_calldata(*forged)
        assert not world.arrive(world.message(senders[sender], world.l2.address, call))
        assert world.shown(forged[1]) == (0, 0)


class TestTokensAndTheirCredit:
    def test_arrive_one_after_the_other(self, world):
        person = world.person(dollars=100)
        tokens, credit = world.send(person, 100, number=3)
        assert world.arrive(tokens)
        assert world.shown(person, 3) == (0, 0)
        assert world.arrive(credit)
        assert world.shown(person, 3) == (100 * WAD, 0)
        (told,) = world.told("Credited")
        assert (told.id, told.amount) == (0, 100 * 10**6)
        assert world.token.balanceOf(world.l2) == 0

    def test_may_arrive_the_other_way_round(self, world):
        person = world.person(dollars=100)
        tokens, credit = world.send(person, 100)
        assert not world.arrive(credit)
        assert not world.replay(credit)
        assert world.arrive(tokens)
        assert world.replay(credit)
        assert world.shown(person) == (100 * WAD, 0)

    def test_may_both_fail_and_be_replayed_by_anyone(self, world):
        person = world.person(dollars=100)
        tokens, credit = world.send(person, 100)
        assert not world.arrive(tokens, gas=TOO_LITTLE)
        assert not world.arrive(credit, gas=TOO_LITTLE)
        assert not world.replay(credit)
        assert world.replay(tokens)
        assert world.replay(credit)
        assert world.shown(person) == (100 * WAD, 0)

    def test_succeed_once_each(self, world):
        """X4, X13: a message that has succeeded is refused by the messenger ever after."""
        messages = world.send(world.person(dollars=100), 100)
        assert not world.arrive(messages[0], gas=TOO_LITTLE)
        assert world.replay(messages[0])
        assert world.arrive(messages[1])
        world.token.mint(world.l2, 100 * 10**6)  # so that it isn't for want of tokens
        with boa.reverts("CrossDomainMessenger: message has already been relayed"):
            world.replay(messages[0])
        with boa.reverts("CrossDomainMessenger: message cannot be replayed"):
            world.replay(messages[1])

    def test_that_never_failed_are_nobodys_to_replay(self, world):
        for message in world.send(world.person(dollars=100), 100):
            with boa.reverts("CrossDomainMessenger: message cannot be replayed"):
                world.replay(message)

    def test_of_two_may_be_taken_for_each_other_and_each_is_credited_once(self, world):
        """One's tokens fail, and his credit takes the other's: who waits then gets the first's."""
        hasty, patient = world.person(dollars=100), world.person(dollars=100)
        hasty_tokens, hasty_credit = world.send(hasty, 100)
        patient_tokens, patient_credit = world.send(patient, 100)
        assert not world.arrive(hasty_tokens, gas=TOO_LITTLE)
        assert world.arrive(patient_tokens)
        assert world.arrive(hasty_credit)
        assert not world.arrive(patient_credit)
        assert world.replay(hasty_tokens)
        assert world.replay(patient_credit)
        assert world.shown(hasty) == world.shown(patient) == (100 * WAD, 0)
        assert world.token.balanceOf(world.l2) == 0

    def test_are_not_enough_for_a_larger_credit(self, world):
        small, large = world.person(dollars=99), world.person(dollars=100)
        tokens, _ = world.send(small, 99)
        _, credit = world.send(large, 100)
        assert world.arrive(tokens)
        assert not world.arrive(credit)


class TestADonationToTheGateway:
    def test_is_nobodys(self, world):
        world.token.mint(world.l2, 10**6)
        person = world.person(dollars=2)
        assert all(world.arrive_all(world.send(person, 2)))
        assert world.shown(person) == (2 * WAD, 0)
        assert world.token.balanceOf(world.l2) == 10**6

    def test_only_brings_forward_what_comes_anyway(self, world):
        world.token.mint(world.l2, 2 * 10**6)
        person = world.person(dollars=2)
        tokens, credit = world.send(person, 2)
        assert world.arrive(credit)
        assert world.arrive(tokens)
        assert world.shown(person) == (2 * WAD, 0)
        assert world.token.balanceOf(world.l2) == 2 * 10**6


class TestAMessageInsideAnother:
    """X5: the messenger marks it failed, and anyone replays it."""

    def test_is_replayed_later(self, world):
        person = world.person(dollars=100)
        tokens, credit = world.send(person, 100)
        assert not world.arrive(tokens, gas=TOO_LITTLE)
        assert not world.arrive(credit)
        self._replay_inside_another(world, tokens)
        assert world.token.balanceOf(world.l2) == 0
        assert world.replay(tokens)
        self._replay_inside_another(world, credit)
        assert world.shown(person) == (0, 0)
        assert world.replay(credit)
        assert world.shown(person) == (100 * WAD, 0)

    def _replay_inside_another(self, world: World, message: Message) -> None:
        wallet = boa.loads(WALLET, [], [])
        relay = world.gateways.messenger.relayMessage.prepare_calldata(*message.arguments)
        call = wallet.execute.prepare_calldata(L2_MESSENGER, relay)
        world.arrive(world.message(boa.env.generate_address(), wallet.address, call))
        assert world.told("FailedRelayedMessage")


class TestAnOrder:
    @pytest.fixture
    def trader(self, world):
        return world.person("trader", dollars=2_000)

    def bring(self, world, trader, dollars=1_000, order=ORDER, **changes):
        """Deposit with an order; return the reason if that was refused, or nothing."""
        messages = world.send(trader, dollars, order=order)
        assert all(world.arrive_all(messages))
        refused = world.told("OrderRefused")
        return refused[0].reason if refused else ""

    def escrow_of(self, world, trader):
        return world.shown(trader)[1]

    def order_of(self, world, trader, slot=SLOT):
        return world.contracts.orders.order_in(world.account(trader), slot)

    def test_is_committed_at_its_arrival(self, world, trader):
        assert self.bring(world, trader) == ""
        order = self.order_of(world, trader)
        assert (order.size_delta, order.fills_at) == (SIZE, world.now + 2)
        assert self.escrow_of(world, trader) == order.escrow > 0

    def test_may_come_alone(self, world, trader):
        self.bring(world, trader, order=NO_ORDER)
        (message,) = world.send(trader, 0, order=ORDER)
        assert world.arrive(message)
        assert self.order_of(world, trader).size_delta == SIZE
        assert world.told("Credited") == []

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({1: 33}, "unknown market"),
            ({1: 9}, "unknown market"),
            ({0: 16}, "no such slot"),
            ({2: 10**22}, "insufficient margin"),
            ({2: SIZE + 1}, "size off its grid"),
            ({3: 0}, "zero limit price"),
            ({5: 101 * WAD}, "keeper's fee too high"),
        ],
        ids=lambda value: str(value),
    )
    def test_that_is_refused_leaves_its_margin(self, world, trader, change, reason):
        order = tuple(change.get(place, word) for place, word in enumerate(ORDER))
        assert self.bring(world, trader, order=order) == reason
        assert world.shown(trader) == (1_000 * WAD, 0)

    def test_is_refused_where_the_slot_was_filled_meanwhile(self, world, trader):
        """X20: what was done on L2 before a message arrives isn't done twice."""
        self.bring(world, trader, order=NO_ORDER)
        messages = world.send(trader, 1_000, order=ORDER)
        world.contracts.orders.place(world.account(trader), *ORDER[:-1], sender=trader)
        held = self.escrow_of(world, trader)
        assert all(world.arrive_all(messages))
        assert [log.reason for log in world.told("OrderRefused")] == ["slot in use"]
        assert world.shown(trader) == (2_000 * WAD - held, held)

    def test_is_refused_during_an_outage(self, world, trader):
        world.report({0: 3_000 * WAD}, world.now + 20)  # from ahead of the clock, so that lags
        assert self.bring(world, trader) == "chain's clock lags"
        assert world.shown(trader) == (1_000 * WAD, 0)

    def test_is_committed_until_its_deadline_and_not_later(self, world, trader):
        """Whoever replays a message that failed chooses when: the owner has said until when."""
        order = (*ORDER[:-1], world.now + 60)
        in_time = world.send(trader, 1_000, order=order)
        too_late = world.send(trader, 1_000, number=1, order=order)
        world.wait(60)
        assert all(world.arrive_all(in_time))
        assert world.told("OrderRefused") == []
        world.wait(1)
        assert all(world.arrive_all(too_late))
        assert [log.reason for log in world.told("OrderRefused")] == ["order came too late"]
        assert world.shown(trader, 1) == (1_000 * WAD, 0)

    def test_without_a_reason_of_one_word_is_refused_without(self, world, trader):
        """Arithmetic that overflows reverts with no data."""
        order = tuple({2: 2**254 // 10**9 * 10**9}.get(i, word) for i, word in enumerate(ORDER))
        assert self.bring(world, trader, order=order) == ""
        assert len(world.told("OrderRefused")) == 1
        assert world.shown(trader) == (1_000 * WAD, 0)

    def test_is_never_lost_for_want_of_gas(self, world, trader):
        """K4's corner: with any gas the message fails whole, or margin and order are there.

        The messenger doesn't even try with less than a message asks for; so let it ask for none.
        """
        tokens, credit = world.send(trader, 1_000, order=ORDER)
        credit = replace(credit, min_gas=0)
        assert world.arrive(tokens)
        assert not world.arrive(credit, gas=TOO_LITTLE)
        outcomes = []
        for gas in range(100_000, 600_001, 3_000):
            with boa.env.anchor():
                outcomes.append(world.replay(credit, gas=gas))
                assert world.told("OrderRefused") == []
                placed = self.escrow_of(world, trader) > 0
                assert placed == outcomes[-1] == (sum(world.shown(trader)) == 1_000 * WAD)
        assert outcomes == sorted(outcomes)
        assert {False, True} <= set(outcomes)


@pytest.mark.parametrize("order", [NO_ORDER, ORDER], ids=["alone", "with an order"])
def test_the_gas_that_a_message_asks_for_is_enough(world, order):
    """The messenger gives a call this much at least, at its first arrival."""
    for message in world.send(world.person(dollars=1_000), 1_000, order=order):
        overhead = 200_000  # of the messenger; the portal buys more for it
        assert world.arrive(message, gas=message.min_gas * 64 // 63 + overhead)
    assert world.told("OrderRefused") == []
