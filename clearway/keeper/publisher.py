"""One publisher: observes, gathers the reports of which it is its turn, and signs others'.

It knows no chain but by `now`, the chain's time as it was last told.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eth_utils.address import to_checksum_address

from clearway.keeper import agreement, tiles
from clearway.keeper.agreement import Quotes
from clearway.keeper.errors import CannotStart
from clearway.keeper.memory import Memory
from clearway.keeper.signing import ReportSigner, Signature, sign, signer_of
from clearway.keeper.sources import Source
from clearway.opstack.addresses import Address
from clearway.reports import Domain, Report, SignedReport

SILENCE = 1.5  # wall seconds that a tile's report may take before the next one gathers it
PATIENCE = 600.0  # wall seconds after which a tile that nobody agreed on is given up
FORGET_EVERY = 3_600  # seconds of the chain's time


@dataclass(frozen=True)
class Committee:
    """Whose signatures count."""

    domain: Domain
    publishers: tuple[Address, ...]  # ascending, as the feed has them
    quorum: int
    tile_length: int  # seconds

    def verify(self, signed: SignedReport) -> None:
        """Raise ValueError unless a quorum signed a report."""
        present = [one for one in self.publishers if one not in signed.absent]
        signers = [signer_of(signed.report, self.domain, one) for one in signed.signatures]
        if signers != present or len(signers) < self.quorum:
            raise ValueError("not signed by a quorum")


@dataclass(frozen=True)
class Observation:
    """What one publisher tells others of a tile."""

    publisher: Address
    quotes: Quotes
    signed: Report | None  # what it signed already


class Refusal(Exception):
    """Why a publisher doesn't sign."""


class Publisher:
    """The decisions of one publisher, and what it remembers."""

    def __init__(
        self,
        committee: Committee,
        signer: ReportSigner,
        source: Source,
        memory: Memory,
        tolerance: int = agreement.TOLERANCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.signer = signer
        self.address = to_checksum_address(signer.address)
        self.join(committee)
        self.source = source
        self.memory = memory
        self.tolerance = tolerance
        self.clock = clock
        self.now = 0  # the chain's time
        self._over_since: dict[int, float] = {}  # by tile, when it was first seen over
        self._observed: dict[int, Quotes] = {}

    def join(self, committee: Committee) -> None:
        """Publish among these; raise `CannotStart` if this publisher is none of them."""
        if self.address not in committee.publishers:
            raise CannotStart(
                f"{self.address} is no publisher of feed {committee.domain.feed}",
                f"the timelock names them; they are {', '.join(committee.publishers)}",
            )
        self.committee = committee
        self.place = committee.publishers.index(self.address)

    # Seeing

    def see(self, now: int) -> None:
        """Go on to the chain's time `now`: observe what tiles are over since the last look."""
        for tile in self._due(now):
            if tile == self._newest_over(now) or self.source.knows_the_past:
                self._over_since[tile] = self.clock()
                self._observed[tile] = self.source.observe(tile)
        if now // FORGET_EVERY != self.now // FORGET_EVERY:
            self.memory.forget_oldest()
        self.now = now  # also where the chain went back
        self._give_up()

    def _due(self, now: int) -> list[int]:
        """Return the tiles to report; at the start also those of the last minute."""
        length = self.committee.tile_length
        if self.now:
            return tiles.due(self.now, now, length)
        newest = min(self.memory.newest() or now, now)
        recent = tiles.due(now - tiles.SHORT_GAP, now, length)
        return sorted({*tiles.due(newest, now, length), *recent})

    def _newest_over(self, now: int) -> int:
        return tiles.newest_over(now, self.committee.tile_length)

    def _give_up(self) -> None:
        oldest = self.clock() - PATIENCE
        late = [
            tile
            for tile, since in self._over_since.items()
            if since < oldest or self.memory.complete(tile)
        ]
        for tile in late:
            del self._over_since[tile]
        for tile in [one for one in self._observed if one <= self.now - tiles.WINDOW]:
            del self._observed[tile]

    def observation(self, tile: int) -> Observation | None:
        """Return what was seen when a tile ended; None of a tile that isn't over."""
        if tile > self.now or tile % self.committee.tile_length:
            return None
        quotes = self._quotes(tile)
        return (
            None if quotes is None else Observation(self.address, quotes, self.memory.signed(tile))
        )

    def _quotes(self, tile: int) -> Quotes | None:
        if tile not in self._observed and self.source.knows_the_past:
            return self.source.observe(tile)
        return self._observed.get(tile)

    # Gathering

    def turns(self) -> list[int]:
        """Return the tiles whose report is missing and this one's to gather, newest first."""
        return [
            tile
            for tile, since in sorted(self._over_since.items(), reverse=True)
            if self._may_gather(tile, self.place, self.clock() - since)
        ]

    def _may_gather(self, tile: int, place: int, waited: float) -> bool:
        committee = self.committee
        return tiles.may_gather(
            tile, committee.tile_length, place, len(committee.publishers), waited, SILENCE
        )

    def propose(self, tile: int, others: Sequence[Observation]) -> Report | None:
        """Return the report to ask signatures for; None where too few agree.

        What some signed already comes first: they can't sign another.
        """
        own = self.observation(tile)
        if own is None:
            return None
        known = [one.signed for one in (own, *others) if one.signed]
        for report in sorted(
            known, key=lambda report: (report != own.signed, -known.count(report))
        ):
            if not self._why_not(report, own):
                return report
        if own.signed:
            return None
        seen = [own.quotes, *(one.quotes for one in others)]
        agreed = agreement.agree(seen, self.committee.quorum)
        if not agreed:
            return None
        report = Report.of(tile, agreed)
        # A market that only this one saw is left out; one that only others saw it can't vouch for.
        common = {market: quote for market, quote in own.quotes.items() if market in agreed}
        return None if self._why_not(report, replace(own, quotes=common)) else report

    def complete(self, report: Report, signatures: dict[Address, Signature]) -> SignedReport | None:
        """Return a report with exactly a quorum of signatures, kept; None if there are too few."""
        committee = self.committee
        signers = [one for one in committee.publishers if one in signatures][: committee.quorum]
        if len(signers) < committee.quorum:
            return None
        signed = SignedReport(
            report,
            tuple(one for one in committee.publishers if one not in signers),
            tuple(signatures[one] for one in signers),
        )
        self.keep(signed)
        return signed

    def keep(self, signed: SignedReport) -> None:
        """Keep a report that a quorum signed; raise ValueError if none did."""
        self.committee.verify(signed)
        self.memory.keep(signed)
        self._over_since.pop(signed.report.observed_at, None)

    # Signing

    def sign_own(self, report: Report) -> Signature | None:
        """Sign what this publisher gathered; None if it signed another report of the tile."""
        return self._sign(report) if self.memory.may_sign(report) else None

    def sign_for(self, report: Report, proof: Signature) -> Signature:
        """Sign what another publisher gathered and, by `proof`, signed; raise `Refusal`."""
        try:
            proposer = signer_of(report, self.committee.domain, proof)
        except ValueError as error:
            raise Refusal(str(error)) from error
        if proposer not in self.committee.publishers:
            raise Refusal("no publisher asks")
        own = self.observation(report.observed_at)
        if own is None:
            raise Refusal("the tile isn't over, or wasn't observed")
        if reason := self._why_not(report, own):
            raise Refusal(reason)
        if not self.memory.may_sign(report):
            raise Refusal("another report of the tile was signed")
        return self._sign(report)

    def _why_not(self, report: Report, own: Observation) -> str:
        length = self.committee.tile_length
        return agreement.why_not_sign(report, own.quotes, self.now, length, self.tolerance)

    def _sign(self, report: Report) -> Signature:
        return sign(report, self.committee.domain, self.signer)
