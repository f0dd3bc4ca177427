"""How a room stands, asked of what the store adds up while attempts come in.

So a look at the room costs the same after a hundred thousand attempts: it grows with the learners and the exercises
that they have tried, and nothing of it is held in memory.
"""

from typing import Any, NamedTuple

from attncore.app.board.asked import OUTCOMES, asked
from attncore.app.board.records import Attempt, Room
from attncore.app.board.store import Store

STANDS = f"case {' '.join(f'when {name} is not null then {name!r}' for name in OUTCOMES)} end"  # the best so far
OF_ROOM = "standings join learners on learners.id = standings.learner and room = ?"


class Place(NamedTuple):
    """How many stand how at an exercise, and how often it was tried."""

    exercise: str
    counts: dict[str, int]
    attempts: int


class Mistake(NamedTuple):
    """How many made a mistake, and how many of them still do: it's in their latest attempt, and none was right."""

    exercise: str
    label: str
    made: int
    still: int


def places(store: Store, room: Room) -> list[Place]:
    """The exercises that were tried, in the order in which the room came to them."""
    query = f"""select exercise, {STANDS}, count(*), sum(attempts) from {OF_ROOM}
        group by 1, 2 order by min(min(first)) over (partition by exercise), exercise"""
    found: dict[str, Place] = {}
    for exercise, outcome, number, attempts in of_course(store.rows(query, room.id)):
        before = found.get(exercise, Place(exercise, dict.fromkeys(OUTCOMES, 0), 0))
        found[exercise] = Place(exercise, before.counts | {outcome: number}, before.attempts + attempts)
    return list(found.values())


def mistakes(store: Store, room: Room) -> list[Mistake]:
    """The mistakes by name, those of most people first; where an exercise is open, its own alone."""
    query = f"""select exercise, label, count(*), sum(mistakes.latest = standings.latest and right is null)
        from {OF_ROOM} join mistakes using (learner, exercise)
        where exercise = coalesce(?, exercise) group by 1, 2 order by 3 desc, 4 desc, 2"""
    return [Mistake(*row) for row in of_course(store.rows(query, room.id, room.exercise))]


def nameless(store: Store, room: Room) -> int:
    """How many stand wrong in a way that has no name, at the exercise that is open or else at any."""
    query = f"""select standings.exercise, count(*) from {OF_ROOM}
        join events on events.learner = standings.learner and events.id = latest and outcome = 'wrong'
        left join labels on labels.learner = standings.learner and labels.id = latest
        where standings.exercise = coalesce(?, standings.exercise)
        and right is null and edge is null and label is null group by 1"""
    return sum(number for _, number in of_course(store.rows(query, room.id, room.exercise)))


def latest(store: Store, room: Room) -> dict[int, tuple[Attempt, list[str]]]:
    """The latest attempt of each learner, with its labels."""
    query = f"""select learner, latest.id, at, events.exercise, outcome, label
        from (select learner, max(latest) as id from {OF_ROOM} group by learner) as latest
        join events using (learner, id) left join labels using (learner, id) order by learner, label"""
    found: dict[int, tuple[Attempt, list[str]]] = {}
    for *attempt, label in store.rows(query, room.id):
        if asked(attempt[3]):
            found.setdefault(attempt[0], (Attempt(*attempt), []))[1].extend([label] if label else [])
    return found


def firsts(store: Store, room: Room, exercise: str) -> list[tuple[float | None, ...]]:
    """When each learner first had each outcome at an exercise, in the order of OUTCOMES."""
    return store.rows(f"select {', '.join(OUTCOMES)} from {OF_ROOM} where exercise = ?", room.id, exercise)


def of_course(rows: list[Any]) -> list[Any]:
    """The rows whose exercise this edition of the course has."""
    return [row for row in rows if asked(row[0])]
