# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title price_words
@license AGPL-3.0-only
@notice Knows how four prices and a time lie in one word.
@dev From the highest bit down: four lanes of 56 bits, lane 0 first, then 32 bits of time.
     A lane is mantissa (40 bits), exponent (8), confidence (8): price = mantissa * 10^exponent wad.
     A mantissa of zero is no price. Confidence counts hundredths of a percent of the price.
"""

LANES: constant(uint256) = 4
LANE_BITS: constant(uint256) = 56
TIME_BITS: constant(uint256) = 32
TIME_MASK: constant(uint256) = 2**32 - 1
HIGHEST_EXPONENT: constant(uint256) = 24
LOWEST_PRICE: constant(uint256) = 10**6  # wad: a millionth of a millionth
HIGHEST_PRICE: constant(uint256) = 10**30  # wad: a million million
WIDE: constant(uint256) = 255  # the confidence of a price that publishers themselves don't trust
BASIS_POINT: constant(uint256) = 10**14  # wad ratio


@internal
@pure
def _time_of(word: uint256) -> uint256:
    return word & TIME_MASK


@internal
@pure
def _with_time(word: uint256, observed_at: uint256) -> uint256:
    """
    @notice The word with the low 32 bits replaced; `observed_at` has to fit them.
    """
    return (word & ~TIME_MASK) | observed_at


@internal
@pure
def _lane_of(word: uint256, lane: uint256) -> uint256:
    return (word >> (TIME_BITS + LANE_BITS * (LANES - 1 - lane))) & (2**LANE_BITS - 1)


@internal
@pure
def _has_price(lane: uint256) -> bool:
    return lane >> 16 != 0


@internal
@pure
def _is_wide(lane: uint256) -> bool:
    return lane & 255 == WIDE


@internal
@pure
def _price_of(lane: uint256) -> uint256:
    """
    @notice The price, wad, within [LOWEST_PRICE, HIGHEST_PRICE] or refused.
    """
    exponent: uint256 = (lane >> 8) & 255
    assert exponent <= HIGHEST_EXPONENT, "price out of bounds"
    price: uint256 = (lane >> 16) * 10**exponent
    assert price >= LOWEST_PRICE and price <= HIGHEST_PRICE, "price out of bounds"
    return price


@internal
@pure
def _is_in_bounds(lane: uint256) -> bool:
    """
    @notice Whether `_price_of` would give a price.
    """
    exponent: uint256 = (lane >> 8) & 255
    if exponent > HIGHEST_EXPONENT:
        return False
    price: uint256 = (lane >> 16) * 10**exponent
    return price >= LOWEST_PRICE and price <= HIGHEST_PRICE


@internal
@pure
def _confidence_of(lane: uint256) -> uint256:
    """
    @notice How far the truth may be from the price; a wad ratio of it.
    """
    return (lane & 255) * BASIS_POINT


@internal
@pure
def _is_sound(word: uint256, number: uint256) -> bool:
    """
    @notice Whether `_sound_price` would give a price.
    """
    lane: uint256 = self._lane_of(word, number)
    return not self._is_wide(lane) and self._is_in_bounds(lane)


@internal
@pure
def _sound_price(word: uint256, number: uint256) -> uint256:
    """
    @notice The price in a lane, wad; refused if there is none, or one its publishers don't trust.
    """
    lane: uint256 = self._lane_of(word, number)
    assert self._has_price(lane), "no price"
    assert not self._is_wide(lane), "price too wide"
    return self._price_of(lane)
