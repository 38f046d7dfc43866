"""From L1 to L2: ETH, tokens, messages, and calls that no sequencer can refuse.

The L2 transaction of a deposit has a hash that follows from the L1 receipt, so it is known before
it lands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clearway.opstack import abi
from clearway.opstack.addresses import (
    L2_MESSENGER,
    MESSAGE_PASSER,
    Address,
    alias,
)
from clearway.opstack.chain import waiting
from clearway.opstack.effects import (
    MESSAGE_GAS,
    Progress,
    purpose_of,
    receiver_of,
    require_safe_target,
    silent,
)
from clearway.opstack.errors import (
    BadInput,
    ContractAccount,
    InsufficientBalance,
    TransactionFailed,
    UnknownTransaction,
)
from clearway.opstack.messages import (
    Deposit,
    deposits_in,
    is_event,
    tohex,
    topics_of,
    unhex,
)
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.text import amount as amount_text
from clearway.opstack.tokens import TokenPair, allow, require_token_balance

DEPOSIT_TIMEOUT = 600.0  # wall seconds; live chains take one to three minutes


@dataclass(frozen=True)
class DepositOutcome:
    """A deposit that arrived. `failed_message` is set if its message failed and may be replayed."""

    l1_transaction: bytes
    l2_transaction: bytes
    l2_block: int
    failed_message: bytes | None


class Deposits:
    """Deposits from one L1 account."""

    def __init__(self, rollup: Rollup, sender: Sender) -> None:
        self.rollup = rollup
        self.sender = sender

    def eth(self, amount: int, to: Address | None = None, progress: Progress = silent) -> bytes:
        """Deposit `amount` wei to `to` (default: the same account). Returns the L1 hash."""
        receiver = receiver_of(self.sender, to, amount)
        purpose = purpose_of("deposit", "eth", self.sender.address, receiver, amount)
        self._require_balance(amount, purpose)
        data = abi.Bridge.BRIDGE_ETH_TO.encode(receiver, MESSAGE_GAS, b"")
        return self._send(Transaction(purpose, self.rollup.bridge, data, amount), progress)

    def token(
        self,
        pair: TokenPair,
        amount: int,
        to: Address | None = None,
        progress: Progress = silent,
    ) -> bytes:
        """Deposit `amount` token units, approving the bridge first if needed."""
        receiver = receiver_of(self.sender, to, amount)
        account = self.sender.address
        purpose = purpose_of("deposit", pair.l1_token, account, receiver, amount)
        if not self.sender.is_resuming(purpose):
            require_token_balance(self.rollup.l1, pair.l1_token, account, amount, pair)
            allow(self.sender, pair.l1_token, self.rollup.bridge, amount, progress)
        data = abi.Bridge.BRIDGE_TOKEN_TO.encode(
            pair.l1_token, pair.l2_token, receiver, amount, MESSAGE_GAS, b""
        )
        return self._send(Transaction(purpose, self.rollup.bridge, data), progress)

    def message(
        self,
        target: Address,
        data: bytes,
        value: int = 0,
        min_gas: int = MESSAGE_GAS,
        progress: Progress = silent,
    ) -> bytes:
        """Send a message to `target` on L2, with `value` wei and at least `min_gas` gas for it."""
        require_safe_target(target, "L2", (L2_MESSENGER, MESSAGE_PASSER))
        account = self.sender.address
        purpose = purpose_of("deposit", "message", account, target, data, value, min_gas)
        self._require_balance(value, purpose)
        call = abi.Messenger.SEND.encode(target, data, min_gas)
        return self._send(Transaction(purpose, self.rollup.messenger, call, value), progress)

    def force(
        self,
        target: Address,
        data: bytes,
        value: int = 0,
        gas: int = MESSAGE_GAS,
        mint: int = 0,
        progress: Progress = silent,
    ) -> bytes:
        """Make an L2 transaction of this very account through the portal.

        `value` wei is spent on L2, `mint` wei comes along from L1. No sequencer can refuse it and
        it needs no ETH on L2: its gas is bought on L1.
        """
        account = self.sender.address
        purpose = purpose_of("deposit", "force", account, target, data, value, gas, mint)
        transaction = self.forcing(purpose, target, data, value, gas, mint)
        self._require_value(value, mint, purpose)
        return self._send(transaction, progress)

    def forcing(
        self, purpose: str, target: Address, data: bytes, value: int, gas: int, mint: int
    ) -> Transaction:
        """Return the L1 transaction that makes an L2 one, after all checks."""
        if self.rollup.l1.is_contract(self.sender.address):
            raise ContractAccount(
                f"{self.sender.address} is a contract on L1",
                f"on L2 it would act as {alias(self.sender.address)}: use an account with a key",
            )
        least = self.rollup.l1.call(self.rollup.portal, abi.Portal.MINIMUM_GAS, len(data))
        if gas < least:
            raise BadInput(f"{gas} gas is too little for this call", f"give at least {least}")
        self._require_balance(mint, purpose)
        call = abi.Portal.DEPOSIT.encode(target, value, gas, False, data)
        return Transaction(purpose, self.rollup.portal, call, mint)

    def _require_balance(self, amount: int, purpose: str) -> None:
        balance = self.rollup.l1.balance(self.sender.address)
        if balance < amount and not self.sender.is_resuming(purpose):
            raise InsufficientBalance(
                f"{self.sender.address} has {amount_text(balance)} ETH on L1, "
                f"less than {amount_text(amount)}",
                "deposit less",
            )

    def _require_value(self, value: int, mint: int, purpose: str) -> None:
        """Refuse to spend on L2 what will not be there: the call would fail on arrival."""
        balance = self.rollup.l2.balance(self.sender.address)
        if balance + mint < value and not self.sender.is_resuming(purpose):
            raise InsufficientBalance(
                f"{self.sender.address} has {amount_text(balance)} ETH on L2, "
                f"less than {amount_text(value)}",
                "spend less there, or bring more along",
            )

    def _send(self, transaction: Transaction, progress: Progress) -> bytes:
        progress("sending on L1")
        receipt = self.sender.run(transaction)
        progress(f"included on L1 in transaction {receipt['transactionHash']}")
        self.sender.report(transaction.purpose)
        return unhex(receipt["transactionHash"])


class Arrivals:
    """What became of deposits on L2; needs no account."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup

    def deposits_of(self, l1_transaction: bytes) -> list[Deposit]:
        """Return the deposits that an L1 transaction made; their hashes are the L2 hashes."""
        receipt = self.rollup.l1.successful_receipt(
            l1_transaction, "check the hash; a reorganised L1 may have dropped it"
        )
        deposits = deposits_in(receipt["logs"], self.rollup.portal)
        if not deposits:
            raise UnknownTransaction(
                f"L1 transaction {tohex(l1_transaction)} made no deposit to this rollup",
                "check the hash and the network",
            )
        return deposits

    def wait(self, l1_transaction: bytes, timeout: float = DEPOSIT_TIMEOUT) -> list[DepositOutcome]:
        """Wait until all deposits of an L1 transaction are on L2.

        A reorganisation of L1 gives a deposit another hash, so the L1 receipt is read each time.
        Raises `TransactionFailed` if one failed outright on L2: the ETH it brought is then with
        its sender on L2.
        """
        for _ in waiting(timeout):
            if self._is_pending(l1_transaction):
                continue
            deposits = self.deposits_of(l1_transaction)
            receipts = [self.rollup.l2.receipt(deposit.hash) for deposit in deposits]
            arrived = [receipt for receipt in receipts if receipt is not None]
            if len(arrived) == len(deposits):
                return [
                    self._outcome(l1_transaction, deposit, receipt)
                    for deposit, receipt in zip(deposits, arrived, strict=True)
                ]
        raise UnknownTransaction(
            f"the deposit of L1 transaction {tohex(l1_transaction)} isn't on L2 after "
            f"{timeout:g} s",
            "nothing is lost: L2 must include it within its sequencing window (12 h on live "
            "chains); look again later",
        )

    def _is_pending(self, l1_transaction: bytes) -> bool:
        """Tell whether L1 knows the transaction and hasn't included it (yet, or again)."""
        known = self.rollup.l1.request("eth_getTransactionByHash", tohex(l1_transaction))
        return known is not None and known.get("blockNumber") is None

    def _outcome(
        self, l1_transaction: bytes, deposit: Deposit, receipt: Mapping[str, Any]
    ) -> DepositOutcome:
        if int(receipt["status"], 16) != 1:
            raise TransactionFailed(
                f"the deposit arrived and failed on L2 (transaction {tohex(deposit.hash)})",
                f"the {amount_text(deposit.mint)} ETH it brought is with {deposit.sender} on L2"
                if deposit.mint
                else "see why its target refuses it; it brought no ETH",
            )
        failed = [
            topics_of(log)[1]
            for log in receipt["logs"]
            if is_event(log, L2_MESSENGER, abi.Messenger.FAILED_RELAYED)
        ]
        return DepositOutcome(
            l1_transaction,
            deposit.hash,
            int(receipt["blockNumber"], 16),
            failed[0] if failed else None,
        )
