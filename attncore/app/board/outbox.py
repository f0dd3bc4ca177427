"""What a learner's attempts go through on their way to a board: a thread beside the kernel, and nothing waits for it.

The attempts are on the disk already, in the learner's own progress, and so is the joining. Whatever the board didn't
acknowledge is sent again: after the board was away, after the kernel was closed, and it's counted once all the same.
"""

import json
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import IO, Any
from urllib.parse import urlsplit

from attncore.app.board.asked import asked, labels_in
from attncore.app.progress import NOT_KEPT, Progress, progress_here

KIND = "board"  # of the documents in which joinings are kept
AT_ONCE = 100  # attempts in a message
WATCHED, UNWATCHED, AWAY = 3.0, 20.0, 15.0  # seconds between messages: with a panel, without, with no board at most
PATIENCE = 5.0  # seconds until there is a connection, and again until all of the answer is here
PORT = 8765  # of a board, where none is chosen
LARGEST = 1_000_000  # bytes of an answer
CLOCKS_DIFFER = 60.0  # seconds by which the last day has to move before it is kept anew
LATEST = 1e12  # seconds, of a time that a board tells
NOTHING = type(None)
POLL = {"id": int, "question": str, "options": [str], "stage": int, "bars": [([int], NOTHING)]}
ROOM = {
    "room": str,
    "name": str,
    "note": str,
    "left": int | None,
    "until": int | float,
    "now": int | float,
    "open": ({"id": str, "title": str, "lesson": str}, NOTHING),
    "poll": (POLL, NOTHING),
    "pages": [{"token": str, "title": str}],
}
GONE = "The workshop has ended."
NO_MORE = "Nothing is sent any more."
WAITING = "What you do is kept here, and sent once it's there."
UNREACHABLE = "The board can't be reached at the moment. What you do is kept here, and sent once it's back."

Message = dict[str, Any]


class Refusal(Exception):
    """The board's answer is no: its status, and its sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class Unreachable(Exception):
    """There's no board that answers; the message says why, as precisely as can be told."""


Post = Callable[[str, Message], Message]


def post(address: str, message: Message) -> Message:
    """Send a message to a board, straight to it, and return the answer.

    Raises Refusal, and Unreachable where what is there isn't a board that answers.
    """
    try:
        status, answer = posted(address, json.dumps(message).encode())
    except (OSError, HTTPException, ValueError) as problem:
        raise Unreachable(unreachable(address, problem)) from None
    if status == 200:
        return answer
    if not isinstance(answer.get("problem"), str):
        raise Unreachable(unreachable(address, ValueError()))
    raise Refusal(status, answer["problem"][:300])


def posted(address: str, body: bytes) -> tuple[int, Message]:
    """The status and the answer. However slowly it comes, all of it has to be here before the patience ends.

    Raises OSError, HTTPException or ValueError.
    """
    parts = urlsplit(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=PATIENCE)) as connection:
        connection.connect()
        late = threading.Event()
        end = threading.Timer(PATIENCE, hang_up, [connection.sock, late])
        end.daemon = True  # no kernel stays for its sake
        end.start()
        try:
            headers = {"Content-Type": "application/json", "User-Agent": "attncore"}
            connection.request("POST", "/sync", body, headers)
            answer = connection.getresponse()
            return answer.status, read_answer(answer)
        except (OSError, HTTPException, ValueError):
            if late.is_set():
                raise TimeoutError from None
            raise
        finally:
            end.cancel()


def hang_up(line: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def unreachable(address: str, problem: Exception) -> str:
    """Why there is no board at an address, in a sentence, and what to do."""
    parts = urlsplit(address)
    port = f", port {parts.port}" if parts.port else ""
    there = f"{parts.hostname}{port}"
    missing = "" if parts.port else f" The address has no port; a board's is usually {PORT}: {address}:{PORT}."
    match problem:
        case socket.gaierror() | UnicodeError():
            return (
                f"No machine here is called {parts.hostname}. Is the address right, and are you on the room's network?"
            )
        case ssl.SSLCertVerificationError():
            return f"{there} has a certificate that this machine doesn't trust, so nothing is sent there."
        case ssl.SSLError():
            return f"There's no https at {there}: a board's address begins with http://.{missing}"
        case ConnectionRefusedError():
            return f"Nothing listens at {there}. Is the board running, and is the address right?{missing}"
        case TimeoutError():
            return f"{there} doesn't answer. Are you on the same network, and is the address right?{missing}"
        case OSError():
            return f"{there} is out of reach. Are you on the same network, and is the address right?{missing}"
    return f"What answers at {there} isn't a board. Is the address right?{missing}"


def read_answer(answer: IO[bytes]) -> Message:
    """The JSON object that a board answers. Raises ValueError where it's something else, or too long."""
    text = answer.read(LARGEST + 1)
    try:
        message = json.loads(text) if len(text) <= LARGEST else None
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise ValueError("that isn't a board")
    return message


def fits(given: Any, form: Any) -> bool:
    """Has this the form? A tuple has forms of which one will do, a list that of each of its entries."""
    if isinstance(form, dict):
        return isinstance(given, dict) and all(fits(given.get(name), of) for name, of in form.items())
    if isinstance(form, list):
        return isinstance(given, list) and all(fits(entry, form[0]) for entry in given)
    if isinstance(form, tuple):
        return any(fits(given, one) for one in form)
    return isinstance(given, form)


def is_room(given: Message) -> bool:
    """Is this what a board shows of a room? Nothing else is taken in: what shows it relies on the form."""
    if not fits(given, ROOM) or max(abs(given["until"]), abs(given["now"])) > LATEST:
        return False
    poll = given["poll"] or {"bars": []}
    return all(bars is None or len(bars) == len(poll["options"]) for bars in poll["bars"])


class Outbox:
    """One learner's joining of one room. `exchange` sends and hears; `start` does so in a thread until it's `over`."""

    def __init__(self, store: Progress, place: str, post: Post = post, clock: Callable[[], float] = time.time):
        self.store, self.place, self.post, self.clock = store, place, post, clock
        self.joining: Message = store.kept(KIND, place) or {}
        self.room: Message = {}  # as the board last showed it
        self.trouble, self.caught_up = "", ""  # sentences
        self.refused = False  # did the board say no?
        self.over = not self.joining.get("joined")
        self.failed = 0  # times in a row
        self.pending: Message = {}  # a note and a vote that the board hasn't got yet
        self.changed: Callable[[], None] | None = None  # told after each exchange; a panel shows it
        self.wake, self.guard = threading.Event(), threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self.run, name="attncore-board", daemon=True).start()

    def run(self) -> None:
        while not self.over:
            self.look_again()
            if self.over or not self.exchange():
                self.wake.wait(self.pause)
                self.wake.clear()

    def look_again(self) -> None:
        """See what other kernels of the working copy did meanwhile: they send too, and may leave."""
        with suppress(*NOT_KEPT):
            self.joining = self.store.kept(KIND, self.place) or {}
            self.over = not self.joining.get("joined")

    @property
    def pause(self) -> float:
        """Seconds until the next message; ever more of them while the board is away."""
        if self.failed:
            return min(AWAY, WATCHED * 2.0**self.failed)
        return WATCHED if self.changed else UNWATCHED

    def say(self, **what: Any) -> None:
        """Send a note or a vote with the next message, which goes at once."""
        with self.guard:
            self.pending |= what
        self.wake.set()

    def exchange(self) -> bool:
        """Send what isn't acknowledged, and take in what the room looks like. Is there more to send at once?"""
        self.refused = False
        try:
            return self.exchanged()
        except Refusal as refused:
            self.refused = True
            if refused.status == 410:
                self.leave()
                self.trouble = f"{refused} {NO_MORE}"
            else:
                self.failed, self.trouble = self.failed + 1, str(refused)
        except (Unreachable, *NOT_KEPT) as problem:
            never = isinstance(problem, Unreachable) and not self.room  # then the address may be wrong
            self.failed, self.trouble = self.failed + 1, f"{problem} {WAITING}" if never else UNREACHABLE
        finally:
            with suppress(*NOT_KEPT):
                if self.changed:
                    self.changed()
        return False

    def exchanged(self) -> bool:
        if self.clock() > self.joining.get("until", self.clock()):
            raise Refusal(410, GONE)
        with self.guard:
            said = dict(self.pending)
        rows, message = self.message(said)
        room = self.post(self.joining["address"], message)
        if not is_room(room):
            raise Unreachable(unreachable(self.joining["address"], ValueError()))
        late = self.failed or not self.room
        if rows:
            self.caught_up = f"Sent just now, as the board didn't have it yet: {attempts(len(rows))}." if late else ""
        self.room, self.failed, self.trouble = room, 0, ""
        with self.guard:
            self.pending = {name: what for name, what in self.pending.items() if said.get(name) != what}
        self.note_down(rows)
        return len(rows) == AT_ONCE

    def note_down(self, rows: list[Any]) -> None:
        """Keep what is acknowledged, and the room's last day, by our clock, which may be a wrong one."""
        until = self.clock() + self.room["until"] - self.room["now"]
        moved = abs(until - self.joining.get("until", 0)) > CLOCKS_DIFFER
        news = ({"until": until} if moved else {}) | ({"sent": rows[-1][0]} if rows else {})
        self.joining |= news
        if news and self.is_kept and not self.over:
            self.keep()

    @property
    def is_kept(self) -> bool:
        """Is it kept that we have joined? While a message was on its way, another kernel may have left."""
        return bool((self.store.kept(KIND, self.place) or {}).get("joined"))

    def message(self, said: Message) -> tuple[list[Any], Message]:
        """The attempts that aren't acknowledged, and the message that has them, with what else is said."""
        rows = self.unsent(AT_ONCE)
        message = {name: self.joining[name] for name in ("code", "key", "nickname")} | said | {"now": self.clock()}
        if rows:
            message["events"] = [
                {"id": id, "at": at, "exercise": exercise, "outcome": outcome, "labels": labels_in(exercise, found)}
                for id, at, exercise, outcome, found in rows
                if asked(exercise)
            ]
        return rows, message

    def unsent(self, most: int = -1) -> list[Any]:
        """The attempts since the joining that the board didn't acknowledge, the oldest first."""
        query = """select id, (julianday(at) - 2440587.5) * 86400, exercise, outcome, mistake from events
            where event = 'attempt' and id > ? order by id limit ?"""
        return self.store.rows(query, (self.joining["sent"], most))

    def keep(self, **news: Any) -> None:
        self.joining |= news
        self.store.keep(KIND, self.place, self.joining)

    def leave(self) -> None:
        """Send nothing any more. The key stays, so that whoever comes back is the same learner."""
        self.over = True
        self.wake.set()
        with suppress(*NOT_KEPT):
            self.keep(joined=False)


def attempts(number: int) -> str:
    return f"{number} attempt{'' if number == 1 else 's'}"


def joined(store: Progress) -> Outbox | None:
    """The joining that a working copy remembers."""
    return next(joinings(store), None)


def joinings(store: Progress) -> Iterator[Outbox]:
    """What a working copy has joined and not left, the latest first: one room, unless two kernels joined at once."""
    for place in reversed(store.kept_keys(KIND)):
        outbox = Outbox(store, place)
        if not outbox.over:
            yield outbox


def begin(store: Progress, address: str, code: str, nickname: str | None, post: Post = post) -> Outbox:
    """Join a room: what is done from now on is sent there. Raises ValueError where the board says no."""
    address, code = tidy_address(address), code.strip().upper()
    place = f"{address} {code}"
    outbox = Outbox(store, place, post)
    before = outbox.joining
    ((last,),) = store.rows("select coalesce(max(id), 0) from events")
    outbox.joining = {
        "address": address,
        "code": code,
        "key": before.get("key") or secrets.token_urlsafe(24),
        "nickname": before.get("nickname") if nickname is None else nickname,
        "sent": before["sent"] if before.get("joined") else last,
        "joined": True,
    }
    outbox.over = False
    outbox.exchange()
    if outbox.refused:
        raise ValueError(outbox.trouble)
    for other in joinings(store):
        if other.place != place:
            other.leave()
    outbox.keep()
    return outbox


def tidy_address(address: str) -> str:
    """An address as http://host:port. Raises ValueError, with a sentence."""
    parts = urlsplit(address.strip() if "//" in address else f"http://{address.strip()}")
    with suppress(ValueError):
        reached = parts.hostname and (parts.port or 80) > 0 and "@" not in parts.netloc
        if parts.scheme in ("http", "https") and reached:
            return f"{parts.scheme}://{parts.netloc}".lower()
    raise ValueError(f"\"{address}\" isn't an address like http://192.168.1.5:8765; it's on the instructor's screen.")


# The joining of this kernel

here: Outbox | None = None
looked_in: Progress | None = None  # the store in which a joining was looked for: that is done once


def wake() -> None:
    """Send what was just kept, if this working copy has joined a room; in the background, whatever the network does."""
    global here, looked_in
    with suppress(*NOT_KEPT):
        store = progress_here()
        if looked_in is not store or here and here.over:  # another kernel may have joined another room
            looked_in = store
            take_up(joined(store))
        if here:
            here.wake.set()


def take_up(outbox: Outbox | None) -> None:
    """Make this the joining of this kernel, in place of the one before, and start it."""
    global here, looked_in
    if here and here is not outbox:
        here.over = True
        here.wake.set()
    here = outbox
    if outbox:
        looked_in = outbox.store
        outbox.start()
