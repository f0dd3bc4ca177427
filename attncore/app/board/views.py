"""What a room looks like: to its instructor, and to a learner in it. Reads the store, changes nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from attncore.app.board.asked import OUTCOMES, asked, options, reasons, right_option, why
from attncore.app.board.records import Attempt, Learner, Poll, Room
from attncore.app.board.store import Store
from attncore.app.graded.tables import cell
from attncore.app.progress import rank
from attncore.exercises import find

View = dict[str, Any]
AWAY = 30.0  # seconds without a word after which somebody counts as away
STEPS = 60  # of the picture over time
VOTING, TALKING, AGAIN, OVER = range(4)  # the stages of a poll


@dataclass
class Tally:
    """The attempts of a room, added up: how everybody stands, and who made which mistake."""

    standing: dict[tuple[str, int], str] = field(default_factory=dict)  # (exercise, learner) to outcome
    last: dict[int, Attempt] = field(default_factory=dict)  # by learner
    made: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))  # (exercise, label)
    still: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    nameless: Counter[str] = field(default_factory=Counter)  # by exercise: who stands wrong in a way that has no name

    @classmethod
    def of(cls, attempts: Iterable[Attempt], labels: Iterable[tuple[int, int, str]]) -> "Tally":
        named = defaultdict(list)
        for learner, id, label in labels:
            named[learner, id].append(label)
        tally, latest = cls(), {}
        for attempt in attempts:
            tally.take(attempt)
            latest[attempt.exercise, attempt.learner] = named[attempt.learner, attempt.id]
            for label in named[attempt.learner, attempt.id]:
                tally.made[attempt.exercise, label].add(attempt.learner)
        for (exercise, learner), those in latest.items():
            for label in those if tally.standing[exercise, learner] != "right" else []:
                tally.still[exercise, label].add(learner)
            tally.nameless[exercise] += tally.standing[exercise, learner] == "wrong" and not those
        return tally

    def take(self, attempt: Attempt) -> None:
        """Count an attempt. What was once done stays done, and right stays right, as in a learner's own progress."""
        place = attempt.exercise, attempt.learner
        if rank(attempt.outcome) >= rank(self.standing.get(place, "")):
            self.standing[place] = attempt.outcome
        self.last[attempt.learner] = attempt

    def counts(self, exercise: str) -> dict[str, int]:
        """How many stand how at an exercise."""
        found = Counter(outcome for (at, _), outcome in self.standing.items() if at == exercise)
        return {outcome: found[outcome] for outcome in OUTCOMES}


def for_instructor(store: Store, room: Room, seen: dict[int, float]) -> View:
    """All that the instructor's page shows. `seen` is when each learner was last heard of."""
    now, learners = store.clock(), store.learners(room)
    attempts = [attempt for attempt in store.attempts(room) if asked(attempt.exercise)]  # the course may have changed
    tally = Tally.of(attempts, store.labels(room))
    return common(store, room) | {
        "code": room.code,
        "until": room.until,
        "people": len(learners),
        "here": sum(now - seen.get(learner.id, 0) < AWAY for learner in learners),
        "attempts": len(attempts),
        "ready": store.receipts(room),
        "open": opened(room, attempts, tally, now) if room.exercise else None,
        "where": where(tally),
        "mistakes": mistakes(tally, room.exercise),
        "nameless": tally.nameless[room.exercise] if room.exercise else tally.nameless.total(),
        "notes": Counter(learner.note for learner in learners if learner.note),
        "learners": notes(learners, tally, seen, now),
    }


def for_learner(store: Store, room: Room, learner: Learner) -> View:
    """All that a learner sees of the room."""
    days = {"until": room.until, "now": store.clock()}
    view = common(store, room) | days | {"name": learner.called, "note": learner.note}
    if room.exercise:
        exercise = find(room.exercise)
        view["open"] = {"id": exercise.id, "title": exercise.title, "lesson": exercise.lesson}
    if view["poll"]:
        view["poll"]["vote"] = own_vote(store, room, learner)
    return view


def common(store: Store, room: Room) -> View:
    poll = store.poll(room)
    return {
        "room": room.name,
        "left": None if room.closes is None else max(0, round(room.closes - store.clock())),
        "poll": poll_view(store, poll) if poll else None,
        "pages": [{"token": token, "title": title} for token, title in store.pages(room)],
    }


def opened(room: Room, attempts: list[Attempt], tally: Tally, now: float) -> View:
    """The exercise that is open: how the room stands, and how it came to."""
    exercise = find(room.exercise or "")
    return {
        "id": exercise.id,
        "title": exercise.title,
        "lesson": exercise.lesson,
        "counts": tally.counts(exercise.id),
        "since": round(now - (room.opened or now)),
        "timeline": timeline([a for a in attempts if a.exercise == exercise.id], room.opened or now, now),
    }


def timeline(attempts: list[Attempt], start: float, end: float) -> list[list[int]]:
    """How many stood how at the end of each of equal steps from the start on, in the order of OUTCOMES."""
    tally, rest, shown = Tally(), list(reversed(attempts)), []
    for step in range(STEPS + 1):
        until = start + (end - start) * step / STEPS
        while rest and rest[-1].at <= until:
            tally.take(rest.pop())
        found = Counter(tally.standing.values())
        shown.append([found[outcome] for outcome in OUTCOMES])
    return shown


def where(tally: Tally) -> list[View]:
    """The exercises that were tried, in the order in which the room came to them: who is there, and how they stand."""
    here = Counter(attempt.exercise for attempt in tally.last.values())
    tried = dict.fromkeys(exercise for exercise, _ in tally.standing)
    return [{"id": id, "title": find(id).title, "here": here[id], "counts": tally.counts(id)} for id in tried]


def mistakes(tally: Tally, exercise: str | None) -> list[View]:
    """The mistakes by name, those of most people first; with an exercise, its own alone."""
    shown = [
        {
            "exercise": id,
            "title": find(id).title,
            "label": label,
            "why": why(id, label),
            "made": len(who),
            "still": len(tally.still[id, label]),
            "shows": label in find(id).wrong,
        }
        for (id, label), who in tally.made.items()
        if exercise in (None, id)
    ]
    return sorted(shown, key=lambda mistake: (-mistake["made"], -mistake["still"], mistake["label"]))


def notes(learners: list[Learner], tally: Tally, seen: dict[int, float], now: float) -> list[View]:
    """Everybody's note: who is stuck first, the longest first; then who has been idle for longest; then who is done."""
    rows = []
    for learner in learners:
        last = tally.last.get(learner.id)
        idle = now - max(learner.joined, last.at if last else 0, learner.noted or 0)
        row = {"name": learner.called, "note": learner.note, "idle": round(idle), "at": last.exercise if last else ""}
        rows.append(row | {"away": now - seen.get(learner.id, 0) >= AWAY})
    return sorted(rows, key=lambda row: (("stuck", "", "done").index(row["note"]), -row["idle"]))


def poll_view(store: Store, poll: Poll) -> View:
    """A poll as everybody sees it: its bars once a vote is closed, the right answer once it is revealed."""
    exercise, choices = find(poll.exercise), options(poll.exercise)
    votes = Counter((round, option) for round, _, option in store.votes(poll))
    rounds = [[votes[round, option] for option in range(len(choices))] for round in (0, 1)]
    view = {
        "id": poll.id,
        "exercise": poll.exercise,
        "question": exercise.words["question"],
        "options": list(choices),
        "stage": poll.stage,
        "votes": [sum(bars) for bars in rounds],
        "bars": [bars if closed else None for bars, closed in zip(rounds, closed_rounds(poll), strict=True)],
    }
    return view | ({"right": right_option(poll.exercise), "reasons": reasons(poll.exercise)} if poll.revealed else {})


def closed_rounds(poll: Poll) -> tuple[bool, bool]:
    """Of which rounds the bars are shown. While the second is on, those of the first are hidden: they'd sway it."""
    return poll.stage in (TALKING, OVER), poll.stage == OVER


def round_on(poll: Poll | None) -> int | None:
    """The round in which one can vote now."""
    return {VOTING: 0, AGAIN: 1}.get(poll.stage) if poll else None


def own_vote(store: Store, room: Room, learner: Learner) -> int | None:
    poll = store.poll(room)
    now = round_on(poll)
    if poll is None or now is None:
        return None
    return next((option for round, who, option in store.votes(poll) if (round, who) == (now, learner.id)), None)


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
