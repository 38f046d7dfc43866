"""Following a committed order to its end; executing it oneself where no keeper does."""

import time
from collections.abc import Callable, Iterator

from clearway.contracts import Told
from clearway.deployments import System
from clearway.keeper.rounds import find_round
from clearway.opstack.chain import waiting
from clearway.opstack.effects import Progress, purpose_of, silent
from clearway.opstack.errors import BridgeError, Reverted, TooEarly, TransactionFailed
from clearway.opstack.sender import Sender, Transaction
from clearway.spec.state import DELAY
from clearway.trading.prices import Prices
from clearway.trading.reasons import ADVICE
from clearway.trading.trader import Placed

PATIENCE = 6.0  # wall seconds that keepers are left, once an order can be executed
TIMEOUT = 90.0  # wall seconds

# Why an order can't be executed just now, and may be in a moment.
PASSING = {"order too young", "no report of that second", "no price", "price too wide"}
TOO_LATE = "too old for a report"
NO_REPORT = {"no report of that second", "no price"}


class OrderFailed(BridgeError):
    """An order was executed and couldn't stand; its fee says what that cost."""

    def __init__(self, reason: str, fee: str) -> None:
        super().__init__(f"the order failed ({reason}) and paid {fee}", ADVICE.get(reason, ""))


class Execution:
    """An order on its way to its end."""

    def __init__(
        self, system: System, prices: Prices, placed: Placed, sender: Sender | None = None
    ) -> None:
        self.system = system
        self.prices = prices
        self.placed = placed
        self.sender = sender
        self.trouble = ""  # why it can't be executed, the last time

    def end(self) -> Told | None:
        """Return what became of the order: filled, failed or cleared; None while it stands."""
        placed = self.placed
        last = self.system.rollup.l2.block().number
        if self._stands():
            return None
        told = [
            *self.system.market.events(placed.block, last, "OrderFilled", about=placed.account),
            *self.system.orders.events(
                placed.block, last, "OrderFailed", "OrderCleared", about=placed.account
            ),
        ]
        ended = [one for one in told if one.values["slot"] == placed.slot]
        return min(ended, key=lambda one: (one.block, one.log_index), default=None)

    def _stands(self) -> bool:
        """Tell whether the very order still lies in its slot, and not another one there."""
        try:
            order = self.system.orders.call("order_in", self.placed.account, self.placed.slot)
        except Reverted:
            return False
        return dict(order._asdict()) == dict(self.placed.order)

    def follow(
        self,
        *,
        patience: float = PATIENCE,
        timeout: float = TIMEOUT,
        progress: Progress = silent,
    ) -> Told:
        """Wait for the order's end and return it.

        A keeper is waited for. When none has come, and there is a sender, the order's owner
        executes it himself: anyone may. Raises `TooEarly` if nobody could.
        """
        progress(f"waiting for {'a keeper to execute' if patience else 'the price of'} the order")
        for is_own_turn in _turns(patience, timeout, self._is_due):
            if ended := self.end():
                return ended
            if is_own_turn and self.sender:
                self._execute(self.sender, progress)
        raise TooEarly(
            "the order is committed and not executed yet"
            + (f" ({self.trouble})" if self.trouble else ""),
            f"`ape run trade execute --slot {self.placed.slot}` executes it when that is possible",
        )

    def _is_due(self) -> bool:
        fills_at: int = self.placed.order["fills_at"]
        return self.system.rollup.l2.block().timestamp >= fills_at

    def _execute(self, sender: Sender, progress: Progress) -> None:
        """Execute the order; note why that isn't possible, if it isn't yet."""
        transaction = self._transaction()
        if transaction is None:
            return
        progress("executing the order")
        try:
            sender.run(transaction)
        except (Reverted, TransactionFailed) as error:
            if self._stands():
                self.trouble = getattr(error, "reason", error.fact)
                if self.trouble not in PASSING:
                    raise
        finally:
            sender.report(transaction.purpose)

    def _transaction(self) -> Transaction | None:
        """Return what executes the order: with its report, unless that is on chain."""
        orders, purpose = self.system.orders, purpose_of("execute", self.placed.transaction)
        try:
            orders.call("execute_one", self.placed.id)
            return orders.transaction(purpose, "execute_one", self.placed.id)
        except Reverted as refusal:
            self.trouble = refusal.reason
        if self.trouble == TOO_LATE:
            return self._by_round(purpose)
        if self.trouble not in NO_REPORT:
            return None
        tile = self.system.deployment.tile_length
        observed_at = -(-self.placed.order["fills_at"] // tile) * tile
        try:
            signed = self.prices.reports.report(observed_at)
        except BridgeError as error:
            self.trouble = str(error)
            return None
        if signed is None:
            return None
        arguments = (*signed.as_arguments(), self.placed.id)
        return orders.transaction(purpose, "submit_and_execute_one", *arguments)

    def _by_round(self, purpose: str) -> Transaction | None:
        """Return what executes a reduction by the aggregator, once no report counts any more."""
        order = self.placed.order
        if not order["is_reduce_only"]:
            return None
        committed_at = order["fills_at"] - DELAY
        found = find_round(self.system.feed, order["market"], committed_at)
        if found is None:
            self.trouble = "the aggregator has no round since"
            return None
        return self.system.orders.transaction(purpose, "execute_by_round", self.placed.id, *found)


def _turns(patience: float, timeout: float, is_due: Callable[[], bool]) -> Iterator[bool]:
    """Yield until the time is over: whether it is the owner's own turn to execute."""
    due_since: float | None = None
    for _ in waiting(timeout):
        if due_since is None and is_due():
            due_since = time.monotonic()
        yield due_since is not None and time.monotonic() - due_since >= patience
