"""Where a contract keeps what."""

from typing import Any

from eth_utils import keccak


def slot_of(contract: Any, *names: str, key: int | None = None) -> int:
    """Return the slot of a variable, named by its modules and itself; or of a mapping's value."""
    place = contract.compiler_data.storage_layout["storage_layout"]
    for name in names:
        place = place[name]
    slot = int(place["slot"])
    return slot if key is None else int.from_bytes(keccak(slot.to_bytes(32) + key.to_bytes(32)))
