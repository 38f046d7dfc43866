# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title insurance
@license AGPL-3.0-only
@notice Knows how much each market's insurance paid today; the balances lie in `book`.
@dev A day is a calendar day of 86,400 seconds since 1970.
"""

from contracts.math import positions

DAY: constant(uint256) = 86_400  # seconds

_paid: HashMap[uint256, uint256]  # by market: quote wad 224, the day 32


@internal
@view
def _left_today(market: uint256, limit: uint256) -> uint256:
    """
    @notice What of a market's daily limit isn't used; quote wad.
    """
    word: uint256 = self._paid[market]
    if word & (2**32 - 1) != block.timestamp // DAY:
        return limit
    return limit - min(word >> 32, limit)


@internal
def _draw(market: uint256, balance: uint256, limit: uint256, wanted: uint256) -> uint256:
    """
    @notice How much of `wanted` a market's insurance pays, on the grid of money; it is noted as
            paid.
    """
    left: uint256 = self._left_today(market, limit)
    paid: uint256 = min(min(wanted, balance), left)
    paid -= paid % positions.MONEY_UNIT
    if paid > 0:
        # What was used is the limit less what is left, unless the limit was lowered meanwhile.
        self._paid[market] = (limit - left + paid) << 32 | block.timestamp // DAY
    return paid
