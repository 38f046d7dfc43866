# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# pragma experimental-codegen
"""
@title Lens
@license AGPL-3.0-only
@notice Shows what the market's words mean.
@dev It holds nothing and nobody needs it: it reads words that others keep.
"""

from interfaces import IPerpetualMarket
from ..math import positions
from ..modules import book
from ..modules import custody
from ..modules import parameter_words

MARKET: public(immutable(IPerpetualMarket))


@deploy
def __init__(market: address):
    MARKET = IPerpetualMarket(market)


@external
@view
def market_state(market: uint256) -> book.Market:
    """
    @notice A market at its last touch.
    """
    words: uint256[5] = staticcall MARKET.market_words(market)
    return book._unpack(words[0], words[1], words[2])


@external
@view
def parameters_of(market: uint256) -> IPerpetualMarket.Parameters:
    """
    @notice A market's parameters.
    """
    words: uint256[5] = staticcall MARKET.market_words(market)
    return parameter_words._unpack(words[3], words[4])


@external
@view
def pool() -> custody.Pool:
    """
    @notice The sums over all accounts and markets.
    """
    words: uint256[3] = staticcall MARKET.pool_words()
    return custody._unpack_pool(words[0], words[1])


@external
@view
def balance_of(account: uint256) -> custody.Account:
    """
    @notice An account's margin, escrow, flag, and markets with positions.
    """
    return custody._unpack(staticcall MARKET.account_word(account))


@external
@view
def position_of(account: uint256, market: uint256) -> positions.Position:
    """
    @notice A position as it was last settled.
    """
    words: uint256[6] = staticcall MARKET.exposure(account, market)
    return book._unpack_position(words[5])
