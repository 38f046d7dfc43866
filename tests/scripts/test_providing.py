"""What a provider does by the commands, and whether all adds up."""

import re
from dataclasses import replace

from clearway.spec.wad import WAD
from clearway.trading import solvency as solvency_module
from clearway.trading.solvency import Sum, solvency

from .exchange import BOB, CAROL, LP, PAUPER, UNIT, Exchange
from .test_trading import fact


def test_a_provider_enters_asks_waits_and_is_paid(exchange: Exchange):
    provider = exchange.provider(BOB)
    before = exchange.trader(BOB).wallet().l2_tokens
    exchange.run("lp", "deposit", "10000", person=BOB)
    assert provider.standing().shares > 0
    report = exchange.run("lp", "report", person=BOB)
    assert re.search(r"has +\S+ shares, worth (9999.99|10000.00) TEST", report)

    assert "less than 20000.00 TEST" in exchange.refused("lp", "request", "20000", person=BOB)
    printed = exchange.run("lp", "request", "4000", person=BOB)
    assert fact(printed, "priced") == "in 1 h at the soonest"
    assert "cools down for another" in exchange.refused("lp", "claim", person=BOB)
    assert "still cools down" in exchange.refused("lp", "process", person=BOB)
    exchange.run("lp", "request", "all", person=BOB)
    assert len(provider.standing().requests) == 2

    exchange.world.advance("61m")
    exchange.run("lp", "claim", person=BOB)
    assert provider.standing() == replace(
        provider.standing(), shares=0, worth=0, claimable=0, requests=()
    )
    after = exchange.trader(BOB).wallet().l2_tokens
    assert before - UNIT < after <= before


def test_what_waits_for_the_vault_is_listed_until_it_is_margin(exchange: Exchange):
    trader = exchange.trader(BOB, 6)
    assert exchange.run("gateway", "waiting", person=BOB) == ""
    exchange.run("account", "faucet", "300", person=BOB)
    exchange.run("gateway", "provide", "300", "--least", "290", person=BOB)
    printed = exchange.run("gateway", "waiting", person=BOB)
    row = re.search(r"(\d+) +300.00 TEST +290.00", printed)
    assert row, printed
    exchange.run("gateway", "keep", row[1], "--number", "6", person=BOB)
    assert trader.free_units() == 300 * UNIT
    assert exchange.run("gateway", "waiting", person=BOB) == ""
    refusal = exchange.refused("gateway", "keep", row[1], person=BOB)
    assert f"nothing waits of deposit {row[1]}" in refusal


def test_a_dry_run_of_a_provider_sends_nothing(exchange: Exchange):
    supply = exchange.system.vault.call("totalSupply")
    printed = exchange.run("lp", "deposit", "500", "--dry-run", person=LP)
    assert fact(printed, "deposit") == "500.00 TEST"
    exchange.run("lp", "request", "500", "--dry-run", person=LP)
    assert exchange.system.vault.call("totalSupply") == supply
    assert exchange.provider(LP).standing().requests == ()


def test_solvency_finds_every_account_and_no_surplus(exchange: Exchange, monkeypatch):
    trader, other = exchange.trader(BOB, 7), exchange.trader(BOB, 8)
    for one in (trader, other):
        one.deposit(1_000 * UNIT)
    exchange.trade("open", "ETH", "1", person=BOB, number=7)
    exchange.run("trade", "open", "ETH", "0.5", "--no-wait", "--number", "8", person=BOB)
    monkeypatch.setattr(solvency_module, "MOST_ACCOUNTS", 1)  # many questions
    found = solvency(exchange.system)
    assert found.is_whole
    assert found.accounts >= 3  # two, and who executed
    assert found.held == sum(wads for _, wads in found.buckets)
    kept = {one.name: one for one in found.sums}
    assert kept["ETH, long"].kept == kept["ETH, long"].found == WAD
    assert kept["escrows, by orders"].kept > 0
    printed = exchange.run("solvency")
    assert "all adds up to the last unit" in printed
    assert re.search(r"surplus +0\.0{18}", printed)
    exchange.run("trade", "execute", "--slot", "0", "--number", "8", person=BOB)
    for number in (7, 8):
        exchange.trade("close", "ETH", person=BOB, number=number)


def test_an_account_left_out_is_noticed(exchange: Exchange, monkeypatch):
    trader = exchange.trader(BOB, 9)
    trader.deposit(UNIT)
    found = solvency_module.accounts_of(exchange.system, exchange.world.l2.block().number)
    assert trader.id in found
    rest = [one for one in found if one != trader.id]
    monkeypatch.setattr(solvency_module, "accounts_of", lambda *_: rest)
    result = exchange.type("solvency")
    assert result.exit_code == 1
    assert "it doesn't add up" in result.stderr
    (different,) = (one for one in solvency(exchange.system).sums if not one.agrees)
    assert different == Sum("margins and escrows", different.kept, different.kept - WAD)


def test_test_tokens_are_minted_for_whoever_asks(exchange: Exchange):
    before = exchange.trader(CAROL).wallet().l1_tokens
    printed = exchange.run("account", "faucet", "12.5", person=CAROL)
    assert fact(printed, "minted") == "12.50 TEST on L1"
    assert exchange.trader(CAROL).wallet().l1_tokens == before + 12_500_000
    assert exchange.trader(PAUPER).wallet().l1_tokens == 0
