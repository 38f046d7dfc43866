"""Who executes due orders, prices due redemptions, and lets deposits into the vault."""

import click

from clearway.keeper.commands import WEBSOCKET_OPTION, alone, run_l2_keeper
from clearway.keeper.executor import Executor
from clearway.shell.commands import Session, connected, example


@click.command("executor", epilog=example("ape run keeper executor --account 8"))
@WEBSOCKET_OPTION
@connected(account=True)
def cli(session: Session, l2_ws: str | None) -> None:
    """Bring due orders their report and execute them, oldest first, for their keepers' fees.

    An order that no report filled in ten minutes is filled by the aggregator's round if it only
    reduces, and cleared when its window ends. Due redemptions are priced, winners whom the vault
    owes are paid, and deposits from L1 that wait for a price enter the vault. Margins that were
    tightened come in step by step, and markets end as announced. A market whose price has left its
    aggregator's is halted, and freed when they have met. Anyone may do all this, several at once
    too.
    """
    system = session.system
    contracts = [system.market, system.orders, system.vault, system.configuration]
    if "L2Gateway" in session.deployment.addresses:
        contracts.append(system.l2_gateway)
    run_l2_keeper(session, "executor", Executor, contracts, l2_ws)


if __name__ == "__main__":
    alone(cli)
