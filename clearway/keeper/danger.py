"""Which accounts are to be liquidated, which first, and how many together."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

SHOCK = 20  # a further fall of one part in so many is what is feared
MOST = 50  # accounts of a batch
MOST_GAS = 15_000_000  # of a batch: half of a block
ACCOUNT_GAS, MARKET_GAS = 200_000, 150_000  # that a liquidation takes, at most


@dataclass(frozen=True)
class Endangered:
    """An account below maintenance, as the events and a report have it."""

    account: int
    equity: int  # quote wad
    maintenance: int
    notional: int
    markets: int  # how many

    @property
    def at_risk(self) -> int:
        """Return what the vault would lose if all prices moved on against the account."""
        return self.notional // SHOCK - self.equity

    @property
    def gas(self) -> int:
        return ACCOUNT_GAS + MARKET_GAS * self.markets


def batches(accounts: Iterable[Endangered], alone: Collection[int] = ()) -> list[list[Endangered]]:
    """Return the accounts, most at risk first, in parts that fit a transaction.

    Those in `alone`, which failed in company, get a part each.
    """
    found: list[list[Endangered]] = []
    together: list[Endangered] = []
    gas = MOST_GAS + 1  # so that the first begins a part
    for one in sorted(accounts, key=lambda one: (-one.at_risk, one.account)):
        if one.account in alone:
            found.append([one])
            continue
        if len(together) == MOST or gas + one.gas > MOST_GAS:
            together, gas = [], 0
            found.append(together)
        together.append(one)
        gas += one.gas
    return found


def due(accounts: Sequence[Endangered], reasons: Sequence[str]) -> list[Endangered]:
    """Return those that the contract would liquidate: whose reason why not is empty."""
    return [one for one, reason in zip(accounts, reasons, strict=True) if not reason]
