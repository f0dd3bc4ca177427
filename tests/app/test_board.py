"""The board's server: who may do what, what it keeps, and what it shows."""

import asyncio
import csv
import dataclasses
import io
import json
import random
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from contrast import contrast
from starlette.testclient import TestClient

from attncore.app.board import asked, desk, pages, published, store, tally, views
from attncore.app.board.desk import Desk
from attncore.app.board.records import Event
from attncore.app.board.server import app
from attncore.app.board.store import Store

EXERCISE = "scaled_dot_product_attention"
ADA, BOB = "a" * 24, "b" * 24


class Clock:
    """A clock that stands still until it's told to go on."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "board.sqlite"


@pytest.fixture
def kept(file, clock):
    opened = Store(file, clock)
    yield opened
    opened.close()


@pytest.fixture
def room(kept):
    return kept.opened_room("morning")


@pytest.fixture
def board(kept, clock):
    return TestClient(app(kept, "http://10.0.0.7:8765", Desk(kept, clock)))


@pytest.fixture
def send(board, room, clock):
    """Send a learner's message, and return the answer."""

    def sent(key=ADA, status=200, **message):
        answer = board.post("/sync", json={"code": room.code, "key": key, "now": clock()} | message)
        assert answer.status_code == status, answer.text
        return answer.json()

    return sent


@pytest.fixture
def instructor(board, room):
    """A browser that has been at the address with the secret."""
    browser = TestClient(board.app)
    assert browser.get(f"/instructor/{room.id}?secret={room.secret}").status_code == 200
    return browser


@pytest.fixture
def state(instructor, room):
    return lambda: instructor.get(f"/instructor/{room.id}/state").json()


@pytest.fixture
def change(instructor, room):
    """Use a control of the instructor's page."""

    def changed(control, status=200, **message):
        answer = instructor.post(f"/instructor/{room.id}/{control}", json=message, headers={"X-Attncore-Board": "1"})
        assert answer.status_code == status, answer.text
        return answer.json()

    return changed


def attempt(id, at, outcome="wrong", *labels, exercise=EXERCISE):
    return {"id": id, "at": at, "exercise": exercise, "outcome": outcome, "labels": list(labels)}


# What the room is doing


def test_the_mistakes_of_the_room_by_name(send, state, clock):
    send(ADA, events=[attempt(1, clock(), "wrong", "not scaled"), attempt(2, clock(), "wrong", "not scaled")])
    send(BOB, events=[attempt(1, clock(), "wrong", "not scaled"), attempt(2, clock(), "wrong", "mask ignored")])
    send("c" * 24, events=[attempt(1, clock(), "wrong", "not scaled"), attempt(2, clock(), "right")])
    assert [(m["label"], m["made"], m["still"]) for m in state()["mistakes"]] == [
        ("not scaled", 3, 1),
        ("mask ignored", 1, 1),
    ]
    assert state()["nameless"] == 0
    send("d" * 24, events=[attempt(1, clock(), "wrong")])
    assert state()["nameless"] == 1


def test_the_smallest_case_of_a_mistake_is_what_its_learner_was_told(instructor, room):
    asked_for = {"exercise": EXERCISE, "label": "not scaled"}
    lines = instructor.get(f"/instructor/{room.id}/case", params=asked_for).json()
    assert ["head", f"{EXERCISE}: not scaled."] in lines
    assert any(role == "input" and "query = np.array" in text for role, text in lines)
    asked_for["label"] = "no such mistake"
    assert instructor.get(f"/instructor/{room.id}/case", params=asked_for).status_code == 404


def test_every_mistake_of_the_course_can_be_shown():
    exercise = asked.find("output-shape")
    assert asked.smallest_case(exercise.id, next(iter(exercise.wrong)))
    promise = next(iter(asked.labels(EXERCISE) - asked.find(EXERCISE).wrong.keys()))
    assert asked.smallest_case(EXERCISE, promise)[0] == ("head", promise)


def test_a_mistake_in_a_corner_is_not_introduced_as_right():
    (role, head), *rest = asked.smallest_case(EXERCISE, "an empty row averages the values")
    assert (role, head) == ("head", f"{EXERCISE}: right, but a corner is open.")
    assert [role for role, _ in rest].count("input") == 1 and "head" not in dict(rest)


def test_labels_are_found_in_what_an_attempt_keeps():
    assert asked.labels_in("online_softmax", "no such; large scores") == []
    one = "Numbers may be -inf; a row of nothing else has the maximum -inf and the total 0."
    other = sorted(asked.find("online_softmax").wrong)[0]
    assert asked.labels_in("online_softmax", f"{one}; {other}") == [one, other]
    assert asked.labels_in("online_softmax", None) == []


def test_what_is_done_stays_done_and_the_picture_grows(send, change, state, clock):
    change("open", exercise=EXERCISE, minutes=10)
    clock.now += 300
    send(ADA, events=[attempt(1, clock() - 240, "raised"), attempt(2, clock() - 60, "edge")])
    send(BOB, events=[attempt(1, clock() - 120, "right"), attempt(2, clock(), "wrong")])
    shown = state()
    assert shown["open"]["counts"] == {"right": 1, "edge": 1, "wrong": 0, "raised": 0}
    first, last = shown["open"]["timeline"][0], shown["open"]["timeline"][-1]
    assert (first, last) == ([0, 0, 0, 0], [1, 1, 0, 0])
    assert [0, 0, 0, 1] in shown["open"]["timeline"]
    assert shown["left"] == 300
    assert send()["left"] == 300, "learners see the same clock"


def test_where_everybody_is(send, state, clock):
    clock.now += 60
    send(ADA, events=[attempt(1, clock() - 30, "right"), attempt(2, clock(), exercise="causal_mask")])
    send(BOB, events=[attempt(1, clock(), "wrong")])
    assert [(place["id"], place["here"]) for place in state()["where"]] == [(EXERCISE, 1), ("causal_mask", 1)]


def test_notes_come_stuck_first_then_idle_and_go_when_an_exercise_is_opened(send, change, state, clock):
    for key, name in ((ADA, "Ada"), (BOB, "Bob"), ("c" * 24, "Cy"), ("d" * 24, "Di")):
        send(key, nickname=name)
        clock.now += 60
    send(ADA, note="done")
    send("c" * 24, note="stuck")
    assert [(row["name"], row["note"]) for row in state()["learners"]] == [
        ("Cy", "stuck"),
        ("Bob", ""),
        ("Di", ""),
        ("Ada", "done"),
    ]
    change("open", exercise=EXERCISE)
    assert {row["note"] for row in state()["learners"]} == {""}
    send(ADA, status=400, note="<b>help</b>")


def test_more_minutes_for_the_open_exercise_change_nothing_else(send, change, state, clock):
    change("open", exercise=EXERCISE, minutes=10)
    clock.now += 300
    send(ADA, note="stuck")
    change("open", exercise=EXERCISE, minutes=7)
    assert (state()["left"], state()["open"]["since"]) == (420, 300)
    assert state()["notes"] == {"stuck": 1}
    change("open", exercise="softmax", minutes=7)
    assert state()["notes"] == {} and state()["open"]["since"] == 0


def test_a_laptop_that_slept_and_one_whose_clock_is_wrong(send, kept, room, clock):
    clock.now += 1000
    send(ADA, events=[attempt(1, clock() - 400)])
    send(BOB, now=clock() + 86_400, events=[attempt(1, clock() + 86_400 - 500)])
    send("c" * 24, events=[attempt(1, clock() + 10_000), attempt(2, 0.0)])
    times = {(a.learner, a.id): a.at - room.created for a in kept.attempts(room)}
    assert times == {(1, 1): 600, (2, 1): 500, (3, 1): 1000, (3, 2): 0}
    assert [a.learner for a in kept.attempts(room)] == [3, 2, 1, 3]


def test_the_room_is_added_up_as_if_all_of_it_were_read_again(kept, room, clock):
    """Attempts come in parts, late and twice; a plain count over all of them is the oracle."""
    rng, names = random.Random(0), sorted(asked.find(EXERCISE).wrong)[:3]
    sent = defaultdict(list)
    for n in range(400):
        learner, exercise = rng.randrange(5), rng.choice([EXERCISE, "softmax"])
        outcome = rng.choice(["wrong", "wrong", "raised", "edge", "right"]) if n > 300 else "wrong"
        labels = rng.sample(names, rng.randrange(3)) if outcome == "wrong" and exercise == EXERCISE else []
        sent[learner].append(Event(len(sent[learner]) + 1, clock() - 400 + n, exercise, outcome, labels))
    people = {learner: kept.admit(room, str(learner), "") for learner in sent}
    parts = [(learner, events[n : n + 7]) for learner, events in sent.items() for n in range(0, len(events), 5)]
    rng.shuffle(parts)
    for learner, part in parts:
        kept.add(people[learner], part)

    opened = {name: dataclasses.replace(room, exercise=name) for name in (EXERCISE, "softmax")}
    counted = {place.exercise: place for place in tally.places(kept, room)}
    for exercise in (EXERCISE, "softmax"):
        of = [[event for event in events if event.exercise == exercise] for events in sent.values()]
        best = Counter(min((e.outcome for e in events), key=asked.OUTCOMES.index) for events in of)
        assert counted[exercise].counts == {outcome: best[outcome] for outcome in asked.OUTCOMES}
        assert counted[exercise].attempts == sum(map(len, of))
        unnamed = [e for e in of if not {"right", "edge"} & {a.outcome for a in e} and e[-1].outcome == "wrong"]
        assert tally.nameless(kept, opened[exercise]) == sum(not events[-1].labels for events in unnamed)
        shown = tally.mistakes(kept, opened[exercise])
        assert shown == [mistake for mistake in tally.mistakes(kept, room) if mistake.exercise == exercise]
        for found in shown:
            assert found.made == sum(any(found.label in e.labels for e in events) for events in of)
            never = [events for events in of if "right" not in {e.outcome for e in events}]
            assert found.still == sum(found.label in events[-1].labels for events in never)
        ends = [clock() - 400 + 400 * step / views.STEPS for step in range(views.STEPS + 1)]
        for end, shown in zip(ends, views.timeline(tally.firsts(kept, room, exercise), ends[0], ends[-1]), strict=True):
            until = [[e.outcome for e in events if e.at <= end] for events in of]
            best = Counter(min(outcomes, key=asked.OUTCOMES.index) for outcomes in until if outcomes)
            assert shown == [best[outcome] for outcome in asked.OUTCOMES]
    last = {people[learner].id: events[-1] for learner, events in sent.items()}
    for learner, (attempt, labels) in tally.latest(kept, room).items():
        assert (attempt.id, attempt.exercise, attempt.outcome) == (last[learner].id, *last[learner][2:4])
        assert labels == sorted(last[learner].labels)


def test_a_look_at_the_room_reads_no_more_after_more_attempts(kept, room, clock):
    """Counted by SQLite's own steps, which are the same on every machine."""
    ada = kept.admit(room, ADA, "Ada")
    kept.open_exercise(room, EXERCISE, None)
    room, steps = kept.room(room.id), []
    for number in (200, 4000):
        kept.add(ada, [Event(n, clock(), EXERCISE, "wrong", ["not scaled"]) for n in range(1, number + 1)])
        ticks = []
        kept.connection.set_progress_handler(lambda ticks=ticks: ticks.append(1), 10)
        views.for_instructor(kept, room, {})
        kept.connection.set_progress_handler(None, 0)
        steps.append(len(ticks))
    assert 0 < steps[1] < 2 * steps[0]


def test_where_each_learner_stands(send, change, state, clock):
    send(ADA, nickname="Ada", events=[attempt(1, clock(), "wrong", "not scaled")])
    send(BOB, nickname="Bob", events=[attempt(1, clock(), "raised", exercise="causal_mask")], note="stuck")
    send("c" * 24, nickname="Cy")
    clock.now += 90
    rows = [
        [row[name] for name in ("name", "note", "lesson", "at", "outcome", "labels", "idle")]
        for row in state()["learners"]
    ]
    assert rows == [
        ["Bob", "stuck", "06_masks", "causal_mask", "raised", [], 90],
        ["Ada", "", "04_dot_product", EXERCISE, "wrong", ["not scaled"], 90],
        ["Cy", "", "", "", "", [], 90],
    ]
    assert "learners" not in send(ADA)


# Who may do what


def test_who_is_removed_is_gone_with_all_that_they_sent_and_does_not_come_back(send, change, state, kept, room, clock):
    change("poll", exercise="score-shape")
    vote = {"poll": send(BOB)["poll"]["id"], "stage": 0, "option": 0}
    send(ADA, nickname="Telltale", note="stuck", events=[attempt(1, clock(), "wrong", "not scaled")], vote=vote)
    (ada,) = [row["id"] for row in state()["learners"] if row["name"] == "Telltale"]
    change("remove", status=400, learner="Telltale")
    change("remove", learner=ada)
    shown = state()
    assert (shown["people"], shown["attempts"], shown["mistakes"], shown["notes"]) == (1, 0, [], {})
    assert shown["poll"]["votes"] == [0, 0] and "Telltale" not in json.dumps(shown)
    assert send(ADA, status=410)["problem"] == desk.REMOVED
    send("c" * 24)
    assert ada not in [row["id"] for row in state()["learners"]], "a number is nobody else's later"


def test_nobody_is_removed_from_another_room(send, change, kept, state):
    other = kept.opened_room("afternoon")
    send(ADA, code=other.code)
    change("remove", learner=kept.learner(other, ADA).id)
    assert len(kept.learners(other)) == 1


def test_a_closed_door_keeps_out_who_is_new(send, change, state):
    send(ADA, nickname="Ada")
    change("door", status=400, shut="yes")
    change("door", shut=True)
    assert state()["shut"]
    assert send(BOB, status=403)["problem"] == desk.SHUT
    assert send(ADA)["name"] == "Ada"
    change("door", shut=False)
    send(BOB)


def test_an_attempt_that_is_sent_again_counts_once(send, state, clock):
    for _ in range(3):
        send(events=[attempt(1, clock(), "wrong", "not scaled"), attempt(2, clock(), "right")])
    send(events=[attempt(1, clock(), "right", "mask ignored")])
    assert state()["attempts"] == 2
    assert [m["label"] for m in state()["mistakes"]] == ["not scaled"], "nobody rewrites what was kept"


def test_a_wrong_code_is_a_sentence(send):
    assert send(code="ZZZZZZ", status=403)["problem"] == desk.NO_SUCH


def test_a_code_is_read_as_it_is_typed(send, room):
    assert send(code=f" {room.code.lower()} ")["room"] == "morning"


def test_the_same_nickname_twice_is_told_apart(send):
    assert send(ADA, nickname="Kim")["name"] == "Kim"
    assert send(BOB, nickname="Kim")["name"] == "Kim 2"
    assert send(ADA, nickname="Kim")["name"] == "Kim"
    assert send(BOB, nickname="Lee")["name"] == "Lee"
    assert send("c" * 24)["name"] == "Learner"


def test_a_nickname_is_short_and_on_one_line(send):
    assert send(nickname="  a\u202e\x00b\n c  " + "x" * 80)["name"] == "ab c " + "x" * 19
    send(nickname="x" * 1000, status=400)


def test_a_key_of_somebody_else_changes_nothing_of_mine(send, kept, room, clock):
    send(ADA, events=[attempt(1, clock(), "right")], note="done")
    send(BOB, events=[attempt(1, clock(), "wrong")], note="")
    ada = kept.learner(room, ADA)
    assert ada.note == "done"
    assert [(a.learner, a.outcome) for a in kept.attempts(room)] == [(ada.id, "right"), (2, "wrong")]
    answer = send(BOB)
    assert ADA not in json.dumps(answer) and "learners" not in answer


def test_two_rooms_know_nothing_of_each_other(board, kept, send, state, instructor, clock):
    other = kept.opened_room("afternoon")
    send(ADA, code=other.code, events=[attempt(1, clock(), "wrong", "not scaled")])
    assert state()["people"] == 0 and state()["mistakes"] == []
    assert instructor.get(f"/instructor/{other.id}/state").status_code == 403
    assert board.get(f"/instructor/{other.id}?secret={kept.rooms()[0].secret}").status_code == 403
    assert kept.learner(other, ADA).id == 1


def test_the_instructors_page_needs_its_secret_and_its_changes_a_header(board, instructor, room):
    page = f"/instructor/{room.id}"
    for path in (
        page,
        f"/instructor/{10**30}",
        f"/instructor/{'9' * 5000}",
        f"{page}/state",
        f"{page}/catalog",
        f"{page}/case",
        f"{page}/export.csv",
        f"{page}?secret=no",
    ):
        assert board.get(path).status_code == 403, path
    ours = {"X-Attncore-Board": "1"}
    assert board.post(f"{page}/close", json={}, headers=ours).status_code == 403
    assert instructor.post(f"{page}/close", json={}).status_code == 403
    assert instructor.post(f"{page}/publish", content=b"{}").status_code == 403
    assert instructor.post(f"{page}/close", content="a=b", headers=ours).status_code == 415
    assert instructor.post(f"{page}/close", json={}, headers=ours).status_code == 200
    given = TestClient(board.app).get(f"{page}?secret={room.secret}").headers["set-cookie"]
    assert "HttpOnly" in given and "SameSite=strict" in given and f"Path={page}" in given


def test_one_key_is_limited_and_the_others_of_its_address_are_not(board, send, clock):
    answers = [board.post("/sync", json={"code": "", "key": ADA}).status_code for _ in range(2)]
    assert set(answers) == {403}
    send(ADA)
    for _ in range(40):
        send(ADA)
    assert send(ADA, status=429)["problem"] == desk.TOO_OFTEN
    send(BOB)
    clock.now += 1
    send(ADA)


def test_an_address_cannot_make_up_keys_without_end(send, clock):
    for n in range(400):
        send(f"{n:024}")
    send("x" * 24, status=429)
    send(f"{1:024}")
    clock.now += 1
    send("x" * 24)


def test_two_boards_on_one_machine_leave_each_other_alone(board, instructor, room, tmp_path):
    """A browser knows their cookies by the host and not by the port, and their rooms have the same numbers."""
    other = Store(tmp_path / "other.sqlite")
    theirs = other.opened_room("morning")
    page = f"/instructor/{theirs.id}"
    told = TestClient(app(other)).get(f"{page}?secret={theirs.secret}").headers["set-cookie"]
    instructor.cookies.set(*told.partition(";")[0].split("="), path=page, domain="testserver.local")
    assert theirs.id == room.id and instructor.get(f"{page}/state").status_code == 200
    other.close()


def test_receipts_without_end_keep_nobody_from_joining(board, room, send):
    for _ in range(401):
        answer = board.post("/ready", json={"code": room.code, "receipt": "ABC"})
    assert answer.status_code == 429
    send(ADA)


def test_a_laptop_that_is_closed_while_it_sends_is_no_error_of_ours(room):
    said = []

    async def receive():
        return {"type": "http.disconnect"}

    async def answer(message):
        said.append(message)

    head = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/sync", "headers": head, "query_string": b"", "client": None}
    with ThreadPoolExecutor() as beside:  # as the browser's tests leave a loop running in this thread
        beside.submit(asyncio.run, app(None)(scope, receive, answer)).result()
    assert said[0]["status"] == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"[" * 50_000,
        b'{"code": 1, "key": "aaaaaaaaaaaaaaaaaaaaaaaa"}',
        b'{"key": "aaaaaaaaaaaaaaaaaaaaaaaa"}',
        b'{"code": "CODE", "key": "short"}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "now": NaN}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "nickname": ["x"]}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "vote": 7}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "events": {"id": 1}}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "events": [1]}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "events": [{"id": 1e400}]}',
        b"\xff\xfe\x00",
        b'{"code": "\\ud800", "key": "aaaaaaaaaaaaaaaaaaaaaaaa"}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaa\\ud800"}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "now": 1%s}' % (b"0" * 400),
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "note": {}}',
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "events": [{"id": 1, "at": 1%s, "exercise": "softmax",'
        b' "outcome": "right", "labels": []}]}' % (b"0" * 400),
        b'{"code": "CODE", "key": "aaaaaaaaaaaaaaaaaaaaaaaa", "events": [{"id": 1, "at": 1, "exercise": "softmax",'
        b' "outcome": "right", "labels": [{}]}]}',
    ],
)
def test_a_hostile_body_is_refused(body, board, room, state):
    body = body.replace(b"CODE", room.code.encode())
    answer = board.post("/sync", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert state()["attempts"] == 0


def test_bodies_are_bounded(board, instructor, room):
    large = {"code": room.code, "key": ADA, "nickname": "x" * desk.LARGEST}
    assert board.post("/sync", json=large).status_code == 413
    parts = iter([b"x" * 1_000_000] * 11)
    path, ours = f"/instructor/{room.id}/publish", {"X-Attncore-Board": "1"}
    assert instructor.post(path, content=parts, headers=ours).status_code == 413


def test_nothing_that_the_course_does_not_say_is_kept(send, state, kept, clock):
    said = "<script>a telltale</script>"
    send(events=[attempt(1, clock(), "wrong", said, "not scaled"), attempt(2, clock(), "wrong", exercise=said)])
    send(events=[attempt(3, clock(), said), attempt(4, clock(), "wrong", exercise="why-scale")])
    assert state()["attempts"] == 1
    assert [m["label"] for m in state()["mistakes"]] == ["not scaled"]
    assert "telltale" not in "\n".join(kept.connection.iterdump())


def test_an_integer_too_large_for_the_store_is_refused(send, clock):
    send(status=400, events=[attempt(2**64, clock())])
    send(status=400, events=[attempt(1, clock()) | {"at": "yesterday"}])


# Polls


def test_a_poll_before_and_after_talking_it_over(send, change, state):
    change("poll", exercise="score-shape")
    poll = send(ADA)["poll"]
    right = asked.right_option("score-shape")
    assert poll["options"] == list(asked.options("score-shape")) and "right" not in poll
    send(ADA, vote={"poll": poll["id"], "stage": 0, "option": 0})
    send(ADA, vote={"poll": poll["id"], "stage": 0, "option": (right + 1) % 4})
    send(BOB, vote={"poll": poll["id"], "stage": 0, "option": right})
    change("show")
    assert state()["poll"]["bars"] == [None, None], "nobody is swayed while the vote is on"
    assert state()["poll"]["votes"] == [2, 0]
    change("advance", stage=0)
    change("advance", stage=0)  # a second click
    assert send(ADA)["poll"]["bars"] == [None, None], "the room talks before it sees how it voted"
    assert state()["poll"]["bars"][0][right] == 1 and state()["poll"]["hidden"]
    change("show")
    assert send(ADA)["poll"]["bars"][0][right] == 1 and not state()["poll"]["hidden"]
    send(ADA, vote={"poll": poll["id"], "stage": 0, "option": right})  # too late
    change("advance", stage=1)
    send(ADA, vote={"poll": poll["id"], "stage": 2, "option": right})
    assert send(ADA)["poll"]["vote"] == right and send(ADA)["poll"]["bars"] == [None, None]
    change("advance", stage=2)
    assert send(ADA)["poll"]["bars"] == [None, None]
    change("show")
    shown = send(ADA)["poll"]
    assert (sum(shown["bars"][0]), shown["bars"][1][right]) == (2, 1) and "right" not in shown
    change("reveal")
    change("show")
    assert send(BOB)["poll"]["right"] == right
    change("end-poll")
    assert send(BOB)["poll"] is None and state()["poll"] is None
    change("advance", status=409, stage=0)


def test_the_answer_brings_its_bars(send, change):
    change("poll", exercise="score-shape")
    send(ADA, vote={"poll": send(ADA)["poll"]["id"], "stage": 0, "option": 0})
    change("reveal")
    assert send(ADA)["poll"]["bars"][0][0] == 1


def test_how_many_have_not_voted_counts_those_who_are_here(send, change, state, clock):
    send("c" * 24)
    clock.now += 2 * views.AWAY
    change("poll", exercise="score-shape")
    poll = send(ADA)["poll"]
    send(BOB)
    assert state()["poll"]["waiting"] == 2
    send(ADA, vote={"poll": poll["id"], "stage": 0, "option": 0})
    assert state()["poll"]["waiting"] == 1
    change("advance", stage=0)
    assert state()["poll"]["waiting"] == 0
    change("advance", stage=1)
    assert state()["poll"]["waiting"] == 2, "the second vote begins anew"
    assert "waiting" not in send(ADA)["poll"]


def test_what_cannot_be_voted_for_is_dropped_and_what_has_no_choices_is_not_asked(send, change, kept):
    change("poll", status=400, exercise=EXERCISE)
    change("poll", status=400, exercise="start-sum")
    change("poll", exercise="score-shape")
    poll = send()["poll"]
    for vote in ({"option": 9}, {"option": -1}, {"poll": 99}, {"stage": 2}):
        send(vote={"poll": poll["id"], "stage": 0, "option": 0} | vote)
    assert kept.votes(kept.poll(kept.rooms()[0])) == {}


def test_each_question_has_its_answer_among_its_options():
    questions = [entry["id"] for entry in asked.catalog() if entry["poll"]]
    assert len(questions) > 100
    for id in questions:
        assert asked.options(id)[asked.right_option(id)] == asked.written(asked.find(id).reference())
        assert len(asked.reasons(id)) == len(asked.options(id)) == len(set(asked.options(id)))


# Kept, exported, deleted


def test_a_board_that_was_killed_knows_everything_when_it_starts_again(file, kept, send, clock, room):
    send(nickname="Ada", note="stuck", events=[attempt(1, clock(), "wrong", "not scaled")])
    again = Store(file, clock)  # the first was never closed
    assert again.opened_room("morning") == room, "the same code, and the same secret"
    desk = Desk(again, clock)
    view = desk.hear({"code": room.code, "key": ADA, "events": [attempt(1, clock(), "right")]}, "")
    assert (view["name"], view["note"]) == ("Ada", "stuck")
    assert [m["label"] for m in views.for_instructor(again, room, {})["mistakes"]] == ["not scaled"]
    again.close()


def test_the_file_is_the_instructors_alone(file, kept, send):
    assert file.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    send(ADA)
    assert ADA not in "\n".join(kept.connection.iterdump()), "a key is kept as its hash"


def test_a_file_of_another_edition_is_left_alone(file, kept):
    kept.connection.execute("pragma user_version = 99")
    with pytest.raises(sqlite3.DatabaseError, match="newer edition"):
        Store(file)
    kept.connection.execute("pragma user_version = 1")
    with pytest.raises(sqlite3.DatabaseError, match="older edition"):
        Store(file)


def test_the_export_has_no_names(send, instructor, room, clock):
    send(ADA, nickname="Ada", events=[attempt(1, clock(), "wrong", "not scaled", "mask ignored")])
    send(BOB, nickname="Bob", events=[attempt(1, clock(), "right")])
    text = instructor.get(f"/instructor/{room.id}/export.csv").text
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["seconds", "learner", "exercise", "outcome", "labels"]
    assert ["wrong", "mask ignored; not scaled"] in [row[3:] for row in rows]
    assert "Ada" not in text and "Bob" not in text


def test_no_spreadsheet_takes_a_label_for_a_formula(send, instructor, room, clock):
    send(ADA, events=[attempt(1, clock(), "wrong", "-inf gives NaN", exercise="online_softmax")])
    rows = list(csv.reader(io.StringIO(instructor.get(f"/instructor/{room.id}/export.csv").text)))
    assert rows[1][4] == "'-inf gives NaN"


def test_the_numbers_in_the_export_are_not_the_order_of_joining(send, instructor, room, clock):
    for n in range(6):
        send(f"{n:024}", events=[attempt(1, clock(), "right")])
        clock.now += 1
    rows = list(csv.reader(io.StringIO(instructor.get(f"/instructor/{room.id}/export.csv").text)))[1:]
    numbers = [row[1] for row in sorted(rows, key=lambda row: int(row[0]))]
    assert sorted(numbers) == list("123456") != numbers


def test_a_room_is_deleted_with_all_that_is_in_it(send, change, kept, room, file, clock):
    send(nickname="Telltale", events=[attempt(1, clock(), "wrong", "not scaled")])
    change("delete", status=400, name="morn")
    change("delete", name="morning")
    assert kept.rooms() == []
    left = {table: kept.rows(f"select count(*) from {table}")[0][0] for table in ("learners", "events", "labels")}
    assert left == {"learners": 0, "events": 0, "labels": 0}
    assert not any(b"Telltale" in path.read_bytes() for path in file.parent.glob("board.sqlite*")), "overwritten, too"
    assert send(status=410)["problem"] == desk.ENDED


def test_a_room_goes_when_its_day_has_come(kept, clock):
    kept.opened_room("short", days=2)
    kept.opened_room("long", days=9)
    clock.now += 3 * 86_400
    kept.delete_old()
    assert [room.name for room in kept.rooms()] == ["long"]


def test_the_day_is_looked_at_when_the_board_starts(kept, room, clock):
    clock.now += 31 * 86_400
    with TestClient(app(kept)):
        assert kept.rooms() == []


def test_an_exercise_that_the_course_has_no_more_is_passed_over(send, state, kept, room, clock):
    send(events=[attempt(1, clock(), "right")])
    kept.add(kept.learners(room)[0], [Event(2, clock(), "gone_since", "wrong", ["gone, too"])])
    shown = state()
    assert shown["attempts"] == 1 and shown["mistakes"] == [] and shown["learners"][0]["at"] == ""


def test_a_full_room_takes_nobody_else(send, monkeypatch):
    monkeypatch.setattr(store, "MOST_LEARNERS", 1)
    send(ADA)
    assert "full" in send(BOB, status=403)["problem"]
    send(ADA)


def test_receipts_count_who_is_ready(board, room, state, monkeypatch):
    good = SimpleNamespace(is_receipt=lambda text: text.replace(" ", "").replace("-", "").upper() == "ABC234")
    monkeypatch.setitem(sys.modules, "attncore.app.receipt", good)
    for receipt, status in (("abc 234", 200), ("ABC-234", 200), ("ABC234", 200), ("ABC235", 400), ("x" * 99, 400)):
        assert board.post("/ready", json={"code": room.code, "receipt": receipt}).status_code == status
    assert board.post("/ready", json={"code": "ZZZZZZ", "receipt": "ABC234"}).status_code == 403
    assert state()["ready"] == 1


# Pages


def notebook(*cells):
    return json.dumps({"cells": list(cells), "nbformat": 4}).encode()


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def publish(instructor, room):
    def published(body, title="Mine"):
        path, ours = f"/instructor/{room.id}/publish", {"X-Attncore-Board": "1"}
        return instructor.post(path, content=body, params={"title": title}, headers=ours)

    return published


def test_a_published_notebook_is_read_and_nothing_of_it_runs(board, publish, send):
    outputs = [
        {"output_type": "stream", "text": [EVIL]},
        {"output_type": "execute_result", "data": {"text/html": EVIL, "text/plain": EVIL}},
        {"output_type": "display_data", "data": {"image/png": PNG, "text/plain": f'"{EVIL}'}},
        {"output_type": "display_data", "data": {"image/png": f'{PNG}" onerror="alert(1)', "text/plain": "no picture"}},
        {"output_type": "display_data", "data": {"image/svg+xml": EVIL}},
        {"output_type": "error", "traceback": [f"\x1b[31m{EVIL}\x1b[0m"]},
    ]
    cells = [
        {
            "cell_type": "markdown",
            "source": ["# A heading\n", "\n", f"**bold** `code` {EVIL}\n[x](javascript:1)", f"\n\n{EVIL}"],
        },
        {"cell_type": "code", "source": EVIL, "outputs": outputs},
        {"cell_type": "raw", "source": EVIL},
    ]
    token = publish(notebook(*cells), title=f"T {EVIL}").json()["token"]
    page = board.get(f"/published/{token}")
    assert "<script" not in page.text and "<img src=x" not in page.text and "href" not in page.text
    assert page.text.count("<img ") == page.text.count("data:image/png;base64,") == 1
    assert "<h2>A heading</h2>" in page.text and "<strong>bold</strong> <code>code</code>" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe" not in policy
    assert send()["pages"] == [{"token": token, "title": f"T {EVIL}"}]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"cells": 7}', b'{"cells": [1]}', b"\xff", b"[" * 99_999])
def test_what_is_no_notebook_is_refused(body, publish):
    answer = publish(body)
    assert answer.status_code == 400 and "isn't a Jupyter notebook" in answer.json()["problem"]


def prose(source):
    return published.reader()(source).strip()


def test_links_lead_to_the_web_and_nothing_is_loaded():
    assert 'href="https://a.org/?b=%22"' in prose('[x](https://a.org/?b=")')
    for source in ("[x](javascript:1)", "[x](data:text/html,1)", "[x](06_masks.ipynb)", "![x](https://a.org/b.png)"):
        assert prose(source) == "<p>x</p>"
    assert "style" not in prose("| a |\n|:-:|\n| 1 |") and "<td>1</td>" in prose("| a |\n|:-:|\n| 1 |")


@pytest.mark.parametrize(
    "source, shown",
    [
        (r"$\frac{a}{b}$", "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>"),
        ("so $a\n< b$", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        ("$$\na\n= b$$", '<math display="block"><mrow><mi>a</mi><mo>=</mo><mi>b</mi></mrow></math>'),
        ("$$a$$", '<math display="block">'),
        ("- one $x$", "<li>one <math"),
    ],
)
def test_formulas_are_drawn(source, shown):
    assert shown in prose(source)


@pytest.mark.parametrize("source", ["$5 and $6", r"\$a\$", "`$a$`", "    $a$", "cost: 5$, or 6 $ or so"])
def test_a_price_and_code_are_no_formulas(source):
    assert "<math" not in prose(source)


@pytest.mark.parametrize("latex", [r"\frac{1}{", "{" * 4000, "x" * 9999])
def test_a_formula_that_cannot_be_read_stays_as_it_is(latex):
    assert prose(f"${latex}$") == f"<p><code>{latex}</code></p>"


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;script&gt;}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{color:red}{x}",
        r"\class{a}{x}",
        r"\color{x\" onclick=\"y}{z}",
    ],
)
def test_a_formula_draws_and_does_nothing_else(latex):
    marks = re.findall("<[^>]*>", prose(f"${latex}$"))
    assert "<math" in "".join(marks) and not any(
        re.search("script| (href|style|class|onclick)", mark) for mark in marks
    )


def test_half_a_letter_in_a_notebook_is_passed_over(board, publish):
    token = publish(notebook({"cell_type": "markdown", "source": "before \ud800 after"})).json()["token"]
    assert "before ? after" in board.get(f"/published/{token}").text


def test_a_page_is_taken_off(board, publish, change, send):
    token = publish(notebook()).json()["token"]
    assert board.get(f"/published/{token}").status_code == 200
    change("unpublish", token=token)
    assert board.get(f"/published/{token}").status_code == 404
    assert send()["pages"] == []


def test_our_pages_load_our_scripts_and_nothing_else(board, instructor, room):
    for page in (board.get("/"), instructor.get(f"/instructor/{room.id}")):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert "http" not in page.text.replace("http-equiv", "") and 'style="' not in page.text
        assert page.headers["x-content-type-options"] == "nosniff" and page.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in page.headers
    for script in ("board.js", "learner.js", "shared.js"):
        assert "innerHTML" not in board.get(f"/{script}").text
    assert board.get("/store.py").status_code == 404


@pytest.mark.parametrize("path", ["board.html", "learner.html"])
def test_words_are_readable_in_both_themes(path):
    parts = (pages.HERE / path).read_text(encoding="utf-8").split("prefers-color-scheme: dark")
    light, dark = (dict(re.findall(r"--(paper|ink|quiet): (#\w{6});", part)) for part in parts)
    for theme in (light, dark):
        assert min(contrast(theme["paper"], theme[name]) for name in ("ink", "quiet")) >= 4.5
