"""`ape run keeper`: publishers, executor, liquidator and withdrawals; each runs until stopped."""

import importlib
from typing import cast

import click

import bots  # now: Ape takes the project off the import path when this file is loaded
from clearway.shell.commands import BridgeGroup, debug_option, example

KEEPERS = ("publisher", "executor", "liquidator", "withdrawals")


class Keepers(BridgeGroup):
    """The commands in `bots/`, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(KEEPERS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in KEEPERS:
            return None
        return cast(click.Command, importlib.import_module(f"{bots.__name__}.{cmd_name}").cli)


@click.group(
    cls=Keepers,
    short_help="Keepers: publisher, executor, liquidator, withdrawals",
    epilog=example("ape run keeper executor --account 8"),
)
@debug_option
def cli() -> None:
    """Run a keeper until it is stopped. Anyone may run any of them but a publisher.

    Each shows what it sees and does, goes on where it was killed, and outlives a node's restart.
    `python -m bots.executor …` does the same without Ape.
    """
