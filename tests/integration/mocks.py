"""The creation code of the test contracts, compiled once in a process."""

from functools import cache
from pathlib import Path

import boa
import solcx
from eth_abi import encode as abi_encode

from clearway.opstack.abi import Function

ROOT = Path(__file__).resolve().parents[2]
MOCKS = ROOT / "contracts" / "mocks"
SOLC = ROOT / "tools" / "solc" / "solc-v0.8.37"


class Recorder:
    PING = Function("ping(uint256)")
    PINGS = Function("pings(uint256)", "address,address,uint256,uint256")
    PING_COUNT = Function("ping_count()", "uint256")
    SET_BROKEN = Function("set_broken(bool)")


class Mint:
    MINT = Function("mint(address,uint256)")


class Callee:
    ACCEPT, REVERT = 0, 1
    BEHAVE = Function("behave(uint8)")


class Wallet:
    EXECUTE = Function("execute(address,uint256,bytes)", "bytes")


def creation(name: str, types: str = "", *arguments: object) -> bytes:
    """Return a test contract's creation code with its constructor's arguments."""
    return _code(name) + abi_encode(types.split(",") if types else [], arguments)


@cache
def _code(name: str) -> bytes:
    if (MOCKS / f"{name}.vy").exists():
        return bytes(boa.load_partial(str(MOCKS / f"{name}.vy")).compiler_data.bytecode)
    return _solidity()[name]


@cache
def _solidity() -> dict[str, bytes]:
    sources = {path.name: {"content": path.read_text()} for path in MOCKS.glob("*.sol")}
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": sources,
            "settings": {
                "evmVersion": "cancun",
                "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
            },
        },
        solc_binary=SOLC,
    )
    return {
        name: bytes.fromhex(contract["evm"]["bytecode"]["object"])
        for contracts in output["contracts"].values()
        for name, contract in contracts.items()
    }
