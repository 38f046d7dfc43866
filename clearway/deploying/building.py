"""Putting everything on a pair of networks, in steps that a killed process goes on with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from clearway.contracts import Contract
from clearway.deploying.compiled import Codes, constructor_names
from clearway.deploying.settings import Aggregator, Market, Settings
from clearway.deploying.steps import Nonces, Step, Steps
from clearway.opstack import Rollup, Tokens
from clearway.opstack.abi import Function
from clearway.opstack.addresses import L2_TOKEN_FACTORY, Address
from clearway.opstack.errors import BadInput, UnknownTokenPair
from clearway.opstack.tokens import TokenPair

ON_L2 = ("PerpetualMarket", "OrderBook", "Configuration", "Vault", "L2Gateway")
ON_L1 = ("ExitBox", "L1Gateway")
READERS = ("Lens", "QuoteLens", "PoolLens", "LiquidationKeeper")
STAND_INS = ("TestToken", "MockAggregator")
CONTRACTS = ("PriceFeed", "KeeperCosts", *ON_L2, *ON_L1, *READERS, "Timelock")
OWNED = ("PriceFeed", "Configuration", "Vault")
DESCRIPTION = Function("description()", "string")  # of an aggregator
MOCK_DECIMALS = 8  # as an aggregator's in dollars
FIRST_ROUND = (1 << 64) + 1  # of the first phase


@dataclass(frozen=True)
class Made:
    """A contract that was made, and with which arguments."""

    address: Address
    layer: str
    block: int
    arguments: Mapping[str, Any]


class Builder:
    """Builds one deployment."""

    def __init__(self, rollup: Rollup, settings: Settings, codes: Codes, steps: Steps) -> None:
        self.rollup = rollup
        self.settings = settings
        self.file = settings.file
        self.codes = codes
        self.steps = steps
        self.made: dict[str, Made] = {}  # by contract name
        self.aggregators: dict[str, Address] = {}  # by market name
        self.first_blocks: dict[str, int] = {}  # by layer

    @property
    def addresses(self) -> dict[str, Address]:
        return {name: made.address for name, made in self.made.items()}

    def build(self) -> None:
        """Deploy, set everything, and give it into the timelock's hands."""
        self.token = self._token()
        self._create_feed()
        self._create_aggregators()
        self._create_market()
        self._create_readers()
        self._set_parameters()
        self._list_markets()
        self._hand_over()

    # Contracts

    def _token(self) -> TokenPair:
        token, tokens = self.file.token, Tokens(self.rollup)
        l1_token = token.l1_token
        if token.test_decimals is not None:
            l1_token = self._create("TestToken", token.test_decimals)
        assert l1_token is not None  # as the settings were judged
        l2_token = token.l2_token
        if l2_token is None:
            step = Step("L2", "pair of the token", tokens.creation(l1_token), L2_TOKEN_FACTORY)
            l2_token = tokens.created(self._take(step))
        return pair_on_bridge(tokens, l1_token, l2_token)

    def _create_feed(self) -> None:
        feed, file = self.file.feed, self.file
        self._create(
            "PriceFeed",
            feed.tile_length,
            feed.in_order,
            feed.quorum,
            file.guardian,
            feed.uptime_feed,
            feed.grace_period,
        )
        oracle = file.keepers.l1_fee_oracle
        gas_market = self.settings.gas_market
        self._create("KeeperCosts", self.addresses["PriceFeed"], gas_market, oracle)

    def _create_aggregators(self) -> None:
        for market in self.settings.markets:
            aggregator = self.file.aggregators.get(market.name)
            if aggregator is not None:
                self.aggregators[market.name] = self._aggregator(market, aggregator)

    def _aggregator(self, market: Market, aggregator: Aggregator) -> Address:
        if aggregator.address is not None:
            require_pair_of(self.rollup, market, aggregator.address)
            return aggregator.address
        assert aggregator.mock_price is not None  # as the settings were judged
        title = f"mock aggregator of {market.name}"
        creation = Step("L2", title, self.codes("MockAggregator", MOCK_DECIMALS))
        made = to_checksum_address(self._take(creation)["contractAddress"])
        mock = Contract(self.rollup.l2, made, "MockAggregator")
        answer = aggregator.mock_price // 10 ** (18 - MOCK_DECIMALS)
        # Of a block that stays the same, so that a second run asks for the same.
        updated_at = self.rollup.l2.block(self.made["PriceFeed"].block).timestamp
        call = mock.encode("set_round", FIRST_ROUND, answer, updated_at)
        self._take(Step("L2", f"first round of {market.name}", call, mock.address))
        return mock.address

    def _create_market(self) -> None:
        """Create the contracts that name one another, on both chains."""
        group = "market and its gateways"
        nonces, receipts = self.steps.take_in_order(group, self._circle_steps, ("L1", "L2"))
        for (name, given), receipt in zip(self._circle(nonces).items(), receipts, strict=True):
            self._note(name, receipt, given)

    def _circle_steps(self, nonces: Nonces) -> list[Step]:
        return [
            Step(layer_of(name), name, self.codes(name, *given))
            for name, given in self._circle(nonces).items()
        ]

    def _circle(self, nonces: Nonces) -> dict[str, list[Any]]:
        """Return the arguments of each, in the order of their nonces."""
        at = {name: nonces.address("L2", place) for place, name in enumerate(ON_L2)}
        at |= {name: nonces.address("L1", place) for place, name in enumerate(ON_L1)}
        file, token, bridge = self.file, self.token, self.rollup.bridge
        market, feed = at["PerpetualMarket"], self.addresses["PriceFeed"]
        costs = self.addresses["KeeperCosts"]
        others = [at[name] for name in ("OrderBook", "Configuration", "Vault", "L2Gateway")]
        l1_gateway, l2_gateway, box = at["L1Gateway"], at["L2Gateway"], at["ExitBox"]
        return {
            "PerpetualMarket": [token.l2_token, feed, costs, *others],
            "OrderBook": [market, feed],
            "Configuration": [market, file.guardian],
            "Vault": [market, feed, file.guardian, *file.vault.values().values()],
            "L2Gateway": [market, token.l1_token, l1_gateway, box],
            "ExitBox": [l1_gateway],
            "L1Gateway": [token.l1_token, token.l2_token, bridge, l2_gateway, box],
        }

    def _create_readers(self) -> None:
        for name in READERS:
            self._create(name, self.addresses["PerpetualMarket"])

    # Settings

    def _set_parameters(self) -> None:
        configuration = self.addresses["Configuration"]
        face = Contract(self.rollup.l2, configuration, "Configuration")
        call = face.encode("set_pool", self.file.pool.values())
        self._take(Step("L2", "parameters of the pool", call, configuration))
        for market in self.settings.markets:
            call = face.encode("set_market", market.number, market.parameters.values())
            self._take(Step("L2", f"parameters of {market.name}", call, configuration))

    def _list_markets(self) -> None:
        feed = Contract(self.rollup.l2, self.addresses["PriceFeed"], "PriceFeed")
        for market in self.settings.markets:
            if market.name in self.aggregators:
                call = feed.encode("list_market", market.number, self.listing(market))
                self._take(Step("L2", f"aggregator of {market.name}", call, feed.address))

    def listing(self, market: Market) -> dict[str, Any]:
        """Return how the feed shall judge a market's aggregator."""
        aggregator = self.file.aggregators[market.name]
        return {
            "aggregator": self.aggregators[market.name],
            "heartbeat": aggregator.heartbeat,
            "deviation": aggregator.deviation,
            "lowest": market.price.lowest,
            "highest": market.price.highest,
        }

    def _hand_over(self) -> None:
        """Offer all that is owned to the timelock's address, and create the timelock there."""
        _, receipts = self.steps.take_in_order("handover", self._handover_steps, ("L2",))
        self._note("Timelock", receipts[-1], self._timelock_arguments())

    def _handover_steps(self, nonces: Nonces) -> list[Step]:
        timelock = nonces.address("L2", len(OWNED))
        offers = [
            Step(
                "L2",
                f"offer of {name} to the timelock",
                Contract(self.rollup.l2, self.addresses[name], name).encode(
                    "transfer_ownership", timelock
                ),
                self.addresses[name],
            )
            for name in OWNED
        ]
        creation = Step("L2", "Timelock", self.codes("Timelock", *self._timelock_arguments()))
        return [*offers, creation]

    def _timelock_arguments(self) -> list[Any]:
        owned = [self.addresses[name] for name in OWNED]
        return [self.file.delay, self.file.proposers, owned]

    # Steps

    def _create(self, name: str, *arguments: Any) -> Address:
        receipt = self._take(Step(layer_of(name), name, self.codes(name, *arguments)))
        return self._note(name, receipt, arguments)

    def _take(self, step: Step) -> Mapping[str, Any]:
        receipt = self.steps.take(step)
        self._see(step.layer, receipt)
        return receipt

    def _see(self, layer: str, receipt: Mapping[str, Any]) -> int:
        block = int(receipt["blockNumber"], 16)
        self.first_blocks[layer] = min(block, self.first_blocks.get(layer, block))
        return block

    def _note(self, name: str, receipt: Mapping[str, Any], arguments: Sequence[Any]) -> Address:
        layer = layer_of(name)
        address = to_checksum_address(receipt["contractAddress"])
        named = dict(zip(constructor_names(name), arguments, strict=True))
        self.made[name] = Made(address, layer, self._see(layer, receipt), named)
        return address


def layer_of(name: str) -> str:
    """Return on which chain a contract is."""
    return "L1" if name in (*ON_L1, "TestToken") else "L2"


def pair_on_bridge(tokens: Tokens, l1_token: Address, l2_token: Address) -> TokenPair:
    """Return the pair; say why where the L2 token can't cross the bridge."""
    try:
        return tokens.pair(l1_token, l2_token)
    except UnknownTokenPair as error:
        raise BadInput(
            f"the collateral can't go back to L1: {error.fact}",
            "an issuer's own token on L2, such as Circle's USDC, isn't made by the bridge and has "
            "no REMOTE_TOKEN; leave l2_token out, and the chain's factory makes the pair",
        ) from error


def require_pair_of(rollup: Rollup, market: Market, aggregator: Address) -> None:
    """Refuse an aggregator that says it is of another pair, or says nothing."""
    pair = rollup.l2.try_call(aggregator, DESCRIPTION)
    if pair != market.pair:
        raise BadInput(
            f"{aggregator} on L2 is an aggregator of {pair or 'nothing'}, not of {market.pair}",
            "give the right one; docs/live-deployment.md says where they are listed",
        )
