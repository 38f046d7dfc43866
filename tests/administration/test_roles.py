"""Who may do what; the list of functions is the compiled contract's own."""

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.spec.administration import CAPS_HOLD, DAY, NO_CAPS
from tests.administration.test_ramps import TIGHTER
from tests.administration.test_retirement import LAST, report_of, rounds
from tests.administration.world import (
    PARAMETERS,
    SIZE_GRID,
    WAD,
    World,
    caps_of,
    parameters,
    pool,
)
from tests.feed.world import ZERO, deployer

PERMISSIONLESS = {
    "advance_ramp",
    "finish_retirement",
    "submit_and_finish_retirement",
    "finish_retirement_by_round",
}
OWNERS = {
    "set_market",
    "set_pool",
    "announce_retirement",
    "take_back_retirement",
    "set_guardian",
    "transfer_ownership",
}
GUARDIANS = {"lower_caps", "pause_increases"}
PENDING_OWNERS = {"accept_ownership"}
GOING_ON, RAMPING, ENDING, ENDING_BY_ROUND, LEAVING = range(5)  # markets


def changing(contract) -> set[str]:
    return {
        entry["name"]
        for entry in contract.abi
        if entry["type"] == "function" and entry["stateMutability"] not in {"view", "pure"}
    }


@pytest.fixture
def world() -> World:
    """Return a world in which each function has something to do."""
    world = World()
    for market in range(5):
        world.open(market)
    stand_in = rounds(world, ENDING_BY_ROUND)
    earlier = world.announce(ENDING_BY_ROUND)
    world.wait(1_000)
    at = world.announce(ENDING)
    world.announce(LEAVING, 20 * DAY)
    stand_in.set_round(1, 2_400 * 10**8, earlier)
    stand_in.set_round(2, 2_450 * 10**8, earlier + 1)
    world.wait(at - world.now - DAY)
    world.set(RAMPING, **TIGHTER)
    world.wait(DAY)
    world.feeds.submit(report_of(at, market=ENDING))
    heir = boa.env.generate_address("heir")
    world.configuration.transfer_ownership(heir, sender=world.owner)
    return world


def arguments(world: World, function: str) -> tuple:
    """Return arguments with which whoever may, succeeds."""
    signed = world.feeds.signed(report_of(world.now, market=ENDING))
    return {
        "advance_ramp": (RAMPING,),
        "finish_retirement": (ENDING,),
        "submit_and_finish_retirement": (*signed.as_arguments(), ENDING),
        "finish_retirement_by_round": (ENDING_BY_ROUND, 2, 1),
        "set_market": (GOING_ON, parameters()),
        "set_pool": (pool(),),
        "announce_retirement": (GOING_ON, world.now + 8 * DAY),
        "take_back_retirement": (LEAVING,),
        "set_guardian": (ZERO,),
        "transfer_ownership": (boa.env.generate_address("another heir"),),
        "lower_caps": (GOING_ON, 0, 0),
        "pause_increases": ([GOING_ON, RAMPING],),
        "accept_ownership": (),
    }[function]


def may(world: World, function: str, caller: str) -> bool:
    with boa.env.anchor():
        try:
            getattr(world.configuration, function)(*arguments(world, function), sender=caller)
        except boa.BoaError:
            return False
        return True


class TestTheMatrix:
    def test_names_every_function_that_changes_anything(self, world):
        named = PERMISSIONLESS | OWNERS | GUARDIANS | PENDING_OWNERS
        assert changing(world.configuration) == named

    def test_holds(self, world):
        callers = {
            world.stranger: PERMISSIONLESS,
            world.market.address: PERMISSIONLESS,
            world.feed.address: PERMISSIONLESS,
            world.configuration.address: PERMISSIONLESS,
            ZERO: PERMISSIONLESS,
            world.guardian: PERMISSIONLESS | GUARDIANS,
            world.owner: PERMISSIONLESS | GUARDIANS | OWNERS,
            world.configuration.pending_owner(): PERMISSIONLESS | PENDING_OWNERS,
        }
        functions = changing(world.configuration)
        for caller, allowed in callers.items():
            assert {f for f in functions if may(world, f, caller)} == allowed

    @pytest.mark.parametrize("function", sorted(OWNERS - {"transfer_ownership"}))
    def test_a_stranger_is_not_the_owner(self, world, function):
        for caller in (world.stranger, world.guardian):
            with world.refused("not the owner"):
                getattr(world.configuration, function)(*arguments(world, function), sender=caller)

    @pytest.mark.parametrize("function", sorted(GUARDIANS))
    def test_a_stranger_is_not_the_guardian(self, world, function):
        with world.refused("not the guardian"):
            getattr(world.configuration, function)(
                *arguments(world, function), sender=world.stranger
            )

    def test_is_deployed_only_where_the_market_awaits_it(self, world):
        with world.refused("another contract's place"):
            deployer("l2/Configuration.vy").deploy(world.market.address, world.guardian)

    def test_nothing_takes_ether(self, world):
        entries = [e for e in world.configuration.abi if e.get("stateMutability") == "payable"]
        assert entries == []

    def test_ownership_is_never_renounced(self, world):
        assert "renounce_ownership" not in changing(world.configuration)

    def test_an_act_changes_only_what_it_says(self, world):
        """Of parameters, anyone moves a ramp's margins and the guardian caps; nothing else."""
        for function in sorted(PERMISSIONLESS | GUARDIANS):
            with boa.env.anchor():
                before = [world.had(market) for market in range(5)]
                getattr(world.configuration, function)(
                    *arguments(world, function), sender=world.guardian
                )
                changed = {
                    name
                    for market in range(5)
                    for name, value in world.had(market).items()
                    if value != before[market][name]
                }
                moves = {
                    "advance_ramp": set(TIGHTER),
                    "lower_caps": {"max_open_interest", "max_skew"},
                    "pause_increases": {"max_open_interest", "max_skew"},
                }
                assert changed == moves.get(function, set())


CAPS = st.integers(0, 10**16).map(lambda units: units * SIZE_GRID) | st.sampled_from(
    [PARAMETERS["max_open_interest"], PARAMETERS["max_skew"]]
)


class TestTheGuardian:
    @pytest.fixture(scope="class")
    def plain(self):
        """Return a world that outlives an example, which undoes what it did."""
        world = World()
        world.set()
        return world

    @given(max_open_interest=CAPS, max_skew=CAPS)
    def test_lowers_caps_and_never_raises_one(self, plain, max_open_interest, max_skew):
        world, before = plain, plain.had()
        caps = (max_open_interest, max_skew)
        lower = (
            max_open_interest <= before["max_open_interest"]
            and max_skew <= before["max_skew"]
            and caps != (before["max_open_interest"], before["max_skew"])
        )
        if lower:
            world.configuration.lower_caps(0, *caps, sender=world.guardian)
            expected = {"max_open_interest": max_open_interest, "max_skew": max_skew}
            assert world.had() == before | expected
        else:
            with world.refused("cap not lowered"):
                world.configuration.lower_caps(0, *caps, sender=world.guardian)

    def test_lowers_one_cap_and_leaves_the_other(self, world):
        skew, interest = PARAMETERS["max_skew"], PARAMETERS["max_open_interest"]
        lower = world.configuration.lower_caps
        lower(GOING_ON, interest, skew - SIZE_GRID, sender=world.guardian)
        lower(GOING_ON, interest - SIZE_GRID, skew - SIZE_GRID, sender=world.guardian)
        with world.refused("cap not lowered"):
            lower(GOING_ON, interest - SIZE_GRID, skew - SIZE_GRID, sender=world.guardian)
        with world.refused("cap not lowered"):
            lower(GOING_ON, interest, 0, sender=world.guardian)
        with world.refused("cap not lowered"):
            lower(GOING_ON, 0, skew, sender=world.guardian)

    def test_lowers_no_cap_of_a_market_that_is_none(self, world):
        with world.refused("unknown market"):
            world.configuration.lower_caps(9, 0, 0, sender=world.guardian)
        with world.refused("unknown market"):
            world.configuration.pause_increases([GOING_ON, 9], sender=world.guardian)

    def test_pauses_all_increases_in_one_call(self, world):
        world.configuration.finish_retirement(ENDING)
        before = [world.had(market) for market in range(5)]
        world.configuration.pause_increases([*range(5), 0, 0], sender=world.guardian)
        for market in range(5):
            assert world.had(market) == before[market] | vars(NO_CAPS)

    @pytest.mark.parametrize("cap", vars(NO_CAPS))
    def test_pauses_a_market_of_which_one_cap_is_left(self, world, cap):
        world.set(GOING_ON, **vars(NO_CAPS) | {cap: WAD})
        world.configuration.pause_increases([GOING_ON], sender=world.guardian)
        assert caps_of(world.had(GOING_ON)) == NO_CAPS

    def test_pauses_thirty_two_markets_in_one_call(self):
        world = World()
        for market in range(32):
            world.set(market)
        world.configuration.pause_increases([*range(32)], sender=world.guardian)
        assert all(caps_of(world.had(market)) == NO_CAPS for market in range(32))

    def test_may_be_nobody(self, world):
        world.configuration.set_guardian(ZERO, sender=world.owner)
        with world.refused("not the guardian"):
            world.configuration.lower_caps(GOING_ON, 0, 0, sender=world.guardian)
        world.configuration.lower_caps(GOING_ON, 0, 0, sender=world.owner)


class TestCapsThatTheGuardianLowered:
    @pytest.fixture
    def held(self):
        world = World()
        world.open()
        world.configuration.lower_caps(0, 10 * WAD, WAD, sender=world.guardian)
        (event, _) = world.configuration.get_logs()
        assert (event.market, event.until) == (0, world.now + CAPS_HOLD)
        return world

    def test_stay_down_for_two_days(self, held):
        """Long enough to cancel what was scheduled before, and would raise them."""
        for later in (0, CAPS_HOLD - 1):
            with boa.env.anchor():
                held.wait(later)
                for caps in [{"max_skew": WAD}, {"max_open_interest": 10 * WAD}, {}]:
                    with held.refused("caps held by guardian"):
                        held.set(**caps)
        held.wait(CAPS_HOLD)
        held.set()
        assert held.had() == PARAMETERS

    def test_let_the_owner_set_all_else_and_lower_them(self, held):
        held.set(max_open_interest=10 * WAD, max_skew=WAD, taker_fee=10**15)
        held.set(max_open_interest=WAD, max_skew=0)
        assert held.had() == PARAMETERS | {"max_open_interest": WAD, "max_skew": 0}

    def test_are_held_anew_by_a_pause(self, held):
        held.wait(DAY)
        held.configuration.pause_increases([0], sender=held.guardian)
        held.wait(CAPS_HOLD - 1)
        with held.refused("caps held by guardian"):
            held.set()

    def test_are_not_held_by_a_pause_of_what_is_paused(self):
        world = World()
        world.open()
        world.configuration.pause_increases([0], sender=world.guardian)
        world.wait(CAPS_HOLD)
        world.configuration.pause_increases([0], sender=world.guardian)
        world.set()
        assert world.had() == PARAMETERS

    def test_are_not_held_if_the_owner_lowered_them(self):
        world = World()
        world.open()
        world.configuration.lower_caps(0, 0, 0, sender=world.owner)
        world.set()
        assert world.had() == PARAMETERS

    def test_hold_no_other_markets(self, held):
        held.open(1)
        held.set(1, max_skew=WAD)
        held.set(1)
        assert held.had(1) == PARAMETERS


def test_only_its_configuration_is_told(world):
    """The market that listens says so itself; a fault of it would show here."""
    with boa.reverts("not the configuration"):
        world.market.retire(GOING_ON, LAST)


def test_it_reads_the_feed_that_its_market_reads(world):
    assert world.configuration.FEED() == world.market.FEED() == world.feed.address
    assert world.configuration.MARKET() == world.market.address
