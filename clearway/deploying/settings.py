"""What is to be deployed on a network: `deployments/<network>.toml` and `markets/<NAME>.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from clearway.deployments import FOLDER
from clearway.devnet.accounts import PEOPLE_COUNT, account
from clearway.networks import Network
from clearway.opstack.addresses import ZERO_ADDRESS, Address, parse_address
from clearway.opstack.errors import BadInput
from clearway.parameters import (
    Judgement,
    MarketParameters,
    Model,
    Number,
    PoolParameters,
    Ratio,
    Time,
    VaultLimits,
    make,
)
from clearway.spec import parameter_words as bounds
from clearway.spec.refused import require

MARKETS = Path(__file__).resolve().parent.parent.parent / "markets"
LEAST_DELAY, MOST_DELAY = 2 * 86_400, 30 * 86_400  # of the timelock, seconds
MOST_PROPOSERS = 16


def _address(value: Any) -> Address:
    if not isinstance(value, str):
        raise ValueError("write the address in quotes")
    if value == "":
        raise ValueError("it is left to be given; see docs/live-deployment.md")
    try:
        return parse_address(value, "the address")
    except BadInput as error:
        raise ValueError(str(error)) from error


Place = Annotated[Address, BeforeValidator(_address)]


class Bounds(Model):
    """Between which prices an aggregator is believed; quote wad, exclusive."""

    lowest: Number
    highest: Number


class Market(Model):
    """A market's file."""

    number: int = Field(ge=0, lt=32)
    name: str = Field(pattern="^[A-Z0-9]{2,10}$")
    pair: str
    price: Bounds
    parameters: MarketParameters


class Token(Model):
    """The collateral: a token of L1 and its pair on L2, or a test token that is made."""

    test_decimals: int | None = Field(default=None, ge=6, le=18)
    l1_token: Place | None = None
    l2_token: Place | None = None  # made by the chain's factory where none is given

    def judge(self) -> None:
        is_one = (self.test_decimals is None) != (self.l1_token is None)
        require(is_one, "give either l1_token or test_decimals")
        require(self.l1_token is not None or self.l2_token is None, "l2_token without l1_token")


class Feed(Model):
    """The committee that prices, and when it isn't believed."""

    publishers: list[Place] = Field(min_length=1)
    quorum: int
    tile_length: Time = Field(ge=1, le=10)
    uptime_feed: Place = ZERO_ADDRESS
    grace_period: Time = Field(le=86_400)
    boards: list[Annotated[str, Field(pattern="^https?://[^ ]+$")]]

    def judge(self) -> None:
        bounds.check_publishers([int(one, 16) for one in self.in_order], self.quorum)
        require(len(self.boards) == len(self.publishers), "not a board for each publisher")

    @property
    def in_order(self) -> list[Address]:
        """The publishers in the order in which the feed keeps them."""
        return sorted(self.publishers, key=lambda address: int(address, 16))


class Keepers(Model):
    gas_market: str
    l1_fee_oracle: Place


class Aggregator(Model):
    """An aggregator of the network, or a mock with one round."""

    address: Place | None = None
    mock_price: Number | None = None
    heartbeat: Time
    deviation: Ratio

    def judge(self) -> None:
        is_one = (self.address is None) != (self.mock_price is None)
        require(is_one, "give either address or mock_price")


class File(Model):
    """A network's file."""

    markets: list[str] = Field(min_length=1)
    guardian: Place
    proposers: list[Place] = Field(min_length=1, max_length=MOST_PROPOSERS)
    delay: Time = Field(ge=LEAST_DELAY, le=MOST_DELAY)
    token: Token
    feed: Feed
    keepers: Keepers
    aggregators: dict[str, Aggregator]
    vault: VaultLimits
    pool: PoolParameters


class Settings:
    """A network's file and those of its markets, each judged and all fitting together."""

    def __init__(self, file: File, markets: list[Market]) -> None:
        self.file = file
        self.markets = markets
        by_name = {market.name: market for market in markets}
        self.gas_market = _market_of(by_name, file.keepers.gas_market, "keepers.gas_market").number
        for name, aggregator in file.aggregators.items():
            market = _market_of(by_name, name, "aggregators")
            judgement = {
                "heartbeat": aggregator.heartbeat,
                "deviation": aggregator.deviation,
                **market.price.values(),
            }
            make(Judgement, judgement, f"the aggregator of {name}")
        _require_one_each(markets)

    @classmethod
    def of(cls, network: Network) -> "Settings":
        """Return what is to be deployed on a network; raise `BadInput` for what can't be."""
        return cls.read(FOLDER / f"{network.name}.toml", is_local=network.is_local)

    @classmethod
    def read(cls, path: Path, *, is_local: bool = False) -> "Settings":
        try:
            values = _load(path)
        except FileNotFoundError:
            known = sorted(one.stem for one in path.parent.glob("*.toml"))
            raise BadInput(
                f"{path.name} doesn't say what to deploy on {path.stem}",
                f"write {path}; there are files for {', '.join(known)}",
            ) from None
        file = make(File, _with_people(values) if is_local else values, path.name)
        if not is_local and any(one.mock_price is not None for one in file.aggregators.values()):
            raise BadInput(
                f"{path.name} has a mock for an aggregator",
                "give real ones: anyone may set a mock's price",
            )
        return cls(file, [read_market(name) for name in file.markets])

    @property
    def names(self) -> list[str]:
        """The markets' names, by their numbers."""
        return [market.name for market in sorted(self.markets, key=lambda one: one.number)]

    def with_boards(self, boards: list[str]) -> "Settings":
        """Return the same with other boards for the publishers."""
        feed = self.file.feed.model_copy(update={"boards": boards})
        return Settings(self.file.model_copy(update={"feed": feed}), self.markets)


def read_market(name: str) -> Market:
    """Return what `markets/<NAME>.toml` says."""
    path = MARKETS / f"{name}.toml"
    try:
        values = _load(path)
    except FileNotFoundError:
        known = sorted(one.stem for one in MARKETS.glob("*.toml"))
        raise BadInput(
            f"there is no market file {path.name}", f"there are {', '.join(known)}"
        ) from None
    market = make(Market, values, path.name)
    if market.name != name:
        raise BadInput(f"{path.name} is of a market named {market.name}", "mend its name")
    return market


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path.name} can't be read ({error})", "mend the file") from error


def _require_one_each(markets: list[Market]) -> None:
    numbers = [market.number for market in markets]
    if len(set(numbers)) < len(numbers):
        raise BadInput(
            "two markets have one number, or one market is named twice", "mend the files"
        )


def _market_of(markets: Mapping[str, Market], name: str, place: str) -> Market:
    if name not in markets:
        raise BadInput(f"{place} names {name}, which isn't among the markets", "mend the file")
    return markets[name]


def _with_people(values: dict[str, Any]) -> dict[str, Any]:
    """Put the addresses of the local network's people in the place of their numbers."""

    def person(value: Any) -> Any:
        is_number = isinstance(value, str) and value.isdecimal() and int(value) < PEOPLE_COUNT
        return account(int(value)).address if is_number else value

    feed = dict(values.get("feed", {}))
    feed["publishers"] = [person(one) for one in feed.get("publishers", [])]
    proposers = [person(one) for one in values.get("proposers", [])]
    guardian = person(values.get("guardian"))
    return {**values, "feed": feed, "proposers": proposers, "guardian": guardian}
