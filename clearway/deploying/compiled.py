"""The contracts' creation code: compiled when their sources change, and kept until then.

Compiled by Vyper itself, several contracts at a time and only those that are deployed: Ape would
compile the mocks and the Solidity of tests as well, one after another.
"""

import fcntl
import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from eth_abi import encode
from eth_utils.abi import collapse_if_tuple
from vyper.cli.vyper_compile import compile_files
from vyper.exceptions import VyperException

from clearway.contracts import interface
from clearway.devnet.folder import write_whole
from clearway.opstack.errors import BadInput

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / ".build" / "creation.json"
ROOMS = ("l2", "l1", "mocks")  # of contracts/, whose files are deployed
PARTS = ("contracts/math", "contracts/modules", "interfaces")  # what they are made of


class Codes:
    """The creation code of some contracts."""

    def __init__(self, codes: dict[str, bytes]) -> None:
        self._codes = codes

    @classmethod
    def of(cls, names: Sequence[str], tell: Callable[[str], None]) -> "Codes":
        """Return these contracts' code; compile what has changed, and say so."""
        digests = {name: _digest(name) for name in names}
        known = _read_cache()
        if _stale(known, digests):
            with _alone():
                known = _read_cache()  # what another process has compiled meanwhile
                if stale := _stale(known, digests):
                    tell(f"compiling {', '.join(stale)}")
                    known |= _compiled(stale, digests)
                    write_whole(CACHE, json.dumps(known))
        return cls({name: bytes.fromhex(known[name]["code"]) for name in names})

    def __call__(self, name: str, *arguments: object) -> bytes:
        """Return what creates a contract with its constructor's arguments."""
        entries = [entry for entry in interface(name).abi if entry["type"] == "constructor"]
        types = [collapse_if_tuple(value) for entry in entries for value in entry["inputs"]]
        return self._codes[name] + encode(types, arguments)

    def plain(self, name: str) -> bytes:
        """Return a contract's creation code without arguments."""
        return self._codes[name]


def creation_gas(code: bytes) -> int:
    """Return about what it costs to create a contract: its code, carried and kept."""
    zeros = code.count(0)
    carried = 4 * zeros + 16 * (len(code) - zeros)
    return 21_000 + 32_000 + carried + 200 * len(code)


def constructor_names(name: str) -> list[str]:
    """Return the names of a constructor's arguments, in order."""
    entries = [entry for entry in interface(name).abi if entry["type"] == "constructor"]
    return [value["name"] for entry in entries for value in entry["inputs"]]


def source(name: str) -> Path:
    """Return a contract's file."""
    paths = (ROOT / "contracts" / room / f"{name}.vy" for room in ROOMS)
    return next(path for path in paths if path.exists())


def _digest(name: str) -> str:
    """Return a hash of the compiler, and of all that a contract is made of."""
    whole = hashlib.sha256(f"{version('vyper')} {version('snekmate')}".encode())
    for path in sorted(_made_of(source(name))):
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def _made_of(path: Path) -> set[Path]:
    """Return a contract's file and those of ours that it imports, and they."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            names = re.findall(r"^(?:from \S+ )?import (\w+)", one.read_text(), re.M)
            waiting += [part for name in names if (part := _parts().get(name))]
    return found


@functools.cache
def _parts() -> dict[str, Path]:
    """Return the files that contracts are made of, by the names that they are imported by."""
    return {path.stem: path for part in PARTS for path in (ROOT / part).glob("*.vy*")}


def _stale(known: dict[str, dict[str, str]], digests: dict[str, str]) -> list[str]:
    """Return which contracts have changed since they were compiled."""
    return [name for name in digests if known.get(name, {}).get("digest") != digests[name]]


def _compiled(names: list[str], digests: dict[str, str]) -> dict[str, dict[str, str]]:
    largest_first = sorted(names, key=lambda name: -source(name).stat().st_size)
    with ProcessPoolExecutor(min(len(names), os.cpu_count() or 1)) as pool:
        codes = pool.map(_compile, largest_first)
        return {
            name: {"digest": digests[name], "code": code}
            for name, code in zip(largest_first, codes, strict=True)
        }


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process compile at a time. Freed by the system if it dies."""
    CACHE.parent.mkdir(exist_ok=True)
    with CACHE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read_cache() -> dict[str, dict[str, str]]:
    try:
        known = json.loads(CACHE.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _compile(name: str) -> str:
    try:
        (output,) = compile_files([source(name)], ["bytecode"], paths=[str(ROOT)]).values()
    except VyperException as error:
        raise BadInput(f"{name} doesn't compile", "`ape compile` says why") from error
    return str(output["bytecode"]).removeprefix("0x")


def main() -> None:
    """Compile what a deployment needs, so that none has to wait for it."""
    from clearway.deploying.building import CONTRACTS, STAND_INS

    Codes.of([*CONTRACTS, *STAND_INS], print)


if __name__ == "__main__":
    main()
