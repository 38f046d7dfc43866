# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title KeeperCosts
@license AGPL-3.0-only
@notice Tells what a liquidation costs whoever brings it: gas at this block's base fee, and the
        chain's fee for L1, both in ETH, at the newest price of ETH.
@dev It holds nothing and can't fail: without a price, and for a stranger's nonsense, a part counts
     as nothing. `PerpetualMarket` limits what it pays.
"""

from interfaces import IKeeperCosts
from interfaces import IPriceFeed
from ..math import bits
from ..math import price_words
from ..math import wad

implements: IKeeperCosts

# Measured, rounded down: a keeper who must be paid more than his cost would make work for himself.
BASE_GAS: constant(uint256) = 62_000
MARKET_GAS: constant(uint256) = 48_000  # of each market
TRANSACTION_SIZE: constant(uint256) = 170  # bytes
ORACLE_GAS: constant(uint256) = 100_000  # that the L1 fee's oracle may use

FEED: public(immutable(IPriceFeed))
GAS_MARKET: public(immutable(uint256))
L1_FEE_ORACLE: public(immutable(address))


@deploy
def __init__(feed: address, gas_market: uint256, l1_fee_oracle: address):
    """
    @param gas_market The market whose price is that of the chain's own coin.
    @param l1_fee_oracle The chain's GasPriceOracle; zero where L1 asks for nothing.
    """
    assert gas_market < 32, "unknown market"
    FEED = IPriceFeed(feed)
    GAS_MARKET = gas_market
    L1_FEE_ORACLE = l1_fee_oracle


@external
@view
def cost(markets: uint256) -> uint256:
    board: uint256 = staticcall FEED.newest_board(GAS_MARKET // 4)
    if not price_words._is_sound(board, GAS_MARKET % 4):
        return 0
    gas: uint256 = BASE_GAS + bits._count(markets) * MARKET_GAS
    price: uint256 = price_words._price_of(price_words._lane_of(board, GAS_MARKET % 4))
    return wad._mul_down(gas * block.basefee + self._l1_fee(), price)


@internal
@view
def _l1_fee() -> uint256:
    """
    @notice The upper bound that the oracle gives for a transaction; wei.
    """
    if L1_FEE_ORACLE == empty(address):
        return 0
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        L1_FEE_ORACLE,
        abi_encode(TRANSACTION_SIZE, method_id=method_id("getL1FeeUpperBound(uint256)")),
        max_outsize=32,
        gas=ORACLE_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 32:
        return 0
    fee: uint256 = convert(answer, uint256)
    return fee if fee < 2**100 else 0
