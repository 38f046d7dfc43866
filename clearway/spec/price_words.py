"""How four prices and a time lie in one word; twin of contracts/math/price_words.vy.

From the highest bit down: four lanes of 56 bits, then 32 bits of time. A lane is mantissa (40),
exponent (8), confidence (8): price = mantissa * 10^exponent wad.
"""

from clearway.spec.refused import Refused, require

LANES = 4
LANE_BITS = 56
TIME_BITS = 32
HIGHEST_EXPONENT = 24
LOWEST_PRICE = 10**6  # wad
HIGHEST_PRICE = 10**30  # wad
WIDE = 255
BASIS_POINT = 10**14  # wad ratio


def time_of(word: int) -> int:
    """Return the time in a stored word; in a report's word, the board's number."""
    return word % (1 << TIME_BITS)


def with_time(word: int, observed_at: int) -> int:
    """Return the word with its time replaced."""
    return word - time_of(word) + observed_at


def lane_of(word: int, lane: int) -> int:
    """Return one of the four lanes."""
    return word >> (TIME_BITS + LANE_BITS * (LANES - 1 - lane)) & ((1 << LANE_BITS) - 1)


def has_price(lane: int) -> bool:
    """Tell whether a lane holds a price at all."""
    return lane >> 16 != 0


def is_wide(lane: int) -> bool:
    """Tell whether the publishers themselves don't trust the price."""
    return lane % 256 == WIDE


def price_of(lane: int) -> int:
    """Return a lane's price, wad."""
    exponent = lane >> 8 & 255
    require(exponent <= HIGHEST_EXPONENT, "price out of bounds")
    price: int = (lane >> 16) * 10**exponent
    require(LOWEST_PRICE <= price <= HIGHEST_PRICE, "price out of bounds")
    return price


def is_in_bounds(lane: int) -> bool:
    """Tell whether `price_of` would give a price."""
    try:
        price_of(lane)
    except Refused:
        return False
    return True


def confidence_of(lane: int) -> int:
    """Return how far the truth may be from the price; a wad ratio of it."""
    return lane % 256 * BASIS_POINT


def is_sound(word: int, number: int) -> bool:
    """Tell whether `sound_price` would give a price."""
    try:
        sound_price(word, number)
    except Refused:
        return False
    return True


def sound_price(word: int, number: int) -> int:
    """Return the price in a lane, wad; refuse if there is none, or one that nobody trusts."""
    lane = lane_of(word, number)
    require(has_price(lane), "no price")
    require(not is_wide(lane), "price too wide")
    return price_of(lane)
