"""`ape run solvency`: whether every claim on the market has a token behind it."""

import click

from clearway.shell.commands import FAILED, BridgeGroup, Session, connected, example
from clearway.shell.market_tables import Names
from clearway.shell.tables import show_facts, show_table
from clearway.shell.vault_tables import (
    SOLVENCY,
    SUMS,
    solvency_facts,
    solvency_rows,
    sum_rows,
)
from clearway.trading.solvency import solvency


@click.group(
    cls=BridgeGroup,
    invoke_without_command=True,
    subcommand_metavar="",
    short_help="Whether every claim has a token behind it",
    epilog=example("ape run solvency", "ape run solvency --network op-sepolia"),
)
@connected()
def cli(session: Session) -> None:
    """Hold the tokens of the market against all that they stand behind.

    All is read from the chain at one block: the running sums, and beside them every account that
    an event names. The exit status is 1 if anything differs by a single unit.
    """
    names, found = Names(session.deployment), solvency(session.system)
    show_table(SOLVENCY, solvency_rows(found))
    print()
    show_table(SUMS, sum_rows(found))
    print()
    show_facts(solvency_facts(names, found))
    if found.is_whole:
        click.secho("all adds up to the last unit")
        return
    click.secho("it doesn't add up", fg="red", err=True)
    raise click.exceptions.Exit(FAILED)
