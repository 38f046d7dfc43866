"""What the chains say of a story after it has been played: money, fees, gas, exits, worth.

Nothing is remembered by whoever played it: all is read from events, receipts and views.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clearway.contracts import Contract, interface
from clearway.deployments import ON_L1, System
from clearway.history import Event, Ledger
from clearway.opstack import abi
from clearway.opstack.addresses import L2_BRIDGE, L2_MESSENGER, Address
from clearway.opstack.chain import Chain
from clearway.opstack.errors import RpcNonsense
from clearway.opstack.messages import unhex
from clearway.spec.state import account_of
from clearway.story.facts import GasOf

DEPOSIT_TYPE = 0x7E
Receipts = list[tuple[Mapping[str, Any], Mapping[str, Any]]]  # of transactions, each with its own


def events_of(contracts: Sequence[Contract], first: int, last: int) -> list[Event]:
    """Return the events of contracts on one chain, in its order, with their blocks' times."""
    told = sorted(
        (one for contract in contracts for one in contract.events(first, last)),
        key=lambda one: (one.block, one.log_index),
    )
    times = contracts[0].chain.timestamps(one.block for one in told)
    return [Event(one.name, times[one.block], one.values) for one in told]


def market_events(system: System) -> list[Event]:
    """Return all that the market, its order book and its configuration have told."""
    contracts = [system.market, system.orders, system.configuration]
    head = system.rollup.l2.block().number
    return events_of(contracts, system.deployment.l2_block, head)


# What somebody paid and got


def parts_of(events: Iterable[Event], account: int) -> dict[str, int]:
    """Return what became of an account's money by what it was for; quote wads, paid below zero."""
    parts: dict[str, int] = defaultdict(int)
    fees: dict[int, int] = {}  # keeper's fees of committed orders, by slot
    for event in events:
        values = event.values
        if values.get("account") != account:
            continue
        if event.name == "OrderPlaced":
            fees[values["slot"]] = values["order"]["keeper_fee"]
        if event.name in ("OrderFilled", "PositionLiquidated", "PositionSettled"):
            parts["trading"] += values["result"]
            parts["fees"] -= values.get("fee", 0)
            parts["premium"] -= values.get("premium", 0)
        if event.name == "OrderFilled":
            parts["keepers"] -= fees.pop(values["slot"])
        elif event.name == "OrderFailed":
            parts["fees"] -= values["fee"]
            parts["keepers"] -= values["earned"]
        elif event.name == "AccountLiquidated":
            parts["penalty"] -= values["penalty"]
    return dict(parts)


def fees_of(events: Iterable[Event]) -> dict[str, int]:
    """Return what everybody paid together, by what it was for; quote wads."""
    events = list(events)
    accounts = {event.values["account"] for event in events if "account" in event.values}
    sums: dict[str, int] = defaultdict(int)
    for account in accounts:
        for what, amount in parts_of(events, account).items():
            if what != "trading":
                sums[what] -= amount
    return dict(sums)


# What accounts were worth


def equity_of(
    events: Sequence[Event],
    prices: Mapping[int, Sequence[tuple[int, int]]],
    owners: Mapping[str, Address],
    scale: int,
) -> dict[str, list[tuple[int, int]]]:
    """Return each owner's equity at each second of the prices; quote wads.

    It follows from events alone, by the model that the contracts are held to. `prices` are wads
    over time, by market, `scale` wads to a token unit.
    """
    ledger, told = Ledger(scale), 0
    moments = sorted({at for path in prices.values() for at, _ in path})
    by_second = {market: dict(path) for market, path in prices.items()}
    newest: dict[int, int] = {}
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in owners}
    for now in moments:
        while told < len(events) and events[told].at <= now:
            ledger.tell(events[told])
            told += 1
        newest |= {market: path[now] for market, path in by_second.items() if now in path}
        for name, owner in owners.items():
            account = account_of(int(owner, 16))
            found[name].append((now, ledger.equity(now, account, newest)))
    return found


# Gas


def gas_of(system: System, first: Mapping[str, int]) -> list[GasOf]:
    """Return what each kind of transaction to our contracts took, from the chains' receipts.

    `first` is the block on each chain to begin with, by the chain's name.
    """
    used: dict[tuple[str, str], list[int]] = defaultdict(list)
    for chain in (system.rollup.l1, system.rollup.l2):
        for transaction, receipt in _receipts(chain, first[chain.name]):
            action = _action(system, chain, transaction)
            if action and int(receipt["status"], 16):
                used[chain.name, action].append(int(receipt["gasUsed"], 16))
    return [
        GasOf(action, chain, len(amounts), min(amounts), max(amounts))
        for (chain, action), amounts in sorted(used.items())
    ]


def _receipts(chain: Chain, first: int) -> Receipts:
    last = chain.block().number
    numbers = [hex(number) for number in range(first, last + 1)]
    blocks = chain.batch([("eth_getBlockByNumber", (number, True)) for number in numbers])
    if None in blocks:
        raise RpcNonsense(f"{chain.name} knows block {last}, and not all before it", "try again")
    busy = [block for block in blocks if block["transactions"]]
    receipts = chain.batch([("eth_getBlockReceipts", (block["number"],)) for block in busy])
    return [
        pair
        for block, found in zip(busy, receipts, strict=True)
        for pair in zip(block["transactions"], found, strict=True)
    ]


def _action(system: System, chain: Chain, transaction: Mapping[str, Any]) -> str:
    """Return the name of what a transaction does; empty if it has nothing to do with us."""
    to = (transaction["to"] or "").lower()
    if int(transaction["type"], 16) == DEPOSIT_TYPE:
        relayed = to in (L2_MESSENGER.lower(), L2_BRIDGE.lower())
        return "message from L1" if relayed else _called(system, chain, to, transaction, "forced ")
    return _called(system, chain, to, transaction)


def _called(
    system: System, chain: Chain, to: str, transaction: Mapping[str, Any], how: str = ""
) -> str:
    for name, address in system.deployment.addresses.items():
        if address.lower() == to and (name in ON_L1) == (chain is system.rollup.l1):
            selector = unhex(transaction["input"])[:4]
            method = interface(name).method_of(selector)
            return f"{how}{name}.{method.name}" if method else ""
    portal = system.rollup.portal.lower()
    if chain is system.rollup.l1 and to == portal:
        return PORTAL_ACTIONS.get(unhex(transaction["input"])[:4], "")
    return ""


PORTAL_ACTIONS = {
    abi.Portal.PROVE.selector: "prove a withdrawal",
    abi.Portal.FINALIZE.selector: "finalize a withdrawal",
    abi.Portal.DEPOSIT.selector: "force a call through the portal",
}
