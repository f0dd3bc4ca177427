"""What is about to be forgotten, mistakes before all: each comes back, as another kind of exercise, until it is gone.

Nothing is kept for this: `replay` works it out from what happened, and from the time that it is told. Nobody is asked
how hard something was, either; the grades are taken from the answers.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from attncore.app.listed import Listed, code, link, prose
from attncore.app.progress import DONE, Event, Progress, rank
from attncore.app.standing import place_of
from attncore.exercises import Card, Exercise, UnknownExercise, exercises, find, lessons

if TYPE_CHECKING:
    from fsrs import Card as Memory
    from fsrs import Scheduler

DAY_BEGINS = timedelta(hours=4)  # what is answered after midnight belongs to the evening before
GONE = 14  # days for which the scheduler has to expect that a mistake is kept in mind, until it is gone
SOON = timedelta(days=3)  # in which all that goes wrong comes back, however well it was known before
AT_ONCE = 12  # what a day's review holds, and of these the mistakes, where other things wait too
MISTAKES_AT_ONCE = 8
BY_HAND = timedelta(seconds=3)  # nobody answers two exercises faster: those are cells that were run again
ANSWERS = ("attempt", "review", "interview")
OTHER_KINDS = (("debug",), ("predict", "numeric"), ("explain",))  # as which a mistake comes back, in turn


@dataclass(frozen=True, order=True)
class Item:
    """What is to be remembered: an exercise or a card; with a label, a mistake that was made in it."""

    exercise: str
    label: str = ""


@dataclass(frozen=True)
class Held:
    """How well an item is remembered. `memory` is the scheduler's, which is given whole days."""

    memory: "Memory"
    made: int = 0  # how often it went wrong
    times: int = 0  # on how many days it was right since then; for a mistake, elsewhere than where it was made
    repaired: bool = False  # is the exercise right in which the mistake was made?
    failed_on: date | None = None
    right_on: date | None = None

    @property
    def due(self) -> date:
        due = self.memory.due.date()
        return min(due, self.failed_on + SOON) if self.failed_on and not self.times else due

    @property
    def gone(self) -> bool:
        return self.times > 0 and (self.memory.stability or 0) >= GONE


@dataclass
class Replay:
    """What the events come to."""

    items: dict[Item, Held] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)  # the best of each exercise
    helped: set[str] = field(
        default_factory=set
    )  # where a try was wrong, or a hint was opened, since it was last right

    @property
    def done(self) -> frozenset[str]:
        return frozenset(id for id, outcome in self.outcomes.items() if outcome in DONE)

    def take(self, event: Event, day: date) -> None:
        """Learn from one event."""
        try:
            exercise = find(event.exercise)
        except UnknownExercise:  # one of another edition of the course, or a hunt
            return
        if event.event == "hint":
            self.helped.add(exercise.id)
        elif event.event == "claims" or (event.event == "marks" and isinstance(exercise, Card) and not exercise.claims):
            self.told(exercise, event.outcome, day)
        elif event.event == "follow_up":
            for label in labels(exercise, event):  # it was asked what this mistake does
                self.grade(Item(exercise.id, label), "Good" if event.outcome in DONE else "Again", day)
        elif event.event in ANSWERS and event.outcome in DONE:
            self.right(exercise, event, day)
        elif event.event in ANSWERS and event.outcome in ("wrong", "raised"):
            self.helped.add(exercise.id)
            for label in labels(exercise, event) or [
                ""
            ]:  # a mistake that has a name comes back in the exercise's place
                self.grade(Item(exercise.id, label), "Again", day)

    def told(self, card: Exercise, outcome: str, day: date) -> None:
        """A card, by its claims; by the points that were ticked where it has none."""
        found = re.fullmatch(r"(\d+) of (\d+)", outcome)
        if not found or int(found[2]) == 0:
            return
        share = int(found[1]) / int(found[2])
        grade = "Good" if share >= 1 else "Hard" if share >= 0.5 else "Again"
        if grade != "Again":
            self.show_gone(card, [], grade, day)
        self.grade(Item(card.id), grade, day)

    def right(self, exercise: Exercise, event: Event, day: date) -> None:
        """An exercise that is right; a corner may be open, which is a mistake where it has a name."""
        corners = labels(exercise, event)
        clean = event.outcome == "right" and exercise.id not in self.helped
        grade = "Good" if clean else "Hard"
        self.show_gone(exercise, corners, grade, day)
        for label in corners:
            self.grade(Item(exercise.id, label), "Again", day)
        self.grade(Item(exercise.id), grade, day)
        self.helped.discard(exercise.id)
        if rank(event.outcome) >= rank(self.outcomes.get(exercise.id, "")):
            self.outcomes[exercise.id] = event.outcome

    def show_gone(self, answered: Exercise, made: list[str], grade: str, day: date) -> None:
        """A right answer speaks against each mistake that it might have made, and against those it was asked for.

        Where a mistake was made it is repaired once; after that the same cell, run again, proves nothing.
        """
        for item, held in list(self.items.items()):
            if not item.label or item.label in made:
                continue
            if item.exercise == answered.id:
                if not held.repaired:
                    self.grade(item, "Good", day, repaired=True)
            elif item.label in (answered.bug, *answered.wrong) or answered is self.comes_back_as(item):
                self.grade(item, grade, day)

    def comes_back_as(self, item: Item) -> Exercise:
        return comes_back_as(item, self.items[item].times, self.done)

    def grade(self, item: Item, grade: str, day: date, repaired: bool = False) -> None:
        """Tell the scheduler. Of one day it hears one failure and one success: a sitting is one try."""
        from fsrs import Card as Memory
        from fsrs import Rating

        when = datetime.combine(day, time(), UTC)
        held = self.items.get(item) or Held(Memory(card_id=0, due=when))
        failed = grade == "Again"
        if day != (held.failed_on if failed else held.right_on):
            memory, _ = scheduler().review_card(held.memory, Rating[grade], when)
            held = replace(held, memory=memory, times=held.times + (not failed and not repaired))
            held = replace(held, failed_on=day) if failed else replace(held, right_on=day)
        if failed:
            held = replace(held, made=held.made + 1, times=0)
        self.items[item] = replace(held, repaired=not failed and (held.repaired or repaired))


@cache
def scheduler() -> "Scheduler":
    """FSRS with its default parameters; it counts days alone, and gives the same answer every time."""
    from fsrs import Scheduler

    return Scheduler(enable_fuzzing=False, learning_steps=(), relearning_steps=())


def labels(exercise: Exercise, event: Event) -> list[str]:
    """The mistakes of an exercise that an answer made."""
    return [label for label in (event.mistake or "").split("; ") if label in exercise.wrong]


def replay(events: Iterable[Event], now: datetime) -> Replay:
    """What is remembered now, after these events; of equal times, in the order given."""
    state = Replay()
    for event in by_hand(sorted((e for e in events if e.at <= now), key=lambda e: e.at)):
        state.take(event, day_of(event.at, now))
    return state


def by_hand(events: list[Event]) -> Iterator[Event]:
    """The events without the right answers of a notebook that was run again from top to bottom."""
    attempts = [event for event in events if event.event == "attempt"]
    quick = {
        id(event)
        for first, second in pairwise(attempts)
        if first.exercise != second.exercise and second.at - first.at < BY_HAND
        for event in (first, second)
    }
    done: set[str] = set()
    for event in events:
        again = event.exercise in done and event.outcome in DONE
        if event.event == "attempt" and event.outcome in DONE:
            done.add(event.exercise)
        if not (again and id(event) in quick):
            yield event


def day_of(at: datetime, now: datetime) -> date:
    """The learner's day in which something happens; `now` knows where the learner is."""
    return (at.astimezone(now.tzinfo) - DAY_BEGINS).date()


# As what a mistake comes back


def comes_back_as(item: Item, times: int, done: frozenset[str]) -> Exercise:
    """The exercise that a mistake comes back as, the next time after so many.

    A bug to find, a question and a card of its topic take turns, less the kind in which it was made. Of each kind it's
    the one that speaks most of this mistake; what is right already comes last, unless its numbers can be drawn anew.
    """
    made_in = find(item.exercise)
    topic = [e for e in lessons[made_in.taught_in] if e is not made_in and e.kind != made_in.kind]
    kinds = [found for kinds in OTHER_KINDS if (found := [e for e in topic if e.kind in kinds])]
    if not kinds:
        return made_in
    asked = sorted(kinds[times % len(kinds)], key=lambda e: -relevance(item, e))
    fresh = [e for e in asked if e.id not in done or e.template or e.kind == "explain"] or asked
    return fresh[times // len(kinds) % len(fresh)]


@cache
def relevance(item: Item, exercise: Exercise) -> float:
    """How much an exercise speaks of a mistake: by the words that they share, rare ones counting more."""
    if exercise.bug == item.label:
        return math.inf
    made_in = find(item.exercise)
    shared = words_in([item.label, made_in.words.get("why", {}).get(item.label, "")]) & words_of(exercise)
    return sum(math.log(len(exercises) / rarity()[word]) for word in shared)


@cache
def rarity() -> Counter[str]:
    """In how many exercises a word stands."""
    return Counter(word for exercise in exercises for word in words_of(exercise))


@cache
def words_of(exercise: Exercise) -> frozenset[str]:
    told = ("title", "question", "prompt", "because", "answer", "points", "hints", "walkthrough")
    return words_in([exercise.words.get(key, "") for key in told])


def words_in(texts: Any) -> frozenset[str]:
    text = " ".join(" ".join(text) if isinstance(text, list) else text for text in texts)
    return frozenset(word.removesuffix("s") for word in re.findall(r"[a-z]{3,}", text.lower()))


# Today's


@dataclass(frozen=True)
class Task:
    """One exercise to do today, and what it's done for: itself, or the mistakes that come back as it."""

    exercise: Exercise
    items: list[Item]
    seed: int | None = None

    @property
    def call(self) -> str:
        """What to type."""
        id = self.exercise.id
        if self.exercise.kind in ("code", "debug"):
            return f"check({id})"
        if self.exercise.kind == "explain":
            return f'card("{id}")'
        return f'answer("{id}", ...)' if self.seed is None else f'answer("{id}", ..., seed={self.seed})'

    @property
    def whys(self) -> list[str]:
        """The mistakes, in a sentence each; but a bug to find isn't told."""
        return [
            f"A mistake you once made in {named(find(item.exercise))} is hidden in this one."
            if item.label == self.exercise.bug
            else f"You once had this in {named(find(item.exercise))}: {reason(item)}"
            for item in self.items
            if item.label
        ]

    @property
    def ask(self) -> str:
        asks = {"code": "Write it again from an empty cell", "debug": "Find the bug", "explain": "Say it aloud"}
        asks |= {"numeric": "Work it out", "predict": "Predict"}
        return asks[self.exercise.kind]

    @property
    def question(self) -> str:
        """The question with today's numbers; nothing where the notebook has it as it is."""
        return "" if self.seed is None else str(self.exercise.drawn(self.seed).words["question"])

    def row(self, number: int) -> tuple[str, str]:
        exercise, below = self.exercise, [*filter(None, [self.question]), *self.whys]
        text = f"{number:>2}. {self.ask}: {exercise.title}, in {exercise.lesson}: {self.call}"
        to = link(exercise.title, place_of(exercise))
        page = f"<span>{number}. {self.ask}: {to}</span><span>{escape(exercise.lesson)}</span>{code(self.call)}"
        page += "".join(f'<div style="flex:1 1 100%;margin-left:1.5em">{prose(line)}</div>' for line in below)
        return "\n    ".join([text, *below]), page


def named(exercise: Exercise) -> str:
    return f"`{exercise.id}`" if exercise.kind == "code" else f'"{exercise.title}"'


def reason(item: Item) -> str:
    """A mistake, and the sentence that explains it."""
    why = find(item.exercise).words.get("why", {}).get(item.label, "")
    return f"{item.label}. {why}".strip()


def due(state: Replay, until: date, since: date = date.min) -> list[Item]:
    """What is due in these days: mistakes first, those made most often before the others; then what is weakest."""
    when = datetime.combine(until, time(), UTC)

    def urgency(item: Item) -> tuple[Any, ...]:
        held = state.items[item]
        weak = scheduler().get_card_retrievability(held.memory, when)
        return (0, -held.made, held.due, item) if item.label else (1, weak, held.due, item)

    found = [i for i, held in state.items.items() if since <= held.due <= until and not (i.label and held.gone)]
    return sorted(found, key=urgency)


def tasks(state: Replay, items: list[Item], today: date) -> list[Task]:
    """An exercise for each item, and one for all where several come back as the same."""
    found: dict[str, Task] = {}
    for item in items:
        exercise = state.comes_back_as(item) if item.label else find(item.exercise)
        seed = today.toordinal() % 1000 if exercise.template else None  # new numbers each day
        found.setdefault(exercise.id, Task(exercise, [], seed)).items.append(item)
    return list(found.values())


def todays(state: Replay, today: date) -> tuple[list[Task], int]:
    """The day's tasks, and how many more are due."""
    every = tasks(state, due(state, today), today)
    mistakes = [task for task in every if task.items[0].label]
    others = [task for task in every if not task.items[0].label]
    room = max(MISTAKES_AT_ONCE, AT_ONCE - len(others))
    chosen = [*mistakes[:room], *others][:AT_ONCE]
    return chosen, len(every) - len(chosen)


def review(store: Progress, now: datetime | None = None) -> Listed:
    """What to go over today."""
    now = now or datetime.now().astimezone()
    state, today = replay(store.events(), now), day_of(now, now)
    chosen, left = todays(state, today)
    if not state.items:
        nothing = "Nothing to go over yet. What you answer comes back here before you forget it, mistakes first."
        return Listed("info", [("head", nothing)])
    if not chosen:
        panel = Listed("info", [("head", "Nothing is due today.")])
    else:
        head = f"To go over today: {len(chosen)} exercise{'s' if len(chosen) > 1 else ''}"
        panel = Listed("info", [("head", head)])
        panel.add(task.row(number) for number, task in enumerate(chosen, 1))
    if left:
        panel.lines.append(("where", f"{left} more {'are' if left > 1 else 'is'} due, and will come after these."))
    panel.lines.append(("where", coming(state, today)))
    return panel


def coming(state: Replay, today: date) -> str:
    """How much comes back tomorrow, or when the next does."""
    tomorrow = today + timedelta(days=1)
    if count := len(tasks(state, due(state, tomorrow, since=tomorrow), tomorrow)):
        return f"Tomorrow {count} {'come' if count > 1 else 'comes'} back."
    later = [held.due for item, held in state.items.items() if held.due > today and not (item.label and held.gone)]
    return (
        f"Nothing comes back tomorrow; the next does on {min(later):%A, %d %B}."
        if later
        else "Nothing comes back tomorrow."
    )
