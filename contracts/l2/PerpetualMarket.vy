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
at. So does `Vault`, whose cash stands against the traders. `clearway/spec/market.py` says the same
in plain integers, and the two agree to the last unit.

@dev Nobody can stop reducing, closing or withdrawing. Increases stop where a market's caps are
     lowered to zero.
"""

from interfaces import IKeeperCosts
from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from ..math import batches
from ..math import borrowing_math
from ..math import liquidation_math
from ..math import positions
from ..math import price_words
from ..math import wad
from ..modules import custody
initializes: custody

from ..modules import order_words
from ..modules import parameter_words
from ..modules import parameters
initializes: parameters

from ..modules import book
initializes: book

from ..modules import insurance
initializes: insurance

from ..modules import appraisal
from ..modules import trades

exports: (
    custody.TOKEN,
    custody.SCALE,
    custody.held,
    custody.set_aside,
)

MOST_ORDERS: constant(uint256) = 50
MOST_BOARDS: constant(uint256) = 8  # of four markets each
SLOT_MASK: constant(uint256) = 255
FLAG_LIFE: constant(uint256) = 3_600  # seconds that a flag counts
ROUNDINGS: constant(uint256) = 10**5  # a share of maintenance: an entry's grid is a hundredth or less

FEED: public(immutable(IPriceFeed))
COSTS: public(immutable(IKeeperCosts))
# Those who may call this contract, deployed after it at addresses known before. Each of them refuses
# to be deployed elsewhere.
ORDER_BOOK: public(immutable(address))
CONFIGURATION: public(immutable(address))
VAULT: public(immutable(address))
# Speaks for those who ask it, and for who speaks to it from L1; zero where there is no bridge.
GATEWAY: public(immutable(address))

final_price: public(HashMap[uint256, uint256])  # wad, by market; zero until it is retired


@deploy
def __init__(
    token: address,
    feed: address,
    costs: address,
    order_book: address,
    configuration: address,
    vault: address,
    gateway: address,
):
    """
    @param token The collateral, with at most 18 decimals.
    @param costs What tells what a liquidation costs its keeper.
    """
    assert empty(address) not in [feed, costs, order_book, configuration, vault], "zero address"
    custody.__init__(token)
    FEED = IPriceFeed(feed)
    COSTS = IKeeperCosts(costs)
    ORDER_BOOK = order_book
    CONFIGURATION = configuration
    VAULT = vault
    GATEWAY = gateway


# The way in and out


@external
def deposit(account: uint256, amount: uint256):
    """
    @notice Add token units of the caller's to an account's margin. Anyone may, for any account.
    """
    assert account & SLOT_MASK == 0 and account >> 96 != 0, "no such account"
    money: uint256 = custody._take_in(amount)
    custody._save_pool(custody._give(account, money, custody._load_pool()))
    log IPerpetualMarket.Deposited(account=account, by=msg.sender, amount=amount)


@external
def withdraw(account: uint256, amount: uint256, to: address):
    """
    @notice Take token units from the margin that backs nothing.
    """
    assert account & SLOT_MASK == 0, "no such account"
    assert msg.sender in [convert(account >> 96, address), GATEWAY], "not the owner"
    assert amount > 0, "zero amount"
    holder: custody.Account = custody._load(account)
    before: custody.Account = holder
    money: int256 = convert(amount * custody.SCALE, int256)
    assert money <= self._free_margin(account, holder), "margin in use"
    holder.margin -= money
    custody._save(account, holder)
    custody._save_pool(custody._replaced(custody._load_pool(), before, holder))
    log IPerpetualMarket.Withdrawn(account=account, to=to, amount=amount)
    custody._give_out(to, amount)


# What the vault asks for


@external
def provide(amount: uint256):
    """
    @notice Count token units that the vault has brought as cash that stands against traders.
    """
    self._check_vault()
    pool: custody.Pool = custody._load_pool()
    pool.cash += custody._note(amount)
    custody._save_pool(pool)
    log IPerpetualMarket.VaultMoved(cash=convert(amount, int256), set_aside=0)


@external
def put_aside(amount: uint256):
    """
    @notice Take token units from the cash for who leaves; refused where they back positions.
    """
    self._check_vault()
    money: uint256 = amount * custody.SCALE
    pool: custody.Pool = custody._load_pool()
    assert pool.claims == 0 and money <= pool.cash, "vault fully used"
    pool.cash -= money
    used: uint256 = borrowing_math._utilisation(pool.at_risk, pool.cash)
    assert used <= parameters._of_pool().max_utilisation, "vault fully used"
    custody._save_pool(pool)
    custody._put_aside(money)
    log IPerpetualMarket.VaultMoved(
        cash=-convert(amount, int256), set_aside=convert(amount, int256)
    )


@external
def pay_out(amount: uint256, to: address):
    """
    @notice Send token units that were set aside.
    """
    self._check_vault()
    custody._take_from_aside(amount * custody.SCALE)
    log IPerpetualMarket.VaultMoved(cash=0, set_aside=-convert(amount, int256))
    custody._give_out(to, amount)


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
    parameters._check_open(market)
    holder: custody.Account = custody._load(account)
    escrow: uint256 = appraisal._locked(
        holder.margin,
        appraisal._escrow(
            parameters._of(market), size_delta, price, is_reduce_only, keeper_fee
        ),
        is_reduce_only,
    )
    assert escrow >= keeper_fee, "insufficient margin"
    assert escrow <= custody._above_zero(holder.margin), "insufficient margin"
    holder.margin -= convert(escrow, int256)
    holder.escrow += escrow
    custody._save(account, holder)
    return escrow


@external
def unlock(account: uint256, market: uint256, escrow: uint256):
    """
    @notice Give back an order's escrow.
    """
    self._check_order_book()
    pool: custody.Pool = custody._load_pool()
    holder: custody.Account = custody._load(account)
    before: custody.Account = holder
    repaid: uint256 = 0
    holder.escrow -= escrow
    holder.margin, repaid = custody._credited(holder.margin, escrow)
    pool.cash += repaid
    if custody._is_broke(holder):
        state: book.Market = book._load(market)
        holder, pool, state = self._write_off(
            account, market, holder, pool, state, parameters._of(market)
        )
        book._save(market, state)
    custody._save(account, holder)
    custody._save_pool(custody._replaced(pool, before, holder))


@external
def fill(
    market: uint256,
    price: uint256,
    fills: DynArray[IPerpetualMarket.Fill, MOST_ORDERS],
    keeper: address,
):
    """
    @notice End committed orders of different accounts: fill those that were admitted, and charge
            those that failed.
    @param keeper Whose first account earns the orders' fees.
    """
    self._check_order_book()
    parameters._check_open(market)
    p: IPerpetualMarket.Parameters = parameters._of(market)
    pp: IPerpetualMarket.PoolParameters = parameters._of_pool()
    state: book.Market = book._accrued(book._load(market), p)
    pool: custody.Pool = custody._load_pool()
    reward: uint256 = 0
    for order: IPerpetualMarket.Fill in fills:
        account: uint256 = order.id & ~SLOT_MASK
        before: custody.Account = custody._load(account)
        holder: custody.Account = before
        repaid: uint256 = 0
        escrow: uint256 = order_words._escrow_of(order.word)
        keeper_fee: uint256 = order_words._keeper_fee_of(order.word)
        holder.escrow -= escrow
        holder.margin, repaid = custody._credited(holder.margin, escrow - keeper_fee)
        pool.cash += repaid
        earned: uint256 = 0
        if order.size_delta == 0:
            holder.margin -= convert(order.fee, int256)
            pool.cash += order.fee
            earned = order.earned
        else:
            size: int256 = book._position(account, market).size
            after: positions.Position = empty(positions.Position)
            paid: batches.Terms = empty(batches.Terms)
            gain: int256 = 0
            holder, pool, state, after, paid, gain = self._trade(
                account,
                market,
                order.size_delta,
                price,
                batches.Terms(fee=order.fee, premium=order.premium),
                max_value(uint256),
                pp.insurance_share,
                holder,
                pool,
                state,
            )
            if positions._increases(size, order.size_delta):
                holder.flagged_at = 0
            if keeper_fee > 0:
                earned = trades._due_for_fill(keeper_fee, size, after, price, p, holder)
            log IPerpetualMarket.OrderFilled(
                account=account,
                market=market,
                slot=order.id & SLOT_MASK,
                size_delta=order.size_delta,
                price=price,
                fee=paid.fee,
                premium=paid.premium,
                result=gain,
            )
        reward += earned
        if earned < keeper_fee:
            holder.margin, repaid = custody._credited(holder.margin, keeper_fee - earned)
            pool.cash += repaid
        if custody._is_broke(holder):
            holder, pool, state = self._write_off(account, market, holder, pool, state, p)
        custody._save(account, holder)
        pool = custody._replaced(pool, before, holder)

    if reward > 0:
        pool = custody._give(convert(keeper, uint256) << 96, reward, pool)
    pool, state = self._repriced(market, price, p, pp, pool, state)
    book._save(market, state)
    custody._save_pool(pool)


@internal
def _trade(
    account: uint256,
    market: uint256,
    size_delta: int256,
    price: uint256,
    terms: batches.Terms,
    most: uint256,
    insurance_share: uint256,
    holder: custody.Account,
    pool: custody.Pool,
    state: book.Market,
) -> (custody.Account, custody.Pool, book.Market, positions.Position, batches.Terms, int256):
    """
    @notice Settle, realise, pay and replace (`trades`). What was paid and settled come last.
    @param most What may be paid in all.
    """
    t: trades.Trade = trades._traded(
        market,
        size_delta,
        price,
        terms,
        most,
        insurance_share,
        book._position(account, market),
        holder,
        pool,
        state,
    )
    if t.unpaid > 0:
        custody._queue_claim(account, t.unpaid)
    book._put(account, market, t.after)
    return t.holder, t.pool, t.state, t.after, t.paid, t.gain


@internal
def _repriced(
    market: uint256,
    price: uint256,
    p: IPerpetualMarket.Parameters,
    pp: IPerpetualMarket.PoolParameters,
    pool_before: custody.Pool,
    state_before: book.Market,
) -> (custody.Pool, book.Market):
    """
    @notice Pool and market with the capital at risk after a trade, and the borrowing rate that it
            gives.
    """
    pool: custody.Pool = pool_before
    state: book.Market = state_before
    at_risk: uint256 = book._risk(p, state.long, state.short, price)
    pool.at_risk = pool.at_risk + at_risk - state.at_risk
    state.at_risk = at_risk
    used: uint256 = borrowing_math._utilisation(pool.at_risk, pool.cash)
    rate: uint256 = borrowing_math._borrowing_rate(
        used, pp.kink, pp.rate_at_kink, pp.rate_at_full
    )
    state.borrowing_rate = wad._mul_div_up(rate, 1, book.RATE_UNIT) * book.RATE_UNIT
    return pool, state


# Liquidation


@external
def mark(account: uint256):
    """
    @notice Flag an account that is below maintenance, or take its flag off. Anyone may. The
            keeper's reward grows from the flag on.
    """
    holder: custody.Account = custody._load(account)
    found: appraisal.Appraisal = empty(appraisal.Appraisal)
    board: uint256 = 0
    found, board = self._appraise_now(account, holder)
    if not appraisal._is_below_maintenance(found):
        holder.flagged_at = 0
    elif block.timestamp > holder.flagged_at + FLAG_LIFE:
        holder.flagged_at = block.timestamp
    custody._save(account, holder)
    log IPerpetualMarket.AccountMarked(account=account, flagged_at=holder.flagged_at)


@external
def liquidate(account: uint256, keeper: address):
    """
    @notice Close as much of an account as brings it back above maintenance, at the index price of
            the newest second. Anyone may, for a reward.
    @param keeper Whose first account earns the reward.
    """
    before: custody.Account = custody._load(account)
    holder: custody.Account = before
    pool: custody.Pool = custody._load_pool()
    pp: IPerpetualMarket.PoolParameters = parameters._of_pool()
    found: appraisal.Appraisal = empty(appraisal.Appraisal)
    board: uint256 = 0
    found, board = self._appraise_now(account, holder)
    self._check_no_outage(holder.markets)
    assert appraisal._is_below_maintenance(found), "account healthy"
    fraction: uint256 = liquidation_math._liquidation_fraction(
        found.equity, found.linear, found.quadratic, found.penalty, pp.buffer
    )
    kept: uint256 = wad.WAD - fraction
    if 2 * kept < wad.WAD:
        # Less than half of the positions, and so of the maintenance, would stay.
        fraction = wad.WAD
        kept = 0

    # What all payments together may take: the equity above the maintenance of what stays, and a
    # little more for roundings, so that nobody can liquidate again at once.
    stays: uint256 = wad._mul_up(found.linear, kept) + wad._mul_div_up(
        found.quadratic, kept * kept, wad.WAD * wad.WAD
    )
    stays += stays // ROUNDINGS
    room: uint256 = custody._above_zero(found.equity - convert(stays, int256))
    penalty: uint256 = min(wad._mul_up(found.penalty, fraction), room)
    room -= penalty
    taken: uint256 = min(penalty, custody._above_zero(holder.margin))
    holder.margin -= convert(penalty, int256)

    elapsed: uint256 = block.timestamp - holder.flagged_at
    if elapsed > FLAG_LIFE:
        elapsed = 0
    share: uint256 = liquidation_math._reward_share(
        elapsed, pp.reward_ramp, pp.least_reward, pp.most_reward
    )
    cost: uint256 = min(staticcall COSTS.cost(holder.markets), pp.most_cost)
    reward: uint256 = min(cost + wad._mul_down(taken, share), taken)
    pool.cash += taken - reward  # the markets' insurance gets its part below
    missing: uint256 = cost - min(cost, reward)
    insured: uint256 = taken - reward
    markets: uint256 = holder.markets
    first: uint256 = parameters.MOST_MARKETS
    holder.flagged_at = 0

    for market: uint256 in range(parameters.MOST_MARKETS):
        if markets >> market == 0:
            break
        if (markets >> market) & 1 == 0:
            continue
        first = min(first, market)
        p: IPerpetualMarket.Parameters = parameters._of(market)
        state: book.Market = book._accrued(book._load(market), p)
        price: uint256 = self._price_at(market, board, first)
        position: positions.Position = book._position(account, market)
        closing: uint256 = self._closing(position.size, fraction, price, p.min_notional)
        size_delta: int256 = convert(closing, int256)
        if position.size > 0:
            size_delta = -size_delta
        terms: batches.Terms = batches._side_terms(
            size_delta, book._skew(state), price, parameter_words._schedule(p)
        )
        terms.premium = positions._to_grid_up(max(terms.premium, 0), positions.MONEY_UNIT)
        after: positions.Position = empty(positions.Position)
        paid: batches.Terms = empty(batches.Terms)
        gain: int256 = 0
        # Its part of the penalty: that of its notional, at its ratio.
        part: uint256 = wad._mul_up(positions._notional(position.size, price), p.penalty_ratio)
        part = wad._mul_div_down(insured, part, found.penalty)
        part -= part % positions.MONEY_UNIT
        pool.cash -= part
        state.insurance += part
        holder, pool, state, after, paid, gain = self._trade(
            account, market, size_delta, price, terms, room, pp.insurance_share, holder, pool, state
        )
        room -= min(room, terms.fee + convert(terms.premium, uint256))
        if missing > 0:
            drawn: uint256 = insurance._draw(market, state.insurance, p.insurance_limit, missing)
            state.insurance -= drawn
            missing -= drawn
            reward += drawn
        if custody._is_broke(holder):
            holder, pool, state = self._write_off(account, market, holder, pool, state, p)
        pool, state = self._repriced(market, price, p, pp, pool, state)
        book._save(market, state)
        log IPerpetualMarket.PositionLiquidated(
            account=account,
            market=market,
            size_delta=size_delta,
            price=price,
            fee=paid.fee,
            premium=paid.premium,
            result=gain,
        )

    custody._save(account, holder)
    pool = custody._replaced(pool, before, holder)
    pool = custody._give(convert(keeper, uint256) << 96, reward, pool)
    custody._save_pool(pool)
    log IPerpetualMarket.AccountLiquidated(
        account=account, keeper=keeper, fraction=fraction, penalty=penalty, reward=reward
    )


@internal
@view
def _check_no_outage(markets: uint256):
    """
    @notice Refuse while an outage is felt on a board that has any of some markets.
    """
    for board: uint256 in range(MOST_BOARDS):
        if (markets >> (4 * board)) & 15 != 0:
            outage: String[32] = staticcall FEED.outage(board)
            assert outage == "", outage


@internal
@pure
def _closing(size: int256, fraction: uint256, price: uint256, min_notional: uint256) -> uint256:
    """
    @notice How much of a position a liquidation closes: its fraction, rounded up to the grid, or
            all, where dust would stay; base wad.
    """
    whole: uint256 = wad._magnitude(size)
    closing: uint256 = (
        wad._mul_div_up(whole // positions.SIZE_UNIT, fraction, wad.WAD) * positions.SIZE_UNIT
    )
    if wad._mul_up(whole - closing, price) < min_notional:
        return whole
    return closing


@internal
def _write_off(
    account: uint256,
    market: uint256,
    holder: custody.Account,
    pool: custody.Pool,
    state: book.Market,
    p: IPerpetualMarket.Parameters,
) -> (custody.Account, custody.Pool, book.Market):
    """
    @notice Book the debt of who is broke: what the vault owes him is set off against it, and of
            the rest the market's insurance pays the vault what it may today.
    """
    after: custody.Account = holder
    total: custody.Pool = pool
    changed: book.Market = state
    debt: uint256 = convert(-holder.margin, uint256)
    if total.claims > 0:
        covered: uint256 = custody._set_off(account, debt)
        total.claims -= covered
        debt -= covered
    insured: uint256 = insurance._draw(market, state.insurance, p.insurance_limit, debt)
    changed.insurance -= insured
    total.cash += insured
    after.margin = 0
    if debt > 0:
        log IPerpetualMarket.ShortfallBooked(
            account=account, market=market, amount=debt, insured=insured
        )
    return after, total, changed


# A market's end


@external
def retire(market: uint256, price: uint256):
    """
    @notice End a market at a final price, wad. `Configuration` has given notice and judged it.
    """
    self._check_configuration()
    parameters._check_open(market)
    assert price >= price_words.LOWEST_PRICE, "price out of bounds"
    assert price <= price_words.HIGHEST_PRICE, "price out of bounds"
    parameters._retire(market)
    self.final_price[market] = price
    log IPerpetualMarket.MarketRetired(market=market, price=price)


@external
def settle(account: uint256, market: uint256):
    """
    @notice Close a position in a retired market at its final price, without a fee. Anyone may.
    """
    price: uint256 = self.final_price[market]
    assert price != 0, "market not retired"
    size: int256 = book._position(account, market).size
    assert size != 0, "no position"
    p: IPerpetualMarket.Parameters = parameters._of(market)
    pp: IPerpetualMarket.PoolParameters = parameters._of_pool()
    state: book.Market = book._accrued(book._load(market), p)
    pool: custody.Pool = custody._load_pool()
    before: custody.Account = custody._load(account)
    holder: custody.Account = before
    after: positions.Position = empty(positions.Position)
    paid: batches.Terms = empty(batches.Terms)
    gain: int256 = 0
    holder, pool, state, after, paid, gain = self._trade(
        account, market, -size, price, empty(batches.Terms), 0, 0, holder, pool, state
    )
    if custody._is_broke(holder):
        holder, pool, state = self._write_off(account, market, holder, pool, state, p)
    pool, state = self._repriced(market, price, p, pp, pool, state)
    book._save(market, state)
    custody._save(account, holder)
    custody._save_pool(custody._replaced(pool, before, holder))
    log IPerpetualMarket.PositionSettled(
        account=account, market=market, size_delta=-size, price=price, result=gain
    )


# What an account has and needs


@internal
@view
def _appraise_now(account: uint256, holder: custody.Account) -> (appraisal.Appraisal, uint256):
    """
    @notice What an account has and needs at the newest price of its first market, and at the
            others' of the same second. The price word of the first one's board comes second.
    """
    found: appraisal.Appraisal = appraisal._of_nothing(holder)
    markets: uint256 = holder.markets
    assert markets != 0, "no positions"
    first: uint256 = 0
    board: uint256 = 0
    for market: uint256 in range(parameters.MOST_MARKETS):
        if markets >> market == 0:
            break
        if (markets >> market) & 1 == 0:
            continue
        # What it gains or loses there is final, and counts once it is settled.
        assert not parameters._is_retired(market), "retired market not settled"
        if board == 0:
            first = market
            board = staticcall FEED.board(market // 4)
        p: IPerpetualMarket.Parameters = parameters._of(market)
        position: positions.Position = book._position(account, market)
        found = appraisal._with_position(
            found,
            position,
            self._price_at(market, board, first),
            p,
            book._index(book._accrued(book._load(market), p), position.size),
        )
    return found, board


@internal
@view
def _price_at(market: uint256, board: uint256, of: uint256) -> uint256:
    """
    @notice A market's price at the second of a price word, which is that of market `of`.
    """
    word: uint256 = board
    if market // 4 != of // 4:
        word = staticcall FEED.board_at(market // 4, price_words._time_of(board))
    return price_words._sound_price(word, market % 4)


@internal
@view
def _free_margin(account: uint256, holder: custody.Account) -> int256:
    """
    @notice What may leave: the margin less open losses, what is owed and initial margin.
    """
    if holder.markets == 0:
        return max(holder.margin, 0)
    found: appraisal.Appraisal = empty(appraisal.Appraisal)
    board: uint256 = 0
    found, board = self._appraise_now(account, holder)
    return max(found.free, 0)


# Buckets


@external
def pay_claims(most: uint256):
    """
    @notice Pay what the vault owes winners from its cash, oldest first, up to `most` of them.
    """
    custody._pay_claims(most)


# Views: words, for contracts that know what lies in them, as `Lens` and `Vault` do


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
def market_words(market: uint256) -> uint256[5]:
    """
    @notice A market at its last touch (`book`), and its parameters (`parameter_words`).
    """
    return self._market_words(market)


@internal
@view
def _market_words(market: uint256) -> uint256[5]:
    first: uint256 = 0
    second: uint256 = 0
    first, second = parameters._words_of(market)
    return [book._sides[market], book._indices[market], book._sums[market], first, second]


@external
@view
def pool_words() -> uint256[3]:
    """
    @notice The sums over all accounts and markets (`custody`), and the pool's parameters.
    """
    return [custody._pool, custody._owed_word(), parameters._pool_word()]


@external
@view
def exposure(account: uint256, market: uint256) -> uint256[6]:
    """
    @notice A market's words, and that of an account's position in it (`book`).
    """
    words: uint256[5] = self._market_words(market)
    return [
        words[0], words[1], words[2], words[3], words[4], book._positions[account | market]
    ]


@external
@view
def scene(
    market: uint256, ids: DynArray[uint256, MOST_ORDERS]
) -> (uint256[8], DynArray[uint256, 100]):
    """
    @notice All that orders of one market are judged by: the market's words and the pool's, and of
            each order its account's and its position's.
    """
    words: uint256[5] = self._market_words(market)
    holders: DynArray[uint256, 100] = []
    for id: uint256 in ids:
        account: uint256 = id & ~SLOT_MASK
        holders.append(custody._accounts[account])
        holders.append(book._positions[account | market])
    return [
        words[0],
        words[1],
        words[2],
        words[3],
        words[4],
        custody._pool,
        custody._owed_word(),
        parameters._pool_word(),
    ], holders


@external
@view
def account_word(account: uint256) -> uint256:
    """
    @notice An account's margin, escrow, flag, and markets with positions (`custody`).
    """
    return custody._accounts[account]


@external
@view
def open_interest_of(market: uint256) -> uint256:
    """
    @notice Long and short together; base wad.
    """
    state: book.Market = book._load(market)
    return state.long + state.short


@external
@view
def insurance_left(market: uint256) -> uint256:
    """
    @notice What a market's insurance may still pay today; quote wad.
    """
    return insurance._left_today(market, parameters._of(market).insurance_limit)


# Administration


@external
def set_parameters(market: uint256, first: uint256, second: uint256):
    """
    @notice Store a market's parameters, opening it if it is new. `Configuration` has judged them.
    """
    self._check_configuration()
    assert not parameters._is_retired(market), "market retired"
    if not parameters._is_listed(market):
        book._open(market)
    parameters._set(market, first, second)


@external
def set_pool_parameters(word: uint256):
    """
    @notice Store the pool's parameters.
    """
    self._check_configuration()
    parameters._set_pool(word)


@internal
@view
def _check_order_book():
    assert msg.sender == ORDER_BOOK, "not the order book"


@internal
@view
def _check_vault():
    assert msg.sender == VAULT, "not the vault"


@internal
@view
def _check_configuration():
    assert msg.sender == CONFIGURATION, "not the configuration"
