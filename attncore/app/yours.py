"""What a lesson goes on with: the learner's own functions where they are right, and the course's until then."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from IPython.display import display

from attncore.app.places import workbook_here
from attncore.app.progress import DONE
from attncore.exercises import Code, UnknownExercise, find
from attncore.grading import Report, judge
from attncore.grading.pieces import pieces, text_shown
from attncore.grading.reading import Unreadable, read
from attncore.grading.report import Panel
from attncore.grading.slices import calls, slices


class Yours:
    """yours.softmax(x) calls the learner's softmax once `check` has found it right, and the course's until then.

    A function of another lesson is taken from that lesson's notebook in the working copy. It says which one runs.
    """

    def __init__(self) -> None:
        self._own: dict[str, Callable[..., Any] | None] = {}
        self._told: dict[str, bool] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            asked = find(name)
        except UnknownExercise as problem:
            raise AttributeError(str(problem)) from None
        if not isinstance(asked, Code):
            raise AttributeError(f"{name} isn't a function")
        if name not in self._own:
            self._own[name] = in_the_working_copy(asked)
        own = self._own[name]
        if self._told.get(name) is not (own is not None):
            self._told[name] = own is not None
            whose = "yours" if own else "the course's, until yours is right"
            display(Panel("info", [("where", f"{name} is {whose}.")]))
        return own or asked.reference

    def _judged(self, asked: Code, function: Callable[..., Any], report: Report) -> None:
        """Take a function over that is right, and let go of one that isn't any more."""
        self._own[asked.id] = function if report.outcome in DONE else None


yours = Yours()


def in_the_working_copy(asked: Code) -> Callable[..., Any] | None:
    """The learner's answer in its lesson's notebook, where one stands there and is right."""
    try:
        function = defined_in(workbook_here() / f"{asked.lesson}.ipynb", asked.id)
        return function if judge(asked, function).outcome in DONE else None
    except Exception:  # whatever is wrong there is told where it is checked
        return None


def defined_in(notebook: Path, name: str) -> Any:
    """What a notebook defines under a name, run with what it depends on, and nothing else of that notebook."""
    try:
        parts = pieces(read(notebook))
    except Unreadable:
        return None
    if name not in (found := slices(parts, calls(parts), [name], [])):
        return None
    module = ModuleType(name)
    for place in found[name].needs:
        exec(compile(text_shown(parts[place])[1], parts[place].filename, "exec"), vars(module))
    return eval(found[name].answer, vars(module))
