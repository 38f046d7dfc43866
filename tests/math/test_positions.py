"""The contract's positions against the model's; what the model must satisfy is in tests/spec."""

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import positions
from clearway.spec.positions import ENTRY_UNIT, MONEY_UNIT, SIZE_UNIT, Position
from tests.math.ranges import MAX_GROWTH, MAX_NOTIONAL, WAD, signed, up_to

MAX_LOTS = 2**71 - 1


@st.composite
def held(draw):
    """Return a position on its grids, or none, and a price at which it is within bounds."""
    price = draw(up_to(10**30))
    most = MAX_LOTS if price == 0 else min(MAX_LOTS, MAX_NOTIONAL * WAD // price // SIZE_UNIT)
    size = draw(signed(most)) * SIZE_UNIT
    cost = draw(up_to(2**72 - 1)) * MONEY_UNIT if size else 0
    entry = draw(signed(2**47 - 1)) * ENTRY_UNIT if size else 0
    return Position(size, cost, entry), price


def as_struct(position):
    return position.size, position.cost, position.entry


@given(held=held())
def test_signed_cost_equals_the_spec(contract, held):
    assert contract._signed_cost(as_struct(held[0])) == positions.signed_cost(held[0])


@given(x=signed(10**60), unit=up_to(10**18, smallest=1))
def test_grids_equal_the_spec(contract, x, unit):
    assert contract._to_grid_down(x, unit) == positions.to_grid_down(x, unit)
    assert contract._to_grid_up(x, unit) == positions.to_grid_up(x, unit)


@given(held=held())
def test_notional_and_result_equal_the_spec(contract, held):
    position, price = held
    assert contract._notional(position.size, price) == positions.notional(position.size, price)
    assert contract._result(as_struct(position), price) == positions.result(position, price)


@given(held=held(), growth=signed(MAX_GROWTH))
def test_owed_equals_the_spec(contract, held, growth):
    position, price = held
    index = position.entry + growth
    expected = positions.owed(position, index, price)
    assert contract._owed(as_struct(position), index, price) == expected


@given(size=signed(10**40), size_delta=signed(10**40), same=st.sampled_from([0, 1, -1]))
def test_closing_size_and_increases_equal_the_spec(contract, size, size_delta, same):
    for delta in (size_delta, same * size):
        closing = positions.closing_size(size, delta)
        assert contract._closing_size(size, delta) == closing
        assert contract._increases(size, delta) == positions.increases(size, delta)


@given(held=held(), part=up_to(MAX_LOTS))
def test_closed_equals_the_spec(contract, held, part):
    position, price = held
    whole = abs(position.size)
    for closing in (min(part * SIZE_UNIT, whole), whole, 0):
        expected = positions.closed(position, closing, price)
        assert tuple(contract._closed(as_struct(position), closing, price)) == expected


@given(held=held(), delta=signed(MAX_LOTS), index=signed(2**71 - 1), against=st.booleans())
def test_filled_equals_the_spec(contract, held, delta, index, against):
    """Any delta that keeps the notional within bounds; or the one that closes all."""
    position, price = held
    most = MAX_LOTS if price == 0 else min(MAX_LOTS, MAX_NOTIONAL * WAD // price // SIZE_UNIT)
    size_delta = max(-most, min(delta, most)) * SIZE_UNIT
    if against:
        size_delta = -position.size
    after, realised = positions.filled(position, size_delta, price, index)
    found, result = contract._filled(as_struct(position), size_delta, price, index)
    assert (tuple(found), result) == (as_struct(after), realised)
