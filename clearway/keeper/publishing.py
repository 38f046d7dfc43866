"""Running a publisher: its looks at the chain, its talks with the others, its screen."""

import asyncio
import time
from collections.abc import Sequence

import aiohttp

from clearway.contracts import Contract
from clearway.keeper.agreement import quotes_in
from clearway.keeper.board import Board, Peers
from clearway.keeper.publisher import Committee, Publisher
from clearway.keeper.running import Stop, Worker, keep_doing
from clearway.keeper.screen import Screen
from clearway.opstack import text
from clearway.reports import Domain

LOOK_PAUSE = 0.3  # wall seconds between two looks at the chain
COMMITTEE_PAUSE = 30.0  # wall seconds between two looks at who the publishers are


def committee_of(feed: Contract) -> Committee:
    """Read whose signatures count."""
    publishers, quorum, length = feed.calls(("publishers",), ("quorum",), ("TILE_LENGTH",))
    domain = Domain(feed.chain.chain_id, feed.address)
    return Committee(domain, tuple(publishers), quorum, length)


class Publishing:
    """A publisher at work."""

    def __init__(
        self,
        publisher: Publisher,
        feed: Contract,
        peers: Sequence[str],
        names: dict[int, str],
        screen: Screen,
    ) -> None:
        self.publisher = publisher
        self.feed = feed
        self.names = names  # of markets
        self.screen = screen
        self.made = 0  # reports gathered
        self.board = Board(publisher, self.look)
        self._peer_urls = peers
        self._worker = Worker("chain")
        self._looking: asyncio.Task[None] | None = None
        self._committee_read_at = time.monotonic()
        self._shown_silent: dict[str, str] = {}

    async def run(self, stop: Stop, host: str, port: int) -> None:
        """Publish until told to stop."""
        runner = await self.board.start(host, port)
        try:
            async with aiohttp.ClientSession() as session:
                self.peers = Peers(self._peer_urls, session)
                await keep_doing(self.step, stop, self.screen, lambda: asyncio.sleep(LOOK_PAUSE))
        finally:
            await runner.cleanup()
            self._worker.close()
            self.publisher.memory.close()

    async def step(self) -> None:
        """Look, and gather the reports of which it is this publisher's turn."""
        await self.look()
        for tile in self.publisher.turns():
            await self.gather(tile)
            if not self._has_quorum():
                break  # what is missing stays, newest first
        self._show()

    def _has_quorum(self) -> bool:
        """Tell whether enough boards answer for a report to come about."""
        answering = len(self.peers.urls) - len(self.peers.silent)
        return answering + 1 >= self.publisher.committee.quorum

    async def look(self) -> None:
        """Bring the publisher up to the chain's time; whoever asks meanwhile gets the same look."""
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look())
            self._looking.add_done_callback(self._looked)
        await asyncio.shield(self._looking)

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # whoever asked is told, too

    async def _look(self) -> None:
        now, committee = await self._worker.do(self._read)
        if committee and committee != self.publisher.committee:
            self.publisher.join(committee)
            self.screen.say(f"there are {len(committee.publishers)} publishers now")
        self.screen.now = now
        self.publisher.see(now)

    def _read(self) -> tuple[int, Committee | None]:
        """Read what is elsewhere; on the worker's thread."""
        self.publisher.source.refresh()
        committee = None
        if time.monotonic() - self._committee_read_at > COMMITTEE_PAUSE:
            committee = committee_of(self.feed)
            self._committee_read_at = time.monotonic()
        return self.feed.chain.block().timestamp, committee

    async def gather(self, tile: int) -> None:
        """Make the report of a tile with the others, if enough of them agree."""
        publisher = self.publisher
        report = publisher.propose(tile, await self.peers.observations(tile))
        own = publisher.sign_own(report) if report else None
        if report is None or own is None:
            return
        signed = publisher.complete(report, await self.peers.signatures(publisher, report, own))
        if signed is not None:
            if not self.made:
                self.screen.say(f"gathered its first report, of {text.moment(tile)}")
            self.made += 1
            await self.peers.spread(signed)

    def _show(self) -> None:
        silent = self.peers.silent
        for url in silent.keys() - self._shown_silent.keys():
            self.screen.say(f"{url} doesn't answer ({silent[url]})")
        for url in self._shown_silent.keys() - silent.keys():
            self.screen.say(f"{url} answers again")
        self._shown_silent = dict(silent)
        newest = self.publisher.memory.complete_after(0, 1)
        report = newest[0].report if newest else None
        quotes = quotes_in(report) if report else {}
        self.screen.show(
            {
                "publisher": f"{self.publisher.address} of {len(self.peers.urls) + 1}",
                "chain's time": text.moment(self.publisher.now),
                "newest report": text.moment(report.observed_at) if report else "none yet",
                "prices": ", ".join(
                    f"{self.names.get(market, market)} {text.amount(quote.price)}"
                    for market, quote in quotes.items()
                ),
                "gathered here": str(self.made),
                "silent boards": ", ".join(silent) or "none",
                "last refusal": self.peers.refused or "none",
            }
        )
