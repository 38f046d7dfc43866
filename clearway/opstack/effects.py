"""What every way across the bridge shares: receivers, purposes, refusals."""

from collections.abc import Callable, Sequence

from eth_utils.crypto import keccak

from clearway.opstack.addresses import (
    Address,
)
from clearway.opstack.errors import (
    BadInput,
    ContractAccount,
)
from clearway.opstack.sender import Sender

MESSAGE_GAS = 200_000  # for the receiver of a bridge transfer, beyond what the messenger adds

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Tell nobody."""


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


def purpose_of(*parts: object) -> str:
    """Name an effect: the same parts are the same effect."""
    kind = str(parts[0])
    details = "|".join(p.hex() if isinstance(p, bytes) else str(p) for p in parts[1:])
    return f"{kind}:{keccak(text=details).hex()[:32]}"
