"""In from L1 and out to it, over the real bridge of a local network."""

from functools import cache

import boa
import rlp
from eth_abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from clearway import gateways
from clearway.devnet.accounts import people
from clearway.gateways import owner_on_l2
from clearway.opstack import Sender, Starter, abi, replay
from clearway.opstack.addresses import Address, alias
from clearway.opstack.messages import rlp_integer, unhex
from clearway.opstack.sender import Creation, Transaction
from clearway.spec.state import account_of
from tests.gateways.stage import ETH_MARKET, UNIT, WAD, Deployed
from tests.gateways.world import WALLET
from tests.integration.mocks import Wallet
from tests.integration.world import ETHER

ORDER = {
    "slot": 2,
    "market": ETH_MARKET,
    "size_delta": WAD,
    "limit_price": 4_000 * WAD,
    "is_reduce_only": False,
    "keeper_fee": WAD // 10,
    "deadline": 2**32,
}


def contract_address(creator: str, nonce: int) -> Address:
    """Return the address of what an account creates with a nonce."""
    return to_checksum_address(keccak(rlp.encode([unhex(creator), rlp_integer(nonce)]))[-20:])


@cache
def wallet_code() -> bytes:
    return bytes(boa.loads_partial(WALLET).compiler_data.bytecode)


def test_one_transaction_brings_margin_an_order_and_eth(deployed: Deployed) -> None:
    person = deployed.person(1_001, 5_000)
    l1_transaction = deployed.entry(person).margin(5_000 * UNIT, order=ORDER, eth=ETHER)
    outcomes = deployed.arrive(l1_transaction)
    assert [outcome.failed_message for outcome in outcomes] == [None] * 3
    told = gateways.deposit_told(deployed.system, l1_transaction)
    assert told.values["owner"] == owner_on_l2(deployed.world.l1, person.address) == person.address
    account = account_of(int(person.address, 16), 0)
    order = deployed.system.orders.call("order_in", account, 2)
    assert order.size_delta == WAD
    assert deployed.margin(person.address) == 5_000 * WAD - order.escrow
    assert deployed.world.l2.balance(person.address) == ETHER
    assert gateways.refusals(deployed.system, [one.l2_transaction for one in outcomes]) == []


def test_a_refused_order_is_told_and_its_margin_there(deployed: Deployed) -> None:
    person = deployed.person(1_002, 100)
    outcomes = deployed.arrive(deployed.entry(person).margin(100 * UNIT, order=ORDER))
    (refused,) = gateways.refusals(deployed.system, [one.l2_transaction for one in outcomes])
    assert refused.values["reason"] == "insufficient margin"
    assert deployed.margin(person.address) == 100 * WAD


def test_eth_that_its_owner_refuses_waits_to_be_replayed(deployed: Deployed) -> None:
    """X8: an account whose delegate takes no ETH on L2, for now."""
    person = deployed.person(1_003, 10)
    l2 = deployed.world.private("l2")
    l2("anvil_setCode", person.address, "0xfe")  # reverts whatever it is sent
    l1_transaction = deployed.entry(person).margin(10 * UNIT, eth=ETHER)
    failed = [one.failed_message is not None for one in deployed.arrive(l1_transaction)]
    assert failed == [False, False, True]
    assert deployed.margin(person.address) == 10 * WAD
    l2("anvil_setCode", person.address, "0x")
    senders = deployed.world.senders(people()[9])  # anybody whom the sequencer takes
    assert len(replay(deployed.world.rollup, l1_transaction, senders)) == 1
    assert deployed.world.l2.balance(person.address) == ETHER


def test_a_vault_deposit_waits_and_becomes_shares(deployed: Deployed) -> None:
    person = deployed.person(1_004, 1_000)
    l1_transaction = deployed.entry(person).vault(1_000 * UNIT)
    deployed.arrive(l1_transaction)
    told = gateways.deposit_told(deployed.system, l1_transaction)
    gateway = deployed.system.l2_gateway
    assert gateway.call("waiting_of", told.values["id"]).amount == 1_000 * UNIT
    deployed.on_l2(people()[9], gateway, "enter", told.values["id"])
    assert deployed.system.vault.call("balanceOf", person.address) > 0


class TestEachKindOfAccount:
    """X3: is credited as documented, and gets its money home."""

    def test_acts_and_leaves(self, deployed: Deployed) -> None:
        world, amount = deployed.world, 100 * UNIT
        person = self._with_a_key(deployed)
        delegated = self._delegated(deployed)
        wallet = self._contract(deployed)
        young = self._contract(deployed, is_young=True)
        owners = {person.address: person.address, delegated.address: delegated.address}
        owners |= {contract: alias(contract) for contract in (wallet, young)}
        for owner in owners.values():
            assert deployed.margin(owner) == 100 * WAD

        for one in (person, delegated):
            world.deposit_eth(people()[1], ETHER // 10, one.address)
            starter = Starter(world.rollup, Sender(world.l2, one, world.journal(one)))
            account = account_of(int(one.address, 16), 0)
            gateways.withdraw(deployed.system, starter, account, amount, one.address)
        for contract in (wallet, young):
            self._leave_through_the_portal(deployed, contract, amount)

        found = [one for who in owners for one in gateways.exits_of(deployed.system, who)]
        assert [one.owner for one in found] == list(owners.values())
        self._carry_out(deployed, found)
        for one in found:
            assert deployed.balance(one.claimant) == 0
            deployed.on_l1(people()[9], deployed.system.l1_gateway, "claim", *one.key)
            assert deployed.balance(one.claimant) == amount

    def _with_a_key(self, deployed: Deployed) -> LocalAccount:
        person = deployed.person(1_011, 100)
        deployed.arrive(deployed.entry(person).margin(100 * UNIT))
        return person

    def _delegated(self, deployed: Deployed) -> LocalAccount:
        """An account with a key that delegates to a contract, whose call another carries."""
        world, carrier = deployed.world, people()[2]
        person = deployed.person(1_012, 100)
        delegate = world.deploy(world.l1, "ContractAccount", "address", carrier.address)
        world.private("l1")("anvil_setCode", person.address, "0xef0100" + delegate[2:])
        for contract, call in self._calls(deployed):
            carried = Wallet.EXECUTE.encode(contract, 0, call)
            receipt = deployed.run(
                carrier, Transaction("carry" + contract, person.address, carried)
            )
        deployed.arrive(unhex(receipt["transactionHash"]))
        return person

    def _calls(self, deployed: Deployed) -> list[tuple[Address, bytes]]:
        gateway, token = deployed.system.l1_gateway, deployed.system.l1_token
        return [
            (token.address, token.encode("approve", gateway.address, 100 * UNIT)),
            (gateway.address, gateway.encode("deposit", 0, 100 * UNIT, gateways.NO_ORDER)),
        ]

    def _contract(self, deployed: Deployed, is_young: bool = False) -> Address:
        """A contract that deposits, while it is created if it `is_young`."""
        owner, calls = people()[3], self._calls(deployed)
        address = contract_address(owner.address, deployed.world.l1.next_nonce(owner.address))
        deployed.fund(address, 100)
        given = [list(column) for column in zip(*calls, strict=True)] if is_young else [[], []]
        code = wallet_code() + encode(["address[]", "bytes[]"], given)
        receipt = deployed.run(owner, Creation(f"wallet {is_young}", code))
        assert receipt["contractAddress"] == address.lower()
        for contract, call in [] if is_young else calls:
            told = EXECUTE.encode(contract, call)
            receipt = deployed.run(owner, Transaction("tell" + contract, address, told))
        deployed.arrive(unhex(receipt["transactionHash"]))
        return address

    def _leave_through_the_portal(self, deployed: Deployed, contract: Address, amount: int) -> None:
        """Withdraw as the contract's alias, for the contract: it has no key to sign with on L2."""
        world, gateway = deployed.world, deployed.system.l2_gateway
        account = account_of(int(alias(contract), 16), 0)
        call = gateway.encode("withdraw", account, amount, contract)
        forced = abi.Portal.DEPOSIT.encode(gateway.address, 0, 600_000, False, call)
        told = EXECUTE.encode(world.portal, forced)
        receipt = deployed.run(people()[3], Transaction("leave" + contract, contract, told))
        deployed.arrive(unhex(receipt["transactionHash"]))

    def _carry_out(self, deployed: Deployed, exits: list[gateways.Exit]) -> None:
        world = deployed.world
        driver = world.driver(people()[4])
        for one in exits:
            driver.track(one.transaction)
        world.settle()
        for time in ("1s", "15d"):
            world.advance(time)
            reports = driver.drive()
        assert all(report.view.is_finalized for report in reports)
        tracker = world.tracker(people()[4])
        for standing in gateways.standings(deployed.system, tracker, exits):
            assert standing.landed == standing.exit.amount
            assert standing.holder == standing.exit.claimant


EXECUTE = abi.Function("execute(address,bytes)", "bytes")
