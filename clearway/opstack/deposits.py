"""From L1 to L2: ETH, tokens and messages, and the replay of messages that failed.

The L2 transaction of a deposit has a hash that follows from the L1 receipt, so it is known before
it lands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from clearway.opstack import abi
from clearway.opstack.addresses import (
    ESTIMATION_ADDRESS,
    L2_BRIDGE,
    L2_MESSENGER,
    L2_TOKEN_FACTORY,
    MESSAGE_PASSER,
    Address,
    alias,
)
from clearway.opstack.chain import Call, Chain, first_present, waiting
from clearway.opstack.errors import (
    AlreadyDone,
    BadInput,
    ContractAccount,
    InsufficientBalance,
    NotReplayable,
    RpcError,
    RpcNonsense,
    TransactionFailed,
    UnknownTokenPair,
    UnknownTransaction,
)
from clearway.opstack.messages import (
    Deposit,
    Message,
    deposits_in,
    is_event,
    tohex,
    topics_of,
    unhex,
    withdrawals_in,
)
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.text import amount as amount_text

MESSAGE_GAS = 200_000  # for the receiver of a bridge transfer, beyond what the messenger adds
DEPOSIT_TIMEOUT = 600.0  # wall seconds; live chains take one to three minutes

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class DepositOutcome:
    """A deposit that arrived. `failed_message` is set if its message failed and may be replayed."""

    l1_transaction: bytes
    l2_transaction: bytes
    l2_block: int
    failed_message: bytes | None


@dataclass(frozen=True)
class TokenPair:
    """An L1 token and its representation on L2."""

    l1_token: Address
    l2_token: Address
    symbol: str
    decimals: int


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
            self._approve(pair.l1_token, amount, progress)
        data = abi.Bridge.BRIDGE_TOKEN_TO.encode(
            pair.l1_token, pair.l2_token, receiver, amount, MESSAGE_GAS, b""
        )
        return self._send(Transaction(purpose, self.rollup.bridge, data), progress)

    def _approve(self, token: Address, amount: int, progress: Progress) -> None:
        bridge, owner = self.rollup.bridge, self.sender.address
        if self.rollup.l1.call(token, abi.Token.ALLOWANCE, owner, bridge) >= amount:
            return
        progress("approving the bridge on L1")
        purpose = purpose_of("approve", token, owner, amount)
        approval = abi.Token.APPROVE.encode(bridge, amount)
        self.sender.run(Transaction(purpose, token, approval))
        self.sender.journal.report(purpose)

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

    def _send(self, transaction: Transaction, progress: Progress) -> bytes:
        progress("sending on L1")
        receipt = self.sender.run(transaction)
        progress(f"included on L1 in transaction {receipt['transactionHash']}")
        self.sender.journal.report(transaction.purpose)
        return unhex(receipt["transactionHash"])


class Arrivals:
    """What became of deposits on L2; needs no account."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup

    def deposits_of(self, l1_transaction: bytes) -> list[Deposit]:
        """Return the deposits that an L1 transaction made; their hashes are the L2 hashes."""
        receipt = self.rollup.l1.receipt(l1_transaction)
        if receipt is None:
            raise UnknownTransaction(
                f"L1 has no transaction {tohex(l1_transaction)}",
                "check the hash; a reorganised L1 may have dropped it",
            )
        if int(receipt["status"], 16) != 1:
            raise TransactionFailed(f"L1 transaction {tohex(l1_transaction)} reverted")
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


class Tokens:
    """Pairs of an L1 token and its L2 representation."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup

    def pair(self, l1_token: Address, l2_token: Address) -> TokenPair:
        """Return the pair if the two name each other; raise `UnknownTokenPair` if not."""
        found = self.pair_of(l2_token)
        if found.l1_token != l1_token:
            raise UnknownTokenPair(
                f"the L2 token {l2_token} stands for {found.l1_token}, not for {l1_token}",
                "a deposit to a wrong pair would be lost; give the right pair",
            )
        return found

    def pair_of(self, l2_token: Address) -> TokenPair:
        """Return the pair of an L2 token, as the token itself tells it."""
        remote, old_remote, bridge = self.rollup.l2.calls(
            [
                Call(l2_token, view)
                for view in (abi.Token.REMOTE_TOKEN, abi.Token.L1_TOKEN, abi.Token.BRIDGE)
            ]
        )
        l1_token = first_present([remote, old_remote])
        if l1_token is None:
            raise UnknownTokenPair(
                f"{l2_token} on L2 names no L1 token",
                "only tokens made by the chain's factory cross this bridge "
                "(`bridge create-token` makes one)",
            )
        if bridge not in (None, L2_BRIDGE):
            raise UnknownTokenPair(
                f"the L2 token {l2_token} belongs to another bridge ({bridge})",
                "use that bridge",
            )
        symbol, decimals = self.rollup.l1.calls(
            [Call(l1_token, abi.Token.SYMBOL), Call(l1_token, abi.Token.DECIMALS)]
        )
        if decimals is None:
            raise UnknownTokenPair(
                f"the L2 token {l2_token} stands for {l1_token}, which is no token on this L1",
                "check the networks",
            )
        return TokenPair(l1_token, l2_token, symbol or "?", decimals)

    def create(self, l2_sender: Sender, l1_token: Address) -> TokenPair:
        """Make the L2 representation of an L1 token through the chain's factory."""
        name, symbol, decimals = self.rollup.l1.calls(
            [Call(l1_token, v) for v in (abi.Token.NAME, abi.Token.SYMBOL, abi.Token.DECIMALS)]
        )
        if decimals is None:
            raise UnknownTokenPair(f"{l1_token} is no token on L1", "check the address")
        purpose = purpose_of("create token", l1_token)
        call = abi.TokenFactory.CREATE.encode(l1_token, name or "", symbol or "", decimals)
        receipt = l2_sender.run(Transaction(purpose, L2_TOKEN_FACTORY, call))
        l2_sender.journal.report(purpose)
        for log in receipt["logs"]:
            if is_event(log, L2_TOKEN_FACTORY, abi.TokenFactory.CREATED):
                (l2_token, _), _ = abi.TokenFactory.CREATED.decode(
                    topics_of(log), unhex(log["data"])
                )
                return TokenPair(l1_token, l2_token, symbol or "?", decimals)
        raise RpcNonsense("the L2 RPC's receipt names no new token", "use another RPC")


def messages_relayed_by(rollup: Rollup, transaction: bytes) -> tuple[Chain, Address, Message]:
    """Return (destination chain, its messenger, message) of a deposit or withdrawal transaction.

    `transaction` is an L1 hash for a message to L2, an L2 hash for a message to L1.
    """
    if (receipt := rollup.l1.receipt(transaction)) is not None:
        for deposit in deposits_in(receipt["logs"], rollup.portal):
            if message := Message.from_calldata(deposit.data):
                return rollup.l2, L2_MESSENGER, message
    elif (receipt := rollup.l2.receipt(transaction)) is not None:
        for withdrawal in withdrawals_in(receipt["logs"]):
            if message := Message.from_calldata(withdrawal.data):
                return rollup.l1, rollup.messenger, message
    raise UnknownTransaction(
        f"{tohex(transaction)} carried no message between the chains",
        "give the transaction that sent the message (L1 hash of a deposit, L2 hash of a "
        "withdrawal)",
    )


def replay(rollup: Rollup, transaction: bytes, senders: Mapping[str, Sender]) -> bytes:
    """Relay a failed message again and return the hash of that transaction.

    `senders` has an account for each chain by name ("L1", "L2"). Raises `NotReplayable` if it
    never failed, `AlreadyDone` if it was relayed since, `TransactionFailed` if it fails again.
    """
    chain, messenger, message = messages_relayed_by(rollup, transaction)
    relayed, failed = chain.calls(
        [
            Call(messenger, abi.Messenger.SUCCESSFUL, (message.hash,)),
            Call(messenger, abi.Messenger.FAILED, (message.hash,)),
        ]
    )
    if relayed:
        raise AlreadyDone(
            f"message {tohex(message.hash)} was relayed on {chain.name}", "nothing is left to do"
        )
    if not failed:
        raise NotReplayable(
            f"message {tohex(message.hash)} hasn't failed on {chain.name}",
            "it hasn't arrived yet: wait for the deposit, or finalize the withdrawal",
        )
    purpose = purpose_of("replay", message.hash)
    call = message.relay_calldata()
    gas = replay_gas(chain, messenger, message)
    receipt = senders[chain.name].run(Transaction(purpose, messenger, call, gas=gas))
    senders[chain.name].journal.report(purpose)
    if not chain.call(messenger, abi.Messenger.SUCCESSFUL, message.hash):
        raise TransactionFailed(
            f"message {tohex(message.hash)} failed again on {chain.name}",
            "see why its target refuses it, then replay again",
        )
    return unhex(receipt["transactionHash"])


def replay_gas(chain: Chain, messenger: Address, message: Message) -> int:
    """Return the gas for `relayMessage` with an inner call that succeeds.

    A plain estimate is far too low: the messenger swallows the failure of its inner call, and so
    the cheapest "success" is one that fails inside. From the estimation address it doesn't.
    """
    floor = message.min_gas * 64 // 63 + MESSAGE_GAS
    try:
        estimate = chain.estimate_gas(
            ESTIMATION_ADDRESS,
            messenger,
            message.relay_calldata(),
            overrides={ESTIMATION_ADDRESS: {"balance": hex(10**24)}},
        )
    except RpcError:
        return floor  # it fails now, or the node can't tell
    return max(floor, estimate * 5 // 4)


def receiver_of(sender: Sender, to: Address | None, amount: int) -> Address:
    """Check an amount and name its receiver on the other chain."""
    if amount <= 0:
        raise BadInput("the amount is zero", "move more than nothing")
    if to is None and sender.chain.is_contract(sender.address):
        raise ContractAccount(
            f"{sender.address} is a contract on {sender.chain.name}",
            "the same address on the other chain may be nobody's: name the receiver with --to",
        )
    return to or sender.address


def require_safe_target(target: Address, chain: str, unsafe: Sequence[Address]) -> None:
    """Refuse what the messenger refuses, for such a message can't even be replayed."""
    if target in unsafe:
        raise BadInput(
            f"{target} is part of the bridge and takes no messages on {chain}",
            "give the contract that you mean to call",
        )


def require_token_balance(
    chain: Chain, token: Address, owner: Address, amount: int, pair: TokenPair
) -> None:
    balance = chain.call(token, abi.Token.BALANCE, owner)
    if balance < amount:
        raise InsufficientBalance(
            f"{owner} has {amount_text(balance, pair.decimals)} {pair.symbol} on {chain.name}, "
            f"less than {amount_text(amount, pair.decimals)}",
            "move less",
        )


def purpose_of(*parts: object) -> str:
    """Name an effect: the same parts are the same effect."""
    kind = str(parts[0])
    details = "|".join(p.hex() if isinstance(p, bytes) else str(p) for p in parts[1:])
    return f"{kind}:{keccak(text=details).hex()[:32]}"
