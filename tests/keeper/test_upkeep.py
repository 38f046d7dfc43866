"""What keepers do for the markets themselves: margins on their ramps, ends, and what is left."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.trading_gas import MARKET, SET_MARKET
from clearway.devnet.accounts import people
from clearway.keeper.upkeep import RAMP_STEPS, last_second, ramp_step
from clearway.opstack.abi import Function
from clearway.spec.administration import ATTEMPT, RAMP_PERIOD
from tests.keeper.world import EXECUTOR, LIQUIDATOR, UNIT, WAD, Market, until
from tests.scripts.conftest import load

BTC, SOL = 1, 2
PERSON = 4  # of the local network's, who types
DAY = 86_400
FLAT = "seconds,ETH,BTC,SOL\n0,2000,60000,150\n"
ANNOUNCE = Function("announce_retirement(uint256,uint256)")
INITIAL_RATIO = 6  # where it stands in a market's parameters
BEFORE = MARKET[INITIAL_RATIO]
AFTER = 2 * BEFORE


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_an_end_missed_for_a_week_comes_again(announced: int, late: int) -> None:
    now = announced + late
    second = last_second(announced, now)
    assert second is not None
    assert (second - announced) % ATTEMPT == 0
    assert second <= now < second + ATTEMPT
    assert last_second(now + 1, now) is None


@given(st.integers(RAMP_PERIOD, 10**9), st.integers(0, 2 * RAMP_PERIOD))
def test_a_ramp_has_its_steps_and_the_last_is_its_end(ends_at: int, elapsed: int) -> None:
    step = ramp_step(ends_at, ends_at - RAMP_PERIOD + elapsed)
    assert 0 <= step <= RAMP_STEPS
    assert (step == RAMP_STEPS) == (elapsed >= RAMP_PERIOD)
    assert step * RAMP_PERIOD <= elapsed * RAMP_STEPS


@pytest.fixture
def holders(market: Market) -> Iterator[Market]:
    """One holds BTC, two hold SOL, and publishers and an executor run."""
    flat = market.home / "level.csv"
    flat.write_text(FLAT)
    with (
        market.publishers("--prices", str(flat)),
        market.keeper("executor", account=EXECUTOR) as executor,
    ):
        for number, size, limit, who in (
            (BTC, WAD // 10, 61_000, None),
            (SOL, 10 * WAD, 155, None),
            (SOL, -4 * WAD, 145, people()[PERSON]),
        ):
            trader = market.trader(20_000 * UNIT, who)
            market.place(trader, size, market=number, limit=limit * WAD)
            until(lambda at=trader, of=number, size=size: market.size_of(at, of) == size, executor)
        yield market


def open_interest(market: Market, number: int) -> int:
    return int(market.system.market.call("open_interest_of", number))


def test_margins_come_in_and_an_announced_market_is_ended_and_settled(holders: Market) -> None:
    market, configuration = holders, holders.system.configuration
    tightened = list(MARKET)
    tightened[INITIAL_RATIO] = AFTER
    market.send(market.owner, configuration, SET_MARKET, BTC, tuple(tightened))
    end = market.now() + 7 * DAY + 3_600
    market.send(market.owner, configuration, ANNOUNCE, SOL, end)

    def initial_ratio() -> int:
        return int(configuration.call("parameters_of", BTC).initial_ratio)

    assert initial_ratio() == BEFORE
    market.world.advance("1d")
    until(lambda: BEFORE < initial_ratio() < AFTER)
    market.world.advance("3d")
    until(lambda: initial_ratio() == AFTER)

    market.world.command("advance", end - 5 - market.now())
    until(lambda: configuration.call("retirement_of", SOL).price == 150 * WAD)

    assert "settled  buy 4 SOL" in settle_by_hand(market)
    assert open_interest(market, SOL) == 10 * WAD
    with market.keeper("liquidator", account=LIQUIDATOR) as liquidator:
        until(lambda: open_interest(market, SOL) == 0, liquidator)
    assert open_interest(market, BTC) > 0


def settle_by_hand(market: Market) -> str:
    where = ("--dir", str(market.world.devnet.folder.path), "--journal", str(market.home / "typed"))
    words = ("settle", "SOL", "--account", str(PERSON), *where)
    result = CliRunner(mix_stderr=False).invoke(load("trade"), words)
    assert result.exit_code == 0, result.stderr
    return str(result.stdout)
