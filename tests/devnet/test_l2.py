import pytest

from clearway.devnet.accounts import PEOPLE_BALANCE, Role, people, role
from clearway.devnet.l1 import backing
from clearway.devnet.l2 import PREDEPLOYS, WETH, genesis, implementation, predeploy
from clearway.devnet.outbox import Outbox
from clearway.opstack import abi
from clearway.opstack.abi import Function
from clearway.opstack.addresses import GAS_PRICE_ORACLE, L1_BLOCK, L2_BRIDGE, L2_MESSENGER
from clearway.opstack.chain import Chain
from clearway.opstack.errors import Reverted
from clearway.opstack.messages import deposits_in, tohex, unhex

DEPOSIT_GAS = 200_000


@pytest.fixture
def l2(pair):
    return Chain.connect(pair.l2.spec.url, "L2")


VERSIONED = [last_byte for last_byte, name in PREDEPLOYS.items() if name != "ProxyAdmin"]


@pytest.mark.parametrize("last_byte", VERSIONED, ids=lambda n: PREDEPLOYS[n])
def test_every_predeploy_tells_its_version(l2, last_byte):
    assert l2.call(predeploy(last_byte), abi.VERSION).count(".") >= 2


def test_the_proxies_belong_to_the_deployer(l2):
    admin = predeploy(0x18)
    assert l2.call(admin, Function("owner()", "address")) == role(Role.DEPLOYER).address
    for last_byte in PREDEPLOYS:
        proxy = predeploy(last_byte)
        code = l2.call(admin, Function("getProxyImplementation(address)", "address"), proxy)
        assert code.lower() == implementation(last_byte)


def test_the_messengers_and_bridges_of_both_chains_name_each_other(l2, pair):
    def ask(contract, name):
        return l2.call(contract, Function(f"{name}()", "address"))

    assert ask(L2_MESSENGER, "OTHER_MESSENGER") == pair.addresses.l1_messenger
    assert ask(L2_BRIDGE, "OTHER_BRIDGE") == pair.addresses.l1_bridge
    assert ask(L2_BRIDGE, "MESSENGER") == L2_MESSENGER
    assert ask(predeploy(0x14), "OTHER_BRIDGE") == pair.addresses.l1_erc721_bridge
    assert ask(predeploy(0x12), "BRIDGE") == L2_BRIDGE
    l1 = Chain.connect(pair.l1.spec.url, "L1")
    assert l1.call(pair.addresses.l1_messenger, abi.Messenger.OTHER) == L2_MESSENGER
    assert l1.call(pair.addresses.l1_bridge, Function("OTHER_BRIDGE()", "address")) == L2_BRIDGE


@pytest.mark.parametrize("last_byte", [0x07, 0x10, 0x12, 0x14], ids=lambda n: PREDEPLOYS[n])
@pytest.mark.parametrize("address_of", [predeploy, implementation])
def test_nobody_can_initialize_anything_again(l2, last_byte, address_of):
    stranger = people()[0].address
    with pytest.raises(Reverted, match="already initialized"):
        l2.call(address_of(last_byte), Function("initialize(address)"), stranger)


def test_the_fees_go_to_vaults_that_pay_on_l1(l2):
    for last_byte in (0x11, 0x19, 0x1A):
        vault = predeploy(last_byte)
        assert l2.call(vault, Function("RECIPIENT()", "address")) == role(Role.BATCHER).address
        assert l2.call(vault, Function("MIN_WITHDRAWAL_AMOUNT()", "uint256")) == 10**18
        assert l2.call(vault, Function("WITHDRAWAL_NETWORK()", "uint8")) == 0
    assert l2.request("eth_getBlockByNumber", "latest", False)["miner"] == predeploy(0x11)


def test_the_nft_factory_knows_the_l1(l2):
    assert l2.call(predeploy(0x17), Function("REMOTE_CHAIN_ID()", "uint256")) == 900
    bridge = l2.call(predeploy(0x17), Function("BRIDGE()", "address"))
    assert bridge.lower() == predeploy(0x14)


def test_l2_knows_its_l1_origin(l2, pair):
    number = l2.call(L1_BLOCK, abi.L1Block.NUMBER)
    header = pair.l1.rpc.block(number)
    assert number > 0
    assert l2.call(L1_BLOCK, abi.L1Block.HASH) == unhex(header["hash"])


def test_the_l1_fee_is_priced_as_since_fjord(l2):
    assert l2.call(GAS_PRICE_ORACLE, Function("isFjord()", "bool")) is True
    assert l2.call(GAS_PRICE_ORACLE, Function("getL1Fee(bytes)", "uint256"), bytes(100)) > 0


def test_views_work_without_a_sender_although_the_l1_fee_is_charged(l2):
    assert l2.call(predeploy(WETH), abi.Token.SYMBOL) == "WETH"


def test_what_people_have_is_what_the_portal_holds(l2, pair):
    content = genesis(pair.addresses, 900, 901, 0)
    held = {address: int(entry["balance"], 16) for address, entry in content["alloc"].items()}
    assert {a: b for a, b in held.items() if b and int(a, 16)} == {
        person.address.lower(): PEOPLE_BALANCE for person in people()
    }
    assert sum(b for a, b in held.items() if int(a, 16)) == backing()
    assert all(l2.next_nonce(person.address) == 0 for person in people())


def test_a_deposit_through_the_real_bridge_arrives(l2, pair):
    # The faucet, for people's nonces stay 0 here.
    sender, receiver = role(Role.FAUCET), "0x" + "77" * 20
    outbox = Outbox(pair.l1.rpc, sender)
    bridge = pair.addresses.l1_bridge
    outbox.call(bridge, abi.Bridge.BRIDGE_ETH_TO, receiver, DEPOSIT_GAS, b"", value=10**18)
    (receipt,) = outbox.send()
    (deposit,) = deposits_in(receipt["logs"], pair.addresses.portal)
    answer = pair.l2.rpc("eth_sendRawTransactionSync", tohex(deposit.encode()))
    assert answer["transactionHash"] == tohex(deposit.hash)
    assert l2.balance(receiver) == 10**18


def test_an_l2_of_a_fork_begins_at_a_number_of_choice(begin_l2, pair):
    node = begin_l2(pair.l1.rpc, pair.addresses, 5_000_000)
    assert node.rpc.number("eth_blockNumber") == 5_000_000
    node.rpc("evm_mine")
    assert node.rpc.number("eth_blockNumber") == 5_000_001
