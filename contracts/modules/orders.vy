# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title orders
@license AGPL-3.0-only
@notice Knows every committed order: one word in one of 16 slots of its account.
@dev A slot that was used stays above zero, since filling it again is then cheaper.
"""

from interfaces import IPerpetualMarket
from contracts.modules import order_words

SLOTS: constant(uint256) = 16
USED: constant(uint256) = 1

_orders: HashMap[uint256, uint256]  # by account plus slot


@internal
@view
def _is_free(account: uint256, slot: uint256) -> bool:
    assert slot < SLOTS, "no such slot"
    return self._orders[account + slot] <= USED


@internal
def _write(order: IPerpetualMarket.Order):
    self._orders[order.id] = order_words._pack(order)


@internal
@view
def _word(id: uint256) -> uint256:
    """
    @notice The word of an order, which there must be.
    """
    word: uint256 = self._orders[id]
    assert word > USED, "no such order"
    return word


@internal
@view
def _slot(id: uint256) -> uint256:
    """
    @notice What lies in a slot: an order's word, or USED at most.
    """
    return self._orders[id]


@internal
@view
def _read(id: uint256) -> IPerpetualMarket.Order:
    return order_words._unpack(id, self._word(id))


@internal
def _erase(id: uint256):
    self._orders[id] = USED
