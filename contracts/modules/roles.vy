# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title roles
@license AGPL-3.0-only
@notice Knows who may loosen and who may tighten.
@dev The owner, meant to be a timelock, sets parameters within hard bounds; ownership moves in two
     steps and is never renounced. The guardian may only tighten, at once.
"""

from snekmate.auth import ownable
initializes: ownable

from snekmate.auth import ownable_2step
initializes: ownable_2step[ownable := ownable]

event GuardianSet:
    guardian: indexed(address)


exports: (
    ownable.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

guardian: public(address)


@deploy
def __init__(guardian: address):
    """
    @notice The deployer is the first owner.
    """
    ownable.__init__()
    ownable_2step.__init__()
    self._appoint(guardian)


@external
def set_guardian(guardian: address):
    """
    @notice Give the guardian's place to another; the zero address leaves it empty.
    """
    self._check_owner()
    self._appoint(guardian)


@internal
def _appoint(guardian: address):
    self.guardian = guardian
    log GuardianSet(guardian=guardian)


@internal
@view
def _check_owner():
    assert self._is_owner(), "not the owner"


@internal
@view
def _is_owner() -> bool:
    return msg.sender == ownable.owner


@internal
@view
def _check_guardian():
    """
    @dev Whoever may loosen may tighten too.
    """
    assert msg.sender in [self.guardian, ownable.owner], "not the guardian"
