import functools
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boa
import pytest
from boa.contracts.vyper.vyper_contract import VyperContract
from hypothesis import settings
from vyper.compiler import CompilerData

from tests.revm import RevmEnv

ROOT = Path(__file__).resolve().parent.parent

# Compiled contracts are cached by content. Left alone, boa would do so in the home directory.
boa.interpret.set_cache_dir(str(ROOT / ".boa-cache"))
boa.interpret.set_search_paths([str(ROOT)])
boa.set_env(RevmEnv())

_compiler_data = boa.interpret.compiler_data


@functools.cache
def _compiled(*arguments: Any, **settings: Any) -> CompilerData:
    """Compile, or load, a contract once: at each load boa analyses all that it imports anew.

    What comes of it is a million objects, none of them garbage, and most of the time would be spent
    in looking for some there.
    """
    gc.disable()
    try:
        return _compiler_data(*arguments, **settings)
    finally:
        gc.freeze()
        gc.enable()


boa.interpret.compiler_data = _compiled
# Where in a constructor a failure was isn't known without traces; to find out takes long.
VyperContract._deployment_source_map = {"pc_raw_ast_map": {}}

# A slow machine is no fault of the code's: nothing here judges time.
settings.register_profile("clearway", deadline=None)
settings.load_profile("clearway")


@pytest.fixture(scope="module")
def py_evm() -> Iterator[None]:
    """Have boa's own EVM: it has a base fee, and knows a call's calls and what it finds cold."""
    with boa.set_env(boa.Env()):
        yield


@pytest.fixture(autouse=True)
def _forgotten_storage() -> None:
    """Let boa's own EVM forget whose storage was written by earlier tests.

    It shows a contract's storage in its errors, and where tests run after each other two contracts
    of different kinds may have had the same address.
    """
    boa.env.sstore_trace.clear()
