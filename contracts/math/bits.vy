# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title bits
@license AGPL-3.0-only
@notice Counts what a word of 32 bits names, as an account's markets are.
"""

# Masks of 32 bits
EACH_SECOND: constant(uint256) = (2**32 - 1) // 3
TWO_OF_FOUR: constant(uint256) = (2**32 - 1) // 5
FOUR_OF_EIGHT: constant(uint256) = (2**32 - 1) // 17
FIRST_OF_EIGHT: constant(uint256) = (2**32 - 1) // 255


@internal
@pure
def _count(word: uint256) -> uint256:
    """
    @notice How many of 32 bits are set: summed in pairs, in fours, in eights, and over all.
    @dev Not checked: each sum fits its field.
    """
    pairs: uint256 = unsafe_sub(word, word >> 1 & EACH_SECOND)
    fours: uint256 = unsafe_add(pairs & TWO_OF_FOUR, pairs >> 2 & TWO_OF_FOUR)
    eights: uint256 = unsafe_add(fours, fours >> 4) & FOUR_OF_EIGHT
    return unsafe_mul(eights, FIRST_OF_EIGHT) >> 24 & 255
