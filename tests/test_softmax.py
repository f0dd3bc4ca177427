"""Softmax, its logarithm, its mask and its temperature, and the loss that stands on it."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.gradients import numerical_gradient
from attncore.softmax import (
    cross_entropy,
    cross_entropy_backward,
    log_softmax,
    masked_softmax,
    softmax,
    temperature_for_entropy,
)

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


@pytest.fixture
def predictions(rng):
    """Logits of 2 texts of 4 places, 5 classes, and targets, of which three are ignored."""
    logits, targets = 3 * rng.standard_normal((2, 4, 5)), rng.integers(5, size=(2, 4))
    targets[0, 1:3] = targets[1, 0] = -100
    return logits, targets


def test_cross_entropy_and_its_gradient_are_their_loops(predictions):
    logits, targets = predictions
    for row, wanted in zip(logits, targets, strict=True):
        assert_allclose(cross_entropy(row, wanted), loops.cross_entropy(row, wanted))
        assert_allclose(cross_entropy_backward(row, wanted), loops.cross_entropy_backward(row, wanted))
    flat = loops.cross_entropy(logits.reshape(8, 5), targets.reshape(8))  # one mean, over all texts
    assert_allclose(cross_entropy(logits, targets), flat)


def test_cross_entropy_by_hand():
    assert cross_entropy([[0, 0, 0, 0]], [2]) == pytest.approx(math.log(4))
    assert cross_entropy([[0, math.log(3)], [0, 0]], [1, 0]) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    assert_allclose(cross_entropy_backward([[0, math.log(3)], [0, 0]], [1, 0]), [[1 / 8, -1 / 8], [-1 / 4, 1 / 4]])


def test_the_gradient_of_cross_entropy_is_the_measured_one_and_sums_to_zero(predictions):
    logits, targets = predictions
    gradient = cross_entropy_backward(logits, targets)
    assert_allclose(gradient, numerical_gradient(lambda x: cross_entropy(x, targets), logits), atol=1e-9)
    assert_allclose(gradient.sum(axis=-1), 0, atol=1e-15)


@pytest.mark.parametrize("ignore", [-100, 3, 0, 7])
def test_an_ignored_place_counts_nowhere(predictions, ignore):
    logits, targets = predictions
    targets = np.where(targets == -100, ignore, np.where(targets == ignore, 4, targets))
    counted = targets != ignore
    assert_allclose(cross_entropy(logits, targets, ignore), cross_entropy(logits[counted], targets[counted]))
    gradient = cross_entropy_backward(logits, targets, ignore)
    assert_array_equal(gradient[~counted], np.zeros((3, 5)))
    assert_allclose(gradient[counted], cross_entropy_backward(logits[counted], targets[counted]))


@pytest.mark.parametrize("function", [cross_entropy, cross_entropy_backward])
def test_even_an_ignored_place_of_nan_counts_nowhere(predictions, function):
    logits, targets = predictions
    wild = np.where((targets == -100)[..., None], np.nan, logits)
    assert_array_equal(function(wild, targets), function(logits, targets))


@given(rows.filter(lambda x: x.ndim > 1), st.floats(-1e4, 1e4))
def test_cross_entropy_is_never_negative_and_cares_for_no_shift(logits, shift):
    targets = np.zeros(logits.shape[:-1], int)
    loss = cross_entropy(logits, targets)
    assert loss >= 0
    assert_allclose(cross_entropy(logits + shift, targets), loss, rtol=1e-6, atol=1e-9)


def test_cross_entropy_where_softmax_rounds_to_zero():
    assert cross_entropy([[0, 2000]], [0]) == 2000
    assert_array_equal(cross_entropy_backward([[0, 2000]], [0]), [[-1, 1]])
    assert cross_entropy([[0, -np.inf]], [0]) == 0
    assert cross_entropy([[0, -np.inf]], [1]) == np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_keeps_the_dtype_and_the_logits_are_left_alone(predictions, dtype):
    logits, targets = predictions
    logits = logits.astype(dtype)
    kept = logits.copy()
    assert cross_entropy_backward(logits, targets).dtype == dtype
    assert isinstance(cross_entropy(logits, targets), float)
    assert_array_equal(logits, kept)


@pytest.mark.parametrize("function", [cross_entropy, cross_entropy_backward])
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, 5, 1], "a target is 5, expected 0 to 4, or -100"),
        ([0, -1, 1], "a target is -1, expected 0 to 4, or -100"),
        ([-100, -100, -100], "every target is -100, and nothing is left to predict"),
        ([0, 1], "targets has 2 on the place axis, but logits has 3: logits is (3, 5), targets is (2,)"),
        ([[0, 1, 2]], "targets is (1, 3), expected (3,), one for each place"),
        ([0.0, 1.0, 2.0], "targets holds float64, expected integers"),
    ],
)
def test_targets_that_are_none(function, targets, message):
    with pytest.raises(ValueError) as error:
        function(np.zeros((3, 5)), targets)
    assert str(error.value) == f"{function.__name__}: {message}"
