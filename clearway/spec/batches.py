"""What the orders of one market that meet at one price pay; sizes are base wad, money is quote wad.

Buys and sells meet at the index price. Only their difference, the net, moves the skew; its premium
is shared by the heavier side in proportion to size, and the lighter side pays none.
"""

from dataclasses import dataclass

from clearway.spec import fee_math, positions, premium_math, wad


@dataclass(frozen=True)
class Schedule:
    """The parameters of a market that price a trade."""

    skew_scale: int  # base wad
    premium_cap: int  # base wad, at most the scale
    maker_fee: int  # wad ratio, at most the taker's
    taker_fee: int  # wad ratio


@dataclass(frozen=True)
class Terms:
    """What one order pays."""

    fee: int
    premium: int  # below zero it is a rebate


def side_terms(side: int, skew: int, price: int, schedule: Schedule) -> Terms:
    """Return what all orders of one side, `side` in all, pay together if they meet nobody."""
    return Terms(
        fee_math.trade_fee(skew, side, price, schedule.maker_fee, schedule.taker_fee),
        premium_math.premium(skew, side, price, schedule.skew_scale, schedule.premium_cap),
    )


def dearest_share(terms: Terms, size_delta: int, side: int, price: int) -> Terms:
    """Return what one order of a side that meets nobody pays: the worst of all.

    A rebate counts as nothing, for the other side may take it away and the reserve may be empty.
    The last units are what the roundings of a `Meeting` may add: its fee is a sum of two and is
    shared, the potential is floored on both sides of a price, and its premium is shared too.
    """
    part, whole = abs(size_delta), abs(side)
    shared = wad.mul_div_up(max(terms.premium, 0), part, whole) + wad.mul_up(2, price) + 1
    return Terms(
        wad.mul_div_up(terms.fee, part, whole) + 2,
        positions.to_grid_up(shared, positions.MONEY_UNIT),
    )


@dataclass(frozen=True)
class Meeting:
    """All admitted orders of one market and one price."""

    buys: int  # unsigned
    sells: int  # unsigned
    fee: int  # of the heavier side together
    premium: int  # of the heavier side together; a rebate, below zero, is what the reserve has
    price: int
    maker_fee: int


def meeting(
    buys: int, sells: int, skew: int, price: int, schedule: Schedule, reserve: int
) -> Meeting:
    """Return what admitted orders pay on this skew, with this much in the impact reserve."""
    net = buys - sells
    premium = premium_math.premium(skew, net, price, schedule.skew_scale, schedule.premium_cap)
    matched = min(buys, sells)
    fee = fee_math.trade_fee(skew, net, price, schedule.maker_fee, schedule.taker_fee)
    fee += wad.mul_div_up(matched * schedule.maker_fee, price, wad.WAD**2)
    return Meeting(buys, sells, fee, max(premium, -reserve), price, schedule.maker_fee)


def terms(meeting: Meeting, size_delta: int) -> Terms:
    """Return what one of the orders that meet pays."""
    part, is_buy = abs(size_delta), size_delta > 0
    if is_buy == (meeting.buys >= meeting.sells):
        whole = max(meeting.buys, meeting.sells)
        return Terms(
            wad.mul_div_up(meeting.fee, part, whole),
            positions.to_grid_up(
                wad.signed_mul_div_ceil(meeting.premium, part, whole), positions.MONEY_UNIT
            ),
        )
    return Terms(wad.mul_div_up(part * meeting.maker_fee, meeting.price, wad.WAD**2), 0)


def is_within_limit(size_delta: int, price: int, premium: int, limit_price: int) -> bool:
    """Tell whether a fill at a price, premium included, is no worse than the order's limit."""
    part = abs(size_delta)
    if size_delta > 0:
        return part * price + premium * wad.WAD <= part * limit_price
    return part * price - premium * wad.WAD >= part * limit_price
