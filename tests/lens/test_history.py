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
STEPS = 40


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
    assert {f"ends: {end}" for end in ENDS} & set(seen)


def rebuilt(world: RecordingWorld) -> set[str]:
    """Compare what is rebuilt with what is there; return the names of what was told."""
    world.assert_equal()
    assert_same(Ledger.from_events(world.events, world.model.scale).state, world.model)
    return {event.name for event in world.events}


def filled(world: RecordingWorld, owner: str, size: int, price: int) -> None:
    """Place and fill one order at a price."""
    reduces = world.account(owner) in world.model.accounts and size < 0
    limit = 10**8 if size < 0 else price * 101 // 100
    assert world.place(owner, 0, 0, size, limit, is_reduce_only=reduces) is None
    world.wait(2)
    world.report({0: price})
    assert world.execute(boa.env.generate_address("keeper"), 0, [(owner, 0)]) == ([""], None)


def test_of_a_winner_who_waits_is_rebuilt(contracts):
    with boa.env.anchor():
        world = RecordingWorld(contracts, {0: ETH})
        winner = boa.env.generate_address("winner")
        world.provide(70_000 * 10**6)
        world.deposit(winner, 100_000 * 10**6)
        world.report({0: 3_000 * WAD})
        filled(world, winner, 100 * WAD, 3_000 * WAD)
        filled(world, winner, -100 * WAD, 4_000 * WAD)
        assert "ProfitClaimed" in rebuilt(world)
        world.provide(10_000 * 10**6)
        world.pay_claims(5)
        assert "ClaimPaid" in rebuilt(world)
        assert world.model.claims  # a part is still owed
        world.provide(100_000 * 10**6)
        world.pay_claims(5)
        rebuilt(world)
        assert not world.model.claims


@pytest.mark.parametrize("cost", [0, WAD, 40 * WAD, 10**4 * WAD])
@pytest.mark.parametrize("fallen", [2_870, 2_855, 2_840, 1_500])
def test_of_who_is_liquidated_is_rebuilt(contracts, fallen, cost):
    with boa.env.anchor():
        world = RecordingWorld(contracts, {0: ETH, 1: ETH})
        trader, other = boa.env.generate_address("trader"), boa.env.generate_address("other")
        prices = {0: 3_000 * WAD, 1: 600 * WAD}
        world.provide(10_000_000 * 10**6)
        for owner in (trader, other):
            world.deposit(owner, 10_000 * 10**6)
        world.report(prices)
        for owner, market, size in ((trader, 0, 50 * WAD), (trader, 1, 20 * WAD), (other, 1, WAD)):
            assert world.place(owner, 0, market, size, prices[market] * 101 // 100) is None
            world.wait(2)
            world.report(prices)
            assert world.execute(other, market, [(owner, 0)]) == ([""], None)
        world.wait(600)
        world.report({**prices, 0: fallen * WAD})
        world.mark(trader)
        world.wait(100)
        world.report({**prices, 0: fallen * WAD})
        assert world.liquidate(other, trader, cost) is None
        names = rebuilt(world)
        assert {"AccountMarked", "PositionLiquidated", "AccountLiquidated"} <= names
        assert ("ShortfallBooked" in names) == (fallen == 1_500)


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
