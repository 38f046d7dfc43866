"""A network on a fork of another's L1: the same contracts, its own L2, and the origin untouched."""

import pytest

from clearway.devnet.errors import DevnetError
from clearway.opstack import Status
from tests.integration.world import ETHER, World


def test_a_fork_has_a_whole_bridge_of_its_own(new_world) -> None:
    origin: World = new_world("origin")
    origin.deposit_eth(origin.alice, ETHER)
    held = origin.l1.balance(origin.portal)
    nonces = [origin.l1.next_nonce(user.address) for user in (origin.alice, origin.bob)]

    fork: World = new_world("fork", fork_url=origin.network.l1_rpc, portal=origin.portal)
    assert fork.portal == origin.portal
    assert fork.l1.balance(fork.portal) == held + 100_000 * ETHER  # backs the new L2's accounts
    assert fork.l2.block().number > 1_000_000

    bob = fork.bob
    l1_before, l2_before = fork.l1.balance(bob.address), fork.l2.balance(bob.address)
    fork.deposit_eth(bob, 3 * ETHER)
    assert fork.l2.balance(bob.address) == l2_before + 3 * ETHER
    withdrawal = fork.start_eth(bob, 2 * ETHER)
    assert fork.carry_out(bob).status is Status.FINALIZED
    assert fork.finalizations(withdrawal) == [True]
    assert fork.l1.balance(bob.address) == l1_before - ETHER - fork.fees_since_fork(bob)

    assert origin.l1.balance(origin.portal) == held
    assert origin.games.count() == 0
    assert [origin.l1.next_nonce(user.address) for user in (origin.alice, origin.bob)] == nonces


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (lambda origin: "", "A fork needs the portal of its L2's bridge: give it with --portal."),
        (
            lambda origin: origin.rollup.messenger,
            r"0x\w{40} on chain 900 is a contract of version .*, and no portal",
        ),
        (
            lambda origin: origin.alice.address,
            r"0x\w{40} on chain 900 is not even a contract, and no portal",
        ),
        (lambda origin: "0x1234", r"--portal '0x1234' is not an address"),
    ],
    ids=["nothing", "another contract", "an account", "no address"],
)
def test_a_fork_without_its_portal_is_refused(shared_world, new_world, given, sentence) -> None:
    origin = shared_world
    with pytest.raises(DevnetError, match=sentence):
        new_world(fork_url=origin.network.l1_rpc, portal=given(origin))


def test_an_upstream_that_is_not_there_is_refused(new_world, free_port) -> None:
    with pytest.raises(DevnetError, match=r"forked L1 RPC at .* doesn't answer"):
        new_world(fork_url=f"http://127.0.0.1:{free_port}", portal="0x" + "11" * 20)
