# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title valuation
@license AGPL-3.0-only
@notice What the vault is worth with everything that is open: high for who enters, low for who leaves,
        and in the middle for who looks.
@dev It holds nothing. Each market is one product of its running sums; there is no loop over
     positions. Nothing here reverts for want of a price: the reason is handed back.

     All boards are of the same second, that of the newest report of the first open market's board.
     Prices move together; of two seconds a hedged vault would seem to gain or lose by their common
     move, and whoever brings reports would choose which. A board that went on is brought back to
     that second by submitting its report again, in the transaction that needs it.
"""

from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from contracts.math import nav_math
from contracts.math import price_words
from contracts.math import wad
from contracts.modules import book
from contracts.modules import custody
from contracts.modules import parameter_words

struct Span:
    reason: String[32]  # why there is no price; empty if there is
    lowest: uint256
    highest: uint256


MOST_MARKETS: constant(uint256) = 32
LISTED: constant(uint256) = 224  # in the pool's parameters, the first bit of the listed markets
OPEN: constant(uint256) = 2**144 - 1  # in a market's first word, the open interest of both sides
FRESH: constant(uint256) = 10  # seconds that a report may be off the chain's clock
DAY: constant(uint256) = 86_400  # seconds without a report, after which the aggregator serves


# Who enters and who leaves


@internal
@view
def _nav(
    market: IPerpetualMarket, feed: IPriceFeed, pool_words: uint256[3], is_entering: bool
) -> (String[32], int256):
    """
    @notice The vault's worth at the prices that are worst for who enters or leaves; quote wad. Or
            why there is none.
    """
    pool: custody.Pool = custody._unpack_pool(pool_words[0], pool_words[1])
    nav: int256 = convert(pool.cash, int256) - convert(pool.claims, int256)
    if is_entering:
        nav += convert(pool.debts, int256)
    listed: uint256 = pool_words[2] >> LISTED
    second: uint256 = 0
    number: uint256 = max_value(uint256)
    board: uint256 = 0
    for index: uint256 in range(MOST_MARKETS):
        if listed >> index == 0:
            break
        if (listed >> index) & 1 == 0:
            continue
        words: uint256[5] = staticcall market.market_words(index)
        if words[0] & OPEN == 0:
            continue
        reason: String[32] = ""
        if index // 4 != number:
            number = index // 4
            if is_entering:
                reason = self._why_closed(feed, index)
                if reason != "":
                    return reason, 0
            reason, board = self._board(feed, number, second)
            if reason == "":
                second = price_words._time_of(board)
            elif is_entering or not self._is_silent(feed, number):
                return reason, 0
            else:
                board = 0
        span: Span = self._span(feed, index, board)
        if span.reason != "":
            return span.reason, 0
        state: book.Market = self._now(words)
        if is_entering:
            nav += max(self._worth_high(state, span.lowest), self._worth_high(state, span.highest))
        else:
            nav += min(self._worth_low(state, span.lowest), self._worth_low(state, span.highest))
    if is_entering and number == max_value(uint256):
        return self._why_closed(feed, 0), nav
    return "", nav


@internal
@view
def _why_closed(feed: IPriceFeed, market: uint256) -> String[32]:
    """
    @notice Why nobody may enter while a market is as it is; empty if they may.
    @dev Asked once a board. A question about one market, or about the collateral, goes here.
    """
    return staticcall feed.outage(market // 4)


@internal
@view
def _board(feed: IPriceFeed, number: uint256, second: uint256) -> (String[32], uint256):
    """
    @notice A board's word: that of `second`, or the newest if it is fresh and `second` is zero. Or
            why there is none.
    """
    word: uint256 = staticcall feed.newest_board(number)
    observed_at: uint256 = price_words._time_of(word)
    if second == 0:
        if word == 0:
            return "no price", 0
        if observed_at + FRESH < block.timestamp:
            return "price stale", 0
        if observed_at > block.timestamp + FRESH:
            return "chain's clock lags", 0
        return "", word
    if observed_at == second:
        return "", word
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        feed.address,
        abi_encode(number, second, method_id=method_id("board_at(uint256,uint256)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success:
        return "no report of that second", 0
    return "", convert(answer, uint256)


@internal
@view
def _is_silent(feed: IPriceFeed, number: uint256) -> bool:
    """
    @notice Whether a board has had no report for a day.
    """
    word: uint256 = staticcall feed.newest_board(number)
    return price_words._time_of(word) + DAY < block.timestamp


@internal
@view
def _span(feed: IPriceFeed, market: uint256, board: uint256) -> Span:
    """
    @notice Between which prices a market is valued: the report's, give or take its confidence, and
            the aggregator's, if it can be used. With no board it is the aggregator's alone, give or
            take what the world may move without a new round.
    """
    reference: IPriceFeed.Reference = staticcall feed.reference(market)
    if board == 0:
        return Span(
            reason=reference.reason,
            lowest=wad._mul_down(reference.price, wad.WAD - reference.deviation),
            highest=wad._mul_up(reference.price, wad.WAD + reference.deviation),
        )
    if not price_words._is_sound(board, market % 4):
        return Span(reason="price missing or wide", lowest=0, highest=0)
    lane: uint256 = price_words._lane_of(board, market % 4)
    price: uint256 = price_words._price_of(lane)
    confidence: uint256 = price_words._confidence_of(lane)
    span: Span = Span(
        reason="",
        lowest=wad._mul_down(price, wad.WAD - confidence),
        highest=wad._mul_up(price, wad.WAD + confidence),
    )
    if reference.reason == "":
        span.lowest = min(span.lowest, reference.price)
        span.highest = max(span.highest, reference.price)
    return span


@internal
@view
def _now(words: uint256[5]) -> book.Market:
    """
    @notice A market brought up to now.
    """
    return book._accrued(
        book._unpack(words[0], words[1], words[2]), parameter_words._of_time(words[3])
    )


@internal
@pure
def _worth_high(state: book.Market, price: uint256) -> int256:
    """
    @notice What a market's positions are worth to the vault, rounded up; quote wad.
    @dev It is linear in the price, so the greatest over a span is at one of its ends.
    """
    return nav_math._time_due_ceil(
        state.long, state.short, state.index_long, state.index_short, state.entry_sum, price
    ) - nav_math._open_result_floor(
        book._skew(state), state.cost_sum * convert(wad.WAD, int256), price
    )


@internal
@pure
def _worth_low(state: book.Market, price: uint256) -> int256:
    """
    @notice The same, rounded down.
    """
    return nav_math._time_due(
        state.long, state.short, state.index_long, state.index_short, state.entry_sum, price
    ) - nav_math._open_result_ceil(
        book._skew(state), state.cost_sum * convert(wad.WAD, int256), price
    )


# Who looks


@internal
@view
def _middle(
    market: IPerpetualMarket, feed: IPriceFeed, pool_words: uint256[3]
) -> uint256:
    """
    @notice The vault's worth at the newest stored prices, whatever their age; quote wad, at least
            zero, rounded down.
    @dev A market without any usable price counts as if it had moved nowhere.
    """
    pool: custody.Pool = custody._unpack_pool(pool_words[0], pool_words[1])
    nav: int256 = convert(pool.cash, int256) - convert(pool.claims, int256)
    listed: uint256 = pool_words[2] >> LISTED
    for index: uint256 in range(MOST_MARKETS):
        if listed >> index == 0:
            break
        if (listed >> index) & 1 == 0:
            continue
        words: uint256[5] = staticcall market.market_words(index)
        if words[0] & OPEN == 0:
            continue
        price: uint256 = self._last_price(feed, index)
        if price > 0:
            nav += self._worth_low(self._now(words), price)
    return custody._above_zero(nav)


@internal
@view
def _last_price(feed: IPriceFeed, market: uint256) -> uint256:
    """
    @notice The newest stored price, else the aggregator's; zero if there is none.
    """
    board: uint256 = staticcall feed.newest_board(market // 4)
    if price_words._is_sound(board, market % 4):
        return price_words._price_of(price_words._lane_of(board, market % 4))
    reference: IPriceFeed.Reference = staticcall feed.reference(market)
    return reference.price if reference.reason == "" else 0
