"""What is known of an exercise before any answer comes: the results of the reference and of every labeled solution."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from attncore.exercises import Code
from attncore.grading.compare import agree
from attncore.grading.run import Ran, call, quietly

Labelled = list[tuple[str, list[Ran]]]  # what each labeled solution gives; a label may have several


@dataclass(frozen=True)
class Trial:
    """The cases of an exercise with everything about them that does not depend on the answer."""

    arguments: list[dict[str, Any]]
    expected: list[Ran]
    tolerances: list[float]
    core: list[int]
    edges: list[int]
    wrong: Labelled
    conventions: Labelled

    @cached_property
    def of_corners(self) -> Labelled:
        """The labeled solutions that are right in all core cases: mistakes that show in corners alone."""
        return [(label, outputs) for label, outputs in self.wrong if self.holds(outputs, self.core)]

    @cached_property
    def of_errors(self) -> Labelled:
        """Those of them that are right in all corners but promised errors."""
        values = [i for i in self.edges if not self.expected[i].raised]
        return [(label, outputs) for label, outputs in self.of_corners if self.holds(outputs, values)]

    def holds(self, outputs: list[Ran], cases: Iterable[int]) -> bool:
        return all(agree(outputs[i], self.expected[i], self.tolerances[i]) for i in cases)


@cache
def trial(exercise: Code) -> Trial:
    """Run the reference and every labeled solution once; the results are kept for all later answers."""
    whole = tried(exercise)
    if not exercise.bug:
        return whole
    # To repair the bug is what is asked, wherever it shows; but no guard is part of it.
    told = next(outputs for label, outputs in whole.wrong if label == exercise.bug)
    each = zip(whole.expected, whole.tolerances, strict=True)
    shows = [not expected.raised and not agree(told[i], expected, t) for i, (expected, t) in enumerate(each)]
    core = sorted({*whole.core, *(i for i, shown in enumerate(shows) if shown)})
    return replace(whole, core=core, edges=[i for i in whole.edges if i not in core])


def tried(exercise: Code) -> Trial:
    arguments = [case.make() for case in exercise.cases]

    def outputs(function: Callable[..., Any]) -> list[Ran]:
        return [call(function, exercise.signature, given) for given in arguments]

    with quietly():
        return Trial(
            arguments,
            outputs(exercise.reference),
            [max(exercise.tolerance, 1e-4 if has_float32(given) else 0) for given in arguments],
            [i for i, case in enumerate(exercise.cases) if not case.promise],
            [i for i, case in enumerate(exercise.cases) if case.promise],
            [(label, outputs(function)) for label, function in exercise.writings],
            [(label, outputs(function)) for label, function in exercise.conventions.items()],
        )


def has_float32(given: dict[str, Any]) -> bool:
    return any(getattr(value, "dtype", None) == np.float32 for value in given.values())
