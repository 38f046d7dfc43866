# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title committee
@license AGPL-3.0-only
@notice Knows who signs reports, how many must, and what a report's signature covers.
@dev Invariant M1: 2 * quorum > number of publishers when they are set, and dropping one keeps it so.
     Any two quorums then have a publisher in common, so that two reports of one tile prove that one
     of them lied.

     Signatures tell who signed, and the caller names the rest; a hash of all lies in one word with
     the quorum. Names in calldata cost less than a storage read for each signer.
"""

from interfaces import IPriceFeed
from snekmate.utils import eip712_domain_separator
initializes: eip712_domain_separator

exports: eip712_domain_separator.eip712Domain

MAX_PUBLISHERS: constant(uint256) = 7
REPORT_TYPE: constant(bytes32) = keccak256("Report(uint256 observedAt,uint256[] boards)")
QUORUM_MASK: constant(uint256) = 255
NOBODY: constant(uint256) = max_value(uint256)  # after every publisher

_publishers: DynArray[address, MAX_PUBLISHERS]
# The quorum in the low 8 bits; above them the high 248 of the hash of all publishers, zeros after
# them up to the greatest number, and their number.
_seal: uint256


@deploy
def __init__(publishers: DynArray[address, MAX_PUBLISHERS], quorum: uint256):
    eip712_domain_separator.__init__("Clearway price feed", "1")
    self._set(publishers, quorum)


@external
@view
def publishers() -> DynArray[address, MAX_PUBLISHERS]:
    """
    @notice All publishers, in the order in which their signatures are given.
    """
    return self._publishers


@external
@view
def quorum() -> uint256:
    """
    @notice How many of them must sign a report.
    """
    return self._quorum()


@external
@view
def digest(report: IPriceFeed.Report) -> bytes32:
    """
    @notice What publishers sign for a report (EIP-712).
    """
    return self._digest(report.observed_at, report.boards)


@internal
def _set(publishers: DynArray[address, MAX_PUBLISHERS], quorum: uint256):
    """
    @param publishers In ascending order, so that none is in it twice.
    """
    assert quorum <= len(publishers), "quorum over publishers"
    assert 2 * quorum > len(publishers), "quorum is no majority"
    last: uint160 = 0
    for publisher: address in publishers:
        assert convert(publisher, uint160) > last, "publishers not sorted"
        last = convert(publisher, uint160)
    self._publishers = publishers
    self._seal = self._sealed(publishers, quorum)
    log IPriceFeed.PublishersSet(publishers=publishers, quorum=quorum)


@internal
def _remove(publisher: address):
    """
    @notice Take a publisher off the list; the quorum stays.
    """
    kept: DynArray[address, MAX_PUBLISHERS] = []
    for other: address in self._publishers:
        if other != publisher:
            kept.append(other)
    assert len(kept) < len(self._publishers), "not a publisher"
    self._seal = self._sealed(kept, self._quorum())
    self._publishers = kept


@internal
@view
def _quorum() -> uint256:
    return self._seal & QUORUM_MASK


@internal
@pure
def _sealed(publishers: DynArray[address, MAX_PUBLISHERS], quorum: uint256) -> uint256:
    everyone: uint256[MAX_PUBLISHERS + 1] = empty(uint256[MAX_PUBLISHERS + 1])
    place: uint256 = 0
    for publisher: address in publishers:
        everyone[place] = convert(publisher, uint256)
        place += 1
    everyone[MAX_PUBLISHERS] = len(publishers)
    return (convert(keccak256(abi_encode(everyone)), uint256) & ~QUORUM_MASK) | quorum


@internal
@view
def _verify(
    digest: bytes32,
    absent: DynArray[address, MAX_PUBLISHERS],
    signatures: DynArray[IPriceFeed.Signature, MAX_PUBLISHERS],
):
    """
    @notice Require that a quorum signed `digest`: the signers, merged with the absent by their
            order, must be the sealed list. So each is known, and counts once. A signature that
            tells nobody puts a zero among as many as are listed, and the list has none.
    """
    seal: uint256 = self._seal
    assert len(signatures) >= seal & QUORUM_MASK, "too few signatures"
    number: uint256 = len(signatures) + len(absent)
    assert number <= MAX_PUBLISHERS, "not signed by the publishers"

    # Not checked: places and positions stay within `number`.
    everyone: uint256[MAX_PUBLISHERS + 1] = empty(uint256[MAX_PUBLISHERS + 1])
    place: uint256 = 0
    position: uint256 = 0
    other: uint256 = NOBODY
    if len(absent) > 0:
        other = convert(absent[0], uint256)
    for signature: IPriceFeed.Signature in signatures:
        signer: uint256 = convert(self._signer(digest, signature.r, signature.vs), uint256)
        for _: uint256 in range(MAX_PUBLISHERS):
            if signer < other:
                break
            everyone[place] = other
            place = unsafe_add(place, 1)
            position = unsafe_add(position, 1)
            other = NOBODY
            if position < len(absent):
                other = convert(absent[position], uint256)
        everyone[place] = signer
        place = unsafe_add(place, 1)
    for i: uint256 in range(position, len(absent), bound=MAX_PUBLISHERS):
        everyone[place] = convert(absent[i], uint256)
        place = unsafe_add(place, 1)
    everyone[MAX_PUBLISHERS] = number
    fingerprint: uint256 = convert(keccak256(abi_encode(everyone)), uint256) & ~QUORUM_MASK
    assert fingerprint == seal & ~QUORUM_MASK, "not signed by the publishers"


@internal
@view
def _convict(
    first: IPriceFeed.Report,
    first_signature: IPriceFeed.Signature,
    second: IPriceFeed.Report,
    second_signature: IPriceFeed.Signature,
) -> address:
    """
    @notice Whoever signed both reports, which speak of one tile and differ.
    """
    assert first.observed_at == second.observed_at, "not of the same seconds"
    first_digest: bytes32 = self._digest(first.observed_at, first.boards)
    second_digest: bytes32 = self._digest(second.observed_at, second.boards)
    assert first_digest != second_digest, "the same report"
    signer: address = self._signer(first_digest, first_signature.r, first_signature.vs)
    other: address = self._signer(second_digest, second_signature.r, second_signature.vs)
    assert signer == other, "not of the same signer"
    return signer


@internal
@view
def _digest(observed_at: uint256, boards: DynArray[uint256, 8]) -> bytes32:
    words_hash: bytes32 = empty(bytes32)
    if len(boards) == 1:
        words_hash = keccak256(convert(boards[0], bytes32))
    else:
        encoded: Bytes[320] = abi_encode(boards)  # where it lies, how many, the words
        words_hash = keccak256(slice(encoded, 64, 32 * len(boards)))
    domain: bytes32 = eip712_domain_separator._domain_separator_v4()
    report: bytes32 = keccak256(abi_encode(REPORT_TYPE, observed_at, words_hash))
    return keccak256(concat(b"\x19\x01", domain, report))


@internal
@pure
def _signer(digest: bytes32, r: bytes32, vs: bytes32) -> address:
    """
    @notice Who signed; the zero address, which is no publisher's, if nobody did.
    @dev A second form of a signature (s' = n - s) tells the same signer, and gains nothing: each
         signer counts once.
    """
    word: uint256 = convert(vs, uint256)
    s: uint256 = word & convert(max_value(int256), uint256)
    return ecrecover(digest, unsafe_add(word >> 255, 27), r, convert(s, bytes32))
