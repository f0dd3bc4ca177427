"""Reading attention maps: by values, through layers, and by what happens when they are changed."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.heads import HeadWeights, head_importance, multi_head_attention
from attncore.interpret import (
    ablation_effect,
    attention_rollout,
    induction_score,
    logit_attribution,
    mean_ablation_effect,
    permutation_effect,
    value_weighted_map,
)
from attncore.masks import causal_mask
from attncore.softmax import softmax

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])


@every_leading
def test_value_weighted_maps_are_their_loop(by_loop, rng, leading):
    weights, value = softmax(rng.standard_normal((*leading, 3, 5))), rng.standard_normal((*leading, 5, 6))
    W_output = rng.standard_normal((6, 8))
    expected = by_loop(value_weighted_map, weights, value, W_output)
    assert_allclose(value_weighted_map(weights, value, W_output), expected)


def test_a_value_weighted_map_by_hand():
    weights, value = [[0.5, 0.25, 0.25]], [[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]]
    assert_allclose(value_weighted_map(weights, value, 2 * np.eye(2)), [[5, 0, 0.5]])


def test_a_value_weighted_map_bounds_what_a_key_adds(rng):
    weights, value, W_output = softmax(rng.standard_normal((3, 5))), rng.standard_normal((5, 6)), np.eye(6, 8)
    adds = weights[..., None] * (value @ W_output)
    assert_allclose(value_weighted_map(weights, value, W_output), np.linalg.norm(adds, axis=-1))
    assert_allclose(adds.sum(axis=1), weights @ value @ W_output)


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_rollout_is_its_loop(rng, layers):
    maps = softmax(rng.standard_normal((layers, 4, 4)))
    assert_allclose(attention_rollout(maps), loops.attention_rollout(maps))


def test_rollout_adds_up_every_path(rng):
    maps = softmax(rng.standard_normal((3, 4, 4)))
    steps = [(layer + np.eye(4)) / 2 for layer in maps]
    paths = np.zeros((4, 4))
    for out, second, first, start in itertools.product(range(4), repeat=4):
        paths[out, start] += steps[2][out, second] * steps[1][second, first] * steps[0][first, start]
    assert_allclose(attention_rollout(maps), paths)


@given(st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_rollout_keeps_rows_that_sum_to_one_and_the_past(layers, n, causal):
    scores = np.random.default_rng(16).standard_normal((layers, n, n))
    maps = softmax(np.where(causal_mask(n), scores, -np.inf) if causal else scores)
    reached = attention_rollout(maps)
    assert np.all(reached >= 0)
    assert_allclose(reached.sum(axis=-1), 1)
    assert not causal or not np.triu(reached, k=1).any()


def test_rollout_by_hand():
    before = np.array([[[1.0, 0], [1, 0]]])  # the second token looks at the first
    assert_array_equal(attention_rollout(before), [[1, 0], [0.5, 0.5]])
    swap = [[0.0, 1], [1, 0]]
    assert_array_equal(attention_rollout([before[0], swap]), [[0.75, 0.25], [0.75, 0.25]])  # last layer on the left


def test_rollout_starts_from_the_first_layer(rng):
    maps = softmax(rng.standard_normal((2, 4, 4)))
    assert not np.allclose(attention_rollout(maps), attention_rollout(maps[::-1]))


def test_shuffling_weights_that_do_not_matter_changes_nothing(rng):
    weights = softmax(rng.standard_normal((2, 3, 5)))
    assert permutation_effect(lambda weights: 7.0, weights, rng) == 0
    assert permutation_effect(lambda weights: weights.sum(axis=-1), weights, rng) < 1e-12
    assert permutation_effect(lambda weights: weights @ np.ones((5, 6)), weights, rng) < 1e-12
    assert permutation_effect(lambda weights: weights[..., 0], np.full((3, 5), 0.2), rng) == 0


def test_the_effect_of_a_permutation_is_its_mean_over_all():
    weights, value = np.array([[0.2, 0.5, 0.3]]), np.array([-1.0, 0.0, 1.0])  # a shuffle may raise it, or lower it
    every = [abs(weights[0, list(order)] @ value - weights[0] @ value) for order in itertools.permutations(range(3))]
    effect = permutation_effect(lambda weights: weights @ value, weights, np.random.default_rng(16), shuffles=4000)
    assert isinstance(effect, float)
    assert_allclose(effect, np.mean(every), rtol=0.05)


def test_each_row_is_dealt_out_by_itself():
    weights, seen = np.arange(12.0).reshape(3, 4), []
    effect = permutation_effect(lambda weights: seen.append(weights) or 0.0, weights, np.random.default_rng(16), 50)
    assert effect == 0
    assert len(seen) == 51  # the plain one, and each shuffle
    for shuffled in seen[1:]:
        assert_array_equal(np.sort(shuffled, axis=-1), weights)
    orders = np.argsort(seen[1:], axis=-1)
    assert any(not np.array_equal(order[0], order[1]) for order in orders)
    assert len({order.tobytes() for order in orders}) > 40  # drawn anew each time, from the plain weights
    assert_array_equal(weights, np.arange(12.0).reshape(3, 4))


def test_the_change_is_averaged_over_the_entries_of_the_prediction(rng):
    weights, value = softmax(rng.standard_normal((3, 5))), rng.standard_normal((5, 6))
    wide, narrow = (
        permutation_effect(lambda weights, n=n: np.tile(weights @ value, n), weights, np.random.default_rng(16))
        for n in (3, 1)
    )
    assert_allclose(wide, narrow)


def test_all_randomness_comes_from_the_generator(rng):
    weights = softmax(rng.standard_normal((3, 5)))
    first, again, other = (
        permutation_effect(lambda weights: weights[:, 0], weights, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_effect_of_an_ablation_is_the_largest_change():
    def layer(x, head):
        return x + (0 if head is None else [0.5, -3, 2][head]) * np.array([[1, 0], [0, 0.5]])

    assert [ablation_effect(layer, np.zeros((2, 2)), head) for head in range(3)] == [0.5, 3, 2]
    assert isinstance(ablation_effect(layer, np.zeros((2, 2)), 0), float)


def test_the_ablation_of_each_head_is_its_importance(rng):
    x, weights = rng.standard_normal((5, 12)), HeadWeights(*rng.standard_normal((4, 12, 12)) / 3)

    def layer(x, keep):
        W_output = weights.W_output * np.repeat(keep, 4)[:, None]
        return multi_head_attention(x, x, x, weights._replace(W_output=W_output), 3)

    def without(x, head):
        return layer(x, [1.0 if head is None or head != own else 0.0 for own in range(3)])

    effects = [ablation_effect(without, x, head) for head in range(3)]
    assert_allclose(effects, head_importance(layer, x, 3))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=9))
def test_the_induction_score_is_its_loop(tokens):
    weights = softmax(np.random.default_rng(16).standard_normal((len(tokens), len(tokens))))
    assert_allclose(induction_score(weights, tokens), loops.induction_score(weights, tokens))


def test_the_induction_score_by_hand():
    tokens = ["the", "cat", "sat", "the", "cat"]
    weights = np.zeros((5, 5))
    weights[3, 1], weights[4, 2] = 0.9, 0.5  # the: what followed was cat; cat: what followed was sat
    assert_allclose(induction_score(weights, tokens), 0.7)
    assert induction_score(weights.tolist(), np.array([7, 8, 9, 7, 8])) == induction_score(weights, tokens)
    latest = np.zeros((5, 5))
    latest[4, 3] = 1  # a b a b a: the latest a before place 4 is at 2
    assert_allclose(induction_score(latest, "ababa"), 1 / 3)


def test_nothing_repeated_scores_nothing():
    score = induction_score(np.ones((3, 3)), "abc")
    assert score == 0
    assert isinstance(score, float)


def test_a_head_that_continues_repetitions_scores_one_and_a_uniform_one_its_share():
    tokens = list("abcdabcd")
    perfect = np.eye(8)[[0, 1, 2, 3, 1, 2, 3, 4]]
    assert induction_score(perfect, tokens) == 1
    assert_allclose(induction_score(np.full((8, 8), 1 / 8), tokens), 1 / 8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: value_weighted_map(np.ones((3, 5)), np.ones((4, 6)), np.ones((6, 8))),
            "value_weighted_map: value has 4 on the key axis, but weights has 5: "
            "weights is (3, 5), value is (4, 6), W_output is (6, 8)",
        ),
        (
            lambda: value_weighted_map(np.ones((3, 5)), np.ones((5, 6)), np.ones((8, 6))),
            "value_weighted_map: W_output has value width 8, but value has 6: "
            "weights is (3, 5), value is (5, 6), W_output is (8, 6)",
        ),
        (
            lambda: attention_rollout(np.ones((12, 2, 4, 4))),
            "attention_rollout: maps has shape (12, 2, 4, 4), expected (l, n, n)",
        ),
        (
            lambda: attention_rollout(np.ones((2, 3, 4))),
            "attention_rollout: maps has 4 on the token axis, but maps has 3: maps is (2, 3, 4)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: permutation_effect(np.sum, np.eye(3), np.random.default_rng(0), shuffles=0),
            "permutation_effect: shuffles is 0, expected at least 1",
        ),
        (
            lambda: induction_score(np.eye(3), "abcab"),
            "induction_score: weights is (3, 3), expected (5, 5) for 5 tokens",
        ),
    ],
)
def test_bad_input_that_python_would_tell_in_its_own_words(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def bending(x, head):
    """Two heads, of which the first says something of each token and the second always the same."""
    return x + (head != 0) * np.tanh(3 * x) + (head != 1) * np.array([5.0, -7.0, 1.0])


@pytest.mark.parametrize("head", [0, 1])
def test_the_effect_of_a_mean_ablation_is_its_loop(rng, head):
    x, reference = rng.standard_normal((4, 3)), rng.standard_normal((6, 3))
    expected = loops.mean_ablation_effect(bending, x, head, reference)
    assert_allclose(mean_ablation_effect(bending, x, head, reference), expected, atol=1e-12)


def test_a_head_that_always_says_the_same_is_found_by_zero_alone(rng):
    x, reference = rng.standard_normal((4, 3)), rng.standard_normal((6, 3))
    assert ablation_effect(bending, x, 1) == pytest.approx(7)
    assert mean_ablation_effect(bending, x, 1, reference) == pytest.approx(0, abs=1e-12)


def test_the_mean_of_several_texts_is_that_of_all_their_rows(rng):
    x, texts = rng.standard_normal((4, 3)), rng.standard_normal((2, 5, 3))
    apart, joined = (mean_ablation_effect(bending, x, 0, reference) for reference in (texts, texts.reshape(10, 3)))
    assert_allclose(apart, joined)


def test_the_mean_over_x_itself_leaves_what_is_left_of_one_row_unchanged(rng):
    x = rng.standard_normal((1, 3))
    assert mean_ablation_effect(bending, x, 0, x) == pytest.approx(0, abs=1e-12)


def test_logit_attribution_is_its_loop_and_adds_up_to_the_lead(rng):
    outputs, W_unembed = rng.standard_normal((4, 6)), rng.standard_normal((6, 9))
    adds = logit_attribution(outputs, W_unembed, 7, 2)
    assert_allclose(adds, loops.logit_attribution(outputs, W_unembed, 7, 2))
    logits = outputs.sum(axis=0) @ W_unembed
    assert_allclose(adds.sum(), logits[7] - logits[2])
    assert_allclose(logit_attribution(outputs, W_unembed, 2, 7), -adds)
