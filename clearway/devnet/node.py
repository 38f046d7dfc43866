"""The node process: it owns both chains' nodes and plays all the roles of a live rollup.

One thread works: it lets time pass, acts in every role, and obeys commands between two rounds, so
nothing needs a lock. The other serves the public RPCs. Run as `python -m clearway.devnet.node
FOLDER`; `clearway.devnet.devnet` does.
"""

import logging
import math
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from clearway.devnet import build, drills
from clearway.devnet.anvil import L1_OPTIONS, L2_OPTIONS, Anvil, AnvilSpec, fork_options
from clearway.devnet.archive import Archive, Archivist
from clearway.devnet.challenger import Challenger
from clearway.devnet.checkpoint import Checkpoints
from clearway.devnet.clock import Clock
from clearway.devnet.docket import Docket
from clearway.devnet.errors import DevnetError
from clearway.devnet.folder import Folder, Network, Settings
from clearway.devnet.local import Local, Sequencer
from clearway.devnet.processes import free_port
from clearway.devnet.profiles import Profile
from clearway.devnet.proposer import Proposer
from clearway.devnet.relayer import Relayer, RollbackTooDeep
from clearway.devnet.resolver import Resolver
from clearway.devnet.rpc import RpcFailure
from clearway.opstack.errors import BridgeError

RETRY_PERIOD = 0.5  # wall seconds from a fault to the next try, if no new block comes before
LOOK_PERIOD = 0.03  # wall seconds between two looks at the chains
MOST_ROUNDS = 20  # until the roles have nothing more to do at one moment
EVENTS_KEPT = 200

log = logging.getLogger("clearway.devnet")

Faults = (DevnetError, BridgeError, RpcFailure, LookupError, requests.RequestException)


@dataclass
class Command:
    """Something a person or a test asks for; done between two rounds."""

    method: str
    params: list[Any]
    answer: "Future[Any]" = field(default_factory=Future)


class Roles:
    """All roles over one state of the chains; made anew when history changes."""

    def __init__(self, local: Local, clock: Clock, archive: Archive, save: Callable[[], None]):
        self.relayer = Relayer(local, clock)
        self.archivist = Archivist(local, archive)
        self.docket = Docket(local)
        self.proposer = Proposer(local, self.archivist, save)
        self.challenger = Challenger(local)
        self.resolver = Resolver(local)


class Node:
    """The network's one working thread."""

    def __init__(self, folder: Folder, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.sequencer = Sequencer()
        self.commands: queue.Queue[Command] = queue.Queue()
        self.stopping = threading.Event()
        self.events: deque[str] = deque(maxlen=EVENTS_KEPT)
        self.deposits_relayed = 0
        self.l1: Anvil
        self.l2: Anvil
        self.pace = 1.0
        self._has_begun = False
        self._checkpoints = Checkpoints(folder)
        self._looked_at: tuple[str, str] = ("", "")
        self._retry_at = math.inf  # when to act again after a fault, on the host's clock
        self._saved_at: tuple[str, str] = ("", "")

    # Starting

    def open(self) -> None:
        """Find, restart or build the network, and bring it to the point where it serves."""
        known = self.folder.read_network()
        processes = self.folder.read_processes()
        if known is None:
            self._stop_leftovers(processes)
            self.folder.wipe()
            fork_block = build.head_of(self.settings.fork_url) if self.settings.fork_url else 0
            self._specs = self._make_specs({}, self.settings.l2_chain_id, fork_block)
            self.network = self._build(fork_block)
        else:
            self.network = known
            self._specs = self._make_specs(processes, known.l2_chain_id, known.fork_block)
            for layer in ("l1", "l2"):
                self._set_node(layer, self._adopt_or_load(layer, processes.get(layer, {})))
        self.profile = Profile(**self.network.profile)
        self.archive = Archive(self.folder.archive)
        self._begin()
        self._save()
        self.folder.write_network(self.network)

    def _make_specs(
        self, processes: dict[str, Any], l2_chain_id: int, fork_block: int
    ) -> dict[str, AnvilSpec]:
        settings = self.settings
        public = (settings.l1_port, settings.l2_port)
        fork = fork_options(settings.fork_url, fork_block) if settings.fork_url else ()
        chains = {
            "l1": (settings.l1_chain_id, [*L1_OPTIONS, *fork]),
            "l2": (l2_chain_id, list(L2_OPTIONS)),
        }
        return {
            layer: AnvilSpec(
                name=layer,
                run=self.folder.logs,
                port=processes.get(layer, {}).get("port") or free_port(apart_from=public),
                port_option=f"--{layer}-port",
                chain_id=chain_id,
                options=options,
            )
            for layer, (chain_id, options) in chains.items()
        }

    def _stop_leftovers(self, processes: dict[str, Any]) -> None:
        """End the nodes of a network that was killed before it was whole."""
        for layer, spec in self._make_specs(processes, self.settings.l2_chain_id, 0).items():
            if layer in processes and (left := Anvil.adopt(spec, processes[layer]["pid"])):
                left.stop()

    def _build(self, fork_block: int) -> Network:
        self._set_node("l1", Anvil.start(self._specs["l1"]))
        bridge = build.prepare_l1(self.l1.rpc, self.settings)
        genesis = build.write_genesis(self.l1.rpc, bridge, self.folder.genesis)
        self._specs["l2"] = replace(self._specs["l2"], chain_id=bridge.l2_chain_id)
        self._set_node("l2", Anvil.start(self._specs["l2"], *genesis.start_options))
        first = build.first_blocks(self.l1.rpc, self.l2.rpc, bridge, self.settings)
        l1_chain_id = self._specs["l1"].chain_id
        return build.network_of(bridge, self.settings, fork_block, l1_chain_id, first)

    def _adopt_or_load(self, layer: str, process: dict[str, Any]) -> Anvil:
        """Take over a node that outlived its node process, else start it from the checkpoint."""
        spec = self._specs[layer]
        if process and (found := Anvil.adopt(spec, process["pid"])):
            return found
        return self._load(layer)

    def _load(self, layer: str) -> Anvil:
        checkpoint = self._checkpoints.current()
        if checkpoint is None:
            raise DevnetError(
                f"The network in {self.folder.path} has no whole checkpoint; begin anew with "
                "`ape run devnet up --fresh`."
            )
        return Anvil.load(self._specs[layer], checkpoint / f"{layer}.json")

    def _set_node(self, layer: str, node: Anvil) -> None:
        setattr(self, layer, node)
        processes = self.folder.read_processes()
        processes[layer] = {"pid": node.pid, "port": node.spec.port}
        self.folder.write_processes(processes)

    def _begin(self) -> None:
        """Make the roles over the nodes as they are now, and give both chains the same time.

        That may fail, for users' transactions make blocks at the same time; then it is done again.
        """
        self._has_begun = False
        self.local = Local(
            self.profile,
            self.l1.rpc,
            self.l2.rpc,
            self.network.portal,
            self.network.first_l2_block,
            self.sequencer,
        )
        self.clock = Clock(self.local, self.pace)
        self.clock.synchronize()
        self.roles = Roles(self.local, self.clock, self.archive, self._save)
        self._looked_at = ("", "")
        self._has_begun = True

    # Working

    def work(self) -> None:
        """Work until `stopping` is set, then leave everything on disk and end the nodes."""
        while not self.stopping.is_set():
            with suppress(queue.Empty):
                self._obey(self.commands.get(timeout=LOOK_PERIOD))
            try:
                self._safely("network", self._round)
            except Exception:  # a bug in one role must not end the others' work
                log.exception("a bug; the network goes on")
        self._safely("network", self._save)
        self.l1.stop()
        self.l2.stop()

    def _safely(self, who: str, do: Callable[[], Any]) -> Any:
        """Do it; a fault is told and the work goes on, for the next round sees the chains anew."""
        try:
            return do()
        except Faults as fault:
            self._tell(f"{who}: {fault}")
            self._retry_at = time.monotonic() + RETRY_PERIOD
            return None

    def _tell(self, event: str) -> None:
        if not self.events or self.events[-1] != event:
            log.info(event)
            self.events.append(event)

    def _round(self) -> None:
        self._revive()
        if "clock" not in self.settings.without:
            self.clock.tick()
        heads = self._heads()
        if heads != self._looked_at or time.monotonic() > self._retry_at:
            self._looked_at, self._retry_at = heads, math.inf
            self.settle()
        if self._saved_at != self._heads() and self._checkpoints.is_due():
            self._save()

    def _heads(self) -> tuple[str, str]:
        return str(self.l1.rpc.block()["hash"]), str(self.l2.rpc.block()["hash"])

    def settle(self) -> None:
        """Act in every role until nobody has anything to do at this moment."""
        for _ in range(MOST_ROUNDS):
            if not self._act():
                return

    def _act(self) -> bool:
        """Act once in every role; tell whether anything happened."""
        roles = self.roles
        happened = self._run("relayer", self._relay) or []
        if any("dropped" in event for event in happened):
            roles = self.roles = Roles(self.local, self.clock, self.archive, self._save)
            self.archive.drop_above(self.l2.rpc.number("eth_blockNumber"))
        self._safely("archive", roles.archivist.run)
        decided = self._safely("docket", roles.docket.run) or []
        happened += self._run("proposer", roles.proposer.run) or []
        happened += self._run("challenger", lambda: roles.challenger.run(roles.docket.open)) or []
        happened += (
            self._run(
                "resolver",
                lambda: roles.resolver.run(roles.docket.open, decided, self.clock.now_l1()),
            )
            or []
        )
        for event in happened:
            self._tell(event)
        if happened:
            self.clock.hurry()
        return bool(happened)

    def _run(self, role: str, do: Callable[[], list[str]]) -> list[str] | None:
        return None if role in self.settings.without else self._safely(role, do)

    def _relay(self) -> list[str]:
        before = self.roles.relayer.relayed
        try:
            events = self.roles.relayer.run()
        except RollbackTooDeep:
            return [self._derive_anew()]
        self.deposits_relayed += self.roles.relayer.relayed - before
        return events

    def _derive_anew(self) -> str:
        """Start L2 from its genesis and bring it everything that L1 says, as any L2 node could."""
        self.l2.stop()
        genesis = build.Genesis.read(self.folder.genesis)
        self._set_node("l2", Anvil.start(self._specs["l2"], *genesis.start_options))
        build.begin_l2(self.l1.rpc, self.l2.rpc, self.network.first_l1_block)
        self.archive.drop_above(self.network.first_l2_block)
        self._begin()
        return "L1 was reorganised far back: L2 dropped all blocks and is derived anew"

    def _revive(self) -> None:
        """Start a node that died again from the checkpoint."""
        dead = [layer for layer in ("l1", "l2") if not getattr(self, layer).is_alive()]
        if not dead and self._has_begun:
            return
        for layer in dead:
            self._has_begun = False
            self._set_node(layer, self._load(layer))
            self._tell(f"{layer.upper()}'s node died and was started again from the checkpoint")
        self._begin()

    def _save(self) -> None:
        heads = self._heads()
        self._checkpoints.take(self.l1, self.l2)
        self._saved_at = heads

    # Obeying

    def _obey(self, command: Command) -> None:
        if not command.answer.set_running_or_notify_cancel():
            return
        try:
            command.answer.set_result(drills.obey(self, command.method, command.params))
        except Exception as error:  # whoever asked is told
            command.answer.set_exception(error)


def main() -> None:
    """Run the network of the folder given as the only argument."""
    from clearway.devnet.serve import serve

    # Stopped at its start, it must still end the node that it is starting.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Folder(Path(sys.argv[1]))
    lock = folder.own()
    folder.logs.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    log.setLevel(logging.INFO)
    processes = {k: v for k, v in folder.read_processes().items() if k in ("l1", "l2")}
    folder.write_processes({**processes, "node": os.getpid()})
    try:
        node = Node(folder, folder.read_settings())
        node.open()
        serve(node)
        folder.write_processes({"stopped": True})
    except (DevnetError, BridgeError, RpcFailure) as fault:
        folder.write_processes({**folder.read_processes(), "fault": str(fault)})
        sys.exit(1)
    finally:
        os.close(lock)


if __name__ == "__main__":
    main()
