"""The liquidator: knows every account from the events, and closes those below maintenance.

What an account has in a retired market is final and not its own yet, so it settles that first.

One step reads what is new and the newest report, looks at the accounts whose bounds the prices have
crossed, asks the chain about all who seem to be due in one call, and sends. All on one thread.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from clearway.deployments import System
from clearway.history import Contradiction, Event, Ledger
from clearway.keeper import danger
from clearway.keeper.agreement import quotes_in
from clearway.keeper.archive import Seen
from clearway.keeper.bounds import bounds
from clearway.keeper.danger import Endangered
from clearway.keeper.endangered import Index
from clearway.keeper.following import Follower
from clearway.keeper.hands import Duty, Hands
from clearway.keeper.reports import Reports
from clearway.opstack import text
from clearway.opstack.effects import purpose_of
from clearway.opstack.errors import Reverted, RpcNonsense
from clearway.reports import SignedReport
from clearway.spec import positions
from clearway.spec.market import PerpetualMarket
from clearway.spec.refused import Refused
from clearway.spec.state import SLOT_ROOM

# What telling events raises where some of them are missing: what follows then can't be worked out.
AMISS = (ArithmeticError, Contradiction, LookupError, Refused, ValueError)
EVERY_ACCOUNT = ("ParametersSet", "PoolParametersSet", "MarketRetired")  # changes the bounds of all
MOST_BATCHES = 8  # in one step, so that the report doesn't grow stale meanwhile
MOST_SETTLED = 10  # positions in one step


class Liquidator:
    """The liquidator's steps."""

    def __init__(
        self,
        system: System,
        follower: Follower,
        reports: Reports,
        hands: Hands,
        say: Callable[[str], None],
    ) -> None:
        self.system = system
        self.hands = hands
        self.reports = reports
        self.now = 0  # the chain's time
        self.liquidated = 0  # times, by this keeper
        self.endangered: dict[int, Endangered] = {}
        self.unsettled: dict[int, list[int]] = {}  # retired markets with a position, by account
        self.looked_at = 0  # accounts in the last step
        self._follower = follower
        self._say = say
        self._latest: SignedReport | None = None
        self._prices: dict[int, int] = {}
        self._scale: int = system.market.call("SCALE")
        self._begin_anew()

    def step(self) -> None:
        """Read, look, confirm and send."""
        for done in self.hands.look():
            self.liquidated += sum(kind == "account" for kind, _ in done.duty.keys)
            self._say(f"{done.duty.what}: done in block {done.block}")
        self._read()
        self._read_report()
        self._look()
        if self.hands.has_strangers():
            return
        for account, market in list(islice(self._to_settle(), MOST_SETTLED)):
            self._settle(account, market)
        free = [one for one in self.endangered.values() if self.hands.may(_key(one.account))]
        alone = {one.account for one in free if _key(one.account) in self.hands.alone}
        for batch in danger.batches(free, alone)[:MOST_BATCHES]:
            self._liquidate(batch)

    # Reading

    def _begin_anew(self) -> None:
        """Work everything out from the archive."""
        self.ledger = Ledger(self._scale)
        self.index = Index()
        self.endangered, self.unsettled = {}, {}
        self._tell(self._follower.archive.events())
        self._touched = set(self.ledger.state.accounts)

    def _read(self) -> None:
        news = self._follower.catch_up()
        self.now = news.head.timestamp
        if news.has_changed:
            self._say("the chain went back; working out anew what is left")
            self._begin_anew()
            return
        self._tell(news.events)
        for event in news.events:
            if event.name in EVERY_ACCOUNT:
                self._touched |= set(self.ledger.state.accounts)
            elif "account" in event.values:
                self._touched.add(event.values["account"] // SLOT_ROOM * SLOT_ROOM)

    def _tell(self, events: Iterable[Seen]) -> None:
        """Go on by events; where they contradict each other all of them are read again."""
        try:
            for event in events:
                self.ledger.tell(Event(event.name, event.at, event.values))
        except AMISS as error:
            self._follower.archive.replace_from(0, (), (), 0)
            self._begin_anew()
            raise RpcNonsense(
                f"the events of L2 contradict each other ({error})", "use another RPC"
            ) from error

    def _read_report(self) -> None:
        """Take the newest report."""
        before = self._latest.report.observed_at if self._latest else 0
        if newer := self.reports.latest(before):
            self._latest = newer
            quotes = quotes_in(newer.report)
            self._prices = {market: quote.price for market, quote in quotes.items()}

    # Looking

    def _look(self) -> None:
        """Look at the accounts that a price, the time or an event may have brought into danger."""
        found = self.index.find(self._prices, self.now) | self._touched | set(self.endangered)
        self._touched = set()
        self.looked_at = len(found)
        if not found:
            return
        state = self.ledger.state
        markets = {number: state.accrued(number, self.now) for number in state.markets}
        view = PerpetualMarket(
            state.feed, state.pool, state.scale, markets=markets, accounts=state.accounts
        )
        for account in found:
            self._judge(account, view)

    def _judge(self, account: int, view: PerpetualMarket) -> None:
        self.index.remove(account)
        self.endangered.pop(account, None)
        self.unsettled.pop(account, None)
        holder = view.accounts.get(account)
        if holder is None or not holder.positions:
            return
        if ended := [one for one in holder.positions if view.markets[one].final_price]:
            self.unsettled[account] = ended  # nobody can liquidate it before
            return
        if any(self._prices.get(one) is None for one in holder.positions):
            self._touched.add(account)  # until there is a price
            return
        found = view.appraise(self.now, account, self._prices)
        if found.spare >= 0:
            held = bounds(holder, found, self._prices, view.markets, view.pool, self.now)
            self.index.place(account, held)
            return
        worth = sum(
            positions.notional(one.size, self._prices[number])
            for number, one in holder.positions.items()
        )
        self.endangered[account] = Endangered(
            account, found.equity, found.maintenance, worth, len(holder.positions)
        )

    # Acting

    def _to_settle(self) -> Iterable[tuple[int, int]]:
        """Yield the positions in retired markets that may be taken up, each an account and market.

        Those that were refused aren't among them for a while, or they would hold up all others.
        """
        for account, markets in self.unsettled.items():
            for market in markets:
                if self.hands.may(("settle", account + market)):
                    yield account, market

    def _settle(self, account: int, market: int) -> None:
        """Close an account's position in a retired market at its final price."""
        contract, key = self.system.market, ("settle", account + market)
        purpose = purpose_of("keep", contract.address, "settle", *key)
        transaction = contract.transaction(purpose, "settle", account, market)
        self.hands.begin(Duty(transaction, (key,), "a position in a retired market"))

    def _liquidate(self, batch: Sequence[Endangered]) -> None:
        """Ask the chain about a batch, and liquidate those of it that are due."""
        if self._latest is None:
            return
        report = self._latest.as_arguments()
        due = danger.due(batch, self._confirm(report, [one.account for one in batch]))
        if not due:
            return
        accounts = [one.account for one in due]
        keys = tuple(_key(account) for account in accounts)
        keeper = self.system.liquidation_keeper
        purpose = purpose_of("keep", keeper.address, "liquidate", *keys)
        count = f"{len(due)} account" + ("s" if len(due) > 1 else "")
        self.hands.begin(
            Duty(
                keeper.transaction(purpose, "submit_and_liquidate", *report, accounts),
                keys,
                f"liquidation of {count} at {text.moment(self._latest.report.observed_at)}",
            )
        )

    def _confirm(self, report: Sequence[Any], accounts: Sequence[int]) -> list[str]:
        """Return why the chain wouldn't liquidate each; leave those alone for a while."""
        keeper = self.system.liquidation_keeper
        try:
            told = keeper.call(
                "submit_and_liquidate", *report, list(accounts), sender=self.hands.address
            )
        except Reverted as refusal:
            told = [refusal.reason] * len(accounts)
        reasons = [str(reason) for reason in told]
        for account, reason in zip(accounts, reasons, strict=True):
            if reason:
                if not self.hands.patience.has_failed(_key(account)):
                    self._say(f"account {account:#x} isn't liquidated now: {reason}")
                self.hands.put_off(_key(account), reason)
        return reasons

    def facts(self) -> dict[str, str]:
        """Return how things stand, for people."""
        worst = max((one.at_risk for one in self.endangered.values()), default=0)
        return {
            "chain's time": text.moment(self.now) if self.now else "",
            "report": text.moment(self._latest.report.observed_at) if self._latest else "none yet",
            "accounts": f"{len(self.index)} in the index, {self.looked_at} looked at last",
            "below maintenance": f"{len(self.endangered)}, most at risk "
            f"{text.amount(max(worst, 0) // 10**16, 2)}",
            "in retired markets": str(len(self.unsettled)),
            "liquidated here": str(self.liquidated),
            "transactions": f"{self.hands.under_way} under way, {self.hands.done} done, "
            f"{self.hands.failed} refused",
            "boards": self.reports.trouble or "answer",
        }


def _key(account: int) -> tuple[str, int]:
    return ("account", account)
