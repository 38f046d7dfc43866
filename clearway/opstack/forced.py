"""Acting on L2 through the portal, for an account that the sequencer doesn't serve.

The L2 transaction is a deposit: its gas is bought on L1, and the sequencer can delay it by its
window but not refuse it.
"""

from collections.abc import Mapping
from typing import Any

from clearway.opstack import abi
from clearway.opstack.deposits import DEPOSIT_TIMEOUT, Arrivals, Deposits
from clearway.opstack.effects import Progress, silent
from clearway.opstack.errors import RpcNonsense, TransactionFailed
from clearway.opstack.messages import tohex, unhex
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Effect, Sender, Transaction
from clearway.opstack.starting import Starter
from clearway.opstack.tracking import FORCED

GAS_MARGIN = 20_000
ESTIMATION_BALANCE = 10**24  # wei


class ForcedSender(Sender):
    """An account on L2 whose transactions go by its L1 `sender` and the portal.

    `mint` wei comes along from L1 each time, for an account that has too little on L2.
    """

    def __init__(
        self, rollup: Rollup, sender: Sender, mint: int = 0, progress: Progress = silent
    ) -> None:
        super().__init__(rollup.l2, sender.signer, sender.journal)
        self.rollup = rollup
        self.mint = mint
        self.progress = progress
        self._on_l1 = sender

    def is_resuming(self, purpose: str) -> bool:
        return self._on_l1.is_resuming(FORCED + purpose)

    def report(self, purpose: str) -> None:
        self._on_l1.report(FORCED + purpose)

    def run(self, transaction: Effect, timeout: float = DEPOSIT_TIMEOUT) -> Mapping[str, Any]:
        """Do it and return its receipt on L2; raises `TransactionFailed` if it failed there.

        Killed anywhere, the same call goes on. One that has failed on L2 isn't repeated, while the
        same call afterwards is a new one.
        """
        purpose = FORCED + transaction.purpose
        receipt = self._on_l1.resume(purpose)
        if receipt is None:
            receipt = self._on_l1.run(self._deposit(purpose, transaction))
        l1_transaction = unhex(receipt["transactionHash"])
        arrivals = Arrivals(self.rollup)
        for deposit in arrivals.deposits_of(l1_transaction):
            self.progress(f"included on L1; its L2 transaction is {tohex(deposit.hash)}")
        try:
            (outcome,) = arrivals.wait(l1_transaction, timeout)
        except TransactionFailed:
            self.report(transaction.purpose)
            raise
        l2_receipt = self.rollup.l2.receipt(outcome.l2_transaction)
        if l2_receipt is None:
            raise RpcNonsense(
                f"the L2 RPC lost transaction {tohex(outcome.l2_transaction)}",
                "run the same command again to go on",
            )
        return l2_receipt

    def _deposit(self, purpose: str, wanted: Effect) -> Transaction:
        assert isinstance(wanted, Transaction), "only calls are forced"
        return Deposits(self.rollup, self._on_l1).forcing(
            purpose, wanted.to, wanted.data, wanted.value, self._gas_for(wanted), self.mint
        )

    def _gas_for(self, wanted: Transaction) -> int:
        """Return L2 gas enough for it; raise `Reverted` if it would fail there.

        Its gas is paid on L1, while an estimate wants the account to pay on L2.
        """
        l2, portal, account = self.rollup.l2, self.rollup.portal, self.address
        funds = l2.balance(account) + self.mint + ESTIMATION_BALANCE
        overrides = {str(account): {"balance": hex(funds)}}
        estimate = l2.estimate_gas(account, wanted.to, wanted.data, wanted.value, overrides)
        least = self.rollup.l1.call(portal, abi.Portal.MINIMUM_GAS, len(wanted.data))
        return max(int(least), estimate * 5 // 4 + GAS_MARGIN)


class ForcedStarter(Starter):
    """Starts withdrawals from one account by its L1 `sender`.

    What it withdraws is the account's on L2. `mint` wei comes along from L1 first, for an account
    that has too little there.
    """

    def __init__(
        self, rollup: Rollup, sender: Sender, mint: int = 0, progress: Progress = silent
    ) -> None:
        super().__init__(rollup, ForcedSender(rollup, sender, mint, progress))
        self.mint = mint

    def _spendable(self) -> int:
        return super()._spendable() + self.mint
