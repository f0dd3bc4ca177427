"""The store itself: its events and documents, other editions of it, and what happens where it is damaged or locked."""

import os
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from attncore.app import cell, progress
from attncore.app.places import progress_place
from attncore.app.progress import EVENTS, Damaged, Event, Newer, Progress, notices, progress_here

OLD = """
create table if not exists events (
    id integer primary key,
    at text not null default (datetime('now')),
    exercise text not null,
    event text not null check (event in ('attempt', 'hint', 'marks')),
    outcome text not null,
    mistake text
)
"""


@pytest.fixture
def store(tmp_path):
    return Progress(tmp_path / "progress.sqlite")


def old_store(path, rows=3):
    """A store as the course's first edition made it."""
    with sqlite3.connect(path) as old:
        old.execute(OLD)
        for n in range(rows):
            old.execute("insert into events (exercise, event, outcome) values (?, 'attempt', 'wrong')", (f"e{n}",))
    old.close()


def newer_store(path):
    Progress(path).record("softmax", "attempt", "right")
    with sqlite3.connect(path) as later:
        later.execute("pragma user_version = 99")
    later.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_event_of_the_set_is_kept_and_no_other(store):
    for event in EVENTS:
        store.record("softmax", event, "right", "no exponential")
    assert [(e.event, e.outcome, e.mistake) for e in store.events()] == [(n, "right", "no exponential") for n in EVENTS]
    with pytest.raises(ValueError, match='no event "atempt"; there are attempt, hint'):
        store.record("softmax", "atempt", "right")


def test_events_come_in_order_of_time_and_of_recording_where_times_are_equal(store):
    rows = [("b", "2026-11-02 10:00:00"), ("c", "2026-11-02 10:00:00"), ("a", "2026-11-01 10:00:00.250")]
    for exercise, at in rows:
        store.write(
            "insert into events (at, exercise, event, outcome) values (?, ?, 'attempt', 'right')", (at, exercise)
        )
    assert [event.exercise for event in store.events()] == ["a", "b", "c"]
    assert store.events()[0] == Event(datetime(2026, 11, 1, 10, 0, 0, 250_000, UTC), "a", "attempt", "right")


def test_events_are_chosen_by_name_and_by_exercise(store):
    for exercise in ("a", "b"):
        for event in ("attempt", "hint", "marks"):
            store.record(exercise, event, "1")
    assert [(e.exercise, e.event) for e in store.events("hint", "marks", exercise="b")] == [
        ("b", "hint"),
        ("b", "marks"),
    ]
    assert len(store.events("hint")) == 2
    assert len(store.events(exercise="a")) == 3


def test_an_event_knows_when_it_was(store):
    store.record("a", "attempt", "right")
    assert timedelta(seconds=-1) < datetime.now(UTC) - store.events()[0].at < timedelta(seconds=10)


def test_a_document_is_replaced_whole(store):
    store.keep("interview", "seven", {"round": 1, "left": ["a", "b"], "clock": 2.5})
    store.keep("interview", "eight", {"round": 9})
    store.keep("hunt", "seven", {})
    store.keep("interview", "seven", {"round": 2})
    assert store.kept("interview", "seven") == {"round": 2}
    assert store.kept("hunt", "seven") == {}
    assert store.kept("hunt", "eight") is None
    assert set(store.kept_keys("interview")) == {"seven", "eight"}
    assert store.kept_keys("placement") == []


def test_a_document_that_is_no_json_is_refused_and_the_one_before_stays(store):
    store.keep("hunt", "1", {"a": 1})
    with pytest.raises(TypeError):
        store.keep("hunt", "1", {"a": object()})
    assert store.kept("hunt", "1") == {"a": 1}


def test_threads_share_a_store(store):
    def write():
        for n in range(6):
            store.record("a", "attempt", str(n))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.events()) == 24


# Other editions


def test_an_old_store_is_brought_up_to_date_and_loses_nothing(tmp_path):
    path = tmp_path / "p.sqlite"
    old_store(path)
    before = sqlite3.connect(path).execute("select * from events").fetchall()
    store = Progress(path)
    assert store.rows("select * from events") == before
    store.record("softmax", "claims", "2 of 3")
    store.keep("hunt", "1", {})
    assert [event.exercise for event in Progress(path).events()] == ["e0", "e1", "e2", "softmax"]


@pytest.mark.skipif(os.name == "nt", reason="kills as Unix does")
def test_a_kill_while_a_store_is_brought_up_to_date_loses_nothing(tmp_path):
    """At each of its statements."""
    code = (
        "import os, signal, sqlite3, sys; from attncore.app import progress\n"
        "left, made = int(sys.argv[2]), sqlite3.connect\n"
        "def count(statement):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "def connect(*args, **how):\n"
        "    connection = made(*args, **how); connection.set_trace_callback(count); return connection\n"
        "sqlite3.connect = connect\n"
        "progress.Progress(sys.argv[1])"
    )
    killed = 0
    for statements in range(2, 30, 2):
        path = tmp_path / f"{statements}.sqlite"
        old_store(path)
        status = subprocess.run([sys.executable, "-c", code, path, str(statements)]).returncode
        assert [event.exercise for event in Progress(path).events()] == ["e0", "e1", "e2"]
        if status == 0:
            break
        killed += 1
    assert status == 0 and killed >= 5


def test_two_kernels_may_bring_a_store_up_to_date_at_once(tmp_path):
    path = tmp_path / "p.sqlite"
    old_store(path, rows=200)
    code = "import sys; from attncore.app.progress import Progress; print(len(Progress(sys.argv[1]).events()))"
    kernels = [subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) for _ in range(3)]
    assert [int(kernel.communicate()[0]) for kernel in kernels] == [200, 200, 200]


def test_what_an_old_store_of_another_folder_holds_is_taken_over(tmp_path, store):
    old_store(tmp_path / "old.sqlite")
    store.take_over(tmp_path / "old.sqlite")
    assert len(store.events()) == 3
    other = Progress(tmp_path / "old.sqlite")
    other.keep("hunt", "1", {"from": "the other"})
    store.keep("hunt", "1", {"from": "here"})
    other.keep("hunt", "2", {"from": "the other"})
    other.close()
    store.take_over(tmp_path / "old.sqlite")
    assert [store.kept("hunt", key) for key in "12"] == [{"from": "here"}, {"from": "the other"}]


def test_a_newer_store_is_left_alone(tmp_path):
    path = tmp_path / "progress.sqlite"
    newer_store(path)
    before = path.read_bytes()
    with pytest.raises(Newer, match="progress.sqlite belongs to a newer edition of the course; update this one"):
        Progress(path, mend=True)
    assert (path.read_bytes(), names(tmp_path)) == (before, ["progress.sqlite"])


def test_a_newer_store_of_another_folder_is_not_taken_over(tmp_path, store):
    newer_store(tmp_path / "old.sqlite")
    with pytest.raises(Newer):
        store.take_over(tmp_path / "old.sqlite")
    assert (tmp_path / "old.sqlite").exists()


# Damage


def spoil_with_text(path):
    path.write_bytes(b"this is no database, and long enough to be looked at" * 20)


def spoil_by_cutting(path):
    path.write_bytes(path.read_bytes()[: 3 * 4096 - 100])


def spoil_a_page(path):
    whole = bytearray(path.read_bytes())
    whole[4096:8192] = b"\xa5" * 4096
    path.write_bytes(whole)


def spoil_with_other_tables(path):
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("create table events (a, b)")
        other.execute("insert into events values (1, 2)")
        other.execute(f"pragma user_version = {progress.VERSION}")
    other.close()


SPOILERS = [spoil_with_text, spoil_by_cutting, spoil_a_page, spoil_with_other_tables]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_a_damaged_store_is_set_aside_and_a_new_one_begun(tmp_path, spoil):
    path = tmp_path / "progress.sqlite"
    store = Progress(path)
    for n in range(20):
        store.record(f"e{n}", "attempt", "right")
    store.close()
    spoil(path)
    damaged = path.read_bytes()
    with pytest.raises(sqlite3.DatabaseError):
        Progress(path)
    assert path.read_bytes() == damaged, "whoever only looks changes nothing"
    notices.clear()
    for times in (1, 2):
        Progress(path, mend=True).record("softmax", "attempt", "right")
        assert names(tmp_path) == ["progress.damaged-1.sqlite", "progress.sqlite"]
        assert len(Progress(path).events()) == times
    assert (tmp_path / "progress.damaged-1.sqlite").read_bytes() == damaged
    assert len(notices) == 1
    spoil(path) if spoil is not spoil_by_cutting else spoil_with_text(path)
    Progress(path, mend=True)
    assert names(tmp_path) == ["progress.damaged-1.sqlite", "progress.damaged-2.sqlite", "progress.sqlite"]


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced there")
def test_damage_that_comes_while_the_store_is_open_is_mended_too(tmp_path):
    store = Progress(tmp_path / "progress.sqlite", mend=True)
    store.record("a", "attempt", "right")
    spoil_with_text(tmp_path / "progress.sqlite")
    store.record("b", "attempt", "right")
    assert [event.exercise for event in Progress(tmp_path / "progress.sqlite").events()] == ["b"]
    assert "progress.damaged-1.sqlite" in names(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be moved there")
@pytest.mark.parametrize("how", ["moved away", "replaced"])
def test_a_store_that_is_moved_under_us_is_opened_anew(tmp_path, how):
    path = tmp_path / "progress.sqlite"
    store = Progress(path)
    store.record("a", "attempt", "right")
    path.rename(tmp_path / "elsewhere.sqlite")
    if how == "replaced":
        Progress(path).record("c", "attempt", "right")
    store.record("b", "attempt", "right")
    assert [event.exercise for event in Progress(path).events()] == (["c", "b"] if how == "replaced" else ["b"])
    assert [event.exercise for event in Progress(tmp_path / "elsewhere.sqlite").events()] == ["a"]


# What a learner is told


def lock(path):
    other = sqlite3.connect(path)
    other.execute("begin exclusive")
    return other


CALLS = {
    "check": lambda: cell.check(lambda x, axis=-1: x, "softmax"),
    "answer": lambda: cell.answer("equal-weight", "1/7"),
    "hint": lambda: cell.hint("softmax"),
    "card": lambda: cell.card("why-scale"),
    "progress": lambda: cell.progress(),
    "review": lambda: cell.review(),
    "plan": lambda: cell.plan(),
    "placement": lambda: cell.placement(),
}


def locked(path, monkeypatch):
    Progress(path)
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    return lock(path)


def newer(path, monkeypatch):
    newer_store(path)


def a_folder(path, monkeypatch):
    path.mkdir()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("trouble", [locked, newer, a_folder])
def test_every_verb_says_a_sentence(here, shown, monkeypatch, call, trouble):
    held = trouble(progress_place(here), monkeypatch)
    call()
    assert len(shown) == 1
    assert "Traceback" not in repr(shown[0])
    if held:
        held.close()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_verb_goes_on_where_a_store_is_damaged_and_says_so_once(here, shown, monkeypatch, call):
    monkeypatch.setattr(cell, "display", lambda panel: shown.append(repr(panel) + panel._repr_html_()))
    spoil_with_text(progress_place(here))
    call()
    call()
    assert ["It is kept as progress.damaged-1.sqlite" in text for text in shown] == [False, True, False]


def test_a_newer_store_is_told(here, shown):
    newer_store(progress_place(here))
    cell.check(lambda x, axis=-1: x, "softmax")
    cell.progress()
    assert "could not be saved (progress.sqlite belongs to a newer edition of the course" in shown[0].message
    assert "cannot be read at the moment: progress.sqlite belongs to a newer edition" in shown[1].message


def test_a_stuck_store_is_waited_for_once(here, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.3)
    monkeypatch.setattr(progress, "STUCK", 0.01)
    store = progress_here()
    with lock(progress_place(here)) as other:
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                store.record("a", "attempt", "right")
        assert progress.patience() == 0.01
    other.close()
    store.record("a", "attempt", "right")
    assert progress.patience() == 0.3


def test_damage_has_a_name():
    assert issubclass(Damaged, sqlite3.Error) and issubclass(Newer, sqlite3.Error)
