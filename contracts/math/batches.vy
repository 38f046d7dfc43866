# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title batches
@license AGPL-3.0-only
@notice What the orders of one market that meet at one price pay; sizes base wad, money quote wad,
        premiums on the grid of money.
@dev Buys and sells meet at the index price. Only their difference, the net, moves the skew; its
     premium is shared by the heavier side in proportion to size, and the lighter side pays none.

     Not checked, where it says so: a fee of many was divided by a wad's square and is below 2^137,
     a premium below 2^150, and a size below 2^102; or below 2^108, with all of one side.
"""

from contracts.math import fee_math
from contracts.math import positions
from contracts.math import premium_math
from contracts.math import wad

struct Schedule:
    skew_scale: uint256  # base wad
    premium_cap: uint256  # base wad, at most the scale
    maker_fee: uint256  # wad ratio, at most the taker's
    taker_fee: uint256  # wad ratio


struct Terms:
    fee: uint256
    premium: int256  # below zero it is a rebate


struct Meeting:
    buys: uint256
    sells: uint256
    fee: uint256  # of the heavier side together
    premium: int256  # of the heavier side together; a rebate is what the reserve has
    price: uint256
    maker_fee: uint256


@internal
@pure
def _side_terms(side: int256, skew: int256, price: uint256, schedule: Schedule) -> Terms:
    """
    @notice What all orders of one side pay together if they meet nobody.
    @param side Base wad: the sum of their sizes.
    """
    return Terms(
        fee=fee_math._trade_fee(skew, side, price, schedule.maker_fee, schedule.taker_fee),
        premium=premium_math._premium(
            skew, side, price, schedule.skew_scale, schedule.premium_cap
        ),
    )


@internal
@pure
def _dearest_share(terms: Terms, size_delta: int256, side: int256, price: uint256) -> Terms:
    """
    @notice What one order of a side that meets nobody pays: the worst of all.
    @dev A rebate counts as nothing, for the other side may take it away and the reserve be empty.
         The last units are what the roundings of a meeting may add: its fee is a sum of two and is
         shared, the potential is floored on both sides of a price, and its premium is shared too.
         Not checked: a premium or a fee times a size.
    """
    part: uint256 = wad._magnitude(size_delta)
    whole: uint256 = wad._magnitude(side)
    shared: uint256 = 0
    if terms.premium > 0:
        premium: uint256 = convert(convert(terms.premium, bytes32), uint256)
        shared = wad._div_up(unsafe_mul(premium, part), whole)
    shared = unsafe_add(shared, unsafe_add(wad._div_up(unsafe_mul(2, price), wad.WAD), 1))
    return Terms(
        fee=unsafe_add(wad._div_up(unsafe_mul(terms.fee, part), whole), 2),
        premium=positions._to_grid_up(
            convert(convert(shared, bytes32), int256), positions.MONEY_UNIT
        ),
    )


@internal
@pure
def _meeting(
    buys: uint256,
    sells: uint256,
    skew: int256,
    price: uint256,
    schedule: Schedule,
    reserve: uint256,
) -> Meeting:
    """
    @notice What admitted buys and sells pay on this skew, with this much in the impact reserve.
    @dev Not checked: a size times a share of its worth.
    """
    net: int256 = convert(convert(unsafe_sub(buys, sells), bytes32), int256)
    premium: int256 = premium_math._premium(
        skew, net, price, schedule.skew_scale, schedule.premium_cap
    )
    fee: uint256 = fee_math._trade_fee(
        skew, net, price, schedule.maker_fee, schedule.taker_fee
    )
    making: uint256 = unsafe_mul(min(buys, sells), schedule.maker_fee)
    fee = unsafe_add(fee, wad._div_up(making * price, wad.WAD * wad.WAD))
    return Meeting(
        buys=buys,
        sells=sells,
        fee=fee,
        premium=max(premium, unsafe_sub(0, convert(convert(reserve, bytes32), int256))),
        price=price,
        maker_fee=schedule.maker_fee,
    )


@internal
@pure
def _terms(meeting: Meeting, size_delta: int256) -> Terms:
    """
    @notice What one of the orders that meet pays.
    @dev Not checked: a premium or a fee times a size.
    """
    part: uint256 = wad._magnitude(size_delta)
    if (size_delta > 0) == (meeting.buys >= meeting.sells):
        whole: uint256 = max(meeting.buys, meeting.sells)
        return Terms(
            fee=wad._div_up(unsafe_mul(meeting.fee, part), whole),
            premium=positions._to_grid_up(
                wad._signed_div_ceil(
                    unsafe_mul(meeting.premium, convert(convert(part, bytes32), int256)),
                    convert(convert(whole, bytes32), int256),
                ),
                positions.MONEY_UNIT,
            ),
        )
    making: uint256 = unsafe_mul(part, meeting.maker_fee)
    return Terms(fee=wad._div_up(making * meeting.price, wad.WAD * wad.WAD), premium=0)


@internal
@pure
def _is_within_limit(
    size_delta: int256, price: uint256, premium: int256, limit_price: uint256
) -> bool:
    """
    @notice Whether a fill at a price, premium included, is no worse than the order's limit.
    @dev By how much the limit is worse than the price, times the size, whose sign turns it for a
         sale, is the most that the premium may be. Not checked: a size times a price, and a premium
         times a wad.
    """
    better: int256 = convert(convert(unsafe_sub(limit_price, price), bytes32), int256)
    return unsafe_mul(size_delta, better) >= unsafe_mul(premium, wad.SIGNED_WAD)
