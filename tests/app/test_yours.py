"""What a lesson goes on with: the learner's function once it is right, the course's until then, and it says which."""

import json

import numpy as np
import pytest

from attncore.app import cell
from attncore.app import yours as module
from attncore.exercises import find


@pytest.fixture
def yours(here, shown, monkeypatch):
    fresh = module.Yours()
    monkeypatch.setattr(module, "display", shown.append)
    monkeypatch.setattr(cell, "yours", fresh)
    return fresh


def weighted_sum(weights, values):
    return np.matmul(weights, values)


def wrong(weights, values):
    return np.asarray(values)


def notes(shown):
    return [panel.message for panel in shown if panel.tone == "info"]


def test_it_is_the_courses_until_the_learners_is_right(yours, shown):
    assert yours.weighted_sum is find("weighted_sum").reference
    cell.check(wrong, "weighted_sum")
    assert yours.weighted_sum is find("weighted_sum").reference
    cell.check(weighted_sum)
    assert yours.weighted_sum is weighted_sum
    assert yours.weighted_sum is weighted_sum
    assert notes(shown) == ["weighted_sum is the course's, until yours is right.", "weighted_sum is yours."]


def test_a_function_that_was_right_and_is_broken_is_let_go(yours):
    cell.check(weighted_sum)
    cell.check(wrong, "weighted_sum")
    assert yours.weighted_sum is find("weighted_sum").reference


def write_notebook(here, *sources):
    cells = [{"cell_type": "code", "source": source, "outputs": []} for source in sources]
    (here / "01_weighted_sum.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}))


RIGHT = "def weighted_sum(weights, values):\n    return times(weights, values)"


def test_another_lessons_function_comes_from_its_notebook(yours, here):
    write_notebook(here, "import numpy as np", "times = np.matmul", "raise SystemExit", RIGHT)
    assert yours.weighted_sum is not find("weighted_sum").reference
    assert np.allclose(yours.weighted_sum(np.ones((1, 2)), np.ones((2, 1))), 2)


@pytest.mark.parametrize("source", ["def weighted_sum(weights, values): ...", RIGHT, "1 +", "exit()"])
def test_what_is_not_right_there_stays_the_courses(yours, here, source):
    write_notebook(here, source)
    assert yours.weighted_sum is find("weighted_sum").reference


def test_there_is_nothing_else(yours):
    with pytest.raises(AttributeError, match="softmax"):
        yours.sofmax  # noqa: B018
    with pytest.raises(AttributeError, match="isn't a function"):
        getattr(yours, "score-std")
