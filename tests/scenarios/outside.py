"""What a scenario finds and doesn't play in: a deployment, aggregators, the bridge's guardian."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from clearway.contracts import Contract
from clearway.deploying.deployer import Deployer
from clearway.deploying.settings import Settings
from clearway.deployments import Deployment, System
from clearway.devnet.accounts import people
from clearway.networks import find_network
from clearway.opstack import Journal, Sender
from clearway.opstack.abi import Function, Portal
from clearway.opstack.addresses import Address
from clearway.opstack.effects import silent
from tests.integration.world import World

TO_ANSWER = 10**10  # wads to a unit of an aggregator's answer
HEALTH = {"none": 1, "reverts": 2, "burns gas": 4, "answers a megabyte": 8}  # flags of the mock
PAUSE, UNPAUSE = Function("pause(string)"), Function("unpause()")


def deployed(world: World, folder: Path, config: Mapping[str, Mapping[str, Any]]) -> System:
    """Deploy by the local network's settings, with sections of them changed."""
    network = replace(find_network(folder=world.devnet.folder.path), folder=folder)
    settings = Settings.of(network)
    for section, changes in config.items():
        changed = getattr(settings.file, section).model_copy(update=changes)
        settings.file = settings.file.model_copy(update={section: changed})
    journal = Journal.for_rollup(world.rollup, folder / "deployer")
    l1, l2 = (Sender(chain, people()[0], journal) for chain in (world.l1, world.l2))
    Deployer(network, world.rollup, l1, l2, silent).deploy(settings=settings)
    return System(Deployment.of(network), world.rollup)


class Outside:
    """The world around a system."""

    def __init__(self, world: World, system: System) -> None:
        self._world = world
        self._system = system

    def push_feed(self, market: str, price: int) -> None:
        """Have a market's aggregator tell a new round."""
        aggregator = self._aggregator(market)
        now = self._world.l2.block().timestamp
        self._tell(aggregator, "set_round", aggregator.call("latest") + 1, price // TO_ANSWER, now)

    def feed_fault(self, kind: str) -> None:
        """Have every aggregator fall sick, or recover."""
        for listed in self._system.deployment.markets:
            self._tell(self._aggregator(listed.name), "set_health", HEALTH[kind])

    def _aggregator(self, market: str) -> Contract:
        number = self._system.deployment.market(market).number
        place = self._system.feed.call("listing", number).aggregator
        return Contract(self._world.l2, place, "MockAggregator")

    def _tell(self, mock: Contract, function: str, *arguments: Any) -> None:
        method = mock.interface.method(function, len(arguments))
        self._world.send(self._world.l2, people()[1], mock.address, method, *arguments)

    def blacklist(self, game: Address) -> None:
        self._guard(self._world.portal, Portal.BLACKLIST, game)

    def pause(self, is_paused: bool) -> None:
        place = self._world.network.addresses["superchain_config"]
        if is_paused:
            self._guard(place, PAUSE, "a drill")
        else:
            self._guard(place, UNPAUSE)

    def _guard(self, place: Any, function: Function, *arguments: Any) -> None:
        self._world.send(self._world.l1, self._world.guardian, place, function, *arguments)
