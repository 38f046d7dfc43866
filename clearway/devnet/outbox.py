"""Many transactions of one account at once, which makes a boot take a moment only."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import rlp
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from clearway.devnet.errors import DevnetError
from clearway.devnet.rpc import Rpc
from clearway.opstack.abi import Function
from clearway.opstack.addresses import Address
from clearway.opstack.messages import rlp_integer, tohex, unhex

CALL_GAS = 1_000_000
CREATION_GAS = 150_000
"""Gas of a contract's creation, beyond its code."""
GAS_PER_CODE_BYTE = 250
"""At most 200 to store it, 16 to send it, and the memory it takes."""
BLOCK_GAS = 30_000_000
MAX_FEE = 100 * 10**9  # wei per gas
PRIORITY_FEE = 10**6

MINING_TIMEOUT = 60  # seconds
POLL_INTERVAL = 0.002  # seconds


@dataclass(frozen=True)
class _Signed:
    what: str
    gas: int
    raw: str


class Outbox:
    """Transactions of one account that wait to be sent together.

    Contracts have their addresses before they exist, so later transactions may speak of earlier
    ones, and none waits for another's receipt.
    """

    def __init__(self, rpc: Rpc, signer: LocalAccount) -> None:
        self._rpc = rpc
        self._signer = signer
        self.sender: Address = to_checksum_address(signer.address)
        identity = rpc.many(
            [("eth_chainId", []), ("eth_getTransactionCount", [self.sender, "pending"])]
        )
        self._chain_id, self._nonce = (int(number, 16) for number in identity)
        self._waiting: list[_Signed] = []

    def create(self, name: str, code: bytes) -> Address:
        """Add a contract's creation and return its address.

        `code` includes the constructor's arguments.
        """
        address = keccak(rlp.encode([unhex(self.sender), rlp_integer(self._nonce)]))[-20:]
        gas = CREATION_GAS + GAS_PER_CODE_BYTE * len(code)
        self._add(f"the creation of {name}", {"data": code, "gas": gas})
        return to_checksum_address(address)

    def call(self, to: Address, function: Function, *arguments: Any, value: int = 0) -> None:
        """Add a call of a contract; `value` is in wei."""
        fields = {"to": to, "data": function.encode(*arguments), "value": value, "gas": CALL_GAS}
        self._add(f"{function.name} of {to}", fields)

    def send(self) -> list[dict[str, Any]]:
        """Send all, wait for them and return their receipts, in order.

        Raises DevnetError that names the first that failed, RpcFailure if the node refuses one.
        """
        receipts = []
        for part in self._parts():
            receipts += self._send_part(part)
        self._waiting.clear()
        return receipts

    def _send_part(self, part: list[_Signed]) -> list[dict[str, Any]]:
        hashes = self._rpc.many([("eth_sendRawTransaction", [one.raw]) for one in part])
        self._wait_for(hashes[-1])
        receipts = self._rpc.many([("eth_getTransactionReceipt", [one]) for one in hashes])
        for transaction, receipt in zip(part, receipts, strict=True):
            if int(receipt["status"], 16) != 1:
                raise DevnetError(f"On {self._rpc.url}, {transaction.what} reverted.")
        return receipts

    def _parts(self) -> Iterator[list[_Signed]]:
        """Yield what fits into one block together.

        When a transaction no longer fits into a block, anvil goes on with the sender's next one,
        finds its nonce too high, and forgets it and all that follow.
        """
        part: list[_Signed] = []
        for transaction in self._waiting:
            if part and sum(one.gas for one in [*part, transaction]) > BLOCK_GAS:
                yield part
                part = []
            part.append(transaction)
        if part:
            yield part

    def _wait_for(self, transaction_hash: str) -> None:
        """Wait until a transaction is mined: anvil does so on arrival, yet answers before."""
        deadline = time.monotonic() + MINING_TIMEOUT
        while self._rpc("eth_getTransactionReceipt", transaction_hash) is None:
            if time.monotonic() > deadline:
                raise DevnetError(
                    f"{self._rpc.url} mined nothing of {self.sender} in {MINING_TIMEOUT} s."
                )
            time.sleep(POLL_INTERVAL)

    def _add(self, what: str, fields: dict[str, Any]) -> None:
        transaction = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": self._nonce,
            "maxFeePerGas": MAX_FEE,
            "maxPriorityFeePerGas": PRIORITY_FEE,
            **fields,
        }
        raw = self._signer.sign_transaction(transaction).raw_transaction
        self._waiting.append(_Signed(what, fields["gas"], tohex(raw)))
        self._nonce += 1
