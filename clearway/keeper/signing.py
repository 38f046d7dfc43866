"""Signatures of reports: by an account of the local network or one of Ape's; and whose they are."""

from typing import Any, Protocol, cast

from eth_account import Account
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from clearway.opstack.addresses import Address
from clearway.opstack.sender import Signer
from clearway.reports import Domain, Report, signable

Signature = tuple[bytes, bytes]  # r, and s with the parity in its highest bit (EIP-2098)


class ReportSigner(Protocol):
    """Who signs reports."""

    @property
    def address(self) -> str: ...

    def sign_message(self, signable_message: SignableMessage) -> Any:
        """Return an object with v, r and s as numbers."""


class Parts:
    """A signature's numbers, from Ape's bytes."""

    def __init__(self, signature: Any) -> None:
        self.v = int(signature.v)
        self.r = int.from_bytes(signature.r, "big")
        self.s = int.from_bytes(signature.s, "big")


class ApeReportSigner:
    """An account of Ape's that signs reports."""

    def __init__(self, account: Any) -> None:
        self._account = account

    @property
    def address(self) -> str:
        return str(self._account.address)

    def sign_message(self, signable_message: SignableMessage) -> Parts:
        return Parts(self._account.sign_message(signable_message))


def report_signer(signer: Signer) -> ReportSigner:
    """Return the signer of transactions as one of reports."""
    account = getattr(signer, "account", None)  # of `clearway.shell.accounts.ApeSigner`
    return cast(ReportSigner, signer) if account is None else ApeReportSigner(account)


def sign(report: Report, domain: Domain, signer: ReportSigner) -> Signature:
    """Sign a report."""
    return report.sign(domain, cast(LocalAccount, signer))


def signer_of(report: Report, domain: Domain, signature: Signature) -> Address:
    """Return who signed a report; raise ValueError if the signature is nobody's."""
    r, vs = (int.from_bytes(part, "big") for part in signature)
    try:
        found = Account.recover_message(
            signable(report, domain), vrs=(27 + (vs >> 255), r, vs % 2**255)
        )
    except Exception as error:  # eth_keys has many kinds
        raise ValueError("no signature") from error
    return to_checksum_address(found)
