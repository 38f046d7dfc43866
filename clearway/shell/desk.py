"""Where a trade is made: from people's words to an order that has ended. Commands and the console
share it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from clearway import numbers
from clearway.contracts import Told
from clearway.deployments import Listed
from clearway.gateways import Entry, refusals
from clearway.opstack import Arrivals, Sender
from clearway.opstack.errors import BadInput, BridgeError
from clearway.opstack.messages import tohex
from clearway.shell.commands import INTERRUPTED, Session, tell
from clearway.shell.market_tables import (
    POSITIONS,
    Names,
    filled_facts,
    plan_facts,
    position_rows,
    side,
)
from clearway.shell.tables import show_facts, show_table
from clearway.shell.trading import dry, trader_of
from clearway.spec import positions, wad
from clearway.trading.execution import PATIENCE, Execution, OrderFailed
from clearway.trading.orders import (
    DEFAULT_KEEPER_FEE,
    DEFAULT_SLIPPAGE,
    Intent,
    Plan,
    require_margin,
)
from clearway.trading.trader import Placed

ORDER_LIFE = 1_800  # seconds that an order from L1 may take to arrive

Agree = Callable[[str], None]  # asks whether to go on; raises if not


def agreed(_: str) -> None:
    """Go on without asking."""


def ask(question: str) -> None:
    """Ask on the terminal."""
    click.confirm(question, abort=True)


@dataclass(frozen=True)
class Terms:
    """On which terms a trade is made."""

    limit: int | None = None  # wad
    slippage: int = DEFAULT_SLIPPAGE
    keeper_fee: int = DEFAULT_KEEPER_FEE
    leverage: int | None = None
    patience: float = PATIENCE  # wall seconds that keepers are left
    is_dry: bool = False
    waits: bool = True
    is_from_l1: bool = False  # margin and order come by one transaction there
    eth: int = 0  # wei that come along from L1
    agree: Agree = agreed

    @classmethod
    def of(
        cls,
        limit: str | None = None,
        slippage: str | None = None,
        keeper_fee: str | None = None,
        leverage: str | None = None,
        **others: Any,
    ) -> "Terms":
        """Return the terms that people's words mean; what isn't said is as usual."""
        given: dict[str, Any] = others
        if limit is not None:
            given["limit"] = numbers.parse_price(limit, "the limit")
        if slippage is not None:
            given["slippage"] = numbers.parse_percent(slippage, "the slippage")
        if keeper_fee is not None:
            given["keeper_fee"] = numbers.parse_keeper_fee(keeper_fee)
        if leverage is not None:
            given["leverage"] = numbers.parse_leverage(leverage)
        return cls(**given)


class OrderRefused(BridgeError):
    """An order from L1 arrived and wasn't taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the order was refused on L2 ({reason})",
            "the margin that came with it is in the account; `ape run bridge replay` repeats a "
            "message that failed",
        )


class Desk:
    """One account's desk."""

    group = "trade"  # of commands, whose `execute` sees an order through

    def __init__(self, session: Session, number: str = "0", *, acts: bool = True) -> None:
        self.session = session
        self.names = Names(session.deployment)
        self.trader = trader_of(session, number, self._sender() if acts else None)

    def _sender(self) -> Sender:
        """Return who sends for the account on L2."""
        return self.session.sender(self.session.rollup.l2)

    # What is meant

    def market(self, name: object) -> Listed:
        """Return the market that is meant; in a console anything may have been typed."""
        return self.session.deployment.market(str(name))

    def held(self, market: Listed) -> Any:
        """Return the position in a market; raise `BadInput` if there is none."""
        held = self.trader.position(market)
        if held is None:
            raise BadInput(
                f"the account has no position in {market.name}",
                f"open one with `ape run trade open {market.name} SIZE`",
            )
        return held

    def sized(self, market: Listed, size: str | None, usd: str | None, sign: int) -> Intent:
        """Return the intent of a size in units of the market, or by its worth."""
        if (size is None) == (usd is None):
            raise BadInput("one size is needed", f"give it as `{market.name} 2` or as --usd 500")
        if size is not None:
            return Intent(market, sign * numbers.parse_size(size))
        worth = numbers.parse_money(str(usd), "the worth")
        units = positions.to_grid_down(worth * wad.WAD // self.price(market), positions.SIZE_UNIT)
        return Intent(market, sign * units, words=f"{sign * worth} worth")

    def price(self, market: Listed) -> int:
        """Return the newest price, a wad; raise `BadInput` if there is none."""
        view = self.trader.market(market)
        if view.reason:
            raise BadInput(
                f"there is no price of {market.name} now ({view.reason})",
                "start publishers, or try again when they run",
            )
        return int(view.price)

    # Trades

    def open(
        self, market: Listed, size: str | None, usd: str | None, sign: int, terms: Terms
    ) -> None:
        """Open a position or add to one, never to its opposite."""
        intent = self.sized(market, size, usd, sign)
        held = self.trader.position(market)
        if held and held.size * sign < 0:
            raise BadInput(
                f"the account is {side(held.size)} {numbers.size(abs(held.size))} {market.name}",
                f"reduce or close that first: `ape run trade close {market.name}`",
            )
        self.trade(intent, terms)

    def reduce(self, market: Listed, size: str | None, usd: str | None, terms: Terms) -> None:
        """Make a position smaller."""
        held = self.held(market)
        intent = self.sized(market, size, usd, -1 if held.size > 0 else 1)
        if abs(intent.size_delta) > abs(held.size):
            raise BadInput(
                f"the position is {numbers.size(abs(held.size))} {market.name}, less than "
                f"{numbers.size(abs(intent.size_delta))}",
                f"`ape run trade close {market.name}` closes it",
            )
        self.trade(replace(intent, is_reduce_only=True), terms)

    def close(self, market: Listed, terms: Terms) -> None:
        """Close a position."""
        size = -self.held(market).size
        self.trade(Intent(market, size, is_reduce_only=True, words="close"), terms)

    def planned(self, intent: Intent, terms: Terms) -> Plan:
        return self.trader.plan(
            replace(
                intent,
                limit_price=terms.limit,
                slippage=terms.slippage,
                keeper_fee=terms.keeper_fee,
                leverage=terms.leverage,
            )
        )

    def trade(self, intent: Intent, terms: Terms) -> None:
        """Show the plan, deposit what is missing, commit, and see the order through."""
        plan = self.planned(intent, terms)
        show_facts(plan_facts(self.names, plan))
        if terms.is_dry:
            dry()
            return
        if terms.is_from_l1:
            placed = self._placed_from_l1(plan, terms)
        else:
            if terms.leverage and plan.missing:
                plan = self._with_deposit(plan, terms)
            require_margin(plan)
            placed = self.trader.place(plan, tell)
        show_facts([("committed", f"in slot {placed.slot}, block {placed.block}")])
        if terms.waits:
            self.follow(placed, terms.patience)
        else:
            tell(f"`{self._later(placed)}` sees it through")

    def _with_deposit(self, plan: Plan, terms: Terms) -> Plan:
        units = self._units(plan)
        self.trader.require_tokens(units)
        terms.agree(f"deposit {self.names.units(units)} and place the order?")
        self.trader.deposit(units, tell)
        try:
            after = self.trader.plan(replace(plan.intent, leverage=None))
            require_margin(after)
        except BridgeError:
            tell("what was deposited stays in the account, and can be withdrawn")
            raise
        return after

    def _placed_from_l1(self, plan: Plan, terms: Terms) -> Placed:
        """Send margin and order by one transaction on L1, and wait for both."""
        rollup, trader = self.session.rollup, self.trader
        units = self._units(plan)
        terms.agree(f"send {self.names.units(units)} and the order from L1?")
        order = {
            "slot": trader.free_slot(),
            "market": plan.market.number,
            "size_delta": plan.size_delta,
            "limit_price": plan.limit_price,
            "is_reduce_only": plan.is_reduce_only,
            "keeper_fee": plan.keeper_fee,
            "deadline": rollup.l2.block().timestamp + ORDER_LIFE,
        }
        entry = Entry(self.session.system, self.session.sender(rollup.l1), tell)
        intent = (trader.id, *plan.identity, terms.eth)
        sent = entry.margin(units, trader.number, order, terms.eth, intent)
        show_facts([("L1 transaction", tohex(sent))])
        tell("waiting for L2")
        arrived = [one.l2_transaction for one in Arrivals(rollup).wait(sent)]
        found = filter(None, map(trader.placed_in, arrived))
        if placed := next(found, None):
            return placed
        reasons = [one.values["reason"] for one in refusals(self.session.system, arrived)]
        raise OrderRefused(reasons[0] if reasons else "its message failed on L2")

    def _units(self, plan: Plan) -> int:
        """Return the token units of the margin that an order lacks."""
        return -(-plan.missing // self.session.system.scale)

    def follow(self, placed: Placed, patience: float) -> None:
        """See an order through to its end, and show it."""
        trader = self.trader
        execution = Execution(trader.system, trader.prices, placed, trader.sender)
        try:
            ended = execution.follow(patience=patience, progress=tell)
        except KeyboardInterrupt:
            # What is said elsewhere, to run the same command again, would trade again here.
            tell(f"\nthe order is committed and stands: `{self._later(placed)}` sees it through")
            raise click.exceptions.Exit(INTERRUPTED) from None
        self._show_end(ended)

    def _later(self, placed: Placed) -> str:
        number = ["--number", str(self.trader.number)] if self.trader.number else []
        return self.session.command(self.group, "execute", "--slot", str(placed.slot), *number)

    def _show_end(self, ended: Told) -> None:
        if ended.name == "OrderFailed":
            raise OrderFailed(ended.values["reason"], self.names.money(ended.values["fee"]))
        if ended.name == "OrderCleared":
            show_facts([("cleared", "its time was over; its escrow is margin again")])
            return
        show_facts(filled_facts(self.names, ended))
        view = self.trader.view()
        if view.positions:
            show_table(POSITIONS, position_rows(self.names, view))
