# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title book
@license AGPL-3.0-only
@notice Knows every position, and of each market the sums over them, its indices and its reserves.
@dev Four words a market and one a position. Invariants: B1 open interest, costs and entries of a
     market are the sums over its positions, exactly; B2 the sums change with a position and with
     nothing else; B3 indices move with time only.

     What fits: rates are bounded to 0.3 a day for funding and 0.002 for borrowing, so that their
     indices fit their fields for 21 and 25 years at the bound; sizes in lots fit 71 bits and an
     entry on its grid 55, so that the sum of their products fits 127. A field that didn't fit
     would revert, never wrap.
"""

from interfaces import IPerpetualMarket
from contracts.math import borrowing_math
from contracts.math import funding_math
from contracts.math import positions
from contracts.math import wad

struct Market:
    updated_at: uint256
    long: uint256
    short: uint256
    rate: int256  # wad per day
    borrowing_rate: uint256  # wad per day
    funding_index: int256
    borrowing_long: uint256
    borrowing_short: uint256
    at_risk: uint256
    cost_sum: int256  # quote wad, signed
    entry_funding_sum: int256  # of size * entry; wad * wad
    entry_borrowing_sum: uint256  # of |size| * entry; wad * wad
    impact_reserve: uint256
    fees: uint256


RATE_UNIT: constant(uint256) = 10**6  # wad per day
AT_RISK_UNIT: constant(uint256) = 10**12  # quote wad
PRODUCT_UNIT: constant(uint256) = positions.SIZE_UNIT * positions.ENTRY_UNIT
EMPTIED: constant(uint256) = 1  # a position that was; cheaper to fill again than nothing

_sides: HashMap[uint256, uint256]  # long 72, short 72, updated_at 32, rate 40, borrowing rate 40
_indices: HashMap[uint256, uint256]  # funding 72, borrowing long 64, short 64, at risk 56
_money: HashMap[uint256, uint256]  # impact reserve 88, fees 88, cost sum 80
_entries: HashMap[uint256, uint256]  # funding 128, borrowing 128
_positions: HashMap[uint256, HashMap[uint256, uint256]]
# account -> market -> size 72, cost 72, entry funding 56, entry borrowing 56


@internal
def _open(market: uint256):
    """
    @notice Begin a market's time.
    """
    state: Market = empty(Market)
    state.updated_at = block.timestamp
    self._save(market, state)


@internal
@view
def _load(market: uint256) -> Market:
    sides: uint256 = self._sides[market]
    indices: uint256 = self._indices[market]
    money: uint256 = self._money[market]
    entries: uint256 = self._entries[market]
    return Market(
        updated_at=(sides >> 144) & (2**32 - 1),
        long=(sides & (2**72 - 1)) * positions.SIZE_UNIT,
        short=((sides >> 72) & (2**72 - 1)) * positions.SIZE_UNIT,
        rate=self._signed(sides >> 176, 40) * convert(RATE_UNIT, int256),
        borrowing_rate=(sides >> 216) * RATE_UNIT,
        funding_index=self._signed(indices, 72),
        borrowing_long=(indices >> 72) & (2**64 - 1),
        borrowing_short=(indices >> 136) & (2**64 - 1),
        at_risk=(indices >> 200) * AT_RISK_UNIT,
        cost_sum=self._signed(money >> 176, 80) * convert(positions.COST_UNIT, int256),
        entry_funding_sum=self._signed(entries, 128) * convert(PRODUCT_UNIT, int256),
        entry_borrowing_sum=(entries >> 128) * PRODUCT_UNIT,
        impact_reserve=money & (2**88 - 1),
        fees=(money >> 88) & (2**88 - 1),
    )


@internal
def _save(market: uint256, state: Market):
    self._sides[market] = (
        self._unsigned(convert(state.long // positions.SIZE_UNIT, int256), 72)
        | self._unsigned(convert(state.short // positions.SIZE_UNIT, int256), 72) << 72
        | state.updated_at << 144
        | self._field(state.rate // convert(RATE_UNIT, int256), 40) << 176
        | self._unsigned(convert(state.borrowing_rate // RATE_UNIT, int256), 40) << 216
    )
    self._indices[market] = (
        self._field(state.funding_index, 72)
        | self._unsigned(convert(state.borrowing_long, int256), 64) << 72
        | self._unsigned(convert(state.borrowing_short, int256), 64) << 136
        | self._unsigned(convert(state.at_risk // AT_RISK_UNIT, int256), 56) << 200
    )
    self._money[market] = (
        self._unsigned(convert(state.impact_reserve, int256), 88)
        | self._unsigned(convert(state.fees, int256), 88) << 88
        | self._field(state.cost_sum // convert(positions.COST_UNIT, int256), 80) << 176
    )
    self._entries[market] = (
        self._field(state.entry_funding_sum // convert(PRODUCT_UNIT, int256), 128)
        | self._unsigned(convert(state.entry_borrowing_sum // PRODUCT_UNIT, int256), 128) << 128
    )


@internal
@pure
def _signed(word: uint256, bits: uint256) -> int256:
    """
    @notice The lowest `bits` of a word as a signed number.
    """
    x: uint256 = word & ((1 << bits) - 1)
    if x >> (bits - 1) == 0:
        return convert(x, int256)
    return convert(x, int256) - convert(1 << bits, int256)


@internal
@pure
def _field(x: int256, bits: uint256) -> uint256:
    """
    @notice A signed number in `bits` bits; refused if it doesn't fit.
    """
    half: int256 = convert(1 << (bits - 1), int256)
    assert x >= -half and x < half, "field overflows"
    return convert(x if x >= 0 else x + 2 * half, uint256)


@internal
@pure
def _unsigned(x: int256, bits: uint256) -> uint256:
    """
    @notice A number that is never below zero in `bits` bits; refused if it doesn't fit.
    """
    assert x >= 0 and x < convert(1 << bits, int256), "field overflows"
    return convert(x, uint256)


@internal
@view
def _position(account: uint256, market: uint256) -> positions.Position:
    word: uint256 = self._positions[account][market]
    if word <= EMPTIED:
        return empty(positions.Position)
    return positions.Position(
        size=self._signed(word, 72) * convert(positions.SIZE_UNIT, int256),
        cost=((word >> 72) & (2**72 - 1)) * positions.COST_UNIT,
        entry_funding=self._signed(word >> 144, 56) * convert(positions.ENTRY_UNIT, int256),
        entry_borrowing=(word >> 200) * positions.ENTRY_UNIT,
    )


@internal
def _put(account: uint256, market: uint256, position: positions.Position):
    word: uint256 = EMPTIED
    if position.size != 0:
        word = (
            self._field(position.size // convert(positions.SIZE_UNIT, int256), 72)
            | self._unsigned(convert(position.cost // positions.COST_UNIT, int256), 72) << 72
            | self._field(position.entry_funding // convert(positions.ENTRY_UNIT, int256), 56)
            << 144
            | self._unsigned(convert(position.entry_borrowing // positions.ENTRY_UNIT, int256), 56)
            << 200
        )
    self._positions[account][market] = word


@internal
@pure
def _without(state: Market, position: positions.Position) -> Market:
    """
    @notice The market's sums less one position.
    """
    after: Market = state
    size: uint256 = wad._magnitude(position.size)
    if position.size > 0:
        after.long -= size
    else:
        after.short -= size
    after.cost_sum -= positions._signed_cost(position)
    after.entry_funding_sum -= position.size * position.entry_funding
    after.entry_borrowing_sum -= size * position.entry_borrowing
    return after


@internal
@pure
def _with(state: Market, position: positions.Position) -> Market:
    """
    @notice The market's sums and one position more.
    """
    after: Market = state
    size: uint256 = wad._magnitude(position.size)
    if position.size > 0:
        after.long += size
    else:
        after.short += size
    after.cost_sum += positions._signed_cost(position)
    after.entry_funding_sum += position.size * position.entry_funding
    after.entry_borrowing_sum += size * position.entry_borrowing
    return after


@internal
@pure
def _skew(state: Market) -> int256:
    """
    @notice Long minus short; base wad.
    """
    return convert(state.long, int256) - convert(state.short, int256)


@internal
@pure
def _borrowing_index(state: Market, size: int256) -> uint256:
    """
    @notice The index of the side that a size is on; wad.
    """
    return state.borrowing_long if size > 0 else state.borrowing_short


@internal
@view
def _accrued(state: Market, p: IPerpetualMarket.Parameters) -> Market:
    """
    @notice The market brought up to now: its rate and its indices.
    """
    after: Market = state
    elapsed: uint256 = block.timestamp - state.updated_at
    velocity: int256 = funding_math._velocity(self._skew(state), p.skew_scale, p.max_velocity)
    cap: int256 = convert(p.funding_cap, int256)
    rate: int256 = max(-cap, min(state.rate, cap))
    after.funding_index += funding_math._index_growth(rate, velocity, elapsed, p.funding_cap)
    rate = funding_math._rate_after(rate, velocity, elapsed, p.funding_cap)
    after.rate = rate // convert(RATE_UNIT, int256) * convert(RATE_UNIT, int256)
    growth: uint256 = borrowing_math._borrow_growth(state.borrowing_rate, elapsed)
    if state.long >= state.short:
        after.borrowing_long += growth
    if state.short >= state.long:
        after.borrowing_short += growth
    after.updated_at = block.timestamp
    return after


@internal
@pure
def _owed(state: Market, position: positions.Position, price: uint256) -> (int256, uint256):
    """
    @notice What a position owes of an accrued market: funding and borrowing; quote wad, up.
    """
    return positions._owed(
        position, state.funding_index, self._borrowing_index(state, position.size), price
    )


@internal
@pure
def _risk(
    p: IPerpetualMarket.Parameters, long: uint256, short: uint256, price: uint256
) -> uint256:
    """
    @notice The vault's capital that stands behind a market; quote wad, rounded up to its grid.
    """
    worth: uint256 = wad._mul_up(max(long, short), price)
    return wad._mul_div_up(wad._mul_up(worth, p.risk_weight), 1, AT_RISK_UNIT) * AT_RISK_UNIT
