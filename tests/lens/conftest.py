from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.market.world import Contracts, deploy


@dataclass
class Lenses(Contracts):
    """What is deployed, and the two lenses that only these tests need."""

    quotes: Any
    sums: Any


@pytest.fixture(scope="session")
def contracts():
    deployed = deploy()
    market = deployed.market.address
    quotes = boa.load("contracts/l2/QuoteLens.vy", market)
    return Lenses(
        **vars(deployed), quotes=quotes, sums=boa.load("contracts/l2/PoolLens.vy", market)
    )
