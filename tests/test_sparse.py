"""Attention that reads only some of the keys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.heads import HeadWeights, multi_head_attention
from attncore.masks import causal_mask, leaks_future
from attncore.sparse import block_mask, lightning_index, mean_blocks, mixed_branches, top_k_attention

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
few = st.integers(-2, 2).map(float)  # numbers that are often equal


def drawn(rng, leading, *shapes):
    return [rng.standard_normal((*leading, *shape)) for shape in shapes]


@every_leading
def test_the_index_is_its_loop(by_loop, rng, leading):
    query, key, weights = drawn(rng, leading, (4, 3, 8), (5, 8), (3, 4))
    assert_allclose(lightning_index(query, key, weights), by_loop(lightning_index, query, key, weights))


def test_the_index_by_hand():
    query = [[[1.0, 0.0]], [[0.0, 1.0]]]
    key = [[2.0, -1.0], [1.0, 3.0], [-5.0, -5.0]]
    assert_array_equal(lightning_index(query, key, [[1.0, 0.5]]), [[2.0, 2.5, 0.0]])
    assert_array_equal(lightning_index(query, key, [[1.0, -1.0]]), [[2.0, -2.0, 0.0]])


def test_one_head_of_weight_one_and_no_negative_product_is_the_plain_score(rng):
    query, key = np.abs(rng.standard_normal((1, 3, 8))), np.abs(rng.standard_normal((5, 8)))
    assert_allclose(lightning_index(query, key, np.ones((3, 1))), attention_scores(query[0], key, scale=1))


def test_the_keys_of_a_batch_serve_all_its_heads(rng):
    query, key, weights = rng.standard_normal((2, 4, 3, 8)), rng.standard_normal((5, 8)), rng.standard_normal((3, 4))
    each = [lightning_index(one, key, weights) for one in query]
    assert_array_equal(lightning_index(query, key, weights), each)


@every_leading
@pytest.mark.parametrize("n_keep", [1, 2, 5, 9])
@pytest.mark.parametrize("masked", [True, False])
def test_top_k_is_its_loop(by_loop, rng, leading, n_keep, masked):
    inputs = drawn(rng, leading, (3, 8), (5, 8), (5, 6), (3, 5))
    mask = rng.random((*leading, 3, 5)) < 0.6
    if masked:
        mask[..., 1, :] = False
        by_masked = np.vectorize(
            lambda *given: np.array(loops.top_k_attention(*given[:4], n_keep, given[4])),
            signature="(q,d),(k,d),(k,v),(q,k),(q,k)->(q,v)",
        )
        assert_allclose(top_k_attention(*inputs, n_keep, mask), by_masked(*inputs, mask), atol=1e-15)
    else:
        assert_allclose(top_k_attention(*inputs, n_keep), by_loop(top_k_attention, *inputs, n_keep=n_keep))


@given(arrays(float, (4, 7), elements=few), st.integers(1, 9))
def test_selecting_among_ties_is_its_loop(index, n_keep):
    rng = np.random.default_rng(17)
    query, key, value = drawn(rng, (), (4, 8), (7, 8), (7, 6))
    mask = causal_mask(4, 7)
    expected = loops.top_k_attention(query, key, value, index, n_keep, mask)
    assert_allclose(top_k_attention(query, key, value, index, n_keep, mask), expected)


@every_leading
def test_all_keys_selected_is_full_attention(rng, leading):
    query, key, value, index = drawn(rng, leading, (5, 8), (5, 8), (5, 6), (5, 5))
    mask = causal_mask(5)
    for n_keep in (5, 8):
        expected = scaled_dot_product_attention(query, key, value)
        assert_allclose(top_k_attention(query, key, value, index, n_keep), expected, rtol=0, atol=1e-12)
        expected = scaled_dot_product_attention(query, key, value, mask)
        assert_allclose(top_k_attention(query, key, value, index, n_keep, mask), expected, rtol=0, atol=1e-12)


def test_one_key_selected_is_its_value(rng):
    query, key, value, index = drawn(rng, (), (3, 8), (5, 8), (5, 6), (3, 5))
    assert_allclose(top_k_attention(query, key, value, index, 1), value[index.argmax(axis=-1)])


def test_an_index_of_minus_infinity_still_comes_before_what_is_hidden(rng):
    query, key, value = drawn(rng, (), (1, 8), (3, 8), (3, 6))
    index, mask = [[5.0, -np.inf, -np.inf]], np.array([[False, True, True]])
    expected = scaled_dot_product_attention(query, key, value, mask)
    assert_allclose(top_k_attention(query, key, value, index, 2, mask), expected)


def test_a_causal_selection_looks_at_nothing_ahead(rng):
    def layer(x):
        index = lightning_index(x[None], x, np.ones((len(x), 1)))
        return top_k_attention(x, x, x, index, 3, causal_mask(len(x)))

    assert not leaks_future(layer, rng.standard_normal((9, 4)))


def test_one_index_serves_all_heads(rng):
    query, key, value = drawn(rng, (2, 4), (3, 8), (5, 8), (5, 6))
    index = rng.standard_normal((2, 1, 3, 5))
    each = [
        [top_k_attention(*(x[b, h] for x in (query, key, value)), index[b, 0], 2) for h in range(4)] for b in (0, 1)
    ]
    assert_allclose(top_k_attention(query, key, value, index, 2), each)


def test_the_scale_and_the_dtype(rng):
    inputs = [x.astype(np.float32) for x in drawn(rng, (), (3, 8), (5, 8), (5, 6), (3, 5))]
    assert top_k_attention(*inputs, 2, scale=0.5).dtype == np.float32
    assert lightning_index(inputs[0][None], inputs[1], np.ones((3, 1), np.float32)).dtype == np.float32
    assert mean_blocks(inputs[0], 2).dtype == np.float32
    assert mixed_branches(np.stack([inputs[0]] * 2), np.ones((2, 3), np.float32)).dtype == np.float32
    expected = loops.top_k_attention(*inputs, 2, scale=0.5)
    assert_allclose(top_k_attention(*inputs, 2, scale=0.5), expected, rtol=1e-5)


@every_leading
@pytest.mark.parametrize("block", [1, 2, 3, 5, 8])
def test_mean_blocks_are_their_loop(by_loop, rng, leading, block):
    (x,) = drawn(rng, leading, (5, 8))
    assert_allclose(mean_blocks(x, block), by_loop(mean_blocks, x, block=block))


def test_blocks_of_one_are_the_sequence_and_one_block_is_its_mean(rng):
    x = rng.standard_normal((2, 5, 8))
    assert_array_equal(mean_blocks(x, 1), x)
    assert_allclose(mean_blocks(x, 7), x.mean(axis=-2, keepdims=True))
    assert_array_equal(mean_blocks(np.arange(5.0)[:, None], 2), [[0.5], [2.5], [4.0]])


@given(arrays(float, (3, 4), elements=few), st.integers(1, 4), st.integers(0, 3), st.integers(1, 6))
def test_the_block_mask_is_its_loop(scores, block, short, n_keep):
    n_key = 4 * block - min(short, block - 1)
    mask = block_mask(scores, block, n_key, n_keep)
    assert mask.dtype == bool
    assert_array_equal(mask, loops.block_mask(scores, block, n_key, n_keep))


def test_blocks_of_one_select_what_top_k_selects(rng):
    query, key, value, index = drawn(rng, (2,), (3, 8), (5, 8), (5, 6), (3, 5))
    expected = top_k_attention(query, key, value, index, 2)
    assert_allclose(scaled_dot_product_attention(query, key, value, block_mask(index, 1, 5, 2)), expected)


def test_all_blocks_selected_is_full_attention(rng):
    query, key, value, scores = drawn(rng, (2,), (3, 8), (5, 8), (5, 6), (3, 3))
    expected = scaled_dot_product_attention(query, key, value)
    masked = scaled_dot_product_attention(query, key, value, block_mask(scores, 2, 5, 3))
    assert_allclose(masked, expected, rtol=0, atol=1e-12)


def test_attention_over_blocks_of_one_is_full_attention(rng):
    query, key, value = drawn(rng, (2,), (3, 8), (5, 8), (5, 6))
    expected = scaled_dot_product_attention(query, key, value)
    compressed = scaled_dot_product_attention(query, mean_blocks(key, 1), mean_blocks(value, 1))
    assert_allclose(compressed, expected, rtol=0, atol=1e-12)


@every_leading
def test_mixed_branches_are_their_loop(rng, leading):
    outputs, gates = rng.standard_normal((3, *leading, 5, 6)), rng.standard_normal((3, *leading, 5))
    by_loop = np.vectorize(lambda *given: np.array(loops.mixed_branches(*given)), signature="(s,q,v),(s,q)->(q,v)")
    expected = by_loop(np.moveaxis(outputs, 0, -3), np.moveaxis(gates, 0, -2))
    assert_allclose(mixed_branches(outputs, gates), expected)


def test_gates_broadcast_over_the_heads(rng):
    outputs, gates = rng.standard_normal((3, 4, 5, 6)), rng.standard_normal((3, 5))
    each = [mixed_branches(outputs[:, head], gates) for head in range(4)]
    assert_allclose(mixed_branches(outputs, gates), np.stack(each))


def test_an_open_branch_alone_is_that_branch(rng):
    outputs = rng.standard_normal((3, 5, 6))
    assert_array_equal(mixed_branches(outputs, np.eye(3)[1][:, None] * np.ones(5)), outputs[1])


def test_a_layer_that_selects_everything_is_multi_head_attention(rng):
    x, weights = rng.standard_normal((5, 12)), HeadWeights(*rng.standard_normal((4, 12, 12)))
    mask = block_mask(rng.standard_normal((5, 2)), 3, 5, 2) & causal_mask(5)
    expected = multi_head_attention(x, x, x, weights, 3, causal_mask(5))
    assert_allclose(multi_head_attention(x, x, x, weights, 3, mask), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: top_k_attention(np.ones((3, 8)), np.ones((5, 8)), np.ones((5, 6)), np.ones((3, 5)), 0),
            "top_k_attention: n_keep is 0, expected at least 1",
        ),
        (
            lambda: top_k_attention(np.ones((3, 8)), np.ones((5, 8)), np.ones((5, 6)), np.ones((3, 4)), 2),
            "top_k_attention: index has 4 on the key axis, but key has 5: "
            "query is (3, 8), key is (5, 8), value is (5, 6), index is (3, 4)",
        ),
        (
            lambda: top_k_attention(*(np.ones((3, 3)),) * 4, 2, np.zeros((3, 3))),
            "top_k_attention: a mask holds float64, expected booleans",
        ),
        (
            lambda: lightning_index(np.ones((4, 3, 8)), np.ones((5, 8)), np.ones((4, 3))),
            "lightning_index: head_weights has 4 on the query axis, but query has 3: "
            "query is (4, 3, 8), key is (5, 8), head_weights is (4, 3)",
        ),
        (lambda: mean_blocks(np.ones((5, 8)), 0), "mean_blocks: block is 0, expected at least 1"),
        (
            lambda: block_mask(np.ones((3, 4)), 2, 5, 1),
            "block_mask: block_scores has 4 on the block axis, expected 3: 5 keys in blocks of 2",
        ),
        (
            lambda: block_mask(np.ones((3, 3)), 2, 5, 0),
            "block_mask: block is 2 and n_keep 0, expected at least 1",
        ),
        (
            lambda: mixed_branches(np.ones((3, 5, 6)), np.ones((2, 5))),
            "mixed_branches: gates has 2 on the branch axis, but outputs has 3: outputs is (3, 5, 6), gates is (2, 5)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
