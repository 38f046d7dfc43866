# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title PriceFeed
@license AGPL-3.0-only
@notice Prices with their time, for every contract of the system. `IPriceFeed` tells the story.

Invariants: F1 a tile's stored prices never change; F2 a board's newest time never goes back;
F3 nothing is stored that a quorum of publishers didn't sign; F15 only a comparison of two prices
that could both be used halts anything.

@dev Two words a board. The newest report lies in one; one that is older, which an order needs, is
     put into the other by whoever needs it, in the same transaction. So storing costs one write,
     and a price of any second stays available to whoever holds its report.

     It can't be stopped. A guardian may drop publishers down to the quorum.

     Not for the experimental pipeline: that of 0.4.3 leaves out the clearing of memory before
     `ecrecover`, so that a signature of nobody's tells whoever was recovered before.
"""

from interfaces import IPriceFeed
from ..math import price_words
from ..math import wad
from ..modules import roles
initializes: roles

from ..modules import committee
initializes: committee

from ..modules import aggregators
initializes: aggregators

from ..modules import halts
initializes: halts

implements: IPriceFeed

exports: (
    roles.__interface__,
    committee.__interface__,
    aggregators.UPTIME_FEED,
    aggregators.GRACE_PERIOD,
    aggregators.listing,
)

MAX_AGE: constant(uint256) = 10  # seconds; of a price that is called fresh, and of a lead
ORDER_WINDOW: constant(uint256) = 600  # seconds; an order fills by a report for so long
MAX_LEAD: constant(uint256) = 86_400  # seconds
MAX_BOARDS: constant(uint256) = 8
MAX_TILE_LENGTH: constant(uint256) = 10
LEAST_BAND: constant(uint256) = 10**16  # 1 %; nearer to each other, two prices agree
NO_MARKET: constant(uint256) = halts.MARKETS

TILE_LENGTH: public(immutable(uint256))  # seconds

_newest: HashMap[uint256, uint256]  # by board; a price word
_recalled: HashMap[uint256, uint256]  # by board; a price word older than the newest
par_market: public(uint256)  # whose price is the collateral's in dollars; 32 if none's is


@deploy
def __init__(
    tile_length: uint256,
    signers: DynArray[address, committee.MAX_PUBLISHERS],
    quorum: uint256,
    guardian: address,
    uptime_feed: address,
    grace_period: uint256,
):
    """
    @param tile_length Seconds that one report covers, 1 to 10.
    @param signers The first publishers, in ascending order.
    @param uptime_feed The L2's sequencer uptime feed; zero where there is none.
    @param grace_period Seconds for which an outage is felt after its end.
    """
    assert tile_length > 0 and tile_length <= MAX_TILE_LENGTH, "tile length out of range"
    TILE_LENGTH = tile_length
    roles.__init__(guardian)
    committee.__init__(signers, quorum)
    aggregators.__init__(uptime_feed, grace_period)
    self.par_market = NO_MARKET


# Reports


@external
def submit(
    observed_at: uint256,
    boards: DynArray[uint256, MAX_BOARDS],
    absent: DynArray[address, committee.MAX_PUBLISHERS],
    signatures: DynArray[IPriceFeed.Signature, committee.MAX_PUBLISHERS],
):
    # Not checked: a block's time is above ORDER_WINDOW, and far below 2^256.
    assert observed_at % TILE_LENGTH == 0, "not the end of a tile"
    assert observed_at >= unsafe_sub(block.timestamp, ORDER_WINDOW), "report too old"
    assert observed_at <= unsafe_add(block.timestamp, MAX_LEAD), "report too far ahead"
    assert len(boards) > 0, "empty report"
    is_verified: bool = False
    next_number: uint256 = 0
    for board: uint256 in boards:
        number: uint256 = board & price_words.TIME_MASK
        assert number >= next_number, "boards not sorted"
        next_number = unsafe_add(number, 1)

        # A report newer than the newest takes its place; an older one that of the recalled.
        word: uint256 = price_words._with_time(board, observed_at)
        newest: uint256 = self._newest[number]
        is_older: bool = observed_at < newest & price_words.TIME_MASK
        last: uint256 = self._recalled[number] if is_older else newest
        if word == last:
            continue  # it was verified when it was stored
        if not is_verified:
            committee._verify(committee._digest(observed_at, boards), absent, signatures)
            is_verified = True
        assert observed_at != last & price_words.TIME_MASK, "second priced already"
        if is_older:
            self._recalled[number] = word
        else:
            self._newest[number] = word

    if not is_verified:
        return
    if observed_at > unsafe_add(block.timestamp, MAX_AGE) and halts._see_lead(observed_at):
        log IPriceFeed.LeadSeen(observed_at=observed_at)
    log IPriceFeed.Reported(observed_at=observed_at, boards=boards)


@external
def convict(
    first: IPriceFeed.Report,
    first_signature: IPriceFeed.Signature,
    second: IPriceFeed.Report,
    second_signature: IPriceFeed.Signature,
):
    """
    @notice Remove a publisher who signed two different reports of the same seconds. Anyone may.
    @dev It may leave fewer publishers than the quorum: then no report passes until the owner names
         new ones, and what needs a price waits or takes the aggregator's.
    """
    publisher: address = committee._convict(first, first_signature, second, second_signature)
    committee._remove(publisher)
    log IPriceFeed.PublisherConvicted(
        publisher=publisher, by=msg.sender, observed_at=first.observed_at
    )


# Prices


@external
@view
def price(market: uint256) -> IPriceFeed.Price:
    return self._price_in(self._fresh(market // 4), market % 4)


@external
@view
def price_at(market: uint256, second: uint256) -> IPriceFeed.Price:
    return self._price_in(self._at(market // 4, second), market % 4)


@external
@view
def board(number: uint256) -> uint256:
    return self._fresh(number)


@external
@view
def board_at(number: uint256, second: uint256) -> uint256:
    return self._at(number, second)


@external
@view
def found_board(number: uint256, second: uint256) -> uint256:
    return self._found(number, second)


@external
@view
def newest_board(number: uint256) -> uint256:
    return self._newest[number]


@external
@view
def reference(market: uint256) -> IPriceFeed.Reference:
    return aggregators._reference(market)


@external
@view
def round_after(
    market: uint256, second: uint256, round: uint256, predecessor: uint256
) -> IPriceFeed.Reference:
    return aggregators._round_after(market, second, round, predecessor)


@external
@view
def outage(number: uint256) -> String[32]:
    if price_words._time_of(self._newest[number]) > block.timestamp + MAX_AGE:
        return "chain's clock lags"
    lead: uint256 = halts._lead_until()
    if lead > 0 and block.timestamp < lead + aggregators.GRACE_PERIOD:
        return "in grace after an outage"
    return aggregators._sequencer_outage()


@external
@view
def halted(market: uint256) -> String[32]:
    # The outage, written out once more: each order that may add risk pays for every call from here.
    word: uint256 = halts._halts
    newest_at: uint256 = self._newest[market // 4] & price_words.TIME_MASK
    if newest_at > unsafe_add(block.timestamp, MAX_AGE):
        return "chain's clock lags"
    lead: uint256 = word & halts.TIME_MASK
    if lead > 0 and block.timestamp < unsafe_add(lead, aggregators.GRACE_PERIOD):
        return "in grace after an outage"
    if aggregators.UPTIME_FEED != empty(address):
        outage: String[32] = aggregators._sequencer_outage()
        if len(outage) > 0:
            return outage
    if word > halts.TIME_MASK:  # some price is off
        if halts._is_off(halts.COLLATERAL):
            return "collateral off par"
        if halts._is_off(market):
            return "price off its reference"
    return ""


@internal
@view
def _fresh(number: uint256) -> uint256:
    word: uint256 = self._newest[number]
    observed_at: uint256 = price_words._time_of(word)
    assert observed_at > 0, "no price"
    assert observed_at + MAX_AGE >= block.timestamp, "price stale"
    assert observed_at <= block.timestamp + MAX_AGE, "chain's clock lags"
    return word


@internal
@view
def _at(number: uint256, second: uint256) -> uint256:
    """
    @notice The word whose tile (observed_at - TILE_LENGTH, observed_at] holds `second`.
    """
    word: uint256 = self._found(number, second)
    assert word != 0, "no report of that second"
    return word


@internal
@view
def _found(number: uint256, second: uint256) -> uint256:
    """
    @notice The same, or zero where there is none.
    """
    # Not checked: a second is a block's time and a delay, far below 2^255.
    observed_at: uint256 = (second + TILE_LENGTH - 1) // TILE_LENGTH * TILE_LENGTH
    word: uint256 = self._newest[number]
    if price_words._time_of(word) != observed_at:
        word = self._recalled[number]
        if price_words._time_of(word) != observed_at:
            return 0
    return word


@internal
@pure
def _price_in(word: uint256, lane: uint256) -> IPriceFeed.Price:
    return IPriceFeed.Price(
        price=price_words._sound_price(word, lane),
        confidence=price_words._confidence_of(price_words._lane_of(word, lane)),
        observed_at=price_words._time_of(word),
    )


# Comparing


@external
def compare(market: uint256):
    assert market < halts.MARKETS, "unknown market"
    if market == self.par_market:
        price: uint256 = self._collateral_price(market)
        self._compare(market, halts.COLLATERAL, price, wad.WAD, LEAST_BAND)
    else:
        price: IPriceFeed.Price = self._price_in(self._fresh(market // 4), market % 4)
        reference: IPriceFeed.Reference = aggregators._reference(market)
        assert reference.reason == "", reference.reason
        band: uint256 = max(2 * reference.deviation, LEAST_BAND) + price.confidence
        self._compare(market, market, price.price, reference.price, band)


@internal
def _compare(
    market: uint256, place: uint256, price: uint256, reference: uint256, band: uint256
):
    """
    @notice Note whether a price differs from its reference by more than a part of that.
    """
    difference: uint256 = max(price, reference) - min(price, reference)
    is_off: bool = difference * wad.WAD > reference * band
    if halts._set_off(place, is_off):
        log IPriceFeed.MarketCompared(
            market=market, is_off=is_off, price=price, reference=reference
        )


@internal
@view
def _collateral_price(market: uint256) -> uint256:
    """
    @notice The fresh price, or where there is none what the aggregator says.
    """
    word: uint256 = self._newest[market // 4]
    observed_at: uint256 = price_words._time_of(word)
    is_fresh: bool = (
        observed_at + MAX_AGE >= block.timestamp and observed_at <= block.timestamp + MAX_AGE
    )
    if is_fresh and price_words._is_sound(word, market % 4):
        return price_words._sound_price(word, market % 4)
    reference: IPriceFeed.Reference = aggregators._reference(market)
    assert reference.reason == "", reference.reason
    return reference.price


# Administration


@external
def set_publishers(signers: DynArray[address, committee.MAX_PUBLISHERS], quorum: uint256):
    """
    @notice Replace the publishers; the owner only.
    """
    roles._check_owner()
    committee._set(signers, quorum)


@external
def drop_publisher(publisher: address):
    """
    @notice Take a publisher off the list while a quorum is left; the guardian, at once.
    """
    roles._check_guardian()
    committee._remove(publisher)
    assert len(committee._publishers) >= committee._quorum(), "fewer than the quorum"
    log IPriceFeed.PublisherDropped(publisher=publisher, by=msg.sender)


@external
def list_market(market: uint256, listing: IPriceFeed.Listing):
    """
    @notice Give a market an aggregator, or take it away; the owner only.
    """
    roles._check_owner()
    aggregators._list(market, listing)
    if market < halts.MARKETS:
        halts._set_off(market, False)  # what its last aggregator told


@external
def set_par_market(market: uint256):
    """
    @notice Name the market whose price is the collateral's in dollars, or 32 for none; the owner
            only. It is compared with 1 from then on, and no longer with its aggregator.
    """
    roles._check_owner()
    assert market <= NO_MARKET, "unknown market"
    halts._set_off(halts.COLLATERAL, False)
    if market < halts.MARKETS:
        halts._set_off(market, False)
    self.par_market = market
    log IPriceFeed.ParMarketSet(market=market)
