"""What is handed out: plain notebooks, or an nbgrader course; and what a check does where nbgrader grades."""

import ast
import re

import nbformat
import numpy as np
import pytest

from attncore import softmax as lesson
from attncore.app import cell
from attncore.app.cli import main
from attncore.app.handout import assignment, variable
from attncore.app.places import NOTEBOOKS, SOLUTIONS
from attncore.app.progress import progress_here
from attncore.exercises import LESSONS, exercises

REGION = re.compile(r"\n### BEGIN SOLUTION\n.*\n### END SOLUTION$", re.DOTALL)


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_handout_is_the_lessons_that_were_asked_for(tmp_path, capsys):
    assert main(["handout", str(tmp_path), "--lesson", "02", "--lesson", "heads"]) == 0
    assert files(tmp_path) == {"02_softmax.ipynb", "07_heads.ipynb"}
    assert (tmp_path / "02_softmax.ipynb").read_bytes() == (NOTEBOOKS / "02_softmax.ipynb").read_bytes()
    assert capsys.readouterr().out == f"{tmp_path} holds 02_softmax, 07_heads.\n"


def test_solutions_lie_where_the_hints_say(tmp_path):
    assert main(["handout", str(tmp_path), "--solutions"]) == 0
    assert files(tmp_path) == {f"{place}{lesson}.ipynb" for lesson in LESSONS for place in ("", "solutions/")}
    assert (tmp_path / "solutions/02_softmax.ipynb").read_bytes() == (SOLUTIONS / "02_softmax.ipynb").read_bytes()


def test_an_unknown_lesson_is_a_sentence(tmp_path, capsys):
    assert main(["handout", str(tmp_path), "--lesson", "softmacks"]) == 1
    assert 'Did you mean "02_softmax"?' in capsys.readouterr().err
    assert not files(tmp_path)


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path, capsys):
    file = tmp_path / "handout"
    file.touch()
    assert main(["handout", str(file), "--lesson", "02"]) == 1
    assert re.fullmatch(r"\S+handout can't be written: [A-Z][a-z ]+\.\n", capsys.readouterr().err)


def test_nothing_is_written_over_and_then_nothing_is_written_at_all(tmp_path, capsys):
    edited = tmp_path / "07_heads.ipynb"
    edited.write_text("the instructor's")
    assert main(["handout", str(tmp_path), "--lesson", "02", "--lesson", "07"]) == 1
    assert str(edited) in capsys.readouterr().err
    assert files(tmp_path) == {"07_heads.ipynb"}


def test_an_nbgrader_course_grows_by_a_lesson_and_keeps_its_configuration(tmp_path):
    assert main(["handout", "--nbgrader", str(tmp_path), "--lesson", "02"]) == 0
    configuration = tmp_path / "nbgrader_config.py"
    configuration.write_text(f"{configuration.read_text()}c.CourseDirectory.course_id = 'mine'\n")
    assert main(["handout", "--nbgrader", str(tmp_path), "--lesson", "02", "--lesson", "07"]) == 0
    assert configuration.read_text().endswith("'mine'\n")
    assert files(tmp_path / "source") == {"02_softmax/02_softmax.ipynb", "07_heads/07_heads.ipynb"}


@pytest.fixture(scope="module")
def assignments():
    return {lesson: assignment(lesson) for lesson in LESSONS}


def known(notebook):
    return [cell for cell in notebook.cells if "nbgrader" in cell.metadata]


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_exercise_of_a_page_is_written_in_one_cell_and_judged_in_a_locked_one(lesson, assignments):
    page = nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)
    headings = {cell.source.partition("\n")[0] for cell in page.cells}
    asked = {e.id for e in exercises if e.kind != "explain" and f"### {e.title}" in headings and e.lesson == lesson}
    marks = [cell.metadata.nbgrader for cell in known(assignments[lesson])]
    written = [mark.grade_id for mark in marks if mark.solution and not mark.grade and not mark.locked]
    judged = [mark.grade_id for mark in marks if mark.grade and mark.locked and mark.points == 1 and not mark.solution]
    assert sorted(written) == sorted(asked)
    assert judged == [f"{id}-check" for id in written]
    assert len(marks) == 2 * len(asked)


@pytest.mark.parametrize("lesson", LESSONS)
def test_without_its_solutions_an_assignment_is_the_learners_notebook(lesson, assignments):
    given = [REGION.sub("", cell.source) for cell in assignments[lesson].cells]
    page = nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)
    for id in {e.id for e in exercises}:  # a value stands in a cell of its own
        given = [source.replace(f'answer("{id}", {variable(id)})', f'answer("{id}", ...)') for source in given]
        given = [source for source in given if source != f"{variable(id)} = ..."]
    assert "\n\n\n".join(given) == "\n\n\n".join(cell.source for cell in page.cells)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_has_no_use_of_its_own_for_the_names_of_the_values(lesson):
    page = nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)
    nodes = [node for cell in page.cells if cell.cell_type == "code" for node in ast.walk(ast.parse(cell.source))]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    assert not used & {variable(exercise.id) for exercise in exercises}


@pytest.fixture
def grading(monkeypatch, here, shown):
    """A kernel that nbgrader runs; after the test, nothing was shown and nothing kept."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    yield
    assert shown == []
    assert progress_here().events() == []


def own(source):
    """A function as a cell defines it."""
    names = {"np": np, "__name__": "__main__"}
    exec(source, names)
    return names["softmax"]


SOFTMAX = """
def softmax(x, axis=-1):
    print("on my way")
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis={axis}, keepdims=True)
"""


def test_an_answer_that_counts_is_passed_over_in_silence(grading, capfd):
    assert cell.check(own(SOFTMAX.format(axis="axis"))) is None  # NaN, with a warning, where all is -inf: a corner
    assert cell.answer("uniform-entropy", 3) is None
    assert capfd.readouterr() == ("", "")


def test_a_wrong_answer_raises_its_report(grading, capfd):
    with pytest.raises(cell.NotRight, match="softmax: ") as wrong:
        cell.check(own(SOFTMAX.format(axis="None")))
    assert wrong.value._render_traceback_() == str(wrong.value).split("\n")
    assert "hint" not in str(wrong.value)
    with pytest.raises(cell.NotRight, match="uniform-entropy: "):
        cell.answer("uniform-entropy", 8)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("untouched", ["def softmax(x, axis=-1): ...", "from attncore.softmax import softmax"])
def test_what_nobody_wrote_raises(grading, untouched):
    with pytest.raises(cell.NotRight):
        cell.check(own(untouched))
    with pytest.raises(cell.NotRight):
        cell.answer("uniform-entropy", ...)


def test_a_check_that_is_called_in_a_wrong_way_raises(grading):
    for call in (lambda: cell.check(), lambda: cell.check(lesson.softmax, "softmacks"), lambda: cell.check(3)):
        with pytest.raises((TypeError, ValueError, LookupError)):
            call()


def test_the_other_verbs_do_nothing(grading):
    cell.card("why-softmax-at-all")
    cell.hint("softmax")
    cell.progress()
    cell.breaks("fix_softmax", states=..., W_words=..., bias=..., targets=...)
