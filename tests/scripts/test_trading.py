"""What a trader does by the commands, on the real contracts, and what he is told."""

import re
import shlex

import pytest

from clearway.spec.wad import WAD

from .exchange import ALICE, BOB, CAROL, PAUPER, UNIT, Exchange


def fact(printed: str, name: str) -> str:
    """Return a fact from a printed list."""
    found = re.search(rf"^\s*{name}\s+(\S.*?)\s*$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


def test_a_position_is_opened_at_a_leverage_and_closed(exchange: Exchange):
    trader = exchange.trader(ALICE)
    before = trader.wallet().l2_tokens
    printed = exchange.run(
        *("trade", "open", "eth", "2", "--leverage", "10", "--yes", "--execute"), person=ALICE
    )
    view = trader.view()
    (position,) = view.positions
    assert position.size == 2 * WAD
    assert fact(printed, "filled") == "buy 2 ETH"
    # 6000 of notional; what is deposited is rounded up to the cent
    assert 6_000 * WAD // 10 <= view.equity < 6_000 * WAD // 10 + WAD
    assert fact(exchange.run("account", person=ALICE), "leverage") == "10.0x"

    exchange.trade("reduce", "ETH", "0.5", person=ALICE)
    assert trader.view().positions[0].size == 15 * WAD // 10
    exchange.trade("add", "ETH", "0.25", person=ALICE)
    assert trader.view().positions[0].size == 175 * WAD // 100
    exchange.trade("close", "ETH", person=ALICE)
    assert trader.view().positions == ()
    assert "withdrawn" in exchange.run("account", "withdraw", "all", person=ALICE)
    after = trader.wallet().l2_tokens
    assert trader.free_units() == 0
    assert before - 20 * UNIT < after < before  # fees alone
    history = exchange.run("account", "history", person=ALICE)
    assert history.count("filled") == 4
    assert history.count("withdrawal") == 1


def test_a_withdrawal_that_was_killed_before_it_told_is_told_and_not_done_twice(
    exchange: Exchange,
):
    trader = exchange.trader(ALICE, 5)
    trader.deposit(100 * UNIT)
    purpose = trader._withdrawal(70 * UNIT, trader.owner)
    words = ("withdraw", trader.id, 70 * UNIT, trader.owner)
    exchange.killed(ALICE).run(exchange.system.market.transaction(purpose, *words))
    before = trader.wallet().l2_tokens
    again = ("account", "withdraw", "70", "--number", "5")
    assert fact(exchange.run(*again, person=ALICE), "withdrawn") == "70.00 TEST"
    assert trader.wallet().l2_tokens == before
    assert trader.free_units() == 30 * UNIT


def test_all_that_is_free_beside_a_position_may_leave_a_minute_later(exchange: Exchange):
    """By then the position owes more."""
    trader = exchange.trader(BOB, 7)
    exchange.trade("open", "ETH", "2", "--leverage", "2", "--yes", person=BOB, number=7)
    free = trader.free_units()
    exchange.world.advance("1m")
    trader.withdraw(free, trader.owner)
    assert 0 < trader.view().free < WAD
    exchange.trade("close", "ETH", person=BOB, number=7)


def test_a_price_on_no_chain_yet_is_shown_and_traded_at(exchange: Exchange):
    exchange.prices[2] = 151 * WAD
    exchange.world.advance("3s")  # past the newest second that a report on chain may hold
    assert re.search(r"SOL +151.000", exchange.run("trade", "markets"))
    words = ("open", "SOL", "--usd", "1510", "--short", "--leverage", "2", "--yes")
    assert fact(exchange.trade(*words, person=BOB), "filled") == "sell 10 SOL"
    shown = exchange.run("account", "show", person=BOB)
    assert re.search(r"SOL +short +10 +151.000", shown)
    exchange.trade("close", "SOL", person=BOB)


def test_margin_and_order_come_from_l1_together(exchange: Exchange):
    trader = exchange.trader(CAROL, 4)
    exchange.run("account", "faucet", "1000", person=CAROL)
    words = ("trade", "open", "ETH", "1", "--leverage", "5", "--from-l1", "--number", "4", "--yes")
    before = exchange.world.l2.next_nonce(trader.owner)
    printed = exchange.run(*words, "--no-wait", "--eth", "0.5", person=CAROL)
    assert fact(printed, "committed").startswith("in slot 0")
    assert exchange.world.l2.next_nonce(trader.owner) == before  # nothing was sent on L2
    exchange.run("trade", "execute", "--slot", "0", "--number", "4", person=CAROL)
    (position,) = trader.view().positions
    assert position.size == WAD
    exchange.trade("close", "ETH", person=CAROL, number=4)


def test_an_order_from_l1_that_is_refused_leaves_its_margin(exchange: Exchange, monkeypatch):
    trader = exchange.trader(CAROL, 5)
    exchange.run("account", "faucet", "500", person=CAROL)
    monkeypatch.setattr("clearway.shell.desk.ORDER_LIFE", -1)
    words = ("trade", "open", "ETH", "1", "--leverage", "8", "--from-l1", "--number", "5", "--yes")
    result = exchange.type(*words, person=CAROL)
    assert result.exit_code == 1
    assert "error: the order was refused on L2 (order came too late)" in result.stderr
    assert trader.view().orders == ()
    assert trader.view().margin > 300 * WAD


def test_a_dry_run_shows_the_order_and_sends_nothing(exchange: Exchange):
    before = exchange.trader(BOB).sender.chain.next_nonce(exchange.trader(BOB).owner)
    result = exchange.type("trade", "open", "ETH", "1", "--leverage", "5", "--dry-run", person=BOB)
    assert result.exit_code == 0
    assert fact(result.stdout, "order") == "buy 1 ETH"
    assert "nothing was sent" in result.stderr
    assert exchange.trader(BOB).sender.chain.next_nonce(exchange.trader(BOB).owner) == before


def test_who_does_not_agree_to_the_deposit_sends_nothing(exchange: Exchange):
    words = ("trade", "open", "ETH", "1", "--leverage", "5", "--number", "1")
    result = exchange.type(*words, person=BOB, input="n\n")
    assert result.exit_code == 130
    assert exchange.trader(BOB, 1).view().margin == 0


def test_an_order_that_was_left_is_listed_and_executed_later(exchange: Exchange):
    trader = exchange.trader(BOB, 2)
    trader.deposit(1_000 * UNIT)
    mine = ("--number", "2")
    with exchange.silence():
        exchange.run("trade", "open", "ETH", "1", "--limit", "3100", "--no-wait", *mine, person=BOB)
    assert "buy 1" in exchange.run("account", "orders", *mine, person=BOB)
    assert trader.view().positions == ()
    printed = exchange.run("trade", "execute", "--slot", "0", *mine, person=BOB)
    assert fact(printed, "filled") == "buy 1 ETH"
    assert trader.view().positions[0].size == WAD
    exchange.trade("close", "ETH", person=BOB, number=2)


def test_an_order_that_fails_says_why_and_what_it_cost(exchange: Exchange):
    trader = exchange.trader(BOB, 3)
    trader.deposit(1_000 * UNIT)
    words = ("trade", "open", "ETH", "1", "--limit", "2900", "--execute", "--number", "3")
    result = exchange.type(*words, person=BOB)
    assert result.exit_code == 1
    assert "error: the order failed (price beyond limit) and paid 1.80 TEST" in result.stderr


def test_a_market_that_lives_settles_nothing(exchange: Exchange):
    refused = exchange.refused("trade", "settle", "ETH", person=BOB)
    assert refused.startswith("L2 contract refused: market not retired: `ape run trade close")


def test_without_prices_closing_needs_a_limit_and_nothing_else(exchange: Exchange):
    trader = exchange.trader(BOB, 4)
    trader.deposit(1_000 * UNIT)
    mine = ("--number", "4")
    exchange.trade("open", "ETH", "1", person=BOB, number=4)
    exchange.world.advance("1m")
    with exchange.silence():
        assert exchange.refused("trade", "close", "ETH", *mine, person=BOB).startswith(
            "L2 contract refused: price stale: no publisher has brought a price lately"
        )
        close = ("trade", "close", "ETH", "--limit", "2900", "--no-wait", *mine)
        assert fact(exchange.run(*close, person=BOB), "price") == "nobody has one now"
    exchange.run("trade", "execute", "--slot", "0", *mine, person=BOB)
    assert trader.view().positions == ()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("trade", "open", "EHT", "1"), "no market is named 'EHT': did you mean ETH?"),
        (("trade", "open", "ETH"), "one size is needed"),
        (("trade", "open", "ETH", "1", "--usd", "5"), "one size is needed"),
        (("trade", "open", "ETH", "1e3"), "without an exponent"),
        (("trade", "open", "ETH", "0.0000000001"), "give at most 9"),
        (("trade", "open", "ETH", "0.01"), "position too small"),
        (("trade", "open", "ETH", "99999"), "open interest at its cap"),
        (("trade", "open", "ETH", "1", "--leverage", "500"), "more leverage than ETH allows"),
        (("trade", "open", "ETH", "1", "--leverage", "9999"), "absurdly high"),
        (("trade", "open", "ETH", "1", "--slippage", "101%"), "is more than all"),
        (("trade", "open", "ETH", "1", "--limit", "0"), "the limit is zero"),
        (("trade", "open", "ETH", "1", "--keeper-fee", "101"), "give at most 100"),
        (("trade", "open", "ETH", "1", "--number", "-1"), "'-1' is no account's number"),
        (("trade", "open", "ETH", "1"), "the account lacks"),
        (("trade", "open", "ETH", "1", "--leverage", "5", "--yes"), "has 0 TEST on L2"),
        (("trade", "open", "ETH", "1", "--from-l1", "--yes"), "has 0 TEST on L1"),
        (("trade", "open", "ETH", "1", "--eth", "1"), "--eth is given without --from-l1"),
        (("trade", "close", "ETH"), "the account has no position in ETH"),
        (("trade", "reduce", "BTC", "1"), "the account has no position in BTC"),
        (("trade", "execute", "--slot", "0"), "the account has no order in slot 0"),
        (("trade", "execute", "--slot", "16"), "there are 0 to 15"),
        (("account", "deposit", "5"), "has 0 TEST on L2, less than 5: `ape run account faucet"),
        (("account", "deposit", "0"), "the amount is zero"),
        (("account", "withdraw", "5"), "0.00 TEST may leave the account, less than 5.00"),
        (("account", "withdraw", "all"), "there is nothing to withdraw"),
        (("account", "show", "--of", "0x1"), "the owner '0x1' is not an address"),
        (("gateway", "deposit", "5"), "has 0 TEST on L1, less than 5: move less; `ape run account"),
        (("gateway", "withdraw", "5"), "margin in use: 0.00 TEST may leave the account"),
        (("gateway", "withdraw", "5", "--to", f"0x{0:040}"), "no claimant: name somebody's"),
        (("gateway", "keep", "x"), "'x' is no deposit's number"),
        (("gateway", "name", "x", f"0x{1:040}"), "'x' is no exit's number"),
        (("force", "withdraw", "all"), "0.00 TEST may leave the account: there is nothing"),
        (("lp", "deposit", "5"), "has 0 TEST on L2, less than 5"),
        (("lp", "request", "all"), "the account has no shares"),
        (("lp", "claim"), "nothing waits to be claimed"),
        (("lp", "process"), "no request waits to be priced"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_refused_in_a_sentence(exchange: Exchange, words, sentence):
    assert sentence in exchange.refused(*words, person=PAUPER)


def test_an_advice_names_the_same_network_account_and_number(exchange: Exchange):
    sentence = exchange.refused("trade", "open", "ETH", "1", "--number", "7", person=PAUPER)
    advised = re.search("`ape run ([^`]+)`", sentence)
    assert advised
    words = shlex.split(advised[1])
    assert words[:2] == ["account", "deposit"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    assert given == {
        "--dir": str(exchange.world.devnet.folder.path),
        "--journal": str(exchange.home / "typed"),
        "--account": str(PAUPER),
        "--number": "7",
    }


def test_a_position_is_never_turned_into_its_opposite(exchange: Exchange):
    trader = exchange.trader(BOB, 5)
    trader.deposit(1_000 * UNIT)
    mine = ("--number", "5")
    exchange.trade("open", "ETH", "1", person=BOB, number=5)
    short = ("trade", "open", "ETH", "1", "--short", *mine)
    assert "the account is long 1 ETH" in exchange.refused(*short, person=BOB)
    larger = ("trade", "reduce", "ETH", "2", *mine)
    assert "the position is 1 ETH, less than 2" in exchange.refused(*larger, person=BOB)
    exchange.trade("close", "ETH", person=BOB, number=5)


def test_a_killed_process_places_one_order(exchange: Exchange, monkeypatch):
    """Killed after it sent an order, the same command goes on with that one."""
    trader = exchange.trader(BOB, 6)
    trader.deposit(1_000 * UNIT)
    words = ("trade", "open", "ETH", "1", "--no-wait", "--number", "6")
    with monkeypatch.context() as patched:
        patched.setattr("clearway.opstack.sender.Sender.wait", _killed)
        assert exchange.type(*words, person=BOB).exit_code != 0
    exchange.prices[0] += WAD  # so that the limit would be another now
    exchange.run(*words, person=BOB)
    assert len(trader.view().orders) == 1
    exchange.run("trade", "execute", "--slot", "0", "--number", "6", person=BOB)
    exchange.trade("close", "ETH", person=BOB, number=6)


def _killed(*_: object) -> None:
    raise SystemExit(137)
