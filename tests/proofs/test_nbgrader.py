"""A lesson through nbgrader, from the source to the exported grades, judged by a kernel and by the course's sandbox."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from attncore.app.handout import CONFIG, CONFIGURATION, answers, nbgrader_course, variable, write

utils = pytest.importorskip("nbgrader.utils")

ROOT = Path(__file__).parents[2]
LESSON = "02_softmax"
ALL = 11
SANDBOX = CONFIGURATION.replace("# from ", "from ").replace("# c.Auto", "c.Auto")
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # nbgrader calls alembic

NOISY = """
import sys
import warnings


def softmax(x, axis=-1):
    print("here", file=sys.stderr)
    warnings.warn("there")
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""  # right, but for a row of -inf
UNSHIFTED = """
def softmax(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)
"""
UNSHIFTED_NAMED = "no maximum subtracted"


def nbgrader(folder, *arguments):
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = os.environ | {"PATH": PATH, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8")


def done(run):
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A course whose assignment is generated and handed out."""
    folder = tmp_path_factory.mktemp("course")
    write(folder, nbgrader_course([LESSON]))
    done(nbgrader(folder, "generate_assignment", LESSON))
    return folder


def read(folder, place, learner=""):
    return nbformat.read(folder / place / learner / LESSON / f"{LESSON}.ipynb", as_version=4)


def hand_in(folder, learner, answered, change=lambda notebook: None):
    """Submit the notebook that was handed out, with these answers below what stands in their cells."""
    notebook = read(folder, "release")
    for id, answer in answered.items():
        cell_of(notebook, id).source += answer
    change(notebook)
    path = folder / "submitted" / learner / LESSON / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def cell_of(notebook, grade_id):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def solutions():
    return {id: answer if "\n" in answer else f"{variable(id)} = {answer}" for id, answer in answers(LESSON).items()}


def spoil(notebook):
    """What a learner may do to the cells that judge: delete one, empty one, and bring outputs along."""
    notebook.cells.remove(cell_of(notebook, "log_softmax-check"))
    cell_of(notebook, "masked_softmax-check").source = "pass"
    cell_of(notebook, "uniform-entropy-check").outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "1"})]


def test_what_is_released_is_what_the_course_hands_out(released):
    given = "\n\n\n".join(cell.source.removesuffix("\n") for cell in read(released, "release").cells)
    page = "\n\n\n".join(cell.source for cell in nbformat.read(ROOT / f"notebooks/{LESSON}.ipynb", as_version=4).cells)
    for id in answers(LESSON):
        page = page.replace(f'answer("{id}", ...)', f'{variable(id)} = ...\n\n\nanswer("{id}", {variable(id)})')
    assert given == page


def test_the_source_is_valid_and_what_is_released_is_not(released):
    assert "passes all the tests" in done(nbgrader(released, "validate", f"source/{LESSON}/{LESSON}.ipynb"))
    said = done(nbgrader(released, "validate", f"release/{LESSON}/{LESSON}.ipynb"))
    assert f"VALIDATION FAILED ON {ALL} CELL(S)" in said
    assert "softmax: not attempted yet." in said


@pytest.mark.parametrize("sandbox", [False, True], ids=["kernel", "sandbox"])
def test_right_answers_have_their_points_and_wrong_ones_their_names(released, sandbox):
    (released / CONFIG).write_text(SANDBOX if sandbox else CONFIGURATION)
    hand_in(released, "right", solutions() | {"softmax": NOISY})
    hand_in(released, "wrong", {"softmax": UNSHIFTED, "overflow-float16": "overflow_float16_answer = 11.0899"}, spoil)
    done(nbgrader(released, "autograde", LESSON, "--force"))

    done(nbgrader(released, "export", "--to=grades.csv"))
    with (released / "grades.csv").open() as file:
        grades = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert grades == {"right": ALL, "wrong": 1}

    graded = read(released, "autograded", "wrong")
    points = {
        cell.metadata.nbgrader.grade_id: utils.determine_grade(cell)[0] for cell in filter(utils.is_grade, graded.cells)
    }
    assert [id for id, given in points.items() if given] == ["overflow-float16-check"]
    assert len(points) == ALL

    done(nbgrader(released, "generate_feedback", LESSON, "--force"))
    feedback = (released / "feedback/wrong" / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    assert UNSHIFTED_NAMED in feedback
    assert "attncore/app/cell.py" not in feedback


def test_a_file_that_cannot_be_read_has_no_points(released):
    (released / CONFIG).write_text(SANDBOX)
    hand_in(released, "huge", solutions() | {"softmax": f"\n# {'x' * 2**20}"})
    done(nbgrader(released, "autograde", LESSON, "--student=huge", "--force"))
    checks = list(filter(utils.is_grade, read(released, "autograded", "huge").cells))
    assert {utils.determine_grade(cell)[0] for cell in checks} == {0}
    assert "more than 1 MB is not run" in checks[0].outputs[0].traceback[0]
