# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Timelock
@license AGPL-3.0-only
@notice Owns what administers the market: what is to change is announced, waits, and is then done.

Proposers schedule calls, and may cancel what waits. Once its delay is over anyone executes an
operation, so nobody who announced it decides whether and when. Nobody holds a role but whom the
constructor was told and whom later operations appoint; the deployer holds none. What was offered to
the timelock's address before it existed is its own from its first instant.

@dev snekmate's controller as it is, but for what isn't shown: `update_delay`, which has no floor,
     so that the delay stays that of the deployment; `set_role_admin`, so that the timelock alone
     administers every role; and what only receivers of tokens need.

     snekmate's files say `nonreentrancy off`, so a pragma here would lock none of these functions.
     They don't need it: an operation that executes itself again finds itself done, and fails whole.
"""

from snekmate.auth import access_control
initializes: access_control

from snekmate.governance import timelock_controller
initializes: timelock_controller[access_control := access_control]

interface Owned:
    def accept_ownership(): nonpayable


exports: (
    access_control.DEFAULT_ADMIN_ROLE,
    access_control.hasRole,
    access_control.getRoleAdmin,
    access_control.grantRole,
    access_control.revokeRole,
    access_control.renounceRole,
    timelock_controller.PROPOSER_ROLE,
    timelock_controller.EXECUTOR_ROLE,
    timelock_controller.CANCELLER_ROLE,
    timelock_controller.get_timestamp,
    timelock_controller.get_minimum_delay,
    timelock_controller.is_operation,
    timelock_controller.is_operation_pending,
    timelock_controller.is_operation_ready,
    timelock_controller.is_operation_done,
    timelock_controller.get_operation_state,
    timelock_controller.hash_operation,
    timelock_controller.hash_operation_batch,
    timelock_controller.schedule,
    timelock_controller.schedule_batch,
    timelock_controller.cancel,
    timelock_controller.execute,
    timelock_controller.execute_batch,
)

# Whom the sequencer refuses leaves within it: at most 12 hours for an order to be forced through
# L1, a day in which it is executed, at most 12 hours for a withdrawal.
LEAST_DELAY: public(constant(uint256)) = 2 * 86_400  # seconds
MOST_DELAY: public(constant(uint256)) = 30 * 86_400  # seconds
MOST_PROPOSERS: constant(uint256) = 16
MOST_OWNED: constant(uint256) = 16


@deploy
def __init__(
    delay: uint256,
    proposers: DynArray[address, MOST_PROPOSERS],
    owned: DynArray[address, MOST_OWNED],
):
    """
    @param delay Seconds that an operation waits at least, from now on for ever.
    @param owned Contracts whose ownership was offered to this address, and is accepted here: as an
           operation, accepting would leave them to the deployer until the delay is over.
    """
    assert delay >= LEAST_DELAY and delay <= MOST_DELAY, "delay out of range"
    assert len(proposers) > 0, "no proposer"
    access_control.__init__()  # makes the deployer administrator, which the next line ends
    timelock_controller.__init__(delay, proposers, [empty(address)], empty(address))
    for contract: address in owned:
        extcall Owned(contract).accept_ownership()
