# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title admission
@license AGPL-3.0-only
@notice Decides which orders of a batch stand, and what each pays.
@dev Pure: it is handed the words of everything that it judges by, its *scene*. So whoever holds
     them can ask the same question, as `Lens` does for an order that nobody has placed yet.

     Not checked, where it says so: what is stored is below 2^103, with all of a batch on one side
     2^108, and what comes of it below 2^160; what passes its field is refused when it is saved.
"""

from interfaces import IPerpetualMarket
from contracts.math import batches
from contracts.math import borrowing_math
from contracts.math import positions
from contracts.math import price_words
from contracts.math import wad
from contracts.modules import appraisal
from contracts.modules import book
from contracts.modules import custody
from contracts.modules import order_words
from contracts.modules import parameter_words
from contracts.modules import trades

struct Scene:
    market: uint256
    price: uint256
    board: uint256  # the price word that the price is from; zero where it is a round's
    second: uint256  # the one that all markets are judged at; zero where only this price is known
    first_word: uint256  # of the market's parameters
    second_word: uint256
    pool_word: uint256  # the pool's parameters
    state: book.Market  # brought up to now
    pool: custody.Pool


struct Side:
    size: int256  # the sum of its orders
    terms: batches.Terms  # what they pay together
    refusal: uint256  # why none of them may increase a position


# What becomes of an order
STANDS: constant(uint256) = 0
UNDECIDED: constant(uint256) = 1  # more must be asked
STAYS: constant(uint256) = 2
NOTHING_TO_REDUCE: constant(uint256) = 3
BEYOND_LIMIT: constant(uint256) = 4
TOO_SMALL: constant(uint256) = 5
INTEREST_AT_CAP: constant(uint256) = 6
SKEW_AT_CAP: constant(uint256) = 7
FULLY_USED: constant(uint256) = 8
NO_MARGIN: constant(uint256) = 9


@internal
@view
def _scene(
    market: uint256, words: uint256[8], price: uint256, board: uint256, second: uint256
) -> Scene:
    """
    @param words Of the market and the pool, as `PerpetualMarket.scene` gives them.
    """
    return Scene(
        market=market,
        price=price,
        board=board,
        second=second,
        first_word=words[3],
        second_word=words[4],
        pool_word=words[7],
        state=book._accrued(book._unpack(words[0], words[1], words[2]), words[3]),
        pool=custody._unpack_pool(words[5], words[6]),
    )


@internal
@pure
def _dearest(
    newest: uint256, market: uint256, size_delta: int256, limit_price: uint256
) -> uint256:
    """
    @notice The price that an order's escrow is counted at. A purchase fills at its limit at most;
            a sale may fill above it, so the newest price counts, whatever its age.
    @param newest The newest price word of the market's board.
    """
    lane: uint256 = price_words._lane_of(newest, market % 4)
    if size_delta > 0 or not price_words._is_in_bounds(lane):
        return limit_price
    return max(limit_price, price_words._price_of(lane))


@internal
@pure
def _effective_size(word: uint256, position: uint256) -> int256:
    """
    @notice An order's size; one that only reduces is cut to what there is to reduce.
    @dev Not checked: a size has a negative.
    """
    size_delta: int256 = order_words._size_of(word)
    if not order_words._reduces(word):
        return size_delta
    size: int256 = book._unpack_position(position).size
    closing: int256 = convert(convert(positions._closing_size(size, size_delta), bytes32), int256)
    return closing if size_delta > 0 else unsafe_sub(0, closing)


@internal
@pure
def _side(scene: Scene, size: int256) -> Side:
    """
    @notice What the orders of one side, `size` in all, pay if they meet nobody, and which cap they
            would pass.
    @dev Not checked: sums of sizes, and of capital at risk, which a market's is a part of.
    """
    if size == 0:
        return empty(Side)
    skew: int256 = book._skew(scene.state.long, scene.state.short)
    side: Side = Side(
        size=size,
        terms=batches._side_terms(
            size, skew, scene.price, parameter_words._schedule(scene.first_word)
        ),
        refusal=STANDS,
    )
    long: uint256 = scene.state.long
    short: uint256 = scene.state.short
    if size > 0:
        long = unsafe_add(long, convert(convert(size, bytes32), uint256))
    else:
        short = unsafe_sub(short, convert(convert(size, bytes32), uint256))
    elsewhere: uint256 = unsafe_sub(scene.pool.at_risk, scene.state.at_risk)
    at_risk: uint256 = unsafe_add(elsewhere, book._risk(scene.first_word, long, short, scene.price))
    most_used: uint256 = parameter_words._max_utilisation(scene.pool_word)
    if max(long, short) > parameter_words._max_open_interest(scene.second_word):
        side.refusal = INTEREST_AT_CAP
    elif wad._magnitude(unsafe_add(skew, size)) > parameter_words._max_skew(scene.second_word):
        side.refusal = SKEW_AT_CAP
    elif borrowing_math._utilisation(at_risk, scene.pool.cash) > most_used:
        side.refusal = FULLY_USED
    return side


@internal
@pure
def _judge(
    scene: Scene, word: uint256, size: int256, side: Side, holder_word: uint256, position: uint256
) -> (uint256, int256):
    """
    @notice Whether an order would stand if its own side were filled whole, or why not. UNDECIDED
            where its account's margin decides; then what the account has to spare after it,
            without its positions in other markets, comes second.
    @dev Not checked: sums of sizes and of money. An order's escrow is in its account's, and its
         keeper's fee in its escrow.
    """
    price: uint256 = scene.price
    if size == 0:
        return NOTHING_TO_REDUCE, 0
    terms: batches.Terms = batches._dearest_share(side.terms, size, side.size, price)
    if not batches._is_within_limit(size, price, terms.premium, order_words._limit_of(word)):
        return BEYOND_LIMIT, 0
    before: positions.Position = book._unpack_position(position)
    size_after: int256 = unsafe_add(before.size, size)
    least: uint256 = parameter_words._min_notional(scene.first_word)
    if size_after != 0 and positions._notional(size_after, price) < least:
        return TOO_SMALL, 0
    if not positions._increases(before.size, size):
        return STANDS, 0
    if side.refusal != STANDS:
        return side.refusal, 0

    escrow: uint256 = order_words._escrow_of(word)
    holder: custody.Account = custody._unpack(holder_word)
    released: uint256 = unsafe_sub(escrow, order_words._keeper_fee_of(word))
    margin: int256 = unsafe_add(holder.margin, convert(convert(released, bytes32), int256))
    index: int256 = book._index(scene.state.index_long, scene.state.index_short, size_after)
    after: positions.Position = empty(positions.Position)
    gain: int256 = 0
    after, gain = trades._filled(
        before,
        size,
        price,
        book._index(scene.state.index_long, scene.state.index_short, before.size),
        index,
    )
    # What the vault couldn't pay a winner now is a claim, and no margin.
    result: int256 = unsafe_add(margin, gain)
    paid: int256 = unsafe_sub(max(result, 0), max(margin, 0))
    cash: int256 = convert(convert(custody._free_cash(scene.pool), bytes32), int256)
    margin = unsafe_sub(result, max(unsafe_sub(paid, cash), 0))
    cost: int256 = unsafe_add(convert(convert(terms.fee, bytes32), int256), terms.premium)
    if cost > max(margin, 0):
        return NO_MARGIN, 0
    left: int256 = unsafe_sub(margin, cost)
    held: int256 = convert(convert(unsafe_sub(holder.escrow, escrow), bytes32), int256)
    return (
        UNDECIDED,
        unsafe_add(
            unsafe_add(left, held), appraisal._spare_of(after, price, scene.second_word, index)
        ),
    )


@internal
@view
def _with_exposure(
    found: appraisal.Appraisal, words: uint256[6], price: uint256
) -> appraisal.Appraisal:
    """
    @notice An appraisal and a position in another market more.
    @param words As `PerpetualMarket.exposure` gives them.
    """
    state: book.Market = book._accrued(book._unpack(words[0], words[1], words[2]), words[3])
    position: positions.Position = book._unpack_position(words[5])
    index: int256 = book._index(state.index_long, state.index_short, position.size)
    return appraisal._with_position(found, position, price, words[4], index)


@internal
@pure
def _meeting(scene: Scene, buys: int256, sells: int256) -> batches.Meeting:
    """
    @notice What admitted orders pay.
    @dev Not checked: buys are not below zero, and sells not above it.
    """
    return batches._meeting(
        convert(convert(buys, bytes32), uint256),
        convert(convert(unsafe_sub(0, sells), bytes32), uint256),
        book._skew(scene.state.long, scene.state.short),
        scene.price,
        parameter_words._schedule(scene.first_word),
        scene.state.impact_reserve,
    )


@internal
@pure
def _fill(
    id: uint256, word: uint256, size: int256, meeting: batches.Meeting
) -> IPerpetualMarket.Fill:
    """
    @notice An admitted order with what it pays.
    """
    terms: batches.Terms = batches._terms(meeting, size)
    return IPerpetualMarket.Fill(
        id=id, word=word, size_delta=size, fee=terms.fee, premium=terms.premium, earned=0
    )


@internal
@pure
def _released(
    scene: Scene, word: uint256, holder_word: uint256, position_word: uint256
) -> appraisal.Appraisal:
    """
    @notice An account that has an order's escrow back, less the keeper's fee, without its
            positions in other markets.
    """
    holder: custody.Account = custody._unpack(holder_word)
    escrow: uint256 = order_words._escrow_of(word)
    holder.escrow -= escrow
    holder.margin += convert(escrow - order_words._keeper_fee_of(word), int256)
    position: positions.Position = book._unpack_position(position_word)
    return appraisal._with_position(
        appraisal._of_nothing(holder),
        position,
        scene.price,
        scene.second_word,
        book._index(scene.state.index_long, scene.state.index_short, position.size),
    )


@internal
@pure
def _failed(
    scene: Scene,
    id: uint256,
    word: uint256,
    holder_word: uint256,
    found: appraisal.Appraisal,
    is_priced: bool,
) -> IPerpetualMarket.Fill:
    """
    @notice What an order that failed for good pays.
    @param found Its account with the escrow back; `is_priced` if all its positions are in it.
    """
    escrow: uint256 = order_words._escrow_of(word)
    keeper_fee: int256 = convert(order_words._keeper_fee_of(word), int256)
    holder: custody.Account = custody._unpack(holder_word)
    margin: int256 = holder.margin + convert(escrow, int256) - keeper_fee
    worth: uint256 = positions._notional(order_words._size_of(word), scene.price)
    charged: uint256 = wad._mul_up(worth, parameter_words._taker_fee(scene.first_word))
    fee: int256 = convert(min(charged, escrow - convert(keeper_fee, uint256)), int256)
    fee = min(fee, max(margin, 0))
    most: int256 = keeper_fee
    if holder.markets != 0:
        if is_priced and scene.second != 0:
            fee = min(fee, max(found.equity - appraisal._maintenance(found), 0))
            most = min(most, found.free - fee + keeper_fee)
        else:  # a round's price may be a day old: what the account can bear now isn't known
            most = 0
            fee = 0
    most = min(most, margin - fee + keeper_fee)
    return IPerpetualMarket.Fill(
        id=id,
        word=word,
        size_delta=0,
        fee=convert(fee, uint256),
        premium=0,
        earned=convert(max(most, 0), uint256),
    )


@internal
@pure
def _reason(end: uint256) -> String[32]:
    """
    @notice What becomes of an order, in words; nothing if it fills.
    """
    if end == STANDS:
        return ""
    if end == STAYS:
        return "stays"
    if end == NOTHING_TO_REDUCE:
        return "nothing to reduce"
    if end == BEYOND_LIMIT:
        return "price beyond limit"
    if end == TOO_SMALL:
        return "position too small"
    if end == INTEREST_AT_CAP:
        return "open interest at its cap"
    if end == SKEW_AT_CAP:
        return "skew at its cap"
    if end == FULLY_USED:
        return "vault fully used"
    return "insufficient margin"
