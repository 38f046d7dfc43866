# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title orders
@license AGPL-3.0-only
@notice Knows every committed order: one word in one of 16 slots of its account.
@dev A slot that was used stays above zero, since filling it again is then cheaper.
"""

from interfaces import IPerpetualMarket

SLOTS: constant(uint256) = 16
SIZE_UNIT: constant(uint256) = 10**9  # base wad
PRICE_UNIT: constant(uint256) = 10**8  # wad
ESCROW_UNIT: constant(uint256) = 10**14  # quote wad
KEEPER_FEE_UNIT: constant(uint256) = 10**12  # quote wad
USED: constant(uint256) = 1

_orders: HashMap[uint256, HashMap[uint256, uint256]]
# account -> slot -> size 72, limit price 75, escrow 44, fills at 32, keeper's fee 27, market 5,
# reduce-only 1, from the highest bit down; a word whose size is zero is no order


@internal
@view
def _is_free(account: uint256, slot: uint256) -> bool:
    assert slot < SLOTS, "no such slot"
    return self._orders[account][slot] <= USED


@internal
@pure
def _check_grids(size_delta: int256, limit_price: uint256, keeper_fee: uint256):
    """
    @notice Refuse what an order's word would have to round.
    """
    assert size_delta % convert(SIZE_UNIT, int256) == 0, "size off its grid"
    assert limit_price % PRICE_UNIT == 0, "limit price off its grid"
    assert keeper_fee % KEEPER_FEE_UNIT == 0, "keeper's fee off its grid"


@internal
def _write(account: uint256, slot: uint256, order: IPerpetualMarket.Order):
    """
    @notice Put an order into a slot; its numbers lie on their grids.
    """
    size: int256 = order.size_delta // convert(SIZE_UNIT, int256)
    limit: uint256 = order.limit_price // PRICE_UNIT
    escrow: uint256 = order.escrow // ESCROW_UNIT
    assert size >= -(2**71) and size < 2**71, "size too large"
    assert limit < 2**75, "limit price too high"
    assert escrow < 2**44, "order too large"
    self._orders[account][slot] = (
        convert(size + (0 if size >= 0 else 2**72), uint256) << 184
        | limit << 109
        | escrow << 65
        | order.fills_at << 33
        | (order.keeper_fee // KEEPER_FEE_UNIT) << 6
        | order.market << 1
        | convert(order.is_reduce_only, uint256)
    )


@internal
@view
def _read(account: uint256, slot: uint256) -> IPerpetualMarket.Order:
    word: uint256 = self._orders[account][slot]
    assert word > USED, "no such order"
    size: uint256 = word >> 184
    return IPerpetualMarket.Order(
        id=account + slot,
        market=(word >> 1) & 31,
        size_delta=(convert(size, int256) - (0 if size >> 71 == 0 else 2**72))
        * convert(SIZE_UNIT, int256),
        limit_price=((word >> 109) & (2**75 - 1)) * PRICE_UNIT,
        is_reduce_only=word & 1 == 1,
        fills_at=(word >> 33) & (2**32 - 1),
        keeper_fee=((word >> 6) & (2**27 - 1)) * KEEPER_FEE_UNIT,
        escrow=((word >> 65) & (2**44 - 1)) * ESCROW_UNIT,
    )


@internal
def _erase(account: uint256, slot: uint256):
    self._orders[account][slot] = USED
