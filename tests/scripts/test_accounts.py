import json

import pytest
from eth_account import Account

from clearway.networks import Network
from clearway.opstack.addresses import ZERO_ADDRESS
from clearway.opstack.errors import BadInput
from clearway.shell.accounts import ApeSigner, find_signer, unlocked

KEY = "0x" + "11" * 32
PASSPHRASE = "correct horse"


def network(name: str = "local") -> Network:
    return Network(name, "http://l1", "http://l2", ZERO_ADDRESS, None, None)


def transaction(chain_id: int) -> dict[str, object]:
    return {
        "type": 2,
        "chainId": chain_id,
        "nonce": 5,
        "to": "0x4200000000000000000000000000000000000010",
        "value": 7,
        "data": "0xabcd",
        "gas": 21_000,
        "maxFeePerGas": 10**9,
        "maxPriorityFeePerGas": 10,
    }


@pytest.fixture
def keyfile_account(tmp_path, monkeypatch):
    from ape_accounts.accounts import KeyfileAccount

    path = tmp_path / "alice.json"
    path.write_text(json.dumps(Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=1)))
    monkeypatch.setenv("APE_ACCOUNTS_alice_PASSPHRASE", PASSPHRASE)
    return KeyfileAccount(keyfile_path=path)


@pytest.mark.parametrize("chain_id", [900, 901, 10])
def test_a_keyfile_account_signs_for_any_chain_unasked(keyfile_account, chain_id):
    signer = unlocked(ApeSigner(keyfile_account))
    raw = signer.sign_transaction(transaction(chain_id)).raw_transaction
    expected = Account.from_key(KEY).sign_transaction(transaction(chain_id))
    assert raw == bytes(expected.raw_transaction)
    assert signer.address == Account.from_key(KEY).address


def test_a_test_account_signs_too():
    import ape

    account = ape.accounts.test_accounts[3]
    raw = unlocked(ApeSigner(account)).sign_transaction(transaction(901)).raw_transaction
    assert Account.recover_transaction(raw) == account.address


def test_a_wrong_passphrase_is_a_sentence(keyfile_account, monkeypatch):
    monkeypatch.setenv("APE_ACCOUNTS_alice_PASSPHRASE", "wrong")
    with pytest.raises(BadInput, match=r"account 'alice' can't be unlocked.*nothing was sent"):
        unlocked(ApeSigner(keyfile_account))


def test_the_local_network_has_accounts_of_its_own():
    assert find_signer(None, network()).address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert find_signer("9", network()).address == "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"


@pytest.mark.parametrize("name", ["10", "00", "123456789"])
def test_there_are_ten_of_them(name):
    with pytest.raises(BadInput, match="there are 0 to 9"):
        find_signer(name, network())


def test_they_are_nobodys_on_a_live_network():
    with pytest.raises(BadInput, match="everybody has its key"):
        find_signer("0", network("op-sepolia"))


@pytest.mark.parametrize("name", ["op-sepolia", "custom"])
def test_elsewhere_an_account_must_be_named(name):
    with pytest.raises(BadInput, match="no account is given"):
        find_signer(None, network(name))


def test_a_misspelt_account_is_named(monkeypatch):
    import ape

    class Accounts:
        aliases = ("alice", "bob")

        def load(self, alias: str) -> None:
            raise KeyError(alias)

    monkeypatch.setattr(ape, "accounts", Accounts(), raising=False)
    with pytest.raises(BadInput, match="Ape has no account 'alise': did you mean alice"):
        find_signer("alise", network())
