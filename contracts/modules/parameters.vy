# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title parameters
@license AGPL-3.0-only
@notice Knows each market's parameters and the pool's; `Configuration` alone sets them.
"""

from contracts.modules import parameter_words

MOST_MARKETS: constant(uint256) = 32

_first: HashMap[uint256, uint256]  # by market
_second: HashMap[uint256, uint256]  # by market
_pool: uint256  # the pool's, and from bit 224 a bit for each listed market


@internal
@view
def _is_listed(market: uint256) -> bool:
    return market < MOST_MARKETS and self._first[market] != 0


@internal
@view
def _open_word(market: uint256) -> uint256:
    """
    @notice Refuse markets that never opened, and those that are retired; the first word of others.
    """
    assert market < MOST_MARKETS, "unknown market"
    first: uint256 = self._first[market]
    assert first != 0, "unknown market"
    assert not parameter_words._is_retired(first), "market retired"
    return first


@internal
@view
def _is_retired(market: uint256) -> bool:
    return parameter_words._is_retired(self._first[market])


@internal
def _retire(market: uint256):
    self._first[market] |= parameter_words.RETIRED


@internal
def _set(market: uint256, first: uint256, second: uint256):
    assert market < MOST_MARKETS, "too many markets"
    self._first[market] = first
    self._second[market] = second
    self._pool = self._pool | 1 << (parameter_words.LISTED + market)


@internal
def _set_pool(word: uint256):
    self._pool = word | self._pool >> parameter_words.LISTED << parameter_words.LISTED


@internal
@view
def _first_word(market: uint256) -> uint256:
    return self._first[market]


@internal
@view
def _second_word(market: uint256) -> uint256:
    return self._second[market]


@internal
@view
def _pool_word() -> uint256:
    return self._pool
