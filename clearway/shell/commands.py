"""The frame of every command: what it may be told, and how it fails.

A failure is one sentence on stderr, `error: fact: advice`, and an exit status: 1 when the world or
the input stood in the way, 2 for a bug of ours, 130 when its user stopped it.
"""

import errno
import functools
import os
import re
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
from eth_utils.address import to_checksum_address

from clearway.deployments import Deployment, System
from clearway.devnet.errors import DevnetError
from clearway.networks import LOCAL, LOCAL_FOLDER, Network, find_network
from clearway.opstack import BridgeError, Driver, Journal, Rollup, Sender, Signer, Tracker
from clearway.opstack.addresses import Address
from clearway.opstack.chain import Chain
from clearway.opstack.errors import BadInput
from clearway.opstack.forced import ForcedSender
from clearway.opstack.text import choices
from clearway.shell.accounts import find_signer, unlocked

JOURNAL_FOLDER = Path(".clearway")  # in the project's folder
FAILED, BUG, INTERRUPTED = 1, 2, 130
LONGEST_MESSAGE = 600  # characters; a node's error may hold a whole transaction

ROOT = Path(__file__).resolve().parents[2]
ROOMS = [ROOT / room for room in ("bots", "clearway", "scripts")]
DEBUG_KEY = "clearway.debug"
HINT = re.compile("`ape run ([^`]+)`")  # a command that an advice names
# Which groups' commands act for an account, and for one of its numbers; these few of them do not.
OF_ACCOUNTS = {"account", "bridge", "force", "gateway", "lp", "trade", "withdraw"}
OF_NUMBERS = {"account", "force", "trade"}
OF_NOBODY = {"bridge pair", "bridge status", "bridge wait", "force steps", "trade markets"}
OF_NOBODY |= {"withdraw list", "withdraw show"}
WITHOUT_NUMBER = {"account faucet", *OF_NOBODY}


class BridgeCommand(click.Command):
    """A command that knows a number below zero from an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if re.fullmatch("-[0-9.]", error.option_name):
                raise BadInput(
                    "a number below zero is given", "give a plain number, such as 1.5"
                ) from error
            raise


class BridgeGroup(click.Group):
    """A group whose failures are sentences."""

    command_class = BridgeCommand
    group_class = type

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            meant = choices(args[0], self.list_commands(ctx))
            error.message = f"{error.message.removesuffix('.')}: {meant}"
            raise

    def invoke(self, ctx: click.Context) -> Any:
        _let_ctrl_c_be_seen()
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nstopped; nothing is lost: the same command goes on from here", err=True)
            sys.exit(INTERRUPTED)
        except (BridgeError, DevnetError) as error:
            _fail(ctx, f"error: {_sentence(error)}", FAILED)
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read our output has gone
            again = "" if ctx.meta.get(DEBUG_KEY) else ", run again with --debug"
            what = f"{type(error).__name__} {_sentence(error)}".strip()
            _fail(ctx, f"this is a bug: {what} at {_origin(error)}{again}", BUG)


def _let_ctrl_c_be_seen() -> None:
    """Make Ctrl-C a KeyboardInterrupt again; Ape, once imported, has it exit without a word."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _sentence(error: Exception) -> str:
    line = " ".join(str(error).split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}…"


def _origin(error: Exception) -> str:
    """Return the line of ours that led to an error: it may not come a second time."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if any(map(Path(one.filename).is_relative_to, ROOMS))] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _fail(ctx: click.Context, message: str, status: int) -> NoReturn:
    if ctx.meta.get(DEBUG_KEY):
        click.echo(traceback.format_exc(), err=True)
    click.secho(message, fg="red", err=True)
    sys.exit(status)


class Session:
    """What a command was told of the network and the account. Connects when first asked."""

    def __init__(
        self,
        *,
        network: str | None = None,
        l1_rpc: str | None = None,
        l2_rpc: str | None = None,
        portal: str | None = None,
        folder: Path = LOCAL_FOLDER,
        journal: Path = JOURNAL_FOLDER,
        account: str | None = None,
    ) -> None:
        # The local network knows its own nodes, so a variable meant for a live one is no concern.
        is_local = network == LOCAL or (network is None and portal is None)
        environment = {} if is_local else os.environ
        self._given: dict[str, Any] = {
            "name": network,
            "l1_rpc": l1_rpc or environment.get("CLEARWAY_L1_RPC"),
            "l2_rpc": l2_rpc or environment.get("CLEARWAY_L2_RPC"),
            "portal": portal,
            "folder": folder,
        }
        self.journal_folder = journal
        self._account = account
        self._network_words = {
            "--network": network,
            "--l1-rpc": l1_rpc,
            "--l2-rpc": l2_rpc,
            "--portal": portal,
            "--dir": folder if folder != LOCAL_FOLDER else None,
            "--journal": journal if journal != JOURNAL_FOLDER else None,
        }

    @functools.cached_property
    def network(self) -> Network:
        return find_network(**self._given)

    @functools.cached_property
    def rollup(self) -> Rollup:
        return self.network.connect()

    @functools.cached_property
    def deployment(self) -> Deployment:
        return Deployment.of(self.network)

    @functools.cached_property
    def system(self) -> System:
        return System(self.deployment, self.rollup)

    @functools.cached_property
    def journal(self) -> Journal:
        return Journal.for_rollup(self.rollup, self.journal_folder)

    @functools.cached_property
    def account(self) -> Address:
        """The account's address; asks for no passphrase."""
        return to_checksum_address(self._signer.address)

    @functools.cached_property
    def _signer(self) -> Signer:
        return find_signer(self._account, self.network)

    @functools.cached_property
    def unlocked_signer(self) -> Signer:
        """Who signs; asks for a passphrase if there is one."""
        return unlocked(self._signer)

    def sender(self, chain: Chain) -> Sender:
        """Return the account on a chain; asks for its passphrase if it has one."""
        return Sender(chain, self.unlocked_signer, self.journal)

    def forced_sender(self) -> ForcedSender:
        """Return the account on L2, whose transactions go through L1's portal."""
        return ForcedSender(self.rollup, self.sender(self.rollup.l1), progress=tell)

    def tracker(self) -> Tracker:
        """Return who only looks at withdrawals."""
        return Tracker(self.rollup, self.journal)

    def driver(self) -> Driver:
        """Return who also takes withdrawals further."""
        return Driver(self.rollup, self.sender(self.rollup.l1), self.journal, tell)

    def command(self, *words: str, account: bool = True) -> str:
        """Return a command line with this command's own network (and account)."""
        given = {**self._network_words, **({"--account": self._account} if account else {})}
        options = [word for option in given.items() if option[1] for word in map(str, option)]
        return shlex.join(["ape", "run", *words, *options])

    def completed(self, advice: str, number: str | None = None) -> str:
        """Give the commands that an advice names this command's own network, account and number."""
        return HINT.sub(lambda found: f"`{self._completed(found[1], number)}`", advice)

    def _completed(self, line: str, number: str | None) -> str:
        words = line.split(" ")  # what stands for a value, such as AMOUNT, stays as it is
        group, command = words[0], " ".join(words[:2])
        if group == "devnet":
            folder = self._network_words["--dir"]
            return " ".join(["ape run", line, *(["--dir", str(folder)] if folder else [])])
        is_of_account = group in OF_ACCOUNTS and command not in OF_NOBODY
        is_numbered = group in OF_NUMBERS and command not in WITHOUT_NUMBER
        given = {
            **self._network_words,
            "--account": self._account if is_of_account else None,
            "--number": number if is_numbered and number != "0" else None,
        }
        options = [
            f"{name} {shlex.quote(str(value))}"
            for name, value in given.items()
            if value and name not in words
        ]
        return " ".join(["ape run", line, *options])


def tell(progress: str) -> None:
    """Say on stderr what is going on, so that stdout has results alone."""
    click.echo(progress, err=True)


def _remember_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[DEBUG_KEY] = value or ctx.meta.get(DEBUG_KEY, False)


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show where an error came from.",
)
NETWORK_OPTIONS = [
    click.option(
        "--network",
        metavar="NAME",
        help="local (the default), op-sepolia, base-sepolia, op-mainnet or base.",
    ),
    click.option("--l1-rpc", metavar="URL", help="L1 node. [env: CLEARWAY_L1_RPC]"),
    click.option("--l2-rpc", metavar="URL", help="L2 node. [env: CLEARWAY_L2_RPC]"),
    click.option("--portal", metavar="ADDRESS", help="OptimismPortalProxy on L1."),
    click.option(
        "--dir",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=LOCAL_FOLDER,
        help="Folder of the local network. [default: .devnet]",
    ),
    click.option(
        "--journal",
        type=click.Path(path_type=Path, file_okay=False),
        default=JOURNAL_FOLDER,
        help="Folder of the journal of withdrawals. [default: .clearway]",
    ),
    debug_option,
]
ACCOUNT_OPTION = click.option(
    "--account",
    metavar="NAME",
    help="Account kept by Ape, or 0 to 9 for one of the local network. [default there: 0]",
)

Command = Callable[..., Any]


def connected(*, account: bool = False) -> Callable[[Command], Command]:
    """Give a command the network's options (and the account's), and a `Session` made of them."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def call(**given: Any) -> Any:
            names = ("network", "l1_rpc", "l2_rpc", "portal", "folder", "journal", "account")
            session = Session(**{name: given.pop(name) for name in names if name in given})
            try:
                return command(session, **given)
            except BridgeError as error:
                error.advise(session.completed(error.advice, given.get("number")))
                raise

        options = [*([ACCOUNT_OPTION] if account else []), *NETWORK_OPTIONS]
        for option in reversed(options):
            call = option(call)
        return call

    return decorate


def example(*lines: str) -> str:
    """Return the end of a command's help: examples, kept as they are written."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
