"""boa's messages run by revm, which is many times faster than the EVM that boa brings.

It keeps no traces. Of a failure there is the data that the message reverted with, and nothing about
the frames below it; of a mapping in storage the keys aren't known; the base fee is zero; and what a
test has touched stays warm. Where any of that matters, the fixture `py_evm` brings boa's EVM back.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import boa
from boa.util.abi import Address
from boa.vm.gas_meters import GasMeter
from eth._utils.address import generate_contract_address
from eth.constants import ZERO_ADDRESS
from eth_utils import keccak
from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env, JournalCheckpoint

from tests.computation import Computation, Message, failure_of, log_of

HARD_FORK = "CANCUN"  # what the contracts are compiled for
CHAIN_ID = 1
GAS = 200_000_000  # of a message that names none
LARGEST_CODE = 24_576  # bytes
NO_CODE = keccak(b"")
PADDING = 33  # zeros that revm keeps behind code which it has analysed
SLOT = re.compile(r"(\d+): StorageSlot {[^}]* present_value: (\d+) }")  # in revm's journal


@dataclass(slots=True)
class Block:
    """What a message sees of its block."""

    timestamp: int = 1
    block_number: int = 1
    chain_id: int = CHAIN_ID  # which can't be changed

    @contextmanager
    def anchor(self) -> Iterator[None]:
        before = self.timestamp, self.block_number
        try:
            yield
        finally:
            self.timestamp, self.block_number = before


class Place(NamedTuple):
    """A place in the journal, to which one can go back."""

    checkpoint: JournalCheckpoint
    amendments: int


class Revm:
    """revm, as boa's `PyEVM` is used."""

    def __init__(self) -> None:
        cfg = CfgEnv(chain_id=CHAIN_ID, limit_contract_code_size=LARGEST_CODE)
        self._evm = EVM(Env(cfg), gas_limit=2 * GAS, spec_id=HARD_FORK)
        self.patch = Block()
        # revm journals what messages do, but neither balances nor code that are set from outside.
        # For each there is the place where that was done, and what undoes it.
        self._amendments: list[tuple[Place, Callable[[], None]]] = []

    def get_gas_meter_class(self) -> type:
        return GasMeter

    # Going back

    def snapshot(self) -> Place:
        checkpoint = self._evm.snapshot()
        self._evm.commit()  # messages begin no deeper in calls for it
        return Place(checkpoint, len(self._amendments))

    def revert(self, place: Place) -> None:
        while len(self._amendments) > place.amendments:
            before, undo = self._amendments.pop()
            self._go_back(before)
            undo()
        self._go_back(place)

    def _go_back(self, place: Place) -> None:
        self._evm.snapshot()  # as deep in calls as the one was that is reverted to
        self._evm.revert(place.checkpoint)

    # Accounts

    def get_balance(self, address: Address) -> int:
        return self._evm.get_balance(address)

    def set_balance(self, address: Address, value: int) -> None:
        undo = partial(self._evm.set_balance, address, self.get_balance(address))
        self._amendments.append((self.snapshot(), undo))
        self._evm.set_balance(address, value)

    def get_code(self, address: Address) -> bytes:
        code = self._evm.get_code(address) or b""
        return code if keccak(code) == self._evm.basic(address).code_hash else code[:-PADDING]

    def set_code(self, address: Address, code: bytes) -> None:
        undo = partial(self._put_code, address, self.get_code(address))
        self._amendments.append((self.snapshot(), undo))
        self._put_code(address, code)

    def _put_code(self, address: Address, code: bytes, code_hash: bytes | None = None) -> None:
        info = self._evm.basic(address)
        nonce = info.nonce or int(bool(code))  # a contract's begins with one
        self._evm.insert_account_info(address, AccountInfo(info.balance, nonce, code_hash, code))

    @contextmanager
    def with_code(self, address: Address, *code: bytes) -> Iterator[None]:
        """Let an account have other code for a while, or a hash that isn't its code's."""
        before = self.get_code(address)
        self._put_code(address, *code)
        try:
            yield
        finally:
            self._put_code(address, before)

    def get_storage(self, address: Address, slot: int) -> int:
        return self._evm.storage(address, slot)

    def get_storage_slot(self, address: Address, slot: int) -> bytes:
        return self.get_storage(address, slot).to_bytes(32)

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        self._evm.insert_account_storage(address, slot, value)

    def words(self, address: Address) -> dict[int, int]:
        """Return all words of a contract's storage that aren't zero, by slot."""
        account = self._evm.journal_str.partition(f"{address.lower()}: Account {{")[2]
        slots = SLOT.findall(account.partition("status: AccountStatus")[0])
        return {int(slot): int(word) for slot, word in slots if word != "0"}

    # Messages

    def generate_create_address(self, sender: Address) -> Address:
        """Return where the sender's next contract will be; revm itself will move his nonce."""
        nonce = self._evm.basic(sender).nonce
        return Address(generate_contract_address(sender.canonical_address, nonce))

    def deploy_code(
        self,
        sender: Address,
        target_address: Address,
        gas: int | None,
        value: int,
        bytecode: bytes,
        **_: Any,
    ) -> Computation:
        gas = GAS if gas is None else gas
        if target_address == self.generate_create_address(sender):
            return self._create(sender, target_address, gas, value, bytecode)
        with self.with_code(target_address, bytecode):  # where no message can create it
            made = self.call(sender, target_address, gas, value, b"", is_static=False)
        if made.is_success:
            assert len(made.output) <= LARGEST_CODE
            self.set_code(target_address, made.output)
        return made

    def _create(
        self, sender: Address, target: Address, gas: int, value: int, code: bytes
    ) -> Computation:
        def create(limit: int) -> bytes:
            self._evm.deploy(sender, code, value, limit)
            return self.get_code(target)

        return self._run(sender, target, b"", create, gas, 32_000 + _intrinsic_gas(code))

    def call(
        self, sender: Address, to: Address, gas: int, value: int, data: bytes, is_static: bool
    ) -> Computation:
        def call(limit: int) -> bytes:
            return self._evm.message_call(sender, to, data, value, limit, is_static=is_static)

        return self._run(sender, to, data, call, gas, _intrinsic_gas(data))

    def _run(
        self,
        sender: Address,
        to: Address,
        data: bytes,
        act: Callable[[int], bytes],
        gas: int,
        intrinsic_gas: int,
    ) -> Computation:
        """Run what `act` does, given a transaction's gas limit. boa's gas is its execution's."""
        self._evm.reset_transient_storage()
        block = BlockEnv(number=self.patch.block_number, timestamp=self.patch.timestamp)
        self._evm.set_block_env(block)
        error = None
        try:
            output = self._by(sender, partial(act, gas + intrinsic_gas))
        except RuntimeError as failure:
            output, error = failure_of(str(failure))
        result = self._evm.result  # none if it could not even begin
        used = result.gas_used + result.gas_refunded - intrinsic_gas if result else 0
        logs = [log_of(number, log) for number, log in enumerate(result.logs if result else ())]
        message = Message(sender.canonical_address, to.canonical_address, data)
        return Computation(message, output, error, logs, gas, used)

    def _by(self, sender: Address, act: Callable[[], bytes]) -> bytes:
        """Act as a sender who may be a contract, which no transaction's sender is."""
        try:
            return act()
        except RuntimeError as failure:
            if "RejectCallerWithCode" not in str(failure):
                raise
        with self.with_code(sender, self.get_code(sender), NO_CODE):  # revm asks for the hash alone
            return act()


def _intrinsic_gas(data: bytes) -> int:
    """Return the gas that a transaction uses before it is executed."""
    return 21_000 + 16 * len(data) - 12 * data.count(0)


class RevmEnv(boa.Env):
    """boa's environment with revm in it."""

    def __init__(self) -> None:
        super().__init__()
        self.evm = Revm()

    def execute_code(
        self,
        to_address: Any = ZERO_ADDRESS,
        sender: Any = None,
        gas: int | None = None,
        value: int = 0,
        data: bytes = b"",
        override_bytecode: bytes | None = None,
        is_modifying: bool = True,
        simulate: bool = False,
        **_: Any,
    ) -> Computation:
        sender, to, gas = self._get_sender(sender), Address(to_address), GAS if gas is None else gas
        code = self.evm.with_code(to, override_bytecode) if override_bytecode else nullcontext()
        with self.anchor() if simulate else nullcontext(), code:
            return self.evm.call(sender, to, gas, value, data, is_static=not is_modifying)
