"""Every notebook of solutions, graded as somebody's work: all of it is right, in a process that knows no reference."""

import sys

import pytest

from attncore.app.places import SOLUTIONS
from attncore.exercises import exercises
from attncore.grading.batch import grade
from attncore.grading.results import Results


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox forks, and knows Linux's walls")
def test_every_solution_is_right(tmp_path):
    asked = [exercise for exercise in exercises if exercise.kind != "explain"]
    results = Results(tmp_path / "results.sqlite")
    grade(SOLUTIONS, results, asked)
    found = [result for submission in results.submissions() for result in submission.results]
    assert [(r.exercise, r.outcome, r.lines) for r in found if r.outcome not in ("right", "edge")] == []
    in_a_cell = {e.id for e in asked if e.lesson != "99_interview"}
    assert {r.exercise for r in found} == in_a_cell
