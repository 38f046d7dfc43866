"""What an executor does when nobody publishes: rounds for reductions, and an end for the rest."""

from clearway.contracts import Contract
from tests.keeper.world import EXECUTOR, SET_ROUND, WAD, Market, until

CALM = "seconds,ETH,BTC,SOL\n0,2000,60000,150\n"
ROUND_PRICE = 1_990 * 10**8  # of an aggregator with eight decimals


def test_without_reports_a_reduction_fills_by_a_round_and_an_increase_is_cleared(
    market: Market,
) -> None:
    calm = market.home / "calm.csv"
    calm.write_text(CALM)
    trader = market.trader()
    orders = market.system.orders
    aggregator = Contract(market.world.l2, market.aggregator, "MockAggregator")
    with market.keeper("executor", account=EXECUTOR) as executor:
        with market.publishers("--prices", str(calm)):
            market.place(trader, WAD)
            until(lambda: market.size_of(trader) == WAD, executor)
        market.send(market.owner, aggregator, SET_ROUND, 1, ROUND_PRICE, market.now())
        reduction = market.place(trader, -WAD, slot=1, is_reduce_only=True)
        increase = market.place(trader, WAD, slot=2)
        market.world.advance("11m")
        until(lambda: orders.call("order_word", increase) <= 1, executor)
        assert market.size_of(trader) == WAD, "no later round yet"
        market.send(market.owner, aggregator, SET_ROUND, 2, ROUND_PRICE, market.now())
        until(lambda: orders.call("order_word", reduction) <= 1, executor)
        assert market.size_of(trader) == 0
        until(lambda: "by the aggregator's round 2: done" in executor.said(), executor)
