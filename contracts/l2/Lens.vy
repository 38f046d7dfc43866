# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# pragma experimental-codegen
"""
@title Lens
@license AGPL-3.0-only
@notice Shows a trader an account, its orders, and what a trade would do. `PoolLens` shows the rest.
@dev It holds nothing and nobody needs it. It reads words that others keep, and judges them by the
     modules by which they are judged on chain. A price, or its lack, is what the feed itself
     answers. It asks contracts that refuse while they are in mid-transaction.
"""

from interfaces import ILens
from interfaces import IOrderBook
from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from ..math import batches
from ..math import positions
from ..math import price_words
from ..math import wad
from ..modules import admission
from ..modules import appraisal
from ..modules import book
from ..modules import custody
from ..modules import liquidation_prices
from ..modules import order_words
from ..modules import parameter_words
from ..modules import trades

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
    holder: custody.Account = custody._unpack(staticcall MARKET.account_word(account))
    prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
    shown: ILens.AccountView = empty(ILens.AccountView)
    shown.margin = holder.margin
    shown.escrow = holder.escrow
    shown.flagged_at = holder.flagged_at
    shown.orders = self._order_views(account)
    prices, shown.priced_at, shown.reason = self._newest_prices(holder.markets)
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
        shown.positions[i].liquidation_price = self._liquidation_price(
            account, shown.positions[i].market, holder, prices
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
    others: uint256 = holder.markets & ~(1 << market)
    if others != 0:
        second: uint256 = 0
        reason: String[32] = ""
        second, reason = self._second_of(holder.markets)
        if reason == "":
            prices, reason = self._prices_at(others, second)
        assert reason == "", reason
    return self._liquidation_price(account, market, holder, prices)


@internal
@view
def _liquidation_price(
    account: uint256, market: uint256, holder: custody.Account, prices: uint256[MOST_MARKETS]
) -> uint256:
    rest: appraisal.Appraisal = self._appraised(
        appraisal._of_nothing(holder), account, holder.markets & ~(1 << market), prices
    )
    words: uint256[6] = staticcall MARKET.exposure(account, market)
    p: IPerpetualMarket.Parameters = parameter_words._unpack(words[3], words[4])
    position: positions.Position = book._unpack_position(words[5])
    state: book.Market = book._accrued(book._unpack(words[0], words[1], words[2]), p)
    return liquidation_prices._liquidation_price(
        rest, position, p, book._index(state, position.size)
    )


@internal
@view
def _appraised(
    of: appraisal.Appraisal, account: uint256, markets: uint256, prices: uint256[MOST_MARKETS]
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
                found, staticcall MARKET.exposure(account, market), prices[market]
            )
    return found


# Prices, as the feed answers


@internal
@view
def _newest_prices(markets: uint256) -> (uint256[MOST_MARKETS], uint256, String[32]):
    """
    @notice The prices that an account with positions in some markets is judged by, and their
            second; or why there are none.
    """
    prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
    if markets == 0:
        return prices, 0, ""
    second: uint256 = 0
    reason: String[32] = ""
    second, reason = self._second_of(markets)
    if reason == "":
        prices, reason = self._prices_at(markets, second)
    return prices, second, reason


@internal
@view
def _second_of(markets: uint256) -> (uint256, String[32]):
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
        abi_encode(first // 4, method_id=method_id("board(uint256)"))
    )
    return price_words._time_of(word), reason


@internal
@view
def _prices_at(markets: uint256, second: uint256) -> (uint256[MOST_MARKETS], String[32]):
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
                abi_encode(market, second, method_id=method_id("price_at(uint256,uint256)"))
            )
            if reason != "":
                break
    return prices, reason


@internal
@view
def _asked(question: Bytes[68]) -> (uint256, String[32]):
    """
    @notice The first word of what the feed answers, or its reason to refuse.
    """
    is_answered: bool = False
    answer: Bytes[100] = b""
    is_answered, answer = raw_call(
        FEED.address, question, max_outsize=100, is_static_call=True, revert_on_failure=False
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


# Orders


@external
@view
def orders(account: uint256) -> DynArray[IPerpetualMarket.Order, SLOTS]:
    """
    @notice An account's committed orders, by slot.
    """
    orders_book: IOrderBook = IOrderBook(staticcall MARKET.order_book())
    found: DynArray[IPerpetualMarket.Order, SLOTS] = []
    for slot: uint256 in range(SLOTS):
        word: uint256 = staticcall orders_book.order_word(account + slot)
        if word > 1:
            found.append(order_words._unpack(account + slot, word))
    return found


@internal
@view
def _order_views(account: uint256) -> DynArray[ILens.OrderView, SLOTS]:
    orders_book: IOrderBook = IOrderBook(staticcall MARKET.order_book())
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
    return False, self._reason_in(answer)


# A trade that nobody has placed yet


@external
@view
def quote(
    account: uint256,
    market: uint256,
    size_delta: int256,
    is_reduce_only: bool = False,
    keeper_fee: uint256 = 0,
) -> ILens.Quote:
    """
    @notice What a trade would be if it were placed and filled alone at the newest fresh price.
    @dev It reverts where there is no such price, and for what no order may say.
    @param keeper_fee Quote wad, for whoever executes it.
    """
    newest: uint256 = staticcall FEED.board(market // 4)
    q: ILens.Quote = empty(ILens.Quote)
    q.price = price_words._sound_price(newest, market % 4)
    q.priced_at = price_words._time_of(newest)
    words: uint256[8] = empty(uint256[8])
    holders: DynArray[uint256, 100] = []
    words, holders = staticcall MARKET.scene(market, [account])
    assert words[3] != 0, "unknown market"
    scene: admission.Scene = admission._scene(market, words, q.price, newest, q.priced_at)
    holder: custody.Account = custody._unpack(holders[0])
    before: positions.Position = book._unpack_position(holders[1])
    order: IPerpetualMarket.Order = IPerpetualMarket.Order(
        id=account,
        market=market,
        size_delta=size_delta,
        limit_price=order_words.PRICE_UNIT,
        is_reduce_only=is_reduce_only,
        fills_at=q.priced_at,
        keeper_fee=keeper_fee,
        escrow=0,
    )
    order_words._check(size_delta, order.limit_price, keeper_fee)
    q.size_delta = admission._effective_size(order_words._pack(order), holders[1])
    side: admission.Side = admission._side(scene, q.size_delta)
    after: custody.Account = holder
    position: positions.Position = before

    if q.size_delta == 0:
        q.reason = admission._reason(admission.NOTHING_TO_REDUCE)
    else:
        most: batches.Terms = batches._dearest_share(
            side.terms, q.size_delta, q.size_delta, q.price
        )
        q.most_fee = most.fee
        q.most_premium = convert(most.premium, uint256)
        q.limit_price = self._limit(q.size_delta, q.price, most.premium)
        order.limit_price = q.limit_price
        needed: uint256 = appraisal._escrow(
            scene.p,
            size_delta,
            admission._dearest(newest, market, size_delta, q.limit_price),
            is_reduce_only,
            keeper_fee,
        )
        q.escrow = appraisal._locked(holder.margin, needed, is_reduce_only)
        if not is_reduce_only:
            q.reason = staticcall FEED.outage(market // 4)
        if q.escrow < keeper_fee or q.escrow > custody._above_zero(holder.margin):
            q.reason = admission._reason(admission.NO_MARGIN)

    if q.reason == "":
        order.escrow = q.escrow
        after.margin -= convert(q.escrow, int256)
        after.escrow += q.escrow
        q.reason = self._judged(scene, order, q.size_delta, side, after, holders[1])
        if q.reason != "":
            after = holder
    if q.reason == "":
        meeting: batches.Meeting = admission._meeting(
            scene, max(q.size_delta, 0), min(q.size_delta, 0)
        )
        after, position, q = self._filled(scene, order, meeting, before, after, q)

    q.size = position.size
    q.cost = position.cost
    q.margin = after.margin
    found: appraisal.Appraisal = appraisal._of_nothing(after)
    prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
    prices, q.unpriced = self._prices_at(after.markets & ~(1 << market), q.priced_at)
    if q.unpriced != "":
        return q
    found = self._appraised(found, account, after.markets & ~(1 << market), prices)
    if position.size != 0:
        index: int256 = book._index(scene.state, position.size)
        q.liquidation_price = liquidation_prices._liquidation_price(
            found, position, scene.p, index
        )
        found = appraisal._with_position(found, position, q.price, scene.p, index)
    q.equity = found.equity
    q.backing = found.backing
    q.initial = found.initial
    q.maintenance = convert(appraisal._maintenance(found), uint256)
    q.free = custody._above_zero(found.free)
    return q


@internal
@pure
def _limit(size_delta: int256, price: uint256, premium: int256) -> uint256:
    """
    @notice The tightest limit on its grid that a fill is within.
    """
    part: uint256 = wad._magnitude(size_delta)
    share: uint256 = wad._mul_div_up(convert(premium, uint256), wad.WAD, part)
    if size_delta > 0:
        return wad._mul_div_up(price + share, 1, order_words.PRICE_UNIT) * order_words.PRICE_UNIT
    limit: uint256 = (price - min(share, price)) // order_words.PRICE_UNIT
    return max(limit, 1) * order_words.PRICE_UNIT


@internal
@view
def _judged(
    scene: admission.Scene,
    order: IPerpetualMarket.Order,
    size: int256,
    side: admission.Side,
    holder: custody.Account,
    position: uint256,
) -> String[32]:
    """
    @notice Why an order wouldn't stand alone, as `OrderBook` judges it.
    """
    end: uint256 = 0
    found: appraisal.Appraisal = empty(appraisal.Appraisal)
    end, found = admission._judge(
        scene, order_words._pack(order), size, side, custody._pack(holder), position
    )
    if end == admission.UNDECIDED:
        others: uint256 = holder.markets & ~(1 << scene.market)
        prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
        reason: String[32] = ""
        prices, reason = self._prices_at(others, scene.second)
        found = self._appraised(found, order.id, others, prices)
        end = admission.STANDS
        if reason != "":
            end = admission.STAYS
        elif found.backing < convert(found.initial, int256):
            end = admission.NO_MARGIN
    return admission._reason(end)


@internal
@pure
def _filled(
    scene: admission.Scene,
    order: IPerpetualMarket.Order,
    meeting: batches.Meeting,
    before: positions.Position,
    holder: custody.Account,
    quoted: ILens.Quote,
) -> (custody.Account, positions.Position, ILens.Quote):
    """
    @notice Account and position after an order is filled, as `PerpetualMarket.fill` does it, and
            what it paid.
    """
    q: ILens.Quote = quoted
    pool: custody.Pool = scene.pool
    after: custody.Account = holder
    repaid: uint256 = 0
    after.escrow -= order.escrow
    after.margin, repaid = custody._credited(after.margin, order.escrow - order.keeper_fee)
    pool.cash += repaid
    t: trades.Trade = trades._traded(
        scene.market,
        q.size_delta,
        scene.price,
        batches._terms(meeting, q.size_delta),
        max_value(uint256),
        scene.pp.insurance_share,
        before,
        after,
        pool,
        scene.state,
    )
    after = t.holder
    if positions._increases(before.size, q.size_delta):
        after.flagged_at = 0
    q.keeper_fee = trades._due_for_fill(
        order.keeper_fee, before.size, t.after, scene.price, scene.p, after
    )
    after.margin += convert(order.keeper_fee - q.keeper_fee, int256)
    if custody._is_broke(after):
        after.margin = 0
    q.fee = t.paid.fee
    q.premium = t.paid.premium
    q.result = t.gain
    q.claim = t.unpaid
    share: int256 = convert(wad.WAD, int256) * q.premium
    part: uint256 = wad._magnitude(q.size_delta)
    if q.size_delta > 0:
        q.fill_price = convert(
            convert(scene.price, int256) + wad._signed_mul_div_ceil(share, 1, part), uint256
        )
    else:
        q.fill_price = convert(
            convert(scene.price, int256) - wad._signed_mul_div_ceil(share, 1, part), uint256
        )
    return after, t.after, q


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
    words: uint256[6] = staticcall MARKET.exposure(account, market)
    return book._unpack_position(words[5])
