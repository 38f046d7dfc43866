"""Who appears in a story, and what each of them has: a key, and nothing that it doesn't allow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount

from clearway.deployments import Listed, System
from clearway.gateways import NO_ORDER, Entry
from clearway.opstack import Journal, Sender
from clearway.opstack.addresses import Address
from clearway.opstack.deposits import Arrivals
from clearway.spec.wad import WAD
from clearway.trading.prices import Prices
from clearway.trading.provider import Provider
from clearway.trading.trader import Trader, mint_test_tokens

ORDER_LIFE = 600  # seconds in which an order must have come to L2
KEEPER_FEE = WAD // 10  # quote wad


@dataclass(frozen=True)
class Holdings:
    """What somebody has outside of the market: token units on L1, wei on both chains."""

    token: int
    eth: int


class Actor:
    """Somebody with a key, on both chains."""

    def __init__(
        self, name: str, role: str, signer: LocalAccount, system: System, journal: Journal
    ) -> None:
        self.name = name
        self.role = role
        self.system = system
        self.rollup = system.rollup
        self.on_l1 = Sender(self.rollup.l1, signer, journal)
        self.on_l2 = Sender(self.rollup.l2, signer, journal)

    @property
    def address(self) -> Address:
        return self.on_l1.address

    def holdings(self) -> Holdings:
        l1, l2 = self.rollup.l1.balance(self.address), self.rollup.l2.balance(self.address)
        return Holdings(self.system.l1_token.call("balanceOf", self.address), l1 + l2)

    def trader(self, prices: Prices, sender: Sender | None = None) -> Trader:
        """Return the account, acted on by `sender` (default: an ordinary one on L2)."""
        return Trader(self.system, prices, self.address, 0, sender or self.on_l2)

    def provider(self, prices: Prices) -> Provider:
        return Provider(self.system, prices, self.address, self.on_l2)

    def mint(self, units: int) -> None:
        """Get test tokens on L1, which anybody may."""
        mint_test_tokens(self.system, self.on_l1, units)

    def bring(self, units: int, wei: int, order: Mapping[str, Any] = NO_ORDER) -> None:
        """Deposit margin, ETH for gas on L2 and maybe an order, in one L1 transaction."""
        self._arrive(Entry(self.system, self.on_l1).margin(units, order=order, eth=wei))

    def bring_to_vault(self, units: int) -> None:
        """Deposit for the vault; the shares come when anybody brings a price."""
        self._arrive(Entry(self.system, self.on_l1).vault(units))

    def _arrive(self, l1_transaction: bytes) -> None:
        Arrivals(self.rollup).wait(l1_transaction)

    def order(self, market: Listed, size: int, limit: int) -> Mapping[str, Any]:
        """Return an order to bring along; `size` is base wad, `limit` a wad."""
        return {
            **NO_ORDER,
            "market": market.number,
            "size_delta": size,
            "limit_price": limit,
            "keeper_fee": KEEPER_FEE,
            "deadline": self.rollup.l2.block().timestamp + ORDER_LIFE,
        }
