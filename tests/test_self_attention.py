"""Self-attention, and the probes that set it against recurrence and convolution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.self_attention import influence, path_length, permutation_gap, self_attention

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
EVERY = np.ones((5, 5), bool)
PAST = np.tri(5, dtype=bool)


@pytest.fixture
def projections(rng):
    """W_query, W_key and W_value, from width 8 to 3, 3 and 6."""
    return [rng.standard_normal((8, width)) / 8 for width in (3, 3, 6)]


def running_mean(x):
    return np.cumsum(x, axis=0) / np.arange(1, len(x) + 1)[:, None]


def token_before(x):
    return np.roll(x, 1, axis=0)


def layer_norm(x):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True))


@every_leading
def test_self_attention_is_its_loop(by_loop, rng, projections, leading):
    x, mask = rng.standard_normal((*leading, 5, 8)), rng.random((5, 5)) < 0.6
    mask[1] = False
    assert_allclose(self_attention(x, *projections), by_loop(self_attention, x, *projections))
    assert_allclose(self_attention(x, *projections, mask), by_loop(self_attention, x, *projections, mask=mask))


@given(arrays(float, (5, 8), elements=st.floats(-10, 10)), st.permutations(range(5)))
def test_permuting_the_tokens_permutes_the_output(x, order):
    W_query, W_key, W_value = np.random.default_rng(5).standard_normal((3, 8, 8)) / 8
    expected = self_attention(x, W_query, W_key, W_value)[order]
    assert_allclose(self_attention(x[order], W_query, W_key, W_value), expected, atol=1e-9)


@pytest.mark.parametrize("layer", [np.tanh, running_mean, token_before])
def test_permutation_gap_is_its_loop(rng, layer):
    x, order = rng.standard_normal((5, 8)), [3, 0, 4, 1, 2]
    assert_allclose(permutation_gap(layer, x, order), loops.permutation_gap(lambda x: layer(np.array(x)), x, order))


def test_permutation_gap_tells_order_from_no_order(rng, projections):
    x, order = rng.standard_normal((5, 8)), rng.permutation(5)
    assert permutation_gap(lambda x: self_attention(x, *projections), x, order) < 1e-12
    assert permutation_gap(lambda x: self_attention(x, *projections, PAST), x, order) > 0.01
    assert permutation_gap(running_mean, x, np.arange(5)) == 0


@pytest.mark.parametrize(
    ("layer", "reached"),
    [
        (np.tanh, np.eye(5, dtype=bool)),
        (layer_norm, np.eye(5, dtype=bool)),
        (running_mean, PAST),
        (token_before, np.roll(np.eye(5, dtype=bool), 1, axis=0)),  # row: output, column: input
        (lambda x: x - x.mean(axis=0), EVERY),
        (np.ones_like, ~EVERY),
    ],
)
def test_influence(rng, layer, reached):
    assert_array_equal(influence(layer, rng.standard_normal((5, 8))), reached)


@pytest.mark.parametrize("mask", [EVERY, PAST, PAST.T, np.eye(5, dtype=bool)])
def test_attention_reaches_what_the_mask_allows(rng, projections, mask):
    x = rng.standard_normal((5, 8))
    assert_array_equal(influence(lambda x: self_attention(x, *projections, mask), x), mask)


@pytest.mark.parametrize("kernel", [2, 3, 4, 7])
@pytest.mark.parametrize("architecture", ["recurrent", "convolutional", "attention"])
def test_path_length_is_its_loop(architecture, kernel):
    for n in range(2, 40):
        assert path_length(architecture, n, kernel) == loops.path_length(architecture, n, kernel), n


def test_path_length_by_hand():
    assert [path_length(architecture, 10) for architecture in ("recurrent", "convolutional", "attention")] == [9, 5, 1]
    assert path_length("convolutional", 10, kernel=4) == 3


def test_an_unknown_architecture():
    message = 'path_length: architecture is "rnn", expected "recurrent", "convolutional" or "attention"'
    with pytest.raises(ValueError, match=f"^{message}$"):
        path_length("rnn", 10)
