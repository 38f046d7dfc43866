# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title Lens
@license AGPL-3.0-only
@notice Shows an account and its orders. `QuoteLens` shows what a trade would do, `PoolLens` what
        stands against all traders.
@dev It holds nothing and nobody needs it. It reads words that others keep, and judges them by the
     modules by which they are judged on chain. A price, or its lack, is what the feed itself
     answers. It asks contracts that refuse while they are in mid-transaction.
"""

from interfaces import ILens
from interfaces import IOrderBook
from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from ..math import positions
from ..math import wad
from ..modules import admission
from ..modules import appraisal
from ..modules import book
from ..modules import custody
from ..modules import liquidation_prices
from ..modules import order_words
from ..modules import parameter_words
from ..modules import readings

MOST_MARKETS: constant(uint256) = 32
SLOTS: constant(uint256) = 16

MARKET: public(immutable(IPerpetualMarket))
FEED: immutable(IPriceFeed)


@deploy
def __init__(market: address):
    MARKET = IPerpetualMarket(market)
    FEED = IPriceFeed(staticcall IPerpetualMarket(market).FEED())


# An account


@external
@view
def account(account: uint256) -> ILens.AccountView:
    """
    @notice All there is to say of an account now; it answers without prices, too.
    @dev The prices are those that a withdrawal is judged by: the newest of the account's first
         market, and of the others that of the same second.
    """
    readings._check_account(account)
    holder: custody.Account = custody._unpack(staticcall MARKET.account_word(account))
    prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
    shown: ILens.AccountView = empty(ILens.AccountView)
    shown.margin = holder.margin
    shown.escrow = holder.escrow
    shown.flagged_at = holder.flagged_at
    shown.orders = self._order_views(account)
    prices, shown.priced_at, shown.reason = readings._newest_prices(
        MARKET, FEED, holder.markets, holder.markets
    )
    is_priced: bool = shown.reason == ""
    found: appraisal.Appraisal = appraisal._of_nothing(holder)
    for market: uint256 in range(MOST_MARKETS):
        if holder.markets >> market == 0:
            break
        if (holder.markets >> market) & 1 == 0:
            continue
        words: uint256[6] = staticcall MARKET.exposure(account, market)
        position: positions.Position = book._unpack_position(words[5])
        one: ILens.PositionView = empty(ILens.PositionView)
        one.market = market
        one.size = position.size
        one.cost = position.cost
        one.entry_price = wad._mul_div_down(
            position.cost, wad.WAD, wad._magnitude(position.size)
        )
        if is_priced:
            price: uint256 = prices[market]
            before: appraisal.Appraisal = found
            found = admission._with_exposure(found, words, price)
            one.price = price
            one.result = positions._result(position, price)
            one.owed = before.equity + one.result - found.equity
            one.notional = positions._notional(position.size, price)
            one.initial = found.initial - before.initial
            one.maintenance = convert(
                appraisal._maintenance(found) - appraisal._maintenance(before), uint256
            )
        shown.positions.append(one)
    if not is_priced:
        return shown

    shown.equity = found.equity
    shown.backing = found.backing
    shown.initial = found.initial
    shown.maintenance = convert(appraisal._maintenance(found), uint256)
    shown.health = self._health(found)
    shown.free = custody._above_zero(found.free)
    for i: uint256 in range(len(shown.positions), bound=MOST_MARKETS):
        words: uint256[6] = staticcall MARKET.exposure(account, shown.positions[i].market)
        shown.positions[i].liquidation_price = self._liquidation_price(
            self._without(found, words, shown.positions[i].price), words
        )
    return shown


@internal
@pure
def _health(found: appraisal.Appraisal) -> uint256:
    needed: uint256 = convert(appraisal._maintenance(found), uint256)
    if needed == 0:
        return max_value(uint256)
    return wad._mul_div_down(custody._above_zero(found.equity), wad.WAD, needed)


@external
@view
def liquidation_price(account: uint256, market: uint256) -> uint256:
    """
    @notice The price of a market at which an account becomes liquidatable, now and at the other
            markets' newest prices: of a long the lowest, of a short the highest at which it is
            still healthy; wad. No price of the market itself is needed.
    @dev A long that no price makes liquidatable has 0, one that is liquidatable at all prices the
         greatest number; a short the other way round.
    """
    holder: custody.Account = custody._unpack(staticcall MARKET.account_word(account))
    assert (holder.markets >> market) & 1 == 1, "no position"
    prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
    second: uint256 = 0
    reason: String[32] = ""
    prices, second, reason = readings._newest_prices(
        MARKET, FEED, holder.markets, holder.markets & ~(1 << market)
    )
    assert reason == "", reason
    return self._liquidation_price(
        readings._appraised(
            MARKET, appraisal._of_nothing(holder), account, holder.markets & ~(1 << market), prices
        ),
        staticcall MARKET.exposure(account, market),
    )


@internal
@view
def _without(
    found: appraisal.Appraisal, words: uint256[6], price: uint256
) -> appraisal.Appraisal:
    """
    @notice An appraisal without one of its positions. What each adds doesn't depend on the others,
            so it can be taken off again; else each position would ask for all others anew.
    """
    own: appraisal.Appraisal = admission._with_exposure(empty(appraisal.Appraisal), words, price)
    return appraisal.Appraisal(
        equity=found.equity - own.equity,
        backing=found.backing - own.backing,
        free=found.free - own.free,
        initial=found.initial - own.initial,
        linear=found.linear - own.linear,
        quadratic=found.quadratic - own.quadratic,
        penalty=found.penalty - own.penalty,
    )


@internal
@view
def _liquidation_price(rest: appraisal.Appraisal, words: uint256[6]) -> uint256:
    """
    @param words Of the position, as `PerpetualMarket.exposure` gives them.
    """
    position: positions.Position = book._unpack_position(words[5])
    state: book.Market = book._accrued(book._unpack(words[0], words[1], words[2]), words[3])
    return liquidation_prices._liquidation_price(
        rest, position, words[4], book._index(state.index_long, state.index_short, position.size)
    )


# Orders


@external
@view
def orders(account: uint256) -> DynArray[IPerpetualMarket.Order, SLOTS]:
    """
    @notice An account's committed orders, by slot.
    """
    readings._check_account(account)
    orders_book: IOrderBook = IOrderBook(staticcall MARKET.ORDER_BOOK())
    found: DynArray[IPerpetualMarket.Order, SLOTS] = []
    for slot: uint256 in range(SLOTS):
        word: uint256 = staticcall orders_book.order_word(account + slot)
        if word > 1:
            found.append(order_words._unpack(account + slot, word))
    return found


@internal
@view
def _order_views(account: uint256) -> DynArray[ILens.OrderView, SLOTS]:
    orders_book: IOrderBook = IOrderBook(staticcall MARKET.ORDER_BOOK())
    shown: DynArray[ILens.OrderView, SLOTS] = []
    for slot: uint256 in range(SLOTS):
        word: uint256 = staticcall orders_book.order_word(account + slot)
        if word <= 1:
            continue
        order: IPerpetualMarket.Order = order_words._unpack(account + slot, word)
        stage: String[32] = "fails"
        is_answered: bool = False
        reason: String[32] = ""
        is_answered, reason = self._outcome(orders_book.address, order.market, order.id)
        if order_words._is_over(word, block.timestamp):
            stage = "expired"
        elif reason == "too old for a report":
            stage = "by round"
        elif block.timestamp < order.fills_at:
            stage = "too young"
        elif not is_answered:
            stage = "no price"
        elif reason == "":
            stage = "fills"
        elif reason == "stays":
            stage = "stays"
        shown.append(
            ILens.OrderView(
                slot=slot,
                market=order.market,
                size_delta=order.size_delta,
                limit_price=order.limit_price,
                is_reduce_only=order.is_reduce_only,
                fills_at=order.fills_at,
                keeper_fee=order.keeper_fee,
                escrow=order.escrow,
                stage=stage,
                reason=reason,
            )
        )
    return shown


@internal
@view
def _outcome(orders_book: address, market: uint256, id: uint256) -> (bool, String[32]):
    """
    @notice What would become of an order that were executed alone now, and whether the order book
            could tell.
    """
    is_answered: bool = False
    answer: Bytes[160] = b""
    ids: DynArray[uint256, 1] = [id]
    is_answered, answer = raw_call(
        orders_book,
        abi_encode(market, ids, method_id=method_id("outcomes(uint256,uint256[])")),
        max_outsize=160,
        is_static_call=True,
        revert_on_failure=False,
    )
    if is_answered:
        told: DynArray[String[32], 1] = abi_decode(answer, DynArray[String[32], 1])
        return True, told[0]
    return False, readings._reason_in(answer)


# What words mean


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
    readings._check_account(account)
    assert market < MOST_MARKETS, "unknown market"
    words: uint256[6] = staticcall MARKET.exposure(account, market)
    return book._unpack_position(words[5])
