"""What all positions of a market, and a share, are worth; twin of contracts/math/nav_math.vy.

Running sums of products (`cost_sum`, `entry_sum`) are never rounded: their unit is wad * wad.
"""

from clearway.spec import wad


def open_result_floor(skew: int, cost_sum: int, price: int) -> int:
    """Return the traders' gain at `price` in quote wad, rounded down."""
    return wad.signed_mul_div_floor(skew * price - cost_sum, 1, wad.WAD)


def time_due(
    long: int, short: int, index_long: int, index_short: int, entry_sum: int, price: int
) -> int:
    """Return what the traders owe together for time, in quote wad, rounded down."""
    due = growth(long, short, index_long, index_short, entry_sum)
    return wad.signed_mul_div_floor(due, price, wad.WAD**2)


def growth(long: int, short: int, index_long: int, index_short: int, entry_sum: int) -> int:
    """Return how far the indices went over all positions since each was settled; wad * wad."""
    return long * index_long + short * index_short - entry_sum


def slope(long: int, short: int, index_long: int, index_short: int, entry_sum: int) -> int:
    """Return how much more positions are worth to the vault for each unit of price; wad * wad."""
    grown = growth(long, short, index_long, index_short, entry_sum)
    return grown - (long - short) * wad.WAD


def worth_floor(slope: int, cost_sum: int, price: int) -> int:
    """Return what a market is worth to the vault at `price`; quote wad, rounded down."""
    return cost_sum + wad.signed_mul_div_floor(slope, price, wad.WAD**2)


def worth_ceil(slope: int, cost_sum: int, price: int) -> int:
    """Return the same, rounded up."""
    return cost_sum + wad.signed_mul_div_ceil(slope, price, wad.WAD**2)


def shares_down(
    assets: int, supply: int, nav: int, virtual_shares: int, virtual_assets: int
) -> int:
    return wad.mul_div_down(assets, supply + virtual_shares, nav + virtual_assets)


def shares_up(assets: int, supply: int, nav: int, virtual_shares: int, virtual_assets: int) -> int:
    return wad.mul_div_up(assets, supply + virtual_shares, nav + virtual_assets)


def assets_down(
    shares: int, supply: int, nav: int, virtual_shares: int, virtual_assets: int
) -> int:
    return wad.mul_div_down(shares, nav + virtual_assets, supply + virtual_shares)


def assets_up(shares: int, supply: int, nav: int, virtual_shares: int, virtual_assets: int) -> int:
    return wad.mul_div_up(shares, nav + virtual_assets, supply + virtual_shares)
