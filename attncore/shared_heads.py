"""Lesson 13: heads that share keys and values: multi-query, grouped-query and latent attention."""

import math
from typing import NamedTuple

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.heads import mask_for_heads, merge_heads, split_heads
from attncore.positions import apply_rotary
from attncore.shapes import shaped
from attncore.softmax import masked_softmax


@shaped("(...,h,q,d),(...,g,k,d),(...,g,k,v)->(...,h,q,v)")
def grouped_query_attention(query, key, value, mask=None, scale=None):
    """Let neighboring query heads share a key head: query head i uses key head i // (h / g).

    With as many groups as heads it is multi-head attention, with one group multi-query attention
    (Shazeer, 2019). A boolean mask: True = may attend; a float mask is added to the scaled scores.
    It broadcasts to (..., h, q, k), so that a mask for a batch has an axis of length one for the
    heads. A row with nothing allowed gives zeros, never NaN. A given `scale` multiplies the scores
    in place of 1/sqrt(d). Raises ValueError where the groups do not divide the heads. Ainslie et
    al. (2023).
    """
    *leading, heads, n, d = query.shape
    groups = key.shape[-3]
    if heads % groups:
        raise ValueError(f"grouped_query_attention: query has {heads} heads, which {groups} groups do not divide")
    query = query.reshape(*leading, groups, heads // groups, n, d)
    if np.ndim(mask) > 2:
        *before, in_mask, n_query, n_key = np.shape(mask)
        if in_mask not in (1, heads):
            raise ValueError(f"grouped_query_attention: mask has {in_mask} on the head axis, expected 1 or {heads}")
        mask = np.reshape(mask, (*before, *((groups, -1) if in_mask > 1 else (1, 1)), n_query, n_key))
    out = scaled_dot_product_attention(query, key[..., None, :, :], value[..., None, :, :], mask, scale)
    return out.reshape(*out.shape[:-4], heads, n, value.shape[-1])


@shaped("(m,h*d)->(m,g*d)")
def pool_kv_heads(W, n_heads, n_groups):
    """Merge the key or value heads of a projection into groups: the mean of neighboring heads.

    It starts a grouped model from a trained multi-head one. Raises ValueError where the groups do
    not divide the heads. Ainslie et al. (2023).
    """
    if n_heads < 1 or n_groups < 1 or n_heads % n_groups or W.shape[-1] % n_heads:
        raise ValueError(f"pool_kv_heads: W has width {W.shape[-1]}, {n_heads} heads, {n_groups} groups: no division")
    grouped = W.reshape(len(W), n_groups, n_heads // n_groups, -1)
    return grouped.mean(axis=2).reshape(len(W), -1)


class LatentWeights(NamedTuple):
    """The projections of latent attention, used as x @ W; z is the latent width, r the rotary one.

    W_query (m, h * d), W_query_rope (m, h * r), W_latent (m, z), W_key_rope (m, r),
    W_up_key (z, h * d), W_up_value (z, h * v), W_output (h * v, m).
    """

    W_query: np.ndarray
    W_query_rope: np.ndarray
    W_latent: np.ndarray
    W_key_rope: np.ndarray
    W_up_key: np.ndarray
    W_up_value: np.ndarray
    W_output: np.ndarray


@shaped("(...,n,m)->(...,n,m)", weights="(m,h*d),(m,h*r),(m,z),(m,r),(z,h*d),(z,h*v),(h*v,m)")
def latent_attention(x, weights, n_heads, mask=None):
    """Attend to keys and values that are unpacked from one small latent vector a token.

    `weights` is a `LatentWeights`. Each head compares its own d numbers without position, plus r
    rotated ones (`apply_rotary`) whose key all heads share; the scale is 1/sqrt(d + r). Only the
    latent and the rotated key need to be cached. A boolean mask: True = may attend; a float mask
    is added to the scaled scores. A mask (batch, n, n) holds one for each sequence, the same for
    every head. A mask with four axes or more has an axis for the heads in it already. Raises
    ValueError for a mask with three axes where there is no batch. A row with nothing allowed gives
    zeros, never NaN. DeepSeek-V2 (2024), without the compression of the queries.
    """
    latent = x @ weights.W_latent
    query_rope, key_rope = rotated(x, weights, n_heads)
    query = np.concatenate([split_heads(x @ weights.W_query, n_heads), query_rope], axis=-1)
    key = split_heads(latent @ weights.W_up_key, n_heads)
    key = np.concatenate([key, np.broadcast_to(key_rope, (*key.shape[:-1], key_rope.shape[-1]))], axis=-1)
    value = split_heads(latent @ weights.W_up_value, n_heads)
    mask = mask_for_heads(mask, query, key)
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@shaped("(...,n,m)->(...,n,m)", weights="(m,h*d),(m,h*r),(m,z),(m,r),(z,h*d),(z,h*v),(h*v,m)")
def latent_attention_absorbed(x, weights, n_heads, mask=None):
    """Do the same without unpacking: compare and add up in the latent space itself.

    W_up_key is absorbed into the query and W_up_value into the output, so that a decode step
    reads z + r numbers a token instead of h * (d + v). It equals `latent_attention` and takes the
    same masks. A mask with four axes or more has an axis for the heads in it already. Raises
    ValueError for a mask with three axes where there is no batch. A row with nothing allowed gives
    zeros, never NaN. DeepSeek-V2 (2024).
    """
    latent = (x @ weights.W_latent)[..., None, :, :]
    query = split_heads(x @ weights.W_query, n_heads)
    query_rope, key_rope = rotated(x, weights, n_heads)
    query_latent = query @ np.swapaxes(by_head(weights.W_up_key, n_heads), -1, -2)
    scores = query_latent @ np.swapaxes(latent, -1, -2) + query_rope @ np.swapaxes(key_rope, -1, -2)
    scale = 1 / math.sqrt(query.shape[-1] + query_rope.shape[-1])
    mixed = masked_softmax(scores * scale, mask_for_heads(mask, query, query)) @ latent
    return merge_heads(mixed @ by_head(weights.W_up_value, n_heads)) @ weights.W_output


def rotated(x, weights, n_heads):
    """The rotary parts: (..., h, n, r) of the queries, (..., 1, n, r) of the key that all share."""
    positions = np.arange(x.shape[-2])
    query = apply_rotary(split_heads(x @ weights.W_query_rope, n_heads), positions)
    return query, apply_rotary(x @ weights.W_key_rope, positions)[..., None, :, :]


def by_head(W, n_heads):
    """(z, h * d) as (h, z, d)."""
    return np.moveaxis(W.reshape(len(W), n_heads, -1), 1, 0)


@shaped("->()")
def kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    """Count the bytes that one token adds to the cache.

    "mha": keys and values of every head; "gqa": of n_groups heads; "mqa": of one; "mla": one
    latent of d_latent numbers and one rotated key of d_rope. Raises ValueError for any other kind.
    """
    numbers = {
        "mha": 2 * n_heads * d_head,
        "gqa": 2 * n_groups * d_head,
        "mqa": 2 * d_head,
        "mla": d_latent + d_rope,
    }
    if kind not in numbers:
        raise ValueError(f'kv_bytes_per_token: kind is "{kind}", expected "mha", "gqa", "mqa" or "mla"')
    return layers * numbers[kind] * bytes_per_value
