"""A deployment on a local network, whose publishers see what a test tells them."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from click.testing import CliRunner, Result
from eth_account.signers.local import LocalAccount

from clearway.deploying.deployer import Deployer
from clearway.deployments import Deployment, System, file_of
from clearway.devnet.accounts import people
from clearway.keeper import wire
from clearway.networks import Network, find_network
from clearway.opstack import Arrivals, Chain, Deposits, Journal, Sender
from clearway.opstack.effects import silent
from clearway.reports import Report, SignedReport
from clearway.spec.quotes import Quote
from clearway.spec.wad import WAD
from clearway.trading.prices import Prices, Reports
from clearway.trading.provider import Provider
from clearway.trading.trader import Trader, mint_test_tokens
from tests.integration.world import World

from .conftest import load

UNIT = 10**6  # of the token
PUBLISHERS = (5, 6)  # of three, a quorum
LP, ALICE, BOB, CAROL, PAUPER = 0, 1, 2, 3, 4
FUNDS = 1_000_000 * UNIT
FIRST_PRICES = {0: 3_000 * WAD, 1: 100_000 * WAD, 2: 150 * WAD}


class Exchange:
    """Everything deployed, money with some people, and a board of signed reports."""

    def __init__(self, world: World, home: Path) -> None:
        self.world = world
        self.home = home
        self.network: Network = find_network(folder=world.devnet.folder.path)
        self.prices = dict(FIRST_PRICES)
        self.is_silent = False  # whether the board knows no report
        self._deploy()
        for person in (LP, ALICE, BOB):
            self._fund(person)
        self.provider(LP).deposit(FUNDS // 2)

    def _deploy(self) -> None:
        rollup = self.world.rollup
        journal = Journal.for_rollup(rollup, self.home / "deployer")
        l1, l2 = (Sender(chain, people()[0], journal) for chain in (rollup.l1, rollup.l2))
        Deployer(self.network, rollup, l1, l2, silent).deploy()
        path = file_of(self.network)
        facts = json.loads(path.read_text())
        self._board = Board(self)
        path.write_text(json.dumps({**facts, "boards": [self._board.url]}))
        self.deployment = Deployment.of(self.network)
        self.system = System(self.deployment, rollup)

    def _fund(self, person: int) -> None:
        rollup, signer = self.world.rollup, people()[person]
        sender = Sender(rollup.l1, signer, self._journal(signer))
        mint_test_tokens(self.system, sender, 2 * FUNDS)
        sent = Deposits(rollup, sender).token(self.deployment.token, FUNDS)
        Arrivals(rollup).wait(sent)

    def close(self) -> None:
        self._board.close()

    # Publishers

    def signed(self, second: int) -> SignedReport:
        quotes = {market: Quote(price, WAD // 1_000) for market, price in self.prices.items()}
        signers: list[LocalAccount] = [people()[one] for one in PUBLISHERS]
        report = Report.of(second, quotes)
        return SignedReport.by(report, self.system.domain, self.deployment.publishers, signers)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Have no publisher sign anything."""
        self.is_silent = True
        try:
            yield
        finally:
            self.is_silent = False

    def report(self, observed_at: int) -> SignedReport | None:
        is_over = observed_at <= self.now()
        return self.signed(observed_at) if is_over and not self.is_silent else None

    def latest(self) -> SignedReport | None:
        return None if self.is_silent else self.signed(self.now())

    def now(self) -> int:
        # A connection belongs to one thread, and the board has its own.
        return Chain.connect(self.network.l2_rpc, "L2").block().timestamp

    # People

    def trader(self, person: int, number: int = 0) -> Trader:
        signer = people()[person]
        sender = Sender(self.world.l2, signer, self._journal(signer))
        return Trader(self.system, Prices(self.system, self), signer.address, number, sender)

    def provider(self, person: int) -> Provider:
        signer = people()[person]
        sender = Sender(self.world.l2, signer, self._journal(signer))
        return Provider(self.system, Prices(self.system, self), signer.address, sender)

    def killed(self, person: int) -> Sender:
        """Return what sends as a command of somebody's, that doesn't come to tell how it ended."""
        journal = Journal.for_rollup(self.world.rollup, self.home / "typed")
        return Sender(self.world.l2, people()[person], journal)

    def _journal(self, signer: LocalAccount) -> Journal:
        return Journal.for_rollup(self.world.rollup, self.home / signer.address)

    # Typing

    def type(self, *words: str, person: int | None = None, input: str = "") -> Result:
        """Type `ape run …` as somebody."""
        script, *rest = words
        where = ["--dir", str(self.world.devnet.folder.path), "--journal", str(self.home / "typed")]
        who = [] if person is None else ["--account", str(person)]
        runner = CliRunner(mix_stderr=False)
        return runner.invoke(load(script), [*rest, *who, *where], input=input)

    def run(self, *words: str, person: int | None = None) -> str:
        """Return what a command that must succeed prints."""
        result = self.type(*words, person=person)
        assert (result.exit_code, result.exception) == (0, None), result.stderr
        return str(result.stdout)

    def trade(self, *words: str, person: int, number: int = 0) -> str:
        """Place an order, let its seconds pass, and execute it; return what that prints."""
        mine = ("--number", str(number))
        placed = self.run("trade", *words, "--no-wait", *mine, person=person)
        slot = re.search(r"in slot (\d+)", placed)
        assert slot, placed
        self.world.advance("3s")
        return self.run("trade", "execute", "--slot", slot[1], *mine, person=person)

    def refused(self, *words: str, person: int | None = None) -> str:
        """Return the sentence by which a command is refused; nothing was sent."""
        before = self._nonces()
        result = self.type(*words, person=person)
        assert result.exit_code == 1, result.stdout
        *_, last = result.stderr.splitlines()
        assert last.startswith("error: ")
        assert "Traceback" not in result.stdout + result.stderr
        assert self._nonces() == before
        return last.removeprefix("error: ")

    def _nonces(self) -> Sequence[int]:
        acting = [people()[person] for person in (BOB, PAUPER)]
        chains = (self.world.l1, self.world.l2)
        return [chain.next_nonce(one.address, "pending") for one in acting for chain in chains]


class Board:
    """The publishers' board, in a thread."""

    def __init__(self, reports: Reports) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlparse(self.path)
                answer: Any
                if asked.path == "/report":
                    found = reports.report(int(parse_qs(asked.query)["observed_at"][0]))
                    answer = wire.signed_to_json(found) if found else None
                else:
                    latest = reports.latest()
                    answer = [wire.signed_to_json(latest)] if latest else []
                raw = json.dumps(answer).encode()
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
