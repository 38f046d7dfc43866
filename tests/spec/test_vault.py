"""The vault's rules against exact fractions: nobody gains by entering or leaving, in any order."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from clearway.spec.market import PerpetualMarket
from clearway.spec.price_feed import PriceFeed
from clearway.spec.state import Market
from clearway.spec.vault import (
    MOST_SHARES,
    VIRTUAL_ASSETS,
    VIRTUAL_SHARES,
    Claim,
    Vault,
    worth_high,
    worth_low,
)
from clearway.spec.wad import WAD
from tests.spec.world import PARAMETERS, POOL, START

COOLDOWN = 86_400
SCALE = 10**12
AMOUNTS = st.integers(1, 10**15)  # token units: up to a billion dollars
RESULTS = st.integers(-(10**30), 10**30)  # quote wad: what trading adds to the cash, or takes
HOLDERS = (11, 12, 13)


def vault_of(cash_result: int = 0, outflow: int = WAD, scale: int = SCALE) -> Vault:
    feed = PriceFeed(2, [1], 1, 0)
    vault = Vault(PerpetualMarket(feed, POOL, scale=scale), COOLDOWN, outflow, 10**40)
    vault.deposit(START, 10**12, HOLDERS[0])
    vault.market.cash = max(vault.market.cash + cash_result, 10**18)
    return vault


def price(vault: Vault) -> Fraction:
    """Return what a share is worth, never rounded; the virtual ones are shares like others."""
    nav = vault.nav(START, is_entering=False)
    return Fraction(nav + VIRTUAL_ASSETS, vault.supply + VIRTUAL_SHARES)


def leave(vault: Vault, who: int, shares: int, most: int = 50) -> int:
    """Ask, wait, be priced, claim; return the token units."""
    now = vault.requests[-1].ready_at if vault.requests else START
    vault.request(now, who, shares, who, who)
    vault.process(now + COOLDOWN, most)
    claim = vault.claims[who]
    return vault.redeem(who, claim.shares, who, who)


@given(result=RESULTS, amount=AMOUNTS)
def test_entering_never_lowers_a_share(result, amount):
    vault = vault_of(result)
    before = price(vault)
    shares = vault.shares_for(amount, vault.market.cash)
    if shares:
        vault.deposit(START, amount, HOLDERS[1])
        assert price(vault) >= before
        # What stays with those who were there is less than one share.
        assert Fraction(amount * SCALE) - shares * before < before


@given(result=RESULTS, shares=st.integers(1, 10**24))
def test_leaving_never_lowers_a_share(result, shares):
    vault = vault_of(result)
    before = price(vault)
    fair = shares * before
    shares = min(shares, vault.balances[HOLDERS[0]])
    got = leave(vault, HOLDERS[0], shares)
    assert price(vault) >= before
    assert got * SCALE <= fair


@given(result=RESULTS, amounts=st.lists(AMOUNTS, min_size=1, max_size=5))
def test_in_and_out_at_one_price_gains_nothing(result, amounts):
    vault = vault_of(result)
    brought = 0
    for amount in amounts:
        if vault.shares_for(amount, vault.market.cash):
            vault.deposit(START, amount, HOLDERS[1])
            brought += amount
    if brought:
        shares = min(vault.balances[HOLDERS[1]], MOST_SHARES - 1)
        assert leave(vault, HOLDERS[1], shares) <= brought


@given(result=RESULTS, first=AMOUNTS, second=AMOUNTS)
def test_two_deposits_buy_no_more_than_one_and_hardly_less(result, first, second):
    """The first is rounded down by e < 1 share, so the second finds the price higher by that.

    It buys e * second / (nav + first) shares less, and is rounded down by less than one itself."""
    one, two = vault_of(result), vault_of(result)
    nav = one.market.cash + VIRTUAL_ASSETS + first * SCALE
    whole = one.shares_for(first + second, one.market.cash)
    if not two.shares_for(first, two.market.cash):
        return
    two.deposit(START, first, HOLDERS[1])
    parts = two.balances[HOLDERS[1]] + two.shares_for(second, two.market.cash)
    assert 0 <= whole - parts < 2 + Fraction(second * SCALE, nav)


@given(
    result=RESULTS,
    parts=st.lists(st.integers(1, 10**23), min_size=2, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_in_which_order_all_leave_moves_each_by_a_unit_for_each_that_goes_before(
    result, parts, order
):
    """Each that is rounded down leaves less than a unit to those after him, all together."""
    results = []
    for _ in range(2):
        vault = vault_of(result)
        numbers = {}
        for number in parts:
            who = 100 + number
            if who not in numbers:
                vault.transfer(HOLDERS[0], who, number)
                numbers[who] = number
        people = list(numbers)
        if results:
            order.shuffle(people)
        for who in people:
            vault.request(START, who, numbers[who], who, who)
        vault.process(START + COOLDOWN, 50)
        results.append({who: vault.claims[who].amount for who in numbers})
    for who, amount in results[0].items():
        assert abs(amount - results[1][who]) <= len(results[0])


@given(result=RESULTS, outflow=st.integers(10**16, WAD), days=st.integers(1, 5))
def test_parts_are_claims_and_claims_are_what_is_set_aside(result, outflow, days):
    vault = vault_of(result, outflow)
    vault.request(START, HOLDERS[0], vault.balances[HOLDERS[0]], HOLDERS[0], HOLDERS[0])
    before = price(vault)
    for day in range(1, days + 1):
        if vault.first:
            break
        vault.process(START + COOLDOWN * day, 50)
        claimed = sum(claim.amount for claim in vault.claims.values())
        assert claimed * SCALE == vault.market.set_aside
        assert price(vault) >= before
        assert vault.claims[HOLDERS[0]].shares + vault.supply == 10**24


@given(
    claim=st.tuples(st.integers(1, 10**30), st.integers(1, 10**15)),
    shares=st.lists(st.integers(1, 10**30), max_size=6),
)
def test_claims_in_parts_pay_the_whole_and_no_more(claim, shares):
    vault = vault_of()
    vault.claims[5] = Claim(*claim)
    vault.market.set_aside = claim[1] * SCALE
    got = 0
    for part in shares:
        if part <= vault.claims[5].shares:
            got += vault.redeem(5, part, 5, 5)
    if vault.claims[5].shares:
        got += vault.redeem(5, vault.claims[5].shares, 5, 5)
    assert got == claim[1]
    assert vault.market.set_aside == 0


@given(
    long=st.integers(0, 10**12),
    short=st.integers(0, 10**12),
    cost=st.integers(-(10**18), 10**18),
    growth=st.tuples(*[st.integers(-(10**17), 10**17)] * 2),
    entries=st.integers(-(10**30), 10**30),
    at=st.integers(10**6, 10**24),
)
def test_a_market_is_worth_its_exact_sum_and_is_rounded_by_less_than_two_wads(
    long, short, cost, growth, entries, at
):
    state = Market(
        PARAMETERS,
        START,
        long=long * 10**9,
        short=short * 10**9,
        index_long=growth[0],
        index_short=growth[1],
        cost_sum=cost * 10**9,
        entry_sum=entries * 10**17,
    )
    skew = Fraction(state.skew, WAD)
    due = Fraction(state.long * growth[0] + state.short * growth[1] - state.entry_sum, WAD**2)
    exact = due * at - (skew * at - state.cost_sum)
    assert exact - 1 < worth_low(state, at) <= exact <= worth_high(state, at) < exact + 1
