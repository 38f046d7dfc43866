# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title shares
@license AGPL-3.0-only
@notice The vault's share token: an ERC-20 with EIP-2612 permits, by snekmate.
@dev A function exported from a module that doesn't say `nonreentrancy on` is not locked, and no
     module of snekmate says so. So what reads or moves balances is written here once more; of
     snekmate's own only permits and constants are shown, which a caller in mid-transaction may have:
     a permit is its owner's signature and moves nothing. Minting is exported by nobody.
"""

from snekmate.auth import ownable

from snekmate.tokens import erc20
initializes: erc20[ownable := ownable]

exports: (
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
)


@deploy
def __init__():
    erc20.__init__("Clearway Vault", "cwLP", 18, "Clearway Vault", "1")


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Move shares of the caller's.
    """
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Move shares that their owner has allowed the caller.
    """
    erc20._spend_allowance(owner, msg.sender, amount)
    self._move(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow another to move shares of the caller's.
    """
    erc20._approve(msg.sender, spender, amount)
    return True


@internal
def _move(owner: address, to: address, amount: uint256):
    """
    @dev What the vault holds of its own shares waits in the queue of those who leave: nobody puts
         anything there by a transfer. The zero address is refused by snekmate.
    """
    assert to != self, "shares sent to the vault"
    erc20._transfer(owner, to, amount)


@external
@view
def balanceOf(owner: address) -> uint256:
    return erc20.balanceOf[owner]


@external
@view
def allowance(owner: address, spender: address) -> uint256:
    return erc20.allowance[owner][spender]


@external
@view
def totalSupply() -> uint256:
    """
    @notice All shares, those included that wait in the queue.
    """
    return erc20.totalSupply


# What the vault does


@internal
@view
def _supply() -> uint256:
    return erc20.totalSupply


@internal
def _mint(owner: address, amount: uint256):
    """
    @notice Create shares, for anyone but the vault itself.
    """
    assert owner != self, "shares sent to the vault"
    erc20._mint(owner, amount)


@internal
def _queue(owner: address, amount: uint256):
    """
    @notice Move shares of who leaves to the vault.
    """
    erc20._transfer(owner, self, amount)


@internal
def _burn(amount: uint256):
    """
    @notice Destroy shares that the vault holds.
    """
    erc20._burn(self, amount)


@internal
def _spend(owner: address, spender: address, amount: uint256):
    """
    @notice Use up an allowance.
    """
    erc20._spend_allowance(owner, spender, amount)
