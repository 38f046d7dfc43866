"""Starting withdrawals through the portal, for an account that the sequencer doesn't serve.

The L2 transaction is a deposit: its gas is bought on L1, and the sequencer can delay it by its
window but not refuse it.
"""

from clearway.opstack import abi
from clearway.opstack.deposits import Arrivals, Deposits
from clearway.opstack.effects import Progress, silent
from clearway.opstack.errors import RpcNonsense, TransactionFailed
from clearway.opstack.messages import Withdrawal, tohex, unhex
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.starting import Starter
from clearway.opstack.tracking import FORCED_START

GAS_MARGIN = 20_000
ESTIMATION_BALANCE = 10**24  # wei


class ForcedStarter(Starter):
    """Starts withdrawals from one account by its L1 `sender`.

    What it withdraws is the account's on L2. `mint` wei comes along from L1 first, for an account
    that has too little there.
    """

    def __init__(
        self, rollup: Rollup, sender: Sender, mint: int = 0, progress: Progress = silent
    ) -> None:
        super().__init__(rollup, sender)
        self.mint = mint
        self.progress = progress

    def _is_resuming(self, purpose: str) -> bool:
        return super()._is_resuming(FORCED_START + purpose)

    def _spendable(self) -> int:
        return super()._spendable() + self.mint

    def _start(self, transaction: Transaction) -> Withdrawal:
        """Send the L2 transaction as a deposit, and wait until it is on L2.

        Killed anywhere, the same call goes on; once the deposit lands, every driver of the journal
        finds its withdrawal.
        """
        purpose = FORCED_START + transaction.purpose
        receipt = self.sender.resume(purpose)
        if receipt is None:
            receipt = self.sender.run(self._deposit(purpose, transaction))
        l1_transaction = unhex(receipt["transactionHash"])
        arrivals = Arrivals(self.rollup)
        for deposit in arrivals.deposits_of(l1_transaction):
            self.progress(f"included on L1; its L2 transaction is {tohex(deposit.hash)}")
        try:
            outcome = arrivals.wait(l1_transaction)[0]
        except TransactionFailed:
            self.sender.journal.report(purpose)
            raise
        l2_receipt = self.rollup.l2.receipt(outcome.l2_transaction)
        if l2_receipt is None:
            raise RpcNonsense(
                f"the L2 RPC lost transaction {tohex(outcome.l2_transaction)}",
                "run the same command again to go on",
            )
        return self._note(purpose, l2_receipt)

    def _deposit(self, purpose: str, wanted: Transaction) -> Transaction:
        return Deposits(self.rollup, self.sender).forcing(
            purpose, wanted.to, wanted.data, wanted.value, self._gas_for(wanted), self.mint
        )

    def _gas_for(self, wanted: Transaction) -> int:
        """Return L2 gas enough for it; raise `Reverted` if it would fail there.

        Its gas is paid on L1, while an estimate wants the account to pay on L2.
        """
        l2, portal, account = self.rollup.l2, self.rollup.portal, self.sender.address
        overrides = {str(account): {"balance": hex(self._spendable() + ESTIMATION_BALANCE)}}
        estimate = l2.estimate_gas(account, wanted.to, wanted.data, wanted.value, overrides)
        least = self.rollup.l1.call(portal, abi.Portal.MINIMUM_GAS, len(wanted.data))
        return max(int(least), estimate * 5 // 4 + GAS_MARGIN)
