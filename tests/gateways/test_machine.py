"""Deposits of many, arriving in any order with any gas: each is credited once, to its owner."""

import random
from collections import Counter
from dataclasses import dataclass, field

import boa
import pytest

from clearway.opstack.addresses import L2_BRIDGE, alias
from tests.gateways.world import PLENTY, Message, World
from tests.vault.world import UNIT

WAD = 10**18
STEPS = 100
GAS = (60_000, 150_000, 300_000, PLENTY)  # from what the messenger refuses to more than enough


@dataclass
class Walk:
    """A world, and what must be true of it by the messages that have succeeded."""

    world: World
    chance: random.Random
    on_the_way: list[Message] = field(default_factory=list)
    failed: list[Message] = field(default_factory=list)
    meant: dict[int, tuple[str, int, bool]] = field(default_factory=dict)  # by nonce of a credit
    ids: dict[int, int] = field(default_factory=dict)  # deposits, by nonce of their credit
    margins: Counter[str] = field(default_factory=Counter)
    held: dict[int, tuple[str, int]] = field(default_factory=dict)  # what waits, by deposit
    shares: Counter[str] = field(default_factory=Counter)
    in_gateway: int = 0  # token units, as those below
    donated: int = 0
    entered: int = 0

    def __post_init__(self) -> None:
        self.senders = {
            **{person: person for person in (self.world.person() for _ in range(2))},
            **{one: alias(one) for one in (self.world.wallet().address for _ in range(2))},
        }

    def step(self) -> None:
        acts = [self.deposit, self.arrive, self.arrive, self.arrive, self.replay, self.replay]
        self.chance.choice([*acts, self.donate, self.enter, self.take_back])()
        self.assert_right()

    def deposit(self) -> None:
        sender = self.chance.choice(list(self.senders))
        dollars, is_for_vault = self.chance.randint(1, 100), self.chance.random() < 0.4
        self.world.endow(sender, dollars)
        id = self.world.l1.deposit_count()
        send = self.world.send_to_vault if is_for_vault else self.world.send
        messages = send(sender, dollars)
        credit = messages[-1].nonce
        self.meant[credit] = self.senders[sender], dollars * UNIT, is_for_vault
        self.ids[credit] = id
        self.on_the_way += messages

    def arrive(self) -> None:
        if self.on_the_way:
            # In L1's order they come; out of it asks for more.
            message = self.on_the_way.pop(self.chance.randrange(len(self.on_the_way)))
            self.note(message, self.world.arrive(message, self.chance.choice(GAS)))

    def replay(self) -> None:
        if self.failed:
            message = self.failed.pop(self.chance.randrange(len(self.failed)))
            self.note(message, self.world.replay(message, self.chance.choice(GAS)))

    def note(self, message: Message, succeeded: bool) -> None:
        if not succeeded:
            self.failed.append(message)
        elif message.target == L2_BRIDGE:
            self.in_gateway += int.from_bytes(message.data[4 + 4 * 32 : 4 + 5 * 32], "big")
        else:
            owner, amount, is_for_vault = self.meant[message.nonce]
            if is_for_vault:
                self.held[self.ids[message.nonce]] = owner, amount
            else:
                self.margins[owner] += amount
                self.in_gateway -= amount

    def donate(self) -> None:
        if self.chance.random() < 0.2:
            self.world.token.mint(self.world.l2, UNIT)
            self.in_gateway += UNIT
            self.donated += UNIT

    def enter(self) -> None:
        if self.held:
            id = self.chance.choice(list(self.held))
            owner, amount = self.held.pop(id)
            self.shares[owner] += self.world.l2.enter(id)
            self.entered += amount
            self.in_gateway -= amount

    def take_back(self) -> None:
        if self.held:
            id = self.chance.choice(list(self.held))
            owner, amount = self.held[id]
            stranger = self.chance.choice([one for one in self.senders.values() if one != owner])
            with boa.reverts("not the owner"):
                self.world.l2.to_margin(id, 0, sender=stranger)
            self.world.l2.to_margin(id, 0, sender=owner)
            del self.held[id]
            self.margins[owner] += amount
            self.in_gateway -= amount

    def assert_right(self) -> None:
        """G2, G3."""
        gateway = self.world.l2
        waiting = sum(amount for _, amount in self.held.values())
        assert self.world.token.balanceOf(gateway) == self.in_gateway >= gateway.waiting()
        assert gateway.waiting() == waiting
        for owner in self.senders.values():
            assert self.world.shown(owner) == (self.margins[owner] * WAD // UNIT, 0)
            assert self.world.contracts.vault.balanceOf(owner) == self.shares[owner]
        for id, (owner, amount) in self.held.items():
            assert tuple(gateway.waiting_of(id))[:2] == (owner, amount)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_arrives_when_each_deposit_is_credited_once(world: World, seed: int) -> None:
    walk = Walk(world, random.Random(seed))
    for _ in range(STEPS):
        walk.step()
    for message in walk.on_the_way:
        walk.note(message, world.arrive(message, PLENTY))
    for _ in range(2):  # a credit may have come before its tokens
        due, walk.failed = walk.failed, []
        for message in due:
            walk.note(message, world.replay(message, PLENTY))
    assert walk.failed == []
    walk.assert_right()
    waiting = sum(amount for _, amount in walk.held.values())
    assert walk.in_gateway == walk.donated + waiting
    brought = sum(amount for _, amount, _ in walk.meant.values())
    assert brought == sum(walk.margins.values()) + waiting + walk.entered
