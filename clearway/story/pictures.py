"""A story's pictures, as SVG to put into a page."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from clearway.opstack.text import duration
from clearway.story.facts import Exit, Happening, Story

matplotlib.use("svg")
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, and to be searched
    "svg.hashsalt": "clearway",  # the same picture twice is the same file
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e0",
    "axes.axisbelow": True,
}
COLOURS = ("#2b6a99", "#b5540f", "#4d7c3a", "#7a4d94", "#8a7a2f")
STEPS = (
    ("until its proof", "#c9ccd1"),
    ("until its game is won", "#dbe6ee"),
    ("until it is finalized", "#dfe8d8"),
    ("until it is claimed", "#b5540f"),
)
WAD = 10**18
DAY = 86_400

Drawing = Callable[[Figure], None]


def prices(story: Story) -> str:
    """Draw each market's price, with what happened there."""
    markets, begin = list(story.prices), beginning(story.prices)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(markets), 1, sharex=True, squeeze=False)[:, 0]
        for panel, market in zip(panels, markets, strict=True):
            _draw_path(panel, story.prices[market], begin, COLOURS[0])
            panel.set_ylabel(f"{market}, $")
            marked = [one for one in story.happenings if one.market == market and one.price]
            _draw_marks(panel, marked, story)
        panels[-1].set_xlabel("seconds of chain time")

    return _svg(draw, 2.3 * len(markets) + 0.4)


def equity(story: Story) -> str:
    """Draw what each trader's account is worth."""
    begin = beginning(story.prices)

    def draw(figure: Figure) -> None:
        panel = figure.subplots()
        for colour, (name, path) in zip(COLOURS, story.equity.items(), strict=False):
            _draw_path(panel, path, begin, colour, name)
        panel.set_ylabel("equity, $")
        panel.set_xlabel("seconds of chain time")
        if story.equity:
            panel.legend(frameon=False, loc="upper left")

    return _svg(draw, 3.2)


def exits(withdrawals: Sequence[Exit]) -> str:
    """Draw the life of each withdrawal, from its start on L2 to the money on L1."""
    first = min(one.started for one in withdrawals)

    def draw(figure: Figure) -> None:
        panel = figure.subplots()
        for row, one in enumerate(withdrawals):
            ends = (one.started, one.proven, one.resolved, one.finalized, one.claimed)
            for (_, colour), begin, end in zip(STEPS, ends, ends[1:], strict=False):
                panel.barh(row, (end - begin) / DAY, 0.6, (begin - first) / DAY, color=colour)
            panel.text(
                (one.claimed - first) / DAY + 0.1,
                row,
                duration(one.claimed - one.started),
                va="center",
            )
        panel.set_yticks(range(len(withdrawals)), [_label(one) for one in withdrawals])
        panel.invert_yaxis()
        panel.set_xlabel("days of chain time since the first one's start")
        panel.set_xlim(right=1.15 * max(one.claimed - first for one in withdrawals) / DAY)
        handles = [matplotlib.patches.Patch(color=colour, label=what) for what, colour in STEPS]
        figure.legend(handles=handles, frameon=False, loc="outside upper center", ncols=4)

    return _svg(draw, 0.45 * len(withdrawals) + 1.3)


def _label(one: Exit) -> str:
    return f"{one.who}, forced" if one.forced else one.who


def _draw_path(
    panel: Any, path: Sequence[tuple[int, int]], begin: int, colour: str, label: str | None = None
) -> None:
    """Draw wads over time, as steps: each holds until the next."""
    times = [at - begin for at, _ in path]
    values = [value / WAD for _, value in path]
    panel.plot(times, values, color=colour, linewidth=1.4, drawstyle="steps-post", label=label)


def _draw_marks(panel: Any, marked: Sequence[Happening], story: Story) -> None:
    """Mark what happened by the numbers under which the page tells it."""
    for one in marked:
        number = story.happenings.index(one) + 1
        at = one.at - beginning(story.prices)
        panel.plot([at], [one.price / WAD], "o", color=COLOURS[1], markersize=4)
        panel.annotate(
            str(number), (at, one.price / WAD), (3, 5), textcoords="offset points", fontsize=8
        )


def beginning(paths: Mapping[str, Sequence[tuple[int, int]]]) -> int:
    """Return the first second that a price is known of."""
    return min(path[0][0] for path in paths.values() if path)


def _svg(draw: Drawing, height: float) -> str:
    """Return an SVG element of a drawing `height` inches high."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, height), layout="constrained")
        draw(figure)
        output = io.StringIO()
        figure.savefig(output, format="svg", metadata={"Date": None}, transparent=True)
    text = output.getvalue()
    return text[text.index("<svg") :]
