"""What the lenses show, told from the model: each view is a question to `PerpetualMarket`.

Nothing here knows how the contracts find an answer. A liquidation price is searched for, a quote is
a trade tried on a copy. Fields and units are those of `interfaces/ILens.vyi`, in the same order.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from clearway.spec import batches, borrowing_math, nav_math, positions, price_words, wad
from clearway.spec.market import STAYS, PerpetualMarket
from clearway.spec.positions import Position
from clearway.spec.price_words import LANES
from clearway.spec.refused import Refused, require
from clearway.spec.state import (
    DAY,
    ESCROW_UNIT,
    LIMIT_UNIT,
    REDUCE_WINDOW,
    SIGNED_WINDOW,
    Account,
    Appraisal,
    Order,
    account_of,
)

GREATEST = 2**256 - 1
DEAREST = 10**32  # quote wad: no price is looked at at which a position is worth more
NOBODY = 0  # whose account takes a quote's keeper's fee


@dataclass(frozen=True)
class PositionView:
    """One position; the first four are known without a price."""

    market: int
    size: int
    cost: int
    entry_price: int
    price: int = 0
    result: int = 0
    owed: int = 0
    notional: int = 0
    initial: int = 0
    maintenance: int = 0
    liquidation_price: int = 0


@dataclass(frozen=True)
class OrderView:
    """One committed order, and what would become of it now."""

    slot: int
    market: int
    size_delta: int
    limit_price: int
    is_reduce_only: bool
    fills_at: int
    keeper_fee: int
    escrow: int
    stage: str
    reason: str


@dataclass(frozen=True)
class AccountView:
    """All there is to say of an account."""

    reason: str
    priced_at: int
    margin: int
    escrow: int
    flagged_at: int
    equity: int = 0
    backing: int = 0
    initial: int = 0
    maintenance: int = 0
    health: int = 0
    free: int = 0
    positions: list[PositionView] = field(default_factory=list)
    orders: list[OrderView] = field(default_factory=list)


@dataclass(frozen=True)
class Quote:
    """A trade that nobody has placed."""

    reason: str
    price: int
    priced_at: int
    size_delta: int
    fill_price: int = 0
    limit_price: int = 0
    escrow: int = 0
    fee: int = 0
    premium: int = 0
    most_fee: int = 0
    most_premium: int = 0
    keeper_fee: int = 0
    result: int = 0
    claim: int = 0
    size: int = 0
    cost: int = 0
    margin: int = 0
    unpriced: str = ""
    equity: int = 0
    backing: int = 0
    initial: int = 0
    maintenance: int = 0
    free: int = 0


@dataclass(frozen=True)
class MarketView:
    """All there is to say of a market, but its parameters."""

    reason: str
    price: int
    priced_at: int
    age: int
    outage: str
    long: int
    short: int
    skew: int
    index_long: int
    index_short: int
    funding_rate: int
    borrowing_rate: int
    long_rate: int
    short_rate: int
    marginal_premium: int
    at_risk: int
    impact_reserve: int
    insurance: int
    insurance_left: int
    long_room: int
    short_room: int
    buy_room: int
    sell_room: int


@dataclass(frozen=True)
class VaultView:
    """The vault's side of all markets."""

    cash: int
    claims: int
    debts: int
    set_aside: int
    at_risk: int
    utilisation: int
    open_result: int
    time_due: int
    priced_at: int
    unpriced: int


def account_view(market: PerpetualMarket, now: int, account: int) -> AccountView:
    """Return all there is to say of an account now, with or without prices."""
    holder = market.accounts.get(account, Account())
    prices, second, reason = _newest_prices(market, now, account, set(holder.positions))
    view = AccountView(
        reason,
        second,
        holder.margin,
        holder.escrow,
        holder.flagged_at,
        positions=[
            _position_view(market, now, account, number, {} if reason else prices)
            for number in sorted(holder.positions)
        ],
        orders=[order_view(market, now, account, slot) for slot in sorted(holder.orders)],
    )
    if reason:
        return view
    found = market.appraise(now, account, prices)
    health = GREATEST
    if found.maintenance:
        health = wad.mul_div_down(max(found.equity, 0), wad.WAD, found.maintenance)
    return replace(
        view,
        equity=found.equity,
        backing=found.backing,
        initial=found.initial,
        maintenance=found.maintenance,
        health=health,
        free=max(found.free, 0),
    )


def _position_view(
    market: PerpetualMarket, now: int, account: int, number: int, prices: dict[int, int]
) -> PositionView:
    position = market.accounts[account].positions[number]
    view = PositionView(
        number,
        position.size,
        position.cost,
        wad.mul_div_down(position.cost, wad.WAD, abs(position.size)),
    )
    if not prices:
        return view
    price, state = prices[number], market.accrued(number, now)
    alone = PerpetualMarket(market.feed, market.pool, markets=market.markets)
    alone.accounts[account] = Account(positions={number: position})
    needs = alone.appraise(now, account, prices)
    return replace(
        view,
        price=price,
        result=positions.result(position, price),
        owed=positions.owed(position, state.index(position.size), price),
        notional=positions.notional(position.size, price),
        initial=needs.initial,
        maintenance=needs.maintenance,
        liquidation_price=_boundary(market, now, account, number, prices),
    )


def liquidation_price(market: PerpetualMarket, now: int, account: int, number: int) -> int:
    """Return the last price of a market at which an account is healthy, the others' held."""
    holder = market.accounts.get(account, Account())
    if number not in holder.positions:
        raise Refused("no position")
    prices, _, reason = _newest_prices(market, now, account, set(holder.positions) - {number})
    require(reason == "", reason)
    return _boundary(market, now, account, number, prices)


def spare_at(
    market: PerpetualMarket, now: int, account: int, number: int, prices: dict[int, int]
) -> Callable[[int], int]:
    """Return what an account has above maintenance as a function of one market's price."""
    return lambda price: market.appraise(now, account, {**prices, number: price}).spare


def _boundary(
    market: PerpetualMarket, now: int, account: int, number: int, prices: dict[int, int]
) -> int:
    size = market.accounts[account].positions[number].size
    return boundary(size, spare_at(market, now, account, number, prices))


def boundary(size: int, spare: Callable[[int], int]) -> int:
    """Search for the peak of what is spare, and from there for the last price that leaves any.

    It rises to one peak and falls from there, as what is needed grows faster than what is gained.
    A long's price is searched for below the peak, a short's above it.
    """
    highest = min(price_words.HIGHEST_PRICE, DEAREST * wad.WAD // abs(size))
    low, high = 0, highest
    while high - low > 2:
        third = (high - low) // 3
        if spare(low + third) < spare(high - third):
            low += third
        else:
            high -= third
    peak = max((0, low, (low + high) // 2, high, highest), key=spare)
    if spare(peak) < 0:
        return GREATEST if size > 0 else 0
    if spare(0 if size > 0 else highest) >= 0:
        return 0 if size > 0 else GREATEST
    good, bad = peak, 0 if size > 0 else highest
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if spare(middle) >= 0:
            good = middle
        else:
            bad = middle
    return good


def order_view(market: PerpetualMarket, now: int, account: int, slot: int) -> OrderView:
    """Return a committed order, and what would become of it if it were executed alone now."""
    order = market.accounts[account].orders[slot]
    window = REDUCE_WINDOW if order.is_reduce_only else SIGNED_WINDOW
    try:
        (reason,) = market.copy().execute(now, NOBODY, order.market, [(account, slot)])
        stage = {"": "fills", STAYS: STAYS}.get(reason, "fails")
    except Refused as refused:
        reason, stage = refused.reason, "no price"
    if now < order.fills_at:
        stage = "too young"
    if now > order.committed_at + SIGNED_WINDOW:
        stage = "by round"
    if now > order.committed_at + window:
        stage = "expired"
    return OrderView(
        slot,
        order.market,
        order.size_delta,
        order.limit_price,
        order.is_reduce_only,
        order.fills_at,
        order.keeper_fee,
        order.escrow,
        stage,
        reason,
    )


def quote(
    market: PerpetualMarket,
    now: int,
    account: int,
    number: int,
    size_delta: int,
    is_reduce_only: bool = False,
    keeper_fee: int = 0,
) -> Quote:
    """Return what a trade would be that is placed and filled alone at the newest fresh price."""
    newest = market.feed.price(now, number)
    price, second = newest.price, newest.observed_at
    market._require_open(number)
    trial = market.copy()
    state = trial.markets[number] = trial.accrued(number, now)
    holder, schedule = trial._account(account), state.parameters.schedule
    before = holder.positions.get(number, Position())
    order = Order(number, size_delta, LIMIT_UNIT, is_reduce_only, second, keeper_fee, 0)
    entry = (account, -1)  # a slot that no order has
    holder.orders[-1] = order
    size = trial._effective_size(*entry)
    del holder.orders[-1]
    view = Quote("nothing to reduce", price, second, size)
    if size:
        terms = batches.side_terms(size, state.skew, price, schedule)
        most = batches.dearest_share(terms, size, size, price)
        limit = tightest_limit(size, price, most.premium)
        dearest = limit if size_delta > 0 else max(limit, price)
        escrow = trial._escrow(number, size_delta, dearest, is_reduce_only, keeper_fee)
        if is_reduce_only:
            escrow = min(escrow, max(holder.margin, 0) // ESCROW_UNIT * ESCROW_UNIT)
        reason = "" if is_reduce_only else trial.feed.halted(now, number)
        if escrow < keeper_fee or escrow > max(holder.margin, 0):
            reason = "insufficient margin"
        view = replace(
            view,
            reason=reason,
            limit_price=limit,
            escrow=escrow,
            most_fee=most.fee,
            most_premium=most.premium,
        )
        if not reason:
            holder.margin -= escrow
            holder.orders[-1] = replace(order, limit_price=limit, escrow=escrow)
            reason = trial._why_not(now, entry, size, size, price, second)
            if reason == STAYS:  # for want of another market's price
                others = set(holder.positions) - {number}
                reason = _settled_prices_at(trial, others, second)[1]
            view = replace(view, reason=reason)
    if not view.reason:
        view = _filled(trial, now, entry, size, price, view, before)
    else:
        trial = market
    holder = trial.accounts.get(account, Account())
    after = holder.positions.get(number, Position())
    view = replace(view, size=after.size, cost=after.cost, margin=holder.margin)
    prices, unpriced = _settled_prices_at(trial, set(holder.positions) - {number}, second)
    if unpriced:
        return replace(view, unpriced=unpriced)
    found: Appraisal = trial.appraise(now, account, {**prices, number: price})
    return replace(
        view,
        equity=found.equity,
        backing=found.backing,
        initial=found.initial,
        maintenance=found.maintenance,
        free=max(found.free, 0),
    )


def _filled(
    trial: PerpetualMarket,
    now: int,
    entry: tuple[int, int],
    size: int,
    price: int,
    view: Quote,
    before: Position,
) -> Quote:
    """Fill an order alone; return the view with what it paid."""
    account, slot = entry
    order = trial._order(account, slot)
    state = trial.markets[order.market]
    meeting = batches.meeting(
        max(size, 0),
        max(-size, 0),
        state.skew,
        price,
        state.parameters.schedule,
        state.impact_reserve,
    )
    gain = trial._gain(state, before, size, price)[1]
    owed = trial.owed
    trial._release(account, slot)
    terms = batches.terms(meeting, size)
    paid = trial._trade(account, order.market, size, price, terms)
    earned = trial._due_for_fill(account, order, before.size, size, price, terms)
    trial._credit(account_of(NOBODY), earned)
    trial._credit(account, order.keeper_fee - earned)
    claim = trial.owed - owed
    trial._write_off(now, account, order.market)
    premium = -(-paid.premium * wad.WAD // abs(size))
    return replace(
        view,
        fill_price=price + premium if size > 0 else price - premium,
        fee=paid.fee,
        premium=paid.premium,
        keeper_fee=earned,
        result=gain,
        claim=claim,
    )


def tightest_limit(size: int, price: int, premium: int) -> int:
    """Return the tightest limit on its grid that a fill is within."""
    part = abs(size)
    if size > 0:
        return -(-(part * price + premium * wad.WAD) // (part * LIMIT_UNIT)) * LIMIT_UNIT
    lots = (part * price - premium * wad.WAD) // (part * LIMIT_UNIT)
    return max(lots, 1) * LIMIT_UNIT


def market_view(market: PerpetualMarket, now: int, number: int) -> MarketView:
    """Return all there is to say of a market now, with or without a price."""
    if number not in market.markets:
        raise Refused("unknown market")
    state = market.accrued(number, now)
    parameters, skew = state.parameters, state.skew
    reason, price = "", 0
    try:
        price = market.feed.price(now, number).price
    except Refused as refused:
        reason = refused.reason
    priced_at = price_words.time_of(market.feed.newest.get(number // LANES, 0))
    day, paid = state.paid_on
    left = parameters.insurance_limit - (paid if day == now // DAY else 0)
    schedule = parameters.schedule
    held = max(-schedule.premium_cap, min(skew, schedule.premium_cap))
    heavier = (state.long >= state.short, state.short >= state.long)
    return MarketView(
        reason,
        price,
        priced_at,
        max(now - priced_at, 0) if priced_at else 0,
        market.feed.halted(now, number),
        state.long,
        state.short,
        skew,
        state.index_long,
        state.index_short,
        state.rate,
        state.borrowing_rate,
        state.rate + heavier[0] * state.borrowing_rate,
        -state.rate + heavier[1] * state.borrowing_rate,
        wad.signed_mul_div_truncated(held, wad.WAD, schedule.skew_scale),
        state.at_risk,
        state.impact_reserve,
        state.insurance,
        min(state.insurance, max(left, 0)),
        max(parameters.max_open_interest - state.long, 0),
        max(parameters.max_open_interest - state.short, 0),
        max(parameters.max_skew - skew, 0),
        max(parameters.max_skew + skew, 0),
    )


def vault_view(market: PerpetualMarket, now: int) -> VaultView:
    """Return the vault's side of all markets, each at its newest or its final price."""
    open_result = time_due = priced_at = unpriced = 0
    for number in sorted(market.markets):
        state = market.accrued(number, now)
        if not state.long and not state.short:
            continue
        price = state.final_price
        if not price:
            board = market.feed.newest.get(number // LANES, 0)
            if not price_words.is_sound(board, number % LANES):
                unpriced |= 1 << number
                continue
            price = price_words.sound_price(board, number % LANES)
            at = price_words.time_of(board)
            priced_at = min(priced_at or at, at)
        open_result += nav_math.open_result_floor(state.skew, state.cost_sum * wad.WAD, price)
        time_due += nav_math.time_due(
            state.long, state.short, state.index_long, state.index_short, state.entry_sum, price
        )
    return VaultView(
        market.cash,
        market.owed,
        market.debts,
        market.set_aside,
        market.at_risk,
        borrowing_math.utilisation(market.at_risk, market.cash),
        open_result,
        time_due,
        priced_at,
        unpriced,
    )


def _newest_prices(
    market: PerpetualMarket, now: int, account: int, wanted: set[int]
) -> tuple[dict[int, int], int, str]:
    """Return some of the prices that an account is judged by, and their second; or why not."""
    reason = _unsettled(market, market.accounts.get(account, Account()).positions)
    if reason or not wanted:
        return {}, 0, reason
    second, reason = _second_of(market, now, account)
    if reason:
        return {}, second, reason
    prices, reason = _prices_at(market, wanted, second)
    return prices, second, reason


def _second_of(market: PerpetualMarket, now: int, account: int) -> tuple[int, str]:
    """Return the newest second of an account's first market, if it is fresh, or why not."""
    first = min(market.accounts[account].positions)
    try:
        return price_words.time_of(market.feed.board(now, first // LANES)), ""
    except Refused as refused:
        return 0, refused.reason


def _unsettled(market: PerpetualMarket, numbers: Iterable[int]) -> str:
    """Return why an account can't be judged that has positions in a retired market."""
    retired = any(market.markets[number].final_price for number in numbers)
    return "retired market not settled" if retired else ""


def _settled_prices_at(
    market: PerpetualMarket, numbers: set[int], second: int
) -> tuple[dict[int, int], str]:
    """Return some markets' prices of a second, or why positions there can't be judged by them."""
    reason = _unsettled(market, numbers)
    return ({}, reason) if reason else _prices_at(market, numbers, second)


def _prices_at(
    market: PerpetualMarket, numbers: set[int], second: int
) -> tuple[dict[int, int], str]:
    """Return some markets' prices of a second, or why the first of those missing is missing."""
    prices = {}
    for number in sorted(numbers):
        try:
            prices[number] = market.feed.price_at(number, second).price
        except Refused as refused:
            return {}, refused.reason
    return prices, ""
