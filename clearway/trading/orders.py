"""From what somebody wants of a market to an order, and the margin that it needs."""

from dataclasses import dataclass, replace
from typing import Any

from clearway import numbers
from clearway.deployments import Listed
from clearway.opstack.errors import BadInput, InsufficientBalance
from clearway.opstack.text import amount
from clearway.spec import borrowing_math, margin_math, positions, wad
from clearway.spec.state import AT_RISK_UNIT, ESCROW_UNIT, KEEPER_FEE_UNIT
from clearway.trading.reasons import ADVICE

DEFAULT_SLIPPAGE = wad.WAD // 100
DEFAULT_KEEPER_FEE = wad.WAD // 10  # quote wad
CENT = wad.WAD // 100


@dataclass(frozen=True)
class Intent:
    """What somebody wants: a size of a market, and on which terms."""

    market: Listed
    size_delta: int  # base wad
    is_reduce_only: bool = False
    limit_price: int | None = None  # wad; if none, the price now and the slippage
    slippage: int = DEFAULT_SLIPPAGE  # wad ratio
    leverage: int | None = None  # wad: of the whole account afterwards, at most
    keeper_fee: int = DEFAULT_KEEPER_FEE  # quote wad
    words: str = ""  # as it was asked for, where the size was worked out from a price


@dataclass(frozen=True)
class Plan:
    """An order that could be placed, and what it would be if it were filled alone now."""

    intent: Intent
    limit_price: int  # wad
    missing: int  # quote wad: to be deposited first
    quote: Any | None  # of QuoteLens, without the deposit; None where nobody has a price
    leverage: int | None  # of the account afterwards, if it may increase; wad

    @property
    def market(self) -> Listed:
        return self.intent.market

    @property
    def size_delta(self) -> int:
        return self.intent.size_delta

    @property
    def is_reduce_only(self) -> bool:
        return self.intent.is_reduce_only

    @property
    def keeper_fee(self) -> int:
        return self.intent.keeper_fee

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it this order and no other, whatever the price is meanwhile."""
        wanted = self.intent
        return (
            wanted.market.number,
            wanted.words or wanted.size_delta,
            wanted.is_reduce_only,
            wanted.limit_price,
        )


def require_margin(plan: Plan) -> None:
    """Raise `InsufficientBalance` if the account lacks margin for an order."""
    if plan.missing:
        missing = numbers.money(plan.missing)
        raise InsufficientBalance(
            f"the account lacks {missing} of margin for this",
            f"deposit it with `ape run account deposit {missing}`, trade less, or give --leverage",
        )


@dataclass(frozen=True)
class Capital:
    """What stands against all traders; quote wad."""

    cash: int
    at_risk: int
    max_utilisation: int  # wad ratio


def plan(intent: Intent, quote: Any, view: Any, market: Any, capital: Capital) -> Plan:
    """Return the order for an intent that may increase a position.

    `quote`, `view` and `market` are the lenses' answers for it, its account and its market. What
    margin is missing it says: for the order to stand, or for the leverage that is wanted.
    """
    _require_takeable(quote.reason)
    _require_takeable(view.reason)
    _require_takeable(_refusal(intent, quote, view, market, capital))
    limit = _limit(intent, quote)
    needs = _Needs.of(intent, limit, quote, view, market)
    missing = needs.missing()
    if intent.leverage is not None:
        needs.require_allowed(intent.leverage, intent.market.name)
        missing = needs.missing_for(intent.leverage)
    missing = to_the_cent(missing)
    return Plan(intent, limit, missing, quote, needs.leverage_with(missing))


def plan_reduction(intent: Intent, quote: Any | None, view: Any) -> Plan:
    """Return the order for an intent that only reduces.

    It needs no margin, so its keeper's fee is cut to what is there; and with a limit no price.
    """
    if quote is not None:
        _require_takeable(quote.reason)
    margin = max(view.margin, 0)
    keeper_fee = min(intent.keeper_fee, margin // KEEPER_FEE_UNIT * KEEPER_FEE_UNIT)
    return Plan(replace(intent, keeper_fee=keeper_fee), _limit(intent, quote), 0, quote, None)


def _limit(intent: Intent, quote: Any | None) -> int:
    if intent.limit_price is not None:
        return intent.limit_price
    if quote is None:
        raise BadInput(
            f"nobody has a price of {intent.market.name} to derive a limit from",
            "give the worst price that you would take by --limit",
        )
    return numbers.worse_by(quote.limit_price, intent.slippage, is_buy=intent.size_delta > 0)


def _require_takeable(reason: str) -> None:
    """Raise `BadInput` for a reason that a deposit wouldn't mend."""
    if reason not in ("", "insufficient margin"):
        raise BadInput(f"the market wouldn't take this now ({reason})", ADVICE.get(reason, ""))


def _refusal(intent: Intent, quote: Any, view: Any, market: Any, capital: Capital) -> str:
    """Tell why the market wouldn't take more, which a quote that lacks margin doesn't come to."""
    size_delta, before = intent.size_delta, _size_in(intent.market, view)
    size = before + size_delta
    if size and positions.notional(size, quote.price) < market.parameters.min_notional:
        return "position too small"
    if not positions.increases(before, size_delta):
        return ""
    if market.outage:
        return str(market.outage)
    if abs(size_delta) > (market.long_room if size_delta > 0 else market.short_room):
        return "open interest at its cap"
    if abs(size_delta) > (market.buy_room if size_delta > 0 else market.sell_room):
        return "skew at its cap"
    at_risk = capital.at_risk - market.at_risk + _risk(size_delta, quote.price, market)
    is_full = borrowing_math.utilisation(at_risk, capital.cash) > capital.max_utilisation
    return "vault fully used" if is_full else ""


def _risk(size_delta: int, price: int, market: Any) -> int:
    """Return a market's capital at risk after a trade that adds to one side; quote wad."""
    long, short = market.long + max(size_delta, 0), market.short + max(-size_delta, 0)
    worth = wad.mul_up(max(long, short), price)
    weighed = wad.mul_up(worth, market.parameters.risk_weight)
    return positions.to_grid_up(weighed, AT_RISK_UNIT)


def _size_in(market: Listed, view: Any) -> int:
    """Return the size of an account's position in a market; base wad."""
    return sum(one.size for one in view.positions if one.market == market.number)


@dataclass(frozen=True)
class _Needs:
    """What an order needs of its account; quote wad."""

    equity: int  # after what the trade costs at most
    backing: int
    margin: int  # now
    notional: int  # of all positions afterwards
    initial: int  # of all positions afterwards
    escrow: int

    @classmethod
    def of(cls, intent: Intent, limit: int, quote: Any, view: Any, market: Any) -> "_Needs":
        p = market.parameters
        others = [one for one in view.positions if one.market != intent.market.number]
        size = quote.size_delta + _size_in(intent.market, view)
        worth = positions.notional(size, quote.price)
        cost = quote.most_fee + quote.most_premium + intent.keeper_fee
        return cls(
            equity=view.equity - cost,
            backing=view.backing - cost,
            margin=view.margin,
            notional=worth + sum(one.notional for one in others),
            initial=margin_math.requirement(worth, p.initial_ratio, p.initial_slope)
            + sum(one.initial for one in others),
            escrow=escrow_of(intent, limit, quote.price, p),
        )

    def missing(self) -> int:
        """Return the margin without which the order can't be placed, or wouldn't stand."""
        return max(self.escrow - self.margin, self.initial - self.backing, 0)

    def missing_for(self, leverage: int) -> int:
        """Return the margin without which the account's leverage would be higher."""
        wanted = wad.mul_div_up(self.notional, wad.WAD, leverage)
        return max(wanted - self.equity, self.missing())

    def leverage_with(self, deposit: int) -> int:
        return margin_math.leverage(self.notional, self.equity + deposit)

    def require_allowed(self, leverage: int, name: str) -> None:
        most = wad.mul_div_down(self.notional, wad.WAD, self.initial) if self.initial else leverage
        if leverage > most:
            tenths = most * 10 // wad.WAD
            raise BadInput(
                f"{numbers.leverage(leverage)} is more leverage than {name} allows at this size",
                f"give {amount(tenths, 1)} or less",
            )


def escrow_of(intent: Intent, limit: int, price: int, parameters: Any) -> int:
    """Return what placing an order locks: fees, and initial margin if it may increase."""
    dearest = limit if intent.size_delta > 0 else max(limit, price)
    worth = positions.notional(intent.size_delta, dearest)
    needed = intent.keeper_fee + wad.mul_up(worth, parameters.taker_fee)
    if not intent.is_reduce_only:
        needed += margin_math.requirement(worth, parameters.initial_ratio, parameters.initial_slope)
    return positions.to_grid_up(needed, ESCROW_UNIT)


def to_the_cent(money: int) -> int:
    """Return quote wad rounded up to what people write."""
    return positions.to_grid_up(money, CENT)
