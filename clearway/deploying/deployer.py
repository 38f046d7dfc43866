"""`ape run deploy`: everything on a pair of networks, and a file that says so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearway.deploying import record
from clearway.deploying.building import CONTRACTS, STAND_INS, Builder
from clearway.deploying.compiled import Codes
from clearway.deploying.settings import Settings
from clearway.deploying.state import differences, intended, observed
from clearway.deploying.steps import Draft, Steps, require_deployer
from clearway.deployments import Deployment, System, file_of, genesis_of
from clearway.networks import Network
from clearway.opstack import BridgeError, Rollup, Sender
from clearway.opstack.effects import Progress
from clearway.opstack.errors import InsufficientBalance


class Drift(BridgeError):
    """The chains are not as the settings, or the file, say."""


@dataclass(frozen=True)
class Deployer:
    """Deploys on one network by one account."""

    network: Network
    rollup: Rollup
    l1: Sender
    l2: Sender
    tell: Progress

    def deploy(self, *, anew: bool = False, settings: Settings | None = None) -> Path:
        """Deploy, or go on where an earlier run was killed; return the file that was written.

        `settings` are those of the network's file, if not given.
        """
        settings = settings or Settings.of(self.network)
        for sender in (self.l1, self.l2):
            require_deployer(sender)
            _require_ether(sender)
        steps = Steps({"L1": self.l1, "L2": self.l2}, self._draft(), self.tell)
        if anew:
            steps.close()
        codes = Codes.of([*CONTRACTS, *STAND_INS], self.tell)
        builder = Builder(self.rollup, settings, codes, steps)
        builder.build()
        written = self._checked(settings, builder)
        path = record.write(self.network, written)
        steps.close()
        return path

    def _checked(self, settings: Settings, builder: Builder) -> dict[str, Any]:
        """Return the file's facts, once the chain has been found to be as the settings ask."""
        state = intended(settings, builder, self.l2.address)
        written = record.record_of(self.network, builder, state)
        system = System(Deployment.from_facts(written), self.rollup)
        found = observed(system, record.people_of(written))
        if faults := list(differences(state, found)):
            raise Drift(
                f"the chain isn't as the settings ask: {faults[0]}"
                + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""),
                "deploy with --anew",
            )
        return written

    def _draft(self) -> Draft:
        path = file_of(self.network).with_suffix(".draft.json")
        identity = {"genesis": genesis_of(self.rollup.l2), "deployer": str(self.l2.address)}
        return Draft(path, identity)


def _require_ether(sender: Sender) -> None:
    if not sender.chain.balance(sender.address):
        raise InsufficientBalance(
            f"{sender.address} has no ETH on {sender.chain.name}", "deploying takes gas on both"
        )
