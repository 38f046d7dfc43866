"""`ape run admin`: what the timelock is to change, and what the guardian tightens at once."""

from collections.abc import Callable
from typing import Any

import click

from clearway import administration as acts
from clearway.administration import Announced, Operation, Proposal, State, Timelock
from clearway.contracts import Contract
from clearway.opstack import Sender
from clearway.opstack.addresses import parse_address
from clearway.opstack.effects import purpose_of
from clearway.opstack.errors import AlreadyDone, BadInput, Reverted, TooEarly
from clearway.opstack.messages import tohex
from clearway.opstack.sender import Transaction
from clearway.opstack.text import duration, moment, short
from clearway.parameters import MarketParameters, VaultLimits
from clearway.shell import operations
from clearway.shell.commands import BridgeGroup, Session, connected, debug_option, example, tell
from clearway.shell.tables import show_facts, show_table
from clearway.units import parse_amount, parse_count, parse_duration

MOST_QUORUM = 7
DRY_RUN = click.option("--dry-run", is_flag=True, help="Send nothing; say what would happen.")
ASSIGNMENTS = click.argument("assignments", metavar="NAME=VALUE...", nargs=-1)
OWNED = click.Choice(("Configuration", "PriceFeed", "Vault"))


@click.group(
    cls=BridgeGroup,
    short_help="Changes through the timelock, and the guardian's acts",
    epilog=example(
        "ape run admin propose market ETH max_skew=800 taker_fee='0.05 %'",
        "ape run admin queue 3fa9",
        "ape run admin execute 3fa9",
        "ape run admin guardian pause-increases",
    ),
)
@debug_option
def cli() -> None:
    """Change parameters through the timelock, or tighten at once as the guardian.

    A change is proposed (nothing is sent: it is judged, shown and written down), queued by a
    proposer, and executed by anyone once the delay is over. ID is an operation's, or its first
    digits.
    """


# Proposing


@cli.group(epilog=example("ape run admin propose pool kink='85 %'"))
def propose() -> None:
    """Judge a change and write it down. Sends nothing."""


def _proposal(function: Callable[..., Proposal]) -> Callable[..., None]:
    """Make a command that shows and keeps the proposal which a function makes of its words."""

    @connected()
    def command(session: Session, **given: Any) -> None:
        _show_proposal(session, function(session, **given))

    command.__doc__ = function.__doc__
    return command


@propose.command("market", epilog=example("ape run admin propose market ETH max_skew=800"))
@click.argument("name", metavar="MARKET")
@ASSIGNMENTS
@_proposal
def propose_market(session: Session, name: str, assignments: tuple[str, ...]) -> Proposal:
    """Change a market's parameters; what isn't named stays."""
    return acts.market_change(session.system, name, assignments)


@propose.command("pool", epilog=example("ape run admin propose pool kink='85 %'"))
@ASSIGNMENTS
@_proposal
def propose_pool(session: Session, assignments: tuple[str, ...]) -> Proposal:
    """Change what holds for all markets together."""
    return acts.pool_change(session.system, assignments)


@propose.command("vault", epilog=example("ape run admin propose vault cooldown=2d"))
@ASSIGNMENTS
@_proposal
def propose_vault(session: Session, assignments: tuple[str, ...]) -> Proposal:
    """Change the vault's limits."""
    return acts.vault_change(session.system, assignments)


@propose.command("aggregator", epilog=example("ape run admin propose aggregator ETH heartbeat=2h"))
@click.argument("name", metavar="MARKET")
@ASSIGNMENTS
@_proposal
def propose_aggregator(session: Session, name: str, assignments: tuple[str, ...]) -> Proposal:
    """Change how a market's aggregator is judged, or by address=0x… which it is."""
    return acts.aggregator_change(session.system, name, assignments)


@propose.command("publishers", epilog=example("ape run admin propose publishers 0x… 0x… 0x…"))
@click.argument("publishers", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--quorum", metavar="N", help="How many must sign. [default: the fewest possible]")
@_proposal
def propose_publishers(
    session: Session, publishers: tuple[str, ...], quorum: str | None
) -> Proposal:
    """Replace all publishers."""
    least = len(publishers) // 2 + 1
    needed = parse_count(quorum, "the quorum", MOST_QUORUM) if quorum else least
    return acts.publishers_change(session.system, publishers, needed)


@propose.command("guardian", epilog=example("ape run admin propose guardian Vault 0x…"))
@click.argument("contract", type=OWNED)
@click.argument("guardian", metavar="ADDRESS")
@_proposal
def propose_guardian(session: Session, contract: str, guardian: str) -> Proposal:
    """Give the guardian's place at a contract to another."""
    return acts.guardian_change(session.system, contract, guardian)


@propose.command("retirement", epilog=example("ape run admin propose retirement SOL --notice 30d"))
@click.argument("name", metavar="MARKET")
@click.option(
    "--notice",
    default="14d",
    show_default=True,
    metavar="DURATION",
    help="From the execution to the end.",
)
@_proposal
def propose_retirement(session: Session, name: str, notice: str) -> Proposal:
    """Announce a market's end, at the price of a second to come."""
    return acts.retirement(session.system, name, parse_duration(notice, "the notice"))


def _show_proposal(session: Session, proposal: Proposal) -> None:
    system = session.system
    timelock = Timelock(system)
    acts.judged(proposal, system.timelock.address)
    operation = timelock.operation(proposal.call)
    operations.keep(_folder(session), operation)
    show_table(
        ("value", "now", "then"),
        [(change.name, change.before, change.after) for change in proposal.changes],
    )
    click.echo()
    scheduling = timelock.scheduling(operation)
    show_facts(
        [
            ("operation", tohex(operation.id)),
            ("calls", f"{proposal.contract.name} {proposal.contract.address}"),
            ("calldata", tohex(proposal.call.data)),
            ("waits", f"{duration(timelock.delay)} after it is queued"),
            ("to queue it by another wallet", f"to {scheduling.to}\n{tohex(scheduling.data)}"),
            ("next", session.command("admin", "queue", _short(operation), account=False)),
        ]
    )


def _folder(session: Session) -> Any:
    journal = session.journal.path
    return journal.with_name(f"{journal.stem}-proposals")


def _short(operation: Operation) -> str:
    return operation.id.hex()[:8]


# Operations


@cli.command(epilog=example("ape run admin queue 3fa9c1d0"))
@click.argument("reference", metavar="ID")
@DRY_RUN
@connected(account=True)
def queue(session: Session, reference: str, dry_run: bool) -> None:
    """Announce a proposal to the timelock; for its proposers."""
    timelock = Timelock(session.system)
    operation = operations.kept(_folder(session), reference)
    _require_role(session, "PROPOSER_ROLE", "proposer")
    if timelock.contract.call("is_operation", operation.id):
        raise AlreadyDone("it was announced before", "`ape run admin list` shows it")
    if _send(session, timelock.scheduling(operation), dry_run=dry_run):
        ready = timelock.contract.call("get_timestamp", operation.id)
        tell(f"queued; anyone may execute it from {moment(ready)}")
        tell(session.command("admin", "execute", _short(operation), account=False))


@cli.command(epilog=example("ape run admin execute 3fa9c1d0"))
@click.argument("reference", metavar="ID")
@DRY_RUN
@connected(account=True)
def execute(session: Session, reference: str, dry_run: bool) -> None:
    """Do what was announced, once its delay is over; anyone may."""
    timelock = Timelock(session.system)
    found = timelock.find(reference)
    _require_ready(session, found)
    if _send(session, timelock.executing(found.operation), dry_run=dry_run):
        tell("executed; `ape run deploy --check --accept` takes it into the deployment's file")


@cli.command(epilog=example("ape run admin cancel 3fa9c1d0"))
@click.argument("reference", metavar="ID")
@DRY_RUN
@connected(account=True)
def cancel(session: Session, reference: str, dry_run: bool) -> None:
    """Take back what was announced; for proposers."""
    timelock = Timelock(session.system)
    found = timelock.find(reference)
    if found.state is State.DONE:
        raise AlreadyDone("it was executed", "propose the opposite")
    _require_role(session, "CANCELLER_ROLE", "canceller")
    if _send(session, timelock.cancelling(found.operation.id), dry_run=dry_run):
        tell("cancelled")


@cli.command("list", epilog=example("ape run admin list"))
@click.option("--all", "everything", is_flag=True, help="Those that were executed, too.")
@connected()
def list_operations(session: Session, everything: bool) -> None:
    """Show what was announced to the timelock and waits."""
    system = session.system
    found = [
        one for one in Timelock(system).announced() if everything or one.state is not State.DONE
    ]
    if not found:
        tell("nothing waits")
        return
    show_table(
        ("id", "state", "from", "what"),
        [
            (
                _short(one.operation),
                one.state.name.lower(),
                "" if one.state is State.DONE else moment(one.ready_at),
                "\n".join(operations.described(system, call) for call in one.operation.calls),
            )
            for one in found
        ],
    )


def _require_role(session: Session, role: str, name: str) -> None:
    timelock = session.system.timelock
    if not timelock.call("hasRole", timelock.call(role), session.account):
        raise BadInput(
            f"{session.account} is no {name} of the timelock",
            "give a proposer's account by --account; nothing was sent",
        )


def _require_ready(session: Session, found: Announced) -> None:
    if found.state is State.DONE:
        raise AlreadyDone("it was executed before", "`ape run admin list --all` shows it")
    if found.state is State.WAITING:
        left = found.ready_at - session.rollup.l2.block().timestamp
        raise TooEarly(
            f"it waits until {moment(found.ready_at)}", f"{duration(left)} from now, in L2's time"
        )


# The guardian


@cli.group(epilog=example("ape run admin guardian pause-increases ETH"))
def guardian() -> None:
    """Tighten at once; only the timelock loosens again."""


@guardian.command("pause-increases", epilog=example("ape run admin guardian pause-increases"))
@click.argument("markets", metavar="[MARKET]...", nargs=-1)
@DRY_RUN
@connected(account=True)
def pause_increases(session: Session, markets: tuple[str, ...], dry_run: bool) -> None:
    """Let nobody add to positions, in the named markets or in all."""
    deployment = session.deployment
    listed = [deployment.market(name) for name in markets] or list(deployment.markets)
    numbers = [market.number for market in listed]
    contract = session.system.configuration
    _guard(session, contract, "pause_increases", numbers, dry_run=dry_run)


@guardian.command("lower-caps", epilog=example("ape run admin guardian lower-caps ETH --skew 500"))
@click.argument("name", metavar="MARKET")
@click.option("--open-interest", metavar="SIZE", help="Of each side. [default: as it is]")
@click.option("--skew", metavar="SIZE", help="Of both sides' difference. [default: as it is]")
@DRY_RUN
@connected(account=True)
def lower_caps(
    session: Session, name: str, open_interest: str | None, skew: str | None, dry_run: bool
) -> None:
    """Lower how much a market may hold."""
    if open_interest is None and skew is None:
        raise BadInput("no cap is given", "give --open-interest, --skew or both")
    market = session.deployment.market(name)
    contract = session.system.configuration
    present = contract.call("parameters_of", market.number)
    caps = [
        _lowered(text, now, what, MarketParameters.show(field, now))
        for text, now, what, field in (
            (open_interest, present.max_open_interest, "--open-interest", "max_open_interest"),
            (skew, present.max_skew, "--skew", "max_skew"),
        )
    ]
    _guard(session, contract, "lower_caps", market.number, *caps, dry_run=dry_run)


@guardian.command("drop-publisher", epilog=example("ape run admin guardian drop-publisher 0x…"))
@click.argument("publisher", metavar="ADDRESS")
@DRY_RUN
@connected(account=True)
def drop_publisher(session: Session, publisher: str, dry_run: bool) -> None:
    """Take a publisher off the list, while a quorum is left."""
    address = parse_address(publisher, "the publisher")
    known = session.system.feed.call("publishers")
    if address not in known:
        raise BadInput(f"{address} is no publisher", f"there are {', '.join(known)}")
    _guard(session, session.system.feed, "drop_publisher", address, dry_run=dry_run)


@guardian.command(
    "lower-deposit-cap", epilog=example("ape run admin guardian lower-deposit-cap 500000")
)
@click.argument("cap", metavar="AMOUNT")
@DRY_RUN
@connected(account=True)
def lower_deposit_cap(session: Session, cap: str, dry_run: bool) -> None:
    """Lower what the vault may be worth after a deposit."""
    vault = session.system.vault
    present = vault.call("deposit_cap")
    lowered = _lowered(cap, present, "the cap", VaultLimits.show("deposit_cap", present))
    _guard(session, vault, "lower_deposit_cap", lowered, dry_run=dry_run)


def _lowered(text: str | None, present: int, what: str, shown: str) -> int:
    if text is None:
        return present
    value = parse_amount(text, what=what, allow_zero=True)
    if value > present:
        raise BadInput(f"{what} {text} is above what is set", f"give less than {shown}")
    return value


def _guard(
    session: Session, contract: Contract, function: str, *arguments: Any, dry_run: bool
) -> None:
    guardian_now = contract.call("guardian")
    if guardian_now != session.account:
        raise BadInput(
            f"{session.account} is not the guardian of {contract.name}",
            f"that is {guardian_now}; give its account by --account",
        )
    purpose = purpose_of("guardian", contract.address, function, arguments)
    transaction = contract.transaction(purpose, function, *arguments)
    what = operations.described(session.system, acts.Call(contract.address, transaction.data))
    is_sent = _send(session, transaction, dry_run=dry_run)
    tell(f"done: {what}" if is_sent else what)


# Sending


def _send(session: Session, transaction: Transaction, *, dry_run: bool) -> bool:
    """Send a transaction on L2; tell whether it was sent, which a dry run does not."""
    l2 = session.rollup.l2
    if dry_run:
        gas = _required_gas(session, transaction)
        tell(f"it would succeed with about {gas:,} gas; nothing was sent")
        return False
    sender: Sender = session.sender(l2)
    if not sender.is_resuming(transaction.purpose):
        _required_gas(session, transaction)
    receipt = sender.run(transaction)
    sender.report(transaction.purpose)
    block = int(receipt["blockNumber"], 16)
    tell(f"L2 transaction {short(receipt['transactionHash'])} in block {block}")
    return True


def _required_gas(session: Session, transaction: Transaction) -> int:
    """Return the gas that it needs; raise `BadInput` if the contract would refuse."""
    l2 = session.rollup.l2
    try:
        return l2.estimate_gas(session.account, transaction.to, transaction.data)
    except Reverted as error:
        raise BadInput(f"the contract would refuse: {error.reason}", "nothing was sent") from error
