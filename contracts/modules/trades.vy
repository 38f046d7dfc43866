# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title trades
@license AGPL-3.0-only
@notice What a trade makes of an account, the pool and a market: settle, realise, pay and replace.
@dev Pure: the market writes what comes out, and a view shows it.
"""

from interfaces import IPerpetualMarket
from contracts.math import batches
from contracts.math import margin_math
from contracts.math import positions
from contracts.math import wad
from contracts.modules import book
from contracts.modules import custody

struct Trade:
    holder: custody.Account
    pool: custody.Pool
    state: book.Market
    after: positions.Position
    paid: batches.Terms
    gain: int256  # the realised result less what was owed
    unpaid: uint256  # what of it the vault couldn't pay: a claim


@internal
@pure
def _traded(
    market: uint256,
    size_delta: int256,
    price: uint256,
    terms: batches.Terms,
    most: uint256,
    insurance_share: uint256,
    before: positions.Position,
    holder: custody.Account,
    pool: custody.Pool,
    state: book.Market,
) -> Trade:
    """
    @notice What is paid is limited to what is left: no fee makes a shortfall.
    @param most What may be paid in all.
    @param state Brought up to now.
    """
    t: Trade = empty(Trade)
    t.holder = holder
    t.after, t.gain = self._filled(state, before, size_delta, price)
    t.holder.margin, t.pool, t.unpaid = custody._settled(holder.margin, t.gain, pool)

    reduces: bool = not positions._increases(before.size, size_delta)
    room: int256 = t.holder.margin
    if reduces:
        room += min(positions._result(t.after, price), 0)
    wanted: int256 = convert(terms.fee, int256) + terms.premium
    rebate: int256 = max(-terms.premium, 0)
    left: int256 = max(room, 0)
    if most < convert(left, uint256):
        left = convert(most, int256)
    fee: int256 = min(convert(terms.fee, int256), max(min(room, left) + rebate, 0))
    premium: int256 = min(
        terms.premium, positions._to_grid_down(left - fee, positions.MONEY_UNIT)
    )
    t.paid = batches.Terms(fee=convert(fee, uint256), premium=premium)
    insured: uint256 = wad._mul_down(t.paid.fee, insurance_share)
    insured -= insured % positions.MONEY_UNIT
    t.pool.cash += t.paid.fee - insured
    t.state = book._replaced(state, before, t.after)
    t.state.insurance += insured
    t.state.impact_reserve = convert(
        convert(t.state.impact_reserve, int256) + premium, uint256
    )
    cost: int256 = fee + premium
    if cost >= 0:
        t.holder.margin -= cost
    else:
        repaid: uint256 = 0
        t.holder.margin, repaid = custody._credited(t.holder.margin, convert(-cost, uint256))
        t.pool.cash += repaid
    if reduces:
        # What can't be paid now because it is in escrow for other orders is owed to the vault; in
        # a liquidation also what is in other markets' open profits, if they needn't wait as claims.
        backed: int256 = max(room - cost + convert(holder.escrow, int256), 0)
        if most != max_value(uint256):
            rest: int256 = max(convert(most, int256) - cost, 0)
            backed = rest if t.pool.claims == 0 else min(backed, rest)
        nothing: uint256 = 0
        t.holder.margin, t.pool, nothing = custody._settled(
            t.holder.margin, -min(wanted - cost, backed), t.pool
        )

    if t.after.size != 0:
        t.holder.markets |= 1 << market
    else:
        t.holder.markets &= ~(1 << market)
    return t


@internal
@pure
def _filled(
    state: book.Market, before: positions.Position, size_delta: int256, price: uint256
) -> (positions.Position, int256):
    """
    @notice A position after a fill, and what that settles: the realised result less what was owed.
    """
    after: positions.Position = empty(positions.Position)
    realised: int256 = 0
    after, realised = positions._filled(
        before, size_delta, price, book._index(state, before.size + size_delta)
    )
    return after, realised - positions._owed(before, book._index(state, before.size), price)


@internal
@pure
def _due_for_fill(
    keeper_fee: uint256,
    size_before: int256,
    after: positions.Position,
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
    fee: int256 = convert(keeper_fee, int256)
    most: int256 = min(fee, holder.margin + fee)
    if holder.markets != 0:
        if not positions._increases(size_before, after.size - size_before):
            freed: int256 = self._initial(p, size_before, price) - self._initial(
                p, after.size, price
            )
            most = min(most, freed)
            most = min(most, holder.margin + fee + min(positions._result(after, price), 0))
    return custody._above_zero(most)


@internal
@pure
def _initial(p: IPerpetualMarket.Parameters, size: int256, price: uint256) -> int256:
    """
    @notice The initial margin of a size; quote wad.
    """
    worth: uint256 = positions._notional(size, price)
    return convert(margin_math._requirement(worth, p.initial_ratio, p.initial_slope), int256)
