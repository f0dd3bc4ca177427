"""What is kept of a learner's work, and what happens when it cannot be kept."""

import subprocess
import sys

import pytest

from attncore.app import cell, workbook
from attncore.app.progress import Progress
from attncore.exercises import exercises


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working copy of its own."""
    monkeypatch.delenv("ATTNCORE_PROGRESS", raising=False)
    monkeypatch.chdir(tmp_path)
    cell.progress_here.cache_clear()
    yield tmp_path
    cell.progress_here.cache_clear()


@pytest.fixture
def shown(monkeypatch):
    """What the verbs display."""
    seen = []
    monkeypatch.setattr(cell, "display", seen.append)
    return seen


def test_right_stays_right(tmp_path):
    store = Progress(tmp_path / "p.sqlite")
    for outcome in ("wrong", "right", "wrong"):
        store.record("softmax", "attempt", outcome)
    assert store.outcomes() == {"softmax": "right"}
    assert store.first_outcomes() == {"softmax": "wrong"}


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
    assert Progress(here / ".attncore" / "progress.sqlite").outcomes() == {"softmax": "wrong"}


def test_a_stub_is_no_attempt(here, shown):
    cell.check(lambda x, axis=-1: None, "softmax")
    assert shown[0].outcome == "unattempted"
    assert not (here / ".attncore").exists()


def test_where_nothing_can_be_saved_the_verdict_still_comes(here, shown):
    (here / ".attncore").write_text("in the way")
    cell.check(lambda x, axis=-1: x, "softmax")
    assert shown[0].outcome == "wrong"
    assert "could not be saved" in shown[0].message


def test_a_spoilt_file_is_said_so(here, shown):
    (here / ".attncore").mkdir()
    (here / ".attncore" / "progress.sqlite").write_bytes(b"no database" * 100)
    cell.progress()
    assert "cannot be read" in shown[0].message


def test_hints_open_one_after_another(here, shown):
    for _ in range(5):
        cell.hint("softmax")
    assert [panel.message.splitlines()[0] for panel in shown] == [f"softmax: hint {n} of 3" for n in (1, 2, 3, 3, 3)]
    assert len(shown[2].lines) == 4


def test_a_typo_is_told_with_the_nearest_name(here, shown):
    cell.hint("sofmax")
    cell.answer("score-byte", 3)
    cell.card("why-scal")
    cell.check(lambda x: x)
    near = ['"softmax"', '"score-bytes"', '"why-scale"']
    assert all(f"Did you mean {name}?" in panel.message for name, panel in zip(near, shown, strict=False))
    assert "There is no exercise" in shown[3].message


def test_a_verb_for_another_kind_is_told(here, shown):
    cell.answer("softmax", 3)
    cell.check(lambda: 3, "score-bytes")
    cell.card("softmax")
    assert ["use check" in shown[0].message, "answer it with answer" in shown[1].message] == [True, True]
    assert "no card" in shown[2].message


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


def test_a_card_keeps_the_learners_marks(here, shown):
    cell.card("why-scale")
    card = shown[0]
    assert card.mark(2) == f"Saved: 2 of {len(card.points)} key points."
    assert Progress(here / ".attncore" / "progress.sqlite").marks() == {"why-scale": f"2 of {len(card.points)}"}


def test_an_edited_notebook_is_never_overwritten(tmp_path):
    assert workbook.copy_notebooks(tmp_path) == []
    edited, untouched = tmp_path / "00_start.ipynb", tmp_path / "02_softmax.ipynb"
    edited.write_text('{"cells": ["mine"]}')
    untouched.write_bytes(b"{}")
    known = workbook.read_copied(tmp_path)
    workbook.write_copied(tmp_path, known | {untouched.name: workbook.fingerprint(untouched)})
    workbook.copy_notebooks(tmp_path)
    assert edited.read_text() == '{"cells": ["mine"]}'
    assert untouched.read_bytes() == (workbook.NOTEBOOKS / untouched.name).read_bytes()


def test_a_half_written_notebook_is_kept_and_told(tmp_path):
    workbook.copy_notebooks(tmp_path)
    (tmp_path / "07_heads.ipynb").write_text('{"cells": [')
    (told,) = workbook.copy_notebooks(tmp_path)
    assert 'reset("07_heads") restores it' in told
    assert (tmp_path / "07_heads.ipynb").read_text() == '{"cells": ['


def test_reset_restores_and_keeps_the_old_one(here, shown):
    workbook.copy_notebooks(here)
    (here / "07_heads.ipynb").write_text("mine")
    cell.reset("07_heads")
    cell.reset("07_heads")
    cell.reset("07_head")
    assert (here / "07_heads.old-1.ipynb").read_text() == "mine"
    assert (here / "07_heads.old-2.ipynb").exists()
    assert (here / "07_heads.ipynb").read_bytes() == (workbook.NOTEBOOKS / "07_heads.ipynb").read_bytes()
    assert 'Did you mean "07_heads"?' in shown[2].message
