"""Who liquidates accounts below maintenance."""

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
from clearway.keeper.liquidator import Liquidator
from clearway.keeper.running import Stop
from clearway.keeper.screen import Screen
from clearway.shell.commands import Session, connected, example


@click.command("liquidator", epilog=example("ape run keeper liquidator --account 9"))
@WEBSOCKET_OPTION
@connected(account=True)
def cli(session: Session, l2_ws: str | None) -> None:
    """Liquidate accounts below maintenance, those first by which the vault could lose most.

    It knows every account from the market's events, and keeps for each how far prices may move
    before it could be in danger, so that a new report leads to just those that are. The chain is
    asked about all of these in one call before anything is sent. Anyone may do this; each reward
    goes to the first account of whoever did.
    """
    system = session.system
    contracts = [system.market, system.orders, system.configuration]
    system.liquidation_keeper  # noqa: B018 - refuses where none is deployed
    require_funds(session)
    session.unlocked_signer  # noqa: B018 - asks for a passphrase before the screen begins

    async def work(screen: Screen, stop: Stop) -> None:
        def make() -> Liquidator:
            tools = Tools(session, "liquidator", contracts, screen.say)
            return Liquidator(system, tools.follower, tools.reports, tools.hands, screen.say)

        screen.say(f"liquidator {session.account} on {session.network.name}")
        await keep_stepping(make, screen, stop, websocket_of(session, l2_ws))

    run_keeper(f"Clearway liquidator on {session.network.name}", work)


if __name__ == "__main__":
    alone(cli)
