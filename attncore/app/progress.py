"""What a learner has done, kept in SQLite in the working copy."""

import os
import sqlite3
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

from attncore.app.places import progress_place, workbook_here

PATIENCE = 5.0  # seconds to wait for other kernels that are writing, on a machine that is busy
NOT_KEPT = (OSError, sqlite3.Error)  # what is raised where nothing can be kept or read
DONE = ("edge", "right")  # the outcomes that count, the better one last
TABLE = """
create table if not exists events (
    id integer primary key,
    at text not null default (datetime('now')),
    exercise text not null,
    event text not null check (event in ('attempt', 'hint', 'marks')),
    outcome text not null,
    mistake text
)
"""


class Progress:
    """Attempts, hints and marks. Several kernels may write at once; what `record` returned from is on the disk."""

    def __init__(self, path: str | Path):
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)
        with self.connection:
            self.connection.execute(TABLE)

    def record(self, exercise: str, event: str, outcome: str, mistake: str | None = None) -> None:
        with self.connection:
            self.connection.execute(
                "insert into events (exercise, event, outcome, mistake) values (?, ?, ?, ?)",
                (exercise, event, outcome, mistake),
            )

    def outcomes(self) -> dict[str, str]:
        """The outcome of the last attempt at each exercise; what was once done stays done, and right stays right."""
        rows = self.connection.execute("select exercise, outcome from events where event = 'attempt' order by id")
        latest: dict[str, str] = {}
        for exercise, outcome in rows:
            if rank(outcome) >= rank(latest.get(exercise, "")):
                latest[exercise] = outcome
        return latest

    def first_outcomes(self) -> dict[str, str]:
        """The outcome of the first attempt at each exercise: what was known before the course told."""
        rows = self.connection.execute("select exercise, outcome from events where event = 'attempt' order by id desc")
        return dict(rows.fetchall())

    def hints(self, exercise: str) -> int:
        """How many hints of an exercise were opened."""
        query = "select count(*) from events where event = 'hint' and exercise = ?"
        return int(self.connection.execute(query, (exercise,)).fetchone()[0])

    def marks(self) -> dict[str, str]:
        """The learner's latest marks on each card: "2 of 3"."""
        rows = self.connection.execute("select exercise, outcome from events where event = 'marks' order by id")
        return dict(rows.fetchall())

    def take_over(self, old: Path) -> None:
        """Bring in what another store holds, and remove that store. Nothing is counted twice if we are cut off."""
        with closing(sqlite3.connect(old, timeout=PATIENCE)) as other:
            rows = other.execute("select at, exercise, event, outcome, mistake from events order by id").fetchall()
        columns = "at, exercise, event, outcome, mistake"
        with self.connection:
            held = set(self.connection.execute(f"select {columns} from events"))
            new = [row for row in rows if row not in held]
            self.connection.executemany(f"insert into events ({columns}) values (?, ?, ?, ?, ?)", new)
        old.unlink()


def rank(outcome: str) -> int:
    return DONE.index(outcome) if outcome in DONE else -1


@cache
def progress_here() -> Progress:
    """The progress of the working copy; ATTNCORE_PROGRESS names another file, or ":memory:" for none.

    It was once kept in whatever folder a notebook ran; what lies there is taken over.
    Raises one of NOT_KEPT where nothing can be kept.
    """
    if named := os.environ.get("ATTNCORE_PROGRESS"):
        return Progress(named)
    place, once = progress_place(workbook_here()), progress_place(Path.cwd())
    store = Progress(place)
    if once.exists() and not once.samefile(place):
        with suppress(*NOT_KEPT):
            store.take_over(once)
            once.parent.rmdir()
    return store
