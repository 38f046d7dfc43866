"""Administration, and a market that writes down what it is told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boa
from eth_abi import decode
from hypothesis import strategies as st

from clearway.spec.administration import RATIO_GRID, Caps, Margins
from tests.feed import world as feeds
from tests.feed.world import CONTRACTS, ERROR, WAD, deployer

DAY = 86_400
SIZE_GRID = 10**12
MOST_SLOPE = 10**12 - 1
MARGINS = tuple(Margins.__dataclass_fields__)

LISTENER = """
# pragma version ==0.4.3
# pragma evm-version cancun

FEED: public(immutable(address))
CONFIGURATION: public(immutable(address))
told: public(uint256)  # how often
words_of: public(HashMap[uint256, uint256[2]])
pool_word: public(uint256)
open_interest_of: public(HashMap[uint256, uint256])
price_of: public(HashMap[uint256, uint256])


@deploy
def __init__(feed: address, configuration: address):
    FEED = feed
    CONFIGURATION = configuration


@external
def hold(market: uint256, open_interest: uint256):
    self.open_interest_of[market] = open_interest


@external
def set_parameters(market: uint256, first: uint256, second: uint256):
    assert msg.sender == CONFIGURATION, "not the configuration"
    assert self.price_of[market] == 0, "told after its end"
    self.words_of[market] = [first, second]
    self.told += 1


@external
def set_pool_parameters(word: uint256):
    assert msg.sender == CONFIGURATION, "not the configuration"
    self.pool_word = word


@external
def retire(market: uint256, price: uint256):
    assert msg.sender == CONFIGURATION, "not the configuration"
    assert self.price_of[market] == 0 and price > 0, "told to end twice, or for nothing"
    self.price_of[market] = price
"""

PARAMETERS = {
    "skew_scale": 300_000 * WAD,
    "premium_cap": 3_000 * WAD,
    "maker_fee": 2 * 10**14,
    "taker_fee": 6 * 10**14,
    "max_velocity": 9 * WAD,
    "funding_cap": WAD // 10,
    "initial_ratio": 5 * 10**16,
    "initial_slope": 5 * 10**9,
    "maintenance_ratio": 25 * 10**15,
    "maintenance_slope": 25 * 10**8,
    "profit_ratio": WAD // 2,
    "max_open_interest": 5_000 * WAD,
    "max_skew": 1_000 * WAD,
    "min_notional": 100 * WAD,
    "risk_weight": WAD // 5,
    "penalty_ratio": 10**16,
    "insurance_limit": 50_000 * WAD,
}
DEAREST = WAD // 100 + 6 * 10**14  # what PARAMETERS ask of the maintenance ratio
POOL = {
    "kink": 8 * 10**17,
    "rate_at_kink": 10**15,
    "rate_at_full": 2 * 10**15,
    "max_utilisation": 9 * 10**17,
    "insurance_share": WAD // 5,
    "buffer": WAD // 10,
    "least_reward": WAD // 10,
    "most_reward": WAD // 2,
    "reward_ramp": 600,
    "most_cost": 10 * WAD,
}


def parameters(**changes: int) -> tuple[int, ...]:
    """Return a market's parameters as the contract's struct."""
    assert changes.keys() <= PARAMETERS.keys()
    return tuple({**PARAMETERS, **changes}.values())


def pool(**changes: int) -> tuple[int, ...]:
    assert changes.keys() <= POOL.keys()
    return tuple({**POOL, **changes}.values())


def margins_of(values: Mapping[str, int]) -> Margins:
    return Margins(**{name: values[name] for name in MARGINS})


def caps_of(values: Mapping[str, int]) -> Caps:
    return Caps(values["max_open_interest"], values["max_skew"])


def up_to(most: int, least: int = 0) -> st.SearchStrategy[int]:
    """Return integers, every other at its upper bound, where rounding breaks bounds."""
    return st.just(most) | st.integers(least, most)


@st.composite
def margins(draw: st.DrawFn, dearest: int = DEAREST) -> Margins:
    """Return margins within their bounds beside a dearest premium."""
    grid = RATIO_GRID
    least = -(-max(dearest, 1) // grid) + 1  # and the least penalty
    initial = draw(st.integers(max(-(-4 * least // 3), 100), 10_000))
    maintenance = draw(up_to(3 * initial // 4, least))
    slope = draw(st.integers(0, MOST_SLOPE))
    return Margins(
        initial_ratio=initial * grid,
        initial_slope=slope,
        maintenance_ratio=maintenance * grid,
        maintenance_slope=draw(up_to(slope)),
        profit_ratio=draw(st.integers(0, 10_000)) * grid,
        penalty_ratio=(1 + draw(up_to(min(maintenance // 2, maintenance - least + 1) - 1))) * grid,
    )


def listener() -> Any:
    return boa.loads_partial(LISTENER)


@cache
def words() -> Any:
    """Return the functions that put parameters into words."""
    return boa.load(str(CONTRACTS / "modules" / "parameter_words.vy")).internal


class World:
    """A configuration, the market that listens to it, and the feed that they read."""

    def __init__(self) -> None:
        self.feeds = feeds.World()
        self.owner, self.guardian = self.feeds.owner, self.feeds.guardian
        self.stranger = boa.env.generate_address("stranger")
        self.feed = self.feeds.feed
        place = boa.env.generate_address()
        self.market = listener().deploy(self.feed.address, place)
        self.configuration = deployer("l2/Configuration.vy").deploy(
            self.market.address, self.guardian, sender=self.owner, override_address=place
        )

    @property
    def now(self) -> int:
        return int(boa.env.timestamp)

    def wait(self, seconds: int) -> None:
        boa.env.timestamp += seconds

    def set(self, market: int = 0, **changes: int) -> None:
        """Let the owner set a market's parameters."""
        self.configuration.set_market(market, parameters(**changes), sender=self.owner)

    def open(self, market: int = 0, **changes: int) -> None:
        """List a market, and let somebody hold a position."""
        self.set(market, **changes)
        self.market.hold(market, WAD)

    def announce(self, market: int = 0, notice: int = 7 * DAY) -> int:
        at = self.now + notice
        self.configuration.announce_retirement(market, at, sender=self.owner)
        return at

    def had(self, market: int = 0) -> dict[str, int]:
        """Return the parameters that the market was handed last."""
        first, second = (self.market.words_of(market, index) for index in (0, 1))
        return dict(words()._unpack(first, second)._asdict())

    def due(self, market: int = 0) -> dict[str, int]:
        return dict(self.configuration.parameters_due(market)._asdict())

    def refusal(self, function: str, *arguments: Any) -> str:
        """Return why a stranger's call reverts.

        boa decodes a reverting frame's variables, set or not, and a String that wasn't may be none.
        """
        data = getattr(self.configuration, function).prepare_calldata(*arguments)
        address = self.configuration.address
        answer = boa.env.execute_code(address, data=data, sender=self.stranger)
        assert answer.is_error
        assert answer.output[:4] == ERROR
        return str(decode(["string"], answer.output[4:])[0])

    @contextmanager
    def refused(self, reason: str) -> Iterator[None]:
        """Require that what is done in it reverts for this reason."""
        with boa.reverts(reason):
            yield
