"""What every command does alike: its help, and how it says what is wrong."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from clearway.opstack.errors import BadInput
from clearway.shell.commands import BridgeGroup, Session, debug_option

from .conftest import ROOT, load

SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
HASH = "0x" + "ab" * 32
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def joined(path: Path) -> str:
    """Return a file's text with the strings that go on in the next line put together."""
    return re.sub(r'"\n\s*f?"', "", path.read_text())


def reached(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words lead to, and the words that are left for it."""
    command: click.Command = load(words[0])
    left = words[1:]
    while isinstance(command, click.Group) and left:
        below = command.get_command(click.Context(command), left[0])
        if below is None:
            break
        command, left = below, left[1:]
    return command, left


def all_commands() -> Iterator[tuple[str, ...]]:
    for script in SCRIPTS:
        yield from below((script,), load(script))


def below(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from below((*path, name), child)


@pytest.mark.parametrize("path", all_commands(), ids=" ".join)
def test_help_has_an_example_of_that_command(run, path):
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    ape run {' '.join(path)}" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


@pytest.mark.parametrize(
    "words",
    [
        ("bridge", "status"),
        ("bridge", "balances"),
        ("bridge", "wait", HASH),
        ("bridge", "deposit", "eth", "1"),
        ("bridge", "deposit", "token", ADDRESS, ADDRESS, "1"),
        ("bridge", "force", ADDRESS),
        ("bridge", "replay", HASH),
        ("account",),
        ("account", "deposit", "1"),
        ("lp", "report"),
        ("solvency",),
        ("trade", "open", "ETH", "1"),
        ("withdraw", "start", "eth", "1"),
        ("withdraw", "list"),
        ("withdraw", "show", HASH),
        ("withdraw", "prove", HASH),
        ("withdraw", "drive"),
        ("withdraw", "watch"),
    ],
)
def test_without_a_network_a_command_tells_how_to_start_one(run, words):
    result = run(*words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "error: no local network is running: start one with `ape run devnet up`, "
        "or name another with --network\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("bridge", "deposit", "eth", "0"), "the amount is zero"),
        (("bridge", "deposit", "eth", "-1"), "below zero"),
        (("bridge", "deposit", "eth", "1e18"), "without an exponent"),
        (("bridge", "deposit", "eth", "1", "--to", "0x12"), "--to '0x12' is not an address"),
        (("bridge", "deposit", "message", "bob"), "the target 'bob' is not an address"),
        (("bridge", "deposit", "message", ADDRESS, "--value", "-1"), "is negative"),
        (("bridge", "deposit", "message", ADDRESS, "--data", "0x1"), "--data is not hexadecimal"),
        (
            ("bridge", "force", ADDRESS, "--call", "f(int)", "--data", "0x"),
            "both --data and --call",
        ),
        (("bridge", "force", ADDRESS, "--gas", "0"), "from 1 to"),
        (("bridge", "wait", "0x12"), "2 hex digits, not 64"),
        (("bridge", "wait", ADDRESS), "is an address and not a hash"),
        (("bridge", "status", "--network", "op-sepola"), "did you mean op-sepolia"),
        (("bridge", "status", "--network", "base"), "no L1 RPC is given for base"),
        (("bridge", "status", "--network", "base", "--l1-rpc", "ws://a"), "not an HTTP address"),
        (("withdraw", "start", "eth", "1", "--mint", "2"), "--mint is given without --forced"),
        (("withdraw", "start", "token", "usd", "2"), "the L2 token 'usd' is not an address"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(run, words, sentence):
    result = run(*words)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_wrong_chain_is_refused(run, node):
    url = node(lambda method: "0x384")
    result = run("bridge", "status", "--network", "op-sepolia", "--l1-rpc", url)
    assert result.exit_code == 1
    assert f"the L1 RPC at {url} serves chain 900, not 11155111" in result.stderr


@pytest.mark.parametrize("answer", [b"<html>", None, "ten", {}])
def test_nonsense_from_a_node_is_named(run, node, answer):
    url = node(lambda method: answer)
    result = run("bridge", "status", "--network", "op-sepolia", "--l1-rpc", url)
    assert result.exit_code == 1
    assert f"error: the L1 RPC at {url} answered nonsense" in result.stderr


def test_no_node_is_named(run):
    result = run("bridge", "status", "--network", "base", "--l1-rpc", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "http://127.0.0.1:9 doesn't answer (no connection): check the address" in result.stderr


def test_live_nodes_may_come_from_the_environment(run, node):
    url = node(lambda method: "0x384")
    result = run("bridge", "status", "--network", "op-sepolia", CLEARWAY_L1_RPC=url)
    assert f"the L1 RPC at {url} serves chain 900" in result.stderr


def test_a_live_network_has_no_default_account(run, node):
    l1, l2 = node(lambda method: "0xaa36a7"), node(lambda method: "0xaa37dc")
    words = ("--network", "op-sepolia", "--l1-rpc", l1, "--l2-rpc", l2)
    result = run("bridge", "balances", *words)
    assert "no account is given: give one of Ape's by --account NAME" in result.stderr


def test_a_command_line_can_be_repeated_with_its_network_and_account(tmp_path):
    session = Session(network="base", l1_rpc="http://a?b&c", folder=tmp_path, account="alice")
    assert session.command("bridge", "replay", HASH) == (
        f"ape run bridge replay {HASH} --network base --l1-rpc 'http://a?b&c' --dir {tmp_path} "
        "--account alice"
    )
    assert "--account" not in session.command("bridge", "wait", HASH, account=False)


# The frame itself


@pytest.fixture
def failing():
    """A group whose command raises what it is given."""

    @click.group(cls=BridgeGroup)
    @debug_option
    def cli() -> None: ...

    raised: list[BaseException] = []

    @cli.command()
    def fail() -> None:
        raise raised[0]

    def invoke(error: BaseException, *options: str):
        raised[:] = [error]
        return CliRunner(mix_stderr=False).invoke(cli, [*options, "fail"])

    return invoke


def test_an_error_is_one_sentence(failing):
    result = failing(BadInput("a fact\nof two lines", "an advice"))
    assert result.exit_code == 1
    assert result.stderr == "error: a fact of two lines: an advice\n"


def test_an_endless_error_is_cut(failing):
    assert len(failing(BadInput("x" * 100_000)).stderr) < 1_000


def test_debug_shows_where_an_error_came_from(failing):
    result = failing(BadInput("a fact"), "--debug")
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("error: a fact\n")


def test_a_bug_says_that_it_is_one(failing):
    result = failing(KeyError("missing"))
    assert result.exit_code == 2
    assert re.fullmatch(
        r"this is a bug: KeyError 'missing' at \w+\.py:\d+, run again with --debug\n", result.stderr
    )


@pytest.mark.parametrize("stopped", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_loses_nothing_and_says_so(failing, stopped):
    result = failing(stopped)
    assert result.exit_code == 130
    assert "nothing is lost" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("keeper", "executer"), "No such command 'executer': did you mean executor? there are "),
        (("trade", "opn", "ETH", "2"), "No such command 'opn': did you mean open? there are add, "),
        (("force", "nonsense"), "No such command 'nonsense': there are "),
    ],
)
def test_a_misspelt_command_is_put_right(run, words, sentence):
    result = run(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize("port", ["-4", "0", "65536"])
def test_a_port_that_none_can_be_is_refused(run, port):
    result = run("devnet", "up", "--l1-port", port)
    assert result.exit_code == 2
    assert "is not in the range 1<=x<=65535" in result.stderr


def test_both_chains_cannot_have_one_port(run, tmp_path):
    result = run("devnet", "up", "--l1-port", "8600", "--l2-port", "8600")
    assert result.exit_code == 1
    assert "Port 8600 can't serve both chains; choose another with --l2-port." in result.stderr
    assert not list(tmp_path.iterdir())


HINTS = sorted(
    {
        " ".join(found.split())
        for folder in ("clearway", "scripts")
        for path in (ROOT / folder).rglob("*.py")
        for found in re.findall("`ape run ([a-z][^`]*)`", joined(path))
    }
)


@pytest.mark.parametrize("hint", HINTS)
def test_a_command_that_is_named_anywhere_exists_and_takes_what_completes_it(hint, tmp_path):
    session = Session(
        network="base", portal=ADDRESS, folder=tmp_path, journal=tmp_path / "j", account="9"
    )
    words = shlex.split(session.completed(f"`ape run {hint}`", "3").strip("`"))[2:]
    command, words = reached(words)
    taken = {name for one in command.params for name in one.opts}
    if not isinstance(command, click.Group):
        assert {word for word in words if word.startswith("--")} <= taken


NAMED = r"ape run ([a-z][\w -]*)"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINES = {line for one in DOCUMENTS for line in re.findall(NAMED, one.read_text())}


@pytest.mark.parametrize("line", sorted(LINES))
def test_a_command_that_a_document_names_exists(line):
    command, words = reached(line.split())
    is_whole = not isinstance(command, click.Group) or not words or words[0].startswith("-")
    assert is_whole or words[0].isupper()  # what stands for any of the group's commands


def test_usage_errors_stay_clicks(failing):
    result = failing(click.UsageError("no such thing"))
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_ape_runs_the_scripts(tmp_path):
    """Ape imports a script in its own way, and takes Ctrl-C and errors over if it is let."""
    ape = os.path.join(os.path.dirname(sys.executable), "ape")
    result = subprocess.run(
        [ape, "run", "withdraw", "list", "--dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "APE_DATA_FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert "error: no local network is running" in result.stderr
    assert "Traceback" not in result.stderr
