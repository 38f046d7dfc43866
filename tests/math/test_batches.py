"""The contract's batches against the model's; what the model must satisfy is in tests/spec."""

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import batches
from clearway.spec.batches import Terms
from clearway.spec.wad import WAD
from tests.math.ranges import MAX_NOTIONAL, signed, up_to

UNIT = 10**9  # base wad
MAX_COINS = 2**60  # in units of size


@st.composite
def prices_and_coins(draw):
    """Return a price, and a bound on sizes whose notionals are within bounds at it."""
    price = draw(up_to(10**30, smallest=10**6))
    return price, min(MAX_COINS, MAX_NOTIONAL * WAD // price // UNIT // 8)


@st.composite
def schedules(draw):
    scale = draw(up_to(MAX_COINS, smallest=1)) * UNIT
    cap = draw(up_to(scale, smallest=1))
    maker, taker = sorted([draw(up_to(WAD // 10)), draw(up_to(WAD // 10))])
    return batches.Schedule(scale, cap, maker, taker)


def as_struct(thing):
    return tuple(vars(thing).values())


@given(at=prices_and_coins(), schedule=schedules(), data=st.data())
def test_side_terms_and_dearest_share_equal_the_spec(contract, at, schedule, data):
    price, most = at
    skew = data.draw(signed(most)) * UNIT
    part = data.draw(up_to(max(most, 1), smallest=1)) * UNIT
    sign = data.draw(st.sampled_from([1, -1]))
    side = sign * (part + data.draw(up_to(most)) * UNIT)
    terms = batches.side_terms(side, skew, price, schedule)
    found = contract._side_terms(side, skew, price, as_struct(schedule))
    assert tuple(found) == as_struct(terms)
    share = batches.dearest_share(terms, sign * part, side, price)
    assert tuple(contract._dearest_share(found, sign * part, side, price)) == as_struct(share)


@given(at=prices_and_coins(), schedule=schedules(), reserve=up_to(10**36), data=st.data())
def test_meetings_and_their_terms_equal_the_spec(contract, at, schedule, reserve, data):
    price, most = at
    skew = data.draw(signed(most)) * UNIT
    buys, sells = (data.draw(up_to(most)) * UNIT for _ in range(2))
    meeting = batches.meeting(buys, sells, skew, price, schedule, reserve)
    found = contract._meeting(buys, sells, skew, price, as_struct(schedule), reserve)
    assert tuple(found) == as_struct(meeting)
    for whole, sign in ((buys, 1), (sells, -1)):
        if whole:
            size = sign * data.draw(up_to(whole // UNIT, smallest=1)) * UNIT
            expected = batches.terms(meeting, size)
            assert tuple(contract._terms(found, size)) == as_struct(expected)


@given(
    at=prices_and_coins(),
    size=signed(MAX_COINS),
    premium=signed(10**36),
    limit=up_to(10**31),
    near=st.integers(-1, 1),
)
def test_is_within_limit_equals_the_spec(contract, at, size, premium, limit, near):
    price, most = at
    size_delta = max(-most, min(size, most)) * UNIT or UNIT
    per_unit = premium * WAD // abs(size_delta) * (1 if size_delta > 0 else -1)
    for worst in (limit, max(0, price + per_unit + near)):
        order = (size_delta, price, premium, worst)
        assert contract._is_within_limit(*order) == batches.is_within_limit(*order)


def test_a_premium_is_a_rebate_only_as_far_as_the_reserve_goes(contract):
    schedule = batches.Schedule(1_000 * WAD, 500 * WAD, 0, 0)
    meeting = contract._meeting(0, WAD, 100 * WAD, WAD, as_struct(schedule), 5)
    assert meeting.premium == -5
    assert tuple(contract._terms(meeting, -WAD)) == as_struct(Terms(0, 0))  # on the grid of money
