"""What a learner has done, kept in SQLite in the working copy."""

import json
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from attncore.app.places import progress_place, workbook_here

PATIENCE = 5.0  # seconds to wait for other kernels that are writing, on a machine that is busy
STUCK = 0.1  # seconds, once somebody has held the store for longer than that
NOT_KEPT = (OSError, sqlite3.Error)  # what is raised where nothing can be kept or read
DONE = ("edge", "right")  # the outcomes that count, the better one last
EVENTS = (
    "attempt",  # an answer that was judged: its outcome, and the label of its mistake
    "hint",  # the number of the hint that was opened
    "marks",  # a card's key points, as the learner ticked them: "2 of 3"
    "claims",  # a card's choices, as they were graded: "2 of 3"
    "said",  # what was said to a card, before its points were shown
    "follow_up",
    "breaks",  # an input on which a broken function should fail
    "hunt",
    "interview",
    "review",
    "placement",
)

VERSION = 1  # of the tables; a store that nobody has numbered has 0, and events of three names alone
COLUMNS = "at, exercise, event, outcome, mistake"
TABLES = """
create table if not exists events (
    id integer primary key,
    at text not null default (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    exercise text not null,
    event text not null,
    outcome text not null,
    mistake text
);
create table if not exists documents (
    kind text not null,
    key text not null,
    at text not null default (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    body text not null,
    primary key (kind, key)
)
"""
T = TypeVar("T")
Act = Callable[[sqlite3.Connection], T]


class Damaged(sqlite3.DatabaseError):
    """What lies there is no store, or no longer one that can be read."""


class Newer(sqlite3.DatabaseError):
    """A later edition of the course wrote this store."""


@dataclass(frozen=True)
class Event:
    """Something that happened at an exercise; `at` is in UTC."""

    at: datetime
    exercise: str
    event: str
    outcome: str
    mistake: str | None = None


class Progress:
    """Attempts, hints and marks, and documents. Several kernels and threads may write at once.

    What `record` and `keep` returned from is on the disk. A damaged store raises Damaged; with `mend` it is set aside
    under another name, a new one is begun, and `notices` says so.
    """

    stuck = False  # did somebody hold the store for longer than our patience? Then the next wait is short.

    def __init__(self, path: str | Path, mend: bool = False):
        self.path, self.mend, self.guard = path, mend, threading.RLock()
        self.held: sqlite3.Connection | None = None
        self.held_file: tuple[int, int] | None = None
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.run(lambda connection: None)

    @property
    def connection(self) -> sqlite3.Connection:
        """The open store; opened anew where its file was moved away or replaced under us."""
        if self.held and self.lies_there != self.held_file:
            self.close()
        if not self.held:
            self.held = opened(self.path)
            self.held_file = self.lies_there
        return self.held

    @property
    def lies_there(self) -> tuple[int, int] | None:
        """Which file has the store's name now."""
        try:
            now = os.stat(self.path)
        except OSError:
            return None
        return now.st_dev, now.st_ino

    def run(self, act: Act[T]) -> T:
        """All that touches the store goes through here."""
        with self.guard:
            try:
                done = self.patiently(act)
            except sqlite3.DatabaseError as problem:
                if not self.mend or not is_damage(problem):
                    raise
                self.close()
                notices.append(set_aside(Path(self.path)))
                done = self.patiently(act)
            return done

    def patiently(self, act: Act[T]) -> T:
        """Wait for other writers once, and not at every call again while one of them is stuck."""
        try:
            self.connection.execute(f"pragma busy_timeout = {1000 * patience():.0f}")
            done = act(self.connection)
        except sqlite3.OperationalError as problem:
            Progress.stuck = code(problem) == sqlite3.SQLITE_BUSY
            raise
        Progress.stuck = False
        return done

    def close(self) -> None:
        if self.held:
            self.held.close()
        self.held = None

    def write(self, statement: str, values: tuple[Any, ...]) -> None:
        def act(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("begin immediate")
                connection.execute(statement, values)

        self.run(act)

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self.run(lambda connection: connection.execute(query, values).fetchall())

    def record(self, exercise: str, event: str, outcome: str, mistake: str | None = None) -> None:
        """Keep that something happened; `event` is one of EVENTS."""
        if event not in EVENTS:
            raise ValueError(f'There is no event "{event}"; there are {", ".join(EVENTS)}.')
        statement = "insert into events (exercise, event, outcome, mistake) values (?, ?, ?, ?)"
        self.write(statement, (exercise, event, outcome, mistake))

    def events(self, *names: str, exercise: str | None = None) -> list[Event]:
        """What happened, in order of time; of equal times, what was recorded first. With names, those events alone."""
        wanted = [f"event in ({', '.join('?' * len(names))})"] if names else []
        wanted += ["exercise = ?"] if exercise else []
        where = f"where {' and '.join(wanted)}" if wanted else ""
        values = (*names, exercise) if exercise else names
        rows = self.rows(f"select {COLUMNS} from events {where} order by at, id", values)
        return [Event(datetime.fromisoformat(at).replace(tzinfo=UTC), *rest) for at, *rest in rows]

    def keep(self, kind: str, key: str, body: dict[str, Any]) -> None:
        """Keep a document, in place of the one that had its kind and key."""
        statement = (
            "insert into documents (kind, key, body) values (?, ?, ?) on conflict (kind, key) "
            "do update set body = excluded.body, at = strftime('%Y-%m-%d %H:%M:%f', 'now')"
        )
        self.write(statement, (kind, key, json.dumps(body)))

    def kept(self, kind: str, key: str) -> dict[str, Any] | None:
        """The document of that kind and key."""
        found = self.rows("select body from documents where kind = ? and key = ?", (kind, key))
        return dict(json.loads(found[0][0])) if found else None

    def kept_keys(self, kind: str) -> list[str]:
        """The keys of all documents of a kind, the one that was kept last at the end."""
        return [key for (key,) in self.rows("select key from documents where kind = ? order by at, rowid", (kind,))]

    def outcomes(self) -> dict[str, str]:
        """The outcome of the last attempt at each exercise; what was once done stays done, and right stays right."""
        latest: dict[str, str] = {}
        asked = "select exercise, outcome from events where event in ('attempt', 'interview') order by id"
        for exercise, outcome in self.rows(asked):
            if rank(outcome) >= rank(latest.get(exercise, "")):
                latest[exercise] = outcome
        return latest

    def first_outcomes(self) -> dict[str, str]:
        """The outcome of the first attempt at each exercise: what was known before the course told."""
        return dict(self.rows("select exercise, outcome from events where event = 'attempt' order by id desc"))

    def hints(self, exercise: str) -> int:
        """How many hints of an exercise were opened."""
        query = "select count(*) from events where event = 'hint' and exercise = ?"
        return int(self.rows(query, (exercise,))[0][0])

    def marks(self) -> dict[str, str]:
        """The learner's latest marks on each card: "2 of 3"."""
        return dict(self.rows("select exercise, outcome from events where event = 'marks' order by id"))

    def take_over(self, old: Path) -> None:
        """Bring in what another store holds, and remove that store. Nothing is counted twice if we are cut off."""
        other = Progress(old)
        rows = other.rows(f"select {COLUMNS} from events order by id")
        documents = other.rows("select kind, key, at, body from documents")
        other.close()

        def act(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("begin immediate")
                held = set(connection.execute(f"select {COLUMNS} from events"))
                new = [row for row in rows if row not in held]
                connection.executemany(f"insert into events ({COLUMNS}) values (?, ?, ?, ?, ?)", new)
                connection.executemany(
                    "insert into documents (kind, key, at, body) values (?, ?, ?, ?) on conflict (kind, key) "
                    "do update set at = excluded.at, body = excluded.body where excluded.at > at",
                    documents,
                )

        self.run(act)
        old.unlink()


def opened(path: str | Path) -> sqlite3.Connection:
    """A connection to a store of our version, which is made or brought up to date where it is not there yet."""
    connection = sqlite3.connect(path, timeout=patience(), check_same_thread=False, isolation_level=None)
    try:
        # A journal that is rolled back, and not a write-ahead log, which needs memory that processes share: a home on a
        # network has none. EXTRA costs one more fsync at each commit, some milliseconds for what happens a few times a
        # minute; then a power cut, too, loses nothing that was acknowledged. (A killed process loses nothing anyway.)
        connection.execute("pragma synchronous = extra")
        if version_of(connection) < VERSION:
            bring_up_to_date(connection)
        if version_of(connection) > VERSION:
            raise Newer(f"{Path(path).name} belongs to a newer edition of the course; update this one")
        ((found,), *_) = connection.execute("pragma quick_check(1)")
        if found != "ok":
            raise Damaged(found)
        try:
            connection.execute(f"select {COLUMNS} from events limit 0")
            connection.execute("select kind, key, at, body from documents limit 0")
        except sqlite3.OperationalError as problem:
            raise (Damaged(str(problem)) if code(problem) == sqlite3.SQLITE_ERROR else problem) from None
    except BaseException:
        connection.close()
        raise
    return connection


def version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables; of a store of old, move the events over. One transaction, so that nothing is lost in between."""
    with connection:
        connection.execute("begin immediate")
        if version_of(connection) >= VERSION:  # another kernel was faster
            return
        old = connection.execute("select 1 from sqlite_master where type = 'table' and name = 'events'").fetchone()
        if old:
            connection.execute("alter table events rename to events_before")
        for statement in TABLES.split(";"):
            connection.execute(statement)
        if old:
            columns = f"id, {COLUMNS}"
            connection.execute(f"insert into events ({columns}) select {columns} from events_before")
            connection.execute("drop table events_before")
        connection.execute(f"pragma user_version = {VERSION}")


def patience() -> float:
    return min(PATIENCE, STUCK) if Progress.stuck else PATIENCE


def code(problem: sqlite3.Error) -> int:
    """SQLite's primary code of a problem."""
    return int(getattr(problem, "sqlite_errorcode", 0)) & 0xFF


def is_damage(problem: sqlite3.Error) -> bool:
    return isinstance(problem, Damaged) or code(problem) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


notices: list[str] = []  # what was done to a store, for whoever speaks to the learner next


def set_aside(path: Path) -> str:
    """Give a damaged store another name, and its journal, which may mend it, too. Return the sentence that says so."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    path.rename(aside)
    for journal in ("-journal", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + journal).rename(aside.with_name(aside.name + journal))
    return f"{path.name} is damaged. It is kept as {aside.name}, and a new one is begun; your notebooks are untouched."


def rank(outcome: str) -> int:
    return DONE.index(outcome) if outcome in DONE else -1


@cache
def progress_here() -> Progress:
    """The progress of the working copy; ATTNCORE_PROGRESS names another file, or ":memory:" for none.

    It was once kept in whatever folder a notebook ran; what lies there is taken over.
    Raises one of NOT_KEPT where nothing can be kept.
    """
    if named := os.environ.get("ATTNCORE_PROGRESS"):
        return Progress(named, mend=True)
    place, once = progress_place(workbook_here()), progress_place(Path.cwd())
    store = Progress(place, mend=True)
    if once.exists() and not once.samefile(place):
        with suppress(*NOT_KEPT):
            store.take_over(once)
            once.parent.rmdir()
    return store
