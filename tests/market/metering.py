"""Gas as a transaction of its own pays for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import boa


@contextmanager
def own_transaction() -> Iterator[None]:
    """Let all storage be cold, and no slot be written, when what is inside begins.

    boa counts everything that a test does as one transaction, in which nearly all is warm. So does
    revm, which can't be told to forget: this is for boa's own EVM, of the fixture `py_evm`.
    """
    state = boa.env.evm.vm.state
    state._account_db._journal_accessed_state.clear()
    originals: dict[tuple[bytes, int], int] = {}
    get_storage = state.get_storage

    def get(address: bytes, slot: int, from_journal: bool = True) -> int:
        # Before it writes, SSTORE asks for the value without the journal: that of the beginning.
        value = get_storage(address, slot)
        return value if from_journal else originals.setdefault((address, slot), value)

    state.get_storage = get
    try:
        yield
    finally:
        del state.get_storage
