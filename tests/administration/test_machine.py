"""Contract and model agree, whatever is done to them in whatever order.

After each step: A1 what the market has is within hard bounds; A2 no margin is stricter than the
straight line of its ramp; A3 only the owner's acts raise a cap; A5 a market announced to end has no
caps. Refusals are the same, word for word.
"""

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import boa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clearway.spec.administration import (
    ATTEMPT,
    CAPS_HOLD,
    DAY,
    LEAST_NOTICE,
    LEAST_RECALL,
    MOST_NOTICE,
    NO_CAPS,
    RAMP_PERIOD,
    SIGNED_WINDOW,
    Caps,
    Margins,
    Market,
)
from clearway.spec.refused import Refused
from tests.administration.test_retirement import report_of, rounds
from tests.administration.world import (
    MARGINS,
    PARAMETERS,
    SIZE_GRID,
    WAD,
    World,
    caps_of,
    margins,
    margins_of,
    words,
)

CAPS = st.sampled_from(
    [NO_CAPS, Caps(WAD, 0), Caps(0, WAD), Caps(WAD, WAD), caps_of(PARAMETERS)]
) | st.builds(
    lambda interest, skew: Caps(interest * SIZE_GRID, skew * SIZE_GRID),
    st.integers(0, 10**15),
    st.integers(0, PARAMETERS["premium_cap"] // SIZE_GRID),
)
WAITS = st.integers(0, DAY) | st.sampled_from(
    [1, SIGNED_WINDOW, LEAST_RECALL, CAPS_HOLD, RAMP_PERIOD, LEAST_NOTICE, ATTEMPT]
)


class Administration(RuleBasedStateMachine):
    """Anything that anyone may do to one market, in the contract and in the model."""

    @initialize(first=margins(), caps=CAPS, open_interest=st.sampled_from([0, 1]))
    def begin(self, first: Margins, caps: Caps, open_interest: int) -> None:
        self.world = World()
        self.stand_in = rounds(self.world)
        self.model = Market(first, caps)
        self.open_interest = open_interest
        self.world.set(**vars(first), **vars(caps))
        self.world.market.hold(0, open_interest)

    def both(self, on_chain: Callable[[], Any], in_model: Callable[[], Any]) -> None:
        try:
            in_model()
        except Refused as refused:
            with boa.reverts(refused.reason):
                on_chain()
        else:
            on_chain()

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @precondition(lambda self: self.model.retires_at > self.world.now)
    @rule(offset=st.integers(-2, 2) | st.just(-LEAST_RECALL), weeks=st.integers(0, 2))
    def wait_for_the_end(self, offset: int, weeks: int) -> None:
        self.world.wait(max(0, self.model.retires_at + weeks * ATTEMPT + offset - self.world.now))

    @rule(open_interest=st.sampled_from([0, 1, WAD]))
    def trade(self, open_interest: int) -> None:
        self.open_interest = open_interest
        self.world.market.hold(0, open_interest)

    @rule(wished=margins(), caps=CAPS | st.just(NO_CAPS))
    def set(self, wished: Margins, caps: Caps) -> None:
        self.both(
            lambda: self.world.set(**vars(wished), **vars(caps)),
            lambda: self.model.set(self.world.now, wished, caps, self.open_interest),
        )

    @rule(data=st.data(), caps=CAPS)
    def set_some(self, data: st.DataObject, caps: Caps) -> None:
        """Set anew what the market is on its way to, or has, with other caps."""
        ramp = self.model.ramp
        wished = ramp.after if ramp and data.draw(st.booleans()) else self.model.margins
        self.set(wished, caps)

    @rule(caps=CAPS, by_guardian=st.booleans())
    def lower_caps(self, caps: Caps, by_guardian: bool) -> None:
        by = self.world.guardian if by_guardian else self.world.owner
        lower_caps = self.world.configuration.lower_caps
        self.both(
            lambda: lower_caps(0, *astuple(caps), sender=by),
            lambda: self.model.lower_caps(self.world.now, caps, by_guardian),
        )

    @rule(by_guardian=st.booleans())
    def pause_increases(self, by_guardian: bool) -> None:
        by = self.world.guardian if by_guardian else self.world.owner
        self.both(
            lambda: self.world.configuration.pause_increases([0], sender=by),
            lambda: self.model.pause_increases(self.world.now, by_guardian),
        )

    @rule()
    def advance_ramp(self) -> None:
        self.both(
            lambda: self.world.configuration.advance_ramp(0),
            lambda: self.model.advance_ramp(self.world.now),
        )

    @rule(
        notice=st.sampled_from([LEAST_NOTICE - 1, LEAST_NOTICE, MOST_NOTICE, MOST_NOTICE + 1])
        | st.integers(LEAST_NOTICE, 2 * LEAST_NOTICE)
    )
    def announce_retirement(self, notice: int) -> None:
        at = self.world.now + notice
        self.both(
            lambda: self.world.configuration.announce_retirement(0, at, sender=self.world.owner),
            lambda: self.model.announce_retirement(self.world.now, at),
        )

    @rule()
    def take_back_retirement(self) -> None:
        self.both(
            lambda: self.world.configuration.take_back_retirement(0, sender=self.world.owner),
            lambda: self.model.take_back_retirement(self.world.now),
        )

    @rule(dollars=st.integers(1_000, 9_000))
    def finish_by_report(self, dollars: int) -> None:
        world, model = self.world, self.model
        price, was_retired = dollars * WAD, bool(model.price)

        def on_chain() -> None:
            if not was_retired and 0 < model.retires_at <= world.now:
                since = (world.now - model.retires_at) % ATTEMPT
                if since <= SIGNED_WINDOW:
                    world.feeds.submit(report_of(world.now - since, price))
            world.configuration.finish_retirement(0)

        def in_model() -> None:
            if not model.is_priced_by_report(world.now):
                raise Refused("too old for a report")
            model.finish_retirement(world.now, price)

        self.both(on_chain, in_model)

    @rule(dollars=st.integers(1_000, 9_000))
    def finish_by_round(self, dollars: int) -> None:
        world, model = self.world, self.model
        try:
            second = model.last_second(world.now)
            is_early = model.is_priced_by_report(world.now)
            reason = "report still counts" if is_early else ""
        except Refused as refused:
            second, reason = world.now, refused.reason
        self.stand_in.set_round(1, 10**11, second)
        self.stand_in.set_round(2, dollars * 10**8, second + 1)
        if reason:
            assert world.refusal("finish_retirement_by_round", 0, 2, 1) == reason
            return
        world.configuration.finish_retirement_by_round(0, 2, 1)
        model.finish_retirement(world.now, dollars * WAD)

    @invariant()
    def both_agree(self) -> None:
        world, model, now = self.world, self.model, self.world.now
        had = world.had()
        assert margins_of(had) == model.margins
        assert caps_of(had) == model.caps
        assert had == PARAMETERS | vars(model.margins) | vars(model.caps)
        assert world.configuration.parameters_of(0)._asdict() == had
        assert margins_of(world.due()) == model.due(now)
        ramp = model.ramp
        told = (astuple(ramp.before), astuple(ramp.after), ramp.ends_at) if ramp else EMPTY
        assert world.configuration.ramp_of(0) == told
        assert world.configuration.caps_held_until(0) == model.caps_held_until
        assert world.configuration.retirement_of(0) == (model.retires_at, model.price)
        assert world.market.price_of(0) == model.price

    @invariant()
    def bounds_hold(self) -> None:
        """A1: what the market has could be set, and what is due."""
        for values in (self.world.had(), self.world.due()):
            words()._pack(tuple(values.values()))

    @invariant()
    def what_it_has_is_no_stricter_than_the_line(self) -> None:
        """A2, by integers: the ramp's length is multiplied out."""
        ramp, had = self.model.ramp, self.world.had()
        if ramp:
            gone = min(self.world.now, ramp.ends_at) - ramp.ends_at + RAMP_PERIOD
            for name in MARGINS:
                before, after = getattr(ramp.before, name), getattr(ramp.after, name)
                laxer = had[name] - before
                line = (after - before) * gone
                if name == "profit_ratio":
                    assert laxer * RAMP_PERIOD >= line
                else:
                    assert laxer * RAMP_PERIOD <= line

    @invariant()
    def an_announced_market_takes_no_increase(self) -> None:
        """A5."""
        if self.model.retires_at:
            assert caps_of(self.world.had()) == NO_CAPS


EMPTY = ((0,) * 6, (0,) * 6, 0)


@pytest.mark.timeout(600)
def test_contract_and_model_agree_and_the_invariants_hold():
    run_state_machine_as_test(
        Administration, settings=settings(max_examples=30, stateful_step_count=30)
    )
