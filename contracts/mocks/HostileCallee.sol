// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.37;

/// @title HostileCallee
/// @notice Answers any call, with or without ether, in the worst way it was told to.
contract HostileCallee {
    enum Mode {
        Accept, // harmless, so that a test can end the attack
        Revert,
        BurnGas,
        ReturnMegabyte,
        Reenter
    }

    /// @notice The answer of the mode `Revert`.
    error Refused();

    Mode public mode;
    address public reentryTarget;
    bytes public reentryData;

    /// @notice Whether the last re-entry was let through; its failure is swallowed.
    bool public reentered;

    /// @notice Choose how the next calls are answered.
    function behave(Mode mode_) external {
        mode = mode_;
    }

    /// @notice Answer the next calls by calling `target` with `data`.
    function reenter(address target, bytes calldata data) external {
        mode = Mode.Reenter;
        reentryTarget = target;
        reentryData = data;
        reentered = false;
    }

    receive() external payable {
        _answer();
    }

    fallback() external payable {
        _answer();
    }

    function _answer() private {
        if (mode == Mode.Revert) {
            revert Refused();
        } else if (mode == Mode.BurnGas) {
            assembly ("memory-safe") {
                invalid()
            }
        } else if (mode == Mode.ReturnMegabyte) {
            assembly {
                return(0, 0x100000)
            }
        } else if (mode == Mode.Reenter) {
            (reentered,) = reentryTarget.call(reentryData);
        }
    }
}
