from fractions import Fraction
from math import ceil, floor

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import nav_math
from tests.math.ranges import MAX_GROWTH, MAX_NOTIONAL, MAX_SIZE, WAD, signed, up_to

POSITIONS = 5
PRICES = up_to(10**30)


@st.composite
def markets(draw):
    """Return the positions of a market, as size, entry price and entry index; a price and indices.

    Sizes are such that open interest at the highest price seen stays within the bounds.
    """
    prices = draw(st.lists(PRICES, min_size=1, max_size=POSITIONS + 1))
    room = min(MAX_SIZE, MAX_NOTIONAL * WAD // max(*prices, 1)) // POSITIONS
    indices = signed(MAX_GROWTH // 2)
    positions = [(draw(signed(room)), entry_price, draw(indices)) for entry_price in prices[1:]]
    return positions, prices[0], (draw(indices), draw(indices))


def sums_of(positions):
    """Return skew and cost sum."""
    return (
        sum(size for size, _, _ in positions),
        sum(size * entry_price for size, entry_price, _ in positions),
    )


def sides_of(positions):
    """Return the sizes of both sides, unsigned."""
    sizes = [size for size, _, _ in positions]
    return sum(max(size, 0) for size in sizes), sum(max(-size, 0) for size in sizes)


def entry_sum_of(positions):
    return sum(abs(size) * entry for size, _, entry in positions)


@st.composite
def vaults(draw):
    return {
        "supply": draw(up_to(MAX_NOTIONAL)),
        "nav": draw(up_to(MAX_NOTIONAL)),
        "virtual_shares": draw(up_to(10**24, smallest=1)),
        "virtual_assets": draw(up_to(10**24, smallest=1)),
    }


AMOUNTS = up_to(MAX_NOTIONAL)


@given(market=markets())
def test_open_result_floor_equals_the_spec(contract, market):
    positions, price, _ = market
    skew, cost_sum = sums_of(positions)
    expected = nav_math.open_result_floor(skew, cost_sum, price)
    assert contract._open_result_floor(skew, cost_sum, price) == expected


@given(market=markets())
def test_time_due_equals_the_spec(contract, market):
    positions, price, indices = market
    due = [*sides_of(positions), *indices, entry_sum_of(positions), price]
    assert contract._time_due(*due) == nav_math.time_due(*due)


@given(market=markets(), costs=signed(MAX_NOTIONAL))
def test_worth_equals_the_spec(contract, market, costs):
    positions, price, indices = market
    sums = [*sides_of(positions), *indices, entry_sum_of(positions)]
    slope = nav_math.slope(*sums)
    assert contract._slope(*sums) == slope
    floored, ceiled = (f(slope, costs, price) for f in (nav_math.worth_floor, nav_math.worth_ceil))
    assert contract._worth_floor(slope, costs, price) == floored
    assert contract._worth_ceil(slope, costs, price) == ceiled


@given(assets=AMOUNTS, vault=vaults())
def test_shares_down_equals_the_spec(contract, assets, vault):
    expected = nav_math.shares_down(assets, **vault)
    assert contract._shares_down(assets, *vault.values()) == expected


@given(assets=AMOUNTS, vault=vaults())
def test_shares_up_equals_the_spec(contract, assets, vault):
    expected = nav_math.shares_up(assets, **vault)
    assert contract._shares_up(assets, *vault.values()) == expected


@given(shares=AMOUNTS, vault=vaults())
def test_assets_down_equals_the_spec(contract, shares, vault):
    expected = nav_math.assets_down(shares, **vault)
    assert contract._assets_down(shares, *vault.values()) == expected


@given(shares=AMOUNTS, vault=vaults())
def test_assets_up_equals_the_spec(contract, shares, vault):
    expected = nav_math.assets_up(shares, **vault)
    assert contract._assets_up(shares, *vault.values()) == expected


@given(market=markets())
def test_open_result_is_the_sum_over_all_positions(market):
    positions, price, _ = market
    skew, cost_sum = sums_of(positions)
    results = [Fraction(size * (price - entry), WAD) for size, entry, _ in positions]
    assert nav_math.open_result_floor(skew, cost_sum, price) == floor(sum(results))
    # Each trader's own gain is floored: together they are paid no more than the vault has reckoned.
    assert sum(map(floor, results)) <= nav_math.open_result_floor(skew, cost_sum, price)


@given(market=markets())
def test_time_due_is_the_sum_over_all_positions(market):
    positions, price, (index_long, index_short) = market
    owed = [
        Fraction(abs(size) * ((index_long if size > 0 else index_short) - entry) * price, WAD**2)
        for size, _, entry in positions
    ]
    due = nav_math.time_due(
        *sides_of(positions), index_long, index_short, entry_sum_of(positions), price
    )
    assert due == floor(sum(owed))
    # What each trader owes is ceiled: the vault receives at least what it has reckoned.
    assert sum(map(ceil, owed)) >= due


@given(market=markets(), costs=st.lists(signed(MAX_NOTIONAL), min_size=POSITIONS))
def test_worth_is_what_all_positions_cost_owe_and_gain(market, costs):
    positions, price, (index_long, index_short) = market
    gains = [
        Fraction(size * price, WAD) - cost
        for (size, *_), cost in zip(positions, costs, strict=False)
    ]
    owed = [
        Fraction(abs(size) * ((index_long if size > 0 else index_short) - entry) * price, WAD**2)
        for size, _, entry in positions
    ]
    slope = nav_math.slope(*sides_of(positions), index_long, index_short, entry_sum_of(positions))
    cost_sum = sum(costs[: len(positions)])
    worth = sum(owed) - sum(gains)
    assert nav_math.worth_floor(slope, cost_sum, price) == floor(worth)
    assert nav_math.worth_ceil(slope, cost_sum, price) == ceil(worth)


@given(amount=AMOUNTS, vault=vaults())
def test_conversions_go_where_their_names_say(amount, vault):
    supply = vault["supply"] + vault["virtual_shares"]
    nav = vault["nav"] + vault["virtual_assets"]
    assert nav_math.shares_down(amount, **vault) == floor(Fraction(amount * supply, nav))
    assert nav_math.shares_up(amount, **vault) == ceil(Fraction(amount * supply, nav))
    assert nav_math.assets_down(amount, **vault) == floor(Fraction(amount * nav, supply))
    assert nav_math.assets_up(amount, **vault) == ceil(Fraction(amount * nav, supply))


def moved(vault, shares, assets):
    return vault | {"supply": vault["supply"] + shares, "nav": vault["nav"] + assets}


@given(assets=AMOUNTS, vault=vaults())
def test_who_deposits_and_redeems_never_gains(assets, vault):
    shares = nav_math.shares_down(assets, **vault)
    assert nav_math.assets_down(shares, **moved(vault, shares, assets)) <= assets


@given(shares=AMOUNTS, vault=vaults())
def test_who_mints_and_withdraws_never_gains(shares, vault):
    assets = nav_math.assets_up(shares, **vault)
    assert nav_math.shares_up(assets, **moved(vault, shares, assets)) >= shares


@given(amount=AMOUNTS, vault=vaults())
def test_no_conversion_lowers_what_the_others_shares_are_worth(amount, vault):
    def worth(vault):
        assets = vault["nav"] + vault["virtual_assets"]
        return Fraction(assets, vault["supply"] + vault["virtual_shares"])

    deposited = moved(vault, nav_math.shares_down(amount, **vault), amount)
    minted = moved(vault, amount, nav_math.assets_up(amount, **vault))
    assert worth(deposited) >= worth(vault)
    assert worth(minted) >= worth(vault)

    burned = min(amount, vault["supply"])
    assets = nav_math.assets_down(burned, **vault)
    if assets <= vault["nav"]:
        assert worth(moved(vault, -burned, -assets)) >= worth(vault)


def test_a_gift_to_the_first_share_doesnt_pay(contract):
    """The attacker holds one share of one unit and gives the vault 1000 quote; a victim brings 100.

    With a thousand virtual shares to a unit, the gift went to them, and the victim loses little."""
    gift, brought, virtual = 1000 * WAD, 100 * WAD, [1000, 1]
    shares = contract._shares_down(brought, 1, 1 + gift, *virtual)
    vault = [1 + shares, 1 + gift + brought, *virtual]
    assert contract._assets_down(shares, *vault) > brought * 99 // 100
    assert contract._assets_down(1, *vault) < gift // 900
