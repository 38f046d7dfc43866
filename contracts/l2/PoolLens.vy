# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# pragma experimental-codegen
"""
@title PoolLens
@license AGPL-3.0-only
@notice Shows a market, the vault's side of all of them, and whether all adds up.
@dev It holds nothing and nobody needs it: it reads words that others keep.
"""

from ethereum.ercs import IERC20
from interfaces import ILens
from interfaces import IOrderBook
from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from ..math import borrowing_math
from ..math import nav_math
from ..math import positions
from ..math import price_words
from ..math import wad
from ..modules import book
from ..modules import custody
from ..modules import order_words
from ..modules import parameter_words
from ..modules import readings

MOST_MARKETS: constant(uint256) = 32
MOST_ACCOUNTS: constant(uint256) = 100
SLOTS: constant(uint256) = 16

MARKET: public(immutable(IPerpetualMarket))
FEED: immutable(IPriceFeed)


@deploy
def __init__(market: address):
    MARKET = IPerpetualMarket(market)
    FEED = IPriceFeed(staticcall IPerpetualMarket(market).FEED())


@external
@view
def market(market: uint256) -> ILens.MarketView:
    """
    @notice All there is to say of a market now; it answers without a price, too.
    """
    words: uint256[5] = staticcall MARKET.market_words(market)
    assert words[3] != 0, "unknown market"
    p: IPerpetualMarket.Parameters = parameter_words._unpack(words[3], words[4])
    state: book.Market = book._accrued(book._unpack(words[0], words[1], words[2]), words[3])
    shown: ILens.MarketView = empty(ILens.MarketView)
    shown.parameters = p
    shown.price, shown.reason = readings._newest_price(FEED, market)
    shown.priced_at = price_words._time_of(staticcall FEED.newest_board(market // 4))
    if shown.priced_at > 0:
        shown.age = block.timestamp - min(shown.priced_at, block.timestamp)
    shown.outage = staticcall FEED.halted(market)

    skew: int256 = book._skew(state.long, state.short)
    shown.long = state.long
    shown.short = state.short
    shown.skew = skew
    shown.index_long = state.index_long
    shown.index_short = state.index_short
    shown.funding_rate = state.rate
    shown.borrowing_rate = state.borrowing_rate
    shown.long_rate = state.rate
    shown.short_rate = -state.rate
    if state.long >= state.short:
        shown.long_rate += convert(state.borrowing_rate, int256)
    if state.short >= state.long:
        shown.short_rate += convert(state.borrowing_rate, int256)
    cap: int256 = convert(p.premium_cap, int256)
    shown.marginal_premium = wad._signed_mul_div_truncated(
        max(-cap, min(skew, cap)), convert(wad.WAD, int256), p.skew_scale
    )
    shown.at_risk = state.at_risk
    shown.impact_reserve = state.impact_reserve
    shown.insurance = state.insurance
    shown.insurance_left = min(state.insurance, staticcall MARKET.insurance_left(market))
    shown.long_room = p.max_open_interest - min(state.long, p.max_open_interest)
    shown.short_room = p.max_open_interest - min(state.short, p.max_open_interest)
    shown.buy_room = custody._above_zero(convert(p.max_skew, int256) - skew)
    shown.sell_room = custody._above_zero(convert(p.max_skew, int256) + skew)
    return shown


@external
@view
def vault() -> ILens.VaultView:
    """
    @notice The vault's side of all markets, each at its newest stored price, whatever its age; a
            retired one at its final price, as `Vault` counts it.
    """
    words: uint256[3] = staticcall MARKET.pool_words()
    pool: custody.Pool = custody._unpack_pool(words[0], words[1])
    shown: ILens.VaultView = empty(ILens.VaultView)
    shown.cash = pool.cash
    shown.claims = pool.claims
    shown.debts = pool.debts
    shown.set_aside = staticcall MARKET.set_aside()
    shown.at_risk = pool.at_risk
    shown.utilisation = borrowing_math._utilisation(pool.at_risk, pool.cash)
    for market: uint256 in range(MOST_MARKETS):
        of: uint256[5] = staticcall MARKET.market_words(market)
        if of[3] == 0:
            continue
        state: book.Market = book._unpack(of[0], of[1], of[2])
        if state.long | state.short == 0:
            continue
        state = book._accrued(state, of[3])
        price: uint256 = 0
        if parameter_words._is_retired(of[3]):
            price = staticcall MARKET.final_price(market)
        else:
            board: uint256 = staticcall FEED.newest_board(market // 4)
            if not price_words._is_sound(board, market % 4):
                shown.unpriced |= 1 << market
                continue
            price = price_words._sound_price(board, market % 4)
            if shown.priced_at == 0 or price_words._time_of(board) < shown.priced_at:
                shown.priced_at = price_words._time_of(board)
        shown.open_result += nav_math._open_result_floor(
            book._skew(state.long, state.short), state.cost_sum * convert(wad.WAD, int256), price
        )
        shown.time_due += nav_math._time_due(
            state.long, state.short, state.index_long, state.index_short, state.entry_sum, price
        )
    return shown


@external
@view
def solvency(accounts: DynArray[uint256, MOST_ACCOUNTS]) -> ILens.SolvencyView:
    """
    @notice Every bucket that tokens stand behind, against the tokens held; and what is found over
            some accounts beside the sums that are kept over all.
    @param accounts Ascending. Where they are all that there are, what is found is what is kept.
    """
    words: uint256[3] = staticcall MARKET.pool_words()
    pool: custody.Pool = custody._unpack_pool(words[0], words[1])
    held: uint256 = staticcall MARKET.held()
    shown: ILens.SolvencyView = empty(ILens.SolvencyView)
    shown.held = held * staticcall MARKET.SCALE()
    shown.donated = staticcall IERC20(staticcall MARKET.TOKEN()).balanceOf(MARKET.address) - held
    shown.margins = pool.margins
    shown.cash = pool.cash
    shown.set_aside = staticcall MARKET.set_aside()
    shown.debts = pool.debts
    shown.claims = pool.claims
    shown.at_risk = pool.at_risk
    for market: uint256 in range(MOST_MARKETS):
        of: uint256[5] = staticcall MARKET.market_words(market)
        if of[3] == 0:
            continue
        state: book.Market = book._unpack(of[0], of[1], of[2])
        shown.impact_reserves += state.impact_reserve
        shown.insurance += state.insurance
        shown.at_risk_found += state.at_risk
        shown.markets.append(self._sums(market, state, accounts))
    self._check_order(accounts)
    orders_book: IOrderBook = IOrderBook(staticcall MARKET.ORDER_BOOK())
    for account: uint256 in accounts:
        holder: custody.Account = custody._unpack(staticcall MARKET.account_word(account))
        shown.margins_found += custody._above_zero(holder.margin) + holder.escrow
        shown.debts_found += custody._above_zero(-holder.margin)
        shown.escrows += holder.escrow
        if custody._is_broke(holder):
            shown.broke += 1
        for slot: uint256 in range(SLOTS):
            word: uint256 = staticcall orders_book.order_word(account + slot)
            if word > 1:
                shown.escrows_found += order_words._escrow_of(word)
    shown.surplus = convert(shown.held, int256) - convert(
        shown.margins + shown.cash + shown.set_aside + shown.impact_reserves + shown.insurance,
        int256,
    )
    return shown


@internal
@view
def _sums(
    market: uint256, state: book.Market, accounts: DynArray[uint256, MOST_ACCOUNTS]
) -> ILens.Sums:
    """
    @notice A market's sums, as they are kept and as they are found over some accounts.
    """
    found: book.Market = empty(book.Market)
    nothing: positions.Position = empty(positions.Position)
    for account: uint256 in accounts:
        if (custody._unpack(staticcall MARKET.account_word(account)).markets >> market) & 1 == 1:
            words: uint256[6] = staticcall MARKET.exposure(account, market)
            found = book._replaced(found, nothing, book._unpack_position(words[5]))
    return ILens.Sums(
        market=market,
        long=state.long,
        short=state.short,
        cost_sum=state.cost_sum,
        entry_sum=state.entry_sum,
        long_found=found.long,
        short_found=found.short,
        cost_found=found.cost_sum,
        entry_found=found.entry_sum,
    )


@internal
@pure
def _check_order(accounts: DynArray[uint256, MOST_ACCOUNTS]):
    last: uint256 = 0
    for account: uint256 in accounts:
        readings._check_account(account)
        assert account > last, "accounts not sorted"
        last = account
