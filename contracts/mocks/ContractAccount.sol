// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.37;

/// @title ContractAccount
/// @notice The least contract wallet: stands for smart accounts and multisigs in tests.
/// @dev It has no key of its own, so on the other chain its address is nobody's or somebody else's.
contract ContractAccount {
    /// @notice Only the owner may act through this account.
    error NotOwner(address caller);

    bytes4 private constant VALID_SIGNATURE = 0x1626ba7e; // ERC-1271's answer for yes
    bytes4 private constant INVALID_SIGNATURE = 0xffffffff;

    address public immutable owner;

    constructor(address owner_) payable {
        owner = owner_;
    }

    receive() external payable {}

    /// @notice Call `to` as this account; a failure there fails here with the same reason.
    /// @return result What `to` returned.
    function execute(address to, uint256 value, bytes calldata data)
        external
        payable
        returns (bytes memory result)
    {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        bool success;
        (success, result) = to.call{value: value}(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    /// @notice ERC-1271: whether the owner signed `hash`.
    /// @param signature r, s and v, 65 bytes in all.
    function isValidSignature(bytes32 hash, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        if (signature.length != 65) return INVALID_SIGNATURE;
        bytes32 r = bytes32(signature[:32]);
        bytes32 s = bytes32(signature[32:64]);
        address signer = ecrecover(hash, uint8(signature[64]), r, s);
        return signer != address(0) && signer == owner ? VALID_SIGNATURE : INVALID_SIGNATURE;
    }
}
