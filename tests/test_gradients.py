"""Backward, by hand: against its loop, against finite differences, and by its own identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.dot_product import scaled_dot_product_attention
from attncore.gradients import (
    attention_backward,
    gelu_backward,
    layer_norm_backward,
    numerical_gradient,
    softmax_backward,
)
from attncore.masks import causal_mask
from attncore.softmax import softmax
from attncore.transformer import gelu, layer_norm

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])


def drawn(rng, *leading):
    """Query, key, value and the gradient of the output, each with its own leading axes."""
    own = [(3, 8), (5, 8), (5, 6), (3, 6)]
    return [rng.standard_normal((*axes, *ends)) for axes, ends in zip(leading, own, strict=True)]


def masks(rng):
    some = rng.random((3, 5)) < 0.6
    some[1] = False
    return {"none": None, "boolean with an empty row": some, "causal": causal_mask(3, 5), "float": some * 2.5 - 1}


def measured(query, key, value, d_output, mask=None, scale=None):
    """The gradient of sum(output * d_output) by query, key and value, from finite differences."""

    def loss(**changed):
        inputs = {"query": query, "key": key, "value": value} | changed
        return np.sum(scaled_dot_product_attention(**inputs, mask=mask, scale=scale) * d_output)

    return [
        numerical_gradient(lambda x: loss(query=x), query),
        numerical_gradient(lambda x: loss(key=x), key),
        numerical_gradient(lambda x: loss(value=x), value),
    ]


@every_leading
def test_softmax_backward_is_its_loop(by_loop, rng, leading):
    weights = softmax(3 * rng.standard_normal((*leading, 3, 5)))
    d_weights = rng.standard_normal((*leading, 3, 5))
    by_row = by_loop(softmax_backward, weights, d_weights)
    assert_allclose(softmax_backward(weights, d_weights), by_row, atol=1e-15)


def test_softmax_backward_by_hand():
    assert_allclose(softmax_backward([0.25, 0.75], [1.0, 0.0]), [3 / 16, -3 / 16])
    assert_array_equal(softmax_backward([0, 0, 0.0], [1, 2, 3.0]), [0, 0, 0])


@given(arrays(float, 5, elements=st.floats(-20, 20)), arrays(float, 5, elements=st.floats(-20, 20)))
def test_softmax_backward_is_its_measured_gradient_and_sums_to_zero(scores, d_weights):
    gradient = softmax_backward(softmax(scores), d_weights)
    assert_allclose(gradient, numerical_gradient(lambda x: softmax(x) @ d_weights, scores), atol=1e-6)
    assert abs(gradient.sum()) < 1e-12


@every_leading
@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("kind", ["none", "boolean with an empty row", "causal"])
def test_attention_backward_is_its_loop(rng, leading, scale, kind):
    inputs, mask = drawn(rng, leading, leading, leading, leading), masks(rng)[kind]
    gradients = attention_backward(*inputs, mask, scale)
    for place in np.ndindex(leading):
        expected = loops.attention_backward(*(array[place] for array in inputs), mask, scale)
        for gradient, theirs in zip(gradients, expected, strict=True):
            assert_allclose(gradient[place], theirs, atol=1e-12)


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("kind", ["none", "boolean with an empty row", "causal", "float"])
def test_attention_backward_is_the_measured_gradient(rng, scale, kind):
    inputs, mask = drawn(rng, (2,), (2,), (2,), (2,)), masks(rng)[kind]
    for gradient, expected in zip(
        attention_backward(*inputs, mask, scale), measured(*inputs, mask, scale), strict=True
    ):
        assert_allclose(gradient, expected, atol=1e-8)


@pytest.mark.parametrize(
    "leading",
    [
        [(2, 1), (4,), (), (2, 4)],
        [(), (2, 4), (1, 4), (2, 4)],
        [(1,), (2,), (1,), (2,)],
        [(), (), (2,), (2,)],
        [(1, 1), (), (1,), (1, 1)],
    ],
)
def test_gradients_are_added_up_where_leading_axes_were_broadcast(rng, leading):
    inputs = drawn(rng, *leading)
    gradients = attention_backward(*inputs)
    assert [gradient.shape for gradient in gradients] == [array.shape for array in inputs[:3]]
    for gradient, expected in zip(gradients, measured(*inputs), strict=True):
        assert_allclose(gradient, expected, atol=1e-8)


def test_a_mask_for_each_text_widens_the_output_not_the_gradients(rng):
    inputs, mask = drawn(rng, (), (), (), (2,)), rng.random((2, 3, 5)) < 0.6
    gradients = attention_backward(*inputs, mask)
    assert [gradient.shape for gradient in gradients] == [array.shape for array in inputs[:3]]
    for gradient, expected in zip(gradients, measured(*inputs, mask), strict=True):
        assert_allclose(gradient, expected, atol=1e-8)


def test_a_gradient_of_the_output_that_broadcasts(rng):
    query, key, value, d_output = drawn(rng, (), (), (2,), ())
    expected = attention_backward(query, key, value, np.stack([d_output, d_output]))
    for gradient, full in zip(attention_backward(query, key, value, d_output), expected, strict=True):
        assert gradient.shape == full.shape
        assert_allclose(gradient, full)


def test_a_query_that_sees_nothing_gets_zeros_and_gives_none(rng):
    query, key, value, d_output = drawn(rng, (), (), (), ())
    mask = np.ones((3, 5), bool)
    mask[1] = False
    gradients = attention_backward(query, key, value, d_output, mask)
    assert_array_equal(gradients[0][1], np.zeros(8))
    rest = [0, 2]
    without = attention_backward(query[rest], key, value, d_output[rest])
    assert_allclose(gradients[1], without[1])
    assert_allclose(gradients[2], without[2])


def test_a_hidden_key_gets_zeros(rng):
    inputs, visible = drawn(rng, (), (), (), ()), np.array([True, True, False, True, True])
    _, d_key, d_value = attention_backward(*inputs, visible)
    assert_array_equal(d_key[2], np.zeros(8))
    assert_array_equal(d_value[2], np.zeros(6))


def test_the_gradient_by_the_values_shares_out_the_gradient_of_the_output(rng):
    *inputs, d_output = drawn(rng, (2,), (2,), (2,), (2,))
    _, _, d_value = attention_backward(*inputs, d_output)
    assert_allclose(d_value.sum(axis=-2), d_output.sum(axis=-2))


def test_moving_all_keys_alike_changes_nothing(rng):
    _, d_key, _ = attention_backward(*drawn(rng, (2,), (2,), (2,), (2,)))
    assert_allclose(d_key.sum(axis=-2), 0, atol=1e-12)


@given(arrays(float, (3, 4), elements=st.sampled_from([-1e4, 1e4])), arrays(bool, (3, 5)))
def test_large_scores_and_empty_rows_give_no_nan(query, mask):
    gradients = attention_backward(query, np.eye(5, 4), np.eye(5, 6), np.ones((3, 6)), mask, scale=1)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize(("given", "expected"), [("float32", "float32"), ("float64", "float64"), ("int64", "float64")])
def test_all_three_keep_the_dtype_and_leave_the_inputs_alone(rng, given, expected):
    inputs = [(3 * array).astype(given) for array in drawn(rng, (2,), (4, 2), (2,), (4, 2))]
    for array in inputs:
        array.setflags(write=False)
    mask = np.zeros((3, 5))  # float64
    gradients = attention_backward(*inputs, mask, scale=np.float64(0.3))
    assert [gradient.dtype for gradient in gradients] == [expected] * 3
    assert [gradient.shape for gradient in gradients] == [array.shape for array in inputs[:3]]
    lists = attention_backward(*(array.tolist() for array in inputs), mask.tolist(), 0.3)
    for gradient, again in zip(gradients, lists, strict=True):
        assert_allclose(gradient, again, rtol=1e-3, atol=1e-5)


@every_leading
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_layer_norm_backward_is_its_loop(rng, leading, eps):
    x, gain, d_output = (rng.standard_normal(shape) for shape in [(*leading, 3, 7), 7, (*leading, 3, 7)])
    d_x, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    by_vector = [
        loops.layer_norm_backward(vector, gain, gradient, eps)
        for vector, gradient in zip(x.reshape(-1, 7), d_output.reshape(-1, 7), strict=True)
    ]
    assert_allclose(d_x.reshape(-1, 7), [one[0] for one in by_vector], atol=1e-12)
    assert_allclose(d_gain, np.sum([one[1] for one in by_vector], axis=0), atol=1e-12)
    assert_allclose(d_bias, np.sum([one[2] for one in by_vector], axis=0), atol=1e-12)


@pytest.mark.parametrize("eps", [1e-5, 0.1])
@pytest.mark.parametrize(("leading", "d_leading"), [((3,), (3,)), ((2, 1), (4,)), ((), (3,))])
def test_layer_norm_backward_is_the_measured_gradient(rng, leading, d_leading, eps):
    x, gain, bias, d_output = (rng.standard_normal(shape) for shape in [(*leading, 7), 7, 7, (*d_leading, 7)])
    gradients = layer_norm_backward(x, gain, d_output, eps)

    def loss(x=x, gain=gain, bias=bias):
        return np.sum(layer_norm(x, gain, bias, eps) * d_output)

    assert_allclose(gradients[0], numerical_gradient(lambda x: loss(x=x), x), atol=1e-7)
    assert_allclose(gradients[1], numerical_gradient(lambda gain: loss(gain=gain), gain), atol=1e-7)
    assert_allclose(gradients[2], numerical_gradient(lambda bias: loss(bias=bias), bias), atol=1e-7)


@given(arrays(float, (2, 5), elements=st.floats(-100, 100)), arrays(float, (2, 5), elements=st.floats(-20, 20)))
def test_neither_a_shift_nor_a_stretch_of_the_input_changes_a_layer_norm(x, d_output):
    d_x, _, _ = layer_norm_backward(x, np.ones(5), d_output, eps=1e-3)
    assert_allclose(d_x.sum(axis=-1), 0, atol=1e-9)
    along = np.sum(d_x * x, axis=-1)  # zero but for eps
    assert np.all(np.abs(along) <= 1e-9 + np.abs(d_output).sum(axis=-1))
    assert_allclose(np.sum(layer_norm_backward(x, np.ones(5), d_output, eps=1e-3)[2]), d_output.sum(), atol=1e-9)


def test_a_layer_norm_of_a_constant_vector_has_a_finite_gradient():
    d_x, d_gain, _ = layer_norm_backward(np.full((2, 8), 1e4), np.ones(8), np.eye(8)[:2])
    assert np.isfinite(d_x).all()
    assert_array_equal(d_gain, np.zeros(8))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_norm_and_a_gelu_keep_the_dtype_backward(rng, dtype):
    x, gain, d_output = (rng.standard_normal(shape).astype(dtype) for shape in [(3, 7), 7, (3, 7)])
    assert {gradient.dtype for gradient in layer_norm_backward(x, gain, d_output)} == {np.dtype(dtype)}
    assert gelu_backward(x, d_output).dtype == dtype


@given(arrays(float, 6, elements=st.floats(-40, 40)), arrays(float, 6, elements=st.floats(-9, 9)))
def test_gelu_backward_is_its_loop_and_the_measured_gradient(x, d_output):
    gradient = gelu_backward(x, d_output)
    assert_allclose(gradient, list(map(loops.gelu_backward, x, d_output)), atol=1e-12)
    assert_allclose(gradient, numerical_gradient(lambda x: gelu(x) @ d_output, x), atol=1e-6)


def test_a_numerical_gradient_by_hand():
    x = np.array([[1, 2, 3], [4, 5, 6]])  # integers: moved by eps all the same
    assert_allclose(numerical_gradient(lambda x: np.sum(x**2), x), 2 * x, rtol=1e-8)
    assert numerical_gradient(np.sum, 3.0).shape == ()
    assert numerical_gradient(np.sum, np.ones(2, np.float32)).dtype == np.float64


def test_a_numerical_gradient_is_central_and_of_the_step_that_is_given():
    def cubed(x):
        return np.sum(x**3)

    for eps in (1e-1, 1e-2):  # the error of x^3 is eps squared, whatever x
        assert_allclose(numerical_gradient(cubed, np.array([0.0, 1.0]), eps) - [0, 3], eps**2, rtol=1e-6)


def test_a_numerical_gradient_leaves_its_input_as_it_was():
    x = np.array([0.1, 0.7])
    x.setflags(write=False)
    seen = []
    numerical_gradient(lambda x: seen.append(x.copy()) or 0.0, x)
    assert_array_equal(x, [0.1, 0.7])
    assert [np.count_nonzero(moved != x) for moved in seen] == [1] * 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: attention_backward(*np.ones((3, 4, 8)), np.ones((3, 8))),
            "attention_backward: d_output has 3 on the query axis, but query has 4: "
            "query is (4, 8), key is (4, 8), value is (4, 8), d_output is (3, 8)",
        ),
        (
            lambda: attention_backward(*np.ones((3, 4, 8)), np.ones((4, 6))),
            "attention_backward: d_output has value width 6, but value has 8: "
            "query is (4, 8), key is (4, 8), value is (4, 8), d_output is (4, 6)",
        ),
        (
            lambda: softmax_backward(np.ones(5), np.ones(4)),
            "softmax_backward: d_weights has 4 on the key axis, but weights has 5: weights is (5,), d_weights is (4,)",
        ),
        (
            lambda: attention_backward(*np.ones((4, 4, 8)), np.ones((4, 4), int)),
            "attention_backward: mask holds int64, expected booleans or floats",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
