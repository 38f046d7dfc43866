"""Margin that is tightened with positions open comes in along a straight line."""

from collections.abc import Iterator
from dataclasses import astuple, replace
from fractions import Fraction

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.spec.administration import DAY, RAMP_PERIOD, RATIO_GRID, Margins, Ramp, laxer
from tests.administration.world import (
    DEAREST,
    MARGINS,
    MOST_SLOPE,
    PARAMETERS,
    WAD,
    margins,
    margins_of,
    parameters,
    words,
)
from tests.feed.world import CONTRACTS

START = 1_800_000_000
BASE = margins_of(PARAMETERS)
TIGHTER = {
    "initial_ratio": 8 * 10**16,
    "initial_slope": 7 * 10**9,
    "maintenance_ratio": 35 * 10**15,
    "maintenance_slope": 5 * 10**9,
    "profit_ratio": WAD // 4,
    "penalty_ratio": 125 * 10**14,
}
LAXER = {
    "initial_ratio": 4 * 10**16,
    "initial_slope": 3 * 10**9,
    "maintenance_ratio": 20 * 10**15,
    "maintenance_slope": 10**9,
    "profit_ratio": 3 * WAD // 4,
    "penalty_ratio": 5 * 10**15,
}


@st.composite
def ramps(draw: st.DrawFn) -> Ramp:
    """Return the ramp between any two sets of margins within their bounds."""
    present, wished = draw(margins()), draw(margins())
    return Ramp(laxer(present, wished), wished, START + RAMP_PERIOD)


TIMES = st.integers(START, START + RAMP_PERIOD)


def lines(ramp: Ramp, now: int) -> Iterator[tuple[str, Fraction, int]]:
    """Yield each margin's name, its exact straight line, and what it is."""
    part = Fraction(now - START, RAMP_PERIOD)
    ends = zip(astuple(ramp.before), astuple(ramp.after), astuple(ramp.at(now)), strict=True)
    for name, (before, after, value) in zip(MARGINS, ends, strict=True):
        yield name, before + part * (after - before), value


class TestTheLine:
    @pytest.fixture(scope="class")
    def contract(self):
        return boa.load(str(CONTRACTS / "modules" / "margin_ramps.vy")).internal

    @given(ramp=ramps(), now=TIMES)
    def test_is_the_models(self, contract, ramp, now):
        found = contract._margins_at((astuple(ramp.before), astuple(ramp.after), ramp.ends_at), now)
        assert tuple(found) == astuple(ramp.at(now))

    @given(present=margins(), wished=margins())
    def test_begins_at_the_laxer_of_both(self, contract, present, wished):
        found = contract._laxer(astuple(present), astuple(wished))
        assert tuple(found) == astuple(laxer(present, wished))

    @given(ramp=ramps(), now=TIMES)
    def test_is_never_crossed_to_the_stricter_side(self, ramp, now):
        for name, line, value in lines(ramp, now):
            assert value >= line if name == "profit_ratio" else value <= line

    @given(ramp=ramps(), now=TIMES)
    def test_is_kept_to_within_what_grids_and_bounds_between_margins_ask(self, ramp, now):
        """Off by less than a step of the grid; where one bounds another, by what that is off too.

        Initial is less than one step below its line. Three quarters of it are less than 3/4 below
        maintenance's, and rounding that takes less than one more; half of maintenance is less than
        (1 + 3/4) / 2 below penalty's, and one more.
        """
        steps = {"maintenance_ratio": Fraction(7, 4), "penalty_ratio": Fraction(15, 8)}
        for name, line, value in lines(ramp, now):
            grid = 1 if name.endswith("slope") else RATIO_GRID
            assert abs(value - line) < steps.get(name, 1) * grid

    @given(ramp=ramps(), first=TIMES, second=TIMES)
    def test_never_turns_back(self, ramp, first, second):
        now, later = sorted([first, second])
        assert laxer(ramp.at(now), ramp.at(later)) == ramp.at(now)
        assert laxer(ramp.before, ramp.at(now)) == ramp.before
        assert laxer(ramp.at(later), ramp.after) == ramp.at(later)

    @given(ramp=ramps(), after_its_end=st.integers(0, 10 * RAMP_PERIOD))
    def test_ends_where_it_was_to(self, ramp, after_its_end):
        assert ramp.at(START) == ramp.before
        assert ramp.at(ramp.ends_at + after_its_end) == ramp.after

    @given(ramp=ramps(), now=TIMES)
    def test_is_within_the_hard_bounds_all_along(self, ramp, now):
        """Every set on the way is one that the owner might have set by itself."""
        words()._pack(tuple((PARAMETERS | vars(ramp.at(now))).values()))

    @given(ramp=ramps(), now=TIMES)
    def test_keeps_each_bound_between_margins(self, ramp, now):
        found = ramp.at(now)
        assert found.maintenance_ratio >= DEAREST + found.penalty_ratio
        assert 4 * found.maintenance_ratio <= 3 * found.initial_ratio
        assert 2 * found.penalty_ratio <= found.maintenance_ratio
        assert found.maintenance_slope <= found.initial_slope

    def test_rounded_margin_by_margin_would_break_a_bound(self, contract):
        """Lines at 509.8, 382.2 and 191 steps.

        Three quarters of 509 are less than 382: so maintenance is cut to 381. Half of that is less
        than 191: so penalty is cut too.
        """
        before = Margins(501 * RATIO_GRID, 0, 375 * RATIO_GRID, 0, 0, 187 * RATIO_GRID)
        after = Margins(512 * RATIO_GRID, 0, 384 * RATIO_GRID, 0, 0, 192 * RATIO_GRID)
        ramp = Ramp(before, after, START + RAMP_PERIOD)
        now = START + RAMP_PERIOD * 8 // 10
        found = contract._margins_at((astuple(before), astuple(after), ramp.ends_at), now)
        assert tuple(found) == astuple(ramp.at(now))
        assert found.initial_ratio == 509 * RATIO_GRID
        assert found.maintenance_ratio == 381 * RATIO_GRID
        assert found.penalty_ratio == 190 * RATIO_GRID


class TestASetWithPositionsOpen:
    @pytest.mark.parametrize("name", MARGINS)
    def test_leaves_a_tightened_margin_where_it_was_and_begins_a_ramp(self, world, name):
        world.open(**LAXER)
        wished = LAXER | {name: BASE.__dict__[name]}
        if name == "maintenance_slope":
            wished["initial_slope"] = BASE.initial_slope
        if name == "maintenance_ratio":
            wished["initial_ratio"] = BASE.initial_ratio
        if name == "penalty_ratio":
            wished["maintenance_ratio"] = BASE.maintenance_ratio
            wished["initial_ratio"] = BASE.initial_ratio
        world.set(**wished)
        assert world.had() == PARAMETERS | LAXER
        ramp = world.configuration.ramp_of(0)
        assert ramp.before == astuple(margins_of(LAXER))
        assert ramp.after == astuple(margins_of(wished))
        assert ramp.ends_at == world.now + RAMP_PERIOD

    @pytest.mark.parametrize("name", MARGINS)
    def test_loosens_a_margin_at_once(self, world, name):
        world.open()
        wished = {name: LAXER[name]}
        if name == "initial_slope":
            wished["maintenance_slope"] = LAXER["maintenance_slope"]
        if name == "maintenance_ratio":
            wished["penalty_ratio"] = LAXER["penalty_ratio"]
        world.set(**wished)
        assert world.had() == PARAMETERS | wished
        assert world.configuration.ramp_of(0).ends_at == 0

    def test_loosens_some_at_once_while_others_ramp(self, world):
        world.open()
        world.set(profit_ratio=LAXER["profit_ratio"], initial_ratio=TIGHTER["initial_ratio"])
        assert world.had() == PARAMETERS | {"profit_ratio": LAXER["profit_ratio"]}
        world.wait(RAMP_PERIOD // 3)
        world.configuration.advance_ramp(0)
        assert world.had()["initial_ratio"] == 6 * 10**16
        assert world.had()["profit_ratio"] == LAXER["profit_ratio"]

    def test_changes_all_else_at_once(self, world):
        world.open()
        others = {
            "skew_scale": 400_000 * WAD,
            "premium_cap": 2_000 * WAD,
            "maker_fee": 10**14,
            "taker_fee": 10**15,
            "max_velocity": WAD,
            "funding_cap": WAD // 5,
            "max_open_interest": WAD,
            "max_skew": WAD // 2,
            "min_notional": 10 * WAD,
            "risk_weight": WAD,
            "insurance_limit": 1_000 * WAD,
        }
        assert others.keys() == PARAMETERS.keys() - set(MARGINS)
        world.set(**others | TIGHTER)
        assert world.had() == PARAMETERS | others
        world.wait(RAMP_PERIOD)
        world.configuration.advance_ramp(0)
        assert world.had() == PARAMETERS | others | TIGHTER

    def test_is_refused_if_what_holds_at_once_is_dearer_than_the_margin_before(self, world):
        """The premium's rise would come at once, and the margin behind it later."""
        world.open()
        with world.refused("premium over maintenance"):
            world.set(premium_cap=6_500 * WAD, **TIGHTER)
        world.set(**TIGHTER)
        world.wait(RAMP_PERIOD)
        world.set(premium_cap=6_500 * WAD, **TIGHTER)
        assert world.had()["premium_cap"] == 6_500 * WAD

    def test_is_judged_at_its_end_too(self, world):
        world.open()
        for name, value, reason in [
            ("maintenance_ratio", 376 * RATIO_GRID, "maintenance too near initial"),
            ("penalty_ratio", 126 * RATIO_GRID, "penalty over half of maintenance"),
            ("initial_ratio", WAD + RATIO_GRID, "initial ratio out of range"),
            ("initial_slope", MOST_SLOPE + 1, "slope out of range"),
            ("maintenance_slope", 5 * 10**9 + 1, "maintenance slope over initial"),
            ("initial_ratio", 6 * 10**16 + 1, "parameter off its grid"),
            ("profit_ratio", WAD // 3, "parameter off its grid"),
        ]:
            with world.refused(reason):
                world.set(**{name: value})

    def test_is_told(self, world):
        world.open()
        world.set(**TIGHTER)
        begun = [e for e in world.configuration.get_logs() if type(e).__name__ == "RampBegun"]
        ends_at = world.now + RAMP_PERIOD
        assert [(e.market, e.ends_at) for e in begun] == [(0, ends_at)]
        assert begun[0].before == astuple(BASE)
        assert begun[0].after == astuple(replace(BASE, **TIGHTER))

    def test_ramps_no_other_market(self, world):
        world.open(0)
        world.open(1)
        world.set(0, **TIGHTER)
        assert world.configuration.ramp_of(1).ends_at == 0
        with world.refused("no ramp"):
            world.configuration.advance_ramp(1)


class TestASetWithoutPositions:
    def test_tightens_at_once(self, world):
        world.set()
        world.set(**TIGHTER)
        assert world.had() == PARAMETERS | TIGHTER
        assert world.configuration.ramp_of(0).ends_at == 0

    def test_ends_a_ramp(self, world):
        world.open()
        world.set(**TIGHTER)
        world.market.hold(0, 0)
        world.set(**TIGHTER)
        assert world.had() == PARAMETERS | TIGHTER
        assert [type(e).__name__ for e in world.configuration.get_logs()].count("RampEnded") == 1
        with world.refused("no ramp"):
            world.configuration.advance_ramp(0)

    def test_of_the_least_open_interest_is_one_with_positions(self, world):
        world.set()
        world.market.hold(0, 1)
        world.set(**TIGHTER)
        assert world.had() == PARAMETERS


class TestAdvancing:
    def test_is_anyones_and_hands_over_what_is_due(self, world):
        world.open()
        world.set(**TIGHTER)
        world.wait(DAY)
        with boa.env.prank(world.stranger):
            world.configuration.advance_ramp(0)
        (event,) = world.configuration.get_logs()
        expected = Ramp(BASE, replace(BASE, **TIGHTER), world.now + 2 * DAY).at(world.now)
        assert world.had() == PARAMETERS | vars(expected)
        assert world.had()["initial_ratio"] == 6 * 10**16
        assert world.configuration.parameters_of(0)._asdict() == world.had()
        assert tuple(event.parameters) == tuple(world.had().values())

    def test_to_where_it_is_already_is_refused(self, world):
        world.open()
        world.set(**TIGHTER)
        with world.refused("ramp not moved"):
            world.configuration.advance_ramp(0)
        world.wait(DAY)
        world.configuration.advance_ramp(0)
        with world.refused("ramp not moved"):
            world.configuration.advance_ramp(0)

    def test_comes_to_the_end_in_the_last_second_and_not_before(self, world):
        world.open()
        world.set(**TIGHTER)
        world.wait(RAMP_PERIOD - 1)
        world.configuration.advance_ramp(0)
        assert all(world.had()[name] != value for name, value in TIGHTER.items())
        world.wait(1)
        world.configuration.advance_ramp(0)
        assert [type(e).__name__ for e in world.configuration.get_logs()].count("RampEnded") == 1
        assert world.had() == PARAMETERS | TIGHTER
        assert world.configuration.ramp_of(0).ends_at == 0
        with world.refused("no ramp"):
            world.configuration.advance_ramp(0)

    def test_late_ends_it_all_the_same(self, world):
        world.open()
        world.set(**TIGHTER)
        world.wait(100 * RAMP_PERIOD)
        assert world.due() == PARAMETERS | TIGHTER
        world.configuration.advance_ramp(0)
        assert world.had() == PARAMETERS | TIGHTER

    def test_keeps_caps_that_were_lowered_on_the_way(self, world):
        world.open()
        world.set(**TIGHTER)
        world.wait(DAY)
        world.configuration.lower_caps(0, WAD, 0, sender=world.guardian)
        assert world.had() == PARAMETERS | {"max_open_interest": WAD, "max_skew": 0}
        world.configuration.advance_ramp(0)
        assert world.had()["max_open_interest"] == WAD
        assert world.had()["initial_ratio"] == 6 * 10**16


class TestASetDuringARamp:
    def test_starts_from_where_margins_are_though_nobody_advanced(self, world):
        world.open()
        world.set(**TIGHTER)
        world.wait(DAY)
        due = world.due()
        world.set(**TIGHTER | {"initial_ratio": 9 * 10**16})
        assert world.had() == due
        ramp = world.configuration.ramp_of(0)
        assert ramp.before == astuple(margins_of(due))
        assert ramp.ends_at == world.now + RAMP_PERIOD

    def test_to_something_laxer_than_where_margins_are_loosens_at_once(self, world):
        world.open()
        world.set(**TIGHTER)
        world.wait(DAY)
        world.set()
        assert world.had() == PARAMETERS
        assert world.configuration.ramp_of(0).ends_at == 0

    def test_never_makes_it_faster(self, world):
        """Set anew each hour, a ramp to the same end is nowhere before the one set once."""
        world.open()
        world.set(**TIGHTER)
        once = Ramp(BASE, replace(BASE, **TIGHTER), world.now + RAMP_PERIOD)
        for _ in range(RAMP_PERIOD // 3_600):
            world.wait(3_600)
            world.set(**TIGHTER)
            found = margins_of(world.had())
            assert laxer(found, once.at(world.now)) == found


def test_views_agree(world):
    world.open()
    world.set(**TIGHTER)
    world.wait(DAY)
    before = world.configuration.parameters_of(0)
    assert before == parameters()
    assert world.due() != before._asdict()
    world.configuration.advance_ramp(0)
    assert world.due() == world.had() == world.configuration.parameters_of(0)._asdict()
