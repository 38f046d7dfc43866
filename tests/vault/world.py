"""The vault and its model, side by side, over both markets."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import boa

from clearway.reports import Report, SignedReport
from clearway.spec import price_feed
from clearway.spec.quotes import Quote
from clearway.spec.state import Parameters
from clearway.spec.vault import Reference, Vault, whole
from tests.market import world as market_world
from tests.market.world import ETH, NOBODY, PUBLISHERS, QUORUM, START, WAD, World

UNIT = 10**6  # token units to a dollar
COOLDOWN = 86_400
OUTFLOW = WAD // 2
CAP = 10**29
HEARTBEAT = 90_000
DEVIATION = 10**16
LISTED = (0, 1, 4)
PRICES = {0: 3_000 * WAD, 1: 600 * WAD, 4: 60 * WAD}
FOUNDER = boa.env.generate_address("founder")


@dataclass
class Contracts(market_world.Contracts):
    """What is deployed."""

    vault: Any
    aggregators: dict[int, Any]


def deploy(decimals: int = 6, token: Any = None) -> Contracts:
    """Deploy everything, the real vault connected."""
    boa.env.timestamp = START
    token = token or boa.load("contracts/mocks/TestToken.vy", decimals)
    addresses = [keys.address for keys in PUBLISHERS]
    owner = boa.env.eoa
    feed = boa.load("contracts/l2/PriceFeed.vy", 2, addresses, QUORUM, owner, NOBODY, 3_600)
    costs = boa.loads(market_world.COSTS)
    above = [boa.env.generate_address() for _ in range(4)]  # the gateway last
    market = boa.load("contracts/l2/PerpetualMarket.vy", token, feed, costs, *above)
    orders = boa.load("contracts/l2/OrderBook.vy", market, feed, override_address=above[0])
    configuration = boa.load(
        "contracts/l2/Configuration.vy", market, owner, override_address=above[1]
    )
    vault = boa.load(
        "contracts/l2/Vault.vy",
        market,
        feed,
        owner,
        COOLDOWN,
        OUTFLOW,
        CAP,
        override_address=above[2],
    )
    lens = boa.load("contracts/l2/Lens.vy", market)
    aggregators = {}
    for number in LISTED:
        aggregators[number] = boa.load("contracts/mocks/MockAggregator.vy", 18)
        listing = (aggregators[number].address, HEARTBEAT, DEVIATION, 10**19, 10**23)
        feed.list_market(number, listing)
    return Contracts(token, feed, market, orders, configuration, costs, lens, vault, aggregators)


class VaultWorld(World):
    """Vault and market, contracts and model, at the same second."""

    contracts: Contracts

    def __init__(self, contracts: Contracts, markets: Mapping[int, Parameters]) -> None:
        super().__init__(contracts, markets)
        self.vault = Vault(
            self.model,
            COOLDOWN,
            OUTFLOW,
            CAP,
            address=int(contracts.vault.address, 16),
            ledger=int(contracts.market.address, 16),
        )
        self.rounds: dict[int, tuple[int, int]] = {}
        self.people: set[str] = set()

    def both(
        self, on_chain: Callable[[], Any], in_model: Callable[[], Any]
    ) -> tuple[Any, str | None]:
        """Do one thing to both, once the model knows what the aggregators say."""
        self.judge_rounds()
        return super().both(on_chain, in_model)

    def whole(self) -> AbstractContextManager[None]:
        """Return what takes back all that a refused transition did to the vault's model."""
        return whole(self.vault)

    def judge_rounds(self) -> None:
        """Tell the model which aggregators can be used now."""
        self.vault.references = {
            number: Reference(price, DEVIATION)
            for number, (price, updated_at) in self.rounds.items()
            if self.now - updated_at <= HEARTBEAT and 10**19 < price < 10**23
        }

    def set_round(self, market: int, price: int) -> None:
        """Let a market's aggregator answer a price (wad) from now on."""
        aggregator = self.contracts.aggregators[market]
        aggregator.set_round(aggregator.latest() + 1, price, self.now)
        self.rounds[market] = price, self.now

    def report_with(self, quotes: Mapping[int, tuple[int, int]], second: int | None = None) -> None:
        """Sign and submit prices with confidences."""
        second = self.now if second is None else second
        report = Report.of(
            second + second % 2, {number: Quote(*quote) for number, quote in quotes.items()}
        )
        addresses = [keys.address for keys in PUBLISHERS]
        signed = SignedReport.by(report, self.domain, addresses, PUBLISHERS[:QUORUM])
        twin = price_feed.Report(report.observed_at, report.boards)
        signatures = [price_feed.Signature(signer, twin) for signer in (1, 2, 3)]
        self.both(
            lambda: self.contracts.feed.submit(*signed.as_arguments()),
            lambda: self.model.feed.submit(self.now, twin, signatures),
        )

    # Providers

    def provide(self, amount: int) -> None:
        """Bring cash as a founder does."""
        self.enter(FOUNDER, amount)

    def fund_provider(self, who: str, amount: int) -> None:
        self.people.add(who)
        self.contracts.token.mint(who, amount)
        self.contracts.token.approve(self.contracts.vault.address, amount, sender=who)

    def enter(self, who: str, amount: int, receiver: str | None = None) -> str | None:
        """Deposit; what was previewed is what is got."""
        self.fund_provider(who, amount)
        receiver = receiver or who
        self.people.add(receiver)
        vault = self.contracts.vault
        got: list[int] = []
        answer, refusal = self.both(
            lambda: got.extend(
                [vault.previewDeposit(amount), vault.deposit(amount, receiver, sender=who)]
            ),
            lambda: self.vault.deposit(self.now, amount, int(receiver, 16)),
        )
        assert refusal or got == [answer, answer]
        return refusal

    def mint(self, who: str, shares: int) -> str | None:
        self.fund_provider(who, 10**30)
        vault = self.contracts.vault
        got: list[int] = []
        answer, refusal = self.both(
            lambda: got.extend([vault.previewMint(shares), vault.mint(shares, who, sender=who)]),
            lambda: self.vault.mint(self.now, shares, int(who, 16)),
        )
        assert refusal or got == [answer, answer]
        return refusal

    def request(
        self,
        who: str,
        shares: int,
        controller: str | None = None,
        owner: str | None = None,
    ) -> str | None:
        controller, owner = controller or who, owner or who
        got: list[int] = []
        answer, refusal = self.both(
            lambda: got.append(
                self.contracts.vault.requestRedeem(shares, controller, owner, sender=who)
            ),
            lambda: self.vault.request(
                self.now, int(who, 16), shares, int(controller, 16), int(owner, 16)
            ),
        )
        assert refusal or got == [answer]
        return refusal

    def process(self, most: int = 50) -> str | None:
        got: list[int] = []
        answer, refusal = self.both(
            lambda: got.append(self.contracts.vault.process(most)),
            lambda: self.vault.process(self.now, most),
        )
        assert refusal or got == [answer]
        return refusal

    def redeem(
        self, who: str, shares: int, receiver: str | None = None, controller: str | None = None
    ) -> str | None:
        return self._claim("redeem", who, shares, receiver or who, controller or who)

    def withdraw_assets(
        self, who: str, assets: int, receiver: str | None = None, controller: str | None = None
    ) -> str | None:
        return self._claim("withdraw", who, assets, receiver or who, controller or who)

    def _claim(self, verb: str, who: str, much: int, receiver: str, controller: str) -> str | None:
        got: list[int] = []
        answer, refusal = self.both(
            lambda: got.append(
                getattr(self.contracts.vault, verb)(much, receiver, controller, sender=who)
            ),
            lambda: getattr(self.vault, verb)(
                int(who, 16), much, int(receiver, 16), int(controller, 16)
            ),
        )
        assert refusal or got == [answer]
        return refusal

    def move(self, who: str, to: str, shares: int) -> str | None:
        self.people.add(to)
        return self.both(
            lambda: self.contracts.vault.transfer(to, shares, sender=who),
            lambda: self.vault.move(int(who, 16), int(to, 16), shares),
        )[1]

    def limit(self, cooldown: int = COOLDOWN, outflow: int = OUTFLOW, cap: int = CAP) -> str | None:
        return self.both(
            lambda: self.contracts.vault.set_limits(cooldown, outflow, cap),
            lambda: self.vault.set_limits(self.now, cooldown, outflow, cap),
        )[1]

    def lower_cap(self, who: str, cap: int) -> str | None:
        """Lower the deposit cap, as the guardian or as the owner."""
        vault = self.contracts.vault
        return self.both(
            lambda: vault.lower_deposit_cap(cap, sender=who),
            lambda: self.vault.lower_deposit_cap(self.now, cap, is_owner=who == vault.owner()),
        )[1]

    def leave(self, who: str, shares: int) -> int:
        """Request, wait, be priced at the last prices, claim; return the token units."""
        before = self.contracts.token.balanceOf(who)
        assert self.request(who, shares) is None
        self.wait(COOLDOWN)
        assert self.process() is None
        assert self.redeem(who, self.claimable(who)) is None
        return int(self.contracts.token.balanceOf(who) - before)

    def shares(self, who: str) -> int:
        return self.vault.balances.get(int(who, 16), 0)

    def claimable(self, who: str) -> int:
        return int(self.contracts.vault.maxRedeem(who))

    def assert_equal(self) -> None:
        """Compare everything that both hold, and what must be true of it."""
        super().assert_equal()
        self.judge_rounds()
        vault, model = self.contracts.vault, self.vault
        assert vault.totalSupply() == model.supply
        waiting = sum(request.shares for request in model.requests)
        assert vault.balanceOf(vault) == waiting == model.balances.get(model.address, 0)
        queue = vault.queue_words(0)[0]
        assert queue % 2**80 == model.first + 1
        assert (queue >> 80) % 2**80 == len(model.requests) + 1
        for number, request in enumerate(model.requests[model.first :], model.first + 1):
            _, word, ready = vault.queue_words(number)
            assert word == request.controller | request.shares + request.priced << 160
            assert (ready >> number % 8 * 32) % 2**32 == request.ready_at
            controller = f"0x{request.controller:040x}"
            assert vault.pendingRedeemRequest(number, controller) == request.shares
            claimable = min(request.priced, vault.maxRedeem(controller))
            assert vault.claimableRedeemRequest(number, controller) == claimable
        for who in self.people:
            name = int(who, 16)
            claim = model.claims.get(name)
            assert vault.balanceOf(who) == model.balances.get(name, 0)
            assert vault.maxRedeem(who) == (claim.shares if claim else 0)
            assert vault.maxWithdraw(who) == (claim.amount if claim else 0)
        amounts = sum(claim.amount for claim in model.claims.values())
        assert amounts * self.model.scale == self.contracts.market.set_aside()
        middle = model.middle(self.now)
        assert vault.totalAssets() == middle // self.model.scale
        assert vault.convertToShares(10**9) == model.shares_for(10**9, middle)
        assert vault.convertToAssets(10**20) == model.worth(10**20, middle)
        most = model.max_deposit(self.now, int(FOUNDER, 16))
        assert (vault.maxDeposit(FOUNDER), vault.maxMint(FOUNDER)) == most


def world_of(contracts: Contracts, prices: Mapping[int, int] = PRICES) -> VaultWorld:
    """Return a world whose prices are told by reports and aggregators alike."""
    world = VaultWorld(contracts, dict.fromkeys(LISTED, ETH))
    for number, price in prices.items():
        world.set_round(number, price)
    world.report(dict(prices))
    return world
