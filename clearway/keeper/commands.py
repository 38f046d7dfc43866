"""The frame of a keeper's command: one process, one screen, a sentence when it can't begin."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from clearway.deployments import genesis_of
from clearway.keeper.running import Stop
from clearway.keeper.screen import Screen, screen
from clearway.shell.commands import BridgeGroup, Session


def keeper_folder(session: Session, keeper: str) -> Path:
    """Return where a keeper keeps what it must not forget: a folder of its own for each account
    and deployment.
    """
    deployment = session.deployment
    genesis = genesis_of(session.rollup.l2)[2:10]
    market = deployment.addresses["PerpetualMarket"][2:10].lower()
    where = f"{deployment.l2_chain_id}-{genesis}-{market}"
    return session.journal_folder / "keepers" / where / f"{keeper}-{session.account[2:10].lower()}"


def run_keeper(title: str, work: Callable[[Screen, Stop], Coroutine[Any, Any, None]]) -> None:
    """Run a keeper until SIGTERM or Ctrl-C."""

    async def main() -> None:
        stop = Stop()
        stop.listen()
        with screen(title) as shown:
            await work(shown, stop)
            shown.say("stopped; nothing is lost: the same command goes on from here")

    asyncio.run(main())


def alone(command: click.Command) -> None:
    """Run one keeper's command as a program: `python -m bots.executor ...`."""
    name = str(command.name)
    group = BridgeGroup(commands={name: command})
    group.main([name, *sys.argv[1:]], prog_name="python -m bots")
