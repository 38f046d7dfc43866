"""Profits beyond the vault's cash wait their turn, and nobody else's margin pays them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.spec.market import set_off
from clearway.spec.state import account_of
from clearway.spec.wad import WAD
from tests.spec.world import PARAMETERS, UNIT, Wish, World, closing

A, B, LOSER, BYSTANDER = (account_of(owner) for owner in (7, 8, 9, 10))
LIGHT = replace(PARAMETERS, risk_weight=WAD // 100, max_velocity=0)


def won(*coins: int, price: int = 4000, vault: int = 2000) -> World:
    """Return a poor vault, whose traders close in their order after a rise."""
    world = World(vault, parameters=LIGHT)
    world.deposit(BYSTANDER, 5000)
    winners = (A, B)[: len(coins)]
    for account, size in zip(winners, coins, strict=True):
        world.deposit(account, 3000)
        assert world.fill(Wish(account, size * WAD)) == [""]
    world.now += 2
    world.report(price * WAD)
    for account, size in zip(winners, coins, strict=True):
        assert world.fill(closing(account, -size * WAD)) == [""]
    return world


def test_what_the_vault_has_is_paid_at_once_and_the_rest_is_a_claim():
    world = won(5)
    # All cash was paid; what came after it is the vault's part of the closing fee of 4.
    assert world.market.cash == 4 * WAD * 4 // 5
    ((account, claim),) = world.market.claims
    assert account == A
    state = world.market.markets[0]
    paid_in_fees = state.insurance + state.impact_reserve + world.market.cash
    # 5,000 won, less than a cost's grid lost; 2,000 and nothing else came from the vault.
    assert world.holder(A).margin == (3000 + 2000) * WAD - paid_in_fees
    assert 2990 * WAD < claim < 3000 * WAD


def test_a_profit_that_comes_later_waits_behind_the_claims_there_are():
    world = won(5, 1)
    assert [account for account, _ in world.market.claims] == [A, B]
    world.market.provide(100 * UNIT)
    world.now += 2
    world.report(4000 * WAD)
    world.deposit(B, 3000)
    world.fill(Wish(B, WAD))
    world.fill(closing(B, -WAD), price=4200 * WAD)
    assert [account for account, _ in world.market.claims] == [A, B, B]


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=8), st.integers(1, 4))
def test_claims_are_paid_oldest_first_and_never_more_than_is_there(provided, most):
    world = won(5, 1)
    owed, there = sum(claim for _, claim in world.market.claims), world.market.cash
    before = world.money(A, B)
    for dollars in provided:
        claims = list(world.market.claims)
        world.market.provide(dollars * UNIT)
        had = world.market.cash
        world.market.pay_claims(most)
        paid = had - world.market.cash
        assert paid == min(had, sum(claim for _, claim in claims[:most]))
        assert world.market.claims == claims[len(claims) - len(world.market.claims) :] or (
            world.market.claims[1:] == claims[len(claims) - len(world.market.claims) + 1 :]
        )
    assert world.money(A, B) == before  # a claim becomes margin, and nothing is lost
    assert owed - sum(claim for _, claim in world.market.claims) <= there + sum(provided) * WAD


def test_what_losers_pay_goes_to_the_claims_when_they_are_paid():
    world = won(5)
    world.market.provide(1000 * UNIT)
    world.market.pay_claims(1)
    world.market.provide(4000 * UNIT)
    world.deposit(LOSER, 3000)
    world.fill(Wish(LOSER, 2 * WAD))
    world.fill(closing(LOSER, -2 * WAD), price=3500 * WAD)
    world.market.pay_claims(9)
    assert world.market.claims == []


def hedged() -> World:
    """Return a poor vault, and A who has won 5,000 in one market and lost 6,000 in another."""
    world = World(2000, (0, 1), parameters=LIGHT)
    world.deposit(A, 3000)
    for market in (0, 1):
        assert world.fill(Wish(A, 5 * WAD), market=market) == [""]
    world.now += 2
    world.report(4000 * WAD, 1800 * WAD)
    return world


@pytest.mark.parametrize("way", [(0, 1), (1, 0)])
def test_whether_profit_or_loss_is_taken_first_no_more_is_left_than_both_leave(way):
    """While the vault's cash is exhausted, a profit is a claim, and a loss beyond margin a debt."""
    world = hedged()
    for market in way:
        assert world.fill(closing(A, -5 * WAD), market=market) == [""]
    assert bool(world.market.claims) == (way == (0, 1))
    assert world.money(A) <= (3000 + 5000 - 6000) * WAD
    assert sum(world.market.buckets().values()) == world.market.held * world.market.scale


def test_a_debt_takes_back_the_oldest_of_its_own_claims_and_nobody_elses():
    claims = [(A, 5), (B, 7), (A, 3), (A, 2)]
    assert set_off(claims, A, 7) == ([(A, 0), (B, 7), (A, 1), (A, 2)], 0)
    assert set_off(claims, A, 12) == ([(A, 0), (B, 7), (A, 0), (A, 0)], 2)
    assert set_off(claims, LOSER, 4) == (claims, 4)


@pytest.mark.parametrize("price", [3000, 4000, 6000, 9000])
def test_no_bystanders_margin_is_touched_however_much_is_won(price):
    world = won(5, 4, price=price)
    assert world.money(BYSTANDER) == 5000 * WAD
    assert world.withdraw_all(BYSTANDER) == 5000 * WAD
    assert sum(world.market.buckets().values()) == world.market.held * world.market.scale


def test_a_claim_is_no_margin_and_can_be_neither_withdrawn_nor_traded_on():
    world = won(5)
    margin = world.holder(A).margin
    assert world.withdraw_all(A) <= margin
    assert world.holder(A).margin < world.market.scale
    assert world.market.claims


def test_a_loss_beyond_the_margin_is_paid_by_insurance_first_and_by_the_vault_last():
    world = World(100_000)
    world.deposit(BYSTANDER, 5000)
    world.deposit(A, 1000)
    world.fill(Wish(A, 5 * WAD))
    world.insure(500 * WAD)
    cash, margin = world.market.cash, world.money(A)
    reserve = world.market.markets[0].impact_reserve
    world.fill(closing(A, -5 * WAD), price=2500 * WAD)
    assert world.money(A) == 0
    assert world.market.markets[0].insurance == 0
    rebate = reserve - world.market.markets[0].impact_reserve
    assert world.market.cash == cash + margin + rebate + 500 * WAD
    assert world.money(BYSTANDER) == 5000 * WAD


def test_a_debt_while_positions_are_open_is_paid_by_whatever_comes_next():
    world = World(100_000, (0, 1))
    world.deposit(A, 2000)
    for market in (0, 1):
        assert world.fill(Wish(A, 3 * WAD), market=market) == [""]
    world.now += 2
    world.report(2000 * WAD, 4500 * WAD)
    world.fill(closing(A, -3 * WAD))
    debt, cash = -world.holder(A).margin, world.market.cash
    assert debt > 0
    world.deposit(A, 100)
    assert world.market.cash == cash + 100 * WAD
    assert -world.holder(A).margin == debt - 100 * WAD
    assert world.fill(closing(A, -3 * WAD), market=1) == [""]
    assert world.holder(A).margin > 0
    assert world.drawn() == 0
