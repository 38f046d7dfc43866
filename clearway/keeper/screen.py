"""What a keeper shows: one screen on a terminal, a line for each event elsewhere."""

import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType

import click

from clearway.opstack import text

EVENTS = 12  # lines that stay on the screen


class Screen:
    """A line for each event; what stands is not shown."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.now = 0  # the chain's time

    def __enter__(self) -> "Screen":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, facts: Mapping[str, str]) -> None:
        """Show how things stand."""

    def say(self, sentence: str) -> None:
        """Tell an event."""
        click.echo(f"{self._when()}  {sentence}")

    def _when(self) -> str:
        moment = (
            text.moment(self.now).removesuffix(" UTC") if self.now else time.strftime("%H:%M:%S")
        )
        return moment


class LiveScreen(Screen):
    """How things stand above, and the last events below."""

    def __init__(self, title: str) -> None:
        from rich.live import Live

        from clearway.shell.tables import console

        super().__init__(title)
        self._events: deque[str] = deque(maxlen=EVENTS)
        self._facts: dict[str, str] = {}
        self._live = Live(console=console(), auto_refresh=False)

    def __enter__(self) -> "LiveScreen":
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, facts: Mapping[str, str]) -> None:
        self._facts = dict(facts)
        self._draw()

    def say(self, sentence: str) -> None:
        self._events.append(f"{self._when()}  {sentence}")
        self._draw()

    def _draw(self) -> None:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for name, value in self._facts.items():
            table.add_row(Text(name, style="dim"), Text(value))
        lines = (Text(line) for line in self._events)
        self._live.update(Group(Text(self.title, style="bold"), table, *lines), refresh=True)


def screen(title: str) -> Screen:
    """Return the screen that fits where its output goes."""
    import sys

    return LiveScreen(title) if sys.stdout.isatty() else Screen(title)
