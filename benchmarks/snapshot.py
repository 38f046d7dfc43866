"""Gas that was measured before, kept in git, and what has changed since."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("gas.json")

GROWTH_LIMIT = 2  # percent
NOISE = 100
"""Gas by which a figure may differ between two runs of the same code. Two words of a proof, state
root and block hash, depend on the time of day. Each of their 64 bytes is zero once in 256 times and
then costs 4 gas of calldata and not 16; that eight or more are, 96 gas, comes once in 10^9 runs."""

Figures = Mapping[str, int]


@dataclass(frozen=True)
class Change:
    """A figure that isn't what it was; None is for one that isn't there."""

    name: str
    before: int | None
    after: int | None

    @property
    def is_failure(self) -> bool:
        """It grew by more than the limit, or the snapshot doesn't speak of the same figures."""
        if self.before is None or self.after is None:
            return True
        return 100 * self.after > (100 + GROWTH_LIMIT) * self.before

    @property
    def verdict(self) -> str:
        """What happened to it, in words."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        grown = self.after - self.before
        percent = f" ({100 * grown / self.before:+.1f} %)" if self.before else ""
        return f"{grown:+,}{percent}"


def changes(before: Figures, after: Figures) -> list[Change]:
    """Return what differs by more than noise, by name."""
    found = [Change(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    return [change for change in found if not _is_noise(change)]


def _is_noise(change: Change) -> bool:
    if change.before is None or change.after is None:
        return False
    return abs(change.after - change.before) <= NOISE


def updated(before: Figures, after: Figures) -> dict[str, int]:
    """Return the figures to be kept: what differs by noise alone stays as it was."""
    differing = {change.name for change in changes(before, after)}
    return {name: gas if name in differing else before[name] for name, gas in after.items()}


def read(suite: str, path: Path = PATH) -> dict[str, int]:
    """Return the kept figures of a suite; none if it has none."""
    return dict(_read_all(path).get(suite, {}))


def write(suite: str, figures: Figures, path: Path = PATH) -> None:
    """Keep a suite's figures, one in a line, by name; other suites' stay as they are."""
    content = {**_read_all(path), suite: dict(figures)}
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def _read_all(path: Path) -> dict[str, dict[str, int]]:
    if not path.exists():
        return {}
    content: dict[str, dict[str, int]] = json.loads(path.read_text())
    return content
