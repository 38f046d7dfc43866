"""Everything on a local network, as people see it from their accounts."""

from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from clearway.deploying.deployer import Deployer
from clearway.deployments import Deployment, System
from clearway.devnet.accounts import people
from clearway.gateways import Entry
from clearway.networks import find_network
from clearway.opstack import Arrivals, Sender
from clearway.opstack.deposits import DepositOutcome
from clearway.opstack.sender import Effect
from clearway.reports import Report, SignedReport
from clearway.spec.quotes import Quote
from clearway.spec.state import account_of
from tests.integration.world import ETHER, World

WAD, UNIT = 10**18, 10**6
ETH_MARKET, ETH_PRICE = 0, 3_000 * WAD


class Deployed:
    """A local network with everything on it, as people see it from their accounts."""

    def __init__(self, world: World) -> None:
        self.world = world
        deployer = people()[0]
        journal = world.journal(deployer)
        l1, l2 = (Sender(chain, deployer, journal) for chain in (world.l1, world.l2))
        network = find_network(folder=world.devnet.folder.path)
        Deployer(network, world.rollup, l1, l2, lambda _: None).deploy()
        self.system = System(Deployment.of(network), world.rollup)

    def person(self, seed: int, dollars: int) -> LocalAccount:
        """Return a new account that has ETH and tokens on L1, and nothing on L2."""
        person = Account.from_key(seed.to_bytes(32, "big"))
        self.fund(person.address, dollars)
        return person

    def fund(self, address: str, dollars: int) -> None:
        self.world.private("l1")("anvil_setBalance", address, hex(10 * ETHER))
        self.on_l1(people()[0], self.system.l1_token, "mint", address, dollars * UNIT)

    def on_l1(self, who: LocalAccount, contract: Any, function: str, *arguments: Any) -> Any:
        return self._call(self.world.l1, who, contract, function, arguments)

    def on_l2(self, who: LocalAccount, contract: Any, function: str, *arguments: Any) -> Any:
        return self._call(self.world.l2, who, contract, function, arguments)

    def _call(
        self, chain: Any, who: LocalAccount, contract: Any, function: str, arguments: Any
    ) -> Any:
        method = contract.interface.method(function, len(arguments))
        return self.world.send(chain, who, contract.address, method, *arguments)

    def run(self, who: LocalAccount, effect: Effect) -> Any:
        """Send one transaction on L1 with the gas that it is estimated to take."""
        return Sender(self.world.l1, who, self.world.journal(who)).run(effect)

    def entry(self, who: LocalAccount) -> Entry:
        return Entry(self.system, Sender(self.world.l1, who, self.world.journal(who)))

    def arrive(self, l1_transaction: bytes) -> list[DepositOutcome]:
        return Arrivals(self.world.rollup).wait(l1_transaction)

    def margin(self, owner: str, number: int = 0) -> int:
        balance = self.system.lens.call("balance_of", account_of(int(owner, 16), number))
        return int(balance.margin)

    def balance(self, address: str) -> int:
        """Return an account's token units on L1."""
        return int(self.system.l1_token.call("balanceOf", address))

    def report(self, second: int, price: int = ETH_PRICE) -> None:
        """Bring the report of a second, signed by two of the three publishers."""
        quotes = {ETH_MARKET: Quote(price, 0)}
        feed, publishers = self.system.feed, self.system.deployment.publishers
        signed = SignedReport.by(
            Report.of(second, quotes), self.system.domain, publishers, people()[5:7]
        )
        self.on_l2(people()[8], feed, "submit", *signed.as_arguments())
