"""Who signs: an account kept by Ape, or one of the local network's.

Ape is imported when an account of its own is asked for, because it takes a second.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from clearway.networks import Network, known_networks
from clearway.opstack import Signer
from clearway.opstack.errors import BadInput
from clearway.opstack.text import choices

DEFAULT_LOCAL_ACCOUNT = "0"


class Signed(NamedTuple):
    """A signed transaction, as `Sender` wants it."""

    raw_transaction: bytes


class ApeSigner:
    """An Ape account as a `Signer`. Signs for any chain, without a connection of Ape's."""

    def __init__(self, account: Any) -> None:
        self.account = account

    @property
    def address(self) -> str:
        return str(self.account.address)

    def unlock(self) -> None:
        """Ask for the passphrase once, as Ape does, so that no later moment has to."""
        from ape.exceptions import ApeException
        from ape.logging import LogLevel, logger

        if not hasattr(self.account, "set_autosign"):
            return  # a hardware wallet asks at each signature
        try:
            # Ape warns of signing unasked. The command line was the asking.
            with logger.at_level(LogLevel.ERROR):
                self.account.set_autosign(True)
        except ApeException as error:
            raise BadInput(
                f"account {self.account.alias!r} can't be unlocked ({str(error).rstrip('.')})",
                "check its passphrase; nothing was sent",
            ) from error

    def sign_transaction(self, transaction_dict: dict[str, Any]) -> Signed:
        import ape
        from ape.logging import LogLevel, logger

        transaction = ape.networks.ethereum.create_transaction(
            **as_ape_wants(transaction_dict), sender=self.address
        )
        with logger.at_level(LogLevel.ERROR):
            signed = self.account.sign_transaction(transaction)
        if signed is None:
            raise BadInput(
                f"account {self.account.alias!r} declined to sign", "nothing was sent; run it again"
            )
        return Signed(bytes(signed.serialize_transaction()))


def as_ape_wants(transaction: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the calldata as bytes."""
    data = bytes.fromhex(str(transaction["data"]).removeprefix("0x"))
    return {**transaction, "data": data}


def find_signer(name: str | None, network: Network) -> Signer:
    """Return the account called `name` on a network; raise `BadInput` if there is none."""
    if name is None:
        if not network.is_local:
            raise BadInput(
                "no account is given",
                "give one of Ape's by --account NAME (`ape accounts list` shows them)",
            )
        name = DEFAULT_LOCAL_ACCOUNT
    return _local_account(name, network) if name.isdecimal() else _ape_account(name)


def unlocked(signer: Signer) -> Signer:
    """Return the signer, ready to sign without asking."""
    if isinstance(signer, ApeSigner):
        signer.unlock()
    return signer


def _local_account(name: str, network: Network) -> Signer:
    from clearway.devnet.accounts import PEOPLE_COUNT, account

    if network.name in known_networks():
        raise BadInput(
            f"account {name} is of the local network and everybody has its key",
            f"give an account of your own on {network.name}",
        )
    if name != str(int(name)) or int(name) >= PEOPLE_COUNT:
        raise BadInput(
            f"the local network has no account {name}", f"there are 0 to {PEOPLE_COUNT - 1}"
        )
    return cast(Signer, account(int(name)))


def _ape_account(name: str) -> ApeSigner:
    import ape

    try:
        return ApeSigner(ape.accounts.load(name))
    except (KeyError, ValueError):
        aliases = sorted(ape.accounts.aliases)
    advice = choices(name, aliases) if aliases else "make one with `ape accounts generate NAME`"
    raise BadInput(f"Ape has no account {name!r}", advice)
