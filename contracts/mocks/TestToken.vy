# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title TestToken
@license AGPL-3.0-only
@notice The collateral of tests: an ERC-20 that mints to whoever asks.
@dev Not for deployment where tokens have worth.
"""

from snekmate.auth import ownable
initializes: ownable

from snekmate.tokens import erc20
initializes: erc20[ownable := ownable]

exports: (erc20.IERC20, erc20.IERC20Detailed)


@deploy
def __init__(decimals: uint8):
    """
    @param decimals From 6, the fewest that stablecoins have, to 18, the most that Clearway takes.
    """
    assert decimals >= 6 and decimals <= 18, "decimals out of range"
    ownable.__init__()
    erc20.__init__("Test Token", "TEST", decimals, "Test Token", "1")


@external
def mint(to: address, amount: uint256):
    """
    @notice Create `amount` token units for `to`.
    """
    erc20._mint(to, amount)
