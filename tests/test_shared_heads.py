"""Heads that share keys and values: grouped, pooled, latent."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.dot_product import scaled_dot_product_attention
from attncore.heads import HeadWeights, merge_heads, multi_head_attention, split_heads
from attncore.masks import causal_mask, leaks_future
from attncore.self_attention import permutation_gap
from attncore.shared_heads import (
    LatentWeights,
    grouped_query_attention,
    kv_bytes_per_token,
    latent_attention,
    latent_attention_absorbed,
    pool_kv_heads,
)

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 9)])


@pytest.fixture
def qkv(rng):
    """Make a query of twelve heads, a key and a value of as many as asked."""

    def make(groups=4, leading=()):
        return [rng.standard_normal((*leading, *own)) for own in [(12, 3, 8), (groups, 5, 8), (groups, 5, 7)]]

    return make


@every_leading
@pytest.mark.parametrize("groups", [1, 2, 4, 6, 12])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_grouped_attention_is_its_loop(by_loop, qkv, rng, leading, groups, scale):
    inputs, mask = qkv(groups, leading), rng.random((*leading, 3, 5)) < 0.6
    mask[..., 1, :] = False
    plain = by_loop(grouped_query_attention, *inputs, scale=scale)
    assert_allclose(grouped_query_attention(*inputs, scale=scale), plain, atol=1e-12)
    masked = by_loop(grouped_query_attention, *inputs, mask, scale=scale)
    own_axis = mask[..., None, :, :]  # of the heads
    assert_allclose(grouped_query_attention(*inputs, own_axis, scale), masked, atol=1e-12)


@every_leading
def test_as_many_groups_as_heads_is_multi_head_attention(qkv, leading):
    query, key, value = qkv(12, leading)
    expected = scaled_dot_product_attention(query, key, value)
    assert_allclose(grouped_query_attention(query, key, value), expected)


@every_leading
def test_one_group_is_multi_query_attention(qkv, leading):
    query, key, value = qkv(1, leading)
    for head in range(12):
        one = scaled_dot_product_attention(query[..., head, :, :], key[..., 0, :, :], value[..., 0, :, :])
        assert_allclose(grouped_query_attention(query, key, value)[..., head, :, :], one)


@given(st.integers(1, 4), st.integers(1, 4))
def test_grouped_attention_is_attention_to_repeated_heads(groups, share):
    rng = np.random.default_rng(13)
    query = rng.standard_normal((2, groups * share, 3, 8))
    key, value = rng.standard_normal((2, groups, 5, 8)), rng.standard_normal((2, groups, 5, 7))
    repeated = [np.repeat(array, share, axis=-3) for array in (key, value)]  # neighbours share, not every n-th
    expected = scaled_dot_product_attention(query, *repeated)
    assert_allclose(grouped_query_attention(query, key, value), expected)


@pytest.mark.parametrize("kind", [bool, float])
@pytest.mark.parametrize(
    "shape", [(5,), (1, 5), (3, 1), (3, 5), (1, 3, 5), (12, 3, 5), (12, 1, 5), (2, 12, 3, 5), (2, 1, 3, 5)]
)
def test_a_mask_broadcasts_to_every_head(qkv, rng, kind, shape):
    query, key, value = qkv(4, (2,))
    mask = rng.standard_normal(shape)
    mask = mask > -0.5 if kind is bool else mask
    expected = scaled_dot_product_attention(query, np.repeat(key, 3, axis=-3), np.repeat(value, 3, axis=-3), mask)
    assert_allclose(grouped_query_attention(query, key, value, mask), expected)
    assert_allclose(grouped_query_attention(query, key, value, mask.tolist()), expected)


@pytest.mark.parametrize(
    "leading", [[(), (2,), (2,), ()], [(1,), (2,), (1,), ()], [(), (), (2,), ()], [(), (), (), (2,)]]
)
def test_the_leading_axes_broadcast(rng, leading):
    own = [(12, 3, 8), (4, 5, 8), (4, 5, 7), (12, 3, 5)]
    query, key, value, mask = (rng.standard_normal((*a, *b)) for a, b in zip(leading, own, strict=True))
    expected = scaled_dot_product_attention(query, np.repeat(key, 3, axis=-3), np.repeat(value, 3, axis=-3), mask > 0)
    assert_allclose(grouped_query_attention(query, key, value, mask > 0), expected)


def test_keys_and_values_are_never_copied(rng):
    query, key, value = rng.standard_normal((12, 1, 64)), *rng.standard_normal((2, 2, 4096, 64))
    tracemalloc.start()
    grouped_query_attention(query, key, value)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    scores = 12 * 4096 * 8
    assert peak < 6 * scores < key.nbytes


@given(arrays(float, (6, 3, 4), elements=st.sampled_from([-1e4, 1e4])), arrays(bool, (6, 3, 5)))
def test_large_scores_and_empty_rows_give_no_nan(query, mask):
    key, value = np.tile(np.eye(5, 4), (2, 1, 1)), np.ones((2, 5, 7))
    expected = np.repeat(mask.any(axis=-1, keepdims=True), 7, axis=-1)
    assert_allclose(grouped_query_attention(query, key, value, mask, scale=1), expected)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_pooling_is_its_loop(rng, groups):
    W = rng.standard_normal((5, 6 * 4))
    assert_allclose(pool_kv_heads(W, 6, groups), loops.pool_kv_heads(W, 6, groups))


def test_pooling_by_hand():
    assert_array_equal(pool_kv_heads([[1, 2, 3, 4, 10, 20, 30, 40]], 4, 2), [[2, 3, 20, 30]])
    W = np.arange(24.0).reshape(2, 12)
    assert_array_equal(pool_kv_heads(W, 3, 3), W)


def test_equal_heads_lose_nothing_when_they_are_pooled(rng):
    x, (W_query, W_output) = rng.standard_normal((5, 12)), rng.standard_normal((2, 12, 12))
    W_key, W_value = (np.repeat(rng.standard_normal((12, 2, 1, 3)), 2, axis=2).reshape(12, 12) for _ in range(2))
    whole = multi_head_attention(x, x, x, HeadWeights(W_query, W_key, W_value, W_output), 4)
    key, value = (split_heads(x @ pool_kv_heads(W, 4, 2), 2) for W in (W_key, W_value))
    assert_allclose(merge_heads(grouped_query_attention(split_heads(x @ W_query, 4), key, value)) @ W_output, whole)


@pytest.fixture
def latent(rng):
    """Width 10, three heads, keys 5 wide and 4 rotated, values 7, a latent of 6."""
    shapes = [(10, 15), (10, 12), (10, 6), (10, 4), (6, 15), (6, 21), (21, 10)]
    return LatentWeights(*(rng.standard_normal(shape) / 3 for shape in shapes))


@every_leading
@pytest.mark.parametrize("layer", [latent_attention, latent_attention_absorbed])
def test_latent_attention_is_its_loop(rng, latent, leading, layer):
    x, mask = rng.standard_normal((*leading, 8, 10)), rng.random((8, 8)) < 0.6
    mask[1] = False
    for allowed in (None, mask):
        by_text = np.vectorize(
            lambda x, allowed=allowed: np.array(loops.latent_attention(x, latent, 3, allowed)), signature="(n,m)->(n,m)"
        )
        assert_allclose(layer(x, latent, 3, allowed), by_text(x), atol=1e-12)


@pytest.mark.parametrize("layer", [latent_attention, latent_attention_absorbed])
def test_a_mask_of_three_axes_is_one_for_each_sequence(rng, latent, layer):
    x, masks = rng.standard_normal((2, 8, 10)), rng.random((2, 8, 8)) < 0.6
    for one, mask, output in zip(x, masks, layer(x, latent, 3, masks), strict=True):
        assert_allclose(output, layer(one, latent, 3, mask), atol=1e-12)
    with pytest.raises(ValueError, match=rf"^{layer.__name__}: mask is \(2, 8, 8\), one for each sequence"):
        layer(x[0], latent, 3, masks)


@pytest.mark.parametrize("shape", [(8,), (8, 8), (2, 8, 8), (2, 1, 8, 8), (2, 3, 8, 8)])
@pytest.mark.parametrize("kind", [bool, float])
def test_absorbed_is_latent_attention_with_any_mask(rng, latent, kind, shape):
    x, mask = rng.standard_normal((2, 8, 10)), rng.standard_normal(shape)
    mask = mask > -0.5 if kind is bool else mask
    expected = latent_attention(x, latent, 3, mask)
    assert_allclose(latent_attention_absorbed(x, latent, 3, mask), expected, atol=1e-12)


@pytest.mark.parametrize("layer", [latent_attention, latent_attention_absorbed])
def test_latent_attention_knows_order_by_its_rotary_part_and_no_future(rng, latent, layer):
    x, order = rng.standard_normal((8, 10)), rng.permutation(8)
    assert permutation_gap(lambda x: layer(x, latent, 3), x, order) > 1e-3
    plain = latent._replace(W_key_rope=np.zeros((10, 4)))
    assert permutation_gap(lambda x: layer(x, plain, 3), x, order) < 1e-12
    assert leaks_future(lambda x: layer(x, latent, 3), x)
    assert not leaks_future(lambda x: layer(x, latent, 3, causal_mask(8)), x)


@pytest.mark.parametrize("layer", [latent_attention, latent_attention_absorbed])
def test_tokens_of_ten_thousand_and_empty_rows_give_no_nan(rng, latent, layer):
    x, mask = rng.choice([-1e4, 1e4], (8, 10)), causal_mask(8)
    mask[3] = False
    output = layer(x, latent, 3, mask)
    assert np.isfinite(output).all()
    assert_array_equal(output[3], np.zeros(10))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_absorbed_equals_latent_to_the_precision_of_its_dtype(rng, latent, dtype):
    x, weights = rng.standard_normal((8, 10)).astype(dtype), LatentWeights(*(W.astype(dtype) for W in latent))
    one, other = latent_attention(x, weights, 3), latent_attention_absorbed(x, weights, 3)
    assert one.dtype == other.dtype == dtype
    assert_allclose(one, other, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-12)


def test_bytes_per_token():
    model = {"layers": 3, "n_heads": 12, "d_head": 8, "n_groups": 4, "d_latent": 10, "d_rope": 6}
    bytes_of = {kind: kv_bytes_per_token(kind, **model) for kind in ("mha", "gqa", "mqa", "mla")}
    assert bytes_of == {"mha": 3 * 2 * 96 * 2, "gqa": 3 * 2 * 32 * 2, "mqa": 3 * 2 * 8 * 2, "mla": 3 * 16 * 2}
    assert kv_bytes_per_token("mha", 3, 12, 8, bytes_per_value=4) == 2 * bytes_of["mha"]
    assert isinstance(bytes_of["mla"], int)


def test_bytes_per_token_of_models_that_are_published():
    assert kv_bytes_per_token("gqa", 32, 32, 128, n_groups=8) == 131_072  # Llama 3 8B
    assert kv_bytes_per_token("mla", 60, 128, 128, d_latent=512, d_rope=64) == 69_120  # DeepSeek-V2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: grouped_query_attention(np.ones((6, 3, 8)), np.ones((4, 5, 8)), np.ones((4, 5, 7))),
            "grouped_query_attention: query has 6 heads, which 4 groups do not divide",
        ),
        (
            lambda: grouped_query_attention(np.ones((2, 3, 8)), np.ones((4, 5, 8)), np.ones((4, 5, 7))),
            "grouped_query_attention: query has 2 heads, which 4 groups do not divide",
        ),
        (
            lambda: grouped_query_attention(np.ones((6, 3, 8)), np.ones((3, 5, 8)), np.ones((2, 5, 7))),
            "grouped_query_attention: value has 2 on the group axis, but key has 3: "
            "query is (6, 3, 8), key is (3, 5, 8), value is (2, 5, 7)",
        ),
        (
            lambda: pool_kv_heads(np.ones((5, 12)), 6, 4),
            "pool_kv_heads: W has width 12, 6 heads, 4 groups: no division",
        ),
        (
            lambda: pool_kv_heads(np.ones((5, 13)), 6, 3),
            "pool_kv_heads: W has width 13, 6 heads, 3 groups: no division",
        ),
        (
            lambda: kv_bytes_per_token("flash", 32, 32, 128),
            'kv_bytes_per_token: kind is "flash", expected "mha", "gqa", "mqa" or "mla"',
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_a_rotary_width_that_is_odd(latent):
    odd = latent._replace(W_query_rope=np.ones((10, 9)), W_key_rope=np.ones((10, 3)))
    with pytest.raises(ValueError, match="^latent_attention: the rotary width is 3, expected an even one$"):
        latent_attention(np.ones((8, 10)), odd, 3)


@pytest.mark.parametrize("heads", [2, 4, 5])
def test_a_mask_of_other_heads(qkv, heads):
    with pytest.raises(ValueError) as error:
        grouped_query_attention(*qkv(4), np.ones((heads, 3, 5), bool))
    assert str(error.value) == f"grouped_query_attention: mask has {heads} on the head axis, expected 1 or 12"


@pytest.mark.parametrize(("heads", "groups"), [(6, 0), (0, 1)])
def test_pooling_into_nothing(heads, groups):
    with pytest.raises(ValueError) as error:
        pool_kv_heads(np.ones((5, 12)), heads, groups)
    assert str(error.value) == f"pool_kv_heads: W has width 12, {heads} heads, {groups} groups: no division"


@pytest.mark.parametrize("layer", [latent_attention, latent_attention_absorbed])
def test_latent_weights_that_do_not_fit(latent, layer):
    for change, message in [
        ({"W_latent": np.ones((11, 6))}, "weights.W_latent has model width 11, but x has 10"),
        ({"W_up_key": np.ones((7, 15))}, "weights.W_up_key has latent width 7, but weights.W_latent has 6"),
        ({"W_output": np.ones((20, 10))}, "weights.W_output has joined value width 20, but weights.W_up_value has 21"),
    ]:
        with pytest.raises(ValueError) as error:
            layer(np.ones((8, 10)), latent._replace(**change), 3)
        assert str(error.value).startswith(f"{layer.__name__}: {message}: x is (8, 10), ")
