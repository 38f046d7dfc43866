"""Messages that failed on arrival, relayed again."""

from collections.abc import Mapping, Sequence

from clearway.opstack import abi
from clearway.opstack.addresses import (
    ESTIMATION_ADDRESS,
    L2_MESSENGER,
    Address,
)
from clearway.opstack.chain import Call, Chain
from clearway.opstack.effects import MESSAGE_GAS, purpose_of
from clearway.opstack.errors import (
    AlreadyDone,
    NotReplayable,
    RpcError,
    TransactionFailed,
    UnknownTransaction,
)
from clearway.opstack.messages import (
    Message,
    deposits_in,
    tohex,
    unhex,
    withdrawals_in,
)
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender, Transaction


def messages_relayed_by(rollup: Rollup, transaction: bytes) -> tuple[Chain, Address, list[Message]]:
    """Return (destination chain, its messenger, messages) of a deposit or withdrawal transaction.

    `transaction` is an L1 hash for messages to L2, an L2 hash for messages to L1.
    """
    sent: list[bytes] = []
    chain, messenger = rollup.l2, L2_MESSENGER
    if (receipt := rollup.l1.receipt(transaction)) is not None:
        sent = [deposit.data for deposit in deposits_in(receipt["logs"], rollup.portal)]
    elif (receipt := rollup.l2.receipt(transaction)) is not None:
        chain, messenger = rollup.l1, rollup.messenger
        sent = [withdrawal.data for withdrawal in withdrawals_in(receipt["logs"])]
    messages = [message for data in sent if (message := Message.from_calldata(data))]
    if not messages:
        raise UnknownTransaction(
            f"{tohex(transaction)} carried no message between the chains",
            "give the transaction that sent the message (L1 hash of a deposit, L2 hash of a "
            "withdrawal)",
        )
    return chain, messenger, messages


def replay(rollup: Rollup, transaction: bytes, senders: Mapping[str, Sender]) -> list[bytes]:
    """Relay the failed messages of a transaction again, in their order; return the new hashes.

    `senders` has an account for each chain by name ("L1", "L2"). Raises `NotReplayable` if none
    has failed, `AlreadyDone` if all were relayed, `TransactionFailed` if one fails again.
    """
    chain, messenger, messages = messages_relayed_by(rollup, transaction)
    relayed = _each(chain, messenger, abi.Messenger.SUCCESSFUL, messages)
    if all(relayed):
        raise AlreadyDone(
            f"{_named(messages)} was relayed on {chain.name}", "nothing is left to do"
        )
    failed = _each(chain, messenger, abi.Messenger.FAILED, messages)
    due = [
        message
        for message, is_relayed, has_failed in zip(messages, relayed, failed, strict=True)
        if has_failed and not is_relayed
    ]
    if not due:
        raise NotReplayable(
            f"{_named(messages)} hasn't failed on {chain.name}",
            "it hasn't arrived yet: wait for the deposit, or finalize the withdrawal",
        )
    return [_relay(chain, messenger, message, senders[chain.name]) for message in due]


def _each(
    chain: Chain, messenger: Address, view: abi.Function, messages: Sequence[Message]
) -> list[bool]:
    return chain.required_calls([Call(messenger, view, (one.hash,)) for one in messages])


def _named(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return f"message {tohex(messages[0].hash)}"
    return f"each of {len(messages)} messages"


def _relay(chain: Chain, messenger: Address, message: Message, sender: Sender) -> bytes:
    purpose = purpose_of("replay", message.hash)
    call = message.relay_calldata()
    gas = replay_gas(chain, messenger, message)
    receipt = sender.run(Transaction(purpose, messenger, call, gas=gas))
    sender.report(purpose)
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
