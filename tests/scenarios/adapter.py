"""The verbs in which scenarios are written, from L1 to L1. There is no logic here, only names.

Amounts are token units, sizes base wad, prices wads, ETH wei, times seconds; ids are opaque. Each
verb returns, or raises `Refused` with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from clearway import gateways, numbers
from clearway.contracts import Contract, Method, Told
from clearway.deployments import System
from clearway.opstack import Arrivals, Chain, Deposits, Driver, Starter
from clearway.opstack.effects import purpose_of
from clearway.opstack.forced import ForcedSender
from clearway.opstack.messages import Withdrawal
from clearway.reports import SignedReport
from clearway.spec.wad import WAD
from clearway.trading.execution import Execution
from clearway.trading.orders import Intent, Plan
from clearway.trading.prices import Prices
from clearway.trading.provider import Provider
from clearway.trading.solvency import solvency
from clearway.trading.trader import Placed, Trader, mint_test_tokens
from tests.integration.world import ETHER, World
from tests.scenarios.cast import Actor, Bot, Cast, Publishers, Refused, Way, verb
from tests.scenarios.holdings import Wealth, tokens_in, wealth_of
from tests.scenarios.outside import Outside, deployed

GAS_MONEY = ETHER // 10  # wei that comes along to L2
SLIPPAGE = WAD // 20
FIRST_PRICES = {0: 3_000 * WAD, 1: 100_000 * WAD, 2: 150 * WAD}
MOST_REQUESTS = 50
READING = ("view", "pure")


class Adapter:
    """One system on the two chains of a local network."""

    def __init__(self, world: World, home: Path, system: System) -> None:
        self.world, self.home, self.system = world, home, system
        self.cast = Cast(world, str(home))
        self.outside = Outside(world, system)
        self.publishers = Publishers(system, self.now, FIRST_PRICES)
        self.prices = Prices(system, self.publishers)

    @classmethod
    def fresh(cls, world: World, folder: Path, **config: Mapping[str, Any]) -> "Adapter":
        """Deploy; `config` changes sections of the local network's settings."""
        return cls(world, folder, deployed(world, folder, config))

    # People and money

    def actor(self, name: str, signer: LocalAccount | None = None) -> Actor:
        """Return somebody with a key, and with ETH on L1 alone."""
        return self.cast.person(name, signer)

    def as_contract(self, name: str) -> Actor:
        """Return a contract on L1 that acts for itself, and has no key on L2."""
        return self.cast.contract(name)

    @verb
    def fund(self, actor: Actor, amount: int, chain: str = "L1") -> None:
        mint_test_tokens(self.system, actor.on_l1, amount)
        if chain == "L2":
            deposits = Deposits(self.world.rollup, actor.on_l1)
            for sent in (deposits.token(self.system.deployment.token, amount), deposits.eth(WAD)):
                self.arrive(sent)

    def arrive(self, l1_transaction: bytes) -> Any:
        return Arrivals(self.world.rollup).wait(l1_transaction)

    def wealth(self, actor: Actor) -> Wealth:
        return wealth_of(self.system, self.prices, actor)

    def system_tokens(self) -> Mapping[str, int]:
        return tokens_in(self.system)

    def reserves(self) -> dict[str, int]:
        return dict(solvency(self.system).buckets)

    # Prices and time

    def now(self) -> int:
        # A connection belongs to one thread, and a board has its own.
        return Chain.connect(self.world.network.l2_rpc, "L2").block().timestamp

    def set_price(self, market: str, price: int) -> None:
        """Have the world's price be another; publishers and aggregators see it."""
        self.publishers.see(self.system.deployment.market(market).number, price)
        self.push_feed(market, price)

    def price(self, market: str) -> int:
        return self.publishers.prices(self.now() + 1)[self.system.deployment.market(market).number]

    def sign_price(self, second: int | None = None, **forged: Any) -> SignedReport:
        return self.publishers.sign(second or self.now(), **forged)

    @verb
    def submit(self, report: SignedReport, by: Actor) -> None:
        self._call(by, self.system.feed, "submit", *report.as_arguments())

    @verb
    def push_feed(self, market: str, price: int) -> None:
        self.outside.push_feed(market, price)

    @verb
    def feed_fault(self, kind: str) -> None:
        self.outside.feed_fault(kind)

    @verb
    def warp(self, seconds: int) -> None:
        """Let time pass on both chains, counted from L2's clock, which is ahead of L1's."""
        ahead = self.now() - self.world.l1.block().timestamp
        self.world.command("advance", max(ahead, 0) + seconds)

    @verb
    def sequencer(self, state: str) -> None:
        self.world.command({"down": "pauseSequencer", "up": "resumeSequencer"}[state])

    @verb
    def censor(self, actor: Actor, served: bool = False) -> None:
        self.world.command("uncensor" if served else "censor", actor.owner)

    @verb
    def reorg(self, chain: str, depth: int) -> None:
        self.world.private(chain.lower())("anvil_reorg", depth, [])

    # Trading

    @verb
    def margin_in(self, actor: Actor, amount: int, eth: int = GAS_MONEY) -> Any:
        return self.arrive(gateways.Entry(self.system, actor.on_l1).margin(amount, eth=eth))

    @verb
    def margin_out(self, actor: Actor, amount: int) -> None:
        self._trader(actor).withdraw(amount, actor.owner)

    def _trader(self, actor: Actor) -> Trader:
        return Trader(self.system, self.prices, actor.owner, 0, actor.on_l2)

    @verb
    def order(
        self, actor: Actor, market: str, size: int, limit: int = 0, reduce_only: bool = False
    ) -> Placed:
        worst = limit or numbers.worse_by(self.price(market), SLIPPAGE, is_buy=size > 0)
        listed = self.system.deployment.market(market)
        intent = Intent(listed, size, is_reduce_only=reduce_only)
        return self._trader(actor).place(Plan(intent, worst, 0, None, None))

    @verb
    def close(self, actor: Actor, market: str) -> Placed:
        position = self._trader(actor).position(self.system.deployment.market(market))
        return self.order(actor, market, -position.size if position else 1, reduce_only=True)

    @verb
    def execute(self, id: Placed, by: Actor, report: SignedReport | None = None) -> Told | None:
        """Return what became of an order; None if it stays."""
        signed = report or self.sign_price(id.order["fills_at"])
        self._call(by, self.system.orders, "submit_and_execute_one", *signed.as_arguments(), id.id)
        return Execution(self.system, self.prices, id).end()

    @verb
    def clear(self, id: Placed, by: Actor) -> None:
        self._call(by, self.system.orders, "clear", id.account, id.slot)

    def position(self, actor: Actor, market: str) -> int:
        """Return the size of a position."""
        number = self.system.deployment.market(market).number
        return int(self.system.lens.call("position_of", actor.account, number).size)

    def liquidatable(self, actor: Actor) -> bool:
        view = self.prices.ask(self.system.lens, "account", actor.account)
        return bool(view.equity < view.maintenance)

    @verb
    def liquidate(self, actor: Actor, by: Actor) -> Told:
        keeper = self.system.liquidation_keeper
        arguments = (*self.sign_price().as_arguments(), [actor.account])
        receipt = self._call(by, keeper, "submit_and_liquidate", *arguments)
        for log in receipt["logs"]:
            if failed := keeper.event_of(log):
                raise Refused(failed.values["reason"])
        told = [one for log in receipt["logs"] if (one := self.system.market.event_of(log))]
        return next(one for one in told if one.name == "AccountLiquidated")

    # Providing

    @verb
    def lp_in(self, actor: Actor, amount: int, by: Actor | None = None) -> int:
        """Bring tokens for the vault from L1, and have anybody make shares of them."""
        sent = gateways.Entry(self.system, actor.on_l1).vault(amount, eth=GAS_MONEY)
        self.arrive(sent)
        id = gateways.deposit_told(self.system, sent).values["id"]
        arguments = (*self.sign_price().as_arguments(), id)
        self._call(by or actor, self.system.l2_gateway, "submit_and_enter", *arguments)
        return int(self.system.vault.call("balanceOf", actor.owner))

    @verb
    def lp_request(self, actor: Actor, shares: int) -> Told:
        return Provider(self.system, self.prices, actor.owner, actor.on_l2).request(shares)

    @verb
    def lp_process(self, by: Actor) -> None:
        self.submit(self.sign_price(), by)
        self._call(by, self.system.vault, "process", MOST_REQUESTS)

    @verb
    def lp_claim(self, actor: Actor) -> Way:
        """Send all that is set aside to L1."""
        shares = self.system.vault.call("maxRedeem", actor.owner)
        starter = Starter(self.world.rollup, actor.on_l2)
        started = gateways.redeem(self.system, starter, shares, actor.owner, actor.address)
        return self._way(actor, started)

    def share_price(self) -> int:
        """Return what a million shares are worth."""
        return int(self.prices.ask(self.system.vault, "convertToAssets", 10**6 * WAD))

    # To L1

    def forced(self, actor: Actor) -> Actor:
        """Return the same person, who acts on L2 through the portal alone."""
        return replace(actor, on_l2=ForcedSender(self.world.rollup, actor.on_l1))

    def force_l1(self, actor: Actor, verb: str, *arguments: Any, **named: Any) -> Any:
        return getattr(self, verb)(self.forced(actor), *arguments, **named)

    @verb
    def withdraw_start(self, actor: Actor, amount: int | None = None, to: str = "") -> Way:
        units = self._trader(actor).free_units() if amount is None else amount
        starter, claimant = Starter(self.world.rollup, actor.on_l2), to or actor.address
        started = gateways.withdraw(self.system, starter, actor.account, units, claimant)
        return self._way(actor, started)

    def _way(self, actor: Actor, started: Withdrawal) -> Way:
        tracked = actor.on_l2.journal.find(started.hash)
        assert tracked is not None
        receipt = self.world.l2.receipt(tracked.l2_transaction)
        told = [self.system.l2_gateway.event_of(log) for log in receipt["logs"]]
        values = next(one.values for one in told if one)
        return Way(tracked, gateways.Exit.of(values, tracked.l2_transaction))

    @verb
    def prove(self, way: Way, by: Actor) -> None:
        driver = self._driver(by)
        driver.prove(*driver.track(way.tracked.withdrawal.hash))

    @verb
    def finalise(self, way: Way, by: Actor) -> None:
        driver = self._driver(by)
        driver.finalize(*driver.track(way.tracked.withdrawal.hash))

    @verb
    def claim(self, way: Way, by: Actor, to: str | None = None) -> None:
        gateways.claim(self.system, by.on_l1, way.exit, to)

    def _driver(self, by: Actor) -> Driver:
        return Driver(self.world.rollup, by.on_l1, by.on_l1.journal)

    @verb
    def game(self, way: Way, act: str) -> None:
        """Have the proposer lie, or the guardian act: "bad", "blacklist", "pause", "resume"."""
        if act == "bad":
            self.world.command("lie")
        elif act == "blacklist":
            report = self._driver(self.cast.actors[0]).report(way.tracked)
            self.outside.blacklist(report.view.proofs[-1].game.address)
        else:
            self.outside.pause(act == "pause")

    # Everything else

    def every_function(self) -> Iterator[tuple[Contract, Method]]:
        """Yield every function that may change anything, on both chains."""
        for name in self.system.deployment.addresses:
            contract = self.system.contract(name)
            for entry in contract.interface.abi:
                if entry["type"] == "function" and entry["stateMutability"] not in READING:
                    yield contract, Method(entry)

    @verb
    def call(self, actor: Actor, contract: Contract, function: str, *arguments: Any) -> Any:
        """Have somebody call any function on L2."""
        return self._call(actor, contract, function, *arguments)

    def _call(self, actor: Actor, contract: Contract, function: str, *arguments: Any) -> Any:
        sender = actor.on_l1 if contract.chain is self.world.l1 else actor.on_l2
        purpose = purpose_of(function, contract.address, *arguments)
        receipt = sender.run(contract.transaction(purpose, function, *arguments))
        sender.report(purpose)
        return receipt

    def bot(self, kind: str, person: int) -> Bot:
        return Bot(kind, person, self.world.devnet.folder.path, self.home / "keepers")
