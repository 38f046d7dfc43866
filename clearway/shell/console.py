"""What `ape console` offers: the contracts by name, and helpers in people's numbers.

A helper prints what it has to say, and a failure as one sentence. Nothing is connected to before
the first of them is used, so a console opens whether or not a network runs.
"""

import functools
import inspect
import os
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from eth_abi.exceptions import EncodingError
from eth_utils.address import to_checksum_address

from clearway import numbers
from clearway.contracts import Contract, Method, Told, interface
from clearway.devnet.errors import DevnetError
from clearway.networks import LOCAL, LOCAL_FOLDER, known_networks
from clearway.opstack import BridgeError
from clearway.opstack.effects import purpose_of
from clearway.opstack.errors import BadInput
from clearway.opstack.text import choices
from clearway.shell.commands import JOURNAL_FOLDER, Session, tell
from clearway.shell.desk import Desk, Terms
from clearway.shell.market_tables import (
    HISTORY,
    MARKETS,
    ORDERS,
    POSITIONS,
    account_facts,
    history_rows,
    market_row,
    order_rows,
    plan_facts,
    position_rows,
    settled_facts,
    wallet_facts,
)
from clearway.shell.tables import show_facts, show_table
from clearway.shell.trading import ALL, parse_number, parse_units, provider_of
from clearway.shell.vault_tables import REQUESTS, request_rows, standing_facts, vault_facts
from clearway.trading.execution import PATIENCE
from clearway.trading.history import history as history_of

FOLDER_VARIABLE = "CLEARWAY_DIR"  # of another local network than .devnet
ACCOUNT_VARIABLE = "CLEARWAY_ACCOUNT"
NETWORK_VARIABLE = "CLEARWAY_NETWORK"  # where an L1 is that of several
LOCAL_CHAINS = {"l1dev", "l2dev"}  # Ape's names

TERMS = ("leverage", "limit", "slippage", "keeper_fee", "usd", "dry_run", "execute")

Number = int | float | str | Decimal


def session_for(ape_network: str, chain_id: int, account: str | None = None) -> Session:
    """Return the session that an Ape connection belongs to; raise `BadInput` if to none."""
    who = account or os.environ.get(ACCOUNT_VARIABLE)
    if ape_network in LOCAL_CHAINS:
        folder = Path(os.environ.get(FOLDER_VARIABLE, LOCAL_FOLDER))
        journal = JOURNAL_FOLDER if folder == LOCAL_FOLDER else folder / "journal"
        return Session(network=LOCAL, folder=folder, journal=journal, account=who)
    named = os.environ.get(NETWORK_VARIABLE)
    fitting = [
        name
        for name, entry in known_networks().items()
        if chain_id in (entry["l1_chain_id"], entry["l2_chain_id"]) and named in (None, name)
    ]
    if len(fitting) != 1:
        raise BadInput(
            f"chain {chain_id} belongs to {' and '.join(fitting) or 'no network that is known'}",
            f"name one in {NETWORK_VARIABLE}" if fitting else "there is nothing of Clearway here",
        )
    return Session(network=fitting[0], account=who)


def helper(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method one that says in a sentence what went wrong."""

    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            inspect.signature(method).bind(*arguments, **named)
        except TypeError as error:
            click.secho(f"error: {error}: a ? after its name tells more", fg="red", err=True)
            return None
        try:
            return method(*arguments, **named)
        except (BridgeError, DevnetError) as error:
            click.secho(f"error: {error}", fg="red", err=True)
        except (KeyboardInterrupt, click.exceptions.Exit):
            tell("stopped")
        return None

    call.is_helper = True  # type: ignore[attr-defined]
    return call


class Remote:
    """One contract: its views answer, and what changes something is sent by `me`.

    Numbers are the contract's own integers. `dir()` lists the functions.
    """

    def __init__(self, console: "Console", name: str) -> None:
        self._console = console
        self._name = name

    def _contract(self) -> Contract:
        return self._console.session.system.contract(self._name)

    def __dir__(self) -> list[str]:
        functions = interface_functions(self._name)
        return sorted({*functions, "address"})

    def __repr__(self) -> str:
        try:
            contract = self._contract()
        except BridgeError as error:
            return f"{self._name}: {error}"
        return f"{self._name} at {contract.address} on {contract.chain.name}"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "address":
            return self._contract().address
        if name not in interface_functions(self._name):
            raise AttributeError(f"{self._name} has no function {name}")

        @helper
        def call(*arguments: Any, value: int = 0) -> Any:
            contract = self._contract()
            method = self._method(contract, name, arguments)
            if method.entry["stateMutability"] in ("view", "pure"):
                return contract.call(name, *arguments)
            return self._send(contract, name, arguments, value)

        call.__doc__ = "\n".join(interface_functions(self._name)[name])
        return call

    def _method(self, contract: Contract, name: str, arguments: tuple[Any, ...]) -> Method:
        """Return the function that takes such arguments; raise `BadInput` if none does."""
        try:
            method = contract.interface.method(name, len(arguments))
            method.encode(*arguments)
        except (LookupError, TypeError, ValueError, EncodingError) as error:
            forms = " or ".join(interface_functions(self._name)[name])
            raise BadInput(f"{name} can't take this ({error})", f"it is {forms}") from error
        return method

    def _send(
        self, contract: Contract, name: str, arguments: tuple[Any, ...], value: int
    ) -> list[Told]:
        """Send a transaction, each call a new one; return what this contract told."""
        sender = self._console.session.sender(contract.chain)
        purpose = purpose_of("console", self._name, name, time.time_ns())
        receipt = sender.run(contract.transaction(purpose, name, *arguments, value=value))
        sender.journal.report(purpose)
        tell(f"included in block {int(receipt['blockNumber'], 16)}, {receipt['transactionHash']}")
        return [told for log in receipt["logs"] if (told := contract.event_of(log))]


@functools.cache
def interface_functions(name: str) -> dict[str, list[str]]:
    """Return the signatures of a contract's functions, by name."""
    found: dict[str, list[str]] = {}
    for entry in interface(name).abi:
        if entry["type"] == "function":
            taken = ", ".join(f"{one['name']}: {one['type']}" for one in entry["inputs"])
            given = ", ".join(one["type"] for one in entry["outputs"])
            found.setdefault(entry["name"], []).append(
                f"{entry['name']}({taken})" + (f" -> {given}" if given else "")
            )
    return found


class Me:
    """Whoever acts."""

    def __init__(self, console: "Console") -> None:
        self._console = console

    @property
    def address(self) -> str:
        return to_checksum_address(self._console.session.account)

    def __repr__(self) -> str:
        try:
            return f"{self.address}, account number {self._console.number}"
        except BridgeError as error:
            return str(error)


class Console:
    """The helpers. Sizes, prices and money are people's: 2, 1999.5, "0.1"."""

    def __init__(self, find: Callable[[str | None], Session]) -> None:
        self._find = find
        self._account: str | None = None
        self._session: Session | None = None
        self.number = 0

    @property
    def session(self) -> Session:
        """The session, whose deployment is looked for anew until there is one."""
        if self._session is None:
            session = self._find(self._account)
            _ = session.deployment
            self._session = session
        return self._session

    def names(self) -> dict[str, Any]:
        """Return all that the console offers, by name."""
        offered: dict[str, Any] = {
            "market": Remote(self, "PerpetualMarket"),
            "vault": Remote(self, "Vault"),
            "feed": Remote(self, "PriceFeed"),
            "keeper": Remote(self, "LiquidationKeeper"),
            "me": Me(self),
        }
        return offered | self._helpers()

    def _helpers(self) -> dict[str, Callable[..., Any]]:
        members = ((name, getattr(self, name)) for name in vars(type(self)) if name != "session")
        return {name: one for name, one in members if hasattr(one, "is_helper")}

    def _desk(self) -> Desk:
        return Desk(self.session, str(self.number))

    # Who

    @helper
    def become(self, account: str | int, number: int = 0) -> None:
        """Act as another account: become(2), become("alice"), become(2, number=1)."""
        parse_number(str(number))
        before, self._account, self._session = self._account, str(account), None
        try:
            found = self.session.account
        except BridgeError:
            self._account, self._session = before, None
            raise
        self.number = number
        tell(f"acting as {found}, account number {number}")

    # Trading

    @helper
    def long(
        self, market: str, size: Number | None = None, leverage: Number | None = None, **terms: Any
    ) -> None:
        """Open a long position or add to one: long("ETH", 2, leverage=10).

        With a leverage, the margin that is missing is deposited first. `usd=500` in place of a
        size; `limit`, `slippage` (percent), `keeper_fee`, `dry_run=True`, `execute=True` as in
        `ape run trade`.
        """
        self._open(market, size, 1, leverage, **terms)

    @helper
    def short(
        self, market: str, size: Number | None = None, leverage: Number | None = None, **terms: Any
    ) -> None:
        """Open a short position or add to one: short("ETH", 2, leverage=10). As `long`."""
        self._open(market, size, -1, leverage, **terms)

    def _open(
        self,
        market: str,
        size: Number | None,
        sign: int,
        leverage: Number | None,
        usd: Number | None = None,
        **terms: Any,
    ) -> None:
        desk = self._desk()
        given = _terms(leverage=leverage, **terms)
        desk.open(desk.market(market), _text(size), _text(usd), sign, given)

    @helper
    def reduce(self, market: str, size: Number | None = None, **terms: Any) -> None:
        """Make a position smaller: reduce("ETH", 0.5)."""
        desk = self._desk()
        usd = _text(terms.pop("usd", None))
        desk.reduce(desk.market(market), _text(size), usd, _terms(**terms))

    @helper
    def close(self, market: str, **terms: Any) -> None:
        """Close a position: close("ETH")."""
        desk = self._desk()
        desk.close(desk.market(market), _terms(**terms))

    @helper
    def settle(self, market: str) -> None:
        """Close a position in a retired market at its final price: settle("SOL")."""
        desk = self._desk()
        show_facts(settled_facts(desk.names, desk.trader.settle(desk.market(market), tell)))

    @helper
    def quote(self, market: str, size: Number, leverage: Number | None = None) -> None:
        """Show what a trade would cost: quote("ETH", 2), quote("ETH", -2) of a sale."""
        desk, text = self._desk(), str(_text(size))
        sign = -1 if text.startswith("-") else 1
        intent = desk.sized(desk.market(market), text.removeprefix("-"), None, sign)
        show_facts(plan_facts(desk.names, desk.planned(intent, _terms(leverage=leverage))))

    @helper
    def price(self, market: str) -> Decimal:
        """Return a market's newest price: price("ETH")."""
        desk = self._desk()
        return Decimal(desk.price(desk.market(market))) / 10**18

    @helper
    def markets(self) -> None:
        """List the markets with their prices and rates."""
        desk = self._desk()
        show_table(
            MARKETS,
            [
                market_row(one.name, desk.trader.market(one))
                for one in self.session.deployment.markets
            ],
        )

    # Accounts

    @helper
    def positions(self) -> None:
        """Show the account's positions."""
        desk = self._desk()
        view = desk.trader.view()
        if view.positions:
            show_table(POSITIONS, position_rows(desk.names, view))
        else:
            tell("no positions")

    @helper
    def orders(self) -> None:
        """Show the account's committed orders."""
        desk = self._desk()
        found = desk.trader.view().orders
        if found:
            show_table(ORDERS, order_rows(desk.names, found))
        else:
            tell("no orders")

    @helper
    def account(self) -> None:
        """Show the account's margin and what its owner holds beside it."""
        desk = self._desk()
        facts = account_facts(desk.names, desk.trader, desk.trader.view())
        show_facts([*facts, *wallet_facts(desk.names, desk.trader.wallet())])

    @helper
    def history(self) -> None:
        """Show what happened to the account."""
        desk = self._desk()
        happened = history_of(self.session.system, desk.trader.id)
        if happened:
            show_table(HISTORY, history_rows(desk.names, happened))
        else:
            tell("nothing has happened")

    @helper
    def deposit(self, amount: Number) -> None:
        """Deposit margin from what the owner holds on L2: deposit(1000)."""
        desk = self._desk()
        units = parse_units(self.session, str(_text(amount)))
        desk.trader.deposit(units, tell)
        show_facts([("deposited", desk.names.units(units))])

    @helper
    def withdraw(self, amount: Number) -> None:
        """Withdraw margin that backs nothing: withdraw(250), withdraw("all")."""
        desk = self._desk()
        is_all = amount == ALL
        units = desk.trader.free_units() if is_all else parse_units(self.session, _text(amount))
        desk.trader.withdraw(units, desk.trader.owner, tell)
        show_facts([("withdrawn", desk.names.units(units))])

    # The vault

    @helper
    def provide(self, amount: Number) -> None:
        """Bring cash into the vault for shares: provide(10000)."""
        told = provider_of(self.session, acts=True).deposit(
            parse_units(self.session, str(_text(amount))), progress=tell
        )
        show_facts([("shares", f"{numbers.size(told.values['shares'])} more")])

    @helper
    def vault_report(self) -> None:
        """Show the vault, and what the account has in it."""
        desk, provider = self._desk(), provider_of(self.session)
        standing = provider.standing()
        show_facts(vault_facts(desk.names, provider.vault()))
        show_facts(standing_facts(desk.names, provider.owner, standing))
        if standing.requests:
            now = self.session.rollup.l2.block().timestamp
            show_table(REQUESTS, request_rows(standing.requests, now))

    @helper
    def helpers(self) -> None:
        """List what there is."""
        rows = [
            (name, (inspect.getdoc(one) or "").splitlines()[0])
            for name, one in self._helpers().items()
        ]
        show_table(("helper", "what it does"), rows)
        tell("market, vault, feed and keeper are the contracts, me who acts; `long?` tells more")


def _terms(dry_run: bool = False, execute: bool = False, **given: Number | None) -> Terms:
    if unknown := sorted(set(given) - set(TERMS)):
        raise BadInput(f"there is no term {unknown[0]!r}", choices(unknown[0], TERMS))
    patience = 0.0 if execute else PATIENCE
    words = {name: _text(value) for name, value in given.items()}
    return Terms.of(**words, is_dry=dry_run, patience=patience)


def _text(number: Number | None) -> Any:
    """Return a number as people write it: without an exponent."""
    if isinstance(number, float | Decimal):
        return format(Decimal(str(number)), "f")
    return None if number is None else str(number)
