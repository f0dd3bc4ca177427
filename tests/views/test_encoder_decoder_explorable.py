"""Encoder and decoder: the script's steps are the course's alignment, in the order of either paper."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.alignment import additive_scores
from attncore.views.explorables.encoder_decoder import ORDERS, SOURCE, TARGET, encoder_decoder, translated

KINDS = pytest.mark.parametrize("kind", ORDERS)


def call(function, *arguments):
    return script("encoder_decoder").call(function, *arguments)


@KINDS
def test_each_step_is_the_mathematics(kind):
    for got, step in zip(call("translated", encoder_decoder(kind).state), translated(kind), strict=True):
        for name, array in step._asdict().items():
            np.testing.assert_allclose(got[name], array, rtol=1e-12, err_msg=name)


def test_the_additive_score_is_the_courses(rng):
    state, memory, v = rng.standard_normal(2), rng.standard_normal((4, 3)), rng.standard_normal(5)
    W_state, W_memory = rng.standard_normal((5, 2)), rng.standard_normal((5, 3))
    got = call("additiveScores", state, memory, [W_state.tolist(), W_memory.tolist(), v.tolist()])
    np.testing.assert_allclose(got, additive_scores(state, memory, W_state, W_memory, v), rtol=1e-12)


@KINDS
@pytest.mark.parametrize("function", [None, lambda scores, memory: memory.mean(axis=0)], ids=["", "the learner's"])
def test_other_beginnings_are_drawn_alike(kind, function):
    assert_drawn_alike(encoder_decoder(kind, function))


@KINDS
def test_the_words_are_the_translation_and_each_looks_at_its_own(kind):
    steps = translated(kind)
    assert [step.word for step in steps] == [0, 1, 2, 3]
    looked_at = [SOURCE[step.weights.argmax()] for step in steps]
    assert dict(zip(looked_at, TARGET, strict=True)) == {
        "the": "el",
        "cat": "gato",
        "tired": "cansado",
        "sleeps": "duerme",
    }


def test_only_bahdanaus_states_hang_on_the_memory():
    changed = {}
    for kind in ORDERS:
        state = encoder_decoder(kind).state
        other = state | {"memory": (-np.array(state["memory"])).tolist()}
        before, after = (np.array([step["state"] for step in call("translated", one)]) for one in (state, other))
        changed[kind] = not np.allclose(before, after)
    assert changed == {"bahdanau": True, "luong": False}


@KINDS
def test_a_stage_shows_what_is_known_by_then(kind):
    places = {
        "scores": "score-0",
        "weights": "weight-0-says",
        "context": "context",
        "state": "state-3-says",
        "word": "word-3",
    }
    for stage in range(5):
        parts = call("picture", encoder_decoder(kind).state | {"word": 2, "stage": stage})
        shown = [name for name in ORDERS[kind] if parts[places[name]]["text"]]
        assert shown == list(ORDERS[kind][: stage + 1])
        assert parts["word-2"]["text"] == "gato"


def test_the_state_before_asks_or_the_one_after():
    marked = {}
    for kind in ORDERS:
        parts = call("picture", encoder_decoder(kind).state | {"word": 2, "stage": 4})
        marked[kind] = [t for t in range(5) if parts[f"state-{t}"]["stroke"] == "orange"]
    assert marked == {"bahdanau": [2], "luong": [3]}


@pytest.mark.parametrize(
    ("word", "stage", "by", "whole", "to"),
    [
        (0, 4, 1, False, (1, 0)),
        (1, 0, -1, False, (0, 4)),
        (0, 0, -1, False, (0, 0)),
        (1, 2, 0, True, (1, 4)),
        (1, 4, 0, True, (2, 4)),
        (3, 4, 0, True, (3, 4)),
    ],
)
def test_steps_end_where_the_sentence_does(word, stage, by, whole, to):
    state = encoder_decoder().state | {"word": word, "stage": stage}
    assert call("stepped", state, by, whole) == dict(zip(("word", "stage"), to, strict=True))


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match='kind is "vaswani", expected "bahdanau" or "luong"'):
        encoder_decoder("vaswani")
