"""Compare what came with what was expected: `same` is the one notion of equality, `explain` says where it fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from attncore.exercises.exercise import Output
from attncore.grading.run import Ran
from attncore.shapes import AXES, as_array


@dataclass(frozen=True)
class Difference:
    """Where an answer first departs, by kind: raised, error, wrote, changes, dtype, kind, shape or values.

    `text` is a sentence for the learner.
    """

    kind: str
    text: str


def agree(one: Ran, two: Ran, tolerance: float) -> bool:
    """Does a call come to the same as another one: equal values, as far as its numbers go, or the same exception?"""
    if one.raised or two.raised:
        both = bool(one.raised and two.raised)  # an exception's base may have no name, which is none of a value's
        return both and (one.raised == two.raised or two.raised in one.kin or one.raised in two.kin)
    return same(one.value, two.value, max(tolerance, one.precision))


def same(got: Any, expected: Any, tolerance: float) -> bool:
    """Are they equal, number by number within a tolerance?"""
    if isinstance(expected, tuple | list):
        alike = isinstance(got, type(expected)) and len(got) == len(expected)
        return alike and all(same(a, b, tolerance) for a, b in zip(got, expected, strict=True))
    if not isinstance(expected, np.ndarray):
        return type(got) is type(expected) and (not isinstance(expected, str | int) or bool(got == expected))
    got = rows_of(got)
    if not isinstance(got, np.ndarray) or got.shape != expected.shape:
        return False
    if not {got.dtype.kind, expected.dtype.kind} <= NUMBERS:
        return bool(got.dtype.kind == expected.dtype.kind)  # no numbers: called twice, the same kind
    if (got.dtype == bool) != (expected.dtype == bool) or (got.dtype.kind == "c") != (expected.dtype.kind == "c"):
        return False
    exactly = got.dtype == expected.dtype and got.tobytes() == expected.tobytes()  # as the same call mostly is
    return exactly or not unequal(got, expected, tolerance).any()


NUMBERS = set("biufc")


def rows_of(got: Any) -> Any:
    """A tuple of numbers, or of rows of one length, as the array that a list of them would be."""
    array = as_array(got) if isinstance(got, tuple) else None
    return got if array is None else array


def unequal(array: np.ndarray, right: np.ndarray, tolerance: float) -> np.ndarray:
    """Which entries differ. Near zero the tolerance is that of the largest expected number.

    NaN is equal to NaN, and infinity to itself: what np.isclose would say, in a fraction of its time.
    """
    if right.dtype == bool:
        return np.asarray(array != right)
    size = np.abs(right)
    near_zero = max(1e-9, tolerance * size[np.isfinite(size)].max(initial=0.0))
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.isfinite(right) & (np.abs(array - right) <= near_zero + tolerance * size)
    return np.asarray(~(close | (array == right) | (np.isnan(array) & np.isnan(right))))


def explain(got: Any, expected: Any, tolerance: float, outputs: Sequence[Output]) -> Difference:
    """The first difference between a result and the expected one, which are not the same."""
    if not isinstance(expected, tuple):
        return explain_one(got, expected, tolerance, outputs[0].axes)
    if got is None:
        return Difference("kind", MISSING)
    names = [output.name.replace("_", " ") for output in outputs]
    if not isinstance(got, tuple) or len(got) != len(expected):
        return Difference("kind", f"it returns {counted(got)}, expected the tuple ({', '.join(names)}).")
    for mine, right, output, name in zip(got, expected, outputs, names, strict=True):
        if not same(mine, right, tolerance):
            found = explain_one(mine, right, tolerance, output.axes)
            return Difference(found.kind, f"in {name}, {found.text}")
    raise ValueError("the two are the same")


def explain_one(got: Any, expected: Any, tolerance: float, axes: tuple[str, ...]) -> Difference:
    """How one result differs from the expected one. `axes` are its letters."""
    if not isinstance(expected, np.ndarray):
        return Difference("kind", f"it returns {brief(got)}, expected {expected!r}.")
    if isinstance(got, tuple) and got and np.shape(as_array(got[0])) == expected.shape:
        return Difference("kind", f"it returns a tuple of {len(got)}, expected one array.")
    if got is None:
        return Difference("kind", MISSING)
    got = rows_of(got)
    if not isinstance(got, np.ndarray):
        told = explain_part(got, expected, axes) or f"it returns {brief(got)}, expected {describe(expected)}."
        return Difference("kind", told)
    if got.dtype.kind not in NUMBERS:
        return Difference("kind", f"it returns an array that holds no numbers ({got.dtype}).")
    if got.shape != expected.shape:
        return Difference("shape", f"its shape is {got.shape}, expected {expected.shape or 'a single number, ()'}.")
    return explain_numbers(got, expected, tolerance, axes)


def explain_part(got: Any, expected: np.ndarray, axes: tuple[str, ...]) -> str:
    """Of a list of as many parts as are expected, the first one that's no part of the right shape; else nothing."""
    if not isinstance(got, list) or expected.ndim < 2 or axes[:1] in ((), ("...",)) or len(got) != len(expected):
        return ""
    for index, (part, right) in enumerate(zip(map(as_array, got), expected, strict=True)):
        if part is None or part.shape != right.shape:
            came = brief(got[index]) if part is None else f"an array of shape {part.shape}"
            return f"at {place_words((index,), axes[:1])} it has {came}, expected one of shape {right.shape}."
    return ""


def explain_numbers(got: np.ndarray, expected: np.ndarray, tolerance: float, axes: tuple[str, ...]) -> Difference:
    if expected.dtype == bool and got.dtype != bool:
        return Difference("kind", f"it returns numbers ({got.dtype}), expected True or False.")
    if (got.dtype == bool) != (expected.dtype == bool) or got.dtype.kind == "c":
        return Difference("kind", f"it returns {'True or False' if got.dtype == bool else 'complex numbers'}, {REAL}.")
    wrong = unequal(got, expected, tolerance)
    telling = wrong & (np.abs(np.nan_to_num(expected.astype(float))) > 1e-3)
    unexpected_nan = wrong & np.isnan(got)
    place = tuple(np.argwhere(first_that_has_any(unexpected_nan, telling, wrong))[0])
    at = f"at {place_words(place, axes)}: " if place else ""
    wanted, came = told_apart(expected[place], got[place])
    return Difference("values", f"{at}expected {wanted}, got {came}.")


def first_that_has_any(*masks: np.ndarray) -> np.ndarray:
    return next(mask for mask in masks if mask.any())


def place_words(place: tuple[int, ...], axes: tuple[str, ...]) -> str:
    """(1, 0, 3) on (..., q, k) is "batch 1, query 0, key 3"."""
    letters = [axis for axis in axes if axis != "..."]
    n_leading = len(place) - len(letters)
    if not letters or n_leading < 0:
        return f"index {place[0] if len(place) == 1 else tuple(map(int, place))}"
    start = axes.index("...") if "..." in axes else 0
    leading = place[start : start + n_leading]
    words = [
        f"{AXES.get(axis, axis)} {index}"
        for axis, index in zip(letters, place[:start] + place[start + n_leading :], strict=True)
    ]
    batch = [f"batch {', '.join(map(str, leading))}"] if leading else []
    return ", ".join(words[:start] + batch + words[start:])


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


def counted(got: Any) -> str:
    if isinstance(got, tuple):
        return f"a tuple of {len(got)}"
    return "one array" if isinstance(got, np.ndarray) else brief(got)


REAL = "expected real numbers"
MISSING = "it returns None. Is a `return` missing, or there in one branch only?"
ODD = {
    "generator": "a generator. Did you write `yield` where you meant `return`?",
    "coroutine": "a coroutine (leave out the `async`)",
    "function": "a function (call it, and return its result)",
    "type": "a class (return a value)",
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
