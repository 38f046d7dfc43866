"""`ape run bridge`: from L1 to L2, and what is to be seen of both."""

from collections.abc import Callable, Iterator
from typing import Any

import click

from clearway.opstack import Arrivals, Deposits, Rollup, Tokens, abi, replay
from clearway.opstack.addresses import (
    L2_BRIDGE,
    L2_MESSENGER,
    ZERO_ADDRESS,
    Address,
    parse_address,
)
from clearway.opstack.chain import Block, Chain
from clearway.opstack.effects import MESSAGE_GAS
from clearway.opstack.games import TYPE_NAMES
from clearway.opstack.messages import tohex
from clearway.opstack.text import amount, duration, moment
from clearway.opstack.tokens import TokenPair
from clearway.shell.arrivals import follow
from clearway.shell.calls import calldata, parse_hash
from clearway.shell.commands import (
    BridgeGroup,
    Session,
    connected,
    debug_option,
    example,
    tell,
)
from clearway.shell.tables import eth, show_facts, show_table
from clearway.units import parse_amount, parse_count

MOST_GAS = 2**32 - 1  # the messenger keeps it in 32 bits

TO_OPTION = click.option("--to", metavar="ADDRESS", help="Receiver on L2. [default: the account]")
NO_WAIT_OPTION = click.option(
    "--no-wait", is_flag=True, help="Print the L2 transaction's hash and stop."
)
GAS_OPTION = click.option(
    "--gas",
    default=str(MESSAGE_GAS),
    show_default=True,
    metavar="GAS",
    help="Gas for the call on L2.",
)
CALL_OPTIONS = (
    click.option("--data", metavar="0x…", help="Calldata."),
    click.option("--call", metavar="SIGNATURE", help="Function to call, such as 'ping(uint256)'."),
    click.option(
        "--arg", "arguments", multiple=True, metavar="VALUE", help="An argument of --call; repeat."
    ),
)


def takes_a_call(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the three ways to say what is called."""
    for option in reversed(CALL_OPTIONS):
        command = option(command)
    return command


@click.group(
    cls=BridgeGroup,
    short_help="Deposits from L1 to L2, and the state of the bridge",
    epilog=example("ape run bridge deposit eth 1.5", "ape run bridge balances"),
)
@debug_option
def cli() -> None:
    """Move ETH, tokens and messages from L1 to L2, and look at the bridge.

    The way back is `ape run withdraw`. Amounts are plain numbers of ETH or tokens, such as 1.5.
    """


# Looking


@cli.command(epilog=example("ape run bridge status", "ape run bridge status --network op-sepolia"))
@connected()
def status(session: Session) -> None:
    """Show both chains, the portal between them and its delays."""
    show_facts(_status_facts(session.network.name, session.rollup))


def _status_facts(name: str, rollup: Rollup) -> Iterator[tuple[str, str]]:
    heads = rollup.l1.block(), rollup.l2.block()
    yield "network", name
    for chain, head in zip((rollup.l1, rollup.l2), heads, strict=True):
        yield (
            chain.name,
            f"chain {chain.chain_id}, block {head.number}, {moment(head.timestamp)}",
        )
    yield "clocks", _clocks(*heads)
    state = "paused by its guardian" if rollup.is_paused() else "not paused"
    yield "portal", f"{rollup.portal}\nversion {rollup.version}, {state}, holds {_held(rollup)}"
    yield from _game_facts(rollup)
    yield "proof maturity", duration(rollup.delays.proof_maturity)
    yield "game finality", duration(rollup.delays.game_finality)
    yield "L1 messenger", rollup.messenger
    yield "L1 bridge", rollup.bridge
    yield "L2 messenger", L2_MESSENGER
    yield "L2 bridge", L2_BRIDGE


def _clocks(l1: Block, l2: Block) -> str:
    behind = l1.timestamp - l2.timestamp
    if not behind:
        return "equal"
    return f"L2 is {duration(abs(behind))} {'behind' if behind > 0 else 'ahead of'} L1"


def _held(rollup: Rollup) -> str:
    lockbox = rollup.l1.try_call(rollup.portal, abi.Portal.LOCKBOX)
    if lockbox in (None, ZERO_ADDRESS):
        return eth(rollup.l1.balance(rollup.portal))
    return f"{eth(rollup.l1.balance(lockbox))} in its lockbox {lockbox}"


def _game_facts(rollup: Rollup) -> Iterator[tuple[str, str]]:
    games = rollup.games
    kind = games.respected_type()
    name = TYPE_NAMES.get(kind, "of a kind unknown to this client")
    yield "respected game", f"type {kind}, {name}"
    yield "games so far", str(games.count())
    game = rollup.l1.call(games.factory, abi.Factory.GAME_IMPLEMENTATION, kind)
    if clock := rollup.l1.try_call(game, abi.Game.MAX_CLOCK):
        yield "challenge clock", duration(clock)


@cli.command(
    epilog=example(
        "ape run bridge balances",
        "ape run bridge balances 0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    )
)
@click.argument("address", required=False)
@click.option("--token", "tokens", multiple=True, metavar="L2TOKEN", help="A token; repeat.")
@connected(account=True)
def balances(session: Session, address: str | None, tokens: tuple[str, ...]) -> None:
    """Show what ADDRESS (default: the account) holds on L1 and on L2."""
    owner = parse_address(address, "the address") if address else session.account
    asked = [parse_address(token, "the token") for token in tokens]
    rollup = session.rollup
    rows = [("ETH", amount(rollup.l1.balance(owner)), amount(rollup.l2.balance(owner)))]
    for token in asked:
        pair = Tokens(rollup).pair_of(token)
        rows.append(
            (
                pair.symbol,
                _token_balance(rollup.l1, pair.l1_token, pair, owner),
                _token_balance(rollup.l2, pair.l2_token, pair, owner),
            )
        )
    tell(f"balances of {owner}")
    show_table(("", "L1", "L2"), rows)


def _token_balance(chain: Chain, token: Address, pair: TokenPair, owner: Address) -> str:
    return amount(chain.call(token, abi.Token.BALANCE, owner), pair.decimals)


@cli.command(epilog=example("ape run bridge pair 0x4200…0042"))
@click.argument("l2_token", metavar="L2TOKEN")
@connected()
def pair(session: Session, l2_token: str) -> None:
    """Show which L1 token an L2 token stands for."""
    token = parse_address(l2_token, "the L2 token")
    show_facts(_pair_facts(Tokens(session.rollup).pair_of(token)))


def _pair_facts(found: TokenPair) -> Iterator[tuple[str, str]]:
    yield "token", f"{found.symbol}, {found.decimals} decimals"
    yield "on L1", found.l1_token
    yield "on L2", found.l2_token


# Depositing


@cli.group(epilog=example("ape run bridge deposit eth 1.5"))
def deposit() -> None:
    """Deposit ETH or tokens, or send a message, from L1 to L2."""


@deposit.command("eth", epilog=example("ape run bridge deposit eth 1.5"))
@click.argument("quantity", metavar="AMOUNT")
@TO_OPTION
@NO_WAIT_OPTION
@connected(account=True)
def deposit_eth(session: Session, quantity: str, to: str | None, no_wait: bool) -> None:
    """Deposit AMOUNT of ETH, a plain number such as 1.5."""
    wei, receiver = parse_amount(quantity), _receiver(to)
    l1_transaction = _deposits(session).eth(wei, receiver, tell)
    _follow(session, l1_transaction, no_wait)


@deposit.command("token", epilog=example("ape run bridge deposit token 0xL1… 0xL2… 250"))
@click.argument("l1_token", metavar="L1TOKEN")
@click.argument("l2_token", metavar="L2TOKEN")
@click.argument("quantity", metavar="AMOUNT")
@TO_OPTION
@NO_WAIT_OPTION
@connected(account=True)
def deposit_token(
    session: Session, l1_token: str, l2_token: str, quantity: str, to: str | None, no_wait: bool
) -> None:
    """Deposit AMOUNT (such as 1.5) of an L1 token; it arrives as its L2 token.

    The bridge is approved for that amount first, if it isn't yet.
    """
    receiver = _receiver(to)
    found = Tokens(session.rollup).pair(
        parse_address(l1_token, "the L1 token"), parse_address(l2_token, "the L2 token")
    )
    units = parse_amount(quantity, found.decimals)
    l1_transaction = _deposits(session).token(found, units, receiver, tell)
    _follow(session, l1_transaction, no_wait)


@deposit.command(
    "message", epilog=example("ape run bridge deposit message 0x… --call 'ping(uint256)' --arg 5")
)
@click.argument("target")
@takes_a_call
@click.option("--value", default="0", metavar="ETH", help="ETH that goes with it.")
@GAS_OPTION
@NO_WAIT_OPTION
@connected(account=True)
def deposit_message(
    session: Session,
    target: str,
    data: str | None,
    call: str | None,
    arguments: tuple[str, ...],
    value: str,
    gas: str,
    no_wait: bool,
) -> None:
    """Call TARGET on L2 through the messengers.

    TARGET sees the L2 messenger as its caller, and asks it for the sender on L1. A call that fails
    on L2 can be replayed.
    """
    receiver = parse_address(target, "the target")
    sent = calldata(data, call, arguments)
    wei = parse_amount(value, what="--value", allow_zero=True)
    least = parse_count(gas, "--gas", MOST_GAS)
    l1_transaction = _deposits(session).message(receiver, sent, wei, least, tell)
    _follow(session, l1_transaction, no_wait)


@cli.command(
    epilog=example("ape run bridge force 0x… --call 'close(uint256)' --arg 7 --gas 500000")
)
@click.argument("target")
@takes_a_call
@click.option("--value", default="0", metavar="ETH", help="ETH spent on L2 with the call.")
@click.option("--mint", default="0", metavar="ETH", help="ETH brought along from L1.")
@GAS_OPTION
@NO_WAIT_OPTION
@connected(account=True)
def force(
    session: Session,
    target: str,
    data: str | None,
    call: str | None,
    arguments: tuple[str, ...],
    value: str,
    mint: str,
    gas: str,
    no_wait: bool,
) -> None:
    """Make the account call TARGET on L2, through L1.

    The sequencer can't refuse it, and the account needs no ETH on L2: the gas is bought on L1. A
    call that fails there is not repeated; ETH brought along stays with the account on L2.
    """
    receiver = parse_address(target, "the target")
    sent = calldata(data, call, arguments)
    spent = parse_amount(value, what="--value", allow_zero=True)
    brought = parse_amount(mint, what="--mint", allow_zero=True)
    limit = parse_count(gas, "--gas", MOST_GAS)
    l1_transaction = _deposits(session).force(receiver, sent, spent, limit, brought, tell)
    _follow(session, l1_transaction, no_wait)


@cli.command(epilog=example("ape run bridge wait 0x…"))
@click.argument("transaction", metavar="L1TX")
@connected()
def wait(session: Session, transaction: str) -> None:
    """Wait until the deposits of an L1 transaction are on L2."""
    _follow(session, parse_hash(transaction, "the L1 transaction"), no_wait=False)


def _receiver(to: str | None) -> Address | None:
    return parse_address(to, "--to") if to else None


def _deposits(session: Session) -> Deposits:
    return Deposits(session.rollup, session.sender(session.rollup.l1))


def _follow(session: Session, l1_transaction: bytes, no_wait: bool) -> None:
    """Show the L2 hashes, which are known at once, and wait for them."""
    made = Arrivals(session.rollup).deposits_of(l1_transaction)
    follow(session, l1_transaction, no_wait, [("L2 transaction", tohex(one.hash)) for one in made])


# Repairing and preparing


@cli.command("replay", epilog=example("ape run bridge replay 0x…"))
@click.argument("transaction", metavar="TX")
@connected(account=True)
def replay_message(session: Session, transaction: str) -> None:
    """Relay the messages of TX that failed once more.

    TX is the transaction that sent them: of L1 for a deposit, of L2 for a withdrawal.
    """
    sent_by = parse_hash(transaction, "the transaction")
    rollup = session.rollup
    senders = {chain.name: session.sender(chain) for chain in (rollup.l1, rollup.l2)}
    for transaction_ in replay(rollup, sent_by, senders):
        show_facts([("replayed in", tohex(transaction_))])


@cli.command("create-token", epilog=example("ape run bridge create-token 0x…"))
@click.argument("l1_token", metavar="L1TOKEN")
@connected(account=True)
def create_token(session: Session, l1_token: str) -> None:
    """Make an L2 token that stands for an L1 token. Needs ETH on L2."""
    token = parse_address(l1_token, "the L1 token")
    created = Tokens(session.rollup).create(session.sender(session.rollup.l2), token)
    show_facts(_pair_facts(created))
