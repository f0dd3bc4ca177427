"""Lookups: uniform, weighted, hard, and by a Gaussian bell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore.start import uniform_attention
from attncore.weighted_sum import hard_lookup, kernel_regression, kernel_weights, weighted_sum

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
points = arrays(float, st.integers(1, 6), elements=st.floats(-100, 100))
widths = st.floats(0.01, 100)


@every_leading
def test_uniform_attention_is_its_loop(by_loop, rng, leading):
    values = rng.standard_normal((*leading, 5, 6))
    assert_allclose(uniform_attention(values), by_loop(uniform_attention, values))


@every_leading
def test_weighted_sum_is_its_loop(by_loop, rng, leading):
    weights, values = rng.random((*leading, 3, 5)), rng.standard_normal((*leading, 5, 6))
    assert_allclose(weighted_sum(weights, values), by_loop(weighted_sum, weights, values))


def test_weighted_sum_by_hand():
    values = [[1, 10], [3, 30]]
    assert_allclose(weighted_sum([[0.5, 0.5], [0, 1], [2, 1]], values), [[2, 20], [3, 30], [5, 50]])


def test_weighted_sum_broadcasts_the_leading_axes(by_loop, rng):
    weights, values = rng.random((2, 1, 3, 5)), rng.standard_normal((4, 5, 6))
    assert_allclose(weighted_sum(weights, values), by_loop(weighted_sum, weights, values))


def test_equal_weights_are_uniform_attention(rng):
    values = rng.standard_normal((2, 5, 6))
    assert_allclose(weighted_sum(np.full((2, 1, 5), 1 / 5), values)[:, 0], uniform_attention(values))


def test_hard_lookup_is_its_loop(by_loop, rng):
    for _ in range(20):
        query, keys, values = rng.standard_normal(4), rng.standard_normal((5, 4)), rng.standard_normal((5, 6))
        assert_array_equal(hard_lookup(query, keys, values), by_loop(hard_lookup, query, keys, values))


def test_hard_lookup_takes_the_first_among_equals():
    assert_array_equal(hard_lookup([1, 0], [[0, 9], [2, 0], [2, 5]], [[1], [2], [3]]), [2])


def test_hard_lookup_compares_dot_products_not_distances():
    assert_array_equal(hard_lookup([1, 1], [[1, 1], [9, 9]], [[1], [2]]), [2])


@pytest.mark.parametrize("width", [0.05, 0.7, 30])
def test_kernels_are_their_loops(by_loop, rng, width):
    query_points, key_points, values = 3 * rng.standard_normal(3), rng.standard_normal(5), rng.standard_normal(5)
    assert_allclose(
        kernel_weights(query_points, key_points, width),
        by_loop(kernel_weights, query_points, key_points, width=width),
        atol=1e-15,
    )
    assert_allclose(
        kernel_regression(query_points, key_points, values, width),
        by_loop(kernel_regression, query_points, key_points, values, width=width),
    )


@given(points, points, widths)
def test_kernel_weights_sum_to_one_however_far_the_query(query_points, key_points, width):
    weights = kernel_weights(1000 * query_points, key_points, width)
    assert np.all(weights >= 0)
    assert_allclose(weights.sum(axis=-1), 1)


def test_the_width_is_the_standard_deviation():
    weights = kernel_weights([0.0], [0.0, 2.0], 2.0)
    assert_allclose(weights[0, 1] / weights[0, 0], np.exp(-0.5))


@given(points, points, widths, st.data())
def test_kernel_regression_stays_between_the_values(query_points, key_points, width, data):
    values = data.draw(arrays(float, len(key_points), elements=st.floats(-100, 100)))
    predicted = kernel_regression(query_points, key_points, values, width)
    assert np.all(predicted >= values.min() - 1e-9)
    assert np.all(predicted <= values.max() + 1e-9)


def test_a_narrow_bell_finds_the_nearest_and_a_wide_one_the_mean():
    query_points, key_points = np.array([-2.0, 0.4, 2.2, 90.0]), np.array([0.0, 1.0, 3.0, 7.0])
    values = np.array([10.0, 20.0, 0.0, 50.0])
    assert_allclose(kernel_regression(query_points, key_points, values, 0.01), [10, 10, 0, 50])
    assert_allclose(kernel_regression(query_points, key_points, values, 1e6), values.mean(), rtol=1e-6)


@pytest.mark.parametrize("width", [0, -1.5, np.nan])
def test_a_width_that_is_not_positive(width):
    for bad in (
        lambda: kernel_weights([0.0], [1.0, 2.0], width),
        lambda: kernel_regression([0.0], [1.0, 2.0], [3.0, 4.0], width),
    ):
        with pytest.raises(ValueError, match=f"width is {width}, expected a positive number"):
            bad()
