"""Masks: who may look at whom."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.masks import (
    causal_mask,
    combine_masks,
    document_mask,
    leaks_future,
    padding_mask,
    prefix_mask,
)
from attncore.self_attention import self_attention

pytestmark = pytest.mark.filterwarnings("error")

lengths = st.integers(1, 7)


@given(lengths, lengths | st.none())
def test_causal_mask_is_its_loop(n_query, n_key):
    mask = causal_mask(n_query, n_key)
    assert mask.dtype == bool
    assert_array_equal(mask, loops.causal_mask(n_query, n_key))


def test_causal_mask_by_hand():
    assert_array_equal(causal_mask(3), [[1, 0, 0], [1, 1, 0], [1, 1, 1]])
    assert_array_equal(causal_mask(2, 4), [[1, 1, 1, 0], [1, 1, 1, 1]])  # the last two of four
    assert_array_equal(causal_mask(3, 2), [[0, 0], [1, 0], [1, 1]])  # the first of three sees nothing


@given(lengths, lengths)
def test_fewer_queries_are_the_last_rows(n_query, more):
    assert_array_equal(causal_mask(n_query, n_query + more), causal_mask(n_query + more)[-n_query:])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_padding_mask_is_its_loop(lengths):
    mask = padding_mask(lengths, 5)
    assert mask.dtype == bool
    assert_array_equal(mask, loops.padding_mask(lengths, 5))


@given(lengths, st.integers(0, 8))
def test_prefix_mask_is_its_loop(n, prefix):
    mask = prefix_mask(n, prefix)
    assert mask.dtype == bool
    assert_array_equal(mask, loops.prefix_mask(n, prefix))


def test_a_prefix_of_nothing_is_causal_and_of_everything_is_full():
    assert_array_equal(prefix_mask(5, 0), causal_mask(5))
    assert prefix_mask(5, 5).all()


@given(st.lists(st.integers(-2, 3), min_size=1, max_size=8))
def test_document_mask_is_its_loop(documents):
    mask = document_mask(documents)
    assert mask.dtype == bool
    assert_array_equal(mask, loops.document_mask(documents))


def test_document_mask_by_hand():
    assert_array_equal(document_mask([4, 4, 7, 4]), [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 1]])


def test_one_document_is_causal_and_documents_of_one_token_see_themselves():
    assert_array_equal(document_mask([6, 6, 6, 6]), causal_mask(4))
    assert_array_equal(document_mask([3, 1, 2]), np.eye(3))


def test_packed_documents_are_read_as_if_each_stood_alone(rng):
    x, weights = rng.standard_normal((5, 4)), rng.standard_normal((3, 4, 4))
    packed = self_attention(x, *weights, mask=document_mask([1, 1, 1, 0, 0]))
    alone = [self_attention(part, *weights, mask=causal_mask(len(part))) for part in (x[:3], x[3:])]
    assert_allclose(packed, np.concatenate(alone))


def test_combined_masks_allow_what_each_allows():
    padding, causal = padding_mask([2, 4], 4), causal_mask(3, 4)
    both = combine_masks(padding, None, causal)
    assert both.shape == (2, 3, 4)
    for text, query, key in np.ndindex(2, 3, 4):
        assert both[text, query, key] == (padding[text, 0, key] and causal[query, key])


def test_combining_one_mask_or_none(rng):
    mask = rng.random((3, 5)) < 0.5
    assert_array_equal(combine_masks(mask, None), mask)
    assert_array_equal(combine_masks(mask.tolist(), mask[:1]), mask & mask[:1])
    assert combine_masks() is None
    assert combine_masks(None, None) is None


@given(arrays(float, (5, 4), elements=st.floats(-10, 10)), st.integers(1, 4), st.floats(-100, 100))
def test_a_causal_output_never_depends_on_the_future(x, now, other):
    weights = np.random.default_rng(6).standard_normal((3, 4, 4))
    changed = np.where(np.arange(5)[:, None] < now, x, other)
    before, after = (self_attention(text, *weights, causal_mask(5)) for text in (x, changed))
    assert_array_equal(before[:now], after[:now])


@pytest.mark.parametrize("hidden", range(1, 5))
def test_one_place_that_is_left_open_is_a_leak(rng, hidden):
    x, weights = rng.standard_normal((5, 4)), rng.standard_normal((3, 4, 4)) / 4
    mask = causal_mask(5)
    assert leaks_future(lambda x: self_attention(x, *weights, mask), x) is False
    mask[hidden - 1, hidden] = True
    assert leaks_future(lambda x: self_attention(x, *weights, mask), x) is True


def test_looking_back_is_no_leak(rng):
    x = rng.standard_normal((5, 4))
    assert not leaks_future(lambda x: np.cumsum(x, axis=0), x)
    assert not leaks_future(np.tanh, x)
    assert leaks_future(lambda x: np.cumsum(x[::-1], axis=0)[::-1], x)


@pytest.mark.parametrize("lengths", [[3, 6], [-1, 2]])
def test_a_length_out_of_range(lengths):
    with pytest.raises(ValueError) as error:
        padding_mask(lengths, 5)
    assert str(error.value) == f"padding_mask: lengths are {lengths}, expected from 0 to n_key, 5"


@pytest.mark.parametrize("dtype", [int, float])
def test_only_booleans_combine(dtype):
    with pytest.raises(ValueError, match=f"combine_masks: a mask holds {np.dtype(dtype)}, expected booleans"):
        combine_masks(causal_mask(3), np.zeros((3, 3), dtype))
