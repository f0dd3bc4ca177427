"""Scaled dot-product attention: scores, weights, output, and why the scale."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore.dot_product import (
    attention_scores,
    attention_weights,
    dot_product_std,
    scaled_dot_product_attention,
)
from attncore.softmax import softmax
from attncore.weighted_sum import hard_lookup

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
every_scale = pytest.mark.parametrize("scale", [None, 0.3])


def numbers(*shape):
    return arrays(float, shape, elements=st.floats(-100, 100))


@pytest.fixture
def qkv(rng):
    """Make a query, a key and a value: no two axes of one length."""

    def make(leading=()):
        return [rng.standard_normal((*leading, *own)) for own in [(3, 8), (5, 8), (5, 6)]]

    return make


@every_leading
@every_scale
def test_scores_are_their_loop(by_loop, qkv, leading, scale):
    query, key, _ = qkv(leading)
    assert_allclose(attention_scores(query, key, scale), by_loop(attention_scores, query, key, scale=scale))


@every_leading
@every_scale
def test_attention_is_its_loop(by_loop, qkv, leading, scale):
    query, key, value = qkv(leading)
    assert_allclose(attention_weights(query, key, scale=scale), by_loop(attention_weights, query, key, scale=scale))
    assert_allclose(
        scaled_dot_product_attention(query, key, value, scale=scale),
        by_loop(scaled_dot_product_attention, query, key, value, scale=scale),
    )


@every_leading
def test_masked_attention_is_its_loop(by_loop, qkv, rng, leading):
    query, key, value = qkv(leading)
    mask = rng.random((*leading, 3, 5)) < 0.6
    mask[..., 1, :] = False
    assert_allclose(attention_weights(query, key, mask), by_loop(attention_weights, query, key, mask))
    assert_allclose(
        scaled_dot_product_attention(query, key, value, mask),
        by_loop(scaled_dot_product_attention, query, key, value, mask),
    )


def test_the_leading_axes_broadcast(by_loop, qkv):
    query, (_, key, value) = qkv((2, 1))[0], qkv((4,))
    assert_allclose(
        scaled_dot_product_attention(query, key, value),
        by_loop(scaled_dot_product_attention, query, key, value),
    )


def test_scores_by_hand():
    assert_array_equal(attention_scores([[1, 2, 3, 4]], [[1, 0, 0, 1], [0, 0, 0, 2]]), [[2.5, 4]])


def test_without_a_scale_it_is_one_over_the_root_of_the_width(qkv):
    query, key, _ = qkv()
    assert_allclose(attention_scores(query, key), attention_scores(query, key, scale=1 / math.sqrt(8)))


def test_a_float_mask_is_added_after_the_scale(qkv, rng):
    query, key, value = qkv()
    bias = rng.standard_normal((3, 5))
    expected = softmax(query @ key.T * 0.3 + bias)
    assert_allclose(attention_weights(query, key, bias, scale=0.3), expected)
    assert_allclose(scaled_dot_product_attention(query, key, value, bias, scale=0.3), expected @ value)


def test_equal_scores_give_the_mean(qkv):
    _, key, value = qkv()
    assert_allclose(scaled_dot_product_attention(np.zeros((3, 8)), key, value), [value.mean(axis=0)] * 3)


def test_large_scores_give_the_hard_lookup(qkv):
    query, key, value = qkv()
    found = [hard_lookup(row, key, value) for row in query]
    assert_allclose(scaled_dot_product_attention(query, key, value, scale=1e6), found)


@given(numbers(3, 8), numbers(5, 8), numbers(5, 6), arrays(bool, (3, 5)))
def test_every_output_lies_among_the_values_it_may_see(query, key, value, mask):
    output = scaled_dot_product_attention(query, key, value, mask)
    for row, allowed in zip(output, mask, strict=True):
        visible = value[allowed] if allowed.any() else np.zeros((1, 6))  # an empty row is zeros
        assert np.all(row >= visible.min(axis=0) - 1e-9)
        assert np.all(row <= visible.max(axis=0) + 1e-9)


@given(numbers(3, 8), numbers(5, 8), numbers(5, 6), arrays(bool, 5))
def test_what_is_hidden_does_not_matter(query, key, value, visible):
    other_key, other_value = (np.where(visible[:, None], array, 7.0) for array in (key, value))
    assert_array_equal(
        scaled_dot_product_attention(query, key, value, visible),
        scaled_dot_product_attention(query, other_key, other_value, visible),
    )


@given(arrays(float, (3, 4), elements=st.sampled_from([-1e4, 1e4])), arrays(bool, (3, 5)))
def test_large_scores_and_empty_rows_give_no_nan(query, mask):
    key, value = np.eye(5, 4), np.ones((5, 6))
    assert_allclose(
        scaled_dot_product_attention(query, key, value, mask, scale=1),
        np.repeat(mask.any(axis=1, keepdims=True), 6, axis=1),
    )


@pytest.mark.parametrize("d", [1, 4, 64])
def test_the_spread_of_a_dot_product_grows_with_the_root_of_the_width(rng, d):
    assert_allclose(dot_product_std(d, 20_000, rng), math.sqrt(d), rtol=0.05)


def test_all_randomness_comes_from_the_generator():
    first, again, other = (dot_product_std(8, 100, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
