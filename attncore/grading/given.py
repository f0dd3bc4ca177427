"""What an answer is called with, as texts: the cases that everybody sees, and inputs that nobody has seen before.

And what is held against it of what it does with these.
"""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from attncore.exercises import Code
from attncore.exercises.unseen import UNSEEN
from attncore.grading.compare import agree
from attncore.grading.observe import Observed
from attncore.grading.run import Ran, call, quietly
from attncore.grading.wire import pack_given

COARSELY = 1e-3  # what was looked up is far off, and rounding is not
DRAWN = 8  # inputs that nobody has seen, of which those are taken that tell the known mistakes
OTHERS, MOST = 3, 6  # how many of them there are among the second time's, and where the mistakes need more
judging = threading.RLock()  # what judges fills caches, keeps what is printed, and is fast


@cache
def asked(exercise: Code) -> str:
    """How the answer is called, as a text."""
    name, signature, drive, several = exercise.signature
    parameters = [
        (p.name, int(p.kind), p.default is not p.empty, None if p.default is p.empty else p.default)
        for p in signature.parameters.values()
    ]
    return pack_given((name, parameters, drive, several))


@cache
def packed_cases(exercise: Code) -> list[str]:
    return [pack_given(case.make()) for case in exercise.cases]


@lru_cache(1_000)
def others(exercise: Code, seed: int) -> list[dict[str, Any]]:
    """Inputs that stand nowhere: other numbers in the shapes of some main cases, or what is drawn for the exercise.

    Those on which the known mistakes show: whoever makes one, and looks up what the cases give, isn't right.
    """
    if draw := UNSEEN.get(exercise.id):
        drawn = [draw(np.random.default_rng([seed, place])) for place in range(DRAWN)]
    else:
        drawn = [case.redraw(seed) for case in exercise.cases if case.redraw and not case.promise]
    known = set(packed_cases(exercise))
    new = [given for given in drawn if pack_given(given) not in known]
    random.Random(seed).shuffle(new)
    return telling(exercise, new)


def telling(exercise: Code, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The inputs on which a known mistake shows that doesn't on those before, and others where these are few."""
    hidden = [mistake for _, mistake in exercise.writings]
    chosen, spare = list[dict[str, Any]](), list[dict[str, Any]]()
    with judging, quietly():
        for one in given:
            right = call(exercise.reference, exercise.signature, one)
            still = [m for m in hidden if agree_in_all_that_tells(exercise, call(m, exercise.signature, one), right)]
            (chosen if len(still) < len(hidden) else spare).append(one)
            hidden = still
    return (chosen + spare)[: max(OTHERS, min(MOST, len(chosen)))]


@lru_cache(1_000)
def packed_others(exercise: Code, seed: int) -> list[str]:
    return [pack_given(given) for given in others(exercise, seed)]


@lru_cache(1_000)
def expected_of_others(exercise: Code, seed: int, label: str = "") -> list[Ran]:
    """What the reference gives on the inputs that nobody has seen, or the wrong solution of a label."""
    solution = exercise.wrong.get(label, exercise.reference)
    with judging, quietly():
        return [call(solution, exercise.signature, given) for given in others(exercise, seed)]


@dataclass(frozen=True)
class Watched:
    """What was observed in the cases of an exercise, and on inputs that nobody has seen before."""

    observed: Observed
    others: list[Ran]


def is_steady(exercise: Code, observed: Observed) -> bool:
    """Has it done the same both times?"""
    both = zip(observed.first, observed.again or observed.first, strict=True)
    return all(agree(first, again, exercise.tolerance) for first, again in both)


def is_as_known(exercise: Code, watched: Watched, seed: int, edges: Sequence[str] = ()) -> bool:
    """Is it right on the inputs that nobody has seen, too? Results that were looked up are not.

    Such an input may lie in an open corner: there it may give what the mistakes give that were named in it. Of redrawn
    inputs real numbers alone can tell: where a result is yes or no, one may lie on the border.
    """
    labels = ["", *(label for label in edges if label in exercise.wrong)]
    known = zip(*(expected_of_others(exercise, seed, label) for label in labels), strict=True)
    return all(
        any(agree_in_all_that_tells(exercise, ran, expected) for expected in choices)
        for ran, choices in zip(watched.others, known, strict=True)
    )


def agree_in_all_that_tells(exercise: Code, ran: Ran, expected: Ran) -> bool:
    tolerance = max(exercise.tolerance, COARSELY if has_real(expected) else 0)
    if exercise.id in UNSEEN:
        return agree(ran, expected, tolerance)
    return not has_real(expected) or agree(real_of(ran), real_of(expected), tolerance)


def real_of(ran: Ran) -> Ran:
    """What was observed of a call, without results that are no real numbers."""
    return replace(ran, value=tuple(filter(is_real, ran.value))) if isinstance(ran.value, tuple) else ran


def has_real(ran: Ran) -> bool:
    return any(map(is_real, ran.value if isinstance(ran.value, tuple) else (ran.value,)))


def is_real(value: Any) -> bool:
    return getattr(value, "dtype", None) in (np.float64, np.float32)
