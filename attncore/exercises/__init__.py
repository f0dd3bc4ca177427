"""What the course asks: every exercise, in the order of the lessons.

A topic's folder has a module and a TOML file for each exercise. `questions.py` has the numbers and predictions,
`questions.toml` their words; `cards.toml` has what is answered aloud. The order is that of the lesson's cells; what
stands in no cell comes after them.
"""

import re
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from attncore.exercises.card import Card
from attncore.exercises.exercise import KINDS, Case, Code, Exercise, filled

HERE = Path(__file__).parent
STORIES = HERE.parent / "lessons"
LESSONS = tuple(sorted(path.stem for path in STORIES.glob("[0-9]*.py")))
SHARED = ("__init__", "cases", "questions", "cards")


class UnknownExercise(LookupError):
    """No exercise has that name; the message says which may have been meant."""


def of_lesson(lesson: str) -> list[Exercise]:
    """The exercises of a lesson's folder, in the order in which the lesson asks them."""
    found = {exercise.id: exercise for exercise in [*functions(lesson[3:]), *questions(lesson[3:]), *cards(lesson[3:])]}
    for exercise in found.values():
        exercise.lesson = lesson
    story = (STORIES / f"{lesson}.py").read_text(encoding="utf-8")
    asked = re.findall(r'^# %% exercise="([^"]+)"', story, re.MULTILINE)
    order = {id: place for place, id in enumerate(asked)}
    return sorted(found.values(), key=lambda exercise: order.get(exercise.id, len(order)))


def functions(topic: str) -> Iterator[Exercise]:
    """The functions to write, and those to repair."""
    for path in sorted((HERE / topic).glob("*.toml")):
        if path.stem in SHARED:
            continue
        exercise = import_module(f"attncore.exercises.{topic}.{path.stem}").exercise
        exercise.words = read(path)
        yield exercise


def questions(topic: str) -> Iterator[Exercise]:
    """The numbers and predictions; where numbers are redrawn, with the first ones."""
    words = read(HERE / topic / "questions.toml")
    for exercise in import_module(f"attncore.exercises.{topic}.questions").questions:
        exercise.words = words.pop(exercise.id, {})
        yield exercise.drawn()
    if words:
        raise ValueError(f"{topic}/questions.toml has words for {', '.join(words)}, which questions.py does not ask")


def cards(topic: str) -> Iterator[Card]:
    """The questions that are answered aloud; where `questions.py` has figures for one, they stand in its words."""
    asked = import_module(f"attncore.exercises.{topic}.questions")
    figures = dict(getattr(asked, "figures", {}))
    for id, words in read(HERE / topic / "cards.toml").items():
        yield Card(id, words=filled(words, figures.pop(id)()) if id in figures else words)
    if figures:
        raise ValueError(f"{topic}/questions.py has figures for {', '.join(figures)}, which cards.toml does not ask")


def read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise ValueError(f"{path}: {problem}") from None


lessons: dict[str, list[Exercise]] = {lesson: of_lesson(lesson) for lesson in LESSONS}
exercises: tuple[Exercise, ...] = tuple(exercise for lesson in lessons.values() for exercise in lesson)
_by_id = {exercise.id: exercise for exercise in exercises}


def find(id: str) -> Exercise:
    """The exercise of that id. Raises UnknownExercise, with the nearest name."""
    if id in _by_id:
        return _by_id[id]
    near = get_close_matches(str(id), _by_id, n=1, cutoff=0.5)
    meant = f' Did you mean "{near[0]}"?' if near else ""
    raise UnknownExercise(f'There is no exercise "{id}".{meant}')


def inputs(id: str, case: str) -> dict[str, Any]:
    """The arguments of one case of an exercise, by name: what a verdict shows only in part."""
    exercise = find(id)
    made = {c.name: c.make for c in exercise.cases} if isinstance(exercise, Code) else {}
    if case not in made:
        raise UnknownExercise(f'"{id}" has no case "{case}".')
    return made[case]()


__all__ = [
    "KINDS",
    "LESSONS",
    "Card",
    "Case",
    "Code",
    "Exercise",
    "UnknownExercise",
    "exercises",
    "find",
    "inputs",
    "lessons",
]
