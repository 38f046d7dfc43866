# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title wad
@license AGPL-3.0-only
@notice Products and quotients whose rounding is in their name.
@dev A wad is a number with 18 decimals. Unsigned numbers round down or up; signed ones floor
     (towards minus infinity), ceil (towards plus infinity) or are truncated (towards zero).
     A product that doesn't fit its type reverts: 2^256 unsigned, 2^255 (5.7e76) signed. In the
     market it fits: sizes stay within 2^72 * 1e9 (4.7e30), prices within 1e30, and notionals
     within 1e36. So size * price stays within 1e54, and a third factor has room up to 5.7e22.
"""

WAD: constant(uint256) = 10**18
SIGNED_WAD: constant(int256) = 10**18


@internal
@pure
def _magnitude(x: int256) -> uint256:
    """
    @notice The absolute amount of `x`, in its unit; exact.
    @dev Not checked: with the sign's bits in all places, a number below zero is turned over and
         gets one more, and another stays. That of -2^255 is 2^255, which fits what is returned.
    """
    sign: int256 = x >> 255
    return convert(convert(unsafe_sub(x ^ sign, sign), bytes32), uint256)


@internal
@pure
def _mul_div_down(x: uint256, y: uint256, divisor: uint256) -> uint256:
    """
    @notice x * y / divisor, rounded down.
    @dev Needs x * y < 2^256 and a divisor above zero; so do all of these.
    """
    return x * y // divisor


@internal
@pure
def _mul_div_up(x: uint256, y: uint256, divisor: uint256) -> uint256:
    """
    @notice x * y / divisor, rounded up.
    @dev Not checked: a quotient times its divisor is no more than what was divided; and one more
         than a quotient fits, for where it is the largest number nothing remains.
    """
    product: uint256 = x * y
    quotient: uint256 = product // divisor
    return unsafe_add(quotient, convert(unsafe_mul(quotient, divisor) != product, uint256))


@internal
@pure
def _div_up(x: uint256, divisor: uint256) -> uint256:
    """
    @notice x / divisor, rounded up.
    @dev Not checked, as in `_mul_div_up`; the divisor is above zero.
    """
    quotient: uint256 = unsafe_div(x, divisor)
    return unsafe_add(quotient, convert(unsafe_mul(quotient, divisor) != x, uint256))


@internal
@pure
def _mul_down(x: uint256, y: uint256) -> uint256:
    """
    @notice The product of two wads, rounded down.
    """
    return unsafe_div(x * y, WAD)


@internal
@pure
def _mul_up(x: uint256, y: uint256) -> uint256:
    """
    @notice The product of two wads, rounded up.
    """
    return self._div_up(x * y, WAD)


@internal
@pure
def _signed_mul_div_floor(x: int256, y: int256, divisor: uint256) -> int256:
    """
    @notice x * y / divisor, rounded towards minus infinity.
    @dev Vyper truncates, so a quotient times its divisor is no larger in amount than what was
         divided, and no nearer to infinity than one more.
    """
    product: int256 = x * y
    signed_divisor: int256 = convert(divisor, int256)
    quotient: int256 = product // signed_divisor
    return quotient - (1 if unsafe_mul(quotient, signed_divisor) > product else 0)


@internal
@pure
def _signed_mul_div_ceil(x: int256, y: int256, divisor: uint256) -> int256:
    """
    @notice x * y / divisor, rounded towards plus infinity.
    """
    product: int256 = x * y
    signed_divisor: int256 = convert(divisor, int256)
    quotient: int256 = product // signed_divisor
    return quotient + (1 if unsafe_mul(quotient, signed_divisor) < product else 0)


@internal
@pure
def _signed_div_floor(x: int256, divisor: int256) -> int256:
    """
    @notice x / divisor, rounded towards minus infinity.
    @dev Not checked, as in `_signed_mul_div_floor`; the divisor is above zero.
    """
    quotient: int256 = unsafe_div(x, divisor)
    return unsafe_sub(quotient, convert(unsafe_mul(quotient, divisor) > x, int256))


@internal
@pure
def _signed_div_ceil(x: int256, divisor: int256) -> int256:
    """
    @notice x / divisor, rounded towards plus infinity.
    @dev Not checked, as in `_signed_mul_div_floor`; the divisor is above zero.
    """
    quotient: int256 = unsafe_div(x, divisor)
    return unsafe_add(quotient, convert(unsafe_mul(quotient, divisor) < x, int256))


@internal
@pure
def _signed_mul_div_truncated(x: int256, y: int256, divisor: uint256) -> int256:
    """
    @notice x * y / divisor, rounded towards zero: the same for both signs.
    """
    return x * y // convert(divisor, int256)


@internal
@pure
def _signed_mul_floor(x: int256, y: int256) -> int256:
    """
    @notice The product of two signed wads, rounded towards minus infinity.
    """
    return self._signed_mul_div_floor(x, y, WAD)


@internal
@pure
def _signed_mul_ceil(x: int256, y: int256) -> int256:
    """
    @notice The product of two signed wads, rounded towards plus infinity.
    """
    return self._signed_mul_div_ceil(x, y, WAD)
