"""Attention with a state: linear attention, decay, the delta rule, and chunks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.masks import leaks_future
from attncore.recurrent import (
    chunked_decay_attention,
    decay_attention,
    decay_mask,
    delta_rule,
    feature_map,
    gated_delta_rule,
    linear_attention,
    linear_attention_recurrent,
)

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
numbers = st.floats(-1e4, 1e4)


@given(arrays(float, 5, elements=numbers))
def test_features_are_elu_plus_one(x):
    assert_allclose(feature_map(x), [loops.elu_plus_one(number) for number in x])
    assert np.all(feature_map(x) >= 0)


@every_leading
@pytest.mark.parametrize("causal", [True, False])
def test_linear_attention_is_its_loop(by_loop, rng, leading, causal):
    inputs = [rng.standard_normal((*leading, *own)) for own in [(3, 8), (5, 8), (5, 6)]]
    expected = by_loop(linear_attention, *inputs, causal=causal)
    assert_allclose(linear_attention(*inputs, causal), expected)


def test_linear_attention_is_causal_unless_told(rng):
    inputs = [rng.standard_normal(own) for own in [(3, 8), (5, 8), (5, 6)]]
    assert_array_equal(linear_attention(*inputs), linear_attention(*inputs, causal=True))


def test_linear_attention_by_hand():
    query, key, value = [[1.0], [-np.log(2)]], [[0.0], [2.0]], [[1.0, 0], [0, 1]]
    assert_allclose(linear_attention(query, key, value), [[1, 0], [1 / 4, 3 / 4]])  # features of the keys: 1 and 3
    assert_allclose(linear_attention(query, key, value, causal=False), [[1 / 4, 3 / 4]] * 2)


@given(
    arrays(float, (2, 5, 8), elements=st.floats(-30, 30)),
    arrays(float, (2, 5, 8), elements=st.floats(-30, 30)),
    arrays(float, (2, 5, 6), elements=st.floats(-30, 30)),
)
def test_recurrent_is_parallel(query, key, value):
    expected = linear_attention(query, key, value)
    assert_allclose(linear_attention_recurrent(query, key, value), expected, rtol=1e-9, atol=1e-9)


@every_leading
def test_recurrent_is_its_loop(rng, leading):
    inputs = [rng.standard_normal((*leading, *own)) for own in [(5, 8), (5, 8), (5, 6)]]
    by_loop = np.vectorize(lambda *rows: np.array(loops.linear_attention(*rows)), signature="(n,d),(n,d),(n,v)->(n,v)")
    assert_allclose(linear_attention_recurrent(*inputs), by_loop(*inputs))


@pytest.mark.parametrize("function", [linear_attention, linear_attention_recurrent])
def test_the_leading_axes_broadcast(rng, function):
    query, key, value = (rng.standard_normal(shape) for shape in [(2, 1, 5, 8), (4, 5, 8), (1, 5, 6)])
    full = [np.broadcast_to(array, (2, 4, *array.shape[-2:])) for array in (query, key, value)]
    assert_allclose(function(query, key, value), function(*full))


@pytest.mark.parametrize("function", [linear_attention, linear_attention_recurrent])
def test_linear_attention_sees_no_future_and_all_of_the_past(rng, function):
    x = rng.standard_normal((6, 4))
    assert not leaks_future(lambda x: function(x, x, x), x)
    changed = x.copy()
    changed[0] += 1
    assert np.all(np.abs(function(x, x, x) - function(changed, changed, changed)).max(axis=-1) > 1e-9)


@given(arrays(float, (3, 4), elements=st.floats(-30, 30)), arrays(float, (5, 6), elements=st.floats(-30, 30)))
def test_the_output_lies_among_the_values(query, value):
    key = np.random.default_rng(15).standard_normal((5, 4))
    output = linear_attention(query, key, value, causal=False)
    assert np.all((output >= value.min(axis=0) - 1e-9) & (output <= value.max(axis=0) + 1e-9))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_recurrent_equals_parallel_to_the_precision_of_its_dtype(rng, dtype):
    inputs = [rng.standard_normal((200, width)).astype(dtype) for width in (8, 8, 6)]
    one, other = linear_attention(*inputs), linear_attention_recurrent(*inputs)
    assert one.dtype == other.dtype == dtype
    assert_allclose(one, other, rtol=0, atol=2e-6 if dtype == np.float32 else 1e-12)


def test_keys_of_ten_thousand_give_no_nan(rng):
    key = rng.choice([-1e4, 1e4], (5, 4))
    for function in (linear_attention, linear_attention_recurrent):
        assert np.isfinite(function(np.full((5, 4), 1e4), key, np.ones((5, 6)))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [linear_attention, linear_attention_recurrent])
def test_features_that_are_all_zero_give_zeros(function, dtype):
    query, key, value = (np.ones((3, width), dtype) for width in (4, 4, 6))
    query[1] = -1e4
    assert_allclose(function(query, key, value), np.array([1, 0, 1])[:, None] * value)


def test_a_query_before_the_first_key_gets_zeros(by_loop):
    query, key, value = np.ones((3, 4)), np.ones((2, 4)), np.ones((2, 6))
    assert_array_equal(linear_attention(query, key, value)[0], np.zeros(6))
    assert_allclose(linear_attention(query, key, value), by_loop(linear_attention, query, key, value))


def drawn(rng, leading=(), n=7, d=5, v=3):
    """Queries, keys, values, rates between 0 and 1, and decays between 0 and 1."""
    wide = [rng.standard_normal((*leading, n, width)) for width in (d, d, v)]
    return *wide, rng.random((*leading, n)), rng.random((*leading, n))


def unit(keys):
    return keys / np.linalg.norm(keys, axis=-1, keepdims=True)


@every_leading
def test_each_recurrence_is_its_loop(by_loop, rng, leading):
    query, key, value, beta, decay = drawn(rng, leading)
    for function, gates in [(decay_attention, [decay]), (delta_rule, [beta]), (gated_delta_rule, [beta, decay])]:
        given = (query, key, value, *gates)
        assert_allclose(function(*given), by_loop(function, *given), rtol=0, atol=1e-12)


@every_leading
@pytest.mark.parametrize("chunk", [1, 2, 3, 6, 7, 50])
def test_the_size_of_the_chunks_changes_nothing(by_loop, rng, leading, chunk):
    query, key, value, _, decay = drawn(rng, leading)
    in_chunks = chunked_decay_attention(query, key, value, decay, chunk)
    assert_allclose(in_chunks, decay_attention(query, key, value, decay), rtol=0, atol=1e-12)
    assert_allclose(in_chunks, by_loop(chunked_decay_attention, query, key, value, decay), rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunk", [1, 64, 100])
def test_a_thousand_tokens_that_nearly_forget_everything(rng, chunk):
    query, key, value, _, decay = drawn(rng, n=1000)
    decay[::3] = 0
    expected = decay_attention(query, key, value, decay)
    assert_allclose(chunked_decay_attention(query, key, value, decay, chunk), expected, rtol=0, atol=1e-12)


def test_a_decay_by_hand():
    ones = np.ones((3, 1))
    assert_allclose(decay_attention(ones, ones, [[8.0], [4], [2]], [0.5, 0.5, 0.5]), [[8], [8], [6]])
    assert_allclose(decay_mask(np.array([9.0, 0.5, 0.1])), [[1, 0, 0], [0.5, 1, 0], [0.05, 0.1, 1]])


def test_a_decay_of_one_is_the_plain_sum(rng):
    query, key, value, *_ = drawn(rng, (2,))
    plain = np.tril(query @ np.swapaxes(key, -1, -2)) @ value
    assert_allclose(decay_attention(query, key, value, np.ones((2, 7))), plain, rtol=0, atol=1e-12)


def test_a_decay_of_zero_leaves_the_token_itself(rng):
    query, key, value, *_ = drawn(rng)
    own = np.sum(query * key, axis=-1, keepdims=True) * value
    assert_allclose(decay_attention(query, key, value, np.zeros(7)), own)
    assert_allclose(gated_delta_rule(query, key, value, np.ones(7), np.zeros(7)), own)


def test_the_delta_rule_overwrites(rng):
    key, value = unit(rng.standard_normal((1, 4))), rng.standard_normal((3, 2))
    three_times = np.repeat(key, 3, axis=0)
    assert_allclose(delta_rule(three_times, three_times, value, np.ones(3)), value, rtol=0, atol=1e-12)


def test_half_a_step_goes_half_the_way():
    key = [[1.0, 0], [1, 0]]
    assert_allclose(delta_rule(key, key, [[8.0], [0]], [0.5, 0.5]), [[4], [2]])


def test_orthogonal_keys_make_the_delta_rule_the_plain_sum(rng):
    query, _, value, *_ = drawn(rng, n=5, d=5)
    key = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    ones = np.ones(5)
    assert_allclose(delta_rule(query, key, value, ones), decay_attention(query, key, value, ones), rtol=0, atol=1e-12)


def test_a_decay_of_one_is_the_delta_rule(rng):
    query, key, value, beta, _ = drawn(rng, (2, 4))
    gated = gated_delta_rule(query, key, value, beta, np.ones_like(beta))
    assert_allclose(gated, delta_rule(query, key, value, beta), rtol=0, atol=1e-12)


def test_a_step_of_the_delta_rule_is_one_of_least_squares(rng):
    """The state moves against the gradient of half the squared error of its answer."""
    state, key, value = rng.standard_normal((4, 3)), rng.standard_normal(4), rng.standard_normal(3)

    def loss(state):
        return 0.5 * np.sum((key @ state - value) ** 2)

    gradient, step = np.zeros_like(state), 1e-6
    for place in np.ndindex(state.shape):
        there = np.zeros_like(state)
        there[place] = step
        gradient[place] = (loss(state + there) - loss(state - there)) / (2 * step)
    by_matrix = (np.eye(4) - 0.3 * np.outer(key, key)) @ state + 0.3 * np.outer(key, value)
    assert_allclose(state - 0.3 * gradient, by_matrix, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_that_comes_in_goes_out(rng, dtype):
    query, key, value, beta, decay = (array.astype(dtype) for array in drawn(rng))
    results = [
        decay_attention(query, key, value, decay),
        delta_rule(query, key, value, beta),
        gated_delta_rule(query, key, value, beta, decay),
        chunked_decay_attention(query, key, value, decay, 3),
    ]
    assert [result.dtype for result in results] == [dtype] * 4


def test_no_recurrence_looks_ahead(rng):
    x = rng.standard_normal((6, 4))
    beta, decay = rng.random((2, 6))
    for layer in (
        lambda x: decay_attention(x, x, x, decay),
        lambda x: delta_rule(x, x, x, beta),
        lambda x: gated_delta_rule(x, x, x, beta, decay),
        lambda x: chunked_decay_attention(x, x, x, decay, 4),
    ):
        assert not leaks_future(layer, x)


# What flash-linear-attention publishes as its plain recurrences, retyped one number at a time


def simple_gla(q, k, v, g, scale):
    """fla.ops.simple_gla, naive_recurrent_simple_gla: h = h exp(g) + k v, o = q h, with q scaled."""
    width, wide = len(k[0]), len(v[0])
    h, o = [[0.0] * wide for _ in range(width)], []
    for t in range(len(q)):
        gate = np.exp(g[t])
        for a in range(width):
            for b in range(wide):
                h[a][b] = h[a][b] * gate + k[t][a] * v[t][b]
        o.append([sum(q[t][a] * scale * h[a][b] for a in range(width)) for b in range(wide)])
    return o


def gated_delta_net(q, k, v, beta, g, scale):
    """fla.ops.gated_delta_rule: h = h exp(g); u = beta (v - h k); h = h + k u; o = q h, with q scaled."""
    width, wide = len(k[0]), len(v[0])
    h, o = [[0.0] * wide for _ in range(width)], []
    for t in range(len(q)):
        gate = np.exp(g[t])
        h = [[number * gate for number in row] for row in h]
        u = [v[t][b] - sum(h[a][b] * k[t][a] for a in range(width)) for b in range(wide)]
        for a in range(width):
            for b in range(wide):
                h[a][b] += k[t][a] * beta[t] * u[b]
        o.append([sum(q[t][a] * scale * h[a][b] for a in range(width)) for b in range(wide)])
    return o


def test_they_are_those_of_flash_linear_attention(rng):
    query, key, value, beta, decay = drawn(rng)
    scale, log_decay = 5**-0.5, np.log(decay)
    scaled = scale * query
    fading = simple_gla(query, key, value, log_decay, scale)
    assert_allclose(decay_attention(scaled, key, value, decay), fading, rtol=0, atol=1e-12)
    assert_allclose(chunked_decay_attention(scaled, key, value, decay, 3), fading, rtol=0, atol=1e-12)
    expected = gated_delta_net(query, key, value, beta, log_decay, scale)
    assert_allclose(gated_delta_rule(scaled, key, value, beta, decay), expected, rtol=0, atol=1e-12)
    expected = gated_delta_net(query, key, value, beta, np.zeros(7), scale)
    assert_allclose(delta_rule(scaled, key, value, beta), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: chunked_decay_attention(*np.ones((3, 5, 4)), np.ones(5), 0),
            "chunked_decay_attention: chunk is 0, expected at least 1",
        ),
        (
            lambda: decay_attention(*np.ones((3, 5, 4)), np.ones(4)),
            "decay_attention: decay has 4 on the token axis, but query has 5: "
            "query is (5, 4), key is (5, 4), value is (5, 4), decay is (4,)",
        ),
        (
            lambda: linear_attention(np.ones((3, 8)), np.ones((5, 7)), np.ones((5, 6))),
            "linear_attention: key has width 7, but query has 8: query is (3, 8), key is (5, 7), value is (5, 6)",
        ),
        (
            lambda: linear_attention_recurrent(np.ones((3, 8)), np.ones((5, 8)), np.ones((5, 6))),
            "linear_attention_recurrent: key has 5 on the token axis, but query has 3: "
            "query is (3, 8), key is (5, 8), value is (5, 6)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
