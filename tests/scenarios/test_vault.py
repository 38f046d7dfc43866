"""Providers, from L1 to L1."""

import pytest

from tests.scenarios.adapter import Adapter
from tests.scenarios.cast import Refused
from tests.scenarios.play import UNIT, WAD, Books, carry_home, close, trade, trader

ETH = WAD  # base wad
COOLDOWN = 3_600  # seconds, of the local network's vault
WEEK = 7 * 86_400


def provider(scene, name, dollars, unit=UNIT):
    """Return somebody who has just come from L1 into the vault."""
    actor = scene.actor(name)
    scene.fund(actor, dollars * unit)
    scene.lp_in(actor, dollars * unit)
    return actor


def leave(scene, by, *actors):
    """Have everybody's shares priced; the ways on which what they are worth goes to L1."""
    for actor in actors:
        scene.lp_request(actor, scene.system.vault.call("balanceOf", actor.owner))
    scene.warp(COOLDOWN)
    scene.lp_process(by)
    return [scene.lp_claim(actor) for actor in actors]


def test_v1_the_first_provider_takes_nothing_from_the_second(world, tmp_path):
    """V1, V18: an empty vault for a token of eight decimals, one unit in it, and a donation."""
    unit = 10**8
    scene = Adapter.fresh(world, tmp_path, token={"test_decimals": 8})
    books = Books(scene)
    thief = scene.actor("thief")
    scene.fund(thief, 1_000_000 * unit, "L2")
    scene.fund(thief, 1)
    scene.lp_in(thief, 1)
    for place in (scene.system.market, scene.system.vault):
        scene.call(thief, scene.system.token, "transfer", place.address, 500_000 * unit)
    victim = provider(scene, "victim", 1_000, unit)
    (way,) = leave(scene, victim, victim)
    assert way.exit.amount >= 999 * unit
    carry_home(scene, victim, way)
    assert scene.wealth(thief).total <= 1_000_000 * WAD
    books.close(given=1_000_000 * unit)


def test_v2_tokens_sent_by_mistake_move_no_number(scene, books, anyone):
    """V2, R6: to whichever contract, shares and margins are worth what they were."""
    rich, person = scene.actor("rich"), trader(scene, "person", 1_000)
    scene.fund(rich, 3_000 * UNIT, "L2")
    before = scene.share_price(), scene.reserves(), scene.wealth(person)
    for place in (scene.system.market, scene.system.vault, scene.system.orders):
        scene.call(rich, scene.system.token, "transfer", place.address, 1_000 * UNIT)
    assert (scene.share_price(), scene.reserves(), scene.wealth(person)) == before
    books.close(given=3_000 * UNIT)


def test_v7_who_sees_a_loss_first_bears_it_as_all_do(scene, books, anyone):
    """V7, V6: a request made between the price and its booking is priced after both."""
    quick, slow = provider(scene, "quick", 50_000), provider(scene, "slow", 50_000)
    winner = trader(scene, "winner", 20_000)
    trade(scene, winner, 50 * ETH, anyone)
    scene.set_price("ETH", 3_300 * WAD)
    scene.warp(1)
    shares = scene.system.vault.call("balanceOf", quick.owner)
    assert scene.wealth(quick).shares < 50_000 * WAD
    scene.lp_request(quick, shares)
    close(scene, winner, anyone)
    ways = leave(scene, anyone, slow)
    ways.append(scene.lp_claim(quick))
    assert abs(ways[0].exit.amount - ways[1].exit.amount) <= 1
    assert ways[0].exit.amount < 50_000 * UNIT
    carry_home(scene, anyone, scene.withdraw_start(winner), *ways)
    assert scene.wealth(winner).tokens > 30_000 * WAD
    books.close()


def test_v8_who_comes_for_a_trades_fees_stays_for_the_cooldown(scene, books, anyone):
    """V8: in just before and out right after it there is no way, and no more than a part."""
    person, visitor = trader(scene, "person", 50_000), provider(scene, "visitor", 500_000)
    scene.lp_request(visitor, scene.system.vault.call("balanceOf", visitor.owner))
    trade(scene, person, 100 * ETH, anyone)
    close(scene, person, anyone)
    with pytest.raises(Refused, match="nothing to process"):
        scene.lp_process(anyone)
    scene.warp(COOLDOWN)
    scene.lp_process(anyone)
    way = scene.lp_claim(visitor)
    gain, paid = way.exit.amount - 500_000 * UNIT, 50_000 * WAD - scene.wealth(person).total
    assert 0 < gain * scene.system.scale < paid // 2
    carry_home(scene, anyone, way, scene.withdraw_start(person))
    books.close()


def test_v15_a_request_pays_once_and_its_claim_waits_for_its_owner(scene, books, anyone):
    """V15: shares in the queue can't move, a stranger can't claim, and time changes nothing."""
    person, thief = provider(scene, "person", 10_000), scene.actor("thief")
    scene.fund(thief, UNIT, "L2")
    vault, gateway = scene.system.vault, scene.system.l2_gateway
    shares = vault.call("balanceOf", person.owner)
    scene.lp_request(person, shares)
    with pytest.raises(Refused):
        scene.call(person, vault, "transfer", thief.owner, 1)
    scene.warp(COOLDOWN)
    scene.lp_process(thief)
    due = vault.call("maxWithdraw", person.owner)
    scene.warp(WEEK)
    with pytest.raises(Refused, match="not the controller"):
        scene.call(thief, vault, "redeem", shares, thief.owner, person.owner)
    with pytest.raises(Refused, match="not the controller"):
        scene.call(thief, gateway, "redeem", shares, person.owner, thief.address)
    way = scene.lp_claim(person)
    assert way.exit.amount == due >= 10_000 * UNIT - 1
    with pytest.raises(Refused):
        scene.lp_claim(person)
    carry_home(scene, thief, way)
    assert scene.wealth(person).tokens == due * scene.system.scale
    books.close()
