"""Both gateways in one EVM: on L2 with the chain's own messenger, bridge and token, on L1 with a
stand-in that keeps what is sent, so that a test decides what arrives when and with how much gas.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import boa
from eth_abi import encode as abi_encode

from clearway.devnet.artifacts import NODE_MODULES, PACKAGE, init_code
from clearway.devnet.l1 import Addresses
from clearway.devnet.l2 import genesis
from clearway.opstack.addresses import L2_BRIDGE, L2_MESSENGER, alias
from clearway.spec.state import account_of
from tests.vault import world as vault_world
from tests.vault.world import ETH, LISTED, PRICES, UNIT, VaultWorld

PLENTY = 5_000_000  # gas: more than any message needs
NO_ORDER = (0, 0, 0, 0, False, 0, 0)
EVER = 2**32  # a deadline
VERSION_ONE = 1 << 240  # of a message, in its nonce
OTHERS = 1 << 200  # where the nonces begin of messages that a test makes up

# What L1 has of the chain's bridge, seen from a gateway: it takes tokens and keeps what is sent.
L1_BRIDGE = """
from ethereum.ercs import IERC20

struct Message:
    sender: address
    target: address
    value: uint256
    min_gas: uint32
    data: Bytes[1024]

sent: public(DynArray[Message, 4096])

@external
@view
def MESSENGER() -> address:
    return self

@external
@view
def count() -> uint256:
    return len(self.sent)

@external
@payable
def sendMessage(target: address, message: Bytes[1024], min_gas: uint32):
    self._send(msg.sender, target, msg.value, min_gas, message)

@external
def bridgeERC20To(
    token: address, remote: address, to: address, amount: uint256, min_gas: uint32, extra: Bytes[32]
):
    extcall IERC20(token).transferFrom(msg.sender, self, amount)
    data: Bytes[1024] = abi_encode(
        remote, token, msg.sender, to, amount, extra,
        method_id=method_id("finalizeBridgeERC20(address,address,address,address,uint256,bytes)"),
    )
    self._send(self, 0x4200000000000000000000000000000000000010, 0, min_gas, data)

@external
def pay(token: address, to: address, amount: uint256):
    extcall IERC20(token).transfer(to, amount)

@internal
def _send(sender: address, target: address, amount: uint256, min_gas: uint32, data: Bytes[1024]):
    self.sent.append(
        Message(sender=sender, target=target, value=amount, min_gas=min_gas, data=data)
    )
"""

# A contract that does what it is told, already while it is being created if that is wanted.
WALLET = """
@deploy
def __init__(targets: DynArray[address, 2], calls: DynArray[Bytes[1024], 2]):
    for i: uint256 in range(len(targets), bound=2):
        raw_call(targets[i], calls[i])

@external
@payable
def execute(target: address, data: Bytes[1024]) -> Bytes[32]:
    return raw_call(target, data, value=msg.value, max_outsize=32)
"""


@cache
def abi_of(name: str) -> Any:
    """Return what makes a contract of the chain's own callable."""
    path = NODE_MODULES / PACKAGE / "forge-artifacts" / f"{name}.sol" / f"{name}.json"
    return boa.loads_abi(json.dumps(json.loads(path.read_bytes())["abi"]), name=name)


class BridgedToken:
    """The token that stands for the collateral on L2; its bridge mints whatever a test asks for."""

    def __init__(self, l1_token: str, decimals: int, bridge: str = L2_BRIDGE) -> None:
        arguments = (bridge, l1_token, "Bridged", "B", decimals)
        types = ["address", "address", "string", "string", "uint8"]
        code = init_code("OptimismMintableERC20") + abi_encode(types, arguments)
        self.address, _ = boa.env.deploy_code(bytecode=code)
        self.contract = abi_of("OptimismMintableERC20").at(self.address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.contract, name)

    def mint(self, to: Any, amount: int) -> None:
        self.contract.mint(to, amount, sender=L2_BRIDGE)


@dataclass
class Gateways:
    """What is deployed on both sides of the bridge."""

    l1_token: Any
    bridge: Any  # on L1; it is the messenger there, too
    l1: Any
    l2: Any
    messenger: Any  # on L2
    market: vault_world.Contracts

    @property
    def token(self) -> Any:
        return self.market.token


def deploy(decimals: int = 6) -> Gateways:
    bridge = boa.loads(L1_BRIDGE)
    _found_l2(bridge.address)
    l1_token = boa.load("contracts/mocks/TestToken.vy", decimals)
    market = vault_world.deploy(decimals, BridgedToken(l1_token.address, decimals))
    l1_place, l2_place = boa.env.generate_address("L1Gateway"), market.market.GATEWAY()
    box = boa.load("contracts/l1/ExitBox.vy", l1_place)
    l1 = boa.load(
        "contracts/l1/L1Gateway.vy",
        l1_token,
        market.token.address,
        bridge,
        l2_place,
        box,
        override_address=l1_place,
    )
    l2 = boa.load(
        "contracts/l2/L2Gateway.vy", market.market, l1_token, l1, box, override_address=l2_place
    )
    messenger = abi_of("L2CrossDomainMessenger").at(L2_MESSENGER)
    abi_of("L2StandardBridge").at(L2_BRIDGE)  # so that its events are read
    return Gateways(l1_token, bridge, l1, l2, messenger, market)


def _found_l2(bridge: str) -> None:
    """Give the EVM the predeploys of an L2 whose bridge and messenger on L1 are `bridge`."""
    addresses = Addresses(**dict.fromkeys(Addresses.__dataclass_fields__, bridge))
    for address, account in genesis(addresses, 900, 901, 0)["alloc"].items():
        if code := account.get("code"):
            boa.env.set_code(address, bytes.fromhex(code[2:]))
        for slot, word in account.get("storage", {}).items():
            boa.env.set_storage(address, int(slot, 16), int(word, 16))


@dataclass(frozen=True)
class Message:
    """A message on its way to L2."""

    nonce: int
    sender: str
    target: str
    value: int
    min_gas: int
    data: bytes

    @property
    def arguments(self) -> tuple[Any, ...]:
        return (
            VERSION_ONE | self.nonce,
            self.sender,
            self.target,
            self.value,
            self.min_gas,
            self.data,
        )


class World(VaultWorld):
    """A market, its vault and its gateways. What is done through these has no model."""

    def __init__(self, gateways: Gateways) -> None:
        super().__init__(gateways.market, dict.fromkeys(LISTED, ETH))
        for number, price in PRICES.items():
            self.set_round(number, price)
        self.report(dict(PRICES))
        self.gateways = gateways
        self.l1, self.l2 = gateways.l1, gateways.l2
        self.token, self.l1_token = gateways.token, gateways.l1_token
        self.logs: list[Any] = []
        self.others = 0
        self._sent: list[Message] = []

    # On L1

    def person(self, name: str = "", dollars: int = 0) -> str:
        """Return a new account with a key that has tokens on L1, and lets the gateway take them."""
        address = boa.env.generate_address(name or None)
        self.endow(address, dollars)
        return str(address)

    def endow(self, address: str, dollars: int) -> None:
        self.l1_token.mint(address, dollars * UNIT)
        self.l1_token.approve(self.l1, dollars * UNIT, sender=address)

    def wallet(self, dollars: int = 0) -> Any:
        """Return a contract that has tokens on L1."""
        wallet = boa.loads(WALLET, [], [])
        self.endow(wallet.address, dollars)
        return wallet

    def sent(self) -> list[Message]:
        """Return all messages that went to L2, in their order."""
        count = len(self._sent)
        while count < self.gateways.bridge.count():
            self._sent.append(Message(count, *self.gateways.bridge.sent(count)))
            count += 1
        return list(self._sent)

    def send(
        self, owner: str, dollars: int, number: int = 0, order: Any = NO_ORDER
    ) -> list[Message]:
        """Deposit from L1 what the owner has there; the messages of it."""
        return self._sending(lambda: self.l1.deposit(number, dollars * UNIT, order, sender=owner))

    def send_to_vault(self, owner: str, dollars: int, least_shares: int = 0) -> list[Message]:
        return self._sending(
            lambda: self.l1.deposit_to_vault(dollars * UNIT, least_shares, sender=owner)
        )

    def _sending(self, act: Callable[[], Any]) -> list[Message]:
        before = len(self.sent())
        act()
        return self.sent()[before:]

    # The way to L2

    def message(self, sender: str, target: str, data: bytes, min_gas: int = 1_000_000) -> Message:
        """Make a message of somebody's that no bridge of ours has kept."""
        self.others += 1
        return Message(OTHERS | self.others, sender, target, 0, min_gas, data)

    def arrive(self, message: Message, gas: int = PLENTY) -> bool:
        """Bring a message to L2 for the first time; whether it succeeded."""
        sender = alias(self.gateways.bridge.address)
        boa.env.set_balance(sender, message.value)
        return self._relay(message, sender, gas, message.value)

    def arrive_all(self, messages: Iterable[Message]) -> list[bool]:
        """Bring messages in their order, each whatever became of the last."""
        return [self.arrive(message) for message in messages]

    def replay(self, message: Message, gas: int = PLENTY) -> bool:
        """Bring a message that failed again, as anybody may."""
        return self._relay(message, boa.env.generate_address(), gas, 0)

    def _relay(self, message: Message, sender: str, gas: int, value: int) -> bool:
        messenger = self.gateways.messenger
        messenger.relayMessage(*message.arguments, sender=sender, gas=gas, value=value)
        self.logs = messenger.get_logs(strict=False)
        return type(self.logs[-1]).__name__ == "RelayedMessage"

    def told(self, name: str) -> list[Any]:
        """Return the events of a name that the last message led to."""
        return [log for log in self.logs if type(log).__name__ == name]

    # On L2

    def shown(self, owner: str, number: int = 0) -> tuple[int, int]:
        """Return an account's margin and escrow on chain; quote wad."""
        shown = self.contracts.lens.balance_of(account_of(int(owner, 16), number))
        return shown.margin, shown.escrow

    def deposit_margin(self, owner: str, dollars: int) -> None:
        """Give an account margin by a deposit on L2."""
        self.fund(owner, dollars * UNIT)
        self.contracts.market.deposit(self.account(owner), dollars * UNIT, sender=owner)

    def trader(self, name: str, dollars: int) -> str:
        """Return a new account with margin."""
        owner = self.person(name)
        self.deposit_margin(owner, dollars)
        return owner

    # Back to L1

    def withdraw_exit(self, owner: str, dollars: int, claimant: str) -> int:
        """Send margin to L1; the exit's number."""
        account = self.account(owner)
        return int(self.l2.withdraw(account, dollars * UNIT, claimant, sender=owner))

    def burned_for(self, box: str) -> int:
        """Return the token units that the last exit brings to `box`, and nowhere else."""
        (started,) = [
            log
            for log in self.l2.get_logs(strict=False)
            if type(log).__name__ == "ERC20BridgeInitiated"
        ]
        pair = (self.token.address, self.l1_token.address)
        assert (started.localToken, started.remoteToken, started.to) == (*pair, box)
        return int(started.amount)

    def land(self, claimant: str, number: int, dollars: int) -> None:
        """Have an exit's tokens come out of the bridge on L1."""
        self.l1_token.mint(self.l1.box_of(claimant, number), dollars * UNIT)
