# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title readings
@license AGPL-3.0-only
@notice Reads prices as the feed answers, and an account's positions at them; for views.
@dev Nothing here reverts for want of a price: it says why there is none, in the feed's own words.
"""

from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from contracts.math import price_words
from contracts.modules import admission
from contracts.modules import appraisal
from contracts.modules import parameter_words

MOST_MARKETS: constant(uint256) = 32
SLOT_MASK: constant(uint256) = 255


@internal
@pure
def _check_account(account: uint256):
    """
    @notice Refuse what names no account. An order is found at its account plus a slot, and a
            position at its account with a market's number: what has either in it already would be
            shown another order's, or another market's.
    """
    assert account & SLOT_MASK == 0, "no such account"


@internal
@view
def _newest_prices(
    core: IPerpetualMarket, feed: IPriceFeed, markets: uint256, wanted: uint256
) -> (uint256[MOST_MARKETS], uint256, String[32]):
    """
    @notice The prices that an account with positions in some markets is judged by, and their
            second; or why there are none.
    @param wanted Those of the markets whose prices are asked for.
    """
    prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
    second: uint256 = 0
    reason: String[32] = self._unsettled(core, markets)
    if wanted == 0:
        return prices, 0, reason
    if reason == "":
        second, reason = self._second_of(feed, markets)
    if reason == "":
        prices, reason = self._prices_at(feed, wanted, second)
    return prices, second, reason


@internal
@view
def _unsettled(core: IPerpetualMarket, markets: uint256) -> String[32]:
    """
    @notice Why an account with positions in some markets can't be judged, if one of them is
            retired.
    """
    for market: uint256 in range(MOST_MARKETS):
        if markets >> market == 0:
            break
        if (markets >> market) & 1 == 1:
            words: uint256[5] = staticcall core.market_words(market)
            if parameter_words._is_retired(words[3]):
                return "retired market not settled"
    return ""


@internal
@view
def _second_of(feed: IPriceFeed, markets: uint256) -> (uint256, String[32]):
    """
    @notice The newest second of the first of some markets, if it is fresh.
    """
    first: uint256 = 0
    for market: uint256 in range(MOST_MARKETS):
        if (markets >> market) & 1 == 1:
            first = market
            break
    word: uint256 = 0
    reason: String[32] = ""
    word, reason = self._asked(
        feed, abi_encode(first // 4, method_id=method_id("board(uint256)"))
    )
    return price_words._time_of(word), reason


@internal
@view
def _settled_prices_at(
    core: IPerpetualMarket, feed: IPriceFeed, markets: uint256, second: uint256
) -> (uint256[MOST_MARKETS], String[32]):
    """
    @notice Some markets' prices of a second, or why an account with positions there can't be
            judged by them.
    """
    prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
    reason: String[32] = self._unsettled(core, markets)
    if reason == "":
        prices, reason = self._prices_at(feed, markets, second)
    return prices, reason


@internal
@view
def _prices_at(
    feed: IPriceFeed, markets: uint256, second: uint256
) -> (uint256[MOST_MARKETS], String[32]):
    """
    @notice Some markets' prices of a second, or why one is missing.
    """
    prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
    reason: String[32] = ""
    for market: uint256 in range(MOST_MARKETS):
        if markets >> market == 0:
            break
        if (markets >> market) & 1 == 1:
            prices[market], reason = self._asked(
                feed,
                abi_encode(market, second, method_id=method_id("price_at(uint256,uint256)")),
            )
            if reason != "":
                break
    return prices, reason


@internal
@view
def _asked(feed: IPriceFeed, question: Bytes[68]) -> (uint256, String[32]):
    """
    @notice The first word of what the feed answers, or its reason to refuse.
    """
    is_answered: bool = False
    answer: Bytes[100] = b""
    is_answered, answer = raw_call(
        feed.address, question, max_outsize=100, is_static_call=True, revert_on_failure=False
    )
    if is_answered:
        return convert(slice(answer, 0, 32), uint256), ""
    return 0, self._reason_in(answer)


@internal
@pure
def _reason_in(answer: Bytes[160]) -> String[32]:
    """
    @notice The reason in what a call that reverted returned.
    """
    if len(answer) < 100:
        return "refused without a reason"
    return abi_decode(slice(answer, 4, 96), String[32])


@internal
@view
def _appraised(
    core: IPerpetualMarket,
    of: appraisal.Appraisal,
    account: uint256,
    markets: uint256,
    prices: uint256[MOST_MARKETS],
) -> appraisal.Appraisal:
    """
    @notice An appraisal and an account's positions in some markets more.
    """
    found: appraisal.Appraisal = of
    for market: uint256 in range(MOST_MARKETS):
        if markets >> market == 0:
            break
        if (markets >> market) & 1 == 1:
            found = admission._with_exposure(
                found, staticcall core.exposure(account, market), prices[market]
            )
    return found


@internal
@view
def _newest_price(feed: IPriceFeed, market: uint256) -> (uint256, String[32]):
    """
    @notice A market's fresh price, or why there is none.
    """
    price: uint256 = 0
    reason: String[32] = ""
    price, reason = self._asked(feed, abi_encode(market, method_id=method_id("price(uint256)")))
    return price, reason
