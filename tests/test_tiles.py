"""The fast tiles: forward and backward, what is not computed, what is held, and numbers of every size."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_limits

from attncore import tiles
from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.flash import BLOCK, peak_floats
from attncore.gradients import attention_backward, numerical_gradient
from attncore.masks import causal_mask
from attncore.tiles import (
    BINARY,
    NATURAL,
    moderate_heads,
    prepare,
    quickest_base,
    tiled_attention,
    tiled_attention_backward,
    tiled_forward,
)

pytestmark = pytest.mark.filterwarnings("error")

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


@every_dtype
@causal_or_not
@pytest.mark.parametrize("n_query, n_key", [(2 * BLOCK + 17, 2 * BLOCK + 17), (20, 1200), (1, 1200), (900, 30)])
def test_texts_longer_than_a_tile(rng, dtype, is_causal, n_query, n_key):
    query, key, value = drawn(rng, n_query, n_key, (2,), dtype)
    output = tiled_attention(query, key, value, is_causal=is_causal)
    assert output.dtype == dtype
    assert_allclose(output, textbook(query, key, value, is_causal), rtol=0, atol=TOLERANCE[dtype])


def test_any_layout_of_the_inputs_does(rng):
    query, key, value = drawn(rng, 50, 50, (2,))
    expected = textbook(query, key, value, True)
    for odd in (np.asfortranarray, lambda a: np.repeat(a, 2, axis=-1)[..., ::2], lambda a: a[:, ::-1].copy()[:, ::-1]):
        given = [odd(array) for array in (query, key, value)]
        for array in given:
            array.setflags(write=False)
        assert_allclose(tiled_attention(*given, block=16, is_causal=True), expected, rtol=1e-12, atol=1e-12)


def test_float16_is_computed_in_float32(rng):
    query, key, value = drawn(rng, 50, 50, dtype=np.float16)
    output = tiled_attention(query, key, value, block=16)
    assert output.dtype == np.float16
    exact = textbook(query.astype(float), key.astype(float), value.astype(float), False)
    assert_allclose(output, exact, rtol=0, atol=1e-3)


@given(lengths, lengths, st.integers(1, 50), st.booleans())
def test_every_visible_score_is_computed_once(n_query, n_key, block, is_causal):
    task = prepare("", np.ones((n_query, 1)), np.ones((n_key, 1)), np.ones((n_key, 1)), block, is_causal, 1)
    times = np.zeros((n_query, n_key), int)
    for rows in task.query_blocks():
        for queries, keys, on_diagonal in task.tiles(rows):
            tile = np.ones((keys.stop - keys.start, queries.stop - queries.start))
            assert tile.size <= block**2
            assert queries.stop == rows.stop and queries.start >= rows.start
            if on_diagonal:
                tiles.hide_later_keys(tile, 0)
            times[queries, keys] += tile.T.astype(int)
    assert_array_equal(times, mask_of(task.query, task.key, is_causal) if is_causal else 1)


def test_what_a_causal_mask_hides_is_skipped():
    n, block = 1024, 64
    task = prepare("", np.ones((n, 1)), np.ones((n, 1)), np.ones((n, 1)), block, True, 1)
    tiles = [tile for rows in task.query_blocks() for tile in task.tiles(rows)]
    computed = sum((queries.stop - queries.start) * (keys.stop - keys.start) for queries, keys, _ in tiles)
    assert n * n / 2 < computed < n * n / 2 + n * block / 4


def peak_bytes(function):
    function()  # threads and caches are made once
    tracemalloc.start()
    function()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@causal_or_not
def test_memory_grows_with_the_length_and_not_with_its_square(rng, is_causal):
    def forward(n):
        given = drawn(rng, n, n, dtype=np.float32)
        return peak_bytes(lambda: tiled_attention(*given, block=64, is_causal=is_causal))

    def backward(n):
        given = drawn(rng, n, n, dtype=np.float32)
        return peak_bytes(lambda: tiled_attention_backward(*given, given[2], block=64, is_causal=is_causal))

    for peak in (forward, backward):
        assert peak(4000) < 5 * peak(1000)
        assert peak(4000) < 4 * 4000 * 4000 / 20, "a twentieth of the square of scores"


def test_a_tile_is_all_that_is_held(rng):
    query, key, value = drawn(rng, 2000, 2000, dtype=np.float32)
    with threadpool_limits(1):
        held = peak_bytes(lambda: tiled_attention(query, key, value, block=500))
    assert held < 1.3 * 4 * peak_floats(2000, 6, block=500)


@every_dtype
@causal_or_not
@pytest.mark.parametrize("size", [3, 30, 1e3])
def test_large_scores_are_as_near_as_their_rounding_allows(rng, dtype, is_causal, size):
    query, key, value = drawn(rng, 60, 60, (2,), dtype)
    query = query * dtype(size)
    exact = textbook(*(array.astype(np.longdouble) for array in (query, key, value)), is_causal)
    largest = np.abs(attention_scores(query, key)).max()
    output = tiled_attention(query, key, value, block=16, is_causal=is_causal)
    assert_allclose(output, exact, rtol=0, atol=4 * np.finfo(dtype).eps * max(largest, 4))


@pytest.mark.parametrize("sizes", [(1e-30, 1e30), (1e30, 1e-30), (1e-22, 1e18), (1e18, 1e18), (0, 1e38)])
def test_norms_that_the_dtype_can_hardly_square(rng, sizes):
    query, key, value = drawn(rng, 30, 40, dtype=np.float32)
    query, key = query * np.float32(sizes[0]), np.clip(key, -1, 1) * np.float32(sizes[1])
    exact = textbook(query.astype(float), key.astype(float), value.astype(float), False)
    assert_allclose(tiled_attention(query, key, value, block=16), exact, rtol=0, atol=2e-6)


def test_scores_below_the_dtype_weigh_nothing():
    query, key, value = (np.full((20, 4), number, np.float32) for number in (1e30, -1e30, 1))
    assert_array_equal(tiled_attention(query, key, value, block=8), 0)
    key[1] = 0
    assert_array_equal(tiled_attention(query, key, value, block=8), 1)


@pytest.mark.parametrize("size", [1e-35, 1e-12, 1e12, 1e30, 1e36])
@pytest.mark.parametrize("norm", [0.1, 6.3])
def test_values_of_any_size(rng, size, norm):
    query, key, value = drawn(rng, 30, 40, dtype=np.float32)
    query, key, value = query * np.float32(norm), key * np.float32(norm), value * np.float32(size)
    for block in (16, 64):
        output = tiled_attention(query, key, value, block=block)
        exact = textbook(query.astype(float), key.astype(float), value.astype(float), False)
        assert_allclose(output / size, exact / size, rtol=0, atol=2e-5 if norm > 1 else 1e-6)


def test_a_hostile_head_does_not_disturb_its_neighbours(rng):
    query, key, value = drawn(rng, 40, 40, (3,))
    query[1] *= 1e4
    assert_array_equal(moderate_heads(query, key, value, 0.3), [True, False, True])
    output = tiled_attention(query, key, value, block=16)
    assert_allclose(output, textbook(query, key, value, False), rtol=0, atol=1e-10)
    assert_array_equal(output[[0, 2]], tiled_attention(query[[0, 2]], key[[0, 2]], value[[0, 2]], block=16))


@every_dtype
def test_moderate_scores_fill_half_of_the_exponents_and_no_more(dtype):
    limit = {np.float32: 60, np.float64: 508}[dtype] / BINARY.log_e
    query, key = np.ones((16, 1), dtype), np.ones((2, 1), dtype)
    assert moderate_heads(query, key, key, 0.99 * limit)
    assert moderate_heads(query, key, key, -0.99 * limit)
    assert not moderate_heads(query, key, key, 1.01 * limit)
    assert not moderate_heads(query, key, key, -1.01 * limit)
    assert not moderate_heads(query[:15], key, key, 0.1), "few queries: to measure the keys does not pay"
    room = 2.0 ** {np.float32: 30, np.float64: 254}[dtype]
    for value, expected in ((room, True), (-room, True), (2 * room, False), (0.4 / room, False)):
        assert moderate_heads(query, key, key * dtype(value), 1) == expected
    # at the very limit nothing overflows, and nothing is lost
    for sign in (1, -1):
        output = tiled_attention(query, sign * key, dtype(room) * key, scale=0.99 * limit)
        assert_allclose(output, room, rtol=1e-5 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize("base", [NATURAL, BINARY])
@pytest.mark.parametrize("size", [1, 30])
def test_both_bases_give_the_same_numbers(rng, monkeypatch, base, size):
    monkeypatch.setattr(tiles, "quickest_base", lambda: base)
    query, key, value = drawn(rng, 60, 60)
    query *= size
    assert_allclose(
        tiled_attention(query, key, value, block=16, is_causal=True), textbook(query, key, value, True), atol=1e-12
    )
    gradients = tiled_attention_backward(query, key, value, value, block=16, is_causal=True)
    for gradient, expected in zip(
        gradients, attention_backward(query, key, value, value, causal_mask(60)), strict=True
    ):
        assert_allclose(gradient, expected, atol=1e-11)


def test_the_base_is_chosen_once():
    assert quickest_base() is quickest_base()
    assert quickest_base() in (NATURAL, BINARY)


@causal_or_not
@pytest.mark.parametrize("n_query, n_key, block", [(5, 5, 2), (3, 6, 4), (6, 3, 2), (18, 20, 7)])
def test_the_gradients_are_those_of_finite_differences(rng, is_causal, n_query, n_key, block):
    given, d_output = drawn(rng, n_query, n_key), rng.standard_normal((n_query, 6))
    gradients = tiled_attention_backward(*given, d_output, block=block, is_causal=is_causal, scale=0.4)
    for place, gradient in enumerate(gradients):

        def loss(array, place=place):
            replaced = [*given[:place], array, *given[place + 1 :]]
            return np.sum(d_output * tiled_attention(*replaced, block=block, is_causal=is_causal, scale=0.4))

        assert_allclose(gradient, numerical_gradient(loss, given[place]), rtol=0, atol=1e-8)


@every_dtype
@given(lengths, lengths, st.integers(1, 50), st.booleans(), st.sampled_from([0.5, 8]), st.integers(0, 99))
def test_the_gradients_are_those_of_the_formula(dtype, n_query, n_key, block, is_causal, size, seed):
    rng = np.random.default_rng(seed)
    query, key, value = drawn(rng, n_query, n_key)
    query, d_output = query * size, rng.standard_normal((n_query, 6))
    expected = attention_backward(query, key, value, d_output, mask_of(query, key, is_causal))
    given = [array.astype(dtype) for array in (query, key, value, d_output)]
    gradients = tiled_attention_backward(*given, block=block, is_causal=is_causal)
    largest = (1 + np.abs(attention_scores(query, key)).max()) * (1 + max(np.abs(exact).max() for exact in expected))
    for gradient, exact in zip(gradients, expected, strict=True):
        assert gradient.dtype == dtype
        assert_allclose(gradient, exact, rtol=0, atol=4 * np.finfo(dtype).eps * largest)


@causal_or_not
def test_gradients_of_a_long_text(rng, is_causal):
    query, key, value = drawn(rng, 900, 900, (2,))
    expected = attention_backward(query, key, value, value, mask_of(query, key, is_causal))
    for gradient, exact in zip(
        tiled_attention_backward(query, key, value, value, is_causal=is_causal), expected, strict=True
    ):
        assert_allclose(gradient, exact, rtol=0, atol=1e-12)


def test_the_gradients_have_the_shapes_of_the_inputs(rng):
    query, key, value = drawn(rng, 20, 30, (2, 1))[0], drawn(rng, 20, 30, (4,))[1], drawn(rng, 20, 30)[2]
    d_output = rng.standard_normal((2, 4, 20, 6))
    gradients = tiled_attention_backward(query, key, value, d_output, block=7)
    for gradient, array, exact in zip(
        gradients, (query, key, value), attention_backward(query, key, value, d_output), strict=True
    ):
        assert gradient.shape == array.shape
        assert_allclose(gradient, exact, rtol=0, atol=1e-12)


def test_a_forward_can_be_used_again(rng, monkeypatch):
    query, key, value = drawn(rng, 40, 40, (2,))
    query[1] *= 1e3
    options = {"block": 16, "is_causal": True}
    forward = tiled_forward(query, key, value, **options)
    assert_array_equal(forward.output, tiled_attention(query, key, value, **options))
    anew = tiled_attention_backward(query, key, value, value, **options)
    monkeypatch.setattr(tiles, "attend", None)  # it is not computed again
    again = tiled_attention_backward(query, key, value, value, **options, forward=forward)
    for one, other in zip(again, anew, strict=True):
        assert_array_equal(one, other)


def test_the_statistics_of_a_forward_are_the_sum_of_exponentials(rng):
    query, key, value = drawn(rng, 40, 50, (2,))
    query[1] *= 1e3
    _, maximum, total = tiled_forward(query, key, value, block=16)
    to_natural = np.array([1 / quickest_base().log_e, 1])[:, None]  # the second head is not moderate
    scores = attention_scores(query, key)
    largest = scores.max(axis=-1)
    expected = largest + np.log(np.exp(scores - largest[..., None]).sum(axis=-1))
    assert_allclose(maximum * to_natural + np.log(total), expected, rtol=1e-12)


@causal_or_not
def test_hostile_scores_make_no_gradient_nan(is_causal):
    query = np.where(np.arange(80).reshape(20, 4) % 3, 1e4, -1e4).astype(np.float32)
    key, value = np.eye(10, 4, dtype=np.float32), np.ones((10, 6), np.float32)
    for gradient in tiled_attention_backward(query, key, value, value[:1].repeat(20, 0), block=3, is_causal=is_causal):
        assert np.isfinite(gradient).all()


def test_one_thread_and_several_give_the_same(rng):
    given = drawn(rng, 100, 100, (3,), np.float32)
    results = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            results.append([tiled_attention(*given, block=16), *tiled_attention_backward(*given, given[2], block=16)])
    for alone, together in zip(*results, strict=True):
        assert_allclose(alone, together, rtol=0, atol=1e-5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_can_attend():
    program = """if True:
        import os, warnings
        import numpy as np
        from threadpoolctl import threadpool_limits
        from attncore.tiles import tiled_attention
        warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads
        threadpool_limits(2)
        x = np.ones((4, 40, 8))
        tiled_attention(x, x, x, block=8)
        child = os.fork()
        if child == 0:
            tiled_attention(x, x, x, block=8)
            os._exit(7)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 7


SOME = np.ones((4, 8), np.float32)


def spoiled(number):
    array = SOME.copy()
    array[1, 2] = number
    return array


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: tiled_attention(SOME, SOME[:, :6], SOME),
            "tiled_attention: key has width 6, but query has 8: query is (4, 8), key is (4, 6), value is (4, 8)",
        ),
        (
            lambda: tiled_attention(SOME, SOME, SOME, block=0),
            "tiled_attention: block is 0, expected a whole number of tokens, at least 1",
        ),
        (
            lambda: tiled_attention(spoiled(np.nan), SOME, SOME),
            "tiled_attention: query holds NaN or infinity, expected finite numbers",
        ),
        (
            lambda: tiled_attention(SOME, spoiled(np.inf), SOME),
            "tiled_attention: key holds NaN or infinity, expected finite numbers",
        ),
        (
            lambda: tiled_attention(SOME, SOME, spoiled(-np.inf)),
            "tiled_attention: value holds NaN or infinity, expected finite numbers",
        ),
        (
            lambda: tiled_attention(SOME * np.float32(1e30), SOME * np.float32(1e30), SOME),
            "tiled_attention: scores or sums are too large for float32",
        ),
        (
            lambda: tiled_attention_backward(SOME, SOME, SOME, spoiled(np.nan)),
            "tiled_attention_backward: d_output holds NaN or infinity, expected finite numbers",
        ),
        (
            lambda: tiled_attention_backward(SOME, SOME, SOME, SOME[None]),
            "tiled_attention_backward: d_output is (1, 4, 8), the output (4, 8)",
        ),
    ],
)
def test_bad_input_is_told_in_axis_words(call, message):
    with pytest.raises(ValueError) as told:
        call()
    assert str(told.value) == message
