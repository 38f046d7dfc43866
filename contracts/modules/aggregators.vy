# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title aggregators
@license AGPL-3.0-only
@notice Knows each market's aggregator, what may be believed of it, and whether the sequencer is up.
@dev Whatever an aggregator does, asking it ends: a capped raw call that can't revert, whose answer
     is judged. Giving it too little gas reverts, so that nobody can make a healthy one look sick.
"""

from interfaces import IAggregator
from interfaces import IPriceFeed

BPS: constant(uint256) = 10**14
CALL_GAS: constant(uint256) = 150_000  # proxies of proxies stay well below
CALL_RESERVE: constant(uint256) = 10_000  # kept by the 63/64 rule, and what follows the call
ANSWER_BYTES: constant(uint256) = 160
MAX_DECIMALS: constant(uint256) = 18
MAX_HEARTBEAT: constant(uint256) = 86_400 + 3_600
MAX_DEVIATION: constant(uint256) = 5 * 10**16  # 5 %
# Far below the factor by which a change of decimals (8 to 18) moves an answer, so that a proxy
# pointed at an aggregator of another scale is out of bounds.
MAX_BOUND_RATIO: constant(uint256) = 10_000
MAX_GRACE: constant(uint256) = 86_400
PHASE_BITS: constant(uint256) = 64

UPTIME_FEED: public(immutable(address))  # zero where the chain has none
GRACE_PERIOD: public(immutable(uint256))  # seconds

# By market: address (160 bits), heartbeat (32), deviation in basis points (32), decimals (32).
_aggregator: HashMap[uint256, uint256]
_bounds: HashMap[uint256, uint256]  # by market: lowest (128 bits), highest (128); wads


struct Round:
    reason: String[32]
    answer: uint256
    started_at: uint256
    updated_at: uint256


@deploy
def __init__(uptime_feed: address, grace_period: uint256):
    assert grace_period <= MAX_GRACE, "grace period too long"
    UPTIME_FEED = uptime_feed
    GRACE_PERIOD = grace_period


@external
@view
def listing(market: uint256) -> IPriceFeed.Listing:
    """
    @notice How a market's aggregator is judged; all zero if it has none.
    """
    word: uint256 = self._aggregator[market]
    bounds: uint256 = self._bounds[market]
    return IPriceFeed.Listing(
        aggregator=self._address_in(word),
        heartbeat=self._heartbeat_in(word),
        deviation=self._deviation_in(word),
        lowest=bounds & convert(max_value(uint128), uint256),
        highest=bounds >> 128,
    )


@internal
def _list(market: uint256, listing: IPriceFeed.Listing):
    """
    @notice Give a market an aggregator, or take it away by a listing that is all zero.
    """
    decimals: uint256 = 0
    if listing.aggregator != empty(address):
        assert listing.heartbeat > 0 and listing.heartbeat <= MAX_HEARTBEAT, "heartbeat out of range"
        assert listing.deviation > 0 and listing.deviation <= MAX_DEVIATION, "deviation out of range"
        assert listing.deviation % BPS == 0, "deviation not in basis points"
        assert listing.lowest > 0 and listing.highest <= 10**30, "bounds out of range"
        assert listing.lowest < listing.highest, "bounds out of order"
        assert listing.highest <= MAX_BOUND_RATIO * listing.lowest, "bounds too far apart"
        decimals = convert(staticcall IAggregator(listing.aggregator).decimals(), uint256)
        assert decimals <= MAX_DECIMALS, "too many decimals"
    else:
        rest: uint256 = listing.heartbeat | listing.deviation | listing.lowest | listing.highest
        assert rest == 0, "listing without aggregator"
    self._aggregator[market] = (
        convert(listing.aggregator, uint256)
        | listing.heartbeat << 160
        | (listing.deviation // BPS) << 192
        | decimals << 224
    )
    self._bounds[market] = listing.lowest | listing.highest << 128
    log IPriceFeed.MarketListed(
        market=market,
        aggregator=listing.aggregator,
        heartbeat=listing.heartbeat,
        deviation=listing.deviation,
        lowest=listing.lowest,
        highest=listing.highest,
    )


@internal
@pure
def _address_in(word: uint256) -> address:
    return convert(word & convert(max_value(uint160), uint256), address)


@internal
@pure
def _heartbeat_in(word: uint256) -> uint256:
    return (word >> 160) & convert(max_value(uint32), uint256)


@internal
@pure
def _deviation_in(word: uint256) -> uint256:
    return ((word >> 192) & convert(max_value(uint32), uint256)) * BPS


@internal
@view
def _reference(market: uint256) -> IPriceFeed.Reference:
    """
    @notice The newest round, if it may be believed and isn't older than its heartbeat.
    """
    word: uint256 = self._aggregator[market]
    if word == 0:
        return IPriceFeed.Reference(reason="no aggregator", price=0, updated_at=0, deviation=0)
    round: Round = self._ask(self._address_in(word), method_id("latestRoundData()", output_type=Bytes[4]))
    reference: IPriceFeed.Reference = self._judged(market, word, round)
    if reference.reason == "" and block.timestamp - reference.updated_at > self._heartbeat_in(word):
        reference.reason = "aggregator stale"
    return reference


@internal
@view
def _round_after(
    market: uint256, second: uint256, round: uint256, predecessor: uint256
) -> IPriceFeed.Reference:
    """
    @notice The first round later than `second`.
    @dev First, because its predecessor isn't later. A round's predecessor is the one counted just
         before it; where a phase begins, the last of the phase before, whose successor must be
         missing. Phases overlap: a proxy is pointed at an aggregator that has worked for a while,
         and the one before may go on. Of two phases that hold such a pair the later counts, so that
         nobody chooses.
    """
    word: uint256 = self._aggregator[market]
    assert word != 0, "no aggregator"
    aggregator: address = self._address_in(word)
    before: Round = self._round(aggregator, predecessor)
    assert before.reason == "", "no such predecessor"
    assert before.updated_at <= second, "an earlier round is later"
    next_phase: uint256 = ((predecessor >> PHASE_BITS) + 1 << PHASE_BITS) + 1
    if round == predecessor + 1:
        other: Round = self._round(aggregator, next_phase)
        assert other.reason != "" or other.updated_at > second, "a later phase had begun"
    else:
        assert round == next_phase, "not the predecessor"
        assert self._round(aggregator, predecessor + 1).reason != "", "not the predecessor"
    found: IPriceFeed.Reference = self._judged(market, word, self._round(aggregator, round))
    assert found.reason != "" or found.updated_at > second, "round not later"
    return found


@internal
@view
def _round(aggregator: address, round: uint256) -> Round:
    assert round < 2**80, "no such round"
    return self._ask(
        aggregator, abi_encode(round, method_id=method_id("getRoundData(uint80)"))
    )


@internal
@view
def _judged(market: uint256, word: uint256, round: Round) -> IPriceFeed.Reference:
    """
    @notice A round as a price, or why it is none.
    """
    reference: IPriceFeed.Reference = IPriceFeed.Reference(
        reason=round.reason,
        price=0,
        updated_at=round.updated_at,
        deviation=self._deviation_in(word),
    )
    if round.reason != "":
        return reference
    bounds: uint256 = self._bounds[market]
    scale: uint256 = 10 ** (MAX_DECIMALS - (word >> 224))
    highest: uint256 = bounds >> 128
    if round.answer >= highest // scale + 1:  # compared so, for the product might overflow
        reference.reason = "aggregator out of bounds"
        return reference
    reference.price = round.answer * scale
    if reference.price <= bounds & convert(max_value(uint128), uint256) or reference.price >= highest:
        reference.reason = "aggregator out of bounds"
    return reference


@internal
@view
def _sequencer_outage() -> String[32]:
    """
    @notice Why the sequencer counts as away; empty if it is up, or if nobody tells.
    """
    if UPTIME_FEED == empty(address):
        return ""
    answered: bool = False
    answer: Bytes[ANSWER_BYTES] = b""
    answered, answer = self._call(
        UPTIME_FEED, method_id("latestRoundData()", output_type=Bytes[4])
    )
    if not answered or len(answer) != ANSWER_BYTES:
        return "uptime feed is sick"
    status: uint256 = convert(slice(answer, 32, 32), uint256)
    started_at: uint256 = convert(slice(answer, 64, 32), uint256)
    if status > 1 or started_at == 0 or started_at > block.timestamp:
        return "uptime feed is sick"
    if status == 1:
        return "sequencer down"
    if block.timestamp - started_at < GRACE_PERIOD:
        return "in grace after an outage"
    return ""


@internal
@view
def _ask(aggregator: address, question: Bytes[36]) -> Round:
    """
    @notice What an aggregator answers, as far as it can be judged without knowing the market.
    """
    answered: bool = False
    answer: Bytes[ANSWER_BYTES] = b""
    answered, answer = self._call(aggregator, question)
    round: Round = empty(Round)
    if not answered:
        round.reason = "aggregator reverts"
        return round
    if len(answer) != ANSWER_BYTES:
        round.reason = "aggregator answers rubbish"
        return round
    number: uint256 = convert(slice(answer, 0, 32), uint256)
    signed: int256 = convert(slice(answer, 32, 32), int256)
    round.started_at = convert(slice(answer, 64, 32), uint256)
    round.updated_at = convert(slice(answer, 96, 32), uint256)
    if number == 0 or round.updated_at == 0:
        round.reason = "aggregator round incomplete"
    elif round.updated_at > block.timestamp:
        round.reason = "aggregator from the future"
    elif signed <= 0:
        round.reason = "aggregator not positive"
    else:
        round.answer = convert(signed, uint256)
    return round


@internal
@view
def _call(target: address, question: Bytes[36]) -> (bool, Bytes[ANSWER_BYTES]):
    """
    @dev The callee gets CALL_GAS or the transaction reverts: 64/63 of it are there when it is made.
         At most 160 bytes of what it returns are copied, whatever it sends.
    """
    assert msg.gas >= CALL_GAS * 64 // 63 + CALL_RESERVE, "too little gas"
    success: bool = False
    answer: Bytes[ANSWER_BYTES] = b""
    success, answer = raw_call(
        target,
        question,
        max_outsize=ANSWER_BYTES,
        gas=CALL_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success, answer
