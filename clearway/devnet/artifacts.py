"""The OP Stack's compiled contracts, as the npm package delivers them.

An artifact is up to 860 kB of JSON, nearly all of it syntax tree. Each is parsed, what is needed is
kept and the rest dropped at once. Reading all thirty takes 0.06 s, so nothing is cached.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clearway.devnet.errors import DevnetError

NODE_MODULES = Path(__file__).resolve().parents[2] / "node_modules"
PACKAGE = "@eth-optimism/contracts-bedrock"


def init_code(name: str) -> bytes:
    """Return the creation code of a contract, without constructor arguments."""
    return _bytes(_parse(name)["bytecode"]["object"])


def runtime(name: str, immutables: Mapping[str, int] | None = None) -> bytes:
    """Return the code that a deployed contract has, with these values for its immutables.

    Raises KeyError unless exactly the contract's immutables are given: a forgotten one would
    silently be zero.
    """
    values = immutables or {}
    content = _parse(name)
    deployed = content["deployedBytecode"]
    references: dict[str, list[dict[str, int]]] = deployed.get("immutableReferences") or {}
    names = _immutable_names(name, content["ast"]) if references else {}
    if values.keys() != {names[key] for key in references}:
        raise KeyError(f"immutables of {name}: {sorted(names.values())}, given: {sorted(values)}")
    code = bytearray(_bytes(deployed["object"]))
    for key, places in references.items():
        for place in places:
            code[place["start"] : place["start"] + 32] = values[names[key]].to_bytes(32, "big")
    return bytes(code)


def storage_places(name: str) -> dict[str, tuple[int, int]]:
    """Return the storage slot, and the byte offset in it, of each state variable of a contract."""
    entries = _parse(name)["storageLayout"]["storage"]
    return {entry["label"]: (int(entry["slot"]), entry["offset"]) for entry in entries}


def _path(name: str) -> Path:
    return NODE_MODULES / PACKAGE / "forge-artifacts" / f"{name}.sol" / f"{name}.json"


def _parse(name: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(_path(name).read_bytes())
    except FileNotFoundError:
        raise DevnetError(
            f"The compiled contract {name} of the npm package {PACKAGE} is missing: "
            "run `npm ci` in the project's folder."
        ) from None
    return content


def _immutable_names(name: str, ast: dict[str, Any]) -> dict[str, str]:
    """Map the ids by which bytecode refers to immutables to their names in the source.

    Ids are those of the whole compilation; what a contract inherits is declared in its parent's
    artifact. Parents without an artifact are interfaces, which can have no immutables.
    """
    names = dict(_immutable_declarations(ast))
    for node in ast["nodes"]:
        if node["nodeType"] == "ContractDefinition" and node["name"] == name:
            parents = [base["baseName"]["name"] for base in node["baseContracts"]]
            for parent in filter(lambda parent: _path(parent).exists(), parents):
                names.update(_immutable_declarations(_parse(parent)["ast"]))
    return names


def _immutable_declarations(node: Any) -> Iterator[tuple[str, str]]:
    """Yield id and name of each immutable that is declared at or below a node of a syntax tree."""
    if isinstance(node, dict):
        if node.get("nodeType") == "VariableDeclaration" and node.get("mutability") == "immutable":
            yield str(node["id"]), node["name"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _immutable_declarations(child)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
