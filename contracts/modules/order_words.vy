# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title order_words
@license AGPL-3.0-only
@notice Knows how an order lies in one word.
@dev From the highest bit down: size 72, limit price 75, escrow 44, the second it fills at 32,
     keeper's fee 27, market 5, reduce-only 1. A word whose size is zero is no order.
"""

from interfaces import IPerpetualMarket

SIZE_UNIT: constant(uint256) = 10**9  # base wad
PRICE_UNIT: constant(uint256) = 10**8  # wad
ESCROW_UNIT: constant(uint256) = 10**14  # quote wad
KEEPER_FEE_UNIT: constant(uint256) = 10**12  # quote wad
MOST_KEEPER_FEE: constant(uint256) = 100 * 10**18  # quote wad

DELAY: constant(uint256) = 2  # seconds between an order's commit and the second that prices it
SIGNED_WINDOW: constant(uint256) = 600  # seconds in which only the signed report counts
REDUCE_WINDOW: constant(uint256) = 86_400  # seconds in which a reduction may still be executed


@internal
@pure
def _check(size_delta: int256, limit_price: uint256, keeper_fee: uint256):
    """
    @notice Refuse what no order may say, and what an order's word would have to round.
    """
    assert size_delta != 0, "zero size"
    assert limit_price > 0, "zero limit price"
    assert keeper_fee <= MOST_KEEPER_FEE, "keeper's fee too high"
    assert size_delta % convert(SIZE_UNIT, int256) == 0, "size off its grid"
    assert limit_price % PRICE_UNIT == 0, "limit price off its grid"
    assert keeper_fee % KEEPER_FEE_UNIT == 0, "keeper's fee off its grid"


@internal
@pure
def _pack(order: IPerpetualMarket.Order) -> uint256:
    """
    @notice An order's word; its numbers lie on their grids.
    """
    size: int256 = order.size_delta // convert(SIZE_UNIT, int256)
    limit: uint256 = order.limit_price // PRICE_UNIT
    escrow: uint256 = order.escrow // ESCROW_UNIT
    assert size >= -(2**71) and size < 2**71, "size too large"
    assert limit < 2**75, "limit price too high"
    assert escrow < 2**44, "order too large"
    return (
        convert(size + (0 if size >= 0 else 2**72), uint256) << 184
        | limit << 109
        | escrow << 65
        | order.fills_at << 33
        | (order.keeper_fee // KEEPER_FEE_UNIT) << 6
        | order.market << 1
        | convert(order.is_reduce_only, uint256)
    )


@internal
@pure
def _unpack(id: uint256, word: uint256) -> IPerpetualMarket.Order:
    """
    @notice The order in a word; `id` is its account plus its slot.
    """
    return IPerpetualMarket.Order(
        id=id,
        market=self._market_of(word),
        size_delta=self._size_of(word),
        limit_price=self._limit_of(word),
        is_reduce_only=self._reduces(word),
        fills_at=self._second_of(word),
        keeper_fee=self._keeper_fee_of(word),
        escrow=self._escrow_of(word),
    )


@internal
@pure
def _size_of(word: uint256) -> int256:
    """
    @notice An order's size; base wad, above zero buys.
    @dev Not checked: 72 bits times a unit below 2^30.
    """
    return unsafe_mul(convert(convert(word, bytes32), int256) >> 184, convert(SIZE_UNIT, int256))


@internal
@pure
def _limit_of(word: uint256) -> uint256:
    """
    @dev Not checked: 75 bits times a unit below 2^27.
    """
    return unsafe_mul((word >> 109) & (2**75 - 1), PRICE_UNIT)


@internal
@pure
def _escrow_of(word: uint256) -> uint256:
    """
    @dev Not checked: 44 bits times a unit below 2^47.
    """
    return unsafe_mul((word >> 65) & (2**44 - 1), ESCROW_UNIT)


@internal
@pure
def _keeper_fee_of(word: uint256) -> uint256:
    """
    @dev Not checked: 27 bits times a unit below 2^40.
    """
    return unsafe_mul((word >> 6) & (2**27 - 1), KEEPER_FEE_UNIT)


@internal
@pure
def _reduces(word: uint256) -> bool:
    """
    @notice Whether an order only reduces.
    """
    return word & 1 == 1


@internal
@pure
def _second_of(word: uint256) -> uint256:
    """
    @notice The second whose report prices an order.
    """
    return (word >> 33) & (2**32 - 1)


@internal
@pure
def _is_over(word: uint256, now: uint256) -> bool:
    """
    @notice Whether an order's window has ended, so that nothing is left but to clear it.
    """
    window: uint256 = REDUCE_WINDOW if self._reduces(word) else SIGNED_WINDOW
    return now > self._second_of(word) - DELAY + window


@internal
@pure
def _market_of(word: uint256) -> uint256:
    return (word >> 1) & 31
