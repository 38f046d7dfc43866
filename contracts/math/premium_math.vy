# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title premium_math
@license AGPL-3.0-only
@notice What a trade pays for the skew it makes, or is paid for the skew it takes away.
@dev A marginal unit at skew k has the premium k / scale, as a share of the price, held within
     -cap / scale and cap / scale. A trade pays the area under that line between the skew before
     and after, so the price of a way depends on its ends alone.
"""

from contracts.math import wad


@internal
@pure
def _potential(skew: int256, scale: uint256, cap: uint256) -> uint256:
    """
    @notice The area under the marginal premium from no skew to `skew`; base wad, rounded down.
    @dev With k = |skew|: k^2 / (2 scale) up to the cap, then (2 cap k - cap^2) / (2 scale). With
         m = min(k, cap) both are m (2k - m) / (2 scale). As a function of the skew alone it
         telescopes when rounded: what one trade gains by the rounding, the way back repays.
         Not checked: twice the product of two sizes, which are below 2^108.
    @param skew Base wad.
    @param scale Base wad above zero: the skew at which the premium would be the whole price.
    @param cap Base wad, at most `scale`: the skew beyond which the marginal premium stays.
    """
    size: uint256 = wad._magnitude(skew)
    capped: uint256 = min(size, cap)
    return unsafe_mul(capped, unsafe_sub(unsafe_mul(2, size), capped)) // unsafe_mul(2, scale)


@internal
@pure
def _premium(
    skew: int256, size_delta: int256, price: uint256, scale: uint256, cap: uint256
) -> int256:
    """
    @notice The premium of a trade; quote wad, the trader's cost above zero, ceiled.
    @dev price * (potential after - potential before). A potential is no larger than its skew, so
         the product is no larger than a notional in wad * wad, and is not checked.
    @param skew Base wad, before the trade.
    @param size_delta Base wad; above zero buys.
    @param price Quote per base, wad.
    """
    before: uint256 = self._potential(skew, scale, cap)
    after: uint256 = self._potential(unsafe_add(skew, size_delta), scale, cap)
    change: int256 = convert(convert(unsafe_sub(after, before), bytes32), int256)
    paid: int256 = unsafe_mul(change, convert(convert(price, bytes32), int256))
    return wad._signed_div_ceil(paid, wad.SIGNED_WAD)
