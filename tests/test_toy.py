"""The toy: two layers learn what one layer can't."""

import numpy as np
import pytest
from measured import assert_measured
from numpy.testing import assert_allclose

from attncore.softmax import cross_entropy
from attncore.toy import ToyWeights, repeated_sequences, start_toy, toy_backward, toy_logits
from attncore.training import train

pytestmark = pytest.mark.filterwarnings("error")


def test_sequences_repeat_and_targets_begin_where_they_can_be_known(rng):
    ids, targets = repeated_sequences(rng, batch=50, n=20, n_ids=12)
    assert ids.shape == targets.shape == (50, 20)
    periods = set()
    for text, target in zip(ids.tolist(), targets.tolist(), strict=True):
        period = next(i for i in range(1, 20) if text[i] in text[:i])
        assert text[period:] == text[:-period]
        assert target[:period] == [-100] * period
        assert target[period:-1] == text[period + 1 :]
        assert target[-1] == text[20 - period]
        periods.add(period)
    assert periods == set(range(6, 11))
    assert set(ids.ravel().tolist()) == set(range(12))


def test_too_few_ids_to_differ(rng):
    with pytest.raises(ValueError) as error:
        repeated_sequences(rng, n=20, n_ids=9)
    assert str(error.value) == "repeated_sequences: n_ids is 9, expected at least half of n, which is 20"


@pytest.mark.parametrize("settings", [{}, {"n_heads": 2}, {"scale": 1.0}, {"base": None}], ids=str)
def test_toy_backward_is_the_measured_gradient(rng, settings):
    weights = start_toy(rng, n_layers=2, n_ids=5, m=4)
    ids, targets = np.array([[0, 4, 4, 1], [2, 4, 0, 0]]), np.array([[-100, 4, 1, 3], [4, -100, 0, 2]])
    loss, gradients = toy_backward(ids, targets, weights, **settings)

    def measured():
        return cross_entropy(toy_logits(ids, weights, **settings), targets)

    assert loss == pytest.approx(measured())
    assert_measured(gradients, weights, measured)


def test_the_toy_knows_no_future_and_without_a_base_no_order(rng):
    weights = start_toy(rng, n_layers=1, n_ids=9, m=8)
    ids = np.array([3, 1, 4, 1, 5])
    for base in (100.0, None):
        whole = toy_logits(ids, weights, base=base)
        assert_allclose(toy_logits(ids[:3], weights, base=base), whole[:3])
    swapped = ids[[1, 0, 2, 3, 4]]
    assert_allclose(toy_logits(swapped, weights, base=None)[2:], whole[2:])
    assert not np.allclose(toy_logits(swapped, weights)[2:], toy_logits(ids, weights)[2:])


def test_a_toy_without_layers_compares_each_id_with_every_row(rng):
    embedding, _, unembedding = weights = start_toy(rng, n_layers=0, n_ids=9, m=8)
    assert isinstance(weights, ToyWeights)
    centred = embedding[[2, 7]] - embedding[[2, 7]].mean(axis=-1, keepdims=True)
    normal = centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
    assert_allclose(toy_logits([2, 7], weights), normal @ unembedding)


def learned(n_layers):
    """Loss and accuracy on new texts with sixteen ids, after 200 steps."""
    rng = np.random.default_rng(0)
    weights = start_toy(rng, n_layers, n_ids=16)
    batches = (repeated_sequences(rng, batch=16, n=16, n_ids=16) for _ in range(200))
    train(weights, lambda *batch: toy_backward(*batch, weights), batches)
    ids, targets = repeated_sequences(rng, batch=100, n=16, n_ids=16)
    logits, counted = toy_logits(ids, weights), targets >= 0
    return cross_entropy(logits, targets), np.mean(logits.argmax(axis=-1)[counted] == targets[counted])


def test_two_layers_find_what_followed_last_time_and_one_layer_does_not():
    """An induction head needs a head below it that looks one back; Olsson et al. (2022)."""
    (loss, right), (loss_of_one, right_of_one) = learned(n_layers=2), learned(n_layers=1)
    assert loss < 0.5 < 1.2 < loss_of_one
    assert right > 0.9 > 0.6 > right_of_one
