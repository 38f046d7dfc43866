"""The ways between the chains, and those who would have them for themselves."""

import pytest

from clearway.gateways import NO_ORDER
from clearway.opstack import Deposits
from clearway.opstack.chain import waiting
from tests.scenarios.cast import Refused
from tests.scenarios.play import DELAY, UNIT, WAD, carry_home, carry_proof, filled, trade, trader

ETH = WAD  # base wad
PATIENCE = 300.0  # wall seconds


def test_x2_nobody_speaks_for_another_over_the_bridge(scene, books, anyone):
    """X1, X2: not by a message of his own, not by the call itself, not by being a contract."""
    person, thief = trader(scene, "person", 1_000), trader(scene, "thief", 10)
    gateway = scene.system.l2_gateway
    credit = (0, thief.owner, 0, 1_000 * UNIT, NO_ORDER)
    with pytest.raises(Refused, match="not the messenger"):
        scene.call(thief, gateway, "credit", *credit)
    sent = Deposits(scene.world.rollup, thief.on_l1).message(
        gateway.address, gateway.encode("credit", *credit)
    )
    (outcome,) = scene.arrive(sent)
    assert outcome.failed_message is not None
    with pytest.raises(Refused, match="not the owner"):
        scene.call(thief, gateway, "withdraw", person.account, 1, thief.address)
    wallet = scene.as_contract("wallet")
    with pytest.raises(Refused):
        scene.call(wallet, gateway, "withdraw", person.account, 1, wallet.address)
    assert scene.wealth(person).margin == 1_000 * WAD
    assert scene.wealth(thief).margin == 10 * WAD
    books.close()


def test_x9_a_deposit_that_l1_forgets_is_credited_once_when_it_is_sent_again(scene, books, anyone):
    """X9: taken back on both chains; then the client, asked for another, brings both."""
    person = scene.actor("person")
    scene.fund(person, 300 * UNIT)
    deposit = scene.margin_in(person, 100 * UNIT)
    forget(scene, deposit[0].l1_transaction)
    assert (scene.wealth(person).margin, scene.wealth(person).tokens) == (0, 300 * WAD)
    scene.margin_in(person, 200 * UNIT)
    assert (scene.wealth(person).margin, scene.wealth(person).tokens) == (300 * WAD, 0)
    books.close()


def forget(scene, l1_transaction):
    """Take back the block of a transaction; again, if L1 has made another one meanwhile."""
    l1 = scene.world.l1
    for _ in waiting(PATIENCE):
        if (receipt := l1.receipt(l1_transaction)) is None:
            break
        scene.reorg("L1", l1.block().number - int(receipt["blockNumber"], 16) + 1)
    scene.world.settle()


def test_x11_a_proof_against_a_game_that_is_thrown_out_pays_nothing(scene, books, anyone):
    """X11, X13: a lie is passed over, a blacklisted game is no proof; the next pays, and once."""
    person, thief = trader(scene, "person", 1_000), trader(scene, "thief", 10)
    way = scene.withdraw_start(person)
    scene.game(way, "bad")
    carry_proof(scene, anyone, way)
    scene.game(way, "blacklist")
    scene.warp(60)
    with pytest.raises(Refused, match="blacklisted"):
        scene.finalise(way, anyone)
    assert scene.wealth(person).parked == 1_000 * WAD
    carry_home(scene, thief, way)
    assert scene.wealth(person).tokens == 1_000 * WAD
    with pytest.raises(Refused, match="finalized"):
        scene.finalise(way, anyone)
    with pytest.raises(Refused, match="nothing to claim"):
        scene.claim(way, anyone)
    with pytest.raises(Refused, match="not the holder"):
        scene.claim(way, thief, to=thief.address)
    assert scene.wealth(person).tokens == 1_000 * WAD
    books.close()


def test_x12_a_paused_portal_costs_time_alone(scene, books, anyone):
    """X12: proven before, forbidden meanwhile, paid after; trading never stops."""
    person = trader(scene, "person", 1_000)
    way = scene.withdraw_start(person, 400 * UNIT)
    carry_proof(scene, anyone, way)
    scene.game(way, "pause")
    scene.warp(60)
    with pytest.raises(Refused, match="paused"):
        scene.finalise(way, anyone)
    trade(scene, person, ETH // 10, anyone)
    filled_again = trade(scene, person, -ETH // 10, anyone)
    assert filled_again.values["size_delta"] == -ETH // 10
    scene.game(way, "resume")
    scene.finalise(way, anyone)
    scene.claim(way, anyone)
    assert scene.wealth(person).tokens == 400 * WAD
    books.close()


def test_x17_whom_the_sequencer_refuses_closes_and_leaves_by_l1_alone(scene, books, anyone):
    """X17, X18, P3: without ETH on L2, a keeper of his own, or anybody's leave."""
    person = scene.actor("person")
    scene.fund(person, 5_000 * UNIT)
    scene.margin_in(person, 5_000 * UNIT, eth=0)
    id = scene.force_l1(person, "order", "ETH", 10 * ETH)
    scene.warp(DELAY)
    filled(scene.execute(id, anyone))
    scene.censor(person)
    with pytest.raises(Refused):
        scene.close(person, "ETH")
    id = scene.force_l1(person, "close", "ETH")
    scene.warp(DELAY)
    filled(scene.execute(id, scene.forced(person)))
    way = scene.force_l1(person, "withdraw_start")
    carry_home(scene, person, way)
    scene.censor(person, served=True)
    assert scene.world.l2.balance(person.owner) == 0
    assert scene.wealth(person).tokens == way.exit.amount * scene.system.scale > 4_900 * WAD
    books.close()
