"""What is kept of a learner's work, and what happens when it cannot be kept."""

import sqlite3
import subprocess
import sys

import pytest

from attncore.app import cell, progress
from attncore.app.places import progress_place
from attncore.app.progress import Progress
from attncore.exercises import exercises
from attncore.grading.report import Report


def lock(path):
    """Hold a store as a stuck program would."""
    other = sqlite3.connect(path)
    other.execute("begin exclusive")
    return other


def test_right_stays_right(tmp_path):
    store = Progress(tmp_path / "p.sqlite")
    for outcome in ("wrong", "right", "wrong"):
        store.record("softmax", "attempt", outcome)
    assert store.outcomes() == {"softmax": "right"}
    assert store.first_outcomes() == {"softmax": "wrong"}


def test_an_open_corner_is_done_and_right_is_better(tmp_path):
    store = Progress(tmp_path / "p.sqlite")
    for exercise, outcomes in {"a": "wrong edge wrong", "b": "edge right edge", "c": "edge raised"}.items():
        for outcome in outcomes.split():
            store.record(exercise, "attempt", outcome)
    assert store.outcomes() == {"a": "edge", "b": "right", "c": "edge"}


def test_several_kernels_write_at_once(tmp_path):
    code = (
        "import sys; from attncore.app.progress import Progress; p = Progress(sys.argv[1])\n"
        "for i in range(20): p.record(f'e{i}', 'attempt', 'wrong')"
    )
    path = str(tmp_path / "p.sqlite")
    writers = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    count = Progress(path).connection.execute("select count(*) from events").fetchone()[0]
    assert count == 60


def test_what_was_said_to_be_saved_survives_a_kill(tmp_path):
    path = str(tmp_path / "p.sqlite")
    code = (
        "import os, signal, sys; from attncore.app.progress import Progress\n"
        "Progress(sys.argv[1]).record('softmax', 'attempt', 'right'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, path]).returncode == 9
    assert Progress(path).outcomes() == {"softmax": "right"}


def test_check_keeps_the_attempt_beside_the_notebook(here, shown):
    cell.check(lambda x, axis=-1: x, "softmax")
    assert shown[0].outcome == "wrong"
    assert Progress(progress_place(here)).outcomes() == {"softmax": "wrong"}


def test_the_open_corners_are_kept_with_the_attempt(here, shown, monkeypatch):
    edge = Report("edge", [("head", "softmax: right")], "softmax", edges=["a row of -inf", "an integer"])
    monkeypatch.setattr(cell, "judge", lambda *_: edge)
    cell.check(lambda x: x, "softmax")
    rows = Progress(progress_place(here)).connection.execute("select outcome, mistake from events").fetchall()
    assert rows == [("edge", "a row of -inf; an integer")]
    cell.progress()
    assert "1 exercise right, 1 with an open corner" in shown[-1].message


def test_progress_is_one_wherever_a_notebook_runs(here, shown, monkeypatch):
    for folder in ("solutions", "elsewhere/deep"):
        (here / folder).mkdir(parents=True)
        monkeypatch.chdir(here / folder)
        progress.progress_here.cache_clear()
        cell.answer("equal-weight", "1/6")
    assert [path.parent.parent for path in here.rglob("*.sqlite")] == [here]


def test_a_folder_that_is_no_working_copy_has_no_progress_of_its_own(tmp_path, shown, monkeypatch, here):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    (here / ".attncore" / "copied.json").unlink()
    monkeypatch.setattr("attncore.app.places.WORKBOOK", here)
    progress.progress_here.cache_clear()
    cell.answer("equal-weight", "1/6")
    assert progress_place(here).exists()
    assert not (other / ".attncore").exists()


def test_what_another_folder_kept_is_taken_over_once(tmp_path, monkeypatch, here):
    other = tmp_path / "notebooks"
    other.mkdir()
    Progress(progress_place(other)).record("softmax", "attempt", "right")
    Progress(progress_place(here)).record("softmax", "attempt", "wrong")
    monkeypatch.chdir(other)
    monkeypatch.setattr("attncore.app.progress.workbook_here", lambda: here)
    progress.progress_here.cache_clear()
    assert progress.progress_here().outcomes() == {"softmax": "right"}
    assert not (other / ".attncore").exists()
    assert progress.progress_here().connection.execute("select count(*) from events").fetchone() == (2,)


def test_taking_over_again_counts_nothing_twice(tmp_path):
    old, store = tmp_path / "old.sqlite", Progress(tmp_path / "new.sqlite")
    for _ in range(2):
        Progress(old).record("softmax", "hint", "1")
    copy = old.read_bytes()
    store.take_over(old)
    old.write_bytes(copy)
    store.take_over(old)
    assert store.hints("softmax") == 2


def test_an_input_on_which_code_fails_is_kept_and_a_blank_one_is_not(here, shown):
    cell.breaks("fix_search", question=..., texts=...)
    assert shown[-1].outcome == "unattempted" and not progress_place(here).exists()
    cell.breaks("fix_search", question=[[1, 0]], texts=[[[1, 0]], [[0, 1]]])
    assert shown[-1].outcome == "right"
    cell.breaks("fix_search", [[1, 0]], [[[1, 1]]])
    assert shown[-1].outcome == "wrong" and "hint(fix_search) opens hint 1 of 3." in shown[-1].message
    events = [(e.exercise, e.event, e.outcome) for e in Progress(progress_place(here)).events()]
    assert events == [("fix_search", "breaks", "right"), ("fix_search", "breaks", "wrong")]
    assert Progress(progress_place(here)).outcomes() == {}


def test_breaks_says_what_it_takes(here, shown):
    cell.breaks("softmax", [1, 2])
    assert '"softmax" has no bug to show' in shown[-1].message
    cell.breaks("fix_serch")
    assert 'Did you mean "fix_search"?' in shown[-1].message
    cell.breaks()
    assert "missing a required argument" in shown[-1].message


def test_a_stub_is_no_attempt(here, shown):
    cell.check(lambda x, axis=-1: None, "softmax")
    assert shown[0].outcome == "unattempted"
    assert not progress_place(here).exists()


def test_where_nothing_can_be_saved_the_verdict_still_comes_and_it_is_said_once(here, shown):
    progress_place(here).mkdir()
    for _ in range(2):
        cell.check(lambda x, axis=-1: x, "softmax")
    assert [panel.outcome for panel in shown] == ["wrong", "wrong"]
    assert ["could not be saved" in panel.message for panel in shown] == [True, False]


def test_a_spoilt_file_is_said_so(here, shown):
    progress_place(here).write_bytes(b"no database" * 100)
    cell.progress()
    assert "is damaged. It is kept as progress.damaged-1.sqlite, and a new one is begun" in shown[1].message
    assert "0 exercises right" in shown[0].message
    cell.progress()
    assert len(shown) == 3, "it is said once"


@pytest.mark.parametrize("opened", [True, False], ids=["locked later", "locked from the start"])
def test_a_locked_file_is_said_so(here, shown, monkeypatch, opened):
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    if opened:
        progress.progress_here()
    else:
        Progress(progress_place(here))
    with lock(progress_place(here)):
        cell.progress()
        cell.hint("softmax")
        cell.hint("softmax")
        cell.card("why-scale")
    assert "cannot be read at the moment: database is locked" in shown[0].message
    assert [panel.message.splitlines()[0] for panel in shown[1:3]] == ["softmax: hint 1 of 3", "softmax: hint 2 of 3"]
    assert shown[3].last_time() == ""


def test_the_number_of_the_next_hint_is_true(here, shown):
    said = []
    for _ in range(4):
        cell.check(lambda x, axis=-1: x, "softmax")
        said.append(shown[-1].message.splitlines()[-1])
        cell.hint("softmax")
    assert said[:3] == [f"hint(softmax) opens hint {n} of 3." for n in (1, 2, 3)]
    assert said[3].startswith("All 3 hints are open. The solution is in solutions/02_softmax.ipynb")
    assert '<a href="solutions/02_softmax.ipynb#cell-id=' in shown[-1]._repr_html_()


def test_hints_open_one_after_another(here, shown):
    for _ in range(5):
        cell.hint("softmax")
    assert [panel.message.splitlines()[0] for panel in shown] == [f"softmax: hint {n} of 3" for n in (1, 2, 3, 3, 3)]
    assert len(shown[2].lines) == 1 + 3 + 1
    assert "All 3 hints are open" in shown[2].message
    assert Progress(progress_place(here)).hints("softmax") == 3


def test_a_verb_without_its_argument_says_how_it_is_called(here, shown):
    names = ("check", "hint", "card", "answer", "reset")
    for name in names:
        getattr(cell, name)()
    assert all(f"{name}(" in panel.message for name, panel in zip(names, shown, strict=True))
    cell.hint(None)
    cell.card(7)
    assert [panel.message for panel in shown[5:]] == [
        'There is no exercise "None".',
        'There is no exercise "7".',
    ]


def test_a_typo_is_told_with_the_nearest_name(here, shown):
    cell.hint("sofmax")
    cell.answer("score-byte", 3)
    cell.card("why-scal")
    cell.check(lambda x: x)
    near = ['"softmax"', '"score-bytes"', '"why-scale"']
    assert all(f"Did you mean {name}?" in panel.message for name, panel in zip(near, shown, strict=False))
    assert "check takes a function" in shown[3].message


def test_a_verb_for_another_kind_is_told(here, shown):
    cell.answer("softmax", 3)
    cell.check(lambda: 3, "score-bytes")
    cell.card("softmax")
    assert ["use check" in shown[0].message, "answer it with answer" in shown[1].message] == [True, True]
    assert "isn't a card" in shown[2].message


def test_progress_counts_and_says_what_is_next(here, shown):
    cell.answer("equal-weight", "1/6")
    cell.progress()
    assert "1 exercises right" not in shown[1].message
    assert "1 exercise right" in shown[1].message
    assert "Next:" in shown[1].message


def test_the_diagnostic_says_where_to_begin(here, shown):
    asked = [e for e in exercises if "points_to" in e.words]
    for exercise in asked:
        wrong_one = exercise.id == "start-order"
        cell.answer(exercise.id, "all outputs change" if wrong_one else exercise.reference())
    cell.progress()
    assert "begin with 05_self_attention" in shown[-1].message
    cell.answer("start-order", "they swap too")
    cell.progress()
    assert "begin with 05_self_attention" in shown[-1].message, "the first answer counts, not the one after the verdict"


def test_progress_leads_to_the_lessons(here, shown):
    cell.progress()
    page = shown[0]._repr_html_()
    assert all(f'href="{lesson}.ipynb"' in page for lesson in ("00_start", "20_real_model"))
    assert 'href="00_start.ipynb#cell-id=' in page
    assert "<pre" not in page


def test_a_card_keeps_the_learners_marks_and_tells_the_last(here, shown):
    cell.card("why-scale")
    card = shown[0]
    points = len(card.card.points)
    assert "Last time" not in card._repr_html_()
    assert card.mark(2) == f"Saved: 2 of {points} key points."
    assert Progress(progress_place(here)).marks() == {"why-scale": f"2 of {points}"}
    assert f"Last time: 2 of {points} key points." in card._repr_html_()
