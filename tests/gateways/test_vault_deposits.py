"""What waits for the vault, and what becomes of it."""

import boa
import pytest

from tests.gateways.world import NO_ORDER
from tests.market.world import somebody
from tests.vault.world import PRICES, UNIT

WAD = 10**18


@pytest.fixture
def provider(world):
    return world.person("provider", dollars=1_000)


def bring(world, provider, dollars=1_000, least_shares=0):
    """Have a deposit wait on L2; its id."""
    id = world.l1.deposit_count()
    assert all(world.arrive_all(world.send_to_vault(provider, dollars, least_shares)))
    return id


def open_position(world):
    """Have somebody trade, so that the vault's worth depends on prices."""
    trader = somebody(world, "trader")
    assert world.place(trader, 0, 0, WAD, 4_000 * WAD) is None
    world.wait(2)
    world.report(dict(PRICES))
    assert world.execute(boa.env.eoa, 0, [(trader, 0)])[1] is None


def let_prices_age(world):
    world.wait(11)


class TestADepositThatWaits:
    def test_is_held_for_its_owner(self, world, provider):
        id = bring(world, provider, least_shares=7)
        assert tuple(world.l2.waiting_of(id)) == (provider, 1_000 * UNIT, 7)
        assert world.l2.waiting() == world.token.balanceOf(world.l2) == 1_000 * UNIT
        (told,) = world.told("VaultDepositHeld")
        assert (told.id, told.owner, told.least_shares) == (id, provider, 7)

    def test_pays_for_nobody_elses_credit(self, world, provider):
        bring(world, provider)
        _, credit = world.send(world.person(dollars=1), 1)
        assert not world.arrive(credit)

    def test_waits_for_its_own_tokens(self, world, provider):
        tokens, credit = world.send_to_vault(provider, 1_000)
        assert not world.arrive(credit)
        assert world.arrive(tokens)
        assert world.replay(credit)
        assert world.l2.waiting() == 1_000 * UNIT

    def test_is_not_the_vaults_yet(self, world, provider):
        before = world.contracts.vault.totalAssets()
        bring(world, provider)
        assert world.contracts.vault.totalAssets() == before


class TestEntering:
    def test_makes_shares_of_the_owners_whoever_does_it(self, world, provider):
        id = bring(world, provider)
        expected = world.contracts.vault.previewDeposit(1_000 * UNIT)
        stranger = boa.env.generate_address()
        assert world.l2.enter(id, sender=stranger) == expected
        assert world.contracts.vault.balanceOf(provider) == expected > 0
        assert world.token.balanceOf(world.l2) == world.l2.waiting() == 0

    def test_happens_once(self, world, provider):
        bring(world, world.person(dollars=1_000))  # so that there are tokens
        id = bring(world, provider)
        world.l2.enter(id)
        with boa.reverts("nothing waits"):
            world.l2.enter(id)
        with boa.reverts("nothing waits"):
            world.l2.to_margin(id, 0, sender=provider)

    def test_wants_prices_which_anyone_brings(self, world, provider):
        id = bring(world, provider)
        open_position(world)
        let_prices_age(world)
        with boa.reverts("price stale"):
            world.l2.enter(id)
        signed = world.signed_report(dict(PRICES))
        world.l2.submit_and_enter(*signed.as_arguments(), id, sender=boa.env.generate_address())
        assert world.contracts.vault.balanceOf(provider) > 0

    def test_below_the_least_shares_is_refused_and_goes_on_waiting(self, world, provider):
        wanted = world.contracts.vault.previewDeposit(1_000 * UNIT) + 1
        id = bring(world, provider, least_shares=wanted)
        with boa.reverts("fewer shares than wanted"):
            world.l2.enter(id)
        assert world.l2.waiting_of(id).amount == 1_000 * UNIT
        with boa.env.anchor():
            just = bring(world, world.person(dollars=1_000), least_shares=wanted - 1)
            assert world.l2.enter(just) == wanted - 1

    def test_beyond_the_cap_is_refused_and_goes_on_waiting(self, world, provider):
        id = bring(world, provider)
        world.contracts.vault.lower_deposit_cap(0)
        with boa.reverts("deposit cap reached"):
            world.l2.enter(id)
        world.l2.to_margin(id, 0, sender=provider)
        assert world.shown(provider) == (1_000 * WAD, 0)

    def test_of_nothing_is_refused(self, world):
        with boa.reverts("nothing waits"):
            world.l2.enter(10**6)


class TestTurningItIntoMargin:
    def test_is_the_owners_at_any_time(self, world, provider):
        """With no price at all, too: nobody's consent is needed."""
        id = bring(world, provider)
        let_prices_age(world)
        world.l2.to_margin(id, 4, sender=provider)
        assert world.shown(provider, 4) == (1_000 * WAD, 0)
        assert world.l2.waiting() == world.token.balanceOf(world.l2) == 0

    def test_is_nobody_elses(self, world, provider):
        id = bring(world, provider)
        for stranger in (world.person(), world.l1.address, world.contracts.vault.address):
            with boa.reverts("not the owner"):
                world.l2.to_margin(id, 0, sender=stranger)

    def test_leaves_what_others_have_waiting(self, world, provider):
        other = world.person(dollars=5)
        mine, others = bring(world, provider), bring(world, other, dollars=5)
        world.l2.to_margin(mine, 0, sender=provider)
        assert world.l2.waiting() == 5 * UNIT
        world.l2.enter(others)
        assert world.contracts.vault.balanceOf(other) > 0


def test_deposits_of_both_kinds_share_their_numbers(world, provider):
    person = world.person(dollars=1)
    assert all(world.arrive_all(world.send(person, 1, order=NO_ORDER)))
    assert bring(world, provider) == 1
