"""The withdrawals' keeper as it runs: from the L2 gateway into its owner's hands on L1."""

import pytest

from clearway import gateways
from clearway.opstack import Sender, Starter
from clearway.spec.state import account_of
from tests.gateways.stage import UNIT, Deployed
from tests.integration.conftest import starting
from tests.keeper.world import LIQUIDATOR, Keeper, until

AMOUNT = 250 * UNIT


def test_an_exit_is_paid_though_its_keeper_was_killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("withdrawals")
    with starting(home, profile="short") as world:
        deployed = Deployed(world)
        one = deployed.person(77, 1_000)
        deployed.arrive(deployed.entry(one).margin(1_000 * UNIT, eth=10**17))
        before = deployed.balance(one.address)
        with Keeper(world, home, "withdrawals", ["--account", str(LIQUIDATOR)]) as keeper:
            starter = Starter(world.rollup, Sender(world.l2, one, world.journal(one)))
            account = account_of(int(one.address, 16))
            gateways.withdraw(deployed.system, starter, account, AMOUNT, one.address)
            until(lambda: "prove: included on L1" in keeper.said(), keeper)
            keeper.kill()
            keeper.start()
            until(lambda: deployed.balance(one.address) == before + AMOUNT, keeper)
            until(lambda: "payment of 250" in keeper.said(), keeper)
            assert keeper.stop() == 0
        assert keeper.said().count("prove: included on L1") == 1
