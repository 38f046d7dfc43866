import pytest

from clearway.devnet.accounts import PEOPLE_BALANCE, ROLE_BALANCE, Role, people, role
from clearway.devnet.l1 import INITIAL_BOND, backing, batch_inbox, deploy_l1, fund_accounts
from clearway.devnet.profiles import REAL, SHORT
from clearway.opstack import abi
from clearway.opstack.abi import Function
from clearway.opstack.chain import Chain

WETH = Function("weth()", "address")


@pytest.fixture
def l1(pair):
    return Chain.connect(pair.l1.spec.url, "L1")


@pytest.fixture
def to(pair):
    return pair.addresses


@pytest.mark.parametrize("profile", [REAL, SHORT])
def test_the_contracts_enforce_the_profile(new_l1, profile):
    fund_accounts(new_l1.rpc)
    to = deploy_l1(new_l1.rpc, profile, 901)
    l1 = Chain.connect(new_l1.spec.url, "L1")
    assert l1.call(to.portal, abi.Portal.PROOF_MATURITY) == profile.proof_maturity
    assert l1.call(to.portal, abi.Portal.GAME_FINALITY) == profile.game_finality
    for game_type in (0, 1):
        game = l1.call(to.dispute_game_factory, abi.Factory.GAME_IMPLEMENTATION, game_type)
        assert l1.call(game, abi.Game.MAX_CLOCK) == profile.max_clock
        assert l1.call(game, Function("clockExtension()", "uint64")) == profile.clock_extension
        weth = l1.call(game, WETH)
        assert l1.call(weth, Function("delay()", "uint256")) == profile.weth_delay


def test_every_contract_finds_its_neighbours(l1, to):
    def ask(contract, name):
        return l1.call(contract, Function(f"{name}()", "address"))

    assert ask(to.portal, "disputeGameFactory") == to.dispute_game_factory
    assert ask(to.portal, "systemConfig") == to.system_config
    assert ask(to.portal, "superchainConfig") == to.superchain_config
    assert ask(to.system_config, "optimismPortal") == to.portal
    assert ask(to.system_config, "l1CrossDomainMessenger") == to.l1_messenger
    assert ask(to.system_config, "l1StandardBridge") == to.l1_bridge
    assert ask(to.system_config, "l1ERC721Bridge") == to.l1_erc721_bridge
    assert ask(to.l1_messenger, "PORTAL") == to.portal
    assert ask(to.l1_bridge, "MESSENGER") == to.l1_messenger
    assert ask(to.l1_erc721_bridge, "MESSENGER") == to.l1_messenger
    assert ask(to.anchor_state_registry, "disputeGameFactory") == to.dispute_game_factory
    token_factory = ask(to.system_config, "optimismMintableERC20Factory")
    assert ask(token_factory, "BRIDGE") == to.l1_bridge
    assert ask(to.proxy_admin, "owner") == role(Role.DEPLOYER).address


def test_the_guardian_alone_may_pause(l1, to):
    assert l1.call(to.superchain_config, Function("guardian()", "address")) == (
        role(Role.GUARDIAN).address
    )
    assert l1.call(to.portal, abi.Portal.PAUSED) is False


@pytest.mark.parametrize("game_type", [0, 1])
def test_games_are_about_this_l2_and_start_at_its_anchor(l1, to, pair, game_type):
    factory = to.dispute_game_factory
    game = l1.call(factory, abi.Factory.GAME_IMPLEMENTATION, game_type)
    assert l1.call(game, abi.Game.GAME_TYPE) == game_type
    assert l1.call(game, abi.Game.L2_CHAIN_ID) == 901
    assert l1.call(factory, abi.Factory.INITIAL_BOND, game_type) == INITIAL_BOND
    anchor = l1.call(to.anchor_state_registry, abi.Registry.ANCHORS, game_type)
    assert anchor == (pair.first_output.root, 1)


def test_everyones_games_are_the_respected_ones(l1, to):
    assert l1.call(to.portal, abi.Portal.RESPECTED_GAME_TYPE) == 0


def test_the_portal_can_pay_out_all_that_people_have_on_l2(l1, to):
    assert backing() == 10 * PEOPLE_BALANCE
    assert l1.balance(to.portal) >= backing()


def test_people_begin_with_ether_and_no_past(pair):
    for person in people():
        account = [person.address, "latest"]
        calls = [("eth_getTransactionCount", account), ("eth_getCode", account)]
        assert pair.l1.rpc.many(calls) == ["0x0", "0x"]


def test_funding_makes_strangers_of_a_fork_plain_accounts_again(new_l1):
    rpc, person = new_l1.rpc, people()[3].address
    rpc("anvil_setNonce", person, "0x7")
    rpc("anvil_setCode", person, "0xef0100" + "11" * 20)
    fund_accounts(rpc)
    assert rpc("eth_getTransactionCount", person, "latest") == "0x0"
    assert rpc("eth_getCode", person, "latest") == "0x"
    assert rpc.number("eth_getBalance", person, "latest") == PEOPLE_BALANCE
    deployer = role(Role.DEPLOYER).address
    assert rpc.number("eth_getBalance", deployer, "latest") == ROLE_BALANCE


def test_the_batch_inbox_shows_the_chain_id():
    assert batch_inbox(901) == "0xff" + "0" * 35 + "901"
