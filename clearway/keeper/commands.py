"""The frame of a keeper's command: one process, one screen, a sentence when it can't begin."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol

import click

from clearway.contracts import Contract
from clearway.deployments import genesis_of
from clearway.keeper.archive import Archive
from clearway.keeper.errors import CannotStart
from clearway.keeper.following import Follower
from clearway.keeper.hands import Hands
from clearway.keeper.heads import Heads
from clearway.keeper.intents import Intents
from clearway.keeper.publishing import committee_of
from clearway.keeper.reports import Reports
from clearway.keeper.reports_client import Board
from clearway.keeper.running import Stop, Worker, keep_doing
from clearway.keeper.screen import Screen, screen
from clearway.opstack import Chain, Journal, Sender
from clearway.opstack.errors import BadInput
from clearway.opstack.text import amount
from clearway.shell.commands import BridgeGroup, Session

HAND_OVER = 10.0  # wall seconds that what is under way is given to end
FINISH_PAUSE = 0.2  # wall seconds between two looks at it
LEAST_GAS = 5_000_000  # that a keeper must be able to pay for when it begins

WEBSOCKET_OPTION = click.option(
    "--l2-ws",
    metavar="URL",
    envvar="CLEARWAY_L2_WS",
    help="L2 node by WebSocket, to hear of blocks at once. [env: CLEARWAY_L2_WS]",
)


class Keeper(Protocol):
    """What takes steps, each of which reads, decides and sends, and waits for nothing."""

    now: int  # the chain's time
    hands: Hands

    def step(self) -> None: ...

    def facts(self) -> dict[str, str]: ...


def keeper_folder(session: Session, keeper: str) -> Path:
    """Return where a keeper keeps what it must not forget: a folder of its own for each account
    and deployment.
    """
    deployment = session.deployment
    genesis = genesis_of(session.rollup.l2)[2:10]
    market = deployment.addresses["PerpetualMarket"][2:10].lower()
    where = f"{deployment.l2_chain_id}-{genesis}-{market}"
    return session.journal_folder / "keepers" / where / f"{keeper}-{session.account[2:10].lower()}"


class Tools:
    """What a keeper that follows events and sends transactions works with.

    Made on the thread that uses them.
    """

    def __init__(
        self,
        session: Session,
        name: str,
        contracts: Sequence[Contract],
        say: Callable[[str], None],
        chain: Chain | None = None,
    ) -> None:
        """Follow `contracts`, and send on `chain`, which is L2 if not given."""
        folder = keeper_folder(session, name)
        archive = Archive(folder / "events.sqlite")
        self.follower = Follower(contracts, archive, session.deployment.l2_block)
        self.journal = Journal.for_rollup(session.rollup, folder)
        self.sender = Sender(chain or session.rollup.l2, session.unlocked_signer, self.journal)
        self.hands = Hands(Intents(self.sender), say)
        committee = committee_of(session.system.feed)
        self.reports = Reports(Board.of(session.deployment.boards, committee), say)


def require_funds(session: Session, chain: Chain | None = None) -> None:
    """Refuse an account that couldn't pay for one full transaction on a chain, L2 if not given."""
    chain, address = chain or session.rollup.l2, session.account
    needed = LEAST_GAS * chain.fees()["maxFeePerGas"]
    balance = chain.balance(address)
    if balance < needed:
        raise CannotStart(
            f"{address} has {amount(balance)} ETH on {chain.name}, less than the "
            f"{amount(needed)} ETH that one full transaction may cost",
            "bring some with `ape run bridge deposit eth`, or name another by --account",
        )


def websocket_of(session: Session, given: str | None) -> str | None:
    """Return where to hear of blocks: the local network has it at the same port."""
    if given is None and session.network.is_local:
        return session.network.l2_rpc.replace("http://", "ws://", 1)
    if given is not None and not given.startswith(("ws://", "wss://")):
        raise BadInput(f"--l2-ws {given!r} is no WebSocket's address", "give ws://… or wss://…")
    return given


def run_l2_keeper(
    session: Session,
    name: str,
    keeper: Callable[..., Keeper],
    contracts: Sequence[Contract],
    l2_ws: str | None,
) -> None:
    """Run a keeper that follows some contracts of L2 and acts there with the boards' reports.

    `keeper` takes the system, a follower, reports, hands, and what shows a sentence.
    """
    websocket = websocket_of(session, l2_ws)
    require_funds(session)
    session.unlocked_signer  # noqa: B018 - asks for a passphrase before the screen begins

    async def work(screen: Screen, stop: Stop) -> None:
        def make() -> Keeper:
            tools = Tools(session, name, contracts, screen.say)
            return keeper(session.system, tools.follower, tools.reports, tools.hands, screen.say)

        screen.say(f"{name} {session.account} on {session.network.name}")
        await keep_stepping(make, screen, stop, websocket)

    run_keeper(f"Clearway {name} on {session.network.name}", work)


def run_keeper(title: str, work: Callable[[Screen, Stop], Coroutine[Any, Any, None]]) -> None:
    """Run a keeper until SIGTERM or Ctrl-C."""

    async def main() -> None:
        stop = Stop()
        stop.listen()
        with screen(title) as shown:
            await work(shown, stop)
            shown.say("stopped; nothing is lost: the same command goes on from here")

    asyncio.run(main())


async def keep_stepping(
    make: Callable[[], Keeper],
    shown: Screen,
    stop: Stop,
    websocket: str | None = None,
    rest: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Make a keeper and let it take steps until told to stop, all on one thread.

    Between two steps it rests as `rest` says, or until the next block of L2.

    Told to stop, it begins nothing new and gives what is under way a moment to end. What hasn't
    ended then is in its journal.
    """
    worker = Worker("keeper")
    try:
        keeper = await worker.do(make)
        heads = Heads(websocket)

        async def step() -> None:
            await worker.do(keeper.step)
            shown.now = keeper.now
            shown.show(keeper.facts())

        async with heads.following():
            await keep_doing(step, stop, shown, rest or heads.next)
        deadline = time.monotonic() + HAND_OVER
        while keeper.hands.under_way and time.monotonic() < deadline:
            await worker.do(keeper.hands.look)
            await asyncio.sleep(FINISH_PAUSE)
    finally:
        worker.close()


class Program(click.Context):
    """The context of a keeper that is a program, which its help calls as its user does."""

    @property
    def command_path(self) -> str:
        return f"python -m bots.{self.info_name}"


def alone(command: click.Command) -> None:
    """Run one keeper's command as a program: `python -m bots.executor ...`."""
    name = str(command.name)
    command.context_class = Program
    group = BridgeGroup(commands={name: command})
    group.main([name, *sys.argv[1:]], prog_name="python -m bots")
