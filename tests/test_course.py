"""The course as a whole: what `python course.py check` says, and the rows of the plan that can be counted."""

import pytest

from attncore.authoring import consistency
from attncore.exercises import LESSONS, exercises, lessons


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_whole_and_its_notebooks_are_current(lesson):
    found = [
        *consistency.lesson_problems(lesson),
        *consistency.size_problems(lesson),
        *consistency.notebook_problems(lesson),
    ]
    assert found == []


def test_no_notebook_belongs_to_no_lesson():
    assert list(consistency.stray_notebooks()) == []


def test_the_promised_numbers():
    code = [e for e in exercises if e.kind == "code"]
    assert sum(len(e.wrong) for e in code) >= 60
    assert sum(len(e.right) for e in code) >= 40


SEEDS = {  # what the seeds' own code gives, and the label by which it is refused
    "weighted_sum": "never added up",
    "softmax": "no maximum subtracted",
    "scaled_dot_product_attention": "not scaled",
    "self_attention": "input returned",
    "multi_head_attention": "the input is returned",
}


@pytest.mark.parametrize("id, label", SEEDS.items())
def test_no_answer_that_the_seeds_give_passes(id, label):
    from attncore.grading import judge

    exercise = next(e for e in exercises if e.id == id)
    report = judge(exercise, exercise.wrong[label])
    assert (report.outcome, report.mistake) == ("wrong", label)


def test_a_diagnostic_question_points_to_a_lesson():
    asked = [e for e in lessons["00_start"] if "points_to" in e.words]
    assert len(asked) == 8
    assert {e.words["points_to"] for e in asked} <= {lesson[3:] for lesson in LESSONS}
