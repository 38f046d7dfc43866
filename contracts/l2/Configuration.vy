# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Configuration
@license AGPL-3.0-only
@notice Judges parameters, and hands them to the market as the words that it keeps.
@dev The owner, a timelock, sets within hard bounds. The guardian may lower caps, at once.
"""

from interfaces import IPerpetualMarket
from ..modules import parameter_words
from ..modules import roles
initializes: roles

exports: roles.__interface__

MARKET: public(immutable(IPerpetualMarket))

parameters_of: public(HashMap[uint256, IPerpetualMarket.Parameters])  # by market


@deploy
def __init__(market: address, guardian: address):
    roles.__init__(guardian)
    MARKET = IPerpetualMarket(market)
    assert staticcall MARKET.CONFIGURATION() == self, "another contract's place"


@external
def set_market(market: uint256, p: IPerpetualMarket.Parameters):
    """
    @notice Open a market, or change one's parameters; the owner only.
    """
    roles._check_owner()
    self._hand_over(market, p)


@external
def lower_caps(market: uint256, max_open_interest: uint256, max_skew: uint256):
    """
    @notice Lower how much a market may hold, to zero if need be; the guardian, at once.
    """
    roles._check_guardian()
    p: IPerpetualMarket.Parameters = self.parameters_of[market]
    assert p.skew_scale > 0, "unknown market"
    assert max_open_interest <= p.max_open_interest and max_skew <= p.max_skew, "cap not lowered"
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


@external
def set_pool(p: IPerpetualMarket.PoolParameters):
    """
    @notice Set what holds for all markets together; the owner only.
    """
    roles._check_owner()
    extcall MARKET.set_pool_parameters(parameter_words._pack_pool(p))
    log IPerpetualMarket.PoolParametersSet(parameters=p)
