# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title ExitBox
@license AGPL-3.0-only
@notice Where the tokens of one exit land on L1. Only its gateway takes them out.
@dev Deployed once. A box is a proxy of it, and its address alone says whose exit it is.
"""

from ethereum.ercs import IERC20

GATEWAY: public(immutable(address))


@deploy
def __init__(gateway: address):
    """
    @param gateway The one on L1, which is deployed after this at an address known before.
    """
    assert gateway != empty(address), "zero address"
    GATEWAY = gateway


@external
def pay(token: address, to: address) -> uint256:
    """
    @notice Send all that is here of a token; how many units that was.
    """
    assert msg.sender == GATEWAY, "not the gateway"
    amount: uint256 = staticcall IERC20(token).balanceOf(self)
    assert amount > 0, "nothing to claim"
    sent: bool = extcall IERC20(token).transfer(to, amount, default_return_value=True)
    assert sent, "token not sent"
    return amount
