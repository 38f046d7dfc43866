# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title custody
@license AGPL-3.0-only
@notice Knows whose every token is; no other file moves the token or writes a balance.
@dev Invariant C1 (P5): held * SCALE = margins + cash + set_aside + the markets' reserves and
     insurance, where margins are all accounts' margins above zero and their escrows. Balances are
     wads and amounts are scaled exactly, so the door never rounds.

     Pool and account are read once into memory, changed by verbs, and written once. An account's
     share in the sums follows from what it was and what it is, by `_replaced` alone; a verb that
     takes from an account or gives to it has the other side of that in its hands: the vault's
     cash, a reserve, or another account.

     Not checked, where it says so: what was stored fits its field of 100 bits or less, and what a
     trade moves is below 2^160, so a sum that passes its field, or falls below zero, is seen and
     refused when it is saved.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from interfaces import IPerpetualMarket
from contracts.math import borrowing_math

struct Pool:
    margins: uint256
    cash: uint256  # the vault's
    at_risk: uint256  # of the vault's capital, over all markets
    claims: uint256  # what the vault owes winners
    debts: uint256  # what accounts owe the vault: their margins below zero


struct Account:
    margin: int256  # below zero it is owed, while positions are open
    escrow: uint256  # what its committed orders hold
    markets: uint256  # those with a position, a bit each
    flagged_at: uint256  # when it was first seen below maintenance; zero if it wasn't


struct Claim:
    account: uint256
    amount: uint256


HALF: constant(uint256) = 2**128 - 1  # the lower half of a word

TOKEN: public(immutable(address))
SCALE: public(immutable(uint256))  # wads to a token unit

held: public(uint256)  # token units that came in and did not leave
set_aside: public(uint256)  # quote wad: redemptions that wait for their owners
_pool: uint256  # margins 100, cash 100, at risk 55, whether anything is owed 1
_owed: uint256  # claims 128, debts 128
_accounts: HashMap[uint256, uint256]  # margin 96, escrow 96, flagged at 32, markets 32
_claims: HashMap[uint256, Claim]  # profits that the vault could not pay yet
_claimed: HashMap[uint256, uint256]  # by account: its claims 128, what of them its debts took back 128
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
    return self._unpack_pool(self._pool, self._owed_word())


@internal
@view
def _owed_word() -> uint256:
    """
    @notice Claims and debts; read only where there are any.
    """
    return self._owed if self._pool >> 255 == 1 else 0


@internal
@pure
def _unpack_pool(word: uint256, owed: uint256) -> Pool:
    """
    @dev Not checked: 55 bits times a unit below 2^47.
    """
    return Pool(
        margins=word & (2**100 - 1),
        cash=(word >> 100) & (2**100 - 1),
        at_risk=unsafe_mul((word >> 200) & (2**55 - 1), borrowing_math.AT_RISK_UNIT),
        claims=owed & (2**128 - 1),
        debts=owed >> 128,
    )


@internal
def _save_pool(pool: Pool):
    at_risk: uint256 = unsafe_div(pool.at_risk, borrowing_math.AT_RISK_UNIT)
    assert pool.margins >> 100 | pool.cash >> 100 | at_risk >> 55 == 0, "field overflows"
    is_owed: uint256 = 0
    if pool.claims | pool.debts != 0:
        is_owed = 1
        assert pool.claims >> 128 | pool.debts >> 128 == 0, "field overflows"
    if is_owed == 1 or self._pool >> 255 == 1:
        self._owed = pool.claims | pool.debts << 128
    self._pool = pool.margins | pool.cash << 100 | at_risk << 200 | is_owed << 255


@internal
@view
def _load(account: uint256) -> Account:
    return self._unpack(self._accounts[account])


@internal
@pure
def _unpack(word: uint256) -> Account:
    return Account(
        margin=convert(convert(word << 160, bytes32), int256) >> 160,
        escrow=(word >> 96) & (2**96 - 1),
        markets=word >> 224,
        flagged_at=(word >> 192) & (2**32 - 1),
    )


@internal
def _save(account: uint256, holder: Account):
    self._accounts[account] = self._pack(holder)


@internal
@pure
def _pack(holder: Account) -> uint256:
    sign: int256 = holder.margin >> 95
    assert (sign == 0 or sign == -1) and holder.escrow >> 96 == 0, "field overflows"
    return (
        convert(convert(holder.margin, bytes32), uint256) & (2**96 - 1)
        | holder.escrow << 96
        | holder.flagged_at << 192
        | holder.markets << 224
    )


@internal
@pure
def _replaced(pool: Pool, before: Account, after: Account) -> Pool:
    """
    @notice The pool with an account as it is in place of what it was.
    @dev Not checked: what is stored of an account is below 2^97, and was added to the sums before;
         what is new is below 2^255 in sum, and reverts when it is saved if it passes its field.
    """
    changed: Pool = pool
    # What an account has in tokens is its margin above zero, and its escrow.
    gained: int256 = unsafe_sub(max(after.margin, 0), max(before.margin, 0))
    changed.margins = unsafe_add(
        unsafe_add(changed.margins, convert(convert(gained, bytes32), uint256)),
        unsafe_sub(after.escrow, before.escrow),
    )
    if (after.margin | before.margin) < 0:
        repaid: int256 = unsafe_sub(min(after.margin, 0), min(before.margin, 0))
        changed.debts = unsafe_sub(changed.debts, convert(convert(repaid, bytes32), uint256))
    return changed


@internal
@pure
def _is_broke(holder: Account) -> bool:
    """
    @notice Whether an account owes and nothing is left to pay with. While orders hold escrow
            something is left: it pays the debt when it returns.
    """
    return holder.margin < 0 and holder.markets == 0 and holder.escrow == 0


@internal
@pure
def _above_zero(x: int256) -> uint256:
    """
    @dev Not checked: it is not below zero.
    """
    return convert(convert(max(x, 0), bytes32), uint256)


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
    return self._note(amount)


@internal
def _note(amount: uint256) -> uint256:
    """
    @notice Count token units that have come in; what they are in wads.
    """
    self.held += amount
    return amount * SCALE


@internal
def _give_out(to: address, amount: uint256):
    """
    @notice Send `amount` token units; the last thing that a transaction does.
    """
    self.held -= amount
    is_sent: bool = extcall IERC20(TOKEN).transfer(to, amount, default_return_value=True)
    assert is_sent, "token refused"


@internal
def _put_aside(money: uint256):
    """
    @notice Add to what waits for who leaves what the caller took from the vault's cash.
    """
    self.set_aside += money


@internal
def _take_from_aside(money: uint256):
    """
    @notice Take from what waits what goes out.
    """
    self.set_aside -= money


# Verbs


@internal
@pure
def _credited(margin: int256, money: uint256) -> (int256, uint256):
    """
    @notice A margin and `money` more; what of it a debt swallows, which is the vault's, comes
            second.
    @dev Not checked: what is added of `money` is between nothing and all of it. A margin that
         `money` takes beyond its type is refused when it is saved.
    """
    after: int256 = unsafe_add(margin, convert(money, int256))
    kept: int256 = unsafe_sub(max(after, 0), max(margin, 0))
    return after, unsafe_sub(money, convert(convert(kept, bytes32), uint256))


@internal
@pure
def _settled(margin: int256, gain: int256, pool: Pool) -> (int256, Pool, uint256):
    """
    @notice A margin and a pool after a result; what the vault could not pay of it comes third.
    @dev The vault takes no more than the margin has; the rest is the account's debt, a margin
         below zero. A gain pays the debt first. While winners wait, nobody is paid before them.
         Not checked: sums of what is stored and what a trade moves.
    """
    total: Pool = pool
    after: int256 = unsafe_add(margin, gain)
    paid: int256 = unsafe_sub(max(after, 0), max(margin, 0))
    if paid <= 0:
        total.cash = unsafe_sub(total.cash, convert(convert(paid, bytes32), uint256))
        return after, total, 0
    due: uint256 = convert(convert(paid, bytes32), uint256)
    affordable: uint256 = min(due, self._free_cash(pool))
    unpaid: uint256 = unsafe_sub(due, affordable)
    total.cash = unsafe_sub(total.cash, affordable)
    total.claims = unsafe_add(total.claims, unpaid)
    return unsafe_sub(after, convert(convert(unpaid, bytes32), int256)), total, unpaid


@internal
@pure
def _free_cash(pool: Pool) -> uint256:
    """
    @notice What the vault can pay a winner now; quote wad.
    """
    return pool.cash if pool.claims == 0 else 0


@internal
def _queue_claim(account: uint256, amount: uint256):
    """
    @notice Write down a profit that the vault could not pay.
    """
    word: uint256 = self._claimed[account]
    assert (word & HALF) + amount <= HALF, "field overflows"
    self._claimed[account] = word + amount
    self._claims[self._next_claim] = Claim(account=account, amount=amount)
    self._next_claim += 1
    log IPerpetualMarket.ProfitClaimed(account=account, amount=amount)


@internal
def _set_off(account: uint256, debt: uint256) -> uint256:
    """
    @notice Take an account's claims, oldest first, back for its debt; how much of it they cover.
    """
    word: uint256 = self._claimed[account]
    covered: uint256 = min(debt, (word & HALF) - (word >> 128))
    if covered > 0:
        self._claimed[account] = word + (covered << 128)
        log IPerpetualMarket.ClaimSetOff(account=account, amount=covered)
    return covered


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
        word: uint256 = self._claimed[claim.account]
        void: uint256 = min(claim.amount, word >> 128)
        paid: uint256 = min(claim.amount - void, pool.cash)
        pool.cash -= paid
        pool.claims -= paid
        self._claimed[claim.account] = word - (void << 128) - void - paid
        pool = self._give(claim.account, paid, pool)
        log IPerpetualMarket.ClaimPaid(account=claim.account, amount=paid)
        if void + paid < claim.amount:
            self._claims[first].amount = claim.amount - void - paid
            break
        first += 1
    self._first_claim = first
    self._save_pool(pool)


@internal
def _give(account: uint256, money: uint256, pool: Pool) -> Pool:
    """
    @notice Add to an account's margin what the caller took from elsewhere; the pool after it.
    @dev Not checked: what of it a debt swallows is no more than the debt.
    """
    holder: Account = self._load(account)
    before: Account = holder
    total: Pool = pool
    repaid: uint256 = 0
    holder.margin, repaid = self._credited(holder.margin, money)
    total.cash = unsafe_add(total.cash, repaid)
    self._save(account, holder)
    return self._replaced(total, before, holder)
