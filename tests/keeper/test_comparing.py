"""What halts a market in time, and frees it again, when nobody but a keeper looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.contracts import Contract
from clearway.keeper.upkeep import CALM, comparison_is_due
from clearway.spec.price_feed import OFF_PAR, OFF_REFERENCE, PriceFeed, Reference
from clearway.spec.quotes import Quote, boards_of
from clearway.spec.wad import WAD
from tests.keeper.world import EXECUTOR, SET_ROUND, Market, until

CALM_PRICES = "seconds,ETH,BTC,SOL\n0,2000,60000,150\n"
FAR, NEAR = 1_950 * 10**8, 2_001 * 10**8  # of an aggregator with eight decimals

NOW = 10**9
NUMBER = 3


def feed_of(price: int) -> PriceFeed:
    feed = PriceFeed(tile_length=1, publishers=[1], quorum=1, grace_period=0)
    (word,) = boards_of({NUMBER: Quote(price, 0)})
    feed.newest[0] = word + NOW
    return feed


@given(
    price=st.integers(90, 110).map(lambda cents: cents * WAD // 100),
    was_off=st.booleans(),
    is_collateral=st.booleans(),
)
def test_a_comparison_is_due_exactly_where_it_would_change_what_is_kept(
    price: int, was_off: bool, is_collateral: bool
) -> None:
    reference = Reference("", WAD, 2 * 10**16)
    kept, noted = feed_of(price), OFF_REFERENCE
    if is_collateral:
        kept.set_par_market(NUMBER)
        kept.is_off_par, noted = was_off, OFF_PAR
    elif was_off:
        kept.off_reference.add(NUMBER)
    before = kept.halted(NOW, NUMBER)
    kept.compare(NOW, NUMBER, reference)
    after = kept.halted(NOW, NUMBER)
    assert comparison_is_due(before, noted, after == noted, CALM) == (before != after)


@pytest.mark.parametrize(("halted_for", "is_due"), [(CALM - 1, False), (CALM, True)])
def test_a_halt_lasts_a_while(halted_for: int, is_due: bool) -> None:
    assert comparison_is_due(OFF_REFERENCE, OFF_REFERENCE, False, halted_for) == is_due
    assert comparison_is_due("", OFF_REFERENCE, True, halted_for), "but it comes at once"


def test_an_executor_halts_a_market_whose_price_left_its_aggregators_and_frees_it(
    market: Market,
) -> None:
    calm = market.home / "calm.csv"
    calm.write_text(CALM_PRICES)
    feed = market.system.feed
    aggregator = Contract(market.world.l2, market.aggregator, "MockAggregator")

    def has_halted() -> bool:
        return bool(feed.call("halted", 0) == OFF_REFERENCE)

    with (
        market.publishers("--prices", str(calm)),
        market.keeper("executor", account=EXECUTOR) as executor,
    ):
        market.send(market.owner, aggregator, SET_ROUND, 1, FAR, market.now())
        until(has_halted, executor)
        assert feed.call("halted", 1) == "", "it has no aggregator"
        market.send(market.owner, aggregator, SET_ROUND, 2, NEAR, market.now())
        market.world.advance(f"{CALM}s")
        until(lambda: not has_halted(), executor)
        until(lambda: executor.said().count("comparison of ETH with its aggregator: done") == 2)
