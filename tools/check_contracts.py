"""Print each contract's size and storage; fail where one is too large, or its face has moved.

A contract that holds other people's money is read by its storage layout and called by its ABI: by
indexers, by proofs, by integrators, by whoever audits the next version against this one. So both
are kept in git, and a change of either is made on purpose, with --update.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from vyper.cli.vyper_compile import compile_files

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "docs" / "storage-layout.txt"
ABI_FOLDER = ROOT / "deployments" / "abi"
SIZE_LIMIT = 24_576  # EIP-170
PARTS = {"math", "modules", "interfaces"}  # rooms of contracts/ whose files are not deployed
MOCKS = "mocks"
STAND_INS = {"TestToken", "MockAggregator"}  # mocks that a local network's deployment has


@dataclass(frozen=True)
class Variable:
    slot: int
    slots: int
    name: str
    type: str


@dataclass(frozen=True)
class Contract:
    name: str
    runtime_bytes: int
    variables: tuple[Variable, ...]
    abi: tuple[dict[str, Any], ...]

    @property
    def title(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def slots(self) -> int:
        return sum(variable.slots for variable in self.variables)

    @property
    def fits(self) -> bool:
        return self.runtime_bytes <= SIZE_LIMIT


def compile_all(contracts: Path) -> tuple[list[Contract], list[Contract]]:
    """Return the contracts made for deployment, and the mocks; several are compiled at a time."""
    sources = sorted(contracts.rglob("*.vy"))
    whole = [one for one in sources if one.relative_to(contracts).parts[0] not in PARTS]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        compiled = list(pool.map(compile_contract, whole, repeat(contracts)))
    products = [one for one in compiled if not one.name.startswith(f"{MOCKS}/")]
    return products, [one for one in compiled if one not in products]


def compile_contract(source: Path, contracts: Path) -> Contract:
    formats = ["bytecode_runtime", "layout", "abi"]
    (output,) = compile_files([source], formats, paths=[str(contracts.parent)]).values()
    code = len(output["bytecode_runtime"].removeprefix("0x")) // 2
    layout = output["layout"]
    return Contract(
        name=source.relative_to(contracts).with_suffix("").as_posix(),
        # The constructor appends the immutables to the code, and the limit counts them too.
        runtime_bytes=code + immutable_bytes(layout.get("code_layout", {})),
        variables=tuple(
            sorted(variables(layout.get("storage_layout", {})), key=lambda variable: variable.slot)
        ),
        abi=tuple(output["abi"]),
    )


def immutable_bytes(layout: dict[str, Any]) -> int:
    return sum(
        entry["length"] if "length" in entry else immutable_bytes(entry)
        for entry in layout.values()
    )


def variables(layout: dict[str, Any], prefix: str = "") -> Iterator[Variable]:
    """Walk vyper's layout, in which the variables of a module stand under the module's name."""
    for name, entry in layout.items():
        if "slot" not in entry:
            yield from variables(entry, f"{prefix}{name}.")
            continue
        # Vyper names an interface by the path of its file, which differs between machines.
        kind = re.sub(r"\S*/(\w+)\.vyi\b", r"\1", entry["type"])
        yield Variable(entry["slot"], entry["n_slots"], prefix + name, kind)


def size_table(contracts: list[Contract]) -> str:
    width = max(len(contract.name) for contract in contracts)
    lines = [f"{'contract':{width}}  {'bytes':>6}  {'of limit':>8}  {'slots':>5}"]
    for contract in contracts:
        share = contract.runtime_bytes / SIZE_LIMIT
        lines.append(
            f"{contract.name:{width}}  {contract.runtime_bytes:6,}  {share:8.1%}  "
            f"{contract.slots:5}" + ("" if contract.fits else f"  over {SIZE_LIMIT:,}")
        )
    return "\n".join(lines)


def layout_text(contracts: list[Contract]) -> str:
    """Return what the snapshot should say: for each variable its slot, how many, name and type."""
    sections = []
    for contract in contracts:
        lines = [f"{v.slot:>6} {v.slots:>6}  {v.name}: {v.type}\n" for v in contract.variables]
        sections.append("".join([f"{contract.name}\n", *lines]))
    return "\n".join(sections)


def abi_text(contract: Contract) -> str:
    """Return a contract's ABI as JSON, one entry a line, so that a change of it is short."""
    entries = sorted(
        json.dumps(entry, sort_keys=True, separators=(",", ":")) for entry in contract.abi
    )
    return "[\n" + ",\n".join(entries) + "\n]\n"


def change(what: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{what} in git", f"{what} now", lineterm="", n=2
    )
    return "\n".join(lines)


def check_abis(contracts: list[Contract], folder: Path, *, update: bool) -> list[str]:
    """Compare the ABI files with what the contracts are, or write them."""
    wanted = {f"{contract.title}.json": abi_text(contract) for contract in contracts}
    found = {path.name: path.read_text() for path in sorted(folder.glob("*.json"))}
    if update:
        folder.mkdir(parents=True, exist_ok=True)
        for name in found.keys() - wanted.keys():
            (folder / name).unlink()
        for name, text in wanted.items():
            (folder / name).write_text(text)
        return []
    return [
        f"an ABI has moved; if that is meant, run this with --update\n{difference}"
        for name in sorted(wanted.keys() | found.keys())
        if (difference := change(f"abi/{name}", found.get(name, ""), wanted.get(name, "")))
    ]


def check(contracts: Path, snapshot: Path, abis: Path, *, update: bool) -> list[str]:
    """Print the tables, and return what is wrong."""
    products, mocks = compile_all(contracts)
    if products:
        print(size_table(products))
    else:
        print("no contracts for deployment yet")
    if mocks:
        print("\n" + size_table(mocks))

    faults = [f"{c.name} is over {SIZE_LIMIT:,} bytes" for c in products + mocks if not c.fits]
    before = snapshot.read_text() if snapshot.exists() else ""
    after = layout_text(products)
    if update:
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(after)
    elif difference := change("layout", before, after):
        faults.append(f"storage has moved; if that is meant, run this with --update\n{difference}")
    shown = products + [mock for mock in mocks if mock.title in STAND_INS]
    return faults + check_abis(shown, abis, update=update)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="accept layouts and ABIs of now")
    update = parser.parse_args().update
    faults = check(ROOT / "contracts", SNAPSHOT, ABI_FOLDER, update=update)
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
