"""Reading reports from the publishers' boards.

    board = Board.of(deployment.boards, committee)
    board.report(observed_at)

Nothing of a board is believed: a report counts if a quorum signed it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from clearway.keeper import wire
from clearway.keeper.asking import LOST, ask, parsed
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

    @classmethod
    def of(cls, urls: Sequence[str], committee: Committee) -> "Board":
        return cls(tuple(url.rstrip("/") for url in urls), committee)

    def report(self, observed_at: int) -> SignedReport | None:
        """Return the report of a tile, None if no board has it (yet).

        Raises `BoardsUnavailable` if no board answers at all.
        """
        found = self._found(
            f"/report?observed_at={observed_at}",
            lambda told: self._of(told, observed_at),
            is_first_enough=True,
        )
        return found[0] if found else None

    def latest(self, after: int = 0) -> SignedReport | None:
        """Return the newest report of all boards, None if there is none later than `after`."""
        found = self._found(f"/reports?after={after}", self._newest_in)
        return max(found, key=lambda signed: signed.report.observed_at, default=None)

    def _of(self, told: Any, observed_at: int) -> SignedReport | None:
        signed = self._verified(told)
        return signed if signed and signed.report.observed_at == observed_at else None

    def _newest_in(self, told: Any) -> SignedReport | None:
        return self._verified(told[-1]) if isinstance(told, list) and told else None

    def _verified(self, told: Any) -> SignedReport | None:
        try:
            signed = wire.signed_from_json(told)
            self.committee.verify(signed)
        except (AttributeError, TypeError, ValueError):
            return None
        return signed

    def _found(
        self,
        path: str,
        read: Callable[[Any], SignedReport | None],
        *,
        is_first_enough: bool = False,
    ) -> list[SignedReport]:
        """Return what is found in the answers; raise `BoardsUnavailable` if no board answers."""
        has_answered, found = asyncio.run(self._ask_all(path, read, is_first_enough))
        if not has_answered:
            named = ", ".join(self.urls) or "none is named in the deployment"
            raise BoardsUnavailable(
                f"no publisher's board answers ({named})",
                "start the publishers with `ape run keeper publisher`",
            )
        return found

    async def _ask_all(
        self, path: str, read: Callable[[Any], SignedReport | None], is_first_enough: bool
    ) -> tuple[bool, list[SignedReport]]:
        """Ask all boards at once; return whether one answered, and what was found.

        A silent one holds up nobody where the first that is found is enough.
        """
        has_answered, found = False, []
        async with aiohttp.ClientSession() as session:
            asked = [asyncio.create_task(_asked(session, url + path)) for url in self.urls]
            for answer in asyncio.as_completed(asked):
                has_told, told = await answer
                has_answered |= has_told
                if (signed := read(told)) is not None:
                    found.append(signed)
                    if is_first_enough:
                        break
            for task in asked:
                task.cancel()
        return has_answered, found


async def _asked(session: aiohttp.ClientSession, url: str) -> tuple[bool, Any]:
    """Return whether a board answered, and what; None where there is nothing."""
    try:
        status, raw = await ask(session, "GET", url, TIMEOUT, MOST_BYTES)
        return status in (200, 404), parsed(raw) if status == 200 else None
    except LOST:
        return False, None
