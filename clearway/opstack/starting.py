"""From L2 to L1: starting withdrawals of ETH, tokens and messages."""

from collections.abc import Mapping
from typing import Any

from clearway.opstack import abi
from clearway.opstack.addresses import (
    L2_BRIDGE,
    L2_MESSENGER,
    Address,
)
from clearway.opstack.effects import (
    MESSAGE_GAS,
    purpose_of,
    receiver_of,
    require_safe_target,
)
from clearway.opstack.errors import (
    InsufficientBalance,
    RpcNonsense,
)
from clearway.opstack.messages import Withdrawal, unhex, withdrawals_in
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.text import amount as amount_text
from clearway.opstack.tokens import TokenPair, require_token_balance


class Starter:
    """Starts withdrawals from one L2 account."""

    def __init__(self, rollup: Rollup, sender: Sender) -> None:
        self.rollup = rollup
        self.sender = sender

    def eth(self, amount: int, to: Address | None = None) -> Withdrawal:
        """Withdraw `amount` wei to `to` on L1 (default: the same account)."""
        receiver = receiver_of(self.sender, to, amount)
        purpose = purpose_of("start", "eth", self.sender.address, receiver, amount)
        self._require_balance(amount, purpose)
        call = abi.Bridge.BRIDGE_ETH_TO.encode(receiver, MESSAGE_GAS, b"")
        return self._start(Transaction(purpose, L2_BRIDGE, call, amount))

    def token(self, pair: TokenPair, amount: int, to: Address | None = None) -> Withdrawal:
        """Withdraw `amount` token units; the L2 tokens are burned."""
        receiver = receiver_of(self.sender, to, amount)
        account = self.sender.address
        purpose = purpose_of("start", pair.l2_token, account, receiver, amount)
        if not self.sender.is_resuming(purpose):
            require_token_balance(self.rollup.l2, pair.l2_token, account, amount, pair)
        call = abi.Bridge.BRIDGE_TOKEN_TO.encode(
            pair.l2_token, pair.l1_token, receiver, amount, MESSAGE_GAS, b""
        )
        return self._start(Transaction(purpose, L2_BRIDGE, call))

    def message(
        self, target: Address, data: bytes, value: int = 0, min_gas: int = MESSAGE_GAS
    ) -> Withdrawal:
        """Send a message to `target` on L1, with `value` wei and at least `min_gas` gas for it."""
        require_safe_target(target, "L1", (self.rollup.messenger, self.rollup.portal))
        account = self.sender.address
        purpose = purpose_of("start", "message", account, target, data, value, min_gas)
        self._require_balance(value, purpose)
        call = abi.Messenger.SEND.encode(target, data, min_gas)
        return self._start(Transaction(purpose, L2_MESSENGER, call, value))

    def by(self, call: Transaction) -> Withdrawal:
        """Start the withdrawal that a contract makes when called; its purpose is a start's."""
        return self._start(call)

    def _require_balance(self, value: int, purpose: str) -> None:
        balance = self._spendable()
        if balance < value and not self.sender.is_resuming(purpose):
            raise InsufficientBalance(
                f"{self.sender.address} has {amount_text(balance)} ETH on L2, "
                f"less than {amount_text(value)}",
                "withdraw less",
            )

    def _spendable(self) -> int:
        """Return the wei that the account can spend on L2."""
        return self.rollup.l2.balance(self.sender.address)

    def _start(self, transaction: Transaction) -> Withdrawal:
        receipt = self.sender.run(transaction)
        return self._note(transaction.purpose, receipt)

    def _note(self, purpose: str, receipt: Mapping[str, Any]) -> Withdrawal:
        """Write down the withdrawal that an L2 transaction started."""
        started = withdrawals_in(receipt["logs"])
        if not started:
            raise RpcNonsense(
                f"L2 transaction {receipt['transactionHash']} succeeded without a withdrawal",
                "use another L2 RPC",
            )
        self.sender.journal.add(started[0], unhex(receipt["transactionHash"]))
        self.sender.report(purpose)
        return started[0]
