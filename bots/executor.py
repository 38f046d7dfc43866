"""Who executes due orders, prices due redemptions, and lets deposits into the vault."""

import click

from clearway.keeper.commands import (
    WEBSOCKET_OPTION,
    Tools,
    alone,
    keep_stepping,
    require_funds,
    run_keeper,
    websocket_of,
)
from clearway.keeper.executor import Executor
from clearway.keeper.running import Stop
from clearway.keeper.screen import Screen
from clearway.shell.commands import Session, connected, example


@click.command("executor", epilog=example("ape run keeper executor --account 8"))
@WEBSOCKET_OPTION
@connected(account=True)
def cli(session: Session, l2_ws: str | None) -> None:
    """Bring due orders their report and execute them, oldest first, for their keepers' fees.

    An order that no report filled in ten minutes is filled by the aggregator's round if it only
    reduces, and cleared when its window ends. Due redemptions are priced, winners whom the vault
    owes are paid, and deposits from L1 that wait for a price enter the vault. Anyone may do all
    this, several at once too.
    """
    system = session.system
    require_funds(session)
    session.unlocked_signer  # noqa: B018 - asks for a passphrase before the screen begins
    contracts = [system.market, system.orders, system.vault]
    if "L2Gateway" in session.deployment.addresses:
        contracts.append(system.l2_gateway)

    async def work(screen: Screen, stop: Stop) -> None:
        def make() -> Executor:
            tools = Tools(session, "executor", contracts, screen.say)
            return Executor(system, tools.follower, tools.reports, tools.hands, screen.say)

        screen.say(f"executor {session.account} on {session.network.name}")
        await keep_stepping(make, screen, stop, websocket_of(session, l2_ws))

    run_keeper(f"Clearway executor on {session.network.name}", work)


if __name__ == "__main__":
    alone(cli)
