"""A story as one HTML file, which needs nothing beside it."""

from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from clearway.opstack.text import amount, moment
from clearway.story import pictures
from clearway.story.facts import Story

TEMPLATE = Path(__file__).with_name("page.html.j2")
WAD_DECIMALS = 18
SHOWN_OF_ETH = 6  # decimals


def write_page(story: Story, path: Path) -> None:
    """Draw the pictures and write the page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters.update(
        money=lambda units: _grouped(units, story.decimals),
        signed=lambda units: _signed(units, story.decimals),
        wads=lambda wads: _grouped(wads, WAD_DECIMALS),
        signed_wads=lambda wads: _signed(wads, WAD_DECIMALS),
        ether=lambda wei: f"{Decimal(wei).scaleb(-WAD_DECIMALS):.{SHOWN_OF_ETH}f}",
        moment=moment,
    )
    drawn = {
        "prices": Markup(pictures.prices(story)),
        "equity": Markup(pictures.equity(story)),
    }
    if story.exits:
        drawn["exits"] = Markup(pictures.exits(story.exits))
    parts = list(dict.fromkeys(part for one in story.people for part in one.parts))
    template = environment.from_string(TEMPLATE.read_text())
    path.write_text(
        template.render(
            story=story, pictures=drawn, parts=parts, begin=pictures.beginning(story.prices)
        )
    )


def _signed(units: int, decimals: int) -> str:
    return ("+" if units > 0 else "") + _grouped(units, decimals)


def _grouped(units: int, decimals: int) -> str:
    """Show an amount exactly, its thousands apart."""
    whole, _, fraction = amount(abs(units), decimals).partition(".")
    sign = "-" if units < 0 else ""
    return f"{sign}{int(whole):,}" + (f".{fraction}" if fraction else "")
