"""The door to tokens that aren't as they should be: refused whole, or as good as any other."""

import boa
import pytest

from tests.market.world import ETH, World, deploy

MILLION = 10**6 * 10**6
LIES, TAKES, CALLS = 1, 2, 3

# A token of six decimals that can go wrong.
TOKEN = """
balanceOf: public(HashMap[address, uint256])
decimals: public(constant(uint8)) = 6
manner: public(uint256)
target: address  # whom a transfer tells, and what it calls there
question: Bytes[1000]
reached: public(bool)
reason: public(Bytes[100])

@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount

@external
def approve(spender: address, amount: uint256):
    pass

@external
def set_manner(manner: uint256):
    self.manner = manner

@external
def set_hook(target: address, question: Bytes[1000]):
    self.manner = CALLS
    self.target = target
    self.question = question

@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    if self.manner == LIES:
        return False
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - (1 if self.manner == TAKES else 0)
    if self.manner == CALLS:
        self.reached, self.reason = raw_call(
            self.target, self.question, max_outsize=100, revert_on_failure=False
        )
    return True
"""
FUNCTIONS = """
@external
def transfer(to: address, amount: uint256)RETURNS:
    TRANSFER

@external
def transferFrom(owner: address, to: address, amount: uint256)RETURNS:
    TRANSFER_FROM
"""


def token_of(answers: bool):
    """Return a token whose transfers answer, or return nothing at all."""
    moves = {
        "TRANSFER_FROM": "self._move(owner, to, amount)",
        "TRANSFER": "self._move(msg.sender, to, amount)",
    }
    functions = FUNCTIONS.replace("RETURNS", " -> bool" if answers else "")
    for name, move in moves.items():
        functions = functions.replace(name, f"return {move}" if answers else f"assert {move}")
    constants = {"LIES": LIES, "TAKES": TAKES, "CALLS": CALLS}
    lines = [f"{name}: constant(uint256) = {value}" for name, value in constants.items()]
    return boa.loads("\n".join([*lines, TOKEN, functions]))


@pytest.fixture(params=[True, False], ids=["answers", "is silent"], scope="module")
def contracts(request):
    return deploy(token=token_of(request.param))


@pytest.fixture
def world(contracts):
    with boa.env.anchor():
        world = World(contracts, {0: ETH})
        world.provide(10 * MILLION)
        yield world


@pytest.fixture
def owner(world):
    owner = boa.env.generate_address("owner")
    world.deposit(owner, MILLION)
    return owner


def test_whether_it_answers_or_not_margin_comes_in_and_goes_out(world, owner):
    assert world.withdraw(owner, MILLION // 4) is None
    world.put_aside(MILLION)
    world.pay_out(MILLION)
    world.assert_equal()
    assert world.contracts.token.balanceOf(owner) == MILLION // 4


@pytest.mark.parametrize("manner", [LIES, TAKES])
def test_what_does_not_come_whole_is_not_taken(world, owner, manner):
    market, token = world.contracts.market, world.contracts.token
    token.mint(owner, MILLION)
    token.set_manner(manner)
    with pytest.raises(boa.BoaError):
        market.deposit(world.account(owner), MILLION, sender=owner)
    assert token.balanceOf(owner) == MILLION
    world.assert_equal()


def test_what_does_not_go_out_is_not_taken_from_the_margin(world, owner):
    market = world.contracts.market
    world.put_aside(MILLION)
    world.contracts.token.set_manner(LIES)
    account = world.account(owner)
    for act in (
        lambda: market.withdraw(account, MILLION, owner, sender=owner),
        lambda: market.pay_out(MILLION, owner),
    ):
        held = market.held()
        with pytest.raises(boa.BoaError):
            act()
        assert market.held() == held
        world.assert_equal()


@pytest.mark.parametrize("is_on_the_way_in", [True, False])
@pytest.mark.parametrize(
    "name",
    ["deposit", "withdraw", "provide", "mark", "liquidate", "settle", "pay_claims", "account_word"],
)
def test_nothing_of_the_market_answers_while_it_moves(world, owner, name, is_on_the_way_in):
    market, token = world.contracts.market, world.contracts.token
    account = world.account(owner)
    arguments = {
        "deposit": (account, 1),
        "withdraw": (account, 1, owner),
        "provide": (1,),
        "mark": (account,),
        "liquidate": (account, owner),
        "settle": (account, 0),
        "pay_claims": (1,),
        "account_word": (account,),
    }
    token.set_hook(market.address, getattr(market, name).prepare_calldata(*arguments[name]))
    if is_on_the_way_in:
        world.deposit(owner, MILLION)
    else:
        assert world.withdraw(owner, MILLION) is None
    assert not token.reached()
    assert token.reason() == b""  # the lock gives no reason
    world.assert_equal()
