"""The file of a board: its tables, and a connection to it."""

import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

VERSION, OURS = 2, 0x61746E62  # of the tables; and what marks a file as a board's
TABLES = """
create table rooms (
    id integer primary key, name text not null unique, code text not null unique, secret text not null,
    created real not null, until real not null, exercise text, opened real, closes real, poll integer,
    shut integer not null default 0
);
create table ended (code text primary key);
create table learners (
    id integer primary key autoincrement, room integer not null references rooms on delete cascade, key text not null,
    name text not null, number integer not null, joined real not null, note text not null default '', noted real,
    unique (room, key)
);
create table removed (
    room integer not null references rooms on delete cascade, key text not null, primary key (room, key)
) without rowid;
create table events (
    learner integer not null references learners on delete cascade, id integer not null, at real not null,
    exercise text not null, outcome text not null, primary key (learner, id)
) without rowid;
create index events_of_exercise on events (learner, exercise);
create table labels (
    learner integer not null, id integer not null, label text not null, primary key (learner, id, label),
    foreign key (learner, id) references events on delete cascade
) without rowid;
create table standings (
    learner integer not null references learners on delete cascade, exercise text not null,
    attempts integer not null, latest integer not null, first real not null, last real not null,
    right real, edge real, wrong real, raised real, primary key (learner, exercise)
) without rowid;
create table mistakes (
    learner integer not null, exercise text not null, label text not null, latest integer not null,
    primary key (learner, exercise, label),
    foreign key (learner, exercise) references standings on delete cascade
) without rowid;
create table polls (
    id integer primary key, room integer not null references rooms on delete cascade, exercise text not null,
    stage integer not null default 0, shown integer not null default 0
);
create table votes (
    poll integer not null references polls on delete cascade, round integer not null,
    learner integer not null references learners on delete cascade, option integer not null,
    primary key (poll, round, learner)
) without rowid;
create table pages (
    token text primary key, room integer not null references rooms on delete cascade, title text not null,
    at real not null, body text not null
);
create table receipts (
    room integer not null references rooms on delete cascade, receipt text not null, primary key (room, receipt)
) without rowid
"""

ADD_UP = """insert or replace into standings
    select learner, exercise, count(*), max(id), min(at), max(at), min(case outcome when 'right' then at end),
        min(case outcome when 'edge' then at end), min(case outcome when 'wrong' then at end),
        min(case outcome when 'raised' then at end)
    from events where learner = ? and exercise = ? group by exercise"""
ADD_UP_MISTAKES = """insert or replace into mistakes
    select learner, exercise, label, max(id) from events join labels using (learner, id)
    where learner = ? and exercise = ? group by label"""


def add_up(write: Callable[..., sqlite3.Cursor], learner: int, exercises: Iterable[str]) -> None:
    """Bring up to date how a learner stands at some exercises: since when with which outcome, and with which mistakes.

    It's the same in whatever order attempts arrive.
    """
    for exercise in exercises:
        write(ADD_UP, (learner, exercise))
        write(ADD_UP_MISTAKES, (learner, exercise))


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a board's file, which is made where there is none, for its owner alone.

    Raises sqlite3.Error where another program wrote it, or another edition of the course.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where the file is new. What was committed is on the disk, and what was deleted is overwritten."""
    ((mark,),), ((version,),) = connection.execute("pragma application_id"), connection.execute("pragma user_version")
    if mark != OURS and connection.execute("select 1 from sqlite_master").fetchall():
        raise sqlite3.DatabaseError("another program wrote it")
    if version not in (0, VERSION):
        edition = "a newer" if version > VERSION else "an older"
        raise sqlite3.DatabaseError(f"{edition} edition of the course wrote it")
    for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on", "secure_delete = on"):
        connection.execute(f"pragma {pragma}")
    if version < VERSION:
        with connection:
            connection.execute("begin immediate")
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"pragma application_id = {OURS}")
            connection.execute(f"pragma user_version = {VERSION}")
