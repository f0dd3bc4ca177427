"""Judge an answer: run it beside the reference, compare, and say what is wrong in a sentence."""

import dis
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from attncore.exercises import Exercise, exercises, find
from attncore.grading.compare import Difference, difference
from attncore.grading.diagnose import Trial, agrees, attempt, name_mistake, observe, trial
from attncore.grading.quantities import read
from attncore.grading.report import Report, show_arguments
from attncore.grading.run import SECONDS, Ran, TimeUp, quietly, within

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


def unattempted(exercise: Exercise, ask: str = "") -> Report:
    return Report(exercise.id, "unattempted", [("head", f"{exercise.id}: not attempted yet.{ask}")])


def judge_function(exercise: Exercise, answer: Any) -> Report:
    if not callable(answer):
        what = "class" if inspect.isclass(exercise.reference) else "function"
        text = f"{exercise.id}: give the {what} itself, without brackets or arguments, not what it returns."
        return Report(exercise.id, "wrong", [("head", text)])
    known = trial(exercise)
    try:
        with quietly():
            ran, departures, waits_for = within(SECONDS, lambda: tried(exercise, known, answer))
    except TimeUp:
        text = f"{exercise.id}: stopped after {SECONDS:g} seconds. Is there a loop that never ends?"
        return Report(exercise.id, "raised", [("head", text)])
    if waits_for:
        imported = f"from attncore.{find(waits_for).lesson[3:]} import {waits_for}"
        text = f"{exercise.id}: it calls {waits_for}, which is not written yet. Write it, or take the course's:"
        return Report(exercise.id, "raised", [("head", text), ("input", imported)])
    if is_stub(ran, known):
        return unattempted(exercise, "" if blank(answer) else " It returns nothing: is the `return` missing?")
    if not any(departures):
        return Report(exercise.id, "right", [("head", f"{exercise.id}: right, in all {len(ran)} cases.")])
    return wrong(exercise, known, ran, departures)


def tried(exercise: Exercise, known: Trial, answer: Callable) -> tuple[list[Ran], list[Difference | None], str]:
    """Everything that calls the answer: what each case gave, how it departs, and the stub that it may wait for."""
    ran, again = attempts(exercise, known, answer)
    departures = [depart(exercise, r, again[i], known, i) for i, r in enumerate(ran)]
    return ran, departures, unwritten(exercise, answer) if any(departures) else ""


def attempts(exercise: Exercise, known: Trial, answer: Callable) -> tuple[list[Ran], list[Ran]]:
    """Run every case, and every case once more in another order, which shows what an answer keeps between calls."""
    first = [attempt(exercise, answer, given) for given in known.arguments]
    if is_stub(first, known):
        return first, first
    second = [attempt(exercise, answer, given) for given in reversed(known.arguments)]
    return first, second[::-1]


def is_stub(ran: list[Ran], known: Trial) -> bool:
    asked = [r for r, expected in zip(ran, known.expected, strict=False) if expected is not None]
    return all(r.raised == "NotImplementedError" or (not r.raised and nothing(r.value)) for r in asked)


def nothing(value: Any) -> bool:
    return value is None or value is ... or value is NotImplemented


def blank(answer: Any) -> bool:
    """Is there no work in it, only a docstring, dots, `pass` or `raise NotImplementedError`?"""
    code = getattr(answer, "__code__", None)
    return code is None or (
        set(code.co_names) <= {"NotImplementedError"} and code.co_nlocals == len(inspect.signature(answer).parameters)
    )


def unwritten(exercise: Exercise, answer: Any) -> str:
    """The name of another exercise's function that the answer calls while it is still a stub; or nothing."""
    names = getattr(answer, "__globals__", {})
    for name in sorted(called(answer, set()) & KNOWN - {exercise.id}):
        known = trial(find(name))
        if callable(names.get(name)) and is_stub([attempt(find(name), names[name], known.arguments[0])], known):
            return name
    return ""


def called(function: Any, seen: set[str]) -> set[str]:
    """The global names that a function reads, itself or in a helper of its own."""
    codes, names = [getattr(function, "__code__", None)], getattr(function, "__globals__", {})
    for code in codes:
        if code is not None:
            codes += [part for part in code.co_consts if inspect.iscode(part)]  # comprehensions, functions inside
            found = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")} - seen
            seen |= found
            for name in found:
                if inspect.isfunction(names.get(name)) and names[name].__globals__ is names:
                    called(names[name], seen)
    return seen


def depart(exercise: Exercise, ran: Ran, again: Ran, known: Trial, i: int) -> Difference | None:
    """How one case departs from what is expected, if it does."""
    if ran.raised in ("signature", "SystemExit", "RecursionError"):
        return Difference("raised", ran.message)
    if ran.raised:
        text = f"it raises {ran.raised}: {ran.message}" if ran.message else f"it raises {ran.raised}."
        return Difference("raised", f"{text}\n    {ran.line}" if ran.line else text)
    if ran.wrote_to:
        return Difference("wrote", f"it writes to its argument `{ran.wrote_to}`; work on a copy.")
    if not agrees(ran, again, known.tolerances[i]):
        return Difference("changes", "the same input gives another result when it is called again.")
    departure = difference(ran.value, known.expected[i], known.tolerances[i], exercise.outputs)
    if departure and ran.lacks:
        return replace(departure, text=f"{departure.text} It has no parameter `{ran.lacks[0]}`.")
    return departure


def wrong(exercise: Exercise, known: Trial, ran: list[Ran], departures: list[Difference | None]) -> Report:
    """Name the mistake where it can be named, and show the smallest case that proves it."""
    found = {i: departure for i, departure in enumerate(departures) if departure}
    by_value = [i for i in found if found[i].kind not in ("wrote", "changes")]
    convention = next((label for label, outputs in known.conventions.items() if equals(ran, outputs, known)), None)
    mistake, left = (None, []) if convention or not by_value else name_mistake(known, ran, by_value)
    unclean = [i for i in found if i not in by_value]
    if unclean and (left or not (mistake or convention)):
        return told_first(exercise, known, found, min(unclean, key=lambda i: exercise.cases[i].size))
    shown = [i for i in by_value if mistake and i not in left] or by_value
    smallest = min(shown, key=lambda i: (found[i].kind != "values", exercise.cases[i].size))
    outcome = "raised" if all(d.kind == "raised" for d in found.values()) else "wrong"
    lines = [("head", headline(exercise, mistake, convention))]
    if mistake and mistake == exercise.bug:
        pass  # naming it would solve the exercise
    elif name := mistake or convention:
        lines.append(("why", exercise.why(name)))
    else:
        lines += [("why", text) for text in (stage(exercise, by_value[0]), observed(ran, known, smallest)) if text]
    if mistake and left:
        lines.append(("why", f'That is not all: the case "{exercise.cases[left[0]].name}" differs for another reason.'))
    lines.append(("case", f"Smallest failing case, {exercise.cases[smallest].name}:"))
    lines.append(("input", show_arguments(known.arguments[smallest])))
    lines.append(("where", sentence(found[smallest].text)))
    if unclean:
        lines.append(("where", f"And {found[unclean[0]].text}"))
    return Report(exercise.id, outcome, lines, mistake, convention)


def told_first(exercise: Exercise, known: Trial, found: dict[int, Difference], i: int) -> Report:
    """An argument written to, or results that change, come before anything about the numbers."""
    lines = [
        ("head", f"{exercise.id}: {found[i].text}"),
        ("case", f"Seen on {exercise.cases[i].name}:"),
        ("input", show_arguments(known.arguments[i])),
    ]
    return Report(exercise.id, "wrong", lines)


def equals(ran: list[Ran], outputs: list[Ran], known: Trial) -> bool:
    return all(agrees(r, o, t) for r, o, t in zip(ran, outputs, known.tolerances, strict=True))


def sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def case_words(exercise: Exercise, i: int) -> str:
    return exercise.cases[i].stage or exercise.cases[i].name


def headline(exercise: Exercise, mistake: str | None, convention: str | None) -> str:
    if mistake and mistake == exercise.bug:
        return f"{exercise.id}: the bug is still there."
    if mistake:
        return f"{exercise.id}: {mistake}."
    if convention:
        return f"{exercise.id}: another convention, {convention}."
    return f"{exercise.id}: not yet right."


def stage(exercise: Exercise, first: int) -> str:
    """Where the trouble starts: how many cases hold, and what comes with the first that does not."""
    if first == 0:
        return ""
    count = "The first case is" if first == 1 else f"The first {first} cases are"
    return f"{count} right; the first difference comes with {case_words(exercise, first)}."


def observed(ran: list[Ran], known: Trial, i: int) -> str:
    return "" if ran[i].raised else observe(ran[i].value, known.expected[i], known.arguments[i])


def judge_value(exercise: Exercise, answer: Any) -> Report:
    """Judge a number, a shape or a choice."""
    expected, choices = exercise.reference(), exercise.words.get("choices", [])
    try:
        got = read(answer, expected, exercise.words.get("question", ""))
    except ValueError as problem:
        return Report(exercise.id, "wrong", [("head", f"{exercise.id}: {problem}.")])
    if equal(got, expected, exercise.tolerance):
        text = f"{exercise.id}: right. {exercise.words.get('because', '')}".strip()
        return Report(exercise.id, "right", [("head", text)])
    for label, value in exercise.wrong.items():
        if equal(got, value(), exercise.tolerance):
            lines = [("head", f"{exercise.id}: {label}."), ("why", exercise.why(label))]
            return Report(exercise.id, "wrong", lines, label)
    binary = re.sub(r"(\d ?)([KMGT])B$", r"\1\2iB", answer.replace("kB", "KB")) if isinstance(answer, str) else answer
    if binary != answer and equal(read(binary, expected), expected, exercise.tolerance):
        text = f"{exercise.id}: nearly. {answer} counts in thousands; units of 1,024 are KiB, MiB and GiB."
        return Report(exercise.id, "wrong", [("head", text)])
    if choices and got not in [choice.lower() for choice in choices]:
        return Report(exercise.id, "wrong", [("head", f"{exercise.id}: choose one of {', '.join(choices)}.")])
    return Report(exercise.id, "wrong", [("head", f"{exercise.id}: {answer} is not right.")])


def equal(got: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, str):
        return got == expected.lower()
    if isinstance(expected, tuple):
        return got == expected
    return bool(np.isclose(got, expected, rtol=tolerance, atol=0))
