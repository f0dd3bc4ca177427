"""The judge keeps its promises, exercise by exercise, and the README says what the report says."""

from pathlib import Path

import pytest
from report import (
    CODE,
    EQUIVALENT,
    label_verdicts,
    lucky_verdicts,
    mutant_verdicts,
    paraphrase_verdicts,
    paraphrases,
    style_verdicts,
    table,
)

exercise_by_exercise = pytest.mark.parametrize("exercise", CODE, ids=lambda e: e.id)


@exercise_by_exercise
def test_every_mutant_is_refused_or_is_equivalent_for_a_reason(exercise):
    assert set(mutant_verdicts(exercise)[1]) == EQUIVALENT.get(exercise.id, {}).keys()


@exercise_by_exercise
def test_an_answer_right_only_by_luck_is_refused(exercise):
    assert lucky_verdicts(exercise)[1] == []


@exercise_by_exercise
def test_a_right_answer_in_another_style_is_accepted(exercise):
    assert style_verdicts(exercise)[1] == []


@exercise_by_exercise
def test_every_labelled_wrong_solution_is_named(exercise):
    assert label_verdicts(exercise)[1] == []


def test_no_paraphrase_passes_and_nearly_all_are_named():
    passed, unnamed = paraphrase_verdicts()
    assert passed == []
    assert len(paraphrases()) >= 150
    assert 20 * len(unnamed) <= len(paraphrases()), unnamed


def test_every_paraphrase_makes_a_mistake_that_has_a_name():
    known = {(e.id, label) for e in CODE for label in (*e.wrong, *e.conventions)}
    assert {(exercise, label) for exercise, label, _ in paraphrases()} <= known


def test_the_readme_says_what_the_report_says():
    assert table() in Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
