"""What is known of an exercise before any answer comes: the results of the reference and of every labelled solution."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from attncore.exercises import Code
from attncore.grading.compare import agree
from attncore.grading.run import Ran, call, quietly


@dataclass(frozen=True)
class Trial:
    """The cases of an exercise with everything about them that does not depend on the answer."""

    arguments: list[dict[str, Any]]
    expected: list[Ran]
    tolerances: list[float]
    core: list[int]
    edges: list[int]
    wrong: dict[str, list[Ran]]
    conventions: dict[str, list[Ran]]


@cache
def trial(exercise: Code) -> Trial:
    """Run the reference and every labelled solution once; the results are kept for all later answers."""

    arguments = [case.make() for case in exercise.cases]

    def outputs(function: Callable[..., Any]) -> list[Ran]:
        return [call(function, exercise.signature, given) for given in arguments]

    with quietly():
        expected = outputs(exercise.reference)
        wrong = {label: outputs(function) for label, function in exercise.wrong.items()}
        conventions = {label: outputs(function) for label, function in exercise.conventions.items()}
    tolerances = [max(exercise.tolerance, 1e-4 if has_float32(given) else 0) for given in arguments]
    edges = [i for i, case in enumerate(exercise.cases) if case.promise]
    if exercise.bug:  # to repair it is what is asked wherever it shows, and no guard is part of it
        told = wrong[exercise.bug]
        edges = [i for i in edges if expected[i].raised or agree(told[i], expected[i], tolerances[i])]
    core = [i for i in range(len(arguments)) if i not in edges]
    return Trial(arguments, expected, tolerances, core, edges, wrong, conventions)


def has_float32(given: dict[str, Any]) -> bool:
    return any(getattr(value, "dtype", None) == np.float32 for value in given.values())
