# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title L1Gateway
@license AGPL-3.0-only
@notice Takes collateral, ETH and an order to L2 in one transaction, and pays out what comes back.

A deposit is two messages over the chain's own bridge: one brings the tokens, one says whose they
are. Either may fail on L2, and is replayed there by anyone. Who calls decides whose they are; nobody
names another. An exit lands in a box of its own, whose holder may name another holder.

Invariants: G1 a caller's deposits belong to the one address on L2 at which he acts; G5 what lands in
a box leaves it to its holder alone, or to whom its holder names.

@dev Nobody can stop it or change it, and it holds no tokens between transactions.
"""

from ethereum.ercs import IERC20
from interfaces import IL1Gateway
from interfaces import IL2Gateway
from ..modules import exit_boxes

interface IBridge:
    def MESSENGER() -> address: view
    def bridgeERC20To(
        local_token: address,
        remote_token: address,
        to: address,
        amount: uint256,
        min_gas_limit: uint32,
        extra_data: Bytes[32],
    ): nonpayable


interface IMessenger:
    def sendMessage(target: address, message: Bytes[512], min_gas_limit: uint32): payable


interface IExitBox:
    def GATEWAY() -> address: view
    def pay(token: address, to: address) -> uint256: nonpayable


ALIAS_OFFSET: constant(uint256) = 4369 * 2**144 + 4369  # 0x1111…1111
ADDRESS_MASK: constant(uint256) = 2**160 - 1
MOST_NUMBER: constant(uint256) = 2**88 - 1

# Gas on L2, measured, and more.
TOKEN_GAS: constant(uint32) = 100_000
CREDIT_GAS: constant(uint32) = 150_000
ORDER_GAS: constant(uint32) = 350_000  # besides
ETH_GAS: constant(uint32) = 50_000

TOKEN: public(immutable(address))
L2_TOKEN: public(immutable(address))
BRIDGE: public(immutable(IBridge))
MESSENGER: public(immutable(IMessenger))
L2_GATEWAY: public(immutable(address))
BOX: public(immutable(address))
BOX_CODE_HASH: immutable(bytes32)

deposit_count: public(uint256)
_holders: HashMap[address, HashMap[uint256, address]]  # by claimant, number; zero: the claimant


@deploy
def __init__(
    token: address, l2_token: address, bridge: address, l2_gateway: address, box: address
):
    """
    @param l2_token The token that stands for it on L2.
    @param bridge The chain's L1StandardBridge.
    @param box The ExitBox that all boxes are proxies of.
    """
    assert empty(address) not in [token, l2_token, bridge, l2_gateway], "zero address"
    assert staticcall IExitBox(box).GATEWAY() == self, "another gateway's box"
    TOKEN = token
    L2_TOKEN = l2_token
    BRIDGE = IBridge(bridge)
    MESSENGER = IMessenger(staticcall IBridge(bridge).MESSENGER())
    L2_GATEWAY = l2_gateway
    BOX = box
    BOX_CODE_HASH = exit_boxes._code_hash(box)
    extcall IERC20(token).approve(bridge, max_value(uint256), default_return_value=True)


# To L2


@external
@payable
def deposit(number: uint256, amount: uint256, order: IL2Gateway.Order) -> uint256:
    """
    @notice Add token units to the margin of the caller's account, and commit an order there if it
            has a size; the deposit's running number. ETH that comes along goes to the account's
            owner on L2.
    @param number Of the account among its owner's.
    @param amount Zero for an order alone.
    """
    assert number <= MOST_NUMBER, "no such account"
    assert amount > 0 or order.size_delta != 0, "nothing to bring"
    owner: address = self._caller_on_l2()
    id: uint256 = self._next_id()
    log IL1Gateway.Deposited(
        id=id, owner=owner, number=number, amount=amount, eth_amount=msg.value, order=order
    )
    least_gas: uint32 = CREDIT_GAS
    if order.size_delta != 0:
        least_gas += ORDER_GAS
    message: Bytes[512] = abi_encode(
        id,
        owner,
        number,
        amount,
        order,
        method_id=method_id(
            "credit(uint256,address,uint256,uint256,(uint256,uint256,int256,uint256,bool,uint256,uint256))"
        ),
    )
    self._bring(owner, amount, message, least_gas)
    return id


@external
@payable
def deposit_to_vault(amount: uint256, least_shares: uint256) -> uint256:
    """
    @notice Bring token units for the vault; the deposit's running number. On L2 they wait for a
            price, and become shares of the caller's when anyone brings one, or margin at his word.
    @param least_shares The fewest shares that they may become.
    """
    assert amount > 0, "nothing to bring"
    owner: address = self._caller_on_l2()
    id: uint256 = self._next_id()
    log IL1Gateway.DepositedToVault(
        id=id, owner=owner, amount=amount, least_shares=least_shares, eth_amount=msg.value
    )
    message: Bytes[512] = abi_encode(
        id,
        owner,
        amount,
        least_shares,
        method_id=method_id("credit_vault(uint256,address,uint256,uint256)"),
    )
    self._bring(owner, amount, message, CREDIT_GAS)
    return id


@internal
@view
def _caller_on_l2() -> address:
    """
    @notice The address at which the caller acts on L2: an account with a key at its own, a contract
            at its alias.
    @dev The portal's own rule, but that an account which only delegates to code (EIP-7702) has its
         key on L2 whoever carries its call. A contract that is being created has no code yet, and
         is never the transaction's origin, which an account without code always is.
    """
    size: uint256 = msg.sender.codesize
    has_key: bool = size == 0 and msg.sender == tx.origin
    if size == 23:
        has_key = slice(msg.sender.code, 0, 3) == x"ef0100"
    if has_key:
        return msg.sender
    aliased: uint256 = convert(msg.sender, uint256) + ALIAS_OFFSET
    return convert(aliased & ADDRESS_MASK, address)


@internal
def _next_id() -> uint256:
    id: uint256 = self.deposit_count
    self.deposit_count = id + 1
    return id


@internal
@payable
def _bring(owner: address, amount: uint256, message: Bytes[512], least_gas: uint32):
    """
    @notice Send tokens, then the message that says whose they are, then the ETH that came along.
    @dev The ETH is a message of its own: neither waits for the other, and no gateway holds it.
    """
    if amount > 0:
        before: uint256 = staticcall IERC20(TOKEN).balanceOf(self)
        extcall IERC20(TOKEN).transferFrom(
            msg.sender, self, amount, default_return_value=True
        )
        after: uint256 = staticcall IERC20(TOKEN).balanceOf(self)
        assert after - before == amount, "token took a fee"
        extcall BRIDGE.bridgeERC20To(TOKEN, L2_TOKEN, L2_GATEWAY, amount, TOKEN_GAS, b"")
    extcall MESSENGER.sendMessage(L2_GATEWAY, message, least_gas)
    if msg.value > 0:
        extcall MESSENGER.sendMessage(owner, b"", ETH_GAS, value=msg.value)


# From L2


@external
def claim(claimant: address, number: uint256) -> uint256:
    """
    @notice Pay what has landed of an exit to its holder; how many token units. Anyone may, again
            where more lands later.
    """
    return self._pay(claimant, number, self._holder_of(claimant, number))


@external
def claim_to(claimant: address, number: uint256, to: address) -> uint256:
    """
    @notice Pay it to another; its holder only. So a holder to whom the token can't be sent has it.
    """
    self._check_holder(claimant, number)
    assert to != empty(address), "zero address"
    return self._pay(claimant, number, to)


@external
def transfer_exit(claimant: address, number: uint256, to: address):
    """
    @notice Make another the holder of an exit, landed or not; its holder only.
    """
    self._check_holder(claimant, number)
    assert to != empty(address), "zero address"
    self._holders[claimant][number] = to
    log IL1Gateway.ExitTransferred(claimant=claimant, number=number, holder=to)


@internal
@view
def _check_holder(claimant: address, number: uint256):
    assert msg.sender == self._holder_of(claimant, number), "not the holder"


@internal
def _pay(claimant: address, number: uint256, to: address) -> uint256:
    box: address = self._box_of(claimant, number)
    if box.codesize == 0:
        box = create_minimal_proxy_to(BOX, salt=exit_boxes._salt(claimant, number))
    amount: uint256 = extcall IExitBox(box).pay(TOKEN, to)
    log IL1Gateway.ExitClaimed(claimant=claimant, number=number, to=to, amount=amount)
    return amount


@internal
@view
def _holder_of(claimant: address, number: uint256) -> address:
    holder: address = self._holders[claimant][number]
    return claimant if holder == empty(address) else holder


@internal
@view
def _box_of(claimant: address, number: uint256) -> address:
    return exit_boxes._box_of(self, BOX_CODE_HASH, claimant, number)


@external
@view
def holder_of(claimant: address, number: uint256) -> address:
    """
    @notice Who may claim an exit: its claimant, until he named another.
    """
    return self._holder_of(claimant, number)


@external
@view
def box_of(claimant: address, number: uint256) -> address:
    """
    @notice Where an exit's tokens land.
    """
    return self._box_of(claimant, number)
