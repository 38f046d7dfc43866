"""The table of parameters leaves none out, and the invariants name tests that exist."""

import re
from pathlib import Path

import pytest

from tests.administration.world import PARAMETERS, POOL

ROOT = Path(__file__).resolve().parents[2]


def section(page: str, title: str) -> str:
    text = (ROOT / "docs" / page).read_text()
    return text.split(f"\n{title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("name", [*PARAMETERS, *POOL])
def test_the_table_has_a_row_for_each_parameter(name):
    rows = re.findall(r"^\| ([^|]+) \|", section("design.md", "### Parameters"), re.M)
    named = {part for row in rows for part in row.split(", ")}
    assert name.replace("_", " ") in named


def test_invariants_name_tests_that_exist():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "invariants.md").read_text()))
    text = "".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in text} == set()
