"""What the gateway on L1 takes, and what it sends."""

import boa
import pytest

from clearway.opstack.addresses import L2_BRIDGE
from tests.gateways.world import L1_BRIDGE, NO_ORDER
from tests.vault.world import NOBODY, UNIT

# A token that keeps a hundredth of what is sent.
GREEDY = """
balanceOf: public(HashMap[address, uint256])

@external
def approve(spender: address, amount: uint256) -> bool:
    return True

@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount

@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - amount // 100
    return True
"""


class TestADeposit:
    def test_sends_the_tokens_before_what_is_said_of_them(self, world):
        person = world.person(dollars=10)
        tokens, credit = world.send(person, 10)
        assert (tokens.target, tokens.sender) == (L2_BRIDGE, world.gateways.bridge.address)
        assert (credit.target, credit.sender) == (world.l2.address, world.l1.address)
        assert world.l1_token.balanceOf(world.gateways.bridge) == 10 * UNIT

    def test_leaves_nothing_with_the_gateway(self, world):
        world.send(world.person(dollars=10), 10)
        boa.env.set_balance(person := world.person(dollars=3), 10**18)
        world.l1.deposit_to_vault(3 * UNIT, 0, sender=person, value=10**18)
        assert world.l1_token.balanceOf(world.l1) == 0
        assert boa.env.get_balance(world.l1.address) == 0

    def test_has_a_number_of_its_own(self, world):
        person = world.person(dollars=10)
        first = world.l1.deposit(0, UNIT, NO_ORDER, sender=person)
        assert world.l1.deposit_to_vault(UNIT, 0, sender=person) == first + 1
        assert world.l1.deposit(0, UNIT, NO_ORDER, sender=person) == first + 2

    def test_takes_eth_along_to_the_owner(self, world):
        person = world.person(dollars=10)
        boa.env.set_balance(person, 5)
        before = len(world.sent())
        world.l1.deposit(0, UNIT, NO_ORDER, sender=person, value=5)
        *_, eth = world.sent()[before:]
        assert (eth.target, eth.value, eth.data) == (person, 5, b"")
        balance = boa.env.get_balance(person)
        assert world.arrive(eth)
        assert boa.env.get_balance(person) == balance + 5

    def test_of_nothing_is_refused(self, world):
        person = world.person()
        boa.env.set_balance(person, 1)
        with boa.reverts("nothing to bring"):
            world.l1.deposit(0, 0, NO_ORDER, sender=person, value=1)
        with boa.reverts("nothing to bring"):
            world.l1.deposit_to_vault(0, 0, sender=person)

    def test_is_of_the_callers_own_tokens(self, world):
        world.person(dollars=10)
        with boa.reverts():
            world.l1.deposit(0, UNIT, NO_ORDER, sender=boa.env.generate_address())

    def test_is_told(self, world):
        person = world.person(dollars=10)
        id = world.l1.deposit(4, UNIT, NO_ORDER, sender=person)
        (told,) = [
            log for log in world.l1.get_logs(strict=False) if type(log).__name__ == "Deposited"
        ]
        assert (told.id, told.owner, told.number, told.amount) == (id, person, 4, UNIT)


def test_a_token_that_takes_a_fee_is_refused():
    bridge, token = boa.loads(L1_BRIDGE), boa.loads(GREEDY)
    place = boa.env.generate_address()
    box = boa.load("contracts/l1/ExitBox.vy", place)
    gateway = boa.load(
        "contracts/l1/L1Gateway.vy", token, token, bridge, token, box, override_address=place
    )
    token.mint(boa.env.eoa, 1_000)
    with boa.reverts("token took a fee"):
        gateway.deposit(0, 1_000, NO_ORDER)


class TestItsConstructor:
    @pytest.mark.parametrize("missing", range(4))
    def test_wants_every_address(self, world, missing):
        box = world.l1.BOX()
        given = [world.l1_token, world.token.address, world.gateways.bridge, world.l2]
        given[missing] = NOBODY
        with boa.reverts("zero address"):
            boa.load("contracts/l1/L1Gateway.vy", *given, box)

    def test_wants_a_box_of_its_own(self, world):
        given = [world.l1_token, world.token.address, world.gateways.bridge, world.l2]
        with boa.reverts("another gateway's box"):
            boa.load("contracts/l1/L1Gateway.vy", *given, world.l1.BOX())

    def test_of_a_box_wants_a_gateway(self):
        with boa.reverts("zero address"):
            boa.load("contracts/l1/ExitBox.vy", NOBODY)
