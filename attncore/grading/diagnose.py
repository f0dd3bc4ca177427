"""Name a mistake from what the answer computes: which labeled wrong solution gives the same outputs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from attncore.grading.compare import agree
from attncore.grading.run import Ran
from attncore.grading.trial import Labelled, Trial


def name_mistakes(known: Trial, ran: Sequence[Ran], failing: Sequence[int]) -> tuple[list[str], list[int]]:
    """The labels that explain the failing core cases, the best one first, and the cases that none of them explains.

    A second one is named where the first leaves cases unexplained. An answer that is one number throughout agrees with
    many labels here and there, so it is named by one that it agrees with everywhere.
    """
    if only_number(known, ran) is not None:
        whole = (label for label, outputs in known.wrong if alike(known, ran, outputs))
        return next((([label], []) for label in whole), ([], list(failing)))
    first, left = best_label(known, known.wrong, ran, failing, known.core)
    if first is None or not left:
        return [first] if first else [], left
    others = [(label, outputs) for label, outputs in known.wrong if label != first]
    unseen = [i for i in known.core if i in left or i not in failing]  # what the first explains says nothing here
    second, rest = best_label(known, others, ran, left, unseen)
    return ([first, second], rest) if second else ([first], left)


def name_edges(
    known: Trial, ran: Sequence[Ran], corners: Iterable[tuple[Sequence[int], Sequence[int]]]
) -> Iterator[str | None]:
    """For each corner, the failing and the right cases of a promise, the label of a mistake that shows there; or None.

    A promised error is missing from most labeled solutions too; only one that is about errors is a name for it.
    """
    for failing, right in corners:
        labels = known.of_errors if known.expected[failing[0]].raised else known.of_corners
        yield best_label(known, labels, ran, failing, [*failing, *right])[0]


def name_convention(known: Trial, ran: Sequence[Ran]) -> str | None:
    """The other valid convention that an answer follows in all core cases."""
    return next((label for label, outputs in known.conventions if alike(known, ran, outputs)), None)


def alike(known: Trial, ran: Sequence[Ran], outputs: Sequence[Ran]) -> bool:
    """Does the answer give in all core cases what a labeled solution gives?"""
    return all(agree(ran[i], outputs[i], known.tolerances[i]) for i in known.core)


def only_number(known: Trial, ran: Sequence[Ran]) -> Any:
    """The one number, True and False included, that an answer gives in every place of every core case; or None."""
    values = [ran[i].value for i in known.core]
    if len(values) < 2 or not all(isinstance(value, np.ndarray) and value.dtype.kind in "biuf" for value in values):
        return None
    numbers = np.unique(np.concatenate([value.ravel() for value in values]))
    return numbers[0] if len(numbers) == 1 else None


def best_label(
    known: Trial, labels: Labelled, ran: Sequence[Ran], failing: Sequence[int], among: Sequence[int]
) -> tuple[str | None, list[int]]:
    """The label that explains the failing cases best, `among` these cases, and the failing ones that it leaves.

    A label explains a case where it gives what the answer gives. The one taken explains the first failing case, on
    numbers enough to tell it by; of several, the one that explains most, cases counting against it where the answer
    does something else. Where none explains the first case, one may still explain most of the others.
    """
    best: tuple[tuple[bool, float, int], str | None, list[int]] = ((False, 0.0, 0), None, list(failing))
    rest = [i for i in among if i not in failing]
    beyond = [i for i in range(len(ran)) if i not in among]
    for label, outputs in labels:

        def agreeing(cases: Sequence[int], outputs: list[Ran] = outputs) -> list[int]:
            return [i for i in cases if agree(ran[i], outputs[i], known.tolerances[i])]

        explained = agreeing(failing)
        if not explained:
            continue
        left = [i for i in failing if i not in explained]
        contradicted = len(rest) - len(agreeing(rest))  # the answer is right there, and the label wrong
        if contradicted >= len(explained) or ((contradicted or left) and not is_telling(ran, explained, left)):
            continue
        against = contradicted + len(left)
        rank = (failing[0] in explained or not against, len(explained) - 0.75 * against, len(agreeing(beyond)))
        if rank > best[0]:
            best = (rank, label, left)
    return best[1], best[2]


def is_telling(ran: Sequence[Ran], explained: Sequence[int], left: Sequence[int]) -> bool:
    """Do the explained cases hold enough numbers to know a mistake by, two of them where others are left?"""
    return sum(telling(ran[i]) for i in explained) >= (2 if left else 1)


def telling(ran: Ran) -> bool:
    """A single True, a small count or nothing but NaN is too little to know a mistake by."""
    if isinstance(ran.value, tuple):
        return any(telling(replace(ran, value=part)) for part in ran.value)
    array = ran.value if isinstance(ran.value, np.ndarray) and not ran.raised else None
    if array is None or array.dtype.kind == "f":
        return array is not None and bool(np.isfinite(array).any())
    return array.size > 2


Given = dict[str, Any]


def remark(got: Any, expected: Any, given: Given) -> str:
    """What can be said of a wrong array without a label, in one sentence; empty where nothing stands out."""
    if not isinstance(expected, np.ndarray) or not isinstance(got, np.ndarray) or got.dtype.kind not in "biuf":
        return ""
    if name := next((n for n, value in given.items() if is_equal(value, got)), ""):
        return f"It returns `{name}` unchanged."
    if got.shape != expected.shape:
        return first_that_holds(OF_SHAPES, got, expected)
    if expected.dtype == bool:
        return first_that_holds(OF_BOOLEANS, got, expected) if got.dtype == bool and expected.ndim else ""
    got, expected = got.astype(float), expected.astype(float)
    return first_that_holds(REMARKS, got, expected) or ratio(got, expected)


def first_that_holds(remarks: "Remarks", got: np.ndarray, expected: np.ndarray) -> str:
    with np.errstate(all="ignore"):
        return next((sentence for holds, sentence in remarks if holds(got, expected)), "")


def is_equal(value: Any, got: np.ndarray) -> bool:
    return isinstance(value, np.ndarray) and value.shape == got.shape and got.ndim > 0 and np.array_equal(value, got)


def has_new_nan(got: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.isnan(got).any() and not np.isnan(expected).any())


def is_swapped(got: np.ndarray, expected: np.ndarray) -> bool:
    if got.ndim < 2 or got.shape[-1] != got.shape[-2]:
        return False
    swapped = expected.swapaxes(-1, -2)
    return np.allclose(got, swapped) and not np.allclose(expected, swapped)


def sums_to_one(array: np.ndarray, axis: int) -> bool:
    return array.ndim >= -axis and bool((array >= 0).all()) and np.allclose(array.sum(axis=axis), 1, atol=0.01)


def is_rounded(digits: int) -> Callable[[np.ndarray, np.ndarray], bool]:
    return lambda got, expected: (
        np.array_equal(got, np.round(expected, digits)) and not is_rounded_already(expected, digits)
    )


def is_rounded_already(expected: np.ndarray, digits: int) -> bool:
    return np.array_equal(expected, np.round(expected, digits))


Remarks = Iterable[tuple[Callable[[np.ndarray, np.ndarray], bool], str]]
COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
OF_SHAPES: Remarks = [
    (
        lambda got, expected: got.ndim > 1 and got.swapaxes(-1, -2).shape == expected.shape,
        "The last two axes are swapped.",
    ),
]
OF_BOOLEANS: Remarks = [
    (lambda got, expected: np.array_equal(got, ~expected), "Every entry is the opposite of what is expected."),
]
REMARKS: Remarks = [
    (has_new_nan, "It contains NaN, which no input of this exercise should give."),
    (lambda got, expected: bool(got.ndim) and not got.any(), "It is zero everywhere."),
    (is_swapped, "It is the expected array with its last two axes swapped."),
    (lambda got, expected: np.allclose(got, -expected), "The sign is the opposite of what is expected."),
    *(
        (is_rounded(digits), f"The numbers are right, but rounded to {word} decimals. Return them unrounded.")
        for digits, word in COUNTS.items()
    ),
    (
        lambda got, expected: sums_to_one(expected, -1) and sums_to_one(got, -2) and not sums_to_one(got, -1),
        "The rows should sum to one, and it's the columns that do.",
    ),
    (
        lambda got, expected: sums_to_one(expected, -1) and not sums_to_one(got, -1),
        "Every row should sum to one, and yours don't.",
    ),
]
ALMOST = "The numbers are right to three figures or more. Is a small constant added, or a step done in low precision?"


def ratio(got: np.ndarray, expected: np.ndarray) -> str:
    """Every number wrong by one and the same factor, if it is far enough from one to be read."""
    nonzero = expected != 0
    with np.errstate(all="ignore"):
        factors = got[nonzero] / expected[nonzero]
    if factors.size < 2 or not np.isfinite(factors).all() or got[~nonzero].any():
        return ""
    if np.allclose(factors, 1, atol=1e-3):
        return ALMOST
    return f"Every number is {factors[0]:.4g} times what is expected." if np.allclose(factors, factors[0]) else ""


TRAITS: list[tuple[str, Callable[[Given], bool]]] = [
    ("where numbers are in float32", lambda given: any(array.dtype == np.float32 for array in arrays(given))),
    (
        "on a batch",
        lambda given: max((array.ndim for array in arrays(given) if array.dtype.kind == "f"), default=0) > 2,
    ),
    ("where scores are large", lambda given: any(np.abs(finite(array)).max(initial=0) > 50 for array in arrays(given))),
    ("where there is a -inf", lambda given: any(np.isneginf(a).any() for a in arrays(given) if a.dtype.kind == "f")),
]


def in_common(known: Trial, failing: Sequence[int]) -> str:
    """What all failing core cases have and no other core case has: "where `mask` is given"; or nothing."""
    if len(failing) == len(known.core):
        return ""
    names = {name for given in known.arguments for name in given}
    for words, has in [*((f"where `{name}` is given", has_given(name)) for name in sorted(names)), *TRAITS]:
        if {i for i in known.core if has(known.arguments[i])} == set(failing):
            return words
    return ""


def has_given(name: str) -> Callable[[Given], bool]:
    return lambda given: given.get(name) is not None


def arrays(value: Any) -> list[np.ndarray]:
    """Every array among the arguments, in tuples and lists as well."""
    if isinstance(value, np.ndarray):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [array for part in parts for array in arrays(part)]


def finite(array: np.ndarray) -> np.ndarray:
    return array[np.isfinite(array)] if array.dtype.kind == "f" else np.zeros(0)
