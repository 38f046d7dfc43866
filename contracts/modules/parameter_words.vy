# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title parameter_words
@license AGPL-3.0-only
@notice Knows how parameters lie in words, their grids and their hard bounds.
@dev Two words a market, one for the pool. The first prices trades and time, the second margins
     and limits. A value off its grid is refused, not rounded. The pool's word leaves its highest 32
     bits to `parameters`, which has a bit there for each listed market.

     Who needs a few of them is handed the word, and takes them out of it. Not checked there: a field
     has at most 56 bits and a grid at most 2^70.
"""

from contracts.math import wad
from interfaces import IPerpetualMarket
from contracts.math import batches

WAD: constant(uint256) = 10**18
SIZE_GRID: constant(uint256) = 10**12  # base wad
FEE_GRID: constant(uint256) = 10**11
RATIO_GRID: constant(uint256) = 10**14
RATE_GRID: constant(uint256) = 10**12
NOTIONAL_GRID: constant(uint256) = 10 * 10**18
LIMIT_GRID: constant(uint256) = 1_000 * 10**18
COST_GRID: constant(uint256) = 10**16
BORROWING_GRID: constant(uint256) = 10**6
RETIRED: constant(uint256) = 1 << 255  # in a market's first word
LISTED: constant(uint256) = 224  # in the pool's word, the first bit of the listed markets

MOST_FEE: constant(uint256) = 10**16  # 1 %
MOST_VELOCITY: constant(uint256) = 100 * 10**18  # per day^2
MOST_FUNDING: constant(uint256) = 3 * 10**17  # per day
MOST_BORROWING: constant(uint256) = 2 * 10**15  # per day
LEAST_INITIAL: constant(uint256) = 10**16  # leverage up to 100
MOST_SLOPE: constant(uint256) = 10**12 - 1  # a millionth per quote
MOST_SIZE: constant(uint256) = 10**27  # base wad
LEAST_BUFFER: constant(uint256) = 10**16
LEAST_UTILISATION: constant(uint256) = 10**17  # who leaves is held back by ten times the risk at most
MOST_COST: constant(uint256) = 100 * 10**18  # quote wad


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
    # A premium that margin may not cover would be taken by opening both sides and closing one; or
    # by being liquidated, which takes the penalty first.
    dearest: uint256 = (
        wad._mul_div_up(p.premium_cap, WAD, p.skew_scale) + p.taker_fee + p.penalty_ratio
    )
    assert dearest <= p.maintenance_ratio, "premium over maintenance"
    assert 4 * p.maintenance_ratio <= 3 * p.initial_ratio, "maintenance too near initial"
    assert p.initial_slope <= MOST_SLOPE, "slope out of range"
    assert p.maintenance_slope <= p.initial_slope, "maintenance slope over initial"
    assert p.profit_ratio <= WAD, "profit ratio out of range"
    assert p.min_notional > 0 and p.min_notional <= 255 * NOTIONAL_GRID, "min notional out of range"
    assert p.risk_weight > 0 and p.risk_weight <= WAD, "risk weight out of range"
    # Closing must free more margin than its penalty takes, which is shared out in proportion.
    assert p.penalty_ratio > 0, "penalty ratio is zero"
    assert 2 * p.penalty_ratio <= p.maintenance_ratio, "penalty over half of maintenance"
    first: uint256 = (
        self._on_grid(p.skew_scale, SIZE_GRID)
        | self._on_grid(p.premium_cap, SIZE_GRID) << 56
        | self._on_grid(p.taker_fee, FEE_GRID) << 112
        | self._on_grid(p.maker_fee, FEE_GRID) << 132
        | self._on_grid(p.max_velocity, RATE_GRID) << 152
        | self._on_grid(p.funding_cap, RATE_GRID) << 184
        | self._on_grid(p.risk_weight, RATIO_GRID) << 208
        | self._on_grid(p.min_notional, NOTIONAL_GRID) << 224
    )
    assert p.insurance_limit < 2**16 * LIMIT_GRID, "insurance limit out of range"
    second: uint256 = (
        self._on_grid(p.initial_ratio, RATIO_GRID)
        | self._on_grid(p.maintenance_ratio, RATIO_GRID) << 16
        | self._on_grid(p.profit_ratio, RATIO_GRID) << 32
        | p.initial_slope << 48
        | p.maintenance_slope << 88
        | self._on_grid(p.max_open_interest, SIZE_GRID) << 128
        | self._on_grid(p.max_skew, SIZE_GRID) << 178
        | self._on_grid(p.penalty_ratio, RATIO_GRID) << 228
        | self._on_grid(p.insurance_limit, LIMIT_GRID) << 240
    )
    return first, second


@internal
@pure
def _check(p: IPerpetualMarket.Parameters):
    """
    @notice Require what `_pack` requires.
    """
    words: (uint256, uint256) = self._pack(p)


@internal
@pure
def _on_grid(x: uint256, grid: uint256) -> uint256:
    assert x % grid == 0, "parameter off its grid"
    return x // grid


@internal
@pure
def _unpack(first: uint256, second: uint256) -> IPerpetualMarket.Parameters:
    return IPerpetualMarket.Parameters(
        skew_scale=self._skew_scale(first),
        premium_cap=self._premium_cap(first),
        maker_fee=self._maker_fee(first),
        taker_fee=self._taker_fee(first),
        max_velocity=self._max_velocity(first),
        funding_cap=self._funding_cap(first),
        initial_ratio=self._initial_ratio(second),
        initial_slope=self._initial_slope(second),
        maintenance_ratio=self._maintenance_ratio(second),
        maintenance_slope=self._maintenance_slope(second),
        profit_ratio=self._profit_ratio(second),
        max_open_interest=self._max_open_interest(second),
        max_skew=self._max_skew(second),
        min_notional=self._min_notional(first),
        risk_weight=self._risk_weight(first),
        penalty_ratio=self._penalty_ratio(second),
        insurance_limit=self._insurance_limit(second),
    )


# The first word


@internal
@pure
def _skew_scale(first: uint256) -> uint256:
    return unsafe_mul(first & (2**56 - 1), SIZE_GRID)


@internal
@pure
def _premium_cap(first: uint256) -> uint256:
    return unsafe_mul((first >> 56) & (2**56 - 1), SIZE_GRID)


@internal
@pure
def _taker_fee(first: uint256) -> uint256:
    return unsafe_mul((first >> 112) & (2**20 - 1), FEE_GRID)


@internal
@pure
def _maker_fee(first: uint256) -> uint256:
    return unsafe_mul((first >> 132) & (2**20 - 1), FEE_GRID)


@internal
@pure
def _max_velocity(first: uint256) -> uint256:
    return unsafe_mul((first >> 152) & (2**32 - 1), RATE_GRID)


@internal
@pure
def _funding_cap(first: uint256) -> uint256:
    return unsafe_mul((first >> 184) & (2**24 - 1), RATE_GRID)


@internal
@pure
def _risk_weight(first: uint256) -> uint256:
    return unsafe_mul((first >> 208) & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _min_notional(first: uint256) -> uint256:
    return unsafe_mul((first >> 224) & (2**8 - 1), NOTIONAL_GRID)


# The second word


@internal
@pure
def _initial_ratio(second: uint256) -> uint256:
    return unsafe_mul(second & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _maintenance_ratio(second: uint256) -> uint256:
    return unsafe_mul((second >> 16) & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _profit_ratio(second: uint256) -> uint256:
    return unsafe_mul((second >> 32) & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _initial_slope(second: uint256) -> uint256:
    return (second >> 48) & (2**40 - 1)


@internal
@pure
def _maintenance_slope(second: uint256) -> uint256:
    return (second >> 88) & (2**40 - 1)


@internal
@pure
def _max_open_interest(second: uint256) -> uint256:
    return unsafe_mul((second >> 128) & (2**50 - 1), SIZE_GRID)


@internal
@pure
def _max_skew(second: uint256) -> uint256:
    return unsafe_mul((second >> 178) & (2**50 - 1), SIZE_GRID)


@internal
@pure
def _penalty_ratio(second: uint256) -> uint256:
    return unsafe_mul((second >> 228) & (2**12 - 1), RATIO_GRID)


@internal
@pure
def _insurance_limit(second: uint256) -> uint256:
    return unsafe_mul((second >> 240) & (2**16 - 1), LIMIT_GRID)


@internal
@pure
def _pack_pool(p: IPerpetualMarket.PoolParameters) -> uint256:
    """
    @notice The pool's parameters in one word; each within its bounds and on its grid.
    """
    assert p.kink > 0 and p.kink < WAD, "kink out of range"
    assert p.rate_at_kink <= p.rate_at_full, "borrowing rates out of order"
    assert p.rate_at_full <= MOST_BORROWING, "borrowing rate out of range"
    assert p.max_utilisation >= LEAST_UTILISATION, "utilisation out of range"
    assert p.max_utilisation <= WAD, "utilisation out of range"
    assert p.insurance_share <= WAD, "insurance share out of range"
    assert p.buffer >= LEAST_BUFFER and p.buffer <= WAD, "buffer out of range"
    assert p.least_reward <= p.most_reward and p.most_reward <= WAD, "rewards out of range"
    assert p.reward_ramp > 0 and p.reward_ramp < 2**16, "reward ramp out of range"
    assert p.most_cost <= MOST_COST, "cost out of range"
    return (
        self._on_grid(p.kink, RATIO_GRID)
        | self._on_grid(p.max_utilisation, RATIO_GRID) << 16
        | self._on_grid(p.insurance_share, RATIO_GRID) << 32
        | self._on_grid(p.rate_at_kink, BORROWING_GRID) << 48
        | self._on_grid(p.rate_at_full, BORROWING_GRID) << 80
        | self._on_grid(p.buffer, RATIO_GRID) << 112
        | self._on_grid(p.least_reward, RATIO_GRID) << 128
        | self._on_grid(p.most_reward, RATIO_GRID) << 144
        | p.reward_ramp << 160
        | self._on_grid(p.most_cost, COST_GRID) << 176
    )


@internal
@pure
def _unpack_pool(word: uint256) -> IPerpetualMarket.PoolParameters:
    return IPerpetualMarket.PoolParameters(
        kink=self._kink(word),
        rate_at_kink=self._rate_at_kink(word),
        rate_at_full=self._rate_at_full(word),
        max_utilisation=self._max_utilisation(word),
        insurance_share=self._insurance_share(word),
        buffer=self._buffer(word),
        least_reward=self._least_reward(word),
        most_reward=self._most_reward(word),
        reward_ramp=self._reward_ramp(word),
        most_cost=self._most_cost(word),
    )


# The pool's word


@internal
@pure
def _kink(word: uint256) -> uint256:
    return unsafe_mul(word & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _max_utilisation(word: uint256) -> uint256:
    return unsafe_mul((word >> 16) & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _insurance_share(word: uint256) -> uint256:
    return unsafe_mul((word >> 32) & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _rate_at_kink(word: uint256) -> uint256:
    return unsafe_mul((word >> 48) & (2**32 - 1), BORROWING_GRID)


@internal
@pure
def _rate_at_full(word: uint256) -> uint256:
    return unsafe_mul((word >> 80) & (2**32 - 1), BORROWING_GRID)


@internal
@pure
def _buffer(word: uint256) -> uint256:
    return unsafe_mul((word >> 112) & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _least_reward(word: uint256) -> uint256:
    return unsafe_mul((word >> 128) & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _most_reward(word: uint256) -> uint256:
    return unsafe_mul((word >> 144) & (2**16 - 1), RATIO_GRID)


@internal
@pure
def _reward_ramp(word: uint256) -> uint256:
    return (word >> 160) & (2**16 - 1)


@internal
@pure
def _most_cost(word: uint256) -> uint256:
    return unsafe_mul((word >> 176) & (2**16 - 1), COST_GRID)


@internal
@pure
def _is_retired(first: uint256) -> bool:
    """
    @notice Whether a market's first word says that it is retired.
    """
    return first & RETIRED != 0


@internal
@pure
def _schedule(first: uint256) -> batches.Schedule:
    """
    @notice What of a market's parameters prices a trade.
    """
    return batches.Schedule(
        skew_scale=self._skew_scale(first),
        premium_cap=self._premium_cap(first),
        maker_fee=self._maker_fee(first),
        taker_fee=self._taker_fee(first),
    )
