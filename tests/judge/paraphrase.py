"""Labelled mistakes as other people would write them: none of these was used to build the judge.

A file of paraphrases/ holds those of one topic. Each function makes the mistake of its label in another style than the
labelled solution beside the exercise, and the judge has to know it from what it computes.
"""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

PARAPHRASES: list[tuple[str, str, Callable]] = []


def paraphrase(exercise: str, label: str) -> Callable[[Callable], Callable]:
    """Add a function that makes the labelled mistake of an exercise."""

    def add(function: Callable) -> Callable:
        PARAPHRASES.append((exercise, label, function))
        return function

    return add


def paraphrases() -> list[tuple[str, str, Callable]]:
    """All of them: exercise, label, function."""
    if not PARAPHRASES:
        sys.modules["paraphrase"] = sys.modules[__name__]  # what each file imports from
        for path in sorted((Path(__file__).parent / "paraphrases").glob("*.py")):
            runpy.run_path(str(path))
    return PARAPHRASES
