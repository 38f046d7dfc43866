"""One position against fractions: what is rounded, which way, and by how much at most."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import positions
from clearway.spec.positions import ENTRY_UNIT, MONEY_UNIT, Position
from clearway.spec.wad import WAD
from tests.spec.world import PRICES, SIGNED_SIZES, SIZES, exactly

INDICES = st.integers(-(10**21), 10**21)  # wad: a thousand times the notional
ENTRIES = st.integers(-(10**16), 10**16).map(lambda n: n * ENTRY_UNIT)
COSTS = st.integers(0, 10**36).map(lambda n: n * MONEY_UNIT)
HELD = st.builds(Position, SIGNED_SIZES, COSTS, ENTRIES)


def exact_result(position: Position, price: int) -> Fraction:
    return exactly(position.size * price, WAD) - positions.signed_cost(position)


def reduced(position: Position, closing: int, price: int) -> tuple[Position, int]:
    """Return what a partial close leaves, and its result."""
    delta = -closing if position.size > 0 else closing
    return positions.filled(position, delta, price, 0)


def parts_of(total: int, cuts: list[int]) -> list[int]:
    """Cut a size, at places in millionths, into parts on its grid."""
    units = total // positions.SIZE_UNIT
    places = sorted({0, units, *(units * cut // 10**6 for cut in cuts)})
    return [(b - a) * positions.SIZE_UNIT for a, b in pairwise(places)]


CUTS = st.lists(st.integers(0, 10**6), max_size=6)


@given(HELD, PRICES)
def test_a_result_is_less_than_a_unit_below_the_exact_one(position, price):
    assert 0 <= exact_result(position, price) - positions.result(position, price) < 1


@given(HELD, INDICES, PRICES)
def test_what_is_owed_is_less_than_a_unit_above_the_exact_sum(position, index, price):
    due = positions.owed(position, index, price)
    worth = exactly(abs(position.size) * price, WAD)
    assert 0 <= due - worth * exactly(index - position.entry, WAD) < 1


@given(SIZES, COSTS, PRICES)
def test_a_long_and_its_mirror_win_together_nothing_and_lose_at_most_a_unit(size, cost, price):
    both = sum(positions.result(Position(sign * size, cost), price) for sign in (1, -1))
    assert both in (-1, 0)


@given(SIZES, ENTRIES, INDICES, PRICES)
def test_two_mirrors_owe_funding_to_each_other_and_at_most_a_unit_to_the_vault(
    size, entry, growth, price
):
    long, short = Position(size, 0, entry), Position(-size, 0, -entry)
    owed = positions.owed(long, entry + growth, price) + positions.owed(
        short, -entry - growth, price
    )
    assert owed in (0, 1)


@given(HELD, PRICES, st.data())
def test_closing_a_part_gains_its_exact_share_or_less_by_two_known_roundings(position, price, data):
    closing = data.draw(st.integers(1, abs(position.size) // positions.SIZE_UNIT))
    closing *= positions.SIZE_UNIT
    realised, kept = positions.closed(position, closing, price)
    share = exact_result(position, price) * Fraction(closing, abs(position.size))
    # The cost goes to its grid, less than MONEY_UNIT away; the result is floored, less than 1.
    assert 0 <= share - realised < MONEY_UNIT + 1
    assert 0 <= kept <= position.cost


@given(HELD, PRICES, CUTS)
def test_parts_never_gain_more_than_the_whole_and_lose_less_than_a_unit_each(position, price, cuts):
    whole, _ = positions.closed(position, abs(position.size), price)
    parts = parts_of(abs(position.size), cuts)
    total = 0
    for part in parts:
        position, realised = reduced(position, part, price)
        total += realised
    assert position == Position()
    # Costs telescope; each part floors its own size at the price, and so does the whole.
    assert 0 <= whole - total < len(parts)


@given(HELD, PRICES, st.data())
def test_a_part_takes_with_it_exactly_the_cost_that_it_does_not_leave(position, price, data):
    closing = data.draw(st.integers(0, abs(position.size) // positions.SIZE_UNIT))
    closing *= positions.SIZE_UNIT
    realised, kept = positions.closed(position, closing, price)
    sign = 1 if position.size > 0 else -1
    value = positions.result(Position(sign * closing, 0), price)
    assert sign * (value - realised) == position.cost - kept


@given(SIGNED_SIZES, PRICES, INDICES)
def test_an_opened_position_starts_at_its_price_or_worse_by_less_than_the_grids(size, price, index):
    opened, realised = positions.filled(Position(), size, price, index)
    assert realised == 0
    assert 0 <= -exact_result(opened, price) < MONEY_UNIT
    grid = exactly(abs(size) * price, WAD) * exactly(ENTRY_UNIT, WAD)
    # The entry is less than ENTRY_UNIT off, against the trader, and rounding up adds < 1.
    assert 0 <= positions.owed(opened, index, price) < grid + 1


@given(HELD, PRICES, INDICES, SIZES)
def test_a_flip_is_a_close_and_an_open(position, price, index, beyond):
    delta = -position.size + (-beyond if position.size > 0 else beyond)
    flat, gained = positions.filled(position, -position.size, price, index)
    assert flat == Position()
    opened, _ = positions.filled(flat, position.size + delta, price, index)
    assert positions.filled(position, delta, price, index) == (opened, gained)


@given(SIGNED_SIZES, PRICES, CUTS)
def test_opening_in_parts_never_costs_less_than_opening_at_once(size, price, cuts):
    sign = 1 if size > 0 else -1
    once, _ = positions.filled(Position(), size, price, 0)
    grown = Position()
    parts = parts_of(abs(size), cuts)
    for part in parts:
        grown, realised = positions.filled(grown, sign * part, price, 0)
        assert realised == 0
    assert grown.size == once.size
    # Each part goes to the grid for itself, by less than MONEY_UNIT.
    assert 0 <= sign * (grown.cost - once.cost) < MONEY_UNIT * len(parts)


@given(HELD, SIGNED_SIZES, PRICES, INDICES)
def test_every_stored_number_lies_on_its_grid(position, delta, price, index):
    after, _ = positions.filled(position, delta, price, index)
    assert after.size == position.size + delta
    assert after.size % positions.SIZE_UNIT == after.cost % MONEY_UNIT == 0
    assert after.entry % ENTRY_UNIT == 0
    assert after.cost >= 0


@given(HELD, SIGNED_SIZES, PRICES)
def test_at_one_price_no_fill_makes_a_position_and_its_results_worth_more(position, delta, price):
    after, realised = positions.filled(position, delta, price, 0)
    lost = exact_result(position, price) - exact_result(after, price) - realised
    # One grid for the cost of what opens, and one floor for what closes; costs never vanish.
    assert 0 <= lost < MONEY_UNIT + 1
