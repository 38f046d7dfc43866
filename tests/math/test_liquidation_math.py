from fractions import Fraction
from math import ceil, floor

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import liquidation_math, margin_math
from tests.math.ranges import MAX_UINT, RATIOS, SECONDS, WAD, signed, up_to

UNIT = Fraction(1, WAD)


@st.composite
def accounts(draw, flat=False):
    """Return an account of one to five positions, by its sums, below or above maintenance.

    The penalty is at most nine tenths of the linear part, so B is at least a tenth of A; and the
    quadratic part at most 1e17 times the linear one, so B is at least 1e-18 of g (A + C), which
    is just above the 2^-63 that the contract asks for its precision. No position is below 1e6
    units of quote, whose maintenance of at least 100 units keeps B above one.
    """
    linear = quadratic = penalty = 0
    for _ in range(draw(st.integers(1, 5))):
        size = draw(up_to(10**30, smallest=10**6))
        ratio = draw(st.integers(WAD // 10_000, WAD))
        part = margin_math.linear_requirement(size, ratio)
        linear += part
        quadratic += 0 if flat else draw(up_to(10 * part) | up_to(10**17 * part))
        penalty += draw(st.integers(0, size * ratio * 9 // 10 // WAD))
    return {
        "equity": draw(signed(linear + quadratic) | st.integers(0, 2 * (linear + quadratic))),
        "linear": linear,
        "quadratic": quadratic,
        "penalty": penalty,
        "buffer": draw(up_to(WAD)),
    }


def surplus(account, kept):
    """Return equity less what is needed with the buffer, when the part `kept` stays open; exact."""
    penalty = account["penalty"] * (1 - kept)
    needed = account["linear"] * kept + account["quadratic"] * kept**2
    return account["equity"] - penalty - (1 + Fraction(account["buffer"], WAD)) * needed


def fraction(account):
    return liquidation_math.liquidation_fraction(**account)


@given(x=up_to(MAX_UINT))
def test_square_root_up_equals_the_spec(contract, x):
    assert contract._square_root_up(x) == liquidation_math.square_root_up(x)


@given(x=up_to(2**128 - 1))
def test_square_root_up_around_squares(contract, x):
    for near in {max(x**2 - 1, 0), x**2, x**2 + 1}:
        assert contract._square_root_up(near) == liquidation_math.square_root_up(near)


@given(account=accounts())
def test_liquidation_fraction_equals_the_spec(contract, account):
    assert contract._liquidation_fraction(*account.values()) == fraction(account)


@given(elapsed=SECONDS, ramp=SECONDS, least=RATIOS, rise=RATIOS)
def test_reward_share_equals_the_spec(contract, elapsed, ramp, least, rise):
    share = [elapsed, ramp, least, least + rise]
    assert contract._reward_share(*share) == liquidation_math.reward_share(*share)


@given(x=up_to(MAX_UINT))
def test_square_root_up_is_the_least_whole_number_that_suffices(x):
    root = liquidation_math.square_root_up(x)
    assert root**2 >= x
    assert root == 0 or (root - 1) ** 2 < x


@given(account=accounts())
def test_what_stays_open_has_its_maintenance_and_the_buffer(account):
    kept = 1 - fraction(account) * UNIT
    assert 0 <= kept <= 1
    assert kept == 0 or surplus(account, kept) >= 0


@given(account=accounts())
def test_closing_two_units_less_would_not_do(account):
    """The contract derives that roundings before the last lower the part kept by 3.5 / B, in
    units of 2^-125 at least (1 / (2 B) where nothing was divided): less than one unit of the
    result for these accounts. The last rounding lowers it by less than another."""
    kept = 1 - fraction(account) * UNIT
    assert kept > 1 - 2 * UNIT or surplus(account, kept + 2 * UNIT) < 0


@given(account=accounts())
def test_all_is_closed_where_the_penalty_leaves_nothing(account):
    if account["equity"] <= account["penalty"]:
        assert fraction(account) == WAD
    elif surplus(account, 2 * UNIT) >= 0:
        assert fraction(account) < WAD


@given(account=accounts())
def test_nothing_is_closed_where_equity_suffices(account):
    is_enough = surplus(account, 1) >= 0
    assert (fraction(account) == 0) == is_enough


@given(account=accounts(flat=True))
def test_without_a_slope_the_fraction_is_the_linear_one(account):
    """g A - E over g A - F: a line between all and nothing; within two units, as above."""
    buffered = (1 + Fraction(account["buffer"], WAD)) * account["linear"]
    exact = (buffered - account["equity"]) / (buffered - account["penalty"])
    error = fraction(account) - max(0, min(exact, 1)) * WAD
    assert 0 <= error < 2


@given(account=accounts())
def test_the_penalty_of_a_part_is_no_more_than_there_is_and_leaves_what_the_rest_needs(account):
    """Rounded up it still is, for equity is whole."""
    if 0 < fraction(account) < WAD:
        kept = 1 - fraction(account) * UNIT
        left = account["equity"] - ceil(account["penalty"] * (1 - kept))
        needed = account["linear"] * kept + account["quadratic"] * kept**2
        assert left >= floor((1 + Fraction(account["buffer"], WAD)) * needed)


@pytest.mark.parametrize("quote", [1, 10**6, 10**12])
def test_a_worked_example(contract, quote):
    """Notional 100, maintenance 4 % + 0.02 % per quote of it: 6 quote. Penalty 1 %, no buffer.

    With equity 4: 0.02 y^2 * 100 + (0.04 - 0.01) * 100 y = 4 - 1, so 2 y^2 + 3 y = 3."""
    account = [4 * quote * WAD, 4 * quote * WAD, 2 * quote * WAD, quote * WAD, 0]
    kept = 1 - contract._liquidation_fraction(*account) * UNIT
    assert 2 * kept**2 + 3 * kept <= 3
    assert 2 * (kept + 2 * UNIT) ** 2 + 3 * (kept + 2 * UNIT) > 3


def test_a_penalty_above_maintenance_is_refused(contract):
    assert contract._liquidation_fraction(0, WAD + 1, 0, WAD, 0) == WAD
    with boa.reverts("penalty above maintenance"):
        contract._liquidation_fraction(0, WAD, 0, WAD, 0)
    with pytest.raises(AssertionError, match="penalty above maintenance"):
        liquidation_math.liquidation_fraction(0, WAD, 0, WAD, 0)


@given(elapsed=SECONDS, ramp=SECONDS, least=RATIOS, rise=RATIOS)
def test_reward_share_is_on_its_line_rounded_down(elapsed, ramp, least, rise):
    passed = min(Fraction(elapsed, ramp), Fraction(1)) if ramp > 0 else 1
    expected = floor(least + rise * passed)
    assert liquidation_math.reward_share(elapsed, ramp, least, least + rise) == expected


def test_nothing_is_closed_where_equity_is_exactly_enough(contract):
    """The general formula would close a unit or more here: it rounds down what is kept."""
    linear, quadratic = 3 * 10**29 + 1, 7 * 10**29 + 3
    account = [linear, quadratic, 10**28, 0]
    assert contract._liquidation_fraction(linear + quadratic, *account) == 0
    assert contract._liquidation_fraction(linear + quadratic - 1, *account) > 0
