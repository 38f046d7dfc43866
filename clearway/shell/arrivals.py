"""Following what was sent on L1 until it is on L2."""

from collections.abc import Sequence

import click
from rich.console import Console

from clearway.opstack import Arrivals
from clearway.opstack.deposits import DepositOutcome
from clearway.opstack.errors import TransactionFailed
from clearway.opstack.messages import tohex
from clearway.shell.commands import INTERRUPTED, Session, tell
from clearway.shell.tables import show_facts


def follow(
    session: Session, l1_transaction: bytes, no_wait: bool, facts: Sequence[tuple[str, str]] = ()
) -> None:
    """Show what was sent, `facts` of it too, and wait until all of it is on L2."""
    show_facts([("L1 transaction", tohex(l1_transaction)), *facts])
    later = session.command("bridge", "wait", tohex(l1_transaction), account=False)
    if no_wait:
        tell(f"`{later}` waits for it")
        return
    try:
        outcomes = _wait(Arrivals(session.rollup), l1_transaction)
    except KeyboardInterrupt:
        # What is said elsewhere, to run the same command again, would deposit again here.
        tell(f"\nthe deposit is made and on its way: `{later}` waits for it")
        raise click.exceptions.Exit(INTERRUPTED) from None
    for number in sorted({outcome.l2_block for outcome in outcomes}):
        show_facts([("arrived", f"in L2 block {number}")])
    if any(outcome.failed_message for outcome in outcomes):
        again = session.command("bridge", "replay", tohex(l1_transaction))
        raise TransactionFailed(
            "the deposit arrived, and its message failed on L2",
            f"nothing is lost: `{again}` replays it",
        )


def _wait(arrivals: Arrivals, l1_transaction: bytes) -> list[DepositOutcome]:
    display = Console(stderr=True)
    if not display.is_terminal:
        tell("waiting for L2")
        return arrivals.wait(l1_transaction)
    with display.status("waiting for L2; it takes a few minutes on live chains"):
        return arrivals.wait(l1_transaction)
