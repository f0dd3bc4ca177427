"""What the course has for a board: the labels that may travel, questions to vote on, and the case that shows a mistake.

A board keeps no words but these: whatever else is sent to it is dropped.
"""

from functools import cache
from typing import Any

from attncore.exercises import Code, Exercise, exercises, find
from attncore.grading import judge
from attncore.grading.check import sentence
from attncore.grading.report import Lines

OUTCOMES = ("right", "edge", "wrong", "raised")
BETWEEN = "; "  # open corners, as an attempt keeps them


JUDGED = {exercise.id: exercise for exercise in exercises if exercise.kind != "explain"}


def asked(id: str) -> Exercise | None:
    """The exercise of that id, where it is one that is judged. No near name is looked for: that takes its time."""
    return JUDGED.get(id)


@cache
def labels(id: str) -> frozenset[str]:
    """All that may be said of a wrong answer: its mistakes, and the sentences of its corners."""
    exercise = find(id)
    promises = {case.promise for case in exercise.cases} - {""} if isinstance(exercise, Code) else set()
    return frozenset({*exercise.wrong, *promises})


def labels_in(id: str, kept: str | None) -> list[str]:
    """The labels in what an attempt keeps, where several are joined; what the course doesn't know is left out."""
    known, found, rest = labels(id), [], kept or ""
    while rest:
        fitting = [label for label in known if rest == label or rest.startswith(label + BETWEEN)]
        label = max(fitting, key=len) if fitting else rest.partition(BETWEEN)[0]
        found += [label] if fitting else []
        rest = rest[len(label) + len(BETWEEN) :]
    return found


def why(id: str, label: str) -> str:
    """The sentence that explains a label; a corner's sentence explains itself."""
    return str(find(id).words.get("why", {}).get(label, ""))


@cache
def smallest_case(id: str, label: str) -> Lines:
    """What a learner is told who makes that mistake, with the smallest case that fails; of a corner, its sentence.

    Where only a corner is wrong a learner is told first that the function is right; here the corner is what matters.
    """
    exercise = find(id)
    if label not in exercise.wrong:
        return [("head", label), ("why", "The prompt says so, and these answers do something else there.")]
    answer = exercise.wrong[label]
    report = judge(exercise, answer if isinstance(exercise, Code) else answer())
    if report.outcome != "edge":
        return report.lines
    head = "head", f"{exercise.id}: right, but a corner is open."
    return [head, *(line for line in report.lines if line[0] != "head")]


@cache
def options(id: str) -> tuple[str, ...]:
    """What can be voted for: the choices of a question, or its answer among the wrong ones; fewer than two is none."""
    exercise = find(id)
    if exercise.kind not in ("numeric", "predict"):
        return ()
    if choices := exercise.words.get("choices"):
        return tuple(choices)
    values = {
        written(value): value for value in (exercise.reference(), *(wrong() for wrong in exercise.wrong.values()))
    }
    return tuple(sorted(values, key=lambda text: values[text])) if len(values) > 1 else ()


def written(value: Any) -> str:
    if isinstance(value, float) and value != int(value):
        return f"{value:.4g}"
    return f"{int(value):,}" if isinstance(value, int | float) else str(value)


def right_option(id: str) -> int:
    """Which of the options is right."""
    return options(id).index(written(find(id).reference()))


def reasons(id: str) -> list[str]:
    """What is said of each option once the answer is shown: why it is right, or which mistake it is."""
    exercise = find(id)
    told = {written(wrong()): f"{sentence(label)}. {exercise.why(label)}" for label, wrong in exercise.wrong.items()}
    told[written(exercise.reference())] = exercise.words.get("because", "")
    return [told.get(option, "") for option in options(id)]


@cache
def catalog() -> list[dict[str, Any]]:
    """All that can be opened or voted on, in the order of the course."""
    return [{"id": e.id, "title": e.title, "lesson": e.lesson, "poll": bool(options(e.id))} for e in JUDGED.values()]
