"""Inputs that nobody has seen: on them right answers are right, and the mistakes that have names are wrong."""

import pytest

from attncore.exercises import Code, exercises, find
from attncore.exercises.unseen import UNSEEN
from attncore.grading.given import (
    Watched,
    expected_of_others,
    has_real,
    is_as_known,
    others,
    packed_cases,
    packed_others,
)
from attncore.grading.observe import Observed
from attncore.grading.run import call, quietly

FUNCTIONS = [e for e in exercises if isinstance(e, Code)]


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda e: e.id)
def test_there_are_inputs_that_nobody_has_seen(exercise):
    expected = expected_of_others(exercise, 7)
    assert expected and not any(ran.raised for ran in expected)
    assert exercise.id in UNSEEN or any(map(has_real, expected))
    assert not set(packed_others(exercise, 7)) & set(packed_cases(exercise))
    assert packed_others(exercise, 7) != packed_others(exercise, 8)


def test_what_is_drawn_belongs_to_an_exercise():
    assert set(UNSEEN) <= {exercise.id for exercise in FUNCTIONS}


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda e: e.id)
def test_a_right_answer_is_right_on_inputs_that_nobody_has_seen(exercise, seed):
    with quietly():
        for answer in exercise.right.values():
            ran = [call(answer, exercise.signature, given) for given in others(exercise, seed)]
            assert is_as_known(exercise, Watched(Observed(), ran), seed)


@pytest.mark.parametrize(
    "id, label",
    [
        ("linear_attention_recurrent", "a small number added to the sum"),
        ("bits_per_byte", "a small number in the logarithm, against zero"),
    ],
)
def test_a_corner_in_which_an_unseen_input_lies_stays_a_corner(id, label):
    exercise, open_for = find(id), []
    for seed in range(1, 25):
        watched = Watched(Observed(), expected_of_others(exercise, seed, label))
        assert is_as_known(exercise, watched, seed, [label])
        open_for += [seed] if is_as_known(exercise, watched, seed) else []
    assert 0 < len(open_for) < 24


TOLD = {  # mistakes that few inputs show, or by little
    "KVCache": "the oldest tokens are overwritten when the room is full",
    "attend_with_cache": "mask after the softmax, then renormalized",
    "attention_weights": "mask upside down",
    "cross_entropy": "no maximum subtracted",
    "cross_entropy_backward": "no maximum subtracted",
    "dequantize": "codes counted from one",
    "fix_document_search": "places are counted inside their block",
    "fix_induction_heads": "the scores are right, and the lowest come first",
    "generate": "top_k isn't handed on",
    "layer_norm": "divided by one less than the width",
    "leaks_future": "past instead of future",
    "local_weights": "scores outside set to zero, then cut and renormalized",
    "log_softmax": "one maximum for all rows",
    "mha_parameter_count": "one bias for all four projections",
    "numerical_gradient": "a one-sided difference",
    "path_length": "rounded down",
    "prefix_hashes": "the parent is left out",
    "sample_token": "the temperature is not used",
    "scaled_frequencies": "ntk with half its exponent",
    "softmax": "no maximum subtracted",
    "speculative_accept": "the excess of the wrong row",
}


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("id", TOLD)
def test_a_known_mistake_is_wrong_on_inputs_that_nobody_has_seen(id, seed):
    exercise = find(id)
    with quietly():
        ran = [call(exercise.wrong[TOLD[id]], exercise.signature, given) for given in others(exercise, seed)]
    assert not is_as_known(exercise, Watched(Observed(), ran), seed)
