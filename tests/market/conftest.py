from collections import Counter

import pytest

from tests.market.world import deploy


@pytest.fixture(scope="module")
def contracts():
    return deploy()


def pytest_terminal_summary(terminalreporter):
    """Say what the long walks saw, over all processes."""
    seen = Counter()
    for report in terminalreporter.stats.get("passed", []):
        seen.update(dict(report.user_properties).get("seen", {}))
    if seen:
        terminalreporter.section("what was seen on the walks that agreed")
        for name, count in sorted(seen.items(), key=lambda item: (-item[1], item[0])):
            terminalreporter.write_line(f"{count:9,}  {name}")
