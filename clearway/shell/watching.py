"""Keeping withdrawals under way while showing where they stand.

On a terminal there is a bar for each one's wait, in the chain's time. Elsewhere there is a line
for each change.
"""

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from clearway.opstack import BridgeError, Driver, Report, Rollup, text
from clearway.opstack.errors import (
    RpcError,
    RpcNonsense,
    RpcUnavailable,
    StateUnavailable,
    UnknownTransaction,
)
from clearway.opstack.withdrawals import progress
from clearway.shell.tables import console, shortened
from clearway.shell.withdrawals import Names, is_over, short, when_ready

# What may be gone at the next look: a node that stumbles, a transaction that isn't included yet.
PASSING = (RpcError, RpcNonsense, RpcUnavailable, StateUnavailable, UnknownTransaction)
BAR_WIDTH = 14


class Display(AbstractContextManager["Display"], Protocol):
    """Where the watch shows what it sees."""

    def show(self, reports: list[Report]) -> None: ...

    def say(self, sentence: str) -> None: ...


def watch(driver: Driver, display: Display, pause: float) -> list[Report]:
    """Drive until every withdrawal has ended; return the last report of each."""
    last: dict[bytes, Report] = {}
    trouble = ""
    driver.progress = display.say
    while True:
        try:
            reports = driver.drive()
        except PASSING as error:
            if trouble != str(error):
                trouble = str(error)
                display.say(f"{trouble}; trying again")
        else:
            if trouble:
                display.say("it works again")
            trouble = ""
            last |= {report.tracked.withdrawal.hash: report for report in reports}
            display.show(reports)
            if all(is_over(report) for report in reports):
                return list(last.values())
        time.sleep(pause)


def state_of(report: Report) -> str:
    """Say where a withdrawal stands; whom it waits for is left out where its status says so."""
    is_plain = report.waits_for == "done" or report.waits_for.startswith("you")
    return report.status.value + ("" if is_plain else f", {report.waits_for}")


def problem_of(error: BridgeError | None) -> str:
    return f"problem: {error}" if error else ""


class Lines:
    """A line for each change."""

    def __init__(self, rollup: Rollup) -> None:
        self._names = Names(rollup)
        self._shown: dict[bytes, tuple[str, ...]] = {}

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, reports: list[Report]) -> None:
        for report in reports:
            withdrawal = report.tracked.withdrawal
            state = (report.status.value, report.waits_for, problem_of(report.problem))
            if self._shown.get(withdrawal.hash) != state:
                self._shown[withdrawal.hash] = state
                click.echo(self._line(report))

    def _line(self, report: Report) -> str:
        withdrawal = report.tracked.withdrawal
        words = [
            text.moment(report.view.now).removesuffix(" UTC"),
            short(withdrawal),
            f"{self._names.what(withdrawal)}:",
            state_of(report),
        ]
        if when := when_ready(report):
            words.append(f"(ready {when})")
        if report.problem:
            words.append(f"- {problem_of(report.problem)}")
        return " ".join(words)

    def say(self, sentence: str) -> None:
        click.echo(sentence)


class Bars:
    """A bar for each withdrawal's wait."""

    def __init__(self, rollup: Rollup) -> None:
        self._rollup = rollup
        self._names = Names(rollup)
        self._tasks: dict[bytes, TaskID] = {}
        self._bars = Progress(
            SpinnerColumn(finished_text="*"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.fields[state]}", markup=False),
            console=console(),
        )

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def show(self, reports: list[Report]) -> None:
        for report in reports:
            key = report.tracked.withdrawal.hash
            if key not in self._tasks:
                self._tasks[key] = self._new_task(report)
            done = 1.0 if is_over(report) else progress(report.view, self._rollup.delays)
            proof = report.view.best_proof(self._rollup.delays)
            has_begun = is_over(report) or proof is not None
            self._bars.update(
                self._tasks[key],
                total=1.0 if has_begun else None,
                completed=done if has_begun else 0,
                state=self._state(report),
            )

    def _new_task(self, report: Report) -> TaskID:
        withdrawal = report.tracked.withdrawal
        description = f"{short(withdrawal)}\n{self._names.what(withdrawal)}"
        return self._bars.add_task(description, total=None, state="")

    def _state(self, report: Report) -> str:
        what = shortened(report.waits_for)
        lines = [
            f"{report.status.value}: {what}" if is_over(report) else f"waits for {what}",
            f"ready {when}" if (when := when_ready(report).replace(" UTC", "")) else "",
            problem_of(report.problem),
        ]
        return "\n".join(line for line in lines if line)

    def say(self, sentence: str) -> None:
        self._bars.console.print(Text(sentence))
