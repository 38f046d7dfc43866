# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title MockAggregator
@license AGPL-3.0-only
@notice Stands for a Chainlink aggregator, or for a sequencer's uptime feed: well, or sick.
@dev Answers as `IAggregator` says, by bytes of its own making, so that it can answer anything.
     Rounds are as they were set, sensible or not; asking for one that wasn't reverts, as at
     Chainlink's. An uptime feed is one whose answers are 0 (up) and 1 (down).
"""

MEGABYTE: constant(uint256) = 2**20
RAW_BYTES: constant(uint256) = 320

flag Health:
    WELL
    REVERTS
    BURNS_GAS
    ANSWERS_MEGABYTE
    ANSWERS_RAW  # whatever bytes it was given


struct Round:
    number: uint256  # as the round itself tells it
    answer: int256
    started_at: uint256
    updated_at: uint256


decimals: public(uint8)
latest: public(uint256)  # number of the newest round

_rounds: HashMap[uint256, Round]
_is_set: HashMap[uint256, bool]
_health: Health
_raw: Bytes[RAW_BYTES]


@deploy
def __init__(decimals: uint8):
    self.decimals = decimals
    self._health = Health.WELL


@external
@view
@raw_return
def latestRoundData() -> Bytes[MEGABYTE]:
    """
    @notice The newest round in five words, unless sick.
    """
    self._suffer()
    if self._health == Health.ANSWERS_MEGABYTE:
        return slice(abi_encode(empty(uint256[MEGABYTE // 32])), 0, MEGABYTE)
    if self._health == Health.ANSWERS_RAW:
        return self._raw
    return self._encoded(self.latest)


@external
@view
@raw_return
def getRoundData(round: uint80) -> Bytes[MEGABYTE]:
    """
    @notice One round in five words, unless sick.
    """
    self._suffer()
    if self._health == Health.ANSWERS_MEGABYTE:
        return slice(abi_encode(empty(uint256[MEGABYTE // 32])), 0, MEGABYTE)
    if self._health == Health.ANSWERS_RAW:
        return self._raw
    return self._encoded(convert(round, uint256))


@internal
@view
def _suffer():
    assert self._health != Health.REVERTS, "sick"
    assert self._health != Health.BURNS_GAS, UNREACHABLE  # the opcode that takes all gas


@internal
@view
def _encoded(number: uint256) -> Bytes[160]:
    assert self._is_set[number], "No data present"
    round: Round = self._rounds[number]
    return abi_encode(round.number, round.answer, round.started_at, round.updated_at, round.number)


# What a test sets


@external
def set_round(number: uint256, answer: int256, updated_at: uint256):
    """
    @notice Set a round, and make it the newest. Its phase stands in the bits from 64 up.
    """
    self._set(number, Round(number=number, answer=answer, started_at=updated_at, updated_at=updated_at))


@external
def set_strange_round(number: uint256, round: Round):
    """
    @notice Set a round that may contradict itself, and make it the newest.
    """
    self._set(number, round)


@internal
def _set(number: uint256, round: Round):
    self._rounds[number] = round
    self._is_set[number] = True
    self.latest = number


@external
def set_decimals(decimals: uint8):
    """
    @notice Answer in another scale from now on, as a proxy that is pointed elsewhere does.
    """
    self.decimals = decimals


@external
def set_health(health: Health):
    """
    @notice Fall sick, or recover.
    """
    self._health = health


@external
def answer_raw(answer: Bytes[RAW_BYTES]):
    """
    @notice Answer these bytes, whatever is asked.
    """
    self._health = Health.ANSWERS_RAW
    self._raw = answer
