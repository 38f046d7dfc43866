"""What the timelock may do: changes written by people, as operations that wait, and back.

A change is judged before it is announced: by the bounds' twin in Python, and by the contract, asked
what it would say to the timelock now.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from eth_abi import encode
from eth_utils.crypto import keccak

from clearway.contracts import Contract
from clearway.deployments import System
from clearway.opstack.addresses import Address, parse_address
from clearway.opstack.errors import BadInput, Reverted
from clearway.opstack.sender import Transaction
from clearway.opstack.text import choices, moment
from clearway.parameters import (
    Judgement,
    MarketParameters,
    Model,
    PoolParameters,
    VaultLimits,
    make,
)
from clearway.spec.parameter_words import unpack_pool

NOTHING = bytes(32)
ETHER = 10**18


class State(Enum):
    """Where an operation stands; its values are snekmate's."""

    UNSET = 0
    WAITING = 1
    READY = 2
    DONE = 3


@dataclass(frozen=True)
class Call:
    target: Address
    data: bytes


@dataclass(frozen=True)
class Operation:
    """One call of the timelock, or several done together."""

    calls: tuple[Call, ...]
    predecessor: bytes = NOTHING
    salt: bytes = NOTHING

    @property
    def id(self) -> bytes:
        """Return its hash, as the timelock computes it."""
        if len(self.calls) == 1:
            types = ["address", "uint256", "bytes", "bytes32", "bytes32"]
        else:
            types = ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"]
        return keccak(encode(types, self.arguments))

    @property
    def arguments(self) -> list[Any]:
        """Return what `schedule` and `execute`, or their forms for several calls, take."""
        targets = [call.target for call in self.calls]
        payloads = [call.data for call in self.calls]
        amounts = [0] * len(self.calls)
        if len(self.calls) == 1:
            return [targets[0], 0, payloads[0], self.predecessor, self.salt]
        return [targets, amounts, payloads, self.predecessor, self.salt]

    @property
    def suffix(self) -> str:
        return "" if len(self.calls) == 1 else "_batch"


@dataclass(frozen=True)
class Announced:
    """An operation that was scheduled, and where it stands."""

    operation: Operation
    state: State
    ready_at: int  # timestamp


@dataclass(frozen=True)
class Change:
    """One value before and after."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Proposal:
    """A call that the timelock is to make, and what it would change."""

    contract: Contract
    function: str
    arguments: tuple[Any, ...]
    changes: tuple[Change, ...]

    @property
    def call(self) -> Call:
        return Call(self.contract.address, self.contract.encode(self.function, *self.arguments))


def judged(proposal: Proposal, timelock: Address) -> Proposal:
    """Return the proposal; raise `BadInput` if the contract would refuse it now."""
    rich = {str(timelock): {"balance": hex(ETHER)}}  # nodes want whoever calls to have the gas
    call = proposal.call
    try:
        proposal.contract.chain.estimate_gas(timelock, call.target, call.data, overrides=rich)
    except Reverted as error:
        raise BadInput(
            f"{proposal.contract.name} would refuse: {error.reason}", "nothing was sent"
        ) from error
    return proposal


# Changes as people write them


def assignments(words: Sequence[str], model: type[Model]) -> dict[str, str]:
    """Return "max_skew=800" and the like by name; raise `BadInput` for names that don't exist."""
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise BadInput(f"{word!r} is no assignment", "write name=value, such as max_skew=800")
        if name not in model.model_fields:
            raise BadInput(f"there is no parameter {name!r}", choices(name, model.model_fields))
        if name in given:
            raise BadInput(f"{name} is given twice", "give it once")
        given[name] = value.strip()
    if not given:
        raise BadInput("no parameter is given", "write name=value, such as max_skew=800")
    return given


def changed(model: type[Model], present: Mapping[str, int], words: Sequence[str]) -> Model:
    """Return what parameters would be; raise `BadInput` if they would be out of their bounds."""
    try:
        return make(model, {**present, **assignments(words, model)}, "the proposal")
    except BadInput as error:
        error.advise(error.advice.replace("mend the file", "nothing was sent; see docs/design.md"))
        raise


def changes(model: type[Model], present: Mapping[str, int], wished: Model) -> tuple[Change, ...]:
    """Return what differs; raise `BadInput` if nothing does."""
    found = tuple(
        Change(name, model.show(name, present[name]), model.show(name, value))
        for name, value in wished.values().items()
        if present[name] != value
    )
    if not found:
        raise BadInput("the proposal changes nothing", "give other values")
    return found


def market_change(system: System, name: str, words: Sequence[str]) -> Proposal:
    market = system.deployment.market(name)
    present = system.configuration.call("parameters_of", market.number)._asdict()
    wished = changed(MarketParameters, present, words)
    return Proposal(
        system.configuration,
        "set_market",
        (market.number, wished.values()),
        changes(MarketParameters, present, wished),
    )


def pool_parameters(system: System) -> dict[str, int]:
    """Return what holds for all markets together, as the market has it."""
    return unpack_pool(system.market.call("pool_words")[2])


def pool_change(system: System, words: Sequence[str]) -> Proposal:
    present = pool_parameters(system)
    wished = changed(PoolParameters, present, words)
    return Proposal(
        system.configuration,
        "set_pool",
        (wished.values(),),
        changes(PoolParameters, present, wished),
    )


def vault_change(system: System, words: Sequence[str]) -> Proposal:
    names = list(VaultLimits.model_fields)
    values = system.vault.calls(*((name,) for name in names))
    present = dict(zip(names, values, strict=True))
    wished = changed(VaultLimits, present, words)
    return Proposal(
        system.vault,
        "set_limits",
        tuple(wished.values().values()),
        changes(VaultLimits, present, wished),
    )


def publishers_change(system: System, publishers: Sequence[str], quorum: int) -> Proposal:
    parsed = [parse_address(one, "the publisher") for one in publishers]
    ordered = sorted(parsed, key=lambda address: int(address, 16))
    present, present_quorum = system.feed.calls(("publishers",), ("quorum",))
    return Proposal(
        system.feed,
        "set_publishers",
        (ordered, quorum),
        (
            Change("publishers", "\n".join(present), "\n".join(ordered)),
            Change("quorum", str(present_quorum), str(quorum)),
        ),
    )


def guardian_change(system: System, contract: str, guardian: str) -> Proposal:
    place = system.contract(contract)
    address = parse_address(guardian, "the guardian")
    change = Change("guardian", place.call("guardian"), address)
    return Proposal(place, "set_guardian", (address,), (change,))


def aggregator_change(system: System, name: str, words: Sequence[str]) -> Proposal:
    """Change how a market's aggregator is judged, or which it is."""
    market = system.deployment.market(name)
    present = system.feed.call("listing", market.number)._asdict()
    place = present.pop("aggregator")
    given = [word for word in words if not word.startswith("address=")]
    address = next((word[8:] for word in words if word not in given), place)
    address = parse_address(address, "the aggregator")
    wished = changed(Judgement, present, given) if given else make(Judgement, present, "the feed")
    moved = [] if address == place else [Change("aggregator", place, address)]
    if given:
        moved += changes(Judgement, present, wished)
    if not moved:
        raise BadInput("the proposal changes nothing", "give other values, or address=0x…")
    listing = {"aggregator": address, **wished.values()}
    return Proposal(system.feed, "list_market", (market.number, listing), tuple(moved))


def retirement(system: System, name: str, notice: int) -> Proposal:
    """Announce a market's end, `notice` seconds after the announcement can be executed."""
    market = system.deployment.market(name)
    timelock = Timelock(system)
    at = system.timelock.chain.block().timestamp + timelock.delay + notice
    change = Change("end", "none", moment(at))
    return Proposal(system.configuration, "announce_retirement", (market.number, at), (change,))


# Operations on the chain


class Timelock:
    """The timelock of a system, in operations."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.contract = system.timelock

    @property
    def delay(self) -> int:
        return int(self.contract.call("get_minimum_delay"))

    def operation(self, call: Call) -> Operation:
        """Return an operation that was never announced: what was done once may be done again."""
        salt = 0
        while True:
            operation = Operation((call,), salt=salt.to_bytes(32, "big"))
            if not self.contract.call("is_operation", operation.id):
                return operation
            salt += 1

    def scheduling(self, operation: Operation) -> Transaction:
        """Return the transaction that announces an operation."""
        return self._transaction("schedule", operation, self.delay)

    def executing(self, operation: Operation) -> Transaction:
        return self._transaction("execute", operation)

    def _transaction(self, verb: str, operation: Operation, *more: Any) -> Transaction:
        purpose = f"{verb}:{operation.id.hex()}"
        function = f"{verb}{operation.suffix}"
        return self.contract.transaction(purpose, function, *operation.arguments, *more)

    def cancelling(self, operation_id: bytes) -> Transaction:
        return self.contract.transaction(f"cancel:{operation_id.hex()}", "cancel", operation_id)

    def announced(self) -> list[Announced]:
        """Return every operation that was ever announced and not cancelled, oldest first."""
        found = list(self._scheduled())
        states = self.contract.calls(*(("get_operation_state", one.id) for one in found))
        times = self.contract.calls(*(("get_timestamp", one.id) for one in found))
        return [
            Announced(operation, State(_index_of(state)), time)
            for operation, state, time in zip(found, states, times, strict=True)
            if _index_of(state) != State.UNSET.value
        ]

    def _scheduled(self) -> Iterator[Operation]:
        """Read the operations that events tell, each with the newest salt and predecessor."""
        last = self.contract.chain.block().number
        first = self.system.deployment.l2_block
        calls: dict[bytes, dict[int, Call]] = {}
        predecessors: dict[bytes, bytes] = {}
        salts: dict[bytes, bytes] = {}
        for told in self.contract.events(first, last, "CallScheduled", "CallSalt"):
            values = told.values
            if told.name == "CallSalt":
                salts[values["id"]] = values["salt"]
                continue
            call = Call(values["target"], values["payload"])
            calls.setdefault(values["id"], {})[values["index"]] = call
            predecessors[values["id"]] = values["predecessor"]
        for operation_id, parts in calls.items():
            in_order = tuple(parts[index] for index in sorted(parts))
            salt = salts.get(operation_id, NOTHING)
            yield Operation(in_order, predecessors[operation_id], salt)

    def find(self, reference: str) -> Announced:
        """Return the announced operation whose id begins so; raise `BadInput` if not one does."""
        digits = reference.lower().removeprefix("0x")
        matching = [one for one in self.announced() if one.operation.id.hex().startswith(digits)]
        if len(matching) == 1 and len(digits) >= 4:
            return matching[0]
        what = "several operations begin" if len(matching) > 1 else "no announced operation begins"
        raise BadInput(f"{what} with {reference!r}", "`ape run admin list` shows them")


def _index_of(state: int) -> int:
    """Return which member of snekmate's flag a value is: Vyper's flags are bits."""
    return state.bit_length() - 1
