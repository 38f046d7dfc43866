"""What every command does alike: its help, and how it says what is wrong."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from clearway.opstack.errors import BadInput
from clearway.shell.commands import BridgeGroup, Session, debug_option

from .conftest import ROOT, load

SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
HASH = "0x" + "ab" * 32
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


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
    assert result.stderr == "this is a bug: KeyError 'missing', run again with --debug\n"


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
