"""The gateways from their users' side: in from L1 by one transaction, out to L1 by one.

A deposit is up to three messages to L2: the tokens, whose they are, and ETH. An exit is one
withdrawal whose tokens land in a box on L1, from where anyone may have them paid to whoever holds
the exit. Amounts are token units, ETH is wei.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearway.contracts import Told
from clearway.deployments import System
from clearway.opstack import Report, Starter, Tracker, Withdrawal
from clearway.opstack.abi import Token
from clearway.opstack.addresses import Address, alias
from clearway.opstack.chain import Call, Chain
from clearway.opstack.effects import Progress, purpose_of, silent
from clearway.opstack.errors import BadInput, InsufficientBalance, RpcNonsense
from clearway.opstack.messages import unhex
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.text import amount as amount_text
from clearway.opstack.text import parties
from clearway.opstack.tokens import allow, require_token_balance
from clearway.trading.reasons import GET_TOKENS

NO_ORDER: Mapping[str, Any] = {
    "slot": 0,
    "market": 0,
    "size_delta": 0,
    "limit_price": 0,
    "is_reduce_only": False,
    "keeper_fee": 0,
    "deadline": 0,
}


def owner_on_l2(l1: Chain, address: Address) -> Address:
    """Return the address at which somebody on L1 acts on L2: a contract at its alias."""
    return alias(address) if l1.is_contract(address) else address


class Entry:
    """Deposits from one account on L1, which are its own on L2."""

    def __init__(self, system: System, sender: Sender, progress: Progress = silent) -> None:
        self.system = system
        self.sender = sender
        self.progress = progress

    def margin(
        self,
        units: int,
        number: int = 0,
        order: Mapping[str, Any] = NO_ORDER,
        eth: int = 0,
        intent: Sequence[object] = (),
    ) -> bytes:
        """Bring margin, an order, or both, and ETH for gas. Returns the L1 transaction's hash.

        `intent` says what was wanted, where amounts were worked out from a price: a killed command
        that is run again goes on by it, whatever the price is then.
        """
        if not units and not order["size_delta"]:
            raise BadInput("there is neither margin nor an order to bring", "give an amount")
        details = intent or (number, units, *order.values(), eth)
        return self._send(units, eth, "margin", details, "deposit", number, units, order)

    def vault(self, units: int, least_shares: int = 0, eth: int = 0) -> bytes:
        """Bring what is to become shares of the vault. Returns the L1 transaction's hash."""
        if not units:
            raise BadInput("the amount is zero", "bring more than nothing")
        details = (units, eth)  # a price moves while a killed command waits to be run again
        return self._send(units, eth, "vault", details, "deposit_to_vault", units, least_shares)

    def _send(
        self,
        units: int,
        eth: int,
        kind: str,
        details: Sequence[object],
        function: str,
        *arguments: Any,
    ) -> bytes:
        gateway, sender = self.system.l1_gateway, self.sender
        purpose = purpose_of("gateway", kind, gateway.address, sender.address, *details)
        if not sender.is_resuming(purpose):
            self._require(units, eth)
            if units:
                token = self.system.deployment.token.l1_token
                allow(sender, token, gateway.address, units, self.progress)
        self.progress("sending on L1")
        receipt = sender.run(gateway.transaction(purpose, function, *arguments, value=eth))
        sender.report(purpose)
        return unhex(receipt["transactionHash"])

    def _require(self, units: int, eth: int) -> None:
        pair, l1, account = self.system.deployment.token, self.system.rollup.l1, self.sender.address
        try:
            require_token_balance(l1, pair.l1_token, account, units, pair)
        except InsufficientBalance as error:
            error.advise(f"move less; {GET_TOKENS}")
            raise
        if (held := l1.balance(account)) < eth:
            raise InsufficientBalance(
                f"{account} has {amount_text(held)} ETH on L1, less than {amount_text(eth)}",
                "take less ETH along",
            )


def deposit_told(system: System, l1_transaction: bytes) -> Told:
    """Return the gateway's event of a deposit: its number and whose it is."""
    advice = "check the hash and the network"
    receipt = system.rollup.l1.successful_receipt(l1_transaction, advice)
    for log in receipt["logs"]:
        told = system.l1_gateway.event_of(log)
        if told and told.name in ("Deposited", "DepositedToVault"):
            return told
    raise RpcNonsense("the L1 RPC's receipt has no deposit of the gateway's", "use another RPC")


def refusals(system: System, l2_transactions: Sequence[bytes]) -> list[Told]:
    """Return the orders that were refused on arrival, whose margin is there all the same."""
    found = []
    for transaction in l2_transactions:
        receipt = system.rollup.l2.receipt(transaction)
        for log in receipt["logs"] if receipt else []:
            told = system.l2_gateway.event_of(log)
            if told and told.name == "OrderRefused":
                found.append(told)
    return found


# Out


def withdraw(
    system: System, starter: Starter, account: int, units: int, claimant: Address
) -> Withdrawal:
    """Send margin that backs nothing to L1, for `claimant` there; the account's owner only."""
    purpose = purpose_of("start", "exit", account, units, claimant)
    gateway = system.l2_gateway
    return starter.by(gateway.transaction(purpose, "withdraw", account, units, claimant))


def redeem(
    system: System, starter: Starter, shares: int, controller: Address, claimant: Address
) -> Withdrawal:
    """Send what was set aside for shares of the vault to L1, for `claimant` there."""
    purpose = purpose_of("start", "redemption", controller, shares, claimant)
    gateway = system.l2_gateway
    return starter.by(gateway.transaction(purpose, "redeem", shares, controller, claimant))


@dataclass(frozen=True)
class Exit:
    """One exit, as L2 told of it."""

    owner: Address  # on L2
    claimant: Address  # on L1
    number: int  # among the claimant's
    amount: int
    transaction: bytes  # on L2

    @classmethod
    def of(cls, values: Mapping[str, Any], transaction: bytes) -> "Exit":
        """Return the exit of an event `ExitStarted`."""
        return cls(
            values["owner"],
            values["claimant"],
            values["number"],
            values["amount"],
            transaction,
        )

    @property
    def key(self) -> tuple[Address, int]:
        return self.claimant, self.number


@dataclass(frozen=True)
class Standing:
    """Where an exit stands."""

    exit: Exit
    holder: Address  # to whom it is paid
    landed: int  # in its box now
    paid: int  # so far
    withdrawal: Report | None  # None once it has landed, or was paid

    @property
    def is_over(self) -> bool:
        return self.paid >= self.exit.amount and not self.landed


@dataclass(frozen=True)
class Held:
    """A deposit from L1 that waits on L2 for the vault; token units and shares."""

    id: int
    amount: int
    least_shares: int


def held_for(system: System, owner: Address) -> list[Held]:
    """Return somebody's deposits that wait for the vault, oldest first."""
    gateway, last = system.l2_gateway, system.rollup.l2.block().number
    told = gateway.events(system.deployment.l2_block, last, "VaultDepositHeld")
    ids = [one.values["id"] for one in told if one.values["owner"] == owner]
    found = gateway.calls(*(("waiting_of", id_) for id_ in ids))
    return [
        Held(id_, one.amount, one.least_shares)
        for id_, one in zip(ids, found, strict=True)
        if one.amount
    ]


def exits_of(system: System, who: Address) -> list[Exit]:
    """Return the exits that somebody started, or may have a claim on, oldest first."""
    first, last = system.deployment.l2_block, system.rollup.l2.block().number
    told = system.l2_gateway.events(first, last, "ExitStarted")
    exits = [Exit.of(one.values, one.transaction) for one in told]
    renamed = {
        (one.values["claimant"], one.values["number"])
        for one in _on_l1(system, "ExitTransferred")
        if one.values["holder"] == who
    }
    return [one for one in exits if who in (one.owner, one.claimant) or one.key in renamed]


def standings(system: System, tracker: Tracker, exits: Sequence[Exit]) -> list[Standing]:
    """Return where exits stand: on both chains, as they are now."""
    gateway, l1 = system.l1_gateway, system.rollup.l1
    boxes = gateway.calls(*(("box_of", *one.key) for one in exits))
    holders = gateway.calls(*(("holder_of", *one.key) for one in exits))
    token = system.deployment.token.l1_token
    landed = l1.required_calls([Call(token, Token.BALANCE, (box,)) for box in boxes])
    paid: dict[tuple[Address, int], int] = {}
    for one in _on_l1(system, "ExitClaimed"):
        key = one.values["claimant"], one.values["number"]
        paid[key] = paid.get(key, 0) + one.values["amount"]
    return [
        Standing(
            one,
            holder,
            units,
            paid.get(one.key, 0),
            None if units or one.key in paid else _withdrawal(system, tracker, one, box),
        )
        for one, box, holder, units in zip(exits, boxes, holders, landed, strict=True)
    ]


def _withdrawal(system: System, tracker: Tracker, one: Exit, box: Address) -> Report:
    """Return where an exit's withdrawal to its box stands."""
    (to_box,) = tracker.track(one.transaction, brings_exit(system, box))
    return tracker.report(to_box)


def brings_exit(system: System, box: Address) -> Callable[[Withdrawal], bool]:
    """Return what tells an exit's withdrawal from others that its transaction started.

    Whoever calls the gateway from a contract of his own may start others along with it, to the very
    same box too, whose proof and gas on L1 nobody else wants to pay for.
    """
    return lambda withdrawal: parties(withdrawal) == (system.l2_gateway.address, box)


def _on_l1(system: System, name: str) -> list[Told]:
    return system.l1_gateway.events(
        system.deployment.l1_block, system.rollup.l1.block().number, name
    )


def claim(
    system: System, sender: Sender, one: Exit, to: Address | None = None
) -> Mapping[str, Any]:
    """Have what landed of an exit paid to its holder, or by its holder to another."""
    gateway = system.l1_gateway
    purpose = purpose_of("claim", gateway.address, *one.key, to or "")
    function, arguments = ("claim_to", (*one.key, to)) if to else ("claim", one.key)
    return _run(sender, gateway.transaction(purpose, function, *arguments))


def transfer(system: System, sender: Sender, one: Exit, to: Address) -> Mapping[str, Any]:
    """Make another the holder of an exit; its holder only."""
    gateway = system.l1_gateway
    purpose = purpose_of("transfer exit", gateway.address, *one.key, to)
    return _run(sender, gateway.transaction(purpose, "transfer_exit", *one.key, to))


def _run(sender: Sender, transaction: Transaction) -> Mapping[str, Any]:
    receipt = sender.run(transaction)
    sender.report(transaction.purpose)
    return receipt
