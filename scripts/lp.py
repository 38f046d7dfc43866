"""`ape run lp`: provide the cash that stands against traders, and take it back."""

import click

from clearway import numbers
from clearway.opstack.errors import BadInput
from clearway.opstack.text import duration
from clearway.shell.commands import (
    BridgeGroup,
    Session,
    connected,
    debug_option,
    example,
    tell,
)
from clearway.shell.market_tables import Names
from clearway.shell.tables import show_facts, show_table
from clearway.shell.trading import (
    ALL,
    DRY_RUN_OPTION,
    dry,
    parse_units,
    provider_of,
    receiver,
    shown_units,
)
from clearway.shell.vault_tables import REQUESTS, request_rows, standing_facts, vault_facts
from clearway.trading.provider import DEFAULT_SLIPPAGE


@click.group(
    cls=BridgeGroup,
    short_help="The vault: deposit, request, claim, report",
    epilog=example("ape run lp deposit 10000", "ape run lp report"),
)
@debug_option
def cli() -> None:
    """Provide the cash that stands against all traders, for their fees and losses.

    Entering gives shares at once. Leaving takes three steps: `request` puts shares into a queue,
    anyone prices them when they have cooled down, and `claim` takes what they were worth.
    """


@cli.command(epilog=example("ape run lp report", "ape run lp report --account 4"))
@connected(account=True)
def report(session: Session) -> None:
    """Show the vault, and what the account has in it."""
    names, provider = Names(session.deployment), provider_of(session)
    show_facts(vault_facts(names, provider.vault()))
    print()
    standing = provider.standing()
    show_facts(standing_facts(names, provider.owner, standing))
    if standing.requests:
        print()
        now = session.rollup.l2.block().timestamp
        show_table(REQUESTS, request_rows(standing.requests, now))


@cli.command(epilog=example("ape run lp deposit 10000"))
@click.argument("quantity", metavar="AMOUNT")
@click.option(
    "--slippage",
    default=numbers.percent(DEFAULT_SLIPPAGE, 1),
    show_default=True,
    metavar="PERCENT",
    help="How many fewer shares than now will do.",
)
@DRY_RUN_OPTION
@connected(account=True)
def deposit(session: Session, quantity: str, slippage: str, dry_run: bool) -> None:
    """Bring AMOUNT of the collateral, which the account has on L2, for shares."""
    less = numbers.parse_percent(slippage, "--slippage")
    provider, units = provider_of(session, acts=not dry_run), parse_units(session, quantity)
    provider.require_tokens(units)
    if dry_run:
        least = provider.least_shares(units, less)
        show_facts(
            [
                ("deposit", shown_units(session, units)),
                ("for", f"{numbers.size(least)} shares at least"),
            ]
        )
        dry()
        return
    told = provider.deposit(units, less, tell)
    show_facts(
        [
            ("deposited", shown_units(session, told.values["assets"])),
            ("shares", f"{numbers.size(told.values['shares'])} more"),
        ]
    )


@cli.command(epilog=example("ape run lp request 500", "ape run lp request all"))
@click.argument("quantity", metavar="AMOUNT")
@DRY_RUN_OPTION
@connected(account=True)
def request(session: Session, quantity: str, dry_run: bool) -> None:
    """Ask for AMOUNT (or all) back: that many shares as are worth it now.

    They keep gaining and losing until they are priced, and what they are worth then is paid.
    """
    provider = provider_of(session, acts=not dry_run)
    held = provider.standing()
    if not held.shares:
        raise BadInput("the account has no shares", "enter with `ape run lp deposit AMOUNT`")
    wanted = held.worth if quantity == ALL else parse_units(session, quantity)
    if wanted > held.worth:
        raise BadInput(
            f"the account's shares are worth {shown_units(session, held.worth)}, less than "
            f"{shown_units(session, wanted)}",
            "ask for less, or for all",
        )
    shares = held.shares if quantity == ALL else provider.shares_worth(wanted)
    if dry_run:
        show_facts(
            [("request", f"{numbers.size(shares)} shares, worth {shown_units(session, wanted)}")]
        )
        dry()
        return
    told = provider.request(shares, tell)
    cooldown = session.system.vault.call("cooldown")
    show_facts(
        [
            ("request", str(told.values["requestId"])),
            ("shares", numbers.size(shares)),
            ("priced", f"in {duration(cooldown)} at the soonest"),
        ]
    )
    tell(f"`{session.command('lp', 'claim')}` takes it then")


@cli.command(epilog=example("ape run lp claim", "ape run lp claim --to 0x…"))
@click.option("--to", metavar="ADDRESS", help="Receiver on L2. [default: the account]")
@connected(account=True)
def claim(session: Session, to: str | None) -> None:
    """Take what requests of the account were worth. Prices them first, if nobody has."""
    whom = receiver(session, to)
    told = provider_of(session, acts=True).claim(whom, tell)
    show_facts([("claimed", shown_units(session, told.values["assets"])), ("to", f"{whom} on L2")])


@cli.command(epilog=example("ape run lp process"))
@connected(account=True)
def process(session: Session) -> None:
    """Price the requests whose cooldown is over, anyone's. The bot does so, too."""
    told = provider_of(session, acts=True).process(tell)
    values = told.values
    show_facts(
        [
            ("priced", f"request {values['request']}, {numbers.size(values['shares'])} shares"),
            ("set aside", shown_units(session, values["assets"])),
            *([("left", f"{numbers.size(values['left'])} shares")] if values["left"] else []),
        ]
    )
