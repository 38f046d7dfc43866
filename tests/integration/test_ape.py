"""Ape speaks to both chains of a local network from one process."""

import ape
import pytest

from clearway.ape_networks import connected
from tests.integration.world import ETHER, World


@pytest.mark.parametrize(("layer", "chain_id"), [("l1", 900), ("l2", 901)])
def test_a_layer_is_the_chain_it_is_said_to_be(shared_world: World, layer: str, chain_id: int):
    with connected(shared_world.network, layer) as provider:
        assert provider.chain_id == chain_id


def test_one_script_holds_both_chains_open(shared_world: World):
    account, network = ape.accounts.test_accounts[5], shared_world.network
    with connected(network, "l1") as l1:
        account.transfer(account, 1)
        with connected(network, "l2") as l2:
            account.transfer(account, 2)
            sent_on_l2 = l2.get_nonce(account.address)
        # Ape is back on L1, where it sends as before.
        account.transfer(account, 3)
        assert (l1.get_nonce(account.address), sent_on_l2) == (2, 1)


def test_ape_reads_a_deposit_transaction_on_l2(shared_world: World):
    outcome = shared_world.deposit_eth(shared_world.bob, ETHER)
    with connected(shared_world.network, "l2") as l2:
        found = l2.get_transactions_by_block(outcome.l2_block)
        assert [transaction.type for transaction in found] == [0x7E]
