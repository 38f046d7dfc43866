"""ape run devnet: the local L1 and L2, their clock, and drills."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from eth_utils.address import to_checksum_address
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from clearway.devnet.devnet import Devnet
from clearway.devnet.errors import DevnetError
from clearway.devnet.folder import Settings
from clearway.networks import LOCAL_FOLDER
from clearway.opstack import text
from clearway.opstack.games import TYPE_NAMES
from clearway.shell.commands import BridgeGroup, debug_option, example
from clearway.shell.tables import console, show_facts, show_table
from clearway.units import parse_duration

PORT = click.IntRange(1, 65_535)
REFRESH = 0.5  # wall seconds between two looks of the live table

FOLDER_OPTION = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=LOCAL_FOLDER,
    show_default=True,
    help="Folder of the network.",
)


@click.group(cls=BridgeGroup, epilog=example("ape run devnet up", "ape run devnet advance 7d"))
@debug_option
def cli() -> None:
    """A local L1 and L2 on the real OP Stack contracts.

    `up` starts them and keeps them in the foreground; the other commands speak to the running
    network from another terminal. L1 is ethereum:l1dev:node to Ape, L2 is optimism:l2dev:node.
    """


@cli.command(epilog=example("ape run devnet up", "ape run devnet up --profile short --fresh"))
@FOLDER_OPTION
@click.option(
    "--profile",
    type=click.Choice(["real", "short"]),
    default="real",
    show_default=True,
    help="Delays: the live chains' (crossed by `advance`), or seconds.",
)
@click.option("--l1-port", type=PORT, default=8545, show_default=True, help="Port of L1's RPC.")
@click.option("--l2-port", type=PORT, default=9545, show_default=True, help="Port of L2's RPC.")
@click.option("--l1-chain-id", default=900, show_default=True)
@click.option("--l2-chain-id", default=901, show_default=True)
@click.option("--fork-url", default="", metavar="URL", help="Fork this L1 instead of a fresh one.")
@click.option("--portal", default="", metavar="ADDRESS", help="With --fork-url: the L2's portal.")
@click.option("--fresh", is_flag=True, help="Forget the network that this folder holds.")
@click.option("--detach", is_flag=True, help="Leave it running in the background.")
def up(folder: Path, fresh: bool, detach: bool, fork_url: str, **chosen: Any) -> None:
    """Start the network, or go on with the one that this folder holds."""
    devnet = Devnet(folder)
    started = time.monotonic()
    if devnet.is_running() and not fresh:
        click.echo("the network is running already; this shows it", err=True)
    else:
        if fork_url:
            chosen["l1_chain_id"] = _chain_id_of(fork_url)
        devnet.start(Settings(fork_url=fork_url, **chosen), fresh)
        click.echo(f"up and ready in {time.monotonic() - started:.1f} s", err=True)
    if detach:
        _show_network(devnet)
        return
    _watch(devnet)


def _chain_id_of(url: str) -> int:
    from clearway.opstack import Chain

    return Chain.connect(url, "forked L1").chain_id


def _watch(devnet: Devnet) -> None:
    """Show the network until its user stops it; start its node process again if that dies."""
    try:
        if sys.stdout.isatty():
            _watch_live(devnet)
        else:
            _watch_lines(devnet)
    except KeyboardInterrupt:
        click.echo("\nstopping; the network's state stays in its folder", err=True)
        devnet.stop()


def _watch_live(devnet: Devnet) -> None:
    with Live(console=console(), refresh_per_second=4, screen=False) as live:
        while (status := _status(devnet, live.console.print)) is not None:
            live.update(_picture(devnet, status))
            time.sleep(REFRESH)
    click.echo("the network was stopped", err=True)


def _watch_lines(devnet: Devnet) -> None:
    """Serve a log file or a pipe: one line per event."""
    _show_network(devnet)
    shown: list[str] = []
    while (status := _status(devnet, click.echo)) is not None:
        for event in status["events"]:
            if event not in shown:
                click.echo(f"{text.moment(status['l1']['timestamp'])}  {event}")
        shown = status["events"]
        time.sleep(REFRESH)


def _status(devnet: Devnet, say: Callable[[str], None]) -> dict[str, Any] | None:
    """Return the status; None if the network was stopped. A node process that died is revived."""
    while True:
        try:
            status: dict[str, Any] = devnet.command("devnet_status")
            return status
        except DevnetError:
            if devnet.is_running():
                time.sleep(REFRESH)  # it is busy, or on its way down
            elif devnet.folder.was_stopped():
                return None
            else:
                say("the network's node process died; starting it again")
                devnet.resume()


def _picture(devnet: Devnet, status: dict[str, Any]) -> Group:
    network = devnet.network
    chains = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "RPC", "block", "clock"):
        chains.add_column(column)
    for layer, url in (("l1", network.l1_rpc), ("l2", network.l2_rpc)):
        head = status[layer]
        chains.add_row(layer.upper(), url, str(head["block"]), text.moment(head["timestamp"]))
    return Group(
        Text(_headline(status), style="bold"),
        chains,
        Text(
            f"L1 origin of L2 {status['l1_origin']}, deposits relayed {status['deposits_relayed']}"
        ),
        Text(_sequencer_line(status["sequencer"])),
        _games_table(status),
        *(Text(f"· {event}", style="dim", overflow="fold") for event in status["events"][-5:]),
        Text("Ctrl-C stops the network and keeps its state", style="dim"),
    )


def _headline(status: dict[str, Any]) -> str:
    pace = "" if status["pace"] == 1 else f", {status['pace']:g} chain seconds a second"
    return f"Clearway local network, {status['profile']} delays{pace}"


def _sequencer_line(sequencer: dict[str, Any]) -> str:
    state = "down" if sequencer["down"] else "up"
    censored = sequencer["censored"]
    return f"sequencer {state}" + (f", refuses {_named(censored)}" if censored else "")


def _named(addresses: list[str]) -> str:
    return ", ".join(map(to_checksum_address, addresses)) or "nobody"


def _games_table(status: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("game", "kind", "L2 block", "state", "clock runs out"):
        table.add_column(column)
    now = status["l1"]["timestamp"]
    for game in status["games"]:
        left = game["resolvable_at"] - now
        is_open = game["state"] == "in progress"
        table.add_row(
            f"{game['index']} {text.short(game['address'])}",
            TYPE_NAMES.get(game["type"], str(game["type"])),
            str(game["l2_block"]),
            game["state"],
            (f"in {text.duration(left)}" if left > 0 else "now") if is_open else "",
        )
    return table


def _show_network(devnet: Devnet) -> None:
    network = devnet.network
    show_facts(
        [
            ("folder", str(devnet.folder.path)),
            ("L1 RPC", f"{network.l1_rpc} (chain {network.l1_chain_id})"),
            ("L2 RPC", f"{network.l2_rpc} (chain {network.l2_chain_id})"),
            ("portal", network.portal),
            ("delays", str(network.profile["name"])),
        ]
    )


@cli.command(epilog=example("ape run devnet status", "ape run devnet status --json"))
@FOLDER_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def status(folder: Path, as_json: bool) -> None:
    """Show heads, clocks, deposits and games of the running network."""
    devnet = Devnet(folder)
    found = devnet.command("devnet_status")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    _show_network(devnet)
    show_facts(
        [
            *((f"{layer.upper()} head", _head_line(found[layer])) for layer in ("l1", "l2")),
            ("L1 origin of L2", str(found["l1_origin"])),
            ("deposits", f"{found['deposits_relayed']} relayed"),
            ("pace", f"{found['pace']:g} chain seconds a second"),
            ("sequencer", _sequencer_line(found["sequencer"]).removeprefix("sequencer ")),
        ]
    )
    if found["games"]:
        console().print(_games_table(found))


def _head_line(head: dict[str, Any]) -> str:
    return f"block {head['block']} at {text.moment(head['timestamp'])}"


def _simple(name: str, method: str, said: Callable[[Any], str], help_text: str) -> None:
    """Add a command without arguments."""

    @cli.command(name, help=help_text, epilog=example(f"ape run devnet {name}"))
    @FOLDER_OPTION
    def run(folder: Path) -> None:
        click.echo(said(Devnet(folder).command(method)))


@cli.command(epilog=example("ape run devnet advance 7d", "ape run devnet advance 3h30m"))
@FOLDER_OPTION
@click.argument("duration")
def advance(folder: Path, duration: str) -> None:
    """Move both chains' clocks ahead by DURATION; the roles act as the time passes."""
    now = Devnet(folder).command("devnet_advance", parse_duration(duration))
    click.echo(f"it is {text.moment(now)} on both chains")


@cli.command(epilog=example("ape run devnet pace 60"))
@FOLDER_OPTION
@click.argument("seconds", type=click.FloatRange(1, 3600))
def pace(folder: Path, seconds: float) -> None:
    """Let SECONDS of chain time pass in each second, on both chains; 1 is normal."""
    reached = Devnet(folder).command("devnet_pace", seconds)
    click.echo(f"each second now lasts {reached:g} s of chain time")


@cli.command(epilog=example("ape run devnet censor 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"))
@FOLDER_OPTION
@click.argument("address")
@click.option("--undo", is_flag=True, help="Serve the account again.")
def censor(folder: Path, address: str, undo: bool) -> None:
    """Have the sequencer refuse an account's transactions; L1 can still force them."""
    method = "devnet_uncensor" if undo else "devnet_censor"
    censored = Devnet(folder).command(method, address)
    click.echo(f"the sequencer refuses {_named(censored)}")


_simple(
    "pause-sequencer",
    "devnet_pauseSequencer",
    lambda _: "the sequencer is down: L1 forces its deposits after the sequencing window",
    "Take the sequencer down: L2 takes no transactions, reads go on.",
)
_simple(
    "resume-sequencer",
    "devnet_resumeSequencer",
    lambda _: "the sequencer is up",
    "Bring the sequencer back; L2 catches up.",
)
_simple(
    "lie",
    "devnet_lie",
    lambda game: (
        f"the proposer claimed a false root of L2 block {game['l2_block']} in game "
        f"{game['address']}; the challenger will see to it"
    ),
    "Have the proposer post a false output root: a drill.",
)
_simple(
    "propose",
    "devnet_propose",
    lambda game: f"proposed L2 block {game['l2_block']} in game {game['address']}",
    "Have the proposer post the true root of L2's head now.",
)


@cli.command(epilog=example("ape run devnet down", "ape run devnet down --wipe"))
@FOLDER_OPTION
@click.option("--wipe", is_flag=True, help="Remove its state as well.")
def down(folder: Path, wipe: bool) -> None:
    """Stop the network; `up` goes on with it."""
    devnet = Devnet(folder)
    was_running = devnet.is_running()
    devnet.stop()
    if wipe:
        devnet.discard()
    kept = "its state is removed" if wipe else "its state stays in its folder"
    click.echo(f"stopped; {kept}" if was_running else f"no network was running; {kept}")


@cli.command(epilog=example("ape run devnet accounts"))
@FOLDER_OPTION
def accounts(folder: Path) -> None:
    """Show the local network's accounts and what they hold."""
    from clearway.devnet.accounts import people
    from clearway.opstack import Chain

    network = Devnet(folder).network
    l1, l2 = Chain.connect(network.l1_rpc, "L1"), Chain.connect(network.l2_rpc, "L2")
    show_table(
        ("account", "address", "ETH on L1", "ETH on L2"),
        (
            (
                str(index),
                person.address,
                text.amount(l1.balance(person.address) // 10**12, 6),
                text.amount(l2.balance(person.address) // 10**12, 6),
            )
            for index, person in enumerate(people())
        ),
    )
