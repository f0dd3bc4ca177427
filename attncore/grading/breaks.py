"""Judge an input: does the broken code of an exercise fail on it, where the repaired code does not?

The judge runs both, each on its own copy, and says where the two results first differ. It never says in which line.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from attncore.exercises import Case, Code
from attncore.grading.check import depart, sentence
from attncore.grading.compare import agree
from attncore.grading.report import Report, said
from attncore.grading.run import SECONDS, Ran, TimeUp, call, first_line, quietly, within
from attncore.grading.trial import has_float32, trial

Given = dict[str, Any]


def judge_input(exercise: Code, given: Sequence[Any], named: Mapping[str, Any]) -> Report:
    """Judge the input of a call of `breaks`, printing nothing.

    The outcome is "right" where the broken code fails and the repaired code does not, "wrong" where there is nothing to
    see, and "unattempted" where an argument is missing or doesn't belong there.
    """
    try:
        arguments = bound(exercise, given, named)
    except TypeError as problem:
        return unattempted(exercise, f"{problem}.")
    open_ones = [name for name, value in arguments.items() if value is ...]
    if len(open_ones) == len(arguments) or arguments.keys() - open_ones <= optional(exercise):
        return unattempted(exercise, "no input yet.")
    if open_ones:
        return unattempted(exercise, f"a value is missing for {' and '.join(f'`{name}`' for name in open_ones)}.")
    return compared(exercise, arguments)


def unattempted(exercise: Code, text: str) -> Report:
    return said(exercise, "unattempted", text, ("input", blank_call(exercise)))


def blank_call(exercise: Code) -> str:
    """The call as the notebook has it: dots where the learner's input goes, and the defaults."""
    parts = [
        "..." if p.kind is p.VAR_POSITIONAL else f"{name}={'...' if p.default is p.empty else repr(p.default)}"
        for name, p in asked(exercise).parameters.items()
    ]
    return f'breaks("{exercise.id}", {", ".join(parts)})'


def asked(exercise: Code) -> inspect.Signature:
    """What an input is made of: the function's own parameters, or those of what drives it."""
    if not exercise.drive:
        return exercise.signature.parameters
    every = list(inspect.signature(exercise.drive).parameters.values())
    return inspect.Signature(every[1:])


def optional(exercise: Code) -> set[str]:
    return {name for name, p in asked(exercise).parameters.items() if p.default is not p.empty}


def bound(exercise: Code, given: Sequence[Any], named: Mapping[str, Any]) -> Given:
    """The arguments by name; dots for each required one that isn't there. Raises TypeError where one doesn't belong."""
    parameters = asked(exercise)
    arguments = parameters.bind_partial(*given, **named).arguments
    required = [name for name in parameters.parameters if name not in optional(exercise)]
    return {name: ... for name in required} | arguments


def compared(exercise: Code, arguments: Given) -> Report:
    """Run the repaired and the broken code on an input, each twice, and say what came of it."""
    try:
        admitted = promoted(exercise, arguments)
    except (ValueError, TypeError) as problem:
        return outside(exercise, first_line(problem))
    expected = ran(exercise, exercise.reference, admitted)
    if expected.raised == "TimeUp":
        return said(exercise, "wrong", f"this input takes more than {SECONDS:g} seconds. Give a smaller one.")
    if expected.raised:
        return outside(exercise, f"{expected.raised}: {expected.message}")
    tolerance = max(exercise.tolerance, 1e-4 if has_float32(admitted) else 0)
    if not agree(ran(exercise, exercise.reference, admitted), expected, tolerance):
        return said(exercise, "wrong", "the repaired code gives two results on this input. Is something in it random?")
    broken = exercise.wrong[exercise.bug]
    first = ran(exercise, broken, admitted)
    again = first if first.raised else ran(exercise, broken, admitted)
    departure = depart(exercise, first, again, expected, tolerance)
    if departure is None:
        lines = [("why", f"It returns what the repaired code returns. {described(admitted)}")]
        return said(exercise, "wrong", "the code is right on this input.", *lines)
    text = departure.text.replace("; work on a copy", "")
    repair = f"Now repair it, and run check({exercise.id})."
    return said(exercise, "right", "yes, here it fails.", ("where", sentence(text)), ("next", repair))


def outside(exercise: Code, problem: str) -> Report:
    text = "the repaired code refuses this input too, so it shows nothing."
    return said(exercise, "wrong", text, ("where", f"It says: {problem}"))


def promoted(exercise: Code, arguments: Given) -> Given:
    """The arguments as the repaired code sees them: lists made arrays, integers made floats. Raises ValueError."""
    admitted = dict(arguments)
    contract = getattr(exercise.drive or exercise.reference, "contract", None)
    if contract:
        contract.admit(admitted)
    return admitted


def ran(exercise: Code, function: Callable[..., Any], arguments: Given) -> Ran:
    try:
        with quietly():
            result: Ran = within(SECONDS, lambda: call(function, exercise.signature, arguments))
            return result
    except TimeUp:
        return Ran(raised="TimeUp", message=f"it does not come back within {SECONDS:g} seconds.")
    except Exception as problem:  # an argument that cannot even be copied
        return Ran(raised=type(problem).__name__, message=first_line(problem))


def described(arguments: Given) -> str:
    """The input in a sentence: "`x` has the shape (2, 3), and `n` is 4"."""
    parts = [f"`{name}` {shown(value)}" for name, value in arguments.items()]
    return f"{', '.join(parts[:-1])}{' and ' if len(parts) > 1 else ''}{parts[-1]}."


def shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"has the shape {value.shape}" if value.ndim else f"is {value.item():.4g}"
    if value is None or isinstance(value, bool | int | float | str):
        return f"is {value!r}"
    return f"is a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, list | tuple) else "")


def shown_in(exercise: Code) -> Case:
    """The smallest case in which the broken code fails."""
    known = trial(exercise)
    told = next(outputs for label, outputs in known.wrong if label == exercise.bug)
    showing = [i for i in known.core if not agree(told[i], known.expected[i], known.tolerances[i])]
    return exercise.cases[min(showing, key=lambda i: (bool(told[i].raised), exercise.cases[i].size))]
