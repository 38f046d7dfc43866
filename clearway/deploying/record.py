"""The file of a deployment: written when the chain is as it says, and compared with it later."""

import json
import subprocess
from pathlib import Path
from typing import Any

from clearway.contracts import Contract
from clearway.deploying.building import Builder
from clearway.deploying.state import State, code_hash, differences, observed
from clearway.deployments import Deployment, System, file_of, genesis_of
from clearway.devnet.folder import write_whole
from clearway.networks import Network
from clearway.opstack import Rollup
from clearway.opstack.addresses import ZERO_ADDRESS, Address
from clearway.opstack.messages import tohex

ROOT = Path(__file__).resolve().parent.parent.parent


def record_of(network: Network, builder: Builder, state: State) -> dict[str, Any]:
    """Return what the file says of a deployment that was just built."""
    rollup, file = builder.rollup, builder.file
    return {
        "network": network.name,
        "l1_chain_id": rollup.l1.chain_id,
        "l2_chain_id": rollup.l2.chain_id,
        "l1_genesis": genesis_of(rollup.l1),
        "l2_genesis": genesis_of(rollup.l2),
        "l1_block": builder.first_blocks["L1"],
        "l2_block": builder.first_blocks["L2"],
        "portal": rollup.portal,
        "commit": git_commit(),
        "deployer": builder.steps.address,
        "contracts": {name: _contract(rollup, name, builder) for name in builder.made},
        "token": {
            "l1_token": builder.token.l1_token,
            "l2_token": builder.token.l2_token,
            "symbol": builder.token.symbol,
            "decimals": builder.token.decimals,
        },
        "markets": [
            {"number": market.number, "name": market.name} for market in builder.settings.markets
        ],
        "publishers": file.feed.in_order,
        "quorum": file.feed.quorum,
        "tile_length": file.feed.tile_length,
        "boards": file.feed.boards,
        "proposers": file.proposers,
        "state": state,
    }


def _contract(rollup: Rollup, name: str, builder: Builder) -> dict[str, Any]:
    made = builder.made[name]
    chain = rollup.l1 if made.layer == "L1" else rollup.l2
    return {
        "chain": made.layer,
        "address": made.address,
        "block": made.block,
        "code_hash": code_hash(Contract(chain, made.address, name)),
        "arguments": {key: _plain(value) for key, value in made.arguments.items()},
    }


def _plain(value: Any) -> Any:
    """Return an argument as JSON has it; a large number as text, for readers with 53 bits."""
    if isinstance(value, int) and value >= 2**53:
        return str(value)
    return tohex(value) if isinstance(value, bytes) else value


def git_commit() -> str:
    """Return the commit that was deployed from, marked if files differed from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def write(network: Network, record: dict[str, Any]) -> Path:
    path = file_of(network)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(record, indent=2) + "\n")
    return path


def read(network: Network) -> dict[str, Any]:
    """Return the file's facts, which `Deployment.of` has found to be of this network."""
    return dict(json.loads(file_of(network).read_text()))


def drift(record: dict[str, Any], rollup: Rollup) -> list[str]:
    """Tell in what the chains differ from a deployment's file, each difference in a line."""
    system = System(Deployment.from_facts(record), rollup)
    found = [
        f"{name} code: other code on chain than in the file"
        for name, contract in record["contracts"].items()
        if code_hash(_at(rollup, name, contract)) != contract["code_hash"]
    ]
    return found + list(differences(record["state"], observed(system, people_of(record))))


def accepted(record: dict[str, Any], rollup: Rollup) -> dict[str, Any]:
    """Return the facts with the state that the chain has now, as the timelock may have changed it.

    Code stays what was deployed: none of the contracts can change theirs.
    """
    system = System(Deployment.from_facts(record), rollup)
    return {**record, "state": observed(system, people_of(record))}


def _at(rollup: Rollup, name: str, contract: dict[str, Any]) -> Contract:
    chain = rollup.l1 if contract["chain"] == "L1" else rollup.l2
    return Contract(chain, contract["address"], name)


def people_of(record: dict[str, Any]) -> list[Address]:
    """Return those whose roles at the timelock the file tells."""
    people = dict.fromkeys([*record["proposers"], record["deployer"]])
    return [*people, ZERO_ADDRESS, record["contracts"]["Timelock"]["address"]]
