from eth_account import Account

from clearway.devnet.accounts import MNEMONIC, Role, account, people, role


def test_people_have_the_well_known_accounts():
    addresses = [person.address for person in people()]
    assert len(set(addresses)) == 10
    assert addresses[0] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert addresses[9] == "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"


def test_roles_are_on_the_same_mnemonic_as_wallets_derive_it():
    Account.enable_unaudited_hdwallet_features()
    for which in Role:
        path = f"m/44'/60'/0'/0/{which.value}"
        assert role(which) == Account.from_mnemonic(MNEMONIC, account_path=path)


def test_no_role_acts_with_a_persons_account():
    assert not {role(which).address for which in Role} & {person.address for person in people()}
    assert account(0) == people()[0]
