"""The idea of lesson 14: one pass, partial results, tiles. What holds for the fast tiles too is tried on both."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import flash, loops, tiles
from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.flash import Partial, attend_to_tile, merge_partials, online_softmax, peak_floats, ring_attention
from attncore.masks import causal_mask
from attncore.softmax import softmax

pytestmark = pytest.mark.filterwarnings("error")

every_version = pytest.mark.parametrize("attend", [flash.tiled_attention, tiles.tiled_attention], ids=["plain", "fast"])
every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}

every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
causal_or_not = pytest.mark.parametrize("is_causal", [False, True])
lengths = st.integers(1, 40)


def drawn(rng, n_query, n_key, leading=(), dtype=float):
    """A query, a key and a value: width 8, value width 6."""
    shapes = [(n_query, 8), (n_key, 8), (n_key, 6)]
    return [rng.standard_normal((*leading, *own)).astype(dtype) for own in shapes]


def mask_of(query, key, is_causal):
    return causal_mask(query.shape[-2], key.shape[-2]) if is_causal else None


def textbook(query, key, value, is_causal, scale=None):
    return scaled_dot_product_attention(query, key, value, mask_of(query, key, is_causal), scale)


@given(arrays(float, (3, 7), elements=st.floats(-50, 50)), st.lists(st.integers(0, 7), max_size=4))
def test_one_pass_over_the_chunks_gives_the_softmax(row, cuts):
    chunks = np.split(row, sorted(cuts), axis=-1)
    maximum, total = online_softmax(chunk for chunk in chunks)  # a generator: gone through once
    assert_array_equal(maximum, row.max(axis=-1))
    assert_allclose(np.exp(row - maximum[:, None]) / total[:, None], softmax(row), rtol=1e-12)


def test_one_pass_by_hand():
    maximum, total = online_softmax([[0.0, 0.0], [math.log(2)], [0.0]])
    assert_allclose([maximum, total], [math.log(2), 2.5])


def test_a_row_of_nothing_but_infinities_has_the_total_zero():
    nothing = [-np.inf, -np.inf]
    maximum, total = online_softmax([[nothing, nothing], [nothing, [0, -np.inf]]])
    assert_array_equal(maximum, [-np.inf, 0])
    assert_array_equal(total, [0, 1])
    assert online_softmax([]) == (-np.inf, 0)


def test_one_pass_keeps_float32_and_bears_large_numbers():
    maximum, total = online_softmax(np.float32([[[1e4, -1e4]], [[1e4, 3e4]]]))
    assert maximum.dtype == total.dtype == np.float32
    assert_array_equal([maximum, total], [[3e4], [1]])


def partials(rng, *widths, dtype=float):
    return [
        attend_to_tile(10 * rng.standard_normal((2, 3, n)).astype(dtype), rng.standard_normal((2, n, 6)).astype(dtype))
        for n in widths
    ]


def assert_same_partial(left, right, rtol=1e-12):
    for field in Partial._fields:
        assert_allclose(getattr(left, field), getattr(right, field), rtol=rtol, atol=rtol, err_msg=field)


def test_merged_partials_are_the_attention_to_all(rng):
    scores, value = 10 * rng.standard_normal((2, 3, 9)), rng.standard_normal((2, 9, 6))
    parts = [attend_to_tile(scores[..., cut], value[:, cut]) for cut in (slice(0, 4), slice(4, 9))]
    assert_same_partial(merge_partials(*parts), attend_to_tile(scores, value))
    assert_allclose(merge_partials(*parts).output, softmax(scores) @ value, rtol=1e-12)


def test_merging_is_associative_and_commutative(rng):
    a, b, c = partials(rng, 2, 5, 3)
    assert_same_partial(merge_partials(merge_partials(a, b), c), merge_partials(a, merge_partials(b, c)))
    assert_same_partial(merge_partials(a, b), merge_partials(b, a))


def test_nothing_to_attend_to_changes_nothing(rng):
    (some,) = partials(rng, 4)
    nothing = attend_to_tile(np.full((2, 3, 5), -np.inf), np.ones((2, 5, 6)))
    assert_same_partial(nothing, Partial(np.zeros((2, 3, 6)), np.full((2, 3), -np.inf), np.zeros((2, 3))))
    assert_same_partial(merge_partials(some, nothing), some)
    assert_same_partial(merge_partials(nothing, some), some)
    assert_same_partial(merge_partials(nothing, nothing), nothing)


def test_merging_keeps_float32(rng):
    assert {array.dtype for array in merge_partials(*partials(rng, 2, 3, dtype=np.float32))} == {np.dtype("float32")}


@every_version
@every_leading
@causal_or_not
@pytest.mark.parametrize("block", [1, 2, 64])
def test_tiles_are_the_loop(by_loop, rng, attend, leading, is_causal, block):
    query, key, value = drawn(rng, 3, 5, leading)
    mask = [np.broadcast_to(causal_mask(3, 5), (*leading, 3, 5))] if is_causal else []
    expected = by_loop(scaled_dot_product_attention, query, key, value, *mask)
    assert_allclose(attend(query, key, value, block=block, is_causal=is_causal), expected, rtol=1e-12, atol=1e-12)


@every_version
@every_dtype
@given(n_query=lengths, n_key=lengths, block=st.integers(1, 50), is_causal=st.booleans(), seed=st.integers(0, 99))
def test_tiles_of_any_size_give_the_same_numbers(attend, dtype, n_query, n_key, block, is_causal, seed):
    query, key, value = drawn(np.random.default_rng(seed), n_query, n_key, dtype=dtype)
    output = attend(query, key, value, block=block, is_causal=is_causal)
    assert_allclose(output, textbook(query, key, value, is_causal), rtol=0, atol=TOLERANCE[dtype])


@every_version
def test_the_leading_axes_broadcast(rng, attend):
    query, key, value = drawn(rng, 20, 30, (2, 1))[0], *drawn(rng, 20, 30, (4,))[1:]
    output = attend(query, key, value[0], block=7)
    assert output.shape == (2, 4, 20, 6)
    assert_allclose(output, textbook(query, key, value[0], False), rtol=1e-12, atol=1e-12)


@every_version
def test_a_scale_that_is_given_multiplies(rng, attend):
    query, key, value = drawn(rng, 20, 30)
    for scale in (0.3, -0.3, np.float64(2)):
        assert_allclose(attend(query, key, value, block=7, scale=scale), textbook(query, key, value, False, scale))
    assert attend(*drawn(rng, 20, 30, dtype=np.float32), scale=np.float64(2)).dtype == np.float32


@every_version
def test_a_query_before_all_keys_gets_zeros(rng, attend):
    output = attend(*drawn(rng, 40, 8), block=3, is_causal=True)
    assert_array_equal(output[:32], 0)
    assert np.all(output[32:] != 0)


def shared_out(arrays, n_devices):
    """Each array in as many parts, along its tokens."""
    return [np.split(array, n_devices, axis=-2) for array in arrays]


@every_leading
@causal_or_not
@pytest.mark.parametrize("n_devices", [1, 2, 3, 6])
def test_a_ring_gives_the_attention_to_the_whole_sequence(rng, leading, is_causal, n_devices):
    whole = drawn(rng, 6, 6, leading)
    outputs = ring_attention(*shared_out(whole, n_devices), is_causal)
    assert len(outputs) == n_devices
    assert_allclose(np.concatenate(outputs, axis=-2), textbook(*whole, is_causal), atol=1e-12)


@causal_or_not
@pytest.mark.parametrize("scale", [None, 0.3, 0.0])
def test_a_ring_is_its_loop(rng, is_causal, scale):
    parts = shared_out(drawn(rng, 6, 6), 3)
    expected = loops.ring_attention(*([part.tolist() for part in each] for each in parts), is_causal, scale)
    assert_allclose(ring_attention(*parts, is_causal, scale), expected, atol=1e-12)


@every_dtype
def test_a_ring_of_scores_in_the_thousands_keeps_dtype_and_inputs(rng, dtype):
    whole = [(60 * array).astype(dtype) for array in drawn(rng, 8, 8)]
    parts = shared_out([array.copy() for array in whole], 4)
    outputs = ring_attention(*parts, is_causal=True)
    assert {output.dtype for output in outputs} == {np.dtype(dtype)}
    assert_allclose(np.concatenate(outputs), textbook(*whole, True), rtol=1e-4, atol=1e-3)
    for array, each in zip(whole, parts, strict=True):
        assert_array_equal(np.concatenate(each), array)


def test_a_ring_takes_lists_and_integers():
    outputs = ring_attention([[[1, 0]], [[0, 1]]], [[[1, 2]], [[3, 4]]], [[[1]], [[5]]], is_causal=True)
    assert_allclose(outputs, [[[1]], textbook(*map(np.array, ([[0, 1]], [[1, 2], [3, 4]], [[1], [5]])), False)])


def test_peak_floats_by_hand():
    assert peak_floats(1000, 64) == 1000 * 1000 + 2 * 1000 + 1000 * 64
    assert peak_floats(1000, 64, block=10) == 10 * 10 + 2 * 1000 + 1000 * 64
    assert peak_floats(1000, 64, block=5000) == peak_floats(1000, 64)


@every_version
@every_dtype
@causal_or_not
@given(signs=arrays(float, (20, 4), elements=st.sampled_from([-1e4, 1e4])), block=st.integers(1, 30))
def test_scores_of_ten_thousand(attend, dtype, is_causal, signs, block):
    query, key, value = signs.astype(dtype), np.eye(25, 4, dtype=dtype), np.arange(75, dtype=dtype).reshape(25, 3)
    output = attend(query, key, value, block=block, is_causal=is_causal, scale=1)
    assert_allclose(output, textbook(query, key, value, is_causal, scale=1), rtol=TOLERANCE[dtype])


@every_version
@pytest.mark.parametrize("size", [1, 1e3, 1e17])
def test_equal_keys_give_the_mean(rng, attend, size):
    """As nearly as the scores are rounded: a product may round its columns differently."""
    query, key, value = drawn(rng, 30, 40, dtype=np.float32)
    equal = np.broadcast_to(key[:1] * np.float32(size), key.shape)
    output = attend(query, equal, value, block=16)
    rounding = 4 * np.finfo(np.float32).eps * max(np.abs(attention_scores(query, equal)).max(), 4)
    spread = np.ptp(value, axis=0).max()  # a mean, however weighted, lies among the values
    assert_allclose(output, [value.mean(axis=0)] * 30, rtol=0, atol=min(rounding, 1) * spread)


SOME = np.ones((4, 8), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: online_softmax([1.0]), "online_softmax: a chunk has shape (), expected (..., k) as those before"),
        (
            lambda: online_softmax([np.ones((2, 3)), np.ones((4, 3))]),
            "online_softmax: a chunk has shape (4, 3), expected (..., k) as those before",
        ),
        (
            lambda: merge_partials(
                Partial(np.ones((3, 6)), np.ones(3), np.ones(3)), Partial(np.ones((2, 6)), np.ones(2), np.ones(2))
            ),
            "merge_partials: right.output has 2 on the query axis, but left.output has 3: left.output is (3, 6), "
            "left.maximum is (3,), left.total is (3,), right.output is (2, 6), right.maximum is (2,), "
            "right.total is (2,)",
        ),
        (
            lambda: flash.tiled_attention(SOME, SOME[:3], SOME),
            "tiled_attention: value has 4 on the key axis, but key has 3: query is (4, 8), key is (3, 8), "
            "value is (4, 8)",
        ),
        (lambda: flash.tiled_attention(SOME, SOME, SOME, block=0), "tiled_attention: block is 0, expected at least 1"),
        (
            lambda: ring_attention([SOME, SOME], [SOME, SOME], [SOME]),
            "ring_attention: queries have parts of lengths [4, 4], keys [4, 4] and values [4], expected equal numbers "
            "of equal parts",
        ),
        (
            lambda: ring_attention([SOME, SOME[:3]], [SOME, SOME[:3]], [SOME, SOME[:3]]),
            "ring_attention: queries have parts of lengths [4, 3], keys [4, 3] and values [4, 3], expected equal "
            "numbers of equal parts",
        ),
        (
            lambda: ring_attention([], [], []),
            "ring_attention: queries have parts of lengths [], keys [] and values [], expected equal numbers of equal "
            "parts",
        ),
        (
            lambda: ring_attention([SOME], [SOME[:, :5]], [SOME]),
            "ring_attention: key has width 5, but query has 8: query is (4, 8), key is (4, 5)",
        ),
        (lambda: peak_floats(10, 4, block=-1), "peak_floats: block is -1, expected at least 1"),
    ],
)
def test_bad_input_is_told_in_axis_words(call, message):
    with pytest.raises(ValueError) as told:
        call()
    assert str(told.value) == message
