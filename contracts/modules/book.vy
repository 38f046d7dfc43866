# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title book
@license AGPL-3.0-only
@notice Knows every position, and of each market the sums over them, its indices and its reserves.
@dev Three words a market and one a position. Invariants: B1 open interest, costs and entries of a
     market are the sums over its positions, exactly; B2 the sums change with a position and with
     nothing else; B3 indices move with time only.

     What fits: rates are bounded to 0.3 a day for funding and 0.002 for borrowing, so an index
     fits its field for 21 years at the bound, and an entry for 128; sizes in lots fit 71 bits and
     an entry on its grid 47, so the sum of their products fits 119. A field that didn't fit would
     revert, never wrap. So, where it says that something isn't checked, an index is below 2^81
     after the longest time, and sizes, costs and prices are below 2^102.
"""

from contracts.math import borrowing_math
from contracts.math import funding_math
from contracts.math import positions
from contracts.math import wad
from contracts.modules import parameter_words

struct Market:
    updated_at: uint256
    long: uint256
    short: uint256
    rate: int256  # wad per day
    borrowing_rate: uint256  # wad per day
    index_long: int256
    index_short: int256
    at_risk: uint256
    impact_reserve: uint256
    insurance: uint256
    cost_sum: int256  # quote wad, signed
    entry_sum: int256  # of |size| * entry; wad * wad


RATE_UNIT: constant(uint256) = 10**6  # wad per day
SIGNED_RATE_UNIT: constant(int256) = 10**6
SIGNED_SIZE_UNIT: constant(int256) = 10**9
SIGNED_MONEY_UNIT: constant(int256) = 10**9
SIGNED_ENTRY_UNIT: constant(int256) = 10**8
PRODUCT_UNIT: constant(int256) = 10**17  # of a size unit and an entry unit
USED: constant(uint256) = 1 << 255  # a position that was; cheaper to fill again than nothing

_sides: HashMap[uint256, uint256]  # long 72, short 72, updated_at 32, rate 40, borrowing rate 40
_indices: HashMap[uint256, uint256]  # long 72, short 72, at risk 48, impact reserve 64
_sums: HashMap[uint256, uint256]  # costs 72, entries 120, insurance 64
_positions: HashMap[uint256, uint256]  # by account plus market: size 72, cost 72, entry 48, used


@internal
def _open(market: uint256):
    """
    @notice Begin a market's time.
    """
    self._sides[market] = block.timestamp << 144


@internal
@view
def _load(market: uint256) -> Market:
    return self._unpack(self._sides[market], self._indices[market], self._sums[market])


@internal
@pure
def _unpack(sides: uint256, indices: uint256, sums: uint256) -> Market:
    """
    @dev Not checked: a field of n bits times its unit is below 2^(n + 57).
    """
    return Market(
        updated_at=(sides >> 144) & (2**32 - 1),
        long=unsafe_mul(sides & (2**72 - 1), positions.SIZE_UNIT),
        short=unsafe_mul((sides >> 72) & (2**72 - 1), positions.SIZE_UNIT),
        rate=unsafe_mul(self._signed(sides << 40, 216), SIGNED_RATE_UNIT),
        borrowing_rate=unsafe_mul(sides >> 216, RATE_UNIT),
        index_long=self._signed(indices << 184, 184),
        index_short=self._signed(indices << 112, 184),
        at_risk=unsafe_mul((indices >> 144) & (2**48 - 1), borrowing_math.AT_RISK_UNIT),
        impact_reserve=unsafe_mul(indices >> 192, positions.MONEY_UNIT),
        insurance=unsafe_mul(sums >> 192, positions.MONEY_UNIT),
        cost_sum=unsafe_mul(self._signed(sums << 184, 184), SIGNED_MONEY_UNIT),
        entry_sum=unsafe_mul(self._signed(sums << 64, 136), PRODUCT_UNIT),
    )


@internal
def _save(market: uint256, state: Market):
    """
    @dev Money and sizes lie on their grids already; capital at risk and rates are put there by
         whoever sets them.
    """
    long: uint256 = unsafe_div(state.long, positions.SIZE_UNIT)
    short: uint256 = unsafe_div(state.short, positions.SIZE_UNIT)
    borrowing_rate: uint256 = unsafe_div(state.borrowing_rate, RATE_UNIT)
    at_risk: uint256 = unsafe_div(state.at_risk, borrowing_math.AT_RISK_UNIT)
    impact_reserve: uint256 = unsafe_div(state.impact_reserve, positions.MONEY_UNIT)
    insurance: uint256 = unsafe_div(state.insurance, positions.MONEY_UNIT)
    too_large: uint256 = (
        long >> 72 | short >> 72 | borrowing_rate >> 40 | at_risk >> 48 | impact_reserve >> 64
        | insurance >> 64
    )
    assert too_large == 0, "field overflows"
    self._sides[market] = (
        long
        | short << 72
        | state.updated_at << 144
        | self._field(unsafe_div(state.rate, SIGNED_RATE_UNIT), 40) << 176
        | borrowing_rate << 216
    )
    self._indices[market] = (
        self._field(state.index_long, 72)
        | self._field(state.index_short, 72) << 72
        | at_risk << 144
        | impact_reserve << 192
    )
    self._sums[market] = (
        self._field(unsafe_div(state.cost_sum, SIGNED_MONEY_UNIT), 72)
        | self._field(unsafe_div(state.entry_sum, PRODUCT_UNIT), 120) << 72
        | insurance << 192
    )


@internal
@pure
def _signed(shifted: uint256, down: uint256) -> int256:
    """
    @notice The signed number in the highest bits of a word, `down` bits above its lowest place.
    """
    return convert(convert(shifted, bytes32), int256) >> down


@internal
@pure
def _field(x: int256, bits: uint256) -> uint256:
    """
    @notice A signed number in `bits` bits; refused if it doesn't fit.
    @dev Not checked: all bits from the sign's on are alike, nothing or minus one, if it fits.
    """
    assert unsafe_add(x >> unsafe_sub(bits, 1), 1) >> 1 == 0, "field overflows"
    beyond: uint256 = 1 << bits
    return convert(convert(x, bytes32), uint256) & unsafe_sub(beyond, 1)


@internal
@view
def _position(account: uint256, market: uint256) -> positions.Position:
    return self._unpack_position(self._positions[account | market])


@internal
@pure
def _unpack_position(word: uint256) -> positions.Position:
    return positions.Position(
        size=unsafe_mul(self._signed(word << 184, 184), SIGNED_SIZE_UNIT),
        cost=unsafe_mul((word >> 72) & (2**72 - 1), positions.MONEY_UNIT),
        entry=unsafe_mul(self._signed(word << 64, 208), SIGNED_ENTRY_UNIT),
    )


@internal
def _put(account: uint256, market: uint256, position: positions.Position):
    cost: uint256 = unsafe_div(position.cost, positions.MONEY_UNIT)
    assert cost >> 72 == 0, "field overflows"
    self._positions[account | market] = (
        self._field(unsafe_div(position.size, SIGNED_SIZE_UNIT), 72)
        | cost << 72
        | self._field(unsafe_div(position.entry, SIGNED_ENTRY_UNIT), 48) << 144
        | USED
    )


@internal
@pure
def _replaced(
    state: Market, before: positions.Position, after: positions.Position
) -> Market:
    """
    @notice The market's sums with a position as it is in place of what it was.
    @dev Not checked: every size is below 2^102, a cost below 2^150 and an entry below 2^82, and a
         sum that passes its field, or falls below zero, reverts when it is saved.
    """
    changed: Market = state
    bought: int256 = unsafe_sub(max(after.size, 0), max(before.size, 0))
    covered: int256 = unsafe_sub(min(after.size, 0), min(before.size, 0))
    changed.long = unsafe_add(changed.long, convert(convert(bought, bytes32), uint256))
    changed.short = unsafe_sub(changed.short, convert(convert(covered, bytes32), uint256))
    changed.entry_sum = unsafe_sub(
        unsafe_add(changed.entry_sum, self._entry_product(after)), self._entry_product(before)
    )
    changed.cost_sum = unsafe_sub(
        unsafe_add(changed.cost_sum, positions._signed_cost(after)),
        positions._signed_cost(before),
    )
    return changed


@internal
@pure
def _entry_product(position: positions.Position) -> int256:
    """
    @notice What a position adds to its market's sum of entries; wad * wad.
    @dev Not checked, as in `_replaced`.
    """
    sign: int256 = (position.size >> 255) | 1
    return unsafe_mul(unsafe_mul(position.size, sign), position.entry)


@internal
@pure
def _skew(long: uint256, short: uint256) -> int256:
    """
    @notice Long minus short; base wad.
    @dev Not checked: either is far below 2^255.
    """
    return convert(convert(unsafe_sub(long, short), bytes32), int256)


@internal
@pure
def _index(index_long: int256, index_short: int256, size: int256) -> int256:
    """
    @notice The index of the side that a size is on; wad.
    """
    return index_long if size > 0 else index_short


@internal
@view
def _accrued(state: Market, first: uint256) -> Market:
    """
    @notice The market brought up to now: its rate and its indices. A retired one has had its end.
    @param first Of its words of parameters.
    @dev Not checked: time doesn't go back, and what it adds to an index is below 2^80.
    """
    after: Market = state
    elapsed: uint256 = unsafe_sub(block.timestamp, state.updated_at)
    if elapsed == 0 or parameter_words._is_retired(first):
        return after
    velocity: int256 = funding_math._velocity(
        self._skew(state.long, state.short),
        parameter_words._skew_scale(first),
        parameter_words._max_velocity(first),
    )
    most: uint256 = parameter_words._funding_cap(first)
    cap: int256 = convert(convert(most, bytes32), int256)
    rate: int256 = max(unsafe_sub(0, cap), min(state.rate, cap))
    growth: int256 = funding_math._index_growth(rate, velocity, elapsed, most)
    after.index_long = unsafe_add(after.index_long, growth)
    after.index_short = unsafe_sub(after.index_short, growth)
    rate = funding_math._rate_after(rate, velocity, elapsed, most)
    after.rate = unsafe_mul(unsafe_div(rate, SIGNED_RATE_UNIT), SIGNED_RATE_UNIT)
    borrowed: int256 = convert(convert(
        borrowing_math._borrow_growth(state.borrowing_rate, elapsed)
    , bytes32), int256)
    if state.long >= state.short:
        after.index_long = unsafe_add(after.index_long, borrowed)
    if state.short >= state.long:
        after.index_short = unsafe_add(after.index_short, borrowed)
    after.updated_at = block.timestamp
    return after


@internal
@pure
def _risk(first: uint256, long: uint256, short: uint256, price: uint256) -> uint256:
    """
    @notice The vault's capital at risk: a share of the heavier side's worth; quote wad, on its
            grid.
    @param first Of the market's words of parameters.
    @dev Not checked: a size with a batch on top is below 2^108, a weight below 2^63.
    """
    worth: uint256 = wad._div_up(unsafe_mul(max(long, short), price), wad.WAD)
    at_risk: uint256 = wad._div_up(unsafe_mul(worth, parameter_words._risk_weight(first)), wad.WAD)
    return unsafe_mul(
        wad._div_up(at_risk, borrowing_math.AT_RISK_UNIT), borrowing_math.AT_RISK_UNIT
    )
