"""Who makes, who takes, and what either pays; twin of contracts/math/fee_math.vy."""

from clearway.spec import wad


def maker_size(skew: int, size_delta: int) -> int:
    """Return the part of a trade that brings the skew towards zero, in base wad."""
    reduces_skew = skew * size_delta < 0
    return min(abs(skew), abs(size_delta)) if reduces_skew else 0


def trade_fee(skew: int, size_delta: int, price: int, maker_fee: int, taker_fee: int) -> int:
    """Return the fee in quote wad, rounded up."""
    making = maker_size(skew, size_delta)
    taking = abs(size_delta) - making
    return wad.mul_div_up(making * maker_fee + taking * taker_fee, price, wad.WAD**2)
