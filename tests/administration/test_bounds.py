"""Every parameter's hard bounds: what lies at the edge is taken, the next on its grid is not.

The contract judges so, and so does its twin in Python, which scripts ask first.

Where a parameter is judged beside another, the case says what the other is.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.spec.administration import RATIO_GRID
from clearway.spec.parameter_words import check_market, check_pool, unpack_pool
from clearway.spec.refused import Refused
from tests.administration.world import (
    MARGINS,
    MOST_SLOPE,
    PARAMETERS,
    POOL,
    SIZE_GRID,
    WAD,
    margins,
    parameters,
    pool,
    words,
)

FEE_GRID = 10**11
RATE_GRID = 10**12
NOTIONAL_GRID = 10 * WAD
LIMIT_GRID = 1_000 * WAD
COST_GRID = 10**16
BORROWING_GRID = 10**6
MOST = 10**27  # base wad
RATIO = 10**16  # 1 %
NO_PREMIUM = {"premium_cap": SIZE_GRID, "max_skew": 0, "taker_fee": 0, "maker_fee": 0}
NO_MARGIN = NO_PREMIUM | {"penalty_ratio": RATIO_GRID}
LEAST_PENALTY = {"penalty_ratio": RATIO_GRID}
PREMIUM = {"premium_cap": 5_100 * WAD}  # 1.7 %, and the fee 0.06 %

# Parameter, the last value taken, the first one refused, why, what else is changed.
EDGES = [
    ("skew_scale", MOST, MOST + SIZE_GRID, "skew scale out of range", {}),
    ("skew_scale", None, 0, "skew scale out of range", {}),
    ("premium_cap", SIZE_GRID, 0, "premium cap out of range", {"max_skew": 0}),
    ("premium_cap", None, 300_000 * WAD + SIZE_GRID, "premium cap out of range", {}),
    ("max_skew", 3_000 * WAD, 3_000 * WAD + SIZE_GRID, "max skew over premium cap", {}),
    ("max_open_interest", MOST, MOST + SIZE_GRID, "max open interest out of range", {}),
    ("max_open_interest", 0, None, "", {"max_skew": 0}),
    ("maker_fee", 6 * 10**14, 6 * 10**14 + FEE_GRID, "fees out of range", {}),
    ("taker_fee", RATIO, RATIO + FEE_GRID, "fees out of range", LEAST_PENALTY),
    ("taker_fee", 2 * 10**14, 2 * 10**14 - FEE_GRID, "fees out of range", {}),
    ("max_velocity", 100 * WAD, 100 * WAD + RATE_GRID, "velocity out of range", {}),
    ("max_velocity", 0, None, "", {}),
    ("funding_cap", 3 * WAD // 10, 3 * WAD // 10 + RATE_GRID, "funding cap out of range", {}),
    ("funding_cap", RATE_GRID, 0, "funding cap out of range", {}),
    ("initial_ratio", WAD, WAD + RATIO_GRID, "initial ratio out of range", {}),
    (
        "initial_ratio",
        RATIO,
        RATIO - RATIO_GRID,
        "initial ratio out of range",
        NO_MARGIN | {"maintenance_ratio": 75 * RATIO_GRID},
    ),
    ("premium_cap", 4_320 * WAD, 4_320 * WAD + SIZE_GRID, "premium over maintenance", {}),
    ("penalty_ratio", 74 * RATIO_GRID, 75 * RATIO_GRID, "premium over maintenance", PREMIUM),
    (  # dearer than margin by less than a unit of its ratio
        "premium_cap",
        24_299_999_999_802 * SIZE_GRID,
        24_299_999_999_803 * SIZE_GRID,
        "premium over maintenance",
        LEAST_PENALTY | {"skew_scale": 999_999_999_991_893 * SIZE_GRID},
    ),
    (
        "taker_fee",
        5 * 10**15,
        5 * 10**15 + FEE_GRID,
        "premium over maintenance",
        LEAST_PENALTY | {"premium_cap": 5_970 * WAD},
    ),
    (
        "maintenance_ratio",
        107 * RATIO_GRID,
        106 * RATIO_GRID,
        "premium over maintenance",
        LEAST_PENALTY,
    ),
    ("maintenance_ratio", 2 * RATIO_GRID, RATIO_GRID, "premium over maintenance", NO_MARGIN),
    ("maintenance_ratio", 375 * RATIO_GRID, 376 * RATIO_GRID, "maintenance too near initial", {}),
    ("initial_ratio", 334 * RATIO_GRID, 333 * RATIO_GRID, "maintenance too near initial", {}),
    ("initial_slope", MOST_SLOPE, MOST_SLOPE + 1, "slope out of range", {}),
    ("maintenance_slope", 5 * 10**9, 5 * 10**9 + 1, "maintenance slope over initial", {}),
    ("maintenance_slope", 0, None, "", {"initial_slope": 0}),
    ("profit_ratio", WAD, WAD + RATIO_GRID, "profit ratio out of range", {}),
    ("profit_ratio", 0, None, "", {}),
    ("min_notional", 255 * NOTIONAL_GRID, 256 * NOTIONAL_GRID, "min notional out of range", {}),
    ("min_notional", NOTIONAL_GRID, 0, "min notional out of range", {}),
    ("risk_weight", WAD, WAD + RATIO_GRID, "risk weight out of range", {}),
    ("risk_weight", RATIO_GRID, 0, "risk weight out of range", {}),
    ("penalty_ratio", 125 * RATIO_GRID, 126 * RATIO_GRID, "penalty over half of maintenance", {}),
    ("penalty_ratio", RATIO_GRID, 0, "penalty ratio is zero", {}),
    (
        "insurance_limit",
        (2**16 - 1) * LIMIT_GRID,
        2**16 * LIMIT_GRID,
        "insurance limit out of range",
        {},
    ),
    ("insurance_limit", 0, None, "", {}),
]
POOL_EDGES = [
    ("kink", WAD - RATIO_GRID, WAD, "kink out of range", {}),
    ("kink", RATIO_GRID, 0, "kink out of range", {}),
    ("rate_at_kink", 2 * 10**15, 2 * 10**15 + BORROWING_GRID, "borrowing rates out of order", {}),
    ("rate_at_kink", 0, None, "", {}),
    ("rate_at_full", 2 * 10**15, 2 * 10**15 + BORROWING_GRID, "borrowing rate out of range", {}),
    ("max_utilisation", WAD, WAD + RATIO_GRID, "utilisation out of range", {}),
    ("max_utilisation", 10 * RATIO, 10 * RATIO - RATIO_GRID, "utilisation out of range", {}),
    ("insurance_share", WAD, WAD + RATIO_GRID, "insurance share out of range", {}),
    ("insurance_share", 0, None, "", {}),
    ("buffer", WAD, WAD + RATIO_GRID, "buffer out of range", {}),
    ("buffer", RATIO, RATIO - RATIO_GRID, "buffer out of range", {}),
    ("least_reward", WAD // 2, WAD // 2 + RATIO_GRID, "rewards out of range", {}),
    ("least_reward", 0, None, "", {}),
    ("most_reward", WAD, WAD + RATIO_GRID, "rewards out of range", {}),
    ("reward_ramp", 2**16 - 1, 2**16, "reward ramp out of range", {}),
    ("reward_ramp", 1, 0, "reward ramp out of range", {}),
    ("most_cost", 100 * WAD, 100 * WAD + COST_GRID, "cost out of range", {}),
    ("most_cost", 0, None, "", {}),
]
GRIDS = dict.fromkeys(PARAMETERS, RATIO_GRID) | {
    "skew_scale": SIZE_GRID,
    "premium_cap": SIZE_GRID,
    "maker_fee": FEE_GRID,
    "taker_fee": FEE_GRID,
    "max_velocity": RATE_GRID,
    "funding_cap": RATE_GRID,
    "initial_slope": 1,
    "maintenance_slope": 1,
    "max_open_interest": SIZE_GRID,
    "max_skew": SIZE_GRID,
    "min_notional": NOTIONAL_GRID,
    "insurance_limit": LIMIT_GRID,
}
POOL_GRIDS = dict.fromkeys(POOL, RATIO_GRID) | {
    "rate_at_kink": BORROWING_GRID,
    "rate_at_full": BORROWING_GRID,
    "reward_ramp": 1,
    "most_cost": COST_GRID,
}


def named(edges):
    return [pytest.param(*edge, id=f"{edge[0]} {edge[3]}") for edge in edges]


class TestAMarkets:
    @pytest.mark.parametrize(("name", "last", "first", "reason", "others"), named(EDGES))
    def test_parameter_is_taken_to_its_edge_and_refused_beyond(
        self, world, name, last, first, reason, others
    ):
        if last is not None:
            world.set(**others | {name: last})
            assert world.had()[name] == last
            check_market(PARAMETERS | others | {name: last})
        if first is not None:
            with world.refused(reason):
                world.set(**others | {name: first})
            with pytest.raises(Refused, match=f"^{reason}$"):
                check_market(PARAMETERS | others | {name: first})

    @pytest.mark.parametrize("name", [name for name, grid in GRIDS.items() if grid > 1])
    def test_parameter_off_its_grid_is_refused_not_rounded(self, world, name):
        for off in (1, GRIDS[name] - 1):
            with world.refused("parameter off its grid"):
                world.set(**{name: PARAMETERS[name] - off})
            with pytest.raises(Refused, match="off its grid"):
                check_market(PARAMETERS | {name: PARAMETERS[name] - off})

    def test_parameters_each_have_an_edge(self):
        assert {edge[0] for edge in EDGES} == set(PARAMETERS)

    @given(margin=margins(), data=st.data())
    def test_words_say_what_was_put_into_them(self, margin, data):
        """Each field at any value within its bounds, so none runs into its neighbour."""
        chosen = dict(PARAMETERS) | {name: getattr(margin, name) for name in MARGINS}
        for name, most in [
            ("max_open_interest", MOST),
            ("max_velocity", 100 * WAD),
            ("min_notional", 255 * NOTIONAL_GRID),
            ("risk_weight", WAD),
            ("insurance_limit", (2**16 - 1) * LIMIT_GRID),
            ("max_skew", PARAMETERS["premium_cap"]),
            ("funding_cap", 3 * WAD // 10),
            ("maker_fee", PARAMETERS["taker_fee"]),
        ]:
            grid = GRIDS[name]
            chosen[name] = data.draw(st.integers(1, most // grid), name) * grid
        packed = words()._pack(tuple(chosen.values()))
        assert dict(words()._unpack(*packed)._asdict()) == chosen

    def test_words_hold_the_greatest_of_all_at_once(self):
        chosen = PARAMETERS | {
            "skew_scale": MOST,
            "premium_cap": 36 * MOST // 100,
            "max_skew": 36 * MOST // 100,
            "max_open_interest": MOST,
            "maker_fee": RATIO,
            "taker_fee": RATIO,
            "max_velocity": 100 * WAD,
            "funding_cap": 3 * WAD // 10,
            "initial_ratio": WAD,
            "maintenance_ratio": 3 * WAD // 4,
            "initial_slope": MOST_SLOPE,
            "maintenance_slope": MOST_SLOPE,
            "profit_ratio": WAD,
            "min_notional": 255 * NOTIONAL_GRID,
            "risk_weight": WAD,
            "penalty_ratio": 3 * WAD // 8,
            "insurance_limit": (2**16 - 1) * LIMIT_GRID,
        }
        packed = words()._pack(tuple(chosen.values()))
        assert dict(words()._unpack(*packed)._asdict()) == chosen


class TestThePools:
    @pytest.mark.parametrize(("name", "last", "first", "reason", "others"), named(POOL_EDGES))
    def test_parameter_is_taken_to_its_edge_and_refused_beyond(
        self, world, name, last, first, reason, others
    ):
        def set_pool(value):
            world.configuration.set_pool(pool(**others | {name: value}), sender=world.owner)

        if last is not None:
            set_pool(last)
            word = world.market.pool_word()
            assert unpack_pool(word) == words()._unpack_pool(word)._asdict()
            assert unpack_pool(word)[name] == last
            check_pool(POOL | others | {name: last})
        if first is not None:
            with world.refused(reason):
                set_pool(first)
            with pytest.raises(Refused, match=f"^{reason}$"):
                check_pool(POOL | others | {name: first})

    @pytest.mark.parametrize("name", [name for name, grid in POOL_GRIDS.items() if grid > 1])
    def test_parameter_off_its_grid_is_refused_not_rounded(self, world, name):
        for off in (1, POOL_GRIDS[name] - 1):
            with world.refused("parameter off its grid"):
                changed = pool(**{name: POOL[name] - off})
                world.configuration.set_pool(changed, sender=world.owner)
            with pytest.raises(Refused, match="off its grid"):
                check_pool(POOL | {name: POOL[name] - off})

    def test_parameters_each_have_an_edge(self):
        assert {edge[0] for edge in POOL_EDGES} == set(POOL)

    def test_word_holds_the_greatest_of_all_at_once(self):
        chosen = {
            "kink": WAD - RATIO_GRID,
            "rate_at_kink": 2 * 10**15,
            "rate_at_full": 2 * 10**15,
            "max_utilisation": WAD,
            "insurance_share": WAD,
            "buffer": WAD,
            "least_reward": WAD,
            "most_reward": WAD,
            "reward_ramp": 2**16 - 1,
            "most_cost": 100 * WAD,
        }
        assert (
            dict(words()._unpack_pool(words()._pack_pool(tuple(chosen.values())))._asdict())
            == chosen
        )


def test_structs_are_as_the_tests_have_them(world):
    """In order and in full: a parameter that is added is a parameter without an edge."""
    world.set()
    assert world.configuration.parameters_of(0)._asdict() == PARAMETERS
    assert world.had() == PARAMETERS
    world.configuration.set_pool(pool(), sender=world.owner)
    assert words()._unpack_pool(world.market.pool_word())._asdict() == POOL
    assert parameters() == tuple(PARAMETERS.values())
