"""How far prices may move, and for how long, before an account could need liquidation.

Let p be the prices now, n each position's notional, g how far its side's index has moved since it
was settled, a and c the two parts of its maintenance, and B the equity above maintenance. While
every price stays within p(1 ± r), r ≤ 1,

    equity falls by at most       r · Σ n(1 + |g|)        a price moves a result and what is owed
    maintenance grows by at most  r · Σ an + 3r · Σ cn²   as (1 + r)² - 1 ≤ 3r
    and time takes at most        Σ 2n · dt               d: the most that an index moves in a day

so most of B bounds r, one radius for all of its markets, and the rest of it bounds t. Every
rounding is against the account: outside these bounds it needn't be unhealthy, within it can't be.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from clearway.spec import margin_math, positions, wad
from clearway.spec.state import DAY, Account, Appraisal, Market, PoolParameters

FOR_TIME = 10  # one part in so many of what an account has to spare is for what time takes
LONGEST = 30 * DAY  # seconds
ROUNDINGS = 32  # wei for each position: what the contract's roundings may take
INDEX_ROUNDINGS = 4  # of an index, on its way and at its end


@dataclass(frozen=True)
class Bounds:
    """The prices, by market, and the time up to which an account is surely healthy."""

    low: Mapping[int, int]
    high: Mapping[int, int]
    until: int  # seconds


def bounds(
    account: Account,
    found: Appraisal,
    prices: Mapping[int, int],
    markets: Mapping[int, Market],
    pool: PoolParameters,
    now: int,
) -> Bounds:
    """Return an account's bounds; `markets` are brought up to `now`.

    Where nothing is to spare no price is within them.
    """
    by_price, by_time, fixed = 0, 0, 0
    for number, position in account.positions.items():
        state, price = markets[number], prices[number]
        worth = positions.notional(position.size, price)
        gone = abs(state.index(position.size) - position.entry)
        parameters = state.parameters
        by_price += worth + wad.mul_up(worth, gone)
        by_price += margin_math.linear_requirement(worth, parameters.maintenance_ratio)
        by_price += 3 * margin_math.quadratic_requirement(worth, parameters.maintenance_slope)
        by_time += 2 * wad.mul_up(worth, fastest(state, pool))
        fixed += ROUNDINGS + wad.mul_up(2 * worth, INDEX_ROUNDINGS)
    spare = max(found.spare - fixed, 0)
    for_time = spare // FOR_TIME
    radius = min((spare - for_time) * wad.WAD // by_price, wad.WAD) if by_price else wad.WAD
    lasts = min(for_time * DAY // by_time, LONGEST) if by_time else LONGEST
    return Bounds(
        {
            number: prices[number] - wad.mul_down(prices[number], radius)
            for number in account.positions
        },
        {
            number: prices[number] + wad.mul_down(prices[number], radius)
            for number in account.positions
        },
        now + lasts,
    )


def fastest(state: Market, pool: PoolParameters) -> int:
    """Return the most that an index of a market may move against a position in a day; wad."""
    funding = max(abs(state.rate), state.parameters.funding_cap)
    return funding + max(state.borrowing_rate, pool.rate_at_full, pool.rate_at_kink)
