# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title nav_math
@license AGPL-3.0-only
@notice What all positions of a market are worth at a price, and what a share of the vault is.
@dev Each market keeps running sums of products that were never rounded (wad * wad), so that all
     its positions are valued at once, exactly, by one rounding at the end. Whoever changes a
     position changes skew and sums with it, by what it was and by what it is. The bounds of wad
     hold for the open interest of both sides together.
"""

from contracts.math import wad


@internal
@pure
def _open_result_floor(skew: int256, cost_sum: int256, price: uint256) -> int256:
    """
    @notice What the traders of a market would gain together by closing at `price`, without
            funding and fees; quote wad, floored.
    @dev The sum of size * (price - entry price) over all positions is skew * price - cost_sum.
    @param skew Base wad: the sum of sizes.
    @param cost_sum Wad * wad: the sum of size * entry price.
    @param price Quote per base, wad.
    """
    return wad._signed_mul_div_floor(skew * convert(price, int256) - cost_sum, 1, wad.WAD)


@internal
@pure
def _time_due(
    long: uint256,
    short: uint256,
    index_long: int256,
    index_short: int256,
    entry_sum: int256,
    price: uint256,
) -> int256:
    """
    @notice What the traders of a market owe together for time, the vault's gain above zero; quote
            wad, floored.
    @dev The sum of |size| * (index - entry) over all positions is
         long * index_long + short * index_short - entry_sum.
    @param index_long Wad: what the long side owes per notional, funding and borrowing.
    @param entry_sum Wad * wad: the sum of |size| * index at the last settlement.
    """
    return wad._signed_mul_div_floor(
        self._growth(long, short, index_long, index_short, entry_sum),
        convert(price, int256),
        wad.WAD * wad.WAD,
    )


@internal
@pure
def _growth(
    long: uint256, short: uint256, index_long: int256, index_short: int256, entry_sum: int256
) -> int256:
    """
    @notice How far the indices went over all positions since each was settled; wad * wad.
    """
    return convert(long, int256) * index_long + convert(short, int256) * index_short - entry_sum


@internal
@pure
def _slope(
    long: uint256, short: uint256, index_long: int256, index_short: int256, entry_sum: int256
) -> int256:
    """
    @notice How much more a market's positions are worth to the vault for each unit of its price;
            wad * wad.
    @dev Their worth is what they cost, and this times the price: what the traders owe for time is
         the growth times the price, and what they gain is the skew times the price, less the cost.
    """
    growth: int256 = self._growth(long, short, index_long, index_short, entry_sum)
    return growth - (convert(long, int256) - convert(short, int256)) * wad.SIGNED_WAD


@internal
@pure
def _worth_floor(slope: int256, cost_sum: int256, price: uint256) -> int256:
    """
    @notice What a market's positions are worth to the vault at `price`; quote wad, floored: for
            who leaves it.
    @param cost_sum Quote wad: the sum of size * entry price.
    """
    return cost_sum + wad._signed_mul_div_floor(slope, convert(price, int256), wad.WAD * wad.WAD)


@internal
@pure
def _worth_ceil(slope: int256, cost_sum: int256, price: uint256) -> int256:
    """
    @notice The same, ceiled: for who enters the vault.
    """
    return cost_sum + wad._signed_mul_div_ceil(slope, convert(price, int256), wad.WAD * wad.WAD)


@internal
@pure
def _shares_down(
    assets: uint256, supply: uint256, nav: uint256, virtual_shares: uint256, virtual_assets: uint256
) -> uint256:
    """
    @notice The shares that `assets` are worth, rounded down: for who brings the assets.
    @dev assets * (supply + virtual_shares) / (nav + virtual_assets). The virtual ones belong to
         nobody; who inflates the price of a share by a gift gives most of it to them.
    @param assets Quote wad.
    @param supply Shares.
    @param nav Quote wad.
    @param virtual_shares Shares.
    @param virtual_assets Quote wad; nav + virtual_assets must be above zero.
    """
    return wad._mul_div_down(assets, supply + virtual_shares, nav + virtual_assets)


@internal
@pure
def _shares_up(
    assets: uint256, supply: uint256, nav: uint256, virtual_shares: uint256, virtual_assets: uint256
) -> uint256:
    """
    @notice The same, rounded up: for who takes the assets.
    """
    return wad._mul_div_up(assets, supply + virtual_shares, nav + virtual_assets)


@internal
@pure
def _assets_down(
    shares: uint256, supply: uint256, nav: uint256, virtual_shares: uint256, virtual_assets: uint256
) -> uint256:
    """
    @notice The assets that `shares` are worth; quote wad, rounded down: for who gives the shares.
    @dev Needs supply + virtual_shares above zero.
    """
    return wad._mul_div_down(shares, nav + virtual_assets, supply + virtual_shares)


@internal
@pure
def _assets_up(
    shares: uint256, supply: uint256, nav: uint256, virtual_shares: uint256, virtual_assets: uint256
) -> uint256:
    """
    @notice The same, rounded up: for who asks for the shares.
    """
    return wad._mul_div_up(shares, nav + virtual_assets, supply + virtual_shares)
