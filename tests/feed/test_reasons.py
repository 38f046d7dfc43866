"""Each refusal has a reason that a person can read, and a test that meets it."""

import re
from pathlib import Path

import pytest

from tests.feed.world import CONTRACTS

MODULES = ("committee", "aggregators", "halts", "roles")
SOURCES = [
    CONTRACTS / "l2" / "PriceFeed.vy",
    *(CONTRACTS / "modules" / f"{name}.vy" for name in MODULES),
    CONTRACTS / "math" / "price_words.vy",
]
PASSED_ON = r'\s+assert (\w+\.reason) == "", \1'
TESTS = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]


def asserted() -> list[tuple[str, str]]:
    """Return every assertion's file and reason, the empty one if it has none.

    One that passes a reason on has that, and isn't among them.
    """
    found = []
    for source in SOURCES:
        for statement in re.findall(r"^\s+assert .*$", source.read_text(), re.M):
            if re.fullmatch(PASSED_ON, statement):
                continue
            reason = re.search(r'"([^"]*)"$', statement)
            found.append((source.stem, reason[1] if reason else ""))
    return found


def told() -> set[str]:
    """Return the reasons that are answers: of a reference or an outage."""
    text = "".join(source.read_text() for source in SOURCES)
    return {a or b for a, b in re.findall(r'reason = "(.+?)"|return "(.+?)"', text)}


@pytest.mark.parametrize(("stem", "reason"), asserted())
def test_an_assertion_has_one_of_at_most_32_characters(stem, reason):
    assert 0 < len(reason) <= 32


def test_each_is_met_by_a_test():
    tests = "".join(path.read_text() for path in TESTS)
    missing = {reason for _, reason in asserted()} | told()
    assert {reason for reason in missing if f'"{reason}"' not in tests} == set()


def test_they_were_all_found():
    texts = [source.read_text() for source in SOURCES]
    written = sum(text.count("assert ") for text in texts)
    passed_on = sum(len(re.findall(PASSED_ON, text)) for text in texts)
    assert (len(asserted()) + passed_on, passed_on) == (written, 2)
    assert written > 40
