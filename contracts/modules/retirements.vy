# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title retirements
@license AGPL-3.0-only
@notice Knows which markets end, and the second whose price is their last.
@dev The second is announced. If neither a report of it nor a round after it has ended the market
     within a week, the second a week later takes its place, and so on: at any time one price
     counts, and nobody names it.
"""

from interfaces import IConfiguration

LEAST_NOTICE: public(constant(uint256)) = 7 * 86_400  # seconds
MOST_NOTICE: public(constant(uint256)) = 90 * 86_400  # seconds
# A report may be this far ahead of the chain's clock (`PriceFeed.MAX_LEAD`), and nobody may take
# a retirement back for the price that it brings.
LEAST_RECALL: constant(uint256) = 86_400  # seconds
ATTEMPT: constant(uint256) = 7 * 86_400  # seconds

_retirements: HashMap[uint256, IConfiguration.Retirement]  # by market


@external
@view
def retirement_of(market: uint256) -> IConfiguration.Retirement:
    """
    @notice When a market was announced to end, and its last price.
    """
    return self._retirements[market]


@external
@view
def last_second_of(market: uint256) -> uint256:
    """
    @notice The second whose price ends an announced market if it is ended now.
    """
    return self._last_second(market)


@internal
def _announce(market: uint256, at: uint256):
    assert self._retirements[market].at == 0, "retirement announced already"
    assert at >= block.timestamp + LEAST_NOTICE, "notice too short"
    assert at <= block.timestamp + MOST_NOTICE, "notice too long"
    self._retirements[market].at = at
    log IConfiguration.RetirementAnnounced(market=market, at=at)


@internal
def _take_back(market: uint256):
    at: uint256 = self._retirements[market].at
    assert at > 0, "no retirement announced"
    assert block.timestamp + LEAST_RECALL < at, "too late to take back"
    self._retirements[market].at = 0
    log IConfiguration.RetirementTakenBack(market=market)


@internal
def _finish(market: uint256, second: uint256, price: uint256):
    self._retirements[market].price = price
    log IConfiguration.RetirementFinished(market=market, second=second, price=price)


@internal
@view
def _is_announced(market: uint256) -> bool:
    return self._retirements[market].at > 0


@internal
@view
def _is_retired(market: uint256) -> bool:
    return self._retirements[market].price > 0


@internal
@view
def _last_second(market: uint256) -> uint256:
    at: uint256 = self._retirements[market].at
    assert at > 0, "no retirement announced"
    assert not self._is_retired(market), "market retired"
    assert block.timestamp >= at, "market not at its end"
    return block.timestamp - (block.timestamp - at) % ATTEMPT
