# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# pragma experimental-codegen
# pragma nonreentrancy on
"""
@title PerpetualMarket
@license AGPL-3.0-only
@notice Accounts, orders and positions in many markets, with the vault on the other side.

`OrderBook` stands above it: it commits orders and brings them here with the price that they fill
at. `clearway/spec/market.py` says the same in plain integers, and the two agree to the last unit.

@dev Nobody can stop reducing, closing or withdrawing. Increases stop where a market's caps are
     lowered to zero.
"""

from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from ..math import batches
from ..math import borrowing_math
from ..math import margin_math
from ..math import positions
from ..math import price_words
from ..math import wad
from ..modules import custody
initializes: custody

from ..modules import order_words
from ..modules import parameters
initializes: parameters

from ..modules import book
initializes: book

exports: (
    custody.TOKEN,
    custody.SCALE,
    custody.held,
    custody.insurance,
)

struct Appraisal:
    equity: int256  # margin, escrow and open results less what is owed
    backing: int256  # the same, with each open profit cut to its market's ratio
    free: int256  # margin less open losses, what is owed and initial margin
    initial: int256
    maintenance: int256


MOST_ORDERS: constant(uint256) = 50
SLOT_MASK: constant(uint256) = 255
ESCROW_UNIT: constant(uint256) = 10**14  # quote wad
STAYS: constant(String[32]) = "stays"
UNDECIDED: constant(String[32]) = "stands alone"

FEED: public(immutable(IPriceFeed))
DEPLOYER: immutable(address)

order_book: public(address)
configuration: public(address)
vault: public(address)


@deploy
def __init__(token: address, feed: address):
    """
    @param token The collateral, with at most 18 decimals.
    """
    custody.__init__(token)
    FEED = IPriceFeed(feed)
    DEPLOYER = msg.sender


# The way in and out


@external
def deposit(account: uint256, amount: uint256):
    """
    @notice Add token units of the caller's to an account's margin. Anyone may, for any account.
    """
    assert account & SLOT_MASK == 0 and account >> 96 != 0, "no such account"
    money: uint256 = custody._take_in(amount)
    self._give(account, money)
    log IPerpetualMarket.Deposited(account=account, by=msg.sender, amount=amount)


@external
def withdraw(account: uint256, amount: uint256, to: address):
    """
    @notice Take token units from the margin that backs nothing.
    """
    self._check_owner_of(account)
    assert amount > 0, "zero amount"
    holder: custody.Account = custody._load(account)
    money: uint256 = amount * custody.SCALE
    assert convert(money, int256) <= self._free_margin(account, holder), "margin in use"
    pool: custody.Pool = custody._load_pool()
    holder, pool = custody._charge(holder, pool, money)
    custody._save(account, holder)
    custody._save_pool(pool)
    log IPerpetualMarket.Withdrawn(account=account, to=to, amount=amount)
    custody._give_out(to, amount)


@external
def provide(amount: uint256):
    """
    @notice Add token units of the caller's, the vault, to the cash that stands against traders.
    """
    assert msg.sender == self.vault, "not the vault"
    money: uint256 = custody._take_in(amount)
    pool: custody.Pool = custody._load_pool()
    pool.cash += money
    custody._save_pool(pool)
    log IPerpetualMarket.Provided(by=msg.sender, amount=amount)


# What the order book asks for


@external
def lock(
    account: uint256,
    market: uint256,
    size_delta: int256,
    price: uint256,
    is_reduce_only: bool,
    keeper_fee: uint256,
) -> uint256:
    """
    @notice Put into escrow what an order will need, counted at `price`; how much that is.
    @dev An order that reduces holds what it can: a lack of margin doesn't stop it.
    """
    self._check_order_book()
    assert parameters._is_listed(market), "unknown market"
    holder: custody.Account = custody._load(account)
    escrow: uint256 = self._escrow(market, size_delta, price, is_reduce_only, keeper_fee)
    margin: uint256 = convert(max(holder.margin, 0), uint256)
    if is_reduce_only:
        escrow = min(escrow, margin // ESCROW_UNIT * ESCROW_UNIT)
        assert escrow >= keeper_fee, "insufficient margin"
    assert escrow <= margin, "insufficient margin"
    custody._save(account, custody._lock(holder, escrow))
    return escrow


@internal
@view
def _escrow(
    market: uint256,
    size_delta: int256,
    price: uint256,
    is_reduce_only: bool,
    keeper_fee: uint256,
) -> uint256:
    """
    @notice What an order will need: its fees, and initial margin if it may increase.
    """
    p: IPerpetualMarket.Parameters = parameters._of(market)
    worth: uint256 = positions._notional(size_delta, price)
    needed: uint256 = keeper_fee + wad._mul_up(worth, p.taker_fee)
    if not is_reduce_only:
        needed += margin_math._requirement(worth, p.initial_ratio, p.initial_slope)
    return wad._mul_div_up(needed, 1, ESCROW_UNIT) * ESCROW_UNIT


@external
def unlock(account: uint256, escrow: uint256):
    """
    @notice Give back an order's escrow.
    """
    self._check_order_book()
    holder: custody.Account = custody._load(account)
    pool: custody.Pool = custody._load_pool()
    holder, pool = custody._unlock(holder, pool, escrow, 0)
    holder, pool = custody._write_off(account, holder, pool)
    custody._save(account, holder)
    custody._save_pool(pool)


@external
def fill(
    market: uint256,
    ids: DynArray[uint256, MOST_ORDERS],
    words: DynArray[uint256, MOST_ORDERS],
    price: uint256,
    board: uint256,
    second: uint256,
    keeper: address,
) -> DynArray[bool, MOST_ORDERS]:
    """
    @notice Admit, let meet, fill; which orders stay, for better company or for want of a price.
    @param ids Accounts plus slots, ascending; `words` are their orders.
    @param board The price word of the market's board at `second`.
    @param second The one that all markets are judged at; zero where only this one's price is known.
    @param keeper Whose first account earns the orders' fees.
    """
    self._check_order_book()
    p: IPerpetualMarket.Parameters = parameters._of(market)
    schedule: batches.Schedule = self._schedule(p)
    state: book.Market = book._accrued(book._load(market), p)
    pool: custody.Pool = custody._load_pool()

    sizes: DynArray[int256, MOST_ORDERS] = []
    buys: int256 = 0
    sells: int256 = 0
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        size: int256 = self._effective_size(order_words._unpack(ids[i], words[i]))
        sizes.append(size)
        if size > 0:
            buys += size
        else:
            sells += size

    # Whoever stands in the company of all of its side stands in less company, and alone. Of who
    # doesn't it is asked whether it stands alone, and then in the company of all who do.
    reasons: DynArray[String[32], MOST_ORDERS] = []
    standing_buys: int256 = 0
    standing_sells: int256 = 0
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        size: int256 = sizes[i]
        order: IPerpetualMarket.Order = order_words._unpack(ids[i], words[i])
        side: int256 = buys if size > 0 else sells
        reason: String[32] = self._why_not(
            order, size, side, price, board, second, p, schedule, state, pool
        )
        if reason != "":
            if side != size:
                reason = self._why_not(
                    order, size, size, price, board, second, p, schedule, state, pool
                )
                if reason == "":
                    reason = UNDECIDED
        reasons.append(reason)
        if reason == "" or reason == UNDECIDED:
            if size > 0:
                standing_buys += size
            else:
                standing_sells += size

    admitted_buys: uint256 = 0
    admitted_sells: uint256 = 0
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        size: int256 = sizes[i]
        if reasons[i] == UNDECIDED:
            reason: String[32] = self._why_not(
                order_words._unpack(ids[i], words[i]),
                size,
                standing_buys if size > 0 else standing_sells,
                price,
                board,
                second,
                p,
                schedule,
                state,
                pool,
            )
            reasons[i] = "" if reason == "" else STAYS
        if reasons[i] == "":
            if size > 0:
                admitted_buys += convert(size, uint256)
            else:
                admitted_sells += convert(-size, uint256)

    stay: DynArray[bool, MOST_ORDERS] = []
    meeting: batches.Meeting = batches._meeting(
        admitted_buys, admitted_sells, book._skew(state), price, schedule, state.impact_reserve
    )
    reward: uint256 = 0
    for i: uint256 in range(len(ids), bound=MOST_ORDERS):
        stays: bool = reasons[i] == STAYS
        stay.append(stays)
        if stays:
            continue
        order: IPerpetualMarket.Order = order_words._unpack(ids[i], words[i])
        account: uint256 = order.id & ~SLOT_MASK
        holder: custody.Account = custody._load(account)
        holder, pool = custody._unlock(holder, pool, order.escrow, order.keeper_fee)
        earned: uint256 = 0
        if reasons[i] == "":
            before: int256 = book._position(account, market).size
            holder, pool, state = self._fill(
                order, sizes[i], price, batches._terms(meeting, sizes[i]), holder, pool, state
            )
            earned = self._due_for_fill(order, before, sizes[i], price, p, holder)
        else:
            fee: uint256 = self._failure_fee(order, price, board, second, p, holder, state)
            holder, pool = custody._charge(holder, pool, fee)
            pool.cash += fee
            earned = self._due_for_failure(order, price, board, second, p, holder, state)
            log IPerpetualMarket.OrderFailed(
                account=account,
                market=market,
                slot=order.id & SLOT_MASK,
                reason=reasons[i],
                fee=fee,
            )
        reward += earned
        holder, pool = custody._credit(holder, pool, order.keeper_fee - earned)
        holder, pool = custody._write_off(account, holder, pool)
        custody._save(account, holder)

    earning: uint256 = convert(keeper, uint256) << 96
    earner: custody.Account = custody._load(earning)
    earner, pool = custody._credit(earner, pool, reward)
    custody._save(earning, earner)

    at_risk: uint256 = book._risk(p, state.long, state.short, price)
    pool.at_risk = pool.at_risk + at_risk - state.at_risk
    state.at_risk = at_risk
    pp: IPerpetualMarket.PoolParameters = parameters._of_pool()
    used: uint256 = borrowing_math._utilisation(pool.at_risk, pool.cash)
    state.borrowing_rate = wad._mul_div_up(
        borrowing_math._borrowing_rate(used, pp.kink, pp.rate_at_kink, pp.rate_at_full),
        1,
        book.RATE_UNIT,
    ) * book.RATE_UNIT
    book._save(market, state)
    custody._save_pool(pool)
    return stay


@internal
@view
def _effective_size(order: IPerpetualMarket.Order) -> int256:
    """
    @notice An order's size; one that only reduces is cut to what there is to reduce.
    """
    if not order.is_reduce_only:
        return order.size_delta
    size: int256 = book._position(order.id & ~SLOT_MASK, order.market).size
    closing: int256 = convert(positions._closing_size(size, order.size_delta), int256)
    return closing if order.size_delta > 0 else -closing


@internal
@view
def _why_not(
    order: IPerpetualMarket.Order,
    size: int256,
    side: int256,
    price: uint256,
    board: uint256,
    second: uint256,
    p: IPerpetualMarket.Parameters,
    schedule: batches.Schedule,
    state: book.Market,
    pool: custody.Pool,
) -> String[32]:
    """
    @notice Why an order wouldn't stand if its own side filled `side` in all; empty if it does.
    """
    if size == 0:
        return "nothing to reduce"
    account: uint256 = order.id & ~SLOT_MASK
    terms: batches.Terms = batches._own_side_terms(
        size, side, book._skew(state), price, schedule
    )
    if not batches._is_within_limit(size, price, terms.premium, order.limit_price):
        return "price beyond limit"
    before: positions.Position = book._position(account, order.market)
    if before.size + size != 0:
        if positions._notional(before.size + size, price) < p.min_notional:
            return "position too small"
    if not positions._increases(before.size, size):
        return ""

    long: uint256 = state.long
    short: uint256 = state.short
    if side > 0:
        long += convert(side, uint256)
    else:
        short += convert(-side, uint256)
    if max(long, short) > p.max_open_interest:
        return "open interest at its cap"
    if wad._magnitude(book._skew(state) + side) > p.max_skew:
        return "skew at its cap"
    at_risk: uint256 = pool.at_risk + book._risk(p, long, short, price) - state.at_risk
    pp: IPerpetualMarket.PoolParameters = parameters._of_pool()
    if borrowing_math._utilisation(at_risk, pool.cash) > pp.max_utilisation:
        return "vault fully used"

    holder: custody.Account = custody._load(account)
    unused: custody.Pool = pool
    holder, unused = custody._unlock(holder, unused, order.escrow, order.keeper_fee)
    after: positions.Position = empty(positions.Position)
    gain: int256 = 0
    after, gain = self._filled(state, before, size, price)
    unpaid: uint256 = 0
    holder, unused, unpaid = custody._settle(holder, unused, gain)
    cost: int256 = convert(terms.fee, int256) + terms.premium
    if cost > max(holder.margin, 0):
        return "insufficient margin"
    holder.margin -= cost
    if not self._is_priced(holder.markets, order.market, board, second):
        return STAYS
    found: Appraisal = self._appraise(
        account, holder, order.market, after, price, board, second, p, state
    )
    if found.backing < found.initial:
        return "insufficient margin"
    return ""


@internal
@view
def _filled(
    state: book.Market, before: positions.Position, size_delta: int256, price: uint256
) -> (positions.Position, int256):
    """
    @notice A position after a fill, and what that settles: the realised result less what was owed.
    """
    funding: int256 = 0
    borrowing: uint256 = 0
    funding, borrowing = book._owed(state, before, price)
    after: positions.Position = empty(positions.Position)
    realised: int256 = 0
    after, realised = positions._filled(
        before,
        size_delta,
        price,
        state.funding_index,
        book._borrowing_index(state, before.size + size_delta),
    )
    return after, realised - funding - convert(borrowing, int256)


@internal
def _fill(
    order: IPerpetualMarket.Order,
    size_delta: int256,
    price: uint256,
    terms: batches.Terms,
    holder_before: custody.Account,
    pool_before: custody.Pool,
    state_before: book.Market,
) -> (custody.Account, custody.Pool, book.Market):
    """
    @notice Settle, realise, pay and replace. What is paid is limited to what is left: no fee makes
            a shortfall.
    """
    account: uint256 = order.id & ~SLOT_MASK
    market: uint256 = order.market
    before: positions.Position = book._position(account, market)
    after: positions.Position = empty(positions.Position)
    gain: int256 = 0
    after, gain = self._filled(state_before, before, size_delta, price)
    holder: custody.Account = holder_before
    pool: custody.Pool = pool_before
    unpaid: uint256 = 0
    holder, pool, unpaid = custody._settle(holder, pool, gain)
    if unpaid > 0:
        custody._queue_claim(account, unpaid)
        pool.has_claims = True

    is_increase: bool = positions._increases(before.size, size_delta)
    room: int256 = holder.margin
    if not is_increase:
        room += min(positions._result(after, price), 0)
    rebate: int256 = max(-terms.premium, 0)
    fee: int256 = min(convert(terms.fee, int256), max(room + rebate, 0))
    premium: int256 = min(terms.premium, max(room, 0) - fee)
    state: book.Market = state_before
    state.fees += convert(fee, uint256)
    state.impact_reserve = convert(convert(state.impact_reserve, int256) + premium, uint256)
    cost: int256 = fee + premium
    if cost > 0:
        holder, pool = custody._charge(holder, pool, convert(cost, uint256))
    else:
        holder, pool = custody._credit(holder, pool, convert(-cost, uint256))
    if not is_increase:
        # What can't be paid now because it is in escrow for other orders is owed to the vault.
        debt: int256 = convert(terms.fee, int256) + terms.premium - cost
        backed: int256 = max(room - cost + convert(holder.escrow, int256), 0)
        holder, pool, unpaid = custody._settle(holder, pool, -min(debt, backed))

    state = book._with(book._without(state, before), after)
    book._put(account, market, after)
    holder.markets = self._with_market(holder.markets, market, after.size != 0)
    log IPerpetualMarket.OrderFilled(
        account=account,
        market=market,
        slot=order.id & SLOT_MASK,
        size_delta=size_delta,
        price=price,
        fee=convert(fee, uint256),
        premium=premium,
        result=gain,
        size=after.size,
    )
    return holder, pool, state


@internal
@view
def _failure_fee(
    order: IPerpetualMarket.Order,
    price: uint256,
    board: uint256,
    second: uint256,
    p: IPerpetualMarket.Parameters,
    holder: custody.Account,
    state: book.Market,
) -> uint256:
    """
    @notice The taker fee that a failed order pays, as far as its account stays healthy.
    """
    worth: uint256 = positions._notional(order.size_delta, price)
    fee: uint256 = min(wad._mul_up(worth, p.taker_fee), order.escrow - order.keeper_fee)
    fee = min(fee, convert(max(holder.margin, 0), uint256))
    if holder.markets == 0 or second == 0:
        return fee
    if not self._is_priced(holder.markets, order.market, board, second):
        return 0
    found: Appraisal = self._appraise_stored(
        order.id & ~SLOT_MASK, holder, order.market, price, board, second, p, state
    )
    return min(fee, convert(max(found.equity - found.maintenance, 0), uint256))


@internal
@view
def _due_for_fill(
    order: IPerpetualMarket.Order,
    before: int256,
    size_delta: int256,
    price: uint256,
    p: IPerpetualMarket.Parameters,
    holder: custody.Account,
) -> uint256:
    """
    @notice How much of its keeper's fee a filled order pays.
    @dev A keeper may be the owner himself, so no more leaves an account than it could withdraw: an
         increase was judged without the fee; a reduction pays out of the initial margin that it
         frees.
    """
    fee: int256 = convert(order.keeper_fee, int256)
    most: int256 = min(fee, holder.margin + fee)
    if holder.markets != 0 and not positions._increases(before, size_delta):
        after: positions.Position = book._position(order.id & ~SLOT_MASK, order.market)
        freed: int256 = self._initial(p, before, price) - self._initial(p, after.size, price)
        most = min(most, freed)
        most = min(most, holder.margin + fee + min(positions._result(after, price), 0))
    return convert(max(most, 0), uint256)


@internal
@view
def _due_for_failure(
    order: IPerpetualMarket.Order,
    price: uint256,
    board: uint256,
    second: uint256,
    p: IPerpetualMarket.Parameters,
    holder: custody.Account,
    state: book.Market,
) -> uint256:
    """
    @notice How much of its keeper's fee a failed order pays: what its account could withdraw.
    """
    fee: int256 = convert(order.keeper_fee, int256)
    most: int256 = min(fee, holder.margin + fee)
    if holder.markets != 0:
        if second == 0 or not self._is_priced(holder.markets, order.market, board, second):
            return 0
        found: Appraisal = self._appraise_stored(
            order.id & ~SLOT_MASK, holder, order.market, price, board, second, p, state
        )
        most = min(most, found.free + fee)
    return convert(max(most, 0), uint256)


# What an account has and needs


@internal
@view
def _appraise(
    account: uint256,
    holder: custody.Account,
    market: uint256,
    position: positions.Position,
    price: uint256,
    board: uint256,
    second: uint256,
    p: IPerpetualMarket.Parameters,
    state: book.Market,
) -> Appraisal:
    """
    @notice What an account has and needs, with `position` in `market` in the stored one's place.
    @param board The price word of the market's board at `second`, which gives the others' prices.
    """
    escrow: int256 = convert(holder.escrow, int256)
    found: Appraisal = Appraisal(
        equity=holder.margin + escrow,
        backing=holder.margin + escrow,
        free=holder.margin,
        initial=0,
        maintenance=0,
    )
    if position.size != 0:
        found = self._with_position(found, position, price, p, state)
    rest: uint256 = holder.markets & ~(1 << market)
    for other: uint256 in range(parameters.MOST_MARKETS):
        if rest >> other == 0:
            break
        if (rest >> other) & 1 == 1:
            its: IPerpetualMarket.Parameters = parameters._of(other)
            found = self._with_position(
                found,
                book._position(account, other),
                self._price_at(other, board, market, second),
                its,
                book._accrued(book._load(other), its),
            )
    return found


@internal
@view
def _appraise_stored(
    account: uint256,
    holder: custody.Account,
    market: uint256,
    price: uint256,
    board: uint256,
    second: uint256,
    p: IPerpetualMarket.Parameters,
    state: book.Market,
) -> Appraisal:
    """
    @notice What an account has and needs as it is stored.
    """
    return self._appraise(
        account, holder, market, book._position(account, market), price, board, second, p, state
    )


@internal
@pure
def _with_position(
    found: Appraisal,
    position: positions.Position,
    price: uint256,
    p: IPerpetualMarket.Parameters,
    state: book.Market,
) -> Appraisal:
    """
    @notice An appraisal and one position more.
    """
    after: Appraisal = found
    result: int256 = positions._result(position, price)
    counted: int256 = result
    if result > 0:
        counted = wad._signed_mul_floor(result, convert(p.profit_ratio, int256))
    funding: int256 = 0
    borrowing: uint256 = 0
    funding, borrowing = book._owed(state, position, price)
    worth: uint256 = positions._notional(position.size, price)
    initial: int256 = self._requirement(worth, p.initial_ratio, p.initial_slope)
    due: int256 = convert(borrowing, int256)
    after.equity += result - funding - due
    after.backing += counted - funding - due
    after.free += min(result, 0) - max(funding, 0) - due - initial
    after.initial += initial
    after.maintenance += self._requirement(worth, p.maintenance_ratio, p.maintenance_slope)
    return after


@internal
@pure
def _requirement(worth: uint256, ratio: uint256, slope: uint256) -> int256:
    return convert(margin_math._requirement(worth, ratio, slope), int256)


@internal
@pure
def _initial(p: IPerpetualMarket.Parameters, size: int256, price: uint256) -> int256:
    """
    @notice The initial margin of a size; quote wad.
    """
    return self._requirement(positions._notional(size, price), p.initial_ratio, p.initial_slope)


@internal
@view
def _free_margin(account: uint256, holder: custody.Account) -> int256:
    """
    @notice What may leave: the margin less open losses, what is owed and initial margin.
    @dev An account with positions is judged at the newest price of its first market, and at the
         others' of the same second.
    """
    if holder.markets == 0:
        return max(holder.margin, 0)
    market: uint256 = 0
    for number: uint256 in range(parameters.MOST_MARKETS):
        market = number
        if (holder.markets >> number) & 1 == 1:
            break
    board: uint256 = staticcall FEED.board(market // 4)
    p: IPerpetualMarket.Parameters = parameters._of(market)
    found: Appraisal = self._appraise_stored(
        account,
        holder,
        market,
        price_words._sound_price(board, market % 4),
        board,
        price_words._time_of(board),
        p,
        book._accrued(book._load(market), p),
    )
    return max(found.free, 0)


@internal
@view
def _is_priced(markets: uint256, market: uint256, board: uint256, second: uint256) -> bool:
    """
    @notice Whether the report of a second has a price for all of some markets; `board` is that of
            `market`, whose price is known.
    """
    rest: uint256 = markets & ~(1 << market)
    for other: uint256 in range(parameters.MOST_MARKETS):
        if rest >> other == 0:
            break
        if (rest >> other) & 1 == 1:
            word: uint256 = board
            if other // 4 != market // 4:
                word = staticcall FEED.board_at(other // 4, second)
            if not price_words._is_sound(word, other % 4):
                return False
    return True


@internal
@view
def _price_at(market: uint256, board: uint256, of: uint256, second: uint256) -> uint256:
    """
    @notice A market's price at a second; `board` is that of market `of`, read already.
    """
    if market // 4 == of // 4:
        return price_words._sound_price(board, market % 4)
    return price_words._sound_price(
        staticcall FEED.board_at(market // 4, second), market % 4
    )


@internal
@pure
def _schedule(p: IPerpetualMarket.Parameters) -> batches.Schedule:
    return batches.Schedule(
        skew_scale=p.skew_scale,
        premium_cap=p.premium_cap,
        maker_fee=p.maker_fee,
        taker_fee=p.taker_fee,
    )


@internal
@pure
def _with_market(markets: uint256, market: uint256, is_held: bool) -> uint256:
    return markets | (1 << market) if is_held else markets & ~(1 << market)


@internal
@view
def _check_owner_of(account: uint256):
    assert account & SLOT_MASK == 0, "no such account"
    assert convert(account >> 96, address) == msg.sender, "not the owner"


@internal
def _give(account: uint256, money: uint256):
    """
    @notice Add margin to an account.
    """
    holder: custody.Account = custody._load(account)
    pool: custody.Pool = custody._load_pool()
    holder, pool = custody._credit(holder, pool, money)
    custody._save(account, holder)
    custody._save_pool(pool)


# Buckets


@external
def sweep(market: uint256):
    """
    @notice Share a market's fees out to insurance and vault. Anyone may.
    """
    state: book.Market = book._load(market)
    insured: uint256 = wad._mul_down(state.fees, parameters._of_pool().insurance_share)
    custody._insure(insured)
    pool: custody.Pool = custody._load_pool()
    pool.cash += state.fees - insured
    custody._save_pool(pool)
    log IPerpetualMarket.FeesSwept(
        market=market, insured=insured, to_vault=state.fees - insured
    )
    state.fees = 0
    book._save(market, state)


@external
def pay_claims(most: uint256):
    """
    @notice Pay what the vault owes winners from its cash, oldest first, up to `most` of them.
    """
    custody._pay_claims(most)


# Views


@external
@view
def account_of(owner: address, number: uint256) -> uint256:
    """
    @notice The name of an owner's account; numbers are below 2^88.
    """
    assert number < 2**88, "no such account"
    return convert(owner, uint256) << 96 | number << 8


@external
@view
def balance_of(account: uint256) -> custody.Account:
    """
    @notice An account's margin, escrow, and markets with positions.
    """
    return custody._load(account)


@external
@view
def free_margin(account: uint256) -> int256:
    """
    @notice What may be withdrawn now; quote wad.
    """
    return self._free_margin(account, custody._load(account))


@external
@view
def position_of(account: uint256, market: uint256) -> positions.Position:
    """
    @notice A position as it was last settled.
    """
    return book._position(account, market)


@external
@view
def market_state(market: uint256) -> book.Market:
    """
    @notice A market at its last touch.
    """
    return book._load(market)


@external
@view
def parameters_of(market: uint256) -> IPerpetualMarket.Parameters:
    """
    @notice A market's parameters.
    """
    return parameters._of(market)


@external
@view
def pool() -> custody.Pool:
    """
    @notice The sums over all accounts and markets.
    """
    return custody._load_pool()


# Administration


@external
def connect(order_book: address, configuration: address, vault: address):
    """
    @notice Name the contracts that may call this one; the deployer, once.
    """
    assert msg.sender == DEPLOYER, "not the deployer"
    assert self.order_book == empty(address), "connected already"
    assert empty(address) not in [order_book, configuration, vault], "zero address"
    self.order_book = order_book
    self.configuration = configuration
    self.vault = vault


@external
def set_parameters(market: uint256, first: uint256, second: uint256):
    """
    @notice Store a market's parameters, opening it if it is new. `Configuration` has judged them.
    """
    assert msg.sender == self.configuration, "not the configuration"
    if not parameters._is_listed(market):
        book._open(market)
    parameters._set(market, first, second)


@external
def set_pool_parameters(word: uint256):
    """
    @notice Store the pool's parameters.
    """
    assert msg.sender == self.configuration, "not the configuration"
    parameters._set_pool(word)


@internal
@view
def _check_order_book():
    assert msg.sender == self.order_book, "not the order book"
