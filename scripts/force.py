"""`ape run force`: out of the market through L1 alone, past a sequencer that refuses."""

from typing import Any

import click

from clearway import gateways
from clearway.opstack import ForcedStarter, Sender
from clearway.opstack.errors import BadInput
from clearway.opstack.messages import tohex
from clearway.opstack.text import duration
from clearway.shell.commands import BridgeGroup, Session, connected, debug_option, example, tell
from clearway.shell.desk import Desk, Terms
from clearway.shell.market_tables import Names
from clearway.shell.tables import show_facts, show_table
from clearway.shell.trading import (
    ALL,
    COMMIT_ONLY_OPTION,
    DRY_RUN_OPTION,
    KEEPER_FEE_OPTION,
    LIMIT_OPTION,
    NUMBER_OPTION,
    dry,
    looked_at,
    options,
    parse_slot,
    parse_units,
    receiver,
)
from clearway.trading.execution import PATIENCE

WINDOW = 43_200  # seconds: within it a live chain's sequencer must include what L1 forces
SLIPPAGE = "10%"  # the price may move while the order is on its way

STEPS = (
    (
        "close",
        "an order that only reduces is committed on L2",
        f"minutes; {duration(WINDOW)} if the sequencer delays what it can't refuse",
    ),
    (
        "execute",
        "the order fills at the price of 2 seconds later; any keeper does it, or you",
        "10 min by the report; then a day by the aggregator's first round since",
    ),
    (
        "withdraw",
        "margin leaves for L1; nothing needs a price once no position is open",
        f"as for close: {duration(WINDOW)} at most",
    ),
    (
        "(prove)",
        "`ape run withdraw watch` proves it against a game that covers its block",
        "a game is proposed within hours; anyone may propose",
    ),
    (
        "(finalize)",
        "the same command finalizes it once it can't be challenged any more",
        "{maturity} from the proof, and {finality} after its game",
    ),
    (
        "(claim)",
        "`ape run gateway claim` has the tokens paid out of the exit's box",
        "at once",
    ),
)


class ForcedDesk(Desk):
    """A desk whose transactions go through L1's portal."""

    group = "force"

    def _sender(self) -> Sender:
        return self.session.forced_sender()


@click.group(
    cls=BridgeGroup,
    short_help="Out of the market through L1 alone, past a sequencer that refuses",
    epilog=example("ape run force steps", "ape run force close ETH", "ape run force withdraw all"),
)
@debug_option
def cli() -> None:
    """Close positions and take margin home through L1's portal alone.

    For whoever the sequencer refuses. It takes ETH on L1 and none on L2. What L1 forces the
    sequencer may delay by its window, 12 hours on live chains, and not refuse: `steps` tells what
    happens when. Each command may be killed and run again.
    """


@cli.command(epilog=example("ape run force steps"))
@connected()
def steps(session: Session) -> None:
    """Show what there is to do, in which order, and how long each step takes at most."""
    delays = session.rollup.delays
    times = {
        "maturity": duration(delays.proof_maturity),
        "finality": duration(delays.game_finality),
    }
    rows = [(name, what, when.format(**times)) for name, what, when in STEPS]
    show_table(("step", "what happens", "when at the latest"), rows)


@cli.command(epilog=example("ape run force close ETH", "ape run force close ETH --slippage 25%"))
@click.argument("market")
@options(
    LIMIT_OPTION,
    click.option(
        "--slippage",
        default=SLIPPAGE,
        show_default=True,
        metavar="PERCENT",
        help="Without --limit: how much worse than now it may fill. It may take long to arrive.",
    ),
    KEEPER_FEE_OPTION,
    NUMBER_OPTION,
    click.option("--execute", is_flag=True, help="Force the execution, too; leave it to nobody."),
    COMMIT_ONLY_OPTION,
    DRY_RUN_OPTION,
)
@connected(account=True)
def close(session: Session, market: str, number: str, **given: Any) -> None:
    """Close a position by an order through L1.

    Keepers execute it as any other. If none does, its execution is forced as well.
    """
    terms = Terms.of(
        given["limit"],
        given["slippage"],
        given["keeper_fee"],
        patience=0.0 if given["execute"] else PATIENCE,
        is_dry=given["dry_run"],
        waits=not given["no_wait"],
    )
    desk = ForcedDesk(session, number, acts=not terms.is_dry)
    listed = desk.market(market)
    desk.held(listed)
    _tell_delay(session)
    desk.close(listed, terms)
    if terms.waits and not terms.is_dry:
        tell(f"`{session.command('force', 'withdraw', ALL, *_numbered(number))}` is next")


@cli.command(epilog=example("ape run force execute --slot 0"))
@click.option("--slot", required=True, metavar="SLOT", help="As `ape run account orders` shows it.")
@NUMBER_OPTION
@connected(account=True)
def execute(session: Session, slot: str, number: str) -> None:
    """Execute an order of the account through L1.

    By the report of its own second for ten minutes, then, if it only reduces, by the aggregator's
    first round since. It may be the account's own, whoever refuses.
    """
    desk = ForcedDesk(session, number)
    placed = desk.trader.placed(parse_slot(slot))
    _tell_delay(session)
    desk.follow(placed, patience=0.0)


@cli.command(epilog=example("ape run force withdraw all", "ape run force withdraw 250"))
@click.argument("quantity", metavar="AMOUNT")
@click.option("--to", metavar="ADDRESS", help="Who may claim it on L1. [default: the account]")
@NUMBER_OPTION
@DRY_RUN_OPTION
@connected(account=True)
def withdraw(session: Session, quantity: str, to: str | None, number: str, dry_run: bool) -> None:
    """Send AMOUNT of margin, or "all", to L1 through L1.

    Positions must be closed first: what is free beside them needs a price that is fresh when the
    transaction arrives, and nobody knows when that is.
    """
    trader, claimant = looked_at(session, None, number), receiver(session, to)
    view = trader.view()
    if view.positions:
        named = session.system.market_name(view.positions[0].market)
        raise BadInput(
            f"the account has a position in {named}", f"`ape run force close {named}` closes it"
        )
    free = trader.free_units()
    units = free if quantity.strip().lower() == ALL else parse_units(session, quantity)
    names = Names(session.deployment)
    if not 0 < units <= free:
        raise BadInput(
            f"{names.units(free)} may leave the account",
            "withdraw less" if free else "there is nothing to withdraw",
        )
    show_facts([("to L1", names.units(units)), ("for", claimant)])
    if dry_run:
        dry()
        return
    _tell_delay(session)
    starter = ForcedStarter(session.rollup, session.sender(session.rollup.l1), progress=tell)
    started = gateways.withdraw(session.system, starter, trader.id, units, claimant)
    show_facts([("withdrawal", tohex(started.hash))])
    tell(f"`{session.command('withdraw', 'watch')}` proves and finalizes it")
    tell(f"`{session.command('gateway', 'claim')}` then has it paid")


def _tell_delay(session: Session) -> None:
    tell(
        "through L1's portal: its gas is paid on L1, and L2 includes it at once"
        if session.network.is_local
        else "through L1's portal: its gas is paid on L1, and L2 includes it within minutes, or "
        f"within {duration(WINDOW)} if the sequencer holds it back"
    )


def _numbered(number: str) -> list[str]:
    return ["--number", number] if number != "0" else []
