# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title parameter_words
@license AGPL-3.0-only
@notice Knows how parameters lie in words, their grids and their hard bounds.
@dev Two words a market, one for the pool. A value off its grid is refused, not rounded.
"""

from interfaces import IPerpetualMarket

WAD: constant(uint256) = 10**18
SIZE_GRID: constant(uint256) = 10**12  # base wad
FEE_GRID: constant(uint256) = 10**11
RATIO_GRID: constant(uint256) = 10**14
RATE_GRID: constant(uint256) = 10**12
NOTIONAL_GRID: constant(uint256) = 10 * 10**18

MOST_FEE: constant(uint256) = 10**16  # 1 %
MOST_VELOCITY: constant(uint256) = 100 * 10**18  # per day^2
MOST_FUNDING: constant(uint256) = 3 * 10**17  # per day
MOST_BORROWING: constant(uint256) = 2 * 10**15  # per day
LEAST_INITIAL: constant(uint256) = 10**16  # leverage up to 100
MOST_SLOPE: constant(uint256) = 10**12 - 1  # a millionth per quote
MOST_SIZE: constant(uint256) = 10**27  # base wad

@internal
@pure
def _pack(p: IPerpetualMarket.Parameters) -> (uint256, uint256):
    """
    @notice A market's parameters in two words; each within its bounds and on its grid.
    """
    assert p.skew_scale > 0 and p.skew_scale <= MOST_SIZE, "skew scale out of range"
    assert p.premium_cap > 0 and p.premium_cap <= p.skew_scale, "premium cap out of range"
    assert p.max_skew <= p.premium_cap, "max skew over premium cap"
    assert p.max_open_interest <= MOST_SIZE, "max open interest out of range"
    assert p.maker_fee <= p.taker_fee and p.taker_fee <= MOST_FEE, "fees out of range"
    assert p.max_velocity <= MOST_VELOCITY, "velocity out of range"
    assert p.funding_cap > 0 and p.funding_cap <= MOST_FUNDING, "funding cap out of range"
    assert p.initial_ratio >= LEAST_INITIAL and p.initial_ratio <= WAD, "initial ratio out of range"
    # A premium that margin may not cover would be taken by opening both sides and closing one.
    dearest: uint256 = p.premium_cap * WAD // p.skew_scale + p.taker_fee
    assert dearest <= p.maintenance_ratio, "premium over maintenance"
    assert 4 * p.maintenance_ratio <= 3 * p.initial_ratio, "maintenance too near initial"
    assert p.maintenance_ratio > 0, "maintenance ratio is zero"
    assert p.initial_slope <= MOST_SLOPE, "slope out of range"
    assert p.maintenance_slope <= p.initial_slope, "maintenance slope over initial"
    assert p.profit_ratio <= WAD, "profit ratio out of range"
    assert p.min_notional > 0 and p.min_notional <= 255 * NOTIONAL_GRID, "min notional out of range"
    assert p.risk_weight > 0 and p.risk_weight <= WAD, "risk weight out of range"
    first: uint256 = (
        self._on_grid(p.skew_scale, SIZE_GRID)
        | self._on_grid(p.premium_cap, SIZE_GRID) << 64
        | self._on_grid(p.taker_fee, FEE_GRID) << 128
        | self._on_grid(p.maker_fee, FEE_GRID) << 148
        | self._on_grid(p.initial_ratio, RATIO_GRID) << 168
        | self._on_grid(p.maintenance_ratio, RATIO_GRID) << 184
        | self._on_grid(p.profit_ratio, RATIO_GRID) << 200
        | self._on_grid(p.risk_weight, RATIO_GRID) << 216
        | self._on_grid(p.min_notional, NOTIONAL_GRID) << 232
    )
    second: uint256 = (
        self._on_grid(p.max_velocity, RATE_GRID)
        | self._on_grid(p.funding_cap, RATE_GRID) << 32
        | p.initial_slope << 56
        | p.maintenance_slope << 96
        | self._on_grid(p.max_open_interest, SIZE_GRID) << 136
        | self._on_grid(p.max_skew, SIZE_GRID) << 192
    )
    return first, second


@internal
@pure
def _on_grid(x: uint256, grid: uint256) -> uint256:
    assert x % grid == 0, "parameter off its grid"
    return x // grid


@internal
@pure
def _unpack(first: uint256, second: uint256) -> IPerpetualMarket.Parameters:
    return IPerpetualMarket.Parameters(
skew_scale=(first & (2**64 - 1)) * SIZE_GRID,
        premium_cap=((first >> 64) & (2**64 - 1)) * SIZE_GRID,
        maker_fee=((first >> 148) & (2**20 - 1)) * FEE_GRID,
        taker_fee=((first >> 128) & (2**20 - 1)) * FEE_GRID,
        max_velocity=(second & (2**32 - 1)) * RATE_GRID,
        funding_cap=((second >> 32) & (2**24 - 1)) * RATE_GRID,
        initial_ratio=((first >> 168) & (2**16 - 1)) * RATIO_GRID,
        initial_slope=(second >> 56) & (2**40 - 1),
        maintenance_ratio=((first >> 184) & (2**16 - 1)) * RATIO_GRID,
        maintenance_slope=(second >> 96) & (2**40 - 1),
        profit_ratio=((first >> 200) & (2**16 - 1)) * RATIO_GRID,
        max_open_interest=((second >> 136) & (2**56 - 1)) * SIZE_GRID,
        max_skew=((second >> 192) & (2**64 - 1)) * SIZE_GRID,
        min_notional=((first >> 232) & 255) * NOTIONAL_GRID,
        risk_weight=((first >> 216) & (2**16 - 1)) * RATIO_GRID,
    )


@internal
@pure
def _pack_pool(p: IPerpetualMarket.PoolParameters) -> uint256:
    """
    @notice The pool's parameters in one word; each within its bounds and on its grid.
    """
    assert p.kink > 0 and p.kink < WAD, "kink out of range"
    assert p.rate_at_kink <= p.rate_at_full, "borrowing rates out of order"
    assert p.rate_at_full <= MOST_BORROWING, "borrowing rate out of range"
    assert p.max_utilisation <= WAD, "utilisation out of range"
    assert p.insurance_share <= WAD, "insurance share out of range"
    return (
        self._on_grid(p.kink, RATIO_GRID)
        | self._on_grid(p.max_utilisation, RATIO_GRID) << 16
        | self._on_grid(p.insurance_share, RATIO_GRID) << 32
        | p.rate_at_kink << 64
        | p.rate_at_full << 128
    )


@internal
@pure
def _unpack_pool(word: uint256) -> IPerpetualMarket.PoolParameters:
    return IPerpetualMarket.PoolParameters(
kink=(word & (2**16 - 1)) * RATIO_GRID,
        rate_at_kink=(word >> 64) & (2**64 - 1),
        rate_at_full=word >> 128,
        max_utilisation=((word >> 16) & (2**16 - 1)) * RATIO_GRID,
        insurance_share=((word >> 32) & (2**16 - 1)) * RATIO_GRID,
    )
