"""What a contract is made of is compiled again when it changes, and nothing else is."""

from pathlib import Path

import pytest

from clearway.deploying import compiled
from clearway.deploying.compiled import Codes
from clearway.opstack.errors import BadInput

HEADER = "# pragma version ==0.4.3\n# pragma evm-version cancun\n"
PURSE = """
from ..modules import coins

@external
@view
def full() -> uint256:
    return coins._all()
"""
COINS = """
from contracts.math import sums

@internal
@pure
def _all() -> uint256:
    return sums._two()
"""
SUMS = """
@internal
@pure
def _two() -> uint256:
    return 2
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a part of a small project, which is compiled in place of ours."""
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    monkeypatch.setattr(compiled, "CACHE", tmp_path / ".build" / "creation.json")

    def write(place: str, text: str) -> Path:
        compiled._parts.cache_clear()
        path = tmp_path / "contracts" / f"{place}.vy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + text)
        return path

    write("l2/Purse", PURSE)
    write("modules/coins", COINS)
    write("math/sums", SUMS)
    write("math/other", SUMS)
    yield write
    compiled._parts.cache_clear()


def test_what_changes_is_compiled_and_what_did_not_is_not(write):
    told: list[str] = []
    first = Codes.of(["Purse"], told.append).plain("Purse")
    assert told == ["compiling Purse"]
    write("math/other", SUMS.replace("return 2", "return 3"))
    assert Codes.of(["Purse"], told.append).plain("Purse") == first
    assert told == ["compiling Purse"]
    write("math/sums", SUMS.replace("return 2", "return 3"))
    assert Codes.of(["Purse"], told.append).plain("Purse") != first
    assert told == ["compiling Purse"] * 2


@pytest.mark.parametrize("damage", ["", "[]", '{"Purse": {}}'])
def test_a_damaged_cache_is_none(write, damage):
    whole = Codes.of(["Purse"], print).plain("Purse")
    compiled.CACHE.write_text(damage)
    assert Codes.of(["Purse"], print).plain("Purse") == whole


def test_a_contract_that_does_not_compile_is_named(write):
    write("math/sums", SUMS.replace("return 2", "return two"))
    with pytest.raises(BadInput, match="Purse doesn't compile"):
        Codes.of(["Purse"], print)
