"""Killed at any step a deployment ends the same, and the deployer holds nothing after it."""

import json

import pytest
from eth_account import Account

from clearway.contracts import Contract
from clearway.deploying import record
from clearway.deploying.building import CONTRACTS, ON_L1, OWNED, pair_on_bridge
from clearway.deploying.steps import OutOfStep, created_address
from clearway.deployments import Deployment, System, file_of
from clearway.devnet.accounts import people
from clearway.opstack import Tokens
from clearway.opstack.abi import Function
from clearway.opstack.addresses import ZERO_ADDRESS
from clearway.opstack.chain import Chain
from clearway.opstack.errors import BadInput, InsufficientBalance, Reverted
from clearway.opstack.messages import tohex, unhex
from tests.deployments.conftest import deployer_of, network_of

DEPLOYER = 3  # nobody that the settings name
STEPS = {"L1": 3, "L2": 29}
NOTHING = Function("nothing()")


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def deployed(world, told, tmp_path_factory):
    """Return the folder of a deployment that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    deployer_of(world, folder, people()[DEPLOYER], told.append).deploy()
    return folder


@pytest.fixture
def system(world, deployed):
    network = network_of(world, deployed)
    return System(Deployment.of(network), world.connect())


def offsets(system, account) -> dict[str, int]:
    """Return each contract's place among what its deployer sent, by its address."""
    places = {}
    for layer, steps in STEPS.items():
        for nonce in range(4 * max(steps, 10)):
            places[layer, created_address(account.address, nonce)] = nonce
    names = (*CONTRACTS, "TestToken")
    addresses = system.deployment.addresses
    layers = {name: "L1" if name in (*ON_L1, "TestToken") else "L2" for name in names}
    return {name: places[layers[name], addresses[name]] for name in names}


class TestUndisturbed:
    def test_the_chain_is_as_the_file_says(self, world, deployed):
        assert record.drift(record.read(network_of(world, deployed)), world.connect()) == []

    def test_every_contract_has_code_at_its_address(self, system):
        for name in CONTRACTS:
            assert system.contract(name).chain.is_contract(system.contract(name).address), name

    def test_the_steps_are_told_once_each(self, told, deployed):
        assert len(told) == len(set(told)) == sum(STEPS.values())

    def test_the_deployer_holds_nothing(self, system):
        deployer = people()[DEPLOYER].address
        for name in OWNED:
            contract = system.contract(name)
            assert contract.call("owner") == system.timelock.address
            assert contract.call("pending_owner") == ZERO_ADDRESS
            assert contract.call("guardian") != deployer
            with pytest.raises(Reverted, match="not the owner"):
                contract.call("set_guardian", deployer, sender=deployer)
        for role in ("DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
            assert not system.timelock.call("hasRole", system.timelock.call(role), deployer)

    def test_gateways_name_each_other_and_the_market_takes_their_word(self, system):
        assert system.market.call("GATEWAY") == system.l2_gateway.address
        assert system.l2_gateway.call("L1_GATEWAY") == system.l1_gateway.address
        assert system.l1_gateway.call("L2_GATEWAY") == system.l2_gateway.address

    def test_markets_are_listed_and_their_aggregators_believed(self, system):
        for listed in system.deployment.markets:
            assert system.feed.call("reference", listed.number).reason == ""

    def test_the_file_says_where_to_begin_to_read(self, system):
        """No contract was there a block before."""
        token, first = system.l1_token, system.deployment.l1_block
        assert not token.chain.request("eth_getCode", token.address, hex(first - 1))[2:]
        assert token.chain.request("eth_getCode", token.address, hex(first))[2:]

    def test_a_file_of_another_network_is_refused(self, world, deployed, tmp_path):
        facts = json.loads(file_of(network_of(world, deployed)).read_text())
        network = network_of(world, tmp_path)
        file_of(network).write_text(json.dumps({**facts, "l2_genesis": "0x00"}))
        with pytest.raises(BadInput, match="is of another local network"):
            Deployment.of(network)

    def test_without_a_file_the_command_is_told(self, world, tmp_path):
        with pytest.raises(BadInput, match="nothing is deployed on local: run `ape run deploy --d"):
            Deployment.of(network_of(world, tmp_path))


class Killed(BaseException):
    """Ends the process that is played."""


class Mortal:
    """Kills each run at its first new transaction: before that leaves, or after, by turns."""

    def __init__(self, monkeypatch) -> None:
        self.runs = 0
        seen = set()
        broadcast = Chain.broadcast

        def mortal(chain, raw):
            if raw in seen:  # written down by a run that died before it left
                broadcast(chain, raw)
                return
            seen.add(raw)
            if self.runs % 2:
                broadcast(chain, raw)
            raise Killed

        monkeypatch.setattr(Chain, "broadcast", mortal)

    def run(self, deployer) -> bool:
        """Tell whether it came to its end."""
        self.runs += 1
        try:
            deployer.deploy()
        except Killed:
            return False
        return True


def test_killed_at_each_transaction_it_ends_the_same(world, system, new_deployer, monkeypatch):
    mortal = Mortal(monkeypatch)
    ended = [mortal.run(new_deployer(4)) for _ in range(sum(STEPS.values()) + 1)]
    assert ended == [False] * sum(STEPS.values()) + [True]
    deployer = new_deployer(4)
    for layer, sender in (("L1", deployer.l1), ("L2", deployer.l2)):
        assert sender.chain.next_nonce(sender.address) == STEPS[layer]
    assert record.drift(record.read(deployer.network), deployer.rollup) == []
    killed = System(Deployment.of(deployer.network), deployer.rollup)
    assert offsets(killed, people()[4]) == offsets(system, people()[DEPLOYER])


class Stranger:
    """Another wallet of the deployer's account, which sends something when a step is told."""

    def __init__(self, world, number: int, at: str, times: int = 1) -> None:
        self.world, self.number, self.at, self.times = world, number, at, times
        self.told: list[str] = []

    def __call__(self, line: str) -> None:
        self.told.append(line)
        if line == self.at and self.times:
            self.times -= 1
            account = people()[self.number]
            chain = self.world.l1 if line.startswith("L1") else self.world.l2
            self.world.send(chain, account, account.address, NOTHING)


@pytest.mark.parametrize(
    ("number", "at", "group"),
    [
        (5, "L2: PerpetualMarket", "market and its gateways"),
        (6, "L1: ExitBox", "market and its gateways"),
        (7, "L2: offer of Vault to the timelock", "handover"),
    ],
)
def test_a_stranger_among_predicted_addresses_is_told_and_got_over(
    world, new_deployer, number, at, group
):
    stranger = Stranger(world, number, at)
    deployer = new_deployer(number, stranger)
    deployer.deploy()
    (notice,) = [line for line in stranger.told if "anew" in line]
    assert notice.startswith(
        f"another transaction of {deployer.l2.address} on {at[:2]} came before"
    )
    assert notice.endswith(f"beginning the {group} anew")
    assert record.drift(record.read(deployer.network), deployer.rollup) == []


def test_a_stranger_who_never_stops_is_told_with_advice_and_can_be_got_over_later(
    world, new_deployer
):
    stranger = Stranger(world, 8, "L2: PerpetualMarket", times=3)
    with pytest.raises(OutOfStep, match="stop whatever else sends from this account"):
        new_deployer(8, stranger).deploy()
    assert not file_of(new_deployer(8).network).exists()
    deployer = new_deployer(8)
    deployer.deploy()
    assert record.drift(record.read(deployer.network), deployer.rollup) == []


def test_an_account_without_eth_is_refused_before_anything_is_sent(world, tmp_path):
    poor = Account.from_key(b"\x07" * 32)
    with pytest.raises(InsufficientBalance, match="has no ETH on L1"):
        deployer_of(world, tmp_path, poor, print).deploy()


def test_whom_and_which_market_the_file_does_not_know_is_told(world, new_deployer):
    deployer = new_deployer(9)
    deployer.deploy()
    system = System(Deployment.of(deployer.network), deployer.rollup)
    timelock, stranger = system.timelock, Account.from_key(b"\x09" * 32).address
    eth = tuple(system.configuration.call("parameters_of", 0))
    node = world.private("l2")
    node("anvil_impersonateAccount", timelock.address)
    node("anvil_setBalance", timelock.address, hex(10**18))
    for contract, function, arguments in (
        (timelock, "grantRole", (timelock.call("PROPOSER_ROLE"), stranger)),
        (system.configuration, "set_market", (7, eth)),
    ):
        data = tohex(contract.encode(function, *arguments))
        call = {"from": timelock.address, "to": contract.address, "data": data}
        receipt = world.l2.wait_for_receipt(unhex(node("eth_sendTransaction", call)), timeout=30)
        assert receipt["status"] == "0x1"
    assert record.drift(record.read(deployer.network), deployer.rollup) == [
        f"Timelock roles of {stranger}: proposer on chain, nothing in the file",
        "markets listed: ETH, BTC, SOL, 7 on chain, ETH, BTC, SOL in the file",
    ]


def test_a_token_of_an_issuer_on_l2_is_refused_with_the_reason(world, system, tmp_path):
    own = Contract(world.l2, system.vault.address, "Vault")  # an ERC-20 without a remote token
    with pytest.raises(BadInput, match="Circle's USDC, isn't made by the bridge"):
        pair_on_bridge(Tokens(world.connect()), system.l1_token.address, own.address)
