"""What was deployed on a pair of networks, read from the file that `ape run deploy` wrote."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from clearway.contracts import Contract
from clearway.networks import LOCAL_FOLDER, Network
from clearway.opstack import Rollup
from clearway.opstack.addresses import Address
from clearway.opstack.chain import Chain
from clearway.opstack.errors import BadInput
from clearway.opstack.messages import tohex
from clearway.opstack.text import choices
from clearway.opstack.tokens import TokenPair
from clearway.reports import Domain

FOLDER = Path(__file__).resolve().parent.parent / "deployments"
ON_L1 = {"L1Gateway", "ExitBox", "TestToken"}  # every other contract is on L2
WAD_DECIMALS = 18
TOKEN_ABI = "TestToken"  # of which only what every ERC-20 has is called


def file_of(network: Network) -> Path:
    """Return where a network's deployment is written."""
    if network.is_local and network.folder != LOCAL_FOLDER:
        return network.folder / "deployment.json"
    return FOLDER / f"{network.name}.json"


def deploy_command(network: Network) -> str:
    """Return the command that deploys on a network."""
    if not network.is_local:
        return f"ape run deploy --network {network.name}"
    is_default = network.folder == LOCAL_FOLDER
    return "ape run deploy" if is_default else f"ape run deploy --dir {network.folder}"


@dataclass(frozen=True)
class Listed:
    """A market."""

    number: int
    name: str


@dataclass(frozen=True)
class Deployment:
    """Where everything is, and what clients must know of it that never changes."""

    network: str
    l1_chain_id: int
    l2_chain_id: int
    l1_block: int  # before the first contract: where to begin to read logs
    l2_block: int
    addresses: Mapping[str, Address]  # by contract name
    token: TokenPair
    markets: tuple[Listed, ...]
    publishers: tuple[Address, ...]  # at the deployment, in ascending order
    quorum: int
    tile_length: int  # seconds
    boards: tuple[str, ...]  # URLs at which publishers give reports

    @classmethod
    def of(cls, network: Network) -> "Deployment":
        """Return what is deployed; raise `BadInput` if nothing is, or only on an older network."""
        path, deploy = file_of(network), deploy_command(network)
        try:
            facts = json.loads(path.read_text())
        except FileNotFoundError:
            raise BadInput(f"nothing is deployed on {network.name}", f"run `{deploy}`") from None
        except (OSError, ValueError) as error:
            raise BadInput(f"{path} can't be read ({error})", f"run `{deploy}` anew") from error
        try:
            deployment = cls.from_facts(facts)
            genesis = facts["l2_genesis"]
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{path} describes no deployment", f"run `{deploy}` anew") from error
        if genesis != genesis_of(network.connect_l2()):
            raise BadInput(
                f"{path} is of another {network.name} network than the one that runs",
                f"run `{deploy}`",
            )
        return deployment

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Deployment":
        """Return what a file says; raise KeyError, TypeError or ValueError if it has too little."""
        token = facts["token"]
        return cls(
            network=facts["network"],
            l1_chain_id=facts["l1_chain_id"],
            l2_chain_id=facts["l2_chain_id"],
            l1_block=facts["l1_block"],
            l2_block=facts["l2_block"],
            addresses={
                name: to_checksum_address(contract["address"])
                for name, contract in facts["contracts"].items()
            },
            token=TokenPair(
                to_checksum_address(token["l1_token"]),
                to_checksum_address(token["l2_token"]),
                token["symbol"],
                token["decimals"],
            ),
            markets=tuple(Listed(one["number"], one["name"]) for one in facts["markets"]),
            publishers=tuple(map(to_checksum_address, facts["publishers"])),
            quorum=facts["quorum"],
            tile_length=facts["tile_length"],
            boards=tuple(facts["boards"]),
        )

    def market(self, name: str) -> Listed:
        """Return the market that people call `name`; raise `BadInput` if there is none."""
        by_name = {listed.name: listed for listed in self.markets}
        if found := by_name.get(name.strip().upper()):
            return found
        raise BadInput(f"no market is named {name!r}", choices(name.strip().upper(), by_name))


def genesis_of(chain: Chain) -> str:
    """Return the hash of a chain's first block, which no other network has."""
    return tohex(chain.block(0).hash)


class System:
    """A deployment on its two chains: its contracts, ready to be called."""

    def __init__(self, deployment: Deployment, rollup: Rollup) -> None:
        self.deployment = deployment
        self.rollup = rollup

    def contract(self, name: str) -> Contract:
        """Return a contract by its name; raise `BadInput` if the deployment has none of it."""
        address = self.deployment.addresses.get(name)
        if address is None:
            raise BadInput(
                f"the deployment on {self.deployment.network} has no {name}",
                "it is of an older version: deploy anew",
            )
        is_on_l1 = name in ON_L1
        return Contract(self.rollup.l1 if is_on_l1 else self.rollup.l2, address, name)

    def market_name(self, number: int) -> str:
        """Return what people call a market; its number if the deployment doesn't list it."""
        names = {listed.number: listed.name for listed in self.deployment.markets}
        return names.get(number, str(number))

    @property
    def domain(self) -> Domain:
        """Return what reports to this feed are signed for."""
        return Domain(self.deployment.l2_chain_id, self.feed.address)

    @property
    def scale(self) -> int:
        """Return the wads to a token unit."""
        scale: int = 10 ** (WAD_DECIMALS - self.deployment.token.decimals)
        return scale

    @cached_property
    def token(self) -> Contract:
        """The collateral on L2."""
        return Contract(self.rollup.l2, self.deployment.token.l2_token, TOKEN_ABI)

    @cached_property
    def l1_token(self) -> Contract:
        """The collateral on L1."""
        return Contract(self.rollup.l1, self.deployment.token.l1_token, TOKEN_ABI)

    @cached_property
    def feed(self) -> Contract:
        return self.contract("PriceFeed")

    @cached_property
    def keeper_costs(self) -> Contract:
        return self.contract("KeeperCosts")

    @cached_property
    def market(self) -> Contract:
        return self.contract("PerpetualMarket")

    @cached_property
    def orders(self) -> Contract:
        return self.contract("OrderBook")

    @cached_property
    def configuration(self) -> Contract:
        return self.contract("Configuration")

    @cached_property
    def vault(self) -> Contract:
        return self.contract("Vault")

    @cached_property
    def timelock(self) -> Contract:
        return self.contract("Timelock")

    @cached_property
    def lens(self) -> Contract:
        return self.contract("Lens")

    @cached_property
    def quote_lens(self) -> Contract:
        return self.contract("QuoteLens")

    @cached_property
    def pool_lens(self) -> Contract:
        return self.contract("PoolLens")

    @cached_property
    def liquidation_keeper(self) -> Contract:
        return self.contract("LiquidationKeeper")

    @cached_property
    def l2_gateway(self) -> Contract:
        return self.contract("L2Gateway")

    @cached_property
    def l1_gateway(self) -> Contract:
        return self.contract("L1Gateway")
