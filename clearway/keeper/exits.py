"""Whose exits a keeper takes on, and which those are."""

from dataclasses import dataclass, field

from clearway.gateways import Exit
from clearway.keeper.archive import Seen
from clearway.opstack.addresses import Address
from clearway.opstack.messages import unhex


@dataclass
class Exits:
    """The exits of some people, or of everybody where nobody is named."""

    people: frozenset[Address] = frozenset()
    found: dict[tuple[Address, int], Exit] = field(default_factory=dict)

    def tell(self, event: Seen) -> Exit | None:
        """Go on by one event; return the exit that it tells of, if that is wanted."""
        if event.name != "ExitStarted":
            return None
        one = Exit.of(event.values, unhex(event.transaction))
        if self.people and self.people.isdisjoint((one.owner, one.claimant)):
            return None
        self.found[one.key] = one
        return one
