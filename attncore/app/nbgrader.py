"""nbgrader's autograde with the course's sandbox in place of a kernel; nbgrader's configuration alone imports it.

Of a submission only what an exercise depends on runs, in a process of its own, and a check cell gets its output from
here. So no answer can give itself points, and nbgrader's feedback says which mistake it was.
"""

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from attncore.app.cell import NotRight
from attncore.app.handout import JUDGE
from attncore.app.progress import DONE
from attncore.exercises import exercises
from attncore.grading.batch import HandedIn, graded
from attncore.grading.reading import Unreadable
from attncore.grading.report import Report
from attncore.grading.sandbox import Sandbox

ASKED = [exercise for exercise in exercises if exercise.kind != "explain"]


class Judge(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader is seldom installed
    """Takes the place of Execute: gives each check cell the output from which nbgrader takes its points."""

    def preprocess(self, notebook: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        name = f"{resources['nbgrader']['notebook']}.ipynb"
        try:
            reports, otherwise = judged(nbformat.writes(notebook).encode(), name), "not attempted yet."
        except Unreadable as problem:
            reports, otherwise = {}, str(problem)
        for cell in notebook.cells:
            if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell):
                id = cell.metadata.nbgrader.grade_id.removesuffix(JUDGE)
                cell.outputs = outputs(reports.get(id) or Report("unattempted", [("head", f"{id}: {otherwise}")]))
        return notebook, resources


def judged(notebook: bytes, name: str) -> dict[str, Report]:
    """The reports on a submission, by exercise. Raises Unreadable."""
    with TemporaryDirectory() as folder, Sandbox() as sandbox:
        (path := Path(folder, name)).write_bytes(notebook)
        found = graded(sandbox, HandedIn(name, None, (str(path),)), ASKED, secrets.randbelow(2**31))
    if found.told:
        raise Unreadable(" ".join(found.told))
    return {r.exercise: Report(r.outcome, r.lines, exercise=r.exercise, mistake=r.mistake) for r in found.results}


def outputs(report: Report) -> list[NotebookNode]:
    """Nothing for an answer that counts, which gives the points; else the error that takes them."""
    if report.outcome in DONE:
        return []
    named = report.mistake or report.outcome
    return [new_output("error", ename=NotRight.__name__, evalue=named, traceback=report.message.split("\n"))]


PREPROCESSORS = [Judge if step is Execute else step for step in Autograde.autograde_preprocessors.default()]
