# pragma version ==0.4.3
# pragma evm-version cancun
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
from ..math import price_words
from ..math import wad
from ..modules import order_words
from ..modules import orders
initializes: orders

DELAY: constant(uint256) = 2  # seconds between an order's commit and the second that prices it
SIGNED_WINDOW: constant(uint256) = 600  # seconds in which only the signed report counts
REDUCE_WINDOW: constant(uint256) = 86_400  # seconds in which a reduction may still be executed
MOST_KEEPER_FEE: constant(uint256) = 100 * 10**18  # quote wad
MOST_ORDERS: constant(uint256) = 50
SLOT_MASK: constant(uint256) = 255

FEED: public(immutable(IPriceFeed))
MARKET: public(immutable(IPerpetualMarket))
TILE_LENGTH: immutable(uint256)


@deploy
def __init__(market: address, feed: address):
    MARKET = IPerpetualMarket(market)
    FEED = IPriceFeed(feed)
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
    assert convert(account >> 96, address) == msg.sender, "not the owner"
    assert market < 32, "unknown market"
    assert size_delta != 0, "zero size"
    assert limit_price > 0, "zero limit price"
    assert keeper_fee <= MOST_KEEPER_FEE, "keeper's fee too high"
    order_words._check_grids(size_delta, limit_price, keeper_fee)
    assert orders._is_free(account, slot), "slot in use"

    # No order fills at a report that was known at its commit.
    newest: uint256 = staticcall FEED.newest_board(market // 4)
    begins: uint256 = max(block.timestamp, price_words._time_of(newest))
    if not is_reduce_only:
        outage: String[32] = staticcall FEED.outage(market // 4)
        assert outage == "", outage

    order: IPerpetualMarket.Order = IPerpetualMarket.Order(
        id=account + slot,
        market=market,
        size_delta=size_delta,
        limit_price=limit_price,
        is_reduce_only=is_reduce_only,
        fills_at=begins + DELAY,
        keeper_fee=keeper_fee,
        escrow=extcall MARKET.lock(
            account,
            market,
            size_delta,
            self._dearest(newest, market, size_delta, limit_price),
            is_reduce_only,
            keeper_fee,
        ),
    )
    orders._write(order)
    log IPerpetualMarket.OrderPlaced(account=account, market=market, slot=slot, order=order)


@internal
@pure
def _dearest(
    newest: uint256, market: uint256, size_delta: int256, limit_price: uint256
) -> uint256:
    """
    @notice The price that an order's escrow is counted at. A purchase fills at its limit at most;
            a sale may fill above it, so the newest price counts, whatever its age.
    """
    lane: uint256 = price_words._lane_of(newest, market % 4)
    if size_delta > 0 or not price_words._has_price(lane):
        return limit_price
    return max(limit_price, price_words._price_of(lane))


@external
def clear(account: uint256, slot: uint256):
    """
    @notice Return the escrow of an order whose window has ended. Anyone may.
    """
    order: IPerpetualMarket.Order = orders._read(account + slot)
    window: uint256 = REDUCE_WINDOW if order.is_reduce_only else SIGNED_WINDOW
    assert block.timestamp > order.fills_at - DELAY + window, "order still open"
    orders._erase(order.id)
    extcall MARKET.unlock(account, order.escrow)
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
    publishers: DynArray[address, 7],
    signatures: DynArray[IPriceFeed.Signature, 7],
    market: uint256,
    ids: DynArray[uint256, MOST_ORDERS],
):
    """
    @notice Bring the report that prices some orders, and execute them.
    """
    extcall FEED.submit(observed_at, boards, publishers, signatures)
    self._execute(market, ids)


@internal
def _execute(market: uint256, ids: DynArray[uint256, MOST_ORDERS]):
    """
    @notice Judge the orders' windows, read their price, and hand them down.
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
        assert block.timestamp >= second, "order too young"
        assert block.timestamp <= second - DELAY + SIGNED_WINDOW, "too old for a report"
        words.append(word)
    filled_at: uint256 = order_words._second_of(words[0])
    board: uint256 = staticcall FEED.board_at(market // 4, filled_at)
    price: uint256 = price_words._sound_price(board, market % 4)
    self._fill(market, ids, words, price, board, filled_at)


@external
def execute_by_round(id: uint256, round: uint256, predecessor: uint256):
    """
    @notice Execute an order that reduces by the aggregator's first round after its commit, made
            worse by the feed's deviation: when no report did it in its first ten minutes.
    """
    order: IPerpetualMarket.Order = orders._read(id)
    committed_at: uint256 = order.fills_at - DELAY
    assert block.timestamp > committed_at + SIGNED_WINDOW, "report still counts"
    assert block.timestamp <= committed_at + REDUCE_WINDOW, "order expired"
    assert order.is_reduce_only, "order doesn't reduce"
    found: IPriceFeed.Reference = staticcall FEED.round_after(
        order.market, committed_at, round, predecessor
    )
    assert found.reason == "", found.reason
    worse: uint256 = wad._mul_down(found.price, wad.WAD - found.deviation)
    if order.size_delta > 0:
        worse = wad._mul_up(found.price, wad.WAD + found.deviation)
    self._fill(order.market, [id], [orders._word(id)], worse, 0, 0)


@internal
def _fill(
    market: uint256,
    ids: DynArray[uint256, MOST_ORDERS],
    words: DynArray[uint256, MOST_ORDERS],
    price: uint256,
    board: uint256,
    second: uint256,
):
    """
    @notice Hand orders down, and take off what doesn't stay.
    """
    stay: DynArray[bool, MOST_ORDERS] = extcall MARKET.fill(
        market, ids, words, price, board, second, msg.sender
    )
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        if not stay[i]:
            orders._erase(ids[i])


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
