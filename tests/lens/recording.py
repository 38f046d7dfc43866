"""A world that keeps the events of its contracts, as an indexer would."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from clearway.history import Event
from clearway.spec.state import Parameters
from tests.market.world import POOL, Contracts, World, as_struct


class RecordingWorld(World):
    """Both markets, and all that the contracts told."""

    def __init__(self, contracts: Contracts, markets: Mapping[int, Parameters]) -> None:
        super().__init__(contracts, markets)
        self.events: list[Event] = []
        configuration = contracts.configuration
        self._record(lambda: configuration.set_pool(tuple(vars(POOL).values())))
        for number, parameters in markets.items():
            self._record(partial(configuration.set_market, number, as_struct(parameters)))

    def both(
        self, on_chain: Callable[[], Any], in_model: Callable[[], Any]
    ) -> tuple[Any, str | None]:
        return super().both(lambda: self._record(on_chain), in_model)

    def change(self, market: int, **values: int) -> None:
        self._record(lambda: super(RecordingWorld, self).change(market, **values))

    def _record(self, call: Callable[[], Any]) -> None:
        """Keep what the one contract tells that is called."""
        c = self.contracts
        told = {contract: contract._computation for contract in (c.market, c.orders)}
        told[c.configuration] = c.configuration._computation
        call()
        for contract, before in told.items():
            if contract._computation is not before:
                for log in contract.get_logs():
                    values = {name: _plain(getattr(log, name)) for name in _fields(log)}
                    self.events.append(Event(type(log).__name__, self.now, values))


def _fields(log: Any) -> list[str]:
    return [name for name in log._fields if name != "address"]


def _plain(part: Any) -> Any:
    if hasattr(part, "_fields"):
        return {name: _plain(getattr(part, name)) for name in part._fields}
    return part
