"""Core and edge: the middle decides, a corner never hides it, and the verdict calls nothing of the learner's."""

import ast
import inspect
from dataclasses import replace

import numpy as np
import pytest

from attncore.exercises import Code, exercises, find
from attncore.exercises.exercise import case, code
from attncore.grading import check, observe
from attncore.grading.check import judge, verdict
from attncore.grading.compare import explain_part, place_words
from attncore.grading.diagnose import remark
from attncore.grading.observe import Observed
from attncore.shapes import shaped

EMPTY = "A row of zeros gives zeros."
NEGATIVE = "Raises ValueError for a number below zero."
WHOLE = "Integers become floats."


@shaped("(...,k):any->(...,k)")
def shares(x):
    """Divide each row by its sum. A row of zeros gives zeros. Integers become floats.

    Raises ValueError for a number below zero.
    """
    if np.any(x < 0):
        raise ValueError("x: a number below zero")
    total = x.sum(axis=-1, keepdims=True)
    return np.divide(x, total, out=np.zeros(x.shape, np.result_type(x, np.float32)), where=total > 0)


def rows(name, *numbers, promise="", dtype=float):
    return case(name, promise=promise, dtype=np.float32 if dtype == np.float32 else float, x=np.array(numbers, dtype))


exercise = code(
    shares,
    rows("a row", [1, 2, 1]),
    rows("two rows", [1, 2, 1], [4, 2, 2]),
    rows("large numbers", [1000, 3000], [5000, 5000]),
    rows("float32", [1, 3, 4], dtype=np.float32),
    rows("a row of zeros", [1, 3], [0, 0], promise=EMPTY),
    rows("nothing but zeros", [0, 0, 0], promise=EMPTY),
    rows("a number below zero", [1, -1, 3], promise=NEGATIVE),
    rows("integers", [1, 2, 1], promise=WHOLE, dtype=int),
)
exercise.words = {
    "why": {
        "columns instead of rows": "A share is of its row.",
        "divided by the largest": "The largest is not the sum.",
        "NaN in a row of zeros": "0/0 is NaN.",
        "float32 dropped": "It lost its numbers.",
    }
}


@exercise.mistake("columns instead of rows")
def columns(x):
    return x / np.maximum(x.sum(axis=0 if x.ndim > 1 else -1, keepdims=True), 1e-9)


@exercise.mistake("divided by the largest")
def by_the_largest(x):
    return x / np.maximum(x.max(axis=-1, keepdims=True), 1e-9)


@exercise.mistake("divided by the largest")
def by_the_largest_of_all(x):
    return x / np.maximum(x.max(), 1e-9)


@exercise.mistake("NaN in a row of zeros")
def with_nan(x):
    return x / x.sum(axis=-1, keepdims=True)


@exercise.mistake("float32 dropped")
def no_float32(x):
    return shares(np.abs(x)) * (x.dtype != np.float32)


def guarded(function):
    """With the promised error, so that only what a test is about stays open."""

    def answer(x):
        if np.any(x < 0):
            raise ValueError("negative")
        return function(x)

    return answer


def test_all_of_it_right():
    report = judge(exercise, shares)
    assert (report.outcome, report.edges, report.mistake) == ("right", [], None)
    assert "in all 8 cases" in report.message


def test_right_in_the_middle_and_open_in_a_named_corner():
    report = judge(exercise, guarded(with_nan))
    assert (report.outcome, report.mistake, report.edges) == ("edge", None, ["NaN in a row of zeros"])
    assert report.lines[0][1].startswith("shares: right. One corner is open")
    assert "np.array([[0., 0., 0.]])" in report.message


def test_an_open_corner_without_a_name_quotes_the_prompt():
    report = judge(exercise, lambda x: np.nan_to_num(with_nan(x)))
    assert (report.outcome, report.edges) == ("edge", [NEGATIVE])
    assert f'The prompt says: "{NEGATIVE}"' in report.message
    assert "It returns a value; the prompt promises a ValueError for this input." in report.message


def test_two_corners_are_each_told():
    report = judge(exercise, with_nan)
    assert (report.outcome, report.edges) == ("edge", ["NaN in a row of zeros", NEGATIVE])
    assert "2 corners are open" in report.message


def test_any_message_and_any_kind_of_value_error_will_do():
    class Refused(ValueError):
        pass

    def answer(x):
        if np.any(x < 0):
            raise Refused
        return shares(x)

    assert judge(exercise, answer).outcome == "right"


def test_another_exception_than_the_promised_one_is_an_open_corner():
    def answer(x):
        assert np.all(x >= 0)
        return shares(x)

    report = judge(exercise, answer)
    assert (report.outcome, report.edges) == ("edge", [NEGATIVE])
    assert "It raises AssertionError; the prompt promises a ValueError" in report.message


def test_a_corner_does_not_hide_the_middle():
    report = judge(exercise, lambda x: by_the_largest(x) if x.any() else np.full(x.shape, np.nan))
    assert (report.outcome, report.mistake) == ("wrong", "divided by the largest")


def test_a_mistake_of_the_middle_and_one_of_a_corner_are_each_told():
    def both(x):
        return with_nan(x) if (x.sum(axis=-1) == 0).any() else by_the_largest(x)

    report = judge(exercise, both)
    assert (report.outcome, report.mistake, report.edges) == (
        "wrong",
        "divided by the largest",
        ["NaN in a row of zeros"],
    )
    assert "And in a corner: NaN in a row of zeros. 0/0 is NaN." in report.message


def test_two_mistakes_that_show_in_different_cases_are_each_named():
    report = judge(exercise, lambda x: no_float32(x) if x.dtype == np.float32 else columns(x))
    assert report.outcome == "wrong"
    assert {"columns instead of rows", "float32 dropped"} == {
        label for label in exercise.wrong if label in report.message
    }


def test_how_far_is_said_of_the_middle():
    report = judge(exercise, lambda x: shares(x) * (1 if x.max() < 100 else 2))
    assert "3 of the 4 main cases are right." in report.message
    assert "It is wrong only where scores are large." in report.message


def test_a_bug_to_repair_is_core_wherever_it_shows():
    broken = replace(exercise, id="fix_shares", kind="debug", bug="NaN in a row of zeros")
    assert judge(broken, guarded(with_nan)).outcome == "wrong"
    assert judge(broken, shares).outcome == "right"
    assert judge(broken, lambda x: np.nan_to_num(with_nan(x))).outcome == "edge"


def test_the_verdict_is_pure():
    """It works on what was observed alone, twice the same, with no answer in reach."""
    observed = observe.observe(guarded(with_nan), exercise.signature, exercise.cases)
    first, second = verdict(exercise, observed), verdict(exercise, observed)
    assert first.message == second.message and first.outcome == "edge"


def test_whoever_calls_the_answer_knows_no_reference():
    for module in (observe, inspect.getmodule(observe.call)):
        tree = ast.parse(inspect.getsource(module))
        names = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
        assert not names & {"Code", "Exercise", "exercises", "find", "trial", "Trial"}
        assert not any(isinstance(node, ast.Attribute) and node.attr == "reference" for node in ast.walk(tree))


@pytest.mark.parametrize("driven", [e for e in exercises if isinstance(e, Code) and e.drive], ids=lambda e: e.id)
def test_a_driver_knows_no_reference(driven):
    function = inspect.unwrap(driven.drive)
    named = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    references = {e.reference for e in exercises if isinstance(e, Code)}
    assert not [name for name, value in named.items() if callable(value) and value in references]


def test_an_endless_answer_is_told_with_its_case():
    observed = Observed(first=[], endless=True)
    assert 'on the case "a row"' in verdict(exercise, observed).message


def test_an_answer_that_runs_on_in_a_corner_is_right_in_the_middle():
    order = sorted(exercise.cases, key=lambda case: bool(case.promise))
    ordered = replace(exercise, cases=order)
    done = next(i for i, case in enumerate(order) if case.promise)
    observed = observe.observe(shares, ordered.signature, order[:done])
    report = verdict(ordered, replace(observed, again=[], endless=True))
    assert (report.outcome, report.edges) == ("edge", [order[done].promise])
    assert "does not come back" in report.message


def test_a_label_stands_over_every_writing_of_its_mistake():
    assert exercise.wrong["divided by the largest"] is by_the_largest
    for writing in (by_the_largest, by_the_largest_of_all):
        assert judge(exercise, guarded(writing)).mistake == "divided by the largest"


def test_a_corner_is_not_named_by_a_mistake_that_is_wrong_where_the_answer_is_right():
    """A scale of zero alone is taken for none: the scale is not ignored."""
    zero_for_none = find("attention_scores").wrong["a scale of zero is taken for none"]
    attention = replace(
        find("attention_scores"), wrong={"ignored": find("attention_scores").wrong["a given scale is ignored"]}
    )
    assert "ignored" not in judge(attention, zero_for_none).edges


def test_a_signature_says_how_to_call_and_nothing_more():
    assert exercise.signature.name == "shares"
    assert not any(value is shares for value in exercise.signature)


@pytest.mark.parametrize("value", [np.ones(3), np.float16([1, 2, 3]), "text", None, [1, "a"], (1, 2)])
def test_any_observation_has_a_verdict(value):
    ran = observe.call(lambda x: value, exercise.signature, {"x": np.ones(3)})
    again = [replace(ran) for _ in exercise.cases]
    assert verdict(exercise, Observed(again, again)).outcome in ("wrong", "unattempted")


def test_the_parts_of_a_verdict_are_small():
    functions = [f for _, f in inspect.getmembers(check, inspect.isfunction) if f.__module__ == check.__name__]
    assert max(len(inspect.getsource(f).splitlines()) for f in functions) <= 35


def test_one_number_throughout_is_told_so_and_not_named_after_a_case_in_which_a_mistake_gives_it():
    report = judge(exercise, lambda x: np.full(x.shape, 0.5))  # "columns" gives 0.5 in a case or two
    assert (report.outcome, report.mistake) == ("wrong", None)
    assert "It returns nothing but 0.5, whatever the input." in report.message


def test_where_the_middle_has_no_name_a_corner_gets_none():
    report = judge(exercise, lambda x: with_nan(x) if (x.sum(axis=-1) == 0).any() else shares(x) ** 2)
    assert (report.outcome, report.mistake, report.edges) == ("wrong", None, [])


def test_nan_alone_names_nothing():
    report = judge(exercise, lambda x: shares(x) if x.dtype == np.float32 else np.full(x.shape, np.nan))
    assert (report.outcome, report.mistake) == ("wrong", None)


def test_float16_hides_no_convention_behind_it():
    half = judge("feed_forward", lambda x, weights: find("feed_forward").reference(x, weights).astype(np.float16))
    assert "it returns float16" in half.message


def test_a_symmetric_array_has_no_swapped_axes():
    assert "swapped" not in remark(np.array([[1 + 1e-6]]), np.array([[1.0]]), {})


def test_a_place_is_told_in_the_order_of_its_axes():
    assert place_words((1, 0, 3), ("...", "q", "k")) == "batch 1, query 0, key 3"
    assert place_words((2, 1, 0, 3), ("device", "...", "n", "v")) == "device 2, batch 1, token 0, value width 3"
    assert place_words((2, 0, 3), ("device", "...", "n", "v")) == "device 2, token 0, value width 3"


def test_a_part_of_a_list_that_has_another_shape_is_named():
    expected, axes = np.zeros((2, 3, 4)), ("device", "...", "n", "v")
    short = [np.zeros((3, 4)), np.zeros((2, 4))]
    assert (
        explain_part(short, expected, axes)
        == "at device 1 it has an array of shape (2, 4), expected one of shape (3, 4)."
    )
    assert explain_part([None, *short], np.zeros((3, 3, 4)), axes).startswith("at device 0 it has None, expected one")
    assert not explain_part(short, expected, ("...", "n", "v"))


def test_a_tuple_is_as_good_as_a_list_and_what_is_wrong_in_it_is_told_as_of_an_array():
    slopes = find("alibi_slopes")
    assert judge(slopes, lambda n_heads: tuple(slopes.reference(n_heads).tolist())).outcome == "right"
    assert (
        judge(find("causal_mask"), lambda *n: tuple(map(tuple, find("causal_mask").reference(*n)))).outcome == "right"
    )
    short = judge(slopes, lambda n_heads: (0.5,) * (n_heads + 1))
    assert short.outcome == "wrong" and "its shape is (" in short.lines[-1][1].lower(), short.lines


def test_no_two_heads_that_are_ranked_have_the_same_score():
    exercise = find("fix_induction_heads")
    for one in exercise.cases:
        scores, _ = exercise.reference(**one.make())
        assert np.diff(np.sort(scores, axis=None)).min(initial=1.0) > 1e-6, one.name
