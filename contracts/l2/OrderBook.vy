# pragma version ==0.4.3
# pragma evm-version cancun
# pragma experimental-codegen
# pragma nonreentrancy on
"""
@title OrderBook
@license AGPL-3.0-only
@notice Commits orders, and brings them to the market with the price that they fill at.

Placing is the commitment: an order placed at second t fills at the price of the report of second
t + 2, whoever executes it and however late within ten minutes. Nobody can take it back meanwhile.
After that, one that only reduces fills by the aggregator's first round after its commit, for a
day; one that may increase expires.

@dev It stands above `PerpetualMarket` and holds no money. It can't be stopped.
"""

from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from ..math import batches
from ..math import price_words
from ..math import wad
from ..modules import admission
from ..modules import appraisal
from ..modules import custody
from ..modules import order_words
from ..modules import parameter_words
from ..modules import orders
initializes: orders

# The market as one order needs it: the same function, whose list holds one.
interface ISingle:
    def fill(
        market: uint256,
        price: uint256,
        fills: DynArray[IPerpetualMarket.Fill, 1],
        keeper: address,
    ): nonpayable


struct Tally:
    buys: int256  # of those that stand
    sells: int256
    ends: uint256  # what becomes of each order, END_BITS each
    undecided: uint256  # those that stand alone and not in company, a bit each


END_BITS: constant(uint256) = 4  # what becomes of one order, in a word for all of a batch
MOST_ORDERS: constant(uint256) = 50
SLOT_MASK: constant(uint256) = 255

FEED: public(immutable(IPriceFeed))
MARKET: public(immutable(IPerpetualMarket))
GATEWAY: immutable(address)
TILE_LENGTH: immutable(uint256)


@deploy
def __init__(market: address, feed: address):
    MARKET = IPerpetualMarket(market)
    assert staticcall MARKET.ORDER_BOOK() == self, "another contract's place"
    FEED = IPriceFeed(feed)
    GATEWAY = staticcall MARKET.GATEWAY()
    TILE_LENGTH = staticcall IPriceFeed(feed).TILE_LENGTH()


@external
def place(
    account: uint256,
    slot: uint256,
    market: uint256,
    size_delta: int256,
    limit_price: uint256,
    is_reduce_only: bool,
    keeper_fee: uint256,
):
    """
    @notice Commit an order. Its fees, and the initial margin of an increase, go into escrow.
    @param slot One of the account's 16 that is free.
    @param size_delta Base wad; above zero buys.
    @param limit_price The worst price, premium included, that the order may fill at.
    @param keeper_fee Quote wad, for whoever executes it.
    """
    assert account & SLOT_MASK == 0, "no such account"
    assert msg.sender in [convert(account >> 96, address), GATEWAY], "not the owner"
    assert market < 32, "unknown market"
    order_words._check(size_delta, limit_price, keeper_fee)
    assert orders._is_free(account, slot), "slot in use"

    # No order fills at a report that was known at its commit.
    newest: uint256 = staticcall FEED.newest_board(market // 4)
    begins: uint256 = max(block.timestamp, price_words._time_of(newest))
    if not is_reduce_only:
        halted: String[32] = staticcall FEED.halted(market)
        assert halted == "", halted

    order: IPerpetualMarket.Order = IPerpetualMarket.Order(
        id=account + slot,
        market=market,
        size_delta=size_delta,
        limit_price=limit_price,
        is_reduce_only=is_reduce_only,
        fills_at=begins + order_words.DELAY,
        keeper_fee=keeper_fee,
        escrow=extcall MARKET.lock(
            account,
            market,
            size_delta,
            admission._dearest(newest, market, size_delta, limit_price),
            is_reduce_only,
            keeper_fee,
        ),
    )
    orders._write(order)
    log IPerpetualMarket.OrderPlaced(account=account, market=market, slot=slot, order=order)


@external
def clear(account: uint256, slot: uint256):
    """
    @notice Return the escrow of an order whose window has ended. Anyone may.
    """
    # Else it is another account's order, for their sum is its place.
    assert account & SLOT_MASK == 0, "no such account"
    assert slot < orders.SLOTS, "no such slot"
    word: uint256 = orders._word(account + slot)
    assert order_words._is_over(word, block.timestamp), "order still open"
    orders._erase(account + slot)
    extcall MARKET.unlock(
        account, order_words._market_of(word), order_words._escrow_of(word)
    )
    log IPerpetualMarket.OrderCleared(account=account, slot=slot)


@external
def execute(market: uint256, ids: DynArray[uint256, MOST_ORDERS]):
    """
    @notice Execute orders of one market that one report prices. Anyone may, and earns their fees.
    @param ids Orders, each its account plus its slot, ascending; one of an account.
    """
    self._execute(market, ids)


@external
def submit_and_execute(
    observed_at: uint256,
    boards: DynArray[uint256, 8],
    absent: DynArray[address, 7],
    signatures: DynArray[IPriceFeed.Signature, 7],
    market: uint256,
    ids: DynArray[uint256, MOST_ORDERS],
):
    """
    @notice Bring the report that prices some orders, and execute them.
    @param absent The publishers who did not sign.
    """
    extcall FEED.submit(observed_at, boards, absent, signatures)
    self._execute(market, ids)


@external
def execute_one(id: uint256):
    """
    @notice Execute one order alone: as a batch of it would, for less gas.
    """
    self._execute_one(id)


@external
def submit_and_execute_one(
    observed_at: uint256,
    boards: DynArray[uint256, 8],
    absent: DynArray[address, 7],
    signatures: DynArray[IPriceFeed.Signature, 7],
    id: uint256,
):
    """
    @notice Bring the report that prices one order, and execute it.
    @param absent The publishers who did not sign.
    """
    extcall FEED.submit(observed_at, boards, absent, signatures)
    self._execute_one(id)


@external
def execute_by_round(id: uint256, round: uint256, predecessor: uint256):
    """
    @notice Execute an order that reduces by the aggregator's first round after its commit, made
            worse by the feed's deviation: when no report did it in its first ten minutes.
    """
    order: IPerpetualMarket.Order = orders._read(id)
    committed_at: uint256 = order.fills_at - order_words.DELAY
    assert block.timestamp > committed_at + order_words.SIGNED_WINDOW, "report still counts"
    assert block.timestamp <= committed_at + order_words.REDUCE_WINDOW, "order expired"
    assert order.is_reduce_only, "order doesn't reduce"
    found: IPriceFeed.Reference = staticcall FEED.round_after(
        order.market, committed_at, round, predecessor
    )
    assert found.reason == "", found.reason
    worse: uint256 = wad._mul_down(found.price, wad.WAD - found.deviation)
    if order.size_delta > 0:
        worse = wad._mul_up(found.price, wad.WAD + found.deviation)
    self._settle_one(id, orders._word(id), worse, 0, 0)


@internal
def _execute_one(id: uint256):
    """
    @notice Judge an order's window, read its price, and settle it.
    """
    word: uint256 = orders._word(id)
    second: uint256 = order_words._second_of(word)
    market: uint256 = order_words._market_of(word)
    self._check_window(second)
    board: uint256 = staticcall FEED.board_at(market // 4, second)
    self._settle_one(id, word, price_words._sound_price(board, market % 4), board, second)


@internal
def _settle_one(id: uint256, word: uint256, price: uint256, board: uint256, second: uint256):
    """
    @notice Fill an order or let it fail; for want of another market's price it stays.
    """
    market: uint256 = order_words._market_of(word)
    words: uint256[8] = empty(uint256[8])
    holders: uint256[2] = [0, 0]
    words, holders = staticcall MARKET.scene_one(market, id)
    scene: admission.Scene = admission._scene(market, words, price, board, second)
    size: int256 = admission._effective_size(word, holders[1])
    side: admission.Side = admission._side(scene, size)
    end: uint256 = self._judge(scene, id, word, size, side, holders[0], holders[1])
    if end == admission.STAYS:
        return
    fill: IPerpetualMarket.Fill = empty(IPerpetualMarket.Fill)
    if end == admission.STANDS:
        meeting: batches.Meeting = admission._meeting(scene, max(size, 0), min(size, 0))
        fill = admission._fill(id, word, size, meeting)
    else:
        fill = self._failed(scene, id, word, holders[0], holders[1], end)
    orders._erase(id)
    extcall ISingle(MARKET.address).fill(market, price, [fill], msg.sender)
    log IPerpetualMarket.BatchExecuted(market=market, keeper=msg.sender, price=price)


@internal
def _execute(market: uint256, ids: DynArray[uint256, MOST_ORDERS]):
    """
    @notice Judge the orders' windows, read their price, and settle them. One that fails only for
            its company, or for want of another market's price, stays.
    """
    order: DynArray[uint256, MOST_ORDERS] = self._words_of(market, ids)
    second: uint256 = order_words._second_of(order[0])
    board: uint256 = staticcall FEED.board_at(market // 4, second)
    price: uint256 = price_words._sound_price(board, market % 4)
    words: uint256[8] = empty(uint256[8])
    holders: DynArray[uint256, 100] = []
    words, holders = staticcall MARKET.scene(market, ids)
    scene: admission.Scene = admission._scene(market, words, price, board, second)
    ends: uint256 = 0
    meeting: batches.Meeting = empty(batches.Meeting)
    ends, meeting = self._judge_all(scene, ids, order, holders)
    fills: DynArray[IPerpetualMarket.Fill, MOST_ORDERS] = []
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        end: uint256 = (ends >> (END_BITS * i)) & 15
        if end == admission.STAYS:
            continue
        orders._erase(ids[i])
        if end == admission.STANDS:
            size: int256 = admission._effective_size(order[i], holders[2 * i + 1])
            fills.append(admission._fill(ids[i], order[i], size, meeting))
        else:
            fills.append(
                self._failed(scene, ids[i], order[i], holders[2 * i], holders[2 * i + 1], end)
            )
    if len(fills) > 0:
        extcall MARKET.fill(market, price, fills, msg.sender)
        log IPerpetualMarket.BatchExecuted(market=market, keeper=msg.sender, price=price)


@internal
@view
def _words_of(
    market: uint256, ids: DynArray[uint256, MOST_ORDERS]
) -> DynArray[uint256, MOST_ORDERS]:
    """
    @notice Orders that one report prices now, as words.
    """
    assert len(ids) > 0, "empty batch"
    words: DynArray[uint256, MOST_ORDERS] = []
    last: uint256 = 0
    tile: uint256 = 0
    for id: uint256 in ids:
        account: uint256 = id & ~SLOT_MASK
        assert account > last, "accounts not sorted"
        last = account
        word: uint256 = orders._word(id)
        second: uint256 = order_words._second_of(word)
        if tile == 0:
            tile = self._tile_of(second)
        assert order_words._market_of(word) == market, "order of another market"
        assert self._tile_of(second) == tile, "order of another report"
        self._check_window(second)
        words.append(word)
    return words


@internal
@view
def _check_window(second: uint256):
    """
    @notice Refuse an order that a report can't price yet, or not any more.
    """
    assert block.timestamp >= second, "order too young"
    committed_at: uint256 = second - order_words.DELAY
    assert block.timestamp <= committed_at + order_words.SIGNED_WINDOW, "too old for a report"


@internal
@view
def _judge_all(
    scene: admission.Scene,
    ids: DynArray[uint256, MOST_ORDERS],
    words: DynArray[uint256, MOST_ORDERS],
    holders: DynArray[uint256, 100],
) -> (uint256, batches.Meeting):
    """
    @notice What becomes of each order, END_BITS each, and how those that fill meet.
    @dev Whoever stands in the company of all of its side stands in less company, and alone. Of who
         doesn't it is asked whether it stands alone, and then in the company of all who do.
    """
    tally: Tally = empty(Tally)
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        size: int256 = admission._effective_size(words[i], holders[2 * i + 1])
        if size > 0:
            tally.buys += size
        else:
            tally.sells += size

    buyers: admission.Side = admission._side(scene, tally.buys)
    sellers: admission.Side = admission._side(scene, tally.sells)
    tally = empty(Tally)
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        size: int256 = admission._effective_size(words[i], holders[2 * i + 1])
        side: admission.Side = buyers if size > 0 else sellers
        end: uint256 = self._judge(
            scene, ids[i], words[i], size, side, holders[2 * i], holders[2 * i + 1]
        )
        if end != admission.STANDS and side.size != size:
            side = admission._side(scene, size)
            end = self._judge(
                scene, ids[i], words[i], size, side, holders[2 * i], holders[2 * i + 1]
            )
            if end == admission.STANDS:
                tally.undecided |= 1 << i
        tally.ends |= end << (END_BITS * i)
        if end == admission.STANDS:
            if size > 0:
                tally.buys += size
            else:
                tally.sells += size

    if tally.undecided != 0:
        buyers = admission._side(scene, tally.buys)
        sellers = admission._side(scene, tally.sells)
        for i: uint256 in range(len(ids), bound=MOST_ORDERS):
            if (tally.undecided >> i) & 1 == 0:
                continue
            size: int256 = admission._effective_size(words[i], holders[2 * i + 1])
            side: admission.Side = buyers if size > 0 else sellers
            end: uint256 = self._judge(
                scene, ids[i], words[i], size, side, holders[2 * i], holders[2 * i + 1]
            )
            if end != admission.STANDS:
                tally.ends |= admission.STAYS << (END_BITS * i)
                if size > 0:
                    tally.buys -= size
                else:
                    tally.sells -= size
    return tally.ends, admission._meeting(scene, tally.buys, tally.sells)


@internal
@view
def _judge(
    scene: admission.Scene,
    id: uint256,
    word: uint256,
    size: int256,
    side: admission.Side,
    holder: uint256,
    position: uint256,
) -> uint256:
    """
    @notice Whether an order would stand if its own side were filled whole, or why not.
    """
    end: uint256 = 0
    spare: int256 = 0
    end, spare = admission._judge(scene, word, size, side, holder, position)
    if end != admission.UNDECIDED:
        return end
    others: uint256 = custody._unpack(holder).markets & ~(1 << scene.market)
    if others != 0:
        rest: appraisal.Appraisal = empty(appraisal.Appraisal)
        is_priced: bool = False
        rest, is_priced = self._with_others(scene, id, rest, others)
        if not is_priced:
            return admission.STAYS
        spare += appraisal._spare(rest)
    return admission.NO_MARGIN if spare < 0 else admission.STANDS


@internal
@view
def _with_others(
    scene: admission.Scene, id: uint256, found: appraisal.Appraisal, rest: uint256
) -> (appraisal.Appraisal, bool):
    """
    @notice An appraisal and an account's positions in other markets than the scene's; whether the
            report of the second has a price for all of them. A retired market has none.
    @param rest Those markets, a bit each; one at least.
    """
    after: appraisal.Appraisal = found
    if scene.second == 0:
        return after, False
    for other: uint256 in range(32):
        if rest >> other == 0:
            break
        if (rest >> other) & 1 == 0:
            continue
        board: uint256 = scene.board
        if other // 4 != scene.market // 4:
            board = staticcall FEED.found_board(other // 4, scene.second)
        words: uint256[6] = staticcall MARKET.exposure(id & ~SLOT_MASK, other)
        if not price_words._is_sound(board, other % 4):
            return after, False
        if parameter_words._is_retired(words[3]):
            return after, False
        after = admission._with_exposure(
            after, words, price_words._sound_price(board, other % 4)
        )
    return after, True


@internal
def _failed(
    scene: admission.Scene,
    id: uint256,
    word: uint256,
    holder: uint256,
    position: uint256,
    end: uint256,
) -> IPerpetualMarket.Fill:
    """
    @notice What an order that failed for good pays: the taker fee, as far as its account stays
            healthy, and of its keeper's fee what its account could withdraw.
    """
    found: appraisal.Appraisal = admission._released(scene, word, holder, position)
    is_priced: bool = True
    others: uint256 = custody._unpack(holder).markets & ~(1 << scene.market)
    if others != 0:
        found, is_priced = self._with_others(scene, id, found, others)
    failed: IPerpetualMarket.Fill = admission._failed(
        scene, id, word, holder, found, is_priced
    )
    log IPerpetualMarket.OrderFailed(
        account=id & ~SLOT_MASK,
        market=scene.market,
        slot=id & SLOT_MASK,
        reason=admission._reason(end),
        fee=failed.fee,
        earned=failed.earned,
    )
    return failed


@internal
@view
def _tile_of(second: uint256) -> uint256:
    return (second + TILE_LENGTH - 1) // TILE_LENGTH


@external
@view
def order_in(account: uint256, slot: uint256) -> IPerpetualMarket.Order:
    """
    @notice The order in an account's slot.
    """
    return orders._read(account + slot)


@external
@view
def order_word(id: uint256) -> uint256:
    """
    @notice The word of the order in a slot (`order_words`), an account plus its number; one at
            most where there is none.
    """
    return orders._slot(id)


@external
@view
def outcomes(
    market: uint256, ids: DynArray[uint256, MOST_ORDERS]
) -> DynArray[String[32], MOST_ORDERS]:
    """
    @notice What would become of orders that were executed together now: filled where it is empty,
            or why not. It reverts as `execute` would.
    """
    order: DynArray[uint256, MOST_ORDERS] = self._words_of(market, ids)
    second: uint256 = order_words._second_of(order[0])
    board: uint256 = staticcall FEED.board_at(market // 4, second)
    price: uint256 = price_words._sound_price(board, market % 4)
    words: uint256[8] = empty(uint256[8])
    holders: DynArray[uint256, 100] = []
    words, holders = staticcall MARKET.scene(market, ids)
    scene: admission.Scene = admission._scene(market, words, price, board, second)
    ends: uint256 = 0
    meeting: batches.Meeting = empty(batches.Meeting)
    ends, meeting = self._judge_all(scene, ids, order, holders)
    reasons: DynArray[String[32], MOST_ORDERS] = []
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        reasons.append(admission._reason((ends >> (END_BITS * i)) & 15))
    return reasons
