"""The liquidator as it runs: it finds who a crash brings below maintenance, and nobody else."""

from collections.abc import Callable

from eth_account.signers.local import LocalAccount

from tests.keeper.world import EXECUTOR, LIQUIDATOR, UNIT, WAD, Market, until

CALM = "seconds,ETH,BTC,SOL\n0,2000,60000,150\n"
CRASH = "seconds,ETH,BTC,SOL\n0,2000,60000,150\n1,1800,60000,150\n"
SIZE = 20 * WAD


def test_who_a_crash_endangers_is_liquidated_though_the_liquidator_was_killed(
    market: Market,
) -> None:
    calm, crash = market.home / "calm.csv", market.home / "crash.csv"
    calm.write_text(CALM)
    crash.write_text(CRASH)
    thin, thick = market.trader(4_700 * UNIT), market.trader(50_000 * UNIT)

    def has_size(trader: LocalAccount) -> Callable[[], bool]:
        return lambda: market.size_of(trader) == SIZE

    with market.keeper("liquidator", account=LIQUIDATOR) as liquidator:
        with market.publishers("--prices", str(calm)):
            with market.keeper("executor", account=EXECUTOR) as executor:
                for trader in (thin, thick):
                    market.place(trader, SIZE)
                for trader in (thin, thick):
                    until(has_size(trader), executor)
            liquidator.kill()
        with market.publishers("--prices", str(crash), "--start", str(market.now() - 1_000)):
            liquidator.start()
            until(lambda: market.size_of(thin) < SIZE, liquidator)
            assert market.size_of(thick) == SIZE
