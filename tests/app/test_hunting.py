"""A hunt in the working copy: files that are never overwritten, hints that narrow, facts, and bad input."""

import sqlite3

import pytest

from attncore import hunts
from attncore.app import cell, cli, hunting
from attncore.app.progress import Progress, progress_here, progress_place

HUNT = hunts.make(2, bugs=2, level="basic", kind="encoder")
WHICH = {"seed": 2, "bugs": 2, "level": "basic", "kind": "encoder"}


@pytest.fixture
def begun(here, shown):
    hunting.held.clear()
    cell.hunt(**WHICH)
    return next(here.glob("hunts/*"))


def test_a_hunt_writes_three_files_and_shows_what_a_run_shows(begun, shown):
    assert sorted(path.name for path in begun.iterdir()) == ["SYMPTOMS.md", "model.py", "test_model.py"]
    assert (begun / "model.py").read_text() == HUNT.source
    assert HUNT.symptoms in shown[0].message and HUNT.symptoms in (begun / "SYMPTOMS.md").read_text()
    assert 'href="hunts/' in shown[0]._repr_html_()


def test_what_was_written_stays_and_the_hunt_goes_on(begun, shown):
    (begun / "model.py").write_text(HUNT.healthy)
    cell.hunt(**WHICH)
    cell.hunt()
    assert (begun / "model.py").read_text() == HUNT.healthy
    assert [panel.lines[0][1].split(".")[0] for panel in shown[1:]] == ["Hunt 2 goes on", "Hunt 2 goes on"]


def test_the_tests_that_are_handed_out_raise_no_alarm(begun, shown):
    cell.check(cell.hunt)
    assert not shown[1].false_alarms and len(shown[1].missed) == 2


def test_it_is_judged_narrowed_and_kept(begun, here, shown):
    cell.hint(cell.hunt)
    cell.hint(cell.hunt)
    cell.hint(cell.hunt)
    cell.hint(cell.hunt)
    first = HUNT.bugs[0]
    assert [len(panel.lines) for panel in shown[1:]] == [3, 4, 4, 4]
    assert f"line {first.line}" in shown[4].message and "Hint 3 of 3" in shown[4].message
    (begun / "model.py").write_text(HUNT.healthy)
    cell.check(cell.hunt)
    assert "Both bugs are repaired" in shown[5].message and "1 check, 3 hints" in shown[5].message
    cell.check(cell.hunt)
    kept = [(event.outcome, event.mistake) for event in Progress(progress_place(here)).events("hunt")]
    assert kept == [("repaired, 3 hints", first.label), ("repaired, 0 hints", HUNT.bugs[1].label)]


def test_rounds_follow_on_the_same_file(here, shown):
    hunting.held.clear()
    cell.hunt(seed=1, bugs=1, level="basic", kind="decoder")
    cell.hunt(follow_up="classifier")
    cell.check(cell.hunt)
    cell.hunt(follow_up="poem")
    assert "classify(weights, texts, W)" in shown[1].message
    assert "`classify` isn't there yet." in shown[2].message
    assert 'no round "poem"' in shown[3].message


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cell.hunt(seed="seven"), "whole number"),
        (lambda: cell.hunt(level="guru"), 'no level "guru"'),
        (lambda: cell.hunt(bugs=0), "number of bugs"),
        (lambda: cell.check(cell.hunt), "No hunt is going on"),
        (lambda: cell.hint(cell.hunt), "No hunt is going on"),
        (lambda: cell.hunt(follow_up="cache"), "No hunt is going on"),
        (lambda: cell.hunt(1, 2, 3, 4, 5, 6, 7), "hunt: too many positional arguments"),
    ],
)
def test_bad_input_is_told_in_a_sentence(here, shown, call, said):
    hunting.held.clear()
    call()
    assert said in shown[0].message


def test_files_that_are_gone_or_none_are_told(begun, shown):
    (begun / "test_model.py").unlink()
    cell.check(cell.hunt)
    (begun / "model.py").write_bytes(b"\xff\xfe\x00")
    cell.check(cell.hunt)
    (begun / "model.py").unlink()
    cell.check(cell.hunt)
    assert "0 of 2 bugs" in shown[1].message
    assert "isn't a text file" in shown[2].message
    assert "writes it again" in shown[3].message


def test_where_nothing_can_be_kept_the_hunt_goes_on_in_this_kernel(here, shown, monkeypatch):
    def fails(*_):
        raise sqlite3.OperationalError("database is locked")

    for method in ("keep", "kept", "record"):
        monkeypatch.setattr(Progress, method, fails)
    hunting.held.clear()
    cell.hunt(**WHICH)
    (next(here.glob("hunts/*")) / "model.py").write_text(HUNT.healthy)
    cell.check(cell.hunt)
    assert "Both bugs are repaired" in shown[1].message


def test_in_a_terminal_the_commands_are_those_of_a_terminal(here, capsys):
    hunting.held.clear()
    progress_here.cache_clear()
    assert cli.main(["hunt", "check"]) == 2
    assert "`attncore hunt` begins one, and `attncore hunt --seed 7` a certain one." in capsys.readouterr().err
    assert cli.main(["hunt", "--seed", "2", "--bugs", "2", "--level", "basic", "--kind", "encoder"]) == 0
    assert "`attncore hunt check` judges both. `attncore hunt hint` narrows" in capsys.readouterr().out
    assert cli.main(["hunt", "check"]) == 1
    assert cli.main(["hunt", "hint"]) == 0
    assert cli.main(["hunt", "--level", "guru"]) == 2
