"""What the course has kept of SmolLM2, and what it says of it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncore.ablation import head_maps
from attncore.interpret import induction_score
from attncore.language_model import logits, write
from attncore.recorded import (
    SMOLLM2,
    recorded_ablation,
    recorded_attribution,
    recorded_induction,
    recorded_mistakes,
    recorded_sinks,
    recorded_smollm2_maps,
    recorded_writing,
)
from attncore.smollm2 import load_model
from attncore.tokenizer import encode

MARY = "When Mary and John went to the store, John gave a drink to"
CAT = "The cat sat on the mat"
LAYERS, HEADS = 30, 9


@pytest.fixture(scope="module")
def model():
    try:
        return load_model()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def test_it_is_small():
    assert SMOLLM2.stat().st_size < 150_000


def test_the_maps_are_causal_maps():
    assert list(recorded_smollm2_maps()) == [MARY, CAT]
    for tokens, maps in recorded_smollm2_maps().values():
        assert maps.shape == (LAYERS, HEADS, len(tokens), len(tokens))
        assert_allclose(maps.sum(axis=-1), 1, atol=3e-3)
        assert not np.triu(maps, k=1).any()


def test_the_model_says_what_is_recorded(model):
    for text, (_, maps) in recorded_smollm2_maps().items():
        assert_allclose(head_maps(model, encode(model.tokenizer, text))[0], maps, rtol=2e-3, atol=1e-4)
    scores = logits(model, encode(model.tokenizer, MARY), keep=1)[0].astype(np.float64)
    for word, p in recorded_attribution().next.items():
        (i,) = encode(model.tokenizer, word)
        assert np.exp(scores[i] - np.logaddexp.reduce(scores)) == pytest.approx(p, rel=1e-2)
    prompt, pieces = next(iter(recorded_writing().items()))
    assert list(write(model, prompt, 8))[:-1] == pieces[:8]


def test_the_kept_maps_have_the_kept_scores():
    ids, scores, before, maps, _ = recorded_induction()
    assert len(ids) == 100 and (ids[:50] == ids[50:]).all()
    assert len(maps) == 10
    for (layer, head), weights in maps.items():
        assert induction_score(weights, ids) == pytest.approx(scores[layer, head], abs=2e-3)
        assert weights[np.arange(1, 100), np.arange(99)].mean() == pytest.approx(before[layer, head], abs=2e-3)


def test_a_few_heads_repeat_and_one_head_before_them_carries_it():
    _, scores, before, _, losses = recorded_induction()
    assert np.argmax(scores) == 18 * HEADS + 6 and np.argmax(before) == 16 * HEADS
    assert np.sum(scores > 0.4) < 12 and np.median(scores) < 0.01
    first, second = losses["nothing"]
    assert first > 10.8 > second + 6  # of one token in 49,152, chance is 10.8
    assert losses["the previous-token head"][1] > second + 5
    assert losses["10 strongest"][1] > 10 > losses["10 others"][1]


def test_one_head_takes_john_out_again_and_without_it_john_comes_closer():
    kept = recorded_attribution()
    assert kept.heads[0] == (23, 3) and kept.lead[23, 3] == kept.lead.max()
    said = kept.outputs @ kept.unembedding
    assert_allclose(said[:, 0] - said[:, 1], [kept.lead[at] for at in kept.heads], atol=0.02)
    john, mary = (said[0, kept.words.index(word)] for word in ("John", "Mary"))
    assert john < -2 and abs(mary) < 1
    assert kept.next_without[" John"] > 10 * kept.next[" John"]


def test_leaving_a_head_out_by_zeros_blames_heads_that_its_mean_clears():
    prompts, lead, zero, mean = recorded_ablation()
    assert len(prompts) == len(lead) and lead.min() > 0
    assert np.unravel_index(mean.argmin(), mean.shape) == (23, 3)
    assert np.sum((zero < -1) & (np.abs(mean) < 0.25)) >= 2


def test_a_window_loses_much_and_one_sink_gives_most_of_it_back():
    share, first, other, losses = recorded_sinks()
    assert share.mean() == pytest.approx(0.4, abs=0.06)
    assert first.max() > 50 * other.max() / 3
    assert losses[64, 0] > losses[32, 1] > losses[64, 1] > losses[0, 0]


def test_the_mistakes_are_loud_late_and_silent():
    right, *mistakes = recorded_mistakes()
    assert right.kind == "right" and right.text.startswith(" Paris")
    assert {"error", "loud", "late", "silent", "too good", "harmless"} >= {mistake.kind for mistake in mistakes}
    kinds = {(mistake.part, mistake.label): mistake.kind for mistake in mistakes}
    assert kinds["causal_mask", "everything visible"] == "too good"
    assert kinds["apply_rotary", "positions counted from one"] == "harmless"
    assert kinds["grouped_query_attention", "the key heads are dealt out in turn"] == "loud"
    for mistake in mistakes:
        if mistake.kind == "late":
            assert mistake.whole == pytest.approx(right.whole, abs=0.01) and mistake.decoding > right.decoding + 0.1


def test_a_text_was_written_for_each_prompt():
    for prompt, pieces in recorded_writing().items():
        assert prompt and 5 < len(pieces) < 50
    assert "".join(recorded_writing()["The capital of France is"]).startswith(" Paris.")
