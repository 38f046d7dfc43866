# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title redemptions
@license AGPL-3.0-only
@notice Knows who waits to leave the vault, in which order, what is theirs already, and how much left
        today.
@dev A request is written once, when it is made, and never changed: whoever stands before the first
     of the queue is priced, whoever stands after it is not, and only of the first may a part be.

     Requests are numbered from 1, for ERC-7540 gives 0 a meaning of its own. A day is a calendar
     day of 86,400 seconds since 1970.
"""

struct Queue:
    first: uint256  # the oldest that isn't priced whole
    next: uint256  # the number of the next request
    priced: uint256  # shares of the first that are priced


struct Request:
    controller: address
    shares: uint256
    ready_at: uint256


struct Claim:
    shares: uint256  # burned for it, less what was claimed
    amount: uint256  # token units


DAY: constant(uint256) = 86_400  # seconds

_queue: uint256  # first 80, next 80, priced 96
_requests: HashMap[uint256, uint256]  # by number: controller 160, shares 96
_ready: HashMap[uint256, uint256]  # by number / 8: eight times of 32 bits
_claims: HashMap[address, uint256]  # by controller: shares 128, amount 128
_paid: uint256  # what left today: quote wad 224, the day 32


@deploy
def __init__():
    self._save_queue(Queue(first=1, next=1, priced=0))


@internal
@view
def _load_queue() -> Queue:
    word: uint256 = self._queue
    return Queue(first=word & (2**80 - 1), next=(word >> 80) & (2**80 - 1), priced=word >> 160)


@internal
def _save_queue(queue: Queue):
    """
    @dev Not checked: numbers count up, and of a request less is priced than its 96 bits.
    """
    self._queue = queue.first | queue.next << 80 | queue.priced << 160


@internal
def _append(controller: address, shares: uint256, ready_at: uint256) -> uint256:
    """
    @notice Put a request at the end of the queue; its number.
    """
    assert shares >> 96 == 0, "too many shares at once"
    queue: Queue = self._load_queue()
    number: uint256 = queue.next
    self._requests[number] = convert(controller, uint256) | shares << 160
    # A time is below 2^32, and its place was never written.
    self._ready[number // 8] = self._ready[number // 8] | ready_at << (number % 8 * 32)
    queue.next = number + 1
    self._save_queue(queue)
    return number


@internal
@view
def _request(number: uint256) -> Request:
    word: uint256 = self._requests[number]
    return Request(
        controller=convert(word & (2**160 - 1), address),
        shares=word >> 160,
        ready_at=(self._ready[number // 8] >> (number % 8 * 32)) & (2**32 - 1),
    )


@internal
@pure
def _priced_of(queue: Queue, number: uint256, request: Request) -> uint256:
    """
    @notice How many shares of a request are priced.
    """
    if number < queue.first:
        return request.shares
    return queue.priced if number == queue.first else 0


@internal
@view
def _claim_of(controller: address) -> Claim:
    word: uint256 = self._claims[controller]
    return Claim(shares=word & (2**128 - 1), amount=word >> 128)


@internal
def _set_claim(controller: address, claim: Claim):
    """
    @dev It fits: a share has cost a millionth of a wad at least, and all tokens together are below
         2^100 wads.
    """
    assert claim.shares >> 128 | claim.amount >> 128 == 0, "field overflows"
    self._claims[controller] = claim.shares | claim.amount << 128


@internal
def _add_claim(controller: address, shares: uint256, amount: uint256):
    claim: Claim = self._claim_of(controller)
    claim.shares += shares
    claim.amount += amount
    self._set_claim(controller, claim)


@internal
@view
def _paid_today() -> uint256:
    """
    @notice What was set aside today for those who leave; quote wad.
    """
    word: uint256 = self._paid
    return word >> 32 if word & (2**32 - 1) == block.timestamp // DAY else 0


@internal
def _note_paid(paid: uint256):
    self._paid = paid << 32 | block.timestamp // DAY
