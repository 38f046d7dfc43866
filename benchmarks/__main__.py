"""`python -m benchmarks`: measure, show, and compare gas with the snapshot."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

import click

from benchmarks import (
    bridge_gas,
    bridge_speed,
    figures,
    machine,
    market_gas,
    peers,
    snapshot,
    trading_gas,
)
from benchmarks.figures import Figure
from clearway.shell.commands import tell
from clearway.shell.tables import show_facts, show_table

TERMINATED = 143  # exit status of a program that was asked to end


@dataclass(frozen=True)
class Options:
    quick: bool
    update: bool


def _bridge_speed(options: Options) -> bool:
    measured: list[Figure] = []
    try:
        for figure in bridge_speed.measure(quick=options.quick):
            measured.append(figure)
    finally:
        if measured:
            figures.show(measured)
    return True


def _bridge_gas(options: Options) -> bool:
    return _compare("bridge", bridge_gas.measure(), options)


def _market_gas(options: Options) -> bool:
    tell("measuring the gas of every action of the market")
    with market_gas.bench() as bench:
        bench.report_all()
        trading_gas.Trading(bench).measure()
        costs = bench.costs
    rows = [
        (name, f"{cost.gas:,}", f"{cost.floor:,}", f"{cost.multiple:.2f}")
        for name, cost in costs.items()
    ]
    show_table(("action", "gas", "floor", "times floor"), rows)
    click.echo("\nall transactions of an action together, beside comparable markets")
    show_table(("", *peers.ACTIONS), peers.rows(costs))
    click.echo()
    return _compare("market", {name: cost.gas for name, cost in costs.items()}, options)


SUITES: dict[str, Callable[[Options], bool]] = {
    "bridge-speed": _bridge_speed,
    "bridge-gas": _bridge_gas,
    "market-gas": _market_gas,
}
"""Each shows its figures, and tells whether they are acceptable."""


@click.command()
@click.argument("suites", nargs=-1, type=click.Choice(list(SUITES)))
@click.option("--quick", is_flag=True, help="Leave out the network of 10,000 blocks.")
@click.option("--update", is_flag=True, help="Keep the gas measured now as the snapshot.")
def main(suites: tuple[str, ...], quick: bool, update: bool) -> None:
    """Measure SUITES (all, if none is named).

    Gas is compared with benchmarks/gas.json: the exit status is 1 if any figure grew by more than
    2 %, or is not in it. Speed and size depend on the machine, so a goal that is not met is shown
    and does not fail.
    """
    # Without this, a benchmark that is asked to end would leave its networks running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    show_facts(machine.facts())
    options = Options(quick, update)
    accepted = []
    for name in suites or SUITES:
        click.echo(f"\n{name}")
        accepted.append(SUITES[name](options))
    if not all(accepted):
        sys.exit(1)


def _compare(suite: str, gas: dict[str, int], options: Options) -> bool:
    """Show a suite's gas and what has changed; tell whether the snapshot allows it."""
    before = snapshot.read(suite)
    changes = {change.name: change for change in snapshot.changes(before, gas)}
    rows = []
    for name in sorted({*before, *gas}):
        was, now = before.get(name), gas.get(name)
        verdict = changes[name].verdict if name in changes else ""
        rows.append((name, _shown(now), _shown(was), verdict))
    show_table(("action", "gas", "snapshot", "change"), rows)
    if options.update:
        snapshot.write(suite, snapshot.updated(before, gas))
        click.echo("the snapshot is updated")
        return True
    failures = [change for change in changes.values() if change.is_failure]
    for change in failures:
        click.secho(f"{change.name}: {change.verdict}", fg="red", err=True)
    if failures:
        click.secho(
            f"error: gas grew by more than {snapshot.GROWTH_LIMIT} %, or figures were added or "
            "removed: mend it, or accept it with `python -m benchmarks --update`",
            fg="red",
            err=True,
        )
    elif changes:
        click.echo("gas has changed and is accepted; keep it with `python -m benchmarks --update`")
    return not failures


def _shown(gas: int | None) -> str:
    return "" if gas is None else f"{gas:,}"


if __name__ == "__main__":
    main()
