"""What a room looks like: to its instructor, and to a learner in it. Reads the store, changes nothing."""

from collections import Counter, defaultdict
from math import ceil
from typing import Any

from attncore.app.board import tally
from attncore.app.board.asked import OUTCOMES, options, reasons, right_option
from attncore.app.board.records import ANSWER, HIDDEN, Attempt, Learner, Poll, Room
from attncore.app.board.store import Store
from attncore.app.graded.tables import cell
from attncore.exercises import find

View = dict[str, Any]
Latest = dict[int, tuple[Attempt, list[str]]]  # by learner
AWAY = 30.0  # seconds without a word after which somebody counts as away
STEPS = 60  # of the picture over time


def for_instructor(store: Store, room: Room, seen: dict[int, float]) -> View:
    """All that the instructor's page shows. `seen` is when each learner was last heard of."""
    now, learners = store.clock(), store.learners(room)
    here = {learner.id for learner in learners if now - seen.get(learner.id, 0) < AWAY}
    places, latest, poll = tally.places(store, room), tally.latest(store, room), store.poll(room)
    return common(store, room) | {
        "code": room.code,
        "until": room.until,
        "shut": bool(room.shut),
        "people": len(learners),
        "here": len(here),
        "attempts": sum(place.attempts for place in places),
        "ready": store.receipts(room),
        "open": opened(store, room, places, now) if room.exercise else None,
        "where": where(places, latest),
        "mistakes": [mistake._asdict() for mistake in tally.mistakes(store, room)],
        "nameless": tally.nameless(store, room),
        "notes": Counter(learner.note for learner in learners if learner.note),
        "learners": rows(learners, latest, here, now),
        "poll": instructors_poll(store, poll, here) if poll else None,
    }


def for_learner(store: Store, room: Room, learner: Learner) -> View:
    """All that a learner sees of the room."""
    days = {"until": room.until, "now": store.clock()}
    poll = store.poll(room)
    view = common(store, room) | days | {"name": learner.called, "note": learner.note}
    if room.exercise:
        exercise = find(room.exercise)
        view["open"] = {"id": exercise.id, "title": exercise.title, "lesson": exercise.lesson}
    view["poll"] = poll_view(store, poll) | {"vote": store.vote_of(poll, learner)} if poll else None
    return view


def common(store: Store, room: Room) -> View:
    """What both see."""
    return {
        "room": room.name,
        "left": None if room.closes is None else max(0, round(room.closes - store.clock())),
        "pages": [{"token": token, "title": title} for token, title in store.pages(room)],
    }


def opened(store: Store, room: Room, places: list[tally.Place], now: float) -> View:
    """The exercise that is open: how the room stands, and how it came to."""
    exercise, start = find(room.exercise or ""), room.opened or now
    return {
        "id": exercise.id,
        "title": exercise.title,
        "lesson": exercise.lesson,
        "counts": next((place.counts for place in places if place.exercise == exercise.id), dict.fromkeys(OUTCOMES, 0)),
        "since": round(now - start),
        "timeline": timeline(tally.firsts(store, room, exercise.id), start, now),
    }


def timeline(firsts: list[tuple[float | None, ...]], start: float, end: float) -> list[list[int]]:
    """How many stood how at the end of each of equal steps from the start on, in the order of OUTCOMES."""
    changes = [[0] * len(OUTCOMES) for _ in range(STEPS + 2)]
    for times in firsts:
        better = STEPS + 1  # the step from which on the learner stands better than this
        for place, at in enumerate(times):
            step = better if at is None else min(step_of(at, start, end), better)
            changes[step][place] += 1
            changes[better][place] -= 1
            better = step
    return [[sum(column) for column in zip(*changes[: step + 1], strict=True)] for step in range(STEPS + 1)]


def step_of(at: float, start: float, end: float) -> int:
    """The first step at whose end something had happened."""
    return 0 if at <= start else ceil(STEPS * (at - start) / (end - start)) if at <= end else STEPS + 1


def where(places: list[tally.Place], latest: Latest) -> list[View]:
    """The exercises that were tried: who is there, and how the room stands."""
    here = Counter(attempt.exercise for attempt, _ in latest.values())
    return [
        {
            "id": place.exercise,
            "title": find(place.exercise).title,
            "here": here[place.exercise],
            "counts": place.counts,
        }
        for place in places
    ]


def rows(learners: list[Learner], latest: Latest, here: set[int], now: float) -> list[View]:
    """Where everybody stands: who is stuck first, then who is at work, then who is done; the longest idle first."""
    shown = [row(learner, latest.get(learner.id), now) | {"away": learner.id not in here} for learner in learners]
    return sorted(shown, key=lambda row: (("stuck", "", "done").index(row["note"]), -row["idle"]))


def row(learner: Learner, last: tuple[Attempt, list[str]] | None, now: float) -> View:
    """Where one learner stands: the note, since when nothing has happened, and the latest attempt."""
    view: View = {"id": learner.id, "name": learner.called, "note": learner.note, "at": "", "lesson": "", "outcome": ""}
    view["labels"] = []
    happened = [learner.joined, learner.noted or 0.0]
    if last:
        attempt, view["labels"] = last
        view |= {"at": attempt.exercise, "lesson": find(attempt.exercise).lesson, "outcome": attempt.outcome}
        happened.append(attempt.at)
    return view | {"idle": round(now - max(happened))}


def poll_view(store: Store, poll: Poll) -> View:
    """A poll as the room sees it: how many have voted; its bars and the right answer once they are shown."""
    view = whole_poll(store, poll)
    return view if poll.shown else view | {"bars": [None, None]}


def instructors_poll(store: Store, poll: Poll, here: set[int]) -> View:
    """A poll as its instructor sees it: the bars before the room does, and how many of those here haven't voted yet."""
    waiting = len(here - store.voters(poll)) if poll.round is not None else 0
    return whole_poll(store, poll) | {"hidden": poll.shown == HIDDEN, "waiting": waiting}


def whole_poll(store: Store, poll: Poll) -> View:
    """A poll with the bars of each vote that is closed."""
    exercise, choices, votes = find(poll.exercise), options(poll.exercise), store.votes(poll)
    rounds = [[votes.get((round, option), 0) for option in range(len(choices))] for round in (0, 1)]
    view = {
        "id": poll.id,
        "exercise": poll.exercise,
        "question": exercise.words["question"],
        "options": list(choices),
        "stage": poll.stage,
        "votes": [sum(bars) for bars in rounds],
        "bars": [bars if closed else None for bars, closed in zip(rounds, poll.closed, strict=True)],
    }
    answer = {"right": right_option(poll.exercise), "reasons": reasons(poll.exercise)}
    return view | (answer if poll.shown == ANSWER else {})


def export(store: Store, room: Room) -> list[list[Any]]:
    """A row for each attempt, without names; the numbers of the learners are those of no other list."""
    named = defaultdict(list)
    for learner, id, label in store.labels(room):
        named[learner, id].append(label)
    shuffled = store.rows("select id from learners where room = ? order by key", room.id)
    numbers = {id: number for number, (id,) in enumerate(shuffled, 1)}
    rows: list[list[Any]] = [["seconds", "learner", "exercise", "outcome", "labels"]]
    for attempt in store.attempts(room):
        labels = cell("; ".join(named[attempt.learner, attempt.id]))
        rows.append([round(attempt.at - room.created), numbers[attempt.learner], *attempt[3:], labels])
    return rows
