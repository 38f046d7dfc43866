import asyncio

import pytest
from eth_account import Account

from clearway.devnet.accounts import people
from clearway.devnet.local import Sequencer
from clearway.devnet.policies import SENDS, L1Policy, L2Policy, Refusal
from clearway.opstack.addresses import MESSAGE_PASSER
from clearway.opstack.messages import tohex

ALICE, BOB = people()[:2]
BLOCK_HASH = "0x" + "ab" * 32
MOVES_TIME = [
    "evm_increaseTime",
    "evm_setNextBlockTimestamp",
    "evm_setTime",
    "anvil_setTime",
    "evm_mine",
    "anvil_mine",
    "hardhat_mine",
    "anvil_mine_detailed",
    "anvil_setBlockTimestampInterval",
    "anvil_removeBlockTimestampInterval",
    "evm_revert",
    "anvil_revert",
    "anvil_reset",
    "hardhat_reset",
    "anvil_reorg",
    "anvil_rollback",
    "evm_setAutomine",
    "anvil_setIntervalMining",
    "anvil_loadState",
]


def signed(signer=ALICE, **fields) -> str:
    transaction = {
        "type": 2,
        "chainId": 901,
        "nonce": 0,
        "to": BOB.address,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**9,
        "maxPriorityFeePerGas": 1,
        **fields,
    }
    return tohex(signer.sign_transaction(transaction).raw_transaction)


class Upstream:
    """A node that remembers what it was asked; methods without an answer are refused."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    async def __call__(self, method, *params):
        self.asked.append((method, *params))
        if method not in self.answers:
            raise Refusal(-32601, f"no {method}")
        return self.answers[method]


def answer(policy, method, *params, node=None):
    handler = policy.handler(method)
    assert handler is not None, f"{method} passes"
    return asyncio.run(handler(list(params), node or Upstream()))


def refusal_of(policy, method, *params, node=None) -> str:
    with pytest.raises(Refusal) as refused:
        answer(policy, method, *params, node=node)
    return str(refused.value)


@pytest.fixture
def sequencer():
    return Sequencer()


@pytest.fixture
def l2(sequencer):
    return L2Policy(sequencer, lambda *_: None)


@pytest.mark.parametrize("method", MOVES_TIME)
def test_l1_keeps_its_time_and_says_who_moves_it(method):
    assert "ape run devnet advance" in refusal_of(L1Policy(), method)


@pytest.mark.parametrize(
    "method",
    [
        "eth_call",
        "eth_sendRawTransaction",
        "eth_sendTransaction",
        "anvil_setBalance",
        "anvil_impersonateAccount",
        "hardhat_setCode",
        "evm_snapshot",
        "anvil_getAutomine",
        "debug_traceCall",
    ],
)
def test_l1_lets_everything_else_pass(method):
    assert L1Policy().handler(method) is None


@pytest.mark.parametrize(
    "method",
    [
        *MOVES_TIME,
        "eth_sendTransaction",
        "eth_sendTransactionSync",
        "eth_sendUnsignedTransaction",
        "eth_sign",
        "eth_signTransaction",
        "eth_signTypedData_v4",
        "eth_submitWork",
        "personal_sign",
        "wallet_sendTransaction",
        "anvil_setBalance",
        "tenderly_setBalance",
        "hardhat_setCode",
        "evm_snapshot",
        "debug_setHead",
        "miner_start",
        "admin_peers",
        "engine_newPayloadV4",
        "",
    ],
)
def test_l2_serves_nothing_that_a_sequencer_would_not(l2, method):
    assert "does not serve" in refusal_of(l2, method)


@pytest.mark.parametrize(
    "method",
    [
        "eth_call",
        "eth_getLogs",
        "eth_subscribe",
        "net_version",
        "web3_clientVersion",
        "debug_traceTransaction",
        "trace_block",
        "anvil_nodeInfo",
        "txpool_content",
    ],
)
def test_l2_lets_reads_pass(l2, method):
    assert l2.handler(method) is None


def test_l2_has_no_accounts_of_its_own(l2):
    assert answer(l2, "eth_accounts") == []


@pytest.mark.parametrize("send", SENDS)
def test_transactions_reach_the_sequencer(l2, send):
    node = Upstream(**{send: "0xhash"})
    assert answer(l2, send, signed(), {"some": "condition"}, node=node) == "0xhash"
    assert node.asked == [(send, signed(), {"some": "condition"})]


@pytest.mark.parametrize("send", SENDS)
@pytest.mark.parametrize("raw", ["0x7ef8a1", "0X7EF8A1", "7ef8a1", "0x7E"])
def test_nobody_forges_a_deposit(l2, send, raw):
    node = Upstream(**{send: "0xhash"})
    with pytest.raises(Refusal):
        answer(l2, send, raw, node=node)
    assert node.asked == []


@pytest.mark.parametrize("params", [[], [None], [5], [[126, 1]], ["0xzz"], [{"raw": "0x7e"}]])
def test_what_is_no_transaction_is_refused_here(l2, params):
    node = Upstream(eth_sendRawTransaction="0xhash")
    assert "raw transaction" in refusal_of(l2, "eth_sendRawTransaction", *params, node=node)
    assert node.asked == []


@pytest.mark.parametrize("send", SENDS)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": 0, "gasPrice": 10**9, "maxFeePerGas": None, "maxPriorityFeePerGas": None},
        {"type": 1, "gasPrice": 10**9, "maxFeePerGas": None, "maxPriorityFeePerGas": None},
    ],
    ids=["type 2", "type 0", "type 1"],
)
def test_a_censored_sender_is_refused_and_others_are_not(l2, sequencer, send, fields):
    node = Upstream(**{send: "0xhash"})
    sequencer.censored.add(ALICE.address.lower())
    kept = {name: value for name, value in fields.items() if value is not None}
    dropped = [name for name, value in fields.items() if value is None]

    def transaction(signer):
        base = {"maxFeePerGas": 10**9, "maxPriorityFeePerGas": 1} | kept
        chosen = {k: v for k, v in base.items() if k not in dropped}
        common = {"chainId": 901, "nonce": 0, "to": BOB.address, "value": 1, "gas": 21_000}
        kind = {} if chosen.get("type") == 0 else {"type": chosen.get("type", 2)}
        chosen.pop("type", None)
        return tohex(signer.sign_transaction(common | chosen | kind).raw_transaction)

    assert refusal_of(l2, send, transaction(ALICE), node=node) == "sequencer: sender refused"
    assert answer(l2, send, transaction(BOB), node=node) == "0xhash"
    sequencer.censored.clear()
    assert answer(l2, send, transaction(ALICE), node=node) == "0xhash"


def test_an_unknown_sender_does_not_slip_past_a_censor(l2, sequencer):
    node = Upstream(eth_sendRawTransaction="0xhash")
    sequencer.censored.add(ALICE.address.lower())
    assert "no valid signature" in refusal_of(l2, "eth_sendRawTransaction", "0x02c0", node=node)
    assert node.asked == []


def test_a_sequencer_that_is_down_takes_nothing(l2, sequencer):
    sequencer.down = True
    assert refusal_of(l2, "eth_sendRawTransaction", signed()) == "sequencer: down"
    assert l2.handler("eth_call") is None
    sequencer.down = False
    node = Upstream(eth_sendRawTransaction="0xhash")
    assert answer(l2, "eth_sendRawTransaction", signed(), node=node) == "0xhash"


# Proofs of forgotten blocks

SLOT = "0x" + "05" * 32
PROOF = {"storageHash": "0x01"}


def archive(address, slots, block):
    return PROOF if (address, slots, block) == (MESSAGE_PASSER, [SLOT], 16) else None


@pytest.mark.parametrize("block", ["0x10", BLOCK_HASH, {"blockHash": BLOCK_HASH}, "latest"])
def test_a_forgotten_proof_comes_from_the_archive(sequencer, block):
    policy = L2Policy(sequencer, archive)
    header = {"number": "0x10"}
    node = Upstream(eth_getBlockByNumber=header, eth_getBlockByHash=header)
    assert answer(policy, "eth_getProof", MESSAGE_PASSER, [SLOT], block, node=node) == PROOF


def test_the_node_is_asked_for_a_proof_first(sequencer):
    policy = L2Policy(sequencer, archive)
    node = Upstream(eth_getProof="the node's")
    assert answer(policy, "eth_getProof", MESSAGE_PASSER, [SLOT], "0x10", node=node) == "the node's"


@pytest.mark.parametrize(
    "params",
    [
        [MESSAGE_PASSER, ["0x06"], "0x10"],
        [MESSAGE_PASSER, [SLOT]],
        [MESSAGE_PASSER, SLOT, "0x10"],
        [],
    ],
)
def test_what_the_archive_lacks_is_refused_as_by_the_node(sequencer, params):
    node = Upstream(eth_getBlockByNumber={"number": "0x10"})
    policy = L2Policy(sequencer, archive)
    assert refusal_of(policy, "eth_getProof", *params, node=node) == "no eth_getProof"


def test_a_proof_of_an_unknown_block_is_refused_as_by_the_node(sequencer):
    node = Upstream(eth_getBlockByNumber=None)
    policy = L2Policy(sequencer, archive)
    refusal = refusal_of(policy, "eth_getProof", MESSAGE_PASSER, [SLOT], "0x10", node=node)
    assert refusal == "no eth_getProof"


def test_the_signer_is_told_as_wallets_do():
    # Guards against a decoder that quietly reads another sender.
    assert Account.recover_transaction(signed()) == ALICE.address
