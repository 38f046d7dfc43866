"""What a story tells, exact: every number is one that a chain, or its events, gave.

Times are chain timestamps, money is in token units, prices are wads.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Happening:
    """Something worth a mark on a picture."""

    at: int
    who: str
    what: str
    market: str = ""  # whose price it has to do with
    price: int = 0  # of that market, then


@dataclass(frozen=True)
class Person:
    """What somebody had before and has after, and what became of the difference.

    `parts` sum up to after - before, to the last unit.
    """

    name: str
    role: str
    address: str
    token_before: int  # on L1
    token_after: int
    eth_before: int  # wei, on both chains
    eth_after: int
    parts: Mapping[str, int]  # quote wads by what they are for; below zero they were paid

    @property
    def difference(self) -> int:
        return self.token_after - self.token_before


@dataclass(frozen=True)
class Exit:
    """The life of a withdrawal to L1."""

    who: str
    amount: int
    forced: bool
    started: int
    proven: int
    resolved: int  # the game that it was proven against
    finalized: int
    claimed: int


@dataclass(frozen=True)
class GasOf:
    """What one kind of transaction took."""

    action: str
    chain: str
    times: int
    least: int
    most: int


@dataclass
class Story:
    """All of it."""

    title: str
    token: str  # its symbol
    decimals: int
    networks: Mapping[str, str]
    contracts: Mapping[str, str]  # by name
    prices: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)
    equity: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)  # quote wads
    happenings: list[Happening] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    buckets: Mapping[str, int] = field(default_factory=dict)  # quote wads; they sum to `held`
    held: int = 0  # quote wads
    fees: Mapping[str, int] = field(default_factory=dict)  # quote wads, over everybody
    gas: list[GasOf] = field(default_factory=list)
    took: float = 0.0  # wall seconds

    def write_json(self, path: Path) -> None:
        """Write everything; integers beyond what JSON readers keep exact are text."""
        path.write_text(json.dumps(_readable(asdict(self)), indent=1) + "\n")


def _readable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _readable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value
