"""Who on L2 somebody on L1 is."""

import boa
import pytest
from eth_abi import decode

from clearway.opstack.addresses import alias
from tests.gateways.world import EVER, NO_ORDER, WALLET

ORDER = (0, 0, 10**17, 4_000 * 10**18, False, 0, EVER)  # one needs no token to send it alone
KINDS = {"deposit": 0, "deposit_to_vault": 1}


def owner_named_in(message) -> str:
    """Return whom a credit is for."""
    return "0x" + message.data[4:][32:64][-20:].hex()


def assert_is(world, message, owner: str) -> None:
    assert message.target == world.l2.address
    assert owner_named_in(message) == owner.lower()


def sends(world, sender: str):
    """Return the one message of an order that `sender` sends alone."""
    (message,) = world.send(sender, 0, order=ORDER)
    return message


class TestSomebodyWhoDeposits:
    def test_with_a_key_is_himself(self, world):
        person = world.person()
        assert_is(world, sends(world, person), person)

    def test_as_a_contract_is_its_alias(self, world):
        wallet = world.wallet()
        assert_is(world, sends(world, wallet.address), alias(wallet.address))

    def test_through_a_contract_is_that_contracts_alias(self, world):
        wallet = world.wallet()
        call = world.l1.deposit.prepare_calldata(0, 0, ORDER)
        wallet.execute(world.l1, call, sender=world.person())
        assert_is(world, world.sent()[-1], alias(wallet.address))

    def test_while_being_created_is_the_alias_that_acts_later(self, world):
        call = world.l1.deposit.prepare_calldata(0, 0, ORDER)
        wallet = boa.loads(WALLET, [world.l1.address], [call])
        assert_is(world, world.sent()[-1], alias(wallet.address))

    def test_whose_account_delegates_to_code_is_himself(self, world):
        person = world.person()
        boa.env.set_code(person, bytes.fromhex("ef0100") + b"\x11" * 20)
        assert_is(world, sends(world, person), person)

    @pytest.mark.parametrize(
        "code",
        [
            bytes.fromhex("ef0100") + b"\x11" * 19,
            bytes.fromhex("ef0100") + b"\x11" * 21,
            bytes.fromhex("ef0101") + b"\x11" * 20,
            b"\x11" * 23,
            b"\x00",
        ],
        ids=["shorter", "longer", "of another version", "as long as one", "of one byte"],
    )
    def test_with_code_that_only_looks_like_a_delegation_is_an_alias(self, world, code):
        person = world.person()
        boa.env.set_code(person, code)
        assert_is(world, sends(world, person), alias(person))

    def test_has_an_alias_beyond_the_last_address_too(self, world):
        last = "0x" + "ff" * 20
        boa.env.set_code(last, b"\x00")
        assert_is(world, sends(world, last), alias(last))
        assert int(alias(last), 16) < 2**157

    def test_for_the_vault_is_the_same(self, world):
        person, wallet = world.person(dollars=1), world.wallet(dollars=1)
        for sender, owner in ((person, person), (wallet.address, alias(wallet.address))):
            assert_is(world, world.send_to_vault(sender, 1)[-1], owner)


def test_nobody_names_another(world):
    """What is deposited has no address among its arguments, so there is nothing to forge."""
    inputs = {
        entry["name"]: {part["type"] for part in entry["inputs"]}
        for entry in world.l1.abi
        if entry.get("stateMutability") == "payable"
    }
    assert inputs.keys() == KINDS.keys()
    assert not any("address" in types for types in inputs.values())


@pytest.mark.parametrize("number", [2**88, 2**255, 2**256 - 1])
def test_a_number_never_reaches_into_the_owners_bits(world, number):
    person = world.person(dollars=2)
    with boa.reverts("no such account"):
        world.l1.deposit(number, 10**6, NO_ORDER, sender=person)
    assert all(world.arrive_all(world.send_to_vault(person, 2)))
    with boa.reverts("no such account"):
        world.l2.to_margin(0, number, sender=person)


def test_the_largest_number_is_its_owners(world):
    person = world.person(dollars=2)
    assert all(world.arrive_all(world.send(person, 2, number=2**88 - 1)))
    assert world.shown(person, 2**88 - 1) == (2 * 10**18, 0)


def test_the_message_says_what_was_asked_for(world):
    person = world.person(dollars=7)
    _, credit = world.send(person, 7, number=5, order=ORDER)
    types = "(uint256,uint256,int256,uint256,bool,uint256,uint256)"
    decoded = decode(["uint256", "address", "uint256", "uint256", types], credit.data[4:])
    assert decoded == (0, person.lower(), 5, 7 * 10**6, ORDER)
