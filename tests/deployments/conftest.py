"""One local network for all tests of deployments: each deploys by an account of its own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount

from clearway.deploying.deployer import Deployer
from clearway.devnet.accounts import people
from clearway.networks import Network, find_network
from clearway.opstack import Journal, Sender
from tests.integration.conftest import starting
from tests.integration.world import World

NewDeployer = Callable[..., Deployer]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with starting(tmp_path_factory.mktemp("deployments")) as world:
        yield world


def deployer_of(
    world: World, folder: Path, account: LocalAccount, tell: Callable[[str], None]
) -> Deployer:
    """Return a new process, as it were, that deploys by an account into a folder's file."""
    rollup = world.connect()
    journal = Journal.for_rollup(rollup, folder)
    l1, l2 = (Sender(chain, account, journal) for chain in (rollup.l1, rollup.l2))
    return Deployer(network_of(world, folder), rollup, l1, l2, tell)


def network_of(world: World, folder: Path) -> Network:
    """Return the network with its deployment's file in a folder."""
    return replace(find_network(folder=world.devnet.folder.path), folder=folder)


@pytest.fixture
def new_deployer(world: World, tmp_path: Path) -> NewDeployer:
    def make(number: int, tell: Callable[[str], None] = lambda _: None) -> Deployer:
        return deployer_of(world, tmp_path, people()[number], tell)

    return make
