"""`ape run account`: an account's margin, positions, orders and past."""

import click

from clearway.opstack.errors import BadInput
from clearway.shell.commands import (
    BridgeGroup,
    Session,
    connected,
    debug_option,
    example,
    tell,
)
from clearway.shell.market_tables import (
    HISTORY,
    ORDERS,
    POSITIONS,
    Names,
    account_facts,
    history_rows,
    order_rows,
    position_rows,
    wallet_facts,
)
from clearway.shell.tables import show_facts, show_table
from clearway.shell.trading import (
    ALL,
    DRY_RUN_OPTION,
    NUMBER_OPTION,
    OWNER_OPTION,
    acting,
    dry,
    looked_at,
    parse_units,
    receiver,
    shown_units,
    trader_of,
)
from clearway.trading.history import history as history_of
from clearway.trading.trader import Trader, mint_test_tokens


class ShowByDefault(BridgeGroup):
    """A group that shows the account when it is told nothing else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("--") and args[0] not in ("--help", "--debug")):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=ShowByDefault,
    short_help="An account's margin, positions, orders and past",
    epilog=example("ape run account", "ape run account deposit 1000"),
)
@debug_option
def cli() -> None:
    """Look at an account, and move margin in and out.

    An account is an owner and a number; all its positions share its margin. `show` is what it does
    when no command is given.
    """


# Looking


@cli.command(epilog=example("ape run account show", "ape run account show --account 2"))
@OWNER_OPTION
@NUMBER_OPTION
@connected(account=True)
def show(session: Session, owner: str | None, number: str) -> None:
    """Show margin, equity, positions and orders, and what the owner holds beside them."""
    names, trader = Names(session.deployment), looked_at(session, owner, number)
    view = trader.view()
    show_facts([*account_facts(names, trader, view), *wallet_facts(names, trader.wallet())])
    if view.positions:
        print()
        show_table(POSITIONS, position_rows(names, view))
    if view.orders:
        print()
        show_table(ORDERS, order_rows(names, view.orders))
    if trader.prices.trouble:
        tell(f"prices are those on chain: {trader.prices.trouble}")


@cli.command(epilog=example("ape run account orders"))
@OWNER_OPTION
@NUMBER_OPTION
@connected(account=True)
def orders(session: Session, owner: str | None, number: str) -> None:
    """List the committed orders, and what would become of each now."""
    trader = looked_at(session, owner, number)
    found = trader.view().orders
    if not found:
        tell("the account has no orders")
        return
    show_table(ORDERS, order_rows(Names(session.deployment), found))


@cli.command(epilog=example("ape run account history"))
@OWNER_OPTION
@NUMBER_OPTION
@connected(account=True)
def history(session: Session, owner: str | None, number: str) -> None:
    """List all that happened to the account, oldest first. Fees include premiums."""
    trader = looked_at(session, owner, number)
    happened = history_of(session.system, trader.id)
    if not happened:
        tell("nothing has happened to the account")
        return
    show_table(HISTORY, history_rows(Names(session.deployment), happened))


# Money


@cli.command(epilog=example("ape run account deposit 1000"))
@click.argument("quantity", metavar="AMOUNT")
@NUMBER_OPTION
@DRY_RUN_OPTION
@connected(account=True)
def deposit(session: Session, quantity: str, number: str, dry_run: bool) -> None:
    """Deposit AMOUNT of the collateral, which the owner has on L2, as margin.

    The market is approved for that amount first, if it isn't yet.
    """
    trader, units = (
        trader_of(session, number, acting(session, dry_run)),
        parse_units(session, quantity),
    )
    trader.require_tokens(units)
    if dry_run:
        show_facts([("deposit", f"{shown_units(session, units)}, as margin")])
        dry()
        return
    trader.deposit(units, tell)
    _show_money(session, trader, "deposited", units)


@cli.command(epilog=example("ape run account faucet 10000"))
@click.argument("quantity", metavar="AMOUNT")
@connected(account=True)
def faucet(session: Session, quantity: str) -> None:
    """Make AMOUNT of the collateral on L1, where it is a test token that anybody may mint."""
    units = parse_units(session, quantity)
    mint_test_tokens(session.system, session.sender(session.rollup.l1), units)
    show_facts([("minted", f"{shown_units(session, units)} on L1")])
    tell(f"`{session.command('gateway', 'deposit', quantity)}` brings them as margin")


@cli.command(epilog=example("ape run account withdraw 250", "ape run account withdraw all"))
@click.argument("quantity", metavar="AMOUNT")
@click.option("--to", metavar="ADDRESS", help="Receiver on L2. [default: the account]")
@NUMBER_OPTION
@DRY_RUN_OPTION
@connected(account=True)
def withdraw(session: Session, quantity: str, to: str | None, number: str, dry_run: bool) -> None:
    """Withdraw AMOUNT (or all) of the margin that backs nothing, to L2."""
    whom, trader = receiver(session, to), trader_of(session, number, acting(session, dry_run))
    free = trader.free_units()
    units = free if quantity == ALL else parse_units(session, quantity)
    is_begun = not dry_run and trader.is_withdrawing(units, whom)
    if (units > free or not units) and not is_begun:
        raise BadInput(
            f"{shown_units(session, free)} may leave the account"
            + (f", less than {shown_units(session, units)}" if units else ""),
            "the rest backs positions and orders" if free else "there is nothing to withdraw",
        )
    if dry_run:
        show_facts([("withdraw", f"{shown_units(session, units)} to {whom} on L2")])
        dry()
        return
    trader.withdraw(units, whom, tell)
    _show_money(session, trader, "withdrawn", units)


def _show_money(session: Session, trader: Trader, what: str, units: int) -> None:
    names = Names(session.deployment)
    show_facts([(what, names.units(units)), ("margin", names.money(trader.view().margin))])
