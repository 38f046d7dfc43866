"""What is to change is announced, waits, and is then done by anyone."""

from collections.abc import Sequence
from typing import Any

import boa
import pytest
from eth_utils import keccak

from tests.administration.test_ramps import TIGHTER
from tests.administration.test_roles import changing
from tests.administration.world import DAY, PARAMETERS, World, parameters
from tests.feed.world import NO_LISTING, ZERO, deployer

DELAY = 2 * DAY
MOST_DELAY = 30 * DAY
NONE = b"\0" * 32
NOT_READY = "timelock_controller: operation is not ready"
MISSING_ROLE = "access_control: account is missing role"

RE_ENTERER = """
# pragma version ==0.4.3
# pragma evm-version cancun

interface Timelock:
    def execute(
        target: address, amount: uint256, payload: Bytes[1024], predecessor: bytes32, salt: bytes32
    ): payable

count: public(uint256)


@external
def act():
    self.count += 1
    if self.count == 1:
        payload: Bytes[1024] = method_id("act()")
        extcall Timelock(msg.sender).execute(self, 0, payload, empty(bytes32), empty(bytes32))
"""


class Office(World):
    """The world with a timelock, to which ownership has not passed yet."""

    def __init__(self) -> None:
        super().__init__()
        self.deployer = boa.env.generate_address("deployer")
        self.proposer = boa.env.generate_address("proposer")
        self.timelock = self.deploy(DELAY, [self.proposer])

    def deploy(
        self, delay: int, proposers: list[str], owned: Sequence[str] = (), place: str | None = None
    ) -> Any:
        return deployer("l2/Timelock.vy").deploy(
            delay, proposers, list(owned), sender=self.deployer, override_address=place
        )

    def call(self, contract: Any, function: str, *arguments: Any) -> tuple[Any, ...]:
        """Return a call as an operation, without predecessor or salt."""
        data = getattr(contract, function).prepare_calldata(*arguments)
        return (contract.address, 0, data, NONE, NONE)

    def schedule(self, operation: tuple[Any, ...], delay: int = DELAY) -> bytes:
        self.timelock.schedule(*operation, delay, sender=self.proposer)
        return self.timelock.hash_operation(*operation)

    def execute(self, operation: tuple[Any, ...]) -> None:
        self.timelock.execute(*operation, sender=self.stranger)

    def do(self, contract: Any, function: str, *arguments: Any) -> None:
        """Announce, wait, execute."""
        operation = self.call(contract, function, *arguments)
        self.schedule(operation)
        self.wait(DELAY)
        self.execute(operation)

    def hand_over(self) -> None:
        """Let ownership of both contracts pass to the timelock."""
        for contract in (self.configuration, self.feed):
            contract.transfer_ownership(self.timelock.address, sender=self.owner)
        acceptances = [(c, "accept_ownership") for c in (self.configuration, self.feed)]
        batch = self.batch(*(self.call(*acceptance) for acceptance in acceptances))
        self.timelock.schedule_batch(*batch, DELAY, sender=self.proposer)
        self.wait(DELAY)
        self.timelock.execute_batch(*batch, sender=self.stranger)

    def batch(self, *operations: tuple[Any, ...]) -> tuple[Any, ...]:
        targets, amounts, payloads, *_ = zip(*operations, strict=True)
        return (list(targets), list(amounts), list(payloads), NONE, NONE)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def owned(office) -> Office:
    office.hand_over()
    return office


def roles(timelock) -> list[bytes]:
    names = ("DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")
    return [getattr(timelock, name)() for name in names]


def held(timelock, who) -> list[bool]:
    """Return whether somebody is administrator, proposer, canceller, executor."""
    return [timelock.hasRole(role, who) for role in roles(timelock)]


class TestTheFirstInstant:
    def test_has_what_was_offered_to_the_timelock_before_it_was_there(self, office):
        place = boa.env.generate_address()
        contracts = (office.configuration, office.feed)
        for contract in contracts:
            contract.transfer_ownership(place, sender=office.owner)
        timelock = office.deploy(
            DELAY, [office.proposer], [contract.address for contract in contracts], place
        )
        assert [contract.owner() for contract in contracts] == [timelock.address] * 2
        with office.refused("not the owner"):
            office.configuration.set_guardian(office.owner, sender=office.owner)

    def test_isnt_there_if_a_contract_wasnt_offered(self, office):
        """So what was left to its deployer can't be taken for what is the timelock's."""
        place = boa.env.generate_address()
        office.configuration.transfer_ownership(place, sender=office.owner)
        owned = [office.configuration.address, office.feed.address]
        with boa.reverts("ownable_2step: caller is not the new owner"):
            office.deploy(DELAY, [office.proposer], owned, place)
        assert office.configuration.owner() == office.owner


class TestTheDelay:
    @pytest.mark.parametrize("delay", [DELAY, MOST_DELAY])
    def test_is_two_to_thirty_days(self, office, delay):
        assert office.deploy(delay, [office.proposer]).get_minimum_delay() == delay

    @pytest.mark.parametrize("delay", [0, DELAY - 1, MOST_DELAY + 1, 2**256 - 1])
    def test_out_of_its_range_is_refused(self, office, delay):
        with office.refused("delay out of range"):
            office.deploy(delay, [office.proposer])

    def test_is_never_changed(self, office):
        """The controller's own function, which has no floor, isn't there, not for the timelock."""
        assert "update_delay" not in changing(office.timelock)
        data = keccak(text="update_delay(uint256)")[:4] + (10 * DAY).to_bytes(32)
        operation = (office.timelock.address, 0, data, NONE, NONE)
        office.schedule(operation)
        office.wait(DELAY)
        with boa.reverts():
            office.execute(operation)
        assert office.timelock.get_minimum_delay() == DELAY

    def test_of_an_operation_may_be_longer_and_not_shorter(self, office):
        operation = office.call(office.configuration, "accept_ownership")
        with office.refused("timelock_controller: insufficient delay"):
            office.schedule(operation, DELAY - 1)
        name = office.schedule(operation, 3 * DELAY)
        assert office.timelock.get_timestamp(name) == office.now + 3 * DELAY


class TestAnOperation:
    def test_waits_to_the_last_second_of_its_delay(self, owned):
        operation = owned.call(owned.configuration, "set_market", 0, parameters())
        with owned.refused(NOT_READY):
            owned.execute(operation)
        name = owned.schedule(operation)
        for waited in (0, DELAY - 1):
            with boa.env.anchor():
                owned.wait(waited)
                with owned.refused(NOT_READY):
                    owned.execute(operation)
        owned.wait(DELAY)
        owned.execute(operation)
        assert owned.had() == PARAMETERS
        assert owned.timelock.is_operation_done(name)

    def test_is_done_once(self, owned):
        operation = owned.call(owned.configuration, "set_market", 0, parameters())
        owned.schedule(operation)
        owned.wait(DELAY)
        owned.execute(operation)
        with owned.refused(NOT_READY):
            owned.execute(operation)
        with owned.refused("timelock_controller: operation already scheduled"):
            owned.schedule(operation)

    def test_is_cancelled_by_a_proposer_and_nobody_else(self, owned):
        operation = owned.call(owned.configuration, "set_market", 0, parameters())
        name = owned.schedule(operation)
        for who in (owned.stranger, owned.deployer, owned.owner, owned.guardian, ZERO):
            with owned.refused(MISSING_ROLE):
                owned.timelock.cancel(name, sender=who)
        owned.wait(10 * DELAY)
        owned.timelock.cancel(name, sender=owned.proposer)
        with owned.refused(NOT_READY):
            owned.execute(operation)
        owned.schedule(operation)

    def test_is_scheduled_by_a_proposer_and_nobody_else(self, owned):
        operation = owned.call(owned.configuration, "set_market", 0, parameters())
        for who in (owned.stranger, owned.deployer, owned.owner, owned.guardian, ZERO):
            with owned.refused(MISSING_ROLE):
                owned.timelock.schedule(*operation, DELAY, sender=who)
            with owned.refused(MISSING_ROLE):
                owned.timelock.schedule_batch(*owned.batch(operation), DELAY, sender=who)

    def test_that_its_target_refuses_says_why_and_stays_ready(self, owned):
        operation = owned.call(owned.configuration, "set_market", 0, parameters(skew_scale=0))
        name = owned.schedule(operation)
        owned.wait(DELAY)
        with owned.refused("skew scale out of range"):
            owned.execute(operation)
        assert owned.timelock.is_operation_ready(name)

    def test_waits_for_its_predecessor(self, owned):
        first = owned.call(owned.configuration, "set_market", 0, parameters())
        name = owned.schedule(first)
        *call, _, salt = owned.call(owned.configuration, "lower_caps", 0, 0, 0)
        second = (*call, name, salt)
        owned.schedule(second)
        owned.wait(DELAY)
        with owned.refused("timelock_controller: missing dependency"):
            owned.execute(second)
        owned.execute(first)
        owned.execute(second)
        assert owned.had()["max_skew"] == 0

    def test_that_executes_itself_again_fails_whole(self, office):
        """No lock is needed, and none would be there: see the contract."""
        target = boa.loads(RE_ENTERER)
        operation = office.call(target, "act")
        name = office.schedule(operation)
        office.wait(DELAY)
        with office.refused(NOT_READY):
            office.execute(operation)
        assert target.count() == 0
        assert office.timelock.is_operation_ready(name)


class TestABatch:
    def test_is_done_in_one_go(self, owned):
        batch = owned.batch(
            *(
                owned.call(owned.configuration, "set_market", market, parameters())
                for market in range(3)
            )
        )
        owned.timelock.schedule_batch(*batch, DELAY, sender=owned.proposer)
        with owned.refused(NOT_READY):
            owned.timelock.execute_batch(*batch)
        owned.wait(DELAY)
        owned.timelock.execute_batch(*batch)
        assert [owned.had(market) for market in range(3)] == [PARAMETERS] * 3
        assert owned.timelock.is_operation_done(owned.timelock.hash_operation_batch(*batch))

    def test_is_done_whole_or_not_at_all(self, owned):
        batch = owned.batch(
            owned.call(owned.configuration, "set_market", 0, parameters()),
            owned.call(owned.configuration, "set_market", 1, parameters(skew_scale=0)),
        )
        owned.timelock.schedule_batch(*batch, DELAY, sender=owned.proposer)
        owned.wait(DELAY)
        with owned.refused("skew scale out of range"):
            owned.timelock.execute_batch(*batch)
        assert owned.market.told() == 0


class TestRoles:
    def test_are_those_that_the_constructor_was_told(self, office):
        timelock = office.timelock
        assert held(timelock, office.proposer) == [False, True, True, False]
        assert held(timelock, timelock.address) == [True, False, False, False]
        assert held(timelock, ZERO) == [False, False, False, True]  # anyone executes

    def test_are_not_the_deployers(self, office):
        assert held(office.timelock, office.deployer) == [False] * 4
        with office.refused(MISSING_ROLE):
            office.timelock.grantRole(
                office.timelock.PROPOSER_ROLE(), office.deployer, sender=office.deployer
            )

    def test_need_a_proposer(self, office):
        with office.refused("no proposer"):
            office.deploy(DELAY, [])

    def test_pass_by_an_operation_and_by_nobodys_hand(self, office):
        timelock = office.timelock
        heir = boa.env.generate_address("heir")
        for role in roles(timelock):
            for who in (office.proposer, office.stranger, office.deployer):
                for act in (timelock.grantRole, timelock.revokeRole):
                    with office.refused(MISSING_ROLE):
                        act(role, heir, sender=who)
        office.do(timelock, "grantRole", timelock.PROPOSER_ROLE(), heir)
        office.do(timelock, "revokeRole", timelock.PROPOSER_ROLE(), office.proposer)
        assert held(timelock, heir) == [False, True, False, False]
        assert held(timelock, office.proposer) == [False, False, True, False]

    def test_may_be_laid_down(self, office):
        role = office.timelock.PROPOSER_ROLE()
        office.timelock.renounceRole(role, office.proposer, sender=office.proposer)
        with office.refused(MISSING_ROLE):
            office.schedule(office.call(office.configuration, "accept_ownership"))

    def test_names_every_function_that_changes_anything(self, office):
        """Callers of each are tried above."""
        assert changing(office.timelock) == {
            "schedule",
            "schedule_batch",
            "cancel",
            "execute",
            "execute_batch",
            "grantRole",
            "revokeRole",
            "renounceRole",
        }


class TestOwnership:
    def test_of_configuration_and_feed_passes_to_it_and_is_accepted_through_it(self, owned):
        for contract in (owned.configuration, owned.feed):
            assert (contract.owner(), contract.pending_owner()) == (owned.timelock.address, ZERO)
        with owned.refused("not the owner"):
            owned.set()
        with owned.refused("not the owner"):
            owned.feed.list_market(0, NO_LISTING, sender=owned.owner)

    def test_moves_on_by_an_operation(self, owned):
        heir = boa.env.generate_address("heir")
        owned.do(owned.feed, "transfer_ownership", heir)
        owned.feed.accept_ownership(sender=heir)
        assert owned.feed.owner() == heir


class TestWhatTheOwnerDoes:
    def test_goes_through_it(self, owned):
        owned.do(owned.configuration, "set_market", 0, parameters())
        owned.market.hold(0, 1)
        owned.do(owned.configuration, "set_market", 0, parameters(**TIGHTER))
        owned.wait(3 * DAY)
        owned.configuration.advance_ramp(0)
        assert owned.had() == PARAMETERS | TIGHTER
        at = owned.now + DELAY + 7 * DAY
        owned.do(owned.configuration, "announce_retirement", 0, at)
        assert owned.configuration.retirement_of(0) == (at, 0)
        owned.do(owned.configuration, "take_back_retirement", 0)
        assert owned.configuration.retirement_of(0) == (0, 0)

    def test_is_held_back_by_the_guardian_for_as_long_as_the_least_delay(self, owned):
        assert owned.configuration.CAPS_HOLD() == owned.timelock.LEAST_DELAY()

    def test_does_not_undo_a_pause_that_it_did_not_know_of(self, owned):
        """What was scheduled before the guardian acted can't be done for as long as its delay."""
        owned.do(owned.configuration, "set_market", 0, parameters())
        operation = owned.call(owned.configuration, "set_market", 0, parameters(max_velocity=0))
        name = owned.schedule(operation)
        owned.wait(DELAY)
        owned.configuration.pause_increases([0], sender=owned.guardian)
        owned.wait(DELAY - 1)
        with owned.refused("caps held by guardian"):
            owned.execute(operation)
        owned.timelock.cancel(name, sender=owned.proposer)
        assert owned.had() == PARAMETERS | {"max_open_interest": 0, "max_skew": 0}
