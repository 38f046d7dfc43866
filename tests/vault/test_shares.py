"""The share token, what the vault says it is, and that nobody enters it twice at once."""

from functools import reduce

import boa
import pytest
from eth_account import Account
from eth_utils import keccak

from tests.market.world import WAD
from tests.vault.world import CAP, COOLDOWN, OUTFLOW, UNIT, deploy, world_of

ERC7575 = [
    "asset()",
    "convertToAssets(uint256)",
    "convertToShares(uint256)",
    "deposit(uint256,address)",
    "maxDeposit(address)",
    "maxMint(address)",
    "maxRedeem(address)",
    "maxWithdraw(address)",
    "mint(uint256,address)",
    "previewDeposit(uint256)",
    "previewMint(uint256)",
    "previewRedeem(uint256)",
    "previewWithdraw(uint256)",
    "redeem(uint256,address,address)",
    "share()",
    "totalAssets()",
    "withdraw(uint256,address,address)",
]
OPERATORS = ["isOperator(address,address)", "setOperator(address,bool)"]
REDEMPTION = [
    "requestRedeem(uint256,address,address)",
    "pendingRedeemRequest(uint256,address)",
    "claimableRedeemRequest(uint256,address)",
]

# What a caller in mid-transaction may have: constants, permits, and roles, which move no shares.
UNLOCKED = {
    "DOMAIN_SEPARATOR",
    "FEED",
    "MARKET",
    "accept_ownership",
    "decimals",
    "guardian",
    "name",
    "nonces",
    "owner",
    "pending_owner",
    "permit",
    "set_guardian",
    "symbol",
    "transfer_ownership",
}

# A token that lets its sender be called while it moves; what happens then is kept.
HOOKED = """
decimals: public(uint8)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
_target: address
_call: Bytes[356]
_caller: address
answered: public(bool)  # by anything but the lock, which says nothing
called: public(uint256)
fee: public(uint256)

@deploy
def __init__():
    self.decimals = 6

@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount

@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True

@external
def arm(target: address, call: Bytes[356]):
    self._target = target
    self._call = call

@external
def take(fee: uint256):
    self.fee = fee

@internal
def _hook():
    if self._target != empty(address):
        self.called += 1
        success: bool = False
        answer: Bytes[100] = b""
        success, answer = raw_call(
            self._target, self._call, max_outsize=100, revert_on_failure=False
        )
        self.answered = success or len(answer) > 0

@external
def transfer(to: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    self._hook()
    return True

@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - self.fee
    self._hook()
    return True
"""


def interface_id(functions):
    selectors = [int.from_bytes(keccak(text=one)[:4], "big") for one in functions]
    return reduce(lambda a, b: a ^ b, selectors).to_bytes(4, "big")


@pytest.mark.parametrize(
    "functions", [["supportsInterface(bytes4)"], ERC7575, OPERATORS, REDEMPTION]
)
def test_says_which_standards_it_keeps(world, functions):
    assert world.contracts.vault.supportsInterface(interface_id(functions))


def test_and_no_others(world):
    assert not world.contracts.vault.supportsInterface(b"\xff" * 4)
    assert not world.contracts.vault.supportsInterface(bytes.fromhex("ce3bbe50"))  # async deposit


def test_has_every_function_of_the_standards(world):
    selectors = {
        f"{entry['name']}({','.join(one['type'] for one in entry['inputs'])})"
        for entry in world.contracts.vault.abi
        if entry["type"] == "function"
    }
    assert {*ERC7575, *OPERATORS, *REDEMPTION, "supportsInterface(bytes4)"} <= selectors
    names = {signature.split("(")[0] for signature in selectors}
    assert not names & {"burn", "burn_from", "set_minter", "renounce_ownership", "is_minter"}


def test_is_its_own_share_and_names_its_asset(world):
    vault = world.contracts.vault
    assert vault.share() == vault.address
    assert vault.asset() == world.contracts.token.address
    assert vault.decimals() == 18


def test_it_is_refused_where_the_market_does_not_await_it(world):
    contracts = world.contracts
    with boa.reverts("another contract's place"):
        boa.load(
            "contracts/l2/Vault.vy",
            contracts.market.address,
            contracts.feed.address,
            boa.env.eoa,
            *(COOLDOWN, OUTFLOW, CAP),
        )


def test_previews_of_leaving_are_refused(world):
    for preview in (
        world.contracts.vault.previewRedeem,
        world.contracts.vault.previewWithdraw,
    ):
        with boa.reverts("priced when processed"):
            preview(1)


def test_a_permit_is_its_owners(world):
    key = Account.from_key(keccak(text="holder"))
    vault, spender = world.contracts.vault, boa.env.generate_address("spender")
    types = {
        "Permit": [
            {"name": "owner", "type": "address"},
            {"name": "spender", "type": "address"},
            {"name": "value", "type": "uint256"},
            {"name": "nonce", "type": "uint256"},
            {"name": "deadline", "type": "uint256"},
        ]
    }
    domain = {
        "name": "Clearway Vault",
        "version": "1",
        "chainId": boa.env.evm.patch.chain_id,
        "verifyingContract": vault.address,
    }
    message = {
        "owner": key.address,
        "spender": spender,
        "value": WAD,
        "nonce": 0,
        "deadline": world.now,
    }
    signed = key.sign_typed_data(domain, types, message)
    rest = (signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
    with boa.reverts("erc20: invalid signature"):
        vault.permit(key.address, spender, 2 * WAD, world.now, *rest)
    vault.permit(key.address, spender, WAD, world.now, *rest)
    assert vault.allowance(key.address, spender) == WAD


@pytest.fixture(scope="module")
def hooked():
    with boa.env.anchor():
        token = boa.loads(HOOKED)
        yield deploy(token=token)


def calldata(entry):
    """Return a call of a function whose arguments are all zero: well formed, if not sensible."""
    types = [one["type"] for one in entry["inputs"]]
    signature = f"{entry['name']}({','.join(types)})"
    return keccak(text=signature)[:4] + bytes(32 * len(types))


def test_r1_r2_r3_while_tokens_move_every_function_is_locked(hooked):
    """In the token's callback, views show no state of half a deposit, and nobody acts."""
    vault, token = hooked.vault, hooked.token
    functions = [entry for entry in vault.abi if entry["type"] == "function"]
    who = boa.env.generate_address("provider")
    world = world_of(hooked)
    world.provide(10**6 * UNIT)
    reached = set()
    for entry in functions:
        with boa.env.anchor():
            world.fund_provider(who, UNIT)
            token.arm(vault.address, calldata(entry))
            vault.deposit(UNIT, who, sender=who)
            assert token.called() == 1
            if token.answered():
                reached.add(entry["name"])
    assert reached == UNLOCKED, reached ^ UNLOCKED
    assert len(functions) > 40


def test_r5_a_token_that_takes_a_fee_is_refused(hooked):
    with boa.env.anchor():
        who = boa.env.generate_address("provider")
        world = world_of(hooked)
        world.fund_provider(who, UNIT)
        hooked.token.take(1)
        with boa.reverts("token took a fee"):
            hooked.vault.deposit(UNIT, who, sender=who)


def test_r5_tokens_sent_by_a_callback_are_not_taken_for_the_deposit(hooked):
    with boa.env.anchor():
        who = boa.env.generate_address("provider")
        world = world_of(hooked)
        world.fund_provider(who, UNIT)
        gift = keccak(text="mint(address,uint256)")[:4]
        gift += int(hooked.market.address, 16).to_bytes(32, "big") + (1).to_bytes(32, "big")
        hooked.token.arm(hooked.token.address, gift)
        with boa.reverts("token took a fee"):
            hooked.vault.deposit(UNIT, who, sender=who)
