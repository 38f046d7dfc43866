"""The executor as it runs: a process that is killed, beside nodes that restart."""

from tests.keeper.world import EXECUTOR, WAD, Market, people, until

SOURCE = ("--walk", "seed")
SIZE = WAD


def test_an_order_is_executed(market: Market) -> None:
    trader = people()[1]
    market.fund(trader)
    with market.publishers(*SOURCE), market.keeper("executor", account=EXECUTOR) as executor:
        market.place(trader, SIZE)
        until(lambda: market.size_of(trader) == SIZE, executor)
        market.place(trader, -SIZE)
        until(lambda: market.size_of(trader) == 0, executor)
        assert executor.stop() == 0
        print(executor.said())
