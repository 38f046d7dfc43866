"""Liquidations, the order in which a loss is borne, and whom functions obey."""

import pytest

from clearway.opstack.addresses import ZERO_ADDRESS
from clearway.opstack.errors import Reverted
from tests.scenarios.cast import Refused
from tests.scenarios.play import UNIT, WAD, carry_home, close, trade, trader

ETH = WAD  # base wad
LAG, GRACE = 120, 3_600  # seconds


def test_l1_only_who_is_below_maintenance_is_liquidated_and_keeps_the_rest(scene, books, anyone):
    """L1, L2, L3, K8: above it nobody can; below it once, and what is left is well."""
    person = trader(scene, "person", 3_000)
    trade(scene, person, 15 * ETH, anyone)
    for price in (3_000, 2_900):
        scene.set_price("ETH", price * WAD)
        scene.warp(1)
        assert not scene.liquidatable(person)
        with pytest.raises(Refused, match="account healthy"):
            scene.liquidate(person, anyone)
    scene.set_price("ETH", 2_865 * WAD)
    scene.warp(1)
    assert scene.liquidatable(person)
    told = scene.liquidate(person, anyone)
    assert 0 < told.values["reward"] < told.values["penalty"]
    assert 0 < scene.position(person, "ETH") < 15 * ETH
    with pytest.raises(Refused, match="account healthy"):
        scene.liquidate(person, anyone)
    close(scene, person, anyone)
    carry_home(scene, anyone, scene.withdraw_start(person))
    assert scene.wealth(person).tokens > 0
    books.close()


def test_l5_a_gap_is_borne_by_margin_then_insurance_then_vault(scene, books, anyone):
    """L5, L6, T14: the accounts of others keep what they had."""
    broke, bystander = trader(scene, "broke", 3_000), trader(scene, "bystander", 5_000)
    trade(scene, broke, 15 * ETH, anyone)
    held = scene.wealth(bystander)
    scene.set_price("ETH", 2_700 * WAD)
    scene.warp(1)
    first = scene.world.l2.block().number
    scene.liquidate(broke, anyone)
    last = scene.world.l2.block().number
    (told,) = scene.system.market.events(first, last, "ShortfallBooked", about=broke.account)
    assert scene.wealth(broke).total == 0
    assert scene.wealth(bystander) == held
    assert told.values["insured"] > 0
    assert told.values["amount"] > told.values["insured"]
    assert scene.system.pool_lens.call("market", 0).insurance == 0  # the vault bore the rest
    books.close()


def test_l13_a_contract_is_liquidated_and_gets_the_rest_home(scene, books, anyone):
    """L13, X3: its alias owns the account, and the portal is all that it needs."""
    wallet = scene.as_contract("wallet")
    scene.fund(wallet, 3_000 * UNIT)
    scene.margin_in(wallet, 3_000 * UNIT, eth=0)
    trade(scene, wallet, 15 * ETH, anyone)
    scene.set_price("ETH", 2_865 * WAD)
    scene.warp(1)
    scene.liquidate(wallet, anyone)
    close(scene, wallet, anyone)
    left = scene.wealth(wallet).margin
    way = scene.withdraw_start(wallet)
    carry_home(scene, anyone, way)
    assert 0 <= left - scene.wealth(wallet).tokens < scene.system.scale
    books.close()


def test_o6_after_an_outage_owners_come_before_liquidators(scene, books, anyone):
    """O6, O5, L14: who is below maintenance after one has time to mend it."""
    person = trader(scene, "person", 3_000)
    trade(scene, person, 15 * ETH, anyone)
    scene.sequencer("down")
    with pytest.raises(Refused, match="sequencer: down"):
        scene.liquidate(person, anyone)
    scene.sequencer("up")
    scene.set_price("ETH", 2_865 * WAD)
    scene.warp(1)
    assert scene.liquidatable(person)
    # Live, the first blocks carry old times, and anybody has reports from ahead of them.
    scene.submit(scene.sign_price(scene.now() + LAG), anyone)
    for wait, reason in ((1, "chain's clock lags"), (LAG, "in grace after an outage")):
        scene.warp(wait)
        with pytest.raises(Refused, match=reason):
            scene.liquidate(person, anyone)
        with pytest.raises(Refused, match=reason):
            scene.order(person, "ETH", ETH)
    scene.fund(person, 1_000 * UNIT)
    scene.margin_in(person, 1_000 * UNIT)
    scene.warp(GRACE)
    with pytest.raises(Refused, match="account healthy"):
        scene.liquidate(person, anyone)
    close(scene, person, anyone)
    carry_home(scene, anyone, scene.withdraw_start(person))
    books.close()


ROLES = ("not the ", "ownable", "access_control")  # how a refusal begins that is about who calls
FOR_ANYBODY = {
    "TestToken": "mint approve transfer transferFrom",
    "PriceFeed": "submit compare convict",
    "PerpetualMarket": "deposit liquidate mark settle pay_claims",
    "OrderBook": "clear execute execute_one execute_by_round submit_and_execute "
    "submit_and_execute_one",
    "Configuration": "advance_ramp finish_retirement finish_retirement_by_round "
    "submit_and_finish_retirement",
    # These look at what is asked first, and then at whose shares they move.
    "Vault": "approve transfer transferFrom permit setOperator deposit deposit_at_least mint "
    "mint_at_most requestRedeem process redeem withdraw",
    "L2Gateway": "enter submit_and_enter to_margin",
    "L1Gateway": "deposit deposit_to_vault claim",
    "LiquidationKeeper": "liquidate submit_and_liquidate",
    "Timelock": "execute execute_batch",
}


def test_k11_what_isnt_for_anybody_refuses_strangers(scene, books, anyone):
    """K11, O11, P2: of every function of the system, whoever made it."""
    found = {}
    for contract, method in scene.every_function():
        nothing = [_zero(value) for value in method.entry["inputs"]]
        try:
            contract.chain.call(contract.address, method, *nothing, sender=anyone.owner)
        except Reverted as refusal:
            if refusal.reason.startswith(ROLES):
                continue
        found.setdefault(contract.name, set()).add(method.entry["name"])
    assert found == {name: set(functions.split()) for name, functions in FOR_ANYBODY.items()}
    books.close()


def _zero(value):
    """Return the least that a function's argument may be."""
    kind = value["type"]
    if kind.endswith("[]"):
        return []
    if kind == "tuple":
        return {part["name"]: _zero(part) for part in value["components"]}
    if kind.startswith(("uint", "int")):
        return 0
    plain = {"address": ZERO_ADDRESS, "bool": False, "string": "", "bytes": b""}
    return plain.get(kind, bytes(32))
