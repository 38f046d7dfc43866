"""The guard over code size and storage layout must itself be able to say no."""

from pathlib import Path

import boa
import pytest

from tools.check_contracts import check, compile_contract

HEADER = "# pragma version ==0.4.3\n# pragma evm-version cancun\n"


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    for room in ("l2", "modules", "mocks"):
        (tmp_path / "contracts" / room).mkdir(parents=True)
    return tmp_path / "contracts"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return tmp_path / "docs" / "layout.txt"


@pytest.fixture
def abis(tmp_path: Path) -> Path:
    return tmp_path / "abi"


def write(path: Path, body: str) -> Path:
    path.write_text(HEADER + body)
    return path


def test_no_contracts_is_said_and_is_no_fault(contracts, snapshot, abis, capsys):
    assert check(contracts, snapshot, abis, update=False) == []
    assert "no contracts for deployment yet" in capsys.readouterr().out


def test_modules_and_interfaces_are_not_deployed(contracts, snapshot, abis, capsys):
    write(contracts / "modules" / "custody.vy", "pool: uint256\n")
    check(contracts, snapshot, abis, update=False)
    assert "custody" not in capsys.readouterr().out


def test_the_layout_is_written_once_then_kept(contracts, snapshot, abis):
    write(contracts / "l2" / "Vault.vy", "pool: uint256\n")
    assert check(contracts, snapshot, abis, update=True) == []
    assert snapshot.read_text() == "l2/Vault\n     0      1  pool: uint256\n"
    assert check(contracts, snapshot, abis, update=False) == []


def test_a_moved_variable_is_shown(contracts, snapshot, abis):
    vault = write(contracts / "l2" / "Vault.vy", "pool: uint256\n")
    check(contracts, snapshot, abis, update=True)
    write(vault, "insurance: uint256\npool: uint256\n")
    (fault,) = check(contracts, snapshot, abis, update=False)
    assert "-     0      1  pool: uint256" in fault
    assert "+     1      1  pool: uint256" in fault


def test_a_contract_over_the_limit_is_refused(contracts, snapshot, abis):
    body = "LARGE: public(immutable(Bytes[24512]))\n\n@deploy\ndef __init__():\n    LARGE = b''\n"
    write(contracts / "mocks" / "Giant.vy", body)
    assert check(contracts, snapshot, abis, update=False) == ["mocks/Giant is over 24,576 bytes"]


def test_the_size_is_that_of_the_deployed_code(contracts):
    body = (
        "LIMIT: public(immutable(uint256))\n\n@deploy\ndef __init__(limit: uint256):\n"
        "    LIMIT = limit\n"
    )
    source = write(contracts / "l2" / "Vault.vy", body)
    deployed = boa.load(str(source), 7)
    size = len(boa.env.get_code(deployed.address))
    assert compile_contract(source, contracts).runtime_bytes == size


def test_variables_of_modules_carry_the_modules_name(contracts, snapshot, abis):
    write(contracts / "modules" / "custody.vy", "pool: uint256\n")
    write(
        contracts / "l2" / "Vault.vy",
        "from contracts.modules import custody\ninitializes: custody\n\nowner: address\n",
    )
    check(contracts, snapshot, abis, update=True)
    assert "custody.pool: uint256" in snapshot.read_text()


def test_a_changed_abi_is_shown(contracts, snapshot, abis):
    vault = write(contracts / "l2" / "Vault.vy", "cap: public(uint256)\n")
    check(contracts, snapshot, abis, update=True)
    write(vault, "cap: uint256\n\n@external\n@view\ndef limit() -> uint256:\n    return self.cap\n")
    (fault,) = check(contracts, snapshot, abis, update=False)
    assert '-{"inputs":[],"name":"cap"' in fault
    assert '+{"inputs":[],"name":"limit"' in fault


def test_an_abi_without_a_contract_is_a_fault_until_it_is_gone(contracts, snapshot, abis):
    vault = write(contracts / "l2" / "Vault.vy", "cap: public(uint256)\n")
    check(contracts, snapshot, abis, update=True)
    vault.unlink()
    snapshot.write_text("")
    (fault,) = check(contracts, snapshot, abis, update=False)
    assert "abi/Vault.json in git" in fault
    check(contracts, snapshot, abis, update=True)
    assert check(contracts, snapshot, abis, update=False) == []
