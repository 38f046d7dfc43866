"""Parameters as people write and read them, and as the contracts keep them.

Each has its unit here, once. Files and commands give "5 %" or "10000"; contracts have integers.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from clearway.opstack.errors import BadInput
from clearway.opstack.text import amount, duration
from clearway.spec import parameter_words as bounds
from clearway.spec.refused import Refused
from clearway.units import parse_amount, parse_duration

PERCENT_DECIMALS = 16  # of a percent in a wad ratio
PER_MILLION = 10**6


@dataclass(frozen=True)
class Unit:
    """How a number is written, and how it is shown."""

    parse: Callable[[str, str], int]  # text, what it is
    show: Callable[[int], str]


def parse_ratio(text: str, what: str = "the ratio") -> int:
    """Return "5 %" as a wad ratio; raise `BadInput` if it isn't a percentage."""
    if not text.strip().endswith("%"):
        raise BadInput(f"{what} {text!r} is not a percentage", "give it with its sign, such as 5%")
    return parse_amount(text.strip()[:-1], PERCENT_DECIMALS, what, allow_zero=True)


def show_ratio(ratio: int) -> str:
    return f"{amount(ratio, PERCENT_DECIMALS)} %"


def _parse_slope(text: str, what: str) -> int:
    percent = re.sub(r"\s*per million$", "", text.strip())
    ratio = parse_ratio(percent, what)
    if ratio % PER_MILLION:
        raise BadInput(f"{what} {text!r} has too many decimals", "give fewer")
    return ratio // PER_MILLION


def _wad(text: str, what: str) -> int:
    return parse_amount(text, what=what, allow_zero=True)


def _seconds(text: str, what: str) -> int:
    return parse_duration(text, what, allow_zero=True)


RATIO = Unit(parse_ratio, show_ratio)
DAILY = Unit(
    lambda text, what: parse_ratio(re.sub(r"\s*a day$", "", text.strip()), what),
    lambda ratio: f"{show_ratio(ratio)} a day",
)
SLOPE = Unit(_parse_slope, lambda slope: f"{show_ratio(slope * PER_MILLION)} per million")
NUMBER = Unit(_wad, amount)  # base or quote units, or a velocity per day²
TIME = Unit(_seconds, duration)


def _read(unit: Unit) -> BeforeValidator:
    def read(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value  # a contract's own integer
        if not isinstance(value, str):
            raise ValueError('write it in quotes, such as "5 %" or "10000"')
        try:
            return unit.parse(value, "the value")
        except BadInput as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(read)


Ratio = Annotated[int, _read(RATIO), RATIO]
Daily = Annotated[int, _read(DAILY), DAILY]
Slope = Annotated[int, _read(SLOPE), SLOPE]
Number = Annotated[int, _read(NUMBER), NUMBER]
Time = Annotated[int, _read(TIME), TIME]


class Model(BaseModel):
    """Values of a file: all of them, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def judge(self) -> None:
        """Raise `Refused` for what a contract would refuse."""

    @model_validator(mode="after")
    def _judged(self) -> "Model":
        try:
            self.judge()
        except Refused as refused:
            raise ValueError(refused.reason) from refused
        return self

    def values(self) -> dict[str, int]:
        """Return the integers by name, in the order of the contract's struct."""
        return self.model_dump()

    def values_shown(self) -> dict[str, str]:
        """Return each in its unit."""
        return {name: self.show(name, value) for name, value in self.values().items()}

    @classmethod
    def show(cls, name: str, value: int) -> str:
        """Show one of the integers in its unit."""
        units = [one for one in cls.model_fields[name].metadata if isinstance(one, Unit)]
        return units[0].show(value)


class MarketParameters(Model):
    """`IPerpetualMarket.Parameters`; docs/design.md says what each is."""

    skew_scale: Number
    premium_cap: Number
    maker_fee: Ratio
    taker_fee: Ratio
    max_velocity: Number
    funding_cap: Daily
    initial_ratio: Ratio
    initial_slope: Slope
    maintenance_ratio: Ratio
    maintenance_slope: Slope
    profit_ratio: Ratio
    max_open_interest: Number
    max_skew: Number
    min_notional: Number
    risk_weight: Ratio
    penalty_ratio: Ratio
    insurance_limit: Number

    def judge(self) -> None:
        bounds.check_market(self.values())


class PoolParameters(Model):
    """`IPerpetualMarket.PoolParameters`."""

    kink: Ratio
    rate_at_kink: Daily
    rate_at_full: Daily
    max_utilisation: Ratio
    insurance_share: Ratio
    buffer: Ratio
    least_reward: Ratio
    most_reward: Ratio
    reward_ramp: Time
    most_cost: Number

    def judge(self) -> None:
        bounds.check_pool(self.values())


class VaultLimits(Model):
    """What `Vault.set_limits` takes."""

    cooldown: Time
    daily_outflow: Ratio
    deposit_cap: Number

    def judge(self) -> None:
        bounds.check_limits(self.cooldown, self.daily_outflow, self.deposit_cap)


class Judgement(Model):
    """How an aggregator is judged: `IPriceFeed.Listing` without its address."""

    heartbeat: Time
    deviation: Ratio
    lowest: Number
    highest: Number

    def judge(self) -> None:
        bounds.check_listing(self.heartbeat, self.deviation, self.lowest, self.highest)


Made = TypeVar("Made", bound=BaseModel)


def make(model: type[Made], values: Mapping[str, Any], source: str) -> Made:
    """Return a model of these values; raise `BadInput` that names what is wrong and where."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        why = str(first["msg"]).removeprefix("Value error, ")
        raise BadInput(
            f"{source}: {place + ': ' if place else ''}{why}", "mend the file"
        ) from error
