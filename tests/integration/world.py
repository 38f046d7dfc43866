"""A local network as a test speaks of it: people, their clients, and the passing of time."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import rlp
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from trie import HexaryTrie

from clearway.devnet.accounts import Role, people, role
from clearway.devnet.devnet import Devnet
from clearway.devnet.folder import Settings
from clearway.devnet.outbox import Outbox
from clearway.devnet.rpc import Rpc
from clearway.opstack import (
    Arrivals,
    Chain,
    Deposits,
    Driver,
    ForcedStarter,
    Journal,
    Report,
    Rollup,
    Sender,
    Starter,
    Tokens,
    Tracker,
    abi,
)
from clearway.opstack.abi import Function
from clearway.opstack.addresses import L2_MESSENGER, Address
from clearway.opstack.deposits import DepositOutcome
from clearway.opstack.errors import Reverted
from clearway.opstack.games import Game
from clearway.opstack.journal import Tracked
from clearway.opstack.messages import OutputProof, Withdrawal, tohex
from clearway.opstack.tokens import TokenPair
from clearway.opstack.withdrawals import View, status
from clearway.units import parse_duration
from tests.integration.mocks import Mint, Recorder, creation

ETHER = 10**18
GWEI = 10**9
L1_FEE_VAULT = "0x420000000000000000000000000000000000001A"


class World:
    """One running network. Each client made here has connections and a journal of its own."""

    def __init__(self, devnet: Devnet, settings: Settings, home: Path) -> None:
        self.devnet = devnet
        self.settings = settings
        self.home = home
        self.network = devnet.network
        self.rollup = self.connect()
        self.l1, self.l2 = self.rollup.l1, self.rollup.l2
        self.portal, self.games = self.rollup.portal, self.rollup.games
        self.alice, self.bob, self.carol, self.mallory = people()[:4]
        self.guardian = role(Role.GUARDIAN)

    def connect(self) -> Rollup:
        """Connect anew; connections belong to one thread."""
        l1 = Chain.connect(self.network.l1_rpc, "L1")
        l2 = Chain.connect(self.network.l2_rpc, "L2")
        return Rollup.connect(l1, l2, self.network.portal)

    # Clients

    def journal(self, user: LocalAccount, rollup: Rollup | None = None) -> Journal:
        return Journal.for_rollup(rollup or self.rollup, self.home / user.address)

    def deposits(self, user: LocalAccount) -> Deposits:
        rollup = self.connect()
        return Deposits(rollup, Sender(rollup.l1, user, self.journal(user, rollup)))

    def starter(self, user: LocalAccount) -> Starter:
        rollup = self.connect()
        return Starter(rollup, Sender(rollup.l2, user, self.journal(user, rollup)))

    def forced(self, user: LocalAccount, mint: int = 0) -> ForcedStarter:
        rollup = self.connect()
        sender = Sender(rollup.l1, user, self.journal(user, rollup))
        return ForcedStarter(rollup, sender, mint)

    def driver(self, user: LocalAccount) -> Driver:
        rollup = self.connect()
        journal = self.journal(user, rollup)
        return Driver(rollup, Sender(rollup.l1, user, journal), journal)

    def tracker(self, user: LocalAccount) -> Tracker:
        rollup = self.connect()
        return Tracker(rollup, self.journal(user, rollup))

    def senders(self, user: LocalAccount) -> dict[str, Sender]:
        journal = self.journal(user)
        return {chain.name: Sender(chain, user, journal) for chain in (self.l1, self.l2)}

    # Moving value

    def arrival(self, l1_transaction: bytes) -> DepositOutcome:
        """Wait for the one deposit of an L1 transaction."""
        (outcome,) = Arrivals(self.rollup).wait(l1_transaction)
        return outcome

    def deposit_eth(
        self, user: LocalAccount, amount: int, to: Address | None = None
    ) -> DepositOutcome:
        return self.arrival(self.deposits(user).eth(amount, to))

    def start_eth(self, user: LocalAccount, amount: int) -> Withdrawal:
        return self.starter(user).eth(amount)

    def drive(self, user: LocalAccount) -> Report:
        """Take a user's one open withdrawal as far as it goes."""
        (report,) = self.driver(user).drive()
        return report

    def report(self, user: LocalAccount) -> Report:
        """Look at a user's one withdrawal."""
        tracker = self.tracker(user)
        return tracker.report(self.tracked(user))

    def tracked(self, user: LocalAccount) -> Tracked:
        (tracked,) = self.journal(user).tracked()
        return tracked

    def prove(self, user: LocalAccount) -> Report:
        """Prove a user's one withdrawal, once it is proposed."""
        self.settle()
        self.advance("1s")  # the proof's block must be later than the game's
        report = self.drive(user)
        assert report.view.best_proof(self.rollup.delays), report.waits_for
        return report

    def carry_out(self, user: LocalAccount) -> Report:
        """Let the delays of a user's one withdrawal pass and take it to its end."""
        self.prove(user)
        self.advance("15d")
        return self.drive(user)

    # Time

    def command(self, method: str, *params: Any) -> Any:
        return self.devnet.command(f"devnet_{method}", *params)

    def advance(self, time: str) -> int:
        """Move both chains ahead, such as by "7d"; return L1's time then."""
        return int(self.command("advance", parse_duration(time)))

    def advance_to(self, timestamp: int) -> None:
        """Move L1's head to a timestamp."""
        self.command("advance", timestamp - self.l1.block().timestamp)

    def settle(self) -> None:
        """Let every role do what there is to do now."""
        self.command("settle")

    def private(self, layer: str) -> Rpc:
        """Return the node behind a public RPC, which obeys in everything."""
        return Rpc(f"http://127.0.0.1:{self.devnet.folder.read_processes()[layer]['port']}")

    # Contracts

    def send(
        self,
        chain: Chain,
        user: LocalAccount,
        to: Address,
        function: Function,
        *arguments: object,
        value: int = 0,
    ) -> dict[str, Any]:
        """Send one plain transaction, as any wallet would; raise DevnetError if it reverts."""
        outbox = Outbox(Rpc(chain.url), user)
        outbox.call(to, function, *arguments, value=value)
        (receipt,) = outbox.send()
        return receipt

    def deploy(self, chain: Chain, name: str, types: str = "", *arguments: object) -> Address:
        # Two deployers, lest two contracts have one address.
        outbox = Outbox(Rpc(chain.url), people()[8 if chain is self.l1 else 9])
        address = outbox.create(name, creation(name, types, *arguments))
        outbox.send()
        return address

    def deploy_recorder(self, chain: Chain) -> Address:
        messenger = L2_MESSENGER if chain is self.l2 else self.rollup.messenger
        return self.deploy(chain, "MessageRecorder", "address", messenger)

    def break_recorder(self, chain: Chain, recorder: Address, broken: bool = True) -> None:
        self.send(chain, people()[9], recorder, Recorder.SET_BROKEN, broken)

    def new_pair(self, owner: LocalAccount, amount: int, decimals: int = 6) -> TokenPair:
        """Make a token on L1 and L2, `amount` units of it the owner's on L1."""
        token = self.deploy(self.l1, "TestToken", "uint8", decimals)
        self.send(self.l1, people()[9], token, Mint.MINT, owner.address, amount)
        return Tokens(self.rollup).create(self.senders(owner)["L2"], token)

    def token_balance(self, chain: Chain, token: Address, owner: LocalAccount) -> int:
        return int(chain.call(token, abi.Token.BALANCE, owner.address))

    # Accounts

    def fees_since_fork(self, user: LocalAccount) -> int:
        """Return what an account has paid on this L1, and not on the one it is a fork of."""
        first = self.network.fork_block + 1
        return self.fees_of(self.l1, user, first)

    def fees_of(self, chain: Chain, user: LocalAccount, first: int = 1) -> int:
        """Return the wei that an account has paid for its transactions, from their receipts."""
        sent = [
            one for one in self._transactions(chain, first) if one["from"] == user.address.lower()
        ]
        return sum(self._fee(chain, one) for one in sent)

    def _transactions(self, chain: Chain, first: int) -> list[dict[str, Any]]:
        head = chain.block().number
        blocks = chain.batch(
            [("eth_getBlockByNumber", (hex(number), True)) for number in range(first, head + 1)]
        )
        return [one for block in blocks if block for one in block["transactions"]]

    def _fee(self, chain: Chain, transaction: dict[str, Any]) -> int:
        receipt = chain.receipt(bytes.fromhex(transaction["hash"][2:]))
        assert receipt is not None
        fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        return fee + (self._l1_data_fee(receipt) if chain is self.l2 else 0)

    def _l1_data_fee(self, receipt: Any) -> int:
        """Return what a transaction alone in its L2 block brought to the vault of L1 fees."""
        block = int(receipt["blockNumber"], 16)
        header = self.l2.request("eth_getBlockByNumber", hex(block), False)
        assert len(header["transactions"]) == 1
        after, before = (
            int(self.l2.request("eth_getBalance", L1_FEE_VAULT, hex(number)), 16)
            for number in (block, block - 1)
        )
        return after - before

    # Judging

    def refusal_at(self, withdrawal: Withdrawal, submitter: Address, timestamp: int) -> str:
        """Return why the portal wouldn't finalize at an L1 time; empty if it would."""
        call = abi.Portal.CHECK.encode(withdrawal.hash, submitter)
        return self.refusal_of(self.portal, call, timestamp).removeprefix("OptimismPortal: ")

    def refusal_of(self, contract: Address, call: bytes, timestamp: int) -> str:
        """Return why an L1 contract would refuse a call at a time; empty if it wouldn't."""
        request = {"to": contract, "data": tohex(call)}
        try:
            self.l1.request("eth_call", request, "latest", {}, {"time": hex(timestamp)})
        except Reverted as refusal:
            return refusal.reason
        return ""

    def status_at(self, view: View, timestamp: int) -> Any:
        """Return the client's state for a view, were it of another time."""
        return status(replace(view, now=timestamp), self.rollup.delays)

    def finalizations(self, withdrawal: Withdrawal) -> list[bool]:
        """Return the `success` of each `WithdrawalFinalized` of a withdrawal."""
        event = abi.Portal.WITHDRAWAL_FINALIZED
        logs = self.l1.request(
            "eth_getLogs",
            {
                "address": self.portal,
                "topics": [tohex(event.topic), tohex(withdrawal.hash)],
                "fromBlock": "0x0",
                "toBlock": "latest",
            },
        )
        return [bool(int(log["data"], 16)) for log in logs]

    def verdict(self, game: Game) -> str:
        return self.games.standing(game).verdict

    def all_games(self) -> list[Game]:
        return [self.games.at(index) for index in range(self.games.count())]

    # Playing foul, or for oneself

    def propose_as(self, user: LocalAccount, root: bytes, block: int) -> Game:
        """Claim an output root from an account of one's own."""
        kind = self.games.respected_type()
        bond = self.l1.call(self.games.factory, abi.Factory.INITIAL_BOND, kind)
        self.send(
            self.l1,
            user,
            self.games.factory,
            abi.Factory.CREATE,
            kind,
            root,
            block.to_bytes(32, "big"),
            value=bond,
        )
        return self.games.at(self.games.count() - 1)

    def prove_falsely(self, user: LocalAccount, withdrawal: Withdrawal) -> Game:
        """Propose a state of L2 in which a withdrawal was started, and prove it there."""
        output, nodes = forged_proof(withdrawal)
        game = self.propose_as(user, output.root, self.l2.block().number)
        self.advance("1s")
        self.send(
            self.l1,
            user,
            self.portal,
            abi.Portal.PROVE,
            withdrawal.as_tuple(),
            game.index,
            output.as_tuple(),
            nodes,
        )
        return game

    def move(
        self, user: LocalAccount, game: Game, parent: int, root: bytes, *, is_attack: bool = True
    ) -> None:
        """Answer a claim of a game with another."""
        _, _, _, _, parent_root, position, _ = self.claim(game, parent)
        there = 2 * position if is_attack else 2 * (position | 1)
        bond = self.l1.call(game.address, abi.Game.REQUIRED_BOND, there)
        verb = abi.Game.ATTACK if is_attack else abi.Game.DEFEND
        self.send(self.l1, user, game.address, verb, parent_root, parent, root, value=bond)

    def claim(self, game: Game, index: int) -> Any:
        return self.l1.call(game.address, abi.Game.CLAIM, index)

    def claim_count(self, game: Game) -> int:
        return int(self.l1.call(game.address, abi.Game.CLAIM_COUNT))


def forged_proof(withdrawal: Withdrawal) -> tuple[OutputProof, Sequence[bytes]]:
    """Return the proof of a withdrawal in a state that never was."""
    storage = HexaryTrie({}, prune=False)
    key = keccak(withdrawal.slot)
    storage[key] = b"\x01"
    storage[keccak(b"other")] = b"\x01"
    nodes = [bytes(rlp.encode(node)) for node in storage.get_proof(key)]
    return OutputProof(keccak(b"state"), bytes(storage.root_hash), keccak(b"block")), nodes
