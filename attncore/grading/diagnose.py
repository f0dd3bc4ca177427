"""Name a mistake from what the answer computes: which labelled wrong solution gives the same outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from attncore.exercises import Exercise
from attncore.grading.compare import unequal
from attncore.grading.run import Ran, adapted, quietly, run
from attncore.shapes import as_array


@dataclass(frozen=True)
class Trial:
    """The cases of an exercise with everything about them that does not depend on the answer."""

    arguments: list[dict]
    expected: list
    tolerances: list[float]
    wrong: dict[str, list[Ran]]
    conventions: dict[str, list[Ran]]


@cache
def trial(exercise: Exercise) -> Trial:
    """Run the reference and every labelled solution once; the results are kept for all later answers."""
    arguments = [case.make() for case in exercise.cases]

    def outputs(function: Callable) -> list[Ran]:
        return [attempt(exercise, function, given) for given in arguments]

    with quietly():
        return Trial(
            arguments,
            [ran.value for ran in outputs(exercise.reference)],
            [max(exercise.tolerance, 1e-4 if has_float32(given) else 0) for given in arguments],
            {label: outputs(function) for label, function in exercise.wrong.items()},
            {label: outputs(function) for label, function in exercise.conventions.items()},
        )


def attempt(exercise: Exercise, answer: Callable, given: dict) -> Ran:
    """Call an answer as the exercise is called; where several results are expected, they come as a tuple."""
    if exercise.drive:
        ran = run(partial(exercise.drive, adapted(answer, exercise.reference)), partial(exercise.drive, answer), given)
    else:
        ran = run(answer, exercise.reference, given)
    several = len(exercise.outputs)
    if several > 1 and is_listed(ran.value) and len(ran.value) == several:
        return replace(ran, value=tuple(ran.value))
    return ran


def is_listed(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0)


def has_float32(given: dict) -> bool:
    return any(getattr(value, "dtype", None) == np.float32 for value in given.values())


def agrees(ran: Ran, other: Ran, tolerance: float) -> bool:
    """Do two calls come to the same: equal values, or the same exception?"""
    if ran.raised or other.raised:
        return ran.raised == other.raised
    return same(ran.value, other.value, tolerance)


def same(one: Any, two: Any, tolerance: float) -> bool:
    if isinstance(one, tuple) and isinstance(two, tuple):
        return len(one) == len(two) and all(same(a, b, tolerance) for a, b in zip(one, two, strict=True))
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(same(a, b, tolerance) for a, b in zip(one, two, strict=True))
    if not (isinstance(one, np.ndarray) and isinstance(two, np.ndarray)):
        return type(one) is type(two)
    if not {one.dtype.kind, two.dtype.kind} <= set("biufc"):
        return one.dtype.kind == two.dtype.kind and one.shape == two.shape  # no numbers: called twice, the same kind
    if one.shape != two.shape or (one.dtype == bool) != (two.dtype == bool):
        return False
    return not unequal(one, two, tolerance).any()


def name_mistake(trial: Trial, ran: Sequence[Ran], failing: Sequence[int]) -> tuple[str | None, list[int]]:
    """The label that explains the failing cases best, and the failing cases that it leaves unexplained.

    A label explains a case where it gives what the answer gives. The one taken explains the first failing case, on
    numbers enough to tell it by; of several, the one that explains most, cases counting against it where the answer
    does something else. Where none explains the first case, one may still explain most of the others.
    """
    best: tuple[tuple, str | None, list[int]] = ((False, 0.0), None, list(failing))
    for label, outputs in trial.wrong.items():
        same = [agrees(ran[i], outputs[i], trial.tolerances[i]) for i in range(len(ran))]
        explained = [i for i in failing if same[i]]
        left = [i for i in failing if not same[i]]
        if explained and all(same):
            return label, []
        contradicted = same.count(False) - len(left)  # the answer is right there, and the label wrong
        if contradicted >= len(explained) or (sum(telling(ran[i]) for i in explained) < 2 and left):
            continue
        if not any(telling(ran[i]) for i in explained):
            continue
        rank = (same[failing[0]], len(explained) - 0.75 * same.count(False))
        if rank > best[0]:
            best = (rank, label, left)
    return best[1], best[2]


def telling(ran: Ran) -> bool:
    """A single True or a small count is too little to know a mistake by."""
    if isinstance(ran.value, tuple):
        return any(telling(replace(ran, value=part)) for part in ran.value)
    array = None if ran.raised else as_array(ran.value)
    return array is not None and (array.size > 2 or (array.dtype.kind == "f" and array.size > 0))


def observe(got, expected, given: dict) -> str:
    """What can be said of a wrong array without a label, in one sentence; empty where nothing stands out."""
    if isinstance(expected, tuple):
        return ""
    array, right = as_array(got), np.asarray(expected)
    if array is None:
        return ""
    for name, value in given.items():
        if isinstance(value, np.ndarray) and value.shape == array.shape == right.shape and np.array_equal(value, array):
            return f"It returns `{name}` unchanged."
    if array.shape != right.shape:
        if array.ndim > 1 and array.swapaxes(-1, -2).shape == right.shape:
            return "The last two axes are swapped."
        return ""
    if array.dtype.kind == "c":
        return ""
    if np.isnan(array).any() and not np.isnan(right).any():
        return "It contains NaN, which no input of this exercise should give."
    if right.dtype == bool and (array.dtype != bool or not right.ndim):
        return ""
    if right.dtype == bool:
        return "Every entry is the opposite of what is expected." if np.array_equal(array, ~right) else ""
    if not array.any():
        return "It is zero everywhere."
    array, right = array.astype(float), right.astype(float)
    if array.ndim > 1 and array.shape[-1] == array.shape[-2] and np.allclose(array.swapaxes(-1, -2), right):
        return "It is the expected array with its last two axes swapped."
    if np.allclose(array, -right):
        return "The sign is the opposite of what is expected."
    with np.errstate(all="ignore"):
        ratio = array[right != 0] / right[right != 0]
    if ratio.size > 1 and np.isfinite(ratio).all() and np.allclose(ratio, ratio[0]) and not array[right == 0].any():
        return f"Every number is {ratio[0]:.4g} times what is expected."
    if (
        right.ndim
        and (right >= 0).all()
        and np.allclose(right.sum(axis=-1), 1)
        and not np.allclose(array.sum(axis=-1), 1, atol=0.01)
    ):
        columns = right.ndim > 1 and np.allclose(array.sum(axis=-2), 1)
        return f"The rows should sum to one, and do not{'; the columns do' if columns else ''}."
    return ""
