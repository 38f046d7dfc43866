"""What the tests rest on: revm does what a chain does, and boa's ways of changing it are undone."""

import boa
import pytest

ETHER = 10**18

COUNTER = """
count: public(uint256)
seen: public(uint256)
_sum: transient(uint256)

event Counted:
    count: uint256

interface Counter:
    def add(amount: uint256): nonpayable

@deploy
@payable
def __init__():
    pass

@external
def add(amount: uint256):
    self._sum += amount
    self.seen = self._sum
    self.count += amount
    log Counted(count=self.count)
    assert self.count != 13, "thirteen"

@external
def try_to_add(to: address, amount: uint256) -> bool:
    return raw_call(
        to, abi_encode(amount, method_id=method_id("add(uint256)")), revert_on_failure=False
    )

@external
def add_elsewhere(to: address, amount: uint256):
    extcall Counter(to).add(amount)

@external
@nonreentrant
def add_twice(to: address, amount: uint256):
    extcall Counter(to).add(amount)
    extcall Counter(to).add(amount)

@external
@view
def spoil(to: address) -> bool:
    return raw_call(
        to,
        abi_encode(convert(1, uint256), method_id=method_id("add(uint256)")),
        is_static_call=True,
        revert_on_failure=False,
    )

@external
@view
def now() -> uint256:
    return block.timestamp

@external
@view
def caller() -> address:
    return msg.sender

@external
@view
def size_of(who: address) -> uint256:
    return who.codesize

@external
@payable
def __default__():
    pass

@internal
def _double(amount: uint256) -> uint256:
    return 2 * amount
"""

# Calls `add(1)` of whoever calls it.
BOOMERANG = """
interface Counter:
    def add(amount: uint256): nonpayable

@external
def throw():
    extcall Counter(msg.sender).add(1)
"""


@pytest.fixture(scope="module")
def deployer():
    return boa.loads_partial(COUNTER)


@pytest.fixture
def counter(deployer):
    return deployer.deploy()


@pytest.fixture
def other(deployer):
    return deployer.deploy()


class TestAMessage:
    def test_that_fails_leaves_nothing_and_says_why(self, counter):
        counter.add(12)
        with boa.reverts("thirteen"):
            counter.add(1)
        assert counter.count() == 12
        assert counter.get_logs() == []

    def test_below_another_that_fails_leaves_nothing_either(self, counter, other):
        other.add(12)
        assert not counter.try_to_add(other, 1)
        assert counter.get_logs() == []
        assert other.count() == 12
        with boa.reverts("thirteen"):
            counter.add_elsewhere(other, 1)

    def test_with_another_reason_is_not_mistaken(self, counter):
        with pytest.raises(ValueError, match="does not match"), boa.reverts("fourteen"):
            counter.add(13)
        with pytest.raises(ValueError, match="Did not revert"), boa.reverts():
            counter.add(12)

    def test_finds_transient_storage_empty_and_no_lock_closed(self, counter, other):
        for _ in range(2):
            counter.add_twice(other, 3)
            assert other.seen() == 6

    def test_that_only_looks_cannot_write(self, counter, other):
        assert not counter.spoil(other)
        data = counter.add.prepare_calldata(1)
        assert boa.env.execute_code(counter.address, data=data, is_modifying=False).is_error
        assert counter.count() == other.count() == 0

    def test_tells_what_each_contract_logged(self, counter, other):
        counter.add_elsewhere(other, 3)
        (told,) = counter.get_logs()
        assert (told.address, told.count) == (other.address, 3)

    def test_brings_ether_if_its_sender_has_it(self, counter):
        giver = boa.env.generate_address()
        boa.env.set_balance(giver, ETHER)
        boa.env.raw_call(counter.address, value=ETHER, sender=giver)
        assert boa.env.get_balance(counter.address) == ETHER
        assert boa.env.execute_code(counter.address, value=1, sender=giver).is_error

    def test_may_come_from_a_contract_that_is_called_back(self, counter):
        boomerang = boa.loads(BOOMERANG)
        boomerang.throw(sender=counter.address)
        assert counter.count() == 1
        assert counter.caller(sender=boomerang.address) == boomerang.address

    def test_has_the_gas_that_it_is_given_and_no_more(self, counter):
        data = counter.size_of.prepare_calldata(counter.address)
        used = boa.env.execute_code(counter.address, data=data).get_gas_used()
        enough = boa.env.execute_code(counter.address, data=data, gas=used)
        assert (enough.is_success, enough.get_gas_remaining()) == (True, 0)
        too_little = boa.env.execute_code(counter.address, data=data, gas=used - 1)
        assert (too_little.is_error, too_little.get_gas_used()) == (True, used - 1)

    def test_uses_the_gas_that_boas_own_evm_says(self, deployer):
        def used() -> list[int]:
            counter, other = deployer.deploy(), deployer.deploy()
            found = [counter._computation.get_gas_used()]
            counter.add_elsewhere(other, 0)  # for revm a contract that was deployed is warm
            for call, *arguments in (
                (counter.add, 1),
                (counter.add, 2),
                (counter.add_elsewhere, other, 12),
                (counter.try_to_add, other, 1),
                (counter.add_twice, other, 3),
                (counter.now,),
            ):
                call(*arguments)
                found.append(counter._computation.get_gas_used())
            return found

        by_revm = used()
        with boa.set_env(boa.Env()):
            assert used() == by_revm


class TestAnAnchor:
    def test_takes_back_all_that_was_done_within(self, counter):
        person, place = boa.env.generate_address(), boa.env.generate_address()
        boa.env.set_balance(person, 3)
        code, now = boa.env.get_code(counter.address), counter.now()
        counter.add(1)
        for amount in (5, 7):
            with boa.env.anchor():
                boa.env.timestamp += 100
                assert counter.now() == now + 100
                counter.add(amount)
                boa.env.set_storage(counter.address, 1, 99)
                boa.env.raw_call(counter.address, value=2, sender=person)
                boa.env.set_balance(person, amount)
                boa.env.raw_call(counter.address, value=4, sender=person)
                boa.env.set_balance(place, 1)
                boa.env.set_code(place, code)
                boa.env.set_code(counter.address, b"")
                with boa.env.anchor():
                    boa.env.set_balance(person, ETHER)
                    boa.env.set_code(counter.address, code)
                    counter.add(2)
                    assert counter.count() == 1 + amount + 2
                assert boa.env.get_balance(person) == amount - 4
                assert boa.env.get_code(counter.address) == b""
            assert (counter.count(), counter.seen(), counter.now()) == (1, 1, now)
            assert (boa.env.get_balance(person), boa.env.get_balance(place)) == (3, 0)
            assert boa.env.get_balance(counter.address) == 0
            assert boa.env.get_code(counter.address) == code
            assert boa.env.get_code(place) == b""

    def test_takes_back_contracts_and_lets_them_be_deployed_again(self, deployer):
        with boa.env.anchor():
            first = deployer.deploy()
            first.add(1)
        assert boa.env.get_code(first.address) == b""
        again = deployer.deploy()
        assert again.address == first.address
        assert again.count() == 0

    def test_leaves_room_for_all_the_calls_that_a_message_may_nest(self, counter, other):
        """Were each an open call, a thousand would be too deep."""
        for _ in range(1_100):
            boa.env.set_balance(counter.address, 1)
        counter.add_elsewhere(other, 1)
        assert other.count() == 1


class TestAContract:
    def test_is_what_was_compiled(self, deployer, counter):
        runtime = deployer.compiler_data.bytecode_runtime
        assert boa.env.get_code(counter.address) == runtime
        assert counter.size_of(counter.address) == len(runtime)

    def test_may_be_put_anywhere(self, deployer, counter):
        place = boa.env.generate_address()
        boa.env.set_balance(boa.env.eoa, ETHER)
        put = deployer.deploy(override_address=place, value=5)
        assert put.address == place
        assert boa.env.get_code(place) == boa.env.get_code(counter.address)
        assert boa.env.get_balance(place) == 5

    def test_has_its_internal_functions_and_its_storage_called(self, counter):
        counter.add(4)
        assert counter.internal._double(21) == 42
        assert counter.eval("self.count + 1") == 5
        counter.eval("self.count = 9")
        assert (counter.count(), counter._storage.count.get()) == (9, 9)
        assert boa.env.evm.words(counter.address) == {0: 9, 1: 4}
        assert boa.env.get_storage(counter.address, 0) == 9
