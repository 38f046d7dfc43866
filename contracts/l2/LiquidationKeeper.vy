# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title LiquidationKeeper
@license AGPL-3.0-only
@notice Liquidates many accounts in one transaction, and tells many accounts' health in one call.

It holds nothing, and the market treats it as anyone. The market pays each reward to the first
account of whoever calls here, so a batch of any length pays one account.

@dev Each account is a call of its own, which gets a fixed amount of gas that is enough for any
     account with as many markets, or isn't made. So what becomes of an account depends on the
     state and never on the gas that a caller gives, and no account takes more than its amount from
     the others. The tests measure that it is enough at the dearest that storage, uptime feed and
     L1 fee's oracle can be; with 32 markets it is less than a quarter of a block of 30 million.
"""

from interfaces import ILiquidationKeeper
from interfaces import IPerpetualMarket
from interfaces import IPriceFeed
from ..math import bits
from ..math import price_words
from ..modules import admission
from ..modules import appraisal
from ..modules import custody
from ..modules import parameter_words

implements: ILiquidationKeeper

MOST_MARKETS: constant(uint256) = 32
MOST_BOARDS: constant(uint256) = 8
MOST_ACCOUNTS: constant(uint256) = 50
MOST_HEALTHS: constant(uint256) = 100

# What an account's call gets; more than any takes.
BASE_GAS: constant(uint256) = 350_000
BOARD_GAS: constant(uint256) = 165_000  # for the uptime feed, which the market asks once a board
MARKET_GAS: constant(uint256) = 165_000
CALL_RESERVE: constant(uint256) = 10_000  # what the call itself takes, and what follows it

ERROR: constant(bytes4) = method_id("Error(string)", output_type=bytes4)
ANSWER_BYTES: constant(uint256) = 100  # an error of one word, or what `health` tells

MARKET: public(immutable(IPerpetualMarket))
FEED: public(immutable(IPriceFeed))


@deploy
def __init__(market: address):
    MARKET = IPerpetualMarket(market)
    FEED = IPriceFeed(staticcall IPerpetualMarket(market).FEED())


@external
def liquidate(
    accounts: DynArray[uint256, MOST_ACCOUNTS]
) -> DynArray[String[32], MOST_ACCOUNTS]:
    return self._liquidate(accounts)


@external
def submit_and_liquidate(
    observed_at: uint256,
    boards: DynArray[uint256, MOST_BOARDS],
    absent: DynArray[address, 7],
    signatures: DynArray[IPriceFeed.Signature, 7],
    accounts: DynArray[uint256, MOST_ACCOUNTS],
) -> DynArray[String[32], MOST_ACCOUNTS]:
    extcall FEED.submit(observed_at, boards, absent, signatures)
    return self._liquidate(accounts)


@internal
def _liquidate(
    accounts: DynArray[uint256, MOST_ACCOUNTS]
) -> DynArray[String[32], MOST_ACCOUNTS]:
    reasons: DynArray[String[32], MOST_ACCOUNTS] = []
    for account: uint256 in accounts:
        is_done: bool = False
        answer: Bytes[ANSWER_BYTES] = b""
        is_done, answer = raw_call(
            MARKET.address,
            abi_encode(account, msg.sender, method_id=method_id("liquidate(uint256,address)")),
            max_outsize=ANSWER_BYTES,
            gas=self._gas_for(account),
            revert_on_failure=False,
        )
        reason: String[32] = ""
        if not is_done:
            reason = self._reason_in(answer)
            log ILiquidationKeeper.LiquidationFailed(
                account=account, keeper=msg.sender, reason=reason
            )
        reasons.append(reason)
    return reasons


@internal
@view
def _gas_for(account: uint256) -> uint256:
    """
    @notice What an account's call gets; refused if it isn't there, with the 64th that stays here.
    """
    holder: custody.Account = custody._unpack(staticcall MARKET.account_word(account))
    markets: uint256 = bits._count(holder.markets)
    gas: uint256 = BASE_GAS + min(markets, MOST_BOARDS) * BOARD_GAS + markets * MARKET_GAS
    assert msg.gas >= gas * 64 // 63 + CALL_RESERVE, "too little gas"
    return gas


@internal
@pure
def _reason_in(answer: Bytes[ANSWER_BYTES]) -> String[32]:
    """
    @notice The reason in what a call that reverted returned, cut to 32 bytes.
    """
    if len(answer) < ANSWER_BYTES or convert(slice(answer, 0, 4), bytes4) != ERROR:
        return "refused without a reason"
    length: uint256 = min(convert(slice(answer, 36, 32), uint256), 32)
    text: bytes32 = convert(slice(answer, 68, 32), bytes32)
    return convert(slice(text, 0, length), String[32])


@external
@view
def health(account: uint256) -> (uint256, int256, uint256):
    holder: custody.Account = custody._unpack(staticcall MARKET.account_word(account))
    assert holder.markets != 0, "no positions"
    found: appraisal.Appraisal = appraisal._of_nothing(holder)
    first: uint256 = 0
    board: uint256 = 0
    for market: uint256 in range(MOST_MARKETS):
        if holder.markets >> market == 0:
            break
        if (holder.markets >> market) & 1 == 0:
            continue
        words: uint256[6] = staticcall MARKET.exposure(account, market)
        assert not parameter_words._is_retired(words[3]), "retired market not settled"
        if board == 0:
            first = market
            board = staticcall FEED.board(market // 4)
        word: uint256 = board
        if market // 4 != first // 4:
            word = staticcall FEED.board_at(market // 4, price_words._time_of(board))
        found = admission._with_exposure(
            found, words, price_words._sound_price(word, market % 4)
        )
    return price_words._time_of(board), found.equity, found.linear + found.quadratic


@external
@view
def healths(
    accounts: DynArray[uint256, MOST_HEALTHS]
) -> DynArray[ILiquidationKeeper.Health, MOST_HEALTHS]:
    found: DynArray[ILiquidationKeeper.Health, MOST_HEALTHS] = []
    for account: uint256 in accounts:
        is_known: bool = False
        answer: Bytes[ANSWER_BYTES] = b""
        is_known, answer = raw_call(
            self,
            abi_encode(account, method_id=method_id("health(uint256)")),
            max_outsize=ANSWER_BYTES,
            gas=self._gas_for(account),
            is_static_call=True,
            revert_on_failure=False,
        )
        one: ILiquidationKeeper.Health = empty(ILiquidationKeeper.Health)
        if is_known:
            one.priced_at, one.equity, one.maintenance = abi_decode(
                answer, (uint256, int256, uint256)
            )
        else:
            one.reason = self._reason_in(answer)
        found.append(one)
    return found
