"""What became of a message, told to boa in the words of its own EVM."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from boa.vm.gas_meters import GasMeter
from eth.exceptions import Revert, VMError

Log = tuple[int, bytes, list[int], bytes]  # number, address, topics, data


class Message(NamedTuple):
    sender: bytes
    to: bytes
    data: bytes


@dataclass
class Computation:
    """What boa reads of one; it knows the parts by these names."""

    msg: Message
    output: bytes
    error: VMError | None
    logs: list[Log]
    gas: int  # that it was given
    gas_used: int  # of the execution alone; what is refunded isn't taken off

    _gas_meter_class = GasMeter
    _contract_repr_before_revert = "A contract"
    _trace = children = beneficiaries = ()
    vyper_error_msg = None

    @property
    def code(self) -> "Computation":
        return self  # of which boa wants the trace

    @property
    def is_error(self) -> bool:
        return self.error is not None

    @property
    def is_success(self) -> bool:
        return self.error is None

    @property
    def call_trace(self) -> str:
        sender, to, data = (part.hex() for part in self.msg)
        return f"0x{sender} called 0x{to} with 0x{data}, which answered 0x{self.output.hex()}"

    def get_raw_log_entries(self) -> list[Log]:
        return self.logs

    def get_gas_used(self) -> int:
        return self.gas_used

    def get_gas_remaining(self) -> int:
        return self.gas - self.gas_used


def failure_of(told: str) -> tuple[bytes, VMError]:
    """Return what a message answered that failed, by what revm told, and how boa names that."""
    if not told.startswith("Revert"):
        return b"", VMError(told)
    output = bytes.fromhex(told.rpartition("0x")[2].removesuffix(" }"))
    return output, Revert(output)


def log_of(number: int, log: Any) -> Log:
    topics, data = log.data
    return number, bytes.fromhex(log.address[2:]), [int.from_bytes(one) for one in topics], data
