"""A learner's way to the board: what travels, what waits, and what happens where there is no board."""

import io
import json
import re
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from starlette.testclient import TestClient

from attncore import VERBS
from attncore.app import cell
from attncore.app.board import desk, outbox, panel
from attncore.app.board.outbox import (
    GONE,
    NO_MORE,
    UNREACHABLE,
    Outbox,
    Refusal,
    Unreachable,
    begin,
    joined,
    post,
    unreachable,
)
from attncore.app.board.server import app
from attncore.app.board.store import Store
from attncore.app.progress import Progress, progress_here

TELLTALE = "telltale_of_the_learners_own_code"
ADDRESS = "http://10.0.0.7:8765"


@pytest.fixture(autouse=True)
def no_thread(monkeypatch):
    """Nothing is sent behind a test's back; and every test begins in a kernel that has joined nothing."""
    monkeypatch.setattr(Outbox, "start", lambda self: None)
    monkeypatch.setattr(outbox, "here", None)
    monkeypatch.setattr(outbox, "looked_in", None)


class Board:
    """A board that can be away, and that remembers what it was sent."""

    def __init__(self, path):
        self.store, self.heard, self.away = Store(path), [], False
        self.room = self.store.opened_room("morning")
        self.client = TestClient(app(self.store))

    def post(self, address, message):
        if self.away:
            raise Unreachable("Nothing listens there.")
        self.heard.append(message)
        answer = self.client.post("/sync", json=message)
        if answer.status_code != 200:
            raise Refusal(answer.status_code, answer.json()["problem"])
        return answer.json()

    @property
    def attempts(self):
        return [(a.exercise, a.outcome) for a in self.store.attempts(self.room)]


@pytest.fixture
def board(tmp_path):
    made = Board(tmp_path / "board.sqlite")
    yield made
    made.store.close()


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "progress.sqlite")


def enter(progress, board, nickname="Ada", code=None):
    return begin(progress, ADDRESS, code or board.room.code, nickname, board.post)


def reopened(progress, board):
    """The joining as the next kernel finds it."""
    found = joined(progress)
    found.post = board.post
    return found


# What travels


def test_what_is_done_after_the_joining_travels_and_what_was_before_does_not(progress, board):
    progress.record("softmax", "attempt", "wrong", "no shift")
    box = enter(progress, board)
    progress.record("causal_mask", "attempt", "wrong", "the diagonal is hidden")
    progress.record("causal_mask", "hint", "1")
    progress.record("causal_mask", "said", TELLTALE)
    progress.record("causal_mask", "attempt", "right")
    box.exchange()
    assert board.attempts == [("causal_mask", "wrong"), ("causal_mask", "right")]
    assert TELLTALE not in json.dumps(board.heard)
    assert {name for message in board.heard for name in message} == {"code", "key", "nickname", "now", "events"}
    events = [event for message in board.heard for event in message.get("events", [])]
    assert {name for event in events for name in event} == {"id", "at", "exercise", "outcome", "labels"}


class Tapped(BaseHTTPRequestHandler):
    """A board on a real socket, which keeps every byte that comes."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bytes += f"{self.requestline}\n{self.headers}\n".encode() + body
        answer = self.server.board.client.post(self.path, content=body, headers={"Content-Type": "application/json"})
        self.send_response(answer.status_code)
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_):
        pass


@pytest.fixture
def tapped(board):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tapped)
    server.board, server.bytes = board, b""
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    server.address = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def test_no_code_is_in_the_traffic(here, shown, tapped, board):
    cell.join(tapped.address, board.room.code, nickname="Ada")
    source = f"def causal_mask(n_query, n_key=None):\n    {TELLTALE} = 1\n    return {TELLTALE}"
    scope = {}
    exec(source, scope)
    cell.check(scope["causal_mask"])
    assert not outbox.here.exchange() and outbox.here.trouble == ""
    assert board.attempts == [("causal_mask", "wrong")], "else this shows nothing"
    assert b"causal_mask" in tapped.bytes and b"Ada" in tapped.bytes
    assert TELLTALE.encode() not in tapped.bytes and b"return" not in tapped.bytes
    assert str(here).encode() not in tapped.bytes
    assert b"User-Agent: attncore\n" in tapped.bytes, "which Python a learner has is nobody's business"


def test_a_learners_key_is_never_sent_elsewhere(progress):
    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/other")
            self.end_headers()

        do_GET, log_message = do_POST, Tapped.log_message

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(Unreachable, match="isn't a board"):
            post(f"http://127.0.0.1:{server.server_port}", {"key": "k"})
        server.shutdown()
    assert server.asked == ["/sync"]


def test_open_corners_travel_one_by_one(progress, board):
    box = enter(progress, board)
    labels = ["a given scale is ignored", "large scores overflow"]
    progress.record("scaled_dot_product_attention", "attempt", "edge", "; ".join(labels))
    box.exchange()
    assert [label for _, _, label in board.store.labels(board.room)] == labels


# The board away, and back


def test_what_was_done_while_the_board_was_away_is_sent_once_it_is_back(progress, board):
    box = enter(progress, board)
    board.away = True
    for outcome in ("wrong", "raised", "right"):
        progress.record("softmax", "attempt", outcome)
        box.exchange()
    assert box.trouble == UNREACHABLE and "3 attempts waiting" in repr(panel.BoardPanel(box))
    board.away = False
    later = reopened(progress, board)  # the kernel was closed meanwhile
    later.exchange()
    assert later.trouble == "" and later.unsent() == []
    assert "didn't have it yet: 3 attempts." in repr(panel.BoardPanel(later))
    progress.record("softmax", "attempt", "right")
    later.exchange()
    assert "didn't have it yet" not in repr(panel.BoardPanel(later))
    assert board.attempts == [("softmax", outcome) for outcome in ("wrong", "raised", "right", "right")]


def test_an_answer_that_got_lost_makes_nothing_count_twice(progress, board):
    box = enter(progress, board)
    progress.record("softmax", "attempt", "right")

    def lost(address, message):
        board.post(address, message)
        raise Unreachable("It took too long.")

    box.post = lost
    box.exchange()
    box.post = board.post
    box.exchange()
    assert [len(m.get("events", [])) for m in board.heard] == [0, 1, 1]
    assert board.attempts == [("softmax", "right")]


def test_a_note_put_up_while_a_message_is_on_its_way_is_not_lost(progress, board):
    box = enter(progress, board)

    def slow(address, message):
        box.say(note="stuck")
        return board.post(address, message)

    box.say(note="done")
    box.post = slow
    box.exchange()
    assert box.room["note"] == "done" and box.pending == {"note": "stuck"}


def test_a_long_list_is_sent_in_parts(progress, board):
    box = enter(progress, board)
    for _ in range(outbox.AT_ONCE + 1):
        progress.record("softmax", "attempt", "right")
    assert box.exchange() and not box.exchange()
    assert len(board.attempts) == outbox.AT_ONCE + 1


def test_it_waits_longer_while_the_board_is_away(progress, board):
    box = enter(progress, board)
    box.changed, board.away, pauses = (lambda: None), True, [outbox.WATCHED]
    for _ in range(6):
        box.exchange()
        pauses.append(box.pause)
    assert pauses[0] < pauses[1] < pauses[2] and pauses == sorted(pauses) and pauses[-1] == outbox.AWAY
    board.away = False
    box.exchange()
    assert box.pause == outbox.WATCHED


def test_joining_where_nobody_is_yet_is_remembered(progress, board):
    board.away = True
    box = enter(progress, board)
    progress.record("softmax", "attempt", "right")
    assert "Nothing listens there." in repr(panel.BoardPanel(box))
    board.away = False
    reopened(progress, board).exchange()
    assert board.attempts == [("softmax", "right")]


NO_ROOMS = (
    {"room": 1},
    {"left": "soon"},
    {"until": 10**400},
    {"open": {"id": "softmax"}},
    {"open": 7},
    {"poll": []},
    {"poll": {"id": 1, "question": "?", "options": ["a", "b"], "stage": 1, "bars": [[1], None]}},
    {"pages": [{"token": 1, "title": "Mine"}]},
    {"pages": {"token": "a", "title": "Mine"}},
)


@pytest.mark.parametrize("wrong", NO_ROOMS)
def test_a_board_that_answers_nonsense_is_one_that_is_away(progress, board, wrong):
    box = enter(progress, board)
    shown = panel.BoardPanel(box)
    box.post = lambda address, message: board.post(address, message) | wrong
    box.exchange()
    assert box.trouble == UNREACHABLE and "as Ada" in repr(shown)


@pytest.mark.parametrize("text", [b"[" * 100_000, b"{}" + b" " * 1_000_000, b"[]", b"\xff", b"1" * 9999, b""])
def test_an_answer_that_cannot_be_read_is_no_boards(text):
    with pytest.raises(ValueError):
        outbox.read_answer(io.BytesIO(text))


@pytest.mark.parametrize(
    "begun", [b"", b"HTTP/1.1 200 OK\r\nA: b", b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"ro']
)
def test_an_answer_that_never_ends_is_not_waited_for(begun, monkeypatch):
    """The time is up when the test says so: once a part of the answer is here."""
    timers = []

    class Timer(threading.Timer):
        def start(self):
            timers.append(self)

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            line, _ = server.accept()
            with line:
                while not line.recv(10_000).endswith(b"}"):
                    pass
                line.sendall(begun)
                timers[0].function(*timers[0].args)
                line.recv(1)  # until the other end hangs up

        monkeypatch.setattr(outbox.threading, "Timer", Timer)
        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Unreachable, match="doesn't answer"):
            post(f"http://127.0.0.1:{server.getsockname()[1]}", {"key": "k"})
        thread.join()
    assert timers[0].interval == outbox.PATIENCE


@pytest.mark.parametrize(
    "address, problem, said",
    [
        (ADDRESS, ConnectionRefusedError(), "Nothing listens at 10.0.0.7, port 8765. Is the board running"),
        ("http://10.0.0.7", ConnectionRefusedError(), "The address has no port; a board's is usually 8765"),
        ("https://10.0.0.7:8765", ssl.SSLError(), "There's no https at 10.0.0.7, port 8765"),
        ("https://10.0.0.7", ssl.SSLCertVerificationError(), "a certificate that this machine doesn't trust"),
        ("http://bord:8765", socket.gaierror(), "No machine here is called bord."),
        (ADDRESS, TimeoutError(), "10.0.0.7, port 8765 doesn't answer. Are you on the same network"),
        (ADDRESS, OSError("no route"), "10.0.0.7, port 8765 is out of reach."),
        (ADDRESS, ValueError(), "What answers at 10.0.0.7, port 8765 isn't a board."),
    ],
)
def test_what_is_wrong_with_an_address_is_told(address, problem, said):
    assert said in unreachable(address, problem)


def test_a_board_has_no_https(tapped):
    with pytest.raises(Unreachable, match="no https"):
        post(tapped.address.replace("http:", "https:"), {})


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_a_name_that_nobody_has_is_told(host):
    with pytest.raises(Unreachable, match="No machine here is called"):
        post(f"http://{host}:8765", {})


def test_a_wrong_code_is_told_and_not_remembered(progress, board):
    with pytest.raises(ValueError, match="No workshop here has that code"):
        enter(progress, board, code="WRONG2")
    assert joined(progress) is None


def test_the_end_of_a_room_is_told_and_nothing_is_sent_any_more(progress, board):
    box = enter(progress, board)
    board.store.delete(board.room)
    progress.record("softmax", "attempt", "right")
    box.exchange()
    assert box.over and box.trouble == f"{desk.ENDED} {NO_MORE}" and joined(progress) is None
    assert desk.ENDED in repr(panel.BoardPanel(box))


def test_nothing_is_sent_after_the_rooms_last_day(progress, board):
    box = enter(progress, board)
    box.clock = lambda: board.room.until + 1
    sent = len(board.heard)
    box.exchange()
    assert box.over and len(board.heard) == sent and box.trouble == f"{GONE} {NO_MORE}"


def test_who_is_removed_is_told_and_nothing_is_sent_any_more(progress, board):
    box = enter(progress, board)
    board.store.remove(board.room, 1)
    progress.record("softmax", "attempt", "right")
    box.exchange()
    assert box.over and box.trouble == f"{desk.REMOVED} {NO_MORE}" and joined(progress) is None
    with pytest.raises(ValueError, match="taken you off"):
        enter(progress, board)


def test_a_closed_door_is_told_and_not_remembered(progress, board):
    board.store.shut(board.room, True)
    with pytest.raises(ValueError, match="closed the door"):
        enter(progress, board)
    assert joined(progress) is None


@pytest.mark.parametrize("years", [-55, 75])
def test_a_learner_whose_clock_is_years_off_stays_until_the_rooms_last_day(progress, board, years):
    box = enter(progress, board)
    off = 365 * 86_400 * years
    box.clock = lambda: time.time() + off
    box.joining.pop("until")
    for _ in range(2):
        box.exchange()
    assert not box.over and box.trouble == ""
    off += 31 * 86_400
    box.exchange()
    assert box.over


# Joining, leaving, coming back


def test_joining_again_is_the_same_learner_and_loses_nothing(progress, board):
    enter(progress, board)
    board.away = True
    progress.record("softmax", "attempt", "right")
    board.away = False
    box = enter(progress, board, nickname=None)  # the cell is run again
    assert box.room["name"] == "Ada" and board.attempts == [("softmax", "right")]
    assert len(board.store.learners(board.room)) == 1


def test_what_was_done_after_leaving_stays_here(progress, board):
    enter(progress, board).leave()
    progress.record("softmax", "attempt", "right")
    assert joined(progress) is None
    enter(progress, board)
    assert board.attempts == [] and len(board.store.learners(board.room)) == 1


def test_another_room_takes_the_place_of_the_first(progress, board):
    other = board.store.opened_room("afternoon")
    enter(progress, board)
    enter(progress, board, code=other.code)
    assert joined(progress).joining["code"] == other.code
    first, second = (board.store.learners(room) for room in (board.room, other))
    keys = {message["key"] for message in board.heard}
    assert len(first) == len(second) == 1 and len(keys) == 2, "nobody is known again in another room"
    joined(progress).leave()
    assert joined(progress) is None, "who leaves the second isn't in the first again"


def test_a_kernel_sees_that_another_one_left(progress, board):
    box = enter(progress, board)
    reopened(progress, board).leave()
    box.look_again()
    assert box.over


def test_a_kernel_that_is_sending_does_not_undo_that_another_one_left(progress, board):
    box = enter(progress, board)
    progress.record("softmax", "attempt", "right")

    def slow(address, message):
        reopened(progress, board).leave()
        return board.post(address, message)

    box.post = slow
    box.exchange()
    assert joined(progress) is None


def test_a_kernel_takes_up_the_room_that_another_one_joined(here, shown, board):
    other = board.store.opened_room("afternoon")
    outbox.take_up(enter(progress_here(), board))
    enter(progress_here(), board, code=other.code)
    outbox.here.look_again()
    cell.check(wrong_mask, "causal_mask")
    assert outbox.here.joining["code"] == other.code


@pytest.mark.parametrize(
    "address", ["", "ftp://here", "http://", "http://a:b@here", "http://here:port", "javascript:alert(1)"]
)
def test_what_is_no_address_is_told(progress, board, address):
    with pytest.raises(ValueError, match="isn't an address"):
        begin(progress, address, "CODE", None, board.post)


@pytest.mark.parametrize("address", ["10.0.0.7:8765", " http://10.0.0.7:8765/ ", "HTTP://10.0.0.7:8765/#CODE"])
def test_an_address_is_read_as_it_is_typed(address):
    assert outbox.tidy_address(address) == ADDRESS


# The verbs


def unused_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wrong_mask(n_query, n_key=None):
    return 0


wrong_mask.__module__ = "__main__"


def test_the_course_is_the_same_where_no_board_answers(here, shown):
    cell.check(wrong_mask, "causal_mask")
    cell.join(f"http://127.0.0.1:{unused_port()}", "K7RM2P")
    cell.check(wrong_mask, "causal_mask")
    before, told, after = shown
    assert after.message == before.message
    assert "Nothing listens at 127.0.0.1, port" in repr(told) and "sent once it's there" in repr(told)
    assert len(outbox.here.unsent()) == 1


def test_an_attempt_wakes_the_thread_and_a_new_kernel_takes_up_the_joining(here, shown, board, monkeypatch):
    enter(progress_here(), board)
    started = []
    monkeypatch.setattr(Outbox, "start", lambda self: started.append(self.place))
    cell.check(wrong_mask, "causal_mask")
    cell.check(wrong_mask, "causal_mask")
    assert started == [f"{ADDRESS} {board.room.code}"], "once"
    assert outbox.here.wake.is_set()


def test_without_a_workshop_the_verbs_say_so(here, shown):
    for verb in (cell.join, cell.leave):
        verb()
        assert shown.pop().message == panel.NOT_JOINED
    cell.join("http://10.0.0.7:8765")
    assert "join takes an address and a code" in shown.pop().message
    assert {"join", "leave"} <= set(VERBS)


def test_leaving_says_what_stays(here, shown, tapped, board):
    cell.join(tapped.address, board.room.code)
    cell.leave()
    assert "You've left morning." in shown[-1].message
    assert joined(progress_here()) is None
    cell.check(wrong_mask, "causal_mask")
    assert board.attempts == []


# The panel


def test_a_published_page_opens_beside_the_notebook(progress, board):
    token = board.store.publish(board.room, "Mine", "<p>")
    html = panel.BoardPanel(enter(progress, board)).words.value
    assert 'target="_blank"' in html and f'href="{ADDRESS}/published/{token}"' in html


def test_the_panel_shows_the_room_and_its_buttons_send_notes_and_votes(progress, board):
    board.store.open_exercise(board.room, "causal_mask", 5)
    board.store.begin_poll(board.room, "score-shape")
    box = enter(progress, board)
    shown = panel.BoardPanel(box)
    text = repr(shown)
    assert "You're in morning, as Ada." in text and "5 minutes are left" in text and "Your code stays here" in text
    shown.notes["stuck"].click()
    shown.poll.children[2].click()
    box.exchange()
    assert box.room["note"] == "stuck" and shown.notes["stuck"].description == "Stuck ✓"
    assert box.room["poll"]["vote"] == 1 and re.fullmatch(r"b\)  .* ✓", shown.poll.children[2].description)
    board.store.change_poll(board.store.poll(board.store.room(1)), stage=1)
    box.exchange()
    assert ": 1" not in shown.poll.children[2].description, "not before the instructor shows it"
    board.store.change_poll(board.store.poll(board.store.room(1)), stage=1, shown=1)
    box.exchange()
    assert shown.poll.children[2].description.endswith(": 1") and shown.poll.children[2].disabled
    shown.notes["stuck"].click()
    box.exchange()
    assert box.room["note"] == "" and shown.notes["stuck"].description == "Stuck"


def test_what_a_board_says_is_text_in_the_panel(progress, board):
    box = enter(progress, board)
    evil = "<img src=x onerror=alert(1)>"
    box.room |= {"room": evil, "name": evil, "open": {"id": evil, "title": evil, "lesson": evil}}
    box.room["pages"] = [{"token": '"><script>', "title": evil}]
    box.room["poll"] = {"question": evil, "options": [evil], "stage": 0, "id": 1, "bars": [None, None]}
    shown = panel.BoardPanel(box)
    html = shown.words.value + shown.poll.children[0].value + shown._repr_mimebundle_()["text/html"]
    assert "<img" not in html and "<script" not in html


@pytest.mark.parametrize(
    "seconds, said", [(None, ""), (0, "The time is up."), (59, "Less than a minute"), (61, "2 min")]
)
def test_how_long_is_left(seconds, said):
    assert said in panel.time_left(seconds) and bool(said) == bool(panel.time_left(seconds))
