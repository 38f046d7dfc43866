"""How a story is told in a terminal while it is played."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table


class Teller:
    """Says what happens, in plain words."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen

    def chapter(self, title: str) -> None:
        self.screen.print()
        self.screen.rule(title, align="left", style="dim")

    def say(self, sentence: str) -> None:
        self.screen.print(f"  {sentence}", soft_wrap=True, highlight=False)

    def facts(self, *facts: tuple[str, str]) -> None:
        width = max((len(name) for name, _ in facts), default=0)
        for name, fact in facts:
            self.say(f"{name:<{width}}  {fact}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show a table whose first column is words, all others numbers."""
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for index, column in enumerate(columns):
            table.add_column(column, justify="right" if index else "left")
        for row in rows:
            table.add_row(*row)
        self.screen.print(table)

    @contextmanager
    def progress(self, end: float) -> Iterator["Bar"]:
        """Show how far something has come from 0 to `end`."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
        )
        with Progress(*columns, console=self.screen) as progress:
            yield Bar(progress, progress.add_task("", total=max(end, 1)))


class Bar:
    """A bar that says where it is."""

    def __init__(self, progress: Progress, task: object) -> None:
        self._progress = progress
        self._task = task

    def reach(self, done: float, words: str) -> None:
        self._progress.update(self._task, completed=done, description=words)  # type: ignore[arg-type]

    def say(self, sentence: str) -> None:
        self._progress.console.print(f"  {sentence}", soft_wrap=True, highlight=False)
