from functools import cache
from pathlib import Path

import boa
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# Compiled contracts are cached by content. Left alone, boa would do so in the home directory.
boa.interpret.set_cache_dir(str(ROOT / ".boa-cache"))
boa.interpret.set_search_paths([str(ROOT)])
# Even what it finds there it parses and analyses anew whenever it is asked, which takes seconds a
# contract; a source doesn't change while tests run.
boa.interpret.loads_partial = boa.loads_partial = cache(boa.interpret.loads_partial)

# A slow machine is no fault of the code's: nothing here judges time.
settings.register_profile("clearway", deadline=None)
settings.load_profile("clearway")


@pytest.fixture(autouse=True)
def _forgotten_storage() -> None:
    """Let boa forget whose storage was written by earlier tests.

    It shows a contract's storage in its errors, and where tests run after each other two contracts
    of different kinds may have had the same address.
    """
    boa.env.sstore_trace.clear()
    return
