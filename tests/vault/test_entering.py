"""Who enters: at which price, when not, and that nobody gains by it at others' cost."""

import boa
import pytest

from clearway.spec.refused import Refused
from clearway.spec.vault import CAP_HOLD, Reference, worth_high, worth_low
from tests.market.world import WAD
from tests.vault.world import CAP, LISTED, PRICES, UNIT, deploy, world_of

VIRTUAL = 10**12


@pytest.fixture
def provider():
    return boa.env.generate_address("provider")


@pytest.fixture
def trader(world):
    """One who is long where he trades; the vault has a million dollars."""
    world.provide(1_000_000 * UNIT)
    trader = boa.env.generate_address("trader")
    world.deposit(trader, 100_000 * UNIT)
    return trader


def open_long(world, trader, market=0, size=100 * WAD, prices=PRICES):
    keeper = boa.env.generate_address("keeper")
    slot = len(world.model.accounts[world.account(trader)].orders)
    limit = prices[market] * (102 if size > 0 else 98) // 100
    assert world.place(trader, slot, market, size, limit) is None
    world.wait(2)
    world.report(prices)
    assert world.execute(keeper, market, [(trader, slot)]) == ([""], None)


def test_the_first_share_costs_a_wad(world, provider):
    assert world.enter(provider, 1_000 * UNIT) is None
    assert world.shares(provider) == 1_000 * WAD
    assert world.contracts.vault.totalAssets() == 1_000 * UNIT


def test_v1_a_gift_before_a_victim_changes_nothing(world, provider):
    attacker = boa.env.generate_address("attacker")
    assert world.enter(attacker, 1) is None
    world.contracts.token.mint(world.contracts.market.address, 10**6 * UNIT)
    world.contracts.token.mint(world.contracts.vault.address, 10**6 * UNIT)
    world.donated += 10**6 * UNIT
    assert world.enter(provider, 1_000 * UNIT) is None
    assert world.shares(provider) == 1_000 * WAD
    world.assert_equal()


@pytest.mark.parametrize("gift", [10**6, 10**12, 10**18])
def test_v1_a_gift_that_counts_goes_to_nobody_and_costs_the_victim_less(world, provider, gift):
    """Fees can be given to the vault. The first depositor gives, a victim enters, both are valued.

    A share never costs more than (gift + 2 units) * 10^12 / 10^12 units, and the victim loses less
    than one share: a millionth of a millionth of what the gift's giver loses, and a unit."""
    attacker = boa.env.generate_address("attacker")
    assert world.enter(attacker, 1) is None
    vault = world.vault
    vault.market.cash += gift * 10**12
    brought = 10**3 * UNIT
    nav = vault.nav(world.now, is_entering=True)
    shares = vault.shares_for(brought, nav)
    vault.balances[1_000] = shares
    after = nav + brought * 10**12
    lost = brought - vault.worth(shares, after)
    of_the_attacker = 1 + gift - vault.worth(VIRTUAL, after)
    assert lost <= 1 + gift // 10**12 + 1
    # The virtual shares, as many as his, have half of the gift, and of what the victim loses.
    assert of_the_attacker + lost >= gift // 2


def test_v3_so_little_that_it_buys_no_share_is_refused(world, provider):
    world.provide(10**6)
    assert world.mint(provider, 0) == "zero amount"
    assert world.enter(provider, 0) == "zero amount"
    world.vault.deposit_cap = 10**40
    world.vault.market.cash = 10**37  # a share costs more than the unit that is brought
    with pytest.raises(Refused, match="zero shares"):
        world.vault.deposit(world.now, 1, 7)


def test_v4_what_may_enter_enters_and_no_more(world, provider):
    world.provide(1_000 * UNIT)
    assert world.limit(cap=5_000 * WAD + 1) is None
    most = world.contracts.vault.maxDeposit(provider)
    assert most == 4_000 * UNIT
    assert world.enter(provider, most + 1) == "deposit cap reached"
    shares = world.contracts.vault.maxMint(provider)
    assert world.mint(provider, shares + 1) == "deposit cap reached"
    assert world.mint(provider, shares) is None
    assert world.contracts.vault.maxDeposit(provider) == 0
    assert world.contracts.vault.maxMint(provider) == 0


def test_v4_nothing_may_enter_over_a_lowered_cap(world, provider):
    world.provide(1_000 * UNIT)
    assert world.limit(cap=10) is None
    assert world.contracts.vault.maxDeposit(provider) == 0
    assert world.enter(provider, 1) == "deposit cap reached"


@pytest.mark.parametrize("name", ["vault", "nobody"])
def test_v4_nothing_may_enter_for_who_can_hold_no_shares(world, name):
    who = {"vault": world.contracts.vault.address, "nobody": "0x" + "00" * 20}[name]
    assert world.contracts.vault.maxDeposit(who) == world.contracts.vault.maxMint(who) == 0


def test_without_a_fresh_price_nothing_may_enter_and_nothing_reverts(world, trader, provider):
    open_long(world, trader)
    assert world.contracts.vault.maxDeposit(provider) > 0
    world.wait(13)
    assert (
        world.contracts.vault.maxDeposit(provider) == world.contracts.vault.maxMint(provider) == 0
    )
    assert world.enter(provider, UNIT) == "price stale"
    world.assert_equal()


def test_a_price_of_a_market_where_nothing_is_open_isnt_needed(world, provider):
    world.wait(10**6)
    assert world.enter(provider, UNIT) is None


def test_during_an_outage_nothing_may_enter(world, trader, provider):
    world.report(PRICES, world.now + 60)
    assert world.contracts.vault.maxDeposit(provider) == 0
    assert world.enter(provider, UNIT) == "chain's clock lags"
    world.wait(60)
    assert world.enter(provider, UNIT) == "in grace after an outage"


def test_boards_of_two_seconds_are_no_price(world, trader, provider):
    open_long(world, trader)
    open_long(world, trader, market=4)
    world.wait(2)
    world.report({0: PRICES[0], 1: PRICES[1]})
    assert world.enter(provider, UNIT) == "no report of that second"
    world.wait(2)
    world.report({4: PRICES[4]})
    assert world.enter(provider, UNIT) == "no report of that second"
    world.wait(2)
    world.report(PRICES)
    assert world.enter(provider, UNIT) is None


def test_a_board_that_went_on_is_brought_back_to_the_second(world, trader, provider):
    open_long(world, trader)
    open_long(world, trader, market=4)
    world.wait(2)
    world.report(PRICES)
    second = world.now
    world.wait(2)
    world.report({4: 2 * PRICES[4]})
    assert world.enter(provider, UNIT) == "no report of that second"
    world.report(PRICES, second)  # the same report again
    assert world.enter(provider, UNIT) is None
    world.assert_equal()


def test_enters_at_the_highest_of_report_confidence_and_aggregator(world, trader, provider):
    open_long(world, trader)
    dear = 3_100 * WAD
    world.set_round(0, dear)
    world.report_with({0: (3_000 * WAD, 2 * 10**16), 1: (600 * WAD, 0)}, world.now + 2)
    vault, state = world.vault, world.model.accrued(0, world.now)
    world.judge_rounds()
    cash = world.model.cash
    # The vault is short: worth most at the lowest price, worth least at the highest.
    assert vault.nav(world.now, is_entering=True) == cash + worth_high(state, 2_940 * WAD)
    assert vault.nav(world.now, is_entering=False) == cash + worth_low(state, dear)
    assert vault.middle(world.now) == cash + worth_low(state, 3_000 * WAD)
    world.rounds[0] = (2_900 * WAD, world.now)
    world.contracts.aggregators[0].set_round(9, 2_900 * WAD, world.now)
    world.judge_rounds()
    assert vault.references[0] == Reference(2_900 * WAD, 10**16)
    assert vault.nav(world.now, is_entering=True) == cash + worth_high(state, 2_900 * WAD)
    assert vault.nav(world.now, is_entering=False) == cash + worth_low(state, 3_060 * WAD)
    assert world.contracts.vault.highest_worth() == cash + worth_high(state, 2_900 * WAD)
    assert world.enter(provider, 1_000 * UNIT) is None
    world.assert_equal()


def test_an_aggregator_that_cant_be_used_changes_nothing(world, trader, provider):
    open_long(world, trader)
    for number in LISTED:
        world.contracts.aggregators[number].set_health(2)  # reverts
    world.rounds.clear()
    assert world.enter(provider, 1_000 * UNIT) is None
    world.assert_equal()


def test_v6_a_deposit_never_buys_into_a_gain_that_is_there_already(world, trader, provider):
    """Traders are down: the vault's gain is in the price before it is realised."""
    open_long(world, trader)
    fallen = {**PRICES, 0: 2_700 * WAD}
    for number, price in fallen.items():
        world.set_round(number, price)
    world.wait(2)
    world.report(fallen)
    worth = world.contracts.vault.totalAssets()
    assert world.enter(provider, 100_000 * UNIT) is None
    held = world.shares(provider)
    assert world.place(trader, 1, 0, -100 * WAD, 2_600 * WAD, is_reduce_only=True) is None
    world.wait(2)
    world.report(fallen)
    assert world.execute(provider, 0, [(trader, 1)]) == ([""], None)
    # The fee of the close comes on top: 0.06 % of 270,000 at most, and what a second owes.
    gained = world.contracts.vault.convertToAssets(held) - 100_000 * UNIT
    assert gained <= 270 * UNIT * (100_000 * UNIT) // worth
    world.assert_equal()


def test_v17_bounds_and_deadlines_hold(world, provider):
    vault = world.contracts.vault
    world.fund_provider(provider, 100 * UNIT)
    wanted = 10 * WAD
    with boa.reverts("fewer shares than wanted"):
        vault.deposit_at_least(10 * UNIT, provider, wanted + 1, world.now, sender=provider)
    with boa.reverts("too late"):
        vault.deposit_at_least(10 * UNIT, provider, wanted, world.now - 1, sender=provider)
    with boa.reverts("more assets than wanted"):
        vault.mint_at_most(wanted, provider, 10 * UNIT - 1, world.now, sender=provider)
    with boa.reverts("too late"):
        vault.mint_at_most(wanted, provider, 10 * UNIT, world.now - 1, sender=provider)
    got = vault.deposit_at_least(10 * UNIT, provider, wanted, world.now, sender=provider)
    assert got == wanted
    assert vault.mint_at_most(wanted, provider, 10 * UNIT, world.now, sender=provider) == 10 * UNIT


def test_v16_where_all_is_lost_nobody_enters_and_nothing_divides_by_zero(world, provider):
    world.provide(10**6 * UNIT)
    vault, cash = world.vault, world.model.cash
    for nav, is_refused in ((0, True), (10**16, True), (10**18, False)):
        vault.market.cash = nav
        most = vault.max_deposit(world.now, 7)
        assert (most == (0, 0)) is is_refused
    vault.market.cash = cash


@pytest.mark.parametrize("decimals", [6, 18])
def test_v18_the_same_dollars_at_any_decimals(decimals, provider):
    with boa.env.anchor():
        world = world_of(deploy(decimals))
        unit = 10**decimals
        world.provide(1_000 * unit)
        assert world.enter(provider, 500 * unit) is None
        assert world.shares(provider) == 500 * WAD
        assert world.leave(provider, 500 * WAD) == 500 * unit
        world.assert_equal()


def test_limits_keep_their_bounds(world):
    for wrong in ((899, 10**17, CAP), (604_801, 10**17, CAP), (900, 10**16 - 1, CAP)):
        assert world.limit(*wrong) == "limit out of range"
    assert world.limit(900, WAD + 1, CAP) == "limit out of range"
    assert world.limit(900, WAD, CAP + 1) == "limit out of range"
    assert world.limit(900, 10**16, 0) is None
    assert world.limit(604_800, WAD, CAP) is None


def test_only_the_owner_sets_limits_and_the_guardian_lowers_the_cap(world, provider):
    vault = world.contracts.vault
    guardian = boa.env.generate_address("guardian")
    vault.set_guardian(guardian)
    for stranger in (provider, guardian):
        with boa.reverts("not the owner"):
            vault.set_limits(900, WAD, CAP, sender=stranger)
    with boa.reverts("not the guardian"):
        vault.lower_deposit_cap(0, sender=provider)
    vault.lower_deposit_cap(10, sender=guardian)
    for cap in (10, 11):
        with boa.reverts("cap not lowered"):
            vault.lower_deposit_cap(cap, sender=guardian)
    assert vault.deposit_cap() == 10


def test_a_cap_that_the_guardian_lowered_stays_down_for_two_days(world):
    """What was scheduled before names all limits, and would raise the cap without meaning to."""
    vault = world.contracts.vault
    guardian = boa.env.generate_address("guardian")
    vault.set_guardian(guardian)
    assert world.lower_cap(guardian, 10) is None
    assert vault.cap_held_until() == world.now + CAP_HOLD
    for later in (0, CAP_HOLD - 1):
        world.wait(later)
        assert world.limit(900, WAD, 11) == "cap held by guardian"
        assert world.limit(900, WAD, 10) is None
    world.wait(1)
    assert world.limit(900, WAD, 11) is None
    assert world.lower_cap(vault.owner(), 9) is None
    assert world.limit() is None
