# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title fee_math
@license AGPL-3.0-only
@notice Who makes, who takes, and what either pays.
"""

from contracts.math import wad


@internal
@pure
def _maker_size(skew: int256, size_delta: int256) -> uint256:
    """
    @notice The part of a trade that brings the skew towards zero; base wad, exact.
    @dev A trade that goes through zero makes up to zero and takes beyond it; at zero there is
         nothing to make.
    @param skew Base wad, before the trade.
    @param size_delta Base wad; above zero buys.
    """
    if (skew > 0) == (size_delta > 0):
        return 0
    return min(wad._magnitude(skew), wad._magnitude(size_delta))


@internal
@pure
def _trade_fee(
    skew: int256, size_delta: int256, price: uint256, maker_fee: uint256, taker_fee: uint256
) -> uint256:
    """
    @notice The fee of a trade; quote wad, rounded up once.
    @dev (making * maker_fee + taking * taker_fee) * price. With fees up to WAD the product stays
         within 1e72, as a notional of at most 1e36 gives size * price <= 1e54.
         Not checked: what is made is a part of the size, which is below 2^108.
    @param price Quote per base, wad.
    @param maker_fee Share of the notional, wad.
    @param taker_fee Share of the notional, wad.
    """
    making: uint256 = self._maker_size(skew, size_delta)
    taking: uint256 = unsafe_sub(wad._magnitude(size_delta), making)
    fees: uint256 = unsafe_add(unsafe_mul(making, maker_fee), unsafe_mul(taking, taker_fee))
    return wad._div_up(fees * price, wad.WAD * wad.WAD)
