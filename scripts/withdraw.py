"""`ape run withdraw`: from L2 back to L1, through the challenge delay."""

from collections.abc import Callable
from typing import Any

import click

from clearway.opstack import ForcedStarter, Report, Starter, Status, Tokens, Withdrawal
from clearway.opstack.addresses import Address, parse_address
from clearway.opstack.effects import MESSAGE_GAS
from clearway.opstack.errors import BadInput, TooEarly
from clearway.opstack.messages import tohex
from clearway.shell import withdrawals
from clearway.shell.calls import calldata
from clearway.shell.commands import (
    FAILED,
    BridgeGroup,
    Session,
    connected,
    debug_option,
    example,
    tell,
)
from clearway.shell.tables import console, show_facts, show_table
from clearway.shell.watching import Bars, Lines, problem_of, watch
from clearway.units import parse_amount, parse_count

MOST_GAS = 2**32 - 1  # the messenger keeps it in 32 bits
LOCAL_PAUSE, LIVE_PAUSE = 1.0, 12.0  # seconds; a live L1 has a block in 12

START_OPTIONS = (
    click.option(
        "--forced",
        is_flag=True,
        help="Start it through the portal on L1: no sequencer can refuse it, and the gas is paid "
        "on L1.",
    ),
    click.option(
        "--mint",
        default="0",
        metavar="ETH",
        help="With --forced: ETH brought along from L1 first.",
    ),
)
TO_OPTION = click.option("--to", metavar="ADDRESS", help="Receiver on L1. [default: the account]")


def may_be_forced(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the two ways to L2."""
    for option in reversed(START_OPTIONS):
        command = option(command)
    return command


@click.group(
    cls=BridgeGroup,
    short_help="Withdrawals from L2 to L1, through the challenge delay",
    epilog=example("ape run withdraw start eth 0.5", "ape run withdraw watch"),
)
@debug_option
def cli() -> None:
    """Bring ETH, tokens and messages from L2 to L1.

    A withdrawal is started on L2, proven on L1 once its block is proposed there, and finalized
    after the challenge delay: days, in the chain's time. `watch` and `drive` do all that is due.
    REF is a withdrawal's hash, the hash of the L2 transaction that started it, or the first
    digits that `list` shows.
    """


# Starting


@cli.group(epilog=example("ape run withdraw start eth 0.5"))
def start() -> None:
    """Start a withdrawal on L2."""


@start.command("eth", epilog=example("ape run withdraw start eth 0.5"))
@click.argument("quantity", metavar="AMOUNT")
@TO_OPTION
@may_be_forced
@connected(account=True)
def start_eth(session: Session, quantity: str, to: str | None, forced: bool, mint: str) -> None:
    """Withdraw AMOUNT of ETH, a plain number such as 0.5."""
    wei, receiver, minted = parse_amount(quantity), _receiver(to), _minted(forced, mint)
    _show_started(session, _starter(session, forced, minted).eth(wei, receiver))


@start.command("token", epilog=example("ape run withdraw start token 0xL2… 250"))
@click.argument("l2_token", metavar="L2TOKEN")
@click.argument("quantity", metavar="AMOUNT")
@TO_OPTION
@may_be_forced
@connected(account=True)
def start_token(
    session: Session, l2_token: str, quantity: str, to: str | None, forced: bool, mint: str
) -> None:
    """Withdraw AMOUNT (such as 1.5) of a token that came over this bridge."""
    token, receiver = parse_address(l2_token, "the L2 token"), _receiver(to)
    minted = _minted(forced, mint)
    pair = Tokens(session.rollup).pair_of(token)
    units = parse_amount(quantity, pair.decimals)
    _show_started(session, _starter(session, forced, minted).token(pair, units, receiver))


@start.command(
    "message", epilog=example("ape run withdraw start message 0x… --call 'ping(uint256)' --arg 5")
)
@click.argument("target")
@click.option("--data", metavar="0x…", help="Calldata.")
@click.option("--call", metavar="SIGNATURE", help="Function to call, such as 'ping(uint256)'.")
@click.option(
    "--arg", "arguments", multiple=True, metavar="VALUE", help="An argument of --call; repeat."
)
@click.option("--value", default="0", metavar="ETH", help="ETH that goes with it.")
@click.option(
    "--gas",
    default=str(MESSAGE_GAS),
    show_default=True,
    metavar="GAS",
    help="Gas for the call on L1.",
)
@may_be_forced
@connected(account=True)
def start_message(
    session: Session,
    target: str,
    data: str | None,
    call: str | None,
    arguments: tuple[str, ...],
    value: str,
    gas: str,
    forced: bool,
    mint: str,
) -> None:
    """Call TARGET on L1 through the messengers, when the withdrawal is finalized."""
    receiver = parse_address(target, "the target")
    sent = calldata(data, call, arguments)
    wei = parse_amount(value, what="--value", allow_zero=True)
    least, minted = parse_count(gas, "--gas", MOST_GAS), _minted(forced, mint)
    _show_started(session, _starter(session, forced, minted).message(receiver, sent, wei, least))


def _receiver(to: str | None) -> Address | None:
    return parse_address(to, "--to") if to else None


def _minted(forced: bool, mint: str) -> int:
    wei = parse_amount(mint, what="--mint", allow_zero=True)
    if wei and not forced:
        raise BadInput("--mint is given without --forced", "give both, or deposit the ETH first")
    return wei


def _starter(session: Session, forced: bool, mint: int) -> Starter:
    rollup = session.rollup
    if forced:
        return ForcedStarter(rollup, session.sender(rollup.l1), mint, tell)
    return Starter(rollup, session.sender(rollup.l2))


def _show_started(session: Session, withdrawal: Withdrawal) -> None:
    (tracked,) = withdrawals.find(session.tracker(), tohex(withdrawal.hash))
    show_facts(
        [
            ("withdrawal", tohex(withdrawal.hash)),
            ("what", withdrawals.Names(session.rollup).what(withdrawal)),
            ("L2 transaction", tohex(tracked.l2_transaction)),
        ]
    )
    tell(f"`{session.command('withdraw', 'watch')}` takes it to its end")


# Looking


@cli.command("list", epilog=example("ape run withdraw list"))
@connected()
def list_withdrawals(session: Session) -> None:
    """List the withdrawals of the journal. Times are the chain's own, in UTC."""
    tracker = session.tracker()
    tracker.catch_up()
    tracked = session.journal.tracked()
    if not tracked:
        tell("no withdrawal is known here; `ape run withdraw start eth 0.5` starts one")
        return
    _show_table(session, [tracker.report(one) for one in tracked])


@cli.command(epilog=example("ape run withdraw show 0x1a2b3c4d"))
@click.argument("reference", metavar="REF")
@connected()
def show(session: Session, reference: str) -> None:
    """Show all about one withdrawal, which needn't be one of ours."""
    tracker = session.tracker()
    for tracked in withdrawals.find(tracker, reference):
        show_facts(withdrawals.facts(session.rollup, tracker.report(tracked)))


def _show_table(session: Session, reports: list[Report]) -> None:
    rows = withdrawals.rows(session.rollup, reports)
    show_table(withdrawals.COLUMNS, rows, withdrawals.WIDTHS)
    for report in reports:
        if report.problem:
            hash_ = withdrawals.short(report.tracked.withdrawal)
            click.secho(f"{hash_}: {problem_of(report.problem)}", fg="red", err=True)


# Bringing further


@cli.command(epilog=example("ape run withdraw prove 0x1a2b3c4d"))
@click.argument("reference", metavar="REF")
@connected(account=True)
def prove(session: Session, reference: str) -> None:
    """Prove a withdrawal on L1, which starts its delay."""
    driver = session.driver()
    for tracked in withdrawals.find(driver, reference):
        show_facts(withdrawals.state_facts(driver.prove(tracked)))


@cli.command(epilog=example("ape run withdraw finalize 0x1a2b3c4d"))
@click.argument("reference", metavar="REF")
@connected(account=True)
def finalize(session: Session, reference: str) -> None:
    """Finalize a withdrawal whose delay is over: its call on L1 is made.

    If nobody has resolved its game yet, that is done first, and a delay follows.
    """
    driver = session.driver()
    for tracked in withdrawals.find(driver, reference):
        report = driver.finalize(tracked)
        show_facts(withdrawals.state_facts(report))
        if not report.view.is_finalized:
            raise TooEarly(
                "its game is resolved now, and the withdrawal isn't finalized yet",
                f"it waits for {report.waits_for}, until {withdrawals.when_ready(report)}",
            )


@cli.command(epilog=example("ape run withdraw drive"))
@connected(account=True)
def drive(session: Session) -> None:
    """Take every withdrawal as far as it can go now, and stop.

    Fit for a timer: a second run does the next step. The exit status is 1 if a step failed.
    """
    reports = session.driver().drive()
    if not reports:
        tell("no withdrawal is on its way")
        return
    _show_table(session, reports)
    _exit_on_failure(reports)


@cli.command("watch", epilog=example("ape run withdraw watch"))
@connected(account=True)
def watch_withdrawals(session: Session) -> None:
    """Take every withdrawal to its end, and show its wait.

    Times are the chain's own, in UTC. Ctrl-C is safe at any moment.
    """
    driver = session.driver()
    display = Bars(session.rollup) if console().is_terminal else Lines(session.rollup)
    with display:
        reports = watch(driver, display, LOCAL_PAUSE if session.network.is_local else LIVE_PAUSE)
    if not reports:
        tell("no withdrawal is on its way")
    _exit_on_failure(reports)


def _exit_on_failure(reports: list[Report]) -> None:
    if any(report.problem or report.status is Status.FAILED for report in reports):
        raise click.exceptions.Exit(FAILED)
