"""Liquidations, the order in which a loss is borne, and whom functions obey."""

import pytest
from eth_account import Account

from clearway.opstack.addresses import ZERO_ADDRESS
from clearway.opstack.errors import Reverted
from tests.scenarios.cast import Refused
from tests.scenarios.play import UNIT, WAD, carry_home, close, trade, trader

ETH = WAD  # base wad


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
    before, held = scene.reserves(), scene.wealth(bystander)
    scene.set_price("ETH", 2_700 * WAD)
    scene.warp(1)
    first = scene.world.l2.block().number
    scene.liquidate(broke, anyone)
    last = scene.world.l2.block().number
    (told,) = scene.system.market.events(first, last, "ShortfallBooked", about=broke.account)
    after = scene.reserves()
    assert scene.wealth(broke).total == 0
    assert scene.wealth(bystander) == held
    assert told.values["insured"] > 0
    assert before["insurance"] >= told.values["insured"]
    assert after["insurance"] < before["insurance"]
    assert told.values["amount"] > told.values["insured"]
    gained = after["vault cash"] - before["vault cash"]
    assert gained > 0  # the margin that was there, less what the insurance had no part in
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


def test_k11(scene, books, anyone):
    stranger = Account.from_key(b"\x77" * 32).address
    for contract, method in scene.every_function():
        try:
            contract.chain.call(
                contract.address, method, *_nothing(method.entry["inputs"]), sender=stranger
            )
            print("PASSED", contract.name, method.entry["name"])
        except Reverted as e:
            print(contract.name, method.entry["name"], e.reason)


def _nothing(inputs):
    """Return the least value of each argument."""
    return [_zero(value) for value in inputs]


def _zero(value):
    kind = value["type"]
    if kind.endswith("[]"):
        return []
    if kind == "tuple":
        return {part["name"]: _zero(part) for part in value["components"]}
    if kind.startswith(("uint", "int")):
        return 0
    return {"address": ZERO_ADDRESS, "bool": False, "string": "", "bytes": b""}.get(kind, bytes(32))
