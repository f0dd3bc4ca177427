"""What a learner may type as an answer."""

import pytest

from attncore.exercises import find
from attncore.grading import judge
from attncore.grading.values import read

NUMBERS = {
    "131072": 131072, "131,072": 131072, "131_072": 131072, "128 KiB": 131072, "128KiB": 131072, "1.5 MB": 1.5e6,
    "1 GiB": 2**30, "134 MFLOPs": 134e6, "0.13 GFLOP": 0.13e9, "1/6": 1 / 6, "1 / 6": 1 / 6, "50 %": 0.5, "50%": 0.5,
    "2.4e6": 2.4e6, "-3": -3, "2.36 million": 2.36e6, "2 million parameters": 2e6, "110 M": 110e6, "4 kB": 4000,
    "12 bytes": 12,
}  # fmt: skip


@pytest.mark.parametrize("text, number", NUMBERS.items())
def test_a_number_is_read_with_its_unit(text, number):
    assert read(text, 1) == pytest.approx(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "much",
        "1/0",
        "12 parsecs",
        "1 2",
        "--1",
        "KiB",
        "0,1667",
        "2*1024",
        "1e9999",
        "67 bits",
        f"1a{' ' * 10**6}b",
    ],
)
def test_what_is_no_number_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="a number|not known|with a point"):
        read(text, 1)


@pytest.mark.parametrize("answer", [(2, 3, 6), [2, 3, 6], "(2, 3, 6)", "2 x 3 x 6", "2, 3, 6"])
def test_a_shape_may_be_written_in_any_way(answer):
    assert judge("output-shape", answer).outcome == "right"


@pytest.mark.parametrize("answer", ["attention", 3.5, (3.9, 6.2), "-3,-6", (2, "x"), object()])
def test_what_is_no_shape_is_said_so(answer):
    assert judge("output-shape", answer).outcome == "wrong"


def test_a_choice_may_be_written_in_capitals():
    assert judge("start-axis", " Keys. ").outcome == "right"


def test_a_wrong_number_is_named():
    report = judge("score-bytes", "32 MiB")
    assert (report.outcome, report.mistake) == ("wrong", "one head only")


def test_the_three_dots_are_no_answer():
    assert judge("score-bytes", ...).outcome == "unattempted"


def test_a_word_of_the_question_may_stand_behind_a_number():
    assert judge("conv-layers", "512 layers").outcome == "right"


TIMES = {
    ("250 ms", "How many seconds does it take?"): 0.25, ("0.25 s", "How many seconds does it take?"): 0.25,
    ("1.5 min", "How many seconds does it take?"): 90, ("0.25 s", "How many milliseconds does it take?"): 250,
    ("250 ms", "How many milliseconds does it take?"): 250, ("250", "How many milliseconds does it take?"): 250,
    ("4 GB/s", "How many bytes a second does it carry?"): 4e9, ("4 GB per second", ""): 4e9, ("4 GB a second", ""): 4e9,
    ("272 tokens/s", "How many tokens a second are possible?"): 272, ("1.2 thousand tokens a second", "tokens"): 1200,
}  # fmt: skip


@pytest.mark.parametrize("asked, number", TIMES.items())
def test_times_and_rates_are_understood(asked, number):
    text, question = asked
    assert read(text, 1.0, question) == pytest.approx(number)


def test_a_complex_number_is_no_answer():
    assert "isn't a number" in judge("context-by-hand", 5 + 0j).message


def test_what_is_no_choice_is_told_the_choices():
    assert judge("start-axis", "rows").message == 'start-axis: choose one of "queries", "keys".'


def test_units_of_a_thousand_are_told_from_units_of_1024():
    assert "units of 1,024" in judge("score-bytes", "1 GB").message
    assert judge("score-bytes", "1 GiB").outcome == "right"


def test_what_is_counted_may_be_named_though_the_question_does_not():
    asked = find("alibi-half-weight")
    assert "tokens" not in asked.words["question"]
    assert judge(asked, f"{asked.reference():.2f} tokens").outcome == "right"
    assert judge(asked, "44.36 bananas").unread


@pytest.mark.parametrize("id", ["uniform-shape", "equal-weight", "start-shift"])
@pytest.mark.parametrize("value", [10**5000, (10**5000, 2), [10**5000, 10**5000]], ids=["number", "shape", "list"])
def test_a_number_that_cannot_be_written_is_wrong(id, value):
    assert judge(id, value).outcome == "wrong"
