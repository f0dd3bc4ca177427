"""Adam, and the loop that trains with it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.backpropagation import gpt_backward
from attncore.training import Adam, named_arrays, start_gpt, train
from attncore.transformer import NormWeights, gpt_logits

pytestmark = pytest.mark.filterwarnings("error")


def test_arrays_have_the_names_of_the_fields_above_them(rng):
    weights = start_gpt(rng, n_ids=5, n_positions=6, m=4, n_layers=2, f=3)
    named = named_arrays(weights)
    assert named["blocks.1.attention.W_query"] is weights.blocks[1].attention.W_query
    assert named["gain"] is weights.gain
    assert len(named) == 4 + 2 * 12
    assert named_arrays(weights.gain) == {"": weights.gain}


@pytest.mark.parametrize("settings", [{}, {"rate": 0.1, "mean_decay": 0.5, "square_decay": 0.7, "eps": 0.2}], ids=str)
def test_adam_is_its_loop(rng, settings):
    weights = NormWeights(*rng.standard_normal((2, 3)))
    start, gradients = np.array(weights), rng.standard_normal((6, 2, 3))
    adam, path = Adam(weights, **settings), []
    for gradient in gradients:
        adam.step(NormWeights(*gradient))
        path.append(np.array(weights))
    for place in np.ndindex(2, 3):
        expected = loops.adam(start[place], [gradient[place] for gradient in gradients], **settings)
        assert_allclose([now[place] for now in path], expected)


def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient():
    weights = NormWeights(np.zeros(3), np.zeros(2))
    Adam(weights, rate=0.1).step(NormWeights(np.array([1e-3, -5.0, 0.0]), np.array([1e4, -2.0])))
    assert_allclose(weights.gain, [-0.1, 0.1, 0], rtol=1e-4)
    assert_allclose(weights.bias, [-0.1, 0.1])


def test_a_step_changes_the_arrays_themselves_and_leaves_gradients_and_dtype_alone():
    weights, gradients = NormWeights(*np.ones((2, 3), np.float32)), NormWeights(*np.ones((2, 3), np.float32))
    held = weights.gain
    Adam(weights).step(gradients)
    assert weights.gain is held
    assert held.dtype == np.float32
    assert np.all(held < 1)
    assert_array_equal(gradients.gain, np.ones(3))


def test_training_takes_a_step_for_each_batch_and_returns_its_loss():
    weights = (np.array([3.0, -2.0]),)

    def backward(wanted):
        return float(np.sum((weights[0] - wanted) ** 2)), (2 * (weights[0] - wanted),)

    losses = train(weights, backward, [(np.array([1.0, 1.0]),)] * 200, rate=0.1)
    assert losses[0] == 13
    assert len(losses) == 200
    assert losses[-1] < 1e-3
    assert_allclose(weights[0], 1, atol=0.1)


def test_a_gpt_begins_without_an_opinion_and_learns_a_text_by_heart(rng):
    weights = start_gpt(rng, n_ids=7, n_positions=8, m=16, n_layers=1, f=16)
    ids = np.array([[0, 1, 2, 0, 1, 3, 6, 5, 0]])  # after 0 and 1 comes 2, and the next time 3
    batch = ids[:, :-1], ids[:, 1:]
    losses = train(weights, lambda *batch: gpt_backward(*batch, weights, 2), [batch] * 100)
    assert losses[0] == pytest.approx(np.log(7), abs=0.3)
    assert losses[-1] < 0.1
    assert_array_equal(gpt_logits(ids[0, :-1], weights, 2).argmax(axis=-1), ids[0, 1:])
