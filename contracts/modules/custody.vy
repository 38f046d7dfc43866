# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title custody
@license AGPL-3.0-only
@notice Knows whose every token is; no other file moves the token or writes a balance.
@dev Invariant C1 (P5): held * SCALE = margins + cash + insurance + the markets' reserves and fees,
     where margins are all accounts' margins above zero and their escrows. Each verb takes from one
     of these and gives to another. Balances are wads and amounts are scaled exactly, so the door
     never rounds.

     Pool and account are read once into memory, changed by verbs, and written once.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from interfaces import IPerpetualMarket

struct Pool:
    margins: uint256
    cash: uint256  # the vault's
    at_risk: uint256  # of the vault's capital, over all markets
    has_claims: bool


struct Account:
    margin: int256  # below zero it is owed, while positions are open
    escrow: uint256  # what its committed orders hold
    markets: uint256  # those with a position, a bit each


struct Claim:
    account: uint256
    amount: uint256


AT_RISK_UNIT: constant(uint256) = 10**12

TOKEN: public(immutable(address))
SCALE: public(immutable(uint256))  # wads to a token unit

held: public(uint256)  # token units that came in and did not leave
insurance: public(uint256)
_pool: uint256  # margins 100, cash 100, at risk 52, has claims 1
_accounts: HashMap[uint256, uint256]  # margin 104, escrow 104, markets 32
_claims: HashMap[uint256, Claim]  # profits that the vault could not pay yet
_first_claim: uint256
_next_claim: uint256


@deploy
def __init__(token: address):
    decimals: uint256 = convert(staticcall IERC20Detailed(token).decimals(), uint256)
    assert decimals <= 18, "token has too many decimals"
    TOKEN = token
    SCALE = 10 ** (18 - decimals)


@internal
@view
def _load_pool() -> Pool:
    word: uint256 = self._pool
    return Pool(
        margins=word & (2**100 - 1),
        cash=(word >> 100) & (2**100 - 1),
        at_risk=((word >> 200) & (2**52 - 1)) * AT_RISK_UNIT,
        has_claims=word >> 252 != 0,
    )


@internal
def _save_pool(pool: Pool):
    at_risk: uint256 = pool.at_risk // AT_RISK_UNIT
    assert pool.margins < 2**100 and pool.cash < 2**100 and at_risk < 2**52, "field overflows"
    self._pool = (
        pool.margins | pool.cash << 100 | at_risk << 200 | (1 if pool.has_claims else 0) << 252
    )


@internal
@view
def _load(account: uint256) -> Account:
    word: uint256 = self._accounts[account]
    margin: uint256 = word & (2**104 - 1)
    return Account(
        margin=convert(margin, int256) - (0 if margin >> 103 == 0 else 2**104),
        escrow=(word >> 104) & (2**104 - 1),
        markets=word >> 208,
    )


@internal
def _save(account: uint256, holder: Account):
    assert holder.margin >= -(2**103) and holder.margin < 2**103, "field overflows"
    assert holder.escrow < 2**104, "field overflows"
    margin: uint256 = convert(holder.margin + (0 if holder.margin >= 0 else 2**104), uint256)
    self._accounts[account] = margin | holder.escrow << 104 | holder.markets << 208


# The door


@internal
def _take_in(amount: uint256) -> uint256:
    """
    @notice Fetch `amount` token units from the caller; what they are in wads.
    @dev The one place where a balance is read: to refuse a token that takes a fee.
    """
    assert amount > 0, "zero amount"
    before: uint256 = staticcall IERC20(TOKEN).balanceOf(self)
    extcall IERC20(TOKEN).transferFrom(msg.sender, self, amount, default_return_value=True)
    assert staticcall IERC20(TOKEN).balanceOf(self) - before == amount, "token took a fee"
    self.held += amount
    return amount * SCALE


@internal
def _give_out(to: address, amount: uint256):
    """
    @notice Send `amount` token units; the last thing that a transaction does.
    """
    self.held -= amount
    extcall IERC20(TOKEN).transfer(to, amount, default_return_value=True)


# Verbs


@internal
@pure
def _credit(holder: Account, pool: Pool, money: uint256) -> (Account, Pool):
    """
    @notice Add margin. What a debt swallows is the vault's, which had gone without it.
    """
    after: Account = holder
    total: Pool = pool
    repaid: uint256 = 0
    if holder.margin < 0:
        repaid = min(convert(-holder.margin, uint256), money)
    after.margin += convert(money, int256)
    total.cash += repaid
    total.margins += money - repaid
    return after, total


@internal
@pure
def _charge(holder: Account, pool: Pool, money: uint256) -> (Account, Pool):
    """
    @notice Take from a margin what it has; the caller gives it to somebody.
    """
    after: Account = holder
    total: Pool = pool
    after.margin -= convert(money, int256)
    total.margins -= money
    return after, total


@internal
@pure
def _lock(holder: Account, money: uint256) -> Account:
    """
    @notice Move margin into escrow.
    """
    after: Account = holder
    after.margin -= convert(money, int256)
    after.escrow += money
    return after


@internal
@pure
def _unlock(holder: Account, pool: Pool, escrow: uint256, spent: uint256) -> (Account, Pool):
    """
    @notice Release an order's escrow; what is spent of it the caller gives to somebody.
    """
    after: Account = holder
    total: Pool = pool
    after.escrow -= escrow
    total.margins -= escrow
    return self._credit(after, total, escrow - spent)


@internal
@pure
def _settle(holder: Account, pool: Pool, gain: int256) -> (Account, Pool, uint256):
    """
    @notice Move a result between an account and the vault; what it could not be paid comes third.
    @dev The vault takes no more than the margin has; the rest is the account's debt, a margin
         below zero. A gain pays the debt first.
    """
    after: Account = holder
    total: Pool = pool
    unpaid: uint256 = 0
    after.margin += gain
    paid: int256 = max(after.margin, 0) - max(holder.margin, 0)
    if paid > 0:
        affordable: uint256 = 0 if pool.has_claims else min(convert(paid, uint256), pool.cash)
        unpaid = convert(paid, uint256) - affordable
        after.margin -= convert(unpaid, int256)
        total.margins += affordable
        total.cash -= affordable
    else:
        lost: uint256 = convert(-paid, uint256)
        total.margins -= lost
        total.cash += lost
    return after, total, unpaid


@internal
def _queue_claim(account: uint256, amount: uint256):
    """
    @notice Write down a profit that the vault could not pay; the pool is told by the caller.
    """
    self._claims[self._next_claim] = Claim(account=account, amount=amount)
    self._next_claim += 1
    log IPerpetualMarket.ProfitClaimed(account=account, amount=amount)


@internal
def _write_off(account: uint256, holder: Account, pool: Pool) -> (Account, Pool):
    """
    @notice Book a debt that nothing is left to pay: insurance pays the vault what it can.
    @dev While orders hold escrow something is left: it pays the debt when it returns.
    """
    after: Account = holder
    total: Pool = pool
    if holder.markets != 0 or holder.escrow > 0 or holder.margin >= 0:
        return after, total
    debt: uint256 = convert(-holder.margin, uint256)
    insured: uint256 = min(debt, self.insurance)
    self.insurance -= insured
    total.cash += insured
    after.margin = 0
    log IPerpetualMarket.ShortfallBooked(account=account, amount=debt, insured=insured)
    return after, total


@internal
def _insure(money: uint256):
    """
    @notice Add to the insurance fund what the caller took from elsewhere.
    """
    self.insurance += money


@internal
def _pay_claims(most: uint256):
    """
    @notice Pay claims from the vault's cash, oldest first, at most `most` of them.
    """
    pool: Pool = self._load_pool()
    first: uint256 = self._first_claim
    for _: uint256 in range(most, bound=50):
        if first == self._next_claim or pool.cash == 0:
            break
        claim: Claim = self._claims[first]
        paid: uint256 = min(claim.amount, pool.cash)
        holder: Account = self._load(claim.account)
        pool.cash -= paid
        holder, pool = self._credit(holder, pool, paid)
        self._save(claim.account, holder)
        log IPerpetualMarket.ClaimPaid(account=claim.account, amount=paid)
        if paid < claim.amount:
            self._claims[first].amount = claim.amount - paid
            break
        first += 1
    pool.has_claims = first < self._next_claim
    self._first_claim = first
    self._save_pool(pool)
