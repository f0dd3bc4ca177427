"""How a verdict is shown: a panel in both themes, and a failing case that can be pasted and run."""

import re

import numpy as np
import pytest
from contrast import contrast

from attncore.exercises import Code, exercises, find, inputs
from attncore.grading.report import STYLES, TONES, literal, show_arguments
from attncore.grading.run import unchanged

THEMES = {"light": ("#ffffff", "#212121"), "dark": ("#111111", "#ffffff")}  # JupyterLab's page and text


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("outcome", TONES)
def test_a_panel_reads_in_both_themes(theme, outcome):
    page, text = THEMES[theme]
    assert contrast(page, text) >= 7
    assert contrast(page, TONES[outcome]) >= 3
    alpha = float(re.search(r"rgba\(128,128,128,(\.\d+)\)", STYLES["input"])[1])
    shaded = "#" + "".join(f"{round(int(page[i : i + 2], 16) * (1 - alpha) + 128 * alpha):02x}" for i in (1, 3, 5))
    assert contrast(shaded, text) >= 7


@pytest.mark.parametrize("exercise", [e for e in exercises if isinstance(e, Code)], ids=lambda e: e.id)
def test_a_failing_case_can_be_pasted_and_run(exercise):
    for case in exercise.cases:
        given = case.make()
        names = {"np": np, exercise.id: lambda *args, **options: None}
        exec(show_arguments(exercise, case.name, given), names)
        for name, value in given.items():
            assert type(names[name]) is type(value), (case.name, name)
            assert callable(value) or as_shown(names[name], value), (case.name, name)


def as_shown(pasted, value):
    """Equal in what an answer can see: numbers to eight digits, types and shapes."""
    if isinstance(value, np.ndarray):
        return pasted.dtype == value.dtype and np.allclose(pasted, value, equal_nan=value.dtype.kind == "f", rtol=1e-6)
    if isinstance(value, tuple | list):
        return len(pasted) == len(value) and all(map(as_shown, pasted, value))
    return unchanged(pasted, value)


@pytest.mark.parametrize(
    "value, text",
    [
        (np.array([[0.5, -np.inf]]), "np.array([[ 0.5, -np.inf]])"),
        (np.array([1, 2], np.float32), "np.array([1., 2.], dtype=np.float32)"),
        (np.array([True, False]), "np.array([ True, False])"),
        (-np.inf, "-np.inf"),
        (float("nan"), "np.nan"),
        ([np.array([1.0]), None], "[np.array([1.]), None]"),
        ((np.array([1.0]),), "(np.array([1.]),)"),
        ("gpt", "'gpt'"),
        (np.float64(2.5), "np.float64(2.5)"),
    ],
)
def test_a_value_as_it_is_typed(value, text):
    assert literal(value, 0, 40) == text


def test_what_is_too_long_comes_from_the_exercise_itself():
    given = inputs("softmax", next(c.name for c in next(e for e in exercises if e.id == "softmax").cases))
    text = show_arguments(find("softmax"), "a case", given | {"long": np.zeros((9, 9))})
    assert 'given = inputs("softmax", "a case")' in text
    assert 'long = given["long"]  # an array of shape (9, 9)' in text
