"""The world outside: a data provider whose aggregators follow the prices that are played."""

from pathlib import Path

from clearway.contracts import Contract
from clearway.deployments import Deployment, Listed, System
from clearway.keeper.sources import LATEST, History
from clearway.opstack import Sender

MOCK = "MockAggregator"
TO_ANSWER = 10**10  # wads to a unit of an answer with 8 decimals
DEVIATION = 250  # a new round where the price has moved by more than one part in so many


class World:
    """Sets a new round of a market's aggregator when its price has moved, as providers do."""

    def __init__(self, system: System, sender: Sender, prices: Path, start: int) -> None:
        self._system = system
        self._sender = sender
        self._path = History.from_csv(prices, names_of(system.deployment), start)
        self._told: dict[int, int] = {}  # the newest answers, by market

    def go_on(self) -> None:
        """Set what rounds are due now."""
        now = self._system.rollup.l2.block().timestamp
        seen = self._path.observe(now)
        for listed in self._system.deployment.markets:
            answer = seen[listed.number].price // TO_ANSWER
            before = self._told.get(listed.number, 0)
            if abs(answer - before) * DEVIATION > before:
                self._set_round(listed, answer, now)
                self._told[listed.number] = answer

    def _set_round(self, listed: Listed, answer: int, now: int) -> None:
        address = self._system.feed.call("listing", listed.number).aggregator
        aggregator = Contract(self._system.rollup.l2, address, MOCK)
        newest = self._system.rollup.l2.call(address, LATEST)[0]
        transaction = aggregator.transaction(
            f"round {newest + 1} of {listed.name}", "set_round", newest + 1, answer, now
        )
        self._sender.run(transaction)
        self._sender.report(transaction.purpose)


def names_of(deployment: Deployment) -> dict[str, int]:
    """Return the markets' numbers by their names."""
    return {listed.name: listed.number for listed in deployment.markets}
