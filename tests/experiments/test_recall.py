"""What a state gives back: asked as the mathematics says, and with the shares that lesson 16 shows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncore.experiments.recurrent import (
    ask,
    half_rewritten,
    history,
    pairs,
    recall_experiment,
    rewrite_experiment,
    state_after,
)
from attncore.recurrent import decay_attention, delta_rule, gated_delta_rule

each_seed = pytest.mark.parametrize("seed", [0, 1, 2])


def test_who_asks_writes_nothing(rng):
    key, value = pairs(rng, 2, 5, 4)
    beta, decay = rng.random((2, 2, 5))
    asked = rng.standard_normal((2, 3, 4))
    state = np.zeros((2, 4, 4))
    for i in range(5):
        state = decay[:, i, None, None] * state
        k, v = key[:, i, :, None], value[:, i, None, :]
        state = state + beta[:, i, None, None] * k * (v - np.swapaxes(k, -1, -2) @ state)
    assert_allclose(ask(gated_delta_rule, asked, key, value, beta, decay), asked @ state, atol=1e-12)


def test_the_state_of_a_plain_sum(rng):
    key, value = rng.standard_normal((5, 4)), rng.standard_normal((5, 1))
    ones = np.ones(5)
    assert_allclose(state_after(decay_attention, key, value, ones), key.T @ value, atol=1e-12)
    states = history(decay_attention, key, value, ones)
    assert_allclose(states, np.cumsum(key * value, axis=0).T, atol=1e-12)


def test_the_three_names_of_the_lesson():
    key, value, ones = np.eye(3)[[0, 1, 2, 0]], np.array([[8.0], [4], [6], [2]]), np.ones(4)
    assert history(decay_attention, key, value, ones)[:, -1].tolist() == [10, 4, 6]
    assert history(decay_attention, key, value, 0.5 * ones)[:, -1].tolist() == [3, 1, 3]
    assert history(delta_rule, key, value, ones)[:, -1].tolist() == [2, 4, 6]
    assert history(gated_delta_rule, key, value, ones, 0.5 * ones)[:, -1].tolist() == [2, 1, 3]


@each_seed
def test_the_map_and_the_division_cost_more_than_the_size(seed):
    recall = recall_experiment(seed=seed)
    assert min(recall["softmax"]) == 1
    assert recall["elu + 1"][2] < 0.6 and recall["elu + 1"][3] < 0.25
    assert recall["plain sum"][2] > 0.95 and recall["plain sum"][3] > 0.8
    assert all(old > new for old, new in zip(recall["plain sum"][2:], recall["delta rule"][2:], strict=True))


@each_seed
def test_the_delta_rule_returns_the_second_value(seed):
    shares = rewrite_experiment(seed=seed)
    assert min(shares["delta rule"]) > 0.7 and min(shares["decay"]) > 0.6
    assert max(shares["softmax"] + shares["plain sum"]) < 0.65


@each_seed
def test_only_the_delta_rule_replaces_and_keeps(seed):
    shares = half_rewritten(seed=seed)
    assert shares["plain sum"][0] < 0.3
    assert shares["decay"][0] > 0.6 and shares["decay"][1] < 0.2
    assert min(shares["delta rule"]) > 0.7 and min(shares["gated delta rule"]) > 0.6
