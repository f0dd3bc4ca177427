"""The room: who stands where, which mistakes were made and by whom, and what to teach again first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from attncore.app.check_files import DONE
from attncore.app.graded.answers import Answer, Answers, exercise_of, reread
from attncore.app.graded.strangers import page_name, shown_name

WHOSE = 12  # names that are kept beside a mistake
FIRST = 5  # what to teach again, and the mistakes that are shown with their smallest case
WEIGHTS = {"wrong": 1.0, "raised": 1.0, "edge": 0.5, "unattempted": 0.25}
UNNAMED = {"wrong": "a mistake that has no name yet", "raised": "it raises an error"}  # each may be another's


class Standing(NamedTuple):
    """A learner's row in the table of the class: the outcomes in the order of what was asked."""

    learner: str
    page: str
    outcomes: tuple[str, ...]
    points: float
    unread: bool


@dataclass
class Seen:
    """A mistake or an open corner: how many made it, the first of them by name, and who can be asked for the case."""

    exercise: str
    label: str
    count: int = 0
    whose: list[tuple[str, str]] = field(default_factory=list)  # the name, and the page
    example: str = ""

    def add(self, learner: str) -> None:
        self.count += 1
        self.example = self.example or learner
        if len(self.whose) < WHOSE:
            self.whose.append((shown_name(learner), page_name(learner)))

    @property
    def title(self) -> str:
        exercise = exercise_of(self.exercise)
        return exercise.title if exercise else self.exercise

    @property
    def named(self) -> bool:
        """Have all of them made the same mistake? Those without a name are alike in that alone."""
        return self.label not in UNNAMED.values()


@dataclass
class Again:
    """An exercise to teach again: why, in a sentence, and where it stands."""

    exercise: str
    title: str
    weight: float
    why: str
    where: str


@dataclass
class Room:
    """What is counted over all submissions: their size grows with what the course asks, and one row a learner."""

    asked: Sequence[str]
    rows: list[Standing] = field(default_factory=list)
    unread: list[tuple[str, str, list[str]]] = field(default_factory=list)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    mistakes: dict[tuple[str, str], Seen] = field(default_factory=dict)
    corners: dict[tuple[str, str], Seen] = field(default_factory=dict)

    def add(self, found: Answers) -> None:
        outcomes = tuple(answer.outcome for answer in found.asked)
        self.rows.append(Standing(found.learner, page_name(found.learner), outcomes, found.points, found.unread))
        if found.unread:
            self.unread.append((found.learner, found.submission.file, found.submission.told))
            return
        for answer in found.asked:
            self.outcomes.setdefault(answer.id, Counter())[answer.outcome] += 1
            self.see(answer, found.learner)

    def see(self, answer: Answer, learner: str) -> None:
        if answer.outcome in UNNAMED:
            label = answer.result.mistake or UNNAMED[answer.outcome]
            self.mistakes.setdefault((answer.id, label), Seen(answer.id, label)).add(learner)
        for label in answer.result.edges if answer.outcome == "edge" else ():
            self.corners.setdefault((answer.id, label), Seen(answer.id, label)).add(learner)

    @property
    def read(self) -> int:
        return len(self.rows) - len(self.unread)

    def done(self, id: str) -> int:
        """How many have an exercise right, or right with an open corner."""
        return sum(self.outcomes.get(id, Counter())[outcome] for outcome in DONE)

    def teach_again(self) -> list[Again]:
        """What to teach again, what weighs most first."""
        found = [again for id in self.asked if (again := self.again(id)).weight]
        return sorted(found, key=lambda again: -again.weight)[:FIRST]

    def again(self, id: str) -> Again:
        exercise, counts = exercise_of(id), self.outcomes.get(id, Counter())
        weight = sum(WEIGHTS.get(outcome, 0) * count for outcome, count in counts.items())
        where = reread(exercise) if exercise else ""
        return Again(id, exercise.title if exercise else id, weight, self.why(id, counts), where)

    def why(self, id: str, counts: Counter[str]) -> str:
        """Why an exercise is worth teaching again, in a sentence; empty where everybody has it right."""
        *parts, last = [*self.reasons(id, counts)] or [""]
        return f"{'; '.join(parts)}{' and ' * bool(parts)}{last}." if last else ""

    def reasons(self, id: str, counts: Counter[str]) -> Iterator[str]:
        wrong = counts["wrong"] + counts["raised"]
        if wrong:
            named = [seen for seen in self.mistakes.values() if seen.exercise == id and seen.named and seen.count > 1]
            most = max(named, key=lambda seen: seen.count, default=None)
            by = f', {most.count} of them through the same mistake ("{most.label}")' if most else ""
            yield f"{wrong} of {self.read} {has(wrong)} it wrong{by}"
        if counts["edge"]:
            yield f"{counts['edge']} {has(counts['edge'])} a corner open"
        if counts["unattempted"]:
            yield f"{counts['unattempted']} didn't try it"


def has(count: int) -> str:
    return "has" if count == 1 else "have"


def most_first(seen: dict[tuple[str, str], Seen]) -> list[Seen]:
    return sorted(seen.values(), key=lambda one: -one.count)
