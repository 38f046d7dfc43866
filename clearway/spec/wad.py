"""Products and quotients whose rounding is in their name; twin of contracts/math/wad.vy.

Python's `//` goes towards minus infinity, Vyper's towards zero. Python's integers have no end; the
contract reverts where a product passes 2^256, or leaves ±2^255 if signed.
"""

WAD = 10**18


def magnitude(x: int) -> int:
    return abs(x)


def mul_div_down(x: int, y: int, divisor: int) -> int:
    return x * y // divisor


def mul_div_up(x: int, y: int, divisor: int) -> int:
    return div_up(x * y, divisor)


def div_up(x: int, divisor: int) -> int:
    return -(-x // divisor)


def mul_down(x: int, y: int) -> int:
    return mul_div_down(x, y, WAD)


def mul_up(x: int, y: int) -> int:
    return mul_div_up(x, y, WAD)


def signed_mul_div_floor(x: int, y: int, divisor: int) -> int:
    return signed_div_floor(x * y, divisor)


def signed_mul_div_ceil(x: int, y: int, divisor: int) -> int:
    return signed_div_ceil(x * y, divisor)


def signed_div_floor(x: int, divisor: int) -> int:
    return x // divisor


def signed_div_ceil(x: int, divisor: int) -> int:
    return -(-x // divisor)


def signed_mul_div_truncated(x: int, y: int, divisor: int) -> int:
    """Divide towards zero, as Vyper's own division does."""
    quotient = abs(x * y) // divisor
    return quotient if x * y >= 0 else -quotient


def signed_mul_floor(x: int, y: int) -> int:
    return signed_mul_div_floor(x, y, WAD)


def signed_mul_ceil(x: int, y: int) -> int:
    return signed_mul_div_ceil(x, y, WAD)
