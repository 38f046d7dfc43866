"""Addresses that every OP Stack chain shares, and the aliasing of L1 contracts on L2."""

from typing import cast

from eth_typing import ChecksumAddress
from eth_utils.address import (
    is_address,
    is_checksum_address,
    is_checksum_formatted_address,
    to_checksum_address,
)

Address = ChecksumAddress

L2_MESSENGER = cast(Address, "0x4200000000000000000000000000000000000007")
GAS_PRICE_ORACLE = cast(Address, "0x420000000000000000000000000000000000000F")
L2_BRIDGE = cast(Address, "0x4200000000000000000000000000000000000010")
L2_TOKEN_FACTORY = cast(Address, "0x4200000000000000000000000000000000000012")
L1_BLOCK = cast(Address, "0x4200000000000000000000000000000000000015")
MESSAGE_PASSER = cast(Address, "0x4200000000000000000000000000000000000016")

ZERO_ADDRESS = cast(Address, "0x0000000000000000000000000000000000000000")

# The portal and the messengers revert on a failing inner call when this account is tx.origin, so a
# call from it shows what a real transaction would hide.
ESTIMATION_ADDRESS = cast(Address, "0x0000000000000000000000000000000000000001")

# Sender of the L1 attributes transaction.
DEPOSITOR = to_checksum_address("0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001")

ALIAS_OFFSET = 0x1111000000000000000000000000000000001111


def alias(l1_contract: str) -> Address:
    """Return the sender that an L1 contract has on L2 (`AddressAliasHelper.applyL1ToL2Alias`)."""
    return _from_int(int(l1_contract, 16) + ALIAS_OFFSET)


def unalias(l2_sender: str) -> Address:
    """Return the L1 contract behind an aliased sender on L2."""
    return _from_int(int(l2_sender, 16) - ALIAS_OFFSET)


def address_from_word(word: bytes) -> Address:
    """Return the address in the last 20 bytes of a 32-byte word."""
    return to_checksum_address(word[-20:])


def parse_address(text: str, what: str) -> Address:
    """Return a checksummed address, or raise `BadInput` that names `what`."""
    from clearway.opstack.errors import BadInput

    if not is_address(text):
        raise BadInput(f"{what} {text!r} is not an address", "give 0x and 40 hex digits")
    if is_checksum_formatted_address(text) and not is_checksum_address(text):
        raise BadInput(f"{what} {text!r} has a wrong checksum", "a digit is wrong: copy it again")
    return to_checksum_address(text)


def _from_int(number: int) -> Address:
    return to_checksum_address((number % 2**160).to_bytes(20, "big"))
