"""An account of the market in its owner's hands: its money, its orders, what it could do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clearway.contracts import Contract, Told
from clearway.deployments import Listed, System
from clearway.opstack.addresses import Address
from clearway.opstack.effects import Progress, purpose_of, silent
from clearway.opstack.errors import BadInput, InsufficientBalance, Reverted, RpcNonsense
from clearway.opstack.messages import unhex
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.text import amount
from clearway.opstack.tokens import allow, require_token_balance
from clearway.spec import wad
from clearway.spec.parameter_words import unpack_pool
from clearway.spec.state import DAY, SLOTS, account_of
from clearway.trading.orders import Capital, Intent, Plan, plan, plan_reduction
from clearway.trading.prices import Prices
from clearway.trading.reasons import GET_TOKENS, advising

MOST_NUMBER = 2**88 - 1
INCLUSION = 120  # seconds that a transaction may take


@dataclass(frozen=True)
class Wallet:
    """What an owner holds outside of the market: wei, and token units."""

    l1_eth: int
    l2_eth: int
    l1_tokens: int
    l2_tokens: int


@dataclass(frozen=True)
class Placed:
    """A committed order: where it lies, and since when."""

    account: int
    slot: int
    order: Mapping[str, Any]
    block: int
    transaction: bytes  # hash

    @property
    def id(self) -> int:
        return self.account + self.slot


class Trader:
    """One account. Whoever has no sender can look, and only look."""

    def __init__(
        self,
        system: System,
        prices: Prices,
        owner: Address,
        number: int = 0,
        sender: Sender | None = None,
    ) -> None:
        if not 0 <= number <= MOST_NUMBER:
            raise BadInput(f"there is no account number {number}", "give a whole number from 0")
        self.system = system
        self.prices = prices
        self.owner = owner
        self.number = number
        self.id = account_of(int(owner, 16), number)
        self._sender = sender

    @property
    def sender(self) -> Sender:
        """Whoever signs for the owner on L2."""
        if self._sender is None:
            raise BadInput(f"{self.owner} is only looked at", "act as an account of your own")
        return self._sender

    # Looking

    def view(self) -> Any:
        """Return all there is to say of the account (`Lens.account`), at the newest prices."""
        return self.prices.ask(self.system.lens, "account", self.id)

    def position(self, market: Listed, view: Any = None) -> Any | None:
        """Return the account's position in a market, None if it has none."""
        positions = (view or self.view()).positions
        return next((one for one in positions if one.market == market.number), None)

    def market(self, market: Listed) -> Any:
        """Return all there is to say of a market (`PoolLens.market`), at the newest prices."""
        return self.prices.ask(self.system.pool_lens, "market", market.number)

    def quote(
        self, market: Listed, size_delta: int, *, is_reduce_only: bool = False, keeper_fee: int = 0
    ) -> Any:
        """Return what a trade would be that is filled alone now (`QuoteLens.quote`)."""
        arguments = (self.id, market.number, size_delta, is_reduce_only, keeper_fee)
        with advising():
            return self.prices.ask(self.system.quote_lens, "quote", *arguments)

    def wallet(self) -> Wallet:
        """Return what the owner holds on both chains."""
        rollup = self.system.rollup
        return Wallet(
            rollup.l1.balance(self.owner),
            rollup.l2.balance(self.owner),
            self.system.l1_token.call("balanceOf", self.owner),
            self.system.token.call("balanceOf", self.owner),
        )

    # Money

    def deposit(self, units: int, progress: Progress = silent) -> Told:
        """Add token units that the owner has on L2 to the account's margin."""
        market = self.system.market
        purpose = purpose_of("margin", self.id, units)
        if not self.sender.is_resuming(purpose):
            self.require_tokens(units)
            allow(self.sender, self.system.token.address, market.address, units, progress)
        progress("depositing")
        return self._done(market, purpose, "Deposited", "deposit", self.id, units)

    def require_tokens(self, units: int) -> None:
        """Raise `InsufficientBalance` if the owner has less on L2."""
        require_tokens(self.system, self.owner, units, "ape run gateway deposit")

    def withdraw(self, units: int, to: Address, progress: Progress = silent) -> Told:
        """Take token units from the margin that backs nothing, to an address on L2."""
        if not self.is_withdrawing(units, to) and self.view().positions:
            self.prices.bring(self.sender, progress)
        progress("withdrawing")
        market, purpose = self.system.market, self._withdrawal(units, to)
        return self._done(market, purpose, "Withdrawn", "withdraw", self.id, units, to)

    def is_withdrawing(self, units: int, to: Address) -> bool:
        """Tell whether such a withdrawal was begun, and how it ended never told."""
        return self.sender.is_resuming(self._withdrawal(units, to))

    def _withdrawal(self, units: int, to: Address) -> str:
        return purpose_of("margin out", self.id, units, to)

    def free_units(self) -> int:
        """Return the token units that may leave the account now, and a little later.

        While positions are open, what they owe grows until a withdrawal is included.
        """
        view = self.view()
        free: int = max(view.margin, 0)
        if view.positions:
            free = max(view.free - sum(map(self._due_soon, view.positions)), 0)
        return free // self.system.scale

    def _due_soon(self, position: Any) -> int:
        """Return what a position will owe more by the time of an inclusion; quote wad."""
        market = self.prices.ask(self.system.pool_lens, "market", position.market)
        rate = market.long_rate if position.size > 0 else market.short_rate
        return wad.mul_div_up(wad.mul_up(position.notional, max(rate, 0)), INCLUSION, DAY)

    # Orders

    def plan(self, intent: Intent) -> Plan:
        """Return the order for an intent; raise if the market wouldn't take it."""
        market, size_delta = intent.market, intent.size_delta
        view = self.view()
        if not intent.is_reduce_only:
            quote = self.quote(market, size_delta, keeper_fee=intent.keeper_fee)
            return plan(intent, quote, view, self.market(market), self._capital())
        try:
            found = self.quote(market, size_delta, is_reduce_only=True)
        except Reverted:
            if intent.limit_price is None:
                raise
            found = None
        return plan_reduction(intent, found, view)

    def _capital(self) -> Capital:
        shown = self.system.pool_lens.call("vault")
        pool = unpack_pool(self.system.market.call("pool_words")[2])
        return Capital(shown.cash, shown.at_risk, pool["max_utilisation"])

    def place(self, plan: Plan, progress: Progress = silent) -> Placed:
        """Commit an order, once: a process that was killed goes on with the one it sent."""
        purpose = purpose_of("order", self.id, *plan.identity)
        # An order that was sent names its own slot.
        slot = 0 if self.sender.is_resuming(purpose) else self.free_slot()
        progress("placing the order")
        told = self._done(
            self.system.orders,
            purpose,
            "OrderPlaced",
            "place",
            self.id,
            slot,
            plan.market.number,
            plan.size_delta,
            plan.limit_price,
            plan.is_reduce_only,
            plan.keeper_fee,
        )
        return self._as_placed(told)

    def free_slot(self) -> int:
        """Return a slot of the account that holds no order; raise `BadInput` if all do."""
        words = self.system.orders.calls(*(("order_word", self.id + slot) for slot in range(SLOTS)))
        free = [slot for slot, word in enumerate(words) if word <= 1]
        if not free:
            raise BadInput(
                f"all {SLOTS} slots of the account hold orders",
                "wait until one is executed, or use another account by --number",
            )
        return free[0]

    def clear(self, slot: int, progress: Progress = silent) -> Told:
        """Take the escrow of an order back whose window has ended."""
        progress("clearing the order")
        purpose = purpose_of("clear", self.id, slot)
        return self._done(self.system.orders, purpose, "OrderCleared", "clear", self.id, slot)

    def settle(self, market: Listed, progress: Progress = silent) -> Told:
        """Close the account's position in a retired market at its final price."""
        progress("settling")
        purpose = purpose_of("settle", self.id, market.number)
        contract = self.system.market
        return self._done(contract, purpose, "PositionSettled", "settle", self.id, market.number)

    def placed(self, slot: int) -> Placed:
        """Return the order in a slot; raise `BadInput` if there is none."""
        orders = self.system.orders
        if orders.call("order_word", self.id + slot) <= 1:
            raise BadInput(
                f"the account has no order in slot {slot}",
                "`ape run account orders` lists those that it has",
            )
        last = self.system.rollup.l2.block().number
        first = self.system.deployment.l2_block
        told = [
            one
            for one in orders.events(first, last, "OrderPlaced", about=self.id)
            if one.values["slot"] == slot
        ]
        if not told:
            raise RpcNonsense("the L2 RPC knows an order and not its placing", "use another RPC")
        return self._as_placed(told[-1])

    def placed_in(self, l2_transaction: bytes) -> Placed | None:
        """Return the order of the account that a transaction placed, None if it placed none."""
        receipt = self.system.rollup.l2.receipt(l2_transaction)
        for log in receipt["logs"] if receipt else []:
            told = self.system.orders.event_of(log)
            if told and told.name == "OrderPlaced" and told.values["account"] == self.id:
                return self._as_placed(told)
        return None

    def _as_placed(self, told: Told) -> Placed:
        values = told.values
        return Placed(self.id, values["slot"], values["order"], told.block, told.transaction)

    def _done(
        self, contract: Contract, purpose: str, event: str, function: str, *arguments: Any
    ) -> Told:
        """Send one transaction of the account's, and return what it told."""
        transaction = contract.transaction(purpose, function, *arguments)
        return done(self.sender, contract, transaction, event)


def done(sender: Sender, contract: Contract, transaction: Transaction, event: str) -> Told:
    """Send a transaction to a contract, and return the event by which it says that it is done."""
    with advising():
        receipt = sender.run(transaction)
    sender.report(transaction.purpose)
    for log in receipt["logs"]:
        told = contract.event_of(log)
        if told and told.name == event:
            return told
    raise RpcNonsense(
        f"the L2 RPC's receipt {unhex(receipt['transactionHash']).hex()} has no {event}",
        "use another RPC",
    )


def require_tokens(system: System, owner: Address, units: int, command: str) -> None:
    """Raise `InsufficientBalance` if an owner has fewer token units on L2.

    It says what he has on L1, which `command` would bring.
    """
    pair = system.deployment.token
    try:
        require_token_balance(system.rollup.l2, pair.l2_token, owner, units, pair)
    except InsufficientBalance as error:
        on_l1 = amount(system.l1_token.call("balanceOf", owner), pair.decimals)
        brought = f"{on_l1} are on L1, and `{command} AMOUNT` brings them"
        error.advise(brought if on_l1 != "0" else GET_TOKENS)
        raise


def mint_test_tokens(system: System, l1_sender: Sender, units: int) -> None:
    """Make token units on L1 for whoever asks; raise `BadInput` where the token isn't a test's."""
    token = system.l1_token
    purpose = purpose_of("mint", token.address, l1_sender.address, units)
    try:
        l1_sender.run(token.transaction(purpose, "mint", l1_sender.address, units))
    except Reverted as error:
        name = system.deployment.token.symbol
        raise BadInput(f"{name} is no test token", f"get {name} elsewhere") from error
    l1_sender.journal.report(purpose)
