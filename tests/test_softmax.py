"""Softmax, its logarithm, its mask and its temperature."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore.softmax import log_softmax, masked_softmax, softmax, temperature_for_entropy

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
numbers = st.floats(-1e4, 1e4)
rows = arrays(float, array_shapes(max_dims=3, max_side=5), elements=numbers)
rows_and_masks = array_shapes(min_dims=2, max_dims=3, max_side=5).flatmap(
    lambda shape: st.tuples(arrays(float, shape, elements=numbers), arrays(bool, shape))
)


@every_leading
@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_softmax_is_its_loop(by_loop, rng, function, leading):
    x = 5 * rng.standard_normal((*leading, 3, 5))
    assert_allclose(function(x), by_loop(function, x))


@every_leading
def test_masked_softmax_is_its_loop(by_loop, rng, leading):
    scores, mask = 5 * rng.standard_normal((*leading, 3, 5)), rng.random((*leading, 3, 5)) < 0.6
    mask[..., 1, :] = False
    assert_allclose(masked_softmax(scores, mask), by_loop(masked_softmax, scores, mask))


def test_softmax_by_hand():
    assert_allclose(softmax([0, math.log(2), math.log(5)]), [1 / 8, 2 / 8, 5 / 8])
    assert_allclose(log_softmax([0, math.log(3)]), [-math.log(4), math.log(3) - math.log(4)])


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_softmax_along_any_axis(rng, function, axis):
    x = rng.standard_normal((2, 3, 5))
    assert_allclose(function(x, axis=axis), np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis))


@given(rows)
def test_every_row_sums_to_one(x):
    weights = softmax(x)
    assert np.all(weights >= 0)
    assert_allclose(weights.sum(axis=-1), 1)


@given(rows, st.floats(-1e4, 1e4))
def test_adding_the_same_to_every_number_changes_nothing(x, shift):
    assert_allclose(softmax(x + shift), softmax(x), rtol=1e-6, atol=1e-15)


@given(arrays(float, st.integers(1, 8), elements=numbers))
def test_the_order_is_kept(x):
    order = np.argsort(x)
    assert np.all(np.diff(softmax(x)[order]) >= 0)
    assert np.all(np.diff(log_softmax(x)[order]) >= 0)


@given(rows)
def test_the_logarithm_is_that_of_softmax(x):
    assert_allclose(np.exp(log_softmax(x)), softmax(x), atol=1e-15)


def test_the_logarithm_is_exact_where_softmax_rounds_to_zero():
    assert_array_equal(softmax([0, -2000]), [1, 0])
    assert_array_equal(log_softmax([0, -2000]), [0, -2000])


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_numbers_there_are_give_no_nan(function, dtype):
    largest = np.finfo(dtype).max
    with np.errstate(over="ignore"):  # the difference of the two is -inf, and e to it is 0
        out = function(np.array([[largest, -largest], [-largest, -largest]], dtype))
    assert not np.isnan(out).any()
    assert_allclose(np.exp(out) if function is log_softmax else out, [[1, 0], [0.5, 0.5]])


def test_minus_infinity_weighs_nothing():
    x = np.array([[-np.inf, 0.0, 0.0], [-np.inf, -np.inf, -np.inf]])
    assert_array_equal(softmax(x), [[0, 0.5, 0.5], [0, 0, 0]])
    assert_allclose(log_softmax(x), [[-np.inf, -math.log(2), -math.log(2)], [-np.inf] * 3])


@given(rows_and_masks)
def test_hidden_keys_get_exactly_zero_and_the_visible_share_one(scores_and_mask):
    scores, mask = scores_and_mask
    weights = masked_softmax(scores, mask)
    assert not np.isnan(weights).any()
    assert np.all(weights[~mask] == 0)
    assert_allclose(weights.sum(axis=-1), mask.any(axis=-1))  # an empty row is zeros


@given(rows_and_masks, numbers)
def test_what_is_hidden_does_not_matter(scores_and_mask, other):
    scores, mask = scores_and_mask
    assert_array_equal(masked_softmax(scores, mask), masked_softmax(np.where(mask, scores, other), mask))


def test_a_mask_broadcasts(rng):
    scores = rng.standard_normal((2, 3, 5))
    for shape in [(5,), (1, 5), (3, 1), (3, 5), (2, 1, 5), (4, 1, 3, 5)]:
        mask = rng.random(shape) < 0.6
        assert_array_equal(masked_softmax(scores, mask), softmax(np.where(mask, scores, -np.inf)))


def test_no_mask_allows_everything(rng):
    scores = rng.standard_normal((3, 5))
    assert_array_equal(masked_softmax(scores, None), softmax(scores))
    assert_array_equal(masked_softmax(scores, np.ones((3, 5), bool)), softmax(scores))


def test_a_float_mask_is_added(rng):
    scores, bias = rng.standard_normal((3, 5)), rng.standard_normal((3, 5))
    assert_array_equal(masked_softmax(scores, bias), softmax(scores + bias))
    hidden = np.where(bias > 0, 0, -np.inf)
    assert_array_equal(masked_softmax(scores, hidden), masked_softmax(scores, bias > 0))


def test_a_float64_mask_leaves_float32_scores_float32():
    assert masked_softmax(np.ones((3, 5), np.float32), np.zeros((3, 5))).dtype == np.float32


def test_a_mask_of_integers():
    with pytest.raises(ValueError, match="mask holds int64, expected booleans or floats"):
        masked_softmax(np.zeros((1, 2)), np.array([[1, 0]]))


def entropy(scores, temperature):
    log_p = log_softmax(scores / temperature)
    return -np.sum(np.exp(log_p) * log_p) / math.log(2)


@given(st.lists(st.integers(-20, 20), min_size=2, max_size=8), st.floats(0.01, 0.99))
def test_the_temperature_gives_the_entropy_asked_for(scores, share):
    scores = np.array(scores, dtype=float)
    lowest, highest = math.log2(np.sum(scores == scores.max())), math.log2(len(scores))
    assume(lowest < highest)
    bits = lowest + share * (highest - lowest)
    assert_allclose(entropy(scores, temperature_for_entropy(scores, bits)), bits, rtol=1e-9)


@pytest.mark.parametrize("bits", [0.1, 1.0, 2.3])
def test_temperature_is_its_loop(by_loop, rng, bits):
    scores = rng.standard_normal(5)
    assert_allclose(
        temperature_for_entropy(scores, bits), by_loop(temperature_for_entropy, scores, bits=bits), rtol=1e-9
    )


def test_scaling_the_scores_scales_the_temperature(rng):
    scores = rng.standard_normal(5)
    assert_allclose(temperature_for_entropy(100 * scores, 1.5), 100 * temperature_for_entropy(scores, 1.5))


@pytest.mark.parametrize(
    ("scores", "bits", "between"),
    [
        ([0, 1, 2, 3], 2, "0 and 2"),
        ([0, 1, 2, 3], 0, "0 and 2"),
        ([0, 1, 2, 3], -1, "0 and 2"),
        ([0, 1, 2], 1.6, "0 and 1.585"),
        ([0, 3, 3], 0.5, "1 and 1.585"),  # two that tie can never be told apart
        ([4, 4], 1, "1 and 1"),
        ([0, 1, 2, 3], math.nan, "0 and 2"),
    ],
)
def test_bits_out_of_reach_are_told_the_range(scores, bits, between):
    message = f"temperature_for_entropy: bits is {bits}, expected between {between}"
    with pytest.raises(ValueError, match=f"^{message}$"):
        temperature_for_entropy(scores, bits)
