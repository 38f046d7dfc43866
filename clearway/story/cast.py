"""Who appears in a story, and what each of them can do: nothing that their own keys don't allow."""

from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount

from clearway.contracts import Contract
from clearway.deployments import Listed, System
from clearway.opstack import Deposits, Journal, Sender
from clearway.opstack.addresses import Address
from clearway.opstack.deposits import Arrivals
from clearway.opstack.effects import purpose_of
from clearway.opstack.messages import unhex
from clearway.spec.wad import WAD
from clearway.trading.prices import Prices
from clearway.trading.provider import Provider
from clearway.trading.trader import Trader

FORCED_GAS = 600_000  # on L2, bought on L1
NO_ORDER = (0, 0, 0, 0, False, 0, 0)
ORDER_LIFE = 600  # seconds in which a deposit's order must arrive
KEEPER_FEE = WAD // 10  # quote wad


@dataclass(frozen=True)
class Holdings:
    """What somebody has outside of the market: token units on L1, wei on both chains."""

    token: int
    eth: int


class Actor:
    """Somebody with a key, and an account of each chain."""

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

    def trader(self, prices: Prices) -> Trader:
        return Trader(self.system, prices, self.address, 0, self.on_l2)

    def provider(self, prices: Prices) -> Provider:
        return Provider(self.system, prices, self.address, self.on_l2)

    # From L1

    def mint(self, units: int) -> None:
        """Get test tokens, which anybody may."""
        self.act(self.on_l1, self.system.l1_token, "mint", self.address, units)

    def bring(self, units: int, wei: int, order: tuple[Any, ...] = NO_ORDER) -> bytes:
        """Deposit margin, ETH for gas on L2 and maybe an order, in one L1 transaction."""
        self._approve(units)
        return self._arrive(
            self.act(self.on_l1, self.system.l1_gateway, "deposit", 0, units, order, value=wei)
        )

    def bring_to_vault(self, units: int) -> bytes:
        """Deposit for the vault; the shares come when anybody brings a price."""
        self._approve(units)
        gateway = self.system.l1_gateway
        return self._arrive(self.act(self.on_l1, gateway, "deposit_to_vault", units, 0))

    def order(self, market: Listed, size: int, limit: int) -> tuple[Any, ...]:
        """Return an order to bring along; `size` is base wad, `limit` a wad."""
        deadline = self.rollup.l2.block().timestamp + ORDER_LIFE
        return (0, market.number, size, limit, False, KEEPER_FEE, deadline)

    def _approve(self, units: int) -> None:
        gateway = self.system.l1_gateway.address
        self.act(self.on_l1, self.system.l1_token, "approve", gateway, units)

    def _arrive(self, receipt: Any) -> bytes:
        l1_transaction = unhex(receipt["transactionHash"])
        Arrivals(self.rollup).wait(l1_transaction)
        return l1_transaction

    # On L2, and past whoever refuses

    def force(self, contract: Contract, function: str, *arguments: Any) -> bytes:
        """Call a contract on L2 through the portal; return the L2 transaction's hash."""
        l1_transaction = Deposits(self.rollup, self.on_l1).force(
            contract.address, contract.encode(function, *arguments), gas=FORCED_GAS
        )
        (outcome,) = Arrivals(self.rollup).wait(l1_transaction)
        return outcome.l2_transaction

    def act(
        self, sender: Sender, contract: Contract, function: str, *arguments: Any, value: int = 0
    ) -> Any:
        """Send one transaction and return its receipt."""
        purpose = purpose_of("story", self.address, contract.address, function, arguments, value)
        transaction = contract.transaction(purpose, function, *arguments, value=value)
        receipt = sender.run(transaction)
        sender.journal.report(purpose)
        return receipt
