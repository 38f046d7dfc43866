"""ape run demo: a crash, and everybody's way home."""

import shutil
import tempfile
import time
from pathlib import Path

import click

from clearway.shell.commands import BridgeGroup, debug_option, example
from clearway.shell.tables import console
from clearway.story.ending import show_end
from clearway.story.gathering import gather
from clearway.story.page import write_page
from clearway.story.plot import Plot
from clearway.story.stage import Stage
from clearway.story.telling import Teller

REPORTS = Path("demo")  # in the project's folder


@click.group(
    cls=BridgeGroup,
    invoke_without_command=True,
    subcommand_metavar="",
    epilog=example("ape run demo", "ape run demo --keep --out report"),
)
@debug_option
@click.option("--keep", is_flag=True, help="Leave the network running, to look at it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=REPORTS,
    help="Where the report is written. [default: demo]",
)
def cli(keep: bool, out: Path) -> None:
    """Play a market's crash on a local L1 and L2, and take everybody's money home.

    A provider and three traders come in from L1. Publishers and keepers run as they would live. One
    trader gains, one is liquidated in part, one is refused by the sequencer and leaves by force;
    the provider redeems; and all of it goes back to L1 through proof, challenge and finalization.
    Everything shown is read from the chains.
    """
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="clearway-demo-"))
    stage, teller = Stage(folder), Teller(console())
    try:
        plot = Plot(stage, teller)
        plot.prepare()
        plot.play()
        story = gather(plot)
        show_end(story, teller)
        story.took = time.monotonic() - begun
        out.mkdir(parents=True, exist_ok=True)
        story.write_json(out / "report.json")
        write_page(story, out / "report.html")
    finally:
        if keep and stage.devnet.is_running():
            teller.say(f"the network runs on: ape run devnet status --dir {folder}")
        else:
            stage.stop()
            shutil.rmtree(folder, ignore_errors=True)
    teller.say(f"done in {story.took:.0f} s; the report is {(out / 'report.html').resolve()}")
