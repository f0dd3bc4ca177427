"""Compare an answer with what was expected: by value, and in axis words where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from attncore.exercises.exercise import Output
from attncore.shapes import AXES, as_array


@dataclass(frozen=True)
class Difference:
    """Where an answer first departs: `kind` is "kind", "shape" or "values"; `text` a sentence for the learner."""

    kind: str
    text: str


def difference(got: Any, expected: Any, tolerance: float, outputs: Sequence[Output]) -> Difference | None:
    """The first difference between an answer and the expected value, or None; of several results, by their names."""
    if not isinstance(expected, tuple):
        return departure(got, expected, tolerance, outputs[0].axes)
    if got is None:
        return Difference("kind", MISSING)
    names = [output.name for output in outputs]
    if not isinstance(got, tuple) or len(got) != len(expected):
        came = (
            f"a tuple of {len(got)}"
            if isinstance(got, tuple)
            else "one array"
            if as_array(got) is not None
            else brief(got)
        )
        return Difference("kind", f"it returns {came}, expected the tuple ({', '.join(names)}).")
    for mine, right, output in zip(got, expected, outputs, strict=True):
        if found := departure(mine, right, tolerance, output.axes):
            return Difference(found.kind, f"in {output.name}, {found.text}")
    return None


def departure(got: Any, expected: Any, tolerance: float, axes: tuple[str, ...] = ()) -> Difference | None:
    """The first difference between one result and the expected one, or None. `axes` are its letters."""
    if expected is None or isinstance(expected, str):
        same = type(got) is type(expected) and got == expected
        return None if same else Difference("kind", f"it returns {brief(got)}, expected {expected!r}.")
    right = np.asarray(expected)
    if isinstance(got, tuple) and got and np.shape(as_array(got[0])) == right.shape:
        return Difference("kind", f"it returns a tuple of {len(got)}, expected one array.")
    if got is None:
        return Difference("kind", MISSING)
    array = as_array(got)
    if array is None:
        return Difference("kind", f"it returns {brief(got)}, expected {describe(right)}.")
    if array.shape != right.shape:
        return Difference("shape", f"its shape is {array.shape}, expected {right.shape or 'a single number, ()'}.")
    if right.dtype == bool and array.dtype != bool:
        return Difference("kind", f"it returns numbers ({array.dtype}), expected True or False.")
    wrong = unequal(array, right, tolerance)
    if not wrong.any():
        return None
    if array.dtype == np.float16 and not unequal(array.astype(float), right, 1e-2).any():
        return Difference("kind", "it returns float16, which holds three figures; return float32 or float64.")
    telling = wrong & (np.abs(np.nan_to_num(right.astype(float))) > 1e-3)
    unexpected_nan = wrong & np.isnan(array)
    place = tuple(np.argwhere(first_that_has_any(unexpected_nan, telling, wrong))[0])
    at = f"at {place_words(place, axes)}: " if place else ""
    wanted, came = told_apart(right[place], array[place])
    return Difference("values", f"{at}expected {wanted}, got {came}.")


def first_that_has_any(*masks: np.ndarray) -> np.ndarray:
    return next(mask for mask in masks if mask.any())


def unequal(array: np.ndarray, right: np.ndarray, tolerance: float) -> np.ndarray:
    """Which entries differ. Near zero the tolerance is that of the largest expected number."""
    if right.dtype == bool:
        return array != right
    if array.dtype in (np.float32, np.complex64):
        tolerance = max(tolerance, 1e-4)
    finite = np.abs(right[np.isfinite(right)])
    near_zero = max(1e-9, tolerance * finite.max(initial=0.0))
    return ~np.isclose(array, right, rtol=tolerance, atol=near_zero, equal_nan=True)


def place_words(place: tuple[int, ...], axes: tuple[str, ...]) -> str:
    """(1, 0, 3) on (..., q, k) is "batch 1, query 0, key 3"."""
    letters = [axis for axis in axes if axis != "..."]
    if not letters or len(letters) > len(place):
        return f"index {place[0] if len(place) == 1 else tuple(map(int, place))}"
    leading = place[: len(place) - len(letters)]
    words = [f"batch {', '.join(map(str, leading))}"] if leading else []
    words += [f"{AXES.get(axis, axis)} {index}" for axis, index in zip(letters, place[len(leading) :], strict=True)]
    return ", ".join(words)


def told_apart(expected: Any, got: Any) -> tuple[str, str]:
    """Two numbers with four figures each, or with as many as show that they differ."""
    pairs = ((figures(expected, digits), figures(got, digits)) for digits in (4, 6, 8, 12, 17))
    return next((pair for pair in pairs if pair[0] != pair[1]), (repr(expected), repr(got)))


def figures(number: Any, digits: int = 4) -> str:
    if isinstance(number, bool | np.bool_):
        return str(bool(number))
    return str(int(number)) if isinstance(number, int | np.integer) else f"{number:.{digits}g}"


def describe(array: np.ndarray) -> str:
    return f"an array of shape {array.shape}" if array.ndim else "True or False" if array.dtype == bool else "a number"


MISSING = "it returns None; is a `return` missing, or in one branch only?"
ODD = {
    "generator": "a generator; is a `yield` there that should be a `return`?",
    "coroutine": "a coroutine; leave out the `async`",
    "function": "a function; call it, and return its result",
    "type": "a class; return a value",
    "ellipsis": "three dots",
}


def brief(value: Any) -> str:
    """What came in place of numbers."""
    if value is None:
        return "None"
    name = type(value).__name__
    if isinstance(value, list | tuple):
        return f"a {name} whose rows differ in length, or that holds more than numbers"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype.name}"
    return ODD.get(name, f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}")
