"""Judge an answer: run it beside the reference, compare, and say what is wrong in a sentence."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from attncore.exercises import Exercise, exercises, find
from attncore.grading.compare import Difference, difference
from attncore.grading.diagnose import Trial, agrees, name_mistake, observe, trial
from attncore.grading.quantities import read
from attncore.grading.report import Report
from attncore.grading.run import SECONDS, Ran, TimeUp, quietly, run, time_limit

KNOWN = {exercise.id for exercise in exercises if exercise.kind == "code"}


def judge(exercise: str | Exercise, answer: Any) -> Report:
    """Judge an answer to an exercise, printing nothing.

    Code and debug exercises take the function; numeric and predict ones a number, a shape or a choice.
    Raises UnknownExercise, with the nearest name, and ValueError where an exercise is not judged but marked.
    """
    exercise = find(exercise) if isinstance(exercise, str) else exercise
    if exercise.kind == "explain":
        raise ValueError(f'"{exercise.id}" is answered aloud: card("{exercise.id}") asks it')
    if answer is None or answer is ...:
        return unattempted(exercise)
    if exercise.kind in ("numeric", "predict"):
        return judge_value(exercise, answer)
    return judge_function(exercise, answer)


def unattempted(exercise: Exercise) -> Report:
    return Report(exercise.id, "unattempted", [("head", f"{exercise.id}: not attempted yet.")])


def judge_function(exercise: Exercise, answer: Any) -> Report:
    if not callable(answer):
        text = f"{exercise.id}: give the function itself, without brackets or arguments, not what it returns."
        return Report(exercise.id, "wrong", [("head", text)])
    known = trial(exercise)
    try:
        with quietly(), time_limit(SECONDS):
            ran, again = attempts(exercise, known, answer)
    except TimeUp:
        text = f"{exercise.id}: stopped after {SECONDS:.0f} seconds; is there a loop that never ends?"
        return Report(exercise.id, "raised", [("head", text)])
    if is_stub(ran, known):
        return unattempted(exercise)
    if waits_for := unwritten(exercise, answer):
        text = (
            f"{exercise.id}: it calls {waits_for}, which is not written yet. Write it first, or import the course's: "
        )
        text += f"from attncore.{find(waits_for).lesson[3:]} import {waits_for}"
        return Report(exercise.id, "raised", [("head", text)])
    departures = [depart(r, again[i], known, i) for i, r in enumerate(ran)]
    failing = [i for i, departure in enumerate(departures) if departure]
    if not failing:
        return Report(exercise.id, "right", [("head", f"{exercise.id}: right, in all {len(ran)} cases.")])
    return wrong(exercise, known, ran, departures, failing)


def attempts(exercise: Exercise, known: Trial, answer: Callable) -> tuple[list[Ran], list[Ran]]:
    """Run every case, and every case once more in another order, which shows what an answer keeps between calls."""
    first = [run(answer, exercise.reference, given) for given in known.arguments]
    if is_stub(first, known):
        return first, first
    second = [run(answer, exercise.reference, given) for given in reversed(known.arguments)]
    return first, second[::-1]


def is_stub(ran: list[Ran], known: Trial) -> bool:
    asked = [r for r, expected in zip(ran, known.expected, strict=False) if expected is not None]
    return all(r.raised == "NotImplementedError" or (not r.raised and nothing(r.value)) for r in asked)


def unwritten(exercise: Exercise, answer: Any) -> str:
    """The name of another exercise's function that the answer calls, and still a stub; or nothing."""
    code, names = getattr(answer, "__code__", None), getattr(answer, "__globals__", {})
    for name in getattr(code, "co_names", ()):
        called = names.get(name)
        if name != exercise.id and name in KNOWN and inspect.isfunction(called) and called is not find(name).reference:
            with quietly():
                ran = [run(called, find(name).reference, given) for given in trial(find(name)).arguments[:1]]
            if is_stub(ran, trial(find(name))):
                return name
    return ""


def nothing(value: Any) -> bool:
    return value is None or value is ... or value is NotImplemented


def depart(ran: Ran, again: Ran, known: Trial, i: int) -> Difference | None:
    """How one case departs from what is expected, if it does."""
    if ran.raised == "signature":
        return Difference("raised", ran.message)
    if ran.raised:
        text = f"it raises {ran.raised}: {ran.message}" if ran.message else f"it raises {ran.raised}."
        return Difference("raised", f"{text}\n    {ran.line}" if ran.line else text)
    if ran.wrote_to:
        return Difference("wrote", f"it writes to its argument `{ran.wrote_to}`; work on a copy.")
    departure = difference(ran.value, known.expected[i], known.tolerances[i], known.axes)
    if not departure and not agrees(ran, again, known.tolerances[i]):
        return Difference("changes", "the same input gives another result when it is called again.")
    return departure


def wrong(exercise: Exercise, known: Trial, ran: list[Ran], departures: list, failing: list[int]) -> Report:
    convention = next(
        (
            label
            for label, outputs in known.conventions.items()
            if all(agrees(r, o, t) for r, o, t in zip(ran, outputs, known.tolerances, strict=True))
        ),
        None,
    )
    mistake, whole = (None, True) if convention else name_mistake(known, ran, failing)
    explained = [i for i in failing if mistake and agrees(ran[i], known.wrong[mistake][i], known.tolerances[i])]
    smallest = min(explained or failing, key=lambda i: (departures[i].kind != "values", exercise.cases[i].size))
    departure = departures[smallest]
    outcome = "raised" if all(departures[i].kind == "raised" for i in failing) else "wrong"
    lines = [("head", headline(exercise, mistake, convention))]
    if convention or mistake:
        if mistake != exercise.bug or not mistake:
            lines.append(("why", exercise.why(convention or mistake or "")))
        if not whole:
            lines.append(("why", "That is not all: some cases differ for another reason as well."))
    else:
        lines += [("why", text) for text in (stage(exercise, failing), observed(ran, known, smallest)) if text]
    case = exercise.cases[smallest]
    if departure.kind != "raised" or case.make():
        lines.append(("case", f"Smallest failing case, {case.name}:"))
        lines.append(("input", show_arguments(known.arguments[smallest])))
    lines.append(("where", departure.text[0].upper() + departure.text[1:]))
    return Report(exercise.id, outcome, lines, mistake, convention)


def headline(exercise: Exercise, mistake: str | None, convention: str | None) -> str:
    if mistake and mistake == exercise.bug:
        return f"{exercise.id}: the bug is still there."
    if mistake:
        return f"{exercise.id}: {mistake}."
    if convention:
        return f"{exercise.id}: another convention, {convention}."
    return f"{exercise.id}: not yet right."


def stage(exercise: Exercise, failing: list[int]) -> str:
    """Where the trouble starts: what holds, and the first stage that fails."""
    first = exercise.cases[failing[0]]
    if failing[0] == 0:
        return ""
    passed = failing[0]
    count = "The first case is" if passed == 1 else f"The first {passed} cases are"
    return f"{count} right; the first difference comes with {first.stage or first.name}."


def observed(ran: list[Ran], known: Trial, i: int) -> str:
    return "" if ran[i].raised else observe(ran[i].value, known.expected[i], known.arguments[i])


def show_arguments(given: dict[str, Any]) -> str:
    """The arguments as a learner would type them, large arrays by their shape."""
    return "\n".join(f"{name} = {show(value, len(name) + 3)}" for name, value in given.items())


def show(value: Any, indent: int) -> str:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        fields = (f"{name}={show(item, indent)}" for name, item in zip(value._fields, value, strict=True))
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(show(item, indent) for item in value) + ")"
    if isinstance(value, np.ndarray):
        if value.size > 40:
            return f"an array of shape {value.shape}"
        return np.array2string(
            value,
            precision=4,
            suppress_small=np.abs(value[np.isfinite(value)]).max(initial=0) < 1e4 if value.dtype.kind == "f" else None,
            separator=", ",
            prefix=" " * indent,
        )
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    if isinstance(value, np.random.Generator):
        return "a seeded Generator"
    return repr(value)


def judge_value(exercise: Exercise, answer: Any) -> Report:
    """Judge a number, a shape or a choice."""
    expected = exercise.reference()
    try:
        got = read(answer, expected)
    except ValueError as problem:
        return Report(exercise.id, "wrong", [("head", f"{exercise.id}: {problem}")])
    if equal(got, expected, exercise.tolerance):
        text = f"{exercise.id}: right. {exercise.words.get('because', '')}".strip()
        return Report(exercise.id, "right", [("head", text)])
    for label, value in exercise.wrong.items():
        if equal(got, value(), exercise.tolerance):
            lines = [("head", f"{exercise.id}: {label}."), ("why", exercise.why(label))]
            return Report(exercise.id, "wrong", lines, label)
    return Report(exercise.id, "wrong", [("head", f"{exercise.id}: not {answer}. Think again, or ask for a hint.")])


def equal(got: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, str | bool | tuple):
        return got == expected
    return bool(np.isclose(got, expected, rtol=tolerance, atol=0))
