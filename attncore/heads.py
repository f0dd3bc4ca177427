"""Lesson 07: multi-head attention."""

from typing import NamedTuple

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.shapes import shaped


class HeadWeights(NamedTuple):
    """The four projections of multi-head attention, each (m, m), used as x @ W."""

    W_query: np.ndarray
    W_key: np.ndarray
    W_value: np.ndarray
    W_output: np.ndarray


@shaped("(...,n,m)->(...,h,n,m/h)")
def split_heads(x, n_heads):
    """Cut the model width into heads: head i of every token takes the i-th block of neighboring
    numbers.

    Raises ValueError where the heads do not divide the width. Vaswani et al. (2017).
    """
    *leading, n, m = x.shape
    if n_heads < 1 or m % n_heads:
        raise ValueError(f"split_heads: the model width is {m}, which {n_heads} heads do not divide")
    return np.swapaxes(x.reshape(*leading, n, n_heads, m // n_heads), -3, -2)


@shaped("(...,h,n,w)->(...,n,h*w)")
def merge_heads(x):
    """Put the heads of each token side by side again: the inverse of `split_heads`."""
    *leading, h, n, w = x.shape
    return np.swapaxes(x, -3, -2).reshape(*leading, n, h * w)


@shaped("(...,q,m),(...,k,m),(...,k,m)->(...,q,m)", weights="(m,m),(m,m),(m,m),(m,m)")
def multi_head_attention(query, key, value, weights, n_heads, mask=None):
    """Attend in several heads at once, each in its own slice of the width, and mix what they
    bring.

    `weights` is a `HeadWeights`: query, key and value are projected (x @ W), split into heads,
    attended to, merged, and projected by W_output. No bias. A boolean mask: True = may attend; a
    float mask is added to the scaled scores. A mask (batch, q, k) is one for each sequence, the
    same for every head. A mask with four axes or more has an axis for the heads in it already.
    Raises ValueError for a mask with three axes where there is no batch. A row with nothing
    allowed gives zeros, never NaN. Vaswani et al. (2017).
    """
    query = split_heads(query @ weights.W_query, n_heads)
    key = split_heads(key @ weights.W_key, n_heads)
    value = split_heads(value @ weights.W_value, n_heads)
    mask = mask_for_heads(mask, query, key)
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@shaped("_,(...,h,q,w),(...,h,k,w)->(...,h,q,k)")
def mask_for_heads(mask, query, key):
    """Line a mask up with the scores of all heads: one of three axes is one a batch, and gets the axis of the heads."""
    if np.ndim(mask) != 3:
        return mask
    if query.ndim == key.ndim == 3:
        raise ValueError(f"mask_for_heads: mask is {np.shape(mask)}, one for each sequence, and there is no batch")
    return np.expand_dims(mask, -3)


@shaped("->()")
def mha_parameter_count(d_model, n_heads, bias=True):
    """Count the numbers that multi-head attention learns: four projections, each with a bias
    where asked.

    Each of the n_heads heads is d_model / n_heads wide. Raises ValueError where the heads do not
    divide the width.
    """
    if n_heads < 1 or d_model % n_heads:
        raise ValueError(f"mha_parameter_count: d_model is {d_model}, which {n_heads} heads do not divide")
    return 4 * (d_model * d_model + (d_model if bias else 0))


@shaped("_,(...,n,m)->(h)")
def head_importance(layer, x, n_heads):
    """Measure what each head contributes: the largest absolute change of the output when it is
    left out.

    `layer(x, keep)` returns the output with the heads kept where `keep`, an array of n_heads
    numbers, is 1, and left out where it is 0. One head at a time is left out. Michel et al.
    (2019), measured there on the task's score.
    """
    whole = layer(x, np.ones(n_heads))
    return np.array([np.max(np.abs(layer(x, 1 - one) - whole)) for one in np.eye(n_heads)])
