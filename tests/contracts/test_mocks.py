"""The mocks do what other tests rely on."""

from pathlib import Path

import boa
import pytest
import solcx
from boa.contracts.abi.abi_contract import ABIContractFactory
from eth_abi import decode, encode
from eth_account import Account
from eth_utils import function_signature_to_4byte_selector as selector

ROOT = Path(__file__).resolve().parents[2]
MOCKS = ROOT / "contracts" / "mocks"
SOLC = ROOT / "tools" / "solc" / "solc-v0.8.37"

MESSENGER = """
# pragma version ==0.4.3
# pragma evm-version cancun

xDomainMessageSender: public(address)
last_min_gas: public(uint32)

@external
@payable
def sendMessage(target: address, message: Bytes[36], min_gas_limit: uint32):
    self.last_min_gas = min_gas_limit
    self.xDomainMessageSender = msg.sender
    raw_call(target, message, value=msg.value)
    self.xDomainMessageSender = empty(address)
"""

ETHER = 10**18


def compile_solidity(name: str) -> dict:
    source = f"{name}.sol"
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {source: {"content": (MOCKS / source).read_text()}},
            "settings": {
                "evmVersion": "cancun",
                "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
            },
        },
        solc_binary=SOLC,
    )
    return output["contracts"][source][name]


@pytest.fixture(scope="module")
def deploy_solidity():
    compiled = {}

    def deploy(name: str, constructor_arguments: bytes = b""):
        if name not in compiled:
            compiled[name] = compile_solidity(name)
        code = bytes.fromhex(compiled[name]["evm"]["bytecode"]["object"])
        address, _ = boa.env.deploy_code(bytecode=code + constructor_arguments)
        return ABIContractFactory(name, compiled[name]["abi"]).at(address)

    return deploy


@pytest.fixture
def actor():
    """Return a maker of funded addresses."""

    def make(alias: str) -> str:
        address = boa.env.generate_address(alias)
        boa.env.set_balance(address, ETHER)
        return address

    return make


class TestTestToken:
    @pytest.mark.parametrize("decimals", [6, 8, 18])
    def test_has_the_decimals_it_was_made_with(self, decimals):
        assert boa.load(MOCKS / "TestToken.vy", decimals).decimals() == decimals

    @pytest.mark.parametrize("decimals", [5, 19])
    def test_other_decimals_are_refused(self, decimals):
        with boa.reverts("decimals out of range"):
            boa.load(MOCKS / "TestToken.vy", decimals)

    def test_anyone_mints_and_the_holder_transfers(self, actor):
        token = boa.load(MOCKS / "TestToken.vy", 6)
        holder, receiver, stranger = actor("holder"), actor("receiver"), actor("stranger")
        token.mint(holder, 100, sender=stranger)
        token.transfer(receiver, 40, sender=holder)
        assert token.balanceOf(holder) == 60
        assert token.balanceOf(receiver) == 40
        assert token.totalSupply() == 100


class TestMessageRecorder:
    @pytest.fixture
    def messenger(self):
        return boa.loads(MESSENGER)

    @pytest.fixture
    def recorder(self, messenger):
        return boa.load(MOCKS / "MessageRecorder.vy", messenger)

    def test_a_direct_ping_has_no_origin(self, recorder, actor):
        caller = actor("caller")
        recorder.ping(7, value=3, sender=caller)
        (event,) = recorder.get_logs()
        expected = (caller, boa.eval("empty(address)"), 3, 7)
        assert recorder.pings(0) == expected
        assert (event.caller, event.origin, event.amount, event.number) == expected

    def test_a_shout_arrives_with_its_origin_and_its_ether(self, messenger, recorder, actor):
        shouter = boa.load(MOCKS / "MessageRecorder.vy", messenger)
        shouter.shout(recorder, 7, 90_000, value=3, sender=actor("caller"))
        assert recorder.pings(0) == (messenger.address, shouter.address, 3, 7)
        assert messenger.last_min_gas() == 90_000

    def test_pings_are_kept_in_order(self, recorder):
        for number in (5, 6):
            recorder.ping(number)
        assert recorder.ping_count() == 2
        assert [recorder.pings(i).number for i in range(2)] == [5, 6]

    def test_a_broken_one_fails_until_mended(self, recorder):
        recorder.set_broken(True)
        with boa.reverts("broken"):
            recorder.ping(7)
        recorder.set_broken(False)
        recorder.ping(7)
        assert recorder.ping_count() == 1


class TestContractAccount:
    KEY = Account.from_key(b"\x01" * 32)

    @pytest.fixture
    def account(self, deploy_solidity):
        owner = bytes.fromhex(self.KEY.address[2:])
        boa.env.set_balance(self.KEY.address, ETHER)
        return deploy_solidity("ContractAccount", owner.rjust(32, b"\0"))

    def test_the_owner_acts_through_it(self, account, actor):
        recorder = boa.load(MOCKS / "MessageRecorder.vy", actor("messenger"))
        call = recorder.ping.prepare_calldata(7)
        account.execute(recorder.address, 3, call, value=3, sender=self.KEY.address)
        assert recorder.pings(0).caller == account.address
        assert recorder.pings(0).amount == 3

    def test_a_stranger_does_not(self, account, actor):
        with pytest.raises(boa.BoaError, match=selector("NotOwner(address)").hex()):
            account.execute(account.address, 0, b"", sender=actor("stranger"))

    def test_a_failure_keeps_its_reason(self, account, actor):
        recorder = boa.load(MOCKS / "MessageRecorder.vy", actor("messenger"))
        recorder.set_broken(True)
        call = recorder.ping.prepare_calldata(7)
        with boa.reverts("broken"):
            account.execute(recorder.address, 0, call, sender=self.KEY.address)

    def test_it_takes_ether(self, account, actor):
        boa.env.raw_call(account.address, value=5, sender=actor("giver"))
        assert boa.env.get_balance(account.address) == 5

    def test_only_the_owners_signature_is_valid(self, account):
        message_hash = b"\x02" * 32
        signatures = [
            key.unsafe_sign_hash(message_hash).signature
            for key in (self.KEY, Account.from_key(b"\x03" * 32))
        ]
        answers = [account.isValidSignature(message_hash, bytes(s)) for s in signatures]
        yes, no = selector("isValidSignature(bytes32,bytes)"), b"\xff" * 4
        assert answers == [yes, no]
        assert account.isValidSignature(message_hash, b"short") == no


class TestHostileCallee:
    ACCEPT, REVERT, BURN_GAS, RETURN_MEGABYTE = range(4)
    GAS = 5_000_000

    @pytest.fixture
    def callee(self, deploy_solidity):
        return deploy_solidity("HostileCallee")

    def poke(self, callee, data: bytes = b"anything", value: int = 0):
        return boa.env.execute_code(callee.address, data=data, value=value, gas=self.GAS)

    def test_it_starts_harmless(self, callee):
        boa.env.set_balance(boa.env.eoa, ETHER)
        assert self.poke(callee, data=b"", value=1).is_success

    @pytest.mark.parametrize("data", [b"", b"anything"])
    def test_it_reverts(self, callee, data):
        callee.behave(self.REVERT)
        assert self.poke(callee, data).output == selector("Refused()")

    def test_it_burns_all_gas(self, callee):
        callee.behave(self.BURN_GAS)
        computation = self.poke(callee)
        assert computation.is_error
        assert computation.get_gas_remaining() == 0

    def test_it_returns_a_megabyte(self, callee):
        callee.behave(self.RETURN_MEGABYTE)
        assert len(self.poke(callee).output) == 2**20

    def test_it_reenters(self, callee, actor):
        recorder = boa.load(MOCKS / "MessageRecorder.vy", actor("messenger"))
        callee.reenter(recorder.address, recorder.ping.prepare_calldata(7))
        self.poke(callee)
        assert callee.reentered()
        assert recorder.pings(0).caller == callee.address

    def test_it_swallows_a_reentry_that_fails(self, callee, actor):
        recorder = boa.load(MOCKS / "MessageRecorder.vy", actor("messenger"))
        recorder.set_broken(True)
        callee.reenter(recorder.address, recorder.ping.prepare_calldata(7))
        assert self.poke(callee).is_success
        assert not callee.reentered()


class TestMockAggregator:
    WELL, REVERTS, BURNS_GAS, ANSWERS_MEGABYTE = 1, 2, 4, 8
    GAS = 30_000_000
    ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")

    @pytest.fixture
    def aggregator(self):
        return boa.load(MOCKS / "MockAggregator.vy", 8)

    def ask(self, aggregator, number: int | None = None):
        data = selector("latestRoundData()")
        if number is not None:
            data = selector("getRoundData(uint80)") + encode(["uint80"], [number])
        return boa.env.execute_code(aggregator.address, data=data, gas=self.GAS)

    def test_answers_as_the_interface_says(self, aggregator):
        aggregator.set_round(2**64 + 1, -5, 700)
        aggregator.set_strange_round(2**64 + 2, (9, 6, 70, 701))
        rounds = [(2**64 + 1, -5, 700, 700, 2**64 + 1), (9, 6, 70, 701, 9)]
        for number, expected in zip((1, 2), rounds, strict=True):
            assert decode(self.ROUND, self.ask(aggregator, 2**64 + number).output) == expected
        assert decode(self.ROUND, self.ask(aggregator).output) == rounds[1]
        assert aggregator.decimals() == 8

    def test_a_round_that_was_not_set_is_missing(self, aggregator):
        aggregator.set_round(2, 5, 700)
        for number in (1, 3):
            assert b"No data present" in self.ask(aggregator, number).output

    @pytest.mark.parametrize("number", [None, 1])
    def test_falls_sick_in_each_way_and_recovers(self, aggregator, number):
        aggregator.set_round(1, 5, 700)
        well = self.ask(aggregator, number).output
        aggregator.set_health(self.REVERTS)
        assert b"sick" in self.ask(aggregator, number).output
        aggregator.set_health(self.BURNS_GAS)
        assert self.ask(aggregator, number).get_gas_remaining() == 0
        aggregator.set_health(self.ANSWERS_MEGABYTE)
        assert len(self.ask(aggregator, number).output) == 2**20
        for length in (0, 31, 161):
            aggregator.answer_raw(b"x" * length)
            assert self.ask(aggregator, number).output == b"x" * length
        aggregator.set_health(self.WELL)
        assert self.ask(aggregator, number).output == well

    def test_can_change_its_scale(self, aggregator):
        aggregator.set_decimals(18)
        assert aggregator.decimals() == 18
