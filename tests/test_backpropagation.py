"""A model backward: every part, and the whole GPT, against finite differences."""

import numpy as np
import pytest
from measured import assert_measured
from numpy.testing import assert_allclose, assert_array_equal

from attncore.backpropagation import (
    attend,
    attend_backward,
    encoder_block_backward,
    feed_forward_backward,
    gpt_backward,
)
from attncore.heads import HeadWeights, multi_head_attention
from attncore.masks import causal_mask
from attncore.softmax import cross_entropy
from attncore.training import named_arrays, start_gpt
from attncore.transformer import encoder_block, feed_forward, gpt_logits

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def gpt(rng):
    """A GPT of five ids, six positions, width 4, two blocks; no number of it is zero."""
    weights = start_gpt(rng, n_ids=5, n_positions=6, m=4, n_layers=2, f=3)
    for array in named_arrays(weights).values():
        array += rng.standard_normal(array.shape) / 3
    return weights


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
def test_feed_forward_backward_is_the_measured_gradient(rng, gpt, leading):
    x, d_output = rng.standard_normal((2, *leading, 3, 4))
    weights = gpt.blocks[0].feed_forward
    d_x, gradients = feed_forward_backward(x, weights, d_output)
    assert_measured((d_x, gradients), (x, weights), lambda: np.sum(feed_forward(x, weights) * d_output))


@pytest.mark.parametrize("settings", [{}, {"scale": 0.3}, {"base": 100.0}, {"scale": 2.0, "base": 10.0}], ids=str)
@pytest.mark.parametrize("n_heads", [1, 2])
def test_attend_backward_is_the_measured_gradient(rng, gpt, n_heads, settings):
    x, d_output = rng.standard_normal((2, 2, 3, 4))
    weights, settings = gpt.blocks[0].attention, settings | {"n_heads": n_heads, "mask": causal_mask(3)}
    d_x, gradients = attend_backward(x, weights, d_output, **settings)
    assert_measured((d_x, gradients), (x, weights), lambda: np.sum(attend(x, weights, **settings) * d_output))


def test_a_text_attends_to_itself_as_in_multi_head_attention(rng):
    x, weights = rng.standard_normal((2, 5, 12)), HeadWeights(*rng.standard_normal((4, 12, 12)))
    for mask in (None, causal_mask(5), np.zeros((5, 5), bool)):
        assert_allclose(attend(x, weights, 3, mask), multi_head_attention(x, x, x, weights, 3, mask))


def test_rotated_by_their_positions_queries_and_keys_know_distances_alone(rng):
    x, weights = rng.standard_normal((5, 12)), HeadWeights(*rng.standard_normal((4, 12, 12)))
    same, window = np.tile(x[:1], (5, 1)), np.eye(5, dtype=bool) | np.eye(5, k=-1, dtype=bool)
    assert_allclose(attend(same, weights, 3, window, base=10.0), attend(same, weights, 3, window))  # one value for all
    lone = attend(x, weights, 3, np.eye(5, dtype=bool), base=10.0)
    assert_allclose(lone, attend(x, weights, 3, np.eye(5, dtype=bool)))  # a distance of 0 turns nothing
    assert not np.allclose(attend(x, weights, 3, window, base=10.0), attend(x, weights, 3, window))


@pytest.mark.parametrize("mask", [None, causal_mask(3)], ids=["no mask", "causal"])
def test_encoder_block_backward_is_the_measured_gradient(rng, gpt, mask):
    x, d_output = rng.standard_normal((2, 2, 3, 4))
    weights = gpt.blocks[0]
    d_x, gradients = encoder_block_backward(x, weights, d_output, 2, mask)
    assert_measured((d_x, gradients), (x, weights), lambda: np.sum(encoder_block(x, weights, 2, mask) * d_output))


def test_gpt_backward_is_the_measured_gradient(gpt):
    ids, targets = np.array([[0, 4, 4, 1], [2, 4, 0, 0]]), np.array([[-100, 4, 1, 3], [4, -100, 0, 2]])
    loss, gradients = gpt_backward(ids, targets, gpt, 2)

    def measured():
        return cross_entropy(gpt_logits(ids, gpt, 2), targets)

    assert loss == pytest.approx(measured())
    assert_measured(gradients, gpt, measured)


def test_one_text_is_a_batch_of_one(gpt):
    ids, targets = np.array([3, 0, 3]), np.array([0, 3, 2])
    loss, gradients = gpt_backward(ids, targets, gpt, 2)
    loss_of_batch, of_batch = gpt_backward(ids[None], targets[None], gpt, 2)
    assert loss == pytest.approx(loss_of_batch)
    for gradient, expected in zip(named_arrays(gradients).values(), named_arrays(of_batch).values(), strict=True):
        assert_allclose(gradient, expected)


def test_what_was_not_read_gets_no_gradient(gpt):
    ids, targets = np.array([[1, 2, 3], [3, 3, 1]]), np.array([[2, 0, -7], [0, -7, -7]])
    _, gradients = gpt_backward(ids, targets, gpt, 2, ignore=-7)
    assert_array_equal(gradients.position_embedding[2:], np.zeros((4, 4)))  # position 2 predicts nothing that counts
    assert np.all(np.abs(gradients.position_embedding[:2]) > 0)


def test_a_gradient_in_float32_stays_there(rng):
    weights = start_gpt(rng, n_ids=5, n_positions=6, m=4, n_layers=2, f=3, dtype=np.float32)
    _, gradients = gpt_backward([[0, 4, 4, 1]], [[4, 4, 1, 2]], weights, 2)
    assert {array.dtype for array in named_arrays(gradients).values()} == {np.dtype(np.float32)}
