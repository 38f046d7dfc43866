"""Who acts on the local chains.

The ten accounts of the well-known mnemonic are people's: the devnet never sends from them, so they
start at nonce 0 on both chains. Each role of the bridge has an account of its own, far beyond them
on the same mnemonic. The keys are public: never send anything of value to these addresses on a
real chain.
"""

from enum import Enum
from functools import cache

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.signers.local import LocalAccount

MNEMONIC = "test test test test test test test test test test test junk"
ETHER = 10**18

PEOPLE_COUNT = 10
PEOPLE_BALANCE = 10_000 * ETHER
"""Wei that each person has at the start, on L1 and on L2."""

ROLE_BALANCE = 1_000_000 * ETHER
"""Wei that each role has on L1 at the start: bonds at a game's full depth are 60 ETH each."""


class Role(Enum):
    """Who does what for the bridge; the value is the index on the mnemonic."""

    DEPLOYER = 100
    """Deployed the contracts and owns them."""
    PROPOSER = 101
    CHALLENGER = 102
    RESOLVER = 103
    GUARDIAN = 104
    """May pause the bridge and blacklist games."""
    BATCHER = 105
    FAUCET = 106
    """Gives test ETH, and backs on L1 what L2 has from its genesis."""


@cache
def account(index: int) -> LocalAccount:
    """Return the account at m/44'/60'/0'/0/index of the mnemonic."""
    signer: LocalAccount = Account.from_key(key_from_seed(_seed(), f"m/44'/60'/0'/0/{index}"))
    return signer


def role(which: Role) -> LocalAccount:
    """Return a role's account."""
    return account(which.value)


def people() -> list[LocalAccount]:
    """Return the ten accounts that are left to people."""
    return [account(index) for index in range(PEOPLE_COUNT)]


@cache
def _seed() -> bytes:
    return bytes(seed_from_mnemonic(MNEMONIC, ""))
