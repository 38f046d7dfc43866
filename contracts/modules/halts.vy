# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title halts
@license AGPL-3.0-only
@notice Knows what was seen that halts the taking of risk: a clock that lags, a price off another.
@dev All of it is one word, for each order that may add risk reads it.
"""

MARKETS: constant(uint256) = 32  # those below have a place each
COLLATERAL: constant(uint256) = MARKETS  # the place of the collateral's price
TIME_BITS: constant(uint256) = 32
TIME_MASK: constant(uint256) = 2**TIME_BITS - 1

# From the lowest bit up: the time of the newest report that was stored while too far ahead of the
# chain's clock, which showed that clock to lag (32 bits); a bit for each place, set while its price
# is off.
_halts: uint256


@internal
@view
def _lead_until() -> uint256:
    return self._halts & TIME_MASK


@internal
@view
def _is_off(place: uint256) -> bool:
    return (self._halts >> TIME_BITS) >> place & 1 == 1


@internal
def _see_lead(observed_at: uint256) -> bool:
    """
    @notice Remember a report from ahead of the clock; whether it is the newest such one.
    @dev `observed_at` has to fit 32 bits, as it has to in the words of prices.
    """
    word: uint256 = self._halts
    if observed_at <= word & TIME_MASK:
        return False
    self._halts = (word & ~TIME_MASK) | observed_at
    return True


@internal
def _set_off(place: uint256, is_off: bool) -> bool:
    """
    @notice Note whether the price of a place is off; whether that is news.
    """
    word: uint256 = self._halts
    bit: uint256 = 1 << (TIME_BITS + place)
    noted: uint256 = word | bit if is_off else word & ~bit
    if noted == word:
        return False
    self._halts = noted
    return True
