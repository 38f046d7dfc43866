"""Exits through the gateways: which there are, and what is left of each.

An exit is one withdrawal whose tokens land in a box on L1, from where anyone may have them paid to
whoever holds the exit.
"""

from dataclasses import dataclass, field

from clearway.gateways import Exit
from clearway.keeper.archive import Seen
from clearway.opstack.messages import unhex


@dataclass
class Exits:
    """The exits of some people, or of everybody where nobody is named."""

    people: frozenset[str] = frozenset()
    found: dict[tuple[str, int], Exit] = field(default_factory=dict)

    def tell(self, event: Seen) -> Exit | None:
        """Go on by one event; return the exit that it tells of, if that is wanted."""
        if event.name != "ExitStarted":
            return None
        told = event.values
        if self.people and self.people.isdisjoint((told["owner"], told["claimant"])):
            return None
        one = Exit.of(told, unhex(event.transaction))
        self.found[one.key] = one
        return one
