"""Signing price reports, and giving them to the feed (EIP-712; `interfaces/IPriceFeed.vyi`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from clearway.spec.quotes import Quote, boards_of

REPORT_TYPE = {
    "Report": [
        {"name": "observedAt", "type": "uint256"},
        {"name": "boards", "type": "uint256[]"},
    ]
}


@dataclass(frozen=True)
class Domain:
    """Which feed a report is for: one contract on one chain."""

    chain_id: int
    feed: str  # address

    def as_dict(self) -> dict[str, Any]:
        """Return the EIP-712 domain."""
        return {
            "name": "Clearway price feed",
            "version": "1",
            "chainId": self.chain_id,
            "verifyingContract": to_checksum_address(self.feed),
        }


@dataclass(frozen=True)
class Report:
    """One price per market for the tile that ends at `observed_at` (seconds)."""

    observed_at: int
    boards: tuple[int, ...]

    @classmethod
    def of(cls, observed_at: int, quotes: Mapping[int, Quote]) -> "Report":
        """Return the report that carries these quotes, by market."""
        return cls(observed_at, tuple(boards_of(quotes)))

    def sign(self, domain: Domain, signer: LocalAccount) -> tuple[bytes, bytes]:
        """Return r, and s with the parity in its highest bit (EIP-2098)."""
        signed = signer.sign_message(signable(self, domain))
        vs = signed.s | (signed.v - 27) << 255
        return signed.r.to_bytes(32, "big"), vs.to_bytes(32, "big")


def signable(report: Report, domain: Domain) -> SignableMessage:
    """Return what publishers sign for a report."""
    message = {"observedAt": report.observed_at, "boards": list(report.boards)}
    return encode_typed_data(domain.as_dict(), REPORT_TYPE, message)


@dataclass(frozen=True)
class SignedReport:
    """A report, the feed's publishers who didn't sign it, and the signatures of the others."""

    report: Report
    absent: tuple[str, ...]
    signatures: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def by(
        cls,
        report: Report,
        domain: Domain,
        publishers: Sequence[str],
        signers: Sequence[LocalAccount],
    ) -> "SignedReport":
        """Return the report signed by `signers`, who may come in any order."""
        ordered = sorted(signers, key=lambda signer: int(signer.address, 16))
        signatures = tuple(report.sign(domain, signer) for signer in ordered)
        signed = {signer.address for signer in signers}
        absent = (publisher for publisher in publishers if publisher not in signed)
        return cls(report, tuple(absent), signatures)

    def as_arguments(self) -> tuple[Any, ...]:
        """Return what `PriceFeed.submit` takes."""
        return (
            self.report.observed_at,
            list(self.report.boards),
            list(self.absent),
            list(self.signatures),
        )
