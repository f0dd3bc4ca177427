"""What a learner sends, checked piece by piece: one message that can be sent again and changes nothing then."""

import time
from collections.abc import Callable
from typing import Any, TypeGuard

from attncore.app.board import asked, views
from attncore.app.board.limits import Limit
from attncore.app.board.records import LONGEST_NAME, Event, Full, Learner, Room, tidy
from attncore.app.board.store import Store

LARGEST = 100_000  # bytes of a message
MOST_AT_ONCE = 200  # attempts in a message
NOTES = ("", "done", "stuck")
LARGEST_ID, LATEST = 2**53, 1e12
TOO_OFTEN = "That's too many messages in too short a time. Wait a moment."
NO_SUCH = "No workshop here has that code. It's on the instructor's screen: six letters and digits."
SHUT = "The instructor has closed the door: whoever is in may come back, and nobody new gets in."
REMOVED = "The instructor has taken you off this board, and what it knew of you is deleted."
ENDED = "This workshop has ended, and what it knew of you is deleted."
UNREADABLE = "That message can't be read."


class Refused(Exception):
    """What is answered in place of what was asked for: a status, and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Desk:
    """Where learners' messages come in. A class may sit behind one address, so it's keys that are limited.

    `seen` is when each learner was last heard of, which isn't worth a write to the disk.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic):
        self.store, self.seen = store, dict[int, float]()
        self.messages = Limit(burst=40, per_second=2, clock=clock)  # of one key
        self.joining = Limit(burst=400, per_second=5, clock=clock)  # from one address, of keys that nobody knows yet
        self.receipts = Limit(burst=400, per_second=5, clock=clock)  # from one address

    def hear(self, body: dict[str, Any], address: str) -> views.View:
        """Take a message in; return what the room looks like now. By then all of it is on the disk. Raises Refused."""
        room, learner = self.sender(body, address)
        if "note" in body:
            if body["note"] not in NOTES:
                raise Refused(400, UNREADABLE)
            self.store.put_note(learner, body["note"])
        events = read_events(body, room, self.store.clock())
        if events:
            self.store.add(learner, known(events))
        if "vote" in body:
            self.vote(room, learner, body["vote"])
        learner = self.store.learner(room, body["key"]) or learner
        return views.for_learner(self.store, room, learner)

    def sender(self, body: dict[str, Any], address: str) -> tuple[Room, Learner]:
        """Whose message it is; somebody new is taken in."""
        code, key, name = body.get("code"), body.get("key"), body.get("nickname")
        if not (is_plain(code) and is_plain(key) and 20 <= len(key) <= 100):
            raise Refused(400, UNREADABLE)
        if not (name is None or isinstance(name, str) and len(name) <= 10 * LONGEST_NAME):
            raise Refused(400, f"A nickname has at most {LONGEST_NAME} letters.")
        room = self.store.room_of(code.strip().upper())
        learner = self.store.learner(room, key) if room else None
        if not (self.messages.allows(key) if learner else self.joining.allows(address)):
            raise Refused(429, TOO_OFTEN)
        if room is None:
            gone = self.store.has_ended(code.strip().upper())
            raise Refused(410, ENDED) if gone else Refused(403, NO_SUCH)
        if learner is None and self.store.was_removed(room, key):
            raise Refused(410, REMOVED)
        if learner is None and room.shut:
            raise Refused(403, SHUT)
        if learner is None or name and tidy(name) != learner.name:
            try:
                learner = self.store.admit(room, key, name or "")
            except Full as problem:
                raise Refused(403, str(problem)) from None
        self.seen[learner.id] = self.store.clock()
        return room, learner

    def vote(self, room: Room, learner: Learner, given: Any) -> None:
        """Take a vote. One that comes too late, for another poll or round, is dropped."""
        poll = self.store.poll(room)
        match given:
            case {"poll": int(id), "stage": int(stage), "option": int(option)} if poll and poll.id == id:
                on = poll.round is not None and stage == poll.stage
                if on and 0 <= option < len(asked.options(poll.exercise)):
                    self.store.vote(poll, learner, option)
            case {"poll": int(), "stage": int(), "option": int()}:
                pass
            case _:
                raise Refused(400, UNREADABLE)

    def ready(self, body: dict[str, Any], address: str, is_receipt: Callable[[str], bool]) -> views.View:
        """Count somebody who is ready, by a receipt of the doctor's."""
        if not self.receipts.allows(address):
            raise Refused(429, TOO_OFTEN)
        code, receipt = body.get("code"), body.get("receipt")
        if not (is_plain(code) and is_plain(receipt) and len(receipt) <= 50):
            raise Refused(400, UNREADABLE)
        room = self.store.room_of(code.strip().upper())
        if room is None:
            raise Refused(403, NO_SUCH)
        if not is_receipt(receipt):
            raise Refused(400, "That isn't a receipt. `attncore doctor --receipt` prints one: six characters.")
        try:
            self.store.add_receipt(room, "".join(filter(str.isalnum, receipt)).upper())
        except Full as problem:
            raise Refused(403, str(problem)) from None
        return {"ready": True}


def read_events(body: dict[str, Any], room: Room, now: float) -> list[Event]:
    """The attempts of a message, at the times at which they happened by our clock.

    A learner's clock may be wrong: it says its own time with each message, and none lies before the room or in the
    future. Raises Refused.
    """
    given, theirs = body.get("events", []), body.get("now", now)
    if not (isinstance(given, list) and len(given) <= MOST_AT_ONCE and is_time(theirs)):
        raise Refused(400, UNREADABLE)
    return [read_event(event, room, now, now - theirs) for event in given]


def read_event(given: Any, room: Room, now: float, behind: float) -> Event:
    match given:
        case {"id": int(id), "at": at, "exercise": str(exercise), "outcome": str(outcome), "labels": list(labels)}:
            if 0 < id < LARGEST_ID and is_time(at) and len(labels) <= 20 and all(isinstance(a, str) for a in labels):
                return Event(id, min(max(at + behind, room.created), now), exercise, outcome, labels)
    raise Refused(400, UNREADABLE)


def is_time(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < LATEST


def is_plain(text: Any) -> TypeGuard[str]:
    return isinstance(text, str) and text.isascii()


def known(events: list[Event]) -> list[Event]:
    """What the board may keep: attempts at exercises of this course, with labels of theirs."""
    kept = []
    for event in events:
        if asked.asked(event.exercise) and event.outcome in asked.OUTCOMES:
            of_ours = asked.labels(event.exercise)
            kept.append(event._replace(labels=[label for label in event.labels if label in of_ours]))
    return kept
