"""What to do about a contract's refusal, in words for whoever caused it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clearway.opstack.errors import Reverted

GET_TOKENS = "`ape run account faucet AMOUNT` makes some on L1, where it is a test token"
NO_PRICE = "no publisher has brought a price lately: start publishers, or try again when they run"

ADVICE: Mapping[str, str] = {
    # orders
    "insufficient margin": "deposit more margin, or trade less",
    "slot in use": "the account has an order there: give another slot, or wait for its end",
    "order still open": "wait until its window has ended, or execute it",
    "order too young": "wait for the second that prices it",
    "too old for a report": "clear it; one that only reduces still fills by an aggregator's round",
    "no such order": "it was executed or cleared meanwhile; the account's history tells",
    "size too large": "trade less",
    "order too large": "trade less",
    "limit price too high": "give a lower limit",
    "nothing to reduce": "there is no position of that direction to reduce",
    "price beyond limit": "allow more slippage, or give a limit nearer to the market",
    "position too small": "trade more: what stays open must be worth the market's least notional",
    "open interest at its cap": "trade less, or wait until others close",
    "skew at its cap": "trade less, or trade the other side",
    "vault fully used": "wait until positions close or providers bring more",
    "market not retired": "`ape run trade close` closes a position there",
    "no position": "`ape run account` lists those that there are",
    "market retired": "`ape run trade settle` closes a position there at its final price",
    "unknown market": "check the market's name",
    # money
    "not the owner": "use the account that owns it",
    "margin in use": "withdraw less: the rest backs open positions and orders",
    "no claimant": "name somebody's address by --to",
    "deposit cap reached": "deposit less; the owner has limited how much may enter",
    "fewer shares than wanted": "the price moved: try again, or allow more slippage",
    "shares have no price": "the vault has lost everything; nobody can enter",
    "nothing to process": "no request's cooldown is over yet",
    "nothing can leave now": "the rest backs positions, or today's outflow is used up: try later",
    "more than is claimable": "claim less",
    "retired market not settled": "`ape run trade settle` closes that position at its final price",
    # prices and outages
    "no price": NO_PRICE,
    "price stale": NO_PRICE,
    "no report of that second": "publishers have not signed it: wait for them",
    "price too wide": "publishers are unsure of the price: wait",
    "chain's clock lags": "closing and withdrawing work; wait with the rest",
    "in grace after an outage": "closing and withdrawing work; wait with the rest",
    "sequencer down": "closing and withdrawing work; wait with the rest",
    "uptime feed is sick": "closing and withdrawing work; wait with the rest",
    "collateral off par": "closing and withdrawing work; wait with the rest",
    "price off its reference": "closing and withdrawing work; wait with the rest",
}


@contextmanager
def advising(better: Mapping[str, str] | None = None) -> Iterator[None]:
    """Add advice to a contract's refusal, by its reason; `better` goes before the general one."""
    try:
        yield
    except Reverted as error:
        error.advise((better or {}).get(error.reason) or ADVICE.get(error.reason, ""))
        raise
