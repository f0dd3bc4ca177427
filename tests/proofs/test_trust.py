"""The judge keeps its promises on thousands of answers that it was not made for, and the README says so."""

from inspect import signature

import pytest

from attncore.authoring import aloud, trust
from attncore.authoring.readme import between
from attncore.exercises import find
from attncore.grading import judge
from attncore.grading.check import verdict
from attncore.grading.given import Watched, is_as_known, others
from attncore.grading.observe import observe
from attncore.grading.run import call, quietly

exercise_by_exercise = pytest.mark.parametrize("exercise", trust.CODE, ids=lambda e: e.id)


@exercise_by_exercise
def test_mutants_luck_and_styles(exercise):
    """No mutant passes but for a reason, nothing passes by luck, and no right answer is refused for its style."""
    assert list(trust.problems(exercise)) == []


def test_published_forms_are_told_as_they_should_be():
    assert trust.form_problems() == []
    assert len(trust.forms()) >= 60


def holds_on_unseen_inputs(form, seed):
    """Does a published form hold on inputs that nobody has seen, too, but for the corners that it leaves open?"""
    exercise = find(form.exercise)
    observed = observe(form.function, exercise.signature, exercise.cases)
    with quietly():
        ran = [call(form.function, exercise.signature, given) for given in others(exercise, seed)]
    return is_as_known(exercise, Watched(observed, ran), seed, verdict(exercise, observed).edges)


@pytest.mark.parametrize("seed", [1, 2])
def test_published_forms_that_are_right_are_so_on_inputs_that_nobody_has_seen(seed):
    right = [form for form in trust.forms() if form.outcome in ("right", "edge")]
    assert len(right) >= 60
    assert [(form.exercise, form.name) for form in right if not holds_on_unseen_inputs(form, seed)] == []


def test_no_paraphrase_passes_and_nearly_all_are_named():
    passed, unnamed = trust.paraphrase_verdicts()
    assert passed == []
    assert len(trust.paraphrases()) >= 150
    assert 20 * len(unnamed) <= len(trust.paraphrases()), unnamed


def test_every_paraphrase_makes_a_mistake_that_has_a_name():
    known = {(e.id, label) for e in trust.CODE for label in (*e.wrong, *e.conventions)}
    assert {(exercise, label) for exercise, label, _ in trust.paraphrases()} <= known


def test_the_readme_says_what_the_report_says():
    assert between("judge-report") == trust.table()


def test_what_comparing_words_is_worth_is_measured_and_told():
    assert aloud.answer_problems() == []
    assert len(aloud.answers()) >= 300 and len({answer.hand for answer in aloud.answers()}) >= 3
    assert between("said-words") == aloud.told()


EQUAL = [{"latent_attention", "latent_attention_absorbed"}, {"linear_attention", "linear_attention_recurrent"}]


def required(exercise):
    """How many arguments it cannot do without."""
    return sum(p.default is p.empty for p in signature(exercise.reference).parameters.values())


COUNTED = {"attention_flops"}  # it is asked about lengths of 100,000, for which no mask should be made


@pytest.mark.parametrize("exercise", [e for e in trust.CODE if e.id not in COUNTED], ids=lambda e: e.id)
def test_the_other_exercises_answers_are_refused(exercise):
    """No reference of another exercise passes that can be called alike, and none breaks the judge."""
    for other in trust.CODE:
        if other is not exercise and required(other) == required(exercise) and {other.id, exercise.id} not in EQUAL:
            assert judge(exercise, other.reference).outcome in ("wrong", "raised"), other.id
