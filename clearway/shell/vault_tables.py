"""What providers are shown of the vault, and everybody of its solvency."""

from collections.abc import Iterable, Iterator

from clearway import numbers
from clearway.opstack.addresses import Address
from clearway.opstack.text import amount, duration, moment
from clearway.shell.market_tables import Names
from clearway.trading.provider import Request, Standing, VaultReport
from clearway.trading.solvency import Solvency

Facts = Iterator[tuple[str, str]]
REQUESTS = ("request", "shares", "waiting", "asked at", "priced")
SOLVENCY = ("", "tokens")
SUMS = ("sum", "kept", "accounts differ by")


def vault_facts(names: Names, report: VaultReport) -> Facts:
    view = report.view
    yield "vault", f"worth {names.units(report.worth)}, {_shares(report.supply)}"
    yield "a share", f"{numbers.price(report.share_price)} {names.symbol}"
    yield "cash", names.money(view.cash)
    yield "traders' result", f"{numbers.money(view.open_result, signed=True)} {names.symbol}, open"
    if view.unpriced:
        yield "unpriced", "some markets have no price, and are left out of that"
    yield "owed for time", f"{numbers.money(view.time_due, signed=True)} {names.symbol}, by traders"
    yield "used", f"{numbers.percent(view.utilisation)} of what may stand against traders"
    if view.claims:
        yield "owes winners", names.money(view.claims)
    if view.debts:
        yield "owed by accounts", names.money(view.debts)
    yield "set aside", f"{names.money(view.set_aside)}, for who leaves"
    yield "may enter", names.units(report.room) if report.room else "nothing now"
    leaving = "1 request waits" if report.waiting == 1 else f"{report.waiting} requests wait"
    yield (
        "leaving",
        (
            f"{leaving}; cooldown {duration(report.cooldown)}, "
            f"at most {numbers.percent(report.daily_outflow, 0)} a day"
        ),
    )


def _shares(shares: int) -> str:
    return f"{numbers.money(shares)} shares"


def standing_facts(names: Names, owner: Address, standing: Standing) -> Facts:
    yield "provider", owner
    yield "has", f"{_shares(standing.shares)}, worth {names.units(standing.worth)}"
    yield "claimable", names.units(standing.claimable)


def request_rows(requests: Iterable[Request], now: int) -> Iterator[tuple[str, ...]]:
    for one in requests:
        left = one.ready_at - now
        yield (
            str(one.number),
            numbers.money(one.shares),
            numbers.money(one.waiting),
            moment(one.requested_at).removesuffix(" UTC"),
            f"in {duration(left)} at the soonest" if left > 0 else "as soon as somebody does it",
        )


def solvency_rows(found: Solvency) -> list[tuple[str, str]]:
    """Give the identity to the last unit: what is held is what stands in the buckets."""
    rows = [
        ("held by the market", found.held),
        *((f"- {name}", wads) for name, wads in found.buckets),
        ("surplus", found.surplus),
    ]
    return [
        (name, shown) for (name, _), shown in zip(rows, _column(w for _, w in rows), strict=True)
    ]


def sum_rows(found: Solvency) -> list[tuple[str, ...]]:
    """Compare each sum, those of markets that nobody is in left out."""
    sums = [one for one in found.sums if one.kept or one.found]
    differences = (amount(one.found - one.kept) for one in sums)
    return list(
        zip((one.name for one in sums), _column(o.kept for o in sums), differences, strict=True)
    )


def _column(wads: Iterable[int]) -> list[str]:
    """Show wads below each other, digit by digit."""
    shown = [numbers.exact(one) for one in wads]
    width = max(map(len, shown), default=0)
    return [one.rjust(width) for one in shown]


def solvency_facts(names: Names, found: Solvency) -> Facts:
    yield "accounts", f"{found.accounts}, all that events name, at L2 block {found.block}"
    yield "given away", f"{names.units(found.donated)} that nobody noted, and nobody can take"
    yield "owed to winners", f"{names.money(found.claims)}, as the vault earns it"
    yield "owed by accounts", names.money(found.debts)
    yield "broke accounts", f"{found.broke} that owe and have nothing left"
