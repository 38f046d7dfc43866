"""The withdrawals' keeper: proves and finalizes exits from the gateway, and has them paid.

`clearway.opstack` does the proving and finalizing; this finds the exits and empties their boxes.
"""

from collections.abc import Callable, Iterable, Sequence

from clearway.deployments import System
from clearway.gateways import Exit, brings_exit
from clearway.keeper.archive import Seen
from clearway.keeper.exits import Exits
from clearway.keeper.following import Follower
from clearway.keeper.hands import Duty, Hands
from clearway.opstack import Driver, Report, text
from clearway.opstack.abi import Token
from clearway.opstack.addresses import Address
from clearway.opstack.chain import Call
from clearway.opstack.effects import purpose_of
from clearway.opstack.errors import UnknownTransaction
from clearway.shell.watching import problem_of, state_of
from clearway.shell.withdrawals import Names, is_over, short, when_ready


class Withdrawer:
    """The steps of the withdrawals' keeper."""

    def __init__(
        self,
        system: System,
        follower: Follower,
        driver: Driver,
        hands: Hands,
        exits: Exits,
        say: Callable[[str], None],
    ) -> None:
        self.system = system
        self.hands = hands
        self.exits = exits
        self.now = 0  # L1's time
        self.paid = 0  # exits, by this keeper
        self._follower = follower
        self._driver = driver
        self._say = say
        self._names = Names(system.rollup)
        self._shown: dict[bytes, str] = {}
        self._reports: list[Report] = []
        self._untracked: list[Exit] = []
        self._tell(follower.archive.events())

    def step(self) -> None:
        """Read, drive every withdrawal as far as it goes now, and have paid what has landed."""
        for done in self.hands.look():
            self.paid += len(done.duty.keys)
            self._say(f"{done.duty.what}: done in L1 block {done.block}")
        news = self._follower.catch_up()
        if news.has_changed:
            self._say("the chain went back; reading again what is left")
            self.exits.found.clear()
            self._untracked.clear()
        self._tell(self._follower.archive.events() if news.has_changed else news.events)
        self.now = self.system.rollup.l1.block().timestamp
        if self.hands.has_strangers():
            return
        self._track()
        self._reports = self._driver.drive()
        for report in self._reports:
            self._show(report)
        for exit_ in self._landed():
            self.hands.begin(self._payment(exit_))

    def _tell(self, events: Iterable[Seen]) -> None:
        for event in events:
            exit_ = self.exits.tell(event)
            if exit_ is not None:
                self._untracked.append(exit_)

    def _track(self) -> None:
        """Have the driver know the exits' withdrawals; what a node doesn't know yet stays."""
        later = []
        for one, box in zip(self._untracked, self._boxes(self._untracked), strict=True):
            try:
                self._driver.track(one.transaction, brings_exit(self.system, box))
            except UnknownTransaction:
                later.append(one)
        self._untracked = later

    def _boxes(self, exits: Sequence[Exit]) -> list[Address]:
        """Return where on L1 each exit lands."""
        return self.system.l1_gateway.calls(*(("box_of", *one.key) for one in exits))

    def _show(self, report: Report) -> None:
        state = f"{state_of(report)} {problem_of(report.problem)}".strip()
        withdrawal = report.tracked.withdrawal
        if self._shown.get(withdrawal.hash) != state:
            self._shown[withdrawal.hash] = state
            ready = when_ready(report)
            when = f" (ready {ready})" if ready and not is_over(report) else ""
            self._say(f"{short(withdrawal)} {self._names.what(withdrawal)}: {state}{when}")

    def _landed(self) -> list[Exit]:
        """Return the exits whose boxes have something in them."""
        free = [one for key, one in self.exits.found.items() if self.hands.may(key)]
        token = self.system.l1_token
        boxes = self._boxes(free)
        held = token.chain.required_calls(
            [Call(token.address, Token.BALANCE, (box,)) for box in boxes]
        )
        return [one for one, units in zip(free, held, strict=True) if units > 0]

    def _payment(self, exit_: Exit) -> Duty:
        gateway = self.system.l1_gateway
        purpose = purpose_of("keep", gateway.address, "claim", *exit_.key)
        token = self.system.deployment.token
        amount = f"{text.amount(exit_.amount, token.decimals)} {token.symbol}"
        return Duty(
            gateway.transaction(purpose, "claim", *exit_.key),
            (exit_.key,),
            f"payment of {amount} to who holds exit {exit_.number} of {exit_.claimant}",
        )

    def facts(self) -> dict[str, str]:
        """Return how things stand, for people."""
        return {
            "L1's time": text.moment(self.now) if self.now else "",
            "exits": f"{len(self.exits.found)} known, {self.paid} paid here",
            **{
                short(report.tracked.withdrawal): f"{state_of(report)} {when_ready(report)}"
                for report in self._reports
            },
            "transactions": f"{self.hands.under_way} under way, {self.hands.done} done, "
            f"{self.hands.failed} refused",
        }
