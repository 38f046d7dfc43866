"""Whether every claim on the market has a token behind it, told from the chain alone.

`PoolLens.solvency` adds up what is kept in running sums; the accounts that events name are added up
one by one beside it. Where both agree, nothing hides in any account.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from clearway.deployments import System
from clearway.spec.state import account_of

MOST_ACCOUNTS = 100  # of one question to the lens
FOUND = ("margins_found", "debts_found", "escrows_found", "escrows", "broke")
FOUND_OF_MARKET = ("long_found", "short_found", "cost_found", "entry_found")


@dataclass(frozen=True)
class Sum:
    """A sum as it is kept, and as it is found over all accounts."""

    name: str
    kept: int  # wad
    found: int

    @property
    def agrees(self) -> bool:
        return self.kept == self.found


@dataclass(frozen=True)
class Solvency:
    """The tokens held and all that they stand behind, at one block; quote wad."""

    block: int
    accounts: int
    held: int
    buckets: tuple[tuple[str, int], ...]
    surplus: int
    donated: int  # token units that nobody noted
    debts: int  # what accounts owe the vault
    claims: int  # what the vault owes winners
    broke: int  # accounts that owe and have nothing left
    sums: tuple[Sum, ...]

    @property
    def is_whole(self) -> bool:
        """Tell whether all adds up to the last unit."""
        return self.surplus == 0 and self.broke == 0 and all(one.agrees for one in self.sums)


def solvency(system: System) -> Solvency:
    """Return how the market stands now."""
    block = system.rollup.l2.block().number
    accounts = accounts_of(system, block)
    parts = [accounts[at : at + MOST_ACCOUNTS] for at in range(0, len(accounts), MOST_ACCOUNTS)]
    views = [system.pool_lens.call("solvency", part, block=block) for part in parts or [[]]]
    return _added(system, block, len(accounts), views)


def accounts_of(system: System, last: int) -> list[int]:
    """Return all accounts that ever had anything, ascending.

    Margin comes by a deposit, or to a keeper for an order or a liquidation.
    """
    first = system.deployment.l2_block
    paid_in = system.market.events(first, last, "Deposited")
    executed = system.orders.events(first, last, "BatchExecuted")
    liquidated = system.market.events(first, last, "AccountLiquidated")
    keepers = {one.values["keeper"] for one in (*executed, *liquidated)}
    found = {one.values["account"] for one in (*paid_in, *liquidated)}
    return sorted(found | {account_of(int(keeper, 16)) for keeper in keepers})


def _added(system: System, block: int, accounts: int, views: Sequence[Any]) -> Solvency:
    """Add up what was found over parts of the accounts; what is kept is the same in all."""
    one = views[0]
    found = {name: sum(getattr(view, name) for view in views) for name in FOUND}
    return Solvency(
        block=block,
        accounts=accounts,
        held=one.held,
        buckets=(
            ("margins and escrows", one.margins),
            ("vault cash", one.cash),
            ("set aside for who leaves", one.set_aside),
            ("impact reserves", one.impact_reserves),
            ("insurance", one.insurance),
        ),
        surplus=one.surplus,
        donated=one.donated,
        debts=one.debts,
        claims=one.claims,
        broke=found["broke"],
        sums=(
            Sum("margins and escrows", one.margins, found["margins_found"]),
            Sum("debts", one.debts, found["debts_found"]),
            Sum("escrows, by orders", found["escrows"], found["escrows_found"]),
            Sum("capital at risk", one.at_risk, one.at_risk_found),
            *_market_sums(system, views),
        ),
    )


def _market_sums(system: System, views: Sequence[Any]) -> Iterable[Sum]:
    names = {listed.number: listed.name for listed in system.deployment.markets}
    for index, kept in enumerate(views[0].markets):
        name = names.get(kept.market, f"market {kept.market}")
        long, short, cost, entry = (
            sum(getattr(view.markets[index], field) for view in views) for field in FOUND_OF_MARKET
        )
        yield Sum(f"{name}, long", kept.long, long)
        yield Sum(f"{name}, short", kept.short, short)
        yield Sum(f"{name}, cost", kept.cost_sum, cost)
        yield Sum(f"{name}, entries", kept.entry_sum, entry)
