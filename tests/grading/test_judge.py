"""The judge: right in any style, wrong by name, and a clear sentence for whatever else an answer does."""

import functools
import inspect
import re
import sys
import warnings

import numpy as np
import pytest

from attncore.exercises import UnknownExercise, find
from attncore.exercises.exercise import Signature
from attncore.grading import judge, run
from attncore.grading.check import verdict
from attncore.grading.observe import observe
from attncore.softmax import softmax


def attend(query, key, value, mask=None, scale=None, **change):
    """A right attention in one piece, for the answers below to bend."""
    scores = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores) @ value


class Attention:
    def __call__(self, query, key, value, mask=None, scale=None):
        return attend(query, key, value, mask, scale)


@functools.wraps(attend)
def decorated(*args, **kwargs):
    return attend(*args, **kwargs)


def renamed(q, k, v, m=None, s=None):
    return attend(q, k, v, m, s)


def with_more(query, key, value, mask=None, scale=None, dropout=0.0, verbose=True):
    print("noise")
    warnings.warn("harmless", stacklevel=1)
    np.log(np.zeros(1))
    return attend(query, key, value, mask, scale).tolist()


def by_name_only(*, query, key, value, mask=None, scale=None):
    return attend(query, key, value, mask, scale)


def in_float32(query, key, value, mask=None, scale=None):
    return attend(query, key, value, mask, scale).astype(np.float32)


def restores_its_argument(query, key, value, mask=None, scale=None):
    query *= 2
    out = attend(query / 2, key, value, mask, scale)
    query /= 2
    return out


RIGHT = [Attention(), decorated, renamed, with_more, by_name_only, in_float32, restores_its_argument,
         functools.partial(attend), lambda *args, **kwargs: attend(*args, **kwargs)]  # fmt: skip


@pytest.mark.parametrize("answer", RIGHT, ids=lambda f: getattr(f, "__name__", type(f).__name__))
def test_a_right_answer_passes_in_any_style(answer):
    assert judge("scaled_dot_product_attention", answer).outcome == "right"


def test_numbers_of_float32_are_as_coarse_in_a_list():
    def in_lists(query, key, value, beta):
        query, key, value, beta = (x.astype(np.float32) for x in (query, key, value, beta))
        state, rows = np.zeros((key.shape[-1], value.shape[-1]), np.float32), []
        for i in range(query.shape[-2]):
            k, v = key[..., i, :, None], value[..., i, None, :]
            state = state + beta[..., i, None, None] * k * (v - k.swapaxes(-1, -2) @ state)
            rows.append((query[..., i, None, :] @ state)[..., 0, :])
        return np.stack(rows, axis=-2).tolist()

    assert judge("delta_rule", in_lists).outcome == "right"


def test_a_tensor_of_another_library_is_an_array():
    torch = pytest.importorskip("torch")

    def answer(query, key, value, mask=None, scale=None):
        given = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in (query, key, value)]
        mask = None if mask is None else torch.tensor(mask)
        scores = given[0] @ given[1].mT * (query.shape[-1] ** -0.5 if scale is None else scale)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
        return torch.nan_to_num(torch.softmax(scores, -1)) @ given[2]

    assert judge("scaled_dot_product_attention", answer).outcome == "right"


def returns_none(query, key, value, mask=None, scale=None):
    pass


def not_implemented(query, key, value, mask=None, scale=None):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [returns_none, not_implemented, lambda *a, **k: ..., None, ...])
def test_a_stub_is_not_attempted(answer):
    assert judge("scaled_dot_product_attention", answer).outcome == "unattempted"


def writes(query, key, value, mask=None, scale=None):
    out = attend(query, key, value, mask, scale)
    query[...] = 0
    return out


def shared_buffer(query, key, value, mask=None, scale=None, buffers={}):  # noqa: B006
    buffers[0] = buffers.get(0, 0) + 1
    return attend(query, key, value, mask, scale) * (1 if buffers[0] < 20 else 2)


def draws(query, key, value, mask=None, scale=None):
    out = attend(query, key, value, mask, scale)
    return out + 1e-3 * np.random.default_rng().standard_normal(out.shape)


def returns_a_tuple(query, key, value, mask=None, scale=None):
    return attend(query, key, value, mask, scale), 1


def ragged(query, key, value, mask=None, scale=None):
    return [[1.0], [1.0, 2.0]]


def text(query, key, value, mask=None, scale=None):
    return "attention"


def zeros(query, key, value, mask=None, scale=None):
    return np.zeros((*query.shape[:-1], value.shape[-1]))


def first_batch_only(query, key, value, mask=None, scale=None):
    out = attend(query, key, value, mask, scale)
    return np.broadcast_to(out[:1], out.shape) if out.ndim > 2 else out


def float64_only(query, key, value, mask=None, scale=None):
    return attend(query, key, value, mask, scale) if query.dtype == np.float64 else zeros(query, key, value)


WRONG = {
    writes: "It writes to its argument `query`",
    shared_buffer: "the same input gives another result",
    draws: "the same input gives another result",
    returns_a_tuple: "It returns a tuple of 2",
    ragged: "It returns a list whose rows differ in length",
    text: "It returns a str",
    zeros: "it returns nothing but 0",
    first_batch_only: "batch",
    float64_only: "float32",
}


@pytest.mark.parametrize("answer, said", WRONG.items(), ids=lambda a: getattr(a, "__name__", ""))
def test_an_answer_that_is_right_by_luck_is_refused(answer, said):
    report = judge("scaled_dot_product_attention", answer)
    assert report.outcome == "wrong"
    assert said.lower() in report.message.lower()


def recursion(query, key, value, mask=None, scale=None):
    return recursion(query, key, value)


def leaves(query, key, value, mask=None, scale=None):
    sys.exit(1)


def divides(query, key, value, mask=None, scale=None):
    return query / 0 + undefined_name  # noqa: F821


def two_arguments(query, key):
    return query


RAISES = {
    recursion: "calls itself without end",
    leaves: "It calls exit",
    divides: "NameError: name 'undefined_name' is not defined",
    two_arguments: "it takes (query, key)",
}


if sys.version_info[:3] == (3, 13, 0):  # it counts no calls of functions with defaults, and would run out of memory
    del RAISES[recursion]


@pytest.mark.parametrize("answer, said", RAISES.items(), ids=lambda a: getattr(a, "__name__", ""))
def test_an_answer_that_raises_gets_a_sentence(answer, said):
    report = judge("scaled_dot_product_attention", answer)
    assert report.outcome == "raised"
    assert said in report.message
    assert "Traceback" not in report.message


def stopped(answer):
    """The verdict on an answer to softmax that has little time."""
    exercise = find("softmax")
    return verdict(exercise, observe(answer, exercise.signature, exercise.cases, seconds=0.05))


def test_an_endless_loop_is_stopped():
    def forever(x, axis=-1):
        while True:
            pass

    report = stopped(forever)
    assert report.outcome == "raised"
    assert "a loop that never ends" in report.message


def test_what_ends_once_and_is_slow_the_second_time_is_judged_by_the_first():
    asked, calls = find("softmax"), []

    def slow(x, axis=-1):
        calls.append(None)
        while len(calls) > len(asked.cases):
            pass
        return softmax(x, axis)

    assert verdict(asked, observe(slow, asked.signature, asked.cases, seconds=1.0)).outcome == "right"


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(UnknownExercise, match='Did you mean "softmax"'):
        judge("sofmax", softmax)


@pytest.mark.parametrize("item", [None, object(), "x", np.datetime64("2020-01-01")])
def test_an_array_that_holds_no_numbers_is_told_so(item):
    report = judge("softmax", lambda x, axis=-1: np.full(np.shape(x), item))
    assert report.outcome == "wrong"
    assert "holds no numbers" in report.message


def test_what_a_function_returns_is_no_function():
    report = judge("softmax", np.ones(3))
    assert report.outcome == "wrong"
    assert "without brackets" in report.message


def test_the_process_is_left_as_it_was():
    state = np.geterr(), sys.stdout, list(warnings.filters)
    judge("scaled_dot_product_attention", with_more)
    judge("scaled_dot_product_attention", leaves)
    assert state == (np.geterr(), sys.stdout, list(warnings.filters))


def test_the_smallest_failing_case_is_shown():
    exercise = find("scaled_dot_product_attention")
    report = judge(exercise, exercise.wrong["not scaled"])
    roles = [role for role, _ in report.lines]
    assert roles == ["head", "why", "case", "input", "where"]
    assert "query = np.array([[" in report.message
    assert "at query 0, value width 0: expected" in report.message.lower()


def test_a_mask_of_numbers_is_another_convention():
    report = judge(
        "causal_mask", lambda n_query, n_key=None: np.tri(n_query, n_key or n_query, (n_key or n_query) - n_query)
    )
    assert (report.outcome, report.convention, report.mistake) == ("wrong", "ones and zeros", None)


def test_two_mistakes_at_once_are_both_told():
    def unscaled_and_unmasked(query, key, value, mask=None, scale=None):
        return softmax(query @ np.swapaxes(key, -1, -2) * (1 if scale is None else scale)) @ value

    report = judge("scaled_dot_product_attention", unscaled_and_unmasked)
    assert report.mistake == "not scaled"
    assert "That isn't all" in report.message


def test_a_missing_option_does_not_hide_the_mistake():
    def no_scale_no_options(query, key, value):
        return softmax(query @ np.swapaxes(key, -1, -2)) @ value

    assert judge("scaled_dot_product_attention", no_scale_no_options).mistake == "not scaled"


def test_a_bug_to_find_is_not_named():
    exercise = find("fix_attention")
    report = judge(exercise, exercise.wrong[exercise.bug])
    assert (report.outcome, report.mistake) == ("wrong", "not scaled")
    assert "scale" not in report.lines[0][1]
    assert exercise.why("not scaled") not in report.message


def test_the_time_limit_leaves_nothing_behind():
    def forever():
        while True:
            pass

    for _ in range(20):
        with pytest.raises(run.TimeUp):
            run.within(0.002, forever)
    assert sum(1 for _ in range(100_000)) == 100_000  # no TimeUp comes later
    assert run.within(1, lambda: 3) == 3


def test_a_bare_except_does_not_outlast_the_time_limit():
    def forever(x, axis=-1):
        while True:
            try:  # noqa: SIM105
                sum(range(100))
            except:  # noqa: E722
                pass

    assert stopped(forever).outcome == "raised"


def test_a_missing_return_is_asked_about():
    def no_return(x, axis=-1):
        softmax(x, axis)

    report = judge("softmax", no_return)
    assert report.outcome == "unattempted"
    assert "Is the `return` missing?" in report.message
    assert "return" not in judge("softmax", returns_none).message


def test_a_parameter_that_is_missing_is_named_with_the_mistake():
    report = judge("softmax", lambda x: softmax(x))
    assert report.mistake == "axis ignored"
    assert "It has no parameter `axis`." in report.message


def test_an_option_without_a_default_gets_its_default():
    assert (
        judge(
            "scaled_dot_product_attention",
            lambda query, key, value, mask, scale: attend(query, key, value, mask, scale),
        ).outcome
        == "right"
    )


def test_an_answer_that_calls_a_stub_is_told_so():
    names = {"np": np}
    exec("def softmax(x, axis=-1): ...\ndef masked_softmax(scores, mask): return softmax(scores) * 2", names)
    report = judge("masked_softmax", names["masked_softmax"])
    assert report.outcome == "raised"
    assert "it calls softmax, which is not written yet" in report.message
    assert "from attncore.softmax import softmax" in report.message


def test_a_stub_of_the_same_name_as_an_attribute_is_none_of_its_business():
    exec_names = {"library": type("library", (), {"softmax": staticmethod(softmax)}), "attend": attend}
    exec(
        "def softmax(x, axis=-1): ...\n"
        "def attention_weights(query, key, mask=None, scale=None):\n"
        "    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)\n"
        "    if mask is not None: scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask\n"
        "    return library.softmax(scores)",
        exec_names | {"np": np},
        made := {},
    )
    assert judge("attention_weights", made["attention_weights"]).outcome == "right"


def test_writing_to_an_argument_is_told_before_anything_else():
    report = judge("scaled_dot_product_attention", writes)
    assert report.mistake is None
    assert report.lines[0][1] == "scaled_dot_product_attention: it writes to its argument `query`; work on a copy."


class Odd:
    """What a stranger may return: everything about it raises."""

    detach = 3

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no")

    def __eq__(self, other):
        raise RuntimeError("no")


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def unspeakable(*args, **kwargs):
    raise Unspeakable


async def waits(x, axis=-1):
    return x


ODD = {
    "generator": lambda x, axis=-1: (number for number in x),
    "coroutine": waits,
    "object": lambda x, axis=-1: Odd(),
    "tuple": lambda x, axis=-1: (Odd(), [[1], [1, 2]]),
    "strings": lambda x, axis=-1: np.array(["a"]),
    "class": lambda x, axis=-1: Odd,
    "float16": lambda x, axis=-1: softmax(x, axis).astype(np.float16),
    "complex": lambda x, axis=-1: softmax(x, axis) + 1j,
    "exception": unspeakable,
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_whatever_an_answer_returns_gets_a_sentence(answer):
    report = judge("softmax", answer)
    assert report.outcome in ("wrong", "raised")
    assert "attncore" not in report.message


def minus_a_billion(query, key, value, mask=None, scale=None):
    bias = 0.0 if mask is None else np.where(mask, 0.0, -1e9) if mask.dtype == bool else np.maximum(mask, -1e9)
    share = query.shape[-3] // key.shape[-3]
    key, value = np.repeat(key, share, axis=-3), np.repeat(value, share, axis=-3)
    scores = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale) + bias
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True) @ value


def test_a_large_number_added_in_place_of_a_mask_is_open_where_a_row_is_empty():
    """ "mask dropped" gives the same there, but it is wrong in the middle, where this answer is right."""
    report = judge("grouped_query_attention", minus_a_billion)
    assert (report.outcome, report.mistake) == ("edge", None)
    assert "nothing allowed" in report.message


def test_none_from_one_branch_is_said_as_such():
    report = judge("peak_floats", lambda n, d, block=None: min(n, block) ** 2 + 2 * n + n * d if block else None)
    assert "It returns None. Is a `return` missing, or there in one branch only?" in report.message


def test_figures_show_that_two_numbers_differ():
    report = judge(
        "layer_norm", lambda x, gain, bias, eps=1e-5: find("layer_norm").reference(x, gain, bias, eps) + 2e-5
    )
    expected, got = re.search(r"expected ([-\d.e]+), got ([-\d.e]+)\.", report.message).groups()
    assert expected != got


def test_a_stub_called_in_a_comprehension_of_a_helper_is_noticed():
    cell = (
        "def split_heads(x, n_heads): ...\n"
        "def both(x, n_heads): return [split_heads(part, n_heads) for part in (x, x)]\n"
        "def merge_heads(x): return both(x, 2)[0].sum()\n"
    )
    names = {}
    exec(cell, names)
    assert "it calls split_heads, which is not written yet" in judge("merge_heads", names["merge_heads"]).message


def test_text_is_equal_to_no_label():
    report = judge("apply_rotary", lambda x, positions, base=1e4: np.array(["a"] * len(positions)))
    assert (report.mistake, report.convention) == (None, None)


@pytest.mark.parametrize("numbers", [[0.0, -0.0, 1.5], [np.nan, np.inf, -np.inf], [], [1, 2], [True, False]])
def test_equal_is_what_numpy_calls_equal(numbers):
    one = np.array(numbers)
    for place in [None, *range(one.size)]:
        two = one.copy()
        if place is not None:
            two[place] = 1 - two[place]
        assert run.equal(one, two) == np.array_equal(one, two, equal_nan=True)


@pytest.mark.parametrize("promised", [lambda x, axis=-1: None, lambda x, y: None, lambda x, *, axis=-1: None])
def test_an_answer_with_the_promised_parameters_gets_them_as_any_other(promised, monkeypatch):
    signature = Signature("f", inspect.signature(promised), None, 1)
    given = {name: place for place, name in enumerate(inspect.signature(promised).parameters)}
    fast = run.bind(promised, signature, given)
    monkeypatch.setattr(run, "takes_the_same", lambda own, promised: False)
    assert run.bind(promised, signature, given) == fast
