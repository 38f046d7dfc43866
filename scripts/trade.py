"""`ape run trade`: open, add to, reduce and close positions; what a trade would be."""

from typing import Any

import click

from clearway import numbers
from clearway.opstack.errors import BadInput
from clearway.shell.commands import BridgeGroup, Session, connected, debug_option, example, tell
from clearway.shell.desk import Desk, Terms, agreed, ask
from clearway.shell.market_tables import MARKETS, Names, market_row, plan_facts, settled_facts
from clearway.shell.tables import show_facts, show_table
from clearway.shell.trading import (
    COMMIT_ONLY_OPTION,
    DRY_RUN_OPTION,
    KEEPER_FEE_OPTION,
    LIMIT_OPTION,
    NUMBER_OPTION,
    YES_OPTION,
    options,
    parse_slot,
    trader_of,
)
from clearway.trading.execution import PATIENCE
from clearway.trading.orders import DEFAULT_SLIPPAGE
from clearway.units import parse_amount

SHORT_OPTION = click.option(
    "--short", is_flag=True, help="Sell: a position that gains when the price falls."
)
USD_OPTION = click.option("--usd", metavar="AMOUNT", help="The size by what it is worth now.")
TERMS = (
    LIMIT_OPTION,
    click.option(
        "--slippage",
        default=numbers.percent(DEFAULT_SLIPPAGE, 0),
        show_default=True,
        metavar="PERCENT",
        help="Without --limit: how much worse than now it may fill.",
    ),
    KEEPER_FEE_OPTION,
    NUMBER_OPTION,
    click.option("--execute", is_flag=True, help="Execute it at once, not leaving it to keepers."),
    COMMIT_ONLY_OPTION,
    DRY_RUN_OPTION,
)
MORE_TERMS = (
    USD_OPTION,
    click.option(
        "--leverage",
        metavar="X",
        help="Deposit the margin that is missing for this leverage of the account.",
    ),
    click.option(
        "--from-l1",
        is_flag=True,
        help="Send the order, and margin that is missing, by one transaction on L1.",
    ),
    click.option("--eth", default="0", metavar="ETH", help="With --from-l1: ETH for gas on L2."),
    YES_OPTION,
)


@click.group(
    cls=BridgeGroup,
    short_help="Positions: open, add, reduce, close, quote",
    epilog=example("ape run trade open ETH 2 --leverage 10", "ape run trade close ETH"),
)
@debug_option
def cli() -> None:
    """Open, add to, reduce and close positions.

    A size is in units of the market (2 is 2 ETH). An order is committed first and fills at the
    price of two seconds later, brought by whoever executes it: a keeper, or else the owner.
    """


# Looking


@cli.command(epilog=example("ape run trade markets"))
@connected()
def markets(session: Session) -> None:
    """List the markets with their prices and rates."""
    trader = trader_of(session)
    rows = [market_row(one.name, trader.market(one)) for one in session.deployment.markets]
    show_table(MARKETS, rows)


@cli.command(epilog=example("ape run trade quote ETH 2", "ape run trade quote ETH 2 --short"))
@click.argument("market")
@click.argument("size", required=False)
@SHORT_OPTION
@USD_OPTION
@click.option("--leverage", metavar="X", help="Show what would have to be deposited for it.")
@NUMBER_OPTION
@connected(account=True)
def quote(
    session: Session,
    market: str,
    size: str | None,
    short: bool,
    usd: str | None,
    leverage: str | None,
    number: str,
) -> None:
    """Show what a trade of SIZE would cost now. Nothing is sent."""
    terms, desk = Terms.of(leverage=leverage), Desk(session, number, acts=False)
    intent = desk.sized(desk.market(market), size, usd, -1 if short else 1)
    show_facts(plan_facts(Names(session.deployment), desk.planned(intent, terms)))


# Trading


@cli.command(
    "open",
    epilog=example(
        "ape run trade open ETH 2 --leverage 10",
        "ape run trade open BTC --usd 5000 --short --slippage 0.5%",
        "ape run trade open ETH 2 --limit 1999.5 --dry-run",
        "ape run trade open ETH 2 --leverage 10 --from-l1 --eth 0.01",
    ),
)
@click.argument("market")
@click.argument("size", required=False)
@SHORT_OPTION
@options(*MORE_TERMS, *TERMS)
@connected(account=True)
def open_position(
    session: Session, market: str, size: str | None, short: bool, usd: str | None, **given: Any
) -> None:
    """Open a position of SIZE, or add to one.

    Without --leverage the account must have the margin; with it, what is missing is deposited
    first from what the owner holds on L2, or comes with the order from L1.
    """
    terms, desk = _begin(session, given)
    desk.open(desk.market(market), size, usd, -1 if short else 1, terms)


@cli.command(epilog=example("ape run trade add ETH 1", "ape run trade add ETH 1 --leverage 5"))
@click.argument("market")
@click.argument("size", required=False)
@options(*MORE_TERMS, *TERMS)
@connected(account=True)
def add(session: Session, market: str, size: str | None, usd: str | None, **given: Any) -> None:
    """Make a position larger by SIZE, in its own direction."""
    terms, desk = _begin(session, given)
    listed = desk.market(market)
    sign = 1 if desk.held(listed).size > 0 else -1
    desk.open(listed, size, usd, sign, terms)


@cli.command(epilog=example("ape run trade reduce ETH 0.5"))
@click.argument("market")
@click.argument("size", required=False)
@USD_OPTION
@options(*TERMS)
@connected(account=True)
def reduce(session: Session, market: str, size: str | None, usd: str | None, **given: Any) -> None:
    """Make a position smaller by SIZE. It never turns into its opposite."""
    terms, desk = _begin(session, given)
    desk.reduce(desk.market(market), size, usd, terms)


@cli.command(epilog=example("ape run trade close ETH", "ape run trade close ETH --limit 1990"))
@click.argument("market")
@options(*TERMS)
@connected(account=True)
def close(session: Session, market: str, **given: Any) -> None:
    """Close a position. It needs no margin."""
    terms, desk = _begin(session, given)
    desk.close(desk.market(market), terms)


@cli.command(epilog=example("ape run trade settle SOL"))
@click.argument("market")
@NUMBER_OPTION
@connected(account=True)
def settle(session: Session, market: str, number: str) -> None:
    """Close a position in a retired market at its final price, without a fee. Keepers do it too."""
    desk = Desk(session, number)
    settled = desk.trader.settle(desk.market(market), tell)
    show_facts(settled_facts(desk.names, settled))


@cli.command(epilog=example("ape run trade execute --slot 0"))
@click.option("--slot", required=True, metavar="SLOT", help="As `ape run account orders` shows it.")
@NUMBER_OPTION
@connected(account=True)
def execute(session: Session, slot: str, number: str) -> None:
    """Execute an order of the account, as a keeper does; take one back whose time is over."""
    wanted, desk = parse_slot(slot), Desk(session, number)
    placed = desk.trader.placed(wanted)
    stage = next(one.stage for one in desk.trader.view().orders if one.slot == wanted)
    if stage == "expired":
        desk.trader.clear(wanted, tell)
        show_facts([("cleared", "its escrow is margin again")])
        return
    desk.follow(placed, patience=0.0)


def _begin(session: Session, given: dict[str, Any]) -> tuple[Terms, Desk]:
    """Return the terms that a command was given, and the desk of its account."""
    is_dry, from_l1 = given["dry_run"], given.get("from_l1", False)
    eth = parse_amount(given.get("eth", "0"), what="--eth", allow_zero=True)
    if eth and not from_l1:
        raise BadInput("--eth is given without --from-l1", "give both, or deposit the ETH first")
    terms = Terms.of(
        given["limit"],
        given["slippage"],
        given["keeper_fee"],
        given.get("leverage"),
        patience=0.0 if given["execute"] else PATIENCE,
        is_dry=is_dry,
        waits=not given["no_wait"],
        is_from_l1=from_l1,
        eth=eth,
        agree=agreed if given.get("yes") else ask,
    )
    return terms, Desk(session, given["number"], acts=not is_dry)
