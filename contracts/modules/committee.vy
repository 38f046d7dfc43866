# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title committee
@license AGPL-3.0-only
@notice Knows who signs reports, how many must, and what a report's signature covers.
@dev Invariant M1: 2 * quorum > number of publishers when they are set, and dropping one keeps it so.
     Any two quorums then have a publisher in common, so that two reports of one tile prove that one
     of them lied.

     A report is verified against the caller's copy of the list, whose hash lies in one word with
     the quorum: a list in calldata costs less than a storage read for each signer.
"""

from interfaces import IPriceFeed
from snekmate.utils import eip712_domain_separator
initializes: eip712_domain_separator

exports: eip712_domain_separator.eip712Domain

MAX_PUBLISHERS: constant(uint256) = 7
REPORT_TYPE: constant(bytes32) = keccak256("Report(uint256 observedAt,uint256[] boards)")
QUORUM_BITS: constant(uint256) = 8

_publishers: DynArray[address, MAX_PUBLISHERS]
_seal: uint256  # the quorum in the low 8 bits, the high 248 bits of the list's hash above


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
    return self._seal & (2**QUORUM_BITS - 1)


@internal
@pure
def _sealed(publishers: DynArray[address, MAX_PUBLISHERS], quorum: uint256) -> uint256:
    fingerprint: uint256 = convert(keccak256(abi_encode(publishers)), uint256)
    return (fingerprint & ~(2**QUORUM_BITS - 1)) | quorum


@internal
@view
def _verify(
    digest: bytes32,
    publishers: DynArray[address, MAX_PUBLISHERS],
    signatures: DynArray[IPriceFeed.Signature, MAX_PUBLISHERS],
):
    """
    @notice Require that a quorum signed `digest`. Both lists are sorted, so one pass over them does.
    """
    seal: uint256 = self._seal
    quorum: uint256 = seal & (2**QUORUM_BITS - 1)
    assert self._sealed(publishers, quorum) == seal, "not the publishers"
    assert len(signatures) >= quorum, "too few signatures"
    position: uint256 = 0
    for signature: IPriceFeed.Signature in signatures:
        signer: address = self._signer(digest, signature)
        for _: uint256 in range(MAX_PUBLISHERS):
            if position >= len(publishers) or publishers[position] == signer:
                break
            position += 1
        assert position < len(publishers), "signer unknown or unsorted"
        position += 1


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
    signer: address = self._signer(first_digest, first_signature)
    assert signer == self._signer(second_digest, second_signature), "not of the same signer"
    return signer


@internal
@view
def _digest(observed_at: uint256, boards: DynArray[uint256, 8]) -> bytes32:
    encoded: Bytes[320] = abi_encode(boards)  # where it lies, how many, the words
    words_hash: bytes32 = keccak256(slice(encoded, 64, 32 * len(boards)))
    return eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(REPORT_TYPE, observed_at, words_hash))
    )


@internal
@pure
def _signer(digest: bytes32, signature: IPriceFeed.Signature) -> address:
    """
    @notice Who signed; the zero address, which is no publisher's, if nobody did.
    @dev A second form of a signature (s' = n - s) tells the same signer, and gains nothing: each
         signer counts once.
    """
    vs: uint256 = convert(signature.vs, uint256)
    s: uint256 = vs & convert(max_value(int256), uint256)
    return ecrecover(digest, (vs >> 255) + 27, convert(signature.r, uint256), s)
