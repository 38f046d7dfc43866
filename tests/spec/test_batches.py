"""What orders that meet pay, against fractions and against what each was checked for."""

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import assume, example, given
from hypothesis import strategies as st

from clearway.spec import batches, fee_math, premium_math
from clearway.spec.batches import Meeting, Schedule, Terms
from clearway.spec.positions import MONEY_UNIT
from clearway.spec.wad import WAD
from tests.spec.world import PRICES, SCHEDULE, SIGNED_SIZES, SIZES, exactly, schedules

SKEWS = st.one_of(st.just(0), SIGNED_SIZES)
RESERVES = st.one_of(st.just(0), st.integers(0, 10**45))
SOME = st.lists(SIZES, min_size=1, max_size=5)


@dataclass(frozen=True)
class Crowd:
    """Orders of both sides, and those of the first order's side that are left out."""

    own: list[int]  # all of one sign
    other: list[int]  # all of the other
    left_out: list[int]
    skew: int
    price: int
    schedule: Schedule
    reserve: int

    @property
    def side(self) -> int:
        return sum(self.own) + sum(self.left_out)

    def worst_for(self, size: int) -> Terms:
        """Return what an order of the own side was checked for."""
        whole = batches.side_terms(self.side, self.skew, self.price, self.schedule)
        return batches.dearest_share(whole, size, self.side, self.price)

    @property
    def meeting(self) -> Meeting:
        orders = self.own + self.other
        buys = sum(size for size in orders if size > 0)
        sells = -sum(size for size in orders if size < 0)
        return batches.meeting(buys, sells, self.skew, self.price, self.schedule, self.reserve)


@st.composite
def crowds(draw: st.DrawFn) -> Crowd:
    sign = draw(st.sampled_from([1, -1]))
    own, other, left_out = draw(SOME), draw(st.lists(SIZES, max_size=5)), draw(SOME)
    left_out = left_out if draw(st.booleans()) else []
    skew, price, schedule = draw(SKEWS), draw(PRICES), draw(schedules())
    return Crowd(
        [sign * size for size in own],
        [-sign * size for size in other],
        [sign * size for size in left_out],
        skew,
        price,
        schedule,
        draw(RESERVES),
    )


def exact_potential(skew: int, schedule: Schedule) -> Fraction:
    size, cap = abs(skew), schedule.premium_cap
    if size <= cap:
        return Fraction(size**2, 2 * schedule.skew_scale)
    return Fraction(2 * cap * size - cap**2, 2 * schedule.skew_scale)


def exact_premium(skew: int, delta: int, price: int, schedule: Schedule) -> Fraction:
    rise = exact_potential(skew + delta, schedule) - exact_potential(skew, schedule)
    return rise * price / WAD


def exact_fee(skew: int, delta: int, price: int, schedule: Schedule) -> Fraction:
    making = fee_math.maker_size(skew, delta)
    taking = abs(delta) - making
    rate = making * schedule.maker_fee + taking * schedule.taker_fee
    return exactly(rate * price, WAD, WAD)


@given(crowds())
def test_no_admitted_order_fares_worse_than_it_was_checked_for(crowd):
    """To the last unit.

    Per unit of size both fee and premium grow with the side, for the taker's fee is not below the
    maker's and the potential is convex; so exactly, no share passes the own side's. What rounding
    adds: a meeting's fee is the sum of two that are rounded up and its share is rounded up too,
    less than 3 together, so at most 2 after the own side's own rounding. Two floored potentials
    differ from the exact ones by less than 1, the meeting's up and the own side's down, which is
    2 * price together; rounding the premium and its share adds less than 2, so at most 1. Both go
    up to the same grid then, which changes no order.
    """
    for size in crowd.own:
        worst = crowd.worst_for(size)
        terms = batches.terms(crowd.meeting, size)
        assert terms.fee <= worst.fee
        assert terms.premium <= worst.premium


@given(crowds())
def test_no_admitted_order_passes_a_limit_that_it_was_checked_for(crowd):
    """The tightest that it stands by; a seller's premium may take all and more."""
    size = crowd.own[0]
    worst = crowd.worst_for(size)
    limit = crowd.price + (
        worst.premium * WAD // size if size < 0 else -(-worst.premium * WAD // size)
    )
    assert batches.is_within_limit(size, crowd.price, worst.premium, limit)
    assert not batches.is_within_limit(
        size, crowd.price, worst.premium, limit - 1 if size > 0 else limit + 1
    )
    terms = batches.terms(crowd.meeting, size)
    assert batches.is_within_limit(size, crowd.price, terms.premium, limit)


@given(crowds())
def test_the_shares_cover_the_premium_and_the_fee_and_exceed_them_by_less_than_a_step_each(crowd):
    meeting = crowd.meeting
    is_heavier = abs(sum(crowd.own)) > abs(sum(crowd.other))
    heavier = crowd.own if is_heavier else crowd.other
    assume(abs(sum(crowd.own)) != abs(sum(crowd.other)))
    shares = [batches.terms(meeting, size) for size in heavier]
    assert 0 <= sum(share.fee for share in shares) - meeting.fee < len(shares)
    excess = sum(share.premium for share in shares) - meeting.premium
    assert 0 <= excess < MONEY_UNIT * len(shares)
    assert all(share.premium % MONEY_UNIT == 0 for share in shares)


@given(crowds())
def test_a_meeting_collects_what_the_net_owes_exactly_and_less_than_the_roundings_more(crowd):
    net = sum(crowd.own) + sum(crowd.other)
    matched = min(abs(sum(crowd.own)), abs(sum(crowd.other)))
    fee = exact_fee(crowd.skew, net, crowd.price, crowd.schedule)
    fee += exactly(matched * crowd.schedule.maker_fee * crowd.price, WAD, WAD)
    premium = exact_premium(crowd.skew, net, crowd.price, crowd.schedule)
    assert 0 <= crowd.meeting.fee - fee < 2  # two sums, each rounded up
    if premium > -crowd.reserve:
        # Two potentials, floored, are less than 1 apart from the exact difference; then one ceil.
        dust = exactly(crowd.price, WAD) + 1
        assert -dust < crowd.meeting.premium - premium < dust


@given(crowds())
def test_rebates_never_take_more_than_the_reserve_has(crowd):
    terms = [batches.terms(crowd.meeting, size) for size in crowd.own + crowd.other]
    assert crowd.reserve + sum(min(one.premium, 0) for one in terms) >= 0


@given(crowds())
def test_the_lighter_side_pays_the_makers_fee_and_no_premium(crowd):
    own, other = abs(sum(crowd.own)), abs(sum(crowd.other))
    assume(own != other and crowd.other)
    for size in crowd.own if own < other else crowd.other:
        fee = exactly(abs(size) * crowd.schedule.maker_fee * crowd.price, WAD, WAD)
        terms = batches.terms(crowd.meeting, size)
        assert terms.premium == 0
        assert 0 <= terms.fee - fee < 1


@given(SKEWS, SIGNED_SIZES, PRICES, schedules(), RESERVES)
def test_a_batch_of_one_is_a_single_order(skew, size, price, schedule, reserve):
    alone = batches.meeting(max(size, 0), max(-size, 0), skew, price, schedule, reserve)
    premium = premium_math.premium(skew, size, price, schedule.skew_scale, schedule.premium_cap)
    fee = fee_math.trade_fee(skew, size, price, schedule.maker_fee, schedule.taker_fee)
    on_grid = -(-max(premium, -reserve) // MONEY_UNIT) * MONEY_UNIT
    assert batches.terms(alone, size) == Terms(fee, on_grid)


@given(SKEWS, st.lists(SIGNED_SIZES, min_size=1, max_size=6), PRICES, schedules())
def test_along_a_closed_path_of_the_skew_premiums_never_sum_to_a_gain(
    skew, deltas, price, schedule
):
    path = [*deltas, -sum(deltas)]
    total = 0
    for delta in path:
        total += premium_math.premium(skew, delta, price, schedule.skew_scale, schedule.premium_cap)
        skew += delta
    # The floored potential belongs to the skew, not to the way there: only the ceils remain.
    assert 0 <= total < len(path)


@given(SKEWS, SIZES, st.lists(SIZES, min_size=1, max_size=5), PRICES, schedules())
def test_one_after_the_other_pays_at_least_what_one_order_pays(
    skew, first, others, price, schedule
):
    parts = [first, *others]
    whole = sum(parts)
    fees = premiums = 0
    at = skew
    for part in parts:
        meeting = batches.meeting(part, 0, at, price, schedule, 10**60)
        fees += batches.terms(meeting, part).fee
        premiums += batches.terms(meeting, part).premium
        at += part
    once = batches.terms(batches.meeting(whole, 0, skew, price, schedule, 10**60), whole)
    assert fees >= once.fee
    assert premiums >= once.premium


@given(SIGNED_SIZES, PRICES, st.integers(-(10**40), 10**40), PRICES)
def test_a_limit_is_met_exactly_when_the_price_with_its_premium_is(size, price, premium, limit):
    per_unit = price + Fraction(premium * WAD, size)  # a seller's premium lowers it
    is_met = per_unit <= limit if size > 0 else per_unit >= limit
    assert batches.is_within_limit(size, price, premium, limit) == is_met


@given(SIGNED_SIZES, PRICES)
@example(10**9, 10**6)
def test_a_limit_at_the_very_price_is_met_and_a_unit_of_premium_breaks_it(size, price):
    assert batches.is_within_limit(size, price, 0, price)
    assert not batches.is_within_limit(size, price, 1, price)


def test_the_check_against_ones_own_side_is_no_stricter_than_its_last_units():
    side = batches.side_terms(WAD, 0, 3000 * WAD, SCHEDULE)
    worst = batches.dearest_share(side, WAD, WAD, 3000 * WAD)
    alone = batches.terms(batches.meeting(WAD, 0, 0, 3000 * WAD, SCHEDULE, 0), WAD)
    assert worst.fee == alone.fee + 2
    # 3,000 * WAD^2 / 2 S is less than a step of the grid below 0.005: so 6,001 units pass one.
    assert alone.premium == 5 * WAD // 1000
    assert worst.premium == alone.premium + MONEY_UNIT
