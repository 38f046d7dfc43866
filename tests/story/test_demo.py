"""The whole story, as `make demo` plays it: what it comes to must follow from what happened."""

import io

import pytest
from rich.console import Console

from clearway.story.ending import show_end
from clearway.story.gathering import gather
from clearway.story.page import write_page
from clearway.story.plot import Plot
from clearway.story.stage import Stage
from clearway.story.telling import Teller


@pytest.fixture(scope="module")
def told():
    return io.StringIO()


@pytest.fixture(scope="module")
def story(tmp_path_factory, told):
    stage = Stage(tmp_path_factory.mktemp("story"))
    teller = Teller(Console(file=told, width=200))
    try:
        plot = Plot(stage, teller)
        plot.prepare()
        plot.play()
        yield gather(plot)
    finally:
        stage.stop()


@pytest.fixture
def people(story):
    return {one.name: one for one in story.people}


def test_what_everybody_gained_and_lost_is_explained_to_the_last_unit(story):
    scale = 10 ** (18 - story.decimals)
    for one in story.people:
        assert "unexplained" not in one.parts
        assert sum(one.parts.values()) == one.difference * scale


def test_nothing_came_from_nowhere_and_nothing_is_gone(story):
    scale = 10 ** (18 - story.decimals)
    assert sum(story.buckets.values()) == story.held
    assert sum(one.difference for one in story.people) * scale == -story.held


def test_who_sold_before_the_crash_gains_and_who_borrowed_is_liquidated_in_part(story, people):
    assert people["Alice"].parts["trading"] > 0
    assert people["Bob"].parts["penalty"] < 0
    of_bob = [one.what for one in story.happenings if one.who == "Bob"]
    assert any("liquidated" in what for what in of_bob)
    assert of_bob[-1].startswith("sells"), "he closed what the liquidator left him"


def test_whom_the_sequencer_refuses_comes_home_like_the_others(story, people):
    assert {one.who: one.forced for one in story.exits} == {
        "Alice": False,
        "Bob": False,
        "Carol": True,
        "Paula": False,
    }
    for one in story.exits:
        assert people[one.who].token_after == one.amount
        assert one.started <= one.proven < one.resolved < one.finalized <= one.claimed


def test_worth_follows_from_events_without_a_gap(story):
    for name, path in story.equity.items():
        in_market = [worth for _, worth in path if worth]
        assert len(in_market) > len(path) // 2, f"{name} is worth something while in the market"


def test_the_report_tells_everything_and_needs_nothing_beside_it(story, told, tmp_path):
    show_end(story, Teller(Console(file=told, width=200)))
    story.write_json(tmp_path / "report.json")
    write_page(story, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for one in story.people:
        assert one.name in page
        assert one.address in page
    assert page.count("<svg") == 3
    assert "src=" not in page
    assert "href=" not in page.replace("xlink:href", "")
