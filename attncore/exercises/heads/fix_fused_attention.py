"""Heads that are cut and joined with reshape alone: a round trip that proves nothing."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.heads.cases import matrix
from attncore.heads import HeadWeights, multi_head_attention
from attncore.shapes import shaped
from attncore.softmax import softmax


def in_heads(x, n_heads):
    *leading, n, m = x.shape
    return np.swapaxes(x.reshape(*leading, n, n_heads, m // n_heads), -3, -2)


def side_by_side(heads):
    *leading, h, n, w = heads.shape
    return np.swapaxes(heads, -3, -2).reshape(*leading, n, h * w)


@shaped("(...,n,m),(m,m+m+m),(m,m)->(...,n,m)")
def fix_fused_attention(x, W_fused, W_output, n_heads, is_causal=False):
    """Multi-head self-attention with one matrix for all three projections, as GPT-2 has it.

    W_fused has the columns of the query, then those of the key, then those of the value; no bias.
    Each head takes a block of neighboring numbers of every token. With `is_causal` a token sees
    itself and what came before. Raises ValueError where the heads do not divide the width.
    """
    query, key, value = (in_heads(part, n_heads) for part in np.split(x @ W_fused, 3, axis=-1))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    if is_causal:
        scores = np.where(np.tri(x.shape[-2], dtype=bool), scores, -np.inf)
    return side_by_side(softmax(scores) @ value) @ W_output


def three_matrices(rng, s):
    return np.concatenate([matrix("m", "m")(rng, s) for _ in range(3)], axis=-1)


given = {"W_fused": three_matrices, "W_output": matrix("m", "m")}
exercise = code(
    fix_fused_attention,
    usual(n_heads=2, **given),
    case("one head", n_heads=1, small=True, **given),
    case("as many heads as numbers in a token", n_heads=4, sizes={"n": 4, "m": 4}, **given),
    case("causal, small", n_heads=2, is_causal=True, small=True, **given),
    case("causal, three heads", n_heads=3, is_causal=True, **given),
    case("causal, a batch", n_heads=6, is_causal=True, lead=(2,), **given),
    case("six tokens, six heads", n_heads=6, sizes={"n": 6}, **given),
    case(
        "five heads, a width of twelve",
        n_heads=5,
        promise="Raises ValueError where the heads do not divide the width.",
        **given,
    ),
    bug="the heads are cut and joined without a transpose",
)


def in_heads_(x, n_heads):
    *leading, n, m = x.shape
    return x.reshape(*leading, n_heads, n, m // n_heads)


def side_by_side_(heads):
    *leading, h, n, w = heads.shape
    return heads.reshape(*leading, n, h * w)


@exercise.mistake("the heads are cut and joined without a transpose")
def cut_and_joined(x, W_fused, W_output, n_heads, is_causal=False):
    query, key, value = (in_heads_(part, n_heads) for part in np.split(x @ W_fused, 3, axis=-1))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    if is_causal:
        scores = np.where(np.tri(x.shape[-2], dtype=bool), scores, -np.inf)
    return side_by_side_(softmax(scores) @ value) @ W_output


def attended(x, W_fused, W_output, n_heads, is_causal, before=in_heads, after=side_by_side, scale=None, dealt=3):
    query, key, value = (before(part, n_heads) for part in np.split(x @ W_fused, 3, axis=-1))
    scores = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        scores = np.where(np.tri(x.shape[-2], dtype=bool), scores, -np.inf)
    return after(softmax(scores) @ value) @ W_output


@exercise.mistake("the cut is repaired and the join is not")
def cut_alone(x, W_fused, W_output, n_heads, is_causal=False):
    return attended(x, W_fused, W_output, n_heads, is_causal, after=side_by_side_)


@exercise.mistake("the join is repaired and the cut is not")
def join_alone(x, W_fused, W_output, n_heads, is_causal=False):
    return attended(x, W_fused, W_output, n_heads, is_causal, before=in_heads_)


@exercise.mistake("each head gets every h-th number of a token")
def every_hth(x, W_fused, W_output, n_heads, is_causal=False):
    def strided(x, n_heads):
        *leading, n, m = x.shape
        return np.moveaxis(x.reshape(*leading, n, m // n_heads, n_heads), -1, -3)

    def back(heads):
        *leading, h, n, w = heads.shape
        return np.moveaxis(heads, -3, -1).reshape(*leading, n, h * w)

    return attended(x, W_fused, W_output, n_heads, is_causal, strided, back)


@exercise.another_way
def by_multi_head_attention(x, W_fused, W_output, n_heads, is_causal=False):
    weights = HeadWeights(*np.split(W_fused, 3, axis=-1), W_output)
    mask = np.tri(x.shape[-2], dtype=bool) if is_causal else None
    return multi_head_attention(x, x, x, weights, n_heads, mask)
