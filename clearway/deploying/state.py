"""What a deployment is like, in words that people read: as it should be, and as the chain has it.

Both have the same form, sections of names and values, so that a difference is a line.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from eth_utils.crypto import keccak

from clearway.administration import pool_parameters
from clearway.contracts import Contract
from clearway.deploying.building import OWNED, Builder
from clearway.deploying.settings import Settings
from clearway.deployments import System
from clearway.opstack.abi import Event
from clearway.opstack.addresses import ZERO_ADDRESS, Address
from clearway.opstack.messages import tohex, topics_of, unhex
from clearway.opstack.text import amount, duration
from clearway.parameters import MarketParameters, PoolParameters, VaultLimits, show_ratio

State = dict[str, dict[str, str]]  # by section, by name

NO_MARKET = 32  # for par
NO_LISTING = {"aggregator": ZERO_ADDRESS, "heartbeat": 0, "deviation": 0, "lowest": 0, "highest": 0}
MOST_MARKETS, LISTED = 32, 224  # a bit for each, from this one of the pool's last word on
ROLE_GRANTED = Event("RoleGranted(bytes32,address,address)", ("bytes32", "address", "address"))
ROLES = ("DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")


def intended(settings: Settings, builder: Builder, deployer: Address) -> State:
    """Return the state that the settings ask for."""
    file, timelock = settings.file, builder.addresses["Timelock"]
    state: State = {
        name: {"owner": timelock, "pending owner": ZERO_ADDRESS, "guardian": file.guardian}
        for name in OWNED
    }
    state["PriceFeed"] |= _feed(file.feed.in_order, file.feed.quorum, NO_MARKET)
    state["Vault"] |= _shown(VaultLimits, file.vault.values())
    state["Timelock"] = {"delay": duration(file.delay)}
    for who in {*file.proposers, deployer}:
        is_proposer = who in file.proposers
        state["Timelock"][f"roles of {who}"] = _roles([False, is_proposer, is_proposer, False])
    state["Timelock"][f"roles of {ZERO_ADDRESS}"] = _roles([False, False, False, True])
    state["Timelock"][f"roles of {timelock}"] = _roles([True, False, False, False])
    state["markets"] = {"listed": ", ".join(settings.names)}
    state["pool"] = _shown(PoolParameters, file.pool.values())
    for market in settings.markets:
        state[market.name] = _shown(MarketParameters, market.parameters.values())
        listing = builder.listing(market) if market.name in builder.aggregators else NO_LISTING
        state[market.name] |= _listing(listing)
    return state


def observed(system: System, people: list[Address]) -> State:
    """Return the state that the chain has; `people` are those whose roles are told in any case.

    Whoever else was given a role and has it still is told, too, and so is every market.
    """
    state: State = {}
    for name in OWNED:
        contract = system.contract(name)
        owner, pending, guardian = contract.calls(("owner",), ("pending_owner",), ("guardian",))
        state[name] = {"owner": owner, "pending owner": pending, "guardian": guardian}
    state["PriceFeed"] |= _feed(*system.feed.calls(("publishers",), ("quorum",), ("par_market",)))
    limits = system.vault.calls(*((name,) for name in VaultLimits.model_fields))
    named = dict(zip(VaultLimits.model_fields, limits, strict=True))
    state["Vault"] |= _shown(VaultLimits, named)
    state["Timelock"] = _timelock(system, people)
    state["pool"] = _shown(PoolParameters, pool_parameters(system))
    state["markets"] = {"listed": ", ".join(_listed(system))}
    for market in system.deployment.markets:
        parameters = system.configuration.call("parameters_of", market.number)
        state[market.name] = _shown(MarketParameters, parameters._asdict())
        state[market.name] |= _listing(system.feed.call("listing", market.number)._asdict())
    return state


def _listed(system: System) -> list[str]:
    """Return the names of all markets there are; a number where the deployment has no name."""
    bits = system.market.call("pool_words")[2] >> LISTED
    return [system.market_name(number) for number in range(MOST_MARKETS) if bits >> number & 1]


def _timelock(system: System, people: list[Address]) -> dict[str, str]:
    timelock = system.timelock
    delay, *roles = timelock.calls(("get_minimum_delay",), *((role,) for role in ROLES))
    state = {"delay": duration(delay)}
    for who in dict.fromkeys([*people, *_given_roles(system)]):
        held = timelock.calls(*(("hasRole", role, who) for role in roles))
        if who in people or any(held):
            state[f"roles of {who}"] = _roles(held)
    return state


def _given_roles(system: System) -> list[Address]:
    """Return whoever was ever given a role; the timelock keeps no list of them."""
    first, last = system.deployment.l2_block, system.rollup.l2.block().number
    logs = system.rollup.l2.logs(system.timelock.address, ROLE_GRANTED, first, last)
    return [ROLE_GRANTED.decode(topics_of(log), unhex(log["data"]))[0][1] for log in logs]


def _roles(held: list[bool]) -> str:
    names = ("administrator", "proposer", "canceller", "executor")
    return ", ".join(name for name, has in zip(names, held, strict=True) if has) or "none"


def _feed(publishers: Any, quorum: int, par_market: int) -> dict[str, str]:
    par = "none" if par_market == NO_MARKET else str(par_market)
    return {"publishers": ", ".join(publishers), "quorum": str(quorum), "par market": par}


def _shown(model: Any, values: Mapping[str, int]) -> dict[str, str]:
    return {name: model.show(name, value) for name, value in values.items()}


def _listing(listing: Mapping[str, Any]) -> dict[str, str]:
    return {
        "aggregator": listing["aggregator"],
        "heartbeat": duration(listing["heartbeat"]),
        "deviation": show_ratio(listing["deviation"]),
        "lowest": amount(listing["lowest"]),
        "highest": amount(listing["highest"]),
    }


def code_hash(contract: Contract) -> str:
    """Return the hash of a contract's code, immutables included."""
    return tohex(keccak(contract.chain.code(contract.address)))


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Tell each difference of two states in a line."""
    for section in dict.fromkeys([*wanted, *found]):
        before, after = wanted.get(section, {}), found.get(section, {})
        for name in dict.fromkeys([*before, *after]):
            if before.get(name) != after.get(name):
                yield (
                    f"{section} {name.replace('_', ' ')}: {after.get(name, 'nothing')} on chain, "
                    f"{before.get(name, 'nothing')} in the file"
                )
