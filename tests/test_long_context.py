"""Long texts: windows, sinks, and gates."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.dot_product import scaled_dot_product_attention
from attncore.long_context import (
    gated_output,
    rolling_cache,
    sliding_window_mask,
    softmax_with_sink,
)
from attncore.masks import causal_mask
from attncore.softmax import softmax

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
lengths = st.integers(1, 8)
numbers = st.floats(-1e4, 1e4)


@given(lengths, lengths, st.integers(0, 9))
def test_the_window_is_its_loop(n, window, sinks):
    mask = sliding_window_mask(n, window, sinks)
    assert mask.dtype == bool
    assert_array_equal(mask, loops.sliding_window_mask(n, window, sinks))


def test_the_window_by_hand():
    assert_array_equal(sliding_window_mask(4, 2), [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])
    assert_array_equal(sliding_window_mask(4, 1, sinks=2), [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1]])


@given(lengths, st.integers(0, 5), st.integers(0, 9))
def test_a_window_as_wide_as_the_text_or_sinks_everywhere_is_the_causal_mask(n, more, sinks):
    assert_array_equal(sliding_window_mask(n, n + more, sinks), causal_mask(n))
    assert_array_equal(sliding_window_mask(n, 1, n + more), causal_mask(n))


@given(lengths, lengths, st.integers(0, 9))
def test_nobody_sees_the_future_and_everyone_itself(n, window, sinks):
    mask = sliding_window_mask(n, window, sinks)
    assert not np.triu(mask, k=1).any()
    assert np.diag(mask).all()


@every_leading
@pytest.mark.parametrize("sink", [-2.0, 0.0, 3.0])
def test_softmax_with_a_sink_is_its_loop(by_loop, rng, leading, sink):
    scores = 3 * rng.standard_normal((*leading, 3, 5))
    assert_allclose(softmax_with_sink(scores, sink), by_loop(softmax_with_sink, scores, sink=sink))


@pytest.mark.parametrize("shape", [(4,), (2, 1), (2, 4), (1,), (6, 1, 1)])
def test_a_sink_a_head(by_loop, rng, shape):
    scores, sink = rng.standard_normal((2, 4, 3, 5)), rng.standard_normal(shape)
    by_head = np.vectorize(
        lambda scores, sink: np.array(loops.softmax_with_sink(scores, sink)), signature="(q,k),()->(q,k)"
    )
    assert_allclose(softmax_with_sink(scores, sink), by_head(scores, sink))


def test_a_sink_by_hand():
    assert_allclose(softmax_with_sink([[0, np.log(2)]], np.log(5)), [[1 / 8, 2 / 8]])


@given(arrays(float, (2, 3, 5), elements=numbers))
def test_a_sink_of_minus_infinity_is_softmax(scores):
    assert_allclose(softmax_with_sink(scores, -np.inf), softmax(scores), atol=1e-15)


@given(arrays(float, (3, 5), elements=numbers), numbers)
def test_rows_with_a_sink_sum_to_at_most_one_and_keep_their_ratios(scores, sink):
    weights = softmax_with_sink(scores, sink)
    totals = weights.sum(axis=-1, keepdims=True)
    assert np.all((weights >= 0) & (totals <= 1 + 1e-12))
    near = totals > 1e-9
    assert_allclose(np.where(near, weights, 0), np.where(near, totals * softmax(scores), 0), rtol=1e-6, atol=1e-12)


def test_a_row_that_sees_nothing_gives_it_all_to_the_sink():
    hidden = np.full((2, 5), -np.inf)
    assert_array_equal(softmax_with_sink(hidden, 0.0), np.zeros((2, 5)))
    assert_array_equal(softmax_with_sink(hidden, -np.inf), np.zeros((2, 5)))


def test_a_float64_sink_leaves_float32_scores_float32():
    scores = np.zeros((4, 3, 5), np.float32)
    assert softmax_with_sink(scores, np.zeros(4)).dtype == np.float32
    assert softmax_with_sink(scores, np.float64(0.5)).dtype == np.float32


@given(lengths, lengths, st.integers(0, 9))
def test_the_rolling_cache_is_its_loop_and_the_last_row_of_the_mask(n, window, sinks):
    rng = np.random.default_rng(15)
    key, value = rng.standard_normal((2, n, 4)), rng.standard_normal((2, n, 3))
    kept = rolling_cache(key, value, window, sinks)
    for head in range(2):
        for ours, theirs in zip(kept, loops.rolling_cache(key[head], value[head], window, sinks), strict=True):
            assert_array_equal(ours[head], theirs)
    seen = sliding_window_mask(n, window, sinks)[-1]
    assert len(kept) == 2
    assert kept[0].shape == (2, seen.sum(), 4)


def test_the_last_token_attends_to_the_rolling_cache_as_to_the_whole(rng):
    query, key, value = (rng.standard_normal((2, 4, *own)) for own in [(1, 8), (9, 8), (9, 6)])
    seen = sliding_window_mask(9, 3, sinks=2)[-1]
    expected = scaled_dot_product_attention(query, key, value, seen)
    assert_allclose(scaled_dot_product_attention(query, *rolling_cache(key, value, 3, sinks=2)), expected)


def test_a_rolling_cache_takes_no_square():
    key = np.ones((3000, 4))
    tracemalloc.start()
    rolling_cache(key, key, 5, sinks=2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * len(key) < len(key) ** 2


def test_a_rolling_cache_of_no_width():
    with pytest.raises(ValueError, match="window is -1, expected at least 1$"):
        rolling_cache(np.ones((5, 4)), np.ones((5, 4)), -1)


def test_a_rolling_cache_rolls():
    key = value = np.arange(3.0)[:, None]
    for token in range(3, 12):
        key, value = rolling_cache(np.append(key, [[token]], axis=0), np.append(value, [[token]], axis=0), 4, sinks=2)
    assert_array_equal(key[:, 0], [0, 1, 8, 9, 10, 11])
    assert_array_equal(value, key)


@every_leading
def test_a_gated_output_is_its_loop(by_loop, rng, leading):
    output, x, W_gate = (rng.standard_normal(shape) for shape in [(*leading, 5, 6), (*leading, 5, 8), (8, 6)])
    assert_allclose(gated_output(output, x, W_gate), by_loop(gated_output, output, x, W_gate))


def test_a_gate_of_zeros_is_half_open():
    assert_array_equal(gated_output([[4.0, -2.0]], [[1.0, 1.0, 3.0]], np.zeros((3, 2))), [[2, -1]])
    assert_allclose(gated_output([[6.0]], [[1.0]], [[math.log(2)]]), [[4]])  # the sigmoid of ln 2 is 2/3


@given(arrays(float, (3, 4), elements=st.floats(-1e4, 1e4)), st.sampled_from([np.float32, np.float64]))
def test_a_gate_opens_between_nothing_and_all(x, dtype):
    ones, W_gate = np.ones((3, 2), dtype), np.array([[1, -1], [2, 1], [0, 3], [-1, 1]], dtype)
    gates = gated_output(ones, x.astype(dtype), W_gate)
    assert gates.dtype == dtype
    assert np.all((gates >= 0) & (gates <= 1))
    assert_allclose(gates + gated_output(ones, -x.astype(dtype), W_gate), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sliding_window_mask(5, 0), "sliding_window_mask: window is 0, expected at least 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: softmax_with_sink(np.ones((6, 3, 5)), np.ones(4)),
            "softmax_with_sink: sink is (4,), which does not broadcast over the leading axes of scores, (6, 3, 5)",
        ),
        (
            lambda: rolling_cache(np.ones((5, 4)), np.ones((6, 4)), 2),
            "rolling_cache: value has 6 on the token axis, but key has 5: key is (5, 4), value is (6, 4)",
        ),
    ],
)
def test_bad_input_that_numpy_would_tell_in_its_own_words(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
