"""Reading reports from the publishers' boards.

    board = Board.of(deployment.boards, committee)
    board.report(observed_at)

Nothing of a board is believed: a report counts if a quorum signed it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from clearway.keeper import wire
from clearway.keeper.errors import BoardsUnavailable
from clearway.keeper.publisher import Committee
from clearway.reports import SignedReport

TIMEOUT = 2.0  # wall seconds
MOST_BYTES = 1 << 20  # of an answer


@dataclass
class Board:
    """The boards of all publishers, as one. Not for several threads at once."""

    urls: tuple[str, ...]
    committee: Committee
    _session: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def of(cls, urls: Sequence[str], committee: Committee) -> "Board":
        return cls(tuple(url.rstrip("/") for url in urls), committee)

    def report(self, observed_at: int) -> SignedReport | None:
        """Return the report of a tile, None if no board has it (yet).

        Raises `BoardsUnavailable` if no board answers at all.
        """
        for told in self._answers(f"/report?observed_at={observed_at}"):
            if (signed := self._verified(told)) and signed.report.observed_at == observed_at:
                return signed
        return None

    def latest(self, after: int = 0) -> SignedReport | None:
        """Return the newest report of all boards, None if there is none later than `after`."""
        found = [
            signed
            for told in self._answers(f"/reports?after={after}")
            for signed in self._newest_in(told)
        ]
        return max(found, key=lambda signed: signed.report.observed_at, default=None)

    def _newest_in(self, told: Any) -> list[SignedReport]:
        signed = self._verified(told[-1]) if isinstance(told, list) and told else None
        return [signed] if signed else []

    def _verified(self, told: Any) -> SignedReport | None:
        try:
            signed = wire.signed_from_json(told)
            self.committee.verify(signed)
        except (AttributeError, TypeError, ValueError):
            return None
        return signed

    def _answers(self, path: str) -> Iterator[Any]:
        """Yield what boards answer; raise `BoardsUnavailable` if none does."""
        has_answered = False
        for url in self.urls:
            try:
                with self._session.get(url + path, timeout=TIMEOUT, stream=True) as response:
                    has_answered |= response.status_code in (200, 404)
                    if response.status_code == 200:
                        raw = response.raw.read(MOST_BYTES, decode_content=True)
                        yield _parsed(raw)
            except requests.RequestException:
                continue
        if not has_answered:
            named = ", ".join(self.urls) or "none is named in the deployment"
            raise BoardsUnavailable(
                f"no publisher's board answers ({named})",
                "start the publishers with `ape run keeper publisher`",
            )


def _parsed(raw: bytes) -> Any:
    import json

    try:
        return json.loads(raw)
    except ValueError:
        return None
