"""What a board keeps, in one SQLite file: rooms, who joined them by a key, what they tried, notes, polls, pages.

What a method returned from is on the disk, also where the board is killed the moment after. A learner's key is kept as
its hash. The file is the instructor's alone: with the secret in it, a board that starts again has its old address.
"""

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attncore.app.board.records import AGAIN, HIDDEN, Attempt, Event, Full, Learner, Poll, Room, tidy
from attncore.app.board.tables import add_up, opened

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is mistaken for another on a projector
DAY = 86_400.0
MOST_LEARNERS, MOST_EVENTS, MOST_PAGES = 1_000, 5_000, 30
NAMELESS = "Learner"


class Store:
    """The file of a board. Threads may share it."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time):
        """Open the file, or begin it. Raises sqlite3.Error where it is something else, or of another edition."""
        self.clock, self.guard, self.connection = clock, threading.RLock(), opened(path)

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def writing(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """One transaction: all of it is on the disk at its end, or nothing."""
        with self.guard, self.connection:
            self.connection.execute("begin immediate")
            yield self.connection.execute

    def rows(self, query: str, *values: Any) -> list[Any]:
        with self.guard:
            return self.connection.execute(query, values).fetchall()

    # Rooms

    def opened_room(self, name: str, days: float | None = None) -> Room:
        """The room of that name; a new one where there is none. With `days`, it is deleted so long from now."""
        until = self.clock() + DAY * (30 if days is None else days)
        with self.writing() as write:
            write(
                "insert into rooms (name, code, secret, created, until) values (?, ?, ?, ?, ?) on conflict do nothing",
                (
                    name,
                    "".join(secrets.choice(LETTERS) for _ in range(6)),
                    secrets.token_urlsafe(24),
                    self.clock(),
                    until,
                ),
            )
            if days is not None:
                write("update rooms set until = ? where name = ?", (until, name))
        return next(room for room in self.rooms() if room.name == name)

    def rooms(self) -> list[Room]:
        return [Room(*row) for row in self.rows("select * from rooms order by id")]

    def room(self, id: int) -> Room | None:
        return next((Room(*row) for row in self.rows("select * from rooms where id = ?", id)), None)

    def room_of(self, code: str) -> Room | None:
        """The room that a join code opens."""
        return next((Room(*row) for row in self.rows("select * from rooms where code = ?", code)), None)

    def has_ended(self, code: str) -> bool:
        return bool(self.rows("select 1 from ended where code = ?", code))

    def delete(self, room: Room) -> None:
        """Delete a room with all that is in it; only its code is kept, so that its learners can be told."""
        with self.writing() as write:
            write("delete from rooms where id = ?", (room.id,))
            write("insert or ignore into ended values (?)", (room.code,))
        with self.guard:
            self.connection.execute("pragma wal_checkpoint(truncate)")

    def delete_old(self) -> None:
        """Delete the rooms whose day has come."""
        for room in self.rooms():
            if room.until <= self.clock():
                self.delete(room)

    def open_exercise(self, room: Room, exercise: str | None, minutes: float | None) -> None:
        """Open an exercise, for some minutes or without an end; None closes the one that is open.

        One that is open already gets other minutes, and nothing else changes.
        """
        now = self.clock()
        closes = now + 60 * minutes if exercise and minutes else None
        if exercise and exercise == room.exercise:
            with self.writing() as write:
                write("update rooms set closes = ? where id = ?", (closes, room.id))
            return
        with self.writing() as write:
            write(
                "update rooms set exercise = ?, opened = ?, closes = ? where id = ?",
                (exercise, now if exercise else None, closes, room.id),
            )
            write("update learners set note = '', noted = null where room = ?", (room.id,))

    # Learners

    def learner(self, room: Room, key: str) -> Learner | None:
        """Who has that key in a room."""
        query = "select id, name, number, joined, note, noted from learners where room = ? and key = ?"
        return next((Learner(*row) for row in self.rows(query, room.id, hashed(key))), None)

    def learners(self, room: Room) -> list[Learner]:
        query = "select id, name, number, joined, note, noted from learners where room = ? order by id"
        return [Learner(*row) for row in self.rows(query, room.id)]

    def admit(self, room: Room, key: str, name: str) -> Learner:
        """Take somebody in, or give somebody who is in another name. Raises Full."""
        name = tidy(name) or NAMELESS
        with self.writing() as write:
            known = self.learner(room, key)
            if known and known.name == name:
                return known
            taken = {n for (n,) in write("select number from learners where room = ? and name = ?", (room.id, name))}
            number = next(n for n in range(1, len(taken) + 2) if n not in taken)
            if known:
                write("update learners set name = ?, number = ? where id = ?", (name, number, known.id))
            else:
                ((so_many,),) = write("select count(*) from learners where room = ?", (room.id,))
                if so_many >= MOST_LEARNERS:
                    raise Full(f"This room is full: it has {MOST_LEARNERS:,} learners.")
                write(
                    "insert into learners (room, key, name, number, joined) values (?, ?, ?, ?, ?)",
                    (room.id, hashed(key), name, number, self.clock()),
                )
        return self.learner(room, key)  # type: ignore[return-value]  # it was written just now

    def add(self, learner: Learner, events: list[Event]) -> None:
        """Keep attempts. One that is there already, by its number, is left as it was."""
        with self.writing() as write:
            ((so_many,),) = write("select count(*) from events where learner = ?", (learner.id,))
            for event in events[: MOST_EVENTS - so_many]:
                added = write(
                    "insert or ignore into events values (?, ?, ?, ?, ?)",
                    (learner.id, event.id, event.at, event.exercise, event.outcome),
                )
                for label in event.labels if added.rowcount else []:
                    write("insert or ignore into labels values (?, ?, ?)", (learner.id, event.id, label))
            add_up(write, learner.id, {event.exercise for event in events})

    def remove(self, room: Room, id: int) -> None:
        """Take a learner out of the room, with all that they sent; their key opens it no more."""
        with self.writing() as write:
            write("insert into removed select room, key from learners where room = ? and id = ?", (room.id, id))
            write("delete from learners where room = ? and id = ?", (room.id, id))

    def was_removed(self, room: Room, key: str) -> bool:
        return bool(self.rows("select 1 from removed where room = ? and key = ?", room.id, hashed(key)))

    def shut(self, room: Room, shut: bool) -> None:
        """Close the door to whoever is new, or open it again."""
        with self.writing() as write:
            write("update rooms set shut = ? where id = ?", (shut, room.id))

    def put_note(self, learner: Learner, note: str) -> None:
        with self.writing() as write:
            write("update learners set note = ?, noted = ? where id = ?", (note, self.clock(), learner.id))

    def attempts(self, room: Room) -> list[Attempt]:
        """What was tried in a room, in the order in which it happened."""
        query = """select learner, events.id, at, exercise, outcome from events
            join learners on learners.id = learner where room = ? order by at, learner, events.id"""
        return [Attempt(*row) for row in self.rows(query, room.id)]

    def labels(self, room: Room) -> list[tuple[int, int, str]]:
        """The labels of attempts: learner, number of the attempt, label."""
        query = """select learner, labels.id, label from labels
            join learners on learners.id = learner where room = ? order by 1, 2, 3"""
        return self.rows(query, room.id)

    def add_receipt(self, room: Room, receipt: str) -> None:
        """Keep that somebody is ready. Raises Full."""
        if self.receipts(room) >= MOST_LEARNERS:
            raise Full("There are as many receipts as the board can hold.")
        with self.writing() as write:
            write("insert or ignore into receipts values (?, ?)", (room.id, receipt))

    def receipts(self, room: Room) -> int:
        return int(self.rows("select count(*) from receipts where room = ?", room.id)[0][0])

    # Polls

    def begin_poll(self, room: Room, exercise: str) -> None:
        with self.writing() as write:
            begun = write("insert into polls (room, exercise) values (?, ?)", (room.id, exercise))
            write("update rooms set poll = ? where id = ?", (begun.lastrowid, room.id))

    def end_poll(self, room: Room) -> None:
        """Take the poll off the board; its votes stay."""
        with self.writing() as write:
            write("update rooms set poll = null where id = ?", (room.id,))

    def poll(self, room: Room) -> Poll | None:
        """The poll that is on."""
        query = "select id, exercise, stage, shown from polls where id = ?"
        return next((Poll(*row) for row in self.rows(query, room.poll)), None) if room.poll else None

    def change_poll(self, poll: Poll, stage: int, shown: int = HIDDEN) -> None:
        with self.writing() as write:
            write("update polls set stage = ?, shown = ? where id = ?", (stage, shown, poll.id))

    def vote(self, poll: Poll, learner: Learner, option: int) -> None:
        """Keep somebody's vote in the round that is on, in place of an earlier one."""
        with self.writing() as write:
            write("insert or replace into votes values (?, ?, ?, ?)", (poll.id, poll.round, learner.id, option))

    def votes(self, poll: Poll) -> dict[tuple[int, int], int]:
        """How many voted for what, by round and option."""
        query = "select round, option, count(*) from votes where poll = ? group by round, option"
        return {(round, option): number for round, option, number in self.rows(query, poll.id)}

    def voters(self, poll: Poll) -> set[int]:
        """Who has voted in the round that is on."""
        query = "select learner from votes where poll = ? and round = ?"
        return {learner for (learner,) in self.rows(query, poll.id, poll.round)}

    def vote_of(self, poll: Poll, learner: Learner) -> int | None:
        """What somebody has voted for last; while the second vote is on, what was in the first doesn't count."""
        query = "select option from votes where poll = ? and learner = ? and round >= ? order by round desc limit 1"
        return next((option for (option,) in self.rows(query, poll.id, learner.id, poll.stage == AGAIN)), None)

    # Pages

    def publish(self, room: Room, title: str, body: str) -> str:
        """Keep a page that the room can read, and return its token. Raises Full."""
        if len(self.pages(room)) >= MOST_PAGES:
            raise Full(f"A room has {MOST_PAGES} notebooks at most: take one off first.")
        token = secrets.token_urlsafe(12)
        with self.writing() as write:
            write("insert into pages values (?, ?, ?, ?, ?)", (token, room.id, title, self.clock(), body))
        return token

    def pages(self, room: Room) -> list[tuple[str, str]]:
        """The pages of a room, newest first: token and title."""
        return self.rows("select token, title from pages where room = ? order by at desc, rowid desc", room.id)

    def page(self, token: str) -> str | None:
        return next((body for (body,) in self.rows("select body from pages where token = ?", token)), None)

    def unpublish(self, room: Room, token: str) -> None:
        with self.writing() as write:
            write("delete from pages where room = ? and token = ?", (room.id, token))


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
