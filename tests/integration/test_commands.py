"""The commands as people type them: what they do, and how they say what is wrong."""

import contextlib
import json
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from eth_abi.exceptions import InsufficientDataBytes

from clearway.devnet.processes import is_running
from clearway.devnet.rpc import Rpc
from clearway.opstack import abi
from clearway.opstack.abi import Function
from clearway.opstack.addresses import L1_BLOCK
from clearway.opstack.chain import waiting
from clearway.opstack.messages import tohex
from tests.integration.mocks import Recorder
from tests.integration.world import ETHER, World
from tests.opstack.fakes import Server

ROOT = Path(__file__).resolve().parents[2]
HASH = "0x" + "ab" * 32
NOBODY = "0x00000000000000000000000000000000000000AA"


@cache
def load(script: str) -> click.Group:
    group: click.Group = runpy.run_path(str(ROOT / "scripts" / f"{script}.py"))["cli"]
    return group


class Terminal:
    """Where somebody types commands about one world, as its account 0 if not said otherwise."""

    def __init__(self, world: World, home: Path) -> None:
        self.world = world
        self.home = home

    def type(self, *words: str) -> Any:
        """Type `ape run …` and return what came of it."""
        script, *rest = words
        where = ["--dir", str(self.world.devnet.folder.path)]
        if script != "devnet":
            where += ["--journal", str(self.home / "journal")]
        if "--" in rest:  # what follows is not for the network's options
            raise ValueError(rest)
        return CliRunner(mix_stderr=False).invoke(load(script), [*rest, *where])

    def run(self, *words: str) -> str:
        """Return what a command that must succeed prints."""
        result = self.type(*words)
        assert (result.exit_code, result.exception) == (0, None), result.stderr
        return str(result.stdout)

    def refused(self, *words: str) -> str:
        """Return the sentence by which a command is refused; it must have changed nothing."""
        before = self._footprint()
        result = self.type(*words)
        assert result.exit_code == 1, result.stdout
        errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert result.stderr.endswith(f"{errors[0]}\n")
        assert "Traceback" not in result.stdout + result.stderr
        assert result.stdout == ""
        assert self._footprint() == before
        return errors[0].removeprefix("error: ")

    def _footprint(self) -> list[Any]:
        """What a refused command must not have changed."""
        world = self.world
        if not world.devnet.is_running():
            return []
        return [
            (chain.next_nonce(user.address), chain.next_nonce(user.address, "pending"))
            for chain in (world.l1, world.l2)
            for user in (world.alice, world.bob)
        ]


def fact(printed: str, name: str) -> str:
    """Return a fact from a printed list."""
    found = re.search(rf"^\s*{name}\s+(\S.*?)\s*$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


@pytest.fixture
def terminal(world: World, tmp_path: Path) -> Terminal:
    return Terminal(world, tmp_path / "typed")


@pytest.fixture
def shared_terminal(shared_world: World, tmp_path: Path) -> Terminal:
    return Terminal(shared_world, tmp_path / "typed")


# What they do


def test_a_deposit_of_each_kind_arrives(terminal: Terminal) -> None:
    world = terminal.world
    before = world.l2.balance(world.alice.address)
    printed = terminal.run("bridge", "deposit", "eth", "1.5")
    assert fact(printed, "arrived").startswith("in L2 block")
    assert world.l2.balance(world.alice.address) == before + 15 * ETHER // 10
    assert fact(terminal.run("bridge", "wait", fact(printed, "L1 transaction")), "arrived")

    token = world.deploy(world.l1, "TestToken", "uint8", 6)
    world.send(
        world.l1, world.bob, token, Function("mint(address,uint256)"), world.alice.address, 9
    )
    l2_token = fact(terminal.run("bridge", "create-token", token), "on L2")
    assert fact(terminal.run("bridge", "pair", l2_token), "on L1") == token
    terminal.run("bridge", "deposit", "token", token, l2_token, "0.000007")
    balances = terminal.run("bridge", "balances", "--token", l2_token)
    assert re.search(r"TEST\s+0\.000002\s+0\.000007\s*\n", balances)

    recorder = world.deploy_recorder(world.l2)
    ping = ("--call", "ping(uint256)", "--arg", "5")
    terminal.run("bridge", "deposit", "message", recorder, *ping, "--value", "0.25")
    terminal.run("bridge", "force", recorder, *ping, "--gas", "300000")
    callers = [world.l2.call(recorder, Recorder.PINGS, number)[1:] for number in (0, 1)]
    assert callers[0] == (world.alice.address, ETHER // 4, 5)
    assert callers[1] == ("0x" + "00" * 20, 0, 5)

    status = terminal.run("bridge", "status")
    assert fact(status, "respected game") == "type 0, cannon"
    assert world.portal in status


def test_a_failed_message_is_replayed(terminal: Terminal) -> None:
    world = terminal.world
    recorder = world.deploy_recorder(world.l2)
    world.break_recorder(world.l2, recorder)
    result = terminal.type(
        "bridge", "deposit", "message", recorder, "--call", "ping(uint256)", "--arg", "5"
    )
    assert result.exit_code == 1
    assert "its message failed on L2: nothing is lost" in result.stderr
    sent = fact(result.stdout, "L1 transaction")
    assert f"bridge replay {sent}" in result.stderr
    world.break_recorder(world.l2, recorder, broken=False)
    terminal.run("bridge", "replay", sent)
    assert world.l2.call(recorder, Recorder.PING_COUNT) == 1
    assert "was relayed on L2: nothing is left" in terminal.refused("bridge", "replay", sent)


def test_a_withdrawal_goes_step_by_step_to_its_end(terminal: Terminal) -> None:
    world = terminal.world
    started = fact(terminal.run("withdraw", "start", "eth", "0.5"), "withdrawal")
    terminal.run("withdraw", "start", "message", NOBODY, "--value", "0.25")
    reference = started[:10]
    world.settle()
    terminal.run("devnet", "advance", "1h")
    assert fact(terminal.run("withdraw", "show", reference), "status") == "ready to prove"
    assert "is not a plain number" in terminal.refused("withdraw", "start", "eth", "half")
    too_early = terminal.refused("withdraw", "finalize", reference)
    assert too_early == "the withdrawal isn't proven yet: prove it first"

    assert fact(terminal.run("withdraw", "prove", reference), "status") == "waiting to finalize"
    assert "was proven at" in terminal.refused("withdraw", "prove", reference)
    too_early = terminal.refused("withdraw", "finalize", reference)
    assert re.match(
        r"the withdrawal can't be finalized yet: it waits for the game's challenge clock; ready "
        r"at \S+ \S+ UTC, in \d d[\dhmins ]* of chain time$",
        too_early,
    )

    terminal.run("devnet", "advance", "8d")
    assert fact(terminal.run("withdraw", "finalize", reference), "status") == "finalized"
    assert terminal.refused("withdraw", "finalize", reference) == (
        "the withdrawal is finalized: done"
    )
    terminal.run("withdraw", "drive")
    terminal.run("devnet", "advance", "8d")
    terminal.run("withdraw", "watch")
    listed = terminal.run("withdraw", "list")
    assert listed.count("finalized") == 2
    assert world.l1.balance(NOBODY) == ETHER // 4
    assert "no withdrawal is on its way" in terminal.type("withdraw", "drive").stderr


def test_a_token_is_withdrawn_by_force(terminal: Terminal) -> None:
    world = terminal.world
    pair = world.new_pair(world.alice, 10)
    terminal.run("bridge", "deposit", "token", pair.l1_token, pair.l2_token, "0.00001")
    terminal.run("devnet", "censor", world.alice.address)
    sentence = terminal.refused("withdraw", "start", "token", pair.l2_token, "0.00001")
    assert "sequencer: sender refused" in sentence
    started = terminal.run("withdraw", "start", "token", pair.l2_token, "0.00001", "--forced")
    assert fact(started, "what") == "0.00001 TEST"
    assert world.token_balance(world.l2, pair.l2_token, world.alice) == 0
    terminal.run("devnet", "censor", world.alice.address, "--undo")


def test_the_networks_drills(terminal: Terminal) -> None:
    world = terminal.world
    state = json.loads(terminal.run("devnet", "status", "--json"))
    assert state["games"] == []
    assert "7 d" not in terminal.run("devnet", "accounts")
    assert "each second now lasts 10 s of chain time" in terminal.run("devnet", "pace", "10")
    assert "proposed L2 block" in terminal.run("devnet", "propose")
    assert "claimed a false root" in terminal.run("devnet", "lie")
    terminal.run("devnet", "advance", "4d")
    assert [
        game["state"] for game in json.loads(terminal.run("devnet", "status", "--json"))["games"]
    ] == ["won", "lost to a challenger"]
    assert "sequencer is down" in terminal.run("devnet", "pause-sequencer")
    assert "sequencer: down" in terminal.refused("withdraw", "start", "eth", "1")
    assert "sequencer is up" in terminal.run("devnet", "resume-sequencer")
    assert "0 relayed" in fact(terminal.run("devnet", "status"), "deposits")
    assert "state stays" in terminal.run("devnet", "down")
    assert not world.devnet.is_running()
    assert "No local network is running" in terminal.refused("devnet", "advance", "1d")
    assert "is removed" in terminal.run("devnet", "down", "--wipe")
    assert world.devnet.folder.read_network() is None


# What is refused


def other_rpcs(world: World) -> dict[str, tuple[str, ...]]:
    return {
        "swapped": ("--l1-rpc", world.network.l2_rpc, "--l2-rpc", world.network.l1_rpc),
        "one chain for both": ("--l2-rpc", world.network.l1_rpc),
    }


@pytest.mark.parametrize("kind", ["swapped", "one chain for both"])
@pytest.mark.parametrize("words", [("bridge", "deposit", "eth", "1"), ("withdraw", "drive")])
def test_the_wrong_chain_behind_an_rpc_is_named(
    shared_terminal: Terminal, kind: str, words: tuple[str, ...]
) -> None:
    sentence = shared_terminal.refused(*words, *other_rpcs(shared_terminal.world)[kind])
    assert re.search(
        r"the L[12] RPC at \S+ serves chain 90[01], not 90[01]: give the RPC", sentence
    )


def test_another_rollups_l2_is_named_even_without_known_ids(shared_terminal: Terminal) -> None:
    network = shared_terminal.world.network
    given = ("--l1-rpc", network.l1_rpc, "--l2-rpc", network.l1_rpc, "--portal", network.portal)
    sentence = shared_terminal.refused("bridge", "deposit", "eth", "1", *given, "--account", "0")
    assert "isn't the rollup of portal" in sentence


@pytest.mark.parametrize("option", ["--l1-rpc", "--l2-rpc"])
def test_an_rpc_that_is_down_is_named(
    shared_terminal: Terminal, free_port: int, option: str
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    sentence = shared_terminal.refused("bridge", "deposit", "eth", "1", option, url)
    assert f"RPC at {url} doesn't answer" in sentence


NONSENSE = {
    "HTML": b"<html><body>Hello</body></html>",
    "nothing": b"",
    "half": b'{"jsonrpc": "2.0", "id": 0, "resu',
    "another kind": b'"0x384"',
    "no result": b'{"jsonrpc": "2.0", "id": 0}',
    "words": b'{"jsonrpc": "2.0", "id": 0, "result": "nine hundred"}',
    "null": b'{"jsonrpc": "2.0", "id": 0, "result": null}',
}


@pytest.fixture
def nonsense() -> Iterator[Callable[[bytes], str]]:
    """Start servers that answer everything with the same bytes."""
    with contextlib.ExitStack() as open_ones:
        yield lambda body: open_ones.enter_context(Server(lambda _: body)).url


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_an_rpc_that_answers_nonsense_is_named(
    shared_terminal: Terminal, nonsense: Callable[[bytes], str], body: bytes
) -> None:
    url = nonsense(body)
    sentence = shared_terminal.refused("withdraw", "start", "eth", "1", "--l2-rpc", url)
    assert f"the L2 RPC at {url} answered nonsense" in sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("bridge", "deposit", "eth", "10001"), "has 10000 ETH on L1, less than 10001"),
        (("withdraw", "start", "eth", "10001"), "has 10000 ETH on L2, less than 10001"),
        (("bridge", "deposit", "eth", "0"), "the amount is zero"),
        (("withdraw", "start", "eth", "0"), "the amount is zero"),
        (("bridge", "deposit", "eth", "-1"), "below zero"),
        (("bridge", "force", NOBODY, "--mint", "10001"), "has 10000 ETH on L1, less than 10001"),
        (("bridge", "force", NOBODY, "--gas", "100"), "100 gas is too little for this call"),
        (("bridge", "deposit", "token", NOBODY, NOBODY, "1"), "names no L1 token"),
        (("bridge", "deposit", "token", NOBODY, L1_BLOCK, "1"), "names no L1 token"),
        (("bridge", "create-token", NOBODY), "is no token on L1"),
        (("withdraw", "start", "token", NOBODY, "1"), "names no L1 token"),
        (("withdraw", "start", "eth", "1", "--mint", "1"), "--mint is given without --forced"),
        (("withdraw", "show", HASH), "is neither a withdrawal nor an L2 transaction"),
        (("withdraw", "prove", HASH), "is neither a withdrawal nor an L2 transaction"),
        (("withdraw", "finalize", "0xabcd"), "no withdrawal that begins with 0xabcd"),
        (("bridge", "wait", HASH), f"L1 has no transaction {HASH}"),
        (("bridge", "replay", HASH), "carried no message between the chains"),
        (("bridge", "deposit", "eth", "1", "--account", "10"), "has no account 10: there are 0"),
        (("bridge", "deposit", "eth", "1", "--account", "00"), "has no account 00"),
        (("bridge", "status", "--network", "op-sepola"), "did you mean op-sepolia?"),
        (("bridge", "status", "--portal", NOBODY), "is no OptimismPortal2"),
        (("devnet", "advance", "0d"), "the time is zero"),
        (("devnet", "advance", "soon"), "is not a length of time"),
        (("devnet", "advance", "99y"), "is not a length of time"),
        (("devnet", "censor", "bob"), "'bob' is not an address"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_bad_input_is_refused(
    shared_terminal: Terminal, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in shared_terminal.refused(*words)


def test_a_misspelt_account_of_apes_is_refused(shared_terminal: Terminal) -> None:
    sentence = shared_terminal.refused("bridge", "deposit", "eth", "1", "--account", "alcie")
    assert sentence.startswith("Ape has no account 'alcie'")


def test_tokens_that_are_no_pair_are_refused(terminal: Terminal) -> None:
    world = terminal.world
    first, second = (world.new_pair(world.alice, 10), world.new_pair(world.alice, 10, 18))
    sentence = terminal.refused(
        "bridge", "deposit", "token", first.l1_token, second.l2_token, "0.000001"
    )
    assert f"stands for {second.l1_token}, not for {first.l1_token}" in sentence
    sentence = terminal.refused(
        "bridge", "deposit", "token", first.l1_token, first.l2_token, "0.000011"
    )
    assert "has 0.00001 TEST on L1, less than 0.000011" in sentence
    sentence = terminal.refused("withdraw", "start", "token", first.l2_token, "0.000001")
    assert "has 0 TEST on L2, less than 0.000001" in sentence
    sentence = terminal.refused(
        "bridge", "deposit", "token", first.l1_token, first.l2_token, "0.0000001"
    )
    assert "has 7 decimals: give at most 6" in sentence


def test_a_contract_account_without_a_receiver_is_refused(terminal: Terminal) -> None:
    world = terminal.world
    wallet = world.deploy(world.l1, "ContractAccount", "address", world.bob.address)
    code = tohex(world.l1.code(wallet))
    Rpc(world.l1.url)("anvil_setCode", world.alice.address, code)
    sentence = terminal.refused("bridge", "deposit", "eth", "1")
    assert f"{world.alice.address} is a contract on L1" in sentence
    assert "name the receiver with --to" in sentence
    before = world.l2.balance(world.carol.address)
    terminal.run("bridge", "deposit", "eth", "1", "--to", world.carol.address)
    assert world.l2.balance(world.carol.address) == before + ETHER


def test_a_proof_before_the_proposal_is_refused(new_world, tmp_path: Path) -> None:
    terminal = Terminal(new_world(without=("proposer",)), tmp_path / "typed")
    started = fact(terminal.run("withdraw", "start", "eth", "1"), "withdrawal")
    assert re.match(
        r"the withdrawal can't be proven yet: it waits for a proposal of L2 block \d+ or later$",
        terminal.refused("withdraw", "prove", started),
    )


def test_every_step_is_refused_while_the_portal_is_paused(terminal: Terminal) -> None:
    world = terminal.world
    started = fact(terminal.run("withdraw", "start", "eth", "1"), "withdrawal")
    world.settle()
    world.advance("1s")
    superchain = world.network.addresses["superchain_config"]
    world.send(world.l1, world.guardian, superchain, Function("pause(string)"), "")
    for step in ("prove", "finalize"):
        assert terminal.refused("withdraw", step, started) == (
            "the portal is paused by its guardian: nothing is lost; its clocks go on; try again "
            "later"
        )


def test_a_withdrawal_of_a_blacklisted_game_is_to_be_proven_again(terminal: Terminal) -> None:
    world = terminal.world
    started = fact(terminal.run("withdraw", "start", "eth", "1"), "withdrawal")
    world.settle()
    world.advance("1s")
    terminal.run("withdraw", "prove", started)
    (game,) = world.all_games()
    world.send(world.l1, world.guardian, world.portal, abi.Portal.BLACKLIST, game.address)
    world.advance("1d")
    sentence = terminal.refused("withdraw", "finalize", started)
    assert sentence.startswith("the game that it was proven against is blacklisted: prove it again")
    world.settle()
    terminal.run("withdraw", "prove", started)


# Starting the network


def up(folder: Path, l1_port: int, l2_port: int, *options: str) -> Any:
    ports = ["--l1-port", str(l1_port), "--l2-port", str(l2_port)]
    return CliRunner(mix_stderr=False).invoke(
        load("devnet"), ["up", "--detach", "--dir", str(folder), *ports, *options]
    )


def refused_up(result: Any) -> str:
    assert result.exit_code == 1, result.stdout
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error: ") == 1
    return str(result.stderr).partition("error: ")[2].strip()


def test_a_port_that_is_taken_is_named(shared_world: World, tmp_path: Path, free_port) -> None:
    taken = shared_world.settings.l1_port
    result = up(tmp_path / "net", taken, free_port)
    assert re.match(
        rf"Port {taken} is taken.*choose another port with --l1-port", refused_up(result)
    )
    assert not (tmp_path / "net" / "network.json").exists()
    result = up(tmp_path / "net", free_port, taken)
    assert "with --l2-port" in refused_up(result)


def test_a_second_up_in_a_folder_shows_the_network_and_changes_nothing(
    shared_world: World,
) -> None:
    settings, folder = shared_world.settings, shared_world.devnet.folder
    before = folder.read_processes()
    result = up(folder.path, settings.l1_port, settings.l2_port)
    assert result.exit_code == 0
    assert "running already" in result.stderr
    assert shared_world.portal in result.stdout
    assert folder.read_processes() == before


def test_a_stopped_network_goes_on_and_other_settings_are_refused(terminal: Terminal) -> None:
    world = terminal.world
    settings, folder = world.settings, world.devnet.folder.path
    world.deposit_eth(world.alice, ETHER)
    had = world.l2.balance(world.alice.address)
    terminal.run("devnet", "down")
    result = up(folder, settings.l1_port, settings.l2_port, "--profile", "short")
    assert "holds a network with profile real, not short; begin anew with --fresh" in refused_up(
        result
    )
    assert up(folder, settings.l1_port, settings.l2_port).exit_code == 0
    assert world.l2.balance(world.alice.address) == had
    world.deposit_eth(world.alice, ETHER)
    assert world.l2.balance(world.alice.address) == had + ETHER


def test_a_half_written_network_is_named(terminal: Terminal) -> None:
    world = terminal.world
    terminal.run("devnet", "down")
    path = world.devnet.folder.path / "network.json"
    path.write_text(path.read_text()[:100])
    sentence = terminal.refused("bridge", "status")
    assert f"{path} doesn't describe a local network" in sentence
    settings = world.settings
    refusal = refused_up(up(path.parent, settings.l1_port, settings.l2_port))
    assert refusal == (
        f"{path} is damaged or of another version; begin anew with `ape run devnet up --fresh`."
    )
    assert (path.parent / "checkpoints" / "current").exists()  # whatever it was, it is still there
    assert up(path.parent, settings.l1_port, settings.l2_port, "--fresh").exit_code == 0
    world.deposit_eth(world.alice, ETHER)


def test_a_network_without_its_checkpoint_is_refused(terminal: Terminal) -> None:
    world, settings = terminal.world, terminal.world.settings
    terminal.run("devnet", "down")
    folder = world.devnet.folder.path
    (folder / "checkpoints" / "current").unlink()
    sentence = refused_up(up(folder, settings.l1_port, settings.l2_port))
    assert "has no whole checkpoint; begin anew with `ape run devnet up --fresh`" in sentence
    assert up(folder, settings.l1_port, settings.l2_port, "--fresh").exit_code == 0


@pytest.mark.parametrize("then", ["up", "down"])
def test_nodes_that_outlive_their_network_are_taken_over_or_ended(
    terminal: Terminal, then: str
) -> None:
    world = terminal.world
    world.deposit_eth(world.alice, ETHER)
    had = world.l2.balance(world.alice.address)
    processes = world.devnet.folder.read_processes()
    chains = {processes[layer]["pid"] for layer in ("l1", "l2")}
    os.kill(processes["node"], signal.SIGKILL)
    for _ in waiting(60):
        if not world.devnet.is_running():
            break
    assert all(is_running(pid) for pid in chains)
    assert "No local network is running" in terminal.refused("devnet", "status")
    if then == "down":
        terminal.run("devnet", "down")
        assert not any(is_running(pid) for pid in chains)
        return
    settings = world.settings
    assert up(world.devnet.folder.path, settings.l1_port, settings.l2_port).exit_code == 0
    after = world.devnet.folder.read_processes()
    assert {after[layer]["pid"] for layer in ("l1", "l2")} == chains
    assert world.l2.balance(world.alice.address) == had


def test_under_ape_an_address_without_code_is_still_no_token(shared_terminal: Terminal) -> None:
    import ape_ethereum.ecosystem  # noqa: F401 # it makes eth_abi read nothing as zero

    with pytest.raises(InsufficientDataBytes):
        Function("x()", "uint256").decode(b"")
    assert shared_terminal.world.connect().delays == shared_terminal.world.rollup.delays
    assert "is no token on L1" in shared_terminal.refused("bridge", "create-token", NOBODY)


def test_ape_runs_them(shared_world: World, tmp_path: Path) -> None:
    where = ["--dir", str(shared_world.devnet.folder.path), "--journal", str(tmp_path)]
    ape = [str(Path(sys.executable).with_name("ape")), "run"]
    good, bad = (
        subprocess.run(
            [*ape, *words, *where], cwd=ROOT, capture_output=True, text=True, check=False
        )
        for words in (["bridge", "status"], ["bridge", "deposit", "eth", "10001"])
    )
    assert good.returncode == 0
    assert shared_world.portal in good.stdout
    assert bad.returncode == 1
    assert bad.stdout == ""
    assert bad.stderr.endswith("less than 10001: deposit less\n")
    assert "Traceback" not in bad.stderr
