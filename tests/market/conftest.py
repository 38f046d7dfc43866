from collections import Counter

import boa
import pytest

from tests.market.world import ETH, PRICES, World, deploy, somebody


@pytest.fixture(scope="module")
def contracts():
    return deploy()


@pytest.fixture
def world(contracts):
    """Return three markets on two boards, with a vault of ten million."""
    with boa.env.anchor():
        world = World(contracts, {0: ETH, 1: ETH, 4: ETH})
        world.provide(10_000_000 * 10**6)
        world.report(PRICES)
        yield world


@pytest.fixture(scope="module")
def keepers(contracts):
    return boa.load("contracts/l2/LiquidationKeeper.vy", contracts.market.address)


@pytest.fixture
def trader(world):
    return somebody(world, "trader")


@pytest.fixture
def keeper():
    return boa.env.generate_address("keeper")


def pytest_terminal_summary(terminalreporter):
    """Say what the long walks saw, over all processes."""
    seen = Counter()
    for report in terminalreporter.stats.get("passed", []):
        seen.update(dict(report.user_properties).get("seen", {}))
    if seen:
        terminalreporter.section("what was seen on the walks that agreed")
        for name, count in sorted(seen.items(), key=lambda item: (-item[1], item[0])):
            terminalreporter.write_line(f"{count:9,}  {name}")
