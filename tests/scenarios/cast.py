"""Who appears in scenarios: people, contracts that act for themselves, publishers, and keepers."""

import functools
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from clearway.deployments import System
from clearway.devnet.accounts import people
from clearway.devnet.errors import DevnetError
from clearway.gateways import Exit
from clearway.opstack import Arrivals, Rollup, Sender, abi
from clearway.opstack.addresses import Address, alias
from clearway.opstack.errors import BridgeError, Reverted
from clearway.opstack.journal import Tracked
from clearway.opstack.messages import unhex
from clearway.opstack.sender import Effect, Transaction
from clearway.reports import Report, SignedReport
from clearway.spec.quotes import Quote
from clearway.spec.state import account_of
from tests.integration.mocks import Wallet
from tests.integration.world import ETHER, World

FORCED_GAS = 2_000_000  # on L2, of what a contract does there
LAST_WORDS = 30  # seconds that a keeper has to end


class Refused(Exception):
    """A verb that wasn't done, with the reason."""


def verb(act: Callable[..., Any]) -> Callable[..., Any]:
    """Have whatever refuses an act refuse it in one way."""

    @functools.wraps(act)
    def acting(*arguments: Any, **named: Any) -> Any:
        try:
            return act(*arguments, **named)
        except Reverted as error:
            raise Refused(error.reason) from error
        except (BridgeError, DevnetError) as error:
            raise Refused(str(error)) from error

    return acting


@dataclass(frozen=True)
class Way:
    """A withdrawal on its way to L1."""

    tracked: Tracked
    exit: Exit


@dataclass(frozen=True)
class Actor:
    """Somebody on both chains. On L2 a contract acts as its alias."""

    name: str
    on_l1: Sender
    on_l2: Sender

    @property
    def address(self) -> Address:
        return self.on_l1.address

    @property
    def owner(self) -> Address:
        return self.on_l2.address

    @property
    def account(self) -> int:
        return account_of(int(self.owner, 16))


class Wallets(Sender):
    """A contract on L1, which does what the account that owns it has it do."""

    def __init__(self, carrier: Sender, address: Address) -> None:
        super().__init__(carrier.chain, carrier.signer, carrier.journal)
        self.address = address
        self._carrier = carrier

    def run(self, effect: Effect, timeout: float = 300) -> Mapping[str, Any]:
        call = Wallet.EXECUTE.encode(effect.to, effect.value, effect.data)
        return self._carrier.run(replace(effect, to=self.address, data=call), timeout)


class Aliases(Sender):
    """The same contract on L2, where it acts through the portal alone."""

    def __init__(self, rollup: Rollup, wallet: Wallets) -> None:
        super().__init__(rollup.l2, wallet.signer, wallet.journal)
        self.address = alias(wallet.address)
        self._rollup = rollup
        self._wallet = wallet

    def run(self, effect: Effect, timeout: float = 300) -> Mapping[str, Any]:
        call = abi.Portal.DEPOSIT.encode(effect.to, effect.value, FORCED_GAS, False, effect.data)
        purpose = "by alias " + effect.purpose
        receipt = self._wallet.run(Transaction(purpose, self._rollup.portal, call), timeout)
        self._wallet.report(purpose)
        (outcome,) = Arrivals(self._rollup).wait(unhex(receipt["transactionHash"]), timeout)
        l2_receipt = self._rollup.l2.receipt(outcome.l2_transaction)
        assert l2_receipt is not None
        return l2_receipt


class Cast:
    """Everybody who appears in a scenario, each with ETH on L1."""

    def __init__(self, world: World, seed: str) -> None:
        self.actors: list[Actor] = []
        self._world = world
        self._seeds = (f"{seed} {number}" for number in itertools.count())

    def person(self, name: str, signer: LocalAccount | None = None) -> Actor:
        senders = self._senders(signer or self._new_key())
        return self._take_on(Actor(name, senders["L1"], senders["L2"]))

    def contract(self, name: str) -> Actor:
        world, carrier = self._world, self._senders(self._new_key())["L1"]
        place = world.deploy(world.l1, "ContractAccount", "address", carrier.address)
        wallet = Wallets(carrier, place)
        return self._take_on(Actor(name, wallet, Aliases(world.rollup, wallet)))

    def _new_key(self) -> LocalAccount:
        signer: LocalAccount = Account.from_key(keccak(text=next(self._seeds)))
        return signer

    def _senders(self, signer: LocalAccount) -> Mapping[str, Sender]:
        self._world.private("l1")("anvil_setBalance", signer.address, hex(10 * ETHER))
        return self._world.senders(signer)

    def _take_on(self, actor: Actor) -> Actor:
        self.actors.append(actor)
        return actor


class Publishers:
    """The committee, honest: what it signs of a second is what the world's prices were then."""

    def __init__(self, system: System, now: Callable[[], int], first: Mapping[int, int]) -> None:
        self._system = system
        self._now = now
        self._path: list[tuple[int, Mapping[int, int]]] = [(0, first)]

    def see(self, market: int, price: int) -> None:
        """Have a market's price be another from the next second on."""
        _, before = self._path[-1]
        self._path.append((self._now() + 1, {**before, market: price}))

    def prices(self, second: int) -> Mapping[int, int]:
        return next(prices for since, prices in reversed(self._path) if since <= second)

    def sign(
        self,
        second: int,
        prices: Mapping[int, int] | None = None,
        by: Sequence[LocalAccount] | None = None,
    ) -> SignedReport:
        """Return the report of a second; a forger gives prices, or signers, of his own."""
        quotes = {number: Quote(one, 0) for number, one in (prices or self.prices(second)).items()}
        signers = people()[5:7] if by is None else by
        report = Report.of(second, quotes)
        publishers = self._system.deployment.publishers
        return SignedReport.by(report, self._system.domain, publishers, signers)

    def report(self, observed_at: int) -> SignedReport | None:
        return self.sign(observed_at) if observed_at <= self._now() else None

    def latest(self) -> SignedReport:
        return self.sign(self._now())


class Bot:
    """A keeper in a process of its own."""

    def __init__(self, kind: str, person: int, folder: Path, home: Path) -> None:
        self._command = [sys.executable, "-m", f"bots.{kind}", "--account", str(person)]
        self._command += ["--dir", str(folder), "--journal", str(home)]
        self._log = home / f"{kind}.log"
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def kill(self, how: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(LAST_WORDS)

    def status(self) -> str:
        """Return what it said last, and its exit code once it has ended."""
        ended = None if self._process is None else self._process.poll()
        said = self._log.read_text().strip().splitlines()[-1:]
        return " ".join([*said, *([] if ended is None else [f"(ended with {ended})"])])
