"""Who may do what; the list of functions is the compiled contract's own."""

import re

import boa
import pytest

from clearway.reports import Domain
from tests.feed.world import NO_LISTING, NOW, ZERO, World, aggregator, listing, prices

PERMISSIONLESS = {"submit", "convict", "compare"}
OWNERS = {"set_publishers", "list_market", "set_par_market", "set_guardian", "transfer_ownership"}
GUARDIANS = {"drop_publisher"}
PENDING_OWNERS = {"accept_ownership"}


def changing(feed) -> set[str]:
    return {
        entry["name"]
        for entry in feed.abi
        if entry["type"] == "function" and entry["stateMutability"] not in {"view", "pure"}
    }


def arguments(world: World, function: str) -> tuple:
    """Return arguments with which whoever may, succeeds."""
    addresses = [one.address for one in world.keys]
    if function == "convict":
        reports = prices(NOW, {0: 100}), prices(NOW, {0: 101})
        signed = [(r.observed_at, list(r.boards)) for r in reports]
        first, second = (r.sign(world.domain, world.keys[0]) for r in reports)
        return signed[0], first, signed[1], second
    return {
        "submit": world.signed(prices(NOW, {0: 100})).as_arguments(),
        "set_publishers": (addresses[1:], 3),
        "drop_publisher": (addresses[0],),
        "list_market": (0, NO_LISTING),
        "set_par_market": (0,),
        "compare": (4,),
        "set_guardian": (ZERO,),
        "transfer_ownership": (boa.env.generate_address("heir"),),
        "accept_ownership": (),
    }[function]


def make_comparable(world: World, market: int) -> None:
    """Give a market two prices."""
    chainlink = aggregator()
    chainlink.set_round(1, 10**10, NOW)
    world.feed.list_market(market, listing(chainlink), sender=world.owner)
    world.submit(prices(NOW, {market: 100}))


def may(world: World, function: str, caller: str) -> bool:
    with boa.env.anchor():
        try:
            getattr(world.feed, function)(*arguments(world, function), sender=caller)
        except boa.BoaError:
            return False
        return True


class TestTheMatrix:
    def test_names_every_function_that_changes_anything(self, world):
        named = PERMISSIONLESS | OWNERS | GUARDIANS | PENDING_OWNERS
        assert changing(world.feed) == named

    def test_holds(self, world):
        feed = world.feed
        make_comparable(world, 4)
        heir, stranger = (boa.env.generate_address(alias) for alias in ("heir", "stranger"))
        feed.transfer_ownership(heir, sender=world.owner)
        callers = {
            stranger: PERMISSIONLESS,
            world.keys[0].address: PERMISSIONLESS,
            feed.address: PERMISSIONLESS,
            ZERO: PERMISSIONLESS,
            world.guardian: PERMISSIONLESS | GUARDIANS,
            world.owner: PERMISSIONLESS | GUARDIANS | OWNERS,
            heir: PERMISSIONLESS | PENDING_OWNERS,
        }
        for caller, allowed in callers.items():
            assert {f for f in changing(feed) if may(world, f, caller)} == allowed

    @pytest.mark.parametrize("function", sorted(OWNERS - {"transfer_ownership"}))
    def test_a_stranger_is_not_the_owner(self, world, function):
        for caller in (boa.env.generate_address("stranger"), world.guardian):
            with world.refused("not the owner"):
                getattr(world.feed, function)(*arguments(world, function), sender=caller)

    def test_a_stranger_is_not_the_guardian(self, world):
        with world.refused("not the guardian"):
            world.feed.drop_publisher(world.keys[0].address)

    def test_nothing_takes_ether(self, world):
        assert all(entry.get("stateMutability") != "payable" for entry in world.feed.abi)
        boa.env.set_balance(boa.env.eoa, 1)
        assert boa.env.execute_code(world.feed.address, value=1).is_error

    def test_trailing_bytes_change_nothing(self, world):
        """No function reads a caller out of its calldata."""
        data = world.feed.drop_publisher.prepare_calldata(world.keys[0].address)
        trailing = data + bytes.fromhex(str(world.owner)[2:])
        assert boa.env.execute_code(world.feed.address, data=trailing).is_error
        assert len(world.feed.publishers()) == 5


class TestOwnership:
    def test_passes_in_two_steps(self, world):
        heir = boa.env.generate_address("heir")
        world.feed.transfer_ownership(heir, sender=world.owner)
        assert (world.feed.owner(), world.feed.pending_owner()) == (world.owner, heir)
        world.feed.set_guardian(ZERO, sender=world.owner)
        world.feed.accept_ownership(sender=heir)
        assert (world.feed.owner(), world.feed.pending_owner()) == (heir, ZERO)
        with world.refused("not the owner"):
            world.feed.set_guardian(world.owner, sender=world.owner)

    def test_is_not_taken_by_whoever_was_not_asked(self, world):
        world.feed.transfer_ownership(boa.env.generate_address("heir"), sender=world.owner)
        with boa.reverts():
            world.feed.accept_ownership(sender=world.guardian)
        assert world.feed.owner() == world.owner

    def test_is_never_renounced(self, world):
        assert not any(re.search("renounce", entry.get("name", "")) for entry in world.feed.abi)
        world.feed.transfer_ownership(ZERO, sender=world.owner)
        assert world.feed.owner() == world.owner


class TestTheGuardian:
    def test_is_named_by_the_owner_and_told(self, world):
        other = boa.env.generate_address("other guardian")
        world.feed.set_guardian(other, sender=world.owner)
        assert [event.guardian for event in world.feed.get_logs()] == [other]
        assert world.feed.guardian() == other
        with world.refused("not the guardian"):
            world.feed.drop_publisher(world.keys[0].address, sender=world.guardian)

    def test_may_be_nobody(self, world):
        world.feed.set_guardian(ZERO, sender=world.owner)
        with world.refused("not the guardian"):
            world.feed.drop_publisher(world.keys[0].address, sender=world.guardian)
        world.feed.drop_publisher(world.keys[0].address, sender=world.owner)


def test_the_domain_is_the_one_that_publishers_sign_for(world):
    domain = world.feed.eip712Domain()
    assert Domain(domain[3], domain[4]) == world.domain
    assert (domain[1], domain[2]) == ("Clearway price feed", "1")
