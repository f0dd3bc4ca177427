"""An input on which broken code should fail: what the judge says of it, whatever it is."""

import numpy as np
import pytest

from attncore.exercises import Code, exercises, find
from attncore.exercises.exercise import Case, case, code
from attncore.grading import breaks, judge
from attncore.grading.breaks import blank_call, judge_input, shown_in
from attncore.grading.check import reached
from attncore.grading.observe import Observed, calls_of
from attncore.shapes import shaped

HUNTS = [e for e in exercises if isinstance(e, Code) and e.kind == "debug"]


@shaped("(n)->(n)")
def fix_centered(x, by=1.0):
    """Take the mean away, and divide."""
    if not by > 0:
        raise ValueError(f"fix_centered: by is {by}, expected a positive number")
    return (x - x.mean()) / by


exercise = code(fix_centered, case("three numbers", x=np.array([1.0, 2, 6])), bug="the mean stays")


@exercise.mistake("the mean stays")
def the_mean_stays(x, by=1.0):
    return x / by


exercise.words = {"title": "A mean", "hints": [], "why": {"the mean stays": "It goes."}}


def told(*given, **named):
    report = judge_input(exercise, given, named)
    return report.outcome, report.message


@pytest.mark.parametrize("hunt", HUNTS, ids=lambda e: e.id)
def test_the_smallest_case_that_shows_a_bug_is_accepted(hunt):
    report = judge_input(hunt, (), shown_in(hunt).make())
    assert report.outcome == "right"
    assert hunt.bug not in report.message and hunt.why(hunt.bug) not in report.message


@pytest.mark.parametrize("hunt", HUNTS, ids=lambda e: e.id)
def test_every_case_is_judged_as_the_check_judges_it(hunt):
    for one in hunt.cases:
        outcome = judge_input(hunt, (), one.make()).outcome
        assert outcome in ("right", "wrong"), one.name
    assert {judge_input(hunt, (), one.make()).outcome for one in hunt.cases} >= {"right"}


def test_an_input_on_which_it_fails_is_told_with_the_first_difference():
    outcome, text = told([1, 2, 6])
    assert outcome == "right"
    assert "At token 0: expected -2, got 1." in text
    assert "check(fix_centered)" in text
    assert told(x=[1, 2, 6], by=2.0)[0] == "right"


def test_an_input_on_which_both_agree_shows_nothing():
    outcome, text = told(np.array([-1.0, 1.0]))
    assert outcome == "wrong"
    assert text == (
        "fix_centered: the code is right on this input.\n"
        "It returns what the repaired code returns. `x` has the shape (2,)."
    )
    assert "`x` has the shape (2,) and `by` is 2.0." in told([-1.0, 1.0], 2.0)[1]


@pytest.mark.parametrize(
    "given, named, says",
    [
        (([1, 2],), {"by": 0.0}, "ValueError: fix_centered: by is 0.0"),
        (([[1, 2]],), {}, "x has shape (1, 2), expected (n)"),
        (("words",), {}, "x holds <U5, expected real numbers"),
        ((None,), {}, "x holds object"),
        (([[1], [2, 3]],), {}, "its rows differ in length"),
        ((object(),), {}, "x holds object"),
        (([1.0, 2.0],), {"by": "two"}, "TypeError"),
    ],
)
def test_what_the_repaired_code_refuses_too_is_outside(given, named, says):
    outcome, text = told(*given, **named)
    assert outcome == "wrong"
    assert "the repaired code refuses this input too" in text and says in text


@pytest.mark.parametrize("given, named", [((), {}), ((...,), {}), ((), {"x": ...}), ((), {"x": ..., "by": 1.0})])
def test_the_call_as_it_stands_in_the_notebook_is_no_attempt(given, named):
    outcome, text = told(*given, **named)
    assert (outcome, text) == ("unattempted", 'fix_centered: no input yet.\nbreaks("fix_centered", x=..., by=1.0)')


def test_a_call_that_does_not_fit_is_told_how_it_goes():
    for outcome, text in (told([1], 1.0, 3), told(y=[1]), told([1], x=[2])):
        assert outcome == "unattempted"
        assert 'breaks("fix_centered", x=..., by=1.0)' in text
    hunt = find("fix_attention")
    assert "`key` and `value`" in judge_input(hunt, ([[1]],), {}).message


def test_the_learners_arguments_stay_as_they_are():
    x = np.array([1, 2, 6])
    assert told(x)[0] == "right"
    assert x.tolist() == [1, 2, 6] and x.dtype.kind == "i"


def test_what_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(breaks, "SECONDS", 0.05)

    class Slow(float):
        def __gt__(self, other):
            while True:
                pass

    outcome, text = told([1.0], Slow(1))
    assert (outcome, text) == ("wrong", "fix_centered: this input takes more than 0.05 seconds. Give a smaller one.")


def test_a_broken_code_that_never_comes_back_fails(monkeypatch):
    monkeypatch.setattr(breaks, "SECONDS", 0.05)
    endless = code(fix_centered, case("one", x=np.array([1.0])), bug="no end")

    @endless.mistake("no end")
    def no_end(x, by=1.0):
        while True:
            pass

    report = judge_input(endless, ([1.0, 2.0],), {})
    assert report.outcome == "right" and "does not come back within 0.05 seconds" in report.message


def test_an_argument_that_answers_as_it_likes_shows_nothing():
    hunt = find("fix_word_importance")
    rng = np.random.default_rng(0)
    report = judge_input(hunt, (lambda x: x + rng.standard_normal(x.shape), np.eye(3), np.ones(3)), {})
    assert report.outcome == "wrong" and "two results" in report.message


def test_an_argument_that_cannot_be_copied_is_outside():
    class Stuck:
        def __deepcopy__(self, memo):
            raise RuntimeError("stay")

    report = judge_input(find("fix_word_importance"), (Stuck(), np.eye(3), np.ones(3)), {})
    assert report.outcome == "wrong" and "RuntimeError: stay" in report.message


def test_a_line_of_the_broken_code_is_never_shown():
    hunt = find("fix_translation_step")  # it raises where the widths differ
    shapes = {"state": (2,), "memory": (3, 4), "W_state": (5, 2), "W_memory": (5, 4), "v": (5,), "W_next": (2, 6)}
    report = judge_input(hunt, (), {name: np.ones(shape) for name, shape in shapes.items()})
    assert report.outcome == "right" and "raises ValueError" in report.message
    assert "W_next @" not in report.message


class Shelf:
    """Keeps what it's given."""

    def __init__(self):
        self.held = []

    def append(self, x):
        self.held.append(x)


class Upside:
    def __init__(self):
        self.held = []

    def append(self, x):
        self.held.insert(0, x)


@shaped("_,(n)->(n)")
def fill(shelf, x, times=1):
    one = shelf()
    for number in np.tile(x, times):
        one.append(number)
    return np.array(one.held)


def test_where_a_driver_stands_between_the_input_is_the_drivers():
    driven = code(Shelf, Case("two", lambda: {"x": np.array([1.0, 2])}), drive=fill, id="fix_shelf", bug="upside down")
    driven.mistake("upside down")(Upside)
    assert blank_call(driven) == 'breaks("fix_shelf", x=..., times=1)'
    assert judge_input(driven, (), {}).outcome == "unattempted"
    assert judge_input(driven, ([1, 2],), {}).message.splitlines()[1] == "At token 0: expected 1, got 2."
    assert judge_input(driven, ([1, 1],), {"times": 2}).outcome == "wrong"


def test_the_blanks_are_the_parameters():
    assert blank_call(find("fix_attention")) == 'breaks("fix_attention", query=..., key=..., value=..., mask=None)'


def test_the_broken_code_as_it_stands_gets_no_input_for_nothing():
    for hunt in HUNTS:
        report = judge(hunt, hunt.wrong[hunt.bug])
        assert (report.outcome, report.mistake) == ("wrong", hunt.bug)
        assert "input" not in [role for role, _ in report.lines]
        assert "breaks(" in report.message


def answer(source, **names):
    room = {"np": np, **names}
    exec(source, room)
    return room


BODY = """
def share_out(scores, mask):
    return softmax(scores if mask is None else np.where(mask, scores, -np.inf))
def fix_attention(query, key, value, mask=None):
    weights = share_out(query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1]), mask)
    return weights @ value, weights.max(axis=-1)
"""
PASTED = """
def fix_attention(query, key, value, mask=None):
    weights = attention_weights(query, key, mask)
    return weights @ value, weights.max(axis=-1)
"""


def test_a_repair_that_calls_what_the_broken_code_calls_is_just_right():
    from attncore.softmax import softmax

    plain = answer(BODY, softmax=softmax)["fix_attention"]
    assert judge("fix_attention", plain).message == "fix_attention: right, in all 12 cases."
    own = answer(
        "def softmax(x):\n    e = np.exp(x - x.max(-1, keepdims=True))\n    return e / e.sum(-1, keepdims=True)" + BODY
    )
    assert judge("fix_attention", own["fix_attention"]).message == "fix_attention: right, in all 12 cases."
    reference = find("fix_attention").reference
    assert len(judge("fix_attention", reference).lines) == 1


OWN = """
def attention_weights(query, key, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    e = np.exp(scores if mask is None else np.where(mask, scores, -1e300))
    return e / e.sum(-1, keepdims=True)
"""


@pytest.mark.parametrize(
    "before",
    [
        "from attncore.dot_product import attention_weights",
        "from attncore.dot_product import attention_weights as share\ndef attention_weights(*a): return share(*a)",
        OWN,
    ],
)
def test_a_call_in_place_of_a_repair_is_told(before):
    report = judge("fix_attention", answer(before + PASTED)["fix_attention"])
    assert report.outcome == "right"
    assert "It calls `attention_weights`, which the broken code didn't." in report.message


def test_what_the_learners_own_exercises_call_is_theirs():
    calls = {"fix_attention": "helper", "helper": "attention_weights", "attention_weights": "softmax", "softmax": "abs"}
    names: dict = {}
    exec("\n".join(f"def {caller}(*a): return {called}(*a)" for caller, called in calls.items()), names)
    observed = Observed(calls=tuple(sorted(calls_of(names["fix_attention"]))))
    assert ("attention_weights", "softmax") in observed.calls
    assert reached(observed) == ["helper", "attention_weights"]


@pytest.mark.parametrize(
    "inside",
    [
        "from attncore.dot_product import attention_weights as share",
        "import attncore.dot_product as room; share = room.attention_weights",
        "import attncore.dot_product; share = attncore.dot_product.attention_weights",
    ],
)
def test_an_import_in_the_body_is_told_too(inside):
    source = PASTED.replace("    weights =", f"    {inside}\n    weights =").replace("= attention_weights(", "= share(")
    report = judge("fix_attention", answer(source)["fix_attention"])
    assert "It calls `attention_weights`" in report.message


def test_a_name_that_is_only_an_attribute_is_no_call():
    from attncore.dot_product import attention_weights
    from attncore.softmax import softmax

    class Library:
        @staticmethod
        def attention_weights(scores):
            return softmax(scores)

    source = BODY.replace("softmax(scores", "library.attention_weights(scores")
    room = answer(source, softmax=softmax, library=Library, attention_weights=attention_weights)
    assert len(judge("fix_attention", room["fix_attention"]).lines) == 1


def test_other_exercises_are_not_told_what_they_call():
    from attncore.dot_product import attention_weights

    source = PASTED.replace("fix_attention", "scaled_dot_product_attention").replace(", weights.max(axis=-1)", "")
    source = source.replace("mask=None)", "mask=None, scale=None)").replace("key, mask)", "key, mask, scale)")
    room = answer(source, attention_weights=attention_weights)
    report = judge("scaled_dot_product_attention", room["scaled_dot_product_attention"])
    assert (report.outcome, len(report.lines)) == ("right", 1)
