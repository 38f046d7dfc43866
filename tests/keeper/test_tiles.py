"""Which tiles are reported, and whose turn it is."""

from hypothesis import given
from hypothesis import strategies as st

from clearway.keeper import tiles
from clearway.spec.state import DELAY

LENGTHS = st.integers(1, 10)
TIMES = st.integers(1_900_000_000, 1_900_100_000)


@given(TIMES, LENGTHS)
def test_a_second_belongs_to_the_tile_that_ends_at_or_after_it(second: int, length: int) -> None:
    tile = tiles.tile_of(second, length)
    assert tile % length == 0
    assert tile - length < second <= tile


@given(TIMES, st.integers(0, 100_000), LENGTHS)
def test_tiles_are_due_once_in_order_and_over(before: int, step: int, length: int) -> None:
    now = before + step
    found = tiles.due(before, now, length)
    assert found == sorted(set(found))
    assert all(before < tile <= now and tile % length == 0 for tile in found)


@given(TIMES, st.integers(0, tiles.SHORT_GAP), LENGTHS)
def test_no_tile_of_a_short_gap_is_left_out(before: int, step: int, length: int) -> None:
    every = [one for one in range(before + 1, before + step + 1) if one % length == 0]
    assert tiles.due(before, before + step, length) == every


@given(TIMES, st.integers(100, 10**8), LENGTHS, st.integers(0, 2))
def test_a_jump_leaves_out_neither_the_orders_before_it_nor_the_freshest(
    before: int, step: int, length: int, age: int
) -> None:
    now = before + step
    found = tiles.due(before, now, length)
    committed = before - age  # in one of the last blocks before the jump
    filled_at = tiles.tile_of(committed + DELAY, length)
    assert filled_at in found or filled_at <= before
    assert tiles.newest_over(now, length) in found
    assert len(found) <= 2 * tiles.FRESH


@given(TIMES, LENGTHS, st.integers(1, 7))
def test_each_publisher_has_its_turn_and_one_is_first(
    second: int, length: int, publishers: int
) -> None:
    tile = tiles.tile_of(second, length)
    ranks = [tiles.rank(tile, length, place, publishers) for place in range(publishers)]
    assert sorted(ranks) == list(range(publishers))
    after = [tiles.rank(tile + length, length, place, publishers) for place in range(publishers)]
    assert publishers == 1 or ranks.index(0) != after.index(0)
    silences = range(publishers)
    for waited in silences:
        turns = [tiles.may_gather(tile, length, place, publishers, waited, 1) for place in silences]
        assert sum(turns) == waited + 1
