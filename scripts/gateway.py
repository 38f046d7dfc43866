"""`ape run gateway`: from L1 to margin or the vault by one transaction, and back to L1 by one."""

import click

from clearway import gateways, numbers
from clearway.gateways import Entry, Standing
from clearway.opstack import Starter
from clearway.opstack.addresses import Address, parse_address
from clearway.opstack.errors import BadInput, TooEarly
from clearway.opstack.messages import tohex
from clearway.opstack.text import short
from clearway.shell.arrivals import follow
from clearway.shell.commands import (
    BridgeGroup,
    Session,
    connected,
    debug_option,
    example,
    tell,
)
from clearway.shell.market_tables import Names
from clearway.shell.tables import show_facts, show_table
from clearway.shell.trading import (
    ALL,
    NUMBER_OPTION,
    looked_at,
    options,
    parse_number,
    parse_units,
    provider_of,
    receiver,
    shown_units,
)
from clearway.shell.watching import state_of
from clearway.shell.withdrawals import when_ready
from clearway.trading.reasons import advising
from clearway.units import parse_amount

ETH_OPTION = click.option(
    "--eth", default="0", metavar="ETH", help="ETH to take along, for gas on L2."
)
NO_WAIT_OPTION = click.option("--no-wait", is_flag=True, help="Send it and stop.")
TO_OPTION = click.option(
    "--to", metavar="ADDRESS", help="Who may claim it on L1. [default: the account]"
)
WAITING = ("deposit", "amount", "least shares")
EXITS = ("exit", "of", "amount", "holder", "stands", "ready at")
WIDTHS = {"of": 13, "holder": 13, "stands": 18, "ready at": 10}  # a time is a day above an hour


@click.group(
    cls=BridgeGroup,
    short_help="From L1 to margin or the vault, and back, by one transaction each",
    epilog=example(
        "ape run gateway deposit 1000 --eth 0.01",
        "ape run gateway withdraw all",
        "ape run gateway exits",
    ),
)
@debug_option
def cli() -> None:
    """Bring margin or the vault's money from L1, and take it back there.

    A deposit is the account's own on L2, whatever account it is: a contract's is its alias'. An
    exit lands in a box on L1, from where it is paid to its holder.
    """


# In


@cli.command(
    epilog=example("ape run gateway deposit 1000", "ape run gateway deposit 250 --eth 0.01")
)
@click.argument("quantity", metavar="AMOUNT")
@options(NUMBER_OPTION, ETH_OPTION, NO_WAIT_OPTION)
@connected(account=True)
def deposit(session: Session, quantity: str, number: str, eth: str, no_wait: bool) -> None:
    """Deposit AMOUNT of the collateral from L1 as margin.

    The gateway is approved for that amount first, if it isn't yet.
    """
    units, wei = parse_units(session, quantity), _eth(eth)
    entry = _entry(session)
    _follow(session, entry.margin(units, parse_number(number), eth=wei), no_wait)


@cli.command(epilog=example("ape run gateway provide 1000"))
@click.argument("quantity", metavar="AMOUNT")
@click.option(
    "--least", default="0", metavar="SHARES", help="The fewest shares that it may become."
)
@options(ETH_OPTION, NO_WAIT_OPTION)
@connected(account=True)
def provide(session: Session, quantity: str, least: str, eth: str, no_wait: bool) -> None:
    """Bring AMOUNT from L1 for the vault.

    It waits on L2 until anyone brings a price, which a keeper does, and becomes shares then. Below
    --least it goes on waiting, and `keep` makes it margin.
    """
    units, wei = parse_units(session, quantity), _eth(eth)
    shares = parse_amount(least, what="--least", allow_zero=True)
    id_ = _follow(session, _entry(session).vault(units, shares, wei), no_wait)
    tell(f"`{session.command('lp', 'report')}` shows its shares, once a keeper brings a price")
    tell(f"`{session.command('gateway', 'keep', str(id_))}` makes margin of it until then")


@cli.command(epilog=example("ape run gateway waiting"))
@connected(account=True)
def waiting(session: Session) -> None:
    """List the account's deposits that are on L2 and wait for the vault."""
    held, names = gateways.held_for(session.system, session.account), Names(session.deployment)
    if not held:
        tell("no deposit waits for the vault")
        return
    rows = [(str(one.id), names.units(one.amount), numbers.money(one.least_shares)) for one in held]
    show_table(WAITING, rows)
    tell("an executor brings them in with a report; while a market is halted they stay")
    tell(f"`{session.command('gateway', 'keep', 'ID')}` makes margin of one")


@cli.command(epilog=example("ape run gateway keep 7"))
@click.argument("deposit_id", metavar="ID")
@NUMBER_OPTION
@connected(account=True)
def keep(session: Session, deposit_id: str, number: str) -> None:
    """Make margin of deposit ID, which waits for the vault."""
    id_ = parse_number(deposit_id, "deposit")
    gateway = session.system.l2_gateway
    held = gateway.call("waiting_of", id_)
    if not held.amount:
        raise BadInput(
            f"nothing waits of deposit {id_}",
            "it entered, or is margin; `ape run gateway waiting` lists what waits",
        )
    sender = session.sender(session.rollup.l2)
    purpose = f"keep deposit:{id_}:{gateway.address}"
    with advising():
        sender.run(gateway.transaction(purpose, "to_margin", id_, parse_number(number)))
    sender.report(purpose)
    show_facts([("margin", Names(session.deployment).units(held.amount))])


def _entry(session: Session) -> Entry:
    return Entry(session.system, session.sender(session.rollup.l1), tell)


def _eth(text: str) -> int:
    return parse_amount(text, what="--eth", allow_zero=True)


def _follow(session: Session, l1_transaction: bytes, no_wait: bool) -> int:
    """Show what was sent, and wait until all of it is on L2. Returns the deposit's number."""
    told = gateways.deposit_told(session.system, l1_transaction).values
    follow(
        session,
        l1_transaction,
        no_wait,
        [("deposit", str(told["id"])), ("of", told["owner"])],
    )
    return int(told["id"])


# Out


@cli.command(epilog=example("ape run gateway withdraw 250", "ape run gateway withdraw all"))
@click.argument("quantity", metavar="AMOUNT")
@options(TO_OPTION, NUMBER_OPTION)
@connected(account=True)
def withdraw(session: Session, quantity: str, to: str | None, number: str) -> None:
    """Send AMOUNT of margin, or "all" that backs nothing, to L1."""
    trader, claimant = looked_at(session, None, number), receiver(session, to)
    is_all = quantity.strip().lower() == ALL
    units = trader.free_units() if is_all else parse_units(session, quantity)
    if not units:
        raise BadInput("the account has no margin that may leave", "close positions first")
    sender = session.sender(session.rollup.l2)
    if trader.view().positions:
        trader.prices.bring(sender, tell)
    starter = Starter(session.rollup, sender)
    free = shown_units(session, trader.free_units())
    with advising({"margin in use": f"{free} may leave the account"}):
        started = gateways.withdraw(session.system, starter, trader.id, units, claimant)
    _show_start(session, units, claimant, started.hash)


@cli.command(epilog=example("ape run gateway redeem"))
@TO_OPTION
@connected(account=True)
def redeem(session: Session, to: str | None) -> None:
    """Send all that was set aside for the account's priced shares to L1."""
    owner, claimant = session.account, receiver(session, to)
    vault = session.system.vault
    shares, units = vault.calls(("maxRedeem", owner), ("maxWithdraw", owner))
    if not units:
        waiting = provider_of(session).standing().requests
        advice = "its request isn't priced yet: wait" if waiting else "`ape run lp request` asks"
        raise BadInput("nothing is set aside for the account", advice)
    starter = Starter(session.rollup, session.sender(session.rollup.l2))
    with advising():
        started = gateways.redeem(session.system, starter, shares, owner, claimant)
    _show_start(session, units, claimant, started.hash)


def _show_start(session: Session, units: int, claimant: Address, withdrawal: bytes) -> None:
    names = Names(session.deployment)
    show_facts(
        [("to L1", names.units(units)), ("for", claimant), ("withdrawal", tohex(withdrawal))]
    )
    tell(f"`{session.command('withdraw', 'watch')}` proves and finalizes it")
    tell(f"`{session.command('gateway', 'claim')}` then has it paid")


@cli.command(epilog=example("ape run gateway exits"))
@connected(account=True)
def exits(session: Session) -> None:
    """List the account's exits, and where each stands."""
    found = gateways.exits_of(session.system, session.account)
    if not found:
        tell("there is no exit")
        return
    standings = gateways.standings(session.system, session.tracker(), found)
    show_table(EXITS, [_row(session, one) for one in standings], WIDTHS)


def _row(session: Session, one: Standing) -> tuple[str, ...]:
    units = Names(session.deployment).units(one.exit.amount)
    stands, ready = "paid", ""
    if one.landed:
        stands = "landed: claim it"
    elif one.withdrawal:
        stands, ready = state_of(one.withdrawal), when_ready(one.withdrawal)
    of, holder = short(one.exit.claimant), short(one.holder)
    return str(one.exit.number), of, units, holder, stands, ready


@cli.command(epilog=example("ape run gateway claim", "ape run gateway claim --to 0x…"))
@click.option("--to", metavar="ADDRESS", help="Another than the holder; by the holder only.")
@connected(account=True)
def claim(session: Session, to: str | None) -> None:
    """Have all that has landed of the account's exits paid, to their holders or --to."""
    whom = parse_address(to, "--to") if to else None
    found = gateways.exits_of(session.system, session.account)
    standings = gateways.standings(session.system, session.tracker(), found)
    landed = [one for one in standings if one.landed]
    if whom:
        landed = [one for one in landed if one.holder == session.account]
    if not landed:
        raise TooEarly(
            "nothing has landed on L1 yet" if found else "the account has no exit",
            f"`{session.command('gateway', 'exits')}` shows what there is",
        )
    sender, names = session.sender(session.rollup.l1), Names(session.deployment)
    for one in landed:
        gateways.claim(session.system, sender, one.exit, whom)
        show_facts([("paid", f"{names.units(one.landed)} to {whom or one.holder}")])


@cli.command("name", epilog=example("ape run gateway name 0 0x…"))
@click.argument("exit_number", metavar="NUMBER")
@click.argument("holder")
@click.option("--claimant", metavar="ADDRESS", help="Whose exit it is. [default: the account]")
@connected(account=True)
def name_holder(session: Session, exit_number: str, holder: str, claimant: str | None) -> None:
    """Make HOLDER the one to whom exit NUMBER is paid. Only its holder may, and not undo it."""
    whose = receiver(session, claimant)
    key = whose, parse_number(exit_number, "exit")
    to = parse_address(holder, "the holder")
    present = session.system.l1_gateway.call("holder_of", *key)
    if present != session.account:
        raise BadInput(f"the exit's holder is {present}", "only he may name another")
    one = next((one for one in gateways.exits_of(session.system, whose) if one.key == key), None)
    if one is None:
        raise BadInput(
            f"{whose} has no exit {key[1]}",
            f"`{session.command('gateway', 'exits')}` shows what there is",
        )
    gateways.transfer(session.system, session.sender(session.rollup.l1), one, to)
    show_facts([("holder", to)])
