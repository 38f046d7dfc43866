# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title L2Gateway
@license AGPL-3.0-only
@notice Credits what comes from L1 as margin or as a deposit for the vault, and sends margin and
        redemptions to L1.

The gateway on L1 says whose a deposit is; the tokens come over the bridge by another message. A
credit is given only against tokens that have come and that nothing was credited for. A message
carries no price: what is meant for the vault waits here for one.

Invariants: G2 all credits together are at most the tokens that came, and each is given once; G3 what
waits for the vault is here, and goes to its owner alone; G4 an order that is refused leaves its
margin credited.

@dev Nobody can stop it or change it. The market takes its word for that of an account's owner, and
     the vault for that of a claim's: so it speaks for nobody but who called it, or who called the
     gateway on L1.
"""

from ethereum.ercs import IERC20
from interfaces import IL2Gateway
from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from interfaces import IVault
from ..modules import exit_boxes

interface IMessenger:
    def xDomainMessageSender() -> address: view


interface IBridge:
    def bridgeERC20To(
        local_token: address,
        remote_token: address,
        to: address,
        amount: uint256,
        min_gas_limit: uint32,
        extra_data: Bytes[32],
    ): nonpayable


MESSENGER: constant(address) = 0x4200000000000000000000000000000000000007
BRIDGE: constant(address) = 0x4200000000000000000000000000000000000010

MOST_NUMBER: constant(uint256) = 2**88 - 1
EXIT_GAS: constant(uint32) = 200_000  # on L1, for the bridge to pay the tokens out
ORDER_GAS: constant(uint256) = 300_000  # what an order may need
AFTER_ORDER: constant(uint256) = 20_000  # what is needed after it
ERROR_SIZE: constant(uint256) = 100  # bytes of an error with a reason of one word

MARKET: public(immutable(IPerpetualMarket))
ORDER_BOOK: public(immutable(address))
VAULT: public(immutable(IVault))
FEED: immutable(IPriceFeed)
TOKEN: public(immutable(address))
L1_TOKEN: public(immutable(address))
L1_GATEWAY: public(immutable(address))
BOX_CODE_HASH: immutable(bytes32)

waiting: public(uint256)  # token units held for the vault
exit_count: public(HashMap[address, uint256])  # by claimant
_waiting: HashMap[uint256, IL2Gateway.Waiting]  # by the deposit's id


@deploy
def __init__(market: address, l1_token: address, l1_gateway: address, box: address):
    """
    @param l1_token What the collateral stands for.
    @param box The ExitBox on L1 that all boxes are proxies of.
    """
    assert empty(address) not in [l1_token, l1_gateway, box], "zero address"
    MARKET = IPerpetualMarket(market)
    assert staticcall MARKET.GATEWAY() == self, "another contract's place"
    ORDER_BOOK = staticcall MARKET.ORDER_BOOK()
    VAULT = IVault(staticcall MARKET.VAULT())
    FEED = IPriceFeed(staticcall MARKET.FEED())
    TOKEN = staticcall MARKET.TOKEN()
    L1_TOKEN = l1_token
    L1_GATEWAY = l1_gateway
    BOX_CODE_HASH = exit_boxes._code_hash(box)
    # By names that the bridge's tokens of all generations have. Others, such as a token that its
    # issuer mints here, have no way to L1 over this bridge.
    stands_for: address = self._address_in(TOKEN, method_id("l1Token()", output_type=Bytes[4]))
    assert stands_for == l1_token, "not the L1 token's pair"
    minter: address = self._address_in(TOKEN, method_id("l2Bridge()", output_type=Bytes[4]))
    assert minter == BRIDGE, "not the bridge's token"
    extcall IERC20(TOKEN).approve(market, max_value(uint256))
    extcall IERC20(TOKEN).approve(VAULT.address, max_value(uint256))


@internal
@view
def _address_in(target: address, call: Bytes[4]) -> address:
    """
    @notice The address that a contract answers; zero where it answers nothing of the kind.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        target, call, max_outsize=32, is_static_call=True, revert_on_failure=False
    )
    if not success or len(answer) != 32:
        return empty(address)
    return convert(convert(answer, uint256) & (2**160 - 1), address)


# From L1


@external
def credit(
    id: uint256, owner: address, number: uint256, amount: uint256, order: IL2Gateway.Order
):
    """
    @notice Add token units to an account's margin, and commit an order that came with them; the
            gateway on L1 only.
    """
    self._check_message()
    account: uint256 = self._account_of(owner, number)
    if amount > 0:
        self._check_arrived(amount)
        log IL2Gateway.Credited(id=id, account=account, amount=amount)
        extcall MARKET.deposit(account, amount)
    if order.size_delta != 0:
        self._place(id, account, order)


@external
def credit_vault(id: uint256, owner: address, amount: uint256, least_shares: uint256):
    """
    @notice Hold token units for the vault; the gateway on L1 only.
    """
    self._check_message()
    self._check_arrived(amount)
    self.waiting += amount
    self._waiting[id] = IL2Gateway.Waiting(
        owner=owner, amount=amount, least_shares=least_shares
    )
    log IL2Gateway.VaultDepositHeld(
        id=id, owner=owner, amount=amount, least_shares=least_shares
    )


@internal
@view
def _check_message():
    assert msg.sender == MESSENGER, "not the messenger"
    sender: address = staticcall IMessenger(MESSENGER).xDomainMessageSender()
    assert sender == L1_GATEWAY, "not the L1 gateway"


@internal
@view
def _check_arrived(amount: uint256):
    """
    @notice Refuse a credit before its tokens; the message then waits to be replayed.
    @dev Which tokens they are doesn't matter: every message brings as many as another one credits,
         and the messenger lets each succeed once. What somebody gave stays here for ever, and can
         only bring forward what comes anyway.
    """
    held: uint256 = staticcall IERC20(TOKEN).balanceOf(self)
    assert held - self.waiting >= amount, "tokens not here yet"


@internal
def _place(id: uint256, account: uint256, order: IL2Gateway.Order):
    """
    @notice Commit an order, or say why not: it takes nothing else with it.
    @dev Where it was given too little gas to be judged all is refused, so that nobody who replays
         the message can spend the order.
    """
    assert msg.gas * 63 // 64 >= ORDER_GAS + AFTER_ORDER, "too little gas"
    reason: String[32] = "order came too late"
    if block.timestamp <= order.deadline:
        success: bool = False
        answer: Bytes[ERROR_SIZE] = b""
        success, answer = raw_call(
            ORDER_BOOK,
            abi_encode(
                account,
                order.slot,
                order.market,
                order.size_delta,
                order.limit_price,
                order.is_reduce_only,
                order.keeper_fee,
                method_id=method_id("place(uint256,uint256,uint256,int256,uint256,bool,uint256)"),
            ),
            max_outsize=ERROR_SIZE,
            gas=msg.gas - AFTER_ORDER,
            revert_on_failure=False,
        )
        if success:
            return
        reason = self._reason_in(answer)
    log IL2Gateway.OrderRefused(id=id, account=account, slot=order.slot, reason=reason)


@internal
@pure
def _reason_in(answer: Bytes[ERROR_SIZE]) -> String[32]:
    """
    @notice The reason in an error; empty where there is none.
    """
    if len(answer) != ERROR_SIZE:
        return ""
    size: uint256 = convert(slice(answer, 36, 32), uint256)
    if size > 32:
        return ""
    return convert(slice(slice(answer, 68, 32), 0, size), String[32])


# The vault


@external
def enter(id: uint256) -> uint256:
    """
    @notice Make shares of what waits, at the vault's prices of now; how many. Anyone may. It is
            refused below the least that its owner wants.
    """
    return self._enter(id)


@external
def submit_and_enter(
    observed_at: uint256,
    boards: DynArray[uint256, 8],
    absent: DynArray[address, 7],
    signatures: DynArray[IPriceFeed.Signature, 7],
    id: uint256,
) -> uint256:
    """
    @notice Bring a report, and make shares of what waits.
    @param absent The publishers who did not sign.
    """
    extcall FEED.submit(observed_at, boards, absent, signatures)
    return self._enter(id)


@internal
def _enter(id: uint256) -> uint256:
    held: IL2Gateway.Waiting = self._take(id)
    shares: uint256 = extcall VAULT.deposit_at_least(
        held.amount, held.owner, held.least_shares, block.timestamp
    )
    log IL2Gateway.VaultDepositEntered(
        id=id, owner=held.owner, amount=held.amount, shares=shares
    )
    return shares


@external
def to_margin(id: uint256, number: uint256):
    """
    @notice Make margin of what waits for the vault, at any time; its owner only.
    @param number Of the account among its owner's.
    """
    held: IL2Gateway.Waiting = self._take(id)
    assert msg.sender == held.owner, "not the owner"
    account: uint256 = self._account_of(held.owner, number)
    log IL2Gateway.VaultDepositReturned(id=id, account=account, amount=held.amount)
    extcall MARKET.deposit(account, held.amount)


@internal
def _take(id: uint256) -> IL2Gateway.Waiting:
    held: IL2Gateway.Waiting = self._waiting[id]
    assert held.amount > 0, "nothing waits"
    self._waiting[id] = empty(IL2Gateway.Waiting)
    self.waiting -= held.amount
    return held


@internal
@pure
def _account_of(owner: address, number: uint256) -> uint256:
    """
    @dev A larger number would reach into the owner's bits.
    """
    assert number <= MOST_NUMBER, "no such account"
    return convert(owner, uint256) << 96 | number << 8


# To L1


@external
def withdraw(account: uint256, amount: uint256, claimant: address) -> uint256:
    """
    @notice Send margin that backs nothing to L1; the exit's number among its claimant's. The
            account's owner only.
    @param claimant Who may claim it on L1, an address there.
    """
    assert convert(account >> 96, address) == msg.sender, "not the owner"
    number: uint256 = self._next_exit(claimant)
    extcall MARKET.withdraw(account, amount, self)
    self._send(msg.sender, claimant, number, amount)
    return number


@external
def redeem(shares: uint256, controller: address, claimant: address) -> uint256:
    """
    @notice Send what was set aside for priced shares of the vault to L1; the exit's number among
            its claimant's. By their controller or his operator.
    @param claimant Who may claim it on L1, an address there.
    """
    is_theirs: bool = msg.sender == controller
    if not is_theirs:
        is_theirs = staticcall VAULT.isOperator(controller, msg.sender)
    assert is_theirs, "not the controller"
    number: uint256 = self._next_exit(claimant)
    amount: uint256 = extcall VAULT.redeem(shares, self, controller)
    assert amount > 0, "zero amount"
    self._send(controller, claimant, number, amount)
    return number


@internal
def _next_exit(claimant: address) -> uint256:
    assert claimant != empty(address), "no claimant"
    number: uint256 = self.exit_count[claimant]
    self.exit_count[claimant] = number + 1
    return number


@internal
def _send(owner: address, claimant: address, number: uint256, amount: uint256):
    """
    @notice Burn token units that have just come, for a box on L1 to get as many.
    """
    log IL2Gateway.ExitStarted(owner=owner, claimant=claimant, number=number, amount=amount)
    box: address = exit_boxes._box_of(L1_GATEWAY, BOX_CODE_HASH, claimant, number)
    extcall IBridge(BRIDGE).bridgeERC20To(TOKEN, L1_TOKEN, box, amount, EXIT_GAS, b"")


@external
@view
def waiting_of(id: uint256) -> IL2Gateway.Waiting:
    """
    @notice What waits for the vault of a deposit; nothing where it entered, or is margin.
    """
    return self._waiting[id]


@external
@view
def box_of(claimant: address, number: uint256) -> address:
    """
    @notice Where on L1 an exit's tokens land.
    """
    return exit_boxes._box_of(L1_GATEWAY, BOX_CODE_HASH, claimant, number)
