"""How the course judges: `judge(exercise, answer)` returns a Report and prints nothing.

Loaded when first used: a file that cannot be read is told so before NumPy is there.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attncore.grading.check import judge
    from attncore.grading.report import Report

__all__ = ["Report", "judge"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from attncore.grading import check, report

        return {"judge": check.judge, "Report": report.Report}[name]
    raise AttributeError(f"module 'attncore.grading' has no attribute '{name}'")
