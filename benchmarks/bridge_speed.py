"""How fast the local network and the bridge client are, and how much room they take."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.figures import Figure
from benchmarks.network import Client, Running, running, temporary_folder
from clearway.devnet.devnet import Devnet
from clearway.devnet.processes import free_port
from clearway.devnet.rpc import RpcFailure
from clearway.opstack import Arrivals, Chain, Report, Status, abi
from clearway.opstack.addresses import L2_MESSENGER, MESSAGE_PASSER
from clearway.shell.commands import tell
from clearway.shell.tables import console

ROOT = Path(__file__).resolve().parents[1]

RUNS = 5
DEPOSITS = 7
CALLS = 500
AT_ONCE = 20
IDLE = 10  # wall seconds before memory is looked at

START_GOAL = 5.0  # seconds
DEPOSIT_GOAL = 0.5
WITHDRAWAL_GOAL = 5.0
MEMORY_GOAL = 400.0  # MB
DISK_GOAL = 1_000.0

ETHER = 10**18
DAY = 86_400
WHOLE_WAIT = 8 * DAY
"""Seconds from a proof to its finalization: 3.5 days until the game can be resolved, up to one
until the resolver's next look (it has one in each day of a long advance), then 3.5 of finality."""
PAUSE = 0.02  # wall seconds between two looks of a client
PATIENCE = 60  # wall seconds that a withdrawal may stand still

LONG_HISTORY = 10_000  # L2 blocks
CHUNK = 500  # L2 blocks mined in one call
L1_BLOCK_TIME, L2_BLOCK_TIME = 12, 2  # seconds, as live


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield all figures; `quick` leaves out the long history."""
    yield from _starts()
    with running() as network:
        client = Client(network)
        yield from _filter_latency(network)
        yield from _deposits(client)
        yield from _withdrawals(network, client)
    if not quick:
        yield from _long_history()


# The network itself


def _starts() -> Iterator[Figure]:
    tell(f"starting {RUNS} networks, and looking at each after {IDLE} s")
    seconds, memory = [], []
    for _ in range(RUNS):
        with running() as network:
            seconds.append(network.start_seconds)
            time.sleep(IDLE)
            memory.append(network.resident_memory())
    yield Figure("network up and ready", seconds, "s", START_GOAL)
    yield Figure("the same by `ape run devnet up`", [_start_by_ape()], "s")
    yield Figure("memory of its processes (RSS)", memory, "MB", MEMORY_GOAL)


def _start_by_ape() -> float:
    with temporary_folder() as folder:
        path = folder / "network"
        ports = [f"--{layer}-port={free_port()}" for layer in ("l1", "l2")]
        ape = str(Path(sys.executable).with_name("ape"))
        command = [ape, "run", "devnet", "up", "--detach", f"--dir={path}", *ports]
        try:
            begun = time.perf_counter()
            ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            seconds = time.perf_counter() - begun
        finally:
            Devnet(path).stop()
        if ended.returncode:
            raise RuntimeError(f"`ape run devnet up` failed: {ended.stderr.strip()}")
        return seconds


def _filter_latency(network: Running) -> Iterator[Figure]:
    tell("calling a view through the RPC filter and past it")
    filtered = Chain.connect(network.network.l2_rpc, "L2")
    direct = Chain.connect(network.private_url("l2"), "L2")
    added = []
    for _ in range(RUNS):
        pairs = [(_call_time(filtered), _call_time(direct)) for _ in range(CALLS)]
        through, past = (statistics.median(times) for times in zip(*pairs, strict=True))
        added.append(1_000 * (through - past))
    yield Figure("added to a call by the RPC filter", added, "ms")


def _call_time(chain: Chain) -> float:
    return _timed(lambda: chain.call(L2_MESSENGER, abi.Messenger.OTHER))


# The bridge client on it


def _deposits(client: Client) -> Iterator[Figure]:
    tell(f"making {DEPOSITS} deposits")
    arrivals = Arrivals(client.rollup)
    from_send, from_receipt = [], []
    for _ in range(DEPOSITS):
        begun = time.perf_counter()
        transaction = client.deposits.eth(ETHER)
        on_l1 = time.perf_counter()
        arrivals.wait(transaction)
        from_send.append(time.perf_counter() - begun)
        from_receipt.append(time.perf_counter() - on_l1)
    yield Figure("deposit on L2, from its L1 receipt", from_receipt, "s", DEPOSIT_GOAL)
    yield Figure("deposit on L2, from its sending", from_send, "s", DEPOSIT_GOAL)


def _withdrawals(network: Running, client: Client) -> Iterator[Figure]:
    for count in (1, AT_ONCE):
        tell(f"making {RUNS} times {count} withdrawal{'s' if count > 1 else ''}")
        parts = [_withdrawal_times(network, client, count) for _ in range(RUNS)]
        what = "withdrawal, start to end" if count == 1 else f"{count} withdrawals at once"
        goal = WITHDRAWAL_GOAL if count == 1 else None
        yield Figure(what, [sum(run.values()) for run in parts], "s", goal)
        for part in parts[0]:
            yield Figure(f"  {part}", [run[part] for run in parts], "s")


def _withdrawal_times(network: Running, client: Client, count: int) -> dict[str, float]:
    """Take withdrawals from start to end; return the wall seconds of each part."""

    def start() -> None:
        for _ in range(count):
            client.starter.eth(ETHER)

    return {
        "start on L2": _timed(start),
        "wait for a game, and prove": _timed(
            lambda: drive_to(client, Status.WAITING_TO_FINALIZE, count)
        ),
        f"advance by {WHOLE_WAIT // DAY} days": _timed(lambda: network.advance(WHOLE_WAIT)),
        "finalize": _timed(lambda: drive_to(client, Status.FINALIZED, count)),
    }


def drive_to(client: Client, wanted: Status, count: int) -> None:
    """Drive until `count` withdrawals stand where it is wanted; raise if they don't get there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        reports = client.driver.drive()
        if len(reports) == count and all(report.status is wanted for report in reports):
            return
        if time.monotonic() > deadline:
            raise RuntimeError(_standstill(reports, wanted))
        time.sleep(PAUSE)


def _standstill(reports: list[Report], wanted: Status) -> str:
    states = {f"{one.status.value} ({one.problem or one.waits_for})" for one in reports}
    return f"not {wanted.value} after {PATIENCE} s, but {', '.join(sorted(states)) or 'unknown'}"


def _timed(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


# A network with a long past


def _long_history() -> Iterator[Figure]:
    """Make a withdrawal, bury it under blocks, and take it to its end."""
    with running() as network:
        client = Client(network)
        client.starter.eth(ETHER)
        network.devnet.command("devnet_settle")  # the proposer opens a game about it
        begun = time.perf_counter()
        most_disk = max(_grow(network))
        grown = time.perf_counter() - begun
        name = f"{LONG_HISTORY:,} blocks"
        yield Figure(f"{name}: mining them", [grown], "s")
        yield Figure(f"{name}: most disk", [most_disk], "MB", DISK_GOAL)
        proving = _timed(lambda: drive_to(client, Status.WAITING_TO_FINALIZE, 1))
        yield Figure(f"{name}: prove an early one", [proving], "s")
        _require_forgotten_game(network, client)
        advancing = _timed(lambda: network.advance(WHOLE_WAIT))
        yield Figure(f"{name}: advance by {WHOLE_WAIT // DAY} days", [advancing], "s")
        finalizing = _timed(lambda: drive_to(client, Status.FINALIZED, 1))
        yield Figure(f"{name}: finalize it", [finalizing], "s")
        time.sleep(IDLE)
        memory = network.resident_memory()
        yield Figure(f"{name}: memory (RSS)", [memory], "MB", MEMORY_GOAL)


def _grow(network: Running) -> Iterator[float]:
    """Mine blocks on both chains, of their live periods, past the filter; yield the disk's use.

    The network's roles run meanwhile. L1 is brought to L2's time after each chunk.
    """
    l1, l2 = network.private("l1"), network.private("l2")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
    )
    with bar:
        task = bar.add_task("mining L2 blocks", total=LONG_HISTORY)
        while (mined := l2.number("eth_blockNumber")) < LONG_HISTORY:
            l2("anvil_mine", hex(min(CHUNK, LONG_HISTORY - mined)), hex(L2_BLOCK_TIME))
            times = [int(chain.block()["timestamp"], 16) for chain in (l1, l2)]
            l1("anvil_mine", hex((times[1] - times[0]) // L1_BLOCK_TIME), hex(L1_BLOCK_TIME))
            bar.update(task, completed=min(LONG_HISTORY, l2.number("eth_blockNumber")))
            yield network.disk()


def _require_forgotten_game(network: Running, client: Client) -> None:
    """Make sure that the withdrawal was proven in a block whose state the node has no more."""
    (stored,) = client.journal.proofs_of(client.journal.tracked()[0].withdrawal.hash)
    block = client.rollup.games.at(stored.game_index).position
    try:
        network.private("l2")("eth_getProof", MESSAGE_PASSER, [], hex(block))
    except RpcFailure:
        return
    raise RuntimeError(f"the withdrawal was proven in block {block}, which the node still knows")
