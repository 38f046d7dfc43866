"""What comparable markets take for the same, in gas, and what ours takes.

The peers' figures were measured on their own public code with local nodes, in steady state, as sums
over all transactions that one action needs: of GMX V2 the smaller of two. One of "Curie on
Optimism" is read from its transactions there. "SNX V3" is what its own configuration reimburses for
settling. None of them include a fee for L1.
"""

from collections.abc import Mapping

from benchmarks.market_gas import Cost

ACTIONS = ("open", "close", "liquidate", "LP in", "LP out")
PEERS: dict[str, tuple[int | None, ...]] = {
    "Velar (mock oracle)": (894_794, 975_032, 1_139_992, 478_881, 547_046),
    "GMX V2, create and execute": (3_870_000, 3_150_000, 2_596_824, 3_200_000, 3_000_000),
    "Perp V2 Curie": (746_201, 498_948, 1_407_491, 598_000, 483_115),
    "Curie on Optimism": (1_375_966, 969_274, None, None, None),
    "Unstoppable (mock swap)": (569_178, 291_491, 312_658, 111_040, 69_448),
    "SNX V3, settling alone": (7_200_000, 7_200_000, 1_200_000, None, None),
}


def ours(costs: Mapping[str, Cost]) -> tuple[int, ...]:
    """Return our sums: an order is placed, its report brought, and it is executed, all alone."""
    gas = {name: cost.gas for name, cost in costs.items()}
    report = gas["report, 4 markets"]
    place = gas["place, used slot"]
    return (
        place + gas["execute, new, with its report"],
        place + report + gas["execute, close"],
        report + gas["liquidate, 1 market"],
        report + gas["vault: deposit"],
        report + sum(gas[f"vault: {step}"] for step in ("request", "process", "claim")),
    )


def rows(costs: Mapping[str, Cost]) -> list[tuple[str, ...]]:
    """Return a table: who, and the gas of each of `ACTIONS`."""
    everyone: dict[str, tuple[int | None, ...]] = {"Clearway": ours(costs), **PEERS}
    return [
        (name, *("" if figure is None else f"{figure:,}" for figure in figures))
        for name, figures in everyone.items()
    ]
