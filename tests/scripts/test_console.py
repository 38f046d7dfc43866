"""Ape's console with Clearway in it, as somebody who types in it sees it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clearway.opstack.errors import BadInput
from clearway.shell.commands import Session
from clearway.shell.console import Console, session_for

from .conftest import ROOT
from .exchange import ALICE, Exchange

APE = Path(sys.executable).with_name("ape")


def console(network: str, *lines: str, **environment: str) -> str:
    """Run lines in `ape console`; return all that it shows."""
    ended = subprocess.run(
        [APE, "console", "--network", network, "--code", "\\n".join(lines)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    assert "Traceback" not in ended.stdout, ended.stdout
    return ended.stdout


def test_a_trade_in_the_console(exchange: Exchange):
    trader = exchange.trader(ALICE, 3)
    assert trader.view().positions == ()
    said = console(
        f"optimism:l2dev:{exchange.network.l2_rpc}",
        f"become({ALICE}, number=3)",
        'price("ETH")',
        'long("ETH", 0.5, leverage=5, execute=True)',
        "positions()",
        "market.TOKEN()",
        'close("EHT")',
        'close("ETH", execute=True)',
        "positions()",
        'withdraw("all")',
        "vault_report()",
        "me",
        "dir(vault)",
        f"become({ALICE}, number=77)",
        "history()",
        CLEARWAY_DIR=str(exchange.world.devnet.folder.path),
    )
    assert "Clearway on local: helpers() lists what there is" in said
    assert "filled   buy 0.5 ETH" in said
    assert "error: no market is named 'EHT': did you mean ETH?" in said
    assert "filled   sell 0.5 ETH" in said
    assert "no positions" in said
    assert exchange.system.token.address in said
    assert "a share" in said
    assert f"{trader.owner}, account number 3" in said
    assert "'requestRedeem'" in said
    assert "nothing has happened" in said
    assert trader.view().margin < 10**18 // 10**6


def test_on_l1_and_where_nothing_is_the_console_opens(exchange: Exchange, tmp_path: Path):
    said = console(
        f"ethereum:l1dev:{exchange.network.l1_rpc}",
        "chain.chain_id",
        'long("ETH", 1)',
        "market",
        CLEARWAY_DIR=str(tmp_path),
    )
    assert "900" in said
    assert "Clearway isn't here yet (no local network is running" in said
    assert "error: no local network is running" in said
    assert "PerpetualMarket: no local network is running" in said


def test_what_is_deployed_later_is_found_by_the_next_helper(exchange: Exchange, tmp_path, capsys):
    folder = exchange.world.devnet.folder.path
    (tmp_path / "network.json").write_text((folder / "network.json").read_text())
    offered = Console(lambda account: Session(folder=tmp_path, journal=tmp_path)).names()
    offered["vault_report"]()
    assert capsys.readouterr().err.startswith("error: nothing is deployed on local")
    (tmp_path / "deployment.json").write_text((folder / "deployment.json").read_text())
    offered["vault_report"]()
    assert "a share" in capsys.readouterr().out
    assert str(exchange.system.vault.address) in repr(offered["vault"])


def test_a_contract_is_sent_what_changes_it(exchange: Exchange, capsys):
    folder = exchange.world.devnet.folder.path
    console = Console(lambda account: Session(folder=folder, journal=exchange.home / "console"))
    offered = console.names()
    operator = exchange.trader(ALICE).owner
    (told,) = offered["vault"].setOperator(operator, True)
    assert told.name == "OperatorSet"
    assert offered["vault"].isOperator(offered["me"].address, operator)
    assert offered["vault"].previewRedeem(1) is None
    assert "error: L2 contract refused: priced when processed" in capsys.readouterr().err
    with pytest.raises(AttributeError, match="Vault has no function nonsense"):
        offered["vault"].nonsense()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("price(5)", "no market is named '5'"),
        ("price()", "missing a required argument: 'market'"),
        ('long("ETH", 1, levrage=5)', "there is no term 'levrage': did you mean leverage?"),
        ('long("ETH", 1, 2, 3)', "too many positional arguments"),
        ("become(1, number=-3)", "'-3' is no account's number"),
        ("vault.totalAssets(1)", "totalAssets can't take this"),
        ('vault.balanceOf("0x12")', "it is balanceOf(owner: address) -> uint256"),
        ('vault.deposit("ten", me.address)', "deposit can't take this"),
    ],
)
def test_what_a_helper_cannot_use_is_a_sentence(exchange: Exchange, capsys, line, sentence):
    folder = exchange.world.devnet.folder.path
    console = Console(
        lambda account: Session(folder=folder, journal=exchange.home, account=account)
    )
    assert eval(line, console.names()) is None
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert sentence in said


def test_a_connection_belongs_to_the_network_with_its_chain(monkeypatch):
    assert session_for("sepolia", 11155420)._network_words["--network"] == "op-sepolia"
    with pytest.raises(BadInput, match="chain 11155111 belongs to op-sepolia and base-sepolia"):
        session_for("sepolia", 11155111)
    monkeypatch.setenv("CLEARWAY_NETWORK", "base-sepolia")
    assert session_for("sepolia", 11155111)._network_words["--network"] == "base-sepolia"
    with pytest.raises(BadInput, match="no network that is known"):
        session_for("mainnet", 5)
