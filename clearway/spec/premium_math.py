"""What a trade pays for the skew it makes; twin of contracts/math/premium_math.vy."""

from clearway.spec import wad


def potential(skew: int, scale: int, cap: int) -> int:
    """Return the area under the marginal premium min(|skew|, cap) / scale; base wad, down."""
    size = abs(skew)
    if size <= cap:
        return size**2 // (2 * scale)
    return (2 * cap * size - cap**2) // (2 * scale)


def premium(skew: int, size_delta: int, price: int, scale: int, cap: int) -> int:
    """Return what the trade pays, in quote wad; below zero it is paid."""
    change = potential(skew + size_delta, scale, cap) - potential(skew, scale, cap)
    return wad.signed_mul_ceil(change, price)
