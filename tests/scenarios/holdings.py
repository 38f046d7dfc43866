"""What somebody has on both chains, and what the system holds: read, and added up."""

from collections.abc import Mapping
from dataclasses import dataclass

from clearway import gateways
from clearway.deployments import System
from clearway.trading.prices import Prices
from clearway.trading.provider import Provider
from tests.scenarios.cast import Actor


@dataclass(frozen=True)
class Wealth:
    """All that somebody has on both chains; quote wads."""

    tokens: int
    margin: int  # escrows included
    result: int  # open, less what is owed
    shares: int  # at what they would be redeemed for, those in the queue included
    claims: int  # set aside in the vault, or waiting at the gateway
    parked: int  # exits, on their way or landed

    @property
    def ledger(self) -> int:
        """What is theirs whatever prices do, and isn't the vault's."""
        return self.tokens + self.margin + self.claims + self.parked

    @property
    def total(self) -> int:
        return self.ledger + self.result + self.shares


def wealth_of(system: System, prices: Prices, actor: Actor) -> Wealth:
    """Return what an actor has, at the newest prices."""
    scale = system.scale
    tokens = system.l1_token.call("balanceOf", actor.address)
    tokens += system.token.call("balanceOf", actor.owner)
    view = prices.ask(system.lens, "account", actor.account)
    provided = Provider(system, prices, actor.owner).standing()
    queued = sum(one.waiting for one in provided.requests)
    worth = provided.worth + prices.ask(system.vault, "convertToAssets", queued)
    margin = view.margin + view.escrow
    return Wealth(
        tokens=tokens * scale,
        margin=margin,
        result=view.equity - margin,
        shares=worth * scale,
        claims=(provided.claimable + _waiting(system, actor)) * scale,
        parked=_parked(system, actor) * scale,
    )


def _waiting(system: System, actor: Actor) -> int:
    """Return the token units that wait at the gateway to enter the vault."""
    gateway = system.l2_gateway
    last = system.rollup.l2.block().number
    told = gateway.events(system.deployment.l2_block, last, "VaultDepositHeld")
    ids = [one.values["id"] for one in told if one.values["owner"] == actor.owner]
    return sum(int(gateway.call("waiting_of", one).amount) for one in ids)


def _parked(system: System, actor: Actor) -> int:
    """Return the token units of exits that the actor may claim and hasn't been paid yet."""
    gateway, last = system.l1_gateway, system.rollup.l1.block().number
    exits = gateways.exits_of(system, actor.address)
    mine = {
        one.key: one.amount for one in exits if gateway.call("holder_of", *one.key) == actor.address
    }
    for paid in gateway.events(system.deployment.l1_block, last, "ExitClaimed"):
        key = paid.values["claimant"], paid.values["number"]
        if key in mine:
            mine[key] -= paid.values["amount"]
    return sum(mine.values())


def tokens_in(system: System) -> Mapping[str, int]:
    """Return the token units in the system's contracts, by chain; on L1 in the bridge as well."""
    places = set(system.deployment.addresses.values())
    l1 = [("balanceOf", place) for place in {*places, system.rollup.bridge}]
    l2 = [("balanceOf", place) for place in places]
    return {"L1": sum(system.l1_token.calls(*l1)), "L2": sum(system.token.calls(*l2))}
