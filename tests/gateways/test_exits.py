"""From L2 to a box on L1, and from there to its holder."""

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateways.world import L1_BRIDGE, BridgedToken
from tests.market.world import account_of
from tests.vault.world import COOLDOWN, FOUNDER, NOBODY, PRICES, UNIT

# boa takes a box for the contract that it is a proxy of.
pytestmark = pytest.mark.filterwarnings("ignore:casted bytecode")

WAD = 10**18

# A token whose issuer may keep somebody, or everybody, from having it.
BLACKLISTING = """
balanceOf: public(HashMap[address, uint256])
is_blacklisted: public(HashMap[address, bool])
says_no: bool

@external
def approve(spender: address, amount: uint256) -> bool:
    return True

@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount

@external
def say_no():
    self.says_no = True

@external
def blacklist(who: address):
    self.is_blacklisted[who] = True

@external
def transfer(to: address, amount: uint256) -> bool:
    if self.says_no:
        return False
    assert not self.is_blacklisted[msg.sender] and not self.is_blacklisted[to], "blacklisted"
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    return True
"""


@pytest.fixture
def trader(world):
    return world.trader("trader", 1_000)


@pytest.fixture
def claimant(world):
    return world.person("claimant")


class TestAnExitOfMargin:
    def test_burns_on_l2_what_goes_to_a_box_on_l1(self, world, trader, claimant):
        supply = world.token.totalSupply()
        assert world.withdraw_exit(trader, 400, claimant) == 0
        assert world.shown(trader) == (600 * WAD, 0)
        assert world.token.totalSupply() == supply - 400 * UNIT
        assert world.burned_for(world.l1.box_of(claimant, 0)) == 400 * UNIT
        assert world.token.balanceOf(world.l2) == 0

    def test_is_told(self, world, trader, claimant):
        world.withdraw_exit(trader, 400, claimant)
        (told,) = [
            log for log in world.l2.get_logs(strict=False) if type(log).__name__ == "ExitStarted"
        ]
        assert (told.owner, told.claimant, told.number) == (trader, claimant, 0)
        assert told.amount == 400 * UNIT

    def test_is_the_owners_alone(self, world, trader, claimant):
        account = account_of(int(trader, 16), 0)
        for stranger in (claimant, world.l1.address, world.contracts.market.address):
            with boa.reverts("not the owner"):
                world.l2.withdraw(account, UNIT, claimant, sender=stranger)

    def test_wants_a_claimant(self, world, trader):
        with boa.reverts("no claimant"):
            world.withdraw_exit(trader, 1, NOBODY)

    def test_beyond_what_is_free_is_refused_and_takes_no_number(self, world, trader, claimant):
        with boa.reverts("margin in use"):
            world.withdraw_exit(trader, 1_001, claimant)
        with boa.reverts("zero amount"):
            world.withdraw_exit(trader, 0, claimant)
        assert world.l2.exit_count(claimant) == 0

    def test_has_the_next_number_of_its_claimant_whoever_sends_it(self, world, trader, claimant):
        other = world.trader("other", 10)
        assert world.withdraw_exit(trader, 1, claimant) == 0
        assert world.withdraw_exit(other, 1, claimant) == 1
        assert world.withdraw_exit(trader, 1, trader) == 0
        assert world.withdraw_exit(trader, 1, claimant) == 2

    def test_needs_no_price_where_nothing_is_open(self, world, trader, claimant):
        world.wait(3_600)
        assert world.withdraw_exit(trader, 1_000, claimant) == 0

    def test_spends_no_tokens_of_those_who_wait(self, world, trader, claimant):
        provider = world.person(dollars=5)
        assert all(world.arrive_all(world.send_to_vault(provider, 5)))
        world.withdraw_exit(trader, 1_000, claimant)
        assert world.token.balanceOf(world.l2) == world.l2.waiting() == 5 * UNIT


class TestAnExitOfARedemption:
    @pytest.fixture
    def priced(self, world):
        """Have shares of the founder's priced; how many."""
        shares = world.shares(FOUNDER) // 10
        world.request(FOUNDER, shares)
        world.wait(COOLDOWN)
        for number, price in PRICES.items():
            world.set_round(number, price)
        world.report(dict(PRICES))
        world.process()
        return world.contracts.vault.maxRedeem(FOUNDER)

    def test_sends_what_was_set_aside(self, world, priced, claimant):
        amount = world.contracts.vault.maxWithdraw(FOUNDER)
        assert world.l2.redeem(priced, FOUNDER, claimant, sender=FOUNDER) == 0
        assert world.burned_for(world.l1.box_of(claimant, 0)) == amount > 0
        assert world.contracts.vault.maxRedeem(FOUNDER) == 0
        assert world.token.balanceOf(world.l2) == 0

    def test_is_the_controllers_and_his_operators_alone(self, world, priced, claimant):
        operator = boa.env.generate_address("operator")
        for stranger in (operator, claimant, world.contracts.vault.address):
            with boa.reverts("not the controller"):
                world.l2.redeem(priced, FOUNDER, claimant, sender=stranger)
        world.contracts.vault.setOperator(operator, True, sender=FOUNDER)
        assert world.l2.redeem(priced, FOUNDER, claimant, sender=operator) == 0

    def test_is_of_no_more_than_was_set_aside(self, world, priced, claimant):
        with boa.reverts("more than is claimable"):
            world.l2.redeem(priced + 1, FOUNDER, claimant, sender=FOUNDER)

    def test_of_less_than_a_unit_is_refused(self, world, priced, claimant):
        with boa.reverts("zero amount"):
            world.l2.redeem(1, FOUNDER, claimant, sender=FOUNDER)

    def test_wants_a_claimant(self, world, priced):
        with boa.reverts("no claimant"):
            world.l2.redeem(priced, FOUNDER, NOBODY, sender=FOUNDER)


class TestABox:
    @pytest.fixture
    def landed(self, world, trader, claimant):
        """Have an exit of 400 land."""
        world.withdraw_exit(trader, 400, claimant)
        world.land(claimant, 0, 400)
        return claimant, 0

    def test_pays_its_claimant_whoever_asks(self, world, landed, claimant):
        assert world.l1.claim(*landed, sender=boa.env.generate_address()) == 400 * UNIT
        assert world.l1_token.balanceOf(claimant) == 400 * UNIT

    def test_pays_once(self, world, landed, claimant):
        """X13."""
        world.l1.claim(*landed)
        for again in (world.l1.claim, lambda *exit: world.l1.claim_to(*exit, claimant)):
            with boa.reverts("nothing to claim"), boa.env.prank(claimant):
                again(*landed)

    def test_pays_what_lands_later(self, world, landed, claimant):
        world.l1.claim(*landed)
        world.land(*landed, 3)
        assert world.l1.claim(*landed) == 3 * UNIT
        assert world.l1_token.balanceOf(claimant) == 403 * UNIT

    def test_has_nothing_before_anything_landed(self, world, claimant):
        with boa.reverts("nothing to claim"):
            world.l1.claim(claimant, 0)

    def test_pays_whom_its_holder_named(self, world, landed, claimant):
        buyer = world.person("buyer")
        world.l1.transfer_exit(*landed, buyer, sender=claimant)
        assert world.l1.holder_of(*landed) == buyer
        world.l1.claim(*landed)
        assert world.l1_token.balanceOf(buyer) == 400 * UNIT
        assert world.l1_token.balanceOf(claimant) == 0

    def test_may_change_hands_before_it_lands_and_again(self, world, trader, claimant):
        first, second = world.person(), world.person()
        world.withdraw_exit(trader, 1, claimant)
        world.l1.transfer_exit(claimant, 0, first, sender=claimant)
        with boa.reverts("not the holder"):
            world.l1.transfer_exit(claimant, 0, claimant, sender=claimant)
        world.l1.transfer_exit(claimant, 0, second, sender=first)
        world.land(claimant, 0, 1)
        world.l1.claim(claimant, 0, sender=first)
        assert world.l1_token.balanceOf(second) == UNIT

    def test_is_renamed_alone(self, world, trader, claimant):
        buyer = world.person()
        for number in range(2):
            assert world.withdraw_exit(trader, 1, claimant) == number
            world.land(claimant, number, 1)
        world.l1.transfer_exit(claimant, 1, buyer, sender=claimant)
        assert world.l1.holder_of(claimant, 0) == claimant
        assert world.l1.holder_of(claimant, 1) == buyer

    def test_is_nobodys_but_its_holders(self, world, landed, claimant):
        thief = world.person("thief")
        with boa.reverts("not the holder"):
            world.l1.transfer_exit(*landed, thief, sender=thief)
        with boa.reverts("not the holder"):
            world.l1.claim_to(*landed, thief, sender=thief)
        with boa.reverts("nothing to claim"):
            world.l1.claim(thief, 0)  # his own box is another
        assert world.l1_token.balanceOf(thief) == 0

    def test_goes_to_no_zero_address(self, world, landed, claimant):
        with boa.reverts("zero address"):
            world.l1.transfer_exit(*landed, NOBODY, sender=claimant)
        with boa.reverts("zero address"):
            world.l1.claim_to(*landed, NOBODY, sender=claimant)

    def test_opens_for_its_gateway_alone(self, world, landed, claimant):
        world.l1.claim(*landed)
        world.land(*landed, 1)
        box = boa.load_partial("contracts/l1/ExitBox.vy")
        for one in (box.at(world.l1.box_of(*landed)), box.at(world.l1.BOX())):
            with boa.reverts("not the gateway"):
                one.pay(world.l1_token, claimant, sender=claimant)

    @given(name=st.integers(1, 2**160 - 1), number=st.integers(0, 2**256 - 1))
    def test_is_where_both_chains_say(self, gateways, name, number):
        """Where a proxy made with CREATE2 truly is."""
        claimant = f"0x{name:040x}"
        with boa.env.anchor():
            box = gateways.l1.box_of(claimant, number)
            assert gateways.l2.box_of(claimant, number) == box
            gateways.l1_token.mint(box, 1)
            assert gateways.l1.claim(claimant, number) == 1


def test_a_holder_whom_the_token_refuses_sends_it_elsewhere():
    """X16: and others' exits are untouched."""
    token, bridge = boa.loads(BLACKLISTING), boa.loads(L1_BRIDGE)
    place = boa.env.generate_address()
    box = boa.load("contracts/l1/ExitBox.vy", place)
    gateway = boa.load(
        "contracts/l1/L1Gateway.vy", token, token, bridge, token, box, override_address=place
    )
    holder, other, elsewhere = (boa.env.generate_address() for _ in range(3))
    for claimant in (holder, other):
        token.mint(gateway.box_of(claimant, 0), 7)
    token.blacklist(holder)
    with boa.reverts("blacklisted"):
        gateway.claim(holder, 0)
    assert gateway.claim(other, 0) == 7
    assert gateway.claim_to(holder, 0, elsewhere, sender=holder) == 7
    assert token.balanceOf(elsewhere) == 7
    token.mint(gateway.box_of(other, 0), 1)
    token.say_no()
    with boa.reverts("token not sent"):
        gateway.claim(other, 0)


class TestTheConstructorOnL2:
    def test_wants_the_place_that_the_market_keeps_for_it(self, world):
        with boa.reverts("another contract's place"):
            self.deploy(world, boa.env.generate_address())

    @pytest.mark.parametrize("missing", range(3))
    def test_wants_every_address(self, world, missing):
        with boa.reverts("zero address"):
            self.deploy(world, world.l2.address, missing=missing)

    def test_wants_the_pair_of_the_token_on_l1(self, world):
        """X15."""
        other = boa.load("contracts/mocks/TestToken.vy", 6)
        with boa.reverts("not the L1 token's pair"):
            self.deploy(world, world.l2.address, l1_token=other.address)

    def test_wants_a_token_that_its_bridge_mints(self, world):
        foreign = BridgedToken(world.l1_token.address, 6, bridge=boa.env.generate_address())
        boa.env.set_code(world.token.address, boa.env.get_code(foreign.address))
        with boa.reverts("not the bridge's token"):
            self.deploy(world, world.l2.address)

    def test_refuses_a_token_that_its_issuer_mints_on_l2(self, world):
        """Circle's own USDC names no token on L1."""
        native = boa.load("contracts/mocks/TestToken.vy", 6)
        boa.env.set_code(world.token.address, boa.env.get_code(native.address))
        with boa.reverts("not the L1 token's pair"):
            self.deploy(world, world.l2.address)

    def deploy(self, world, place, l1_token=None, missing=None):
        given = [l1_token or world.l1_token.address, world.l1.address, world.l1.BOX()]
        if missing is not None:
            given[missing] = NOBODY
        boa.load(
            "contracts/l2/L2Gateway.vy", world.contracts.market, *given, override_address=place
        )
