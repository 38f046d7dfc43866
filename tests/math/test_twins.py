"""Functions of contracts/math have namesakes in clearway/spec: same order, same parameters."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts" / "math"
SPEC = ROOT / "clearway" / "spec"

VYPER_FUNCTION = re.compile(r"^((?:@\w+\n)*)def (\w+)\(([^)]*)\)", re.M)


def functions_of_vyper(source):
    """Return each function's name without its underscore, and its parameters."""
    return [
        (name.removeprefix("_"), re.findall(r"(\w+):", parameters))
        for _, name, parameters in VYPER_FUNCTION.findall(source)
    ]


def functions_of_python(source):
    return [
        (node.name, [argument.arg for argument in node.args.args])
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    ]


def impure(source):
    """Return the functions that are not internal and pure, or whose name doesn't say so."""
    return [
        name
        for decorators, name, _ in VYPER_FUNCTION.findall(source)
        if decorators != "@internal\n@pure\n" or not name.startswith("_")
    ]


CONTRACT_FILES = sorted(CONTRACTS.glob("*.vy"))


def test_each_contract_has_a_twin():
    assert CONTRACT_FILES
    assert {path.stem for path in CONTRACT_FILES} <= {path.stem for path in SPEC.glob("*.py")}


@pytest.mark.parametrize("path", CONTRACT_FILES, ids=lambda path: path.stem)
def test_twins_have_the_same_functions_in_the_same_order(path):
    twin = (SPEC / path.name).with_suffix(".py")
    assert functions_of_vyper(path.read_text()) == functions_of_python(twin.read_text())


@pytest.mark.parametrize("path", CONTRACT_FILES, ids=lambda path: path.stem)
def test_mathematics_is_internal_and_pure(path):
    assert impure(path.read_text()) == []


def test_functions_are_found():
    vyper = "@internal\n@pure\ndef _f(\n    a: int256, b: uint256\n) -> int256:\n    return a\n"
    assert functions_of_vyper(vyper) == [("f", ["a", "b"])]
    assert functions_of_python("def f(a: int, b: int) -> int:\n    return a\n") == [
        ("f", ["a", "b"])
    ]


def test_impure_functions_are_found():
    assert impure("@internal\n@view\ndef _f():\n    pass\n") == ["_f"]
    assert impure("@internal\n@pure\ndef f():\n    pass\n") == ["f"]
    assert impure("def _f():\n    pass\n") == ["_f"]
