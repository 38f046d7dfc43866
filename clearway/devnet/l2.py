"""The local L2's genesis: the real predeploys, as a new chain has them at its first block."""

from collections.abc import Mapping
from typing import Any

from clearway.devnet.accounts import PEOPLE_BALANCE, Role, people, role
from clearway.devnet.artifacts import runtime, storage_places
from clearway.devnet.l1 import L2_GAS_LIMIT, Addresses
from clearway.opstack.addresses import L2_BRIDGE, L2_MESSENGER, ZERO_ADDRESS
from clearway.opstack.messages import tohex

ADMIN_SLOT = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103  # ERC-1967
IMPLEMENTATION_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
FIRST_BASE_FEE = 10**9  # wei per gas

SEQUENCER_FEE_VAULT = 0x11
PROXY_ADMIN = 0x18
WETH = 0x06
PREDEPLOYS = {
    0x00: "LegacyMessagePasser",
    0x02: "DeployerWhitelist",
    0x07: "L2CrossDomainMessenger",
    0x0F: "GasPriceOracle",
    0x10: "L2StandardBridge",
    SEQUENCER_FEE_VAULT: "SequencerFeeVault",
    0x12: "OptimismMintableERC20Factory",
    0x13: "L1BlockNumber",
    0x14: "L2ERC721Bridge",
    0x15: "L1Block",
    0x16: "L2ToL1MessagePasser",
    0x17: "OptimismMintableERC721Factory",
    PROXY_ADMIN: "ProxyAdmin",
    0x19: "BaseFeeVault",
    0x1A: "L1FeeVault",
}
"""The proxied predeploys by the last byte of their address. WETH is the one that is not proxied."""

INITIALIZED = {"_initialized": 1}
NO_SENDER = 0xDEAD  # what the messenger holds between messages
FEE_VAULT_MINIMUM = 10**18  # wei
TO_L1 = 0
VIEWER_BALANCE = 10**27
"""Wei of the zero address, which nobody can spend: anvil takes the L1 fee of eth_call from it."""

FORKS_BY_BLOCK = (
    "homestead eip150 eip155 eip158 byzantium constantinople petersburg istanbul berlin london "
    "mergeNetsplit"
)
FORKS_BY_TIME = "shanghai cancun prague"


def predeploy(last_byte: int) -> str:
    """Return the address of a predeploy."""
    return f"0x42{last_byte:038x}"


def implementation(last_byte: int) -> str:
    """Return the address of the code behind a predeploy's proxy."""
    return f"0xc0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3{last_byte:04x}"


def genesis(
    l1: Addresses, l1_chain_id: int, l2_chain_id: int, timestamp: int, number: int = 0
) -> dict[str, Any]:
    """Return the genesis that anvil's `--init` reads.

    `timestamp` is in seconds. `number` is the first block's: on a fork of L1 it must be above the
    live chain's anchor, and anvil wants it in `--number` as well. People's ETH in it must be backed
    on L1: see `l1.donate`.
    """
    alloc: dict[str, dict[str, Any]] = {}
    proxy_code = tohex(runtime("Proxy"))
    for last_byte, name in PREDEPLOYS.items():
        code = runtime(name, _immutables(name, l1_chain_id))
        proxied = {
            ADMIN_SLOT: int(predeploy(PROXY_ADMIN), 16),
            IMPLEMENTATION_SLOT: int(implementation(last_byte), 16),
        }
        proxied |= _storage(name, _variables(l1).get(name, {}))
        alloc[predeploy(last_byte)] = _account(code=proxy_code, storage=proxied)
        # What is behind a proxy is marked as initialized too, lest somebody makes it their own.
        own = _storage(name, _implementation_variables(name))
        alloc[implementation(last_byte)] = _account(code=tohex(code), storage=own)
    alloc[predeploy(WETH)] = _account(code=tohex(runtime("WETH")))
    alloc[ZERO_ADDRESS] = _account(balance=VIEWER_BALANCE)
    alloc |= {person.address.lower(): _account(balance=PEOPLE_BALANCE) for person in people()}
    return {
        "config": _config(l2_chain_id),
        "nonce": "0x0",
        "timestamp": hex(timestamp),
        "extraData": "0x",
        "gasLimit": hex(L2_GAS_LIMIT),
        "difficulty": "0x0",
        "mixHash": "0x" + "00" * 32,
        "coinbase": predeploy(SEQUENCER_FEE_VAULT),
        "baseFeePerGas": hex(FIRST_BASE_FEE),
        "number": hex(number),
        "alloc": alloc,
    }


def _variables(l1: Addresses) -> dict[str, dict[str, int]]:
    """Return what the predeploys' initializers would have stored, by contract and variable."""
    messenger, bridge = int(L2_MESSENGER, 16), int(L2_BRIDGE, 16)
    other_bridge = {"messenger": messenger, "otherBridge": int(l1.l1_bridge, 16)}
    other_erc721_bridge = {"messenger": messenger, "otherBridge": int(l1.l1_erc721_bridge, 16)}
    other_messenger = {"xDomainMsgSender": NO_SENDER, "otherMessenger": int(l1.l1_messenger, 16)}
    return {
        "L2CrossDomainMessenger": INITIALIZED | other_messenger,
        "L2StandardBridge": INITIALIZED | other_bridge,
        "L2ERC721Bridge": INITIALIZED | other_erc721_bridge,
        "OptimismMintableERC20Factory": INITIALIZED | {"bridge": bridge},
        "GasPriceOracle": {"isEcotone": 1, "isFjord": 1},
        "ProxyAdmin": {"_owner": int(role(Role.DEPLOYER).address, 16)},
    }


def _implementation_variables(name: str) -> dict[str, int]:
    if name == "ProxyAdmin":
        return {"_owner": int(role(Role.DEPLOYER).address, 16)}
    return INITIALIZED if "_initialized" in storage_places(name) else {}


def _immutables(name: str, l1_chain_id: int) -> dict[str, int]:
    if name.endswith("FeeVault"):
        recipient = int(role(Role.BATCHER).address, 16)
        return {
            "RECIPIENT": recipient,
            "MIN_WITHDRAWAL_AMOUNT": FEE_VAULT_MINIMUM,
            "WITHDRAWAL_NETWORK": TO_L1,
        }
    if name == "OptimismMintableERC721Factory":
        return {"BRIDGE": int(predeploy(0x14), 16), "REMOTE_CHAIN_ID": l1_chain_id}
    return {}


def _storage(name: str, variables: Mapping[str, int]) -> dict[int, int]:
    """Return the storage words that give a contract's variables these values."""
    if not variables:
        return {}
    places = storage_places(name)
    words: dict[int, int] = {}
    for variable, value in variables.items():
        slot, offset = places[variable]
        words[slot] = words.get(slot, 0) | value << (8 * offset)
    return words


def _account(
    balance: int = 0, code: str = "", storage: Mapping[int, int] | None = None
) -> dict[str, Any]:
    account: dict[str, Any] = {"balance": hex(balance)}
    if code:
        account["code"] = code
    if storage:
        account["storage"] = {f"0x{slot:064x}": f"0x{word:064x}" for slot, word in storage.items()}
    return account


def _config(chain_id: int) -> dict[str, Any]:
    by_block = {f"{fork}Block": 0 for fork in FORKS_BY_BLOCK.split()}
    by_time = {f"{fork}Time": 0 for fork in FORKS_BY_TIME.split()}
    merge = {"terminalTotalDifficulty": 0, "terminalTotalDifficultyPassed": True}
    return {"chainId": chain_id, **by_block, **by_time, **merge}
