"""What traders and providers are shown: facts and rows, from what the lenses answer."""

from collections.abc import Iterable, Iterator
from typing import Any

from clearway import numbers
from clearway.contracts import Told
from clearway.deployments import Deployment
from clearway.opstack.text import moment
from clearway.spec import margin_math, wad
from clearway.trading.history import Happened
from clearway.trading.orders import Plan
from clearway.trading.trader import Trader, Wallet

GREATEST = 2**256 - 1
Facts = Iterator[tuple[str, str]]

POSITIONS = ("market", "side", "size", "entry", "price", "worth", "result", "owed", "liquidation")
ORDERS = ("slot", "market", "order", "limit", "fills at", "keeper's fee", "escrow", "now")
HISTORY = ("when", "what", "market", "size", "price", "fee", "result", "money")
MARKETS = (
    "market", "price", "long", "short", "longs pay/day", "shorts pay/day", "more long",
    "more short", "state",
)  # fmt: skip


class Names:
    """A deployment's markets and money, by the names that people give them."""

    def __init__(self, deployment: Deployment) -> None:
        self.symbol = deployment.token.symbol
        self.decimals = deployment.token.decimals
        self._markets = {listed.number: listed.name for listed in deployment.markets}

    def market(self, number: int) -> str:
        return self._markets.get(number, f"market {number}")

    def money(self, wads: int) -> str:
        return f"{numbers.money(wads)} {self.symbol}"

    def units(self, units: int) -> str:
        return f"{numbers.token(units, self.decimals)} {self.symbol}"


# Accounts


def account_facts(names: Names, trader: Trader, view: Any) -> Facts:
    yield "account", f"{trader.owner}, number {trader.number}"
    yield "margin", names.money(view.margin)
    if view.escrow:
        yield "in escrow", f"{names.money(view.escrow)}, for orders"
    if view.reason:
        yield "prices", f"none ({view.reason}), so the rest isn't known"
        return
    yield "equity", names.money(view.equity)
    yield "may leave", names.money(view.free)
    if view.positions:
        notional = sum(one.notional for one in view.positions)
        yield "leverage", shown_leverage(margin_math.leverage(notional, view.equity))
        yield "health", f"{_health(view)}, liquidated below 1"
    if view.flagged_at:
        yield "flagged", f"below maintenance since {moment(view.flagged_at)}"


def _health(view: Any) -> str:
    return f"{view.health * 100 // wad.WAD / 100:.2f}"


def shown_leverage(leverage: int) -> str:
    return "without equity" if leverage >= GREATEST else numbers.leverage(leverage)


def wallet_facts(names: Names, wallet: Wallet) -> Facts:
    yield "on L2", f"{names.units(wallet.l2_tokens)}, {numbers.ether(wallet.l2_eth)} ETH"
    yield "on L1", f"{names.units(wallet.l1_tokens)}, {numbers.ether(wallet.l1_eth)} ETH"


def position_rows(names: Names, view: Any) -> Iterator[tuple[str, ...]]:
    for one in view.positions:
        known = not view.reason
        yield (
            names.market(one.market),
            side(one.size),
            numbers.size(abs(one.size)),
            numbers.price(one.entry_price),
            numbers.price(one.price) if known else "?",
            numbers.money(one.notional) if known else "?",
            numbers.money(one.result, signed=True) if known else "?",
            numbers.money(one.owed, signed=True) if known else "?",
            liquidation_price(one) if known else "?",
        )


def side(size: int) -> str:
    return "long" if size > 0 else "short"


def liquidation_price(position: Any) -> str:
    """Show the price at which an account is liquidated for a position of it."""
    no_price, any_price = (0, GREATEST) if position.size > 0 else (GREATEST, 0)
    if position.liquidation_price == no_price:
        return "never"
    if position.liquidation_price == any_price:
        return "now"
    return numbers.price(position.liquidation_price)


def order_rows(names: Names, orders: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    for one in orders:
        yield (
            str(one.slot),
            names.market(one.market),
            trade_words(one.size_delta, one.is_reduce_only),
            numbers.price(one.limit_price),
            moment(one.fills_at).removesuffix(" UTC"),
            numbers.money(one.keeper_fee),
            numbers.money(one.escrow),
            f"{one.stage} ({one.reason})" if _adds(one) else one.stage,
        )


def _adds(order: Any) -> bool:
    return bool(order.reason) and order.reason != order.stage and order.stage != "by round"


def trade_words(size_delta: int, is_reduce_only: bool, name: str = "") -> str:
    verb = "buy" if size_delta > 0 else "sell"
    what = f"{verb} {numbers.size(abs(size_delta))} {name}".rstrip()
    return f"{what}, only reducing" if is_reduce_only else what


def history_rows(names: Names, happened: Iterable[Happened]) -> Iterator[tuple[str, ...]]:
    for one in happened:
        yield (moment(one.at).removesuffix(" UTC"), *_history_row(names, one.told))


WORDS = {
    "Deposited": "deposit",
    "Withdrawn": "withdrawal",
    "OrderPlaced": "placed",
    "OrderFilled": "filled",
    "OrderFailed": "failed",
    "OrderCleared": "cleared",
    "PositionLiquidated": "liquidated",
    "AccountLiquidated": "penalty",
    "PositionSettled": "settled",
    "ProfitClaimed": "profit owed",
    "ClaimPaid": "profit paid",
    "ClaimSetOff": "profit set off",
    "ShortfallBooked": "shortfall",
}


def _history_row(names: Names, told: Told) -> tuple[str, ...]:
    values = {**told.values, **told.values.get("order", {})}
    what = WORDS[told.name] + (f" ({values['reason']})" if "reason" in values else "")
    price = values.get("price") or values.get("limit_price")
    size = values.get("size_delta")
    return (
        what,
        names.market(values["market"]) if "market" in values else "",
        "" if size is None else numbers.size(size),
        "" if price is None else numbers.price(price),
        "" if "fee" not in values else numbers.money(values["fee"] + values.get("premium", 0)),
        "" if "result" not in values else numbers.money(values["result"], signed=True),
        _moved(names, told),
    )


def _moved(names: Names, told: Told) -> str:
    """Show the money that an event moves by itself."""
    values = told.values
    if told.name == "Deposited":
        return f"+{numbers.token(values['amount'], names.decimals)}"
    if told.name == "Withdrawn":
        return f"-{numbers.token(values['amount'], names.decimals)}"
    if told.name == "AccountLiquidated":
        return f"-{numbers.money(values['penalty'])}"
    return numbers.money(values["amount"]) if "amount" in values else ""


# Orders


def plan_facts(names: Names, plan: Plan) -> Facts:
    name, quote = plan.market.name, plan.quote
    yield "order", trade_words(plan.size_delta, plan.is_reduce_only, name)
    if quote is None:
        yield "price", "nobody has one now"
    else:
        worth = wad.mul_up(abs(quote.size_delta), quote.price)
        yield "price", f"{numbers.price(quote.price)} now, worth {names.money(worth)}"
        yield "fee", names.money(quote.most_fee)
        yield "premium", f"{names.money(quote.most_premium)} at most, for the skew that it makes"
    yield "limit", f"{numbers.price(plan.limit_price)}, at which it fills at worst"
    yield "keeper's fee", names.money(plan.keeper_fee)
    if plan.missing:
        yield "to deposit", f"{names.money(plan.missing)} first: so much margin is missing"
    if plan.leverage is not None:
        yield "leverage", f"{shown_leverage(plan.leverage)}, of the whole account afterwards"
    elif quote is not None and quote.reason == "":
        yield "result", f"{numbers.money(quote.result, signed=True)} {names.symbol}, realised"


def filled_facts(names: Names, filled: Told) -> Facts:
    """Tell of an order that was filled."""
    values = filled.values
    size = values["size_delta"]
    paid = wad.mul_div_up(abs(values["premium"]), wad.WAD, abs(size))
    worse = paid if (values["premium"] > 0) == (size > 0) else -paid
    yield "filled", trade_words(size, False, names.market(values["market"]))
    yield "at", f"{numbers.price(values['price'] + worse)}, its premium included"
    yield "fee", names.money(values["fee"])
    yield "premium", names.money(values["premium"])
    if values["result"]:
        yield "result", f"{numbers.money(values['result'], signed=True)} {names.symbol}"


def settled_facts(names: Names, settled: Told) -> Facts:
    """Tell of a position that was closed at a retired market's final price."""
    values = settled.values
    yield "settled", trade_words(values["size_delta"], False, names.market(values["market"]))
    yield "at", f"{numbers.price(values['price'])}, the final price"
    yield "result", f"{numbers.money(values['result'], signed=True)} {names.symbol}"


# Markets


def market_row(name: str, view: Any) -> tuple[str, ...]:
    known = not view.reason
    return (
        name,
        numbers.price(view.price) if known else "?",
        numbers.size(view.long),
        numbers.size(view.short),
        numbers.daily_rate(view.long_rate),
        numbers.daily_rate(view.short_rate),
        numbers.size(min(view.long_room, view.buy_room)),
        numbers.size(min(view.short_room, view.sell_room)),
        view.outage or view.reason or "open",
    )
