"""What attention costs, and the cache of keys and values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.cache import KVCache, attend_with_cache, attention_flops, kv_cache_bytes
from attncore.heads import HeadWeights, multi_head_attention
from attncore.masks import causal_mask

pytestmark = pytest.mark.filterwarnings("error")

WEIGHTS = HeadWeights(*np.random.default_rng(12).standard_normal((4, 12, 12)) / 3)


def filled(length, dtype=float):
    """A cache of `length` tokens of three heads, keys 4 wide and values 5."""
    cache = KVCache()
    cache.append(np.ones((3, length, 4), dtype), np.ones((3, length, 5), dtype))
    return cache


def attended(x, chunks, n_heads=3):
    """The outputs of all chunks, one after another, and the cache they leave."""
    cache = KVCache()
    ends = np.cumsum(chunks)[:-1]
    parts = [attend_with_cache(part, cache, WEIGHTS, n_heads) for part in np.split(x, ends, axis=-2)]
    return np.concatenate(parts, axis=-2), cache


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.sampled_from([(), (2,), (2, 4)]))
def test_chunks_of_any_length_are_one_causal_pass(chunks, leading):
    n = sum(chunks)
    x = np.random.default_rng(n).standard_normal((*leading, n, 12))
    output, cache = attended(x, chunks)
    assert_allclose(output, multi_head_attention(x, x, x, WEIGHTS, 3, causal_mask(n)), atol=1e-12)
    assert len(cache) == n


def test_in_float32_too():
    x, weights = np.random.default_rng(12).standard_normal((20, 12)).astype(np.float32), WEIGHTS
    weights = HeadWeights(*(W.astype(np.float32) for W in weights))
    cache = KVCache()
    rows = [attend_with_cache(x[i : i + 1], cache, weights, 3) for i in range(20)]
    assert {row.dtype for row in rows} == {cache.key.dtype} == {cache.value.dtype} == {np.dtype(np.float32)}
    assert_allclose(np.concatenate(rows), multi_head_attention(x, x, x, weights, 3, causal_mask(20)), atol=2e-6)


@pytest.mark.parametrize("n_heads", [1, 3, 4])
def test_attention_with_a_cache_is_its_definition(rng, n_heads):
    x = rng.standard_normal((5, 12))
    expected = loops.multi_head_attention(x, x, x, WEIGHTS, n_heads, loops.causal_mask(5))
    assert_allclose(attended(x, [2, 3], n_heads)[0], expected)


def test_a_token_never_sees_the_next_ones(rng):
    x = rng.standard_normal((6, 12))
    changed = x.copy()
    changed[4:] = 7
    (before, _), (after, _) = attended(x, [3, 3]), attended(changed, [3, 3])
    assert_array_equal(before[:4], after[:4])
    assert np.all(np.abs(before[4:] - after[4:]).max(axis=-1) > 1e-3)


def test_tokens_of_ten_thousand_give_no_nan(rng):
    output, _ = attended(rng.choice([-1e4, 1e4], (6, 12)), [1, 2, 3])
    assert np.isfinite(output).all()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_a_cache_holds_what_was_appended_in_order(chunks):
    rng = np.random.default_rng(12)
    parts = [(rng.standard_normal((2, 3, n, 4)), rng.standard_normal((2, 3, n, 5))) for n in chunks]
    cache = KVCache()
    assert len(cache) == 0
    for done, (key, value) in enumerate(parts, start=1):
        cache.append(key, value)
        assert len(cache) == sum(chunks[:done])
        assert_array_equal(cache.key, np.concatenate([key for key, _ in parts[:done]], axis=-2))
        assert_array_equal(cache.value, np.concatenate([value for _, value in parts[:done]], axis=-2))


def test_what_was_handed_out_stays_as_it_was_when_the_cache_grows():
    cache = filled(5)
    key, value = cache.key, cache.value
    for _ in range(20):
        cache.append(np.zeros((3, 1, 4)), np.zeros((3, 1, 5)))
    assert_array_equal(key, np.ones((3, 5, 4)))
    assert_array_equal(value, np.ones((3, 5, 5)))


def test_flops_are_those_that_the_definition_does(monkeypatch, rng):
    counted = 0

    def dot(a, b):
        nonlocal counted
        counted += 2 * len(a)
        return plain_dot(a, b)

    def weighted_sum(weights, values):
        nonlocal counted
        counted += 2 * len(weights) * len(values) * len(values[0])
        return plain_weighted_sum(weights, values)

    plain_dot, plain_weighted_sum = loops.dot, loops.weighted_sum
    monkeypatch.setattr(loops, "dot", dot)
    monkeypatch.setattr(loops, "weighted_sum", weighted_sum)
    x = rng.standard_normal((5, 12)).tolist()
    loops.multi_head_attention(x, x, x, [W.tolist() for W in WEIGHTS], 3)
    assert attention_flops(5, 12) == counted


def test_flops_by_hand():
    assert attention_flops(2, 3) == 8 * 2 * 9 + 4 * 4 * 3
    assert attention_flops(2048, 512) == 2**33 + 2**32 == 12_884_901_888
    assert isinstance(attention_flops(2, 3), int)


@pytest.mark.parametrize(("dtype", "each"), [(np.float16, 2), (np.float32, 4), (np.float64, 8)])
def test_cache_bytes_are_those_of_the_caches(dtype, each):
    caches = []
    for _layer in range(4):
        cache = KVCache()
        cache.append(np.ones((2, 3, 5, 8), dtype), np.ones((2, 3, 5, 8), dtype))
        caches.append(cache)
    held = sum(cache.key.nbytes + cache.value.nbytes for cache in caches)
    assert kv_cache_bytes(4, 3, 8, 5, batch=2, bytes_per_value=each) == held


def test_cache_bytes_by_hand():
    assert kv_cache_bytes(32, 8, 128, 1) == 131_072  # a token of Llama 3 8B: 128 KiB
    assert kv_cache_bytes(32, 32, 128, 4096, batch=4) == 8 * 2**30
    assert isinstance(kv_cache_bytes(32, 8, 128, 1), int)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ((3, 1, 6), (3, 1, 5)),
        ((3, 1, 4), (3, 1, 6)),
        ((2, 1, 4), (2, 1, 5)),
        ((6, 3, 1, 4), (6, 3, 1, 5)),
    ],
)
def test_what_does_not_continue_the_cache_leaves_it_as_it_was(key, value):
    cache = filled(7)
    with pytest.raises(ValueError):
        cache.append(np.zeros(key), np.zeros(value))
    assert len(cache) == 7
    assert_array_equal(cache.key, np.ones((3, 7, 4)))
    assert_array_equal(cache.value, np.ones((3, 7, 5)))


def test_heads_that_do_not_divide():
    cache = KVCache()
    with pytest.raises(ValueError, match="^attend_with_cache: the model width is 12, which 5 heads do not divide$"):
        attend_with_cache(np.ones((2, 12)), cache, WEIGHTS, 5)
    assert len(cache) == 0


def test_integers_are_promoted():
    cache = KVCache()
    cache.append(np.array([[1]]), np.array([[2]]))
    cache.append(np.array([[0.5]]), np.array([[0.25]]))
    assert_array_equal(cache.key, [[1], [0.5]])
    assert_array_equal(cache.value, [[2], [0.25]])


def test_an_empty_cache_holds_nothing():
    cache = KVCache()
    assert (len(cache), cache.key, cache.value) == (0, None, None)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (np.ones(3), np.ones(3), "KVCache.append: key has shape (3,), expected (..., n, d)"),
        (
            [[1.0]],
            [[1.0], [2.0]],
            "KVCache.append: value has 2 on the token axis, but key has 1: key is (1, 1), value is (2, 1)",
        ),
    ],
)
def test_keys_and_values_that_do_not_fit_each_other(key, value, message):
    with pytest.raises(ValueError) as error:
        KVCache().append(key, value)
    assert str(error.value) == message
