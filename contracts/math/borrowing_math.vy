# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title borrowing_math
@license AGPL-3.0-only
@notice What the heavier side pays for the vault's capital that it puts at risk.
"""

from contracts.math import wad

DAY: constant(uint256) = 86_400  # seconds
AT_RISK_UNIT: constant(uint256) = 10**14  # quote wad: the grid of capital at risk


@internal
@pure
def _utilisation(at_risk: uint256, capital: uint256) -> uint256:
    """
    @notice The share of the capital that is at risk, at most WAD; wad, rounded up.
    @dev Risk with no capital behind it uses all there is; no risk uses none.
         Not checked: what is at risk is below 2^150, and here less than the capital.
    @param at_risk Quote wad.
    @param capital Quote wad.
    """
    if at_risk >= capital:
        return wad.WAD if at_risk > 0 else 0
    return wad._div_up(unsafe_mul(at_risk, wad.WAD), capital)


@internal
@pure
def _least_capital(at_risk: uint256, most: uint256) -> uint256:
    """
    @notice The least capital at which no more than a share `most` of it is at risk; quote wad,
            rounded up.
    @dev utilisation(at_risk, c) <= most holds from c = at_risk * WAD / most on. Where nothing may
         be at risk and something is, no capital is enough.
    """
    if at_risk == 0:
        return 0
    if most == 0:
        return max_value(uint256)
    return wad._mul_div_up(at_risk, wad.WAD, most)


@internal
@pure
def _borrowing_rate(
    utilisation: uint256, kink: uint256, rate_at_kink: uint256, rate_at_full: uint256
) -> uint256:
    """
    @notice The rate for a utilisation; wad per day, rounded up. Two straight lines: from zero to
            `rate_at_kink`, and on to `rate_at_full` at a utilisation of WAD, where it stays.
    @dev Not checked: neither line falls, and a rate is below 2^64.
    @param kink Wad, above zero and at most WAD.
    @param rate_at_kink Wad per day, at most `rate_at_full`; so the rate never falls.
    @param rate_at_full Wad per day.
    """
    used: uint256 = min(utilisation, wad.WAD)
    if used <= kink:
        return wad._div_up(unsafe_mul(rate_at_kink, used), kink)
    rise: uint256 = unsafe_sub(rate_at_full, rate_at_kink)
    risen: uint256 = unsafe_mul(rise, unsafe_sub(used, kink))
    return unsafe_add(rate_at_kink, wad._div_up(risen, unsafe_sub(wad.WAD, kink)))


@internal
@pure
def _borrow_growth(rate: uint256, elapsed: uint256) -> uint256:
    """
    @notice What `elapsed` seconds at `rate` (wad per day) add to the index; wad, rounded up.
    @dev Not checked: a rate is below 2^64, a time below 2^33.
    """
    return wad._div_up(unsafe_mul(rate, elapsed), DAY)
