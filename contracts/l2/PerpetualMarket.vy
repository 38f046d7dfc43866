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

struct Holding:  # a market that an account has a position in
    market: uint256
    first_word: uint256  # of its parameters
    second_word: uint256
    price: uint256
    state: book.Market  # brought up to now
    position: positions.Position


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
    most: uint256 = parameter_words._max_utilisation(parameters._pool_word())
    assert used <= most, "vault fully used"
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
    first: uint256 = parameters._open_word(market)
    holder: custody.Account = custody._load(account)
    escrow: uint256 = appraisal._locked(
        holder.margin,
        appraisal._escrow(
            first,
            parameters._second_word(market),
            size_delta,
            price,
            is_reduce_only,
            keeper_fee,
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
    before: custody.Account = custody._load(account)
    t: trades.Trade = trades._beginning(before, custody._load_pool(), empty(book.Market))
    repaid: uint256 = 0
    t.holder.escrow -= escrow
    t.holder.margin, repaid = custody._credited(t.holder.margin, escrow)
    t.pool.cash += repaid
    if custody._is_broke(t.holder):
        t.state = book._load(market)
        t = self._write_off(account, market, t)
        book._save(market, t.state)
    custody._save(account, t.holder)
    custody._save_pool(custody._replaced(t.pool, before, t.holder))


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
    first: uint256 = parameters._open_word(market)
    insurance_share: uint256 = parameter_words._insurance_share(parameters._pool_word())
    t: trades.Trade = empty(trades.Trade)
    t.state = book._accrued(book._load(market), first)
    t.pool = custody._load_pool()
    reward: uint256 = 0
    for order: IPerpetualMarket.Fill in fills:
        account: uint256 = order.id & ~SLOT_MASK
        before: custody.Account = custody._load(account)
        t.holder = before
        repaid: uint256 = 0
        escrow: uint256 = order_words._escrow_of(order.word)
        keeper_fee: uint256 = order_words._keeper_fee_of(order.word)
        t.holder.escrow -= escrow
        t.holder.margin, repaid = custody._credited(t.holder.margin, escrow - keeper_fee)
        t.pool.cash += repaid
        earned: uint256 = 0
        if order.size_delta == 0:
            t.holder.margin -= convert(order.fee, int256)
            t.pool.cash += order.fee
            earned = order.earned
        else:
            t = self._trade(
                account,
                market,
                order.size_delta,
                price,
                batches.Terms(fee=order.fee, premium=order.premium),
                max_value(uint256),
                insurance_share,
                book._position(account, market),
                t,
            )
            size: int256 = unsafe_sub(t.after.size, order.size_delta)
            if positions._increases(size, order.size_delta):
                t.holder.flagged_at = 0
            if keeper_fee > 0:
                earned = trades._due_for_fill(
                    keeper_fee,
                    size,
                    t.after,
                    price,
                    parameters._second_word(market),
                    t.holder,
                    batches.Terms(fee=order.fee, premium=order.premium),
                )
            log IPerpetualMarket.OrderFilled(
                account=account,
                market=market,
                slot=order.id & SLOT_MASK,
                size_delta=order.size_delta,
                price=price,
                fee=t.paid.fee,
                premium=t.paid.premium,
                result=t.gain,
            )
        reward += earned
        if earned < keeper_fee:
            t.holder.margin, repaid = custody._credited(t.holder.margin, keeper_fee - earned)
            t.pool.cash += repaid
        if custody._is_broke(t.holder):
            t = self._write_off(account, market, t)
        custody._save(account, t.holder)
        t.pool = custody._replaced(t.pool, before, t.holder)

    if reward > 0:
        t.pool = custody._give(convert(keeper, uint256) << 96, reward, t.pool)
    t.pool.at_risk = self._save_repriced(market, price, first, t.pool, t.state)
    custody._save_pool(t.pool)


@internal
def _trade(
    account: uint256,
    market: uint256,
    size_delta: int256,
    price: uint256,
    terms: batches.Terms,
    most: uint256,
    insurance_share: uint256,
    before: positions.Position,
    found: trades.Trade,
) -> trades.Trade:
    """
    @notice Settle, realise, pay and replace (`trades`).
    @param most What may be paid in all.
    """
    t: trades.Trade = trades._traded(
        market,
        size_delta,
        price,
        terms,
        most,
        insurance_share,
        before,
        found,
    )
    if t.unpaid > 0:
        custody._queue_claim(account, t.unpaid)
    book._put(account, market, t.after)
    return t


@internal
def _save_repriced(
    market: uint256, price: uint256, first: uint256, pool: custody.Pool, state: book.Market
) -> uint256:
    """
    @notice Save a market with the capital at risk after a trade, and the borrowing rate that it
            gives; what of the vault's is at risk over all markets then.
    @param first Of the market's words of parameters.
    @dev Not checked: a market's capital at risk is a part of all, and either is below 2^150.
    """
    changed: book.Market = state
    word: uint256 = parameters._pool_word()
    changed.at_risk = book._risk(first, state.long, state.short, price)
    at_risk: uint256 = unsafe_add(unsafe_sub(pool.at_risk, state.at_risk), changed.at_risk)
    rate: uint256 = borrowing_math._borrowing_rate(
        borrowing_math._utilisation(at_risk, pool.cash),
        parameter_words._kink(word),
        parameter_words._rate_at_kink(word),
        parameter_words._rate_at_full(word),
    )
    changed.borrowing_rate = unsafe_mul(wad._div_up(rate, book.RATE_UNIT), book.RATE_UNIT)
    book._save(market, changed)
    return at_risk


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
    last: Holding = empty(Holding)
    found, board, last = self._appraise_now(account, holder)
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
    t: trades.Trade = empty(trades.Trade)
    t.holder = before
    t.pool = custody._load_pool()
    word: uint256 = parameters._pool_word()
    found: appraisal.Appraisal = empty(appraisal.Appraisal)
    board: uint256 = 0
    last: Holding = empty(Holding)
    found, board, last = self._appraise_now(account, before)
    self._check_no_outage(before.markets)
    assert appraisal._is_below_maintenance(found), "account healthy"
    fraction: uint256 = liquidation_math._liquidation_fraction(
        found.equity,
        found.linear,
        found.quadratic,
        found.penalty,
        parameter_words._buffer(word),
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
    taken: uint256 = min(penalty, custody._above_zero(before.margin))
    t.holder.margin -= convert(penalty, int256)

    elapsed: uint256 = block.timestamp - before.flagged_at
    if elapsed > FLAG_LIFE:
        elapsed = 0
    share: uint256 = liquidation_math._reward_share(
        elapsed,
        parameter_words._reward_ramp(word),
        parameter_words._least_reward(word),
        parameter_words._most_reward(word),
    )
    cost: uint256 = min(staticcall COSTS.cost(before.markets), parameter_words._most_cost(word))
    reward: uint256 = min(cost + wad._mul_down(taken, share), taken)
    missing: uint256 = cost - min(cost, reward)
    insured: uint256 = taken - reward  # in parts by the markets below; no profit is paid out of it
    left: uint256 = insured
    first: uint256 = parameters.MOST_MARKETS
    t.holder.flagged_at = 0

    for market: uint256 in range(parameters.MOST_MARKETS):
        if before.markets >> market == 0:
            break
        if (before.markets >> market) & 1 == 0:
            continue
        first = min(first, market)
        one: Holding = last
        if market != last.market:
            one = self._holding(account, market, board, first)
        t.state = one.state
        size: int256 = one.position.size
        closing: uint256 = self._closing(
            size, fraction, one.price, parameter_words._min_notional(one.first_word)
        )
        size_delta: int256 = convert(closing, int256)
        if size > 0:
            size_delta = -size_delta
        terms: batches.Terms = batches._side_terms(
            size_delta,
            book._skew(t.state.long, t.state.short),
            one.price,
            parameter_words._schedule(one.first_word),
        )
        terms.premium = positions._to_grid_up(max(terms.premium, 0), positions.MONEY_UNIT)
        # Its part of the penalty: that of its notional, at its ratio.
        part: uint256 = wad._mul_up(
            positions._notional(size, one.price), parameter_words._penalty_ratio(one.second_word)
        )
        part = wad._mul_div_down(insured, part, found.penalty)
        part -= part % positions.MONEY_UNIT
        left -= part
        t.state.insurance += part
        t = self._trade(
            account,
            market,
            size_delta,
            one.price,
            terms,
            room,
            parameter_words._insurance_share(word),
            one.position,
            t,
        )
        room -= min(room, terms.fee + convert(terms.premium, uint256))
        if missing > 0:
            drawn: uint256 = insurance._draw(
                market, t.state.insurance, parameter_words._insurance_limit(one.second_word), missing
            )
            t.state.insurance -= drawn
            missing -= drawn
            reward += drawn
        if custody._is_broke(t.holder):
            t = self._write_off(account, market, t)
        t.pool.at_risk = self._save_repriced(market, one.price, one.first_word, t.pool, t.state)
        log IPerpetualMarket.PositionLiquidated(
            account=account,
            market=market,
            size_delta=size_delta,
            price=one.price,
            fee=t.paid.fee,
            premium=t.paid.premium,
            result=t.gain,
        )

    t.pool.cash += left
    custody._save(account, t.holder)
    t.pool = custody._replaced(t.pool, before, t.holder)
    t.pool = custody._give(convert(keeper, uint256) << 96, reward, t.pool)
    custody._save_pool(t.pool)
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
        if markets >> (4 * board) == 0:
            break
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
def _write_off(account: uint256, market: uint256, before: trades.Trade) -> trades.Trade:
    """
    @notice Book the debt of who is broke: what the vault owes him is set off against it, and of
            the rest the market's insurance pays the vault what it may today.
    """
    t: trades.Trade = before
    debt: uint256 = convert(-t.holder.margin, uint256)
    t.holder.margin = 0
    if t.pool.claims > 0:
        covered: uint256 = custody._set_off(account, debt)
        t.pool.claims -= covered
        debt -= covered
    if debt > 0:
        limit: uint256 = parameter_words._insurance_limit(parameters._second_word(market))
        insured: uint256 = insurance._draw(market, t.state.insurance, limit, debt)
        t.state.insurance -= insured
        t.pool.cash += insured
        log IPerpetualMarket.ShortfallBooked(
            account=account, market=market, amount=debt, insured=insured
        )
    return t


# A market's end


@external
def retire(market: uint256, price: uint256):
    """
    @notice End a market at a final price, wad. `Configuration` has given notice and judged it.
    """
    self._check_configuration()
    first: uint256 = parameters._open_word(market)
    assert price >= price_words.LOWEST_PRICE, "price out of bounds"
    assert price <= price_words.HIGHEST_PRICE, "price out of bounds"
    # From here on time costs nothing: nobody can be liquidated in it, and settling may take long.
    book._save(market, book._accrued(book._load(market), first))
    parameters._retire(market)
    self.final_price[market] = price
    log IPerpetualMarket.MarketRetired(market=market, price=price)


@external
def settle(account: uint256, market: uint256):
    """
    @notice Close a position in a retired market at its final price, without a fee. Anyone may.
    """
    assert account & SLOT_MASK == 0, "no such account"  # else another market's position
    price: uint256 = self.final_price[market]
    assert price != 0, "market not retired"
    position: positions.Position = book._position(account, market)
    size: int256 = position.size
    assert size != 0, "no position"
    first: uint256 = parameters._first_word(market)
    before: custody.Account = custody._load(account)
    t: trades.Trade = trades._beginning(
        before, custody._load_pool(), book._accrued(book._load(market), first)
    )
    t = self._trade(account, market, -size, price, empty(batches.Terms), 0, 0, position, t)
    if custody._is_broke(t.holder):
        t = self._write_off(account, market, t)
    t.pool.at_risk = self._save_repriced(market, price, first, t.pool, t.state)
    custody._save(account, t.holder)
    custody._save_pool(custody._replaced(t.pool, before, t.holder))
    log IPerpetualMarket.PositionSettled(
        account=account, market=market, size_delta=-size, price=price, result=t.gain
    )


# What an account has and needs


@internal
@view
def _appraise_now(
    account: uint256, holder: custody.Account
) -> (appraisal.Appraisal, uint256, Holding):
    """
    @notice What an account has and needs at the newest price of its first market, and at the
            others' of the same second. The price word of the first one's board comes second, and
            the last market, for who goes on with it, third.
    """
    found: appraisal.Appraisal = appraisal._of_nothing(holder)
    one: Holding = empty(Holding)
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
        one = self._holding(account, market, board, first)
        found = appraisal._with_position(
            found,
            one.position,
            one.price,
            one.second_word,
            book._index(one.state.index_long, one.state.index_short, one.position.size),
        )
    return found, board, one


@internal
@view
def _holding(account: uint256, market: uint256, board: uint256, of: uint256) -> Holding:
    """
    @notice A market with an account's position, at the second of a price word, which is that of
            market `of`.
    """
    first: uint256 = parameters._first_word(market)
    return Holding(
        market=market,
        first_word=first,
        second_word=parameters._second_word(market),
        price=self._price_at(market, board, of),
        state=book._accrued(book._load(market), first),
        position=book._position(account, market),
    )


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
    last: Holding = empty(Holding)
    found, board, last = self._appraise_now(account, holder)
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


@external
@view
def worth_words(market: uint256) -> uint256[4]:
    """
    @notice Those of them that tell what a market's positions are worth: all but the last.
    """
    return [
        book._sides[market],
        book._indices[market],
        book._sums[market],
        parameters._first_word(market),
    ]


@internal
@view
def _market_words(market: uint256) -> uint256[5]:
    return [
        book._sides[market],
        book._indices[market],
        book._sums[market],
        parameters._first_word(market),
        parameters._second_word(market),
    ]


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
    holders: DynArray[uint256, 100] = []
    for id: uint256 in ids:
        account: uint256 = id & ~SLOT_MASK
        holders.append(custody._accounts[account])
        holders.append(book._positions[account | market])
    return self._scene_words(market), holders


@external
@view
def scene_one(market: uint256, id: uint256) -> (uint256[8], uint256[2]):
    """
    @notice The same of one order.
    """
    account: uint256 = id & ~SLOT_MASK
    return self._scene_words(market), [
        custody._accounts[account], book._positions[account | market]
    ]


@internal
@view
def _scene_words(market: uint256) -> uint256[8]:
    words: uint256[5] = self._market_words(market)
    return [
        words[0],
        words[1],
        words[2],
        words[3],
        words[4],
        custody._pool,
        custody._owed_word(),
        parameters._pool_word(),
    ]


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
    second: uint256 = parameters._second_word(market)
    return insurance._left_today(market, parameter_words._insurance_limit(second))


# Administration


@external
def set_parameters(market: uint256, first: uint256, second: uint256):
    """
    @notice Store a market's parameters, opening it if it is new. `Configuration` has judged them.
    """
    self._check_configuration()
    assert not parameters._is_retired(market), "market retired"
    if parameters._is_listed(market):
        # What time cost until now, it cost by what held until now.
        book._save(market, book._accrued(book._load(market), parameters._first_word(market)))
    else:
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
