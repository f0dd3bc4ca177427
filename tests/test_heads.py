"""Multi-head attention: split, attend, merge, mix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.heads import (
    HeadWeights,
    head_importance,
    merge_heads,
    mha_parameter_count,
    multi_head_attention,
    split_heads,
)
from attncore.masks import causal_mask, padding_mask
from attncore.self_attention import self_attention

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 6)])


@pytest.fixture
def weights(rng):
    return HeadWeights(*rng.standard_normal((4, 28, 28)) / 5)


@pytest.fixture
def qkv(rng):
    """Make a query, a key and a value of width 28, which is four heads of 7: no two axes of one length."""

    def make(leading=()):
        return [rng.standard_normal((*leading, n, 28)) for n in (3, 5, 5)]

    return make


@every_leading
def test_split_and_merge_are_their_loops(by_loop, rng, leading):
    x = rng.standard_normal((*leading, 3, 28))
    assert_array_equal(split_heads(x, 4), by_loop(split_heads, x, n_heads=4))
    heads = rng.standard_normal((*leading, 4, 3, 7))
    assert_array_equal(merge_heads(heads), by_loop(merge_heads, heads))


def test_split_by_hand():
    x = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert_array_equal(split_heads(x, 2), [[[1, 2], [5, 6], [9, 10]], [[3, 4], [7, 8], [11, 12]]])


@given(st.lists(st.integers(1, 3), max_size=2), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
def test_merge_is_the_inverse_of_split(leading, n_heads, n, width):
    x = np.arange(np.prod(leading, dtype=int) * n * n_heads * width).reshape(*leading, n, n_heads * width)
    assert_array_equal(merge_heads(split_heads(x, n_heads)), x)
    assert_array_equal(split_heads(merge_heads(split_heads(x, n_heads)), n_heads), split_heads(x, n_heads))


@every_leading
@pytest.mark.parametrize("n_heads", [1, 4, 7])
def test_multi_head_attention_is_its_loop(by_loop, qkv, rng, weights, leading, n_heads):
    inputs, mask = qkv(leading), rng.random((3, 5)) < 0.6
    mask[1] = False
    for others in ({"n_heads": n_heads}, {"n_heads": n_heads, "mask": mask}):
        assert_allclose(
            multi_head_attention(*inputs, weights, **others),
            by_loop(multi_head_attention, *inputs, weights=weights, **others),
            atol=1e-12,
        )


def test_one_head_is_self_attention_and_a_projection(rng, weights):
    x, mask = rng.standard_normal((2, 5, 28)), causal_mask(5)
    W_query, W_key, W_value, W_output = weights
    assert_allclose(
        multi_head_attention(x, x, x, weights, 1, mask),
        self_attention(x, W_query, W_key, W_value, mask) @ W_output,
    )


def test_the_output_is_the_sum_of_what_each_head_writes(rng, weights):
    x, written = rng.standard_normal((5, 28)), 0
    for head in range(4):
        own = slice(7 * head, 7 * head + 7)
        W_query, W_key, W_value = (W[:, own] for W in weights[:3])
        written = written + self_attention(x, W_query, W_key, W_value) @ weights.W_output[own]
    assert_allclose(multi_head_attention(x, x, x, weights, 4), written)


@pytest.mark.parametrize("kind", [bool, float])
def test_a_mask_for_each_text_of_the_batch(qkv, rng, weights, kind):
    query, key, value = qkv((2,))
    masks = rng.standard_normal((2, 3, 5))
    masks = masks > 0 if kind is bool else masks
    both = multi_head_attention(query, key, value, weights, 4, masks)
    for text in range(2):
        one = multi_head_attention(query[text], key[text], value[text], weights, 4, masks[text])
        assert_allclose(both[text], one)


def test_a_mask_of_four_axes_has_its_heads(qkv, rng, weights):
    query, key, value = qkv((2,))
    masks = rng.standard_normal((2, 4, 3, 5)) > -0.5
    output = multi_head_attention(query, key, value, weights, 4, masks)
    for head in range(4):
        one = weights._replace(W_output=np.where(np.arange(28)[:, None] // 7 == head, weights.W_output, 0))
        output = output - multi_head_attention(query, key, value, one, 4, masks[:, head])
    assert_allclose(output, 0, atol=1e-12)


def test_padding_is_as_if_it_were_not_there(qkv, weights):
    query, key, value = qkv((2,))
    padded = multi_head_attention(query, key, value, weights, 4, padding_mask([4, 2], 5))
    for text, length in enumerate([4, 2]):
        cut = multi_head_attention(query[text], key[text, :length], value[text, :length], weights, 4)
        assert_allclose(padded[text], cut)


@pytest.mark.parametrize("bias", [True, False])
def test_the_parameter_count_is_its_loop_whatever_the_heads(bias):
    counts = {mha_parameter_count(24, n_heads, bias) for n_heads in (1, 2, 3, 8, 24)}
    assert counts == {loops.mha_parameter_count(24, 3, bias)} == {4 * 24 * 24 + bias * 4 * 24}


def test_bias_is_counted_unless_told():
    assert mha_parameter_count(512, 8) == 1_050_624


def test_head_importance_is_its_loop(rng):
    x, brought = rng.standard_normal((5, 7)), rng.standard_normal((4, 5, 7))

    def layer(x, keep):
        return np.tanh(x + np.tensordot(keep, brought, axes=1))

    importance = head_importance(layer, x, 4)
    assert importance.shape == (4,)
    assert_allclose(importance, loops.head_importance(layer, x, 4))


def test_head_importance_by_hand():
    brings = np.array([0.0, 2.0, -5.0])
    assert_allclose(head_importance(lambda x, keep: x + keep @ brings, np.zeros((2, 4)), 3), [0, 2, 5])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            lambda: split_heads(np.zeros((5, 28)), 3),
            "split_heads: the model width is 28, which 3 heads do not divide",
        ),
        (
            lambda: multi_head_attention(*[np.eye(4)] * 3, HeadWeights(*[np.eye(4)] * 4), 3),
            "multi_head_attention: the model width is 4, which 3 heads do not divide",
        ),
        (
            lambda: mha_parameter_count(28, 3),
            "mha_parameter_count: d_model is 28, which 3 heads do not divide",
        ),
    ],
)
def test_heads_that_do_not_divide(bad, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        bad()


def test_a_mask_of_three_axes_without_a_batch_is_refused_by_name():
    x = np.ones((3, 4))
    with pytest.raises(
        ValueError, match=r"^multi_head_attention: mask is \(2, 3, 3\), one for each sequence, and there"
    ):
        multi_head_attention(x, x, x, HeadWeights(*np.ones((4, 4, 4))), 2, np.ones((2, 3, 3), dtype=bool))
