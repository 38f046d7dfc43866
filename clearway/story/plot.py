"""A crash, and everybody's way home: what happens, chapter by chapter.

Every number that is told is read from the chains. Whoever keeps the market does so in a process of
his own, as he would live; this only lets the people act, and the world's prices move.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearway import gateways, numbers
from clearway.contracts import Told
from clearway.devnet.accounts import people
from clearway.keeper.publishing import committee_of
from clearway.keeper.reports_client import Board
from clearway.keeper.sources import History
from clearway.opstack import Sender, Starter, Withdrawal, abi
from clearway.opstack.chain import waiting
from clearway.opstack.errors import BridgeError
from clearway.opstack.forced import ForcedSender
from clearway.opstack.messages import tohex
from clearway.opstack.text import amount, duration, moment, short
from clearway.reports import Report
from clearway.spec.wad import WAD
from clearway.story.cast import Actor
from clearway.story.stage import DEPLOYER, Stage
from clearway.story.telling import Teller
from clearway.story.world import World, names_of
from clearway.trading.orders import Intent
from clearway.trading.prices import Prices

CRASH = Path(__file__).with_name("crash.csv")
PACE = 2  # chain seconds to a wall second while people trade
CALM = 150  # seconds of chain time before the prices begin to move
BEFORE = 5  # seconds before that, at which we look again
SOON = 60.0  # wall seconds that keepers are given for what takes them a few
STRIDE = 12 * 3_600  # seconds of chain time that the wait for L1 takes at a time
ETHER = 10**18
UNIT = 10**6  # token units to a dollar
GAS_MONEY = ETHER // 10  # wei that come along to L2


@dataclass(frozen=True)
class Leaving:
    """Somebody's withdrawal to L1."""

    who: Actor
    withdrawal: Withdrawal


class Plot:
    """The story as it is played."""

    traded = ("ETH", "BTC")

    def __init__(self, stage: Stage, teller: Teller) -> None:
        self.stage = stage
        self.tell = teller
        self.exits: list[Leaving] = []
        self.reports: list[Report] = []  # that the publishers signed while it was played

    def prepare(self) -> None:
        """Start the chains, and deploy everything."""
        self.tell.chapter("A local L1 and L2, and everything deployed on them")
        network = self.stage.raise_network()
        self.rollup = self.stage.rollup
        delays = self.rollup.delays
        self.tell.facts(
            ("L1", f"{network.l1_rpc}, chain {self.rollup.l1.chain_id}, real OP Stack contracts"),
            ("L2", f"{network.l2_rpc}, chain {self.rollup.l2.chain_id}"),
            (
                "delays",
                f"those of OP Mainnet: a proof matures in {duration(delays.proof_maturity)}, a "
                f"game that was won rests {duration(delays.game_finality)}",
            ),
        )
        steps: list[str] = []
        self.system = self.stage.deploy(steps.append)
        owner = self.system.market.call("CONFIGURATION")
        self.tell.say(
            f"{len(self.system.deployment.addresses)} contracts, {len(steps)} steps; the timelock "
            f"owns what administers the market ({short(owner)}), and the deployer nothing"
        )
        self._gather()

    def _gather(self) -> None:
        """Let everybody get test tokens on L1, and note what they have."""
        journal, folk = self.stage.journal, people()
        self.alice = Actor("Alice", "sells ether short", folk[1], self.system, journal)
        self.bob = Actor("Bob", "buys ether, with leverage", folk[2], self.system, journal)
        self.carol = Actor("Carol", "buys bitcoin, and is refused", folk[3], self.system, journal)
        self.paula = Actor("Paula", "provides the vault", folk[4], self.system, journal)
        self.cast = [self.alice, self.bob, self.carol, self.paula]
        brought = (20_000, 12_000, 5_000, 500_000)
        for actor, dollars in zip(self.cast, brought, strict=True):
            actor.mint(dollars * UNIT)
        self.before = {actor.name: actor.holdings() for actor in self.cast}
        self.first_blocks = {
            chain.name: chain.block().number + 1 for chain in (self.rollup.l1, self.rollup.l2)
        }

    def play(self) -> None:
        """Play it, with everybody at work who keeps the market."""
        deployment = self.system.deployment
        self.begun = self.rollup.l2.block().timestamp
        self.start = self.begun + CALM
        self.path = History.from_csv(CRASH, names_of(deployment), self.start)
        self.board = Board.of(deployment.boards, committee_of(self.system.feed))
        self.prices = Prices(self.system, self.board)
        self.world = World(
            self.system,
            Sender(self.rollup.l2, people()[DEPLOYER], self.stage.journal),
            CRASH,
            self.start,
        )
        self.tell.chapter("Keepers: three publishers, an executor, a liquidator, a carrier")
        with self.stage.keepers(CRASH, self.start):
            self._until("the publishers' first report", self._hear)
            self.stage.devnet.command("devnet_pace", PACE)
            self._come_in()
            self._crash()
            self._close()
            self._be_refused()
            self._collect_reports()
            self.stage.devnet.command("devnet_pace", 1)
            self._leave_the_vault()
            self._go_home()

    # Chapters

    def _hear(self) -> bool:
        try:
            signed = self.board.latest()
        except BridgeError:
            return False
        if signed is None:
            return False
        absent, publishers = signed.as_arguments()[2], self.system.deployment.publishers
        self.tell.say(
            f"{len(publishers) - len(absent)} of {len(publishers)} publishers signed the report of "
            f"second {signed.report.observed_at}"
        )
        return True

    def _come_in(self) -> None:
        self.tell.chapter("In from L1, each by one transaction")
        self.world.go_on()
        self.paula.bring_to_vault(500_000 * UNIT)
        self._say_brought(self.paula, "500,000 for the vault; it waits on L2 for a price")
        vault = self.system.vault
        self._until("Paula's shares", lambda: vault.call("balanceOf", self.paula.address) > 0)
        shares = vault.call("balanceOf", self.paula.address)
        self.tell.say(f"the executor brought a report, and Paula has {numbers.size(shares)} shares")
        eth, btc = self._market("ETH"), self._market("BTC")
        self._bring(self.alice, 20_000, "sells 30 ETH", (eth, -30 * WAD, 2_900 * WAD))
        self._bring(self.bob, 12_000, "buys 29 ETH", (eth, 29 * WAD, 3_100 * WAD))
        self._bring(self.carol, 5_000, "buys 0.1 BTC", (btc, WAD // 10, 103_000 * WAD))

    def _bring(self, actor: Actor, dollars: int, what: str, wanted: tuple[Any, int, int]) -> None:
        """Bring margin, ETH and an order, and wait for a keeper to execute it."""
        first = self.rollup.l2.block().number
        actor.bring(dollars * UNIT, GAS_MONEY, actor.order(*wanted))
        self._say_brought(
            actor, f"{dollars:,} as margin, 0.1 ETH, and an order: {actor.name} {what}"
        )
        self._tell_fill(actor, first)

    def _say_brought(self, actor: Actor, what: str) -> None:
        self.tell.say(f"{actor.name}: {what}")

    def _tell_fill(self, actor: Actor, first: int) -> None:
        """Wait until an account's order has been executed, and say at what price."""
        account = actor.trader(self.prices).id
        market = self.system.market
        found: list[Told] = []

        def is_filled() -> bool:
            last = self.rollup.l2.block().number
            found[:] = market.events(first, last, "OrderFilled", about=account)
            failed = self.system.orders.events(first, last, "OrderFailed", about=account)
            if failed:
                raise RuntimeError(f"{actor.name}'s order failed: {failed[0].values['reason']}")
            return bool(found)

        self._until(f"{actor.name}'s order", is_filled)
        fill = found[-1].values
        self.tell.say(
            f"  executed at {numbers.price(fill['price'])}, fee {numbers.money(fill['fee'])}, "
            f"premium {numbers.money(fill['premium'])}"
        )

    def _crash(self) -> None:
        self.tell.chapter("The crash")
        left = self.start - BEFORE - self.rollup.l2.block().timestamp
        if left > 0:
            self.stage.devnet.command("devnet_advance", left)
        length = self.path.seconds[-1]
        bob = self.bob.trader(self.prices).id
        seen, first = 0, self.rollup.l2.block().number
        with self.tell.progress(length) as bar:
            for _ in waiting(4 * length):
                self.stage.require_keepers()
                self.world.go_on()
                now = self.rollup.l2.block()
                quotes = self.path.observe(now.timestamp)
                bar.reach(now.timestamp - self.start, self._words(quotes))
                told = self.system.market.events(first, now.number, "AccountLiquidated", about=bob)
                for one in told[seen:]:
                    bar.say(
                        f"the liquidator closed {numbers.percent(one.values['fraction'])} of Bob's "
                        f"position: penalty {numbers.money(one.values['penalty'])}, its reward "
                        f"{numbers.money(one.values['reward'])}"
                    )
                seen = len(told)
                if now.timestamp >= self.start + length:
                    break

    def _words(self, quotes: Any) -> str:
        return ", ".join(
            f"{listed.name} {numbers.price(quotes[listed.number].price)}"
            for listed in self.system.deployment.markets
        )

    def _close(self) -> None:
        self.tell.chapter("Alice and Bob close, each by an order of their own")
        for actor in (self.alice, self.bob):
            trader = actor.trader(self.prices)
            position = trader.position(self._market("ETH"))
            if position is None:
                self.tell.say(f"{actor.name} has no position left")
                continue
            first = self.rollup.l2.block().number
            intent = Intent(self._market("ETH"), -position.size, is_reduce_only=True)
            trader.place(trader.plan(intent))
            self.tell.say(f"{actor.name} closes {numbers.size(abs(position.size))} ETH")
            self._tell_fill(actor, first)

    def _be_refused(self) -> None:
        self.tell.chapter("The sequencer refuses Carol; she leaves through L1 alone")
        self.stage.devnet.command("devnet_censor", self.carol.address)
        btc = self._market("BTC")
        trader = self.carol.trader(self.prices)
        position = trader.position(btc)
        if position is None:
            raise RuntimeError("Carol has no position to close")
        plan = trader.plan(Intent(btc, -position.size, is_reduce_only=True))
        try:
            trader.place(plan)
        except BridgeError as error:
            self.tell.say(f"her order on L2: {error.fact}")
        else:
            raise RuntimeError("the sequencer took what it was told to refuse")
        first = self.rollup.l2.block().number
        by_force = ForcedSender(self.rollup, self.carol.on_l1)
        self.carol.trader(self.prices, by_force).place(plan)
        self.tell.say("the same order as a deposit through the portal: committed on L2")
        self._tell_fill(self.carol, first)
        self._withdraw(self.carol, by_force)

    def _collect_reports(self) -> None:
        """Keep what the publishers signed so far; their boards close with them."""
        last = self.rollup.l2.block().timestamp
        found = (self.board.report(second) for second in range(self.begun, last + 1))
        self.reports = [signed.report for signed in found if signed]

    def _leave_the_vault(self) -> None:
        self.tell.chapter("Paula redeems; everyone starts for L1")
        provider = self.paula.provider(self.prices)
        vault = self.system.vault
        request = provider.request(vault.call("balanceOf", self.paula.address))
        number = request.values["requestId"]
        cooldown = vault.call("cooldown")
        self.tell.say(f"Paula asks for all; her request cools down for {duration(cooldown)}")
        self.stage.devnet.command("devnet_advance", cooldown)
        self._until(
            "Paula's redemption",
            lambda: vault.call("pendingRedeemRequest", number, self.paula.address) == 0,
        )
        shares = vault.call("maxRedeem", self.paula.address)
        units = vault.call("maxWithdraw", self.paula.address)
        self.tell.say(f"the executor had it priced: {self._money(units)} is set aside for her")
        address = self.paula.address
        starter = Starter(self.rollup, self.paula.on_l2)
        self._note_exit(
            self.paula, units, gateways.redeem(self.system, starter, shares, address, address)
        )
        for actor in (self.alice, self.bob):
            self._withdraw(actor, actor.on_l2)

    def _withdraw(self, actor: Actor, sender: Sender) -> None:
        """Send all that is free in an account on its way to L1."""
        trader, starter = actor.trader(self.prices), Starter(self.rollup, sender)
        units = trader.free_units()
        withdrawal = gateways.withdraw(self.system, starter, trader.id, units, actor.address)
        self._note_exit(actor, units, withdrawal)

    def _note_exit(self, actor: Actor, units: int, withdrawal: Withdrawal) -> None:
        self.exits.append(Leaving(actor, withdrawal))
        self.tell.say(
            f"{actor.name}: {self._money(units)} on its way to L1, withdrawal "
            f"{short(tohex(withdrawal.hash))}"
        )

    def _go_home(self) -> None:
        self.tell.chapter("Proof, challenge and finalization, driven by the carrier")
        l1, gateway = self.rollup.l1, self.system.l1_gateway
        self._until("the proofs", self._are_all_proven)
        self.tell.say(f"all {len(self.exits)} withdrawals are proven")
        begin = l1.block().timestamp
        length = self.rollup.delays.proof_maturity + STRIDE
        with self.tell.progress(length) as bar:
            while (gone := l1.block().timestamp - begin) < length:
                bar.reach(gone, moment(begin + gone))
                self.stage.devnet.command("devnet_advance", min(STRIDE, length - gone))
            bar.reach(length, moment(begin + length))
        first = self.first_blocks["L1"]
        self._until(
            "the money on L1",
            lambda: len(gateway.events(first, l1.block().number, "ExitClaimed")) >= len(self.exits),
        )
        for actor in self.cast:
            self.tell.say(f"{actor.name} has {self._money(actor.holdings().token)} on L1")

    def _are_all_proven(self) -> bool:
        l1, portal = self.rollup.l1, self.rollup.portal
        return all(
            l1.call(portal, abi.Portal.SUBMITTER_COUNT, leaving.withdrawal.hash)
            for leaving in self.exits
        )

    # Helpers

    def _market(self, name: str) -> Any:
        return self.system.deployment.market(name)

    def _money(self, units: int) -> str:
        return f"{amount(units, 6)} {self.system.deployment.token.symbol}"

    def _until(self, what: str, is_done: Callable[[], bool]) -> None:
        """Wait for what a keeper does."""
        for _ in waiting(SOON):
            self.stage.require_keepers()
            self.world.go_on()
            if is_done():
                return
        raise RuntimeError(f"{what} didn't come within {SOON:.0f} s")
