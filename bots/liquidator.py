"""Who liquidates accounts below maintenance."""

import click

from clearway.keeper.commands import WEBSOCKET_OPTION, alone, run_l2_keeper
from clearway.keeper.liquidator import Liquidator
from clearway.shell.commands import Session, connected, example


@click.command("liquidator", epilog=example("ape run keeper liquidator --account 9"))
@WEBSOCKET_OPTION
@connected(account=True)
def cli(session: Session, l2_ws: str | None) -> None:
    """Liquidate accounts below maintenance, those first by which the vault could lose most.

    It knows every account from the market's events, and keeps for each how far prices may move
    before it could be in danger, so that a new report leads to just those that are. The chain is
    asked about all of these in one call before anything is sent. Anyone may do this; each reward
    goes to the first account of whoever did. Positions in retired markets are settled first.
    """
    system = session.system
    contracts = [system.market, system.orders, system.configuration]
    system.liquidation_keeper  # noqa: B018 - refuses where none is deployed
    run_l2_keeper(session, "liquidator", Liquidator, contracts, l2_ws)


if __name__ == "__main__":
    alone(cli)
