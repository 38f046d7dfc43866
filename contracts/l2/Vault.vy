# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title Vault
@license AGPL-3.0-only
@notice The share token of those whose cash stands against the traders, and its rules.

Who enters gets shares at once, at the highest of what the vault may be worth. Who leaves asks, waits
out a cooldown, and is priced once, at the lowest of it; what he is owed is set aside then, neither
earns nor loses, and never expires. `PerpetualMarket` holds all tokens; `clearway/spec/vault.py` says
the same in plain integers, and the two agree to the last unit.

Invariants: V1 entering and leaving never lower what a share is worth to who stays; V2 all claims
together are what is set aside; V3 the shares that the vault holds are those that wait in the queue.

@dev Nobody can stop requests, their processing or claims; but cash that backs positions stays, ten
     times the capital at risk at most. Entering stops where the deposit cap is lowered to zero,
     which the guardian may do at once.
"""

from ethereum.ercs import IERC20
from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from interfaces import IVault
from ..math import borrowing_math
from ..math import nav_math
from ..math import wad
from ..modules import custody
from ..modules import parameter_words
from ..modules import redemptions
initializes: redemptions

from ..modules import roles
initializes: roles

from ..modules import shares
initializes: shares

from ..modules import valuation

exports: (
    roles.__interface__,
    shares.__interface__,
)

struct Leaving:
    nav: uint256  # quote wad, as are all but the last three
    room: uint256  # what may go
    supply: uint256  # shares
    burned: uint256  # shares
    paid: uint256  # token units


VIRTUAL_SHARES: constant(uint256) = 10**12
VIRTUAL_ASSETS: constant(uint256) = 10**12  # quote wad
LEAST_PRICE: constant(uint256) = 10**6  # shares to a wad: below a millionth a share has no price
MOST_REQUESTS: constant(uint256) = 50  # of one processing

LEAST_COOLDOWN: constant(uint256) = 900  # seconds
MOST_COOLDOWN: constant(uint256) = 7 * 86_400
LEAST_OUTFLOW: constant(uint256) = 10**16
MOST_CAP: constant(uint256) = 10**29  # quote wad
CAP_HOLD: constant(uint256) = 2 * 86_400  # seconds; as long as `Configuration` holds a market's

MARKET: public(immutable(IPerpetualMarket))
FEED: public(immutable(IPriceFeed))
GATEWAY: immutable(address)
TOKEN: immutable(address)
SCALE: immutable(uint256)  # wads to a token unit

cooldown: public(uint256)  # seconds between a request and its price, at least
daily_outflow: public(uint256)  # wad ratio: what may leave in a day, of what was there
deposit_cap: public(uint256)  # quote wad: what the vault may be worth after a deposit
cap_held_until: public(uint256)  # timestamp: the guardian lowered it, and nobody raises it before
isOperator: public(HashMap[address, HashMap[address, bool]])  # by controller, by operator


@deploy
def __init__(
    market: address,
    feed: address,
    guardian: address,
    cooldown: uint256,
    daily_outflow: uint256,
    deposit_cap: uint256,
):
    MARKET = IPerpetualMarket(market)
    assert staticcall MARKET.VAULT() == self, "another contract's place"
    FEED = IPriceFeed(feed)
    GATEWAY = staticcall MARKET.GATEWAY()
    TOKEN = staticcall MARKET.TOKEN()
    SCALE = staticcall MARKET.SCALE()
    roles.__init__(guardian)
    shares.__init__()
    redemptions.__init__()
    self._set_limits(cooldown, daily_outflow, deposit_cap)


# Entering


@external
def deposit(assets: uint256, receiver: address) -> uint256:
    """
    @notice Bring token units and get what shares they are worth.
    """
    return self._deposit(assets, receiver)


@external
def deposit_at_least(
    assets: uint256, receiver: address, least_shares: uint256, deadline: uint256
) -> uint256:
    """
    @notice The same, refused below `least_shares` and after `deadline`.
    """
    self._check_time(deadline)
    minted: uint256 = self._deposit(assets, receiver)
    assert minted >= least_shares, "fewer shares than wanted"
    return minted


@external
def mint(shares_wanted: uint256, receiver: address) -> uint256:
    """
    @notice Get shares and bring what token units they cost.
    """
    return self._mint(shares_wanted, receiver)


@external
def mint_at_most(
    shares_wanted: uint256, receiver: address, most_assets: uint256, deadline: uint256
) -> uint256:
    """
    @notice The same, refused above `most_assets` and after `deadline`.
    """
    self._check_time(deadline)
    assets: uint256 = self._mint(shares_wanted, receiver)
    assert assets <= most_assets, "more assets than wanted"
    return assets


@internal
@view
def _check_time(deadline: uint256):
    assert block.timestamp <= deadline, "too late"


@internal
def _deposit(assets: uint256, receiver: address) -> uint256:
    nav: uint256 = self._nav_high()
    minted: uint256 = self._shares_for(assets, nav)
    self._enter(assets, minted, receiver, nav)
    return minted


@internal
def _mint(shares_wanted: uint256, receiver: address) -> uint256:
    nav: uint256 = self._nav_high()
    assets: uint256 = self._assets_for(shares_wanted, nav)
    self._enter(assets, shares_wanted, receiver, nav)
    return assets


@internal
def _enter(assets: uint256, minted: uint256, receiver: address, nav: uint256):
    """
    @dev The vault is locked while the token is called. Whoever, called by the token, moves the
         market moves it after the deposit was priced, as in a transaction of its own.
    """
    assert assets > 0, "zero amount"
    assert minted > 0, "zero shares"
    cap: uint256 = self.deposit_cap
    assert nav <= cap and assets <= (cap - nav) // SCALE, "deposit cap reached"
    before: uint256 = staticcall IERC20(TOKEN).balanceOf(MARKET.address)
    extcall IERC20(TOKEN).transferFrom(
        msg.sender, MARKET.address, assets, default_return_value=True
    )
    after: uint256 = staticcall IERC20(TOKEN).balanceOf(MARKET.address)
    assert after - before == assets, "token took a fee"
    extcall MARKET.provide(assets)
    shares._mint(receiver, minted)
    log IVault.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=minted)


@internal
@view
def _shares_for(assets: uint256, nav: uint256) -> uint256:
    """
    @notice The shares that token units buy, rounded down.
    """
    return nav_math._shares_down(
        assets * SCALE, shares._supply(), nav, VIRTUAL_SHARES, VIRTUAL_ASSETS
    )


@internal
@view
def _assets_for(shares_wanted: uint256, nav: uint256) -> uint256:
    """
    @notice The token units that shares cost, rounded up.
    """
    cost: uint256 = nav_math._assets_up(
        shares_wanted, shares._supply(), nav, VIRTUAL_SHARES, VIRTUAL_ASSETS
    )
    return wad._mul_div_up(cost, 1, SCALE)


@internal
@view
def _nav_high() -> uint256:
    """
    @notice The most that the vault may be worth, or a refusal; quote wad.
    """
    return self._priced(valuation._nav(MARKET, FEED, staticcall MARKET.pool_words(), valuation.ENTERING))


@internal
@view
def _priced(nav: int256) -> uint256:
    """
    @notice The vault's worth, refused where a share is worth less than a millionth of a dollar.
    @dev Where all is lost the next deposit would buy a multiple of all shares; of ever more digits,
         each time that all is lost again.
    """
    worth: uint256 = convert(max(nav, 0), uint256)
    supply: uint256 = shares._supply() + VIRTUAL_SHARES
    has_price: bool = (worth + VIRTUAL_ASSETS) * LEAST_PRICE >= supply
    assert nav >= 0 and has_price, "shares have no price"
    return worth


# Leaving


@external
def requestRedeem(shares_offered: uint256, controller: address, owner: address) -> uint256:
    """
    @notice Put shares into the queue of those who leave, for `controller` to claim; the number of
            the request. By their owner, his operator, or whom he allowed to move them.
    @dev The cooldown is that of now: who changes it changes nothing for those who wait.
    """
    assert shares_offered > 0, "zero shares"
    assert controller != empty(address), "no controller"
    if owner != msg.sender and not self.isOperator[owner][msg.sender]:
        shares._spend(owner, msg.sender, shares_offered)
    shares._queue(owner, shares_offered)
    number: uint256 = redemptions._append(
        controller, shares_offered, block.timestamp + self.cooldown
    )
    log IVault.RedeemRequest(
        controller=controller,
        owner=owner,
        requestId=number,
        sender=msg.sender,
        shares=shares_offered,
    )
    return number


@external
def process(most: uint256) -> uint256:
    """
    @notice Price requests whose cooldown is over, oldest first, up to `most` of them, and set aside
            what they are worth; how many shares were priced. Anyone may.
    @dev One that can't be met whole is met in part, and the rest is priced another time.
    """
    queue: redemptions.Queue = redemptions._load_queue()
    assert self._is_due(queue), "nothing to process"
    leaving: Leaving = self._leaving()
    for _: uint256 in range(most, bound=MOST_REQUESTS):
        if not self._is_due(queue):
            break
        first: uint256 = queue.first
        queue, leaving = self._price_first(queue, leaving)
        if queue.first == first:
            break  # met in part, or not at all
    assert leaving.burned > 0, "nothing can leave now"
    redemptions._save_queue(queue)
    redemptions._note_paid(redemptions._paid_today() + leaving.paid * SCALE)
    shares._burn(leaving.burned)
    extcall MARKET.put_aside(leaving.paid)
    return leaving.burned


@internal
@view
def _leaving() -> Leaving:
    """
    @notice What those who leave are priced by: the least that the vault may be worth, and how much
            of that may go.
    """
    words: uint256[3] = staticcall MARKET.pool_words()
    nav: uint256 = self._priced(valuation._nav(MARKET, FEED, words, valuation.LEAVING))
    return Leaving(
        nav=nav, room=self._room(words, nav), supply=shares._supply(), burned=0, paid=0
    )


@internal
def _price_first(
    queue_before: redemptions.Queue, before: Leaving
) -> (redemptions.Queue, Leaving):
    """
    @notice Price the first of the queue, as much of it as there is room for, and make it a claim.
    """
    queue: redemptions.Queue = queue_before
    after: Leaving = before
    request: redemptions.Request = redemptions._request(queue.first)
    priced: uint256 = request.shares - queue.priced
    amount: uint256 = nav_math._assets_down(
        priced, before.supply, before.nav, VIRTUAL_SHARES, VIRTUAL_ASSETS
    ) // SCALE
    most: uint256 = min(before.room, before.nav) // SCALE
    if amount > most:
        if most == 0:
            return queue, after
        amount = most
        priced = nav_math._shares_up(
            amount * SCALE, before.supply, before.nav, VIRTUAL_SHARES, VIRTUAL_ASSETS
        )
    queue.priced += priced
    log IVault.RedemptionPriced(
        controller=request.controller,
        request=queue.first,
        shares=priced,
        assets=amount,
        left=request.shares - queue.priced,
    )
    redemptions._add_claim(request.controller, priced, amount)
    if queue.priced == request.shares:
        queue.first += 1
        queue.priced = 0
    after.nav -= amount * SCALE
    after.room -= amount * SCALE
    after.supply -= priced
    after.burned += priced
    after.paid += amount
    return queue, after


@internal
@view
def _is_due(queue: redemptions.Queue) -> bool:
    """
    @notice Whether the first of the queue may be priced.
    """
    if queue.first == queue.next:
        return False
    return redemptions._request(queue.first).ready_at <= block.timestamp


@internal
@view
def _room(words: uint256[3], nav: uint256) -> uint256:
    """
    @notice What may leave now: cash that backs nothing, within today's limit; quote wad.
    @dev The limit is a share of what would be there had nobody left today, so that in how many
         parts it is used changes nothing.
    """
    pool: custody.Pool = custody._unpack_pool(words[0], words[1])
    if pool.claims > 0:
        return 0
    least: uint256 = borrowing_math._least_capital(
        pool.at_risk, parameter_words._max_utilisation(words[2])
    )
    paid: uint256 = redemptions._paid_today()
    today: uint256 = wad._mul_down(nav + paid, self.daily_outflow)
    return min(pool.cash - min(pool.cash, least), today - min(today, paid))


@external
def redeem(shares_claimed: uint256, receiver: address, controller: address) -> uint256:
    """
    @notice Send what was set aside for priced shares; by their controller or its operator.
    """
    claim: redemptions.Claim = redemptions._claim_of(controller)
    self._check_part(shares_claimed, claim.shares)
    assets: uint256 = wad._mul_div_down(claim.amount, shares_claimed, claim.shares)
    self._pay(claim, shares_claimed, assets, receiver, controller)
    return assets


@external
def withdraw(assets: uint256, receiver: address, controller: address) -> uint256:
    """
    @notice Send token units that were set aside; by their controller or its operator.
    """
    claim: redemptions.Claim = redemptions._claim_of(controller)
    self._check_part(assets, claim.amount)
    shares_claimed: uint256 = wad._mul_div_up(claim.shares, assets, claim.amount)
    self._pay(claim, shares_claimed, assets, receiver, controller)
    return shares_claimed


@internal
@pure
def _check_part(part: uint256, whole: uint256):
    assert part > 0, "zero amount"
    assert part <= whole, "more than is claimable"


@internal
def _pay(
    before: redemptions.Claim,
    shares_claimed: uint256,
    assets: uint256,
    receiver: address,
    controller: address,
):
    # The gateway sends a claim to L1 for whom it speaks.
    is_theirs: bool = msg.sender in [controller, GATEWAY]
    assert is_theirs or self.isOperator[controller][msg.sender], "not the controller"
    assert receiver not in [empty(address), self, MARKET.address], "no such receiver"
    redemptions._set_claim(
        controller,
        redemptions.Claim(
            shares=before.shares - shares_claimed, amount=before.amount - assets
        ),
    )
    log IVault.Withdraw(
        sender=msg.sender,
        receiver=receiver,
        owner=controller,
        assets=assets,
        shares=shares_claimed,
    )
    extcall MARKET.pay_out(assets, receiver)


@external
def setOperator(operator: address, approved: bool) -> bool:
    """
    @notice Let another request and claim for the caller, or no longer.
    """
    self.isOperator[msg.sender][operator] = approved
    log IVault.OperatorSet(controller=msg.sender, operator=operator, approved=approved)
    return True


# Views of ERC-4626


@external
@view
def asset() -> address:
    return TOKEN


@external
@view
def totalAssets() -> uint256:
    """
    @notice What the vault is worth at the newest stored prices, whatever their age; token units.
    """
    return self._middle() // SCALE


@external
@view
def convertToShares(assets: uint256) -> uint256:
    return self._shares_for(assets, self._middle())


@external
@view
def convertToAssets(shares_held: uint256) -> uint256:
    return nav_math._assets_down(
        shares_held, shares._supply(), self._middle(), VIRTUAL_SHARES, VIRTUAL_ASSETS
    ) // SCALE


@internal
@view
def _middle() -> uint256:
    """
    @notice The vault's worth at the newest stored prices, at least zero; quote wad.
    """
    return custody._above_zero(
        valuation._nav(MARKET, FEED, staticcall MARKET.pool_words(), valuation.LOOKING)
    )


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    return self._shares_for(assets, self._nav_high())


@external
@view
def previewMint(shares_wanted: uint256) -> uint256:
    return self._assets_for(shares_wanted, self._nav_high())


@external
@view
def highest_worth() -> uint256:
    """
    @notice What the vault is worth for who enters; quote wad. Refused where nobody may.
    """
    return self._nav_high()


@external
@view
def maxDeposit(receiver: address) -> uint256:
    """
    @notice How many token units may enter now; zero where the vault has no sure price.
    """
    return self._most_deposit(receiver)[0]


@external
@view
def maxMint(receiver: address) -> uint256:
    """
    @notice How many shares may be had now; those that the most token units buy.
    """
    return self._most_deposit(receiver)[1]


@internal
@view
def _most_deposit(receiver: address) -> uint256[2]:
    """
    @notice The most token units that may enter, and the shares that they buy.
    @dev It may not revert, so it asks from outside what the vault is worth.
    """
    if receiver in [empty(address), self]:
        return [0, 0]
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        self,
        method_id("highest_worth()", output_type=Bytes[4]),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success:
        return [0, 0]
    highest: uint256 = convert(answer, uint256)
    cap: uint256 = self.deposit_cap
    assets: uint256 = (cap - min(cap, highest)) // SCALE
    minted: uint256 = self._shares_for(assets, highest)
    return [assets if minted > 0 else 0, minted]


@external
@view
def maxRedeem(controller: address) -> uint256:
    """
    @notice The shares that are priced and not yet claimed.
    """
    return redemptions._claim_of(controller).shares


@external
@view
def maxWithdraw(controller: address) -> uint256:
    """
    @notice The token units that are set aside and not yet claimed.
    """
    return redemptions._claim_of(controller).amount


@external
@view
def previewRedeem(shares_held: uint256) -> uint256:
    """
    @notice Refused: nobody knows the price before it is made.
    """
    raise "priced when processed"


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice Refused: nobody knows the price before it is made.
    """
    raise "priced when processed"


# Views of ERC-7540, ERC-7575, ERC-165


@external
@view
def pendingRedeemRequest(requestId: uint256, controller: address) -> uint256:
    """
    @notice The shares of a request that wait for their price.
    """
    return self._parts_of(requestId, controller)[0]


@external
@view
def claimableRedeemRequest(requestId: uint256, controller: address) -> uint256:
    """
    @notice The shares of a request that are priced, as far as its controller hasn't claimed them.
    @dev A controller's claims are one sum: of two requests each may show what either left.
    """
    priced: uint256 = self._parts_of(requestId, controller)[1]
    return min(priced, redemptions._claim_of(controller).shares)


@internal
@view
def _parts_of(number: uint256, controller: address) -> uint256[2]:
    """
    @notice The shares of a request that wait, and those that are priced; none of a stranger's.
    """
    request: redemptions.Request = redemptions._request(number)
    if request.controller != controller:
        return [0, 0]
    priced: uint256 = redemptions._priced_of(redemptions._load_queue(), number, request)
    return [request.shares - priced, priced]


@external
@view
def share() -> address:
    return self


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    return interface_id in [
        0x01ffc9a7,  # ERC-165
        0x2f0a18c5,  # ERC-7575
        0xe3bc4e65,  # ERC-7540, operators
        0x620ee8e4,  # ERC-7540, asynchronous redemption
    ]


@external
@view
def queue_words(number: uint256) -> uint256[3]:
    """
    @notice The state of the queue, a request, and the times from which it and its neighbours may
            be priced, as they lie in `redemptions`.
    """
    return [
        redemptions._queue, redemptions._requests[number], redemptions._ready[number // 8]
    ]


# Administration


@external
def set_limits(cooldown: uint256, daily_outflow: uint256, deposit_cap: uint256):
    """
    @notice Set how fast one may leave and how much may enter; the owner only.
    """
    roles._check_owner()
    is_held: bool = block.timestamp < self.cap_held_until
    assert not is_held or deposit_cap <= self.deposit_cap, "cap held by guardian"
    self._set_limits(cooldown, daily_outflow, deposit_cap)


@external
def lower_deposit_cap(deposit_cap: uint256):
    """
    @notice Lower how much may enter, to zero if need be; the guardian, at once. What he lowered
            stays down for two days, in which what was scheduled before can be cancelled.
    """
    roles._check_guardian()
    assert deposit_cap < self.deposit_cap, "cap not lowered"
    if not roles._is_owner():
        self.cap_held_until = block.timestamp + CAP_HOLD
    self._set_limits(self.cooldown, self.daily_outflow, deposit_cap)


@internal
def _set_limits(cooldown: uint256, daily_outflow: uint256, deposit_cap: uint256):
    in_range: bool = cooldown >= LEAST_COOLDOWN and cooldown <= MOST_COOLDOWN
    in_range = in_range and daily_outflow >= LEAST_OUTFLOW and daily_outflow <= wad.WAD
    assert in_range and deposit_cap <= MOST_CAP, "limit out of range"
    self.cooldown = cooldown
    self.daily_outflow = daily_outflow
    self.deposit_cap = deposit_cap
    log IVault.LimitsSet(
        cooldown=cooldown, daily_outflow=daily_outflow, deposit_cap=deposit_cap
    )
