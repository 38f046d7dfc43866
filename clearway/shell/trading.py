"""What the commands of traders and providers share: their options, and who acts for them."""

import functools
from collections.abc import Callable
from typing import Any

import click
from eth_utils.address import to_checksum_address

from clearway import numbers
from clearway.opstack.addresses import Address, parse_address
from clearway.opstack.errors import BadInput
from clearway.opstack.sender import Sender
from clearway.shell.commands import Session, tell
from clearway.trading.orders import DEFAULT_KEEPER_FEE
from clearway.trading.prices import NoReports, Prices, Reports
from clearway.trading.provider import Provider
from clearway.trading.trader import MOST_NUMBER, Trader
from clearway.units import parse_amount

ALL = "all"
MOST_SLOT = 15

NUMBER_OPTION = click.option(
    "--number",
    default="0",
    show_default=True,
    metavar="N",
    help="Which of the owner's accounts: each has a margin of its own.",
)
OWNER_OPTION = click.option(
    "--of", "owner", metavar="ADDRESS", help="Look at somebody else's. [default: the account's]"
)
DRY_RUN_OPTION = click.option(
    "--dry-run", is_flag=True, help="Show what would be done, and send nothing."
)
LIMIT_OPTION = click.option(
    "--limit", metavar="PRICE", help="Worst price to fill at, premium included."
)
KEEPER_FEE_OPTION = click.option(
    "--keeper-fee",
    default=numbers.money(DEFAULT_KEEPER_FEE),
    show_default=True,
    metavar="AMOUNT",
    help="For whoever executes it.",
)
COMMIT_ONLY_OPTION = click.option("--no-wait", is_flag=True, help="Commit the order and stop.")
YES_OPTION = click.option("--yes", is_flag=True, help="Don't ask.")


def options(*given: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command several options at once, in this order."""
    return lambda command: functools.reduce(
        lambda decorated, option: option(decorated), reversed(given), command
    )


def prices_of(session: Session) -> Prices:
    """Return the prices of a deployment: its boards', where it names any."""
    return Prices(session.system, _reports_of(session))


def _reports_of(session: Session) -> Reports:
    if not session.deployment.boards:
        return NoReports()
    from clearway.keeper.publishing import committee_of
    from clearway.keeper.reports_client import Board

    return Board.of(session.deployment.boards, committee_of(session.system.feed))


def trader_of(session: Session, number: str = "0", sender: Sender | None = None) -> Trader:
    """Return the account's trader, who acts by a sender on L2 if there is one."""
    count = parse_number(number)
    return Trader(session.system, prices_of(session), session.account, count, sender)


def acting(session: Session, dry_run: bool) -> Sender | None:
    """Return the account on L2, or nobody where nothing is to be sent."""
    return None if dry_run else session.sender(session.rollup.l2)


def looked_at(session: Session, owner: str | None, number: str = "0") -> Trader:
    """Return a trader who is only looked at: the account's if no other owner is named."""
    address = parse_address(owner, "the owner") if owner else session.account
    return Trader(session.system, prices_of(session), address, parse_number(number))


def provider_of(session: Session, *, acts: bool = False) -> Provider:
    """Return the account's provider; `acts` if it will send something."""
    sender = session.sender(session.rollup.l2) if acts else None
    return Provider(session.system, prices_of(session), session.account, sender)


def parse_number(text: str, whose: str = "account") -> int:
    """Return the number of an account, or of what else is numbered from 0."""
    stripped = text.strip()
    if not stripped.isdecimal() or int(stripped) > MOST_NUMBER:
        raise BadInput(f"{text!r} is no {whose}'s number", "give a whole number from 0")
    return int(stripped)


def parse_slot(text: str) -> int:
    """Return the number of one of an account's slots."""
    stripped = text.strip()
    if not stripped.isdecimal() or int(stripped) > MOST_SLOT:
        raise BadInput(f"{text!r} is no slot", f"there are 0 to {MOST_SLOT}")
    return int(stripped)


def parse_units(session: Session, text: str) -> int:
    """Return units of the collateral."""
    return parse_amount(text, session.deployment.token.decimals)


def shown_units(session: Session, units: int) -> str:
    """Show units of the collateral with its name."""
    pair = session.deployment.token
    return f"{numbers.token(units, pair.decimals)} {pair.symbol}"


def receiver(session: Session, to: str | None) -> Address:
    """Return whom `--to` names, the account if nobody."""
    return parse_address(to, "--to") if to else to_checksum_address(session.account)


def dry() -> None:
    """Say that nothing was done."""
    tell("nothing was sent: this was a dry run")
