"""One learner's answers beside what was asked: with their points, and where to read again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from attncore.app.check_files import COUNTED, DONE
from attncore.app.places import NOTEBOOKS
from attncore.app.workbook import cells_of, lesson_named
from attncore.exercises import Exercise, UnknownExercise, find
from attncore.grading.results import Result, Submission


@dataclass(frozen=True)
class Answer:
    """A result beside its exercise, which is None where the course doesn't know it (any more)."""

    exercise: Exercise | None
    result: Result
    points: float

    @property
    def id(self) -> str:
        return self.result.exercise

    @property
    def title(self) -> str:
        return self.exercise.title if self.exercise else self.id

    @property
    def lesson(self) -> str:
        return self.exercise.lesson if self.exercise else ""

    @property
    def outcome(self) -> str:
        return self.result.outcome


@dataclass(frozen=True)
class Answers:
    """All that is told of one learner. `others` are answers to what wasn't asked; they earn nothing."""

    submission: Submission
    asked: list[Answer]
    others: list[Answer] = field(default_factory=list)

    @property
    def learner(self) -> str:
        return self.submission.learner

    @property
    def points(self) -> float:
        return sum(answer.points for answer in self.asked)

    @property
    def unread(self) -> bool:
        """Is there nothing in the file that could be judged?"""
        return not self.submission.results

    def with_outcome(self, *outcomes: str) -> list[Answer]:
        return [answer for answer in self.asked if answer.outcome in outcomes]

    @property
    def counts(self) -> str:
        """How many there are of each outcome: "6 right, 2 wrong"."""
        counts = Counter(answer.outcome for answer in self.asked)
        return ", ".join(f"{counts[outcome]} {words}" for outcome, words in COUNTED.items() if counts[outcome])


def answers(submission: Submission, asked: Sequence[str], edge_points: float) -> Answers:
    """A submission beside what was asked; what has no answer is unattempted."""
    given = {result.exercise: result for result in submission.results}
    rows = [given.get(id) or Result(id, "unattempted") for id in asked]
    return Answers(
        submission,
        [Answer(exercise_of(row.exercise), row, points(row.outcome, edge_points)) for row in rows],
        [Answer(exercise_of(id), row, 0.0) for id, row in given.items() if id not in set(asked)],
    )


def points(outcome: str, edge_points: float) -> float:
    if outcome == "edge":
        return edge_points
    return 1.0 if outcome in DONE else 0.0


@cache
def exercise_of(id: str) -> Exercise | None:
    try:
        return find(id)
    except UnknownExercise:
        return None


@cache
def reread(exercise: Exercise) -> str:
    """Where to read again: 'lesson 02_softmax, "Softmax, under pressure", the section "A common shift"'."""
    if "points_to" in exercise.words:  # the diagnostic of lesson 00 asks about another lesson
        return lesson_in_words(lesson_named(exercise.words["points_to"]))
    heading = exercise.section[1] if "section" in exercise.words else section_around(exercise)
    return lesson_in_words(exercise.taught_in) + (f', the section "{heading}"' if heading else "")


def lesson_in_words(lesson: str) -> str:
    title = next((line[2:] for line in headings(lesson) if line.startswith("# ")), "")
    return f'lesson {lesson}, "{title}"' if title else f"lesson {lesson}"


def section_around(exercise: Exercise) -> str:
    """The section of the lesson in which an exercise is asked; empty where that has exercises alone."""
    section = ""
    for line in headings(exercise.lesson):
        if line == f"### {exercise.title}":
            return section if section != "Exercises" else ""
        if line.startswith("## "):
            section = line[3:]
    return ""


@cache
def headings(lesson: str) -> list[str]:
    """The headings of a lesson's notebook, in order."""
    try:
        cells = cells_of(NOTEBOOKS / f"{lesson}.ipynb")
    except (OSError, ValueError):
        return []
    firsts = [source.partition("\n")[0] for kind, source, _ in cells if kind == "markdown"]
    return [line for line in firsts if line.startswith("#")]
