"""How results look in a terminal: tables that wrap and never cut."""

import re
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clearway.opstack import text


def console(*, stderr: bool = False) -> Console:
    """Return a console that adds no colours or links of its own to what it is given."""
    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def show_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one below the other. Values stay whole: a hash can be copied."""
    rows = list(facts)
    width = max((len(name) for name, _ in rows), default=0)
    output = console()
    for name, value in rows:
        first, *others = value.split("\n")
        output.print(Text(f"{name:<{width}}  {first}" if name else first), soft_wrap=True)
        for line in others:
            output.print(Text(f"{'':<{width}}  {line}"), soft_wrap=True)


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    widths: Mapping[str, int] | None = None,
) -> None:
    """Print a table; a cell too wide for its column goes on below. The first column stays whole."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for index, column in enumerate(columns):
        width = (widths or {}).get(column)
        table.add_column(column, overflow="fold", no_wrap=index == 0, width=width)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def shortened(sentence: str) -> str:
    """Shorten the addresses and hashes in a sentence, for a narrow column."""
    return re.sub(r"0x[0-9a-fA-F]{40,}", lambda found: text.short(found[0]), sentence)


def eth(wei: int) -> str:
    return f"{text.amount(wei)} ETH"
