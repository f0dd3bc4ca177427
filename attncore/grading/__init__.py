"""How the course judges: `judge(exercise, answer)` returns a Report and prints nothing."""

from attncore.grading.check import judge
from attncore.grading.report import Report

__all__ = ["Report", "judge"]
