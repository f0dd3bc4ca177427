"""Name a mistake from what the answer computes: which labelled wrong solution gives the same outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from attncore.exercises import Exercise
from attncore.grading.compare import difference
from attncore.grading.run import Ran, quietly, run
from attncore.shapes import as_array, shape_line


@dataclass(frozen=True)
class Trial:
    """The cases of an exercise with everything about them that does not depend on the answer."""

    arguments: list[dict]
    expected: list
    tolerances: list[float]
    wrong: dict[str, list[Ran]]
    conventions: dict[str, list[Ran]]
    axes: tuple[str, ...]


@cache
def trial(exercise: Exercise) -> Trial:
    """Run the reference and every labelled solution once; the results are kept for all later answers."""
    reference = exercise.reference
    arguments = [case.make() for case in exercise.cases]

    def outputs(function: Callable) -> list[Ran]:
        return [run(function, reference, given) for given in arguments]

    with quietly():
        return Trial(
            arguments,
            [ran.value for ran in outputs(reference)],
            [max(exercise.tolerance, 1e-4 if has_float32(given) else 0) for given in arguments],
            {label: outputs(function) for label, function in exercise.wrong.items()},
            {label: outputs(function) for label, function in exercise.conventions.items()},
            shape_line(reference)[1],
        )


def has_float32(given: dict) -> bool:
    return any(getattr(value, "dtype", None) == np.float32 for value in given.values())


def agrees(ran: Ran, other: Ran, tolerance: float) -> bool:
    """Do two calls come to the same: equal values, or the same exception?"""
    if ran.raised or other.raised:
        return ran.raised == other.raised
    return (
        difference(ran.value, other.value, tolerance) is None and difference(other.value, ran.value, tolerance) is None
    )


def name_mistake(trial: Trial, ran: Sequence[Ran], failing: Sequence[int]) -> tuple[str | None, bool]:
    """The label that explains the failing cases best, and whether it explains them all.

    A label is taken where, on failing cases, it gives what the answer gives. One that is refuted elsewhere (it
    would fail where the answer is right) needs to explain more than it gets wrong.
    """
    best, best_score, whole = None, 0.0, False
    for label, outputs in trial.wrong.items():
        same = [agrees(ran[i], outputs[i], trial.tolerances[i]) for i in range(len(ran))]
        if all(same):
            return label, True
        explained = [i for i in failing if same[i]]
        if not any(telling(ran[i]) for i in explained):
            continue
        refuted = sum(not s and not r.raised for s, r in zip(same, ran, strict=True))
        score = len(explained) - 0.75 * refuted
        if score > best_score:
            best, best_score, whole = label, score, len(explained) == len(failing)
    return best, whole


def telling(ran: Ran) -> bool:
    """A single True or a small count is too little to know a mistake by."""
    array = None if ran.raised else as_array(ran.value)
    return array is not None and (array.size > 2 or (array.dtype.kind == "f" and array.size > 0))


def observe(got, expected, given: dict) -> str:
    """What can be said of a wrong array without a label, in one sentence; empty where nothing stands out."""
    array, right = as_array(got), np.asarray(expected)
    if array is None:
        return ""
    for name, value in given.items():
        if isinstance(value, np.ndarray) and value.shape == array.shape and np.array_equal(value, array):
            return f"It returns `{name}` unchanged."
    if array.shape != right.shape:
        if array.ndim > 1 and array.swapaxes(-1, -2).shape == right.shape:
            return "The last two axes are swapped."
        return ""
    if array.dtype.kind == "c":
        return ""
    if np.isnan(array).any() and not np.isnan(right).any():
        return "It contains NaN, which no input of this exercise should give."
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
    if ratio.size > 1 and np.isfinite(ratio).all() and np.allclose(ratio, ratio[0]):
        return f"Every number is {ratio[0]:.4g} times what is expected."
    if right.ndim and np.allclose(right.sum(axis=-1), 1) and not np.allclose(array.sum(axis=-1), 1):
        return "The rows should sum to one, and do not."
    return ""
