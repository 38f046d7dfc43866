"""Each refusal has a reason that a person can read, and a test that meets it."""

import re
from pathlib import Path

import pytest

from tests.feed.world import CONTRACTS

SOURCES = [
    CONTRACTS / "l2" / "Configuration.vy",
    CONTRACTS / "l2" / "Timelock.vy",
    *(
        CONTRACTS / "modules" / f"{name}.vy"
        for name in ("parameter_words", "margin_ramps", "retirements", "roles")
    ),
]
TESTS = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]


def asserted() -> list[tuple[str, str]]:
    """Return every assertion's file and reason, the empty one if it has none."""
    found = []
    for source in SOURCES:
        for statement in re.findall(r"^\s+assert .*$", source.read_text(), re.M):
            reason = re.search(r'"([^"]*)"$', statement)
            found.append((source.stem, reason[1] if reason else ""))
    return found


# Hands on what the feed said.
HANDED_ON = ("Configuration", "")


@pytest.mark.parametrize(("stem", "reason"), sorted({*asserted()} - {HANDED_ON}))
def test_an_assertion_has_one_of_at_most_32_characters(stem, reason):
    assert 0 < len(reason) <= 32


def test_each_is_met_by_a_test():
    tests = "".join(path.read_text() for path in TESTS)
    reasons = {reason for _, reason in asserted()} - {""}
    assert {reason for reason in reasons if f'"{reason}"' not in tests} == set()


def test_they_were_all_found():
    written = sum(source.read_text().count("assert ") for source in SOURCES)
    assert len(asserted()) == written > 40
    assert asserted().count(HANDED_ON) == 1
