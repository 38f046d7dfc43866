import json

import pytest

from benchmarks.snapshot import NOISE, PATH, Change, changes, read, updated, write


def test_nothing_has_changed_when_all_figures_are_the_same():
    assert changes({"prove": 200_000}, {"prove": 200_000}) == []


@pytest.mark.parametrize("after", [200_000 - NOISE, 200_000 + NOISE])
def test_noise_is_no_change(after):
    assert changes({"prove": 200_000}, {"prove": after}) == []


@pytest.mark.parametrize(
    ("after", "fails"),
    [(150_000, False), (199_000, False), (204_000, False), (204_001, True), (400_000, True)],
)
def test_growth_fails_above_two_percent(after, fails):
    (change,) = changes({"prove": 200_000}, {"prove": after})
    assert change == Change("prove", 200_000, after)
    assert change.is_failure is fails


def test_a_figure_that_only_one_side_has_fails():
    found = changes({"old": 1, "same": 2}, {"new": 3, "same": 2})
    assert found == [Change("new", None, 3), Change("old", 1, None)]
    assert all(change.is_failure for change in found)


def test_changes_come_by_name():
    assert [one.name for one in changes({}, {"c": 1, "a": 1, "b": 1})] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (200_000, 205_000, "+5,000 (+2.5 %)"),
        (200_000, 150_000, "-50,000 (-25.0 %)"),
        (0, 5_000, "+5,000"),
        (None, 1, "new"),
        (1, None, "gone"),
    ],
)
def test_the_verdict_tells_what_happened(before, after, verdict):
    assert Change("prove", before, after).verdict == verdict


def test_an_update_keeps_what_differs_by_noise_alone():
    before = {"noisy": 200_000, "grown": 200_000, "gone": 1}
    after = {"noisy": 200_012, "grown": 210_000, "new": 7}
    assert updated(before, after) == {"noisy": 200_000, "grown": 210_000, "new": 7}


def test_an_updated_snapshot_shows_no_changes(tmp_path):
    path = tmp_path / "gas.json"
    write("bridge", updated({}, {"b": 2, "a": 1}), path)
    assert changes(read("bridge", path), {"a": 1, "b": 2}) == []


def test_a_suite_without_a_snapshot_has_no_figures(tmp_path):
    assert read("bridge", tmp_path / "gas.json") == {}


def test_each_suite_keeps_its_own_figures(tmp_path):
    path = tmp_path / "gas.json"
    write("market", {"open": 5}, path)
    write("bridge", {"prove": 1}, path)
    write("bridge", {"start": 2}, path)
    assert json.loads(path.read_text()) == {"bridge": {"start": 2}, "market": {"open": 5}}


def test_the_kept_snapshot_is_written_as_an_update_would_write_it(tmp_path):
    path = tmp_path / "gas.json"
    for suite, figures in json.loads(PATH.read_text()).items():
        write(suite, figures, path)
    assert path.read_text() == PATH.read_text()
