"""A measured figure: its samples, and the goal that it is held against."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clearway.shell.tables import show_table

COLUMNS = ("figure", "median", "spread", "runs", "goal", "met")


@dataclass(frozen=True)
class Figure:
    """Several runs of one measurement."""

    name: str
    samples: Sequence[float]
    unit: str
    goal: float | None = None
    """The most that the median may be; None for what is measured for information."""

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def is_met(self) -> bool | None:
        return None if self.goal is None else self.median <= self.goal

    def row(self) -> tuple[str, ...]:
        """Return the cells of its row in the table."""
        low, high = min(self.samples), max(self.samples)
        return (
            self.name,
            f"{_shown(self.median)} {self.unit}",
            f"{_shown(low)}-{_shown(high)}" if len(self.samples) > 1 else "",
            str(len(self.samples)),
            "" if self.goal is None else f"≤ {self.goal:g} {self.unit}",
            {None: "", True: "yes", False: "NO"}[self.is_met],
        )


def _shown(number: float) -> str:
    """Show three significant digits, and no exponent."""
    decimals = 0 if number >= 100 else 1 if number >= 10 else 2
    return f"{number:.{decimals}f}"


def show(figures: Iterable[Figure]) -> None:
    """Print the table."""
    show_table(COLUMNS, [figure.row() for figure in figures])
