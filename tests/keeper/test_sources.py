"""Where observations come from."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearway.keeper.sources import DAY, Aggregators, History, Noisy, Walk
from clearway.opstack.errors import BadInput
from tests.keeper.committee import WAD, Seen

START = 1_900_000_000
NAMES = {"ETH": 0, "BTC": 1, "SOL": 2}
TABLE = "seconds,ETH,SOL\n0,2000,150\n10,2100.5,150\n30,1500,149\n"


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "path.csv"
    path.write_text(text)
    return path


def prices(history: History, after: int) -> list[int]:
    return [quote.price for quote in history.observe(START + after).values()]


def test_a_history_is_played_straight_from_row_to_row(tmp_path: Path) -> None:
    history = History.from_csv(table(tmp_path, TABLE), NAMES, START)
    assert history.observe(START).keys() == {0, 2}
    assert prices(history, -100) == prices(history, 0) == [2_000 * WAD, 150 * WAD]
    assert prices(history, 5)[0] == 2_050 * WAD + WAD // 4
    assert prices(history, 10)[0] == 2_100 * WAD + WAD // 2
    assert prices(history, 20)[1] == 149 * WAD + WAD // 2
    assert prices(history, 30) == prices(history, 10**6) == [1_500 * WAD, 149 * WAD]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no columns seconds,ETH,BTC,SOL"),
        ("seconds,ETH\n", "has no columns"),
        ("seconds,DOGE\n0,1\n", "has no columns"),
        ("time,ETH\n0,1\n", "has no columns"),
        ("seconds,ETH\nsoon,1\n", "row 2 of .* has no whole seconds"),
        ("seconds,ETH\n0,1\n0,2\n", "don't rise"),
        ("seconds,ETH\n0,\n", "a price in row 2 of .* is not a plain number"),
        ("seconds,ETH\n0,-3\n", "is negative"),
        ("seconds,ETH\n0,0\n", "is zero"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        History.from_csv(table(tmp_path, text), NAMES, START)


def test_a_table_that_isnt_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't be read"):
        History.from_csv(tmp_path / "none.csv", NAMES, START)


SECONDS = st.integers(0, 10**9)


@given(st.text(max_size=8), SECONDS)
def test_a_walk_is_the_same_for_all_who_know_its_seed(seed: str, at: int) -> None:
    walks = [Walk(seed, START, {0: 2_000 * WAD, 1: 60_000 * WAD}) for _ in range(2)]
    assert walks[0].observe(START + at) == walks[1].observe(START + at)
    assert walks[0].observe(START) == walks[0].observe(START - 5)
    assert walks[0].observe(START)[0].price == 2_000 * WAD


@settings(max_examples=20)
@given(st.integers(0, 2**30))
def test_a_walks_changes_are_as_wide_as_was_asked_for(seed: int) -> None:
    daily, step, count = 0.04, 60, 400
    walk = Walk(str(seed), START, {0: 2_000 * WAD}, daily)
    path = [walk.observe(START + step * number)[0].price for number in range(count)]
    squares = [math.log(later / earlier) ** 2 for earlier, later in pairwise(path)]
    deviation = math.sqrt(sum(squares) / len(squares))
    # The deviation of 400 draws is itself off by 1 / sqrt(800); five times that is never seen.
    assert 0.8 < deviation / (daily * math.sqrt(step / DAY)) < 1.2


def test_two_seeds_and_two_markets_walk_apart() -> None:
    one, other = (Walk(seed, START, {0: WAD, 1: WAD}) for seed in ("1", "2"))
    later = START + DAY
    assert one.observe(later)[0] != other.observe(later)[0]
    assert one.observe(later)[0] != one.observe(later)[1]


@given(SECONDS, st.floats(0, 0.1))
def test_noise_stays_within_its_share_and_is_each_ones_own(at: int, share: float) -> None:
    source = Seen(2_000 * WAD)
    quote = Noisy(source, "one", share).observe(at)[0]
    assert abs(quote.price - 2_000 * WAD) <= 2_000 * WAD * share + 2**70  # of floats
    assert Noisy(source, "one", share).observe(at)[0] == quote


class Answers:
    """A chain that answers as it is told."""

    def __init__(self, *answers: object) -> None:
        self.answers = answers
        self.timestamp = START

    def calls(self, _: object) -> list[object]:
        return list(self.answers)

    def block(self) -> "Answers":
        return self


def test_aggregators_count_where_they_are_sound() -> None:
    def rounds(answer: int, at: int = START) -> tuple[int, ...]:
        return (1, answer, at, at, 1)

    chain = Answers(
        8, rounds(2_000 * 10**8), 8, rounds(0), None, rounds(1), 8, rounds(1, START - 100)
    )
    source = Aggregators(chain, dict.fromkeys(range(4), "0x"), most_age=60)  # type: ignore[arg-type]
    assert source.observe(START) == {}
    source.refresh()
    assert {market: one.price for market, one in source.observe(START).items()} == {0: 2_000 * WAD}
