import functools
from collections.abc import Iterator
from pathlib import Path

import boa
import pytest
from hypothesis import settings

from tests.revm import RevmEnv

ROOT = Path(__file__).resolve().parent.parent

# Compiled contracts are cached by content. Left alone, boa would do so in the home directory.
boa.interpret.set_cache_dir(str(ROOT / ".boa-cache"))
boa.interpret.set_search_paths([str(ROOT)])
# At each load boa would analyse a contract and all that it imports, which never change meanwhile.
boa.interpret.compiler_data = functools.cache(boa.interpret.compiler_data)

boa.set_env(RevmEnv())

# A slow machine is no fault of the code's: nothing here judges time.
settings.register_profile("clearway", deadline=None)
settings.load_profile("clearway")


@pytest.fixture(scope="module")
def py_evm() -> Iterator[None]:
    """Have boa's own EVM, which knows a base fee, subordinate calls, and what is cold."""
    with boa.set_env(boa.Env()):
        yield
