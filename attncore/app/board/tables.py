"""The file of a board: its tables, and a connection to it."""

import os
import sqlite3
from pathlib import Path

VERSION, OURS = 1, 0x61746E62  # of the tables; and what marks a file as a board's
TABLES = """
create table rooms (
    id integer primary key, name text not null unique, code text not null unique, secret text not null,
    created real not null, until real not null, exercise text, opened real, closes real, poll integer
);
create table ended (code text primary key);
create table learners (
    id integer primary key, room integer not null references rooms on delete cascade, key text not null,
    name text not null, number integer not null, joined real not null, note text not null default '', noted real,
    unique (room, key)
);
create table events (
    learner integer not null references learners on delete cascade, id integer not null, at real not null,
    exercise text not null, outcome text not null, primary key (learner, id)
) without rowid;
create table labels (
    learner integer not null, id integer not null, label text not null, primary key (learner, id, label),
    foreign key (learner, id) references events on delete cascade
) without rowid;
create table polls (
    id integer primary key, room integer not null references rooms on delete cascade, exercise text not null,
    stage integer not null default 0, revealed integer not null default 0
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


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a board's file, which is made where there is none, for its owner alone.

    Raises sqlite3.Error where another program wrote it, or a newer edition of the course.
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
    if version > VERSION:
        raise sqlite3.DatabaseError("a newer edition of the course wrote it")
    for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on", "secure_delete = on"):
        connection.execute(f"pragma {pragma}")
    if version < VERSION:
        with connection:
            connection.execute("begin immediate")
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"pragma application_id = {OURS}")
            connection.execute(f"pragma user_version = {VERSION}")
