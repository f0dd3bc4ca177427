"""A question answered in the page: judged at once, kept in the store and in the cell's output, graded from there."""

import json

import ipywidgets
import pytest

from attncore.app import cell
from attncore.app.progress import Progress, progress_place
from attncore.app.questions import QuestionPanel
from attncore.grading.reading import GIVEN, source_of


def parts(widget, kind):
    found = [widget] if isinstance(widget, kind) else []
    return found + [part for child in getattr(widget, "children", ()) for part in parts(child, kind)]


def press(panel, label):
    next(button for button in parts(panel.box, ipywidgets.Button) if button.description == label).click()


@pytest.fixture
def asked(here, shown):
    def ask(id):
        cell.answer(id, ...)
        return shown[-1]

    return ask


def notebook(*cells):
    return json.dumps({"cells": [{"cell_type": "code"} | cell for cell in cells], "nbformat": 4}).encode()


def test_a_choice_is_a_button_and_each_wrong_one_is_explained(asked, here):
    panel = asked("identical-keys")
    press(panel, "zeros")
    assert panel.report.outcome == "wrong"
    press(panel, "the mean of the values")
    assert panel.report.outcome == "right"
    kept = Progress(progress_place(here)).events("attempt")
    assert [event.outcome for event in kept] == ["wrong", "right"]


def test_a_number_is_typed_with_its_unit(asked):
    panel = asked("score-bytes")
    (field,) = parts(panel.box, ipywidgets.Text)
    press(panel, "Check")
    assert panel.given is None, "nothing was typed"
    field.value = "1 banana"
    press(panel, "Check")
    assert panel.report.outcome == "wrong"


def test_a_notebook_opened_again_shows_the_verdict(asked):
    panel = asked("identical-keys")
    assert GIVEN not in panel.bundle()
    press(panel, "the mean of the values")
    bundle = panel.bundle()
    assert bundle[GIVEN] == {"exercise": "identical-keys", "answer": "the mean of the values"}
    assert bundle["text/plain"] == panel.report.message and "right" in bundle["text/html"]


def test_what_was_given_in_the_page_stands_in_place_of_the_dots():
    given = {"data": {GIVEN: {"exercise": "identical-keys", "answer": 'a "quoted" one'}}}
    source = 'answer("identical-keys", ...)\nanswer("score-std", ...)'
    read = source_of(notebook({"source": source, "outputs": [given]}), "n.ipynb", "", ".ipynb").cells[0]
    assert read == 'answer("identical-keys", \'a "quoted" one\')\nanswer("score-std", ...)'


@pytest.mark.parametrize(
    "outputs",
    [None, 3, [3], [{"data": 3}], [{"data": {GIVEN: 3}}], [{"data": {GIVEN: {"exercise": 3, "answer": []}}}]],
)
def test_odd_outputs_give_nothing(outputs):
    cell = {"source": 'answer("identical-keys", ...)', "outputs": outputs}
    assert source_of(notebook(cell), "n.ipynb", "", ".ipynb").cells == [cell["source"]]


def test_what_is_typed_counts_before_what_was_clicked():
    given = {"data": {GIVEN: {"exercise": "identical-keys", "answer": "zeros"}}}
    typed = 'answer("identical-keys", "the mean of the values")'
    assert source_of(notebook({"source": typed, "outputs": [given]}), "n.ipynb", "", ".ipynb").cells == [typed]


def test_a_click_is_graded_in_a_file(here):
    from attncore.app.check_files import checked

    given = {"data": {GIVEN: {"exercise": "identical-keys", "answer": "zeros"}}}
    cell = {"source": 'from attncore import answer\nanswer("identical-keys", ...)', "outputs": [given]}
    (here / "n.ipynb").write_bytes(notebook(cell))
    (report,) = [r for r in checked(str(here / "n.ipynb")).reports if r.exercise == "identical-keys"]
    assert report.outcome == "wrong"


def test_a_terminal_is_told_what_to_write(here):
    from attncore.exercises import find

    assert 'as answer("identical-keys", "' in repr(QuestionPanel(find("identical-keys"), lambda given: None))
    assert "in place of the dots" in repr(QuestionPanel(find("score-std"), lambda given: None))
