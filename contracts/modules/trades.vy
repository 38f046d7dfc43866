# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title trades
@license AGPL-3.0-only
@notice What a trade makes of an account, the pool and a market: settle, realise, pay and replace.
@dev Pure: the market writes what comes out, and a view shows it.
"""

from contracts.math import batches
from contracts.math import margin_math
from contracts.math import positions
from contracts.math import wad
from contracts.modules import book
from contracts.modules import custody
from contracts.modules import parameter_words

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
def _beginning(holder: custody.Account, pool: custody.Pool, state: book.Market) -> Trade:
    """
    @notice What there is before anything is traded.
    """
    t: Trade = empty(Trade)
    t.holder = holder
    t.pool = pool
    t.state = state
    return t


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
    found: Trade,
) -> Trade:
    """
    @notice What is paid is limited to what is left: no fee makes a shortfall.
    @dev Not checked: what is stored is below 2^103, and results, fees and premiums below 2^160; a
         sum that passes its field, or falls below zero, is refused when it is saved.
    @param most What may be paid in all.
    @param found The account, the pool and the market, brought up to now.
    """
    t: Trade = found
    t.after, t.gain = self._filled(
        before,
        size_delta,
        price,
        book._index(t.state.index_long, t.state.index_short, before.size),
        book._index(
            t.state.index_long, t.state.index_short, unsafe_add(before.size, size_delta)
        ),
    )
    t.holder.margin, t.pool, t.unpaid = custody._settled(t.holder.margin, t.gain, t.pool)

    reduces: bool = not positions._increases(before.size, size_delta)
    room: int256 = t.holder.margin
    if reduces:
        room = unsafe_add(room, min(positions._result(t.after, price), 0))
    charged: int256 = convert(convert(terms.fee, bytes32), int256)
    wanted: int256 = unsafe_add(charged, terms.premium)
    rebate: int256 = max(unsafe_sub(0, terms.premium), 0)
    left: int256 = convert(convert(min(most, custody._above_zero(room)), bytes32), int256)
    fee: int256 = min(charged, max(unsafe_add(min(room, left), rebate), 0))
    premium: int256 = min(
        terms.premium, positions._to_grid_down(unsafe_sub(left, fee), positions.MONEY_UNIT)
    )
    t.paid = batches.Terms(fee=convert(convert(fee, bytes32), uint256), premium=premium)
    insured: uint256 = unsafe_div(unsafe_mul(t.paid.fee, insurance_share), wad.WAD)
    insured = unsafe_sub(insured, insured % positions.MONEY_UNIT)
    t.pool.cash = unsafe_add(t.pool.cash, unsafe_sub(t.paid.fee, insured))
    t.state = book._replaced(t.state, before, t.after)
    t.state.insurance = unsafe_add(t.state.insurance, insured)
    t.state.impact_reserve = unsafe_add(
        t.state.impact_reserve, convert(convert(premium, bytes32), uint256)
    )
    cost: int256 = unsafe_add(fee, premium)
    if cost >= 0:
        t.holder.margin = unsafe_sub(t.holder.margin, cost)
    else:
        repaid: uint256 = 0
        t.holder.margin, repaid = custody._credited(
            t.holder.margin, convert(convert(unsafe_sub(0, cost), bytes32), uint256)
        )
        t.pool.cash = unsafe_add(t.pool.cash, repaid)
    if reduces:
        # What can't be paid now because it is in escrow for other orders is owed to the vault; so
        # is what is in other markets' open profits, if they needn't wait as claims. Closing frees
        # more maintenance than it costs, so a healthy account can bear it.
        unpaid: int256 = unsafe_sub(wanted, cost)
        spent: int256 = unsafe_sub(room, cost)
        held: int256 = convert(convert(t.holder.escrow, bytes32), int256)
        backed: int256 = max(unsafe_add(spent, held), 0)
        if most != max_value(uint256):
            rest: int256 = max(unsafe_sub(convert(convert(most, bytes32), int256), cost), 0)
            backed = rest if t.pool.claims == 0 else min(backed, rest)
        elif t.holder.markets & ~(1 << market) != 0 and t.pool.claims == 0:
            backed = unpaid
        nothing: uint256 = 0
        t.holder.margin, t.pool, nothing = custody._settled(
            t.holder.margin, unsafe_sub(0, min(unpaid, backed)), t.pool
        )

    if t.after.size != 0:
        t.holder.markets |= 1 << market
    else:
        t.holder.markets &= ~(1 << market)
    return t


@internal
@pure
def _filled(
    before: positions.Position,
    size_delta: int256,
    price: uint256,
    index_before: int256,
    index_after: int256,
) -> (positions.Position, int256):
    """
    @notice A position after a fill, and what that settles: the realised result less what was owed.
    @param index_before Of the side that the position is on; wad. `index_after` is that of the side
           on which it is afterwards.
    @dev Not checked: either result is below 2^160.
    """
    after: positions.Position = empty(positions.Position)
    realised: int256 = 0
    after, realised = positions._filled(before, size_delta, price, index_after)
    return after, unsafe_sub(realised, positions._owed(before, index_before, price))


@internal
@pure
def _due_for_fill(
    keeper_fee: uint256,
    size_before: int256,
    after: positions.Position,
    price: uint256,
    second: uint256,
    holder: custody.Account,
    terms: batches.Terms,
) -> uint256:
    """
    @notice How much of its keeper's fee a filled order pays.
    @param second Of the market's words of parameters.
    @param terms What the order was to pay.
    @dev A keeper may be the owner himself, so what keeps an account healthy stays in it: an
         increase was judged without the fee; a reduction pays out of the maintenance margin that
         it frees and doesn't cost. Not checked: all of it is below 2^200.
    """
    fee: int256 = convert(convert(keeper_fee, bytes32), int256)
    most: int256 = min(fee, unsafe_add(holder.margin, fee))
    if holder.markets != 0:
        if not positions._increases(size_before, unsafe_sub(after.size, size_before)):
            freed: int256 = unsafe_sub(
                self._maintenance(second, size_before, price),
                self._maintenance(second, after.size, price),
            )
            charged: int256 = convert(convert(terms.fee, bytes32), int256)
            freed = unsafe_sub(freed, unsafe_add(charged, terms.premium))
            lost: int256 = min(positions._result(after, price), 0)
            most = min(most, freed)
            most = min(most, unsafe_add(unsafe_add(holder.margin, fee), lost))
    return custody._above_zero(most)


@internal
@pure
def _maintenance(second: uint256, size: int256, price: uint256) -> int256:
    """
    @notice The maintenance margin of a size; quote wad.
    """
    needed: uint256 = margin_math._requirement(
        positions._notional(size, price),
        parameter_words._maintenance_ratio(second),
        parameter_words._maintenance_slope(second),
    )
    return convert(convert(needed, bytes32), int256)
