"""The deployed contracts by their ABI, on any `clearway.opstack.Chain`.

The ABIs are files, `deployments/abi/<Name>.json`, which integrators read too; nothing is compiled
here, and Ape isn't needed. Numbers are the contracts' own integers.
"""

import functools
import json
from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from eth_utils.abi import (
    abi_to_signature,
    collapse_if_tuple,
    event_abi_to_log_topic,
    get_aligned_abi_inputs,
)
from eth_utils.address import to_checksum_address

from clearway.opstack.abi import CODEC, Function
from clearway.opstack.addresses import Address
from clearway.opstack.chain import BlockId, Chain
from clearway.opstack.messages import Log, tohex, topics_of, unhex
from clearway.opstack.sender import Transaction

ABI_FOLDER = Path(__file__).resolve().parent.parent / "deployments" / "abi"

Entry = Mapping[str, Any]  # of an ABI: a function, an event, or one of their values


@dataclass(frozen=True)
class Told:
    """An event as it was told. A struct is a mapping too, a list a tuple."""

    name: str
    values: Mapping[str, Any]
    block: int
    log_index: int  # in its block
    transaction: bytes  # hash


class Method(Function):
    """A function that takes and returns structs by the names of their fields."""

    entry: Entry

    def __init__(self, entry: Entry) -> None:
        returns = ",".join(collapse_if_tuple(cast(Any, value)) for value in entry["outputs"])
        super().__init__(abi_to_signature(cast(Any, entry)), returns)
        object.__setattr__(self, "entry", entry)

    @property
    def argument_names(self) -> list[str]:
        return [value["name"] for value in self.entry["inputs"]]

    def encode(self, *arguments: Any) -> bytes:
        """Return the calldata; a struct is a tuple, or a mapping by its fields."""
        _, aligned = get_aligned_abi_inputs(cast(Any, self.entry), arguments)
        return super().encode(*aligned)

    def decode(self, data: bytes) -> Any:
        """Return what a call returned: one value alone, several as a tuple, structs with names."""
        entries = self.entry["outputs"]
        values = CODEC.decode(self.outputs, data)
        named = tuple(_named(entry, value) for entry, value in zip(entries, values, strict=True))
        return named[0] if len(named) == 1 else named


class Interface:
    """A contract's functions and events."""

    def __init__(self, name: str, abi: Sequence[Entry]) -> None:
        self.name = name
        self.abi = abi
        # Vyper gives a function with defaults once for each number of arguments.
        self._methods = {
            (entry["name"], len(entry["inputs"])): Method(entry)
            for entry in abi
            if entry["type"] == "function"
        }
        self.events = {
            event_abi_to_log_topic(cast(Any, entry)): entry
            for entry in abi
            if entry["type"] == "event"
        }

    def method(self, name: str, arguments: int) -> Method:
        """Return the function that takes so many arguments; raise LookupError if there is none."""
        try:
            return self._methods[name, arguments]
        except KeyError:
            raise LookupError(f"{self.name} has no {name} of {arguments} arguments") from None

    def method_of(self, selector: bytes) -> Method | None:
        """Return the function that a call's first four bytes name."""
        found = (one for one in self._methods.values() if one.selector == selector)
        return next(found, None)

    def topics(self, names: Sequence[str]) -> list[bytes]:
        """Return the topics of these events, of all if none is named."""
        known = {entry["name"]: topic for topic, entry in self.events.items()}
        if unknown := set(names) - set(known):
            raise LookupError(f"{self.name} has no event {', '.join(sorted(unknown))}")
        return [known[name] for name in names or known]

    def told(self, topics: Sequence[bytes], data: bytes) -> tuple[str, Mapping[str, Any]] | None:
        """Return an event's name and values; None if it isn't one of this contract's."""
        entry = self.events.get(topics[0]) if topics else None
        if entry is None:
            return None
        indexed = iter(topics[1:])
        plain = [value for value in entry["inputs"] if not value["indexed"]]
        decoded = iter(CODEC.decode([collapse_if_tuple(value) for value in plain], data))
        values = {}
        for value in entry["inputs"]:
            if value["indexed"]:
                (word,) = CODEC.decode([value["type"]], next(indexed))
            else:
                word = next(decoded)
            values[value["name"]] = _mapped(value, word)
        return entry["name"], values


@functools.cache
def interface(name: str) -> Interface:
    """Return what is known of the contract called `name`."""
    return Interface(name, json.loads((ABI_FOLDER / f"{name}.json").read_text()))


@dataclass(frozen=True)
class Contract:
    """A contract at its address."""

    chain: Chain
    address: Address
    name: str

    @property
    def interface(self) -> Interface:
        return interface(self.name)

    def call(
        self,
        function: str,
        *arguments: Any,
        block: BlockId = "latest",
        sender: Address | None = None,
    ) -> Any:
        """Call a view; raise `Reverted` if the contract refuses."""
        method = self.interface.method(function, len(arguments))
        return self.chain.call(self.address, method, *arguments, sender=sender, block=block)

    def calls(self, *calls: tuple[Any, ...], block: BlockId = "latest") -> list[Any]:
        """Call many views, each `(function, *arguments)`, in one batch of requests."""
        methods = [self.interface.method(name, len(arguments)) for name, *arguments in calls]
        answers = self.chain.batch(
            [
                (
                    "eth_call",
                    (
                        {"to": self.address, "data": tohex(method.encode(*arguments))},
                        hex(block) if isinstance(block, int) else block,
                    ),
                )
                for method, (_, *arguments) in zip(methods, calls, strict=True)
            ]
        )
        return [self._answer(*pair) for pair in zip(methods, answers, strict=True)]

    def _answer(self, method: Method, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return self.chain.decoded(self.address, method, answer)

    def encode(self, function: str, *arguments: Any) -> bytes:
        """Return the calldata."""
        return self.interface.method(function, len(arguments)).encode(*arguments)

    def transaction(
        self, purpose: str, function: str, *arguments: Any, value: int = 0
    ) -> Transaction:
        """Return the transaction that calls a function, for `Sender.run`."""
        return Transaction(purpose, self.address, self.encode(function, *arguments), value)

    def events(self, first: int, last: int, *names: str, about: int | None = None) -> list[Told]:
        """Return events of blocks [first, last] in the chain's order; of all names if none.

        With `about`, only those whose first indexed value it is: an account, or an address.
        """
        topics = self.interface.topics(names)
        word = None if about is None else about.to_bytes(32, "big")
        logs = self.chain.logs_of(self.address, topics, first, last, word)
        return [told for log in logs if (told := self.event_of(log))]

    def event_of(self, log: Log) -> Told | None:
        """Return what a log tells; None if this contract didn't write it, or doesn't know it."""
        if log["address"].lower() != self.address.lower():
            return None
        found = self.interface.told(topics_of(log), unhex(log["data"]))
        if found is None:
            return None
        name, values = found
        block, index = int(log["blockNumber"], 16), int(log["logIndex"], 16)
        return Told(name, values, block, index, unhex(log["transactionHash"]))


@functools.cache
def _struct(fields: tuple[str, ...]) -> Any:
    return namedtuple("Struct", fields)


def _named(entry: Entry, value: Any) -> Any:
    """Return a value with structs as named tuples and addresses with checksums."""
    return _shaped(entry, value, lambda fields: _struct(tuple(fields))(**fields))


def _mapped(entry: Entry, value: Any) -> Any:
    """Return a value with structs as mappings."""
    return _shaped(entry, value, lambda fields: fields)


def _shaped(entry: Entry, value: Any, struct: Any) -> Any:
    kind = entry["type"]
    if kind.endswith("]"):
        item = {**entry, "type": kind[: kind.rindex("[")]}
        return tuple(_shaped(item, one, struct) for one in value)
    if kind == "tuple":
        parts = zip(entry["components"], value, strict=True)
        return struct({part["name"]: _shaped(part, one, struct) for part, one in parts})
    return to_checksum_address(value) if kind == "address" else value
