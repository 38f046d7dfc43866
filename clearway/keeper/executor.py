"""The executor: brings orders, redemptions and waiting deposits to their end, with their reports.

It also does what markets need of anyone: margins on their ramps, ends, and halts.

One step reads what is new, decides, and sends; it waits for nothing. All of it is on one thread.
"""

from collections.abc import Callable, Iterable
from typing import Any

from clearway.contracts import Contract
from clearway.deployments import System
from clearway.keeper.book import Book
from clearway.keeper.comparing import Comparer
from clearway.keeper.following import Follower
from clearway.keeper.hands import Done, Duty, Hands
from clearway.keeper.orders import Batch, Committed, Stage, batches, in_stage
from clearway.keeper.reports import Reports
from clearway.keeper.rounds import find_round
from clearway.keeper.tiles import STALE, tile_of
from clearway.keeper.upkeep import last_second, ramp_step
from clearway.opstack import text
from clearway.opstack.chain import Block
from clearway.opstack.effects import purpose_of
from clearway.reports import SignedReport
from clearway.spec import price_words
from clearway.spec.state import SIGNED_WINDOW

MOST_DUTIES = 10  # begun in one step
MOST_REQUESTS = 50  # redemptions priced, or claims paid, by one transaction
READY_BITS, READY_GROUP = 32, 8  # how the vault keeps when requests are ready


class Executor:
    """The executor's steps."""

    def __init__(
        self,
        system: System,
        follower: Follower,
        reports: Reports,
        hands: Hands,
        say: Callable[[str], None],
    ) -> None:
        self.system = system
        self.book = Book()
        self.hands = hands
        self.reports = reports
        self.now = 0  # the chain's time
        self.executed = 0  # orders
        self._follower = follower
        self._say = say
        self._tile_length = reports.board.committee.tile_length
        self._done: list[Done] = []  # whose events may not have been read
        self._ready_at: dict[int, int] = {}  # of the oldest redemption, by its number
        self._ramped: dict[int, int] = {}  # the last step taken of a ramp, by market
        self._comparer = Comparer(system)
        self._reread()

    def step(self) -> None:
        """Read, decide and send."""
        self._done += self.hands.look()
        head = self._read()
        self._learn(head)
        if self.hands.has_strangers():
            return
        room = MOST_DUTIES
        for duty in self._duties():
            room -= self.hands.begin(duty)
            if not room:
                break

    # Reading

    def _reread(self) -> None:
        self.book = Book()
        self._ready_at.clear()
        for event in self._follower.archive.events():
            self.book.tell(event)

    def _read(self) -> Block:
        news = self._follower.catch_up()
        if news.has_changed:
            self._say("the chain went back; reading again what is left")
            self._reread()
        for event in () if news.has_changed else news.events:
            self.book.tell(event)
        self.now = news.head.timestamp
        self.reports.forget_before(self.now - 700)
        return news.head

    def _learn(self, head: Block) -> None:
        """Leave alone for a while the orders that were executed and stay."""
        later = []
        for done in self._done:
            if done.block > head.number:
                later.append(done)
                continue
            self._say(f"{done.duty.what}: done in block {done.block}")
            for key in done.duty.keys:
                kind, number = key
                if kind == "order" and number in self.book.orders:
                    self.hands.alone.add(key)
                    self.hands.put_off(key, "it stays")
                elif kind == "order":
                    self.executed += 1
        self._done = later
        self.hands.keep_only("order", self.book.orders)
        self.hands.keep_only("deposit", self.book.deposits)

    # Deciding

    def _duties(self) -> Iterable[Duty]:
        """Yield what is due, most urgent first."""
        free = [order for order in self.book.orders.values() if self._may("order", order.id)]
        alone = [order.id for order in free if ("order", order.id) in self.hands.alone]
        for batch in batches(free, self.now, self._tile_length, alone):
            if signed := self.reports.of(batch.tile):
                yield self._execution(batch, signed)
        yield from self._comparisons()
        for order in in_stage(free, Stage.BY_ROUND, self.now):
            if duty := self._by_round(order):
                yield duty
        yield from self._for_the_vault()
        yield from self._for_the_markets()
        for order in in_stage(free, Stage.OVER, self.now):
            yield self._clearing(order)

    def _may(self, kind: str, number: int = 0) -> bool:
        key = (kind, number)
        is_told = all(key not in done.duty.keys for done in self._done)
        return is_told and self.hands.may(key)

    def _duty(
        self,
        contract: Contract,
        keys: list[tuple[str, int]],
        what: str,
        call: str,
        *arguments: Any,
        of: int = 0,
    ) -> Duty:
        """Return a duty; `of` tells apart what has the same keys at another time."""
        purpose = purpose_of("keep", contract.address, call, of, *keys)
        return Duty(contract.transaction(purpose, call, *arguments), tuple(keys), what)

    def _execution(self, batch: Batch, signed: SignedReport) -> Duty:
        keys = [("order", id_) for id_ in batch.ids]
        report = signed.as_arguments()
        orders, market = self.system.orders, self._name(batch.market)
        what = f"{_count(batch.ids, 'order')} of {market} at {text.moment(batch.tile)}"
        if len(batch.ids) == 1:
            return self._duty(
                orders, keys, what, "submit_and_execute_one", *report, batch.ids[0], of=batch.tile
            )
        return self._duty(
            orders,
            keys,
            what,
            "submit_and_execute",
            *(*report, batch.market, list(batch.ids)),
            of=batch.tile,
        )

    def _by_round(self, order: Committed) -> Duty | None:
        """Return how to fill a reduction without a report, once the aggregator has gone on."""
        found = find_round(self.system.feed, order.market, order.committed_at)
        if found is None:
            self.hands.put_off(("order", order.id), "no later round of the aggregator yet")
            return None
        return self._duty(
            self.system.orders,
            [("order", order.id)],
            f"a reduction of {self._name(order.market)} by the aggregator's round {found[0]}",
            "execute_by_round",
            order.id,
            *found,
            of=order.fills_at,
        )

    def _clearing(self, order: Committed) -> Duty:
        return self._duty(
            self.system.orders,
            [("order", order.id)],
            f"an expired order of {self._name(order.market)}",
            "clear",
            order.account,
            order.slot,
            of=order.fills_at,
        )

    # The vault

    def _for_the_vault(self) -> Iterable[Duty]:
        """Yield what brings providers in and out, and the winners whom it owes their money."""
        if self.book.claims > 0 and self._may("claims"):
            if self.system.lens.call("pool").cash > 0:
                yield self._duty(
                    self.system.market,
                    [("claims", 0)],
                    "the vault's debts",
                    "pay_claims",
                    MOST_REQUESTS,
                )
            else:
                self.hands.put_off(("claims", 0), "the vault has no cash")
        if self._may("redemptions") and self._is_redemption_due():
            yield from self._redemptions()
        for number in self.book.deposits:
            if self._may("deposit", number) and (latest := self._latest()):
                yield self._duty(
                    self.system.l2_gateway,
                    [("deposit", number)],
                    "a deposit for the vault",
                    "submit_and_enter",
                    *latest.as_arguments(),
                    number,
                )

    def _is_redemption_due(self) -> bool:
        oldest = min(self.book.requests, default=None)
        if oldest is None:
            return False
        if oldest not in self._ready_at:
            ready = self.system.vault.call("queue_words", oldest)[2]
            shift = oldest % READY_GROUP * READY_BITS
            self._ready_at = {oldest: ready >> shift & (2**READY_BITS - 1)}
        return self._ready_at[oldest] <= self.now

    def _redemptions(self) -> Iterable[Duty]:
        """Yield the processing of redemptions, or first the report that it needs to be stored."""
        stored = price_words.time_of(self.system.feed.call("newest_board", 0))
        if self.now - stored <= STALE:
            yield self._duty(
                self.system.vault, [("redemptions", 0)], "due redemptions", "process", MOST_REQUESTS
            )
        elif latest := self._latest():
            yield self._storing(latest, "redemptions")

    def _storing(self, latest: SignedReport, kind: str, number: int = 0) -> Duty:
        """Return the duty to store a report, of which a thing is in need."""
        return self._duty(
            self.system.feed,
            [(kind, number)],
            f"the report of {text.moment(latest.report.observed_at)}",
            "submit",
            *latest.as_arguments(),
            of=latest.report.observed_at,
        )

    def _latest(self) -> SignedReport | None:
        """Return the newest report if it is fresh."""
        latest = self.reports.latest(self.now - STALE)
        return latest if latest and latest.report.observed_at <= self.now else None

    # The markets

    def _for_the_markets(self) -> Iterable[Duty]:
        """Yield what lets margins come in on their ramps, and ends markets as announced."""
        for market, ends_at in self.book.ramps.items():
            step = ramp_step(ends_at, self.now)
            if step > self._ramped.get(market, 0) and self._may("ramp", market):
                self._ramped[market] = step if self.now < ends_at else 0
                yield self._duty(
                    self.system.configuration,
                    [("ramp", market)],
                    f"margins of {self._name(market)}",
                    "advance_ramp",
                    market,
                    of=step + ends_at,
                )
        for market, announced in self.book.ends.items():
            second = last_second(announced, self.now)
            if second is None or not self._may("end", market):
                continue
            if duty := self._ending(market, second):
                yield duty

    def _comparisons(self) -> Iterable[Duty]:
        """Yield what halts a market whose price has left its aggregator's, or frees it again."""
        for market, is_stored in self._comparer.due(self.now, self._latest):
            if not self._may("comparison", market):
                continue
            if is_stored:
                yield self._duty(
                    self.system.feed,
                    [("comparison", market)],
                    f"the comparison of {self._name(market)} with its aggregator",
                    "compare",
                    market,
                    of=self.now,
                )
            elif latest := self._latest():
                yield self._storing(latest, "comparison", market)
                return  # one report prices all of them

    def _ending(self, market: int, second: int) -> Duty | None:
        """Return how to end a market by the report of its last second, or a round after it."""
        keys, what = [("end", market)], f"the end of {self._name(market)}"
        configuration = self.system.configuration
        if self.now <= second + SIGNED_WINDOW:
            signed = self.reports.of(tile_of(second, self._tile_length))
            if signed is None:
                return None
            call, arguments = "submit_and_finish_retirement", (*signed.as_arguments(), market)
        else:
            found = find_round(self.system.feed, market, second)
            if found is None:
                self.hands.put_off(keys[0], "no later round of the aggregator yet")
                return None
            call, arguments = "finish_retirement_by_round", (market, *found)
        return self._duty(configuration, keys, what, call, *arguments, of=second)

    def _name(self, market: int) -> str:
        named = {listed.number: listed.name for listed in self.system.deployment.markets}
        return named.get(market, f"market {market}")

    def facts(self) -> dict[str, str]:
        """Return how things stand, for people."""
        stages = [len(in_stage(self.book.orders.values(), one, self.now)) for one in Stage]
        young, by_report, by_round, over = stages
        return {
            "chain's time": text.moment(self.now) if self.now else "",
            "orders": f"{young} too young, {by_report} due, {by_round} for a round, {over} over",
            "vault": f"{_count(self.book.requests, 'request')} to leave, "
            f"{_count(self.book.deposits, 'deposit')} in waiting",
            "executed here": str(self.executed),
            "transactions": f"{self.hands.under_way} under way, {self.hands.done} done, "
            f"{self.hands.failed} refused",
            "reports missing": str(self.reports.missing()),
            "boards": self.reports.trouble or "answer",
        }


def _count(things: Any, name: str) -> str:
    count = len(things)
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
