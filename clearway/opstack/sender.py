"""Sending transactions so that each effect happens once, whatever dies in between.

Sign, write down, send, wait. What was written down and not seen mined is sent again, the same
bytes; a purpose that has a transaction on its way gets no second one.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from clearway.opstack.abi import revert_reason
from clearway.opstack.addresses import Address
from clearway.opstack.chain import Chain, waiting
from clearway.opstack.errors import (
    BridgeError,
    InsufficientBalance,
    RpcError,
    RpcNonsense,
    RpcUnavailable,
    TransactionFailed,
    UnknownTransaction,
)
from clearway.opstack.journal import Journal, SignedTransaction
from clearway.opstack.messages import tohex

GAS_MARGIN = 1.25
LOOK_AFTER = 3.0  # wall seconds without inclusion
BUMP_AFTER = 60.0  # wall seconds without inclusion
BUMP_PERCENT = 115  # nodes want at least 110 for a replacement
RECEIPT_TIMEOUT = 300.0  # wall seconds
SEND_ATTEMPTS = 4
NONCE_PAUSE = 0.1  # seconds


class Signer(Protocol):
    """Who signs. `eth_account`'s LocalAccount is one; shells wrap other wallets."""

    @property
    def address(self) -> str: ...

    def sign_transaction(self, transaction_dict: dict[str, Any]) -> Any:
        """Return an object with `raw_transaction`, the signed bytes."""


@dataclass(frozen=True)
class Transaction:
    """What is to be done: a call, and its purpose. One purpose is one effect."""

    purpose: str
    to: Address
    data: bytes
    value: int = 0  # wei
    gas: int | None = None  # estimated if not given


@dataclass(frozen=True)
class Creation:
    """A contract to be made by its creation code and its constructor's arguments."""

    purpose: str
    data: bytes
    value: int = 0  # wei
    gas: int | None = None  # estimated if not given
    to: None = None


Effect = Transaction | Creation


class Sender:
    """One account on one chain, with its journal."""

    def __init__(self, chain: Chain, signer: Signer, journal: Journal) -> None:
        self.chain = chain
        self.signer = signer
        self.address = to_checksum_address(signer.address)
        self.journal = journal

    def run(self, transaction: Effect, timeout: float = RECEIPT_TIMEOUT) -> Mapping[str, Any]:
        """Do it and return the receipt; raises `TransactionFailed` if it reverted.

        If an earlier process was killed in the same purpose, its transaction is brought to its end
        and no second one is sent.
        """
        with self.journal.acting():
            self.recover()
            signed = self.journal.interrupted(transaction.purpose)
            if signed is None:
                signed = self.submit(transaction)
        return self.wait(signed, timeout)

    def resume(self, purpose: str, timeout: float = RECEIPT_TIMEOUT) -> Mapping[str, Any] | None:
        """Bring to its end what an earlier process was killed in; None if there is nothing."""
        with self.journal.acting():
            self.recover()
            signed = self.journal.interrupted(purpose)
        return self.wait(signed, timeout) if signed else None

    def is_resuming(self, purpose: str) -> bool:
        """Tell whether `run` would go on with a transaction rather than send one.

        Its checks were passed before, and may no longer be: it may have spent what they look at.
        """
        return self.journal.interrupted(purpose) is not None

    def report(self, purpose: str) -> None:
        """Note that whoever asked for this was told how it ended: asked again, it is done again."""
        self.journal.report(purpose)

    def unfinished(self, purpose: str) -> SignedTransaction | None:
        """Return the transaction that is on its way for `purpose`, if any."""
        open_ones = self.journal.open_transactions(self.chain.name, self.address)
        return next((signed for signed in open_ones if signed.purpose == purpose), None)

    def submit(self, transaction: Effect) -> SignedTransaction:
        """Sign, write down and send, unless the purpose is on its way already.

        Call it inside `journal.acting()`, after `recover()`.
        """
        if signed := self.unfinished(transaction.purpose):
            return signed
        gas = transaction.gas or self._estimate(transaction)
        for attempt in range(SEND_ATTEMPTS):
            signed = self._sign(transaction, self.next_nonce(), gas, self.chain.fees())
            try:
                self.chain.broadcast(signed.raw)
                return signed
            except (RpcUnavailable, RpcNonsense):
                raise  # it may have arrived: it stays written down
            except BridgeError as error:
                # Sent again after a broken connection, its own first copy may be in its way.
                if self._has_arrived(signed):
                    return signed
                self.journal.settle(signed.id, "replaced")
                if not _is_nonce_taken(error) or attempt == SEND_ATTEMPTS - 1:
                    raise
                time.sleep(NONCE_PAUSE)
        raise AssertionError("unreachable")

    def _has_arrived(self, signed: SignedTransaction) -> bool:
        known = self.chain.request("eth_getTransactionByHash", tohex(signed.hash))
        return known is not None or self.chain.receipt(signed.hash) is not None

    def _estimate(self, transaction: Effect) -> int:
        estimate = self.chain.estimate_gas(
            self.address, transaction.to, transaction.data, transaction.value
        )
        return int(estimate * GAS_MARGIN)

    def next_nonce(self) -> int:
        written = self.journal.open_transactions(self.chain.name, self.address)
        return max(
            self.chain.next_nonce(self.address, "pending"),
            max((signed.nonce + 1 for signed in written), default=0),
        )

    def _sign(
        self, transaction: Effect, nonce: int, gas: int, fees: Mapping[str, int]
    ) -> SignedTransaction:
        fields = {
            "type": 2,
            "chainId": self.chain.chain_id,
            "nonce": nonce,
            "value": transaction.value,
            "data": tohex(transaction.data),
            "gas": gas,
            **fees,
            **({"to": transaction.to} if transaction.to else {}),
        }
        raw = bytes(self.signer.sign_transaction(fields).raw_transaction)
        return self.journal.record(
            self.chain.name, transaction.purpose, self.address, nonce, keccak(raw), raw
        )

    def recover(self) -> None:
        """Bring this account's written transactions up to date: see `recover`."""
        recover(self.chain, self.journal, self.address)

    def wait(
        self, signed: SignedTransaction, timeout: float = RECEIPT_TIMEOUT
    ) -> Mapping[str, Any]:
        """Wait for inclusion and return the receipt; raises `TransactionFailed` if it reverted."""
        started = time.monotonic()
        bump_at, look_at = started + BUMP_AFTER, started + LOOK_AFTER
        for _ in waiting(timeout):
            if receipt := self.ended(signed):
                return receipt
            if time.monotonic() > look_at:
                look_at += LOOK_AFTER
                self.look_after(signed)
            if time.monotonic() > bump_at:
                bump_at += BUMP_AFTER
                self.hurry(signed)
        raise UnknownTransaction(
            f"{self.chain.name} didn't include transaction {tohex(signed.hash)} in {timeout:g} s",
            "it is written down: run the same command again to go on",
        )

    def ended(self, signed: SignedTransaction) -> Mapping[str, Any] | None:
        """Return the receipt if it is included, without waiting; raises as `wait` does."""
        for candidate in self._with_its_replacements(signed):
            if receipt := self.chain.receipt(candidate.hash):
                self.journal.settle(candidate.id, "mined")
                return self._successful(candidate, receipt)
        return None

    def _with_its_replacements(self, signed: SignedTransaction) -> list[SignedTransaction]:
        return [
            other
            for other in self.journal.transactions_for(signed.purpose)
            if (other.nonce, other.sender) == (signed.nonce, signed.sender)
        ]

    def look_after(self, signed: SignedTransaction) -> None:
        """Send again what a node has dropped or, having died, forgotten.

        Not this alone: what came before it may be lost too, and it waits for that.
        """
        if self.chain.next_nonce(self.address, "pending") <= signed.nonce:
            with self.journal.acting():
                self.recover()

    def hurry(self, signed: SignedTransaction) -> None:
        """Replace what lingers by the same with higher fees: same nonce, same effect.

        A transaction waits for all of its sender's earlier ones, so they are hurried too, even
        those that nobody waits for: the chain may have gone back behind their inclusion.
        """
        with self.journal.acting():
            self.recover()
            ours = self._with_its_replacements(signed)
            if all(one.outcome == "replaced" for one in ours):
                raise TransactionFailed(
                    f"{self.chain.name} transaction {tohex(signed.hash)} was replaced by another "
                    f"of {self.address} (nonce {signed.nonce})",
                    "see what that one did; the same command will send anew",
                )
            open_ones = self.journal.open_transactions(self.chain.name, self.address)
            latest = {one.nonce: one for one in open_ones if one.nonce <= signed.nonce}
            for one in latest.values():
                self._raise_fees(one)

    def _raise_fees(self, signed: SignedTransaction) -> None:
        bumped = self._bumped(signed)
        try:
            self.chain.broadcast(bumped.raw)
        except (RpcUnavailable, RpcNonsense):
            raise
        except BridgeError:
            if not self._has_arrived(bumped):
                self.journal.settle(bumped.id, "replaced")
            _send_again(self.chain, signed)

    def _bumped(self, signed: SignedTransaction) -> SignedTransaction:
        """Sign and write down the same again with higher fees."""
        sent = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
        fees = {
            name: max(sent[name] * BUMP_PERCENT // 100 + 1, fee)
            for name, fee in self.chain.fees().items()
        }
        data, value = bytes(sent["data"]), sent["value"]
        effect: Effect = Creation(signed.purpose, data, value)
        if sent["to"]:
            effect = Transaction(signed.purpose, to_checksum_address(sent["to"]), data, value)
        return self._sign(effect, signed.nonce, sent["gas"], fees)

    def _successful(
        self, signed: SignedTransaction, receipt: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        if int(receipt["status"], 16) == 1:
            return receipt
        self.journal.report(signed.purpose)
        raise TransactionFailed(
            f"{self.chain.name} transaction {tohex(signed.hash)} reverted: "
            f"{self._why(signed, receipt)}"
        )

    def _why(self, signed: SignedTransaction, receipt: Mapping[str, Any]) -> str:
        sent = self.chain.request("eth_getTransactionByHash", tohex(signed.hash)) or {}
        call = {name: sent[name] for name in ("from", "to", "value") if sent.get(name)}
        try:
            self.chain.request(
                "eth_call", {**call, "data": sent.get("input", "0x")}, receipt["blockNumber"]
            )
        except RpcError as error:
            return revert_reason(error.data, error.message)
        return "out of gas, or its state has changed since"


def recover(chain: Chain, journal: Journal, sender: Address) -> None:
    """Bring what was written down up to date, and send again what the chain doesn't know.

    Call it inside `journal.acting()`. It needs no key: what is sent was signed before.
    """
    used = chain.next_nonce(sender)
    journal.reopen(chain.name, sender, used)
    passed_over = []
    for signed in journal.open_transactions(chain.name, sender):
        if chain.receipt(signed.hash):
            journal.settle(signed.id, "mined")
        elif signed.nonce < used:
            passed_over.append(signed)
        else:
            _send_again(chain, signed)
    if passed_over:
        _settle_replaced(chain, journal, sender, passed_over)


def _settle_replaced(
    chain: Chain, journal: Journal, sender: Address, passed_over: list[SignedTransaction]
) -> None:
    """Settle those whose nonce another transaction has.

    Nonce and receipts must be of one history: if the chain goes back between the two looks, a
    transaction is lost, and nothing has replaced it.
    """
    head = chain.block()
    used = chain.next_nonce(sender, head.number)
    replaced = [one for one in passed_over if one.nonce < used and not chain.receipt(one.hash)]
    if replaced and chain.find_block(head.number) == head:
        for signed in replaced:
            journal.settle(signed.id, "replaced")


def _send_again(chain: Chain, signed: SignedTransaction) -> None:
    """Send what a node doesn't know (any more).

    A refusal changes nothing: the nonce may be used by now, or the fees too low since the chain
    went back; it stays written, and whoever waits for it raises its fees.
    """
    with suppress(RpcError, InsufficientBalance):
        chain.broadcast(signed.raw)


def _is_nonce_taken(error: BridgeError) -> bool:
    """Tell whether a node refused a transaction because its nonce is used, or in use."""
    message = error.message.lower() if isinstance(error, RpcError) else ""
    return "nonce" in message or "underpriced" in message
