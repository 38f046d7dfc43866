"""No sequencer can keep anybody out, or in: what L1 forces on L2."""

import pytest
from eth_account import Account

from clearway.devnet.rpc import Rpc, RpcFailure
from clearway.opstack import Arrivals, Status, abi
from clearway.opstack.addresses import L2_BRIDGE, alias
from clearway.opstack.effects import MESSAGE_GAS
from clearway.opstack.errors import ContractAccount, RpcError, TransactionFailed
from clearway.opstack.messages import deposits_in, tohex, unhex
from tests.integration.mocks import Recorder, Wallet
from tests.integration.world import ETHER, World

WINDOW = 43_200  # seconds
POOR = Account.from_key("0x" + "50" * 32)  # has nothing on L2


def fund_on_l1(world: World, address: str) -> None:
    Rpc(world.l1.url)("anvil_setBalance", address, hex(ETHER))


def test_a_censored_user_acts_on_l2_all_the_same(world: World) -> None:
    alice = world.alice
    recorder = world.deploy_recorder(world.l2)
    world.command("censor", alice.address)
    with pytest.raises(RpcError, match="sequencer: sender refused"):
        world.start_eth(alice, ETHER)
    with pytest.raises(RpcFailure, match="sequencer: sender refused"):
        world.send(world.l2, alice, recorder, Recorder.PING, 1)
    assert world.l2.next_nonce(alice.address) == 0

    ping = Recorder.PING.encode(2)
    world.arrival(world.deposits(alice).force(recorder, ping, value=3))
    # By her own name, not by an alias; with ETH that she had on L2.
    assert world.l2.call(recorder, Recorder.PINGS, 0)[0] == alice.address
    assert world.l2.call(recorder, Recorder.PINGS, 0)[2:] == (3, 2)
    assert world.l2.call(recorder, Recorder.PING_COUNT) == 1

    world.send(world.l2, world.bob, recorder, Recorder.PING, 3)  # others are served
    world.command("uncensor", alice.address)
    world.send(world.l2, alice, recorder, Recorder.PING, 4)
    assert world.l2.call(recorder, Recorder.PING_COUNT) == 3


def test_a_censored_user_takes_everything_out(world: World) -> None:
    alice = world.alice
    before = world.l1.balance(alice.address)
    world.command("censor", alice.address)
    everything = world.l2.balance(alice.address)
    withdrawal = world.forced(alice).eth(everything)
    assert world.l2.balance(alice.address) == 0
    assert world.carry_out(alice).status is Status.FINALIZED
    assert world.finalizations(withdrawal) == [True]
    fees = world.fees_of(world.l1, alice)
    assert world.l1.balance(alice.address) == before + everything - fees


def test_a_user_without_eth_on_l2_withdraws_what_comes_along_from_l1(world: World) -> None:
    fund_on_l1(world, POOR.address)
    world.command("censor", POOR.address)
    assert world.l2.balance(POOR.address) == 0
    withdrawal = world.forced(POOR, mint=ETHER // 2).eth(ETHER // 4)
    assert world.l2.balance(POOR.address) == ETHER // 4
    assert world.carry_out(POOR).status is Status.FINALIZED
    assert world.finalizations(withdrawal) == [True]
    fees = world.fees_of(world.l1, POOR)
    assert world.l1.balance(POOR.address) == ETHER - ETHER // 4 - fees


def test_a_token_leaves_without_the_sequencer_and_without_eth_on_l2(world: World) -> None:
    fund_on_l1(world, POOR.address)
    pair = world.new_pair(world.alice, 1_000)
    world.arrival(world.deposits(world.alice).token(pair, 1_000, POOR.address))
    world.command("censor", POOR.address)
    world.forced(POOR).token(pair, 1_000)
    assert world.token_balance(world.l2, pair.l2_token, POOR) == 0
    assert world.carry_out(POOR).status is Status.FINALIZED
    assert world.token_balance(world.l1, pair.l1_token, POOR) == 1_000


def test_while_the_sequencer_is_down_deposits_wait_for_the_window_and_not_longer(
    world: World,
) -> None:
    alice = world.alice
    before = world.l2.balance(alice.address)
    world.command("pauseSequencer")
    with pytest.raises(RpcError, match="sequencer: down"):
        world.start_eth(alice, ETHER)
    l2_head = world.l2.block().number

    l1_transaction = world.deposits(alice).eth(ETHER)
    receipt = world.l1.receipt(l1_transaction)
    assert receipt is not None
    deposited_at = world.l1.block(int(receipt["blockNumber"], 16)).timestamp
    (deposit,) = deposits_in(receipt["logs"], world.portal)
    world.advance("11h")
    assert deposited_at + WINDOW > world.l1.block().timestamp
    assert world.l2.receipt(deposit.hash) is None
    assert world.l2.block().number == l2_head

    world.advance_to(deposited_at + WINDOW)
    world.settle()
    assert world.l2.receipt(deposit.hash) is not None
    assert world.l2.balance(alice.address) == before + ETHER
    with pytest.raises(RpcError, match="sequencer: down"):
        world.start_eth(alice, ETHER)


def test_a_resumed_sequencer_catches_up_with_time_and_deposits(world: World) -> None:
    alice = world.alice
    before = world.l2.balance(alice.address)
    world.command("pauseSequencer")
    first = world.deposits(alice).eth(ETHER)
    second = world.deposits(world.bob).eth(2 * ETHER, alice.address)
    world.advance("3h")
    assert world.l2.block().timestamp < world.l1.block().timestamp - 10_000
    assert world.l2.balance(alice.address) == before

    world.command("resumeSequencer")
    arrived = [world.arrival(transaction).l2_block for transaction in (first, second)]
    assert arrived == sorted(arrived)
    assert world.l2.balance(alice.address) == before + 3 * ETHER
    assert world.l2.block().timestamp >= world.l1.block().timestamp
    world.start_eth(alice, 1)  # served again


def test_an_l1_contract_acts_on_l2_under_its_alias(world: World) -> None:
    recorder = world.deploy_recorder(world.l2)
    wallet = world.deploy(world.l1, "ContractAccount", "address", world.alice.address)
    call = abi.Portal.DEPOSIT.encode(recorder, 7, 200_000, False, Recorder.PING.encode(1))
    receipt = world.send(
        world.l1, world.alice, wallet, Wallet.EXECUTE, world.portal, ETHER, call, value=ETHER
    )
    world.arrival(unhex(receipt["transactionHash"]))
    caller, _, value, number = world.l2.call(recorder, Recorder.PINGS, 0)
    assert (caller, value, number) == (alias(wallet), 7, 1)
    assert world.l2.balance(alias(wallet)) == ETHER - 7
    assert world.l2.balance(wallet) == 0


def test_a_contract_account_must_name_its_receiver(world: World) -> None:
    # A wallet with a key: anvil lets an account with code send.
    wallet = world.deploy(world.l1, "ContractAccount", "address", world.alice.address)
    code = tohex(world.l1.code(wallet))
    Rpc(world.l1.url)("anvil_setCode", world.bob.address, code)
    world.private("l2")("anvil_setCode", world.bob.address, code)
    nonces = (world.l1.next_nonce(world.bob.address), world.l2.next_nonce(world.bob.address))

    for act in (
        lambda: world.deposits(world.bob).eth(ETHER),
        lambda: world.starter(world.bob).eth(ETHER),
        lambda: world.deposits(world.bob).force(L2_BRIDGE, b""),
        lambda: world.forced(world.bob).eth(ETHER),
    ):
        with pytest.raises(ContractAccount, match=f"{world.bob.address} is a contract on L[12]"):
            act()
    assert nonces == (
        world.l1.next_nonce(world.bob.address),
        world.l2.next_nonce(world.bob.address),
    )

    before = world.l2.balance(world.carol.address)
    world.deposit_eth(world.bob, ETHER, world.carol.address)
    assert world.l2.balance(world.carol.address) == before + ETHER
    on_l1 = world.l1.balance(world.carol.address)
    world.starter(world.bob).eth(ETHER, world.carol.address)
    assert world.carry_out(world.bob).status is Status.FINALIZED
    assert world.l1.balance(world.carol.address) == on_l1 + ETHER


def test_a_delegated_account_is_no_contract_account(world: World) -> None:
    wallet = world.deploy(world.l1, "ContractAccount", "address", world.bob.address)
    Rpc(world.l1.url)("anvil_setCode", world.bob.address, "0xef0100" + wallet[2:])
    before = world.l2.balance(world.bob.address)
    l1_transaction = world.deposits(world.bob).eth(ETHER)
    assert Arrivals(world.rollup).wait(l1_transaction)[0].failed_message is None
    assert world.l2.balance(world.bob.address) == before + ETHER


def test_a_forced_call_that_fails_leaves_what_it_brought_with_its_sender(world: World) -> None:
    recorder = world.deploy_recorder(world.l2)
    world.break_recorder(world.l2, recorder)
    before = world.l2.balance(world.alice.address)
    l1_transaction = world.deposits(world.alice).force(
        recorder, Recorder.PING.encode(1), value=ETHER, gas=MESSAGE_GAS, mint=ETHER
    )
    with pytest.raises(
        TransactionFailed, match=f"the 1 ETH it brought is with {world.alice.address} on L2"
    ):
        Arrivals(world.rollup).wait(l1_transaction)
    assert world.l2.balance(world.alice.address) == before + ETHER
    assert world.l2.balance(recorder) == 0
