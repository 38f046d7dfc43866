"""Who takes exits to their end: proof, challenge delay, finalization, payment."""

import asyncio

import click

from clearway.keeper.commands import (
    Tools,
    alone,
    keep_stepping,
    require_funds,
    run_keeper,
)
from clearway.keeper.exits import Exits
from clearway.keeper.running import Stop
from clearway.keeper.screen import Screen
from clearway.keeper.withdrawer import Withdrawer
from clearway.opstack import Driver
from clearway.opstack.addresses import parse_address
from clearway.shell.commands import Session, connected, example

LOCAL_PAUSE, LIVE_PAUSE = 1.0, 12.0  # wall seconds; a live L1 has a block in 12


@click.command("withdrawals", epilog=example("ape run keeper withdrawals --account 9"))
@click.option(
    "--for",
    "people",
    multiple=True,
    metavar="ADDRESS",
    help="Whose exits; repeat. [default: everybody's]",
)
@connected(account=True)
def cli(session: Session, people: tuple[str, ...]) -> None:
    """Prove and finalize exits that were started at the L2 gateway, and have them paid on L1.

    It pays for this on L1 and gets nothing for it: name by --for whose exits it should take on.
    Withdrawals over the bridge that pass by the gateway are `ape run withdraw watch`'s.
    """
    system = session.system
    wanted = Exits(frozenset(parse_address(one, "--for") for one in people))
    contracts = [system.l2_gateway]
    system.l1_gateway  # noqa: B018 - refuses where none is deployed
    require_funds(session, session.rollup.l1)
    session.unlocked_signer  # noqa: B018 - asks for a passphrase before the screen begins
    pause = LOCAL_PAUSE if session.network.is_local else LIVE_PAUSE

    async def work(screen: Screen, stop: Stop) -> None:
        def make() -> Withdrawer:
            tools = Tools(session, "withdrawals", contracts, screen.say, session.rollup.l1)
            driver = Driver(session.rollup, tools.sender, tools.journal, screen.say)
            return Withdrawer(system, tools.follower, driver, tools.hands, wanted, screen.say)

        screen.say(f"withdrawals' keeper {session.account} on {session.network.name}")
        await keep_stepping(make, screen, stop, rest=lambda: asyncio.sleep(pause))

    run_keeper(f"Clearway withdrawals on {session.network.name}", work)


if __name__ == "__main__":
    alone(cli)
