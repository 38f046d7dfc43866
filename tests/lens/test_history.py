"""State rebuilt from events alone equals the state read."""

from collections import Counter
from dataclasses import replace

import boa
import pytest

from clearway.history import Contradiction, Event, Ledger
from clearway.spec.market import PerpetualMarket
from clearway.spec.state import Account
from tests.lens.recording import RecordingWorld
from tests.market.test_walk import ENDS, Walk
from tests.market.world import ETH, WAD

SEEDS = range(200, 206)
STEPS = 50


def assert_same(rebuilt: PerpetualMarket, model: PerpetualMarket) -> None:
    """Compare everything that a market holds, but accounts that nobody used."""
    for name in ("markets", "held", "cash", "at_risk", "set_aside", "claims", "pool"):
        assert getattr(rebuilt, name) == getattr(model, name), name
    assert _used(rebuilt) == _used(model)


def _used(market: PerpetualMarket) -> dict[int, Account]:
    return {name: holder for name, holder in market.accounts.items() if holder != Account()}


def test_of_every_walk_is_rebuilt_from_its_events_after_each_step(contracts):
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        with boa.env.anchor():
            world = RecordingWorld(contracts, {0: ETH, 1: ETH, 4: ETH})
            walk, ledger, told = Walk(world, seed, seen), Ledger(world.model.scale), 0
            for step in range(STEPS):
                try:
                    walk.step()  # which compares contracts and model
                    for event in world.events[told:]:
                        ledger.tell(event)
                        seen[f"event: {event.name}"] += 1
                    told = len(world.events)
                    assert_same(ledger.state, world.model)
                except Exception as failure:
                    failure.add_note(f"seed {seed}, step {step}")
                    raise
            assert_same(Ledger.from_events(world.events, world.model.scale).state, world.model)
    told_of = {
        "Deposited",
        "Withdrawn",
        "VaultMoved",
        "OrderPlaced",
        "OrderCleared",
        "OrderFilled",
        "OrderFailed",
        "BatchExecuted",
        "PositionLiquidated",
        "AccountLiquidated",
        "AccountMarked",
        "ParametersSet",
        "PoolParametersSet",
        "ProfitClaimed",
        "ClaimPaid",
        "ShortfallBooked",
    }
    missing = {f"event: {name}" for name in told_of} - set(seen)
    assert not missing, seen
    assert {f"ends: {end}" for end in ENDS} & set(seen)


@pytest.fixture(scope="module")
def story(contracts):
    """One order filled, for a keeper's fee."""
    with boa.env.anchor():
        world = RecordingWorld(contracts, {0: ETH})
        trader, keeper = boa.env.generate_address("trader"), boa.env.generate_address("keeper")
        world.provide(10**13)
        world.deposit(trader, 10**11)
        world.report({0: 3_000 * WAD})
        assert world.place(trader, 0, 0, 10 * WAD, 3_100 * WAD) is None
        world.wait(2)
        world.report({0: 3_000 * WAD})
        assert world.execute(keeper, 0, [(trader, 0)]) == ([""], None)
        both = world.contracts.market
        world.model.put_aside(10**9)
        world._record(lambda: both.put_aside(10**9))
        world.model.pay_out(10**8)
        world._record(lambda: both.pay_out(10**8, trader))
        yield world


def test_of_what_the_vault_sets_aside_and_pays_out_is_rebuilt(story):
    ledger = Ledger.from_events(story.events, story.model.scale)
    assert_same(ledger.state, story.model)
    assert ledger.state.set_aside == 9 * 10**8 * story.model.scale


@pytest.mark.parametrize("field", ["fee", "premium", "result", "size_delta"])
def test_that_tells_what_does_not_follow_is_refused(story, field):
    events = [
        replace(event, values={**event.values, field: event.values[field] + 10**9})
        if event.name == "OrderFilled"
        else event
        for event in story.events
    ]
    with pytest.raises(Contradiction):
        Ledger.from_events(events, story.model.scale)


def test_of_another_contract_changes_nothing(story):
    events = [*story.events, Event("Transfer", story.now, {"amount": 1})]
    assert_same(Ledger.from_events(events, story.model.scale).state, story.model)
