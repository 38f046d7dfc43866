# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# pragma experimental-codegen
"""
@title QuoteLens
@license AGPL-3.0-only
@notice Shows what a trade would be that nobody has placed yet.
@dev It holds nothing and nobody needs it. It hands an order that isn't there to the modules that
     judge and fill those that are.
"""

from interfaces import ILens
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
from ..modules import order_words
from ..modules import parameter_words
from ..modules import readings
from ..modules import trades

MOST_MARKETS: constant(uint256) = 32

MARKET: public(immutable(IPerpetualMarket))
FEED: immutable(IPriceFeed)


@deploy
def __init__(market: address):
    MARKET = IPerpetualMarket(market)
    FEED = IPriceFeed(staticcall IPerpetualMarket(market).FEED())


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
    readings._check_account(account)
    newest: uint256 = staticcall FEED.board(market // 4)
    q: ILens.Quote = empty(ILens.Quote)
    q.price = price_words._sound_price(newest, market % 4)
    q.priced_at = price_words._time_of(newest)
    words: uint256[8] = empty(uint256[8])
    holders: DynArray[uint256, 100] = []
    words, holders = staticcall MARKET.scene(market, [account])
    assert words[3] != 0, "unknown market"
    assert not parameter_words._is_retired(words[3]), "market retired"
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
            scene.first_word,
            scene.second_word,
            size_delta,
            admission._dearest(newest, market, size_delta, q.limit_price),
            is_reduce_only,
            keeper_fee,
        )
        q.escrow = appraisal._locked(holder.margin, needed, is_reduce_only)
        if not is_reduce_only:
            q.reason = staticcall FEED.halted(market)
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
    prices, q.unpriced = readings._settled_prices_at(
        MARKET, FEED, after.markets & ~(1 << market), q.priced_at
    )
    if q.unpriced != "":
        return q
    found = readings._appraised(MARKET, found, account, after.markets & ~(1 << market), prices)
    if position.size != 0:
        index: int256 = book._index(scene.state.index_long, scene.state.index_short, position.size)
        found = appraisal._with_position(found, position, q.price, scene.second_word, index)
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
    @notice Why an order wouldn't stand alone, as `OrderBook` judges it; of one that would wait for
            another market's price, why that is missing.
    """
    end: uint256 = 0
    spare: int256 = 0
    end, spare = admission._judge(
        scene, order_words._pack(order), size, side, custody._pack(holder), position
    )
    if end == admission.UNDECIDED:
        others: uint256 = holder.markets & ~(1 << scene.market)
        prices: uint256[MOST_MARKETS] = empty(uint256[MOST_MARKETS])
        reason: String[32] = ""
        prices, reason = readings._settled_prices_at(MARKET, FEED, others, scene.second)
        if reason != "":
            return reason
        spare += appraisal._spare(
            readings._appraised(
                MARKET, empty(appraisal.Appraisal), order.id, others, prices
            )
        )
        end = admission.NO_MARGIN if spare < 0 else admission.STANDS
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
    terms: batches.Terms = batches._terms(meeting, q.size_delta)
    t: trades.Trade = trades._traded(
        scene.market,
        q.size_delta,
        scene.price,
        terms,
        max_value(uint256),
        parameter_words._insurance_share(scene.pool_word),
        before,
        trades._beginning(after, pool, scene.state),
    )
    after = t.holder
    q.keeper_fee = trades._due_for_fill(
        order.keeper_fee, before.size, t.after, scene.price, scene.second_word, after, terms
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
