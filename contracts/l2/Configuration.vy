# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Configuration
@license AGPL-3.0-only
@notice Judges parameters, and hands them to the market as the words that it keeps.

The owner, a timelock, lists and sets within hard bounds. What it tightens of margin in a market
with positions ramps in, and anyone brings the market up to date. The guardian lowers caps, at once.
A market ends after a notice, at the price of an announced second, which anyone brings. Nobody can
pause reducing, closing or withdrawing: no parameter does.

Invariants: A1 what the market has is within hard bounds; A2 a margin is never stricter than its
ramp's straight line; A3 the guardian only lowers caps; A4 caps that the guardian lowered aren't
raised for two days; A5 a market that was announced to end takes no increase, and ends at a price
that nobody names.

@dev It calls the market and its feed only, and the market after its own state is written, so there
     is nothing to enter again. Ownership comes from snekmate, whose functions no `nonreentrancy`
     pragma of this file would lock.
"""

from interfaces import IConfiguration
from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from ..modules import margin_ramps
initializes: margin_ramps

from ..modules import parameter_words
from ..modules import retirements
initializes: retirements

from ..modules import roles
initializes: roles

exports: (
    roles.__interface__,
    margin_ramps.__interface__,
    retirements.__interface__,
)

MOST_MARKETS: constant(uint256) = 32
SIGNED_WINDOW: constant(uint256) = 600  # seconds; `OrderBook`'s, and the feed takes no older report
# As long as a timelock's delay at least: whoever schedules has the time to take back what was
# scheduled before the guardian acted, and would undo it.
CAPS_HOLD: public(constant(uint256)) = 2 * 86_400  # seconds

MARKET: public(immutable(IPerpetualMarket))
FEED: public(immutable(IPriceFeed))

parameters_of: public(HashMap[uint256, IPerpetualMarket.Parameters])  # by market; what it has
caps_held_until: public(HashMap[uint256, uint256])  # by market; timestamp


@deploy
def __init__(market: address, guardian: address):
    """
    @notice The deployer is the first owner. Reports come from the feed that the market reads.
    """
    roles.__init__(guardian)
    MARKET = IPerpetualMarket(market)
    assert staticcall MARKET.CONFIGURATION() == self, "another contract's place"
    FEED = IPriceFeed(staticcall IPerpetualMarket(market).FEED())


# The owner's


@external
def set_market(market: uint256, p: IPerpetualMarket.Parameters):
    """
    @notice Open a market, or change one's parameters; the owner only.
    @dev With positions open, margins that `p` tightens begin a ramp from where they are; all else
         holds at once. Both ends are judged, with all else as in `p`.
    """
    roles._check_owner()
    assert not retirements._is_retired(market), "market retired"
    present: IPerpetualMarket.Parameters = self._due(market)
    if retirements._is_announced(market):
        assert p.max_open_interest == 0 and p.max_skew == 0, "market retires"
    if block.timestamp < self.caps_held_until[market]:
        assert self._lowers_caps(present, p.max_open_interest, p.max_skew), "caps held by guardian"
    margin_ramps._end(market)
    at_once: IPerpetualMarket.Parameters = p
    if self._has_positions(market):
        parameter_words._check(p)
        at_once = margin_ramps._begin(market, present, p)
    self._hand_over(market, at_once)


@external
def set_pool(p: IPerpetualMarket.PoolParameters):
    """
    @notice Set what holds for all markets together; the owner only.
    """
    roles._check_owner()
    extcall MARKET.set_pool_parameters(parameter_words._pack_pool(p))
    log IPerpetualMarket.PoolParametersSet(parameters=p)


@external
def announce_retirement(market: uint256, at: uint256):
    """
    @notice Let a market end at the price of second `at`, 7 to 90 days from now; the owner only. It
            takes no increase from now on.
    """
    roles._check_owner()
    self._check_listed(market)
    retirements._announce(market, at)
    self._set_caps(market, 0, 0)


@external
def take_back_retirement(market: uint256):
    """
    @notice Let a market go on after all; the owner only, more than a day before its end. Caps
            stay at zero until they are set.
    """
    roles._check_owner()
    retirements._take_back(market)


# The guardian's


@external
def lower_caps(market: uint256, max_open_interest: uint256, max_skew: uint256):
    """
    @notice Lower how much a market may hold, to zero if need be; the guardian, at once.
    @param max_open_interest Base wad, of each side.
    @param max_skew Base wad.
    """
    roles._check_guardian()
    self._check_listed(market)
    p: IPerpetualMarket.Parameters = self.parameters_of[market]
    assert self._lowers_caps(p, max_open_interest, max_skew), "cap not lowered"
    assert max_open_interest < p.max_open_interest or max_skew < p.max_skew, "cap not lowered"
    self._lower(market, max_open_interest, max_skew)


@external
def pause_increases(markets: DynArray[uint256, MOST_MARKETS]):
    """
    @notice Lower the caps of many markets to zero; the guardian, at once. Nothing else can be paused.
    """
    roles._check_guardian()
    for market: uint256 in markets:
        self._check_listed(market)
        p: IPerpetualMarket.Parameters = self.parameters_of[market]
        if p.max_open_interest > 0 or p.max_skew > 0:
            self._lower(market, 0, 0)


@internal
def _lower(market: uint256, max_open_interest: uint256, max_skew: uint256):
    """
    @notice Lower caps; those that the guardian lowered are held down.
    """
    if not roles._is_owner():
        until: uint256 = block.timestamp + CAPS_HOLD
        self.caps_held_until[market] = until
        log IConfiguration.CapsHeld(market=market, until=until)
    self._set_caps(market, max_open_interest, max_skew)


# Anyone's


@external
def advance_ramp(market: uint256):
    """
    @notice Hand the market its margins as they are at this second. Anyone may.
    """
    assert margin_ramps._is_ramping(market), "no ramp"
    due: IPerpetualMarket.Parameters = self._due(market)
    is_moved: bool = not margin_ramps._have_same_margins(due, self.parameters_of[market])
    assert is_moved, "ramp not moved"
    if margin_ramps._is_over(market):
        margin_ramps._end(market)
    self._hand_over(market, due)


@external
def finish_retirement(market: uint256):
    """
    @notice End a market by the report of its last second, within ten minutes of it. Anyone may.
    """
    self._finish_by_report(market)


@external
def submit_and_finish_retirement(
    observed_at: uint256,
    boards: DynArray[uint256, 8],
    absent: DynArray[address, 7],
    signatures: DynArray[IPriceFeed.Signature, 7],
    market: uint256,
):
    """
    @notice Bring the report of a market's last second, and end it.
    """
    extcall FEED.submit(observed_at, boards, absent, signatures)
    self._finish_by_report(market)


@external
def finish_retirement_by_round(market: uint256, round: uint256, predecessor: uint256):
    """
    @notice End a market by the aggregator's first round after its last second, taken as it is: when
            no report did it within ten minutes. Anyone may.
    """
    second: uint256 = retirements._last_second(market)
    assert block.timestamp > second + SIGNED_WINDOW, "report still counts"
    found: IPriceFeed.Reference = staticcall FEED.round_after(market, second, round, predecessor)
    assert found.reason == "", found.reason
    self._retire(market, second, found.price)


@internal
def _finish_by_report(market: uint256):
    second: uint256 = retirements._last_second(market)
    assert block.timestamp <= second + SIGNED_WINDOW, "too old for a report"
    found: IPriceFeed.Price = staticcall FEED.price_at(market, second)
    self._retire(market, second, found.price)


@internal
def _retire(market: uint256, second: uint256, price: uint256):
    margin_ramps._end(market)
    retirements._finish(market, second, price)
    extcall MARKET.retire(market, price)


# What is so


@external
@view
def parameters_due(market: uint256) -> IPerpetualMarket.Parameters:
    """
    @notice A market's parameters with its margins as they are at this second, which `advance_ramp`
            would hand over.
    """
    return self._due(market)


@internal
@view
def _due(market: uint256) -> IPerpetualMarket.Parameters:
    return margin_ramps._due(market, self.parameters_of[market])


@internal
@view
def _has_positions(market: uint256) -> bool:
    return self._is_listed(market) and staticcall MARKET.open_interest_of(market) > 0


@internal
@view
def _is_listed(market: uint256) -> bool:
    return self.parameters_of[market].skew_scale > 0


@internal
@view
def _check_listed(market: uint256):
    assert self._is_listed(market), "unknown market"


@internal
@pure
def _lowers_caps(
    p: IPerpetualMarket.Parameters, max_open_interest: uint256, max_skew: uint256
) -> bool:
    """
    @notice Whether caps are no higher than those of `p`.
    """
    return max_open_interest <= p.max_open_interest and max_skew <= p.max_skew


@internal
def _set_caps(market: uint256, max_open_interest: uint256, max_skew: uint256):
    p: IPerpetualMarket.Parameters = self.parameters_of[market]
    p.max_open_interest = max_open_interest
    p.max_skew = max_skew
    self._hand_over(market, p)


@internal
def _hand_over(market: uint256, p: IPerpetualMarket.Parameters):
    first: uint256 = 0
    second: uint256 = 0
    first, second = parameter_words._pack(p)
    self.parameters_of[market] = p
    extcall MARKET.set_parameters(market, first, second)
    log IPerpetualMarket.ParametersSet(market=market, parameters=p)
