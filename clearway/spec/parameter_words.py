"""Hard bounds and grids of parameters; twin of contracts/modules/parameter_words.vy.

Says before anything is sent what the contract would say, by the same reasons in the same order.
"""

from collections.abc import Mapping

from clearway.spec import wad
from clearway.spec.refused import require
from clearway.spec.wad import WAD

SIZE_GRID = 10**12  # base wad
FEE_GRID = 10**11
RATIO_GRID = 10**14
RATE_GRID = 10**12
NOTIONAL_GRID = 10 * WAD
LIMIT_GRID = 1_000 * WAD
COST_GRID = 10**16
BORROWING_GRID = 10**6

MOST_FEE = 10**16
MOST_VELOCITY = 100 * WAD  # per day^2
MOST_FUNDING = 3 * 10**17  # per day
MOST_BORROWING = 2 * 10**15  # per day
LEAST_INITIAL = 10**16
MOST_SLOPE = 10**12 - 1
MOST_SIZE = 10**27  # base wad
LEAST_BUFFER = 10**16
LEAST_UTILISATION = 10**17
MOST_COST = 100 * WAD  # quote wad

# Of a market's two words and of the pool's.
FIRST_GRIDS = {
    "skew_scale": SIZE_GRID,
    "premium_cap": SIZE_GRID,
    "taker_fee": FEE_GRID,
    "maker_fee": FEE_GRID,
    "max_velocity": RATE_GRID,
    "funding_cap": RATE_GRID,
    "risk_weight": RATIO_GRID,
    "min_notional": NOTIONAL_GRID,
}
SECOND_GRIDS = {
    "initial_ratio": RATIO_GRID,
    "maintenance_ratio": RATIO_GRID,
    "profit_ratio": RATIO_GRID,
    "initial_slope": 1,
    "maintenance_slope": 1,
    "max_open_interest": SIZE_GRID,
    "max_skew": SIZE_GRID,
    "penalty_ratio": RATIO_GRID,
    "insurance_limit": LIMIT_GRID,
}
POOL_GRIDS = {
    "kink": RATIO_GRID,
    "max_utilisation": RATIO_GRID,
    "insurance_share": RATIO_GRID,
    "rate_at_kink": BORROWING_GRID,
    "rate_at_full": BORROWING_GRID,
    "buffer": RATIO_GRID,
    "least_reward": RATIO_GRID,
    "most_reward": RATIO_GRID,
    "reward_ramp": 1,
    "most_cost": COST_GRID,
}


def check_market(p: Mapping[str, int]) -> None:
    """Refuse a market's parameters that its contract would refuse."""
    _check_trading(p)
    _check_margin(p)
    _check_grids(p, FIRST_GRIDS)
    require(p["insurance_limit"] < 2**16 * LIMIT_GRID, "insurance limit out of range")
    _check_grids(p, SECOND_GRIDS)


def _check_trading(p: Mapping[str, int]) -> None:
    require(0 < p["skew_scale"] <= MOST_SIZE, "skew scale out of range")
    require(0 < p["premium_cap"] <= p["skew_scale"], "premium cap out of range")
    require(p["max_skew"] <= p["premium_cap"], "max skew over premium cap")
    require(p["max_open_interest"] <= MOST_SIZE, "max open interest out of range")
    require(p["maker_fee"] <= p["taker_fee"] <= MOST_FEE, "fees out of range")
    require(p["max_velocity"] <= MOST_VELOCITY, "velocity out of range")
    require(0 < p["funding_cap"] <= MOST_FUNDING, "funding cap out of range")


def _check_margin(p: Mapping[str, int]) -> None:
    initial, maintenance = p["initial_ratio"], p["maintenance_ratio"]
    penalty = p["penalty_ratio"]
    require(LEAST_INITIAL <= initial <= WAD, "initial ratio out of range")
    premium = wad.mul_div_up(p["premium_cap"], WAD, p["skew_scale"])
    require(premium + p["taker_fee"] + penalty <= maintenance, "premium over maintenance")
    require(4 * maintenance <= 3 * initial, "maintenance too near initial")
    require(p["initial_slope"] <= MOST_SLOPE, "slope out of range")
    require(p["maintenance_slope"] <= p["initial_slope"], "maintenance slope over initial")
    require(p["profit_ratio"] <= WAD, "profit ratio out of range")
    require(0 < p["min_notional"] <= 255 * NOTIONAL_GRID, "min notional out of range")
    require(0 < p["risk_weight"] <= WAD, "risk weight out of range")
    require(penalty > 0, "penalty ratio is zero")
    require(2 * penalty <= maintenance, "penalty over half of maintenance")


def check_pool(p: Mapping[str, int]) -> None:
    """Refuse the pool's parameters that the contract would refuse."""
    require(0 < p["kink"] < WAD, "kink out of range")
    require(p["rate_at_kink"] <= p["rate_at_full"], "borrowing rates out of order")
    require(p["rate_at_full"] <= MOST_BORROWING, "borrowing rate out of range")
    require(LEAST_UTILISATION <= p["max_utilisation"] <= WAD, "utilisation out of range")
    require(p["insurance_share"] <= WAD, "insurance share out of range")
    require(LEAST_BUFFER <= p["buffer"] <= WAD, "buffer out of range")
    require(p["least_reward"] <= p["most_reward"] <= WAD, "rewards out of range")
    require(0 < p["reward_ramp"] < 2**16, "reward ramp out of range")
    require(p["most_cost"] <= MOST_COST, "cost out of range")
    _check_grids(p, POOL_GRIDS)


def _check_grids(p: Mapping[str, int], grids: Mapping[str, int]) -> None:
    for name, grid in grids.items():
        require(p[name] % grid == 0, "parameter off its grid")


# Of an aggregator's listing (contracts/modules/aggregators.vy) and of the vault's limits.

BPS = 10**14
MAX_HEARTBEAT = 86_400 + 3_600  # seconds
MAX_DEVIATION = 5 * 10**16
MAX_BOUND_RATIO = 10_000


def check_listing(heartbeat: int, deviation: int, lowest: int, highest: int) -> None:
    """Refuse how an aggregator is to be judged where the feed would refuse it."""
    require(0 < heartbeat <= MAX_HEARTBEAT, "heartbeat out of range")
    require(0 < deviation <= MAX_DEVIATION, "deviation out of range")
    require(deviation % BPS == 0, "deviation not in basis points")
    require(lowest > 0 and highest <= 10**30, "bounds out of range")
    require(lowest < highest, "bounds out of order")
    require(highest <= MAX_BOUND_RATIO * lowest, "bounds too far apart")


def check_limits(cooldown: int, daily_outflow: int, deposit_cap: int) -> None:
    """Refuse the vault's limits where the vault would refuse them."""
    in_range = 900 <= cooldown <= 7 * 86_400 and 10**16 <= daily_outflow <= WAD
    require(in_range and deposit_cap <= 10**29, "limit out of range")


def check_publishers(publishers: list[int], quorum: int) -> None:
    """Refuse a committee (addresses as numbers) where the feed would refuse it."""
    require(len(publishers) <= 7, "too many publishers")
    require(quorum <= len(publishers), "quorum over publishers")
    require(2 * quorum > len(publishers), "quorum is no majority")
    in_order = all(one < other for one, other in zip([0, *publishers], publishers, strict=False))
    require(in_order, "publishers not sorted")


def unpack_pool(word: int) -> dict[str, int]:
    """Return the pool's parameters in their word, in the order of the contract's struct."""
    places = {
        "kink": (0, 16),
        "rate_at_kink": (48, 32),
        "rate_at_full": (80, 32),
        "max_utilisation": (16, 16),
        "insurance_share": (32, 16),
        "buffer": (112, 16),
        "least_reward": (128, 16),
        "most_reward": (144, 16),
        "reward_ramp": (160, 16),
        "most_cost": (176, 16),
    }
    return {
        name: (word >> place & (1 << bits) - 1) * POOL_GRIDS[name]
        for name, (place, bits) in places.items()
    }
