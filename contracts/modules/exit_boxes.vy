# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title exit_boxes
@license AGPL-3.0-only
@notice Knows where on L1 an exit's tokens land: in a box whose address follows from its claimant
        and number, so that L2 can name it before it is there.
@dev A box is an EIP-1167 proxy, made by the gateway on L1 with CREATE2.
"""


@internal
@pure
def _salt(claimant: address, number: uint256) -> bytes32:
    return keccak256(abi_encode(claimant, number))


@internal
@pure
def _code_hash(implementation: address) -> bytes32:
    """
    @notice The hash of the code that `create_minimal_proxy_to` creates a proxy with.
    """
    return keccak256(
        concat(
            x"602d3d8160093d39f3363d3d373d3d3d363d73",
            convert(implementation, bytes20),
            x"5af43d82803e903d91602b57fd5bf3",
        )
    )


@internal
@pure
def _box_of(
    gateway: address, code_hash: bytes32, claimant: address, number: uint256
) -> address:
    """
    @notice The box of an exit, made or not.
    @param gateway The one on L1.
    @param code_hash That of the code which creates a box.
    """
    hash: bytes32 = keccak256(
        concat(
            x"ff", convert(gateway, bytes20), self._salt(claimant, number), code_hash
        )
    )
    return convert(convert(hash, uint256) & (2**160 - 1), address)
