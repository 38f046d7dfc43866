"""Messages that failed on arrival, relayed again."""

from collections.abc import Mapping

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
