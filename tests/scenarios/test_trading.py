"""Orders, prices and what time costs, from L1 to L1."""

import pytest
from eth_account import Account

from clearway.devnet.accounts import people
from clearway.spec.wad import WAD
from tests.scenarios.cast import Refused
from tests.scenarios.play import DELAY, UNIT, carry_home, close, filled, trade, trader

ETH = WAD  # base wad
FUNDS = 10_000 * WAD  # quote
HALF_A_DAY = 43_200  # seconds
WINDOW = 600  # seconds in which an order is executed by a report


def test_t1_a_round_trip_at_one_price_costs_its_fees_however_it_is_split(scene, books, anyone):
    """T1: in parts or at once, no more comes back to L1 than was brought."""
    whole, split = trader(scene, "whole", 10_000), trader(scene, "split", 10_000)
    trade(scene, whole, 10 * ETH, anyone)
    for size in (3 * ETH, 7 * ETH):
        trade(scene, split, size, anyone)
    close(scene, whole, anyone)
    trade(scene, split, -4 * ETH, anyone)
    close(scene, split, anyone)
    carry_home(scene, anyone, scene.withdraw_start(whole), scene.withdraw_start(split))
    for actor in (whole, split):
        assert scene.wealth(actor).total < FUNDS
    books.close()


def test_o8_an_order_fills_by_its_own_second_whoever_executes_it_and_when(scene, books, anyone):
    """O8, O7: no other report fits, whichever way prices went meanwhile."""
    early, late = trader(scene, "early", 10_000), trader(scene, "late", 10_000)
    orders = [scene.order(actor, "ETH", ETH) for actor in (early, late)]
    scene.warp(DELAY)
    told = filled(scene.execute(orders[0], early))
    scene.set_price("ETH", 3_100 * WAD)
    scene.warp(60)
    with pytest.raises(Refused, match="no report of that second"):
        scene.execute(orders[1], late, scene.sign_price())
    assert filled(scene.execute(orders[1], anyone)).values["price"] == told.values["price"]
    with pytest.raises(Refused, match="no such order"):
        scene.execute(orders[1], anyone)
    for actor in (early, late):
        assert close(scene, actor, anyone).values["price"] == 3_100 * WAD
    books.close()


def test_o10_only_a_quorum_of_the_committee_moves_a_price(scene, books, anyone):
    """O10, O11: one signer, strangers, one signer twice, and another second's signatures."""
    forger = trader(scene, "forger", 10_000)
    id = scene.order(forger, "ETH", ETH)
    scene.warp(DELAY)
    second, cheap = id.order["fills_at"], {0: 300 * WAD}
    stranger, publisher = Account.from_key(b"\x11" * 32), people()[5]
    for signers in ([publisher], [stranger, publisher], [publisher, publisher], [stranger] * 2):
        with pytest.raises(Refused):
            scene.execute(id, forger, scene.sign_price(second, prices=cheap, by=signers))
    honest = scene.sign_price(second)
    scene.submit(honest, anyone)
    with pytest.raises(Refused, match="second priced already"):
        scene.submit(scene.sign_price(second, prices=cheap), forger)
    assert filled(scene.execute(id, forger, honest)).values["price"] == 3_000 * WAD
    close(scene, forger, anyone)
    books.close()


def test_o4_with_every_aggregator_sick_people_trade_close_and_go_home(scene, books, anyone):
    """O4: whatever aggregators do, what needs none of them works."""
    person = trader(scene, "person", 10_000)
    for fault in ("reverts", "burns gas", "answers a megabyte"):
        scene.feed_fault(fault)
        trade(scene, person, ETH, anyone)
        close(scene, person, anyone)
    way = scene.withdraw_start(person)
    scene.feed_fault("none")
    carry_home(scene, anyone, way)
    assert scene.wealth(person).tokens == way.exit.amount * scene.system.scale
    books.close()


def test_t2_open_profit_backs_positions_and_never_leaves(scene, books, anyone):
    """T2, T3: what leaves is margin beyond the initial one, and whoever took it is well."""
    person = trader(scene, "person", 3_000)
    trade(scene, person, 10 * ETH, anyone)
    scene.set_price("ETH", 3_600 * WAD)
    scene.warp(1)
    assert scene.wealth(person).result > 5_900 * WAD
    with pytest.raises(Refused, match="margin in use"):
        scene.margin_out(person, 1_500 * UNIT)
    scene.submit(scene.sign_price(), anyone)
    way = scene.withdraw_start(person)
    assert 1_100 * UNIT < way.exit.amount < 1_200 * UNIT
    with pytest.raises(Refused, match="margin in use"):
        scene.margin_out(person, UNIT)
    assert not scene.liquidatable(person)
    close(scene, person, anyone)
    carry_home(scene, anyone, way, scene.withdraw_start(person))
    books.close()


def test_t6_an_order_that_fails_or_expires_is_never_filled_later(scene, books, anyone):
    """T6, S7, K9: failing costs its fee, expiring nothing, and anybody clears what expired."""
    person = trader(scene, "person", 10_000)
    low = scene.order(person, "ETH", ETH, limit=2_990 * WAD)
    scene.warp(DELAY)
    told = scene.execute(low, anyone)
    assert (told.name, told.values["reason"]) == ("OrderFailed", "price beyond limit")
    before = scene.wealth(person)
    assert before.margin == FUNDS - told.values["fee"] - told.values["earned"] < FUNDS
    late = scene.order(person, "ETH", ETH)
    scene.warp(WINDOW + 1)
    with pytest.raises(Refused, match="too old"):
        scene.execute(late, anyone)
    scene.clear(late, anyone)
    assert scene.wealth(person) == before
    scene.set_price("ETH", 2_900 * WAD)
    for id in (low, late):
        with pytest.raises(Refused, match="no such order"):
            scene.execute(id, anyone, scene.sign_price())
    carry_home(scene, anyone, scene.withdraw_start(person))
    books.close()


def test_t4_who_bets_against_himself_takes_what_he_brought_and_what_is_told(scene, books, anyone):
    """T4: the winner's account withdraws all, the loser's defaults by a gap."""
    winner, loser = trader(scene, "winner", 10_000), trader(scene, "loser", 3_000)
    trade(scene, winner, -15 * ETH, anyone)
    trade(scene, loser, 15 * ETH, anyone)
    scene.set_price("ETH", 2_750 * WAD)
    scene.warp(1)
    close(scene, winner, anyone)
    way = scene.withdraw_start(winner)
    first = scene.world.l2.block().number
    scene.liquidate(loser, anyone)
    last = scene.world.l2.block().number
    (shortfall,) = scene.system.market.events(first, last, "ShortfallBooked", about=loser.account)
    assert (scene.position(loser, "ETH"), scene.wealth(loser).total) == (0, 0)
    carry_home(scene, anyone, way)
    assert 13_000 * WAD < scene.wealth(winner).total <= 13_000 * WAD + shortfall.values["amount"]
    books.close()


def test_t21_a_reduction_never_turns_a_position(scene, books, anyone):
    """T21, K8: asked to reduce more than there is, or twice, it closes and no more."""
    person = trader(scene, "person", 10_000)
    trade(scene, person, 2 * ETH, anyone)
    orders = [scene.order(person, "ETH", -5 * ETH, reduce_only=True) for _ in range(2)]
    scene.warp(DELAY)
    assert filled(scene.execute(orders[0], anyone)).values["size_delta"] == -2 * ETH
    assert scene.execute(orders[1], anyone).name == "OrderFailed"
    assert scene.position(person, "ETH") == 0
    carry_home(scene, anyone, scene.withdraw_start(person))
    books.close()


def test_f1_what_longs_pay_for_time_shorts_and_the_vault_get(scene, books, anyone):
    """F1, F3: nothing within the first second, and in the end nothing from nowhere."""
    long, short = trader(scene, "long", 10_000), trader(scene, "short", 10_000)
    trade(scene, long, 30 * ETH, anyone)
    trade(scene, short, -10 * ETH, anyone)
    before = scene.reserves()["vault cash"]
    scene.warp(HALF_A_DAY)
    results = [close(scene, actor, anyone).values["result"] for actor in (long, short)]
    assert results[0] < 0 < results[1] < -results[0]
    assert scene.reserves()["vault cash"] > before
    carry_home(scene, anyone, scene.withdraw_start(long), scene.withdraw_start(short))
    books.close()
