"""Lenses against their twins in the model, to the last unit."""

from dataclasses import astuple
from typing import Any

import boa

from clearway.spec import views
from clearway.spec.refused import Refused
from clearway.spec.wad import WAD
from tests.market.world import World, as_struct

ROUNDINGS = 6
"""Units of money that all roundings of an appraisal may take: result and what is owed a unit each;
the notional is rounded up before both parts of the maintenance are, so these two each."""


def plain(shown: Any) -> Any:
    """Return a contract's answer as nested tuples."""
    if isinstance(shown, tuple | list):
        return tuple(plain(part) for part in shown)
    return shown


def named(shown: Any, expected: Any) -> None:
    """Compare field by field, so that a failure names its field."""
    fields = list(vars(expected))
    assert dict(zip(fields, plain(tuple(shown)), strict=False)) == {
        name: plain(_tuples(getattr(expected, name))) for name in fields
    }


def _tuples(part: Any) -> Any:
    if isinstance(part, list):
        return [astuple(one) for one in part]
    return part


def assert_account_shown(world: World, account: int) -> None:
    shown = world.contracts.lens.account(account)
    expected = views.account_view(world.model, world.now, account)
    boundaries = [
        (one.liquidation_price, other.liquidation_price, other.market)
        for one, other in zip(shown.positions, expected.positions, strict=True)
    ]
    named(
        _without_boundaries(shown),
        _replaced(expected, [other for _, other, _ in boundaries]),
    )
    if not expected.reason:
        prices = {one.market: one.price for one in expected.positions}
        for price, searched, number in boundaries:
            assert_boundary(world, account, number, prices, price, searched)


def _without_boundaries(shown: Any) -> list[Any]:
    parts = list(plain(tuple(shown)))
    parts[-2] = tuple(position[:-1] for position in parts[-2])
    return parts


def _replaced(expected: views.AccountView, boundaries: list[int]) -> Any:
    class Seen:
        pass

    seen = Seen()
    vars(seen).update(vars(expected))
    seen.positions = tuple(astuple(one)[:-1] for one in expected.positions)
    return seen


def assert_boundary(
    world: World, account: int, number: int, prices: dict[int, int], price: int, searched: int
) -> None:
    """A price is healthy and its neighbour towards the loss is not; there is no second one.

    Unless roundings decide: then boundaries may be some units of price apart, at each of which
    next to nothing is spare.
    """
    size = world.model.accounts[account].positions[number].size
    spare = views.spare_at(world.model, world.now, account, number, prices)
    step = -1 if size > 0 else 1
    if price in (0, views.GREATEST):
        assert price == searched
        return
    assert spare(price) >= 0 > spare(price + step), (price, searched)
    if price != searched:
        least = ROUNDINGS + abs(size) // WAD + 1
        assert spare(price) <= least >= spare(searched), (price, searched)


def assert_market_shown(world: World, number: int) -> None:
    shown = world.contracts.sums.market(number)
    named(shown, views.market_view(world.model, world.now, number))
    assert plain(tuple(shown.parameters)) == as_struct(world.model.markets[number].parameters)


def assert_vault_shown(world: World) -> None:
    named(world.contracts.sums.vault(), views.vault_view(world.model, world.now))


def assert_solvent(world: World) -> None:
    """One call, and what is found over all accounts is what is kept."""
    accounts = sorted(world.model.accounts)
    s = world.contracts.sums.solvency(accounts)
    assert s.surplus == 0
    assert s.held == s.margins + s.cash + s.set_aside + s.impact_reserves + s.insurance
    assert s.donated == world.donated
    assert (s.margins_found, s.debts_found) == (s.margins, s.debts)
    assert s.escrows_found == s.escrows
    assert s.at_risk_found == s.at_risk
    assert s.broke == 0
    for kept in s.markets:
        assert (kept.long_found, kept.short_found) == (kept.long, kept.short)
        assert (kept.cost_found, kept.entry_found) == (kept.cost_sum, kept.entry_sum)
    buckets = world.model.buckets()
    assert s.held == sum(buckets.values())
    assert s.impact_reserves == buckets["impact reserves"]
    assert s.insurance == buckets["insurance"]
    assert s.claims == sum(claim for _, claim in world.model.claims)


def assert_quoted(
    world: World,
    account: int,
    market: int,
    size_delta: int,
    is_reduce_only: bool = False,
    keeper_fee: int = 0,
) -> views.Quote | None:
    """Compare a quote with the model's, or the reason why neither gives one."""
    words = (account, market, size_delta, is_reduce_only, keeper_fee)
    try:
        expected = views.quote(world.model, world.now, *words)
    except Refused as refused:
        with boa.reverts(refused.reason):
            world.contracts.quotes.quote(*words)
        return None
    named(world.contracts.quotes.quote(*words), expected)
    return expected


def assert_all_shown(world: World) -> None:
    for account in world.model.accounts:
        assert_account_shown(world, account)
    for number in world.model.markets:
        assert_market_shown(world, number)
    assert_vault_shown(world)
    assert_solvent(world)
