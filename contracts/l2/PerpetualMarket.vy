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

MOST_ORDERS: constant(uint256) = 50
SLOT_MASK: constant(uint256) = 255
ESCROW_UNIT: constant(uint256) = 10**14  # quote wad
STAYS: constant(String[32]) = "stays"

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
    assert money <= self._free_margin(account, holder), "margin in use"
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
    custody._save(account, holder)
    custody._save_pool(pool)


@external
def fill(
    market: uint256,
    batch: DynArray[IPerpetualMarket.Order, MOST_ORDERS],
    price: uint256,
    board: uint256,
    second: uint256,
    keeper: address,
) -> DynArray[bool, MOST_ORDERS]:
    """
    @notice Admit, let meet, fill; which orders stay, for better company or for want of a price.
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
    for order: IPerpetualMarket.Order in batch:
        size: int256 = self._effective_size(order)
        sizes.append(size)
        if size > 0:
            buys += size
        else:
            sells += size

    reasons: DynArray[String[32], MOST_ORDERS] = []
    stay: DynArray[bool, MOST_ORDERS] = []
    admitted_buys: uint256 = 0
    admitted_sells: uint256 = 0
    for i: uint256 in range(len(batch), bound=MOST_ORDERS):
        size: int256 = sizes[i]
        side: int256 = buys if size > 0 else sells
        stays: bool = False
        reason: String[32] = self._why_not(
            batch[i], size, size, price, board, second, p, schedule, state, pool
        )
        if reason == STAYS:
            stays = True
        elif reason == "" and side != size:
            reason_in_company: String[32] = self._why_not(
                batch[i], size, side, price, board, second, p, schedule, state, pool
            )
            stays = reason_in_company != ""
        reasons.append(reason)
        stay.append(stays)
        if reason == "" and not stays:
            if size > 0:
                admitted_buys += convert(size, uint256)
            else:
                admitted_sells += convert(-size, uint256)

    meeting: batches.Meeting = batches._meeting(
        admitted_buys, admitted_sells, book._skew(state), price, schedule, state.impact_reserve
    )
    reward: uint256 = 0
    for i: uint256 in range(len(batch), bound=MOST_ORDERS):
        if stay[i]:
            continue
        order: IPerpetualMarket.Order = batch[i]
        account: uint256 = order.id & ~SLOT_MASK
        reward += order.keeper_fee
        holder: custody.Account = custody._load(account)
        holder, pool = custody._unlock(holder, pool, order.escrow, order.keeper_fee)
        if reasons[i] == "":
            holder, pool, state = self._fill(
                order, sizes[i], price, batches._terms(meeting, sizes[i]), holder, pool, state
            )
        else:
            fee: uint256 = self._failure_fee(order, price, board, second, p, holder, state)
            holder, pool = custody._charge(holder, pool, fee)
            pool.cash += fee
            log IPerpetualMarket.OrderFailed(
                account=account,
                market=market,
                slot=order.id & SLOT_MASK,
                reason=reasons[i],
                fee=fee,
            )
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
    backing: int256 = 0
    needed: uint256 = 0
    backing, needed = self._initial_test(
        account, holder, order.market, after, price, board, second, p, state
    )
    if backing < convert(needed, int256):
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

    room: int256 = holder.margin
    if not positions._increases(before.size, size_delta):
        room += min(positions._result(after, price), 0)
    room = max(room, 0)
    fee: uint256 = min(terms.fee, convert(room, uint256))
    premium: int256 = min(terms.premium, room - convert(fee, int256))
    state: book.Market = state_before
    state.fees += fee
    state.impact_reserve = convert(convert(state.impact_reserve, int256) + premium, uint256)
    cost: int256 = convert(fee, int256) + premium
    if cost > 0:
        holder, pool = custody._charge(holder, pool, convert(cost, uint256))
    else:
        holder, pool = custody._credit(holder, pool, convert(-cost, uint256))

    state = book._with(book._without(state, before), after)
    book._put(account, market, after)
    holder.markets = self._with_market(holder.markets, market, after.size != 0)
    if holder.markets == 0 and holder.margin < 0:
        holder, pool = custody._write_off(account, holder, pool)
    log IPerpetualMarket.OrderFilled(
        account=account,
        market=market,
        slot=order.id & SLOT_MASK,
        size_delta=size_delta,
        price=price,
        fee=fee,
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
    equity: int256 = 0
    needed: uint256 = 0
    equity, needed = self._maintenance_test(
        order.id & ~SLOT_MASK, holder, order.market, price, board, second, p, state
    )
    return min(fee, convert(max(equity - convert(needed, int256), 0), uint256))


# What an account has and needs


@internal
@view
def _initial_test(
    account: uint256,
    holder: custody.Account,
    market: uint256,
    position: positions.Position,
    price: uint256,
    board: uint256,
    second: uint256,
    p: IPerpetualMarket.Parameters,
    state: book.Market,
) -> (int256, uint256):
    """
    @notice What backs an account's positions, profits cut, and their initial margin; `position` in
            `market` stands for the stored one.
    """
    backing: int256 = holder.margin + convert(holder.escrow, int256)
    needed: uint256 = 0
    value: int256 = 0
    margin: uint256 = 0
    if position.size != 0:
        value, margin = self._backing_of(position, price, p, state)
        backing += value
        needed += margin
    rest: uint256 = holder.markets & ~(1 << market)
    for other: uint256 in range(parameters.MOST_MARKETS):
        if rest >> other == 0:
            break
        if (rest >> other) & 1 == 1:
            its: IPerpetualMarket.Parameters = parameters._of(other)
            value, margin = self._backing_of(
                book._position(account, other),
                self._price_at(other, board, market, second),
                its,
                book._accrued(book._load(other), its),
            )
            backing += value
            needed += margin
    return backing, needed


@internal
@pure
def _backing_of(
    position: positions.Position,
    price: uint256,
    p: IPerpetualMarket.Parameters,
    state: book.Market,
) -> (int256, uint256):
    """
    @notice A position's open result, a profit cut to its ratio, less what it owes; and its initial
            margin.
    """
    gain: int256 = positions._result(position, price)
    if gain > 0:
        gain = wad._signed_mul_floor(gain, convert(p.profit_ratio, int256))
    funding: int256 = 0
    borrowing: uint256 = 0
    funding, borrowing = book._owed(state, position, price)
    margin: uint256 = margin_math._requirement(
        positions._notional(position.size, price), p.initial_ratio, p.initial_slope
    )
    return gain - funding - convert(borrowing, int256), margin


@internal
@view
def _maintenance_test(
    account: uint256,
    holder: custody.Account,
    market: uint256,
    price: uint256,
    board: uint256,
    second: uint256,
    p: IPerpetualMarket.Parameters,
    state: book.Market,
) -> (int256, uint256):
    """
    @notice An account's equity and its maintenance margin; quote wad.
    """
    equity: int256 = holder.margin + convert(holder.escrow, int256)
    needed: uint256 = 0
    for other: uint256 in range(parameters.MOST_MARKETS):
        if holder.markets >> other == 0:
            break
        if (holder.markets >> other) & 1 == 1:
            its: IPerpetualMarket.Parameters = p
            at: uint256 = price
            its_state: book.Market = state
            if other != market:
                its = parameters._of(other)
                at = self._price_at(other, board, market, second)
                its_state = book._accrued(book._load(other), its)
            position: positions.Position = book._position(account, other)
            funding: int256 = 0
            borrowing: uint256 = 0
            funding, borrowing = book._owed(its_state, position, at)
            equity += positions._result(position, at) - funding - convert(borrowing, int256)
            needed += margin_math._requirement(
                positions._notional(position.size, at), its.maintenance_ratio, its.maintenance_slope
            )
    return equity, needed


@internal
@view
def _free_margin(account: uint256, holder: custody.Account) -> uint256:
    """
    @notice What may leave: the margin less open losses, what is owed and initial margin.
    @dev An account with positions is judged at the newest prices, all of one second.
    """
    free: int256 = holder.margin
    second: uint256 = 0
    for market: uint256 in range(parameters.MOST_MARKETS):
        if holder.markets >> market == 0:
            break
        if (holder.markets >> market) & 1 == 1:
            board: uint256 = staticcall FEED.board(market // 4)
            assert second == 0 or second == price_words._time_of(board), "prices of different seconds"
            second = price_words._time_of(board)
            price: uint256 = price_words._sound_price(board, market % 4)
            p: IPerpetualMarket.Parameters = parameters._of(market)
            state: book.Market = book._accrued(book._load(market), p)
            position: positions.Position = book._position(account, market)
            funding: int256 = 0
            borrowing: uint256 = 0
            funding, borrowing = book._owed(state, position, price)
            free += min(positions._result(position, price), 0) - max(funding, 0)
            free -= convert(
                borrowing
                + margin_math._requirement(
                    positions._notional(position.size, price), p.initial_ratio, p.initial_slope
                ),
                int256,
            )
    return convert(max(free, 0), uint256)


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
def free_margin(account: uint256) -> uint256:
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
