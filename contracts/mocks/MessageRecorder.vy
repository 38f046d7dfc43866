# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title MessageRecorder
@license AGPL-3.0-only
@notice Stands at either end of the bridge in tests: says who called it, and calls the other end.
@dev While it is broken every ping fails, which leaves a message that can be replayed later.
"""

interface IMessenger:
    def xDomainMessageSender() -> address: view
    def sendMessage(target: address, message: Bytes[36], min_gas_limit: uint32): payable


event Pinged:
    caller: indexed(address)
    origin: indexed(address)
    amount: uint256
    number: uint256


struct Ping:
    caller: address  # msg.sender
    origin: address  # who sent the message on the other chain; zero if no message brought the ping
    amount: uint256  # wei that came along
    number: uint256  # whatever the pinger wished to say


MESSENGER: public(immutable(address))

pings: public(HashMap[uint256, Ping])  # by order of arrival, from zero
ping_count: public(uint256)
is_broken: public(bool)


@deploy
def __init__(messenger: address):
    """
    @param messenger The cross-domain messenger of the chain this stands on.
    """
    MESSENGER = messenger


@external
@payable
def ping(number: uint256):
    """
    @notice Record this call, unless broken.
    """
    assert not self.is_broken, "broken"
    origin: address = empty(address)
    if msg.sender == MESSENGER:
        origin = staticcall IMessenger(MESSENGER).xDomainMessageSender()
    self.pings[self.ping_count] = Ping(
        caller=msg.sender, origin=origin, amount=msg.value, number=number
    )
    self.ping_count += 1
    log Pinged(caller=msg.sender, origin=origin, amount=msg.value, number=number)


@external
@payable
def shout(target: address, number: uint256, min_gas: uint32):
    """
    @notice Ping `target` on the other chain, passing on the wei that came with this call.
    @param min_gas The least gas the ping must be given there.
    """
    message: Bytes[36] = abi_encode(number, method_id=method_id("ping(uint256)"))
    extcall IMessenger(MESSENGER).sendMessage(target, message, min_gas, value=msg.value)


@external
def set_broken(broken: bool):
    """
    @notice Make every ping fail, or end that.
    """
    self.is_broken = broken
