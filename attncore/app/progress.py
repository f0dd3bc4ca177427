"""What a learner has done, kept in SQLite beside the working copy."""

import os
import sqlite3
from functools import cache
from pathlib import Path

PLACE = ".attncore/progress.sqlite"
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
        self.connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
        with self.connection:
            self.connection.execute(TABLE)

    def record(self, exercise: str, event: str, outcome: str, mistake: str | None = None) -> None:
        with self.connection:
            self.connection.execute(
                "insert into events (exercise, event, outcome, mistake) values (?, ?, ?, ?)",
                (exercise, event, outcome, mistake),
            )

    def outcomes(self) -> dict[str, str]:
        """The outcome of the last attempt at each exercise; once right, always right."""
        rows = self.connection.execute("select exercise, outcome from events where event = 'attempt' order by id")
        latest: dict[str, str] = {}
        for exercise, outcome in rows:
            if latest.get(exercise) != "right":
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


@cache
def progress_here() -> Progress:
    """The progress kept beside the notebook; ATTNCORE_PROGRESS names another file, or ":memory:" for none.

    Raises OSError or sqlite3.Error where nothing can be kept.
    """
    return Progress(os.environ.get("ATTNCORE_PROGRESS", Path.cwd() / PLACE))
