# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title valuation
@license AGPL-3.0-only
@notice What the vault is worth with everything that is open: high for who enters, low for who leaves,
        and in the middle for who looks.
@dev It holds nothing. Each market is one product of its running sums; there is no loop over
     positions.

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

ENTERING: constant(uint256) = 0
LEAVING: constant(uint256) = 1
LOOKING: constant(uint256) = 2

MOST_MARKETS: constant(uint256) = 32
OPEN: constant(uint256) = 2**144 - 1  # in a market's first word, the open interest of both sides
DAY: constant(uint256) = 86_400  # seconds without a report, after which the aggregator serves


@internal
@view
def _nav(
    market: IPerpetualMarket, feed: IPriceFeed, pool_words: uint256[3], side: uint256
) -> int256:
    """
    @notice The vault's worth; quote wad. For who enters or leaves, at the prices that are worst for
            him; for who looks, at the newest stored ones, whatever their age, rounded down.
    @dev For who looks, a market without any usable price counts as if it had moved nowhere.
    """
    pool: custody.Pool = custody._unpack_pool(pool_words[0], pool_words[1])
    nav: int256 = convert(pool.cash, int256) - convert(pool.claims, int256)
    if side == ENTERING:
        nav += convert(pool.debts, int256)
    listed: uint256 = pool_words[2] >> parameter_words.LISTED
    second: uint256 = 0
    number: uint256 = max_value(uint256)
    board: uint256 = 0
    for index: uint256 in range(MOST_MARKETS):
        if listed >> index == 0:
            break
        if (listed >> index) & 1 == 0:
            continue
        words: uint256[4] = staticcall market.worth_words(index)
        if words[0] & OPEN == 0:
            continue
        span: uint256[2] = [0, 0]
        price: uint256 = 0
        if parameter_words._is_retired(words[3]):
            price = staticcall market.final_price(index)
        elif side == LOOKING:
            price = self._last_price(feed, index)
            if price == 0:
                continue
        if price != 0:
            span = [price, price]
        else:
            if side == ENTERING:
                self._check_open(feed, index)
            if index // 4 != number:
                number = index // 4
                board = self._board(feed, number, second, side)
                if board != 0:
                    second = price_words._time_of(board)
            span = self._span(feed, index, board)
        nav += self._worth_in_span(self._now(words), span, side)
    if side == ENTERING and number == max_value(uint256):
        self._check_open(feed, 0)
    return nav


@internal
@view
def _check_open(feed: IPriceFeed, market: uint256):
    """
    @notice Refuse that anyone enters while a market is as it is.
    """
    halted: String[32] = staticcall feed.halted(market)
    assert halted == "", halted


@internal
@view
def _board(feed: IPriceFeed, number: uint256, second: uint256, side: uint256) -> uint256:
    """
    @notice A board's word: that of `second`, or the newest if it is fresh and `second` is zero. Zero
            where the board has had no report for a day, and who leaves takes the aggregator's.
    """
    word: uint256 = staticcall feed.newest_board(number)
    observed_at: uint256 = price_words._time_of(word)
    if word != 0 and observed_at == second:
        return word
    if side == LEAVING and observed_at + DAY < block.timestamp:
        return 0
    if second != 0:
        return staticcall feed.board_at(number, second)
    return staticcall feed.board(number)


@internal
@view
def _span(feed: IPriceFeed, market: uint256, board: uint256) -> uint256[2]:
    """
    @notice The least and the greatest price that a market may be valued at: the report's, give or
            take its confidence, and the aggregator's, if it can be used. With no board it is the
            aggregator's alone, give or take what the world may move without a new round.
    """
    reference: IPriceFeed.Reference = staticcall feed.reference(market)
    if board == 0:
        assert reference.reason == "", reference.reason
        return self._around(reference.price, reference.deviation)
    span: uint256[2] = self._around(
        price_words._sound_price(board, market % 4),
        price_words._confidence_of(price_words._lane_of(board, market % 4)),
    )
    if reference.reason == "":
        return [min(span[0], reference.price), max(span[1], reference.price)]
    return span


@internal
@pure
def _around(price: uint256, ratio: uint256) -> uint256[2]:
    """
    @notice A price less and plus a ratio of it; wads, rounded away from it.
    """
    return [wad._mul_down(price, wad.WAD - ratio), wad._mul_up(price, wad.WAD + ratio)]


@internal
@pure
def _worth_in_span(state: book.Market, span: uint256[2], side: uint256) -> int256:
    """
    @notice What a market is worth to the vault at the worse end of a span; quote wad.
    @dev It is linear in the price, so the greatest and the least are at the ends.
    """
    slope: int256 = nav_math._slope(
        state.long, state.short, state.index_long, state.index_short, state.entry_sum
    )
    if side == ENTERING:
        return nav_math._worth_ceil(slope, state.cost_sum, span[1 if slope > 0 else 0])
    return nav_math._worth_floor(slope, state.cost_sum, span[0 if slope > 0 else 1])


@internal
@view
def _now(words: uint256[4]) -> book.Market:
    """
    @notice A market brought up to now.
    """
    return book._accrued(book._unpack(words[0], words[1], words[2]), words[3])


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
