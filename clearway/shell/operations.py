"""How the timelock's operations are shown, and kept between `propose` and `queue`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearway.administration import Call, Operation, pool_parameters
from clearway.contracts import Contract
from clearway.deployments import System
from clearway.devnet.folder import write_whole
from clearway.opstack.addresses import parse_address
from clearway.opstack.errors import BadInput
from clearway.opstack.messages import tohex, unhex
from clearway.opstack.text import moment
from clearway.parameters import MarketParameters, Model, PoolParameters, VaultLimits

OWNED = ("Configuration", "PriceFeed", "Vault", "Timelock")  # what operations call


def described(system: System, call: Call) -> str:
    """Say what a call does: what it would change, by name where it calls a contract of ours."""
    for name in OWNED:
        contract = system.contract(name)
        if contract.address == call.target:
            return f"{name}.{_call_text(system, contract, call.data)}"
    return f"{call.target} {tohex(call.data[:4])}…"


def _call_text(system: System, contract: Contract, data: bytes) -> str:
    method = contract.interface.method_of(data[:4])
    if method is None:
        return f"{tohex(data[:4])}…"
    values = dict(zip(method.argument_names, method.arguments_of(data), strict=True))
    if method.name == "set_market":
        market = system.market_name(values["market"])
        present = contract.call("parameters_of", values["market"])._asdict()
        wished = dict(zip(MarketParameters.model_fields, values["p"], strict=True))
        return f"set_market {market}: {_moves(MarketParameters, present, wished)}"
    if method.name == "set_pool":
        wished = dict(zip(PoolParameters.model_fields, values["p"], strict=True))
        return f"set_pool: {_moves(PoolParameters, pool_parameters(system), wished)}"
    shown = (f"{name} {_text(system, name, value)}" for name, value in values.items())
    return f"{method.name}: {', '.join(shown)}"


def _moves(model: type[Model], present: Mapping[str, int], wished: Mapping[str, int]) -> str:
    moves = [
        f"{name} {model.show(name, present[name])} → {model.show(name, value)}"
        for name, value in wished.items()
        if value != present[name]
    ]
    return ", ".join(moves) or "as it is now"


def _text(system: System, name: str, value: Any) -> str:
    """Show one argument in its unit, which its name tells."""
    for model in (MarketParameters, VaultLimits):
        if name in model.model_fields:
            return model.show(name, value)
    if name == "market":
        return system.market_name(value)
    if name == "markets":
        return " ".join(map(system.market_name, value))
    if name == "at":
        return moment(value)
    return tohex(value) if isinstance(value, bytes) else str(value)


# Proposals on disk, between `propose` and `queue`


def keep(folder: Path, operation: Operation) -> Path:
    """Write down an operation that was proposed; return where."""
    path = folder / f"{operation.id.hex()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {
        "calls": [[call.target, tohex(call.data)] for call in operation.calls],
        "salt": tohex(operation.salt),
    }
    write_whole(path, json.dumps(facts, indent=2) + "\n")
    return path


def kept(folder: Path, reference: str) -> Operation:
    """Return the proposed operation whose id begins so; raise `BadInput` if none or several."""
    digits = reference.lower().removeprefix("0x")
    paths = [path for path in sorted(folder.glob("*.json")) if path.stem.startswith(digits)]
    if len(paths) != 1 or len(digits) < 4:
        what = "several proposals begin" if len(paths) > 1 else "no proposal begins"
        raise BadInput(f"{what} with {reference!r}", "make one with `ape run admin propose`")
    facts = json.loads(paths[0].read_text())
    calls = tuple(Call(parse_address(to, "the target"), unhex(data)) for to, data in facts["calls"])
    return Operation(calls, salt=unhex(facts["salt"]))
