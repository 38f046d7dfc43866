"""How accounts, orders and what happened to them are told to people."""

from types import SimpleNamespace

import pytest

from clearway.contracts import Told
from clearway.shell.market_tables import (
    GREATEST,
    HISTORY,
    filled_facts,
    history_rows,
    liquidation_price,
    order_rows,
    shown_leverage,
)
from clearway.spec.wad import WAD
from clearway.trading.history import Happened

NAMES = SimpleNamespace(
    symbol="TEST",
    decimals=6,
    market=lambda number: ("ETH", "BTC")[number],
    money=lambda wads: f"{wads / WAD:.2f} TEST",
)
ORDER = {
    "id": 1 << 96,
    "market": 0,
    "size_delta": -WAD,
    "limit_price": 1_990 * WAD,
    "is_reduce_only": True,
    "fills_at": 1_800_000_000,
    "keeper_fee": WAD // 10,
    "escrow": WAD,
}


@pytest.mark.parametrize(
    ("size", "price", "shown"),
    [
        (WAD, 1_900 * WAD, "1900.00"),
        (WAD, 0, "never"),
        (WAD, GREATEST, "now"),
        (-WAD, 2_100 * WAD, "2100.00"),
        (-WAD, GREATEST, "never"),
        (-WAD, 0, "now"),
    ],
)
def test_a_liquidation_price_that_is_none_is_told_in_a_word(size, price, shown):
    assert liquidation_price(SimpleNamespace(size=size, liquidation_price=price)) == shown


def test_an_account_without_equity_has_no_leverage():
    assert shown_leverage(GREATEST) == "without equity"
    assert shown_leverage(95 * WAD // 10) == "9.5x"


def test_an_order_is_told_with_why_it_does_not_fill():
    order = SimpleNamespace(**ORDER, slot=3, stage="fails", reason="price beyond limit")
    (row,) = order_rows(NAMES, [order])
    assert row[:3] == ("3", "ETH", "sell 1, only reducing")
    assert row[-1] == "fails (price beyond limit)"


@pytest.mark.parametrize(
    ("size", "premium", "at"),
    [(2, 4, "2002.00"), (2, -4, "1998.00"), (-2, 4, "1998.00"), (-2, -4, "2002.00")],
)
def test_a_premium_makes_the_price_worse_and_a_rebate_better(size, premium, at):
    values = {
        "market": 0,
        "size_delta": size * WAD,
        "price": 2_000 * WAD,
        "fee": WAD,
        "premium": premium * WAD,
        "result": 0,
    }
    facts = dict(filled_facts(NAMES, Told("OrderFilled", values, 1, 0, b"")))
    assert facts["at"].startswith(at)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("Deposited", {"by": "0x", "amount": 12_500_000}, {"what": "deposit", "money": "+12.50"}),
        ("Withdrawn", {"to": "0x", "amount": 10**6}, {"what": "withdrawal", "money": "-1.00"}),
        (
            "OrderPlaced",
            {"market": 0, "slot": 0, "order": ORDER},
            {"what": "placed", "market": "ETH", "size": "-1", "price": "1990.00"},
        ),
        (
            "OrderFailed",
            {"market": 0, "slot": 0, "reason": "nothing to reduce", "fee": WAD, "earned": 0},
            {"what": "failed (nothing to reduce)", "market": "ETH", "fee": "1.00"},
        ),
        (
            "PositionLiquidated",
            {
                "market": 0,
                "size_delta": -WAD,
                "price": 2_000 * WAD,
                "fee": WAD,
                "premium": WAD,
                "result": -5 * WAD,
            },
            {
                "what": "liquidated",
                "market": "ETH",
                "size": "-1",
                "price": "2000.00",
                "fee": "2.00",
                "result": "-5.00",
            },
        ),
        (
            "AccountLiquidated",
            {"keeper": "0x", "fraction": WAD, "penalty": 3 * WAD, "reward": WAD},
            {"what": "penalty", "money": "-3.00"},
        ),
    ],
)
def test_what_happened_is_told_in_a_row(name, values, told):
    event = Told(name, {"account": 1 << 96, **values}, 1, 0, b"")
    (row,) = history_rows(NAMES, [Happened(1_800_000_000, event)])
    shown = dict(zip(HISTORY, row, strict=True))
    assert {**dict.fromkeys(HISTORY, ""), "when": "2027-01-15 08:00:00", **told} == shown
