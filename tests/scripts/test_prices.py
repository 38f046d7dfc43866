"""Views that answer as if a report were on chain."""

from dataclasses import replace

import pytest

from clearway.opstack.errors import BridgeError, Reverted
from clearway.reports import SignedReport
from clearway.spec.wad import WAD
from clearway.trading.prices import NoReports, Prices

from .exchange import ALICE, FIRST_PRICES, Exchange


class Told:
    """Boards that give one report."""

    def __init__(self, signed: SignedReport) -> None:
        self.signed = signed

    def report(self, _: int) -> SignedReport:
        return self.signed

    def latest(self) -> SignedReport:
        return self.signed


class Broken(NoReports):
    """Boards of which none answers."""

    def latest(self) -> SignedReport | None:
        raise BridgeError("no publisher's board answers", "start them")


def report_of(exchange: Exchange, price: int) -> SignedReport:
    """Return a report of a price of ETH that nobody has seen on chain."""
    exchange.prices[0] = price
    signed = exchange.signed(exchange.now())
    exchange.prices[0] = FIRST_PRICES[0]
    return signed


def test_every_view_answers_as_it_does_once_the_report_is_there(exchange: Exchange):
    dear = report_of(exchange, 3_333 * WAD)
    system, account = exchange.system, exchange.trader(ALICE).id
    views = [
        (system.lens, "account", account),
        (system.pool_lens, "market", 0),
        (system.pool_lens, "vault"),
        (system.quote_lens, "quote", account, 0, WAD),
        (system.vault, "totalAssets"),
        (system.vault, "convertToAssets", WAD),
        (system.vault, "previewDeposit", 10**6),
    ]
    prices = Prices(system, Told(dear))
    before = exchange.world.l2.block().number
    assert prices.ask(system.pool_lens, "market", 0).price == 3_333 * WAD
    assert system.pool_lens.call("market", 0, block=before).price != 3_333 * WAD
    sender = exchange.trader(ALICE).sender
    sender.run(system.feed.transaction("dear", "submit", *dear.as_arguments()))
    sender.report("dear")
    block = exchange.world.l2.block().number
    for contract, *view in views:
        told = contract.call(*view, block=block)
        assert prices.ask(contract, *view, block=block) == told


def test_a_refusal_is_the_views_own(exchange: Exchange):
    prices = Prices(exchange.system, Told(report_of(exchange, 3_444 * WAD)))
    with pytest.raises(Reverted) as refusal:
        prices.ask(exchange.system.vault, "previewRedeem", 1)
    assert refusal.value.reason == "priced when processed"


def test_a_report_that_nobody_signed_changes_nothing(exchange: Exchange):
    dear = report_of(exchange, 3_555 * WAD)
    (r, vs), *others = dear.signatures
    forged = replace(dear, signatures=((r[::-1], vs), *others))
    view = exchange.system.pool_lens
    prices = Prices(exchange.system, Told(forged))
    assert prices.ask(view, "market", 0).price == view.call("market", 0).price != 3_555 * WAD


@pytest.mark.parametrize("reports", [NoReports(), Broken()])
def test_without_boards_what_is_on_chain_must_do(exchange: Exchange, reports):
    exchange.world.advance("1m")
    prices = Prices(exchange.system, reports)
    assert prices.ask(exchange.system.pool_lens, "market", 0).reason in ("price stale", "no price")
    assert (prices.trouble is not None) == isinstance(reports, Broken)


def test_a_young_price_is_not_brought_again(exchange: Exchange):
    trader = exchange.trader(ALICE)
    exchange.world.advance("1m")
    nonce = exchange.world.l2.next_nonce(trader.owner)
    trader.prices.bring(trader.sender)
    trader.prices.bring(trader.sender)
    assert exchange.world.l2.next_nonce(trader.owner) == nonce + 1
    assert not exchange.system.pool_lens.call("market", 0).reason
