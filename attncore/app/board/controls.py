"""What an instructor can change in a room, each by a message of its own."""

from collections.abc import Callable
from typing import Any

from attncore.app.board import asked, published
from attncore.app.board.desk import UNREADABLE, Refused
from attncore.app.board.records import ANSWER, BARS, OVER, Full, Poll, Room
from attncore.app.board.store import Store

Message = dict[str, Any]
LONGEST = 24 * 60  # minutes


def open_exercise(store: Store, room: Room, message: Message) -> None:
    """Open an exercise for some minutes, or without an end where none are given."""
    exercise, minutes = message.get("exercise"), message.get("minutes")
    if not isinstance(exercise, str) or not asked.asked(exercise):
        raise Refused(400, "The course has no such exercise.")
    if minutes is not None and not (isinstance(minutes, int | float) and 0 < minutes <= LONGEST):
        raise Refused(400, f"Minutes are a number from 1 to {LONGEST:,}.")
    store.open_exercise(room, exercise, minutes)


def close_exercise(store: Store, room: Room, _message: Message) -> None:
    store.open_exercise(room, None, None)


def begin_poll(store: Store, room: Room, message: Message) -> None:
    """Ask a question of the room; what was asked before goes."""
    exercise = message.get("exercise")
    if not isinstance(exercise, str) or not asked.asked(exercise) or not asked.options(exercise):
        raise Refused(400, "There is nothing to choose from in that exercise.")
    store.begin_poll(room, exercise)


def advance_poll(store: Store, room: Room, message: Message) -> None:
    """Close the vote, ask again, or close that: one stage on. A second click on the same button does nothing."""
    poll = poll_of(store, room)
    if message.get("stage") == poll.stage and poll.stage < OVER:
        store.change_poll(poll, poll.stage + 1)


def show_bars(store: Store, room: Room, _message: Message) -> None:
    """Let the room see how it voted; while a vote is on there is nothing to see."""
    poll = poll_of(store, room)
    if any(poll.closed):
        store.change_poll(poll, poll.stage, max(poll.shown, BARS))


def reveal_poll(store: Store, room: Room, _message: Message) -> None:
    """Show the right answer, and the bars with it; whatever vote is on ends with that."""
    store.change_poll(poll_of(store, room), OVER, ANSWER)


def end_poll(store: Store, room: Room, _message: Message) -> None:
    store.end_poll(room)


def publish_notebook(store: Store, room: Room, notebook: bytes, title: str) -> str:
    """Publish a notebook, to be read alone; return its token."""
    try:
        return store.publish(room, title, published.page(notebook, title))
    except ValueError as problem:
        raise Refused(400, str(problem)) from None
    except Full as problem:
        raise Refused(409, str(problem)) from None


def unpublish(store: Store, room: Room, message: Message) -> None:
    if not isinstance(message.get("token"), str):
        raise Refused(400, UNREADABLE)
    store.unpublish(room, message["token"])


def remove(store: Store, room: Room, message: Message) -> None:
    """Take a learner off the board, with all that they sent."""
    if not isinstance(message.get("learner"), int):
        raise Refused(400, UNREADABLE)
    store.remove(room, message["learner"])


def door(store: Store, room: Room, message: Message) -> None:
    """Close the door to whoever is new, or open it again."""
    if not isinstance(message.get("shut"), bool):
        raise Refused(400, UNREADABLE)
    store.shut(room, message["shut"])


def delete(store: Store, room: Room, message: Message) -> None:
    """Delete the room and all that is in it; its name has to be given, so that no slip does it."""
    if message.get("name") != room.name:
        raise Refused(400, "Type the room's name to delete it.")
    store.delete(room)


def poll_of(store: Store, room: Room) -> Poll:
    poll = store.poll(room)
    if poll is None:
        raise Refused(409, "No poll is on.")
    return poll


CONTROLS: dict[str, Callable[[Store, Room, Message], None]] = {
    "open": open_exercise,
    "close": close_exercise,
    "poll": begin_poll,
    "advance": advance_poll,
    "show": show_bars,
    "reveal": reveal_poll,
    "end-poll": end_poll,
    "unpublish": unpublish,
    "remove": remove,
    "door": door,
    "delete": delete,
}
