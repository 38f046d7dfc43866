"""Which orders go together, and what can be done with each: as the order book has it."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.keeper.orders import MOST, Committed, Stage, batches, in_stage, stage
from clearway.keeper.rounds import PHASE_BITS, first_after
from clearway.keeper.tiles import tile_of
from clearway.spec.state import DELAY, REDUCE_WINDOW, SIGNED_WINDOW

NOW = 1_900_000_000
ORDERS = st.lists(
    st.builds(
        lambda account, slot, market, ago, reduces: Committed(
            (account << 96) + slot, market, NOW - ago, reduces
        ),
        st.integers(1, 6),
        st.integers(0, 15),
        st.integers(0, 2),
        st.integers(-5, 90_000) | st.integers(-2, 4) | st.integers(590, 605),
        st.booleans(),
    ),
    max_size=40,
    unique_by=lambda order: order.id,
)
LENGTHS = st.integers(1, 10)


@given(ORDERS, LENGTHS, st.sets(st.integers(0, 40)))
def test_a_batch_is_one_that_the_order_book_takes(
    orders: list[Committed], length: int, places: set[int]
) -> None:
    by_id = {order.id: order for order in orders}
    alone = [orders[place].id for place in places if place < len(orders)]
    found = batches(orders, NOW, length, alone)
    for batch in found:
        accounts = [by_id[one].account for one in batch.ids]
        assert 0 < len(batch.ids) <= MOST
        assert accounts == sorted(set(accounts)), "ascending, one of an account"
        assert {by_id[one].market for one in batch.ids} == {batch.market}
        assert {tile_of(by_id[one].fills_at, length) for one in batch.ids} == {batch.tile}
        assert len(batch.ids) == 1 or not set(batch.ids) & set(alone)
    placed = [one for batch in found for one in batch.ids]
    due = [order.id for order in orders if stage(order, NOW) is Stage.BY_REPORT]
    assert sorted(placed) == sorted(due), "each that is due, once"
    assert [batch.tile for batch in found] == sorted(batch.tile for batch in found)


def test_many_orders_of_one_second_fill_as_few_batches_as_can_be() -> None:
    orders = [Committed(account << 96, 0, NOW, False) for account in range(1, 2 * MOST + 2)]
    assert [len(batch.ids) for batch in batches(orders, NOW, 1)] == [MOST, MOST, 1]
    twice = [Committed((5 << 96) + slot, 0, NOW, False) for slot in range(3)]
    assert [batch.ids for batch in batches(twice, NOW, 1)] == [(one.id,) for one in twice]


@given(st.integers(-10, 100_000), st.booleans())
def test_the_stages_of_an_orders_life(age: int, reduces: bool) -> None:
    """`age` is counted from the commit."""
    order = Committed(1 << 96, 0, NOW + DELAY, reduces)
    found = stage(order, NOW + age)
    window = REDUCE_WINDOW if reduces else SIGNED_WINDOW
    assert (found is Stage.YOUNG) == (age < DELAY)
    assert (found is Stage.BY_REPORT) == (DELAY <= age <= SIGNED_WINDOW)
    assert (found is Stage.BY_ROUND) == (reduces and SIGNED_WINDOW < age <= window)
    assert (found is Stage.OVER) == (age > window)


@given(ORDERS)
def test_every_order_is_in_one_stage_and_the_oldest_comes_first(orders: list[Committed]) -> None:
    parts = defaultdict(list)
    for one in Stage:
        parts[one] = in_stage(orders, one, NOW)
        assert parts[one] == sorted(parts[one], key=lambda order: (order.fills_at, order.id))
    together = [order for part in parts.values() for order in part]
    assert sorted(together, key=lambda order: order.id) == sorted(orders, key=lambda one: one.id)


# Rounds of an aggregator

PHASES = st.lists(
    st.tuples(st.integers(1, 30), st.lists(st.integers(0, 9), min_size=1, max_size=12)),
    min_size=1,
    max_size=4,
)


@given(PHASES, st.integers(-5, 80))
def test_the_first_round_after_a_second_and_its_proof(
    phases: list[tuple[int, list[int]]], second: int
) -> None:
    """Each phase begins some time after the one before began, and may overlap its end."""
    rounds: dict[int, int] = {}
    began = 0
    for phase, (pause, steps) in enumerate(phases):
        began += pause
        at = began
        for number, step in enumerate(steps, 1):
            rounds[(phase << PHASE_BITS) + number] = at
            at += step
    latest = max(rounds)
    found = first_after(second, latest, rounds.get)
    if rounds[latest] <= second:
        assert found is None
        return
    if found is None:
        assert min(rounds.values()) > second, "no round proves another the first"
        return
    round_, predecessor = found
    assert rounds[predecessor] <= second < rounds[round_]
    next_phase = ((predecessor >> PHASE_BITS) + 1 << PHASE_BITS) + 1
    if round_ == predecessor + 1:
        assert rounds.get(next_phase, second + 1) > second, "a later phase had begun"
    else:
        assert round_ == next_phase
        assert predecessor + 1 not in rounds


@pytest.mark.parametrize("latest", [1, (3 << PHASE_BITS) + 7])
def test_an_aggregator_without_rounds_has_none(latest: int) -> None:
    assert first_after(5, latest, lambda _: None) is None
