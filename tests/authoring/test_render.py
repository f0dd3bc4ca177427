"""From a lesson to two notebooks."""

import inspect
from dataclasses import replace

import nbformat
import numpy as np
import pytest

from attncore.app.workbook import NOTEBOOKS
from attncore.authoring import consistency, render
from attncore.exercises import LESSONS, exercises, find
from attncore.grading import judge
from attncore.grading.breaks import judge_input


def test_rendering_is_deterministic():
    first, second = render.render("04_dot_product", solved=True), render.render("04_dot_product", solved=True)
    assert nbformat.writes(first) == nbformat.writes(second)


def test_a_cell_keeps_its_id_when_another_is_inserted(monkeypatch):
    before = [cell.id for cell in render.render("04_dot_product", solved=False).cells]
    cells = render.lesson_cells("04_dot_product")
    monkeypatch.setattr(render, "lesson_cells", lambda _: [render.new_markdown_cell("new"), *cells])
    assert [cell.id for cell in render.render("04_dot_product", solved=False).cells][1:] == before


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_learners_notebook_has_no_verdict_to_compare(lesson):
    for cell in render.render(lesson, solved=False).cells:
        assert render.CHECKED not in cell.metadata.get("tags", [])


@pytest.mark.parametrize("exercise", [e for e in exercises if e.kind == "code"], ids=lambda e: e.id)
def test_a_stub_is_the_reference_without_its_body(exercise):
    stub, whole = render.stub(exercise.reference), render.source_of(exercise.reference)
    if inspect.isclass(exercise.reference):
        methods = [line for line in stub.splitlines() if line.startswith("    def ")]
        assert methods and all(line in whole for line in methods)
        assert stub.count("...") >= len(methods)
    else:
        shape, _, stub = stub.partition("\n")
        assert shape == f"# {exercise.reference.contract.line}"
        assert whole.startswith(stub.removesuffix("    ...").rstrip())
    assert "@" not in stub.partition('"""')[0]


@pytest.mark.parametrize("exercise", [e for e in exercises if e.kind == "code"], ids=lambda e: e.id)
def test_a_solution_is_what_runs(exercise):
    """Its promises are kept too: the cell has the decorator that checks, and where it comes from."""
    cell = render.solution(exercise)
    assert render.whole_source_of(exercise.reference) in cell
    answer = consistency.run_in_its_notebook(exercise, cell)
    assert judge(exercise, answer).outcome == "right"


def test_a_bug_to_find_does_not_say_its_name():
    for exercise in exercises:
        if exercise.kind == "debug":
            for cell in render.learner_cells(exercise):
                assert exercise.bug.replace(" ", "_") not in cell.source


HUNTS = [e for e in exercises if e.kind == "debug"]


@pytest.mark.parametrize("hunt", HUNTS, ids=lambda e: e.id)
def test_a_hunt_asks_for_an_input_and_then_for_a_repair(hunt):
    question, code, fails, repair = render.learner_cells(hunt)
    assert render.FIRST_AN_INPUT in question.source
    assert f"def {hunt.id}(" in code.source and "check(" not in code.source
    assert fails.source.startswith(f'breaks("{hunt.id}", ') and "=..." in fails.source
    assert repair.source == f"check({hunt.id})"


@pytest.mark.parametrize("hunt", HUNTS, ids=lambda e: e.id)
def test_the_solution_of_a_hunt_fails_first_and_is_right_then(hunt):
    _, fails, repaired, _ = render.solution_cells(hunt)
    told = []

    def noted(exercise, /, **given):
        told.append(judge_input(find(exercise), (), given).outcome)

    exec(fails.source, {"breaks": noted, "np": np})
    assert told == ["right"]
    answer = consistency.run_in_its_notebook(hunt, repaired.source.rpartition("\n\n\ncheck(")[0])
    assert judge(hunt, answer).message == judge(hunt, hunt.reference).message


def test_a_sick_helper_has_the_name_of_the_healthy_one():
    cell = render.broken(find("fix_pooling"))
    assert "def weigh(scores" in cell and "weigh_" not in cell
    assert cell.index("def slots") < cell.index("def weigh") < cell.index("def fix_pooling")
    assert "weigh_" not in render.solution(find("fix_pooling"))


def test_what_is_missing_in_a_hunt_is_noticed(monkeypatch):
    hunt = find("fix_attention")
    assert list(consistency.hunt_problems(hunt)) == []
    attention = source_of_exercise("scaled_dot_product_attention")
    for cell, says in {
        "def fix_attention(query):\n    return query": "has 2 lines of code, from 12 to 30 are wanted",
        "def weigh(x):\n    return x\n\n\n" * 2: "defines weigh twice",
        attention: "it holds a copy of scaled_dot_product_attention",
    }.items():
        monkeypatch.setattr(consistency, "broken", lambda _, cell=cell: cell)
        assert any(says in problem for problem in consistency.hunt_problems(hunt)), says


def test_a_hunt_that_a_function_of_the_lesson_solves_is_noticed():
    pasted = find("attention_weights")
    easy = replace(pasted, kind="debug", bug=next(iter(pasted.wrong)))
    found = list(consistency.hunt_problems(easy))
    assert "attention_weights: attention_weights as it is would solve it" in found


def source_of_exercise(id):
    return render.source_of(find(id).reference)


def notebook_of(lesson):
    return nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)


def test_a_tampered_notebook_is_noticed(tmp_path, monkeypatch):
    notebook = notebook_of("02_softmax")
    notebook.cells[0].source += "!"
    for folder in ("notebooks", "solutions"):
        (tmp_path / folder).mkdir()
        nbformat.write(notebook, tmp_path / folder / "02_softmax.ipynb")
    monkeypatch.setattr(consistency, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(consistency, "SOLUTIONS", tmp_path / "solutions")
    found = list(consistency.notebook_problems("02_softmax"))
    assert (
        "notebooks/02_softmax.ipynb is not what the lesson renders to: run python3 course.py render 02_softmax" in found
    )
    assert any(problem.startswith("solutions/02_softmax.ipynb is not") for problem in found)


def test_a_solution_in_the_learners_notebook_is_noticed():
    notebook = notebook_of("06_masks")
    notebook.cells.append(nbformat.v4.new_code_cell(render.source_of(find("causal_mask").reference)))
    assert any(
        "a line of the solution of causal_mask" in problem for problem in consistency.leaks("06_masks", notebook)
    )


def test_a_wrong_solution_under_a_wrong_label_is_noticed():
    exercise = find("softmax")
    spoilt = replace(exercise, wrong={"no maximum": exercise.reference, **exercise.wrong})
    assert 'softmax: the wrong solution "no maximum" passes' in list(consistency.judged_problems(spoilt))
    swapped = {"base two": exercise.wrong["axis ignored"], "axis ignored": exercise.wrong["base two"]}
    spoilt = replace(exercise, wrong=exercise.wrong | swapped)
    assert len(list(consistency.judged_problems(spoilt))) == 0, "names come from what is computed, both are known"


def test_a_missing_word_is_noticed():
    exercise = find("softmax")
    words = {key: value for key, value in exercise.words.items() if key != "walkthrough"}
    spoilt = replace(exercise, words=words)
    assert list(consistency.words_problems(spoilt)) == ["softmax: no walkthrough in softmax/softmax.toml"]
    why = {**exercise.words["why"], "nobody": "?"}
    spoilt = replace(exercise, words=exercise.words | {"why": why, "hints": ["one"]})
    assert list(consistency.words_problems(spoilt)) == [
        "softmax: 1 hints, expected three",
        'softmax: a sentence for "nobody", which is no wrong solution',
    ]


def test_prose_may_be_folded_and_a_card_asked_again(monkeypatch):
    cells = [
        render.new_markdown_cell("They grow.", metadata={"folded": "What happened?"}),
        render.new_code_cell("", metadata={"again": "why-scale"}),
    ]
    monkeypatch.setattr(render, "lesson_cells", lambda _: cells)
    prose, card = render.render("06_masks", solved=False).cells
    assert prose.source == "<details><summary><b>What happened?</b></summary>\n\nThey grow.\n\n</details>"
    assert card.source == 'card("why-scale")'


def test_solutions_keep_what_reads_without_styles_and_scripts():
    picture = {"text/html": "<b style='color:red'>", "image/svg+xml": "<svg/>", "text/plain": "a picture"}
    widget = {render.WIDGET: {}, "text/html": "<b>", "text/plain": "a verdict"}
    for bundle in (picture, widget):
        render.keep_what_lasts(bundle)
    assert picture == {"image/svg+xml": "<svg/>", "text/plain": "a picture"}
    assert widget == {"text/plain": "a verdict"}


def test_the_progress_in_a_solution_is_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("ATTNCORE_PROGRESS", str(tmp_path / "progress.sqlite"))
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": ""}}
    )
    notebook.cells = [nbformat.v4.new_code_cell("import os\nprint(os.environ['ATTNCORE_PROGRESS'])")]
    assert render.execute(notebook).cells[0].outputs[0].text == ":memory:\n"
