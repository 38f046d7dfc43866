"""Signed prices with their time; the model of contracts/l2/PriceFeed.vy.

A signature is here the pair of signer and report. Aggregators are strangers, and not modelled: what
one says is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from clearway.spec import price_words
from clearway.spec.refused import Refused, require
from clearway.spec.wad import WAD

MAX_AGE = 10  # seconds
ORDER_WINDOW = 600  # seconds
MAX_LEAD = 86_400  # seconds
LEAST_BAND = 10**16  # 1 %; nearer to each other, two prices agree
MARKETS = 32  # those below can be compared
NO_MARKET = MARKETS
OFF_REFERENCE, OFF_PAR = "price off its reference", "collateral off par"  # why one is halted


@dataclass(frozen=True)
class Report:
    """One price per market for the tile that ends at `observed_at`."""

    observed_at: int
    boards: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """That `signer` signed `report`; an unknown hand has the number 0."""

    signer: int
    report: Report


@dataclass(frozen=True)
class Price:
    """A price as the feed gives it."""

    price: int  # wad
    confidence: int  # wad ratio
    observed_at: int


@dataclass(frozen=True)
class Reference:
    """What an aggregator says, or why that can't be used."""

    reason: str
    price: int  # wad
    deviation: int  # wad ratio


@dataclass
class PriceFeed:
    """The feed's state. Publishers are numbers, ascending as their addresses are."""

    tile_length: int
    publishers: list[int]
    quorum: int
    grace_period: int
    newest: dict[int, int] = field(default_factory=dict)
    recalled: dict[int, int] = field(default_factory=dict)
    lead_until: int = 0
    par_market: int = NO_MARKET
    is_off_par: bool = False
    off_reference: set[int] = field(default_factory=set)

    def submit(self, now: int, report: Report, signatures: Sequence[Signature]) -> None:
        """Store a report; one that is stored already changes nothing."""
        require(report.observed_at % self.tile_length == 0, "not the end of a tile")
        require(report.observed_at + ORDER_WINDOW >= now, "report too old")
        require(report.observed_at <= now + MAX_LEAD, "report too far ahead")
        require(bool(report.boards), "empty report")
        changed: dict[int, int] = {}
        last = -1
        for board in report.boards:
            number = price_words.time_of(board)
            require(number > last, "boards not sorted")
            last = number
            word = price_words.with_time(board, report.observed_at)
            if word in self.stored(number):
                continue
            if not changed:
                self.verify(report, signatures)
            known = [price_words.time_of(other) for other in self.stored(number)]
            require(report.observed_at not in known, "second priced already")
            changed[number] = word
        if not changed:
            return
        for number, word in changed.items():
            self.keep(number, word)
        if report.observed_at > now + MAX_AGE:
            self.lead_until = max(self.lead_until, report.observed_at)

    def verify(self, report: Report, signatures: Sequence[Signature]) -> None:
        """Require that a quorum signed, each once, in the publishers' order."""
        require(len(signatures) >= self.quorum, "too few signatures")
        signers = [s.signer if s.report == report else 0 for s in signatures]
        in_order = signers == sorted(set(signers)) and set(signers) <= set(self.publishers)
        require(in_order, "not signed by the publishers")

    def stored(self, number: int) -> tuple[int, int]:
        """Return a board's two words, the newest first."""
        return self.newest.get(number, 0), self.recalled.get(number, 0)

    def keep(self, number: int, word: int) -> None:
        """Store a word that isn't the second one of its tile."""
        newest = self.newest.get(number, 0)
        if price_words.time_of(word) > price_words.time_of(newest):
            self.newest[number] = word
        elif word != newest:
            self.recalled[number] = word

    def price(self, now: int, market: int) -> Price:
        """Return the newest price, at most 10 seconds old."""
        return price_in(self.board(now, market // price_words.LANES), market)

    def board(self, now: int, number: int) -> int:
        """Return a board's newest word, at most 10 seconds old."""
        word = self.newest.get(number, 0)
        require(word != 0, "no price")
        require(price_words.time_of(word) + MAX_AGE >= now, "price stale")
        require(price_words.time_of(word) <= now + MAX_AGE, "chain's clock lags")
        return word

    def price_at(self, market: int, second: int) -> Price:
        """Return the price of the report whose tile holds `second`."""
        return price_in(self.board_at(market // price_words.LANES, second), market)

    def board_at(self, board: int, second: int) -> int:
        """Return a board's word from the report whose tile holds `second`."""
        word = self.found_board(board, second)
        require(word != 0, "no report of that second")
        return word

    def found_board(self, board: int, second: int) -> int:
        """Return the same, or zero where there is none."""
        observed_at = -(-second // self.tile_length) * self.tile_length
        for word in self.stored(board):
            if price_words.time_of(word) == observed_at:
                return word
        return 0

    def outage(self, now: int, board: int) -> str:
        """Return why nothing may increase risk; empty if it may. The uptime feed isn't modelled."""
        if price_words.time_of(self.newest.get(board, 0)) > now + MAX_AGE:
            return "chain's clock lags"
        if self.lead_until and now < self.lead_until + self.grace_period:
            return "in grace after an outage"
        return ""

    def halted(self, now: int, market: int) -> str:
        """Return why nothing may increase risk on a market; empty if it may."""
        outage = self.outage(now, market // price_words.LANES)
        if outage:
            return outage
        if self.is_off_par:
            return OFF_PAR
        return OFF_REFERENCE if market in self.off_reference else ""

    def compare(self, now: int, market: int, reference: Reference) -> None:
        """Halt a market whose price is off its reference, or all if that is the collateral's."""
        require(market < MARKETS, "unknown market")
        if market == self.par_market:
            self.is_off_par = is_off_par(self.collateral_price(now, market, reference))
            return
        price = self.price(now, market)
        require(reference.reason == "", reference.reason)
        if is_off(price, reference):
            self.off_reference.add(market)
        else:
            self.off_reference.discard(market)

    def collateral_price(self, now: int, market: int, reference: Reference) -> int:
        """Return the fresh price, or where there is none what the aggregator says."""
        try:
            return self.price(now, market).price
        except Refused:
            require(reference.reason == "", reference.reason)
            return reference.price

    def list_market(self, market: int) -> None:
        """Give a market another aggregator, or none; the owner's act."""
        self.off_reference.discard(market)

    def set_par_market(self, market: int) -> None:
        """Name the market whose price is the collateral's, or none; the owner's act."""
        require(market <= NO_MARKET, "unknown market")
        self.is_off_par = False
        self.off_reference.discard(market)
        self.par_market = market

    def set_publishers(self, publishers: Sequence[int], quorum: int) -> None:
        """Replace the publishers; the owner's act."""
        require(quorum <= len(publishers), "quorum over publishers")
        require(2 * quorum > len(publishers), "quorum is no majority")
        require(list(publishers) == sorted(set(publishers)), "publishers not sorted")
        self.publishers, self.quorum = list(publishers), quorum

    def convict(self, first: Signature, second: Signature) -> None:
        """Remove whoever signed two different reports of one tile."""
        require(first.report.observed_at == second.report.observed_at, "not of the same seconds")
        require(first.report != second.report, "the same report")
        require(first.signer == second.signer, "not of the same signer")
        self.remove(first.signer)

    def drop(self, publisher: int) -> None:
        """Take a publisher off the list while a quorum is left; the guardian's act."""
        require(publisher in self.publishers, "not a publisher")
        require(len(self.publishers) > self.quorum, "fewer than the quorum")
        self.remove(publisher)

    def remove(self, publisher: int) -> None:
        """Take a publisher off the list; the quorum stays."""
        require(publisher in self.publishers, "not a publisher")
        self.publishers.remove(publisher)


def is_off(price: Price, reference: Reference) -> bool:
    """Return whether a price is further from its aggregator's than the band between them."""
    band = max(2 * reference.deviation, LEAST_BAND) + price.confidence
    return _differ(price.price, reference.price, band)


def is_off_par(price: int) -> bool:
    """Return whether the collateral's price, wad, is further from 1 than its band."""
    return _differ(price, WAD, LEAST_BAND)


def _differ(price: int, reference: int, band: int) -> bool:
    """Return whether they differ by more than `band`, a ratio of the reference."""
    return abs(price - reference) * WAD > reference * band


def price_in(word: int, market: int) -> Price:
    """Return a market's price in a stored word; refuse if it has none, or one nobody trusts."""
    number = market % price_words.LANES
    return Price(
        price_words.sound_price(word, number),
        price_words.confidence_of(price_words.lane_of(word, number)),
        price_words.time_of(word),
    )
