"""Publishers as they run: three processes, their boards, and what is read from those."""

import contextlib
from collections.abc import Iterator

import pytest
import requests

from clearway.devnet.accounts import people
from clearway.keeper import wire
from clearway.keeper.agreement import quotes_in
from clearway.keeper.errors import BoardsUnavailable
from clearway.keeper.reports_client import Board
from clearway.reports import Report, SignedReport
from clearway.spec.quotes import Quote
from tests.keeper.world import OWNER, PUBLISHERS, Market, until

SOURCE = ("--walk", "seed", "--noise", "20")
MANY = 5  # tiles


def latest(board: Board) -> int:
    """Return the second of the newest report; zero if there is none, or no board."""
    with contextlib.suppress(BoardsUnavailable):
        newest = board.latest()
        return newest.report.observed_at if newest else 0
    return 0


def boards_of(market: Market) -> list[Board]:
    return [Board.of([url], market.board.committee) for url in market.deployment.boards]


def answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{url}/health", timeout=10).status_code == 200
    return False


def signers_of(market: Market, signed: SignedReport) -> set[str]:
    return set(market.board.committee.publishers) - set(signed.absent)


def test_every_second_gets_one_report_whoever_is_killed_meanwhile(market: Market) -> None:
    with market.publishers(*SOURCE) as keepers:
        first = until(lambda: latest(market.board), *keepers)
        for keeper in keepers:  # each one once, while the others go on
            reached = latest(market.board)
            until(lambda after=reached: latest(market.board) > after, *keepers)
            keeper.kill()
            reached = latest(market.board)
            until(lambda after=reached: latest(market.board) > after + 1, *keepers)
            keeper.start()
            until(lambda: all(answers(url) for url in market.deployment.boards), *keepers)
        boards = boards_of(market)
        last = latest(market.board)
        seconds = range(first, last + 1)
        until(lambda: all(market.board.report(second) for second in seconds), *keepers)
        for second in seconds:
            found = [one for board in boards if (one := board.report(second))]
            assert len({one.report for one in found}) == 1, "two reports of one second"
        assert len(seconds) >= MANY


def test_after_a_kill_no_other_report_of_a_signed_second_is_signed(market: Market) -> None:
    """Somebody holds a publisher's key and asks another, which died since, for a second report."""
    with market.publishers(*SOURCE) as keepers:
        until(lambda: latest(market.board), *keepers)
        signed = market.board.latest()
        assert signed is not None
        victim = next(
            place
            for place, one in enumerate(market.board.committee.publishers)
            if one in signers_of(market, signed)
        )
        keeper = next(
            keeper
            for keeper in keepers
            if market.board.committee.publishers[victim] in keeper.said()
        )
        keeper.kill()
        keeper.start()
        until(lambda: latest(boards_of(market)[victim]), *keepers)
        url = market.deployment.boards[victim]
        answer = _ask_to_sign(market, url, signed.report)
        assert answer.status_code == 200, "the same report may be signed again"
        other = _slightly_off(signed.report)
        answer = _ask_to_sign(market, url, other)
        assert (answer.status_code, answer.text) == (
            409,
            "another report of the tile was signed",
        )


def _slightly_off(report: Report) -> Report:
    quotes = {
        number: Quote(quote.price + quote.price // 10_000, quote.confidence)
        for number, quote in quotes_in(report).items()
    }
    return Report.of(report.observed_at, quotes)


def _ask_to_sign(market: Market, url: str, report: Report) -> requests.Response:
    key = people()[PUBLISHERS[0]]
    proof = report.sign(market.system.domain, key)
    asked = {
        "report": wire.report_to_json(report),
        "signature": wire.signature_to_json(proof),
    }
    return requests.post(f"{url}/sign", json=asked, timeout=10)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/report?observed_at=now", 400),
        ("/report?observed_at=1", 404),
        ("/report", 400),
        ("/reports?after=99999999999999999", 400),
        ("/observation?second=99999999999", 404),
        ("/nothing", 404),
        ("/health", 200),
    ],
)
def test_boards_survive_nonsense(one_board: str, path: str, status: int) -> None:
    assert requests.get(one_board + path, timeout=10).status_code == status


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "{}", '{"report": 1}', '{"report": {"observed_at": 5}}', "9" * 70_000],
)
@pytest.mark.parametrize("path", ["/sign", "/reports"])
def test_boards_survive_nonsense_that_is_posted(one_board: str, path: str, body: str) -> None:
    assert requests.post(one_board + path, data=body, timeout=10).status_code in (400, 413)


@pytest.fixture(scope="module")
def one_board(market: Market) -> Iterator[str]:
    with market.publishers(*SOURCE, which=PUBLISHERS[:1]) as (keeper,):
        place = market.board.committee.publishers.index(people()[PUBLISHERS[0]].address)
        url = market.deployment.boards[place]
        until(lambda: "board at" in keeper.said(), keeper)
        yield url


REFUSALS = {
    "is no publisher of feed": ("publisher", *SOURCE, "--account", str(OWNER)),
    "a publisher needs one source of prices": ("publisher", "--account", "5"),
    "none.csv can't be read": ("publisher", "--prices", "none.csv", "--account", "5"),
    "no market is named 'DOGE'": ("publisher", "--walk", "1", "--first", "DOGE=1"),
    "--noise 'much' can't be used": ("publisher", "--walk", "1", "--noise", "much"),
    "the local network has no account 77": ("publisher", *SOURCE, "--account", "77"),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_why_a_publisher_refuses_to_start(market: Market, sentence: str) -> None:
    status, said = market.refusal(*REFUSALS[sentence])
    assert status == 1
    assert sentence in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
