import pytest

from clearway.devnet.accounts import Role, role
from clearway.devnet.errors import DevnetError
from clearway.devnet.l1 import fund_accounts
from clearway.devnet.outbox import BLOCK_GAS, Outbox
from clearway.devnet.rpc import RpcFailure
from clearway.opstack.abi import Function

PING = Function("ping()")


def creation_of(runtime: bytes) -> bytes:
    """Code that deploys `runtime`: copy what follows these 11 bytes, return it."""
    return bytes.fromhex(f"60{len(runtime):02x}80600b6000396000f3") + runtime


STOPS = creation_of(bytes.fromhex("00"))
REVERTS = creation_of(bytes.fromhex("60006000fd"))


@pytest.fixture
def outbox(new_l1):
    fund_accounts(new_l1.rpc)
    return Outbox(new_l1.rpc, role(Role.DEPLOYER))


def test_a_contract_has_the_address_it_was_promised(outbox, new_l1):
    addresses = [outbox.create("it", STOPS) for _ in range(3)]
    outbox.call(addresses[2], PING)
    receipts = outbox.send()
    assert [r["contractAddress"] for r in receipts] == [*(a.lower() for a in addresses), None]
    assert new_l1.rpc("eth_getCode", addresses[1], "latest") == "0x00"


def test_more_than_a_block_holds_arrives_in_order(outbox):
    # Without parts, anvil forgets what comes after the first transaction that doesn't fit.
    filler = creation_of(bytes.fromhex("00")) + bytes(23_000)
    addresses = [outbox.create("filler", filler) for _ in range(8)]
    assert 8 * 250 * len(filler) > BLOCK_GAS
    receipts = outbox.send()
    assert [r["contractAddress"] for r in receipts] == [a.lower() for a in addresses]


def test_it_can_be_used_again_after_sending(outbox):
    target = outbox.create("it", STOPS)
    outbox.send()
    outbox.call(target, PING, value=0)
    assert len(outbox.send()) == 1


def test_a_revert_is_named(outbox):
    target = outbox.create("it", REVERTS)
    outbox.call(target, PING)
    with pytest.raises(DevnetError, match=f"ping of {target} reverted"):
        outbox.send()


def test_a_refusal_is_the_nodes(new_l1):
    poor = Outbox(new_l1.rpc, role(Role.DEPLOYER))  # nobody gave it ETH
    poor.create("it", STOPS)
    with pytest.raises(RpcFailure, match="Insufficient funds"):
        poor.send()
