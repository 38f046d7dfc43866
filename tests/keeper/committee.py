"""Publishers without chain and boards, for tests of what they decide."""

from collections.abc import Mapping
from pathlib import Path

from clearway.devnet.accounts import people
from clearway.keeper.memory import Memory
from clearway.keeper.publisher import Committee, Publisher
from clearway.keeper.sources import Known
from clearway.opstack.addresses import Address
from clearway.reports import Domain
from clearway.spec.quotes import Quote

NOW = 1_900_000_000
WAD = 10**18
KEYS = sorted(people()[5:8], key=lambda key: int(key.address, 16))
COMMITTEE = Committee(
    Domain(901, "0x" + "11" * 20), tuple(Address(key.address) for key in KEYS), 2, 1
)


class Seen(Known):
    """A source that shows what it is told to."""

    def __init__(self, price: int = 2_000 * WAD) -> None:
        self.quotes: Mapping[int, Quote] = {0: Quote(price, 0)}

    def observe(self, second: int) -> dict[int, Quote]:
        return dict(self.quotes)


class Clock:
    """The host's clock, standing still."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def publisher(place: int, folder: Path, source: Seen, clock: Clock | None = None) -> Publisher:
    memory = Memory(folder / f"{place}.sqlite")
    one = Publisher(COMMITTEE, KEYS[place], source, memory, clock=clock or Clock())
    one.see(NOW)
    return one
