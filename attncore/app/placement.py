"""Where to begin: at most twenty questions from the whole course, each chosen by the answers before it.

Every lesson has a rating, as a player has in Elo's system, and every question a strength by its level. An answer moves
the rating of its lesson, and less so those of its neighbors: a right one the lessons before it, on which it builds, and
a wrong one those after it.
"""

import math
import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from attncore.app.listed import Listed, link
from attncore.app.progress import Progress
from attncore.app.workbook import lesson_named
from attncore.exercises import LESSONS, Card, Exercise, exercises
from attncore.exercises.exercise import predict
from attncore.grading import judge
from attncore.grading.report import Panel

MOST = 20  # questions
CLEAR = 1.3  # the rating, of either sign, at which nothing more is asked about a lesson
MOVES = 3.0  # how far one answer may move the rating of its lesson
REACH, BACK = 2.0, 0.7  # lessons: how far an answer tells of others in the way that it speaks, and against it
STRENGTH = {"basic": -0.5, "intermediate": 0.0, "senior": 0.5, "staff": 1.0}
KEPT = ("placement", "latest")
DO_NOT_KNOW = "?"
WIDE = "flex:0 0 10em"
KNOWN, NEW = 0.7, 0.4  # how likely a lesson's questions are answered rightly: from here on, and below that

Answer = tuple[str, bool]  # the question's id, and whether it was right


@dataclass(frozen=True, eq=False)
class Question:
    """A number, a prediction, or a claim of a card; `about` is the lesson that it tells of."""

    exercise: Exercise
    about: str
    strength: float

    @property
    def id(self) -> str:
        return self.exercise.id

    @property
    def kind(self) -> str:
        return "claim" if "#" in self.id else self.exercise.kind

    @property
    def choices(self) -> list[str]:
        return list(self.exercise.words.get("choices", []))


@cache
def bank() -> dict[str, Question]:
    """All that may be asked, in the order of the course."""
    found: dict[str, Question] = {}
    for exercise in exercises:
        about = lesson_named(exercise.words["points_to"]) if "points_to" in exercise.words else exercise.taught_in
        strength = STRENGTH.get(exercise.words.get("level", ""), 0.0)
        if isinstance(exercise, Card):
            asked = [claimed(exercise, number) for number in range(len(exercise.claims))]
        else:
            asked = [exercise] if exercise.kind in ("numeric", "predict") else []
        found |= {e.id: Question(e, about, strength) for e in asked if about != LESSONS[0]}
    return found


def claimed(card: Card, number: int) -> Exercise:
    """A claim of a card as a question of its own."""
    claim = card.claims[number]
    words = {"title": card.title, "question": claim.ask, "choices": claim.choices, "because": claim.why}
    question = predict(f"{card.id}#{number + 1}", lambda: claim.right, {})
    question.lesson, question.words = card.lesson, words
    return question


def ratings(answers: Iterable[Answer]) -> dict[str, float]:
    """Of each lesson, after these answers; 0 is as good as unknown."""
    rated = dict.fromkeys(sorted({question.about for question in bank().values()}), 0.0)
    for id, right in answers:
        if question := bank().get(id):
            expected = chance(rated[question.about], question)
            place = LESSONS.index(question.about)
            for lesson in rated:
                away = LESSONS.index(lesson) - place
                reach = REACH if (away < 0) == right else BACK
                rated[lesson] += MOVES * (right - expected) * math.exp(-abs(away) / reach)
    return rated


def chance(rating: float, question: Question) -> float:
    """That a learner of this rating answers rightly, guessing where there are choices."""
    guess = 1 / len(question.choices) if question.choices else 0.0
    return guess + (1 - guess) / (1 + math.exp(question.strength - rating))


def known(answers: Iterable[Answer]) -> dict[str, float]:
    """Of each lesson, the chance that one of its questions of middle strength is answered rightly."""
    return {lesson: 1 / (1 + math.exp(-rating)) for lesson, rating in ratings(answers).items()}


def next_question(answers: list[Answer], seen: Iterable[str] = ()) -> Question | None:
    """The one that tells most: of the lesson least sure of, about as hard as the learner is good. None at the end."""
    rated, asked, seen = ratings(answers), [id for id, _ in answers], set(seen)
    times = Counter(bank()[id].about for id in asked if id in bank())
    kinds = Counter(bank()[id].kind for id in asked if id in bank())
    left = [question for question in bank().values() if question.id not in asked]
    open_ones = {
        question.about for question in left if abs(rated[question.about]) < CLEAR and times[question.about] < 2
    }
    if len(asked) >= MOST or not open_ones:
        return None
    middle = len(LESSONS) // 2

    def unsure(lesson: str) -> tuple[float, int, str]:
        return abs(rated[lesson]) + times[lesson], abs(LESSONS.index(lesson) - middle), lesson

    about = min(open_ones, key=unsure)

    def far(question: Question) -> tuple[bool, float, int]:  # of equals, a kind that was asked less
        return question.id in seen, abs(question.strength - rated[about]), kinds[question.kind]

    return min((question for question in left if question.about == about), key=far)


# The verb


def placement(store: Progress, value: Any = None, again: bool = False) -> Panel:
    """Take an answer, and ask the next question; or say what came of it."""
    answers, pending = ([], None) if again else so_far(store)
    if value is None or value is ... or pending is None:
        return go_on(store, answers, pending)
    report = judge(pending.exercise.drawn(len(answers)), chosen(pending, value))
    passed = isinstance(value, str) and value.strip() == DO_NOT_KNOW
    if report.unread and not passed:
        problem = report.lines[0][1].partition(": ")[2]
        return ask(pending, len(answers), problem[:1].upper() + problem[1:])
    right = report.outcome == "right"
    store.record(pending.id.partition("#")[0], "placement", "right" if right else "wrong", report.mistake)
    told = "Right." if right else f"{'Never mind' if passed else 'Not right'}: {pending.about} is about that."
    return go_on(store, [*answers, (pending.id, right)], None, told)


def so_far(store: Progress) -> tuple[list[Answer], Question | None]:
    """The answers given, and the question that is open."""
    state = store.kept(*KEPT) or {}
    answers = [(id, right) for id, right in state.get("answers", []) if id in bank()]
    return answers, bank().get(state.get("asked", ""))


def go_on(store: Progress, answers: list[Answer], pending: Question | None, told: str = "") -> Panel:
    """The question that is open, or the next one; at the end, the outcome."""
    question = pending or next_question(answers, store.outcomes())
    store.keep(*KEPT, {"answers": answers, "asked": question.id if question else ""})
    return ask(question, len(answers), told) if question else outcome(answers, told)


def chosen(question: Question, value: Any) -> Any:
    """The answer; a letter stands for a choice."""
    choices, letter = question.choices, str(value).strip(" )").lower()
    letters = dict(zip(string.ascii_lowercase, choices, strict=False))
    named = letter in [choice.lower() for choice in choices]
    return letters[letter] if letter in letters and not named else value


def ask(question: Question, number: int, told: str = "") -> Panel:
    drawn = question.exercise.drawn(number)
    lines = [("where", told)] if told else []
    lines += [("head", f"Question {number + 1}, of at most {MOST}"), ("where", drawn.words["question"])]
    letters = zip(string.ascii_lowercase, question.choices, strict=False)
    lines += [("where", f"{letter}) {choice}") for letter, choice in letters]
    example = '"a"' if question.choices else "(2, 3)" if isinstance(drawn.reference(), tuple) else "128"
    how = f'placement({example}) answers, say; placement("{DO_NOT_KNOW}") says that you don\'t know.'
    links = {lesson: f"{lesson}.ipynb" for lesson in LESSONS if lesson in told}
    return Panel("info", [*lines, ("next", how)], links=links)


def outcome(answers: list[Answer], told: str = "") -> Panel:
    """Lesson by lesson, what the answers say."""
    likely = known(answers)
    head = f"{told} That was all: {len(answers)} questions, {sum(right for _, right in answers)} right.".strip()
    panel = Listed("info", [("head", head)])
    panel.add(
        (f"{lesson:<18}{standing(p)}", f"{link(lesson, f'{lesson}.ipynb', WIDE)}<span>{standing(p)}</span>")
        for lesson, p in likely.items()
    )
    panel.lines.append(
        ("next", f"Begin with {begin(likely)}. plan() makes a plan of it; placement(again=True) asks anew.")
    )
    return panel


def standing(likely: float) -> str:
    return "known" if likely >= KNOWN else "new" if likely < NEW else "to look at again"


def begin(likely: dict[str, float]) -> str:
    """The first lesson that isn't known; where all are, the last."""
    return next((lesson for lesson, p in likely.items() if p < KNOWN), list(likely)[-1])
