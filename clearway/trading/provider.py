"""Whoever brings the cash that stands against traders: in by a deposit, out by a request."""

from dataclasses import dataclass
from typing import Any

from clearway.contracts import Told
from clearway.deployments import System
from clearway.opstack.addresses import Address
from clearway.opstack.effects import Progress, purpose_of, silent
from clearway.opstack.errors import BadInput, InsufficientBalance, TooEarly
from clearway.opstack.sender import Sender
from clearway.opstack.text import duration, moment
from clearway.opstack.tokens import allow
from clearway.spec import wad
from clearway.trading.prices import Prices
from clearway.trading.reasons import advising
from clearway.trading.trader import done, require_tokens

DEFAULT_SLIPPAGE = wad.WAD // 200
DEADLINE = 300  # seconds that a deposit may take to be included
MOST_REQUESTS = 50  # of one processing
READY_BITS, READY_IN_A_WORD = 32, 8  # how `redemptions` keeps the times of requests
UNREACHABLE = 2**256 - 1  # shares
PART_BITS = 80  # of a number in the queue's word


@dataclass(frozen=True)
class Request:
    """Shares that somebody has asked to redeem."""

    number: int
    shares: int
    waiting: int  # shares not priced yet
    requested_at: int
    ready_at: int  # seconds: not priced before


@dataclass(frozen=True)
class Standing:
    """What a provider has in the vault; token units and shares."""

    shares: int
    worth: int  # of those shares, at the middle
    claimable: int  # token units set aside
    requests: tuple[Request, ...]  # those that wait


@dataclass(frozen=True)
class VaultReport:
    """The vault as a whole."""

    view: Any  # PoolLens.vault
    worth: int  # token units
    supply: int  # shares
    share_price: int  # wad, of 10^18 shares
    cooldown: int  # seconds
    daily_outflow: int  # wad ratio
    deposit_cap: int  # quote wad
    room: int  # token units that may enter now
    waiting: int  # requests in the queue


class Provider:
    """One owner of shares. Whoever has no sender can look, and only look."""

    def __init__(
        self, system: System, prices: Prices, owner: Address, sender: Sender | None = None
    ) -> None:
        self.system = system
        self.prices = prices
        self.owner = owner
        self._sender = sender

    @property
    def sender(self) -> Sender:
        """Whoever signs for the owner on L2."""
        if self._sender is None:
            raise BadInput(f"{self.owner} is only looked at", "act as an account of your own")
        return self._sender

    # Looking

    def standing(self) -> Standing:
        """Return what the owner has in the vault."""
        vault = self.system.vault
        shares, claimable = vault.calls(("balanceOf", self.owner), ("maxWithdraw", self.owner))
        worth = self.prices.ask(vault, "convertToAssets", shares)
        return Standing(shares, worth, claimable, tuple(self._requests()))

    def _requests(self) -> list[Request]:
        vault, l2 = self.system.vault, self.system.rollup.l2
        first, last = self.system.deployment.l2_block, l2.block().number
        told = vault.events(first, last, "RedeemRequest", about=int(self.owner, 16))
        numbers = [one.values["requestId"] for one in told]
        waiting = vault.calls(*(("pendingRedeemRequest", n, self.owner) for n in numbers))
        words = vault.calls(*(("queue_words", number) for number in numbers))
        return [
            Request(
                number=number,
                shares=one.values["shares"],
                waiting=left,
                requested_at=l2.block(one.block).timestamp,
                ready_at=_ready_at(number, of_queue[2]),
            )
            for one, number, left, of_queue in zip(told, numbers, waiting, words, strict=True)
            if left
        ]

    def vault(self) -> VaultReport:
        """Return how the vault stands."""
        vault = self.system.vault
        supply, cooldown, outflow, cap, queue = vault.calls(
            ("totalSupply",),
            ("cooldown",),
            ("daily_outflow",),
            ("deposit_cap",),
            ("queue_words", 0),
        )
        ask = self.prices.ask
        price = ask(vault, "convertToAssets", wad.WAD) * self.system.scale
        return VaultReport(
            view=ask(self.system.pool_lens, "vault"),
            worth=ask(vault, "totalAssets"),
            supply=supply,
            share_price=price,
            cooldown=cooldown,
            daily_outflow=outflow,
            deposit_cap=cap,
            room=ask(vault, "maxDeposit", self.owner),
            waiting=_next(queue[0]) - _first(queue[0]),
        )

    # Entering

    def least_shares(self, units: int, slippage: int = DEFAULT_SLIPPAGE) -> int:
        """Return the fewest shares that token units should buy now, less the slippage."""
        with advising():
            expected = self.prices.ask(self.system.vault, "previewDeposit", units)
        return wad.mul_down(expected, wad.WAD - slippage)

    def require_tokens(self, units: int) -> None:
        """Raise `InsufficientBalance` if the owner has less on L2."""
        require_tokens(self.system, self.owner, units, "ape run gateway provide")

    def deposit(
        self, units: int, slippage: int = DEFAULT_SLIPPAGE, progress: Progress = silent
    ) -> Told:
        """Bring token units that the owner has on L2; return the vault's event."""
        vault, l2 = self.system.vault, self.system.rollup.l2
        purpose = purpose_of("provide", self.owner, units)
        least = UNREACHABLE  # were it made anew by mistake, the vault would refuse it
        if not self.sender.is_resuming(purpose):
            self.require_tokens(units)
            least = self.least_shares(units, slippage)
            allow(self.sender, self.system.token.address, vault.address, units, progress)
            self.prices.bring(self.sender, progress)
        progress("depositing")
        deadline = l2.block().timestamp + DEADLINE
        transaction = vault.transaction(
            purpose, "deposit_at_least", units, self.owner, least, deadline
        )
        return done(self.sender, vault, transaction, "Deposit")

    # Leaving

    def request(self, shares: int, progress: Progress = silent) -> Told:
        """Put shares into the queue of those who leave; return the vault's event."""
        vault = self.system.vault
        purpose = purpose_of("request", self.owner, shares)
        held = vault.call("balanceOf", self.owner)
        if held < shares and not self.sender.is_resuming(purpose):
            raise InsufficientBalance(
                f"{self.owner} has {held / wad.WAD:.6f} shares, less than {shares / wad.WAD:.6f}",
                "request less",
            )
        progress("requesting")
        transaction = vault.transaction(purpose, "requestRedeem", shares, self.owner, self.owner)
        return done(self.sender, vault, transaction, "RedeemRequest")

    def shares_worth(self, units: int) -> int:
        """Return the shares that are worth token units now, at most all that the owner has."""
        held: int = self.system.vault.call("balanceOf", self.owner)
        wanted: int = self.prices.ask(self.system.vault, "convertToShares", units)
        return min(held, wanted)

    def process(self, progress: Progress = silent) -> Told:
        """Price what is due of the queue, anyone's; return the vault's first event of it."""
        vault = self.system.vault
        queue = vault.call("queue_words", 0)[0]
        self._require_due(_first(queue), _next(queue))
        self.prices.bring(self.sender, progress)
        progress("pricing the requests that are due")
        purpose = purpose_of("process", queue)
        transaction = vault.transaction(purpose, "process", MOST_REQUESTS)
        return done(self.sender, vault, transaction, "RedemptionPriced")

    def _require_due(self, first: int, after: int) -> None:
        if first == after:
            raise BadInput("no request waits to be priced", "there is nothing to do")
        ready_at = _ready_at(first, self.system.vault.call("queue_words", first)[2])
        if self.system.rollup.l2.block().timestamp < ready_at:
            raise TooEarly(
                "the oldest request still cools down", f"it is priced after {moment(ready_at)}"
            )

    def claim(self, to: Address, progress: Progress = silent) -> Told:
        """Take all that is set aside, to an address on L2; price first what is due.

        Raises `TooEarly` if the owner's requests still cool down.
        """
        vault = self.system.vault
        purpose = purpose_of("claim", self.owner, to)
        if not self.sender.is_resuming(purpose):
            self._make_claimable(progress)
        progress("claiming")
        shares = vault.call("maxRedeem", self.owner)
        transaction = vault.transaction(purpose, "redeem", shares, to, self.owner)
        return done(self.sender, vault, transaction, "Withdraw")

    def _make_claimable(self, progress: Progress) -> None:
        if self.system.vault.call("maxRedeem", self.owner):
            return
        requests = self._requests()
        if not requests:
            raise BadInput(
                "nothing waits to be claimed", "ask for it first with `ape run lp request`"
            )
        now = self.system.rollup.l2.block().timestamp
        ready_at = min(one.ready_at for one in requests)
        if now < ready_at:
            raise TooEarly(
                f"the request cools down for another {duration(ready_at - now)}",
                f"claim it after {moment(ready_at)}",
            )
        self.process(progress)
        if not self.system.vault.call("maxRedeem", self.owner):
            raise TooEarly(
                "others stand before the request in the queue, and not all could leave now",
                "run the same command again later",
            )


def _first(queue: int) -> int:
    return queue & ((1 << PART_BITS) - 1)


def _next(queue: int) -> int:
    return queue >> PART_BITS & ((1 << PART_BITS) - 1)


def _ready_at(number: int, word: int) -> int:
    return word >> number % READY_IN_A_WORD * READY_BITS & ((1 << READY_BITS) - 1)
