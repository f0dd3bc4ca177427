"""What a batch has found: one SQLite file, in which a submission stands whole or not at all."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLES = """
create table if not exists batch (name text primary key, value text not null);
create table if not exists submissions (
    learner text primary key,
    file text not null,
    digest text not null,
    told text not null
);
create table if not exists results (
    learner text not null,
    exercise text not null,
    outcome text not null,
    mistake text,
    edges text not null,
    convention text,
    lines text not null,
    primary key (learner, exercise)
);
"""


@dataclass(frozen=True)
class Result:
    """The verdict on one answer of one learner, its fields as in a Report; `lines` are its (role, text)."""

    exercise: str
    outcome: str
    mistake: str | None = None
    edges: list[str] = field(default_factory=list)
    convention: str | None = None
    lines: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Submission:
    """What one learner handed in: the file's name, the digest of its bytes, and all that was found.

    `told`: sentences on the file itself, such as why it can't be read.
    """

    learner: str
    file: str
    digest: str
    told: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


class Results:
    """The results of a batch, in a file of SQLite. Raises sqlite3.Error where it can't be written or read."""

    def __init__(self, path: Path):
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.executescript(TABLES)

    def close(self) -> None:
        self.connection.close()

    def note(self, name: str, value: Any) -> None:
        """Note something about the whole batch: "walls", "asked" (the exercises of the assignment), "course"."""
        self.connection.execute("insert or replace into batch values (?, ?)", (name, json.dumps(value)))

    def noted(self, name: str) -> Any:
        found = self.connection.execute("select value from batch where name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def digests(self) -> dict[str, str]:
        """The learners who are done, each with the digest of the file that was graded."""
        return dict(self.connection.execute("select learner, digest from submissions"))

    def drop(self, learners: Iterable[str]) -> None:
        """Forget what was found of these learners."""
        with self.connection as connection:
            connection.execute("begin immediate")
            for table in ("submissions", "results"):
                connection.executemany(f"delete from {table} where learner = ?", [(name,) for name in learners])

    def keep(self, found: Submission) -> None:
        """Keep a submission with all its results, in place of what the learner had before. It is on the disk then."""
        rows = [
            (found.learner, r.exercise, r.outcome, r.mistake, json.dumps(r.edges), r.convention, json.dumps(r.lines))
            for r in found.results
        ]
        with self.connection as connection:
            connection.execute("begin immediate")
            connection.execute("delete from results where learner = ?", (found.learner,))
            connection.execute(
                "insert or replace into submissions values (?, ?, ?, ?)",
                (found.learner, found.file, found.digest, json.dumps(found.told)),
            )
            connection.executemany("insert into results values (?, ?, ?, ?, ?, ?, ?)", rows)

    def counts(self) -> tuple[int, int]:
        """How many submissions there are, and how many answers."""
        tables = ("submissions", "results where outcome != 'unattempted'")
        found = [self.connection.execute(f"select count(*) from {table}").fetchone()[0] for table in tables]
        return found[0], found[1]

    def exercises(self) -> set[str]:
        """Every exercise that stands in some submission."""
        return {exercise for (exercise,) in self.connection.execute("select distinct exercise from results")}

    def submissions(self) -> Iterator[Submission]:
        """Every submission, by the learner's name, one at a time."""
        query = "select * from submissions order by learner collate nocase, learner"
        with closing(self.connection.cursor()) as cursor:
            for learner, file, digest, told in cursor.execute(query).fetchall():
                yield Submission(learner, file, digest, json.loads(told), list(self.of(learner)))

    def of(self, learner: str) -> Iterator[Result]:
        query = (
            "select exercise, outcome, mistake, edges, convention, lines from results where learner = ? order by rowid"
        )
        for exercise, outcome, mistake, edges, convention, lines in self.connection.execute(query, (learner,)):
            yield Result(
                exercise, outcome, mistake, json.loads(edges), convention, [tuple(line) for line in json.loads(lines)]
            )
